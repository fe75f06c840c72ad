"""What a host's disk holds: this machine's, under a layer of its own that goes with the host."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.awsbox.machine import ROOT

# Of these a host sees nothing of this machine: they are its own, and empty at first.
PRIVATE = ("/root", "/home", "/tmp", "/run")
# All are uid 0. OpenSSH expands ~ by uid, not by $HOME, so all their homes are one directory.
USERS = {"root": "/root", "ubuntu": "/home/ubuntu", "ec2-user": "/home/ec2-user"}
PATH = f"{sys.prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SSHD = """HostKey /etc/ssh/ssh_host_ed25519_key
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
PrintMotd no
AuthorizedKeysFile .ssh/authorized_keys
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
"""
# sshd is the host's first process, and the host ends with it.
SHUTDOWN = """#!/bin/sh
# shutdown [-h|-P|-H] [now|+MINUTES]; shutdown -c; poweroff; halt
minutes=1
case "$(basename "$0")" in poweroff|halt) minutes=0 ;; esac
for word in "$@"; do
  case "$word" in
    -c) kill "$(cat /run/shutdown.pid)"; exit ;;
    now|+0|0) minutes=0 ;;
    +*) minutes="${word#+}" ;;
    -r|--reboot) echo "$0: a host of the box cannot be started again" >&2; exit 1 ;;
  esac
done
(sleep "$((minutes * 60))"; exec kill -TERM 1) </dev/null >/dev/null 2>&1 &
echo $! >/run/shutdown.pid
"""
SUDO = """#!/bin/bash
# Who is here is root already.
while [[ "${1-}" == -* ]]; do
  case "$1" in
    --) shift; break ;;
    -u|-g|-p|-C|-h) shift 2 ;;
    *) shift ;;
  esac
done
exec env "$@"
"""


def write_files(place: Path, address: str, authorized: str, variables: Mapping[str, str]) -> None:
    """Write what is different on a host, as a tree to be laid over its disk.

    `authorized` is a public key, `variables` what every SSH session has in its environment.
    """
    hostname = "ip-" + address.replace(".", "-")
    settings = "".join(f' "{name}={value}"' for name, value in variables.items())
    files = {
        "etc/hostname": f"{hostname}\n",
        "etc/hosts": f"127.0.0.1 localhost\n{address} {hostname}\n",
        "etc/resolv.conf": "# There is no DNS here.\n",
        "etc/passwd": _passwd(),
        "etc/ssh/sshd_config": SSHD + (f"SetEnv{settings}\n" if settings else ""),
        "root/.bashrc": f'export PATH="{PATH}" RAY_USAGE_STATS_ENABLED=0\n',
        "root/.ssh/authorized_keys": f"{authorized.strip()}\n",
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    programs = {"usr/sbin/shutdown": SHUTDOWN, "usr/bin/sudo": SUDO}
    for name, text in programs.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
        (place / name).chmod(0o755)
    for name in ("poweroff", "halt"):
        (place / "usr/sbin" / name).symlink_to("shutdown")
    (place / "root/.ssh").chmod(0o700)
    (place / "root").chmod(0o700)


def _passwd() -> str:
    others = [
        line
        for line in Path("/etc/passwd").read_text().splitlines()
        if line.split(":")[0] not in USERS
    ]
    own = [f"{name}:x:0:0::{home}:/bin/bash" for name, home in USERS.items()]
    return "\n".join([*own, *others]) + "\n"


def visible(extra: Path) -> list[str]:
    """Return the directories that a host needs and does not see through its root."""
    places: list[str] = []
    for path in sorted({os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, ROOT, extra)}):
        hidden = path.startswith(tuple(f"{each}/" for each in PRIVATE))
        elsewhere = os.path.exists(path) and os.stat(path).st_dev != os.stat("/").st_dev
        below = any(path.startswith(f"{place}/") for place in places)
        if (hidden or elsewhere) and not below:
            places.append(path)
    return places


def boot_script(place: Path, see: list[str]) -> str:
    """Return what a host's first process does, in namespaces of its own, before it becomes sshd.

    `place` has the tree of `write_files` as `files`; the disk is made beside it, in memory.
    """
    disk = f"{place}/disk"
    lines = [
        "set -e",
        f"mkdir {disk}",
        f"mount -t tmpfs -o mode=755 awsbox {disk}",
        "layer() {",  # layer NAME LOWER TARGET: what is written goes to the disk in memory
        f'  mkdir -p "{disk}/$1/upper" "{disk}/$1/work" "$3"',
        f'  mount -t overlay -o "lowerdir=$2,upperdir={disk}/$1/upper,workdir={disk}/$1/work" '
        'awsbox "$3"',
        "}",
        f"layer root / {disk}/all",
        f"cd {disk}/all",
        # Programs that change these, by a link to /run say, would change this machine's own.
        "rm -f etc/resolv.conf etc/hosts etc/hostname",
    ]
    for path in PRIVATE:
        lines += [f"mkdir -p {disk}/private{path}", f"mount --bind {disk}/private{path} .{path}"]
    lines += [f"cp -r --preserve=mode,links {place}/files/. .", "chmod 1777 tmp"]
    for number, path in enumerate(see):
        lines.append(f"layer see{number} {shlex.quote(path)} {shlex.quote('.' + path)}")
    for home in USERS.values():
        if home != "/root":
            lines += [f"mkdir -p .{home}", f"mount --bind root .{home}"]
    lines += [
        "mkdir -p run/sshd .old",
        "mount -t proc proc proc",
        "mount --rbind /sys sys",
        "mount --rbind /dev dev",
        "mount -t tmpfs -o mode=1777 shm dev/shm",
        "hostname -F etc/hostname",
        "pivot_root . .old",
        "cd /",
        "umount -l /.old",
        "rmdir /.old",
        f"exec {shutil.which('sshd')} -D -e -f /etc/ssh/sshd_config",
    ]
    return "\n".join(lines)
