"""The labels that a run's nodes have to have, and what a run says of them."""

from pathlib import Path

import pytest

from gridray import labels
from gridray.clusters import placing
from gridray.errors import SpecError, UsageError
from gridray.placement import PlacementRecord, selector
from gridray.records import Resources, RunRecord
from gridray.spec import RunSpec
from tests.builders import run_record

G4DN = "g4dn.xlarge"


@pytest.mark.parametrize(
    ("placement", "wanted", "words"),
    [
        (PlacementRecord(G4DN), {labels.INSTANCE_TYPE: G4DN, labels.MARKET: "on-demand"}, None),
        (PlacementRecord(use_spot=True), {labels.MARKET: "spot"}, "spot nodes"),
        (
            PlacementRecord(G4DN, use_spot=True, disk_gb=200, disks=(200, 500)),
            {
                labels.INSTANCE_TYPE: G4DN,
                labels.MARKET: "spot",
                labels.DISK: "in(200, 500)",
            },
            "spot g4dn.xlarge nodes with 200 GB of disk",
        ),
        (PlacementRecord(disk_gb=200), {}, "nodes with 200 GB of disk"),
    ],
)
def test_what_nodes_have_to_have(
    placement: PlacementRecord, wanted: dict[str, str], words: str | None
) -> None:
    assert selector(placement) == wanted
    assert placement.words() == (words or "on-demand g4dn.xlarge nodes")
    fallen = selector(placement, fallen_back=True)
    assert fallen == wanted | ({labels.MARKET: "on-demand"} if placement.use_spot else {})


def test_any_node_will_do() -> None:
    assert selector(None) == selector(None, fallen_back=True) == {}
    assert labels.fits({}, {})


def test_rays_own_code_takes_the_selectors() -> None:
    from ray._private.label_utils import validate_label_selector

    placement = PlacementRecord(G4DN, use_spot=True, disk_gb=200, disks=(200, 500))
    assert validate_label_selector(selector(placement)) is None
    has = {labels.INSTANCE_TYPE: G4DN, labels.MARKET: "spot", labels.DISK: "500"}
    assert labels.fits(has, selector(placement))
    assert not labels.fits({**has, labels.DISK: "50"}, selector(placement))
    assert not labels.fits({labels.MARKET: "spot"}, selector(placement))


def test_it_is_kept_in_the_store() -> None:
    placement = PlacementRecord(G4DN, use_spot=True, disk_gb=200, spot_fallback=60.0, disks=(200,))
    record = run_record("run", 1, placement=placement, max_cost=20.0)
    assert RunRecord.from_json(record.to_json()) == record


def spec(**fields: object) -> RunSpec:
    return RunSpec(script="main.py", root=Path("/tmp/project"), **fields)  # type: ignore[arg-type]


def test_a_nickname_is_the_instance_type_that_it_means() -> None:
    assert placing.placement(spec(instance_type="1_T4_16gb")) == PlacementRecord(G4DN)
    assert placing.placement(spec(instance_type=" G4dn.xlarge ")) == PlacementRecord(G4DN)
    assert placing.placement(spec()) is None
    with pytest.raises(SpecError, match="there is no instance type 'g4dn'") as caught:
        placing.placement(spec(instance_type="g4dn"))
    assert "g4dn.xlarge" in str(caught.value.hint)


def test_what_would_fall_back_from_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="--spot-fallback 600s") as caught:
        placing.placement(spec(instance_type=G4DN, spot_fallback="10m"))
    assert "--use_spot" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("fields", "gets"),
    [
        ({}, Resources(1)),
        ({"gpus": 2}, Resources(1, 2)),
        ({"instance_type": G4DN}, Resources(4, 1)),
        ({"instance_type": G4DN, "cpus": 2}, Resources(2)),
        ({"instance_type": "new9.large"}, Resources(0)),
        ({"use_spot": True}, Resources(1)),
    ],
)
def test_what_is_known_before_a_cluster_is_asked(
    fields: dict[str, object], gets: Resources
) -> None:
    wanted = spec(**fields)
    assert placing.estimate(wanted, placing.placement(wanted)) == gets
