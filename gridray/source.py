"""The working directory as a manifest: what goes along with a run, and why the rest does not.

Only looks and hashes; `archive` makes the zip file of a manifest, `ignore` reads the ignore files.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gridray import archive
from gridray.archive import SourceFile, shown
from gridray.errors import NotFoundError, SourceError
from gridray.ignore import COMBINED, IGNORE_FILES, IgnoreFiles, Rule, RuleSet, deciding_rule

__all__ = [
    "Manifest",
    "SourceFile",
    "Verdict",
    "check_root",
    "check_size",
    "explain",
    "scan",
]

# Grid.ai advised to stay under 50 MB and refused 2 GB.
WARN_BYTES = 50 * 10**6
MAX_BYTES = 2 * 10**9

_LARGEST = 10
_IGNORE_HINT = "name what a run does not need in .gridignore"


@dataclass(frozen=True)
class Manifest:
    """What goes along: the files sorted by path, and warnings about what had to stay behind."""

    root: Path
    files: tuple[SourceFile, ...]
    warnings: tuple[str, ...]

    @property
    def size(self) -> int:
        """The bytes of all files, before compression."""
        return sum(file.size for file in self.files)

    def digest(self) -> str:
        """The name of this source in the store: 64 hex digits that only the content decides.

        Raises SourceError if a file cannot be read or has changed its size since the scan.
        """
        # Threads pay for large files only: a small one is hashed sooner than handed over.
        large = [file for file in self.files if file.size >= archive.CHUNK]
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            running = pool.map(self._hash, large)
            hashes = {file: self._hash(file) for file in self.files if file.size < archive.CHUNK}
            hashes.update(zip(large, running, strict=True))
        return archive.tree_digest((file, hashes[file]) for file in self.files)

    def _hash(self, file: SourceFile) -> str:
        content = hashlib.sha256()
        if file.is_regular:
            for chunk in archive.read(self.root, file):
                content.update(chunk)
        return content.hexdigest()


@dataclass(frozen=True)
class Verdict:
    """Whether a path goes along, and the line that decides it, if one does."""

    goes: bool
    text: str
    rule_file: str | None = None
    line: int | None = None
    pattern: str | None = None


def scan(root: Path) -> Manifest:
    """Walks `root` by the ignore rules; an ignored directory is never entered.

    Raises SourceError where the tree cannot be snapshotted: something is unreadable, has a name
    that is not UTF-8, or is a link that leads out of the tree.
    """
    walk = _Walk(_top(root))
    walk.run()
    walk.raise_for_names()
    walk.raise_for_links()
    files = sorted([*walk.files, *walk.empty_directories()], key=lambda file: file.path)
    return Manifest(Path(walk.top), tuple(files), tuple(sorted(walk.warnings)))


def _top(root: Path) -> str:
    top = os.path.realpath(root)
    if not os.path.isdir(top):
        what = "is not a directory" if os.path.exists(top) else "does not exist"
        raise SourceError(f"the working directory {shown(str(root))} {what}")
    return top


class _Walk:
    def __init__(self, top: str) -> None:
        self.top = top
        self.files: list[SourceFile] = []
        self.warnings: list[str] = []
        self._directories: dict[str, int] = {}
        self._with_own_rules: set[str] = set()
        self._bad_names: list[str] = []
        self._leaving: list[str] = []

    def run(self) -> None:
        ignore_files = IgnoreFiles(self.top)
        pending: list[tuple[str, tuple[RuleSet, ...]]] = [("", ())]
        while pending:
            prefix, above = pending.pop()
            entries = self._entries(prefix)
            names = {entry.name for entry in entries}
            if prefix and not names.isdisjoint(COMBINED):
                self._with_own_rules.add(prefix.rstrip("/"))
            rules = ignore_files.enter(prefix, names, above)
            for entry in entries:
                path = prefix + entry.name
                is_dir = entry.is_dir(follow_symlinks=False)
                if _is_ignored(rules, path, entry.name, is_dir):
                    continue
                if not _is_utf8(entry.name):
                    self._bad_names.append(path)
                    continue
                self._keep(entry, path)
                if is_dir:
                    pending.append((path + "/", rules))

    def _entries(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self.top, prefix)) as entries:
                return list(entries)
        except OSError as error:
            raise _unreadable(prefix or self.top, error) from error

    def _keep(self, entry: os.DirEntry[str], path: str) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
            link = os.readlink(entry.path) if stat.S_ISLNK(status.st_mode) else None
        except OSError as error:
            raise _unreadable(path, error) from error
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if link is not None:
            self._keep_link(path, link)
        elif stat.S_ISDIR(status.st_mode):
            self._directories[path] = mode
        elif stat.S_ISREG(status.st_mode):
            if not os.access(entry.path, os.R_OK):
                raise _unreadable(path, PermissionError(0, "Permission denied"))
            self.files.append(SourceFile(path, status.st_size, mode))
        else:
            self.warnings.append(f"{shown(path)} is {_special(status.st_mode)} and stays behind")

    def _keep_link(self, path: str, target: str) -> None:
        stored = _stored_link(self.top, path, target)
        if stored is None:
            self._leaving.append(f"{shown(path)} -> {shown(target)}")
        elif not _is_utf8(stored):
            self._bad_names.append(f"{path} -> {stored}")
        else:
            # The mode of a link means nothing, and differs between systems.
            self.files.append(SourceFile(path, 0, 0o777, link=stored))

    def empty_directories(self) -> Iterator[SourceFile]:
        """Yield the directories that the files would not bring along.

        One that empties itself by an ignore file of its own, as those do that tools put their
        caches and environments into, does not belong to the tree at all.
        """
        kept = [file.path for file in self.files]
        occupied = {os.path.dirname(path) for path in (*kept, *self._directories)}
        for path, mode in self._directories.items():
            if path not in occupied and path not in self._with_own_rules:
                yield SourceFile(path, 0, mode, is_dir=True)

    def raise_for_names(self) -> None:
        if self._bad_names:
            names = "\n".join(f"  {shown(path)}" for path in sorted(self._bad_names))
            raise SourceError(
                f"names must be valid UTF-8; these are not:\n{names}",
                hint="rename them, or ignore them in .gridignore",
            )

    def raise_for_links(self) -> None:
        if self._leaving:
            links = "\n".join(f"  {link}" for link in sorted(self._leaving))
            raise SourceError(
                f"these links lead out of {shown(self.top)}:\n{links}",
                hint="ignore them in .gridignore, or replace them by what they point to",
            )


def _is_ignored(rules: tuple[RuleSet, ...], path: str, name: str, is_dir: bool) -> bool:
    if name == ".git":
        return True
    rule = deciding_rule(rules, path, name, is_dir)
    return rule is not None and not rule.negated


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unreadable(path: str, error: OSError) -> SourceError:
    return SourceError(f"{shown(path)} cannot be read: {error.strerror}", hint=_IGNORE_HINT)


def _special(mode: int) -> str:
    kinds = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a FIFO"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _stored_link(top: str, path: str, target: str) -> str | None:
    """The target as it goes along: relative, and inside the tree. None if it leads out of it."""
    real = os.path.realpath(os.path.join(top, path))
    if os.path.commonpath([top, real]) != top:
        return None
    directory = os.path.dirname(path)
    written = os.path.normpath(os.path.join(directory, target))
    if os.path.isabs(target) or written.split("/")[0] == "..":
        return os.path.relpath(real, os.path.join(top, directory))
    return target


def check_root(root: Path, *, yes: bool) -> None:
    """Raises SourceError if `root` holds the whole home directory, unless the user said yes."""
    top, home = os.path.realpath(root), os.path.realpath(os.path.expanduser("~"))
    if not yes and os.path.commonpath([top, home]) == top:
        what = "your home directory" if top == home else "a directory above your home directory"
        raise SourceError(
            f"{top} is {what}: all of it would go along",
            hint="change to the directory of your project, or confirm with --yes",
        )


def check_size(manifest: Manifest) -> tuple[str, ...]:
    """Warning lines if the source is over 50 MB; raises SourceError if it is over 2 GB."""
    if manifest.size <= WARN_BYTES:
        return ()
    largest = [f"  {_human(size):>8}  {shown(path)}" for path, size in _largest(manifest)]
    if manifest.size > MAX_BYTES:
        lines = "\n".join(largest)
        raise SourceError(
            f"the source is {_human(manifest.size)}, and {_human(MAX_BYTES)} is the limit; "
            f"the largest:\n{lines}",
            hint=_IGNORE_HINT,
        )
    return (f"the source is {_human(manifest.size)}; the largest:", *largest, _IGNORE_HINT)


def _largest(manifest: Manifest) -> list[tuple[str, int]]:
    sizes: dict[str, int] = {}
    for file in manifest.files:
        sizes[file.path] = file.size
        parent = os.path.dirname(file.path)
        while parent:
            sizes[parent + "/"] = sizes.get(parent + "/", 0) + file.size
            parent = os.path.dirname(parent)
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_LARGEST]


def _human(size: int) -> str:
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def explain(root: Path, path: Path | str) -> Verdict:
    """Says whether `path`, absolute or relative to `root`, goes along, and which rule decides it.

    Raises NotFoundError if it does not exist or is not below `root`.
    """
    top = _top(root)
    relative = _relative(top, path)
    if relative == ".":
        return Verdict(True, "the working directory itself goes along")
    ignore_files = IgnoreFiles(top)
    rules: tuple[RuleSet, ...] = ()
    prefix, rule = "", None
    for name in relative.split("/"):
        here = prefix + name
        if name == ".git":
            return Verdict(False, f"{shown(relative)} stays behind: .git never goes along")
        rules = ignore_files.enter(prefix, IGNORE_FILES, rules)
        mode = os.lstat(os.path.join(top, here)).st_mode
        rule = deciding_rule(rules, here, name, stat.S_ISDIR(mode))
        if rule and not rule.negated:
            return _excluded(relative, here, rule)
        refusal = _refusal(top, here, name, stat.S_ISLNK(mode))
        if refusal:
            return Verdict(False, f"{shown(relative)} cannot go along: {refusal}")
        if here != relative and stat.S_ISLNK(mode):
            link = f"{shown(here)} is a link, and links are not followed"
            return Verdict(False, f"{shown(relative)} stays behind: {link}")
        prefix = here + "/"
    return _included(top, relative, rule)


def _relative(top: str, path: Path | str) -> str:
    full = os.path.normpath(os.path.join(top, path))
    if os.path.commonpath([top, full]) != top:
        parent, name = os.path.split(full)
        full = os.path.join(os.path.realpath(parent), name)
    if os.path.commonpath([top, full]) != top:
        raise NotFoundError(f"{shown(str(path))} is not in {shown(top)}")
    if not os.path.lexists(full):
        raise NotFoundError(f"{shown(str(path))} does not exist")
    return os.path.relpath(full, top)


def _excluded(path: str, ignored: str, rule: Rule) -> Verdict:
    cause = "" if path == ignored else f"its directory {shown(ignored)} is ignored by "
    text = f"{shown(path)} stays behind: {cause}{rule}"
    return Verdict(False, text, rule.file, rule.line, rule.pattern)


def _refusal(top: str, path: str, name: str, is_link: bool) -> str | None:
    """Why `scan` refuses the tree because of a path, in words; None if it does not."""
    if not _is_utf8(name):
        return _refused(f"the name {shown(name)} is not valid UTF-8", "renamed")
    if not is_link:
        return None
    target = os.readlink(os.path.join(top, path))
    stored = _stored_link(top, path, target)
    link = f"the link {shown(path)} -> {shown(target)}"
    if stored is None:
        return _refused(f"{link} leads out of {shown(top)}", "replaced by what it points to")
    return None if _is_utf8(stored) else _refused(f"{link} is not valid UTF-8", "replaced")


def _refused(cause: str, mend: str) -> str:
    return f"{cause}, and a run is refused until it is ignored in .gridignore, or {mend}"


def _included(top: str, path: str, rule: Rule | None) -> Verdict:
    mode = os.lstat(os.path.join(top, path)).st_mode
    if stat.S_IFMT(mode) not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        return Verdict(False, f"{shown(path)} stays behind: it is {_special(mode)}")
    if rule is None:
        return Verdict(True, f"{shown(path)} goes along: no rule matches it")
    return Verdict(True, f"{shown(path)} goes along: {rule}", rule.file, rule.line, rule.pattern)
