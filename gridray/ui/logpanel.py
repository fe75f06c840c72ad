"""The log of an experiment, live; the lines themselves are drawn in gridray.js."""

from dataclasses import dataclass

from nicegui import json, ui

from gridray.errors import GridrayError
from gridray.layout import AttemptName, ExperimentName
from gridray.readers import logs
from gridray.readers.logs import Follower, Look
from gridray.readers.why import Why
from gridray.states import DESCRIPTIONS
from gridray.store import Store
from gridray.ui import files
from gridray.ui.address import parameter
from gridray.ui.reading import Reading
from gridray.ui.telling import sentence

# Lines of what there is already; all of it can be downloaded.
LAST = 5_000
LATEST = -1
# A line beyond this is no line that anybody reads.
LONGEST = 20_000

Lines = list[tuple[str | None, str]]


@dataclass(frozen=True)
class Part:
    """What one look has found: new lines, with their times, and whether none follow."""

    lines: Lines
    is_over: bool


class LogPanel:
    def __init__(self, store: Store, name: ExperimentName, stream: str) -> None:
        self._store = store
        self._name = name
        self._stream = stream
        self._attempt = LATEST
        self._follower = self._new_follower()
        self._is_over = False
        self._is_empty = True
        self._reading = Reading(self._read, self._take, self._tell)
        self._draw_tools()
        self._log = ui.element("div").classes("log")
        self._log.props(f"role=log tabindex=0 aria-label='{stream}'")
        self._count.props["data-lines"] = self._log.html_id

    def _draw_tools(self) -> None:
        with ui.element("div").classes("tools"):
            asked = parameter("find")
            search = ui.input(placeholder="Search in the log", value=asked).classes("search")
            search.props('clearable data-search aria-label="Search in the log" debounce=200')
            search.on_value_change(lambda event: self._find(event.value or ""))
            self._asked = asked
            self._follow = ui.checkbox("Follow", value=True)
            self._follow.on_value_change(lambda event: self._call("keepUp", event.value))
            self._choice = ui.select({LATEST: "All attempts"}, value=LATEST, label="Attempt")
            self._choice.classes("narrow").on_value_change(lambda event: self._choose(event.value))
            self._choice.set_visibility(False)
            ui.element("div").classes("grow")
            self._count = ui.element("span").classes("shown")
            address = files.log_address(str(self._name), self._stream, None)
            self._link = ui.link("Download", address).classes("link").props("download")
        self._note = ui.label().classes("muted")

    def show(self, found: Why) -> None:
        """Append what is new."""
        numbers = range(found.experiment.attempt + 1)
        if len(numbers) > 1:
            names = {number: f"attempt {number}" for number in numbers}
            options = {LATEST: "From the latest on"} | names
            if self._choice.options != options:
                self._choice.set_options(options)
            self._choice.set_visibility(True)
        if self._is_over and (self._attempt != LATEST or found.experiment.state.is_terminal):
            return
        self._reading.begin()

    def _find(self, words: str) -> None:
        self._asked = words
        self._call("find", words)

    def _choose(self, attempt: int) -> None:
        """Show the log of one attempt, or of the latest one and those to come."""
        self._attempt = attempt
        self._follower = self._new_follower()
        self._is_over = False
        number = None if attempt == LATEST else attempt
        address = files.log_address(str(self._name), self._stream, number)
        self._link.props["href"] = address
        self._call("clear")
        self._reading.renew()

    def _read(self) -> Part:
        if self._attempt == LATEST:
            look = self._follower.look()
            return Part(_lines(look), look.is_over)
        name = AttemptName(self._name.run, self._name.index, self._attempt)
        found = logs.tail(self._store, name, LAST, self._stream)
        return Part([(line.time, line.text[:LONGEST]) for line in found], True)

    def _take(self, found: Part) -> None:
        self._is_over = found.is_over
        if found.lines:
            self._is_empty = False
            self._call("append", found.lines)
            if self._asked:
                self._call("find", self._asked)
        self._note.text = "Nothing has been written yet." if self._is_empty else ""
        self._note.set_visibility(self._is_empty)

    def _tell(self, error: GridrayError) -> None:
        self._note.text = sentence(error.message)
        self._note.set_visibility(True)

    def _new_follower(self) -> Follower:
        return Follower(self._store, self._name.run, self._name.index, self._stream, LAST)

    def _call(self, name: str, *values: object) -> None:
        words = ", ".join(json.dumps(each) for each in (self._log.html_id, *values))
        self._log.client.run_javascript(f"gridray.{name}({words})")


def _lines(look: Look) -> Lines:
    found: Lines = []
    for part in look.parts:
        if part.begins:
            why = f": {DESCRIPTIONS[part.reason]}" if part.reason else ""
            found.append((None, f"attempt {part.attempt} begins{why}"))
        found += [(line.time, line.text[:LONGEST]) for line in part.lines]
    return found
