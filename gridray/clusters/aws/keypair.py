"""The SSH key of a cluster: made on this machine, and only its public half leaves it."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import Mark, mark_of, specification
from gridray.errors import CloudError, ClusterError


@dataclass(frozen=True)
class KeyPair:
    """A key pair as EC2 has it: the public half, and whose it is."""

    public: str
    mark: Mark | None


def ensure(path: Path) -> str:
    """Return the public half of the key in a file; it is made if it is not there.

    Raises:
        ClusterError: there is no `ssh-keygen`, or it fails.
    """
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as partial:
            new = Path(partial) / "key"
            _keygen("-q", "-t", "ed25519", "-N", "", "-C", f"gridray {path.parent.name}", "-f", new)
            os.replace(new, path)
    return _keygen("-y", "-f", path).strip()


def upload(account: Account, name: str, public: str, mark: Mark) -> None:
    """Give EC2 the public half; one that it has of this cluster, to a key that is lost, goes.

    Raises:
        CloudError: AWS refuses, or the name is taken.
    """
    known = look(account, name)
    if known is not None and known.mark == mark:
        if known.public.split()[:2] == public.split()[:2]:
            return
        delete(account, name, mark)
    with asking(f"to import the key pair {name}"):
        account.client("ec2").import_key_pair(
            KeyName=name,
            PublicKeyMaterial=public.encode(),
            TagSpecifications=specification("key-pair", mark),
        )


def look(account: Account, name: str) -> KeyPair | None:
    """Return the key pair of a name; None: there is none.

    Raises:
        CloudError: AWS cannot be asked.
    """
    try:
        with asking(f"for the key pair {name}"):
            found = account.client("ec2").describe_key_pairs(
                KeyNames=[name], IncludePublicKey=True
            )["KeyPairs"]
    except CloudError as error:
        if error.code == "InvalidKeyPair.NotFound":
            return None
        raise
    return KeyPair(found[0].get("PublicKey", ""), mark_of(found[0].get("Tags"))) if found else None


def delete(account: Account, name: str, mark: Mark) -> bool:
    """Delete the cluster's key pair; return whether there was one.

    Raises:
        CloudError: AWS refuses.
    """
    found = look(account, name)
    if found is None or found.mark != mark:
        return False
    with asking(f"to delete the key pair {name}"):
        account.client("ec2").delete_key_pair(KeyName=name)
    return True


def _keygen(*arguments: str | Path) -> str:
    try:
        answer = subprocess.run(
            ["ssh-keygen", *map(str, arguments)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise ClusterError(
            "this machine has no ssh-keygen", hint="install the OpenSSH client"
        ) from error
    if answer.returncode != 0:
        raise ClusterError(f"ssh-keygen failed: {answer.stderr.strip()}")
    return answer.stdout
