"""A program that puts a directory in the place of another one, for a command and its children only.

    python mounting.py DIRECTORY PLACE COMMAND…

The command takes the place of this process, and so has its number, session and signals. Started by
its path: it imports nothing of ours.
"""

import ctypes
import os
import sys

# linux/sched.h and sys/mount.h
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

CANNOT_MOUNT = 125
CANNOT_EXECUTE = 126


def mount(directory: str, place: str) -> None:
    """Mount a directory over an existing one, where this process and its children see it.

    Raises:
        OSError: this system does not allow it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        raise OSError(0, "only Linux can do that")
    user, group = os.getuid(), os.getgid()
    try:
        _check(libc.unshare(CLONE_NEWNS))
    except PermissionError:
        # Only root may; anybody may become root in a namespace of its own, if the system lets them.
        _check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    _check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    source, target = os.fsencode(directory), os.fsencode(place)
    _check(libc.mount(source, target, None, MS_BIND, None))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def main(directory: str, place: str, command: list[str]) -> int:
    try:
        mount(directory, place)
    except OSError as error:
        sys.stderr.write(f"{directory} cannot be mounted at {place}: {error.strerror}\n")
        return CANNOT_MOUNT
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
    return CANNOT_EXECUTE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
