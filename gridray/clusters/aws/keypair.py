"""The SSH key of a cluster: made on this machine, and only its public half leaves it."""

import os
import subprocess
import tempfile
from pathlib import Path

from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import specification
from gridray.errors import CloudError, ClusterError, ExistsError


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


def upload(account: Account, name: str, public: str, cluster: str) -> None:
    """Give EC2 the public half.

    Raises:
        ExistsError: EC2 has another one of this name, so the cluster is another machine's.
        CloudError: AWS refuses.
    """
    known = public_key(account, name)
    if known is None:
        with asking(f"to import the key pair {name}"):
            account.client("ec2").import_key_pair(
                KeyName=name,
                PublicKeyMaterial=public.encode(),
                TagSpecifications=specification("key-pair", cluster),
            )
    elif known.split()[:2] != public.split()[:2]:
        raise ExistsError(
            f"{account.region} has a key pair {name!r} already, and it is not this machine's: "
            f"a cluster {cluster!r} was made from another one",
            hint="take another name, or delete that cluster where it was made",
        )


def public_key(account: Account, name: str) -> str | None:
    """Return the public half that EC2 has; None: there is no such key pair.

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
    return str(found[0].get("PublicKey", "")) if found else None


def delete(account: Account, name: str) -> bool:
    """Delete a key pair; return whether there was one.

    Raises:
        CloudError: AWS refuses.
    """
    if public_key(account, name) is None:
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
