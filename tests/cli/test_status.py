"""`status` and `history`."""

import json
import time
from collections.abc import Iterator

import pytest

from gridray.backoff import STORE_OUTAGE
from gridray.cli import watching
from gridray.cli.output import Output
from gridray.errors import StateError, StoreError
from gridray.records import Row
from gridray.states import State
from tests.cli.conftest import NOW, Call, Filler, failed, running, succeeded


def test_a_run_is_a_table_and_a_summary(call: Call, filled: Filler) -> None:
    result = call("status", "over")
    heading, first, second = result.out.splitlines()
    for title in ("Experiment", "Status", "Reason", "Queued Duration", "Run Duration", "Command"):
        assert title in heading
    assert first.startswith("over-exp0") and "10 s" in first
    assert "exit code 3" in second and second.endswith("python train.py --lr 0.1")
    assert "2 experiments: 1 succeeded, 1 failed · 12 s · cluster local" in result.err
    assert "over-exp1 failed: exit code 3" in result.err


def test_json_of_a_run(call: Call, filled: Filler) -> None:
    found = call("status", "over", "-o", "json").json
    assert (found["name"], found["state"], found["failed"]) == ("over", "failed", 1)
    first = found["experiments"][0]
    assert first["name"] == "over-exp0"
    assert first["command"] == ["python", "train.py", "--lr", "0.1"]
    assert first["started_at"] == "2027-01-15T08:00:02.000Z"
    assert (first["queued_seconds"], first["run_seconds"]) == (2.0, 10.0)


def test_one_experiment_is_shown_alone(call: Call, filled: Filler) -> None:
    found = call("status", "over-exp1", "-o", "json").json
    assert [each["name"] for each in found["experiments"]] == ["over-exp1"]
    assert call("status", "over-exp7").code == 1


def test_recent_runs_are_those_that_go_on_or_ended_today(call: Call, filler: Filler) -> None:
    now = time.time()
    ended = Row(State.SUCCEEDED, None, 0, 0, now - 9, now - 8, now - 8, now - 7)
    filler.run("today", [ended], created_at=now - 10)
    filler.run("old", [succeeded()], created_at=NOW - 10**8)
    filler.run("busy", [running()], created_at=now - 10**6)
    rows = filler.store.get_json("runs/old/status.json")
    rows["rows"][0][7] = NOW - 10**8
    filler.store.put_json("runs/old/status.json", rows)
    result = call("status", "-o", "json")
    assert [run["name"] for run in result.json["runs"]] == ["today", "busy"]
    assert "1 older run: `gridray history`" in result.err
    history = call("history", "-o", "json").json["runs"]
    assert [run["name"] for run in history] == ["today", "old"]


def test_an_empty_store_says_what_to_do(call: Call) -> None:
    result = call("status")
    assert (result.code, result.out) == (0, "")
    assert "gridray run" in result.err
    assert call("status", "-o", "json").json == {"runs": []}


@pytest.mark.parametrize("text", ["a b", "it's", "new\nline", "\x1b[31mred", "文件", "100%", "a&b"])
def test_hostile_arguments_stay_on_their_line(call: Call, filler: Filler, text: str) -> None:
    filler.run("hostile", [succeeded(), failed()], argv=("--name", text))
    table = call("status", "hostile").out
    assert len(table.splitlines()) == 3 and "\x1b" not in table
    found = call("status", "hostile", "-o", "json").json
    assert found["experiments"][0]["command"][-1] == text


def test_ten_thousand_experiments_are_lines(call: Call, filler: Filler) -> None:
    filler.run("big", [succeeded() for _ in range(3)])
    raw = filler.store.get_json("runs/big/status.json")
    points = filler.store.get_json("runs/big/waves/0.json")
    filler.store.put_json("runs/big/status.json", {**raw, "rows": raw["rows"][:1] * 10_000})
    filler.store.put_json("runs/big/waves/0.json", {"points": points["points"][:1] * 10_000})
    assert len(call("status", "big").out.splitlines()) == 10_001
    assert len(json.loads(call("status", "big", "-o", "json").out)["experiments"]) == 10_000


def test_watch_tells_changes_where_there_is_no_terminal(call: Call, filled: Filler) -> None:
    result = call("status", "over", "--watch")
    assert "over-exp0 succeeded after 10 s" in result.err
    assert call("status", "--watch").code == 2
    assert call("status", "over", "--watch", "-o", "json").code == 2


def test_a_wait_ends_badly_if_an_experiment_does(filled: Filler) -> None:
    store = filled.store
    with pytest.raises(StateError, match="1 of 2 experiments of over") as caught:
        watching.check(watching.wait(Output(), store, "over"))
    assert caught.value.hint and "gridray logs over-exp1" in caught.value.hint
    filled.run("good", [succeeded()])
    watching.check(watching.wait(Output(), store, "good"))


def test_a_wait_outlasts_an_outage_of_the_store(
    filled: Filler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waits: list[float] = []
    answers: Iterator[StoreError | str] = iter(
        [StoreError("the store is away"), StoreError("the store is away"), "back"]
    )
    monkeypatch.setattr("time.sleep", waits.append)

    def read() -> str:
        answer = next(answers)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    assert watching.outlast(Output(), read) == "back"
    assert waits == list(STORE_OUTAGE[:2])
    assert "the store is away; trying again in 1 s" in capsys.readouterr().err
