"""What `ray up` does with a cluster's file, by Ray's own code, up to the launch of instances."""

from typing import Any

import yaml
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.tags import (
    TAG_RAY_LAUNCH_CONFIG,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)

Config = dict[str, Any]


def prepared(text: str) -> Config:
    """Fill in Ray's defaults, and check the result by its schema."""
    config: Config = prepare_config(yaml.safe_load(text))
    validate_config(config)
    return config


def with_resources(config: Config) -> Config:
    """Let Ray ask EC2 what the node types have."""
    filled: Config = AWSNodeProvider.fillout_available_node_types_resources(config)
    return filled


def bootstrapped(config: Config) -> Config:
    """Let Ray fill in what is missing in AWS; it makes it there, if it has to."""
    resolved: Config = AWSNodeProvider.bootstrap_config(config)
    return resolved


def launch(config: Config, node_type: str, count: int = 1) -> list[str]:
    """Launch nodes of a type, and return their ids."""
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])
    kind = "head" if node_type == config["head_node_type"] else "worker"
    tags = {
        TAG_RAY_NODE_KIND: kind,
        TAG_RAY_NODE_NAME: f"ray-{config['cluster_name']}-{kind}",
        TAG_RAY_USER_NODE_TYPE: node_type,
        TAG_RAY_NODE_STATUS: "uninitialized",
        TAG_RAY_LAUNCH_CONFIG: "0",
    }
    launch_config = config["available_node_types"][node_type]["node_config"]
    made = provider.create_node(launch_config, tags, count)
    return list(made)
