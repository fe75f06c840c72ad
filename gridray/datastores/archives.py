"""Archives that others have made, taken apart so that nothing of them lands outside."""

import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import IO

from gridray.archive import shown
from gridray.errors import DatastoreError

CHUNK = 1 << 20
BLOCK = 512
ENCRYPTED = 0x1


@dataclass(frozen=True)
class _Member:
    """One thing in an archive: a file (`open`), a link, or another name of a file before it."""

    path: str
    is_executable: bool = False
    open: Callable[[], IO[bytes]] | None = None
    link: str | None = None
    same_as: str | None = None


def extract(archive: Path, name: str, destination: Path) -> None:
    """Put the files and links of a zip or tar file below a directory.

    Args:
        name: what the archive is called in messages.

    Raises:
        DatastoreError: it is no archive, is damaged, or holds what would leave the directory.
    """
    links: list[_Member] = []
    try:
        for member in _members(archive, name):
            target = _target(destination, member, name)
            if member.link is not None:
                links.append(member)
            elif member.same_as is not None:
                _copy(destination / _checked(member.same_as, name), target, member, name)
            elif member.open is not None:
                with _one_kind(member.path, name):
                    _write(member.open, target, member.is_executable)
        # Links come last, so that nothing is ever written through one of them. Where they lead is
        # seen when the directory is read, as of any other.
        for member in links:
            _make_link(destination, member, name)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, LZMAError) as error:
        raise DatastoreError(
            f"the archive {name} is damaged, or ends too early: {error}", hint="download it again"
        ) from error
    except (NotImplementedError, RuntimeError, UnicodeError) as error:
        raise DatastoreError(f"the archive {name} cannot be extracted: {error}") from error
    except OSError as error:
        raise DatastoreError(
            f"the archive {name} cannot be extracted into {destination}: {error}",
            hint="set GRIDRAY_HOME to where there is room for it",
        ) from error


def _members(archive: Path, name: str) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive) and not _begins_as_tar(archive):
        yield from _zip_members(archive, name)
    elif tarfile.is_tarfile(archive):
        yield from _tar_members(archive, name)
    else:
        raise DatastoreError(
            f"{name} is no archive that can be extracted, or was cut short",
            hint="it may be a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz; for any other file, "
            "download it and create the datastore from that",
        )


def _begins_as_tar(archive: Path) -> bool:
    with open(archive, "rb") as file:
        return file.read(BLOCK)[257:262] == b"ustar"


def _zip_members(archive: Path, name: str) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            mode = info.external_attr >> 16
            if info.flag_bits & ENCRYPTED:
                raise DatastoreError(f"{shown(info.filename)} in the archive {name} is encrypted")
            if info.is_dir():
                yield _Member(info.filename)
            elif stat.S_ISLNK(mode):
                yield _Member(info.filename, link=os.fsdecode(opened.read(info)))
            else:
                yield _Member(info.filename, bool(mode & 0o111), _opener(opened.open, info))


def _tar_members(archive: Path, name: str) -> Iterator[_Member]:
    with tarfile.open(archive, "r:*") as opened:
        for info in opened:
            if info.isdir():
                yield _Member(info.name)
            elif info.issym():
                yield _Member(info.name, link=info.linkname)
            elif info.islnk():
                yield _Member(info.name, bool(info.mode & 0o111), same_as=info.linkname)
            elif info.isreg():
                yield _Member(info.name, bool(info.mode & 0o111), _opener(opened.extractfile, info))
            else:
                raise DatastoreError(
                    f"{shown(info.name)} in the archive {name} is a device or a pipe",
                    hint="make the archive without it",
                )
        _check_end(archive, opened.offset)


def _check_end(archive: Path, offset: int) -> None:
    """Check that a plain tar file has the end that it should have: it has no other checksum."""
    with open(archive, "rb") as file:
        if file.read(BLOCK)[257:262] != b"ustar":
            return
        file.seek(offset)
        if file.read(BLOCK) != bytes(BLOCK):
            raise EOFError("the mark of its end is missing")


def _opener(open_member: Callable[..., IO[bytes] | None], info: object) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        file = open_member(info)
        if file is None:
            raise EOFError("it has a member without content")
        return file

    return opened


def _checked(path: str, name: str) -> str:
    """Return the path of a member without what means nothing in it."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise DatastoreError(
            f"the archive {name} holds {shown(path)}, which would leave its directory",
            hint="nothing of it was taken; make the archive anew with relative paths",
        )
    return "/".join(parts)


def _target(destination: Path, member: _Member, name: str) -> Path:
    """Return where a member goes, with the directory for it made."""
    path = _checked(member.path, name)
    target = destination / path
    is_directory = member.open is None and member.link is None and member.same_as is None
    with _one_kind(path, name):
        (target if is_directory else target.parent).mkdir(parents=True, exist_ok=True)
    return target


@contextmanager
def _one_kind(path: str, name: str) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DatastoreError(
            f"the archive {name} holds {shown(path)} as a file and as a directory"
        ) from error


def _write(open_member: Callable[[], IO[bytes]], target: Path, is_executable: bool) -> None:
    # A name that is there twice means its last content, as for all that extract archives.
    target.unlink(missing_ok=True)
    with open_member() as content, open(target, "xb") as file:
        shutil.copyfileobj(content, file, CHUNK)
        os.fchmod(file.fileno(), 0o700 if is_executable else 0o600)


def _copy(source: Path, target: Path, member: _Member, name: str) -> None:
    if not source.is_file():
        raise DatastoreError(
            f"the archive {name} holds {shown(member.path)} as another name of "
            f"{shown(member.same_as or '')}, which is not in it"
        )
    if source != target:
        _write(lambda: open(source, "rb"), target, member.is_executable)


def _make_link(destination: Path, member: _Member, name: str) -> None:
    path = _checked(member.path, name)
    target = destination / path
    with _one_kind(path, name):
        if os.path.lexists(target):
            target.unlink()
        os.symlink(member.link or "", target)
