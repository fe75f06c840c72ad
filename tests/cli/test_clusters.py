"""`clusters`, `view` and the rest, as far as they need no Ray."""

from pathlib import Path

import pytest

from gridray import __version__, settings
from gridray.records import ClusterRecord
from tests.cli.conftest import Call, Filler, running

# Nothing listens on port 1.
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def far(tmp_path: Path) -> None:
    home = settings.home()
    home.mkdir(exist_ok=True)
    (home / "settings.toml").write_text(f'[clusters.far]\naddress = "{NOWHERE}"\ntoken = "t"\n')


def test_clusters_are_listed_with_their_states(call: Call, far: None) -> None:
    found = call("clusters", "-o", "json").json["clusters"]
    assert [(each["name"], each["state"], each["address"]) for each in found] == [
        ("local", "stopped", None),
        ("far", "unreachable", NOWHERE),
    ]
    assert "unreachable" in call("clusters").out


def test_down_when_nothing_runs(call: Call) -> None:
    assert call("clusters", "down", "local").out == "local: was not running\n"
    assert call("delete", "cluster", "local", "--yes", "-o", "json").json["changed"] is False


def test_only_the_local_cluster_can_be_deleted(call: Call, far: None) -> None:
    refused = call("delete", "cluster", "far", "--yes")
    assert refused.code == 2 and "settings.toml" in refused.err
    assert call("delete", "cluster", "moon", "--yes").code == 1


def test_up_of_another_cluster_starts_its_controller(call: Call, far: None) -> None:
    refused = call("clusters", "up", "far")
    assert refused.code == 1 and f"no Ray cluster answers at {NOWHERE}" in refused.err
    refused = call("clusters", "up", "moon")
    assert refused.code == 1 and "there is no cluster 'moon'" in refused.err


def test_view_says_when_the_cluster_is_down(call: Call, filled: Filler, far: None) -> None:
    refused = call("view", "busy", "--no-browser")
    assert refused.code == 1 and "the local cluster is not running" in refused.err
    filled.run("away", [running()], cluster=ClusterRecord("far", "far"))
    refused = call("view", "away-exp0", "--no-browser")
    assert refused.code == 1 and f"no Ray cluster answers at {NOWHERE}" in refused.err


def test_docs(call: Call) -> None:
    topics = call("docs", "-o", "json").json["topics"]
    assert {"architecture", "cli"} <= set(topics)
    assert call("docs", "cli").out.startswith("# The command line")
    assert call("docs", "cli", "-o", "json").json["topic"] == "cli"
    unknown = call("docs", "cookery")
    assert unknown.code == 1 and "architecture" in unknown.err


def test_version(call: Call) -> None:
    from importlib.metadata import version

    assert version("gridray") == __version__
    assert call("version").out == f"gridray {__version__}\n" == call("--version").out
