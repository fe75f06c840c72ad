"""Where scripts find datastores: symbolic links to what lies in the node's cache.

<temporary directory>/gridray-<uid>/datastores/locks/
    mounts                  held while links are made or removed
    mount-<hash>            shared by the attempts that use the link at one path
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from gridray.datastores.cache import Cache, Heed, waiting_for
from gridray.datastores.workplace import lock
from gridray.errors import DatastoreError

OPTION = "--datastore_mount_dir"


class Mounts:
    """The links of this node's experiments."""

    def __init__(self, cache: Cache) -> None:
        self._base = cache.base

    def put(self, mount_dir: Path, tree: Path, label: str, stack: ExitStack, heed: Heed) -> None:
        """Make a path lead to the files of a version, for as long as the stack is open.

        Args:
            label: what the datastore is called in messages.

        Raises:
            DatastoreError: the path cannot be made, is somebody else's, or leads to another version
                that is in use.
        """
        descriptor = self._open_lock(f"mount-{_hash(mount_dir)}")
        stack.callback(self._release, mount_dir, descriptor)
        with self._turn(heed):
            found = _target(mount_dir)
            if found == tree:
                lock(descriptor, shared=True)
                return
            if found is not None and self._is_ours(found):
                if not lock(descriptor):
                    raise DatastoreError(
                        f"{mount_dir} is where another experiment on this node has another "
                        f"datastore or version, so {label} cannot be there: choose another "
                        f"directory with {OPTION}"
                    )
            elif os.path.lexists(mount_dir):
                raise DatastoreError(
                    f"there is something else at {mount_dir} on this node, so {label} cannot be "
                    f"there: choose another directory with {OPTION}"
                )
            self._link(mount_dir, tree, label)
            lock(descriptor, shared=True)

    def _link(self, mount_dir: Path, tree: Path, label: str) -> None:
        new = mount_dir.with_name(f".gridray-{_hash(mount_dir)[:8]}")
        try:
            mount_dir.parent.mkdir(parents=True, exist_ok=True)
            if self._is_ours(Path(os.path.realpath(mount_dir.parent))):
                raise DatastoreError(
                    f"{mount_dir} lies in another datastore, so {label} cannot be there: choose "
                    f"another directory with {OPTION}"
                )
            with suppress(FileNotFoundError):
                new.unlink()
            new.symlink_to(tree)
            new.replace(mount_dir)
        except OSError as error:
            raise DatastoreError(
                f"{mount_dir} cannot be made on this node ({error.strerror}), so {label} cannot "
                f"be there: choose a directory that can with {OPTION}"
            ) from error

    def _release(self, mount_dir: Path, descriptor: int) -> None:
        """Let go of a link, and remove it if nobody else uses it."""
        try:
            with self._turn():
                found = _target(mount_dir)
                if found is not None and self._is_ours(found) and lock(descriptor):
                    mount_dir.unlink(missing_ok=True)
        except OSError:
            # It leads to nowhere then, and the next one that needs it replaces it.
            return
        finally:
            os.close(descriptor)

    def _is_ours(self, path: Path) -> bool:
        return path.is_relative_to(self._base) or path.is_relative_to(os.path.realpath(self._base))

    def _open_lock(self, name: str) -> int:
        return os.open(self._base / "locks" / name, os.O_CREAT | os.O_RDWR, 0o600)

    @contextmanager
    def _turn(self, heed: Heed = lambda: None) -> Iterator[None]:
        descriptor = self._open_lock("mounts")
        try:
            waiting_for(descriptor, heed)
            yield
        finally:
            os.close(descriptor)


def _target(path: Path) -> Path | None:
    """Return where a link leads; None: it is none."""
    try:
        return Path(os.readlink(path))
    except OSError:
        return None


def _hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()
