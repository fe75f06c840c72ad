"""The process that is the box: it holds moto, and keeps a host for each running instance."""

import contextlib
import json
import os
import shutil
import signal
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.awsbox import cache, cloud, firewall, network
from tests.awsbox.host import Host, Instance
from tests.awsbox.machine import HOSTS, REGIONS, REQUESTS, STATE, read_json, run, write_json

POLL = 0.3
# Reasons as EC2 gives them: a code, and its message.
SHUTDOWN = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
NO_BOOT = ("Server.InternalError", "Internal error on launch")
PREEMPTED = ("Server.SpotInstanceTermination", "Spot instance termination")
KEY = STATE / "awsbox.pem"
READY = STATE / "state.json"


@dataclass(frozen=True)
class Options:
    """How a box is started; `logs` keeps Ray's of each host that ends."""

    region: str = "us-west-2"
    variables: dict[str, str] = field(default_factory=dict)
    cache: str = ""
    logs: str | None = None

    def text(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Seen:
    """One look at all instances, by id; `groups` are the security groups, by id."""

    instances: dict[str, dict[str, Any]]
    regions: dict[str, str]
    groups: dict[str, dict[str, Any]]

    def rules(self, instance_id: str) -> str:
        members: dict[str, list[str]] = defaultdict(list)
        for each in self.instances.values():
            if each["State"]["Name"] == "running":
                for group in each["SecurityGroups"]:
                    members[group["GroupId"]].append(each["PrivateIpAddress"])
        own = [group["GroupId"] for group in self.instances[instance_id]["SecurityGroups"]]
        return firewall.rules(own, self.groups, members)


class Daemon:
    """The box; `serve` returns once it is told to stop by SIGTERM or SIGINT."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._endpoint = ""
        self._variables = cache.variables(Path(options.cache)) | options.variables
        self._hosts: dict[str, Host] = {}
        self._without: set[str] = set()  # instances that have had their host, or can have none
        self._ends: dict[str, tuple[float, bool]] = {}  # of preempted ones: when, and with a cut
        self._made = 0
        self._clients: dict[tuple[str, str], Any] = {}
        self._stop = threading.Event()

    def serve(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        remove_leftovers()
        try:
            self._start()
            while not self._stop.wait(POLL):
                try:
                    self._look()
                except Exception as error:  # whatever one look meets, the machines go on
                    log(f"a look failed: {type(error).__name__}: {error}")
        finally:
            for instance_id in list(self._hosts):
                self._end(instance_id)
            remove_leftovers()
            shutil.rmtree(STATE, ignore_errors=True)

    def _start(self) -> None:
        for place in (HOSTS, REQUESTS, REGIONS):
            place.mkdir(parents=True)
        STATE.chmod(0o700)
        cloud.CALLS.touch()
        network.make_bridge()
        self._endpoint = cloud.serve(network.BRIDGE_ADDRESS)
        # What a machine on AWS has from its network, and in its firmware, by which it is known.
        # It has no region and no credentials there.
        self._variables = {
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{network.METADATA}",
            **self._variables,
        }
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "awsbox", "-f", str(KEY))
        self._client("ec2", self._options.region).import_key_pair(
            KeyName="awsbox", PublicKeyMaterial=KEY.with_suffix(".pem.pub").read_bytes()
        )
        (REGIONS / self._options.region).touch()
        state = {
            "pid": os.getpid(),
            "endpoint": self._endpoint,
            "region": self._options.region,
            "key_name": "awsbox",
            "key_file": str(KEY),
            "cache": self._options.cache,
            "variables": self._variables,
        }
        write_json(READY, state)
        log(f"ready at {self._endpoint}")

    def _client(self, service: str, region: str) -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = cloud.client(service, region, self._endpoint)
        return self._clients[service, region]

    def _look(self) -> None:
        seen = self._see()
        self._bury(seen)
        for instance_id, each in seen.instances.items():
            state = each["State"]["Name"]
            if state == "stopped":
                self._without.discard(instance_id)  # it may start again, with an empty disk
            if state != "running":
                self._end(instance_id)
            elif instance_id not in self._hosts and instance_id not in self._without:
                self._begin(instance_id, seen)
        for instance_id, host in self._hosts.items():
            host.set_rules(seen.rules(instance_id))
            self._give_role(host, seen.instances[instance_id])
        self._obey()
        for instance_id, (moment, cut) in list(self._ends.items()):
            if time.time() >= moment or instance_id not in self._hosts:
                self._preempt(instance_id, cut)

    def _see(self) -> Seen:
        seen = Seen({}, {}, {})
        for region in sorted(path.name for path in REGIONS.iterdir()):
            ec2 = self._client("ec2", region)
            for page in ec2.get_paginator("describe_instances").paginate():
                for each in (
                    i for reservation in page["Reservations"] for i in reservation["Instances"]
                ):
                    seen.instances[each["InstanceId"]] = each
                    seen.regions[each["InstanceId"]] = region
            if region in seen.regions.values():
                for page in ec2.get_paginator("describe_security_groups").paginate():
                    seen.groups |= {each["GroupId"]: each for each in page["SecurityGroups"]}
        return seen

    def _begin(self, instance_id: str, seen: Seen) -> None:
        described, region = seen.instances[instance_id], seen.regions[instance_id]
        address = described["PrivateIpAddress"]
        if not network.is_inside(address):
            log(f"{instance_id} has no host: {address} is in no subnet of the default VPC")
            self._without.add(instance_id)
            return
        if address in [host.instance.address for host in self._hosts.values()]:
            log(f"{instance_id} has no host: one in another region has its address {address}")
            self._without.add(instance_id)
            return
        self._made += 1
        try:
            instance = Instance.of(region, described, self._public_key(region, described))
            self._hosts[instance_id] = Host(
                instance,
                self._made,
                self._variables,
                Path(self._options.cache),
                seen.rules(instance_id),
            )
        except Exception as error:
            log(f"{instance_id} has no host: {type(error).__name__}: {error}")
            self._without.add(instance_id)
            return
        log(f"{instance_id} up: {address} {instance.type} {'spot' if instance.is_spot else ''}")

    def _public_key(self, region: str, described: dict[str, Any]) -> str:
        if "KeyName" not in described:
            return ""
        pairs = self._client("ec2", region).describe_key_pairs(
            KeyNames=[described["KeyName"]], IncludePublicKey=True
        )
        key: str = pairs["KeyPairs"][0]["PublicKey"]
        return key

    def _give_role(self, host: Host, described: dict[str, Any]) -> None:
        """Give a host the role of its instance profile, which moto adds after the launch."""
        arn = described.get("IamInstanceProfile", {}).get("Arn")
        if arn is None or arn == host.profile:
            return
        profile = self._client("iam", host.instance.region).get_instance_profile(
            InstanceProfileName=arn.rpartition("/")[2]
        )
        for role in profile["InstanceProfile"]["Roles"]:
            host.take_role(arn, role["RoleName"])

    def _end(self, instance_id: str, cut: bool = False) -> None:
        if instance_id in self._hosts:
            host = self._hosts.pop(instance_id)
            self._without.add(instance_id)
            host.end(cut, Path(self._options.logs) if self._options.logs else None)
            log(f"{instance_id} down")

    def _bury(self, seen: Seen) -> None:
        """Have EC2 do for hosts that have shut themselves down what they were launched to do."""
        for instance_id, host in list(self._hosts.items()):
            if not host.has_ended:
                continue
            was_up = "Server listening" in host.log()
            log(f"{instance_id} {'shut itself down' if was_up else 'did not boot: ' + host.log()}")
            self._end(instance_id)
            if seen.instances[instance_id]["State"]["Name"] != "running":
                continue
            region = seen.regions[instance_id]
            ec2 = self._client("ec2", region)
            behaviour = ec2.describe_instance_attribute(
                InstanceId=instance_id, Attribute="instanceInitiatedShutdownBehavior"
            )["InstanceInitiatedShutdownBehavior"]["Value"]
            if behaviour == "terminate":
                ec2.terminate_instances(InstanceIds=[instance_id])
            else:
                ec2.stop_instances(InstanceIds=[instance_id])
            why = SHUTDOWN if was_up else NO_BOOT
            cloud.say_why(region, instance_id, *why)
            seen.instances[instance_id]["State"]["Name"] = "stopping"

    def _obey(self) -> None:
        for path in sorted(REQUESTS.glob("*.json")):
            request = read_json(path, {})
            host = self._hosts.get(request["instance_id"])
            if host is not None:
                if request["action"] == "rebalance":
                    host.metadata.recommend_rebalance()
                elif request["action"] == "preempt":
                    host.metadata.announce(request["notice"])
                    self._ends[host.instance.id] = (time.time() + request["notice"], request["cut"])
                elif request["action"] == "kill":
                    self._end(host.instance.id, request["cut"])
                log(f"{request}")
            path.unlink()

    def _preempt(self, instance_id: str, cut: bool) -> None:
        del self._ends[instance_id]
        if instance_id not in self._hosts:
            return
        region = self._hosts[instance_id].instance.region
        self._end(instance_id, cut)
        self._client("ec2", region).terminate_instances(InstanceIds=[instance_id])
        cloud.say_why(region, instance_id, *PREEMPTED)


def log(text: str) -> None:
    os.write(1, f"{time.strftime('%H:%M:%S')} {text}\n".encode())


def remove_leftovers() -> None:
    """Remove what a box that was killed has left, but for what the next one holds open."""
    network.remove_leftovers()
    for path in STATE.iterdir() if STATE.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in ("lock", "log"):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
