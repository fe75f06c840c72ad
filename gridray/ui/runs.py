"""The page of all runs."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from gridray import wording
from gridray.readers import runs
from gridray.readers.runs import RunSummary
from gridray.states import State
from gridray.ui.address import parameter
from gridray.ui.facts import title
from gridray.ui.frame import frame
from gridray.ui.site import Site
from gridray.ui.statechips import StateChips
from gridray.ui.table import Column, Table
from gridray.ui.watch import Watch

COLUMNS = (
    Column("name", "name", "Run", "run", 160, flex=2),
    Column("state", "state", "State", "state", 114),
    Column("progress", "progress", "Progress", "progress", 84, flex=1),
    Column("experiments", "experiments", "Experiments", "number", 140, wide=True),
    Column("started", "started", "Started", "moment", 160, wide=True, sort="desc"),
    Column("duration", "seconds", "Duration", "duration", 116, wide=True),
    Column("cost", "cost", "Cost", "money", 100, wide=True),
    Column("cluster", "cluster", "Cluster", "text", 120, wide=True),
    Column("command", "command", "Command", "mono", 200, flex=3, wide=True),
)


@dataclass(frozen=True)
class Overview:
    runs: list[RunSummary]
    damaged: list[str]


def register(site: Site) -> None:
    @ui.page("/")
    def page() -> None:
        with frame(site, "Runs", "/"):
            _Runs(site)


class _Runs:
    def __init__(self, site: Site) -> None:
        self._site = site
        with ui.element("div").classes("head"):
            title("Runs")
            ui.element("div").classes("grow")
            ui.button("Launch a run", on_click=lambda: ui.navigate.to("/launch")).classes("main")
        watch_place = ui.element("div").classes("place")
        with ui.element("div").classes("stack") as content:
            self._draw_table()
        with watch_place:
            Watch(self._read, self._show).hide_until_seen(content)

    def _draw_table(self) -> None:
        with ui.element("div").classes("tools"):
            search = ui.input(placeholder="Search runs", value=parameter("search"))
            search.classes("search").props('clearable data-search aria-label="Search runs"')
            self._chips = StateChips(lambda state: self._table.only("state", state))
            ui.element("div").classes("grow")
            ui.element("span").classes("shown").props("data-shown")
        self._table = Table("No run yet. Launch one here, or with `gridray run`.")
        self._table.style("--above: 250px")
        search.on_value_change(lambda event: self._table.search(event.value or ""))
        self._damaged = ui.label().classes("banner")
        self._damaged.set_visibility(False)

    def _read(self) -> Overview:
        damaged: list[str] = []
        found = runs.summaries(
            self._site.store, time.time(), lambda error: damaged.append(error.message)
        )
        return Overview(found, damaged)

    def _show(self, found: Overview) -> None:
        self._chips.show(Counter(each.state for each in found.runs))
        self._table.show(COLUMNS, [_row(each) for each in found.runs])
        self._damaged.text = "\n".join(found.damaged)
        self._damaged.set_visibility(bool(found.damaged))


def _row(run: RunSummary) -> dict[str, Any]:
    waiting = run.queued + run.pending
    return {
        "id": run.name,
        "name": run.name,
        "state": run.state.value,
        "progress": [run.succeeded, run.failed, run.cancelled, run.running, waiting],
        "experiments": run.experiments,
        "started": run.created_at.timestamp(),
        "seconds": round(run.duration_seconds, 0 if run.state is State.RUNNING else 1),
        "cost": run.cost,
        "cluster": run.cluster,
        "command": wording.command_line(run.command),
    }
