"""`logs`."""

import json

import pytest

from gridray.cli.app import main
from gridray.cli.loglines import on_terminal
from gridray.layout import AttemptName
from tests.cli.conftest import Call, Filler

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
