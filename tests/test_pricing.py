"""What a run is going to cost, and whether that can be known."""

from pathlib import Path
from typing import Any

import pytest

from gridray import launch, layout
from gridray.errors import UsageError
from gridray.machines import Machine, Machines, SpotPrices
from gridray.placement import PlacementRecord
from gridray.pricing import check_limit
from gridray.spec import RunSpec
from gridray.store import Store

MACHINES = Machines(
    "us-east-1",
    1.0,
    "a table",
    {
        "g4dn.xlarge": Machine(4, 1, 16 << 30, 0.5, {"us-east-1a": 0.2, "us-east-1b": 0.24}),
        "u-odd.large": Machine(2, 0, 8 << 30),
    },
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    found = Store(str(tmp_path / "store"))
    monkeypatch.setenv("GRIDRAY_STORE", found.url)
    found.put_json(layout.machines("mine"), MACHINES.to_json())
    return found


def spec(project: Path, **fields: Any) -> RunSpec:
    (project / "main.py").touch()
    values: dict[str, Any] = {"cluster": "mine", "instance_type": "g4dn.xlarge"}
    return RunSpec(script="main.py", args=("--lr", "[1, 2, 3]"), root=project, **values | fields)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("fields", "share", "experiment", "run"),
    [
        ({}, 1.0, 0.5, 1.5),
        ({"cpus": 2}, 0.5, 0.25, 0.75),
        ({"use_spot": True}, 1.0, 0.24, 0.72),
        ({"gpus": 1, "max_parallel": 2}, 1.0, 0.5, 1.0),
    ],
)
def test_an_hour_is_estimated(
    store: Store,
    project: Path,
    fields: dict[str, object],
    share: float,
    experiment: float,
    run: float,
) -> None:
    found = launch.estimated(launch.plan(spec(project, **fields)))
    assert found is not None
    assert found.share == share
    assert found.experiment == pytest.approx(experiment)
    assert found.run == pytest.approx(run)


@pytest.mark.parametrize(
    "fields",
    [
        {"cluster": "other"},
        {"instance_type": None},
        {"instance_type": "m5.large"},
        {"instance_type": "u-odd.large"},
    ],
)
def test_what_is_not_known_is_not_estimated(
    store: Store, project: Path, fields: dict[str, object]
) -> None:
    assert launch.estimated(launch.plan(spec(project, **fields))) is None


def test_a_store_that_fails_fails_no_estimate(store: Store, project: Path) -> None:
    store.put(layout.machines("mine"), b"{")
    assert launch.estimated(launch.plan(spec(project))) is None


@pytest.mark.parametrize(
    ("key", "instance_type", "use_spot", "told"),
    [
        ("local-1", None, False, "what the machines of the cluster local-1 cost is not known"),
        ("mine", "u-odd.large", False, "price of u-odd.large on demand on the cluster mine"),
        ("mine", "u-odd.large", True, "price of u-odd.large as spot on the cluster mine"),
        ("mine", "m5.large", False, "price of m5.large on demand"),
    ],
)
def test_a_limit_needs_known_prices(
    store: Store, key: str, instance_type: str | None, use_spot: bool, told: str
) -> None:
    with pytest.raises(UsageError, match="--max_cost 20: .*" + told) as raised:
        check_limit(store, key, key, 20.0, PlacementRecord(instance_type, use_spot))
    assert raised.value.hint
    check_limit(store, key, key, None, PlacementRecord(instance_type, use_spot))


@pytest.mark.parametrize("use_spot", [False, True])
def test_a_limit_is_kept_where_prices_are_known(store: Store, use_spot: bool) -> None:
    check_limit(store, "mine", "mine", 20.0, PlacementRecord("g4dn.xlarge", use_spot))
    check_limit(store, "mine", "mine", 20.0, PlacementRecord(use_spot=use_spot))


def test_the_latest_spot_price_counts(store: Store, project: Path) -> None:
    latest = SpotPrices(2.0, {"g4dn.xlarge": {"us-east-1a": 0.3}})
    store.put_json(layout.prices("mine"), latest.to_json())
    found = launch.estimated(launch.plan(spec(project, use_spot=True)))
    assert found is not None and found.experiment == 0.3
