"""The plan beside the form to launch from, and the button below it."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from gridray import wording
from gridray.ui.launchplan import LISTED, Preview


class PlanView:
    def __init__(self, submit: Callable[[], Awaitable[None]]) -> None:
        self._is_submitting = False
        with ui.element("div").classes("panel"):
            with ui.element("h2") as head:
                self._count = ui.label()
            head.classes("plan-count")
            self._place = ui.element("div").classes("place")
            self._problem = ui.label().classes("problem").props("role=alert")
            self._progress = ui.label().classes("muted")
            self._button = ui.button("Launch", on_click=submit).classes("main")
        self.show_nothing()

    def show_nothing(self) -> None:
        self._draw("Name a script to see what would run.", None)

    def show_busy(self) -> None:
        self._button.disable()

    def show_problem(self, words: str) -> None:
        self._draw("This cannot be launched", None, words)

    def show(self, found: Preview) -> None:
        self._draw(wording.count(found.count, "experiment"), found)

    def begin_submission(self) -> None:
        self._is_submitting = True
        self._button.disable()
        self._progress.text = "Submitting …"

    def show_progress(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._progress.text = f"{line[:1].upper()}{line[1:]} …"

    def end_submission(self) -> None:
        self._is_submitting = False
        self._progress.text = ""
        self._button.set_enabled(not self._problem.visible)

    def _draw(self, head: str, found: Preview | None, problem: str = "") -> None:
        self._count.text = head
        self._problem.text = problem
        self._problem.set_visibility(bool(problem))
        self._button.set_enabled(found is not None and not self._is_submitting)
        self._place.clear()
        if found is not None:
            with self._place:
                _draw_plan(found)


def _draw_plan(found: Preview) -> None:
    facts = [
        ("Each has", found.each),
        ("Cluster", found.cluster),
        ("Source", found.source),
        *found.others,
        ("An hour costs", found.price),
    ]
    with ui.element("div").classes("facts"):
        for name, value in facts:
            with ui.element("div").classes("fact"):
                ui.label(name).classes("fact-name")
                ui.label(value).classes("fact-value")
    for warning in found.warnings:
        ui.label(warning).classes("banner")
    lines = list(found.commands)
    if found.count > LISTED:
        lines.append(f"and {found.count - LISTED:,} more")
    with ui.element("pre").classes("text plan-commands").props("tabindex=0"):
        ui.label("\n".join(lines))
