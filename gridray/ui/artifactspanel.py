"""The files of an experiment: a list, a preview of images and text, and downloads."""

from nicegui import run, ui

from gridray import wording
from gridray.archive import shown
from gridray.errors import GridrayError
from gridray.layout import ExperimentName
from gridray.readers import artifacts
from gridray.readers.download import Artifact
from gridray.readers.why import Why
from gridray.store import Store
from gridray.ui import files
from gridray.ui.address import parameter, remember
from gridray.ui.reading import Reading
from gridray.ui.telling import sentence
from gridray.ui.watch import is_settled

# Bytes of a text that are shown.
PREVIEW = 200_000
# Files that are listed on the page.
MOST = 1_000


class ArtifactsPanel:
    def __init__(self, store: Store, name: ExperimentName) -> None:
        self._store = store
        self._name = name
        self._files: list[Artifact] | None = None
        self._open = parameter("file")
        self._rows: dict[str, ui.element] = {}
        self._note = ui.label("Reading …").classes("muted")
        with ui.element("div").classes("files") as self._place:
            self._list = ui.element("div").classes("panel file-list")
            self._preview = ui.element("div").classes("panel preview")
        self._place.set_visibility(False)
        self._reading = Reading(self._read, self._take, self._tell)

    def show(self, found: Why) -> None:
        """List what there is, until nothing more comes."""
        each = found.experiment
        if self._files is None or not is_settled(each.state, each.ended_at):
            self._reading.begin()

    def _read(self) -> list[Artifact]:
        return artifacts.of_experiment(self._store, self._name.run, self._name.index)

    def _take(self, found: list[Artifact]) -> None:
        if found != self._files:
            is_first = self._files is None
            self._files = found
            self._draw(found)
            if is_first:
                ui.timer(0.01, lambda: self._choose(self._open), once=True)

    def _tell(self, error: GridrayError) -> None:
        self._note.text = sentence(error.message)
        self._note.set_visibility(True)

    def _draw(self, found: list[Artifact]) -> None:
        self._place.set_visibility(bool(found))
        self._note.text = _told(len(found))
        self._note.set_visibility(bool(self._note.text))
        self._list.clear()
        self._rows = {}
        with self._list:
            for each in found[:MOST]:
                self._draw_file(each)

    def _draw_file(self, each: Artifact) -> None:
        with ui.element("div").classes("file") as row:
            with ui.element("button").classes("open").props("type=button") as button:
                ui.label(shown(each.path))
            button.on("click", lambda path=each.path: self._choose(path))
            if each.record.link is not None:
                ui.label(f"→ {shown(each.record.link)}").classes("file-size")
            else:
                ui.label(wording.size(each.record.size)).classes("file-size")
                link = ui.link(target=files.download_address(str(self._name), each.path))
                link.props["aria-label"] = f"Download {shown(each.path)}"
                link.props("download").classes("icon-link")
                with link:
                    ui.icon("download")
        self._rows[each.path] = row

    async def _choose(self, path: str) -> None:
        """Show what is in a file, as far as that can be seen."""
        chosen = next((each for each in self._files or () if each.path == path), None)
        for each, row in self._rows.items():
            row.classes(**{"add" if each == path else "remove": "on"})
        self._preview.clear()
        if chosen is None:
            with self._preview:
                ui.label("Choose a file to see it.").classes("muted")
            return
        if path.isprintable():
            remember(file=path)
        await self._show_file(chosen)

    async def _show_file(self, chosen: Artifact) -> None:
        with self._preview:
            ui.label(shown(chosen.path)).classes("strong wrap")
            if chosen.record.link is not None:
                ui.label("A link to another file.").classes("muted")
            elif files.is_image(chosen.path):
                address = files.image_address(str(self._name), chosen.path)
                image = ui.element("img").props("loading=lazy")
                image.props["src"], image.props["alt"] = address, shown(chosen.path)
            else:
                place = ui.element("div").classes("place")
                await self._show_text(chosen, place)

    async def _show_text(self, chosen: Artifact, place: ui.element) -> None:
        size = chosen.record.size
        try:
            data = await run.io_bound(self._beginning, chosen)
        except GridrayError as error:
            with place:
                ui.label(sentence(error.message)).classes("banner")
            return
        with place:
            if data is None or b"\0" in data:
                ui.label(f"{wording.size(size)} that are no text.").classes("muted")
                return
            if size > len(data):
                told = f"The first {wording.size(len(data))} of {wording.size(size)}."
                ui.label(told).classes("muted")
            with ui.element("pre").classes("text").props("tabindex=0"):
                ui.label(data.decode(errors="replace"))

    def _beginning(self, chosen: Artifact) -> bytes:
        size = min(PREVIEW, chosen.record.size)
        return self._store.get_range(chosen.key, 0, size) if size else b""


def _told(count: int) -> str:
    if not count:
        return "No files yet: what the script creates in its working directory comes here."
    return f"The first {MOST:,} of {count:,} files." if count > MOST else ""
