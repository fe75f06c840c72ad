"""A file of Grid's runs as it is, if it asks for no instances where there are none."""

from pathlib import Path

import pytest

import gridray
from gridray.cli.app import main
from gridray.clusters.cluster import Cluster
from gridray.store import Store

GRID = """\
compute:
  provider: {{cluster: local}}
  train:
    framework: lightning
    instance: null
    cpus: 1
    gpus: 0
    use_spot: false
    auto_resume: false
    localdir: false
    storage_gb: null
    dockerfile: null
    environment: {{KEY: value}}
    dependency_file_info: {{path: null, package_manager: pip}}
    datastore_name: null
    datastore_version: null
    datastore_mount_dir: null
    scratch: {{size_gb: 0.001, mount_path: {scratch}}}
    actions: {{on_build: [], on_build_start: [], on_build_end: [], on_experiment_start: [],
              on_experiment_end: []}}
hyper_params:
  settings: {{strategy: grid_search, strategy_options: {{num_trials: 1, seed: 0}}}}
  params: {{--foo: [1, 2], -bar: something}}
"""
SHOWS = "import os, sys; print(os.environ['KEY'], *sys.argv[1:])"


def test_a_file_of_grids_runs(
    cluster: Cluster, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.py").write_text(SHOWS)
    (project / "grid.yml").write_text(GRID.format(scratch=tmp_path / "scratch"))
    monkeypatch.chdir(project)
    with pytest.raises(SystemExit) as end:
        main(["run", "--config", "grid.yml", "--name", "grids", "--wait", "main.py", "--own", "x"])
    assert end.value.code == 0
    logs = [each.log() for each in gridray.Run("grids").experiments]
    assert logs == [f"value --own x --foo {foo} -bar something\n".encode() for foo in (1, 2)]
