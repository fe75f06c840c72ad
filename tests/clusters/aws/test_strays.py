"""`doctor`: what is left over, what others use, and the end of the one only."""

import boto3
import pytest

from gridray import settings
from gridray.clusters.aws import made
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.tags import Mark, tags
from tests.cli.conftest import Call
from tests.clusters.aws.cloud import Cloud
from tests.clusters.aws.machines import launch, living
from tests.clusters.aws.one import fits


@pytest.fixture(autouse=True)
def images(cloud: Cloud) -> None:
    cloud.account()


def keep(store: str) -> None:
    """Let this machine have made a cluster."""
    what = Made("mine", "us-east-1", "123456789012", 0.0, store, "owner")
    what.save(settings.home())


def test_a_cluster_with_a_head_is_no_stray(call: Call) -> None:
    used = [launch("used", "m5.large", kind=kind) for kind in ("head", "worker")]
    found = call("doctor")
    assert found.code == 0, found.err
    assert all(each in found.out for each in used)
    assert "left over" not in found.out and "another machine may use" in found.out
    shown = fits("doctor", call("doctor", "-o", "json").json)["strays"]
    assert {each["led"] for each in shown if each["kind"] == "instance"} == {True}
    assert call("doctor", "--end", "--yes").code == 0
    assert sorted(living()) == sorted(used)


def test_of_several_clusters_the_one_is_ended_that_is_named(call: Call) -> None:
    lost, other, used = (
        launch("lost", "m5.large"),
        launch("other", "m5.large"),
        launch("used", "m5.large", kind="head"),
    )
    refused = call("doctor", "--end", "--yes")
    assert refused.code == 2 and "lost, other" in refused.err and "--end lost" in refused.err
    assert call("doctor", "nobody", "--end", "--yes").code == 1
    assert call("doctor", "lost", "--yes").code == 2
    assert len(living()) == 3
    ended = call("doctor", "--end", "lost", "--yes")
    assert ended.code == 1 and "--end other" in ended.err
    assert sorted(living()) == sorted([other, used]) and lost not in living()
    asked = call("doctor", "--end", "used")
    assert asked.code == 2 and "experiments may run there" in asked.err
    assert call("doctor", "--end", "used", "other", "--yes").code == 0
    assert living() == []


def test_a_cluster_of_this_machine_is_not_ended_as_a_stray(call: Call) -> None:
    keep("s3://bucket")
    mine = launch("mine", "m5.large")
    refused = call("doctor", "--end", "mine", "--yes")
    assert refused.code == 1 and "clusters down mine" in refused.err
    assert living() == [mine]


def test_no_region_need_be_configured(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    stray = launch("lost", "m5.large")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "nothing was asked" in call("doctor").out
    assert stray in call("doctor", "--region", "us-east-1").out
    keep("s3://bucket")
    assert stray in call("doctor").out


def test_buckets_of_clusters_that_are_gone_are_listed(call: Call) -> None:
    s3 = boto3.client("s3")
    for name, cluster in (("kept-bucket", "gone"), ("used-bucket", "mine")):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags(Mark(cluster, "owner"))})
    s3.create_bucket(Bucket="somebodys-own")
    keep("s3://used-bucket")
    assert made.names(settings.home()) == ["mine"]
    found = call("doctor")
    assert found.code == 0 and "kept-bucket" in found.out and "gone" in found.out
    assert "used-bucket" not in found.out and "somebodys-own" not in found.out
    (settings.home() / "settings.toml").write_text('store = "s3://kept-bucket"\n')
    (shown,) = fits("doctor", call("doctor", "-o", "json").json)["buckets"]
    assert (shown["name"], shown["cluster"], shown["is_store"]) == ("kept-bucket", "gone", True)
