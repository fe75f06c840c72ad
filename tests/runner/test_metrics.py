"""The metrics of unchanged scripts reach the store, whatever happens to script and runner."""

import contextlib
import math
import signal
import time

import psutil

from gridray import layout, metricrecords
from gridray.layout import AttemptName
from gridray.metricrecords import Summary
from gridray.readers import metrics
from gridray.records import Row, RunStatus
from gridray.runner.metrics.collector import NAMES_SUMMARIZED
from gridray.states import State
from gridray.store import Store
from tests.runner.conftest import Attempt, Start, run_again

TENSORBOARD = """
from tensorboardX import SummaryWriter
for name, base in (("train", 2.0), ("validation", 3.0)):
    with SummaryWriter(f"logs/{name}") as writer:
        for step in range(5):
            writer.add_scalar("epoch_loss", base / (step + 1), step)
"""
# Each epoch is told, then the checkpoint is written; it is killed in between.
RESUMES = """
import json, os, pathlib, time
from tensorboardX import SummaryWriter
state = pathlib.Path("state")
first = int(state.read_text()) if state.exists() else 0
attempt = int(os.environ["GRIDRAY_ATTEMPT"])
with SummaryWriter("logs") as writer:
    for step in range(first, 8):
        writer.add_scalar("loss", 10 - step + attempt / 4, step)
        writer.flush()
        with open("metrics.jsonl", "a") as file:
            file.write(json.dumps({"step": step, "acc": step + attempt / 4}) + "\\n")
        if step == 5 and attempt == 0:
            print("killed here", flush=True)
            time.sleep(60)
        state.write_text(str(step + 1))
"""


def recorded(attempt: Attempt, state: State = State.SUCCEEDED) -> Store:
    """Return the store, where the controller has said how the attempt has ended."""
    row = Row(state, attempt=attempt.name.attempt)
    status = RunStatus(0, (row,)).to_json()
    attempt.store.put_json(layout.status(attempt.name.run), status)
    return attempt.store


def summaries(attempt: Attempt) -> dict[str, Summary]:
    word = attempt.state().metrics
    return metricrecords.summaries_from_json(word or {})


def test_a_tensorboard_script_shows_its_curves_without_any_option(start: Start) -> None:
    attempt = start(TENSORBOARD)
    state = attempt.wait()
    assert state.state is State.SUCCEEDED, attempt.output
    found = metrics.curves(recorded(attempt), "test-run", 0)
    assert set(found) == {"epoch_loss", "logs/validation/epoch_loss"}
    curve = found["epoch_loss"]
    assert curve.steps == (0, 1, 2, 3, 4)
    assert curve.values == (2.0, 1.0, 0.6666667, 0.5, 0.4)
    assert summaries(attempt)["epoch_loss"] == Summary(2.0, 0.4, 0.4, 2.0, 5, 4, 4, 0)


def test_a_resumed_experiment_has_each_step_once(start: Start) -> None:
    first = start(RESUMES)
    first.wait_for_log(b"killed here")
    first.wait_for_artifact("metrics.jsonl")
    first.process.send_signal(signal.SIGTERM)
    first.wait()
    assert summaries(first)["acc"].last_step == 5
    second = run_again(first, 1)
    assert second.wait().state is State.SUCCEEDED, second.output
    found = metrics.curves(recorded(second), "test-run", 0)
    assert list(found["loss"].steps) == list(found["acc"].steps) == list(range(8))
    assert list(found["loss"].values) == [10, 9, 8, 7, 6, 5.25, 4.25, 3.25]
    assert list(found["acc"].values) == [0, 1, 2, 3, 4, 5.25, 6.25, 7.25]
    # What the first attempt found at a step that was redone does not count.
    assert summaries(second)["loss"] == Summary(10, 3.25, 3.25, 10, 8, 7, 7, 0)
    assert summaries(second)["acc"] == Summary(0, 7.25, 0, 7.25, 8, 7, 0, 7)


def test_metrics_are_there_while_the_script_runs_and_after_its_runner_was_killed(
    start: Start,
) -> None:
    attempt = start(RESUMES)
    name = AttemptName("test-run", 0, 0)
    attempt.wait_until(lambda: attempt.store.exists(layout.attempt_summary(name)))
    store = recorded(attempt, State.RUNNING)
    attempt.wait_until(lambda: "loss" in metrics.summaries(store, "test-run").get(0, {}))
    attempt.process.kill()
    attempt.process.wait()
    found = metrics.summaries(store, "test-run")[0]
    assert found["acc"].last_step == 5 and found["system/memory"].greatest > 1_000_000
    assert metrics.curves(store, "test-run", 0)["acc"].steps == tuple(range(6))


