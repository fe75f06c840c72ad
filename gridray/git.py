"""The user's own `git`: which commit a directory is of, and what has been changed since.

No hook, file watcher or diff program that a repository asks for is ever run.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridray.archive import shown
from gridray.errors import NotFoundError, SourceError
from gridray.ignore import IgnoreFiles, is_ignored
from gridray.records import GitRecord

# What is kept of the changes of one run, in bytes; a file that is larger is only named.
PATCH_LIMIT = 16 * 10**6

SAFELY = (
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    # Else a part of an index that is ours would be written into the repository.
    *("-c", "core.splitIndex=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "diff.relative=false"),
)
# A patch is the same whatever the user's settings, and `git apply` takes it.
PATCH = (
    "diff",
    "--binary",
    "--full-index",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--submodule=short",
    "--ignore-submodules=dirty",
)
RAW = ("diff", "--raw", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=untracked")
GITLINK = "160000"
# They say which repository is meant, and are set where git runs us, as in its hooks and aliases; or
# they change what our own words mean.
FOREIGN = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_DIFF_OPTS",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
# The credentials are in the authority, or in what comes behind the path.
URL = re.compile(r"(?P<scheme>[^:/]+://)(?P<authority>[^/]*)(?P<path>[^?#]*).*", re.DOTALL)
NO_REPOSITORY = "not a git repository"
# For what has nothing to ask: no password, and no object that a partial clone lacks.
OFFLINE = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}


def run(
    where: Path, *words: str, variables: dict[str, str] | None = None, umask: int = -1
) -> "subprocess.CompletedProcess[bytes]":
    """Run git in a directory, and return what it has said.

    Raises:
        SourceError: there is no git on this machine.
    """
    try:
        return subprocess.run(
            _command(where, words),
            env=_environment(variables or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            umask=umask,
        )
    except OSError as error:
        raise _missing(error) from error


def ask(where: Path, *words: str) -> str | None:
    """Return the line that git answers with; None if it does not succeed."""
    done = run(where, *words, variables=OFFLINE)
    return os.fsdecode(done.stdout).removesuffix("\n") if done.returncode == 0 else None


def complaint(stderr: bytes) -> str:
    """Return the lines that tell why git has failed, of all that it says around them."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith(("Cloning into", "hint:"))]
    fatal = [number for number, line in enumerate(lines) if line.startswith("fatal:")]
    return "; ".join(map(shown, lines[: fatal[0] + 1 if fatal else None][-2:])) or "git failed"


