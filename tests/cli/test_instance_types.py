"""`gridray instance-types`, for people and for programs."""

import pytest

from gridray import settings
from gridray.cli import offer_work
from gridray.cli.offer_shapes import InstanceType
from gridray.cli.text import table, width
from tests.cli.conftest import Call
from tests.clusters.aws.test_groups import made

GIBIBYTE = 1 << 30


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_a_table_for_people(call: Call) -> None:
    result = call("instance-types", "--gpus", "1")
    assert result.code == 0
    heading, *rows = result.out.splitlines()
    assert heading.split()[:4] == ["Type", "vCPU", "RAM", "GPU"]
    words = [row.split() for row in rows]
    assert ["g4dn.xlarge", "4", "16", "1", "T4", "16", "0.526"] in [row[:7] for row in words]
    assert any(row[:2] == ["g5g.xlarge", "arm"] for row in words)
    assert "no AWS credentials" in result.err
    assert "as of 20" in result.err


@pytest.mark.parametrize(("gpus", "names"), [("16", []), ("2", ["g5g.16xlarge", "g5g.metal"])])
def test_exactly_so_many_gpus(call: Call, gpus: str, names: list[str]) -> None:
    found = call("instance-types", "--gpus", gpus, "-o", "json").json["instance_types"]
    assert {each["gpus"] for each in found} <= {int(gpus)}
    assert set(names) <= {each["name"] for each in found}
    assert bool(names) == bool(found)


def test_nothing_of_the_kind(call: Call) -> None:
    result = call("instance-types", "--gpus", "16")
    assert (result.code, result.out) == (0, "")
    assert "has none of these" in result.err


def test_the_groups_of_a_cluster(call: Call) -> None:
    made("big")
    found = call("instance-types", "--cluster", "big", "-o", "json").json
    assert found["region"] == "eu-west-1"
    assert [each["name"] for each in found["instance_types"]] == ["c6i.large", "g4dn.xlarge"]
    assert call("instance-types", "--cluster", "other").code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--region", "eu-west-9"), "AWS has no region 'eu-west-9'"),
        (("--profile", "nobody"), "no AWS profile 'nobody'"),
    ],
)
def test_what_cannot_be_asked(call: Call, words: tuple[str, ...], said: str) -> None:
    result = call("instance-types", *words)
    assert (result.code, result.out) == (1, "")
    assert said in result.err
    assert "hint:" in result.err
    assert not (settings.home() / "cache").exists()


def test_a_terminal_of_100_columns_is_wide_enough() -> None:
    widest = InstanceType(
        name="p6-b200.48xlarge",
        nickname="8_rtxproserver6000_96gb",
        vcpus=192,
        memory=2048 * GIBIBYTE,
        architecture="x86_64",
        gpu="RTX PRO Server 6000",
        gpus=8,
        gpu_memory=180 * GIBIBYTE,
        zones=("us-east-1a",),
        on_demand_price=113.93,
        spot_price=45.123,
        spot_zone="us-east-1a",
        spot_price_low=40.12,
        spot_price_high=110.55,
        on_demand_quota_left=1920,
        spot_quota_left=1920,
    )
    lines = list(table(offer_work.COLUMNS, [offer_work._row(widest)], room=100))
    assert max(map(width, lines)) <= 100
    assert [column.title in lines[0] for column in offer_work.COLUMNS] == [True] * 10
    assert "40.1-110.5" in lines[1]
    assert "10/10" in lines[1]
