"""The names of everything in the store. No other module knows them."""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gridray.errors import UsageError

RUN_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
RUN_NAME_LIMIT = 63
EXPERIMENT_NAME = re.compile(rf"(?P<run>{RUN_NAME.pattern})-exp(?P<index>0|[1-9][0-9]*)")

# A name of 255 bytes is the limit of most file systems; a store writes `name#1` beside it first.
SEGMENT_LIMIT = 240
# S3 allows keys of 1,024 bytes, and the user's prefix and our own names need room too.
PATH_LIMIT = 700

VERSION = "store.json"
RUNS = "runs/"
ACTIVE = "active/"
DATASTORES = "datastores/"
CLUSTERS = "clusters/"


@dataclass(frozen=True)
class ExperimentName:
    """The name of an experiment, taken apart."""

    run: str
    index: int

    def __str__(self) -> str:
        return f"{self.run}-exp{self.index}"


@dataclass(frozen=True)
class AttemptName:
    """The name of an attempt, which is also the submission id of its Ray job."""

    run: str
    index: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.run}-exp{self.index}-a{self.attempt}"


def check_run_name(name: str) -> str:
    """Return `name`.

    Raises:
        UsageError: it is no name for a run.
    """
    rule = "lower-case letters, digits and '-', beginning and ending with a letter or digit"
    if not RUN_NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a run", hint=f"a name is made of {rule}")
    if len(name) > RUN_NAME_LIMIT:
        raise UsageError(
            f"the name {name!r} has {len(name)} characters; {RUN_NAME_LIMIT} are allowed"
        )
    if EXPERIMENT_NAME.fullmatch(name):
        raise UsageError(
            f"the name {name!r} is no name for a run: it would be taken for an experiment's",
            hint="leave out the ending '-exp<number>'",
        )
    return name


def parse_name(name: str) -> tuple[str, int | None]:
    """Take a run's or an experiment's name apart.

    Returns:
        The run's name and the experiment's number; None for a run.

    Raises:
        UsageError: it is neither.
    """
    if match := EXPERIMENT_NAME.fullmatch(name):
        return match["run"], int(match["index"])
    return check_run_name(name), None


def run_prefix(run: str) -> str:
    return f"{RUNS}{run}/"


def run_record(run: str) -> str:
    return f"{RUNS}{run}/run.json"


def wave(run: str, number: int) -> str:
    return f"{RUNS}{run}/waves/{number}.json"


def changes(run: str) -> str:
    return f"{RUNS}{run}/changes.diff"


def status(run: str) -> str:
    return f"{RUNS}{run}/status.json"


def run_metrics(run: str) -> str:
    return f"{RUNS}{run}/metrics.json"


def requests(run: str) -> str:
    return f"{RUNS}{run}/requests/"


def request(run: str, time_ms: int, identity: str) -> str:
    return f"{requests(run)}{time_ms:015d}-{identity}.json"


def last_part(key: str) -> str:
    """Return the name of an object below its prefix."""
    return key.rsplit("/", 1)[1]


def deletions(run: str) -> str:
    return f"{RUNS}{run}/deleted/"


def deletion(run: str, index: int) -> str:
    return f"{RUNS}{run}/deleted/{index}"


def experiment_prefix(run: str, index: int) -> str:
    return f"{RUNS}{run}/experiments/{index}/"


def attempt_prefix(name: AttemptName) -> str:
    return f"{experiment_prefix(name.run, name.index)}attempts/{name.attempt}/"


def attempt_state(name: AttemptName) -> str:
    return f"{attempt_prefix(name)}state.json"


def attempt_stop(name: AttemptName) -> str:
    return f"{attempt_prefix(name)}stop.json"


def attempt_ending(name: AttemptName) -> str:
    """Return the key of what the controller knows of an attempt that has had no last word."""
    return f"{attempt_prefix(name)}ending.json"


def artifact_index(name: AttemptName) -> str:
    return f"{attempt_prefix(name)}artifacts.json"


def artifacts(name: AttemptName) -> str:
    return f"{attempt_prefix(name)}artifacts/"


def artifact(name: AttemptName, path: str) -> str:
    """Return the key of the file `path` (relative, with `/`, surrogate escapes allowed)."""
    return f"{artifacts(name)}{encode_path(path)}"


def log(name: AttemptName, stream: str) -> str:
    return f"{attempt_prefix(name)}{stream}/"


def log_chunk(name: AttemptName, stream: str, offset: int) -> str:
    """Return the key of the chunk that begins `offset` bytes into the stored log."""
    return f"{log(name, stream)}{offset:015d}.log"


def log_chunk_offset(key: str) -> int:
    return int(last_part(key).removesuffix(".log"))


def attempt_summary(name: AttemptName) -> str:
    """Return the key of what an attempt's metrics come to."""
    return f"{attempt_prefix(name)}summary.json"


def metrics(name: AttemptName) -> str:
    return f"{attempt_prefix(name)}metrics/"


def metric_chunk(name: AttemptName, number: int) -> str:
    """Return the key of a chunk of points; later chunks sort behind earlier ones."""
    return f"{metrics(name)}{number:09d}.json"


def active(cluster_key: str) -> str:
    return f"{ACTIVE}{cluster_key}/"


