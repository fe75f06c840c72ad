"""The controller: read the active runs, decide, act, record. All that it knows is in the store."""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

from gridray import bundle, costs, layout, marks
from gridray.controller.activerun import ActiveRun, load, remove_if_deleted
from gridray.controller.decide import decide
from gridray.controller.decisions import (
    Change,
    Decision,
    Drain,
    Fence,
    RunView,
    Stop,
    Submit,
    Tell,
    Withdraw,
)
from gridray.controller.errands import Errands
from gridray.controller.gathering import Gathering
from gridray.controller.pulse import Pulse
from gridray.controller.sight import Sight
from gridray.controller.wishes import Wishes
from gridray.errors import (
    ClusterError,
    DamagedError,
    GridrayError,
    NotFoundError,
    StoreError,
)
from gridray.layout import AttemptName, ExperimentName
from gridray.outcome import ended_row, goes_on
from gridray.placement import selector
from gridray.rayjobs import RayJobs, RejectedError
from gridray.rayshapes import JobStatus, Submission
from gridray.records import Row, RunRecord, RunStatus
from gridray.requests import RETRIED, RetryRequest, applied, decode_request
from gridray.states import Reason, State
from gridray.store import Store

# Seconds between two looks. Looking costs money on S3 and nothing on a disk; while something runs,
# each look also asks Ray for all its jobs, so a slow answer makes the pause longer.
INTERVALS = {("directory", "idle"): 0.2, ("directory", "active"): 0.5}
INTERVALS |= {("s3", "idle"): 2.0, ("s3", "active"): 1.0}
PAUSE_SHARE = 3
LONGEST_PAUSE = 10.0
STATUS_INTERVAL = 1.0
TROUBLE_INTERVAL = 2.0
# Ray forgets a package 10 minutes after it was last asked for.
PACKAGE_CHECK_INTERVAL = 60.0
# A marker without a run is a submission that was killed, once it is this old.
ABANDONED_AFTER = 600.0
# Ray kills a stopped job's processes after this; the runner ends itself long before.
RAY_STOP_WAIT = 3600


