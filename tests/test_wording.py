"""Command lines mean their words again when a shell reads them."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridray.wording import command_line

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["python", "main.py", "--lr=0.1", "a@b:c/d,e+f%_-"],
            "python main.py --lr=0.1 a@b:c/d,e+f%_-",
        ),
        (["a", "", "b"], "a '' b"),
        ([""], "''"),
        ([], ""),
        (["two words", "~", "$x"], "'two words' '~' '$x'"),
        (["naïve"], "'naïve'"),
        (["a\nb"], r"$'a\nb'"),
    ],
)
def test_words_are_quoted_where_a_shell_asks_for_it(words: list[str], told: str) -> None:
    assert command_line(words) == told


@given(st.lists(WORDS, max_size=6))
def test_a_shell_reads_the_same_words(words: list[str]) -> None:
    line = command_line(words)
    assert "\n" not in line
    command = ["bash", "-c", f"printf '%s\\0' {line}"]
    read = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert read.split("\0")[:-1] == (words or [""])
