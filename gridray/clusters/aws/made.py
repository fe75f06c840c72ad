"""What Gridray has made in AWS for a cluster, as this machine remembers it."""

import dataclasses
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from gridray.clusters.aws.tags import Mark
from gridray.errors import ConfigError, NotFoundError
from gridray.settings import CLUSTER_NAME

FILE = "made.json"
OWNER = "owner"


@dataclass(frozen=True)
class Made:
    """A cluster's things in AWS; each is written down before it is made.

    None is what has not been begun. `owner` is the identity of the home that it was made from: what
    carries another one in its tags is another machine's. `bucket` is a bucket that Gridray has made
    itself; `store` is the store's URL whoever has made its bucket. `head_address` and `host_key` (a
    line of `known_hosts`) are known once the head is up. `created_at` is a Unix time in seconds.
    """

    name: str
    region: str
    account: str
    created_at: float
    store: str
    owner: str
    profile: str | None = None
    vpc: str | None = None
    security_group: str | None = None
    key_pair: str | None = None
    head_role: str | None = None
    worker_role: str | None = None
    bucket: str | None = None
    user_ssh: str = "ubuntu"
    is_private: bool = False
    head_address: str | None = None
    host_key: str | None = None

    @property
    def mark(self) -> Mark:
        return Mark(self.name, self.owner)

    @classmethod
    def load(cls, home: Path, name: str) -> "Made":
        """Read what was made for a cluster.

        Raises:
            NotFoundError: Gridray has made none of this name.
            ConfigError: the file cannot be understood.
        """
        path = directory(home, name) / FILE
        try:
            read = json.loads(path.read_bytes())
            fields = {field.name for field in dataclasses.fields(cls)}
            return cls(**{key: value for key, value in read.items() if key in fields})
        except FileNotFoundError as error:
            known = names(home)
            raise NotFoundError(
                f"Gridray has made no cluster {name!r} in AWS",
                hint=f"it has made: {', '.join(known)}"
                if known
                else "`gridray clusters aws` makes one",
            ) from error
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error

    def save(self, home: Path) -> None:
        """Write it down, for this user's eyes only."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        write_private(private(directory(home, self.name)) / FILE, text.encode())


def mark_of(home: Path, name: str) -> Mark:
    """Return the mark of a cluster that was made from a home, or is to be.

    Raises:
        ConfigError: what was made cannot be understood.
    """
    if name in names(home):
        return Made.load(home, name).mark
    try:
        return Mark(name, (home / "clusters" / OWNER).read_text("utf-8").strip())
    except FileNotFoundError:
        return Mark(name, secrets.token_hex(8))


def keep_owner(home: Path, owner: str) -> None:
    """Let a home have an identity, unless it has one; what it makes again is its own then."""
    path = home / "clusters" / OWNER
    if not path.exists():
        write_private(private(path.parent) / OWNER, owner.encode())


def directory(home: Path, name: str) -> Path:
    """Return where a cluster's files are; it need not exist."""
    return home / "clusters" / name


def names(home: Path) -> list[str]:
    """Return the names of all clusters that Gridray has made, or begun to make, in AWS."""
    found = (path.parent.name for path in (home / "clusters").glob(f"*/{FILE}"))
    return sorted(name for name in found if CLUSTER_NAME.fullmatch(name))


def private(path: Path) -> Path:
    """Make a directory that only this user can look into."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, content: bytes) -> None:
    """Write a file at once or not at all; only this user can read it."""
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
