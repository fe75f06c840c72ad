"""Small things that several pages show: facts with their names, and the way back."""

import re
from collections.abc import Sequence

from nicegui import ui

CODE = re.compile(r"(`[^`\n]+`)")


class Facts:
    """Values with their names, side by side; what has none is left out."""

    def __init__(self, names: Sequence[str]) -> None:
        self._values: dict[str, tuple[ui.element, ui.label]] = {}
        with ui.element("div").classes("facts"):
            for name in names:
                with ui.element("div").classes("fact") as fact:
                    ui.label(name).classes("fact-name")
                    value = ui.label().classes("fact-value")
                fact.set_visibility(False)
                self._values[name] = (fact, value)

    def show(self, **values: str | None) -> None:
        """Show these values, by the names with `_` in place of spaces."""
        for name, text in values.items():
            fact, value = self._values[name.replace("_", " ")]
            value.text = text or ""
            fact.set_visibility(bool(text))


def way_back(*steps: tuple[str, str]) -> None:
    """Draw the way to this page: titles and addresses."""
    with ui.element("nav").classes("crumb").props('aria-label="Way back"'):
        for title, address in steps:
            ui.link(title, address)
            ui.label("/").props("aria-hidden=true")


def title(text: str) -> None:
    with ui.element("h1"):
        ui.label(text)


def prose(text: str) -> ui.element:
    """Draw a text, with what is between backticks in it as code."""
    with ui.element("div").classes("prose") as drawn:
        for part in CODE.split(text):
            if CODE.fullmatch(part):
                with ui.element("code"):
                    ui.label(part[1:-1])
            elif part:
                ui.label(part)
    return drawn


class StateMark:
    """A state, as a word with its colour."""

    def __init__(self) -> None:
        self._label = ui.label().classes("state")
        self._name = ""

    def show(self, name: str) -> None:
        if name != self._name:
            self._label.classes(remove=f"state-{self._name}", add=f"state-{name}")
            self._label.text = self._name = name
