"""`stop` and `delete`."""

from gridray.layout import requests
from gridray.requests import StopRequest
from tests.cli.conftest import Call, Filler


def _requests(filler: Filler, run: str) -> list[StopRequest]:
    names = filler.store.names(requests(run))
    return [StopRequest.from_json(filler.store.get_json(requests(run) + each)) for each in names]


def test_stop_asks_for_a_run(call: Call, filled: Filler) -> None:
    result = call("stop", "run", "busy", "over", "--grace", "5")
    assert result.out == "busy: 2 experiments asked to end\nover: over already\n"
    assert _requests(filled, "busy") == [StopRequest(None, 5)]
    assert _requests(filled, "over") == []


def test_stop_asks_for_an_experiment(call: Call, filled: Filler) -> None:
    result = call("stop", "experiment", "busy-exp1", "over-exp0", "-o", "json")
    assert result.json["stopped"] == [
        {"name": "busy-exp1", "experiments": 1},
        {"name": "over-exp0", "experiments": 0},
    ]
    assert _requests(filled, "busy") == [StopRequest((1,), 30)]


def test_nothing_is_stopped_if_one_name_is_wrong(call: Call, filled: Filler) -> None:
    assert call("stop", "run", "busy", "nothing").code == 1
    assert call("stop", "run", "busy", "busy-exp0").code == 2
    assert call("stop", "experiment", "busy-exp0", "busy").code == 2
    assert call("stop", "experiment", "busy-exp0", "busy-exp9").code == 1
    assert _requests(filled, "busy") == []


def test_delete_wants_a_yes(call: Call, filled: Filler) -> None:
    refused = call("delete", "run", "over")
    assert refused.code == 2 and "--yes" in refused.err
    assert call("delete", "run", "over", "--yes").out == "over: deleted\n"
    assert call("status", "over").code == 1


def test_nothing_is_deleted_if_one_run_goes_on(call: Call, filled: Filler) -> None:
    refused = call("delete", "run", "over", "busy", "--yes")
    assert refused.code == 1 and "'busy' is running" in refused.err
    assert "or add --force" in refused.err
    assert call("status", "over").code == 0
    assert call("delete", "run", "over", "busy", "-y", "--force").code == 0
    assert call("history", "-o", "json").json == {"runs": []}


def test_delete_an_experiment(call: Call, filled: Filler) -> None:
    assert call("delete", "experiment", "over-exp0", "busy-exp0", "-y").code == 1
    assert call("delete", "experiment", "over-exp0", "-y", "-o", "json").json == {
        "deleted": ["over-exp0"]
    }
    found = call("status", "over", "-o", "json").json["experiments"]
    assert [each["name"] for each in found] == ["over-exp1"]


def test_a_name_that_a_killed_submission_left_can_be_freed(call: Call, filler: Filler) -> None:
    filler.store.put_json("runs/half/waves/0.json", {"points": []})
    assert call("delete", "run", "half", "--yes").code == 0
    assert filler.store.entries("runs/half/") == []
