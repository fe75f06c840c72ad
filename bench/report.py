"""Where the results go: one JSON file, and the table in a page, between two markers."""

import json
import os
import platform
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.frame import GROUPS, Row
from bench.peers import Peers

BEGIN = "<!-- bench: begin -->"
END = "<!-- bench: end -->"
PACKAGES = ("boto3", "gridray", "obstore", "ray")
HEADER = (
    "| what | Gridray | against | | ratio | goal | met |",
    "| --- | ---: | --- | ---: | ---: | ---: | --- |",
)


def machine() -> str:
    """Return in a line what this is measured on, and how busy it was with other things before."""
    model = re.search(r"model name\s*: (.*)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    return ", ".join(
        [
            model[1] if model else platform.processor() or platform.machine(),
            f"{os.cpu_count()} cores",
            *([f"{int(memory[1]) / 1e6:.0f} GB"] if memory else []),
            f"{platform.system()} {platform.release()}",
            f"load before {os.getloadavg()[0]:.1f}",
        ]
    )


def write(path: Path, group: str, rows: Sequence[Row], where: str) -> None:
    """Put the rows of a group in the place of those that a file has of it."""
    old = json.loads(path.read_text()) if path.exists() else {"rows": []}
    kept = [row for row in old["rows"] if row["group"] != group]
    now = _now()
    load = round(os.getloadavg()[0], 1)
    measured = [{"group": group, **row.to_json(), "date": now, "load": load} for row in rows]
    found = sorted([*kept, *measured], key=lambda row: GROUPS.index(row["group"]))
    result = {"machine": where, "date": now, "versions": _versions(), "rows": found}
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def write_table(page: Path, results: Path) -> None:
    """Put the table of a file of results between the markers of a page.

    Raises:
        ValueError: the page has no markers.
    """
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no {BEGIN} and {END}")
    lines = _table(json.loads(results.read_text()))
    page.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]))


def _table(found: dict[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    lines = [f"Measured {found['date']} on {found['machine']}; {versions}.", "", *HEADER]
    for row in found["rows"]:
        verdict = {True: "yes", False: "**no**", None: ""}[row["met"]]
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        peer = _amount(row["peer"], row["unit"])
        cells = [row["name"], _amount(row["ours"], row["unit"]), row["against"], peer, ratio]
        lines.append(f"| {' | '.join([*cells, row['goal'], verdict])} |")
    return lines


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f} {unit}"


def _versions() -> dict[str, str]:
    ours = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **ours, **Peers(may_install=False).versions()}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