def test_files_that_come_with_the_source_do_not_count(start: Start) -> None:
    attempt = start(
        "with open('metrics.jsonl', 'a') as file: file.write('{\"step\": 5, \"loss\": 1}\\n')\n"
        "open('old/metrics.csv')\n",
        files={"metrics.jsonl": '{"step": 1, "loss": 9}\n', "old/metrics.csv": "a,b\n1,2\n"},
    )
    assert attempt.wait().state is State.SUCCEEDED, attempt.output
    assert {name: each.count for name, each in summaries(attempt).items()} == {"loss": 1}


def test_printed_metrics_and_files_stand_side_by_side(start: Start) -> None:
    attempt = start(
        "import os; os.mkdir('sub')\n"
        "for step in range(3): print(f'epoch {step} loss: {3 - step} took 7s')\n"
        "open('sub/metrics.csv', 'w').write('step,loss\\n0,nan\\n1,inf\\n')\n",
        metrics={"loss": None, "seconds": r"took (\d+)s"},
    )
    assert attempt.wait().state is State.SUCCEEDED, attempt.output
    found = metrics.curves(recorded(attempt), "test-run", 0)
    loss = found["loss"]
    assert list(zip(loss.steps, loss.values, strict=True)) == [(0, 3), (1, 2), (2, 1)]
    assert list(found["seconds"].values) == [7, 7, 7]
    values = found["sub/loss"].values
    assert math.isnan(values[0]) and values[1] == math.inf


def test_damaged_files_are_told_and_cost_nothing_else(start: Start) -> None:
    attempt = start(
        "import os\n"
        "open('events.out.tfevents.1', 'wb').write(b'x' * 100)\n"
        "open('metrics.jsonl', 'w').write('no json\\n{\"loss\": 1}\\n')\n"
        "os.mkdir('fifo'); os.mkfifo('fifo/metrics.csv')\n"
        "os.mkdir('gone'); os.symlink('/nowhere', 'gone/metrics.csv')\n",
    )
    state = attempt.wait()
    assert state.state is State.SUCCEEDED and state.message is not None
    assert "events.out.tfevents.1: it is no file of events, or damaged" in state.message
    assert "metrics.jsonl: line 1 cannot be understood" in state.message
    assert list(summaries(attempt)) == ["loss"]
    assert metrics.notes(recorded(attempt), "test-run", 0) == (
        "events.out.tfevents.1: it is no file of events, or damaged; the rest of it was left out",
        "metrics.jsonl: line 1 cannot be understood",
    )


def test_a_script_without_metrics_costs_no_object(start: Start) -> None:
    attempt = start("print('nothing')")
    state = attempt.wait()
    assert (state.state, state.metrics) == (State.SUCCEEDED, {})
    keys = [entry.key for entry in attempt.store.entries(layout.attempt_prefix(attempt.name))]
    assert not [key for key in keys if "metrics" in key or "summary" in key]


def test_names_are_bounded(start: Start) -> None:
    attempt = start(
        "import json\n"
        "rows = ({f'm{i:03}': 1.0} for i in range(1000))\n"
        "open('metrics.jsonl', 'w').writelines(json.dumps(row) + '\\n' for row in rows)\n"
    )
    state = attempt.wait()
    assert state.state is State.SUCCEEDED and len(summaries(attempt)) == NAMES_SUMMARIZED
    assert state.message is not None and "more than 256 metrics" in state.message
    assert len(metrics.curves(recorded(attempt), "test-run", 0)) == 252


def test_a_million_points_are_thinned_within_bounded_memory(start: Start) -> None:
    attempt = start(
        "with open('metrics.jsonl', 'w') as file:\n"
        "    for step in range(1_000_000):\n"
        "        value = {333_333: 99, 666_666: -99}.get(step, step % 7)\n"
        '        file.write(f\'{{"step": {step}, "loss": {value}}}\\n\')\n',
    )
    runner = psutil.Process(attempt.process.pid)
    most = 0
    while attempt.process.poll() is None:
        with contextlib.suppress(psutil.Error):
            most = max(most, runner.memory_info().rss)
        time.sleep(0.05)
    assert attempt.wait().state is State.SUCCEEDED, attempt.output
    assert 0 < most < 120_000_000
    store = recorded(attempt)
    curve = metrics.curves(store, "test-run", 0)["loss"]
    assert len(curve.steps) < 25_000 and (curve.steps[0], curve.steps[-1]) == (0, 999_999)
    assert max(curve.values) == 99 and min(curve.values) == -99
    assert summaries(attempt)["loss"].count == 1_000_000
    stored = sum(entry.size for entry in store.entries(layout.metrics(attempt.name)))
    assert stored < 1_000_000


def test_what_python_does_not_understand_costs_no_result(start: Start) -> None:
    attempt = start("print('L=1')", metrics={"loss": "(?P<odd"})
    state = attempt.wait()
    assert state.state is State.SUCCEEDED, attempt.output
    assert "metrics could not be read" in (state.message or "")
