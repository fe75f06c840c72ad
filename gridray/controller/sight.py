"""What the controller sees when it looks: Ray's jobs, the runners' words, the cluster's limits."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gridray import layout, marks
from gridray.clusters import capacity
from gridray.clusters.capacity import Capacity
from gridray.controller.decisions import RunView, Snapshot
from gridray.errors import ClusterError, DamagedError, GridrayError
from gridray.layout import AttemptName
from gridray.placement import selector
from gridray.rayjobs import RayJobs
from gridray.rayshapes import Job, JobError, JobStatus
from gridray.records import AttemptState, decode
from gridray.states import State
from gridray.store import Store, parse_json

# Of the attempts that run, so many are asked at each look whether they have been given notice.
RUNNING_READ = 64
# Seconds after which what still waits is worth asking whether it can ever run, and between two
# such questions.
LONG_WAIT = 60.0


class Sight:
    """Looks at a cluster and a store. What it remembers saves requests only."""

    def __init__(
        self,
        store: Store,
        jobs: RayJobs,
        clock: Callable[[], float],
        tell: Callable[[GridrayError], None],
    ) -> None:
        """Name what is looked at, and who is told of what could not be seen."""
        self._store = store
        self._jobs = jobs
        self._clock = clock
        self._tell = tell
        self._ours: dict[str, Job] = {}
        self._used_up: set[str] = set()
        self._turn = 0
        self._capacity: tuple[float, Capacity] | None = None

    def look(self, views: Sequence[RunView]) -> Snapshot:
        """Return what is to be known of these runs.

        Raises:
            ClusterError: Ray does not answer.
            StoreError: the store cannot be read.
        """
        self._list_jobs(views)
        attempts = self._attempts(views)
        self._blame(views, attempts)
        return Snapshot(views, self._ours, attempts, self._infeasible(views))

    def job(self, name: AttemptName) -> Job | None:
        """Return an attempt's job as it was at the last look."""
        return self._ours.get(str(name))

    def is_used_up(self, submission_id: str) -> bool:
        """Whether a job of this id is of an earlier run of the same name."""
        return submission_id in self._used_up

    def words(self, view: RunView, experiments: Collection[int]) -> dict[AttemptName, AttemptState]:
        """Return what the runners of those of these experiments have said that are submitted."""
        rows = view.rows
        wanted = (view.attempt(i) for i in experiments if rows[i].state.is_submitted)
        return self._read(wanted, [view])

    def _list_jobs(self, views: Sequence[RunView]) -> None:
        identities = {view.record.name: view.record.identity for view in views}
        ours, self._used_up = {}, set()
        for job in self._jobs.jobs().values():
            run = job.metadata.get("run", "")
            if run in identities and job.metadata.get("identity") == identities[run]:
                ours[f"{job.metadata['experiment']}-a{job.metadata['attempt']}"] = job
            else:
                self._used_up.add(job.submission_id)
        self._ours = ours

    def _attempts(self, views: Sequence[RunView]) -> dict[AttemptName, AttemptState]:
        """Read what the runners have said that may be news."""
        return self._read(self._talking(views), views)

    def _read(
        self, wanted: Iterable[AttemptName], views: Sequence[RunView]
    ) -> dict[AttemptName, AttemptState]:
        identities = {view.record.name: view.record.identity for view in views}
        names = {layout.attempt_state(name): name for name in wanted}
        attempts = {}
        for key, data in self._store.get_many(names).items():
            try:
                word = decode(AttemptState, parse_json(data, key), key)
            except DamagedError as error:
                self._tell(error)
                continue
            if marks.is_of(word.identity, identities[names[key].run]):
                attempts[names[key]] = word
        return attempts

    def _talking(self, views: Sequence[RunView]) -> list[AttemptName]:
        """Return the attempts whose runner may have said something that we have not seen.

        Of those that run, only so many at each look, in turn: they have nothing urgent to say.
        """
        pressing, running = [], []
        for name, state, job in self._open(views):
            has_place = state.is_submitted if job is None else job.status is not JobStatus.PENDING
            if job is not None and state is State.RUNNING and not job.status.is_terminal:
                running.append(name)
            elif has_place:
                pressing.append(name)
        start = self._turn % max(len(running), 1)
        taken = (running[start:] + running[:start])[:RUNNING_READ]
        self._turn = start + len(taken)
        return pressing + taken

    def _open(self, views: Sequence[RunView]) -> Iterator[tuple[AttemptName, State, Job | None]]:
        """Yield the latest attempts at what is not over."""
        for view in views:
            for index, row in enumerate(view.rows):
                if not row.state.is_terminal:
                    name = view.attempt(index)
                    yield name, row.state, self._ours.get(str(name))

    def _blame(
        self, views: Sequence[RunView], attempts: Mapping[AttemptName, AttemptState]
    ) -> None:
        """Tell what else Ray calls a lost node from one: what ended on a node that lives."""
        lost = {}
        for name, _, job in self._open(views):
            attempt = attempts.get(name)
            has_ended = attempt is not None and attempt.state.is_terminal
            if job is not None and job.error is JobError.NODE_LOST and not has_ended:
                lost[name] = job
        try:
            living = {node.node_id for node in self._jobs.nodes()} if lost else set()
            for name, job in lost.items():
                if job.node_id is None or job.node_id in living:
                    rest = JobError.NODE_LOST if job.node_id is None else JobError.RUNNER_LOST
                    error = self._jobs.fate(job.submission_id) or rest
                    self._ours[str(name)] = replace(job, error=error)
        except ClusterError as error:
            self._tell(error)

    def _infeasible(self, views: Sequence[RunView]) -> dict[tuple[str, bool], str]:
        """Return why runs can never run on this cluster, of those that have waited for long.

        Each is told of twice: of its experiments that have fallen back from spot, and of the rest.
        """
        now = self._clock()
        waiting = [view for view in views if _has_waited(view, now)]
        if not waiting:
            return {}
        if self._capacity is None or now - self._capacity[0] > LONG_WAIT:
            try:
                self._capacity = now, capacity.read_limits(self._jobs)
            except ClusterError as error:
                self._tell(error)
        if self._capacity is None:
            return {}
        found = {}
        for view in waiting:
            record = view.record
            for fallen_back in (False, True):
                nodes = selector(record.placement, fallen_back=fallen_back)
                why = capacity.never(self._capacity[1], record.resources, nodes)
                if why is not None:
                    found[record.name, fallen_back] = why
        return found


def _has_waited(view: RunView, now: float) -> bool:
    return any(
        row.state is State.PENDING and now - (row.submitted_at or now) > LONG_WAIT
        for row in view.rows
    )
