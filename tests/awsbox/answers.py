"""What the box answers in moto's place: it reads what a test has set, at each call."""

import base64
import time
from collections.abc import Callable
from typing import Any

from tests.awsbox.machine import HOSTS, STATE, read_json

REFUSALS = STATE / "refusals.json"  # "TYPE MARKET ZONE" or "TYPE MARKET *" -> the error's code
PRICES = STATE / "spot-prices.json"  # [[unix seconds, type, zone, price], …]
QUOTAS = STATE / "quotas.json"  # a quota's code -> vCPUs
DENIED = STATE / "denied.json"  # ["ec2:RunInstances", …]
MESSAGES = {
    "InsufficientInstanceCapacity": "We currently do not have sufficient {type} capacity in the "
    "Availability Zone you requested ({zone}).",
    "MaxSpotInstanceCountExceeded": "Max spot instance count exceeded",
    "VcpuLimitExceeded": "You have requested more vCPU capacity than your current vCPU limit of 0 "
    "allows for the instance bucket that the specified instance type belongs to.",
}
DEFAULT_SPOT_PRICE = "0.100000"
# https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
QUOTA_NAMES = {
    "L-1216C47A": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    "L-34B43A08": "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
    "L-DB2E81BA": "Running On-Demand G and VT instances",
    "L-3819A6DF": "All G and VT Spot Instance Requests",
    "L-417A185B": "Running On-Demand P instances",
    "L-7212CCBC": "All P4, P3 and P2 Spot Instance Requests",
    "L-C4BD4855": "All P5 Spot Instance Requests",
}
DEFAULT_QUOTA = 256.0
# moto's images of today's kinds are years old; what counts is that it knows them.
IMAGES = {
    "/aws/service/canonical/ubuntu/": "ami-785db401",
    "/aws/service/deeplearning/ami/": "ami-dca37ea5",
}
ARM_IMAGE = "ami-0e9271c829888680e"

Answer = Any  # a dictionary, or what moto can make one of; None: moto has to say


def none(response: Any) -> Answer:
    """Leave it to moto."""
    return None


def check_permission(call: str) -> None:
    """Refuse what a test has said that nobody may do.

    Raises:
        Refusal: one may not.
    """
    from tests.awsbox.refusal import Refusal

    if call in read_json(DENIED, []):
        code = "UnauthorizedOperation" if call.startswith("ec2:") else "AccessDenied"
        raise Refusal(code, f"You are not authorized to perform: {call}")


def _simulated(response: Any) -> Answer:
    denied = read_json(DENIED, [])
    return {
        "EvaluationResults": [
            {
                "EvalActionName": action,
                "EvalDecision": "implicitDeny" if action in denied else "allowed",
                "EvalResourceName": "*",
            }
            for action in response._get_param("ActionNames")
        ],
        "IsTruncated": False,
    }


def _run_instances(response: Any) -> Answer:
    from tests.awsbox.refusal import Refusal

    kind = response._get_param("InstanceType")
    is_spot = response._get_param("InstanceMarketOptions.MarketType") == "spot"
    zone = _zone(response)
    refused = read_json(REFUSALS, {})
    where = f"{kind} {'spot' if is_spot else 'on-demand'}"
    code = refused.get(f"{where} {zone}") or refused.get(f"{where} *")
    if code is not None and response._get_param("DryRun") not in (True, "true"):
        message = "There is no Spot capacity available that matches your request."
        if not (is_spot and code == "InsufficientInstanceCapacity"):
            message = MESSAGES[code].format(type=kind, zone=zone)
        raise Refusal(code, message)
    return _all_of_them(response)


def _all_of_them(response: Any) -> Answer:
    """Launch as many as are asked for, all alike: moto takes the least, and one has a role."""
    response.params["MinCount"] = response._get_param("MaxCount")
    launched = response.run_instances().result
    names = {
        f"iam_instance_profile_{key.lower()}": value
        for key, value in response._get_param("IamInstanceProfile", {}).items()
    }
    for instance in launched.instances[1:] if names else ():
        response.ec2_backend.associate_iam_instance_profile(instance_id=instance.id, **names)
    return launched


