"""What a plot takes for its axes."""

from gridray.metricrecords import Summary
from gridray.readers import runs
from gridray.records import Point, Row
from gridray.states import State
from gridray.store import Store
from gridray.ui import runtable
from gridray.ui.plotspanel import dot
from tests.builders import add_run


def test_a_metric_that_is_called_like_a_parameter_is_another_axis(store: Store) -> None:
    points = [Point({"lr": "0.1"}, ()), Point({"lr": "0.2"}, ())]
    add_run(store, "run", [Row(State.SUCCEEDED)] * 2, points=points)
    view = runs.run_view(store, "run", 0)
    summaries = {0: {"lr": Summary(0.1, 0.0, 0.0, 0.1, 2, 1, 1, 0)}}
    found = dot(view.experiments[0], summaries, runtable.names(view, summaries))
    assert (found.values["lr"], found.values["lr (metric)"]) == (0.1, 0.0)
