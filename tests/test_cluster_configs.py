"""The files that people edit: Ray takes each of them, and they are what Gridray makes."""

import re
from pathlib import Path

import pytest
import yaml

from gridray.clusters.aws import examples
from gridray.clusters.rayenvironment import HEALTH_CHECKS, VARIABLES
from tests.clusters.aws import launching
from tests.clusters.aws.cloud import Cloud
from tests.clusters.aws.conftest import aws, cloud, lists, moto_url, nobody

__all__ = ["aws", "cloud", "lists", "moto_url", "nobody"]

DIRECTORY = Path(__file__).parents[1] / "cluster_configs"
FILES = sorted(path.name for path in DIRECTORY.glob("*.yaml"))
AWS = sorted(examples.EXAMPLES)
OWN = ("setup_commands", "head_setup_commands", "worker_setup_commands", "initialization_commands")


def test_the_files() -> None:
    assert sorted(path.name for path in DIRECTORY.iterdir()) == sorted(
        [*AWS, "existing.yaml", "local.yaml", "kuberay.md"]
    )


@pytest.mark.parametrize("name", AWS)
def test_the_generator_makes_them(name: str) -> None:
    assert (DIRECTORY / name).read_text("utf-8") == examples.texts()[name], (
        "write them anew: python -m gridray.clusters.aws.examples cluster_configs"
    )


@pytest.mark.parametrize("name", FILES)
def test_ray_takes_them_and_fills_nothing_in(name: str) -> None:
    from ray.autoscaler._private.util import _get_default_config

    text = (DIRECTORY / name).read_text("utf-8")
    config = launching.prepared(text)
    ours = yaml.safe_load(text)
    assert set(_get_default_config(ours["provider"])) - set(ours) == {"docker"}
    assert ours["provider"].get("cache_stopped_nodes", False) is False
    assert ours["setup_commands"] == ["bash ~/.gridray-node/files/setup.sh"]
    for key in OWN[1:]:
        assert ours[key] == []
    starts = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    for start in (each for each in starts if "start.sh" in each):
        for variable in (VARIABLES | HEALTH_CHECKS).items():
            assert "=".join(variable) in start.split()
        assert "RAY_AUTH_TOKEN_PATH=~/.gridray-node/files/token" in start.split()
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][0].split()
    assert ("gridray.node" in " ".join(starts)) == (name in AWS)


@pytest.mark.parametrize("name", AWS)
def test_ray_launches_them_with_the_names_filled_in(name: str, cloud: Cloud) -> None:
    account = cloud.account(examples.REGION)
    ec2, iam = account.client("ec2"), account.client("iam")
    subnets = ec2.describe_subnets()["Subnets"][:2]
    group = ec2.create_security_group(
        GroupName="ours", Description="ours", VpcId=subnets[0]["VpcId"]
    )["GroupId"]
    images = cloud.images[examples.REGION]
    text = (DIRECTORY / name).read_text("utf-8")
    for old, new in (
        (examples.SUBNETS[0], subnets[0]["SubnetId"]),
        (examples.SUBNETS[1], subnets[1]["SubnetId"]),
        (examples.GROUP, group),
        (examples.CPU_IMAGE, images["m5.large"]),
        (examples.GPU_IMAGE, images["g4dn.xlarge"]),
    ):
        text = text.replace(old, new)
    assert "REPLACE" not in text
    for profile in set(re.findall(r"Name: (gridray-\S+)", text)):
        iam.create_instance_profile(InstanceProfileName=profile)
    config = launching.bootstrapped(launching.prepared(text))
    for node_type in config["available_node_types"]:
        launching.launch(config, node_type)
    found = [
        each
        for reservation in ec2.describe_instances()["Reservations"]
        for each in reservation["Instances"]
    ]
    markets = [each.get("InstanceLifecycle", "on-demand") for each in found]
    spot = sum(node_type.endswith("-spot") for node_type in config["available_node_types"])
    assert markets.count("spot") == spot
    assert len(found) == len(config["available_node_types"])


def test_the_manifest_of_kuberay_says_the_same() -> None:
    text = (DIRECTORY / "kuberay.md").read_text("utf-8")
    manifest = yaml.safe_load(text.split("```yaml")[1].split("```")[0])
    head = manifest["spec"]["headGroupSpec"]
    env = head["template"]["spec"]["containers"][0]["env"]
    said = {each["name"]: each.get("value") for each in env}
    assert (VARIABLES | HEALTH_CHECKS).items() <= said.items()
    assert head["rayStartParams"]["num-cpus"] == "0"
    for group in manifest["spec"]["workerGroupSpecs"]:
        assert group["minReplicas"] == 0
        assert set(group["labels"]) == {"ray.io/market-type", "gridray/instance-type"}
