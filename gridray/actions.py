"""What users do to runs after they are submitted. Nothing here needs the cluster to be up."""

import secrets
import time

from gridray import layout, marks
from gridray.errors import NotFoundError, StateError, StoreError
from gridray.layout import ExperimentName
from gridray.readers import runs
from gridray.records import RunRecord, RunStatus, decode, read_run
from gridray.requests import Request, StopRequest
from gridray.store import Store

DEFAULT_GRACE = 30.0
FORCED_END_TIMEOUT = 15.0
# How often it is looked whether what was killed is over (s).
POLL_INTERVAL = 0.2


def stop(store: Store, run: str, index: int | None, grace: float = DEFAULT_GRACE) -> int:
    """Ask the controller to stop a run, or one experiment.

    Args:
        grace: how long a script may take to end after SIGTERM, in seconds.

    Returns:
        How many experiments this concerns; 0 when all are over already.

    Raises:
        NotFoundError: there is no such run or experiment.
    """
    now = time.time()
    if index is None:
        concerned = list(runs.run_view(store, run, now).experiments)
    else:
        concerned = [runs.experiment_view(store, run, index, now)]
    count = sum(not experiment.state.is_terminal for experiment in concerned)
    if count:
        request = StopRequest(None if index is None else (index,), grace)
        ask(store, read_run(store, run), request, now, new_nonce(now))
    return count


def ask(store: Store, record: RunRecord, request: Request, now: float, nonce: str) -> None:
    """Append a request to those of a run, and have its controller look at it.

    The request first: a controller that sees the marker must see what it is for. The marker in any
    case: the request may be there though the store has said that it failed, and if it is not, the
    controller takes away what came for it.

    Raises:
        StoreError: the store does not take one of the two.
    """
    try:
        try:
            put_request(store, record.name, request, now, record.identity)
        finally:
            announce(store, record, nonce)
    except StoreError as error:
        raise StoreError(
            f"the run {record.name!r} may not hear what is asked of it: {error.message}",
            hint="ask for it once more",
        ) from error


def put_request(
    store: Store, run: str, request: Request, now: float, identity: str | None = None
) -> None:
    """Append a request to those of a run, for its controller; `identity` is that of the run."""
    key = layout.request(run, int(now * 1000), secrets.token_hex(4))
    store.put_json(key, marks.marked(request.to_json(), identity))


def new_nonce(now: float) -> str:
    """Return the nonce of a new marker."""
    return layout.nonce(int(now * 1000), secrets.token_hex(4))


def announce(store: Store, record: RunRecord, nonce: str) -> None:
    """Have the controller look at a run: it may be about to take the run's other markers away.

    Secrets go with the marker of the same nonce. Those of a client that was killed before it wrote
    theirs get it here.
    """
    prefix = layout.sealed_secrets(record.name, record.identity)
    sealed = store.names(prefix) if record.secrets else []
    for each in (nonce, *map(layout.sealed_nonce, sealed)):
        store.put(layout.active_run(record.cluster.key, record.name, record.identity, each), b"")


def is_unannounced(store: Store, record: RunRecord, *, is_over: bool) -> bool:
    """Whether the controller may never look at what is still to be done of a run.

    That is how a client leaves it that was killed between a request and its marker.
    """
    if _unheard(store, record.name):
        return True
    markers = store.names(layout.active(record.cluster.key))
    ours = (record.name, record.identity)
    return not is_over and ours not in map(layout.parse_marker, markers)


def _unheard(store: Store, run: str) -> set[str]:
    """Return the names of a run's requests that its controller has not recorded."""
    key = layout.status(run)
    raw = store.find_json(key)
    heard = frozenset() if raw is None else decode(RunStatus, raw, key).handled
    return set(store.names(layout.requests(run))) - heard


def check_run_deletable(store: Store, run: str, *, force: bool = False) -> RunRecord | None:
    """Check that a run may be deleted, and return its record; None of a half-way submission.

    Raises:
        NotFoundError: there is no such run.
        StateError: it is not over.
    """
    try:
        record = read_run(store, run)
    except NotFoundError:
        # What a submission leaves that was killed half-way: a name taken by nobody.
        if not store.exists(layout.wave(run, 0)):
            raise
        return None
    summary = runs.run_view(store, run, time.time()).summary
    if not summary.state.is_terminal and not force:
        raise StateError(
            f"the run {run!r} is {summary.state.value}, and cannot be deleted",
            hint=f"`gridray stop run {run}` first, or add --force",
        )
    return record


def delete_run(store: Store, run: str, *, force: bool = False) -> None:
    """Remove a run with its logs and artifacts; its name is free then.

    Args:
        force: also when it is not over; what still runs is killed, and loses what it has.

    Raises:
        NotFoundError: there is no such run.
        StateError: it is not over.
    """
    record = check_run_deletable(store, run, force=force)
    if record is not None:
        if force:
            _end(store, run)
        prefix = layout.active(record.cluster.key)
        markers = [
            prefix + marker
            for marker in store.names(prefix)
            if layout.parse_marker(marker) == (run, record.identity)
        ]
        store.delete(*markers, layout.run_record(run))
    store.delete_prefix(layout.run_prefix(run))


def _end(store: Store, run: str) -> None:
    """Have what runs killed, and wait a little: a cluster that is down will not say that it is."""
    if not stop(store, run, None, grace=0):
        return
    deadline = time.monotonic() + FORCED_END_TIMEOUT
    while time.monotonic() < deadline:
        if runs.run_view(store, run, time.time()).summary.state.is_terminal:
            return
        time.sleep(POLL_INTERVAL)


def check_experiment_deletable(store: Store, run: str, index: int) -> None:
    """Check that an experiment may be deleted.

    Raises:
        NotFoundError: there is no such experiment.
        StateError: it is not over.
    """
    experiment = runs.experiment_view(store, run, index, time.time())
    if not experiment.state.is_terminal:
        raise StateError(
            f"the experiment {experiment.name!r} is {experiment.state.value}",
            hint=f"`gridray stop experiment {ExperimentName(run, index)}` first",
        )


def delete_experiment(store: Store, run: str, index: int) -> None:
    """Remove an experiment that is over, with its logs and artifacts.

    Raises:
        NotFoundError: there is no such experiment.
        StateError: it is not over.
    """
    check_experiment_deletable(store, run, index)
    store.put(layout.deletion(run, index), b"")
    store.delete_prefix(layout.experiment_prefix(run, index))
