"""Archives from the web: taken apart, or refused whole."""

import base64
import io
import os
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from gridray import layout, settings
from gridray.datastores import catalog
from gridray.datastores.create import create
from gridray.errors import DatastoreError, UsageError
from gridray.store import Store
from tests.datastores.conftest import Web, contents

Entry = tuple[str, bytes | str | None]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def tar(members: Sequence[tarfile.TarInfo | Entry], mode: str = "w:gz") -> bytes:
    """Return an archive; of a pair, the second is the content, or a link's target if it is text."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            if isinstance(member[1], str):
                info.type, info.linkname = tarfile.SYMTYPE, member[1]
            data = member[1] if isinstance(member[1], bytes) else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(members: Sequence[Entry]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in members:
            info = zipfile.ZipInfo(path)
            info.create_system = 3
            info.external_attr = (0o120777 if isinstance(content, str) else 0o100755) << 16
            archive.writestr(info, content or b"")
    return buffer.getvalue()


FILES: list[Entry] = [("./top/a", b"one"), ("top/sub/b", b"two" * 1000), ("top/l", "sub/b")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cats.zip", zipped(FILES[1:])),
        ("cats.tar", tar(FILES[1:], "w")),
        ("cats.tar.gz", tar(FILES[1:])),
        ("cats.tgz", tar(FILES[1:])),
        ("cats.tar.bz2", tar(FILES[1:], "w:bz2")),
        ("cats.tar.xz", tar(FILES[1:], "w:xz")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_archives_are_extracted(store: Store, web: Web, name: str, data: bytes) -> None:
    web.files[f"/x/{name}"] = data
    made = create(store, web.url(f"/x/{name}"))
    assert str(made.version) == "cats:1" and made.version.source == web.url(f"/x/{name}")
    manifest = catalog.read_manifest(store, made.version)
    assert [(file.path, file.link) for file in manifest.files] == [
        ("top/l", "sub/b"),
        ("top/sub/b", None),
    ]
    assert contents(store, "cats") == {b"two" * 1000}
    assert list((settings.home() / "datastores" / "work").iterdir()) == []


def test_hard_links_and_strange_names(store: Store, web: Web, hostile_names: list[str]) -> None:
    hard = tarfile.TarInfo("dir/hard")
    hard.type, hard.linkname = tarfile.LNKTYPE, f"dir/{hostile_names[0]}"
    files: list[Entry] = [(f"dir/{name}", os.fsencode(name)) for name in hostile_names]
    web.files["/h.tar.gz"] = tar([*files, hard])
    manifest = catalog.read_manifest(store, create(store, web.url("/h.tar.gz")).version)
    names = {"hard", *hostile_names}
    assert {file.path for file in manifest.files} == {f"dir/{name}" for name in names}


def special(kind: bytes, path: str = "x", target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.linkname = kind, target
    return info


GOOD: Entry = ("good", b"good")
ATTACKS = {
    "parent": tar([GOOD, ("../evil", b"x")]),
    "inner parent": tar([GOOD, ("a/../../evil", b"x")]),
    "absolute": tar([GOOD, ("/tmp/evil", b"x")]),
    "zip parent": zipped([GOOD, ("../evil", b"x")]),
    "zip absolute": zipped([GOOD, ("/tmp/evil", b"x")]),
    "link out": tar([GOOD, ("l", "../../..")]),
    "absolute link": tar([GOOD, ("l", "/etc/passwd")]),
    "zip link out": zipped([GOOD, ("l", "../..")]),
    "through a link": tar([("l", "/tmp"), ("l/evil", b"x")]),
    "through a link in the tree": tar([("d/x", b""), ("l", "d"), ("l/evil", b"x")]),
    "link below a link": tar([GOOD, ("l", ".."), ("l/m", "evil")]),
    "hard link out": tar([GOOD, special(tarfile.LNKTYPE, "x", "../../settings.toml")]),
    "hard link to nothing": tar([GOOD, special(tarfile.LNKTYPE, "x", "none")]),
    "device": tar([GOOD, special(tarfile.CHRTYPE)]),
    "pipe": tar([GOOD, special(tarfile.FIFOTYPE)]),
    "file and directory": tar([("a", b"1"), ("a/b", b"2")]),
    "no archive": b"hello" * 1000,
    "cut gz": tar([GOOD, ("r", os.urandom(100_000))])[:-20_000],
    "cut tar": tar([GOOD, ("r", os.urandom(100_000))], "w")[:50_000],
    "cut tar between members": tar([GOOD, ("r", b"")], "w")[:1024],
    "cut zip": zipped([GOOD, ("r", os.urandom(100_000))])[:-50],
    "damaged zip": zipped([GOOD, ("r", bytes(5000))]).replace(b"good", b"g\xffod"),
    "nothing": b"",
    "no files": tar([]),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_wrong_is_refused_whole(
    store: Store, web: Web, tmp_path: Path, attack: str
) -> None:
    settings.home().mkdir()
    (settings.home() / "settings.toml").touch()
    web.files["/a.bin"] = ATTACKS[attack]
    before = sorted(Path("/tmp").glob("evil*"))
    with pytest.raises(DatastoreError) as caught:
        create(store, web.url("/a.bin"))
    assert web.url("/a.bin") in caught.value.message or "link" in caught.value.message
    assert store.names(layout.DATASTORES) == []
    assert not list(tmp_path.rglob("evil")) and sorted(Path("/tmp").glob("evil*")) == before
    assert list((settings.home() / "datastores" / "work").iterdir()) == []


def test_a_source_that_ends_early(store: Store, web: Web) -> None:
    web.files["/cats.zip"] = zipped([GOOD])
    web.cut = 10
    with pytest.raises(DatastoreError, match=r"cats.zip ended after \d+ of \d+ bytes"):
        create(store, web.url("/cats.zip"))
    web.has_length = False
    with pytest.raises(DatastoreError, match=r"cats\.zip"):
        create(store, web.url("/cats.zip"))
    assert store.names(layout.DATASTORES) == []


def test_a_source_that_is_not_there(store: Store, web: Web) -> None:
    with pytest.raises(DatastoreError, match="answers 404"):
        create(store, web.url("/none.zip"))
    with pytest.raises(DatastoreError, match="cannot be reached"):
        create(store, "http://127.0.0.1:1/none.zip")
    for url in ("http:///x.zip", "http://host:port/x.zip"):
        with pytest.raises(UsageError, match="is no address"):
            create(store, url, "name")


def test_secrets_of_an_address_are_used_and_not_kept(store: Store, web: Web) -> None:
    web.files["/cats.zip"] = zipped([GOOD])
    url = web.url("/cats.zip?token=s3cret").replace("//", "//me:pa%20ss@")
    made = create(store, url)
    assert made.version.source == web.url("/cats.zip")
    expected = base64.b64encode(b"me:pa ss").decode()
    assert web.seen[-1]["Authorization"] == f"Basic {expected}"


def test_a_full_disk_is_told(store: Store, web: Web, full_disk: None) -> None:
    web.files["/big.tar.gz"] = tar([("big", bytes(5_000_000))])
    with pytest.raises(DatastoreError, match="cannot be extracted into") as caught:
        create(store, web.url("/big.tar.gz"))
    assert caught.value.hint is not None and "GRIDRAY_HOME" in caught.value.hint
    assert store.names(layout.DATASTORES) == []
    assert list((settings.home() / "datastores" / "work").iterdir()) == []
