"""How datastores are named: by whom creates them, and by whom uses them in a run."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from gridray import layout
from gridray.errors import UsageError

ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
MOUNTS = "/datastores"
VARIABLE = "GRIDRAY_DATASTORE_"


def default_name(source: str) -> str:
    """Return the name of a datastore that the user gives none.

    It is the last part of the source, an archive's without its ending, in lower case, with a '-'
    in place of all that is neither letter nor digit.

    Raises:
        UsageError: nothing is left of it.
    """
    if "://" in source:
        parts = urlsplit(source)
        last = parts.path.rstrip("/").rpartition("/")[2] or parts.hostname or ""
    else:
        last = Path(source).expanduser().resolve().name
    if source.startswith(("http://", "https://")):
        last = without_ending(last)
    name = re.sub(r"[^a-z0-9]+", "-", last.lower())[: layout.RUN_NAME_LIMIT].strip("-")
    if not name:
        raise UsageError(f"{last!r} makes no name for a datastore", hint="choose one with --name")
    return name


def without_ending(name: str) -> str:
    """Return an archive's name without `.zip`, `.tar.gz` or the like."""
    endings = [each for each in ARCHIVES if name.lower().endswith(each)]
    return name[: -len(max(endings, key=len))] if endings else name


def default_mount_dir(name: str) -> str:
    return f"{MOUNTS}/{name}"


def check_mount_dir(path: str) -> str:
    """Return the directory that a datastore is to be found in, without what means nothing in it.

    Raises:
        ValueError: it is not absolute, or no directory of its own.
    """
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise ValueError("it has to be an absolute path without '..', as /data/cats")
    plain = "/" + "/".join(part for part in path.split("/") if part not in ("", "."))
    if plain == "/":
        raise ValueError("it has to be a directory of its own, as /data/cats")
    return plain


def check_apart(mounts: Sequence[tuple[str, str | None]]) -> None:
    """Check that the datastores of a run, each with its directory, are not in each other's way.

    Raises:
        ValueError: they are.
    """
    places: dict[str, str] = {}
    for name, mount_dir in mounts:
        if name in places.values():
            raise ValueError(f"the datastore {name!r} is there twice")
        places[mount_dir or default_mount_dir(name)] = name
    if len(places) < len(mounts):
        raise ValueError("two datastores cannot be in one directory")
    for place, name in places.items():
        for other in places:
            if other.startswith(f"{place}/"):
                raise ValueError(f"{other} lies in {place}, which is where {name!r} is")


def variable(name: str) -> str:
    """Return the environment variable in which a script finds where a datastore is."""
    return VARIABLE + name.upper().replace("-", "_")


def parse_reference(text: str) -> tuple[str, int | None]:
    """Take `NAME[:VERSION]` apart.

    Raises:
        UsageError: it is nothing of the kind.
    """
    name, colon, number = text.partition(":")
    layout.check_datastore_name(name)
    return name, parse_version(number) if colon else None


def parse_version(text: str) -> int:
    """Return a version's number, as `3`.

    Raises:
        UsageError: it is none.
    """
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise UsageError(
            f"{text!r} is no version of a datastore", hint="versions are numbers, from 1"
        )
    return int(text)


def parse_mounts(
    names: Sequence[str], version: int | None, mount_dir: str | None
) -> list[dict[str, object]]:
    """Return the fields of a `DatastoreMount` for each datastore that a run is given.

    Args:
        names: what `--datastore_name` says, each as `NAME` or `NAME:VERSION`.
        version, mount_dir: what the other two options say, which belong to a single name.

    Raises:
        UsageError: they contradict each other, or are malformed.
    """
    asked = {"--datastore_version": version, "--datastore_mount_dir": mount_dir}
    given = [option for option, value in asked.items() if value is not None]
    if given and len(names) != 1:
        raise UsageError(
            f"{given[0]} goes with one --datastore_name, and there are {len(names) or 'none'}",
            hint="name the versions as --datastore_name NAME:VERSION",
        )
    found: list[dict[str, object]] = []
    for text in names:
        name, number = parse_reference(text)
        if version is not None and number not in (None, version):
            raise UsageError(
                f"--datastore_name {text} and --datastore_version {version} contradict each other",
                hint="leave one of the two versions out",
            )
        found.append({"name": name, "version": number or version, "mount_dir": mount_dir})
    _check_options(list(map(parse_reference, names)), mount_dir)
    return found


def _check_options(mounts: Sequence[tuple[str, int | None]], mount_dir: str | None) -> None:
    """Check what the spec checks too, but by the names that the options have."""
    option = "--datastore_name"
    try:
        check_apart([(name, None) for name, _ in mounts])
        if mount_dir is not None:
            option = f"--datastore_mount_dir {mount_dir!r}"
            check_mount_dir(mount_dir)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
