"""When a file was made, which Python does not tell on Linux."""

import ctypes
import os
import struct
from pathlib import Path

# From <fcntl.h>, <linux/stat.h> and `struct statx` in there (statx(2)).
AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
STATX_BTIME = 0x800
STATX_SIZE = 256
MASK = struct.Struct("=I")
BTIME = struct.Struct("=qI")
BTIME_OFFSET = 80


def born_at(path: Path) -> float | None:
    """Return when a file was made (Unix time, s); None: there is none, or nobody knows."""
    try:
        found: float | None = getattr(os.lstat(path), "st_birthtime", None)
        return found if found is not None else _asked(os.fsencode(path))
    except OSError:
        return None


def _asked(path: bytes) -> float | None:
    """Ask Linux, with glibc 2.28 or later."""
    statx = getattr(ctypes.CDLL(None), "statx", None)
    answer = ctypes.create_string_buffer(STATX_SIZE)
    if statx is None or statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, answer) != 0:
        return None
    (mask,) = MASK.unpack_from(answer)
    seconds, nanoseconds = BTIME.unpack_from(answer, BTIME_OFFSET)
    return float(seconds) + nanoseconds / 1e9 if mask & STATX_BTIME else None
