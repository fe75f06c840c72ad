"""What the head's look finds: an active run of the cluster, or a job of somebody else's."""

from collections.abc import Callable

from gridray import layout
from gridray.errors import ClusterError, StoreError
from gridray.node.answer import Answer, Word
from gridray.rayjobs import RayJobs
from gridray.raytoken import ambient_token
from gridray.runner.periodic import Aside
from gridray.store import Store

CONTROLLER = "gridray-controller-"


class WorkLook:
    """Asks the store, and then Ray, again with each call."""

    def __init__(self, store: Store, cluster_key: str, dashboard: str, timeout: float) -> None:
        """Name where to look, and the seconds that Ray has for an answer."""
        self._store = store
        self._cluster_key = cluster_key
        self._dashboard = dashboard
        self._timeout = timeout

    def __call__(self) -> Answer:
        try:
            active = self._store.names(layout.active(self._cluster_key))
            is_there = not self._store.is_directory or self._store.exists(layout.VERSION)
        except StoreError as error:
            return Answer(Word.UNKNOWN, error.message)
        if active:
            return Answer(Word.NEEDED, f"{len(active)} runs are active, as {active[0]}")
        if not is_there:
            # What is not mounted looks as empty as what has no runs.
            return Answer(Word.UNKNOWN, f"there is no store at {self._store.url}")
        try:
            return self._foreign()
        except ClusterError as error:
            # Whatever may run, no run of ours does, and nobody can submit one where Ray is gone.
            return Answer(Word.UNKNOWN, error.message)

    def _foreign(self) -> Answer:
        jobs = RayJobs(self._dashboard, ambient_token(), answer_timeout=self._timeout)
        for job in jobs.jobs().values():
            is_ours = "experiment" in job.metadata or job.submission_id.startswith(CONTROLLER)
            if not is_ours and not job.status.is_terminal:
                return Answer(Word.NEEDED, f"the Ray job {job.submission_id} is not over")
        if (count := jobs.drivers()) > 0:
            return Answer(Word.NEEDED, f"{count} drivers are connected to Ray")
        return Answer(Word.IDLE, "no run is active, and no job of others")


class Bounded:
    """A look that may hang, as one at a directory of another machine does; nobody waits for it."""

    def __init__(self, look: Callable[[], Answer], timeout: float) -> None:
        self._look = look
        self._timeout = timeout
        self._looking: Aside | None = None
        self._answers: list[Answer] = []

    def __call__(self) -> Answer:
        if self._looking is None:
            self._looking = Aside(lambda: self._answers.append(self._look()))
        try:
            is_over = self._looking.is_over(self._timeout)
        except Exception:
            self._looking = None
            raise
        if not is_over:
            return Answer(Word.UNKNOWN, f"the look takes longer than {self._timeout:g} s")
        self._looking = None
        return self._answers.pop()
