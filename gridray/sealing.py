"""Secrets on their way to the scripts: taken from the shell, sealed in the store, opened on a node.

The key comes from the token of the cluster, which its nodes have and the store has not.
"""

import json
import secrets
from collections.abc import Mapping

from gridray.errors import ClusterError, DamagedError, UsageError

MAGIC = b"gridray-sealed-1\n"
NONCE_SIZE = 12
KEY_SIZE = 32


def values(names: Mapping[str, str], shell: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each secret.

    Args:
        names: the secrets, each with the variable of the shell that holds its value.

    Raises:
        UsageError: some are not set, or empty; the message names them all.
    """
    lacking = sorted({holder for holder in names.values() if not shell.get(holder)})
    if lacking:
        one = f"{lacking[0]} is" if len(lacking) == 1 else f"{', '.join(lacking)} are"
        wanted = ", ".join(name for name, holder in names.items() if holder in lacking)
        raise UsageError(
            f"{one} not set in this shell, or empty, and would be the value of the secret {wanted}",
            hint=f"`export {lacking[0]}=…`, or name another variable with --secret NAME=VARIABLE",
        )
    return {name: shell[holder] for name, holder in names.items()}


def check_token(token: str | None) -> str:
    """Return the token.

    Raises:
        ClusterError: there is none.
    """
    if not token:
        raise ClusterError(
            "the cluster has no token, and secrets are encrypted with one: without it, they would "
            "lie open in the store",
            hint="start it with RAY_AUTH_MODE=token, and set RAY_AUTH_TOKEN here too; or use --env",
        )
    return token


def seal(plain: Mapping[str, str], token: str | None, run: str, identity: str) -> bytes:
    """Return the values as only who has the cluster's token can read them.

    Raises:
        ClusterError: the cluster has no token.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    token = check_token(token)
    nonce = secrets.token_bytes(NONCE_SIZE)
    data = json.dumps(dict(plain)).encode()
    return MAGIC + nonce + AESGCM(_key(token, identity)).encrypt(nonce, data, _bound(run, identity))


def unseal(sealed: bytes, token: str | None, run: str, identity: str) -> dict[str, str]:
    """Return the values.

    Raises:
        ClusterError: this node has no token, or another than who has sealed them.
        DamagedError: these are no sealed values.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not token:
        raise ClusterError(
            "this node has no token to read the secrets with",
            hint="start every node with RAY_AUTH_MODE=token and RAY_AUTH_TOKEN",
        )
    if not sealed.startswith(MAGIC):
        raise DamagedError("the secrets in the store are damaged, or of another Gridray")
    nonce, data = sealed[len(MAGIC) :][:NONCE_SIZE], sealed[len(MAGIC) + NONCE_SIZE :]
    try:
        plain = AESGCM(_key(token, identity)).decrypt(nonce, data, _bound(run, identity))
    except (InvalidTag, ValueError) as error:
        raise ClusterError(
            "the secrets cannot be read: they were sealed with another token than this node's, "
            "or have been changed since",
            hint="`gridray retry` seals them anew, with the token of today",
        ) from error
    found: dict[str, str] = json.loads(plain)
    return found


def _key(token: str, identity: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    kdf = HKDF(SHA256(), KEY_SIZE, salt=identity.encode(), info=b"gridray: secrets of a run")
    return kdf.derive(token.strip().encode())


def _bound(run: str, identity: str) -> bytes:
    """Return what the values are bound to: they are of no use to a run of another name."""
    return f"{run}\0{identity}".encode()
