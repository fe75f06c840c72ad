"""What EC2 would take of the launches in a cluster's file: their arguments, and their types."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from gridray.clusters.aws import catalog
from gridray.clusters.aws.session import Account
from gridray.errors import CloudError, ConfigError

# Ray's own: it gives EC2 one of them, and how many instances it wants.
OF_RAY = "SubnetIds"
NUMBERS = {"MinCount": 1, "MaxCount": 1}
# There are more types than botocore has heard of.
TYPE = "InstanceType"


def check(account: Account, types: Mapping[str, Any]) -> None:
    """Check the node types of a cluster's file.

    Args:
        types: the file's `available_node_types`.

    Raises:
        ConfigError: EC2 would not take one of them.
    """
    for name, kind in types.items():
        for fault in _faults(kind["node_config"]):
            raise ConfigError(f"available_node_types.{name}.node_config: {fault}")
    _check_types(account, {kind["node_config"][TYPE] for kind in types.values()})


def _faults(launch: Mapping[str, Any]) -> Iterator[str]:
    """Say what does not fit EC2's description of RunInstances."""
    from botocore.session import get_session
    from botocore.validate import ParamValidator

    model = get_session().get_service_model("ec2").operation_model("RunInstances").input_shape
    asked = {key: value for key, value in launch.items() if key != OF_RAY} | NUMBERS
    report = ParamValidator().validate(asked, model)
    if report.has_errors():
        yield " ".join(report.generate_report().split())
        return
    yield from _unknown(model, asked, "")


def _unknown(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Say which words are none of those that EC2 has for their place."""
    if shape.type_name == "structure":
        for key, each in value.items():
            if key != TYPE:
                yield from _unknown(shape.members[key], each, f"{path}.{key}".lstrip("."))
    elif shape.type_name == "list":
        for index, each in enumerate(value):
            yield from _unknown(shape.member, each, f"{path}[{index}]")
    elif words := getattr(shape, "enum", None):
        if value not in words:
            yield f"{path} is {value!r}, and has to be one of: {', '.join(words)}"


def _check_types(account: Account, names: set[str]) -> None:
    try:
        known = catalog.instance_types(account, names)
        missing = sorted(names - known.keys())
        every = catalog.instance_types(account) if missing else {}
    except CloudError:
        # `ray up` asks again, and says so.
        return
    if missing:
        near = get_close_matches(missing[0], every, 3)
        raise ConfigError(
            f"{account.region} has no instance type {missing[0]!r}"
            + (f"; did you mean {' or '.join(near)}?" if near else "")
        )
