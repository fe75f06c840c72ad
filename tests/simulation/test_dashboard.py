"""The simulation answers as Ray does: to the client of Gridray, and by Ray's own models."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gridray import bundle, layout
from gridray.errors import AuthenticationError, ClusterError
from gridray.layout import AttemptName
from gridray.rayjobs import RayJobs
from gridray.rayshapes import JobError, JobStatus, Submission
from gridray.records import FENCED, AttemptState, decode
from gridray.states import State
from gridray.store import Store
from tests.simulation.cluster import DETECTION, START_TIMEOUT, PlayedCluster
from tests.simulation.dashboard import TOKEN, PlayedDashboard
from tests.simulation.driving import START
from tests.simulation.fate import NONE

NAME = AttemptName("sweep", 0, 0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store with space"))


@pytest.fixture
def cluster(store: Store) -> PlayedCluster:
    return PlayedCluster(store, seed=1, trouble=NONE, nodes=1, slots=2, now=START)


@pytest.fixture
def dashboard(cluster: PlayedCluster) -> Iterator[PlayedDashboard]:
    with PlayedDashboard(cluster) as dashboard:
        yield dashboard


@pytest.fixture
def jobs(dashboard: PlayedDashboard) -> RayJobs:
    return RayJobs(dashboard.address, TOKEN)


def submission(store: Store, index: int = 0) -> Submission:
    name = AttemptName("sweep", index, 0)
    words = [store.url, name.run, "identity", str(name.index), str(name.attempt)]
    entrypoint = bundle.entrypoint("python", "gridray.runner", *words)
    return Submission(str(name), entrypoint, {"run": name.run}, cpus=1)


def test_a_job_waits_runs_and_ends_and_its_runner_says_so(store: Store, jobs: RayJobs) -> None:
    for index in range(3):
        jobs.submit(submission(store, index))
    found = [job.status for job in jobs.jobs().values()]
    assert found == [JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.PENDING]
    for _ in range(40):
        found = [job.status for job in jobs.jobs().values()]
    assert found == [JobStatus.SUCCEEDED] * 3
    key = layout.attempt_state(NAME)
    word = decode(AttemptState, store.get_json(key), key)
    assert word.state is State.SUCCEEDED and word.exit_code == 0


def test_jobs_are_what_ray_itself_would_send(
    store: Store, cluster: PlayedCluster, jobs: RayJobs
) -> None:
    from ray.dashboard.modules.job.pydantic_models import JobDetails

    jobs.submit(submission(store))
    for raw in json.loads(cluster.listing()):
        assert JobDetails(**raw).submission_id == "sweep-exp0-a0"
        assert set(raw) == set(JobDetails.model_fields)


def test_an_id_is_taken_once(store: Store, dashboard: PlayedDashboard, jobs: RayJobs) -> None:
    jobs.submit(submission(store))
    body = json.dumps({"submission_id": "sweep-exp0-a0", "entrypoint": "true"})
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.server_port)
    connection.request("POST", "/api/jobs/", body, {"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    assert answer.status == 500 and b"already exists" in answer.read()
    connection.close()
    assert dashboard.refused_again == 1


def test_a_lost_node_takes_its_jobs_along(
    store: Store, cluster: PlayedCluster, jobs: RayJobs
) -> None:
    jobs.submit(submission(store))
    jobs.jobs()
    cluster.trouble = replace(NONE, node_lost=1.0)
    for _ in range(DETECTION + 1):
        found = jobs.jobs()
    assert found["sweep-exp0-a0"].error is JobError.NODE_LOST


def test_a_job_that_never_starts(store: Store, cluster: PlayedCluster, jobs: RayJobs) -> None:
    cluster.trouble = replace(NONE, never_starts=1.0)
    jobs.submit(submission(store))
    for _ in range(START_TIMEOUT):
        found = jobs.jobs()
    assert found["sweep-exp0-a0"].error is JobError.START_TIMEOUT


@pytest.mark.parametrize("wish", [FENCED, {"grace": 1.0}], ids=["fenced", "stopped"])
def test_a_runner_hears_what_the_controller_wants(
    store: Store, jobs: RayJobs, wish: dict[str, float]
) -> None:
    jobs.submit(submission(store))
    store.put_json(layout.attempt_stop(NAME), wish)
    for _ in range(40):
        jobs.jobs()
    key = layout.attempt_state(NAME)
    state = decode(AttemptState, store.get_json(key), key).state
    assert state is (State.BUILDING if wish == FENCED else State.CANCELLED)


def test_answers_that_do_not_come(store: Store, cluster: PlayedCluster, jobs: RayJobs) -> None:
    cluster.trouble = replace(NONE, answer_lost=1.0)
    with pytest.raises(ClusterError, match="no Ray cluster answers"):
        jobs.submit(submission(store))
    assert list(cluster.jobs) == ["sweep-exp0-a0"]
    cluster.trouble = replace(NONE, submission_refused=1.0)
    with pytest.raises(ClusterError, match="took no job"):
        jobs.submit(submission(store, 1))
    assert list(cluster.jobs) == ["sweep-exp0-a0"]
    cluster.trouble = replace(NONE, list_refused=1.0)
    with pytest.raises(ClusterError, match="answered 500"):
        jobs.jobs()
    cluster.trouble = replace(NONE, list_lost=1.0)
    with pytest.raises(ClusterError, match="no Ray cluster answers"):
        jobs.jobs()


def test_the_rest_of_the_dashboard(dashboard: PlayedDashboard, jobs: RayJobs) -> None:
    assert jobs.version() == "2.60.0"
    assert [node.resources["CPU"] for node in jobs.nodes()] == [2.0]
    assert not jobs.is_autoscaling() and not jobs.has_actor("controller")
    assert not jobs.has_package("package.zip")
    jobs.upload_package("package.zip", b"data")
    assert jobs.has_package("package.zip")
    assert jobs.job("nobody") is None
    with pytest.raises(AuthenticationError):
        RayJobs(dashboard.address, "another token").version()
