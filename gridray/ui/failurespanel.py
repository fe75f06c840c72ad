"""What failed, together where it failed alike."""

from nicegui import ui

from gridray import wording
from gridray.errors import GridrayError
from gridray.readers.failures import FailureReader, Failures
from gridray.readers.runs import RunView
from gridray.store import Store
from gridray.ui.reading import Reading
from gridray.ui.telling import sentence

# Of links to the experiments of a group.
MOST_LINKS = 12


class FailuresPanel:
    def __init__(self, store: Store) -> None:
        self._reader = FailureReader(store)
        self._view: RunView | None = None
        self._groups: list[Failures] | None = None
        self._place = ui.element("div").classes("place")
        self._reading = Reading(self._read, self._take, self._tell)

    def show(self, view: RunView) -> None:
        """Draw what there is, once the logs' last lines have been read."""
        self._view = view
        self._reading.begin()

    def _read(self) -> list[Failures] | None:
        return None if self._view is None else self._reader.groups(self._view)

    def _take(self, found: list[Failures]) -> None:
        if found != self._groups:
            self._groups = found
            self._place.clear()
            with self._place:
                _draw(found)

    def _tell(self, error: GridrayError) -> None:
        self._groups = None
        self._place.clear()
        with self._place:
            ui.label(sentence(error.message)).classes("banner")


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