def active_run(cluster_key: str, run: str, identity: str, nonce: str = "") -> str:
    """Return the key of a run's marker. A name can be free again while its old marker is there.

    Args:
        nonce: of a marker that was made since more was asked of the run.
    """
    return f"{active(cluster_key)}{run}~{identity}" + (f"~{nonce}" if nonce else "")


def parse_marker(marker: str) -> tuple[str, str]:
    """Return the run and the identity that the last part of a marker's key names."""
    run, identity, *_ = marker.split("~")
    return run, identity


def marker_nonce(marker: str) -> str:
    """Return the nonce of a marker; empty for the first one of its run."""
    return "~".join(marker.split("~")[2:])


def marker_time(marker: str) -> float | None:
    """Return when more was asked of the run (Unix, s); None: the marker is the first of its run."""
    time_ms = marker_nonce(marker).split("-")[0]
    return int(time_ms) / 1000 if time_ms.isdecimal() else None


def nonce(time_ms: int, identity: str) -> str:
    """Return a nonce; later ones sort behind earlier ones."""
    return f"{time_ms:015d}-{identity}"


def sealed_secrets(run: str, identity: str) -> str:
    return f"{RUNS}{run}/secrets/{identity}/"


def sealed(run: str, identity: str, nonce: str = "") -> str:
    """Return the key of a run's secrets; they come and go with the marker of the same nonce."""
    return f"{sealed_secrets(run, identity)}{nonce or '0'}.bin"


def sealed_nonce(name: str) -> str:
    """Return the nonce that the last part of the key of sealed secrets names."""
    nonce = name.removesuffix(".bin")
    return "" if nonce == "0" else nonce


def source(digest: str) -> str:
    return f"sources/{digest}.zip"


def controller(cluster_key: str) -> str:
    return f"{CLUSTERS}{cluster_key}.json"


def cluster_keys(names: Iterable[str]) -> list[str]:
    """Return the clusters of which there is more than a heartbeat below `CLUSTERS`."""
    return [name.removesuffix("/") for name in names if not name.endswith(".json")]


def machines(cluster_key: str) -> str:
    """Return the key of what the machines of a cluster are and cost; the client writes it."""
    return f"{CLUSTERS}{cluster_key}/machines.json"


def prices(cluster_key: str) -> str:
    """Return the key of a cluster's spot prices; the controller writes it, and the next ones."""
    return f"{CLUSTERS}{cluster_key}/prices.json"


def node_ledgers(cluster_key: str) -> str:
    return f"{CLUSTERS}{cluster_key}/nodes/"


def node_ledger(cluster_key: str, month: str) -> str:
    """Return the key of the machines that came in a month, as `2026-11`."""
    return f"{node_ledgers(cluster_key)}{month}.json"


def check_datastore_name(name: str) -> str:
    """Return `name`.

    Raises:
        UsageError: it is no name for a datastore.
    """
    if not RUN_NAME.fullmatch(name) or len(name) > RUN_NAME_LIMIT:
        raise UsageError(
            f"{name!r} is no name for a datastore",
            hint=f"a name is made of at most {RUN_NAME_LIMIT} lower-case letters, digits and '-', "
            "beginning and ending with a letter or digit",
        )
    return name


def datastore_files(name: str) -> str:
    return f"{DATASTORES}{name}/files/"


def datastore_file(name: str, digest: str) -> str:
    """Return the key of the file whose content has this SHA-256, whatever its path."""
    return f"{datastore_files(name)}{digest}"


def datastore_manifests(name: str) -> str:
    return f"{DATASTORES}{name}/manifests/"


def datastore_manifest(name: str, digest: str) -> str:
    return f"{datastore_manifests(name)}{digest}.json"


def datastore_versions(name: str) -> str:
    return f"{DATASTORES}{name}/versions/"


def datastore_version(name: str, number: int) -> str:
    return f"{datastore_versions(name)}{number}.json"


def datastore_deletions(name: str) -> str:
    return f"{DATASTORES}{name}/deleted/"


def datastore_deletion(name: str, number: int) -> str:
    """Return the key that keeps a deleted version's number from being given again."""
    return f"{datastore_deletions(name)}{number}"


def datastore_sweep(name: str) -> str:
    """Return the key that is there while files are removed that no version refers to."""
    return f"{DATASTORES}{name}/deleting.json"


def encode_path(path: str) -> str:
    """Turn a file's path into a key that every store takes, one to one.

    Stores refuse control characters, take `#<digits>` at the end for their own temporary files and
    `c:` or `c|` there for a drive, and limit the length; such characters are percent-encoded, such
    lengths replaced by a hash.
    """
    encoded = "/".join(_encode_segment(segment) for segment in path.split("/"))
    if len(encoded.encode()) <= PATH_LIMIT:
        return encoded
    return f"%long/{hashlib.sha256(os.fsencode(path)).hexdigest()}"


def _encode_segment(segment: str) -> str:
    encoded = "".join(_encode_character(character) for character in segment)
    if encoded in (".", ".."):
        encoded = encoded.replace(".", "%2E")
    if encoded[-1:] in (":", "|"):
        encoded = f"{encoded[:-1]}%{ord(encoded[-1]):02X}"
    if len(encoded.encode()) <= SEGMENT_LIMIT:
        return encoded
    return f"%long-{hashlib.sha256(os.fsencode(segment)).hexdigest()}"


def _encode_character(character: str) -> str:
    plain = character.isprintable() and character not in "%#\\"
    return character if plain else "".join(f"%{byte:02X}" for byte in os.fsencode(character))
