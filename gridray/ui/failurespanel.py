"""What failed, together where it failed alike."""

import asyncio

from nicegui import run, ui

from gridray import wording
from gridray.errors import GridrayError
from gridray.readers.failures import FailureReader, Failures
from gridray.readers.runs import RunView
from gridray.store import Store
from gridray.ui.watch import sentence

# Of links to the experiments of a group.
MOST_LINKS = 12


class FailuresPanel:
    def __init__(self, store: Store) -> None:
        self._reader = FailureReader(store)
        self._groups: list[Failures] | None = None
        self._lock = asyncio.Lock()
        self._place = ui.element("div").classes("place")

    def show(self, view: RunView) -> None:
        """Draw what there is, once the logs' last lines have been read."""
        ui.timer(0.01, lambda: self._look(view), once=True)

    async def _look(self, view: RunView) -> None:
        if self._lock.locked():
            return
        async with self._lock:
            await self._draw(view)

    async def _draw(self, view: RunView) -> None:
        try:
            found = await run.io_bound(self._reader.groups, view)
        except GridrayError as error:
            self._place.clear()
            with self._place:
                ui.label(sentence(error.message)).classes("banner")
            self._groups = None
            return
        if found is None or found == self._groups:
            return
        self._groups = found
        self._place.clear()
        with self._place:
            _draw(found)


def _draw(groups: list[Failures]) -> None:
    if not groups:
        ui.label("No experiment has failed.").classes("empty")
        return
    with ui.element("div").classes("panel rows"):
        for group in groups:
            with ui.element("div").classes("failure"):
                with ui.element("div").classes("head"):
                    ui.label(wording.count(len(group.experiments), "experiment")).classes("strong")
                    ui.label(group.reason).classes("state state-failed")
                if group.line:
                    ui.label(group.line).classes("text")
                _links(group)


def _links(group: Failures) -> None:
    with ui.element("div").classes("chips tiny"):
        for each in group.experiments[:MOST_LINKS]:
            ui.link(f"exp{each.index}", f"/experiments/{each.name}").classes("link")
        more = len(group.experiments) - MOST_LINKS
        if more > 0:
            ui.label(f"and {more:,} more")
