"""The machine that an attempt is on, as its metadata service and its cluster's prices say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gridray import layout
from gridray.labels import ON_DEMAND, SPOT
from gridray.machines import Machine, Machines, SpotPrices
from gridray.placement import InstanceRecord
from gridray.records import Resources
from gridray.states import State
from gridray.store import Store
from tests.metadata import MetadataService
from tests.runner.conftest import Start
from tests.runner.gate import Gate

GIB = 1 << 30
MACHINES = Machines(
    "us-east-1",
    1.0,
    "a table",
    {"g4dn.xlarge": Machine(4, 1, 16 * GIB, 0.526, {"us-east-1b": 0.2})},
)
PRICES = SpotPrices(2.0, {"g4dn.xlarge": {"us-east-1a": 0.16}})


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataService]:
    with MetadataService() as service:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.endpoint)
        yield service


def price(store: Store) -> None:
    store.put_json(layout.machines("local-1"), MACHINES.to_json())
    store.put_json(layout.prices("local-1"), PRICES.to_json())


@pytest.fixture
def priced(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "store"))
    price(store)
    return store


@pytest.mark.parametrize(
    ("resources", "share"),
    [
        (Resources(cpus=1), 0.25),
        (Resources(cpus=1, gpus=0.5), 0.5),
        (Resources(cpus=1, memory=int(16 * GIB * 0.9 * 0.75)), 0.75),
        (Resources(cpus=8), 1.0),
    ],
)
def test_an_attempt_says_where_it_is_with_its_first_word(
    start: Start, metadata: MetadataService, priced: Store, resources: Resources, share: float
) -> None:
    metadata.describe("i-1", "g4dn.xlarge", "spot", "us-east-1a")
    attempt = start("import time; time.sleep(1)", store=priced, resources=resources)
    attempt.wait_until(lambda: priced.exists(layout.attempt_state(attempt.name)))
    first = attempt.state().instance
    assert first is not None and first.since is not None
    assert first == InstanceRecord(
        "i-1", "g4dn.xlarge", SPOT, "us-east-1a", first.share, 0.16, 0.526, first.since
    )
    assert first.share == pytest.approx(share)
    last = attempt.wait()
    assert last.instance == first
    assert last.started_at is not None and last.started_at > first.since


@pytest.mark.parametrize(
    ("market", "zone", "expected"),
    [
        ("spot", "us-east-1b", (SPOT, 0.2)),
        ("spot", "us-east-1c", (SPOT, None)),
        ("on-demand", "us-east-1c", (ON_DEMAND, 0.526)),
    ],
)
def test_a_price_is_that_of_its_market_and_zone(
    start: Start,
    metadata: MetadataService,
    priced: Store,
    market: str,
    zone: str,
    expected: tuple[str, float | None],
) -> None:
    metadata.describe("i-1", "g4dn.xlarge", market, zone)
    found = start("", store=priced).wait().instance
    assert found is not None and (found.market, found.price) == expected


def test_a_machine_that_no_price_is_known_of_is_told_all_the_same(
    start: Start, metadata: MetadataService, priced: Store
) -> None:
    metadata.describe("i-1", "m5.large", "on-demand", "us-east-1a")
    found = start("", store=priced).wait().instance
    assert found is not None and (found.instance_type, found.price) == ("m5.large", None)


@pytest.mark.parametrize("damage", [b"{", b'{"types": 1}', b"[]"])
def test_prices_that_cannot_be_read_fail_nothing(
    start: Start, metadata: MetadataService, priced: Store, damage: bytes
) -> None:
    priced.put(layout.machines("local-1"), damage)
    metadata.describe("i-1", "g4dn.xlarge", "spot", "us-east-1a")
    state = start("", store=priced).wait()
    assert state.state is State.SUCCEEDED
    assert state.instance is not None and state.instance.price is None


def test_a_service_that_does_not_know_the_machine_fails_nothing(
    start: Start, metadata: MetadataService
) -> None:
    state = start("").wait()
    assert (state.state, state.instance) == (State.SUCCEEDED, None)


def test_prices_that_come_late_keep_nothing_back_and_are_told(
    start: Start, metadata: MetadataService, gate: Gate, s3_store: Store
) -> None:
    price(s3_store)
    metadata.describe("i-1", "g4dn.xlarge", "spot", "us-east-1a")
    gate.hold("/machines.json")
    attempt = start("import time; print('ready', flush=True); time.sleep(300)", store=s3_store)
    attempt.wait_for_log(b"ready")
    assert attempt.state().instance is None
    gate.hold(None)
    attempt.wait_until(lambda: attempt.state().instance is not None)
    found = attempt.state().instance
    assert found is not None and found.price == 0.16


def test_where_there_is_no_cloud_nothing_of_it_is_asked(
    start: Start, metadata: MetadataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert start("").wait().instance is None
    assert metadata.asked == []
