"""Where the files of a run come from: the working directory, one of its commits, a repository."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridray import commits, repository
from gridray.archive import shown
from gridray.errors import NotFoundError, SourceError, UsageError
from gridray.records import SHORT_COMMIT, GitRecord
from gridray.repository import Address
from gridray.spec import RunSpec


@dataclass(frozen=True)
class Checkout:
    """The directory that a source is taken from.

    `git` is None where it has still to be asked what commit that is; `name` says to a user where
    the files are.
    """

    root: Path
    name: str
    git: GitRecord | None = None
    warnings: tuple[str, ...] = ()


def working_directory(spec: RunSpec) -> Checkout:
    """Return the directory of a run whose source is the files as they are."""
    if spec.repository is not None or spec.git is not None:
        raise ValueError("a commit has to be checked out first")
    root = spec.root.absolute()
    return Checkout(root, str(root))


@contextmanager
def checked_out(spec: RunSpec, progress: Callable[[str], None]) -> Iterator[Checkout]:
    """Have the files of a run in a directory, which is gone at the end if it was made for them.

    Raises:
        UsageError: the spec names a commit and a repository at once.
        NotFoundError: there is no such repository, commit or directory.
        SourceError: git is missing, or cannot check them out.
    """
    if spec.repository is None and spec.git is None:
        yield working_directory(spec)
        return
    with ExitStack() as stack:
        try:
            aside = tempfile.TemporaryDirectory(prefix="gridray-", ignore_cleanup_errors=True)
            target = Path(stack.enter_context(aside)).resolve() / "source"
            if spec.repository is None:
                checkout = _of_commit(spec, target)
            else:
                checkout = _cloned(spec, spec.repository, target, progress)
        except OSError as error:
            raise SourceError(
                f"no files can be put below {tempfile.gettempdir()}: {error.strerror}",
                hint="set TMPDIR to a directory on a disk that has room",
            ) from error
        yield checkout


def _of_commit(spec: RunSpec, target: Path) -> Checkout:
    assert spec.git is not None
    root, record, warnings = commits.export(spec.root.absolute(), spec.git, target)
    return Checkout(root, f"the commit {record.commit[:SHORT_COMMIT]}", record, warnings)


def _cloned(spec: RunSpec, text: str, target: Path, progress: Callable[[str], None]) -> Checkout:
    address = repository.parse(text)
    if spec.git is not None:
        raise UsageError(
            f"--git goes with the directory that you are in, and not with {address.shown}",
            hint=f"name the commit behind an @: {address.shown}@{spec.git}",
        )
    progress(f"copying {address.shown}")
    record = repository.clone(address, target)
    root = _directory(target, address, record)
    return Checkout(root, f"{address.shown} at {record.commit[:SHORT_COMMIT]}", record)


def _directory(target: Path, address: Address, record: GitRecord) -> Path:
    """Return the directory of a repository that an address names."""
    root = (target / address.directory).resolve()
    if not root.is_dir() or not root.is_relative_to(target):
        raise NotFoundError(
            f"{address.shown} has no directory {shown(address.directory)!r} at "
            f"{record.commit[:SHORT_COMMIT]}",
            hint="name it behind the #, from the top of the repository",
        )
    return root
