"""Clusters in AWS from the first command to the last, with all that Gridray does on real nodes."""

import time
from pathlib import Path

import pytest

from tests.awsbox.account import Account, answers, reaches
from tests.awsbox.box import AwsBox
from tests.awsbox.machine import BoxError, wait_for
from tests.awsbox.user import User, fill_cache, running

# It goes on from the step that it had written.
SCRIPT = """
import pathlib, sys, time
done = pathlib.Path("done.txt")
begin = int(done.read_text()) if done.exists() else 0
for step in range(begin, 30):
    print("step", step, flush=True)
    time.sleep(1)
    done.write_text(str(step + 1))
"""
JOBS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8265/api/jobs/", timeout=5).status)
"""
PORTS = (22, 6379, 8265, 10001)
SPOT, ON_DEMAND = 0.2, 0.5


@pytest.fixture(scope="module")
def packages(box: AwsBox, tmp_path_factory: pytest.TempPathFactory) -> None:
    fill_cache(box, tmp_path_factory.mktemp("packages"))


@pytest.fixture
def user(box: AwsBox, packages: None, tmp_path: Path) -> User:
    return User(box, tmp_path / "laptop")


@pytest.mark.timeout(900)
def test_a_sweep_goes_on_after_a_spot_interruption(user: User, box: AwsBox, tmp_path: Path) -> None:
    for zone in "abcd":
        box.spot_price("g4dn.xlarge", f"us-west-2{zone}", f"{SPOT}")
    box.on_demand_price("g4dn.xlarge", f"{ON_DEMAND}")
    types = ("--instance-types", "g4dn.xlarge", "--max-workers", "2", "--idle-timeout", "0.5")
    user.makes_cluster("swept", *types)
    (head,) = running(box, spot=False)
    assert running(box, spot=True) == []

    (user.project / "train.py").write_text(SCRIPT)
    options = ("--instance_type", "g4dn.xlarge", "--use_spot", "--auto_resume", "--name", "sweep")
    user.types("run", *options, "train.py", "--lr", "[1, 2]")
    wait_for("both to run", lambda: user.states("sweep") == ["running"] * 2, 180)
    _closed(box, head, tmp_path)

    time.sleep(5)
    doomed = _instance_of(user, "sweep-exp0")
    box.preempt(doomed, notice=10)
    wait_for("the end of all", lambda: set(user.states("sweep")) == {"succeeded"}, 240)

    interrupted, other = user.asks("status", "sweep")["experiments"]
    assert (interrupted["attempt"], other["attempt"]) == (1, 0)
    first = user.types("logs", "sweep-exp0", "--attempt", "0", "--raw").splitlines()
    second = user.types("logs", "sweep-exp0", "--attempt", "1", "--raw").splitlines()
    assert first[0] == "step 0"
    assert second[-1] == "step 29"
    resumed = int(second[0].removeprefix("step "))
    assert 0 < resumed <= len(first)
    assert _instance_of(user, "sweep-exp0") != doomed

    _costs(user)
    wait_for("no worker to be left", lambda: running(box, spot=True) == [], 120)
    assert running(box, spot=False) == [head]
    user.types("clusters", "down", "swept", "--yes")
    _nothing_left(box)


@pytest.mark.timeout(600)
def test_workers_end_themselves_when_their_head_is_gone(user: User, box: AwsBox) -> None:
    types = ("--instance-types", "g4dn.xlarge", "--max-workers", "1", "--head-timeout", "60s")
    user.makes_cluster("headless", *types)
    (head,) = running(box, spot=False)
    (user.project / "train.py").write_text("import time; time.sleep(600)")
    user.types("run", "--instance_type", "g4dn.xlarge", "--use_spot", "--name", "long", "train.py")
    wait_for("it to run", lambda: user.states("long") == ["running"], 180)
    (worker,) = running(box, spot=True)

    box.kill_host(head, terminated=True)
    wait_for("the worker's end", lambda: running(box, spot=True) == [], 180)
    reason = box.instances()[worker]["StateReason"]["Code"]
    assert reason == "Client.InstanceInitiatedShutdown"
    user.types("clusters", "down", "headless", "--yes")
    _nothing_left(box)


def _instance_of(user: User, experiment: str) -> str:
    """Return the instance of an experiment's latest attempt."""
    (costs,) = [
        each for each in user.asks("cost", "sweep")["experiments"] if each["name"] == experiment
    ]
    found: str = costs["attempts"][-1]["instance_id"]
    return found


def _closed(box: AwsBox, head: str, place: Path) -> None:
    """Nothing of the head is open but SSH, and that to the user; its API asks for the token."""
    address = box.instances()[head]["PrivateIpAddress"]
    assert [port for port in PORTS if answers(address, port)] == [22]
    account = Account(box, place, "stranger")
    stranger, _ = account.launch(account.group("of-a-stranger"))
    assert [port for port in PORTS if reaches(box, stranger, address, port)] == []
    account.end_all()
    with pytest.raises(BoxError, match="401"):
        box.exec(head, "python", "-c", JOBS)


def _costs(user: User) -> None:
    """What the run has cost is the sum over its attempts, by hand."""
    costs = user.asks("cost", "sweep")
    attempts = [attempt for each in costs["experiments"] for attempt in each["attempts"]]
    assert [attempt["price"] for attempt in attempts] == [SPOT] * 3
    by_hand = sum(attempt["hours"] * attempt["share"] * SPOT for attempt in attempts)
    assert costs["cost"] == pytest.approx(by_hand, rel=1e-3)
    saved = sum(each["hours"] * each["share"] * (ON_DEMAND - SPOT) for each in attempts)
    assert costs["saved"] == pytest.approx(saved, rel=1e-3)
    assert [attempt["lost"] for attempt in attempts] == [True, False, False]


def _nothing_left(box: AwsBox) -> None:
    assert [*running(box, spot=True), *running(box, spot=False)] == []
    ec2 = box.client("ec2")
    assert ec2.describe_volumes()["Volumes"] == []
    ec2.close()
