"""The commands about clusters in AWS, from none to none: moto is the account, `heads` the head."""

import re
from pathlib import Path

import boto3
import pytest

from gridray import layout, settings
from gridray.clusters.aws import hostkeys, lifecycle
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.session import Account
from gridray.clusters.cluster import existing
from gridray.errors import StateError
from gridray.records import RunStatus
from gridray.store import Store
from tests.cli.conftest import NOW, Call, Filler, running, succeeded
from tests.clusters.aws import ray_up
from tests.clusters.aws.heads import Head
from tests.clusters.aws.lists import Lists
from tests.clusters.aws.machines import launch, living
from tests.clusters.aws.one import STORE, WORDS, fits, home_of


def test_a_cluster_from_nothing_to_nothing(call: Call, head: Head, made_one: Made) -> None:
    assert made_one.store == STORE
    known_hosts = (home_of("one") / "known_hosts").read_text()
    assert head.server.known_key in known_hosts and f"one {head.server.known_key}" == (
        made_one.host_key
    )
    token = (home_of("one") / "token").read_text().strip()
    assert (home_of("one") / "token").stat().st_mode & 0o777 == 0o600
    assert {asked[2] for asked in head.asked} == {f"Bearer {token}"}
    assert settings.load().store == STORE and call("history").code == 0
    assert existing("one", settings.load()).key == "one"
    listed = fits("clusters", call("clusters", "-o", "json").json)["clusters"][-1]
    assert (listed["name"], listed["state"], listed["groups"]) == ("one", "running", ["1 head"])
    launch("one", "m5.large", is_spot=True)
    status = fits("clusters status", call("clusters", "status", "one", "-o", "json").json)
    assert "spot" in call("clusters", "status", "one").out
    assert status["answers"] and status["controller"]
    assert [(each["market"], each["nodes"]) for each in status["groups"]] == [
        ("on-demand", 1),
        ("spot", 1),
    ]
    down = call("clusters", "down", "one")
    assert down.code == 0, down.err
    assert down.out.count("gone: instance") == 2
    assert "nothing is left running: 0 instances, 0 volumes" in down.out and STORE in down.out
    assert living() == []
    assert call("clusters", "status", "one", "-o", "json").json["state"] == "stopped"
    assert call("clusters", "up", "one").code == 0
    assert len(living()) == 1
    gone = call("delete", "cluster", "one", "--purge-store", "--yes", "-o", "json").json["gone"]
    assert any(each.startswith("bucket") for each in gone)
    assert living() == [] and not home_of("one").exists()
    assert settings.load().store == str(settings.home() / "store")


def test_a_store_of_the_users_own_stays(
    call: Call, made_one: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.home() / "settings.toml").write_text(f'# mine\nstore = "{tmp_path}/mine"\n')
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "train.py").touch()
    monkeypatch.chdir(tmp_path / "project")
    refused = call("run", "--cluster", "one", "train.py")
    assert refused.code == 1 and "gridray clusters use one" in refused.err
    used = call("clusters", "use", "one")
    assert used.code == 0 and "# mine" in (settings.home() / "settings.toml").read_text()
    assert (settings.load().cluster, settings.load().store) == ("one", STORE)
    assert call("user", "set-cluster-context", "local").code == 0
    assert (settings.load().cluster, settings.load().store) == ("local", STORE)


def test_nothing_is_made_by_a_dry_run(call: Call, head: Head) -> None:
    words = [word for word in WORDS if word != "--yes"]
    plan = call("clusters", "aws", "one", *words, "--max-workers", "3", "--dry-run", "-o", "json")
    assert plan.code == 0, plan.err
    assert fits("clusters aws", plan.json)["made"] is False and plan.json["store"] == STORE
    assert [each["name"] for each in plan.json["groups"]] == [
        "m5-large-spot",
        "m5-large-on-demand",
        "g4dn-xlarge-spot",
        "g4dn-xlarge-on-demand",
    ]
    assert not home_of("one").exists() and living() == []
    refused = call("clusters", "aws", "one", *words)
    assert refused.code == 2 and "add --yes" in refused.err and not home_of("one").exists()


def test_a_name_that_cannot_be_one(call: Call, aws: Lists) -> None:
    for name in ("my_cluster", "Upper", "local", "a" * 25, "-x-", "ünï"):
        refused = call("clusters", "aws", *WORDS, "--", name)
        assert refused.code == 2 and "name" in refused.err
        assert not home_of(name).exists()


