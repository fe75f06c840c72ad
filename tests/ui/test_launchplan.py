"""What the form to launch from comes to."""

import inspect
from pathlib import Path

import pytest

from gridray import wording
from gridray.cli.run import run as cli_run
from gridray.errors import GridrayError
from gridray.ui import launchplan
from gridray.ui.launchfields import FIELDS, shareable
from tests.repositories import Repository


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text("pass\n")
    return {field.name: "" for field in FIELDS} | {"root": str(project), "script": "train.py"}


def test_a_form_is_a_spec(values: dict[str, str]) -> None:
    values |= {"args": '--lr "[1, 2]"', "memory": "2GB", "cpus": "2", "max_time": "1h"}
    values |= {"env": "A=1\n\nB=x y", "metric": "loss\nacc=a (.*)", "auto_resume": "yes"}
    values |= {"datastore_name": "cats:2"}
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


def test_the_plan_warns_of_what_this_machine_has_not(values: dict[str, str]) -> None:
    [told] = launchplan.look(values | {"cpus": "9000"}).warnings
    assert told.startswith("--cpus asks for 9000 CPUs, but this machine")


# Options of `run` that make no sense in a form, which always has a directory and shows a plan.
NOT_ASKED = {"config", "localdir", "dry_run", "wait", "datastore_version"}


def test_the_form_has_the_options_of_the_command() -> None:
    options = set(inspect.signature(cli_run).parameters) - {"out", "ctx", *NOT_ASKED}
    assert {field.name for field in FIELDS} == options | {"root"}


def test_all_that_a_run_needs_is_asked_for(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cret")
    (Path(values["root"]) / "more.env").write_text("B=2\nC=3\n")
    values |= {"secret": "TOKEN=HUB_TOKEN", "env": "A=1\nC=4\nHUB_TOKEN", "env_file": "more.env"}
    values |= {"image": "rayproject/ray:2.53", "scratch_size": "100", "scratch_mount_path": "/fast"}
    values |= {"on_build": "make\nmake install", "on_experiment_end": "rm -r cache"}
    values |= {"datastore_name": "cats:2\ndogs", "no_dependencies": "yes", "keep_going": "yes"}
    spec = launchplan.spec_of(values)
    assert spec.env == {"A": "1", "B": "2", "C": "4", "HUB_TOKEN": "s3cret"}
    assert spec.secrets == {"TOKEN": "HUB_TOKEN"} and spec.image == "rayproject/ray:2.53"
    assert spec.scratch is not None and (spec.scratch.size, spec.scratch.mount_path) == (
        100_000_000_000, "/fast",
    )  # fmt: skip
    assert spec.actions.on_build == ("make", "make install")
    assert spec.actions.on_experiment_end == ("rm -r cache",)
    assert [(each.name, each.version) for each in spec.datastores] == [("cats", 2), ("dogs", None)]
    assert not spec.dependencies and spec.hold_after is None
    found = launchplan.look(values)
    assert found.others == (
        ("Datastore", "cats:2 in /datastores/cats"),
        ("Datastore", "dogs in /datastores/dogs"),
        ("Scratch", "100.0 GB in /fast"),
        ("Secrets", "TOKEN"),
        ("Image", "rayproject/ray:2.53"),
        ("On build", "make\nmake install"),
        ("On experiment end", "rm -r cache"),
    )
    assert "s3cret" not in repr(found)


def test_a_run_of_a_commit_has_the_files_of_the_commit(
    values: dict[str, str], repository: Repository
) -> None:
    commit = repository.commit({"train.py": "pass\n"})
    repository.write({"later.py": "pass\n"})
    values["root"] = str(repository.path)
    files = launchplan.look(values).source.partition(",")[0]
    of_commit = launchplan.look(values | {"git": "HEAD"})
    assert files == wording.count(1 + int(of_commit.source.partition(" ")[0]), "file")
    assert dict(of_commit.others)["Commit"].startswith(commit[:10])
    cloned = launchplan.look(
        values | {"script": repository.url.replace(" ", "%20"), "args": "train.py --n 1"}
    )
    assert cloned.commands == ("name-exp0  python train.py --n 1",)


def test_an_address_has_no_secret_in_it() -> None:
    shell = {"HUB_TOKEN": "s3cret"}
    typed = "TOKEN=HUB_TOKEN\nKEY=hunter2\nhunter2\nHUB_TOKEN\n"
    assert shareable("secret", typed, shell) == "TOKEN=HUB_TOKEN\nHUB_TOKEN"
    assert shareable("script", "https://me:pw@host/a.git", shell) == "https://host/a.git"
    assert shareable("env", "A=1", shell) == "A=1"


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
        ({"metric": "loss=("}, "is no regular expression"),
        ({"secret": "NO_SUCH"}, "NO_SUCH is not set in this shell, or empty"),
        ({"secret": "A B=x"}, "--secret: it takes NAME, or NAME=VARIABLE"),
        ({"scratch_mount_path": "/fast"}, "needs --scratch_size"),
        ({"git": "no-such-ref"}, "--git needs a Git repository"),
        ({"image": "a", "dockerfile": "b"}, "contradict each other"),
        ({"hold_after": "2", "keep_going": "yes"}, "cannot both be meant"),
        ({"datastore_mount_dir": "/x"}, "goes with one --datastore_name"),
        ({"env_file": "none.env"}, "none.env"),
        ({"script": "https://host/a.git"}, "no script is named behind https://host/a.git"),
    ],
)
def test_what_cannot_be_meant_is_said(
    values: dict[str, str], fields: dict[str, str], words: str
) -> None:
    with pytest.raises(GridrayError) as caught:
        launchplan.look(values | fields)
    assert words in caught.value.message
