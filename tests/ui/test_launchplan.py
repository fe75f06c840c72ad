"""What the form to launch from comes to."""

from pathlib import Path

import pytest

from gridray.errors import GridrayError
from gridray.ui import launchplan

FIELDS = (
    "script args name cluster cpus gpus memory max_parallel root strategy num_trials "
    "instance_type spot_fallback max_time max_cost retries datastore env metrics use_spot "
    "auto_resume"
).split()


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text("pass\n")
    return dict.fromkeys(FIELDS, "") | {"root": str(project), "script": "train.py"}


def test_a_form_is_a_spec(values: dict[str, str]) -> None:
    values |= {"args": '--lr "[1, 2]"', "memory": "2GB", "cpus": "2", "max_time": "1h"}
    values |= {"env": "A=1\n\nB=x y", "metrics": "loss\nacc=a (.*)", "auto_resume": "yes"}
    values |= {"datastore": "cats 2"}
    spec = launchplan.spec_of(values)
    assert spec.args == ("--lr", "[1, 2]") and spec.env == {"A": "1", "B": "x y"}
    assert (spec.memory, spec.cpus, spec.max_time) == (2_000_000_000, 2, 3600)
    assert spec.metrics == {"loss": None, "acc": "a (.*)"} and spec.auto_resume
    assert [(each.name, each.version) for each in spec.datastores] == [("cats", 2)]


def test_the_plan_lists_the_first_experiments(values: dict[str, str]) -> None:
    found = launchplan.look(values | {"args": "--n 'range(0, 120)'", "name": "many"})
    assert (found.count, len(found.commands)) == (120, launchplan.LISTED)
    assert found.commands[1] == "many-exp1  python train.py --n 1"
    assert (found.each, found.cluster, found.source) == ("1 CPU", "local", "1 file, 5 B")
    assert found.price == "not known for this cluster"


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"root": "~nobody-here/x"}, "in nobody's home"),
        ({"script": "trian.py"}, "'trian.py' does not exist"),
        ({"args": '--lr "[1, 2'}, "No closing quotation"),
        ({"args": "--lr '[1, '"}, "lr"),
        ({"cpus": "many"}, "--cpus 'many'"),
        ({"memory": "lots"}, "--memory 'lots'"),
        ({"name": "Bad_Name"}, "'Bad_Name' is no name for a run"),
        ({"env": "NO_VALUE"}, "NO_VALUE"),
        ({"metrics": "loss=("}, "is no regular expression"),
    ],
)
def test_what_cannot_be_meant_is_said(
    values: dict[str, str], fields: dict[str, str], words: str
) -> None:
    with pytest.raises(GridrayError) as caught:
        launchplan.look(values | fields)
    assert words in caught.value.message
