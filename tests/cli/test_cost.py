"""`cost`, and the columns in `status` and `history`."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from gridray import layout
from gridray.cli import text
from gridray.layout import AttemptName
from gridray.machines import Ledger, Machine, Machines, NodeRecord
from gridray.placement import InstanceRecord
from gridray.records import AttemptState, ClusterRecord, Row
from gridray.spec import RunSpec
from gridray.states import Reason, State
from tests.cli.conftest import Call, Filler, succeeded

HOUR = 3600.0
AGO = 4 * HOUR
MACHINE = InstanceRecord("i-1", "g4dn.xlarge", "spot", "us-east-1a", 0.5, 0.2, 0.5)


def fill(filler: Filler) -> float:
    """Write a run of two experiments that began 4 h ago, the first of them twice; return that."""
    began = time.time() - AGO
    first = Row(
        State.SUCCEEDED,
        attempt=1,
        submitted_at=began,
        started_at=began,
        ended_at=began + 3 * HOUR,
        spent=0.3,
        wasted=0.1,
        saved=0.45,
    )
    second = replace(first, attempt=0, ended_at=began + 2 * HOUR, spent=0.2, wasted=0.0, saved=0.3)
    filler.run("paid", [first, second], created_at=began, cluster=ClusterRecord("mine", "mine"))
    for index, number, since, until, reason in (
        (0, 0, 0, 1, Reason.INTERRUPTED),
        (0, 1, 1, 3, None),
        (1, 0, 0, 2, None),
    ):
        state = State.SUCCEEDED if reason is None else State.FAILED
        machine = replace(MACHINE, since=began + since * HOUR)
        word = AttemptState(
            state, reason, ended_at=began + until * HOUR, instance=machine, started_at=began
        )
        key = layout.attempt_state(AttemptName("paid", index, number))
        filler.store.put_json(key, word.to_json())
    head = NodeRecord("i-0", "m5.large", "on-demand", "a", True, began, began + AGO, 0.05)
    node = NodeRecord("i-1", "g4dn.xlarge", "spot", "a", False, began, began + AGO, 0.2)
    key = layout.node_ledger("mine", "2026-11")
    filler.store.put_json(key, Ledger((head, node)).to_json())
    return began


def test_a_run_is_shown_attempt_by_attempt(call: Call, filler: Filler) -> None:
    fill(filler)
    result = call("cost", "paid")
    lines = [line.split() for line in result.out.splitlines()]
    assert (
        lines[1]
        == (
            "paid-exp0 0 g4dn.xlarge spot us-east-1a 50% 1 h 0 min $0.2000 $0.1000 $0.1500 $0.1000"
        ).split()
    )
    assert [line[0] for line in lines[1:]] == ["paid-exp0", "paid-exp0", "paid-exp1"]
    assert "paid has cost $0.5000 ($0.7500 saved by spot, $0.1000 in attempts" in result.err


def test_one_experiment_of_a_run(call: Call, filler: Filler) -> None:
    fill(filler)
    found = call("cost", "paid-exp1", "-o", "json").json
    assert [each["name"] for each in found["experiments"]] == ["paid-exp1"]
    assert found["cost"] == pytest.approx(0.2)
    missing = call("cost", "paid-exp7")
    assert missing.code == 1 and "no experiment 'paid-exp7'" in missing.err


def test_all_runs_and_clusters(call: Call, filler: Filler) -> None:
    fill(filler)
    filler.run("free", [succeeded()])
    result = call("cost")
    assert "free" not in result.out
    rows = {line.split()[0]: line.split() for line in result.out.splitlines() if line}
    assert rows["paid"] == ["paid", "mine", "$0.5000", "$0.7500", "$0.1000"]
    assert rows["mine"] == ["mine", "2", "$0.2000", "$0.8000", "$0.5000", "$0.3000"]
    assert "$1.00 in all" in result.err
    found = call("cost", "--output", "json").json
    assert found["cost"] == pytest.approx(1.0)
    assert found["clusters"][0]["idle"] == pytest.approx(0.3)
    assert found["since"] is None


def test_only_what_was_spent_lately(call: Call, filler: Filler) -> None:
    fill(filler)
    found = call("cost", "--since", "2h", "-o", "json").json
    assert found["runs"][0]["cost"] == pytest.approx(0.1, abs=0.001)
    assert found["clusters"][0]["workers"] == pytest.approx(0.4, abs=0.001)
    assert call("cost", "paid", "--since", "150m", "-o", "json").json["cost"] == pytest.approx(
        0.2, abs=0.001
    )
    assert call("cost", "--since", "1h", "-o", "json").json["runs"] == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--since", "soon"], 2, "--since 'soon' is no length of time: write it as"),
        (["paid", "--cluster", "mine"], 2, "--cluster mine and the name paid contradict"),
        (["--cluster", "other"], 1, "nothing is known of what a cluster 'other' has cost"),
        (["unknown"], 1, "there is no run 'unknown'"),
        (["_"], 2, "no name for a run"),
    ],
)
def test_what_cannot_be_meant(
    call: Call, filler: Filler, words: list[str], code: int, told: str
) -> None:
    fill(filler)
    result = call("cost", *words)
    assert (result.code, result.out) == (code, "")
    assert told in result.err


def test_a_laptop_is_told_that_nothing_is_known(call: Call, filled: Filler) -> None:
    result = call("cost")
    assert (result.code, result.out) == (0, "")
    assert "no cost is known" in result.err
    assert "over has cost -" in call("cost", "over").err


def test_status_and_history_show_what_is_known(call: Call, filler: Filler) -> None:
    fill(filler)
    filler.run("free", [succeeded()])
    rows = {line.split()[0]: line.split() for line in call("history").out.splitlines()}
    assert rows["Run"][-2:] == ["Cost", "Created"]
    assert rows["paid"][-3] == "$0.5000" and rows["free"][-3] == "-"
    detail = call("status", "paid")
    assert detail.out.splitlines()[0].split()[-2:] == ["Cost", "Command"]
    assert "$0.3000" in detail.out.splitlines()[1]
    assert "cluster mine · $0.5000" in detail.err
    assert call("status", "paid", "-o", "json").json["cost"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("on_demand", "told"),
    [(0.1, "$0.1000 ($0.0500 more than on demand)\n"), (0.2 - 1e-9, "$0.1000\n")],
)
def test_a_spot_price_above_the_one_on_demand_saves_nothing(
    call: Call, filler: Filler, on_demand: float, told: str
) -> None:
    began = time.time() - AGO
    over = Row(State.SUCCEEDED, submitted_at=began, started_at=began, ended_at=began + HOUR)
    filler.run("dear", [over], created_at=began, cluster=ClusterRecord("mine", "mine"))
    machine = replace(MACHINE, on_demand=on_demand, since=began)
    word = AttemptState(State.SUCCEEDED, ended_at=began + HOUR, instance=machine)
    key = layout.attempt_state(AttemptName("dear", 0, 0))
    filler.store.put_json(key, word.to_json())
    result = call("cost", "dear")
    assert f"dear has cost {told}" in result.err
    assert "-$0.0000" not in result.out and "saved by spot" not in result.err


@pytest.mark.parametrize(
    ("machines", "told"), [(1, "1 machine without a known price is not"), (2, "2 machines")]
)
def test_machines_without_a_price_are_told(
    call: Call, filler: Filler, machines: int, told: str
) -> None:
    fill(filler)
    nodes = [
        NodeRecord(f"i-{number}", "x9.y", "spot", "a", False, 1.0, 2.0)
        for number in range(machines)
    ]
    filler.store.put_json(layout.node_ledger("mine", "2026-10"), Ledger(tuple(nodes)).to_json())
    assert told in call("cost").err


def test_a_laptop_sees_no_costs(call: Call, filled: Filler) -> None:
    for words in (["status"], ["history"], ["status", "over"]):
        assert "Cost" not in call(*words).out


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "-"),
        (0.0, "$0.00"),
        (0.00001, "<$0.0001"),
        (0.0123, "$0.0123"),
        (0.99999, "$1.00"),
        (12.345, "$12.35"),
        (-0.5, "-$0.5000"),
        (-0.00004, "$0.00"),
        (-0.00006, "-$0.0001"),
        (-0.0, "$0.00"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money(amount: float | None, shown: str) -> None:
    assert text.money(amount) == shown


def test_a_run_that_may_cost_no_more_is_not_tried_again(call: Call, filler: Filler) -> None:
    fill(filler)
    key = layout.run_record("paid")
    raw = filler.store.get_json(key)
    filler.store.put_json(key, {**raw, "max_cost": 0.5})
    status = filler.store.get_json(layout.status("paid"))
    status["rows"][1][:2] = ["cancelled", "max_cost"]
    filler.store.put_json(layout.status("paid"), status)
    result = call("retry", "paid")
    assert result.code == 1
    assert "has cost $0.5000, and may cost $0.5000 at most (--max_cost)" in result.err
    assert "gridray rerun paid" in result.err
    assert "cost as much as --max_cost allows" in call("why", "paid-exp1").out


def test_a_dry_run_tells_what_an_hour_costs(
    call: Call, filler: Filler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("main.py").touch()
    machine = Machine(4, 1, 16 << 30, 0.5)
    machines = Machines("us-east-1", 1.0, "a table", {"g4dn.xlarge": machine})
    filler.store.put_json(layout.machines("mine"), machines.to_json())
    monkeypatch.setattr("gridray.cli.asking.spec", spec)
    result = call("run", "--dry-run", "main.py")
    told = "An hour of one costs about $0.1250, for 25% of a g4dn.xlarge (on demand); of all at"
    assert f"{told} once $0.3750." in result.out
    found = call("run", "--dry-run", "-o", "json", "main.py").json["estimate"]
    assert found["experiment"] == 0.125 and found["market"] == "on-demand"


def spec(*_: object) -> RunSpec:
    return RunSpec(
        script="main.py",
        args=("--lr", "[1, 2, 3]"),
        cluster="mine",
        cpus=1,
        instance_type="g4dn.xlarge",
    )
