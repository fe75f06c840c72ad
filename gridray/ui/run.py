"""The page of one run: its experiments as a table, as curves, as plots, and what failed."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from gridray import layout, wording
from gridray.errors import UsageError
from gridray.readers import metrics, runs
from gridray.readers.runs import RunSummary, RunView
from gridray.ui import runtable
from gridray.ui.address import parameter
from gridray.ui.changing import Buttons
from gridray.ui.curvespanel import CurvesPanel
from gridray.ui.facts import Facts, StateMark, title, way_back
from gridray.ui.failurespanel import FailuresPanel
from gridray.ui.frame import frame
from gridray.ui.plotspanel import PlotsPanel
from gridray.ui.runtable import Names, Summaries
from gridray.ui.site import Site
from gridray.ui.statechips import StateChips
from gridray.ui.table import Table
from gridray.ui.tabs import Tabs
from gridray.ui.telling import sentence
from gridray.ui.watch import Rest, Watch, is_settled

TABS = (
    ("table", "Experiments"),
    ("curves", "Curves"),
    ("plots", "Plots"),
    ("failures", "Failures"),
)
FACTS = ("Experiments", "Started", "Duration", "Cost", "Cluster", "Each has", "Commit")
TO_COMPARE = 10


@dataclass(frozen=True)
class Found:
    """What the page shows."""

    view: RunView
    summaries: Summaries
    names: Names
    rows: list[dict[str, Any]]


def register(site: Site) -> None:
    @ui.page("/runs/{name}")
    def page(name: str) -> None:
        with frame(site, name, "/"):
            try:
                layout.check_run_name(name)
            except UsageError as error:
                ui.label(sentence(error.message)).classes("banner")
                return
            _Run(site, name)


class _Run:
    def __init__(self, site: Site, name: str) -> None:
        self._site = site
        self._name = name
        self._found: Found | None = None
        way_back(("Runs", "/"))
        with ui.element("div").classes("head"):
            title(name)
            with ui.element("div").classes("place") as state:
                self._state = StateMark()
            ui.element("div").classes("grow")
            with ui.element("div") as buttons:
                self._buttons = Buttons(site.store, name, None, lambda: self._watch.hurry())
        head = (state, buttons)
        self._command = ui.label().classes("command")
        self._facts = Facts(FACTS)
        watch_place = ui.element("div").classes("place")
        with ui.element("div").classes("stack") as content:
            self._draw_tabs()
        with watch_place:
            rest = Rest(_is_over, lambda: runs.fingerprint(site.store, name))
            self._watch = Watch(self._read, self._show, rest=rest, lost=self._buttons.disable)
        self._watch.hide_until_seen(content, *head)

    def _draw_tabs(self) -> None:
        self._tabs = Tabs(TABS, lambda tab: self._show_tab())
        with self._tabs.panel("table"):
            self._draw_table()
        with self._tabs.panel("curves"):
            self._curves = CurvesPanel(self._site.store)
        with self._tabs.panel("plots"):
            self._plots = PlotsPanel()
        with self._tabs.panel("failures"):
            self._failures = FailuresPanel(self._site.store)

    def _draw_table(self) -> None:
        with ui.element("div").classes("tools"):
            search = ui.input(placeholder="Search experiments", value=parameter("search"))
            search.classes("search").props('clearable data-search aria-label="Search experiments"')
            self._chips = StateChips(lambda state: self._table.only("state", state))
            ui.element("div").classes("grow")
            ui.element("span").classes("shown").props("data-shown")
            ui.button("Compare curves", on_click=self._compare).classes("act").props(
                'title="Of the chosen experiments, or of the first ten in the table"'
            )
            with ui.button("Columns").classes("act"), ui.menu().props("auto-close=false"):
                self._chooser = ui.column().classes("chooser")
        self._table = Table("All experiments of this run have been deleted.", selects=True)
        self._table.style("--above: 380px")
        search.on_value_change(lambda event: self._table.search(event.value or ""))

    def _read(self) -> Found:
        view = runs.run_view(self._site.store, self._name, time.time())
        summaries = metrics.summaries(self._site.store, self._name)
        names = runtable.names(view, summaries)
        return Found(view, summaries, names, runtable.rows(view, summaries, names))

    def _show(self, found: Found) -> None:
        before, self._found = self._found, found
        summary = found.view.summary
        self._state.show(summary.state.value)
        self._command.text = wording.command_line(summary.command)
        self._show_facts(found.view)
        can_retry = bool(summary.failed + summary.cancelled + summary.held)
        self._buttons.show(is_over=summary.state.is_terminal, can_retry=can_retry)
        self._chips.show(Counter(each.state for each in found.view.experiments))
        self._tabs.count("failures", "Failures", summary.failed)
        if before is None or before.names != found.names:
            self._columns = runtable.columns(found.names)
            self._choose_columns()
        self._table.show(self._columns, found.rows)
        self._show_tab()

    def _show_tab(self) -> None:
        """Bring the tab that is seen up to date; the others are when they are opened."""
        found = self._found
        if found is None:
            return
        if self._tabs.active == "curves":
            self._curves.show(found.view, found.names)
        elif self._tabs.active == "plots":
            self._plots.show(found.view, found.summaries, found.names)
        elif self._tabs.active == "failures":
            self._failures.show(found.view)

    def _show_facts(self, view: RunView) -> None:
        summary, wanted = view.summary, view.record.resources
        commit = (
            wording.commit(summary.commit, summary.branch, summary.is_dirty)
            if summary.commit
            else None
        )
        self._facts.show(
            Experiments=_counts(summary),
            Started=wording.moment(summary.created_at),
            Duration=wording.duration(summary.duration_seconds),
            Cost=None if summary.cost is None else wording.money(summary.cost),
            Cluster=summary.cluster,
            Each_has=wording.resources(wanted.cpus, wanted.gpus, wanted.memory),
            Commit=commit,
        )

    def _choose_columns(self) -> None:
        self._chooser.clear()
        with self._chooser:
            for column in self._columns[1:]:
                box = ui.checkbox(column.title, value=not column.hide)
                box.props("dense").on_value_change(
                    lambda event, id=column.id: self._table.set_shown(id, is_shown=event.value)
                )

    async def _compare(self) -> None:
        """Draw the curves of the experiments that are chosen, or of the first in the table."""
        chosen = await ui.run_javascript(f"gridray.chosen({self._table.id})")
        if not chosen:
            chosen = await ui.run_javascript(f"gridray.first({self._table.id}, {TO_COMPARE})")
        self._curves.choose([int(index) for index in chosen])
        self._tabs.open("curves")


def _is_over(found: Found) -> bool:
    return is_settled(found.view.summary.state, found.view.summary.ended_at)


def _counts(summary: RunSummary) -> str:
    over = summary.succeeded + summary.failed + summary.cancelled
    return (
        f"{summary.experiments:,}"
        if summary.state.is_terminal
        else f"{over:,} of {summary.experiments:,} over"
    )