def find_commit(where: Path, ref: str) -> str | None:
    """Return the full name of the commit that a branch, tag or whatever else stands for."""
    if ref.startswith("-") or "\0" in ref:
        return None
    return ask(where, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")


def branch_of(where: Path, ref: str = "HEAD") -> str | None:
    """Return the branch that a ref stands for, or that is checked out; None: no branch."""
    if ref == "HEAD":
        full = ask(where, "symbolic-ref", "--quiet", "HEAD")
    else:
        full = ask(where, "rev-parse", "--symbolic-full-name", "--verify", "--quiet", ref)
    return full.removeprefix("refs/heads/") if full and full.startswith("refs/heads/") else None


def remote_of(where: Path, branch: str | None) -> str | None:
    """Return the address of the remote that a branch follows, else of `origin`; no credentials."""
    pattern = r"^(remote\..*\.url|branch\..*\.remote)$"
    found = ask(where, "config", "-z", "--get-regexp", pattern)
    if found is None:
        return None
    pairs = (entry.partition("\n") for entry in found.split("\0") if entry)
    values = {key: value for key, _, value in pairs}
    followed = values.get(f"branch.{branch}.remote")
    names = [f"remote.{name}.url" for name in (followed, "origin") if name]
    others = [key for key in values if key.startswith("remote.")]
    url = next((values[key] for key in (*names, *others) if key in values), None)
    return None if url is None else without_credentials(url)


def without_credentials(url: str) -> str:
    """Return an address as it can be shown to everybody; an SSH user's name stays."""
    match = URL.fullmatch(url)
    if match is None:
        return url
    user, at, host = match["authority"].rpartition("@")
    name = user.partition(":")[0] + at if match["scheme"].endswith("ssh://") else ""
    return match["scheme"] + name + host + match["path"]


@dataclass(frozen=True)
class Look:
    """What git says of a directory: its commit, the patch from there, the files that it knows."""

    commit: str
    branch: str | None
    remote: str | None
    patch: bytes
    tracked: frozenset[str]

    def record(self, paths: Iterable[str]) -> tuple[GitRecord, bytes] | None:
        """Return what a run with these files records, and its changes; None: git knows none."""
        going = set(paths)
        if self.tracked.isdisjoint(going):
            return None
        untracked = sorted(going - self.tracked)
        changes = b"".join(_names("untracked, and went along", untracked)) + self.patch
        if len(changes) > PATCH_LIMIT:
            mark = f"cut here: only the first {PATCH_LIMIT // 10**6} MB of the changes are kept"
            changes = changes[:PATCH_LIMIT] + f"\n# {mark}\n".encode()
        return GitRecord(self.commit, self.branch, self.remote, bool(changes)), changes


def look(root: Path) -> Look | None:
    """Ask git about a directory; None where it is of no commit, or there is no git.

    Raises:
        SourceError: git refuses to say, as of a repository that belongs to somebody else.
    """
    if not any(os.path.exists(place / ".git") for place in (root, *root.parents)):
        return None
    try:
        done = run(root, "rev-parse", "--show-toplevel", variables=OFFLINE)
    except SourceError:
        return None
    if done.returncode != 0:
        if NO_REPOSITORY in done.stderr.decode("utf-8", "replace"):
            return None
        raise SourceError(complaint(done.stderr))
    commit = find_commit(root, "HEAD")
    if commit is None:
        return None
    branch = branch_of(root)
    top = Path(os.fsdecode(done.stdout).removesuffix("\n"))
    return Look(
        commit=commit,
        branch=branch,
        remote=remote_of(root, branch),
        patch=_patch(root, top, hidden=_hidden(root)),
        tracked=frozenset(_tracked(root)),
    )


def _tracked(root: Path) -> list[str]:
    """Return the files below a directory that git knows, as their paths from there."""
    done = run(root, "ls-files", "-z", "--recurse-submodules", variables=OFFLINE)
    if done.returncode != 0:
        done = run(root, "ls-files", "-z", variables=OFFLINE)
    if done.returncode != 0:
        raise SourceError(complaint(done.stderr))
    return os.fsdecode(done.stdout).split("\0")


def changed_paths(root: Path) -> list[str]:
    """Return what is not committed below a directory, as its paths from the top."""
    others = ask(root, "ls-files", "-z", "--others", "--exclude-standard", "--full-name") or ""
    with _own_index(root) as variables:
        changed = [path for path, _ in _changed(root, variables)]
    return sorted({*changed, *(path for path in others.split("\0") if path)})


def _command(where: Path, words: Sequence[str]) -> list[str]:
    return ["git", *SAFELY, "-C", str(where), *words]


def _environment(variables: dict[str, str]) -> dict[str, str]:
    # In the language that we read; what it says of a file is taken as bytes.
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return inherited | {"LC_ALL": "C"} | variables


def _missing(error: OSError) -> SourceError:
    return SourceError(
        f"git cannot be started: {error.strerror}",
        hint="install it, or run from a directory that has the files, without --git",
    )


@contextmanager
def _own_index(root: Path) -> Iterator[dict[str, str]]:
    """Have a copy of the index, with the variables that name it: `git diff` writes into its own."""
    path = root / (ask(root, "rev-parse", "--git-path", "index") or "")
    with ExitStack() as stack:
        try:
            aside = tempfile.TemporaryDirectory(prefix="gridray-index-")
            copy = Path(stack.enter_context(aside)) / "index"
            # With its time, by which git tells what it has to look at once more.
            if path.is_file():
                shutil.copy2(path, copy)
        except OSError as error:
            raise SourceError(f"{path} cannot be copied: {error.strerror}") from error
        yield OFFLINE | {"GIT_INDEX_FILE": str(copy)}


def _changed(root: Path, variables: dict[str, str]) -> list[tuple[str, bool]]:
    """Return the paths below a directory that differ from HEAD; whether each is a submodule."""
    done = run(root, *RAW, "HEAD", "--", ".", variables=variables)
    if done.returncode != 0:
        raise SourceError(complaint(done.stderr))
    fields = os.fsdecode(done.stdout).split("\0")
    kinds = (GITLINK in field.split(" ")[1] for field in fields[:-1:2])
    return list(zip(fields[1::2], kinds, strict=True))


def _hidden(root: Path) -> Callable[[Path], bool]:
    """Return what tells whether a file is to stay on this machine, by an ignore file."""
    files, start = IgnoreFiles(os.fspath(root)), root.resolve()
    return lambda place: is_ignored(files, place.relative_to(start).as_posix())


def _patch(root: Path, top: Path, *, hidden: Callable[[Path], bool], prefix: str = "") -> bytes:
    """Return the changes below a directory since HEAD, and what is left out of them."""
    with _own_index(root) as variables:
        changed = _changed(root, variables)
        if not changed:
            return b""
        ignored = [path for path, _ in changed if hidden(top / path)]
        large = [path for path, _ in changed if _size(top / path) > PATCH_LIMIT]
        left_out = {*ignored, *large}
        paths = [".", *(f":(top,exclude,literal){path}" for path in sorted(left_out))]
        sides = (f"--src-prefix=a/{prefix}", f"--dst-prefix=b/{prefix}")
        patch = _read(root, [*PATCH, *sides, "HEAD", "--", *paths], variables)
    parts = [
        *_names("changed, but ignored", [prefix + path for path in ignored]),
        *_names("changed, but too large to be kept", [prefix + path for path in large]),
        patch,
    ]
    for path, is_submodule in changed:
        if is_submodule and path not in ignored and (top / path / ".git").exists():
            parts.append(_patch(top / path, top / path, hidden=hidden, prefix=f"{prefix}{path}/"))
    return b"".join(parts)


def _read(root: Path, words: Sequence[str], variables: dict[str, str]) -> bytes:
    """Return what git writes, up to the first byte behind the limit."""
    with subprocess.Popen(
        _command(root, words),
        env=_environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        data = process.stdout.read(PATCH_LIMIT + 1)
        if len(data) > PATCH_LIMIT:
            process.kill()
    if len(data) <= PATCH_LIMIT and process.returncode != 0:
        raise SourceError(f"`git diff` failed with exit code {process.returncode}")
    return data


def _names(what: str, paths: Collection[str]) -> list[bytes]:
    """Return lines that name files, as comments that `git apply` passes over."""
    lines = [f"# {what}:", *(f"#   {shown(path)}" for path in paths)]
    return ["\n".join([*lines, ""]).encode()] if paths else []


def _size(path: Path) -> int:
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def not_found(ref: str, where: str, hint: str) -> NotFoundError:
    return NotFoundError(f"there is no commit, branch or tag {ref!r} in {where}", hint=hint)
