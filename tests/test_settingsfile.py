from pathlib import Path

import pytest

from gridray import settings, settingsfile
from gridray.errors import UsageError

BEFORE = """\
# what I like
store = "/data/runs"  # a large disk

[clusters.far]
address = "http://far:8265"
token = "t"
"""


def path() -> Path:
    return settings.home() / "settings.toml"


def test_everything_else_stays_as_it_was_written() -> None:
    settings.home().mkdir()
    path().write_text(BEFORE)
    path().chmod(0o640)
    settingsfile.change({"cluster": "far", "store": 's3://bucket/it\'s "quoted"'})
    assert settings.load().cluster == "far"
    assert settings.load().store == 's3://bucket/it\'s "quoted"'
    assert (
        path().read_text().startswith("# what I like\n") and "# a large disk" in path().read_text()
    )
    assert path().stat().st_mode & 0o777 == 0o640
    settingsfile.change({"cluster": None, "store": "/data/runs"})
    assert path().read_text() == BEFORE


def test_a_file_that_is_not_there_is_made() -> None:
    settingsfile.change({"cluster": "far", "store": None})
    assert path().read_text() == 'cluster = "far"\n' and path().stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    settings.home().mkdir()
    (tmp_path / "dotfiles.toml").write_text(BEFORE)
    path().symlink_to(tmp_path / "dotfiles.toml")
    settingsfile.change({"cluster": "far"})
    assert path().is_symlink() and settings.load().cluster == "far"


@pytest.mark.parametrize("text", ["cluster = [", "unknown = 1\n"])
def test_a_broken_file_is_left_alone(text: str) -> None:
    settings.home().mkdir()
    path().write_text(text)
    with pytest.raises(UsageError):
        settingsfile.change({"cluster": "far"})
    assert path().read_text() == text


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRIDRAY_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(UsageError, match=r"settings\.toml cannot be"):
        settingsfile.change({"cluster": "far"})