class Controller:
    """The controller of one cluster and one store."""

    def __init__(
        self,
        store: Store,
        jobs: RayJobs,
        cluster_key: str,
        bundle_id: str,
        drain: Callable[[str, float], None],
        withdraw: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Name what is watched, and what asks Ray's core for what no REST API gives.

        Args:
            drain: has nothing more placed on a node (its id) that goes at a time (Unix, s).
            withdraw: takes a job (its submission id) that waits out of Ray's queue.
        """
        self._store = store
        self._jobs = jobs
        self._cluster_key = cluster_key
        self._drain = drain
        self._withdraw = withdraw
        self._doomed: dict[str, float] = {}
        self._package = bundle.package_name(bundle_id)
        self._clock = clock
        self._runs: dict[str, ActiveRun] = {}
        self._missing_since: dict[tuple[str, str], float] = {}
        self._sight = Sight(store, jobs, clock, self._tell_once)
        self._markers: list[str] = []
        self._told: set[str] = set()
        self._errands = Errands(self._tell_once)
        self._wishes = Wishes(store)
        self._gathering = Gathering(store, self._tell_once)
        self._package_checked_at = 0.0
        self._pulse = Pulse(store, cluster_key, self._tell_once)

    def run_forever(self) -> None:
        """Tick until the process ends; a store or a cluster that fails is tried again."""
        kind = "directory" if self._store.is_directory else "s3"
        while True:
            began = time.monotonic()
            try:
                self.tick()
                pause = INTERVALS[kind, "active" if self._runs else "idle"]
            except (StoreError, ClusterError) as error:
                print(f"gridray: {error.message}", flush=True)  # noqa: T201 (the actor's log)
                pause = TROUBLE_INTERVAL
            took = time.monotonic() - began
            time.sleep(max(pause, min(PAUSE_SHARE * took, LONGEST_PAUSE)))

    def tick(self) -> None:
        """Look once, and do what is to be done.

        Raises:
            StoreError: the store fails; what was not recorded is seen again at the next tick.
            ClusterError: Ray fails, likewise.
        """
        self._find_runs()
        self._beat()
        if not self._runs:
            return
        self._read_requests()
        views = [RunView(run.record, run.rows) for run in self._runs.values()]
        try:
            seen = replace(self._sight.look(views), heard_before=self._pulse.heard_before)
            self._gathering.hear(seen.attempts)
            decisions = decide(seen, self._clock())
            self._do_errands(decisions)
            for decision in decisions:
                self._act(decision)
        finally:
            self._record()

    def _beat(self) -> None:
        """Be heard of; a new controller first hears of the doomed nodes from the one before."""
        if self._pulse.is_new:
            self._doomed = self._pulse.remembered()
        self._pulse.beat(self._clock(), self._doomed, is_busy=bool(self._runs))

    def _find_runs(self) -> None:
        markers = self._store.names(layout.active(self._cluster_key))
        self._markers = markers
        active = {layout.parse_marker(marker) for marker in markers}
        for name, run in list(self._runs.items()):
            if (name, run.record.identity) not in active:
                self._abandon(run)
                del self._runs[name]
        for name, identity in sorted(active):
            if name not in self._runs:
                self._take_up(name, identity)

    def _take_up(self, name: str, identity: str) -> None:
        """Load a run, unless what the marker announces is not there, or not any more."""
        marker = (name, identity)
        try:
            run = load(self._store, name)
        except NotFoundError:
            since = self._missing_since.setdefault(marker, self._clock())
            if self._clock() - since > ABANDONED_AFTER:
                self._take_away(name, identity)
            return
        except DamagedError as error:
            self._tell_once(error)
            return
        if run.record.identity != identity:
            self._take_away(name, identity)
            return
        self._runs[name] = run
        self._missing_since.pop(marker, None)

    def _abandon(self, run: ActiveRun) -> None:
        """Stop what still runs of a run that was deleted."""
        waiting = []
        for index, row in enumerate(run.rows):
            job = self._sight.job(AttemptName(run.record.name, index, row.attempt))
            if job is not None and not row.state.is_terminal:
                self._jobs.stop(job.submission_id)
                if job.status is JobStatus.PENDING:
                    waiting.append(job.submission_id)
        self._errands.run(self._withdrawals(waiting))
        self._wishes.forget(run.record.name)
        self._gathering.forget(run.record.name)
        remove_if_deleted(self._store, run)

    def _read_requests(self) -> None:
        for name, run in self._runs.items():
            for request in self._unread(run):
                self._read_request(run, layout.requests(name) + request)

    def _unread(self, run: ActiveRun) -> list[str]:
        """Return the names of a run's requests that are not in its rows yet, oldest first."""
        names = self._store.names(layout.requests(run.record.name))
        return [name for name in names if name not in run.handled]

    def _read_request(self, run: ActiveRun, key: str) -> None:
        try:
            raw = self._store.get_json(key)
            request = decode_request(raw, key)
            if marks.is_of(raw.get(marks.IDENTITY), run.record.identity):
                if isinstance(request, RetryRequest):
                    self._hear(run, request.experiments)
                run.rows = applied(run.rows, request)
        except NotFoundError:
            return
        except DamagedError as error:
            self._tell_once(error)
        run.handled.add(layout.last_part(key))
        run.is_recorded = False

    def _hear(self, run: ActiveRun, experiments: Collection[int]) -> None:
        """Take the last words into the rows that who asked for a retry has seen in `status`."""
        for name, word in self._sight.words(RunView(run.record, run.rows), experiments).items():
            row = run.rows[name.index]
            ended = ended_row(row, word)
            if ended.state in RETRIED and not goes_on(run.record, ended):
                over_at = word.ended_at or self._clock()
                run.rows[name.index] = costs.settled(row, ended, word, over_at)

    def _tell_once(self, error: GridrayError) -> None:
        if error.message not in self._told:
            self._told.add(error.message)
            print(f"gridray: {error.message}", flush=True)  # noqa: T201 (the actor's log)

    def _do_errands(self, decisions: Sequence[Decision]) -> None:
        """Do first what Ray's core is asked for: what is submitted then keeps off a doomed node.

        A node that could not be drained is tried again, until it is gone.
        """
        unwanted = []
        for decision in decisions:
            match decision:
                case Drain(node_id, doomed_at):
                    self._doomed[node_id] = doomed_at
                case Withdraw(submission_id):
                    unwanted.append(submission_id)
        now = self._clock()
        self._doomed = {node: at for node, at in self._doomed.items() if at > now}
        self._beat()
        errands = {
            f"draining the node {node_id}": partial(self._drain, node_id, doomed_at)
            for node_id, doomed_at in self._doomed.items()
        }
        self._errands.run(errands | self._withdrawals(unwanted))

    def _withdrawals(self, submission_ids: Iterable[str]) -> dict[str, Callable[[], None]]:
        return {
            f"taking {submission_id} out of Ray's queue": partial(self._withdraw, submission_id)
            for submission_id in submission_ids
        }

    def _act(self, decision: Decision) -> None:
        match decision:
            case Change(run, index, row):
                self._set(run, index, row)
            case Submit(name):
                self._submit(name)
            case Stop(name, grace):
                self._wishes.stop(name, self._identity(name), grace)
            case Fence(name):
                self._wishes.fence(name, self._identity(name))
            case Tell(name, word):
                told = replace(word, identity=self._identity(name))
                self._store.put_json(layout.attempt_ending(name), told.to_json())
            case Drain() | Withdraw():
                pass

    def _identity(self, name: AttemptName) -> str:
        return self._runs[name.run].record.identity

    def _set(self, run: str, index: int, row: Row) -> None:
        self._runs[run].rows[index] = row
        self._runs[run].is_recorded = False

    def _submit(self, name: AttemptName) -> None:
        run = self._runs[name.run]
        row = run.rows[name.index]
        identity = run.record.identity
        self._provide_package()
        resources = run.record.resources
        submission = Submission(
            submission_id=self._submission_id(name, identity),
            entrypoint=self._entrypoint(name, run.record),
            metadata={
                "run": name.run,
                "experiment": str(ExperimentName(name.run, name.index)),
                "attempt": str(name.attempt),
                "identity": identity,
            },
            runtime_env=self._runtime_env(run.record.environment.image),
            cpus=resources.cpus,
            gpus=resources.gpus,
            memory=resources.memory,
            labels=selector(run.record.placement, fallen_back=row.has_fallen_back),
        )
        now = self._clock()
        try:
            self._jobs.submit(submission)
        except RejectedError as error:
            row = replace(
                row,
                state=State.FAILED,
                reason=Reason.REJECTED,
                message=error.message,
                ended_at=now,
            )
        else:
            row = replace(row, state=State.PENDING, submitted_at=now)
        self._set(name.run, name.index, row)

    def _runtime_env(self, image: str | None) -> dict[str, object]:
        """Return what Ray prepares for an attempt; it refuses a directory beside an image."""
        place = {"working_dir": f"gcs://{self._package}"} if image is None else {"image_uri": image}
        return {**place, "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(RAY_STOP_WAIT)}}

    def _entrypoint(self, name: AttemptName, record: RunRecord) -> str:
        identity = record.identity
        words = [self._store.url, name.run, identity, str(name.index), str(name.attempt)]
        if record.environment.image is not None:
            return bundle.container_entrypoint(self._package, "gridray.runner", *words)
        return bundle.entrypoint(sys.executable, "gridray.runner", *words)

    def _submission_id(self, name: AttemptName, identity: str) -> str:
        """Return the attempt's name, unless an earlier run of the same name has used it up.

        Ray knows a job as long as the cluster lives, and so the answer stays the same.
        """
        return f"{name}-{identity[:6]}" if self._sight.is_used_up(str(name)) else str(name)

    def _provide_package(self) -> None:
        now = self._clock()
        if now - self._package_checked_at < PACKAGE_CHECK_INTERVAL:
            return
        if not self._jobs.has_package(self._package):
            self._jobs.upload_package(self._package, bundle.build())
        self._package_checked_at = now

    def _record(self) -> None:
        """Write what has changed, at most once a second, and let go of the runs that are over."""
        now = self._clock()
        for name, run in list(self._runs.items()):
            is_over = all(row.state.is_terminal for row in run.rows)
            due = now - run.recorded_at >= STATUS_INTERVAL or is_over
            # First, so that where a run is over all is there that its metrics come to.
            self._gathering.record(run, now, is_over=is_over)
            if not run.is_recorded and due:
                handled, identity = frozenset(run.handled), run.record.identity
                status = RunStatus(now, tuple(run.rows), handled, identity)
                self._store.put_json(layout.status(name), status.to_json())
                run.is_recorded, run.recorded_at = True, now
            if is_over:
                self._let_go(run)

    def _let_go(self, run: ActiveRun) -> None:
        """Take a run that is over off the list.

        Who asks for more of it writes the request and then another marker. One that was there when
        we looked came before our look at the requests; one that came later stays.
        """
        name = run.record.name
        self._take_away(name, run.record.identity)
        del self._runs[name]
        self._wishes.forget(name)
        self._gathering.forget(name)
        remove_if_deleted(self._store, run)

    def _take_away(self, name: str, identity: str) -> None:
        """Remove the markers of a run that were there at the last look, and the secrets of each."""
        prefix = layout.active(self._cluster_key)
        ours = (name, identity)
        seen = [each for each in self._markers if layout.parse_marker(each) == ours]
        nonces = map(layout.marker_nonce, seen)
        self._store.delete(*(layout.sealed(name, identity, nonce) for nonce in nonces))
        self._store.delete(*(prefix + each for each in seen))
