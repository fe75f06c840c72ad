"""The SSH host key of a cluster's head: learnt once, when it is made, and checked ever after."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from gridray.clusters.aws.session import Account, asking
from gridray.errors import CloudError, ClusterError

SCAN_SECONDS = 10
# cloud-init prints the keys between these. Source: cloudinit/config/cc_keys_to_console.py
BEGIN = "-----BEGIN SSH HOST KEY KEYS-----"
END = "-----END SSH HOST KEY KEYS-----"
# AWS shows what an instance prints late: it has long started when it is asked for.
CONSOLE_SECONDS = 30.0
CONSOLE_INTERVAL = 5.0


@dataclass(frozen=True)
class Learnt:
    """A head's keys, each as `ssh-ed25519 AAAA…`, and whether AWS has told the same ones."""

    keys: tuple[str, ...]
    is_confirmed: bool


def learn(account: Account, instance: str, host: str, port: int = 22) -> Learnt:
    """Ask a head for its host keys, and AWS for what it has printed of them.

    Args:
        instance: the id of its instance.

    Raises:
        ClusterError: it does not answer, or its key is not what AWS says.
    """
    found = scan(host, port)
    printed = _patient_console(account, instance)
    if printed is None:
        return Learnt(found, is_confirmed=False)
    confirmed = tuple(key for key in found if key in printed)
    if not confirmed:
        raise ClusterError(
            f"the machine at {host} shows an SSH host key that {instance} does not have: something "
            "stands between this machine and the head",
            hint="what was sent there, the cluster's token too, may have been read: "
            "`gridray delete cluster` ends the cluster; make it anew from another network",
        )
    return Learnt(confirmed, is_confirmed=True)


def scan(host: str, port: int = 22) -> tuple[str, ...]:
    """Return the host keys that a machine shows.

    Raises:
        ClusterError: it shows none.
    """
    command = ["ssh-keyscan", "-T", str(SCAN_SECONDS), "-p", str(port), host]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except FileNotFoundError as error:
        raise ClusterError(
            "there is no program `ssh-keyscan` on this machine",
            hint="install OpenSSH's client, as openssh-client",
        ) from error
    lines = [line.split() for line in answer.stdout.splitlines() if not line.startswith("#")]
    keys = sorted(" ".join(words[1:3]) for words in lines if len(words) >= 3)
    if not keys:
        raise ClusterError(
            f"{host} shows no SSH host key",
            hint="check that its security group lets this machine's address in",
        )
    return tuple(keys)


def printed_keys(text: str) -> set[str] | None:
    """Return the host keys in what an instance has printed; None: it has not printed them (yet)."""
    _, begun, rest = text.rpartition(BEGIN)
    inside, ended, _ = rest.partition(END)
    if not begun or not ended:
        return None
    lines = (line.split() for line in inside.splitlines())
    return {" ".join(words[:2]) for words in lines if len(words) >= 2}


def _patient_console(account: Account, instance: str) -> set[str] | None:
    deadline = time.monotonic() + CONSOLE_SECONDS
    while True:
        found = printed_keys(_console(account, instance))
        if found is not None or time.monotonic() + CONSOLE_INTERVAL > deadline:
            return found
        time.sleep(CONSOLE_INTERVAL)


def _console(account: Account, instance: str) -> str:
    """Return what an instance has printed; "" where AWS does not tell."""
    try:
        with asking("for the console of the head"):
            answer = account.client("ec2").get_console_output(InstanceId=instance, Latest=True)
    except CloudError:
        return ""
    return str(answer.get("Output") or "")


def remember(path: Path, cluster: str, keys: tuple[str, ...], instance: str) -> None:
    """Write the keys into a file as ssh reads it, under the cluster's name."""
    partial = path.with_name(path.name + ".new")
    lines = [f"# {instance}", *(f"{cluster} {key}" for key in keys)]
    partial.write_text("\n".join(lines) + "\n", "utf-8")
    os.replace(partial, path)


def whose(path: Path) -> str | None:
    """Return the id of the instance whose keys a file holds."""
    try:
        first = path.read_text("utf-8").partition("\n")[0]
    except OSError:
        return None
    return first.removeprefix("# ")
