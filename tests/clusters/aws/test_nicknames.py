"""Grid's names for instance types."""

import pytest

from gridray.clusters.aws.instancetype import shipped
from gridray.clusters.aws.nicknames import nickname_of, resolve
from gridray.errors import SpecError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("1_t4_16gb", "g4dn.xlarge"),
        ("1_T4_16GB", "g4dn.xlarge"),
        (" 1_t4_16gb ", "g4dn.xlarge"),
        ("1_t4_32gb", "g4dn.2xlarge"),
        ("8_t4_16gb", "g4dn.metal"),
        ("1_v100_16gb", "p3.2xlarge"),
        ("4_v100_64gb", "p3.8xlarge"),
        ("4_v100_244gb", "p3.8xlarge"),
        ("8_v100_32gb", "p3dn.24xlarge"),
        ("2_cpu_4gb", "t3.medium"),
        ("2_cpu_8gb", "t3.large"),
        ("1_l4_24gb", "g6.xlarge"),
        ("4_a10g_24gb", "g5.12xlarge"),
        ("8_h100_80gb", "p5.48xlarge"),
        ("8_h200_141gb", "p5en.48xlarge"),
        ("G4DN.XLarge", "g4dn.xlarge"),
        ("z9.weird", "z9.weird"),
    ],
)
def test_what_a_name_means(text: str, name: str) -> None:
    assert resolve(text) == name


def test_every_nickname_shown_means_its_type() -> None:
    table = shipped().types
    shown = {name: nickname_of(each, table) for name, each in table.items()}
    assert shown["g4dn.xlarge"] == "1_t4_16gb"
    assert {name: resolve(nickname) for name, nickname in shown.items() if nickname} == {
        name: name for name, nickname in shown.items() if nickname
    }


def test_nobody_means_a_part_of_a_gpu_by_the_name_of_a_whole_one() -> None:
    assert resolve("1_l4_16gb") == "g6.xlarge"
    assert nickname_of(shipped().types["g6f.large"], shipped().types) is None


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("1_t4_17gb", "1_t4_16gb"),
        ("1_k80_12gb", "did you mean"),
        ("g4dn", "g4dn.xlarge"),
        ("", "instance-types"),
        ("g4dn.xlarge; rm -rf /", "instance-types"),
    ],
)
def test_an_unknown_name_hears_of_near_ones(text: str, near: str) -> None:
    with pytest.raises(SpecError, match="no instance type") as caught:
        resolve(text)
    assert near in str(caught.value.hint)


def test_the_types_of_an_account_decide_if_they_are_known() -> None:
    types = {"g4dn.xlarge": shipped().types["g4dn.xlarge"]}
    assert resolve("1_t4_16gb", types) == "g4dn.xlarge"
    with pytest.raises(SpecError) as caught:
        resolve("g4dn.xlrge", types)
    assert "g4dn.xlarge" in str(caught.value.hint)
