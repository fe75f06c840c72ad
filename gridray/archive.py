"""The source as one zip file: the client writes it, the runner extracts it.

The same tree gives the same bytes, and the same digest, whoever writes it and whenever. Imports
nothing that a runner would have to wait for.
"""

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gridray.errors import SourceError

CHUNK = 1 << 20
# Of zlib: 1 to 2 % larger than its own 6, for three quarters of the time.
LEVEL = 4
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can express
_DOS_DIRECTORY = 0x10


@dataclass(frozen=True)
class SourceFile:
    """One thing that goes along: a file, a symbolic link, or a directory with nothing below it.

    `path` is relative to the root, with `/`; `size` is in bytes; `mode` holds the permission bits.
    """

    path: str
    size: int
    mode: int
    link: str | None = None
    is_dir: bool = False

    @property
    def is_regular(self) -> bool:
        return self.link is None and not self.is_dir


def shown(path: str) -> str:
    """The path as it can be printed: escapes control characters and bytes that are not UTF-8."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read(root: Path, file: SourceFile) -> Iterator[bytes]:
    """Yields the content of a regular file, in pieces.

    Raises SourceError if it cannot be read, or no longer has the size that was seen.
    """
    remaining = file.size
    try:
        with open(os.path.join(root, file.path), "rb", buffering=0) as stream:
            while remaining >= 0 and (chunk := stream.read(CHUNK)):
                remaining -= len(chunk)
                yield chunk
    except OSError as error:
        raise SourceError(f"{shown(file.path)} cannot be read: {error.strerror}") from error
    if remaining != 0:
        raise SourceError(
            f"{shown(file.path)} changed its size while it was read ({file.size} bytes before)",
            hint="try again when nothing writes to it, or name it in an ignore file",
        )


def tree_digest(contents: Iterable[tuple[SourceFile, str]]) -> str:
    """The name of a tree: sha256 over path, mode, kind, and link target or content hash.

    `contents` pairs each file, in the order of the paths, with the sha256 of its content; what is
    paired with links and directories does not matter.
    """
    total = hashlib.sha256()
    for file, content in contents:
        kind = "directory" if file.is_dir else "file" if file.link is None else "link"
        value = content if file.is_regular else file.link or ""
        total.update(f"{file.path}\0{file.mode:o}\0{kind}\0{value}\0".encode())
    return total.hexdigest()


def write(root: Path, files: Iterable[SourceFile], out: BinaryIO) -> str:
    """Writes the files below `root` as a zip file and returns the digest of what was written.

    Where the tree has not changed meanwhile, that is `Manifest.digest()`. Raises SourceError if a
    file cannot be read or changes its size.
    """
    contents = []
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(files, key=lambda file: file.path):
            if file.is_regular:
                contents.append((file, _write_file(archive, root, file)))
            else:
                archive.writestr(_member(file), file.link or "")
                contents.append((file, ""))
    return tree_digest(contents)


def _write_file(archive: zipfile.ZipFile, root: Path, file: SourceFile) -> str:
    content = hashlib.sha256()
    with archive.open(_member(file), "w") as member:
        for chunk in read(root, file):
            content.update(chunk)
            member.write(chunk)
    return content.hexdigest()


def _member(file: SourceFile) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(file.path + "/" * file.is_dir, _EPOCH)
    member.create_system = 3  # Unix: the upper half of external_attr is st_mode
    if file.is_dir:
        member.external_attr = (stat.S_IFDIR | file.mode) << 16 | _DOS_DIRECTORY
    elif file.link is not None:
        member.external_attr = (stat.S_IFLNK | file.mode) << 16
    else:
        member.external_attr = (stat.S_IFREG | file.mode) << 16
        member.compress_type = zipfile.ZIP_DEFLATED
        # Public, as `compress_level`, from Python 3.13 on.
        member._compresslevel = LEVEL  # type: ignore[attr-defined]
        member.file_size = file.size  # known beforehand, so that zip64 is chosen where it must be
    return member


def extract(
    zip_path: Path, destination: Path, check: Callable[[], None] = lambda: None
) -> list[str]:
    """Restores files with their modes, links and empty directories below `destination`.

    Calls `check` before each part; what it raises ends this. Returns the relative paths. Raises
    SourceError if the zip file is damaged, or holds a member or a link that would leave the
    destination.
    """
    try:
        with zipfile.ZipFile(zip_path) as archive:
            members = {_checked(member.filename): member for member in archive.infolist()}
            _extract(archive, members, os.path.realpath(destination), check)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise SourceError(f"{zip_path} is not a zip file that can be read: {error}") from error
    except OSError as error:
        raise SourceError(f"{zip_path} cannot be extracted: {error}") from error
    return list(members)


def _checked(name: str) -> str:
    path = name[:-1] if name.endswith("/") else name
    if {"", ".", ".."} & set(path.split("/")):
        raise _leaves(path)
    return path


def _leaves(path: str) -> SourceError:
    return SourceError(f"the source holds {shown(path)}, which would leave the destination")


def _extract(
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    top: str,
    check: Callable[[], None],
) -> None:
    os.makedirs(top, exist_ok=True)
    links = {path: member for path, member in members.items() if _is_link(member)}
    parents: set[str] = set()
    for path, member in members.items():
        check()
        target = os.path.join(top, path)
        _make_parent(top, path, parents)
        if member.is_dir():
            os.makedirs(target, exist_ok=True)
            os.chmod(target, _mode(member, 0o755))
        elif path not in links:
            _extract_file(archive, member, target, check)
    # Links come last, so that nothing is ever written through one of them.
    _extract_links(top, {path: archive.read(member).decode() for path, member in links.items()})


def _make_parent(top: str, path: str, known: set[str]) -> None:
    parent = os.path.dirname(os.path.join(top, path))
    if parent in known:
        return
    if os.path.realpath(parent) != parent:
        raise _leaves(path)
    os.makedirs(parent, exist_ok=True)
    known.add(parent)


def _extract_file(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: str, check: Callable[[], None]
) -> None:
    _remove(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with archive.open(member) as content, open(os.open(target, flags, 0o600), "wb") as stream:
        while chunk := content.read(CHUNK):
            check()
            stream.write(chunk)
        os.fchmod(stream.fileno(), _mode(member, 0o644))


def _extract_links(top: str, links: dict[str, str]) -> None:
    for path, target in links.items():
        _remove(os.path.join(top, path))
        os.symlink(target, os.path.join(top, path))
    for path, target in links.items():
        # Only now can be seen where a link leads through the others.
        real = os.path.realpath(os.path.join(top, path))
        if os.path.isabs(target) or os.path.commonpath([top, real]) != top:
            for other in links:
                os.unlink(os.path.join(top, other))
            raise _leaves(f"{path} -> {target}")


def _remove(target: str) -> None:
    if os.path.lexists(target):
        os.unlink(target)


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _mode(member: zipfile.ZipInfo, default: int) -> int:
    return stat.S_IMODE(member.external_attr >> 16) & 0o777 or default
