"""The box itself: what it plays, and that it leaves nothing behind."""

import base64
import contextlib
import json
import os
import secrets
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.awsbox.account import Account, answers, reaches
from tests.awsbox.box import AwsBox
from tests.awsbox.machine import BoxError, run, wait_for
from tests.awsbox.network import BRIDGE_ADDRESS
from tests.wheels import wheel

ASK = """
import sys, urllib.request
def ask(path, method, **headers):
    headers = {f"X-aws-ec2-metadata-{name.replace('_', '-')}": headers[name] for name in headers}
    where = f"http://169.254.169.254/latest/{path}"
    request = urllib.request.Request(where, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=5).read().decode()
token = ask("api/token", "PUT", token_ttl_seconds="60") if sys.argv[2:] == [] else "none"
print(ask(sys.argv[1], "GET", token=token), end="")
"""
SPOT: dict[str, Any] = {
    "InstanceMarketOptions": {"MarketType": "spot"},
    "InstanceType": "g4dn.xlarge",
}


@pytest.fixture
def account(box: AwsBox, tmp_path: Path) -> Account:
    return Account(box, tmp_path, f"test-{secrets.token_hex(4)}")


def metadata(box: AwsBox, instance_id: str, path: str) -> str:
    """Ask a host's metadata service, as version 2 of it wants it."""
    return box.exec(instance_id, "python", "-c", ASK, path)


def test_security_groups_say_who_comes_in(account: Account, box: AwsBox) -> None:
    heads, workers = account.group("heads"), account.group("workers")
    of_the_user = account.let_in(heads, 22, address=f"{BRIDGE_ADDRESS}/32")
    account.let_in(workers, 22, source=heads)
    head, heads_address = account.launch(heads)
    worker, workers_address = account.launch(workers)

    wait_for("the user's rule", lambda: answers(heads_address, 22), 30)
    assert not answers(workers_address, 22)
    wait_for("the rule of a group", lambda: reaches(box, head, workers_address, 22), 30)
    assert not reaches(box, worker, heads_address, 22)

    account.ec2.revoke_security_group_ingress(**of_the_user)
    wait_for("the end of the rule", lambda: not answers(heads_address, 22), 30)

    second, _ = account.launch(heads)
    wait_for("a new member", lambda: reaches(box, second, workers_address, 22), 30)
    account.end_all()


def test_ssh_takes_the_key_pair_only_and_shows_the_key_of_the_console(
    account: Account, box: AwsBox, tmp_path: Path
) -> None:
    group = account.group("all")
    account.let_in(group, 22, address="0.0.0.0/0")
    instance, address = account.launch(group)

    answer = account.ssh(instance, address, "echo $AWS_ENDPOINT_URL; sudo -n -u root hostname")
    assert answer.stdout.split() == [
        box.state["endpoint"],
        "ip-" + address.replace(".", "-"),
    ], answer.stderr

    other = tmp_path / "other"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
    refused = account.ssh(instance, address, "true", key=other)
    assert refused.returncode == 255
    assert "Permission denied (publickey)" in refused.stderr
    account.end_all()


def test_a_spot_instance_is_told_of_its_end(account: Account, box: AwsBox) -> None:
    instance, address = account.launch(account.group("spot"), **SPOT)
    with pytest.raises(BoxError, match="401"):
        box.exec(instance, "python", "-c", ASK, "meta-data/instance-id", "without-a-token")
    assert metadata(box, instance, "meta-data/local-ipv4") == address
    assert metadata(box, instance, "meta-data/instance-life-cycle") == "spot"
    with pytest.raises(BoxError, match="404"):
        metadata(box, instance, "meta-data/spot/instance-action")

    box.preempt(instance, notice=2, wait=False)
    notice = json.loads(metadata(box, instance, "meta-data/spot/instance-action"))
    assert notice["action"] == "terminate"
    wait_for("its end", lambda: account.state(instance) == "terminated", 20)
    assert instance not in box.hosts()
    reason = box.instances()[instance]["StateReason"]["Code"]
    assert reason == "Server.SpotInstanceTermination"


