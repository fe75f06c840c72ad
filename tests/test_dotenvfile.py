"""Files of variables: what dotenv takes, and errors by line for what it would leave out."""

from pathlib import Path

import pytest

from gridray import dotenvfile
from gridray.errors import ConfigError, NotFoundError

TEXT = """
# a comment
PLAIN=1
export EXPORTED=two words # and a comment
SINGLE='it is # no $comment'
DOUBLE="a \\"quote\\"
and a line"
SPACED = x
EMPTY=
FROM_SHELL
NOT_EXPANDED=$HOME/${PLAIN}
HASH=a#b
"""


def read(directory: Path, text: str, **shell: str) -> dict[str, str]:
    path = directory / "my.env"
    path.write_text(text)
    return dotenvfile.read(path, shell)


def test_what_dotenv_takes(tmp_path: Path) -> None:
    assert read(tmp_path, TEXT, FROM_SHELL="here") == {
        "PLAIN": "1",
        "EXPORTED": "two words",
        "SINGLE": "it is # no $comment",
        "DOUBLE": 'a "quote"\nand a line',
        "SPACED": "x",
        "EMPTY": "",
        "FROM_SHELL": "here",
        "NOT_EXPANDED": "$HOME/${PLAIN}",
        "HASH": "a#b",
    }
    assert read(tmp_path, "") == {}
    assert read(tmp_path, "A=1\r\nA=2\r\n") == {"A": "2"}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("A=1\n=2\n", ["2:1: this is no variable"]),
        ("A=1\n\n\nB='open\nC=1\n", ["4:1: this is no variable"]),
        ("A B=1\n", ["1:1: this is no variable"]),
        ("1A=1\nA-B=2\n", ["1:1: '1A' is no name", "2:1: 'A-B' is no name"]),
        ("# c\nMISSING\n", ["2:1: MISSING has no value"]),
    ],
)
def test_lines_that_are_none(tmp_path: Path, text: str, places: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    for place in places:
        assert f"{tmp_path / 'my.env'}:{place}" in caught.value.message


def test_a_value_is_in_no_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "A-B=s3cr3t\nC='s3cr3t\n")
    assert "s3cr3t" not in caught.value.message


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        dotenvfile.read(tmp_path / "missing.env", {})
    (tmp_path / "latin.env").write_bytes(b"A=1\nB=\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.env:2: this is not UTF-8"):
        dotenvfile.read(tmp_path / "latin.env", {})
