"""Environments on a real cluster: built once for a run, failed once; and the way to a container."""

import secrets
import sys
from pathlib import Path

import pytest

import gridray
from gridray import bundle
from gridray.clusters.cluster import Cluster
from gridray.layout import AttemptName
from gridray.rayshapes import JobStatus, Submission
from gridray.readers import logs
from gridray.states import Reason, State
from gridray.store import Store
from tests.cluster.conftest import wait_for
from tests.wheels import wheel


@pytest.fixture
def project(tmp_path: Path, cluster: Cluster) -> Path:
    """A directory that installs from wheels that go along with it, and from nowhere else."""
    root = tmp_path / "project"
    root.mkdir()
    wheel(root / "wheels", "tiny", "1.0")
    (root / "main.py").write_text("import tiny, ray; print(tiny.__version__, ray.__version__)")
    (root / "requirements.txt").write_text("--no-index\n--find-links wheels\ntiny\n")
    return root


def run(root: Path) -> gridray.Run:
    spec = gridray.RunSpec(script="main.py", args=("--n", "range(4)"), root=root)
    submitted = gridray.submit(spec)
    submitted.wait(timeout=120)
    return submitted


def build_log(store: Store, run: str, index: int) -> str:
    return b"".join(logs.raw(store, AttemptName(run, index, 0), "build")).decode()


def test_a_run_builds_once(project: Path, store: Store) -> None:
    made = run(project)
    assert all(each.status().state is State.SUCCEEDED for each in made.experiments)
    import ray

    assert {each.log().decode() for each in made.experiments} == {f"1.0 {ray.__version__}\n"}
    told = [build_log(store, made.name, index) for index in range(4)]
    assert [text.startswith("built before") for text in told].count(False) == 1
    assert all("tiny==1.0" in text for text in told)


def test_a_build_that_fails_fails_all_of_it(project: Path, store: Store) -> None:
    (project / "requirements.txt").write_text("--no-index\nnowhere-to-be-found\n")
    made = run(project)
    states = [each.status() for each in made.experiments]
    assert {each.reason for each in states} == {Reason.BUILD_FAILED}
    assert "nowhere-to-be-found" in build_log(store, made.name, 0)


def test_what_starts_in_a_container_fetches_gridray_from_ray(cluster: Cluster) -> None:
    jobs = cluster.jobs()
    package = bundle.package_name(bundle.identity())
    if not jobs.has_package(package):
        jobs.upload_package(package, bundle.build())
    # Where Ray runs, but without a directory of the job's own, as in a container.
    command = bundle.container_entrypoint(package, "gridray", "version")
    name = f"container-{secrets.token_hex(4)}"
    python = f"PATH={Path(sys.executable).parent}:$PATH; "
    jobs.submit(Submission(name, python + command, runtime_env={"env_vars": {}}, cpus=1))
    wait_for(lambda: jobs.jobs()[name].status.is_terminal, "the job")
    assert jobs.jobs()[name].status is JobStatus.SUCCEEDED, jobs.logs(name)
    assert gridray.__version__ in jobs.logs(name)
