"""The zip file of a source: what goes in comes out, and nothing leaves the destination."""

import io
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gridray import archive
from gridray.errors import SourceError
from gridray.source import scan

HOSTILE = [
    "a b",
    " leading",
    "trailing ",
    'it\'s "quoted"',
    "new\nline",
    "ünï-日本-🦦",
    "100%",
    "#hash",
    "back\\slash",
    "..hidden",
    "tab\t",
    "-rf",
    "C:colon",
    "*?[x]",
    "\x01\x7f",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "pkg" / "deep").mkdir(parents=True)
    (root / "empty" / "er").mkdir(parents=True)
    (root / "main.py").write_text("print('hi')\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "secret").write_bytes(b"")
    (root / "secret").chmod(0o600)
    (root / "pkg" / "deep" / "x.bin").write_bytes(os.urandom(3_000_000))
    (root / "pkg" / "latest").symlink_to("deep")
    (root / "pkg" / "deep" / "up").symlink_to("../../main.py")
    (root / "dangling").symlink_to("nothing")
    return root


def packed(root: Path) -> bytes:
    out = io.BytesIO()
    archive.write(root, scan(root).files, out)
    return out.getvalue()


def zipped(path: Path, *members: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for name, content, mode in members:
            member = zipfile.ZipInfo(name)
            member.create_system = 3
            member.external_attr = mode << 16
            target.writestr(member, content)
    return path


def unpacked(tmp_path: Path, content: bytes) -> Path:
    source, destination = tmp_path / "source.zip", tmp_path / "there"
    source.write_bytes(content)
    archive.extract(source, destination)
    return destination


FILE = stat.S_IFREG | 0o644
LINK = stat.S_IFLNK | 0o777


def test_a_tree_comes_out_as_it_went_in(tree: Path, tmp_path: Path) -> None:
    there = unpacked(tmp_path, packed(tree))
    assert scan(there).files == scan(tree).files
    assert scan(there).digest() == scan(tree).digest()
    assert os.readlink(there / "pkg" / "latest") == "deep"
    assert os.readlink(there / "dangling") == "nothing"
    assert (there / "pkg" / "deep" / "up").read_text() == "print('hi')\n"
    assert stat.S_IMODE((there / "run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((there / "secret").stat().st_mode) == 0o600
    assert (there / "empty" / "er").is_dir()


def test_modes_do_not_depend_on_the_umask(tree: Path, tmp_path: Path) -> None:
    content = packed(tree)
    before = os.umask(0o077)
    try:
        there = unpacked(tmp_path, content)
    finally:
        os.umask(before)
    assert stat.S_IMODE((there / "run.sh").stat().st_mode) == 0o755


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / name).mkdir(parents=True)
    (root / name / name).write_text(name)
    (root / f"{name}-link").symlink_to(f"{name}/{name}")
    there = unpacked(tmp_path, packed(root))
    assert (there / name / name).read_text() == name
    assert scan(there).files == scan(root).files


def test_the_same_tree_gives_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    first = packed(tree)
    there = unpacked(tmp_path, first)
    for path in there.rglob("*"):
        os.utime(path, (10**9, 10**9), follow_symlinks=False)
    assert packed(there) == first


def test_the_order_of_the_files_does_not_matter(tree: Path) -> None:
    out = io.BytesIO()
    archive.write(tree, reversed(scan(tree).files), out)
    assert out.getvalue() == packed(tree)


def test_write_returns_the_digest_of_the_manifest(tree: Path) -> None:
    manifest = scan(tree)
    assert archive.write(tree, manifest.files, io.BytesIO()) == manifest.digest()


def test_write_notices_a_change_that_keeps_the_size(tree: Path) -> None:
    manifest = scan(tree)
    digest = manifest.digest()
    (tree / "main.py").write_text("print('ho')\n")
    assert archive.write(tree, manifest.files, io.BytesIO()) != digest


def test_extract_returns_the_paths(tree: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.zip"
    source.write_bytes(packed(tree))
    paths = archive.extract(source, tmp_path / "there")
    assert paths == [file.path for file in scan(tree).files]


@pytest.mark.parametrize("content", [b"longer than before", b"short", b""])
def test_a_file_that_changes_its_size_is_named(tree: Path, content: bytes) -> None:
    files = scan(tree).files
    (tree / "main.py").write_bytes(content)
    with pytest.raises(SourceError, match=r"main\.py changed its size .*12 bytes"):
        archive.write(tree, files, io.BytesIO())


def test_a_file_that_never_ends_is_not_read_to_its_end() -> None:
    endless = archive.SourceFile("zero", 10, 0o644)
    os_dev = Path("/dev")
    with pytest.raises(SourceError, match="zero changed its size"):
        archive.write(os_dev, [endless], io.BytesIO())


def test_a_file_that_vanishes_is_named(tree: Path) -> None:
    files = scan(tree).files
    (tree / "pkg" / "deep" / "x.bin").unlink()
    with pytest.raises(SourceError, match=r"pkg/deep/x\.bin cannot be read: No such file"):
        archive.write(tree, files, io.BytesIO())


def test_a_failing_output_is_not_blamed_on_the_file(tree: Path) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        archive.write(tree, scan(tree).files, Full())


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    with open(root / "large", "wb") as stream:
        stream.truncate(150 * 10**6)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from gridray import archive; from gridray.source import scan\n"
        "root = Path(sys.argv[1]); files = scan(root).files\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with open(root.parent / 'out.zip', 'wb') as out: archive.write(root, files, out)\n"
        "archive.extract(root.parent / 'out.zip', root.parent / 'there')\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "sys.exit(grown * 1024 > 50 * 10**6)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(root)], check=True, env=_environment())


def test_files_over_4_gb_get_zip64(tmp_path: Path) -> None:
    member = archive._member(archive.SourceFile("large", 5 * 10**9, 0o644))
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as target:
        with target.open(member, "w") as stream:
            stream.write(b"x")
    assert member.extract_version >= zipfile.ZIP64_VERSION


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "a/../../x", "a/..", "..", ".", "a//b", "a/./b", "//x", ""]
)
def test_members_that_leave_the_destination_are_refused(name: str, tmp_path: Path) -> None:
    source = zipped(tmp_path / "s.zip", ("ok", b"", FILE), (name, b"x", FILE))
    with pytest.raises(SourceError, match="would leave the destination"):
        archive.extract(source, tmp_path / "deep" / "there")
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("target", ["/etc", "..", "../outside", "sub/../../outside"])
def test_links_that_leave_the_destination_are_refused(target: str, tmp_path: Path) -> None:
    source = zipped(tmp_path / "s.zip", ("sub/x", b"", FILE), ("l", target.encode(), LINK))
    with pytest.raises(SourceError, match=r"l -> .*would leave the destination"):
        archive.extract(source, tmp_path / "there")
    assert not (tmp_path / "there" / "l").is_symlink()


