"""The main job on a real local Ray cluster, from the spec to the artifacts."""

import http.client
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import gridray
from gridray import actions, layout, settings
from gridray.clusters import local
from gridray.clusters.cluster import Cluster
from gridray.errors import AuthenticationError, ClusterError, ExistsError, NotFoundError
from gridray.rayjobs import RayJobs
from gridray.rayshapes import JobStatus
from gridray.states import Reason, State
from gridray.store import Store
from tests.cluster.conftest import Submit, wait_for
from tests.s3 import BUCKET

HELLO = Path(__file__).parents[2] / "examples" / "hello"
SEED = ("--number", "[1, 2]", "--food_item", "['pizza', 'hotdog']")
WAITS = """
import os, sys, time
print('started', flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.05)
open('done', 'w').write('done')
"""


def states(run: gridray.Run) -> list[State]:
    return [experiment.state for experiment in run.status().experiments]


def test_the_seeds_example(any_store: Store, cluster: Cluster) -> None:
    run = gridray.submit(gridray.RunSpec(script="hello.py", args=SEED, root=HELLO))
    view = run.wait(timeout=180)
    assert [each.state for each in view.experiments] == [State.SUCCEEDED] * 4
    params = [(each.params["number"], each.params["food_item"]) for each in view.experiments]
    assert params == [("1", "pizza"), ("2", "pizza"), ("1", "hotdog"), ("2", "hotdog")]
    assert view.experiments[1].command == (
        "python", "hello.py", "--number", "2", "--food_item", "pizza",
    )  # fmt: skip
    for experiment, (number, food) in zip(run.experiments, params, strict=True):
        text = f"Hello! {number} x {food}\n".encode()
        assert experiment.log() == text
        (artifact,) = experiment.artifacts()
        assert (artifact.path, any_store.get(artifact.key)) == ("greeting.txt", text)
    wait_for(lambda: not any_store.names(layout.active(cluster.key)), "the marker to go")
    jobs = cluster.jobs()
    names = [f"{run.name}-exp{index}-a0" for index in range(4)]
    wait_for(
        lambda: [jobs.jobs()[name].status for name in names] == [JobStatus.SUCCEEDED] * 4,
        "Ray to call the jobs over",
    )
    for index in range(4):
        raw = jobs._json("GET", f"/api/jobs/{run.name}-exp{index}-a0")
        assert raw["metadata"]["run"] == run.name
        assert raw["metadata"]["experiment"] == f"{run.name}-exp{index}"
        assert raw["metadata"]["attempt"] == "0"
        assert "AWS_SECRET_ACCESS_KEY" not in str(raw)


def test_experiments_on_one_node_at_once_do_not_share_files(submit: Submit) -> None:
    run = submit(
        "import sys, time\n"
        "for i in range(30):\n"
        "    open('weights.pt', 'w').write(sys.argv[2] * 1000); time.sleep(0.1)\n"
        "    assert open('weights.pt').read() == sys.argv[2] * 1000\n",
        "--x",
        "[1, 2]",
        cpus=0.5,
    )
    run.wait(timeout=120)
    assert states(run) == [State.SUCCEEDED] * 2


def test_a_killed_controller_is_but_a_pause(
    submit: Submit, cluster: Cluster, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    run = submit(WAITS, str(go), "[1, 2, 3]", cpus=0.5)
    wait_for(lambda: State.RUNNING in states(run), "a running experiment")
    controllers = [
        process
        for process in local._processes(cluster.key.removeprefix("local-"))
        if "ray::ControllerActor" in " ".join(process.cmdline())
    ]
    assert controllers
    for process in controllers:
        process.kill()
    go.touch()
    view = run.wait(timeout=180)
    assert [each.state for each in view.experiments] == [State.SUCCEEDED] * 3
    assert [each.attempt for each in view.experiments] == [0, 0, 0]


def test_a_stop_cancels_what_runs_and_what_waits(submit: Submit) -> None:
    run = submit(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open('saved', 'w').close(), sys.exit(0)))\n"
        "print('ready', flush=True); time.sleep(300)",
        "--x",
        "[1, 2, 3]",
        max_parallel=1,
    )
    wait_for(lambda: run.experiments[0].log() == b"ready\n", "the first to be ready")
    run.stop()
    view = run.wait(timeout=60)
    assert [each.state for each in view.experiments] == [State.CANCELLED] * 3
    assert [each.reason for each in view.experiments] == [Reason.STOPPED] * 3
    assert [each.path for each in run.experiments[0].artifacts()] == ["saved"]


