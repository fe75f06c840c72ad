"""The page of one experiment: why it is where it is, its logs, files, curves and attempts."""

import time
from dataclasses import dataclass

from nicegui import ui

from gridray import layout, stalls, wording
from gridray.because import Because, because
from gridray.errors import UsageError
from gridray.layout import ExperimentName
from gridray.nextsteps import next_steps
from gridray.readers import runs, why
from gridray.readers.failures import last_words
from gridray.readers.why import Why
from gridray.states import State
from gridray.ui.artifactspanel import ArtifactsPanel
from gridray.ui.attemptspanel import AttemptsPanel
from gridray.ui.changing import Buttons
from gridray.ui.facts import Facts, StateMark, title, way_back
from gridray.ui.frame import frame
from gridray.ui.logpanel import LogPanel
from gridray.ui.metricspanel import MetricsPanel
from gridray.ui.site import Site
from gridray.ui.tabs import Tabs
from gridray.ui.telling import sentence
from gridray.ui.watch import Rest, Watch, is_settled

TABS = (
    ("log", "Log"),
    ("build", "Build log"),
    ("files", "Files"),
    ("metrics", "Metrics"),
    ("attempts", "Attempts"),
)
FACTS = ("Run duration", "Queued", "Started", "Cost", "Peak memory", "Host", "Exit code", "Attempt")
STATE_WORDS = {State.FAILED: "It failed", State.CANCELLED: "It was cancelled"}


@dataclass(frozen=True)
class Found:
    """What the page shows. `steps` are commands that may help."""

    why: Why
    because: Because
    steps: tuple[str, ...]


def register(site: Site) -> None:
    @ui.page("/experiments/{name}")
    def page(name: str) -> None:
        with frame(site, name, "/"):
            try:
                run, index = layout.parse_name(name)
            except UsageError as error:
                ui.label(sentence(error.message)).classes("banner")
                return
            if index is None:
                ui.navigate.to(f"/runs/{run}")
                return
            _Experiment(site, ExperimentName(run, index))


class _Experiment:
    def __init__(self, site: Site, name: ExperimentName) -> None:
        self._site = site
        self._name = name
        self._found: Found | None = None
        way_back(("Runs", "/"), (name.run, f"/runs/{name.run}"))
        with ui.element("div").classes("head"):
            title(str(name))
            with ui.element("div").classes("place") as state:
                self._state = StateMark()
            ui.element("div").classes("grow")
            with ui.element("div") as buttons:
                self._buttons = Buttons(
                    site.store, name.run, name.index, lambda: self._watch.hurry()
                )
        head = (state, buttons)
        self._command = ui.label().classes("command")
        watch_place = ui.element("div").classes("place")
        with ui.element("div").classes("stack") as content:
            self._why = _WhyBox()
            self._facts = Facts(FACTS)
            self._tabs = Tabs(TABS, lambda tab: self._show_tab())
            self._draw_panels()
        with watch_place:
            rest = Rest(_is_over, lambda: runs.fingerprint(site.store, name.run))
            self._watch = Watch(self._read, self._show, rest=rest, lost=self._buttons.disable)
        self._watch.hide_until_seen(content, *head)

    def _draw_panels(self) -> None:
        store, name = self._site.store, self._name
        with self._tabs.panel("log"):
            self._log = LogPanel(store, name, "stdout")
        with self._tabs.panel("build"):
            self._build = LogPanel(store, name, "build")
        with self._tabs.panel("files"):
            self._files = ArtifactsPanel(store, name)
        with self._tabs.panel("metrics"):
            self._metrics = MetricsPanel(store, name)
        with self._tabs.panel("attempts"):
            self._attempts = AttemptsPanel()

    def _read(self) -> Found:
        store, now = self._site.store, time.time()
        found = why.why(store, self._name.run, self._name.index, now)
        stall = None
        if not found.experiment.state.is_terminal:
            record = found.record
            stall = stalls.find(store, record.cluster, record.name, record.created_at, now)
        reason = because(found, stall, now)
        return Found(found, reason, reason.steps or next_steps(found, reason.fit))

    def _show(self, found: Found) -> None:
        self._found = found
        each = found.why.experiment
        self._state.show(each.state.value)
        self._command.text = wording.command_line(each.command)
        self._why.show(found)
        self._show_facts(found.why)
        can_retry = each.state in (State.FAILED, State.CANCELLED)
        self._buttons.show(is_over=each.state.is_terminal, can_retry=can_retry)
        self._show_tab()

    def _show_tab(self) -> None:
        """Bring the tab that is seen up to date; the others are when they are opened."""
        if self._found is None:
            return
        found = self._found.why
        if self._tabs.active == "log":
            self._log.show(found)
        elif self._tabs.active == "build":
            self._build.show(found)
        elif self._tabs.active == "files":
            self._files.show(found)
        elif self._tabs.active == "metrics":
            self._metrics.show(found)
        else:
            self._attempts.show(found)

    def _show_facts(self, found: Why) -> None:
        each = found.experiment
        last = found.attempts[-1] if found.attempts else None
        self._facts.show(
            Run_duration=_duration(each.run_seconds),
            Queued=_duration(each.queued_seconds),
            Started=wording.moment(each.started_at) if each.started_at else None,
            Cost=None if each.cost is None else wording.money(each.cost),
            Peak_memory=wording.size(last.peak_memory) if last and last.peak_memory else None,
            Host=last.host if last else None,
            Exit_code=None if each.exit_code is None else str(each.exit_code),
            Attempt=str(each.attempt) if each.attempt else None,
        )


def _is_over(found: Found) -> bool:
    return is_settled(found.why.experiment.state, found.why.experiment.ended_at)


class _WhyBox:
    """Why the experiment is where it is, where that does not go without saying; and what to do."""

    def __init__(self) -> None:
        with ui.element("div").classes("why") as self._box:
            self._words = ui.label()
            self._line = ui.label().classes("text")
            self._steps = ui.label().classes("mono wrap muted")
        self._box.set_visibility(False)

    def show(self, found: Found) -> None:
        state = found.why.experiment.state
        self._box.set_visibility(state not in (State.RUNNING, State.SUCCEEDED))
        self._words.text = f"{STATE_WORDS.get(state, 'It is ' + state.value)}: {found.because.text}"
        self._line.text = _last_line(found.why)
        self._line.set_visibility(bool(self._line.text))
        self._steps.text = "\n".join(found.steps)


def _last_line(found: Why) -> str:
    """Return the last line of an experiment that has failed, if its last attempt wrote any."""
    each = found.experiment
    is_its_own = each.state is State.FAILED and found.log_attempt == each.attempt
    return last_words(found.log) if is_its_own else ""


def _duration(seconds: float | None) -> str | None:
    return None if seconds is None else wording.duration(seconds)
