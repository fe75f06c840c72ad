"""What the documentation promises of a cluster cannot be edited out of its file by accident."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gridray import settings
from gridray.clusters.aws import account as things
from gridray.clusters.aws import editing
from gridray.clusters.aws.made import Made
from gridray.errors import ConfigError
from tests.cli.conftest import Call
from tests.clusters.aws.cloud import Cloud
from tests.clusters.aws.one import home_of

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def one(cloud: Cloud, tmp_path: Path) -> tuple[str, Made]:
    """The file of a cluster, and what is remembered of it."""
    wanted = things.Wanted("one", "us-east-1", ("m5.large",), head_idle=7200.0)
    planned = things.plan(cloud.account(), wanted, tmp_path)
    return planned.text, Made("one", "us-east-1", planned.account, 0.0, planned.store, "owner")


def launch(read: dict[str, Any], kind: str = "m5-large-spot") -> dict[str, Any]:
    found: dict[str, Any] = read["available_node_types"][kind]["node_config"]
    return found


def replaced(read: dict[str, Any], key: str, old: str, new: str) -> None:
    commands = read[f"{key}_start_ray_commands"]
    assert any(old in each for each in commands)
    read[f"{key}_start_ray_commands"] = [each.replace(old, new) for each in commands]


WATCH = "~/.gridray-node/env/bin/python -m gridray.node watch"
UNSAFE: dict[str, Edit] = {
    "Behavior: terminate": lambda read: launch(read).update(
        InstanceInitiatedShutdownBehavior="stop"
    ),
    "HttpTokens: required": lambda read: launch(read).pop("MetadataOptions"),
    "never set up": lambda read: launch(read, "head").pop("UserData"),
    "lets SSH in from everywhere": lambda read: launch(read, "head").pop("SecurityGroupIds"),
    "IamInstanceProfile": lambda read: launch(read, "head").pop("IamInstanceProfile"),
    "DeleteOnTermination": lambda read: launch(read)["BlockDeviceMappings"][0]["Ebs"].update(
        DeleteOnTermination=False
    ),
    "InstanceInterruptionBehavior": lambda read: launch(read)["InstanceMarketOptions"][
        "SpotOptions"
    ].update(InstanceInterruptionBehavior="stop"),
    "the instance's tag": lambda read: launch(read)["TagSpecifications"].pop(0),
    "the volume's tag": lambda read: launch(read)["TagSpecifications"].pop(1),
    "cache_stopped_nodes: False": lambda read: read["provider"].pop("cache_stopped_nodes"),
    "and not 0.0.0.0": lambda read: replaced(read, "head", "t=127.0.0.1", "t 0.0.0.0"),
    "whose head is gone": lambda read: replaced(read, "worker", WATCH, f"true # {WATCH}"),
    "at least 60": lambda read: replaced(read, "worker", "--timeout 900", "--timeout 1"),
    "head_start_ray_commands: bash": lambda read: replaced(
        read, "head", "RAY_AUTH_MODE=token", "RAY_AUTH_MODE=disabled"
    ),
    "worker_start_ray_commands: bash": lambda read: replaced(
        read, "worker", "bash ~/.gridray-node/files/start.sh", "ray start"
    ),
    "did you mean": lambda read: launch(read).update(InstanceType="t3.mdeium"),
    "one of: spot": lambda read: launch(read)["InstanceMarketOptions"].update(MarketType="spto"),
    "HttpToken": lambda read: launch(read)["MetadataOptions"].update(HttpToken="required"),
}


@pytest.mark.parametrize("told", UNSAFE)
def test_what_is_promised_cannot_be_taken_out(one: tuple[str, Made], told: str) -> None:
    text, what = one
    read = yaml.safe_load(text)
    UNSAFE[told](read)
    with pytest.raises(ConfigError) as caught:
        editing.check(yaml.safe_dump(read), what)
    assert told in caught.value.message


def test_all_that_is_missing_is_told_at_once(one: tuple[str, Made]) -> None:
    text, what = one
    read = yaml.safe_load(text)
    launch(read).pop("MetadataOptions")
    read["worker_start_ray_commands"].pop(0)
    with pytest.raises(ConfigError) as caught:
        editing.check(yaml.safe_dump(read), what)
    assert caught.value.message.count("\n  - ") == 2


def test_a_file_is_the_users_otherwise(one: tuple[str, Made]) -> None:
    text, what = one
    editing.check(text, what)
    read = yaml.safe_load(text)
    read["setup_commands"].append("sudo apt-get install -y ffmpeg")
    launch(read)["UserData"] += "touch /mine\n"
    launch(read)["Placement"] = {"Tenancy": "dedicated"}
    # Without a head's watch, it never ends itself: that is a choice.
    read["head_start_ray_commands"] = read["head_start_ray_commands"][:1]
    replaced(read, "worker", "--timeout 900", "--timeout 3600")
    editing.check(yaml.safe_dump(read), what)


def test_types_are_not_looked_up_where_aws_does_not_answer(
    one: tuple[str, Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, what = one
    monkeypatch.setenv("GRIDRAY_HOME", str(tmp_path / "another"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    editing.check(text.replace("InstanceType: m5.large", "InstanceType: m5.larg"), what)


def test_a_file_that_another_editor_has_changed_is_not_applied(call: Call, made_one: Made) -> None:
    file = home_of("one") / "cluster.yaml"
    file.write_text(file.read_text().replace("Tokens: required", "Tokens: optional"))
    refused = call("clusters", "up", "one")
    assert refused.code == 2 and "HttpTokens" in refused.err and "clusters edit one" in refused.err
    assert (settings.home() / "clusters" / "one" / "applied").exists()
