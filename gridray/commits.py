"""The files of a commit of a repository on this machine, without touching the repository."""

import os
import tempfile
from pathlib import Path

from gridray import git
from gridray.archive import shown
from gridray.errors import NotFoundError, SourceError
from gridray.git import complaint, not_found
from gridray.records import SHORT_COMMIT, GitRecord

# A commit gives the same files on every machine: no line endings by the user's settings, and
# neither links nor modes by what the file system was like when the repository was made.
CHECKOUT = (
    *("-c", "core.autocrlf=false"),
    *("-c", "core.eol=lf"),
    *("-c", "core.symlinks=true"),
    *("-c", "core.fileMode=true"),
    *("-c", "advice.detachedHead=false"),
)
UMASK = 0o022
NAMED = 5


def export(root: Path, ref: str, target: Path) -> tuple[Path, GitRecord, tuple[str, ...]]:
    """Put the files that a directory has at a commit below a target.

    Returns:
        Where they are, what the run records, and warnings about what they lack.

    Raises:
        NotFoundError: there is no such commit, or no such directory at it.
        SourceError: git is missing, or the directory is in no repository.
    """
    prefix = _prefix(root)
    commit = git.find_commit(root, ref)
    if commit is None:
        if ref == "HEAD":
            raise SourceError("the repository has no commits yet", hint="commit something first")
        raise not_found(ref, shown(str(root)), "`git log --all --oneline` lists the commits")
    _check_directory(root, commit, prefix)
    gone: list[str] = []
    _put(_git_directory(root), commit, prefix, target, gone)
    branch = git.branch_of(root, ref)
    record = GitRecord(commit, branch, git.remote_of(root, branch), is_dirty=False)
    return target / prefix, record, (*_left_out(root, commit), *gone)


def _prefix(root: Path) -> str:
    """Return the path of a directory in its repository, empty or with `/` at the end."""
    done = git.run(root, "rev-parse", "--show-prefix")
    if done.returncode == 0:
        return os.fsdecode(done.stdout).removesuffix("\n")
    raise SourceError(
        f"--git needs a Git repository, and {shown(str(root))} is in none that can be read: "
        f"{complaint(done.stderr)}",
        hint="change to a directory of the repository, or run without --git",
    )


def _check_directory(root: Path, commit: str, prefix: str) -> None:
    if prefix and git.ask(root, "cat-file", "-t", f"{commit}:{prefix}") != "tree":
        raise NotFoundError(
            f"the commit {commit[:SHORT_COMMIT]} has no directory {shown(prefix)}",
            hint="change to a directory that it has, such as the repository's top",
        )


def _git_directory(root: Path) -> Path:
    return Path(git.ask(root, "rev-parse", "--absolute-git-dir") or "")


def _put(repository: Path, commit: str, prefix: str, target: Path, gone: list[str]) -> None:
    """Check a commit out of a repository, with an index of its own; submodules too.

    `gone` gets a line for each submodule that is not on this machine.
    """
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gridray-index-") as aside:
        places = {
            "GIT_DIR": str(repository),
            "GIT_WORK_TREE": str(target),
            "GIT_INDEX_FILE": str(Path(aside) / "index"),
        }
        _run(target, places, "read-tree", commit)
        where = f":(top,literal){prefix}" if prefix else ":(top)"
        listed = _run(target, places, "ls-files", "--stage", "-z", "--full-name", "--", where)
        entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
        if entries:
            _run(target, places, "checkout", "--quiet", "--force", "--", where)
    for facts, _, path in entries:
        mode, name, _ = facts.split(" ")
        if mode == git.GITLINK:
            module = _module(repository, commit, path)
            if module is None:
                gone.append(
                    f"the submodule {shown(path)} is empty: it is not on this machine; "
                    "`git submodule update --init` brings it"
                )
            else:
                _put_module(module, name, path, target / path, gone)


def _put_module(module: Path, commit: str, path: str, target: Path, gone: list[str]) -> None:
    if git.ask(module, "--git-dir=.", "cat-file", "-t", commit) != "commit":
        raise NotFoundError(
            f"the submodule {shown(path)} has no commit {commit[:SHORT_COMMIT]} on this machine",
            hint=f"`git -C {shown(path)} fetch` may bring it",
        )
    _put(module, commit, "", target, gone)


def _module(repository: Path, commit: str, path: str) -> Path | None:
    """Return the repository of a submodule, if it is on this machine."""
    blob = f"--blob={commit}:.gitmodules"
    words = ("config", blob, "-z", "--get-regexp", r"^submodule\..*\.path$")
    found = git.ask(repository, "--git-dir=.", *words)
    pairs = (entry.partition("\n") for entry in (found or "").split("\0"))
    keys = [key for key, _, value in pairs if value == path]
    names = [key.removeprefix("submodule.").removesuffix(".path") for key in keys]
    names = [name for name in names if ".." not in name.split("/")]
    places = [repository / "modules" / name for name in names]
    if repository.name == ".git":
        places.append(repository.parent / path / ".git")
    return next((place for place in places if (place / "HEAD").exists()), None)


def _run(target: Path, places: dict[str, str], *words: str) -> str:
    done = git.run(target, *CHECKOUT, *words, variables=places, umask=UMASK)
    if done.returncode != 0:
        raise SourceError(
            f"the commit cannot be checked out: {complaint(done.stderr)}",
            hint=f"it is put below {tempfile.gettempdir()}; set TMPDIR where that is full",
        )
    return os.fsdecode(done.stdout)


def _left_out(root: Path, commit: str) -> tuple[str, ...]:
    try:
        paths = git.changed_paths(root)
    except SourceError as error:
        return (f"whether there are changes that are not committed is not known: {error.message}",)
    if not paths:
        return ()
    told = ", ".join([*map(shown, paths[:NAMED]), *(["…"] if len(paths) > NAMED else [])])
    count = "1 change is" if len(paths) == 1 else f"{len(paths):,} changes are"
    return (f"{count} not committed, and left out of the run at {commit[:SHORT_COMMIT]}: {told}",)
