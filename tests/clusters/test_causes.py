"""Why a cloud launches no node, in words: the errors are Ray's and botocore's own."""

import pytest
from botocore.exceptions import ClientError
from ray.autoscaler.node_launch_exception import NodeLaunchException

from gridray import autoscaler
from gridray.clusters.causes import FALLBACK, understood

SPOT = {"gridray/instance-type": "g4dn.xlarge", "ray.io/market-type": "spot"}
ON_DEMAND = {**SPOT, "ray.io/market-type": "on-demand"}
NO_CAPACITY = (
    "We currently do not have sufficient g4dn.xlarge capacity in the Availability Zone you "
    "requested (us-east-1{}). Our system will be working on provisioning additional capacity."
)


def as_ray_says(code: str, message: str) -> str:
    return str(NodeLaunchException(code, message, None))


def as_botocore_says(code: str, message: str) -> str:
    return str(ClientError({"Error": {"Code": code, "Message": message}}, "RunInstances"))


@pytest.mark.parametrize("said", [as_ray_says, as_botocore_says])
@pytest.mark.parametrize(
    ("code", "message", "kind", "told", "mend"),
    [
        (
            "InsufficientInstanceCapacity",
            NO_CAPACITY.format("a"),
            SPOT,
            "AWS has no spot g4dn.xlarge to give in us-east-1a, us-east-1b",
            "--spot-fallback",
        ),
        ("InsufficientInstanceCapacity", "", ON_DEMAND, "no on-demand g4dn.xlarge", "edit"),
        ("MaxSpotInstanceCountExceeded", "Max", SPOT, "quotas/L-3819A6DF", "--spot-fallback"),
        ("VcpuLimitExceeded", "You", ON_DEMAND, "quota for on-demand g4dn.xlarge, L-DB2E", None),
        ("VcpuLimitExceeded", "You", {}, "has used up its EC2 quota for instances", None),
        ("SpotMaxPriceTooLow", "0.1 < 0.2", SPOT, "above the highest that the cluster", "MaxPrice"),
        ("UnauthorizedOperation", "no", SPOT, "does not let the cluster's head", "gridray doctor"),
        ("InvalidParameterValue", "odd", SPOT, "file asks for: odd (InvalidParam", "edit"),
        ("InvalidAMIID.NotFound", "no ami-1", SPOT, "no ami-1 (InvalidAMIID.NotFound)", "edit"),
        ("Unsupported", "not in us-east-1e", SPOT, "not in us-east-1e (Unsupported)", "edit"),
        ("RequestLimitExceeded", "slow", SPOT, "asks to try again later", None),
    ],
)
def test_each_error_means_something(
    said: object, code: str, message: str, kind: dict[str, str], told: str, mend: str | None
) -> None:
    assert callable(said)
    zones = ("us-east-1a", "us-east-1b") if kind is SPOT else ()
    cause = understood(said(code, message), kind, zones)
    assert told in cause.text and code in cause.text
    assert mend is None or any(mend in each for each in cause.mends)
    assert (FALLBACK in cause.mends) == (mend in ("--spot-fallback", "MaxPrice"))
    assert all("{why}" not in each for each in cause.mends)


def test_what_is_none_of_a_clouds_is_told_as_it_is() -> None:
    cause = understood("Attempting to cap object store memory usage", {})
    assert (cause.text, cause.mends) == ("Attempting to cap object store memory usage", ())


def test_the_zones_are_those_of_all_attempts() -> None:
    """Ray tries other zones first, and has them in another log than the last one's error."""
    out = "".join(
        f"2026-11-24 10:00:0{n},000\tWARN node_provider.py:460 -- create_instances: Attempt failed "
        f"with {as_botocore_says('InsufficientInstanceCapacity', NO_CAPACITY.format(zone))}, "
        "retrying.\n"
        for n, zone in enumerate("abb")
    )
    log = (
        "2026-11-24 10:00:09,000\tINFO node_provider.py:491 -- Failed to launch 1 nodes of type "
        f"g: {as_ray_says('InsufficientInstanceCapacity', NO_CAPACITY.format('c'))}\n"
    )
    report = "Recent failures:\n g: LaunchFailed (latest_attempt: 10:00:09)\n"
    found = autoscaler.launches(report, out + log)
    assert found.zones == {"g4dn.xlarge": ("us-east-1a", "us-east-1b", "us-east-1c")}
    told = understood(found.failed["g"], SPOT, found.zones["g4dn.xlarge"]).text
    assert "in us-east-1a, us-east-1b, us-east-1c" in told
