"""`docs/cli.md` is what the commands say, and the commands print what it says."""

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gridray.cli import reference
from gridray.datastores.create import create
from tests.cli.conftest import Call, Filler, fake_tensorboard, succeeded

DOCS = Path(__file__).parents[2] / "docs"
# Each call of the reference that needs no cluster, with real words.
CALLS = {
    "run --dry-run": "-o json run --dry-run train.py --lr [1,2]",
    "files": "files -o json",
    "files --why": "files --why train.py -o json",
    "sync-env": "sync-env -o json",
    "status": "status -o json",
    "status RUN": "status over -o json",
    "history": "history -o json",
    "why": "why over -o json",
    "cost": "cost -o json",
    "cost RUN": "cost over -o json",
    "retry": "retry good -o json",
    "logs": "logs over -l 1 -o json",
    "metrics": "metrics over -o json",
    "compare": "compare over good -o json",
    "tensorboard": "tensorboard busy -o json",
    "export": "export over points.csv -o json",
    "artifacts": "artifacts over -o json",
    "artifacts --list": "artifacts over --list -o json",
    "artifacts --bucket_path": "artifacts over --bucket_path -o json",
    "stop run": "stop run busy -o json",
    "stop experiment": "stop experiment busy-exp0 -o json",
    "delete run": "delete run over --yes -o json",
    "delete experiment": "delete experiment over-exp0 --yes -o json",
    "delete cluster": "delete cluster local --yes -o json",
    "datastore": "datastore -o json",
    "datastore create": "datastore create . --name mine -o json",
    "datastore delete": "datastore delete --name cats --version 1 --yes -o json",
    "datastore resume": "datastore resume -o json",
    "datastore resume --list": "datastore resume --list -o json",
    "datastore clearcache": "datastore clearcache -o json",
    "clusters": "clusters -o json",
    "clusters down": "clusters down local -o json",
    "clusters use": "clusters use local -o json",
    "user set-cluster-context": "user set-cluster-context local -o json",
    "doctor": "doctor -o json",
    "instance-types": "instance-types -o json",
    "config init": "config init new.yml -o json",
    "config check": "config check grid.yml -o json",
    "docs": "docs -o json",
    "docs TOPIC": "docs cli -o json",
    "version": "version -o json",
}
# tests/cluster/test_commands.py validates these.
NEED_A_CLUSTER = {"run", "rerun", "view", "dashboard", "clusters up"}
# tests/clusters/aws/test_lifecycle.py validates these.
NEED_AN_ACCOUNT = {"clusters aws", "clusters status", "clusters edit"}
# tests/ui/test_server.py validates it.
STAYS = {"ui"}


def test_the_page_is_fresh() -> None:
    path = DOCS / "cli.md"
    assert path.read_text("utf-8") == reference.markdown(), (
        f"`python -m gridray.cli.reference {path}` writes it anew"
    )


def test_every_call_is_checked() -> None:
    assert set(CALLS) | NEED_A_CLUSTER | NEED_AN_ACCOUNT | STAYS == set(reference.SHAPES)


@pytest.mark.parametrize("name", CALLS)
def test_output_fits_its_schema(
    name: str, call: Call, filled: Filler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").touch()
    (project / "grid.yml").write_text("compute: {train: {cpus: 2, framework: torch}}\n")
    monkeypatch.chdir(project)
    filled.run("good", [succeeded()])
    create(filled.store, str(project), "cats")
    monkeypatch.setenv("PATH", f"{fake_tensorboard(tmp_path)}:{os.environ['PATH']}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = call(*CALLS[name].split())
    assert result.code == 0, result.err
    schema: dict[str, Any] = reference.schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.validate(result.json, schema, format_checker=checker)
