"""Git repositories by their addresses: how one is written, and a copy of one of its commits."""

import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote

from gridray import git
from gridray.archive import shown
from gridray.commits import CHECKOUT, UMASK
from gridray.errors import NotFoundError, SourceError, UsageError
from gridray.git import complaint, not_found, without_credentials
from gridray.records import SHORT_COMMIT, GitRecord

# `https://host/owner/repo.git`, and `git@host:owner/repo.git` as SSH writes it.
URL = re.compile(r"(?P<place>(https?|ssh|git|file)://[^/#]*)(?P<path>/[^#]*)(#(?P<directory>.*))?")
SCP = re.compile(
    r"(?P<place>[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:)(?!//)(?P<path>[^#]+)(#(?P<directory>.*))?"
)
# A ref comes behind `.git`; without that, behind the first `@` of the path.
WITH_SUFFIX = re.compile(r"(?P<path>.*?\.git/?)(@(?P<ref>.*))?", re.DOTALL)
PLAIN = re.compile(r"(?P<path>[^@]+)(@(?P<ref>.*))?", re.DOTALL)
COMMIT = re.compile(r"[0-9a-fA-F]{4,64}")
FULL_LENGTHS = (40, 64)
LISTED = ("refs/heads/", "refs/tags/")


@dataclass(frozen=True)
class Address:
    """Where a source is: the repository's URL as git takes it, a ref, a directory in it."""

    url: str
    ref: str | None = None
    directory: str = ""

    @property
    def shown(self) -> str:
        """The URL as it can be shown to everybody."""
        return shown(without_credentials(self.url))


def is_address(word: str) -> bool:
    """Whether a word is a repository's address, and not a script's path."""
    return bool(URL.fullmatch(word) or SCP.fullmatch(word))


def parse(text: str) -> Address:
    """Take `https://host/owner/repo.git@ref#directory` apart; `%23` is a `#`, `%40` an `@`.

    Raises:
        UsageError: it is no address of a repository.
    """
    form = "https://host/owner/repo.git@ref#directory"
    match = URL.fullmatch(text) or SCP.fullmatch(text)
    parts = match and (WITH_SUFFIX.fullmatch(match["path"]) or PLAIN.fullmatch(match["path"]))
    if match is None or parts is None or parts["ref"] == "":
        told = without_credentials(text)
        raise UsageError(f"{told!r} is no address of a Git repository", hint=f"write {form}")
    directory = unquote(match["directory"] or "").strip("/")
    if ".." in directory.split("/"):
        raise UsageError(f"the directory {directory!r} leads out of the repository")
    ref = parts["ref"]
    return Address(match["place"] + parts["path"], None if ref is None else unquote(ref), directory)


def clone(address: Address, target: Path) -> GitRecord:
    """Put the files of the commit that an address names into a directory that does not exist.

    Raises:
        NotFoundError: the repository, or the ref in it, does not exist.
        SourceError: git is missing, or cannot check it out.
    """
    where = target.parent
    words = [] if address.ref is None else [f"--branch={address.ref}"]
    if _clone(address, target, "--depth=1", "--no-tags", *words) is None:
        commit, branch = git.find_commit(target, "HEAD"), git.branch_of(target)
    else:
        shutil.rmtree(target, ignore_errors=True)
        commit, branch = _clone_otherwise(address, where, target), None
    if commit is None:
        raise NotFoundError(
            f"the repository {address.shown} has no commit at its HEAD",
            hint="name a branch or a tag behind an @, or commit something first",
        )
    _check_out(address, target, commit)
    return GitRecord(commit, branch, address.shown, is_dirty=False)


def _clone_otherwise(address: Address, where: Path, target: Path) -> str:
    """Copy what is no branch or tag, or whose server can give no shallow copy."""
    refs = _refs(address, where)
    ref = address.ref
    if ref is not None and (ref in refs or (COMMIT.fullmatch(ref) and len(ref) in FULL_LENGTHS)):
        commit = _fetch(address, target, ref)
        if commit is not None:
            return commit
        shutil.rmtree(target, ignore_errors=True)
    names = {name.split("/", 2)[2] for name in refs if name.startswith(LISTED)}
    if ref is not None and ref not in names and not COMMIT.fullmatch(ref):
        raise _no_ref(address, ref, names)
    failure = _clone(address, target)
    if failure is not None:
        raise SourceError(
            f"the repository {address.shown} cannot be copied: {_told(address, failure)}",
            hint=f"it is copied below {tempfile.gettempdir()}; set TMPDIR where that is full",
        )
    for candidate in ("HEAD",) if ref is None else (f"refs/tags/{ref}", f"origin/{ref}", ref):
        if commit := git.find_commit(target, candidate):
            return commit
    raise _no_ref(address, ref or "HEAD", names)


def _clone(address: Address, target: Path, *words: str) -> bytes | None:
    """Copy the repository without its files; return git's complaint if that fails."""
    done = git.run(target.parent, "clone", "--no-checkout", *words, "--", address.url, str(target))
    return None if done.returncode == 0 else done.stderr


def _refs(address: Address, where: Path) -> set[str]:
    """Return the names of all refs.

    Raises:
        NotFoundError: the repository does not answer.
    """
    done = git.run(where, "ls-remote", "--", address.url)
    if done.returncode != 0:
        raise _not_cloned(address, done.stderr)
    lines = done.stdout.decode("utf-8", "surrogateescape").splitlines()
    return {line.partition("\t")[2].removesuffix("^{}") for line in lines}


def _fetch(address: Address, target: Path, ref: str) -> str | None:
    """Copy a single commit, which not every server gives; return its full name."""
    target.mkdir()
    git.run(target, "init", "--quiet")
    git.run(target, "remote", "add", "--", "origin", address.url)
    done = git.run(target, "fetch", "--depth=1", "--no-tags", "origin", ref)
    return git.find_commit(target, "FETCH_HEAD") if done.returncode == 0 else None


def _check_out(address: Address, target: Path, commit: str) -> None:
    failure = _step(target, "checkout", "--quiet", "--force", "--detach", commit)
    if failure is None and git.ask(target, "cat-file", "-t", f"{commit}:.gitmodules") is not None:
        update = ("submodule", "--quiet", "update", "--init", "--recursive")
        # Not every server gives a single commit.
        failure = _step(target, *update, "--depth=1") and _step(target, *update)
    if failure is not None:
        told = _told(address, failure)
        raise SourceError(
            f"{address.shown} at {commit[:SHORT_COMMIT]} cannot be checked out: {told}"
        )


def _step(target: Path, *words: str) -> bytes | None:
    """Return git's complaint if it fails."""
    done = git.run(target, *CHECKOUT, *words, umask=UMASK)
    return None if done.returncode == 0 else done.stderr


def _not_cloned(address: Address, stderr: bytes) -> NotFoundError:
    return NotFoundError(
        f"the repository {address.shown} cannot be read: {_told(address, stderr)}",
        hint="check the address (an @ within it is written %40), and that `git ls-remote "
        f"{shlex.quote(address.shown)}` works",
    )


def _no_ref(address: Address, ref: str, names: set[str]) -> NotFoundError:
    near = get_close_matches(ref, names, 3) or sorted(names)[:5]
    hint = f"there are: {', '.join(map(shown, near))}" if near else "it has none at all"
    return not_found(ref, address.shown, hint)


def _told(address: Address, stderr: bytes) -> str:
    """Return git's complaint without the credentials that the address may have."""
    return complaint(stderr).replace(address.url, address.shown)
