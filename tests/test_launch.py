"""Planning touches nothing, and a submission that fails leaves nothing."""

from pathlib import Path

import pytest

from gridray import launch, layout, recording, settings
from gridray.clusters.cluster import Cluster
from gridray.errors import ClusterError, ExistsError, NotFoundError, StoreError, UsageError
from gridray.launch import Plan, plan
from gridray.records import RunRecord, SourceRecord
from gridray.spec import RunSpec
from gridray.store import Store
from tests.dashboard import Dashboard

CLUSTER = Cluster("local", "local-1", "http://127.0.0.1:1", None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    for name in ("main.py", "sub/train.sh", "ignored.py"):
        (root / name).write_text("")
    (root / "plain").write_text("")
    (root / ".gitignore").write_text("ignored.py\n")
    return root


def planned(project: Path, script: str, *args: str) -> Plan:
    return plan(RunSpec(script=script, args=args, root=project))


def test_a_plan_knows_everything_and_writes_nothing(project: Path, tmp_path: Path) -> None:
    made = planned(project, "main.py", "--lr", "[1, 2]")
    assert [point.argv for point in made.points()] == [("--lr", "1"), ("--lr", "2")]
    assert [file.path for file in made.manifest.files] == [
        ".gitignore",
        "main.py",
        "plain",
        "sub/train.sh",
    ]
    assert made.resources.cpus == 1
    assert not (tmp_path / "gridray-home").exists()


def test_a_script_may_be_named_from_elsewhere_in_the_tree(project: Path) -> None:
    assert planned(project, "sub/../sub/train.sh").script == "sub/train.sh"
    assert planned(project, str(project / "main.py")).script == "main.py"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("none.py", "does not exist"),
        ("sub", "is a directory"),
        ("../outside.py", "outside"),
        ("plain", "not executable"),
        ("ignored.py", "would not go along"),
    ],
)
def test_a_script_that_cannot_be_run_is_named(project: Path, script: str, why: str) -> None:
    (project.parent / "outside.py").write_text("")
    with pytest.raises(UsageError, match=why) as caught:
        planned(project, script)
    assert script in caught.value.message and caught.value.hint


def record(name: str = "run") -> RunRecord:
    made = plan(RunSpec(script="main.py", root=Path("project").absolute()))
    return launch._record(made, name, CLUSTER, SourceRecord("0", 0, 0, 0))


@pytest.fixture
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.parent)


@pytest.mark.usefixtures("in_project")
def test_a_record_that_cannot_be_written_takes_everything_back(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    (tmp_path / "store" / layout.run_record("run")).mkdir(parents=True)
    with pytest.raises((StoreError, ExistsError)):
        recording.write(store, record(), [], {layout.changes("run"): b"changes"})
    assert store.entries("runs/") == [] and store.entries("active/") == []


@pytest.mark.usefixtures("in_project")
def test_secrets_are_there_before_the_run_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = record()
    seen: list[list[str]] = []

    def create(key: str, value: object) -> None:
        seen.append([each.key for each in store.entries("runs/run/secrets/")])
        Store.create_json(store, key, value)

    monkeypatch.setattr(store, "create_json", create)
    key = layout.sealed("run", made.identity)
    recording.write(store, made, [], {key: b"sealed secrets"})
    assert seen == [[], [key]] and store.get(key) == b"sealed secrets"


def test_a_secret_that_is_not_set_is_named_before_anything_is_done(project: Path) -> None:
    spec = RunSpec(script="main.py", root=project, secrets={"A": "HOME", "B": "NOT_SET_HERE"})
    with pytest.raises(UsageError, match=r"NOT_SET_HERE is not set .* the secret B"):
        plan(spec)


def test_a_cluster_without_a_token_takes_no_secrets(
    project: Path, dashboard: Dashboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "a value")
    monkeypatch.setenv("GRIDRAY_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(launch, "settle", lambda _, placement, asked: (placement, asked))
    dashboard.answers["GET", "/api/version"] = (200, {"ray_version": "2.60.0"})
    address = f"http://127.0.0.1:{dashboard.server_port}"
    spec = RunSpec(script="main.py", root=project, secrets={"A": "MINE"}, cluster=address)
    with pytest.raises(ClusterError, match="the cluster has no token") as caught:
        launch.submit(plan(spec))
    assert caught.value.hint is not None and "RAY_AUTH_TOKEN" in caught.value.hint
    assert not (tmp_path / "store").exists()


@pytest.mark.usefixtures("in_project")
def test_two_runs_of_one_name_cannot_both_exist(store: Store) -> None:
    recording.write(store, record(), [], {})
    before = store.entries("")
    with pytest.raises(ExistsError, match="'run'") as caught:
        recording.write(store, record(), [], {})
    assert store.entries("") == before
    assert caught.value.hint is not None and "delete run run" in caught.value.hint


def test_an_unchanged_tree_is_not_uploaded_again(project: Path, store: Store) -> None:
    first, is_new = launch._put_source(store, planned(project, "main.py").manifest)
    assert is_new
    key = layout.source(first.digest)
    store.delete(key)
    store.put(key, b"a mark")
    again, is_new = launch._put_source(store, planned(project, "main.py").manifest)
    assert not is_new and again.digest == first.digest and store.get(key) == b"a mark"
    (project / "main.py").write_text("changed")
    other, is_new = launch._put_source(store, planned(project, "main.py").manifest)
    assert is_new and other.digest != first.digest


def test_an_unknown_cluster_is_named(project: Path) -> None:
    made = plan(RunSpec(script="main.py", root=project, cluster="nowhere"))
    with pytest.raises(NotFoundError, match="'nowhere'") as caught:
        launch.submit(made)
    assert caught.value.hint is not None and "http://host:8265" in caught.value.hint


def test_this_machine_is_not_started_for_instances_that_it_has_not(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRAY_STORE", str(tmp_path / "store"))
    spec = RunSpec(script="main.py", root=project, instance_type="1_t4_16gb", cluster="local")
    with pytest.raises(
        ClusterError, match=r"--instance_type g4dn.xlarge: the cluster local has no"
    ):
        launch.submit(plan(spec))
    assert not (tmp_path / "store").exists() and not (settings.home() / "local").exists()
