"""A cluster's file on this machine: Gridray's, until its user has edited it."""

import re
from pathlib import Path

from gridray.clusters.aws import made

CLUSTER_FILE = "cluster.yaml"
# What Gridray has written last.
WRITTEN = ".cluster.yaml.written"
GROUP = re.compile(r"\bsg-[0-9a-z]+\b")


def write(directory: Path, text: str, group: str, *, is_up: bool) -> None:
    """Write the file; one that was edited, or that a cluster runs with, keeps all but the group.

    Args:
        text: what the file is without edits.
        group: the id of the cluster's security group, which changes where it is made anew.
        is_up: whether the cluster has a head, which runs with the file.
    """
    file, written = directory / CLUSTER_FILE, directory / WRITTEN
    before = _read(written)
    now = _read(file)
    if now is None or now == text or (now == before and not is_up):
        made.write_private(file, text.encode())
        made.write_private(written, text.encode())
        return
    if before is not None:
        old = frozenset(GROUP.findall(before))
        made.write_private(file, _regrouped(now, old, group).encode())
        made.write_private(written, _regrouped(before, old, group).encode())


def _regrouped(text: str, old: frozenset[str], group: str) -> str:
    return GROUP.sub(lambda found: group if found[0] in old else found[0], text)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
