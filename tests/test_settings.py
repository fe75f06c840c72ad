"""The settings: the file, and the environment on top of it."""

from pathlib import Path

import pytest

from gridray import settings
from gridray.errors import UsageError


def write(text: str) -> None:
    settings.home().mkdir()
    (settings.home() / "settings.toml").write_text(text)


def test_without_a_file() -> None:
    found = settings.load()
    assert found.store == str(settings.home() / "store") and found.cluster == "local"


def test_with_a_file_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write('store = "s3://b/p"\ncluster = "lab"\n[clusters.lab]\naddress = "http://lab:8265"\n')
    found = settings.load()
    assert (found.store, found.cluster) == ("s3://b/p", "lab")
    assert found.clusters["lab"].address == "http://lab:8265"
    monkeypatch.setenv("GRIDRAY_STORE", "/elsewhere")
    assert settings.load().store == "/elsewhere"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("store = ", "TOML"),
        ("stor = 'x'", "stor"),
        ("store = 3", "store"),
        ("clusters = 3", "clusters"),
        ("[clusters.a]\ntoken = 'x'", "clusters.a"),
        ("[clusters.a]\naddress = 1", "address"),
        ("[clusters.local]\naddress = 'http://x:1'", "local"),
    ],
)
def test_what_means_nothing_is_named(text: str, named: str) -> None:
    write(text)
    with pytest.raises(UsageError, match=named) as caught:
        settings.load()
    assert str(settings.home() / "settings.toml") in caught.value.message


def test_the_home_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRIDRAY_HOME")
    assert settings.home() == Path.home() / ".gridray"
