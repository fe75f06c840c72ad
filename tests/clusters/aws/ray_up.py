"""What stands in for `ray up` where no instance is a machine: it launches a head, and can fail.

Called as `python -m tests.clusters.aws.ray_up up … FILE`.
"""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import yaml

AUTHORIZED_KEYS = "TEST_AUTHORIZED_KEYS"
# `before` or `after` the launch.
FAILS = "TEST_RAY_UP_FAILS"
REFUSED = "botocore.exceptions.ClientError: (InsufficientInstanceCapacity) no m5.large here"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(path: str) -> int:
    file = yaml.safe_load(Path(path).read_text())
    say("Checking AWS environment settings")
    if os.environ.get(FAILS) == "before":
        say(REFUSED)
        return 1
    say("Acquiring an up-to-date head node")
    ec2 = boto3.client("ec2", region_name=file["provider"]["region"])
    if not _heads(ec2, file["cluster_name"]):
        _launch(ec2, file)
    say("2026-11-24 19:27:23,516\tINFO updater.py:283 -- [1/7] Waiting for SSH to become available")
    if os.environ.get(FAILS) == "after":
        say("SSH still not available: timed out")
        return 1
    key = file["auth"]["ssh_private_key"]
    public = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, check=True)
    with open(os.environ[AUTHORIZED_KEYS], "ab") as authorized:
        authorized.write(public.stdout)
    say("  [7/7] Starting the Ray runtime")
    return 0


def _heads(ec2: object, name: str) -> list[object]:
    tags = [("gridray-cluster", name), ("ray-node-type", "head")]
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags]
    filters.append({"Name": "instance-state-name", "Values": ["pending", "running"]})
    return list(ec2.describe_instances(Filters=filters)["Reservations"])  # type: ignore[attr-defined]


def _launch(ec2: object, file: dict) -> None:  # type: ignore[type-arg]
    config = dict(file["available_node_types"]["head"]["node_config"])
    config["SubnetId"] = config.pop("SubnetIds")[0]
    ray = {"ray-node-type": "head", "ray-user-node-type": "head"}
    ray["ray-cluster-name"] = file["cluster_name"]
    tags = [{"Key": key, "Value": value} for key, value in ray.items()]
    for each in config["TagSpecifications"]:
        if each["ResourceType"] == "instance":
            each["Tags"] = [*each["Tags"], *tags]
    ec2.run_instances(MinCount=1, MaxCount=1, **config)  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(sys.argv[-1]))
