"""What becomes of the runs on a cluster in AWS that is deleted."""

from typing import Any

import boto3
import pytest

from gridray import actions, layout
from gridray.clusters.aws.made import Made
from gridray.errors import StoreError
from gridray.records import ClusterRecord, Row
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run
from tests.cli.conftest import Call
from tests.clusters.aws.machines import living
from tests.clusters.aws.one import STORE, home_of


@pytest.fixture
def cut_off(made_one: Made) -> Store:
    """A store with the run `busy`, which runs on the cluster for as long as that is there."""
    store = Store(made_one.store)
    row = Row(State.RUNNING, submitted_at=1.0, started_at=2.0)
    record = add_run(store, "busy", [row, Row()], cluster=ClusterRecord("one", "one"))
    store.put(layout.source(record.source.digest), b"")
    actions.announce(store, record, "")
    return store


def test_runs_are_over_once_their_cluster_is_deleted(call: Call, cut_off: Store) -> None:
    assert call("delete", "cluster", "one").code != 0
    gone = call("delete", "cluster", "one", "--yes")
    assert gone.code == 0 and "over, since one is deleted: busy" in gone.err
    shown = call("status", "busy")
    assert shown.out.count("its cluster was deleted") == 2 and "clusters up" not in shown.err
    assert "gridray rerun busy --cluster NAME" in call("why", "busy").err
    assert "over already" in call("stop", "run", "busy").out
    for word in ("retry", "rerun"):
        refused = call(word, "busy")
        assert refused.code == 1 and "not known here any more" in refused.err
        assert "gridray rerun busy --cluster NAME" in refused.err
    assert call("delete", "run", "busy", "--yes").code == 0
    assert call("status", "busy").code == 1


def test_a_cluster_whose_store_fails_is_deleted_at_the_next_try(
    call: Call, cut_off: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise StoreError("out of order")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "put_json", fail)
        refused = call("delete", "cluster", "one", "--yes")
    assert refused.code == 1 and "`gridray delete cluster one` once more" in refused.err
    assert living() == [] and home_of("one").exists()
    assert call("delete", "cluster", "one", "--yes").code == 0
    assert call("status", "busy", "-o", "json").json["state"] == "cancelled"
    assert not home_of("one").exists()


def test_a_cluster_without_its_bucket_can_be_deleted(call: Call, cut_off: Store) -> None:
    bucket = boto3.resource("s3").Bucket(STORE.removeprefix("s3://"))
    bucket.object_versions.delete()
    bucket.delete()
    gone = call("delete", "cluster", "one", "--yes")
    assert gone.code == 0 and not home_of("one").exists(), gone.err