def test_all_that_is_in_the_way_is_told_at_once(call: Call, head: Head) -> None:
    words = ["--instance-types", "x9.huge,y9.huge", *WORDS[2:]]
    refused = call("clusters", "aws", "one", *words)
    assert refused.code == 1 and "x9.huge" in refused.err and "y9.huge" in refused.err
    assert "nothing has been made" in refused.err and not home_of("one").exists()


def test_a_directory_is_no_store_for_a_cloud(call: Call, head: Head, tmp_path: Path) -> None:
    settings.home().mkdir()
    (settings.home() / "settings.toml").write_text(f'store = "{tmp_path}/mine"\n')
    refused = call("clusters", "aws", "one", *WORDS)
    assert refused.code == 2 and "--store s3://" in refused.err and living() == []


def in_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Act as another machine, with the same account."""
    monkeypatch.setenv("GRIDRAY_HOME", str(home))


def test_another_machines_cluster_stays_its_own(
    call: Call, made_one: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = living()
    in_home(tmp_path / "home 2", monkeypatch)
    for words in (("--dry-run",), ()):
        refused = call("clusters", "aws", "one", *WORDS, *words)
        assert refused.code == 1 and before[0] in refused.err and "making" not in refused.err
    assert not home_of("one").exists()
    gone = call("delete", "cluster", "one", "--yes")
    assert gone.code == 1 and "no cluster 'one'" in gone.err and living() == before


def test_a_bucket_that_others_need_is_not_purged(
    call: Call, made_one: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("clusters", "aws", "two", *WORDS).code == 0
    before = living()
    assert Made.load(settings.home(), "two").bucket is None
    filler = Filler(Store(STORE))
    for name, refusal in (("one", "other clusters .* two$"), ("two", "not in a bucket")):
        for words in (("clusters", "down", name), ("delete", "cluster", name)):
            refused = call(*words, "--purge-store", "--yes")
            assert refused.code == 1 and re.search(refusal, refused.err, re.MULTILINE)
    assert living() == before
    deleted = call("delete", "cluster", "two", "--yes")
    assert deleted.code == 0 and f"the store {STORE} stays" in deleted.out
    filler.run("theirs", [running()])
    refused = call("clusters", "down", "one", "--purge-store", "--yes")
    assert refused.code == 1 and "theirs on " in refused.err and len(living()) == 1
    assert "gridray delete run NAME --force" in refused.err
    over = RunStatus(NOW, (succeeded(),)).to_json()
    filler.store.put_json(layout.status("theirs"), over)
    assert call("clusters", "down", "one", "--purge-store", "--yes").code == 0
    deleted = call("delete", "cluster", "one", "--yes")
    assert deleted.code == 0 and STORE not in deleted.out


def test_a_group_that_was_made_anew_is_in_the_file(call: Call, made_one: Made) -> None:
    file = home_of("one") / "cluster.yaml"
    before = file.read_text()
    assert call("clusters", "down", "one").code == 0
    boto3.client("ec2").delete_security_group(GroupName="gridray-one")
    assert call("clusters", "up", "one").code == 0
    group = boto3.client("ec2").describe_security_groups(GroupNames=["gridray-one"])
    new = group["SecurityGroups"][0]["GroupId"]
    assert new not in before and new in file.read_text()


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_was_cut_off_goes_on(
    call: Call, head: Head, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ray_up.FAILS, when)
    failed = call("clusters", "aws", "one", *WORDS)
    assert ("1/7 Waiting for SSH" in failed.err) == (when == "after")
    assert failed.code == 1 and "up.log" in failed.err and "clusters up one" in failed.err
    assert len(living()) == (when == "after")
    assert call("clusters", "-o", "json").json["clusters"][-1]["name"] == "one"
    monkeypatch.delenv(ray_up.FAILS)
    assert call("clusters", "up", "one").code == 0
    assert len(living()) == 1


def test_what_is_half_up_can_be_ended(
    call: Call, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ray_up.FAILS, "before")
    call("clusters", "aws", "one", *WORDS)
    launch("one", "m5.large")
    assert call("clusters", "status", "one", "-o", "json").json["state"] == "headless"
    assert call("clusters", "down", "one").code == 0
    assert living() == []
    assert call("clusters", "down", "one", "-o", "json").json["changed"] is False
    assert call("delete", "cluster", "one", "--yes").code == 0


def test_ray_is_not_started_anew_where_nothing_has_changed(
    call: Call, made_one: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ray_up.FAILS, "before")
    assert call("clusters", "up", "one").code == 0
    taken = call("clusters", "aws", "one", *WORDS)
    assert taken.code == 1 and "clusters up one" in taken.err and "edit" in taken.err
    file = home_of("one") / "cluster.yaml"
    file.write_text(file.read_text() + "# mine\n")
    assert lifecycle.would_restart(settings.home(), Account(), "one")
    assert call("clusters", "up", "one").code == 1
    monkeypatch.delenv(ray_up.FAILS)
    assert call("clusters", "up", "one").code == 0
    assert file.read_text().endswith("# mine\n")
    assert not lifecycle.would_restart(settings.home(), Account(), "one")


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expression: str) -> None:
    script = tmp_path / "an editor"
    script.write_text(f"#!/bin/bash\nsed -i '{expression}' \"$1\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", f"'{script}'")


def test_a_file_is_checked_when_it_is_edited(
    call: Call, made_one: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home_of("one") / "cluster.yaml"
    before = file.read_text()
    editor(tmp_path, monkeypatch, "s/^max_workers: 8/max_workers: many/")
    refused = call("clusters", "edit", "one")
    assert refused.code == 2 and "$.max_workers" in refused.err and file.read_text() == before
    editor(tmp_path, monkeypatch, "s/^max_workers: many/max_workers: 5/")
    edited = call("clusters", "edit", "one", "-o", "json")
    assert edited.code == 0 and fits("clusters edit", edited.json)["changed"] is True
    assert file.read_text() == before.replace("max_workers: 8", "max_workers: 5", 1)
    for expression, told in (
        ("s/^cluster_name: one/cluster_name: two/", "cluster_name is"),
        ("s/region: us-east-1/region: eu-west-1/", "provider.region"),
        ("s/Key: gridray-cluster/Key: other/", "gridray-cluster: one"),
        ("s/^provider:/provider: [/", "not YAML"),
    ):
        (home_of("one") / "rejected.yaml").unlink(missing_ok=True)
        editor(tmp_path, monkeypatch, expression)
        assert told in call("clusters", "edit", "one").err
    monkeypatch.setenv("EDITOR", "/nowhere/vi")
    assert "cannot be started" in call("clusters", "edit", "one").err


def test_ssh(call: Call, made_one: Made) -> None:
    assert call("clusters", "ssh", "one", "--", "echo", "a  b; exit 3").code == 0
    assert call("clusters", "ssh", "one", "--", "true; exit 4").code == 4
    assert call("clusters", "ssh", "one", "--", "sh", "-c", "exit 3").code == 3
    assert call("clusters", "down", "one").code == 0
    refused = call("clusters", "ssh", "one")
    assert refused.code == 1 and "clusters up one" in refused.err


def test_a_host_key_that_aws_denies(
    call: Call, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = f"{hostkeys.BEGIN}\nssh-ed25519 AAAAother root@ip\n{hostkeys.END}\n"
    monkeypatch.setattr(hostkeys, "_console", lambda account, instance: printed)
    refused = call("clusters", "aws", "one", *WORDS)
    assert refused.code == 1 and "something stands between" in refused.err
    assert not (home_of("one") / "known_hosts").exists()
    printed = f"{hostkeys.BEGIN}\n{head.server.known_key} root@ip\n{hostkeys.END}\n"
    confirmed = call("clusters", "up", "one")
    assert confirmed.code == 0 and "the one that AWS tells" in confirmed.err


def test_two_commands_do_not_change_one_cluster_at_once(made_one: Made) -> None:
    with lifecycle._locked(settings.home(), "one"):
        with pytest.raises(StateError, match="another command is changing"):
            lifecycle.up(settings.home(), Account(), "one", print)


def test_doctor_finds_what_is_left_over(call: Call, made_one: Made) -> None:
    assert call("doctor", "-o", "json").json["strays"] == []
    stray = launch("lost", "m5.large")
    found = call("doctor")
    assert found.code == 1 and stray in found.out and "--end" in found.err
    shown = fits("doctor", call("doctor", "-o", "json").json)["strays"]
    assert [(each["cluster"], each["id"]) for each in shown if each["kind"] == "instance"] == [
        ("lost", stray)
    ]
    assert call("doctor", "--end").code == 2
    ended = call("doctor", "--end", "--yes")
    assert ended.code == 0, ended.err
    assert len(living()) == 1 and stray not in living()


def test_a_cluster_that_aws_does_not_tell_of_blocks_nobody(
    call: Call, made_one: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    found = call("clusters", "-o", "json").json["clusters"]
    assert [(each["name"], each["state"]) for each in found] == [
        ("local", "stopped"),
        ("one", "unreachable"),
    ]


def test_no_aws_is_asked_where_there_is_no_cluster_in_it(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert len(call("clusters", "-o", "json").json["clusters"]) == 1