def test_a_failure_is_told_from_a_success(submit: Submit) -> None:
    run = submit("import sys; print('bye'); sys.exit(int(sys.argv[2]))", "--code", "[0, 3]")
    view = run.wait(timeout=120)
    assert [each.state for each in view.experiments] == [State.SUCCEEDED, State.FAILED]
    assert [each.exit_code for each in view.experiments] == [0, 3]
    assert view.summary.state is State.FAILED


def test_the_controller_submits_no_more_than_max_parallel(submit: Submit, cluster: Cluster) -> None:
    run = submit("import time; time.sleep(0.2)", "--x", "[1, 2, 3]", max_parallel=1, cpus=0.1)
    view = run.wait(timeout=180)
    moments = [
        moment.timestamp()
        for each in view.experiments
        for moment in (each.started_at, each.ended_at)
        if moment is not None
    ]
    assert len(moments) == 6 and moments == sorted(moments)


def test_gpus_that_no_node_has_leave_nothing_behind(submit: Submit, store: Store) -> None:
    before = store.entries("sources/") + store.entries("active/")
    with pytest.raises(ClusterError, match="--gpus asks for 3 GPUs") as caught:
        submit("pass", gpus=3)
    assert caught.value.hint is not None
    after = store.entries("sources/") + store.entries("active/")
    assert [each for each in after if each not in before] == []


def test_a_name_that_exists_is_refused(submit: Submit, store: Store) -> None:
    run = submit("pass", name="the-only-one")
    with pytest.raises(ExistsError, match="the-only-one"):
        submit("pass", name="the-only-one")
    run.wait(timeout=60)
    run.delete()
    assert store.entries(layout.run_prefix("the-only-one")) == []
    with pytest.raises(NotFoundError):
        run.status()


def test_a_name_that_is_free_again_gets_a_run_of_its_own(submit: Submit) -> None:
    for text in ("first", "second"):
        run = submit(f"print('{text}')", name="used-again")
        (ended,) = run.wait(timeout=120).experiments
        assert (ended.state, ended.explanation) == (State.SUCCEEDED, "")
        assert run.experiments[0].log() == f"{text}\n".encode()
        run.delete()


def test_a_run_that_is_deleted_while_it_runs_is_ended(submit: Submit, store: Store) -> None:
    run = submit("import time; print('first', flush=True); time.sleep(300)", name="cut-short")
    wait_for(lambda: run.experiments[0].log() == b"first\n", "the script")
    actions.delete_run(store, "cut-short", force=True)
    assert store.entries(layout.run_prefix("cut-short")) == []
    run = submit("print('second')", name="cut-short")
    (experiment,) = run.wait(timeout=120).experiments
    assert (experiment.state, experiment.attempt) == (State.SUCCEEDED, 0)
    assert run.experiments[0].log() == b"second\n"
    run.delete()


def test_one_damaged_run_does_not_stop_the_others(
    submit: Submit, store: Store, cluster: Cluster
) -> None:
    store.put(layout.run_record("damaged"), b"{bad")
    store.put(layout.active_run(cluster.key, "damaged", "1"), b"")
    run = submit("print('fine')")
    assert [each.state for each in run.wait(timeout=120).experiments] == [State.SUCCEEDED]
    store.delete(layout.run_record("damaged"), layout.active_run(cluster.key, "damaged", "1"))


