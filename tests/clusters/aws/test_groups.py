"""The worker groups of a cluster, as its file says."""

from pathlib import Path

import pytest

from gridray import settings
from gridray.clusters.aws.groups import Groups, groups
from gridray.errors import ConfigError, NotFoundError

CLUSTER = """
# made by hand
provider: {type: aws, region: eu-west-1}
head_node_type: head
available_node_types:
  head: {node_config: {InstanceType: m6i.large}, labels: {gridray/instance-type: m6i.large}}
  g4dn-xlarge-spot:
    labels: {ray.io/market-type: spot, gridray/instance-type: g4dn.xlarge}
    node_config: {InstanceType: g4dn.xlarge}
  g4dn-xlarge-on-demand: {labels: {gridray/instance-type: g4dn.xlarge}}
  mine: {node_config: {InstanceType: c6i.large}}
"""


def made(name: str, text: str = CLUSTER) -> Path:
    home = settings.home() / "clusters" / name
    home.mkdir(parents=True)
    (home / "cluster.yaml").write_text(text)
    return home


def test_the_head_is_no_worker() -> None:
    home = made("big")
    assert groups("big") == Groups(("g4dn.xlarge", "c6i.large"), "eu-west-1", None)
    (home / "made.json").write_text('{"profile": "work"}')
    assert groups("big").profile == "work"
    (home / "made.json").write_text("[")
    assert groups("big").profile is None


@pytest.mark.parametrize("name", ["small", "../clusters/big", "", "BIG", "big/"])
def test_a_cluster_that_was_never_made(name: str) -> None:
    made("big")
    with pytest.raises(NotFoundError) as caught:
        groups(name)
    assert "big" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text",
    ["", "[", "a: b", "\t", "provider: x\nhead_node_type: h\navailable_node_types: [1]", "a: \x01"],
)
def test_a_file_that_cannot_be_understood(text: str) -> None:
    made("big", text)
    with pytest.raises(ConfigError, match=r"cluster\.yaml"):
        groups("big")
