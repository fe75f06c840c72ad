"""What users do to runs after they are submitted. Nothing here needs the cluster to be up."""

import secrets
import time

from gridray import layout
from gridray.errors import NotFoundError, StateError
from gridray.layout import ExperimentName
from gridray.readers import runs
from gridray.records import RunRecord, read_run
from gridray.requests import Request, StopRequest
from gridray.store import Store

DEFAULT_GRACE = 30.0
FORCED_END_TIMEOUT = 15.0


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
        put_request(store, run, StopRequest(None if index is None else (index,), grace), now)
    return count


def put_request(store: Store, run: str, request: Request, now: float) -> None:
    """Append a request to those of a run, for its controller."""
    key = layout.request(run, int(now * 1000), secrets.token_hex(4))
    store.put_json(key, request.to_json())


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
        time.sleep(0.2)


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
