"""The table of a run, as data."""

import json
import math

import pytest

from gridray.metricrecords import Summary
from gridray.readers import runs
from gridray.records import Point, Row
from gridray.states import State
from gridray.store import Store
from gridray.ui import runtable
from tests.builders import add_run

POINTS = [
    Point({"lr": "0.1", "seed": "1", ":x": "a"}, ()),
    Point({"lr": "1e-3", "seed": "1", ":x": "b"}, ()),
]


def summary(value: float) -> Summary:
    return Summary(value, value, value - 1, value + 1, 3, 2, 0, 2)


def test_what_varies_is_shown_and_names_are_no_keys(store: Store) -> None:
    add_run(store, "run", [Row(State.SUCCEEDED), Row()], points=POINTS)
    view = runs.run_view(store, "run", 0)
    summaries = {0: {"loss": summary(math.nan), "system/cpu": summary(90.0)}}
    names = runtable.names(view, summaries)
    assert names.constant == {"seed"} and names.numeric == {"lr", "seed"}
    shown = [each.title for each in runtable.columns(names) if not each.hide]
    assert shown[2:5] == ["lr", ":x", "loss"] and "seed" not in shown
    first, second = runtable.rows(view, summaries, names)
    assert (first["m0"], first["g0"], first["s0"]) == ("nan", "nan", 91.0)
    assert second["p0"] == "1e-3" and "m0" not in second
    json.dumps([first, second], allow_nan=False)
    assert not any(key.startswith(":") for key in first)


def test_metrics_begin_with_the_one_that_experiments_are_compared_by(store: Store) -> None:
    add_run(store, "run", [Row(State.SUCCEEDED)])
    found = ("accuracy", "system/cpu", "train_loss", "a_rate", "val_loss")
    view = runs.run_view(store, "run", 0)
    summaries = {0: {name: summary(1.0) for name in found}}
    names = runtable.names(view, summaries)
    assert names.metrics == ("val_loss", "a_rate", "accuracy", "train_loss")
    assert names.system == ("system/cpu",)


def test_a_parameter_that_some_lack_varies(store: Store) -> None:
    points = [Point({"lr": "0.1", "seed": "1"}, ()), Point({"lr": "0.1"}, ())]
    add_run(store, "run", [Row(), Row()], points=points)
    names = runtable.names(runs.run_view(store, "run", 0), {})
    assert names.constant == {"lr"} and names.parameters == ("seed", "lr")


def test_what_is_no_unicode_can_be_sent(store: Store) -> None:
    add_run(store, "run", [Row(State.SUCCEEDED)], points=[Point({"caf\udce9": "\udce9"}, ())])
    view = runs.run_view(store, "run", 0)
    names = runtable.names(view, {})
    [row] = runtable.rows(view, {}, names)
    sent = [row["p0"], *(each.title for each in runtable.columns(names))]
    assert "".join(sent).encode()


def test_numbers() -> None:
    assert [runtable.number(each) for each in ("1e-3", "x", True, "nan", "inf")] == [
        0.001, None, None, None, None,
    ]  # fmt: skip


def test_experiments_that_a_text_names() -> None:
    known = [0, 1, 2, 5, 9]
    assert runtable.pick("0-2, 9,9", known) == [0, 1, 2, 9]
    assert runtable.pick("", known) == [] and runtable.pick("3-4", known) == []
    for text in ("a", "-", "1..2"):
        with pytest.raises(ValueError):
            runtable.pick(text, known)
