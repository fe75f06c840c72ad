"""What `retry` and `rerun` refuse and tell, before any cluster is asked."""

from dataclasses import replace

import pytest

from gridray import actions, again, layout
from gridray.clusters.cluster import Cluster
from gridray.records import Row
from gridray.requests import RetryRequest
from gridray.states import Reason, State
from tests.cli.conftest import NOW, Call, Filler, failed, succeeded

HELD = Row(State.QUEUED, Reason.HELD, queued_at=NOW)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["busy-exp0"], 1, "'busy-exp0' is running"),
        (["busy-exp1"], 1, "'busy-exp1' is queued"),
        (["over-exp0"], 1, "'over-exp0' has succeeded"),
        (["over-exp1", "over-exp0"], 1, "'over-exp0' has succeeded"),
        (["over-exp7"], 1, "no experiment 'over-exp7'"),
        (["nothing"], 1, "no run 'nothing'"),
        (["over", "--held", "--failed"], 2, "--held goes with the names of runs only"),
        (["over-exp1", "--held"], 2, "--held goes with the names of runs only"),
        (["Over"], 2, "'Over' is no name"),
    ],
)
def test_what_cannot_be_tried_again(
    call: Call, filled: Filler, words: list[str], code: int, told: str
) -> None:
    result = call("retry", *words)
    assert result.code == code and told in result.err
    assert filled.store.names(layout.requests("over")) == []


def test_nothing_to_try_again(call: Call, filler: Filler) -> None:
    filler.run("good", [succeeded(), succeeded()])
    assert call("retry", "good").out == "good: nothing to try again\n"
    assert call("retry", "good", "--held", "-o", "json").json == {
        "retried": [{"name": "good", "experiments": [], "released": 0, "resumed": 0}]
    }


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cluster can be reached; that it is there is tried with a real one."""
    monkeypatch.setattr(again, "_prepare", lambda *_: Cluster("local", "", "local-test", None))


def test_what_is_held_names_what_lets_it_go_on(call: Call, filler: Filler) -> None:
    filler.run("bad", [failed()] * 5 + [HELD])
    result = call("retry", "bad-exp5")
    assert result.code == 1 and "'bad-exp5' is held" in result.err
    assert "gridray retry bad --held" in result.err


@pytest.mark.usefixtures("reached")
def test_a_run_without_its_source_is_not_tried_again(call: Call, filled: Filler) -> None:
    filled.store.delete(layout.source("0" * 64))
    result = call("retry", "over")
    assert result.code == 1 and "the source of the run 'over' is not in" in result.err
    assert filled.store.names(layout.requests("over")) == []


@pytest.mark.usefixtures("reached")
def test_a_run_and_one_of_its_experiments_mean_both(call: Call, filler: Filler) -> None:
    filler.store.put(layout.source("0" * 64), b"")
    filler.run("bad", [failed(), failed(), replace(failed(), state=State.CANCELLED), succeeded()])
    for words in (["bad", "bad-exp2", "--failed"], ["bad-exp2", "bad"]):
        found = call("retry", *words, "-o", "json").json["retried"]
        assert [each["experiments"] for each in found] == [["bad-exp0", "bad-exp1", "bad-exp2"]]
        filler.store.delete_prefix(layout.requests("bad"))
    assert "'bad-exp3' has succeeded" in call("retry", "bad", "bad-exp3").err


@pytest.mark.usefixtures("reached")
@pytest.mark.parametrize("name", ["bad", "bad-exp0"])
def test_what_was_asked_for_and_not_heard_goes_on(call: Call, filler: Filler, name: str) -> None:
    filler.store.put(layout.source("0" * 64), b"")
    filler.run("bad", [failed()])
    actions.put_request(filler.store, "bad", RetryRequest(frozenset({0}), NOW), NOW)
    filler.store.delete_prefix(layout.active("local-test"))
    assert call("retry", name).out == "bad: 1 experiment to go on, asked for before\n"
    assert len(filler.store.names(layout.active("local-test"))) == 1


def test_a_run_of_another_cluster_is_not_tried_again(call: Call, filled: Filler) -> None:
    filled.store.put(layout.source("0" * 64), b"")
    result = call("retry", "over")
    assert result.code == 1 and "cluster local that the run 'over' was on" in result.err
    assert "gridray rerun over" in result.err
    assert filled.store.names(layout.requests("over")) == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["over"], 1, "the source of the run 'over' is not in"),
        (["over", "--name", "busy"], 1, "there is a run 'busy' already"),
        (["over", "--name", "Up"], 2, "'Up' is no name"),
        (["over-exp0"], 2, "'over-exp0' is an experiment"),
        (["nothing"], 1, "no run 'nothing'"),
    ],
)
def test_what_cannot_be_run_anew(
    call: Call, filled: Filler, words: list[str], code: int, told: str
) -> None:
    result = call("rerun", *words)
    assert result.code == code and told in result.err


def test_status_says_what_is_held_and_what_to_do(call: Call, filler: Filler) -> None:
    filler.run("bad", [failed()] * 5 + [HELD] * 3)
    result = call("status", "bad")
    assert "3 experiments held, since the first ones failed in the same way" in result.err
    assert "bad-exp3 and bad-exp4: exit code 3" in result.err
    assert "gridray retry bad" in result.err and "gridray stop run bad" in result.err
    assert "8 experiments: 5 failed, 3 queued (3 held)" in result.err
    assert call("status", "bad", "-o", "json").json["held"] == 3


def test_watching_does_not_wait_for_what_is_held(call: Call, filler: Filler) -> None:
    filler.run("bad", [failed()] * 5 + [HELD] * 3)
    assert "3 held" in call("status", "bad", "--watch").err
