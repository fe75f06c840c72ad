"""The attempts at an experiment, on a line of time."""

from datetime import datetime, timezone

from nicegui import ui

from gridray import wording
from gridray.readers.why import AttemptView, Why
from gridray.states import DESCRIPTIONS


class AttemptsPanel:
    def __init__(self) -> None:
        self._attempts: tuple[AttemptView, ...] | None = None
        self._place = ui.element("div").classes("place")

    def show(self, found: Why) -> None:
        """Draw the attempts; the one that runs grows."""
        is_still = found.experiment.state.is_terminal and found.attempts == self._attempts
        if is_still:
            return
        self._attempts = found.attempts
        self._place.clear()
        with self._place:
            _draw(found)


def _draw(found: Why) -> None:
    if not found.attempts:
        ui.label("No attempt has begun.").classes("empty")
        return
    now = datetime.now(timezone.utc)
    times = [each.started_at for each in found.attempts if each.started_at]
    begin = min(times, default=now)
    end = max(each.ended_at or now for each in found.attempts)
    with ui.element("div").classes("panel rows"):
        for each in found.attempts:
            _draw_attempt(each, begin, end, now)


def _draw_attempt(each: AttemptView, begin: datetime, end: datetime, now: datetime) -> None:
    with ui.element("div").classes("attempt"):
        with ui.element("div").classes("head"):
            ui.label(f"Attempt {each.number}").classes("strong")
            ui.label(each.state.value).classes(f"state state-{each.state.value}")
            ui.label(_reason(each)).classes("muted")
        with ui.element("div").classes("lane").props("aria-hidden=true"):
            if each.started_at is not None:
                _draw_time(each, begin, end, now)
        ui.label(_facts(each, now)).classes("tiny")


def _draw_time(each: AttemptView, begin: datetime, end: datetime, now: datetime) -> None:
    assert each.started_at is not None
    whole = max((end - begin).total_seconds(), 0.001)
    left = (each.started_at - begin).total_seconds() / whole
    width = ((each.ended_at or now) - each.started_at).total_seconds() / whole
    mark = ui.element("i").classes(each.state.value)
    mark.style(f"left: {100 * left:.2f}%; width: {100 * max(width, 0):.2f}%")


def _reason(each: AttemptView) -> str:
    words = [DESCRIPTIONS[each.reason]] if each.reason else []
    words += [f"exit code {each.exit_code}"] if each.exit_code else []
    return "; ".join([*words, each.message] if each.message else words)


def _facts(each: AttemptView, now: datetime) -> str:
    words = []
    if each.started_at is not None:
        words.append(f"from {wording.moment(each.started_at)}")
        seconds = ((each.ended_at or now) - each.started_at).total_seconds()
        words.append(f"for {wording.duration(max(seconds, 0))}")
    words += [f"on {each.host}"] if each.host else []
    words += [f"peak memory {wording.size(each.peak_memory)}"] if each.peak_memory else []
    return ", ".join(words)