def test_an_existing_cluster_is_used_by_its_address(
    submit: Submit, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.token is not None
    monkeypatch.setenv("RAY_AUTH_TOKEN", cluster.token)
    run = submit("print('there')", cluster=cluster.address)
    assert [each.state for each in run.wait(timeout=120).experiments] == [State.SUCCEEDED]
    assert run.experiments[0].log() == b"there\n"


def test_the_cluster_is_closed(cluster: Cluster, submit: Submit) -> None:
    host = cluster.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    connection.request("GET", "/api/jobs/")
    assert connection.getresponse().status == 401
    connection.close()
    with pytest.raises(AuthenticationError, match="wants a token") as caught:
        RayJobs(cluster.address).jobs()
    assert caught.value.hint is not None and "RAY_AUTH_TOKEN" in caught.value.hint


def test_a_cluster_without_the_stores_credentials_says_so(
    submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRAY_STORE", f"s3://{BUCKET}/elsewhere")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "one of ours")
    with pytest.raises(ClusterError, match="was started without AWS_SESSION_TOKEN") as caught:
        submit("pass")
    assert "one of ours" not in str(caught.value)
    assert caught.value.hint is not None and "clusters down local" in caught.value.hint
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    assert Store(f"s3://{BUCKET}/elsewhere").entries("") == []


def test_a_script_that_prints_a_lot_and_writes_many_files(submit: Submit) -> None:
    run = submit(
        "for i in range(100_000): print('line', i)\n"
        "for i in range(2_000): open(f'file-{i}', 'w').write(str(i))\n"
    )
    assert [each.state for each in run.wait(timeout=180).experiments] == [State.SUCCEEDED]
    (experiment,) = run.experiments
    assert experiment.log() == b"".join(b"line %d\n" % i for i in range(100_000))
    assert len(experiment.artifacts()) == 2_000


def test_jobs_are_adopted_when_they_exist_already(cluster: Cluster) -> None:
    from gridray.rayshapes import Submission

    jobs = cluster.jobs()
    submission = Submission(f"adopt-{os.getpid()}", "true", cpus=0.1)
    jobs.submit(submission)
    jobs.submit(submission)
    wait_for(
        lambda: (
            (job := jobs.job(submission.submission_id)) is not None
            and job.status is JobStatus.SUCCEEDED
        ),
        "the job",
    )


def test_killing_the_client_after_submission_changes_nothing(
    tmp_path: Path, cluster: Cluster, store: Store
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "main.py").write_text("import time; time.sleep(2); print('alive')")
    program = (
        "import gridray, time, sys\n"
        "run = gridray.submit(gridray.RunSpec(script='main.py', name='killed-client'))\n"
        "print('submitted', flush=True); run.wait()"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path / "p", stdout=subprocess.PIPE
    )
    assert client.stdout is not None and client.stdout.readline() == b"submitted\n"
    client.kill()
    client.communicate()
    run = gridray.Run("killed-client")
    assert [each.state for each in run.wait(timeout=120).experiments] == [State.SUCCEEDED]
    assert run.experiments[0].log() == b"alive\n"


def test_an_interrupted_experiment_goes_on_from_its_files(submit: Submit) -> None:
    run = submit(
        "import os, time\n"
        "n = int(open('n').read()) if os.path.exists('n') else 0\n"
        "print('from', n, flush=True)\n"
        "while n < 40:\n"
        "    n += 1\n"
        "    open('steps', 'a').write(f'{n}\\n')\n"
        "    open('new', 'w').write(str(n)); os.replace('new', 'n')\n"
        "    time.sleep(0.1)\n",
        "--x",
        "1",
        auto_resume=True,
    )
    wait_for(lambda: run.experiments[0].log() == b"from 0\n", "the script")
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "gridray.runner" in words and run.name in words:
            process.kill()
    view = run.wait(timeout=120)
    (experiment,) = view.experiments
    assert (experiment.state, experiment.attempt) == (State.SUCCEEDED, 1)
    (steps,) = run.experiments[0].artifacts("^steps$")
    assert Store(settings.load().store).get(steps.key) == b"".join(
        b"%d\n" % n for n in range(1, 41)
    )
