"""Which of the cloud's machines an attempt is on, and what its share of that costs."""

import threading
import time
from dataclasses import replace

from gridray.errors import GridrayError
from gridray.labels import ON_DEMAND, SPOT
from gridray.placement import InstanceRecord
from gridray.records import RunRecord
from gridray.runner.metadata import MetadataService
from gridray.store import Store

ABOUT = "/latest/meta-data/"


class Identification:
    """Finds out by a thread of its own, for which nothing has to wait; none of EC2's asks nobody.

    `found` is None until then, and for ever on a machine that does not say.
    """

    def __init__(self, store: Store, record: RunRecord) -> None:
        """Begin."""
        self._since = time.time()
        self._is_over = threading.Event()
        self.found: InstanceRecord | None = None
        service = MetadataService.find()
        if service is None:
            self._is_over.set()
            return
        work = (service, store, record)
        threading.Thread(target=self._find, args=work, name="instance", daemon=True).start()

    def wait(self, timeout: float) -> InstanceRecord | None:
        """Return what was found within so many seconds."""
        self._is_over.wait(timeout)
        return self.found

    def _find(self, service: MetadataService, store: Store, record: RunRecord) -> None:
        try:
            machine = _machine(service)
            if machine is not None:
                self.found = _priced(replace(machine, since=self._since), store, record)
        finally:
            self._is_over.set()


def _machine(service: MetadataService) -> InstanceRecord | None:
    """Return the machine, if it says what it is."""
    instance_id = service.find_text(f"{ABOUT}instance-id")
    instance_type = service.find_text(f"{ABOUT}instance-type")
    if instance_id is None or instance_type is None:
        return None
    life_cycle = service.find_text(f"{ABOUT}instance-life-cycle")
    zone = service.find_text(f"{ABOUT}placement/availability-zone")
    market = SPOT if life_cycle == "spot" else ON_DEMAND
    return InstanceRecord(instance_id, instance_type, market, zone or "")


def _priced(machine: InstanceRecord, store: Store, record: RunRecord) -> InstanceRecord:
    """Return the machine with the prices of its cluster, if they can be had."""
    # Few machines come so far, and every runner's start would have it.
    from gridray.machines import read_price_list

    try:
        prices = read_price_list(store, record.cluster.key)
    except GridrayError:
        return machine
    known = prices.machines.types.get(machine.instance_type) if prices else None
    if prices is None or known is None:
        return machine
    return replace(
        machine,
        share=known.share(record.resources),
        price=prices.price(machine.instance_type, machine.market, machine.zone),
        on_demand=known.on_demand,
    )
