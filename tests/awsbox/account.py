"""What tests do by hand in the box: groups, keys, instances, and SSH to them."""

import base64
import contextlib
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

from tests.awsbox.box import AwsBox
from tests.awsbox.machine import BoxError, run, wait_for


class Account:
    """A user's AWS account in a box, with a key pair; instances are launched for one test."""

    def __init__(self, box: AwsBox, place: Path, name: str) -> None:
        self.box, self.name, self._place = box, name, place
        self._launched: list[str] = []
        self.ec2 = box.client("ec2")
        self.subnet = self.ec2.describe_subnets()["Subnets"][0]
        self.key = place / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
        public = self.key.with_suffix(".pub").read_bytes()
        self.ec2.import_key_pair(KeyName=name, PublicKeyMaterial=public)

    def group(self, name: str) -> str:
        """Make a security group that lets nobody in, and return its id."""
        made: str = self.ec2.create_security_group(
            GroupName=f"{self.name}-{name}", Description="test", VpcId=self.subnet["VpcId"]
        )["GroupId"]
        return made

    def let_in(self, group: str, port: int, address: str = "", source: str = "") -> dict[str, Any]:
        """Let TCP from addresses or a group in; return what `revoke` takes."""
        permission: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        if address:
            permission["IpRanges"] = [{"CidrIp": address}]
        if source:
            permission["UserIdGroupPairs"] = [{"GroupId": source}]
        rule = {"GroupId": group, "IpPermissions": [permission]}
        self.ec2.authorize_security_group_ingress(**rule)
        return rule

    def launch(self, *groups: str, last: bool = False, **more: Any) -> tuple[str, str]:
        """Launch an instance; return its id and address once its host is up.

        If there are more than one it is the first that is returned, or the last.
        """
        asked = {
            "ImageId": "ami-785db401",
            "InstanceType": "m5.large",
            "KeyName": self.name,
            "SubnetId": self.subnet["SubnetId"],
            "SecurityGroupIds": list(groups),
            "MinCount": 1,
            "MaxCount": 1,
        }
        launched = self.ec2.run_instances(**asked | more)["Instances"]
        instance = launched[-1 if last else 0]
        self._launched += [each["InstanceId"] for each in launched]
        wait_for("a host", lambda: instance["InstanceId"] in self.box.hosts(), 30)
        return instance["InstanceId"], instance["PrivateIpAddress"]

    def end_all(self) -> None:
        """Terminate what was launched."""
        self.ec2.terminate_instances(InstanceIds=self._launched)

    def state(self, instance_id: str) -> str:
        found: str = self.box.instances()[instance_id]["State"]["Name"]
        return found

    def ssh(
        self, instance_id: str, address: str, *command: str, key: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command by SSH, with the host key that the console has told."""
        output = self.ec2.get_console_output(InstanceId=instance_id)["Output"]
        told = re.search(r"-----BEGIN SSH HOST KEY KEYS-----\n(ssh-ed25519 \S+)", as_text(output))
        assert told is not None, output
        known = self._place / "known_hosts"
        known.write_text(f"{address} {told[1]}\n")
        options = ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", "BatchMode=yes"]
        options += ["ConnectTimeout=5", "IdentitiesOnly=yes"]
        words = [word for option in options for word in ("-o", option)]
        return subprocess.run(
            ["ssh", "-F", "none", *words, "-i", key or self.key, f"ubuntu@{address}", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
        )


def as_text(output: str) -> str:
    """Return the console's text: botocore decodes it, or not."""
    return output if "-----" in output else base64.b64decode(output).decode()


def answers(address: str, port: int) -> bool:
    """Say whether the user's own machine gets a connection there."""
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def reaches(box: AwsBox, instance_id: str, address: str, port: int) -> bool:
    """Say whether a host gets a connection to another."""
    with contextlib.suppress(BoxError):
        box.exec(instance_id, "timeout", "1", "bash", "-c", f"</dev/tcp/{address}/{port}")
        return True
    return False
