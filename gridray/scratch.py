"""The directory on a machine's own disk that only this user can look into."""

import os
import stat
from pathlib import Path

from gridray.errors import GridrayError


def private_directory(parent: Path) -> Path:
    """Return `gridray-<uid>` below a directory that others may write to, making it if need be.

    Raises:
        GridrayError: somebody else has made it, or something else is there.
    """
    path = parent / f"gridray-{os.getuid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise GridrayError(
            f"{path} belongs to somebody else", hint="remove it, or set TMPDIR to another directory"
        )
    path.chmod(0o700)
    return path
