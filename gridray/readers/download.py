"""Files that experiments have created, brought from the store to where they are wanted."""

import os
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from gridray import layout, objectfiles
from gridray.artifactindex import ArtifactRecord
from gridray.errors import StoreError, UsageError
from gridray.layout import AttemptName, ExperimentName
from gridray.spread import spread, until
from gridray.store import Store

# How many files, and how many parts of large ones, come at once.
CONNECTIONS = 16


@dataclass(frozen=True)
class Artifact:
    """A file of an experiment: its path in the working directory, and its key in the store."""

    experiment: ExperimentName
    record: ArtifactRecord
    key: str

    @classmethod
    def of(cls, run: str, index: int, record: ArtifactRecord) -> "Artifact":
        key = layout.artifact(AttemptName(run, index, record.attempt), record.path)
        return cls(ExperimentName(run, index), record, key)

    @property
    def path(self) -> str:
        return self.record.path


def download(
    store: Store,
    artifacts: Sequence[tuple[Artifact, Path]],
    progress: Callable[[Artifact], None] = lambda artifact: None,
    check: Callable[[], None] = lambda: None,
    put: Callable[[Path, Path], object] = Path.replace,
) -> list[Artifact]:
    """Bring artifacts to the paths beside them; each file appears when it is whole.

    Args:
        progress: told of each that is there.
        check: called before each piece of a file, by several threads; what it raises ends this.
        put: moves a file that is whole, beside its path, to that path; by several threads.

    Returns:
        The links that lead out of the experiment's files, and are left out.

    Raises:
        StoreError: the store cannot be read.
        UsageError: a path cannot be written.
    """
    leaving = [artifact for artifact, _ in artifacts if _leads_out(artifact.record)]
    wanted = [pair for pair in artifacts if not _leads_out(pair[0].record)]
    stop, turns = threading.Event(), threading.Semaphore(CONNECTIONS)
    check_all = until(stop, check)

    def one(pair: tuple[Artifact, Path]) -> Artifact:
        artifact, target = pair
        bring = partial(objectfiles.bring, store, artifact.key, check=check_all, turns=turns)
        _place(artifact, target, bring, put)
        return artifact

    # Closed at once, so that nobody writes any more when an error is seen.
    with closing(spread(one, wanted, CONNECTIONS, heed=check, stop=stop)) as brought:
        for artifact in brought:
            progress(artifact)
    return leaving


def _place(
    artifact: Artifact,
    target: Path,
    bring: Callable[[Path, int], None],
    put: Callable[[Path, Path], object],
) -> None:
    _check_inside(artifact.path)
    record = artifact.record
    try:
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
        if record.link is not None:
            target.unlink(missing_ok=True)
            target.symlink_to(record.link)
            return
        part = target.with_name(f".gridray-{secrets.token_hex(8)}")
        try:
            bring(part, record.size)
            os.chmod(part, record.mode)
            os.utime(part, ns=(record.mtime_ns, record.mtime_ns))
            put(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{target} cannot be written: {error.strerror}", hint="choose another directory"
        ) from error


def _leads_out(record: ArtifactRecord) -> bool:
    """Whether this is a link to something that is no artifact."""
    if record.link is None:
        return False
    return _is_outside(os.path.normpath(PurePosixPath(record.path).parent / record.link))


def _is_outside(path: str) -> bool:
    return path.startswith("/") or ".." in PurePosixPath(path).parts


def _check_inside(path: str) -> None:
    if _is_outside(path):
        raise StoreError(f"the artifact {path!r} would leave the download directory")
