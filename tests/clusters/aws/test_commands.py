"""What the commands about clusters say where something is in their way."""

import re

import pytest

from gridray import settings
from gridray.clusters.aws.made import Made
from gridray.records import ClusterRecord, Row
from gridray.states import State
from gridray.store import Store
from tests.cli.conftest import Call, Filler
from tests.clusters.aws.heads import Head
from tests.clusters.aws.machines import living
from tests.clusters.aws.one import STORE, WORDS, fits, home_of

ONE = Made("one", "us-east-1", "123456789012", 0.0, "s3://bucket", "owner")


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch, nobody: None) -> None:
    """A machine that has a cluster, and no credentials."""
    ONE.save(settings.home())
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")


def test_a_run_that_waits_keeps_a_cluster_from_its_end(call: Call, made_one: Made) -> None:
    record = ClusterRecord("one", "one")
    Filler(Store(STORE)).run("waits", [Row(State.QUEUED)], cluster=record)
    assert call("clusters", "status", "one", "-o", "json").json["runs"] == ["waits"]
    for words in (("clusters", "down", "one"), ("delete", "cluster", "one")):
        refused = call(*words)
        assert refused.code in (1, 2), words
    assert "not over: waits" in call("clusters", "down", "one").err
    assert len(living()) == 1
    file = home_of("one") / "cluster.yaml"
    file.write_text(file.read_text() + "# mine\n")
    assert call("clusters", "up", "one").code == 0
    assert call("clusters", "down", "one", "--yes").code == 0
    assert living() == []


def test_a_way_in_that_is_closed_is_told(call: Call, made_one: Made, head: Head) -> None:
    head.server.stop()
    for words in (("ssh", "one", "--", "true"), ("logs", "one")):
        refused = call("clusters", *words)
        assert refused.code == 1 and "does not answer" in refused.err, words
        assert "clusters status one" in refused.err and "clusters up one" in refused.err


def test_what_a_command_on_the_head_ends_with_is_its_own(call: Call, made_one: Made) -> None:
    ended = call("clusters", "ssh", "one", "--", "exit 255")
    assert ended.code == 255 and "error" not in ended.err


def test_without_credentials(call: Call, stranger: None) -> None:
    listed = call("clusters")
    assert listed.code == 0 and re.search(r"one +unreachable +us-east-1", listed.out)
    assert "no AWS credentials" in listed.err and "aws configure" in listed.err
    shown = fits("clusters", call("clusters", "-o", "json").json)["clusters"][-1]
    assert "no AWS credentials" in shown["why"]
    for words in ("clusters down one", "delete cluster one --yes", "clusters status one"):
        refused = call(*words.split())
        assert refused.code == 1 and "no AWS credentials" in refused.err, words
        assert "ending" not in refused.err
        assert "169.254" not in refused.err and "127.0.0.1" not in refused.err


def test_the_store_without_credentials(
    call: Call, stranger: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRAY_STORE", "s3://bucket")
    refused = call("status")
    assert refused.code == 1 and "there are no credentials for S3" in refused.err
    assert "aws configure" in refused.err and "http" not in refused.err


def test_credentials_of_another_account_end_nothing(
    call: Call, made_one: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    Made(**{**vars(made_one), "account": "999999999999"}).save(settings.home())
    for words in ("clusters down one --yes", "delete cluster one --yes", "clusters status one"):
        refused = call(*words.split())
        assert refused.code == 1 and "999999999999" in refused.err, words
    assert len(living()) == 1 and home_of("one").exists()


def test_who_may_reach_the_head(call: Call, head: Head) -> None:
    for block, is_told in (("0.0.0.0/0", True), ("203.0.113.0/24", False), ("::/0", True)):
        words = [block if word == "203.0.113.7/32" else word for word in WORDS]
        plan = call("clusters", "aws", "one", *words, "--dry-run")
        assert plan.code == 0 and ("everybody on the internet" in plan.err) == is_told


def test_workers_are_patient(call: Call, head: Head) -> None:
    refused = call("clusters", "aws", "one", *WORDS, "--head-timeout", "1s", "--dry-run")
    assert refused.code == 2 and "at least 60 s" in refused.err
    taken = call("clusters", "aws", "one", *WORDS, "--head-timeout", "60s", "--dry-run")
    assert taken.code == 0


def test_one_cluster_is_asked_for_as_one(call: Call, stranger: None) -> None:
    assert "End the cluster one," in call("delete", "cluster", "one").err
