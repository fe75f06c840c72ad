"""How much of EC2 an account may have at once: vCPUs by kind of instance type and market."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gridray.clusters.aws import catalog
from gridray.clusters.aws.machines import described
from gridray.clusters.aws.session import Account, asking
from gridray.labels import ON_DEMAND, SPOT

# EC2's quotas by the letters that a family begins with; its API tells no relation between the two.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-resource-limits.html
STANDARD = "standard"
CODES = {
    STANDARD: {ON_DEMAND: "L-1216C47A", SPOT: "L-34B43A08"},
    "g": {ON_DEMAND: "L-DB2E81BA", SPOT: "L-3819A6DF"},
    "p": {ON_DEMAND: "L-417A185B", SPOT: "L-7212CCBC"},
    "f": {ON_DEMAND: "L-74FC7D96", SPOT: "L-88CF9481"},
    "x": {ON_DEMAND: "L-7295265B", SPOT: "L-E3A00192"},
    "inf": {ON_DEMAND: "L-1945791B", SPOT: "L-B5D1601B"},
    "trn": {ON_DEMAND: "L-2C3B7624", SPOT: "L-6B0D517C"},
    "dl": {ON_DEMAND: "L-6E869C2A", SPOT: "L-85EED4F7"},
    "hpc": {ON_DEMAND: "L-F7808C92"},
    "u": {ON_DEMAND: "L-43DA4232"},
}
KINDS = {**dict.fromkeys("acdhimrtz", STANDARD), "im": STANDARD, "is": STANDARD, "gr": "g"}
KINDS |= {"vt": "g", **{kind: kind for kind in CODES if kind != STANDARD}}
# Where an account has a quota of its own for P5 and later on spot, the other is for P4 and before.
NEWER_P_SPOT = "L-C4BD4855"
NEWER_P = 5
# Instances in these states count.
COUNTED = ("pending", "running")


@dataclass(frozen=True)
class Quota:
    """A quota in vCPUs, and how many of them are taken."""

    code: str
    name: str
    limit: float
    used: int
    region: str

    @property
    def left(self) -> int:
        return max(0, int(self.limit) - self.used)

    @property
    def link(self) -> str:
        """Where more of it is asked for."""
        return (
            "https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/"
            f"{self.code}?region={self.region}"
        )


class Quotas:
    """The quotas of an account in its region, as of when they were asked for."""

    def __init__(self, quotas: Mapping[str, Quota]) -> None:
        self._quotas = quotas

    def of(self, instance_type: str, market: str) -> Quota | None:
        """Return the quota that an instance counts against; None: unknown."""
        code = code_of(instance_type, market, self._quotas)
        return None if code is None else self._quotas.get(code)


def code_of(instance_type: str, market: str, known: Iterable[str]) -> str | None:
    """Return the code of the quota that an instance counts against.

    Args:
        known: the codes that the account has.
    """
    letters = re.match(r"[a-z]+", instance_type)
    kind = KINDS.get(letters.group()) if letters else None
    if kind is None:
        return None
    generation = re.match(r"p(\d+)", instance_type)
    is_newer = generation is not None and int(generation.group(1)) >= NEWER_P
    if market == SPOT and is_newer and NEWER_P_SPOT in known:
        return NEWER_P_SPOT
    return CODES[kind].get(market)


def ask(account: Account) -> Quotas:
    """Return the account's quotas, with what its instances take of them.

    Raises:
        DeniedError: the account may not see them, or its instances.
        CloudError: AWS cannot be asked, or refuses.
    """
    listed = _listed(account)
    used = _used(account, lambda name, market: code_of(name, market, listed))
    return Quotas(
        {
            code: Quota(code, item["QuotaName"], item["Value"], used.get(code, 0), account.region)
            for code, item in listed.items()
        }
    )


def _listed(account: Account) -> dict[str, Any]:
    ours = {code for codes in CODES.values() for code in codes.values()} | {NEWER_P_SPOT}
    with asking("for the quotas of EC2"):
        paginator = account.client("service-quotas").get_paginator("list_service_quotas")
        return {
            item["QuotaCode"]: item
            for page in paginator.paginate(ServiceCode="ec2")
            for item in page["Quotas"]
            if item["QuotaCode"] in ours
        }


def _used(account: Account, code: Callable[[str, str], str | None]) -> dict[str, int]:
    """Return the vCPUs that the account's instances count for, by quota."""
    running = _running(account)
    types = catalog.instance_types(account, {name for name, _ in running})
    used: dict[str, int] = {}
    for name, market in running:
        counted = code(name, market)
        if counted is not None and name in types:
            used[counted] = used.get(counted, 0) + types[name].vcpus
    return used


def _running(account: Account) -> list[tuple[str, str]]:
    """Return type and market of each instance that counts."""
    counted = {"Name": "instance-state-name", "Values": list(COUNTED)}
    return [
        (each["InstanceType"], each.get("InstanceLifecycle", ON_DEMAND))
        for each in described(account, [counted])
    ]
