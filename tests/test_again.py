"""What is asked of runs that run again, whenever who asks is killed."""

from pathlib import Path

import pytest

from gridray import actions, again, layout
from gridray.clusters.cluster import Cluster
from gridray.errors import StateError, StoreError, UsageError
from gridray.readers import runs
from gridray.records import Row, RunRecord
from gridray.requests import RetryRequest
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run
from tests.controller.test_races import Rays, controller, recorded

FAILED = Row(State.FAILED, Reason.EXIT_CODE, exit_code=3, submitted_at=1.0)
HELD = Row(State.QUEUED, Reason.HELD)
KEY = "local-1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster of every run here; what reaches it is tried with a real one."""
    found = Cluster("local", "http://127.0.0.1:1", KEY, "a-token")
    monkeypatch.setattr(again, "_prepare", lambda *_: found)
    return found


@pytest.mark.parametrize("rows", [[FAILED], [FAILED, HELD]], ids=["over", "held"])
def test_secrets_are_sealed_anew_where_the_shell_has_them(
    rows: list[Row], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = add_run(store, "run", rows, secrets={"A": "MINE"})
    monkeypatch.setenv("MINE", "a value")
    assert again._needs_secrets(store, record)


def test_a_run_that_goes_on_still_has_its_own(store: Store) -> None:
    held = add_run(store, "held", [FAILED, HELD], secrets={"A": "NOT_SET_HERE"})
    assert not again._needs_secrets(store, held)
    over = add_run(store, "over", [FAILED], secrets={"A": "NOT_SET_HERE"})
    with pytest.raises(UsageError, match="NOT_SET_HERE"):
        again._needs_secrets(store, over)
    plain = add_run(store, "plain", [FAILED])
    assert not again._needs_secrets(store, plain)


def half_retried(store: Store, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> RunRecord:
    """Leave a run that is over as a client does that ends before it has written its marker."""
    record = add_run(store, "run", [FAILED], secrets={"A": "MINE"})
    store.put(layout.source(record.source.digest), b"")
    monkeypatch.setenv("MINE", "a value")
    put = store.put

    def dying(key: str, data: bytes) -> None:
        if key.startswith(layout.ACTIVE):
            raise error
        put(key, data)

    with monkeypatch.context() as context:
        context.setattr(store, "put", dying)
        with pytest.raises(type(error)):
            again.retry(store, "run", [0])
    assert store.names(layout.active(KEY)) == []
    assert runs.run_view(store, "run", 1000.0).summary.state is State.QUEUED
    return record


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("is_set", [True, False], ids=["secret is set", "secret is not set"])
def test_a_retry_lets_go_on_what_a_killed_one_has_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, is_set: bool
) -> None:
    record = half_retried(store, monkeypatch, KeyboardInterrupt())
    if not is_set:
        monkeypatch.delenv("MINE")
    assert again.to_retry(store, "run") == again.to_retry(store, "run", [0]) == []
    assert again.unheard(store, "run") == [0]
    again.retry(store, "run", [])
    rays = Rays()
    one = controller(store, rays)
    one.tick()
    assert rays.submitted == ["run-exp0-a1"]
    one._clock = lambda: 2e9
    one.tick()
    assert again.unheard(store, "run") == []
    with pytest.raises(StateError, match="'run-exp0' is"):
        again.to_retry(store, "run", [0])
    assert store.names(layout.sealed_secrets("run", record.identity)) != []


@pytest.mark.usefixtures("cluster")
def test_a_stop_ends_what_a_killed_retry_has_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = half_retried(store, monkeypatch, KeyboardInterrupt())
    assert actions.stop(store, "run", None) == 1
    controller(store, Rays()).tick()
    assert recorded(store)[0].state is State.CANCELLED
    assert store.names(layout.active(KEY)) == []
    assert store.names(layout.sealed_secrets("run", record.identity)) == []


@pytest.mark.usefixtures("cluster")
def test_what_came_for_a_request_that_failed_is_taken_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = add_run(store, "run", [FAILED], secrets={"A": "MINE"})
    store.put(layout.source(record.source.digest), b"")
    monkeypatch.setenv("MINE", "a value")

    def failing(*_: object) -> None:
        raise StoreError("no space")

    with monkeypatch.context() as context:
        context.setattr(actions, "put_request", failing)
        with pytest.raises(StoreError, match="'run' may not hear what is asked of it: no space"):
            again.retry(store, "run", [0])
    controller(store, Rays()).tick()
    assert store.names(layout.sealed_secrets("run", record.identity)) == []
    assert store.names(layout.active(KEY)) == []


def test_what_a_controller_knows_to_wait_is_not_asked_for_again(store: Store) -> None:
    record = add_run(store, "run", [Row(queued_at=1.0), HELD])
    assert again.unheard(store, "run") == [0]
    store.put(layout.active_run(KEY, "run", record.identity), b"")
    assert again.unheard(store, "run") == []
    actions.put_request(store, "run", RetryRequest(frozenset(), 2.0), 2.0)
    assert again.unheard(store, "run") == [0, 1]