def test_a_host_has_the_role_of_its_profile(account: Account, box: AwsBox) -> None:
    iam, name = box.client("iam"), account.name
    iam.create_instance_profile(InstanceProfileName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    group = account.group("roles")
    asked = {"IamInstanceProfile": {"Name": name}, "MaxCount": 2}
    instance, _ = account.launch(group, last=True, **asked)
    ask = "import boto3; boto3.client('sts', region_name='us-west-2').get_caller_identity()"

    def answered() -> bool:
        with contextlib.suppress(BoxError):
            box.exec(instance, "python", "-c", ask)
            return True
        return False

    wait_for("its role", answered, 30)
    assert ("role", "sts:GetCallerIdentity") in box.api_calls()
    launched = box.instances()
    assert launched[instance]["AmiLaunchIndex"] == 1
    without, _ = account.launch(group)
    with pytest.raises(BoxError, match="Unable to locate credentials"):
        box.exec(without, "python", "-c", ask)
    account.end_all()


@pytest.mark.parametrize(
    ("behaviour", "command", "state"),
    [("terminate", "sudo shutdown -h now", "terminated"), ("stop", "poweroff", "stopped")],
)
def test_a_host_that_shuts_itself_down(
    account: Account, box: AwsBox, behaviour: str, command: str, state: str
) -> None:
    instance, _ = account.launch(account.group("own"), InstanceInitiatedShutdownBehavior=behaviour)
    box.exec(instance, "sh", "-c", command)
    wait_for("its end", lambda: account.state(instance) == state, 20)
    assert instance not in box.hosts()


def test_a_host_that_dies_has_an_instance_that_runs(account: Account, box: AwsBox) -> None:
    instance, address = account.launch(account.group("dead"))
    box.kill_host(instance)
    assert not answers(address, 22)
    assert instance not in box.hosts()
    assert account.state(instance) == "running"
    account.end_all()


def test_a_host_changes_nothing_but_itself(account: Account, box: AwsBox) -> None:
    instance, _ = account.launch(account.group("layers"))
    places = ["/etc/of-a-host", "/usr/local/bin/of-a-host", f"{Path(__file__).parent}/of-a-host"]
    for place in places:
        box.exec(instance, "sh", "-c", f"echo so >{place} && cat {place}")
    assert [place for place in places if Path(place).exists()] == []
    account.end_all()


def test_packages_are_installed_without_an_index(
    account: Account, box: AwsBox, tmp_path: Path
) -> None:
    name = f"of-the-box-{secrets.token_hex(4)}"
    path = wheel(tmp_path, name, "1.2")
    box.fill_cache(str(path))
    instance, _ = account.launch(account.group("packages"))
    box.exec(instance, "uv", "venv", "-q", "E")
    text = base64.b64encode(path.read_bytes()).decode()
    box.exec(instance, "sh", "-c", f"echo {text} | base64 -d >{path.name}")
    box.exec(instance, "uv", "pip", "install", "-q", "--python", "E/bin/python", path.name)
    module = name.replace("-", "_")
    shown = box.exec(instance, "E/bin/python", "-c", f"import {module} as m; print(m.__version__)")
    assert shown == "1.2\n"
    account.end_all()


def test_a_box_that_is_killed_leaves_nothing_to_the_next(account: Account, box: AwsBox) -> None:
    instance, _ = account.launch(account.group("left"))
    hosts_first = int(run("ip", "netns", "pids", f"abx-{instance}").split()[-1])
    os.kill(box.state["pid"], signal.SIGKILL)
    wait_for("the host's end", lambda: not Path(f"/proc/{hosts_first}").exists(), 30)
    assert f"abx-{instance}" in run("ip", "netns", "list")

    box.stop()
    box.start(for_good=False)
    assert "abx-" not in run("ip", "netns", "list")
    assert box.instances() == {}
    assert box.hosts() == []
