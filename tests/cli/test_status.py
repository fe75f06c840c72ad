"""`status` and `history`."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gridray import layout
from gridray.backoff import STORE_OUTAGE
from gridray.cli import stalls, watching
from gridray.cli.output import Output
from gridray.errors import StateError, StoreError
from gridray.heartbeats import Heartbeat
from gridray.records import ClusterRecord, Row, RunStatus
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
    assert caught.value.hint and "gridray why over-exp1" in caught.value.hint
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


WARNING = "the local cluster is not running; `gridray clusters up local` makes {} go on"


class Dashboard:
    """The local cluster's dashboard, which says Ray's version while it is up."""

    class _Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"ray_version": "2.60.0"}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._server: HTTPServer | None = None

    def up(self) -> None:
        self._server = HTTPServer(("127.0.0.1", self.port), self._Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,)).start()

    def down(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    """The dashboard of a local cluster that was started once, and is down."""
    found = Dashboard()
    state = {"identity": "test", "port": found.port, "token": "secret", "variables": {}}
    path = Path(os.environ["GRIDRAY_HOME"], "local", "cluster.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(state))
    yield found
    found.down()


def test_a_run_whose_local_cluster_is_down_is_told(
    call: Call, filled: Filler, dashboard: Dashboard
) -> None:
    for name in ("busy", "busy-exp1"):
        assert f"warning: {WARNING.format('busy')}\n" in call("status", name).err
    result = call("status", "busy", "-o", "json")
    assert result.json["name"] == "busy" and WARNING.format("busy") in result.err
    assert "not running" not in call("status", "over").err
    assert "takes effect" in call("stop", "run", "busy").err
    dashboard.up()
    assert "not running" not in call("status", "busy").err
    assert "takes effect" not in call("stop", "run", "busy").err


def test_what_stands_still_is_told_of_all_runs_together(
    call: Call, filled: Filler, dashboard: Dashboard
) -> None:
    told = "the local cluster is not running; `gridray clusters up local` makes {} go on"
    assert f"warning: {told.format('busy')}\n" in call("status").err
    filled.run("waiting", [Row(queued_at=NOW)])
    assert call("status").err.count("is not running") == 1
    assert f"warning: {told.format('2 runs')}\n" in call("status").err
    dashboard.up()
    assert "not running" not in call("status").err


MOON = ClusterRecord("http://moon:8265", "moon-1")
SILENT = "no controller has been heard of on cluster http://moon:8265 for 10 min 0 s"


@pytest.fixture
def silent(filler: Filler, monkeypatch: pytest.MonkeyPatch) -> Filler:
    """`busy` is on a cluster whose controller is gone; `over` was there too."""
    monkeypatch.setattr("time.time", lambda: NOW + 600)
    filler.store.put_json(layout.controller(MOON.key), Heartbeat(NOW).to_json())
    filler.run("over", [succeeded()], cluster=MOON)
    filler.run("busy", [running(), Row(queued_at=NOW)], cluster=MOON)
    return filler


def test_a_run_whose_controller_is_gone_is_told(call: Call, silent: Filler) -> None:
    mend = "gridray clusters up http://moon:8265"
    warning = f"warning: {SILENT}; `{mend}` makes busy go on\n"
    for words in (["status", "busy"], ["status"], ["why", "busy-exp0"]):
        assert warning in call(*words).err
    assert "controller" not in call("status", "over").err
    assert (
        f"{SILENT}: the stop of busy takes effect after `{mend}`" in call("stop", "run", "busy").err
    )
    silent.store.put_json(layout.controller(MOON.key), Heartbeat(NOW + 590).to_json())
    assert "controller" not in call("status", "busy").err


def test_a_cluster_that_is_not_there_is_not_to_be_started(
    call: Call, filler: Filler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + 600)
    filler.store.put_json(layout.controller("early"), Heartbeat(NOW).to_json())
    filler.run("busy", [running(), Row(queued_at=NOW)], cluster=ClusterRecord("early", "early"))
    rerun, delete = "gridray rerun busy --cluster NAME", "gridray delete run --force busy"
    looks = ["status", "busy"], ["status"], ["why", "busy-exp1"], ["retry", "busy"]
    for words in (*looks, ["stop", "run", "busy"]):
        result = call(*words)
        told = result.out + result.err
        assert result.code == 0 and "clusters up" not in told
        assert "there is no cluster of that name here" in told
        assert rerun in told or words[0] == "stop"
        assert delete in told or words[0] == "why"


def test_why_says_that_the_controller_is_gone(call: Call, silent: Filler) -> None:
    result = call("why", "busy-exp1")
    assert result.out.startswith(f"busy-exp1 is queued: {SILENT}\n")
    assert "gridray clusters up http://moon:8265" in result.err


def test_a_wait_tells_that_the_controller_is_gone(
    silent: Filler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: end(silent))
    watching.wait(Output(), silent.store, "busy")
    assert capsys.readouterr().err.count(SILENT) == 1


def test_other_clusters_are_not_taken_for_the_local_one(
    call: Call, filler: Filler, dashboard: Dashboard
) -> None:
    filler.run("elsewhere", [running()], cluster=ClusterRecord("moon", "moon"))
    filler.run("of-another-home", [running()], cluster=ClusterRecord("local", "local-other"))
    for name in ("elsewhere", "of-another-home"):
        assert "not running" not in call("status", name).err


def test_an_outage_is_looked_for_every_ten_seconds(filled: Filler, dashboard: Dashboard) -> None:
    outage = stalls.Outage(filled.store, "busy")
    assert outage.look(100)
    dashboard.up()
    assert outage.look(109)
    assert not outage.look(110)
    dashboard.down()
    assert not outage.look(119)
    assert outage.look(120)


def end(filler: Filler) -> None:
    """Let both experiments of `busy` be over."""
    over = RunStatus(NOW, (succeeded(), succeeded()))
    filler.store.put_json("runs/busy/status.json", over.to_json())


def test_a_wait_tells_each_outage_once(
    filled: Filler,
    dashboard: Dashboard,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0
    events: dict[int, Callable[[], None]] = {
        30: dashboard.up,
        60: dashboard.down,
        90: lambda: end(filled),
    }

    def sleep(seconds: float) -> None:
        nonlocal now
        before, now = now, now + seconds
        for moment, event in events.items():
            if before < moment <= now:
                event()

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: now)
    watching.wait(Output(), filled.store, "busy")
    assert capsys.readouterr().err.count(WARNING.format("busy")) == 2


def test_watch_draws_an_outage_above_the_table(
    call: Call, filled: Filler, dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Output, "is_terminal", True)
    monkeypatch.setattr("time.sleep", lambda seconds: end(filled))
    first, last = call("status", "busy", "--watch").out.split("\x1b[H")[1:]
    assert first.splitlines()[1].startswith(WARNING.format("busy"))
    assert "not running" not in last and "2 succeeded" in last
