"""Why a cloud does not launch a node: what its error means, and what helps.

Source: Ray's AWS node provider, which puts EC2's code and message into its NodeLaunchException
(ray/autoscaler/_private/aws/node_provider.py), and the codes of the EC2 API's reference.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gridray import labels

# As Ray passes it on, or as botocore words it.
ERRORS = (
    re.compile(r"Node Launch Exception \((?P<code>[\w.]+)\): (?P<told>.*)"),
    re.compile(r"An error occurred \((?P<code>[\w.]+)\) when calling .*?: (?P<told>.*)"),
)
CONSOLE = "https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas"
EDIT = "gridray clusters edit {cluster}   # {why}"
FALLBACK = "gridray run --use_spot --spot-fallback 10m ...   # again, so that on-demand nodes do"


@dataclass(frozen=True)
class Cause:
    """A cause in words, and commands that may help, in which `{cluster}` is still to be named."""

    text: str
    mends: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Failure:
    code: str
    told: str
    instance_type: str
    market: str
    zones: Sequence[str]

    @property
    def instances(self) -> str:
        return f"{self.market} {self.instance_type}".strip()


def understood(cause: str, kind: Mapping[str, str], zones: Sequence[str] = ()) -> Cause:
    """Return what the cause of a failed launch means; what is not known is told as it is.

    Args:
        kind: the labels of the nodes that were to be launched.
        zones: where the instance type was not to be had.
    """
    match = next((found for each in ERRORS if (found := each.search(cause))), None)
    if match is None:
        return Cause(cause)
    code = match["code"]
    meaning = next((each for codes, each in _MEANINGS.items() if code.startswith(codes)), _refused)
    market, instance_type = kind.get(labels.MARKET, ""), kind.get(labels.INSTANCE_TYPE, "")
    return meaning(_Failure(code, match["told"].strip(), instance_type, market, zones))


def _capacity(failure: _Failure) -> Cause:
    where = f" in {', '.join(failure.zones)}" if failure.zones else ""
    told = f"AWS has no {failure.instances or 'instance'} to give{where} ({failure.code})"
    edit = EDIT.format(cluster="{cluster}", why="another instance type, or more zones")
    return Cause(told, (FALLBACK, edit) if failure.market == labels.SPOT else (edit,))


def _quota(failure: _Failure) -> Cause:
    from gridray.clusters.aws import quotas

    market = failure.market or labels.ON_DEMAND
    code = quotas.code_of(failure.instance_type, market, ())
    told = f"the account has used up its EC2 quota for {failure.instances or 'instances'}"
    ask = f"{CONSOLE}/{code}" if code else CONSOLE
    named = f", {code}" if code else ""
    more = (FALLBACK,) if market == labels.SPOT else ()
    return Cause(f"{told}{named} ({failure.code}); more is asked for at {ask}", more)


def _price(failure: _Failure) -> Cause:
    told = f"the price of {failure.instances} is above the highest that the cluster pays"
    edit = EDIT.format(cluster="{cluster}", why="leave out MaxPrice: on-demand's price is the most")
    return Cause(f"{told} ({failure.code}: {failure.told})", (FALLBACK, edit))


def _denied(failure: _Failure) -> Cause:
    told = f"AWS does not let the cluster's head launch {failure.instances or 'it'}"
    up = "gridray clusters up {cluster}   # renews what its head may do"
    return Cause(f"{told} ({failure.code}: {failure.told})", ("gridray doctor", up))


def _busy(failure: _Failure) -> Cause:
    return Cause(f"AWS asks to try again later, which Ray does ({failure.code})")


def _refused(failure: _Failure) -> Cause:
    told = f"AWS does not take what the cluster's file asks for: {failure.told} ({failure.code})"
    return Cause(told, (EDIT.format(cluster="{cluster}", why="and mend its group"),))


# By what EC2's codes begin with.
_MEANINGS: Mapping[tuple[str, ...], Callable[[_Failure], Cause]] = {
    ("InsufficientInstanceCapacity", "InsufficientCapacity", "InsufficientHost"): _capacity,
    ("VcpuLimitExceeded", "MaxSpotInstanceCountExceeded", "InstanceLimitExceeded"): _quota,
    ("SpotMaxPriceTooLow",): _price,
    ("UnauthorizedOperation", "AuthFailure", "AccessDenied", "ExpiredToken"): _denied,
    ("RequestLimitExceeded", "InternalError", "InternalFailure", "Unavailable"): _busy,
    ("ServiceUnavailable", "Throttling"): _busy,
}