def _zone(response: Any) -> str | None:
    interfaces = response._get_param("NetworkInterfaces", [])
    subnet = response._get_param("SubnetId") or next(
        (each["SubnetId"] for each in interfaces if "SubnetId" in each), None
    )
    if subnet is None:
        zone: str | None = response._get_param("Placement.AvailabilityZone")
        return zone
    found: str = response.ec2_backend.get_subnet(subnet).availability_zone
    return found


def _console(response: Any) -> Answer:
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    path = HOSTS / instance.id / "console"
    text = path.read_bytes() if path.exists() else b""
    return {
        "InstanceId": instance.id,
        "Timestamp": time.time(),
        "Output": base64.b64encode(text).decode(),
    }


def _spot_prices(response: Any) -> Answer:
    kinds = response._get_param("InstanceTypes", [])
    filters = response._filters_from_querystring()
    zone = response._get_param("AvailabilityZone")
    start = _seconds(response._get_param("StartTime"))
    end = _seconds(response._get_param("EndTime"))
    history = []
    for offered in response.ec2_backend.describe_spot_price_history(
        kinds, {name: filters[name] for name in filters if name != "product-description"}
    ):
        if zone is None or offered["Location"] == zone:
            history += _history(offered["InstanceType"], offered["Location"], start, end)
    history.sort(key=lambda each: -each["Timestamp"])
    return {"SpotPriceHistory": history}


def _seconds(moment: Any) -> float:
    return time.time() if moment is None else float(moment.timestamp())


def _history(kind: str, zone: str, start: float, end: float) -> list[dict[str, Any]]:
    """Return the changes from start to end, and the one before them, as EC2 does."""
    changes = [(0.0, DEFAULT_SPOT_PRICE)]
    for moment, set_kind, set_zone, price in read_json(PRICES, []):
        if (set_kind, set_zone) == (kind, zone):
            changes.append((moment, price))
    changes.sort()
    past = [each for each in changes if each[0] <= start][-1:]
    return [
        {
            "InstanceType": kind,
            "AvailabilityZone": zone,
            "ProductDescription": "Linux/UNIX",
            "SpotPrice": price,
            "Timestamp": moment,
        }
        for moment, price in [*past, *(each for each in changes if start < each[0] <= end)]
    ]


def _quotas(response: Any) -> Answer:
    codes = QUOTA_NAMES if response._get_param("ServiceCode") == "ec2" else ()
    return {"Quotas": [_quota_of(code) for code in codes]}


def _quota(response: Any) -> Answer:
    if response._get_param("ServiceCode") != "ec2":
        return None
    code = response._get_param("QuotaCode")
    if code not in QUOTA_NAMES:
        from moto.servicequotas.exceptions import NoSuchResource

        raise NoSuchResource
    return {"Quota": _quota_of(code)}


def _quota_of(code: str) -> dict[str, Any]:
    return {
        "ServiceCode": "ec2",
        "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
        "QuotaCode": code,
        "QuotaName": QUOTA_NAMES[code],
        "Value": read_json(QUOTAS, {}).get(code, DEFAULT_QUOTA),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _parameter(response: Any) -> Answer:
    found = _image_parameter(response._get_param("Name"))
    return None if found is None else {"Parameter": found}


def _parameters(response: Any) -> Answer:
    names = response._get_param("Names")
    found = [each for each in map(_image_parameter, names) if each is not None]
    if not found:
        return None
    known = {each["Name"] for each in found}
    return {"Parameters": found, "InvalidParameters": [n for n in names if n not in known]}


def _image_parameter(name: str) -> dict[str, Any] | None:
    """Return a public parameter that holds the id of today's image of a kind."""
    for beginning, image in IMAGES.items():
        if name.startswith(beginning):
            value = ARM_IMAGE if "/arm64/" in name else image
            return {"Name": name, "Type": "String", "Value": value, "Version": 1}
    return None


OURS: dict[str, Callable[[Any], Answer]] = {
    "iam:SimulatePrincipalPolicy": _simulated,
    "ec2:RunInstances": _run_instances,
    "ec2:GetConsoleOutput": _console,
    "ec2:DescribeSpotPriceHistory": _spot_prices,
    "service-quotas:ListServiceQuotas": _quotas,
    "service-quotas:ListAWSDefaultServiceQuotas": _quotas,
    "service-quotas:GetServiceQuota": _quota,
    "ssm:GetParameter": _parameter,
    "ssm:GetParameters": _parameters,
}
