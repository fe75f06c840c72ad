"""One machine of the cloud: an instance of EC2's as namespaces with an SSH server in them."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.awsbox import image
from tests.awsbox.cloud import ROLE_KEY, SECRET_KEY
from tests.awsbox.machine import HOSTS, process_of, run
from tests.awsbox.network import METADATA, HostNetwork
from tests.metadata import MetadataService

LATEST = "/latest/meta-data/"
# As cloud-init prints them, for who has no other way to know them.
CONSOLE = """ci-info: no authorized SSH keys fingerprints found for user ubuntu.
<14>ec2: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>ec2: {fingerprint}
<14>ec2: -----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----
{key}
-----END SSH HOST KEY KEYS-----
Cloud-init finished
"""


@dataclass(frozen=True)
class Instance:
    """What is known of an instance when its host starts."""

    id: str
    region: str
    zone: str
    type: str
    image: str
    address: str
    dns_name: str
    is_spot: bool
    public_key: str
    role: str | None

    @classmethod
    def of(
        cls, region: str, description: Mapping[str, Any], key: str, role: str | None
    ) -> "Instance":
        """Make it of what DescribeInstances says."""
        return cls(
            id=description["InstanceId"],
            region=region,
            zone=description["Placement"]["AvailabilityZone"],
            type=description["InstanceType"],
            image=description["ImageId"],
            address=description["PrivateIpAddress"],
            dns_name=description.get("PrivateDnsName", ""),
            is_spot=description.get("InstanceLifecycle") == "spot",
            public_key=key,
            role=role,
        )

    def metadata(self) -> dict[str, str]:
        """Return what its metadata service answers, by path."""
        found = {
            "instance-id": self.id,
            "instance-type": self.type,
            "ami-id": self.image,
            "local-ipv4": self.address,
            "hostname": self.dns_name,
            "local-hostname": self.dns_name,
            "instance-life-cycle": "spot" if self.is_spot else "on-demand",
            "placement/region": self.region,
            "placement/availability-zone": self.zone,
        }
        if self.role:
            credentials = "iam/security-credentials/"
            found |= {credentials: self.role, credentials + self.role: _credentials()}
        document = {
            "instanceId": self.id,
            "instanceType": self.type,
            "region": self.region,
            "availabilityZone": self.zone,
            "imageId": self.image,
            "privateIp": self.address,
            "accountId": "123456789012",
            "architecture": "x86_64",
        }
        return {LATEST + path: text for path, text in found.items()} | {
            "/latest/dynamic/instance-identity/document": json.dumps(document)
        }


def _credentials() -> str:
    now = datetime.now(timezone.utc)
    form = "%Y-%m-%dT%H:%M:%SZ"
    return json.dumps(
        {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": now.strftime(form),
            "AccessKeyId": ROLE_KEY,
            "SecretAccessKey": SECRET_KEY,
            "Token": "awsbox",
            "Expiration": (now + timedelta(hours=6)).strftime(form),
        }
    )


class Host:
    """A running host; `rules` are its firewall's."""

    def __init__(
        self, instance: Instance, number: int, variables: Mapping[str, str], cache: Path, rules: str
    ) -> None:
        self.instance = instance
        self.place = HOSTS / instance.id
        shutil.rmtree(self.place, ignore_errors=True)
        files = self.place / "files"
        image.write_files(files, instance.address, instance.public_key, variables)
        self._make_key(files / "etc/ssh/ssh_host_ed25519_key")
        self._network = HostNetwork(instance.id, number, instance.address)
        try:
            self._network.set_rules(rules)
            self.metadata = MetadataService(self._network.listen(METADATA, 80))
            self.metadata.answers |= instance.metadata()
            self._process = self._boot(image.boot_script(self.place, image.visible(cache)))
        except BaseException:
            self._network.remove()
            raise
        self.metadata.__enter__()
        (self.place / "process").write_text(str(self._process.pid))

    def _make_key(self, path: Path) -> None:
        name = f"root@{self.instance.address}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path))
        public = path.with_suffix(".pub")
        text = CONSOLE.format(
            fingerprint=run("ssh-keygen", "-l", "-f", str(public)).strip(),
            key=public.read_text().strip(),
        )
        (self.place / "console").write_text(text)

    def _boot(self, script: str) -> "subprocess.Popen[bytes]":
        # It dies with this process, even of SIGKILL, and all that is in it dies with its first one.
        command = ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self._network.space]
        command += ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        with open(self.place / "log", "w") as log:
            return subprocess.Popen(
                [*command, "sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"PATH": image.PATH},
            )

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def log(self) -> str:
        return (self.place / "log").read_text(errors="replace")

    def set_rules(self, rules: str) -> None:
        self._network.set_rules(rules)

    def end(self, cut: bool = False, logs: Path | None = None) -> None:
        """Kill what runs and remove all of the host.

        With `cut` nobody hears of it: the network goes first. With `logs` Ray's are kept there.
        """
        if logs is not None:
            self._keep_logs(logs / self.instance.id)
        if cut:
            self._network.cut()
        self._process.kill()
        self._process.wait()
        if not cut:
            time.sleep(0.2)  # for the kernel to say goodbye for the dead processes
        self.metadata.__exit__()
        self._network.remove()
        shutil.rmtree(self.place, ignore_errors=True)

    def _keep_logs(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.place / "log", place / "host.log")
        first = process_of(self.instance.id)
        # Not by session_latest: that link is absolute, and would lead out of the host.
        for session in Path(f"/proc/{first}/root/tmp/ray").glob("session_2*"):
            with contextlib.suppress(OSError, shutil.Error):  # they are written all the while
                shutil.copytree(session / "logs", place / session.name, dirs_exist_ok=True)
