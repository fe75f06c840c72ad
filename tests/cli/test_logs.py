"""`logs`."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gridray import layout
from gridray.cli.app import main
from gridray.cli.loglines import on_terminal
from gridray.layout import AttemptName
from gridray.records import AttemptState, ClusterRecord, Row, RunStatus
from gridray.states import Reason, State
from gridray.store import Store
from tests.cli.conftest import NOW, Call, Filler, failed, running, succeeded
from tests.s3 import BUCKET, S3Server, free_ports

STAMP = "[2027-01-15T08:00:00.000000Z]"


def test_a_run_means_its_first_experiment(call: Call, filled: Filler) -> None:
    expected = "".join(f"[stdout] {STAMP} {word}\n" for word in ("one", "two", "three"))
    assert call("logs", "over").out == expected
    assert call("logs", "over-exp0").out == expected
    assert call("logs", "over", "--follow").out == expected


@pytest.mark.parametrize(("count", "words"), [("1", ["three"]), ("0", []), ("9", ["one", "two"])])
def test_the_last_lines(call: Call, filled: Filler, count: str, words: list[str]) -> None:
    lines = call("logs", "over", "-l", count).out.splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines][: len(words)] == words
    assert len(lines) == min(int(count), 3)


def test_json_lines(call: Call, filled: Filler) -> None:
    lines = [json.loads(line) for line in call("logs", "over", "-o", "json").out.splitlines()]
    assert [line["text"] for line in lines] == ["one", "two", "three"]
    assert {line["stream"] for line in lines} == {"stdout"}


def test_raw_is_byte_for_byte(
    filler: Filler, filled: Filler, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    data = bytes(range(256)) * 3 + b"no newline at the end"
    filler.log(AttemptName("over", 1, 0), data)
    with pytest.raises(SystemExit):
        main(["logs", "over-exp1", "--raw"])
    assert capsysbinary.readouterr().out == data


def test_raw_has_no_json_form(call: Call, filled: Filler) -> None:
    result = call("logs", "over", "--raw", "-o", "json")
    assert (result.code, result.out) == (2, "")
    assert "--raw has no JSON form" in result.err


def test_no_log_yet_is_a_sentence(call: Call, filled: Filler) -> None:
    result = call("logs", "busy-exp1")
    assert (result.code, result.out) == (0, "")
    assert result.err == "busy-exp1 is queued, and has written nothing\n"
    assert "over-exp1 is failed (exit code 3)" in call("logs", "over-exp1").err


def test_the_build_comes_first(call: Call, filled: Filler) -> None:
    filled.log(AttemptName("over", 0, 0), b"installing\n", "build")
    lines = call("logs", "over", "--show-build-logs", "-l", "1").out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["[build]", "[stdout]"]
    assert "[build]" not in call("logs", "over").out


def test_the_log_of_an_earlier_attempt(call: Call, filler: Filler) -> None:
    filler.run("twice", [Row(State.SUCCEEDED, attempt=2)])
    filler.log(AttemptName("twice", 0, 0), b"first\n")
    filler.log(AttemptName("twice", 0, 2), b"third\n")
    assert call("logs", "twice", "--attempt", "0").out == f"[stdout] {STAMP} first\n"
    assert call("logs", "twice", "--attempt", "0", "--lines", "0").err == ""
    assert call("logs", "twice").out == f"[stdout] {STAMP} third\n"
    result = call("logs", "twice", "--attempt", "1")
    assert (result.code, result.out) == (0, "")
    assert result.err == "attempt 1 of twice-exp0 has written nothing\n"


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        (Row(State.SUCCEEDED, attempt=2), "it has 0 to 2"),
        (Row(State.RUNNING), "its only one is 0"),
        (Row(), "it has not begun any"),
    ],
)
def test_an_attempt_that_there_is_not(call: Call, filler: Filler, row: Row, hint: str) -> None:
    filler.run("few", [row])
    result = call("logs", "few", "--attempt", "7")
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: few-exp0 has no attempt 7\nhint: {hint}\n"


def test_only_one_attempt_cannot_be_followed(call: Call, filled: Filler) -> None:
    result = call("logs", "over", "--attempt", "0", "-f")
    assert (result.code, result.out) == (2, "")


def when_it_sleeps(monkeypatch: pytest.MonkeyPatch, *events: Callable[[], object]) -> None:
    """Let these happen one after the other, each instead of a sleep."""
    coming = iter(events)
    monkeypatch.setattr("time.sleep", lambda seconds: next(coming)())


def test_following_tells_that_another_attempt_begins(
    call: Call, filler: Filler, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler.run("busy", [running()])
    filler.log(AttemptName("busy", 0, 0), b"one\ntwo\n")
    status = layout.status("busy")

    def become(row: Row) -> None:
        filler.store.put_json(status, RunStatus(NOW, (row,)).to_json())

    def go_on() -> None:
        filler.log(AttemptName("busy", 0, 1), b"two\n")
        become(Row(State.RUNNING, attempt=1))

    when_it_sleeps(
        monkeypatch,
        lambda: become(Row(State.QUEUED, Reason.NODE_LOST, attempt=1)),
        go_on,
        lambda: become(Row(State.SUCCEEDED, attempt=1)),
    )
    result = call("logs", "busy", "-f", "-o", "json")
    lines = [json.loads(line)["text"] for line in result.out.splitlines()]
    assert lines == ["one", "two", "two"]
    assert "busy-exp0: attempt 1 begins (its node was lost)\n" in result.err


def test_following_begins_with_the_build_while_it_is_built(
    call: Call, filler: Filler, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = AttemptName("busy", 0, 0)
    filler.run("busy", [Row(State.BUILDING)])
    filler.log(name, b"downloading\n", "build")

    def become(row: Row) -> None:
        filler.store.put_json(layout.status("busy"), RunStatus(NOW, (row,)).to_json())

    def start() -> None:
        filler.log(name, b"downloading\ninstalled\n", "build")
        filler.log(name, b"hello\n")
        become(running())

    when_it_sleeps(monkeypatch, start, lambda: become(succeeded()))
    result = call("logs", "busy", "-f", "--show-build-logs", "-o", "json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [(line["stream"], line["text"]) for line in lines] == [
        ("build", "downloading"),
        ("build", "installed"),
        ("stdout", "hello"),
    ]


def test_following_outlasts_the_store(
    call: Call, mortal_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"s3://{BUCKET}/logs")
    monkeypatch.setenv("GRIDRAY_STORE", store.url)
    filler = Filler(store)
    filler.run("busy", [running()], cluster=ClusterRecord("moon", "moon"))
    filler.log(AttemptName("busy", 0, 0), b"one\n")
    sleep = time.sleep

    def mend() -> None:
        monkeypatch.setattr("time.sleep", sleep)
        mortal_s3_server.start()
        filler.log(AttemptName("busy", 0, 0), b"one\ntwo\n")
        state = AttemptState(State.SUCCEEDED)
        store.put_json(layout.attempt_state(AttemptName("busy", 0, 0)), state.to_json())

    when_it_sleeps(monkeypatch, mortal_s3_server.stop, mend)
    result = call("logs", "busy", "-f")
    assert result.out == f"[stdout] {STAMP} one\n[stdout] {STAMP} two\n"
    assert result.err.count("trying again in 1 s") == 1


def test_following_says_once_that_the_local_cluster_is_down(
    call: Call, filler: Filler, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {"identity": "test", "port": free_ports(1)[0], "token": "secret", "variables": {}}
    path = Path(os.environ["GRIDRAY_HOME"], "local", "cluster.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(state))
    filler.run("busy", [running()])
    over = RunStatus(NOW, (succeeded(),)).to_json()
    when_it_sleeps(
        monkeypatch,
        lambda: None,
        lambda: filler.store.put_json(layout.status("busy"), over),
    )
    assert call("logs", "busy", "-f").err.count("the local cluster is not running") == 1


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain", "plain"),
        ("a\tb", "a\tb"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07\x1b[2J", "\\x1b]0;title\\x07\\x1b[2J"),
        ("10 %\r20 %\r30 %", "30 %"),
        ("windows\r", "windows"),
        ("", ""),
        ("文件", "文件"),
    ],
)
def test_a_terminal_is_not_controlled(written: str, shown: str) -> None:
    assert on_terminal(written) == shown


def test_following_what_is_held_says_so_once(
    call: Call, filler: Filler, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler.run("held", [failed(), Row(reason=Reason.HELD, queued_at=NOW)])
    over = RunStatus(NOW, (failed(), succeeded())).to_json()
    when_it_sleeps(
        monkeypatch,
        lambda: None,
        lambda: filler.store.put_json(layout.status("held"), over),
    )
    told = call("logs", "held-exp1", "-f").err
    assert told.count("held-exp1 is held, since the first ones of its run all failed") == 1
    assert "`gridray retry held`" in told and "`gridray stop run held`" in told
