"""A real sweep from its launch to `compare`: the files themselves say the same."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import gridray
from gridray.clusters.cluster import Cluster
from gridray.layout import AttemptName, artifact, run_metrics
from gridray.metricrecords import RunMetrics
from gridray.readers import comparison, metrics
from gridray.store import Store
from tests.node.conftest import wait_until

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def gathered(store: Store, run: str) -> Mapping[int, object]:
    """Return what the controller has gathered, by the number of the experiment."""
    raw = store.find_json(run_metrics(run))
    return {} if raw is None else RunMetrics.from_json(raw).experiments


def test_compare_names_the_best_of_the_digits_sweep(
    cluster: Cluster, store: Store, tmp_path: Path
) -> None:
    project = tmp_path / "digits"
    shutil.copytree(DIGITS, project)
    # The one thing that it would have to install.
    (project / "tabulate.py").write_text("def tabulate(*_, **__): return ''")
    spec = gridray.RunSpec(
        script="train.py",
        args=("--lr", "[0.1, 0.001]", "--hidden", "[8, 32]", "--epochs", "4"),
        root=project,
        dependencies=False,
        metrics={"printed": r"loss=(\S+)"},
    )
    run = gridray.submit(spec)
    run.wait(timeout=200)
    files = {
        str(index): store.get(artifact(AttemptName(run.name, index, 0), "metrics.jsonl"))
        for index in range(4)
    }
    rows = {
        index: [json.loads(line) for line in data.splitlines()] for index, data in files.items()
    }
    accuracies = {index: max(row["accuracy"] for row in found) for index, found in rows.items()}
    greatest = max(accuracies.values())
    found = comparison.compare(store, [run.name], 0)
    assert (found.metric, found.params) == ("accuracy", ("lr", "hidden"))
    best = found.entries[0]
    assert accuracies[str(best.view.index)] == greatest == best.metrics["accuracy"].greatest
    # Readers hear an attempt's last word a moment before the controller does.
    wait_until(lambda: set(gathered(store, run.name)) == {0, 1, 2, 3})
    for index in range(4):
        curves = metrics.curves(store, run.name, index)
        losses = [row["loss"] for row in rows[str(index)]]
        assert list(curves["loss"].values) == losses == list(curves["printed"].values)
        assert list(curves["printed"].steps) == [1, 2, 3, 4]