def test_links_that_leave_the_destination_together_are_refused(tmp_path: Path) -> None:
    source = zipped(tmp_path / "s.zip", ("d/up", b"..", LINK), ("l", b"d/up/../outside", LINK))
    with pytest.raises(SourceError, match=r"l -> d/up/\.\./outside"):
        archive.extract(source, tmp_path / "there")
    assert not (tmp_path / "there" / "d" / "up").is_symlink()


@pytest.mark.parametrize("first", ["link", "file"])
def test_nothing_is_written_through_a_link_of_the_same_source(first: str, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    members = [("d", str(tmp_path / "outside").encode(), LINK), ("d/x", b"evil", FILE)]
    source = zipped(tmp_path / "s.zip", *(members if first == "link" else members[::-1]))
    with pytest.raises(SourceError):
        archive.extract(source, tmp_path / "there")
    assert list((tmp_path / "outside").iterdir()) == []


def test_nothing_is_written_through_a_link_that_was_there(tmp_path: Path) -> None:
    outside, there = tmp_path / "outside", tmp_path / "there"
    outside.mkdir()
    there.mkdir()
    (outside / "f").write_text("mine")
    (there / "d").symlink_to(outside)
    (there / "f").symlink_to(outside / "f")
    archive.extract(zipped(tmp_path / "1.zip", ("f", b"new", FILE)), there)
    assert (outside / "f").read_text() == "mine"
    assert (there / "f").read_text() == "new"
    with pytest.raises(SourceError, match="d/x, which would leave"):
        archive.extract(zipped(tmp_path / "2.zip", ("d/x", b"evil", FILE)), there)
    assert not (outside / "x").exists()


def test_a_destination_below_a_link_is_fine(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    source = tmp_path / "source.zip"
    source.write_bytes(packed(tree))
    archive.extract(source, tmp_path / "alias" / "there")
    assert (tmp_path / "real" / "there" / "main.py").exists()


def test_set_user_id_bits_do_not_come_out(tmp_path: Path) -> None:
    source = zipped(tmp_path / "s.zip", ("x", b"", stat.S_IFREG | 0o4755))
    archive.extract(source, tmp_path / "there")
    assert stat.S_IMODE((tmp_path / "there" / "x").stat().st_mode) == 0o755


@pytest.mark.parametrize("damage", ["nothing", "cut", "flipped", "text"])
def test_a_damaged_zip_file_is_refused(damage: str, tree: Path, tmp_path: Path) -> None:
    content = bytearray(packed(tree))
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    elif damage == "text":
        content[:] = b"not a zip file"
    if damage == "nothing":
        unpacked(tmp_path, bytes(content))
        return
    with pytest.raises(SourceError, match=r"source\.zip is not a zip file that can be read"):
        unpacked(tmp_path, bytes(content))


def test_a_missing_zip_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.zip cannot be extracted"):
        archive.extract(tmp_path / "none.zip", tmp_path / "there")


def test_the_import_is_light() -> None:
    heavy = {"pathspec", "pydantic", "obstore", "ray", "typer"}
    script = f"import sys, gridray.archive; sys.exit(bool({heavy} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", script], check=True, env=_environment())


def _environment() -> dict[str, str]:
    package = Path(archive.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": str(package)}
