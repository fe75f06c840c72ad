"""The page to launch from: what is asked for, what that comes to, and its submission."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nicegui import run, ui
from nicegui.elements.mixins.value_element import ValueElement

from gridray import launch, settings
from gridray.clusters import inventory
from gridray.datastores import catalog
from gridray.errors import GridrayError
from gridray.scripts import has_interpreter
from gridray.sweep import Strategy
from gridray.ui.address import parameter, remember
from gridray.ui.facts import title
from gridray.ui.frame import frame
from gridray.ui.launchfields import FIELDS, FIRST, GROUPS, MONO, Field, Kind, Row, lines, shareable
from gridray.ui.launchplan import Preview, look, spec_of
from gridray.ui.launchview import PlanView
from gridray.ui.reading import Reading
from gridray.ui.site import Site
from gridray.ui.telling import words

# Seconds after which what was typed is looked at.
PAUSE = 0.4
# Scripts that are offered.
MOST_SCRIPTS = 200


def register(site: Site) -> None:
    @ui.page("/launch")
    def page() -> None:
        with frame(site, "Launch", "/launch"):
            _Launch(site)


class _Launch:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._values = _asked(site)
        self._version = 0
        self._datastores: ui.select | None = None
        with ui.element("div").classes("head"):
            title("Launch")
        with ui.element("div").classes("launch"):
            with ui.element("form").classes("panel fields") as form:
                self._draw_form()
            form.on("submit.prevent", self._submit)
            with ui.element("section").classes("stack").props("aria-live=polite"):
                self._plan = PlanView(self._submit)
        self._reading = Reading(
            self._read, self._plan.show, lambda error: self._plan.show_problem(words(error))
        )
        self._offering = Reading(self._known_datastores, self._offer, lambda error: None)
        ui.timer(0.01, self._look, once=True)
        self._offering.begin()

    def _draw_form(self) -> None:
        self._draw_rows(FIRST)
        for name, rows in GROUPS:
            # What the address asks for is seen.
            is_open = any(parameter(field.name) for row in rows for field in row)
            group = ui.expansion(name, value=is_open).classes("more")
            with group, ui.element("div").classes("fields"):
                self._draw_rows(rows)

    def _draw_rows(self, rows: Sequence[Row]) -> None:
        for row in rows:
            with ui.element("div").classes("pair" if len(row) > 1 else ""):
                for field in row:
                    self._draw_field(field)

    def _draw_field(self, field: Field) -> None:
        made = self._made(field)
        if field.name in MONO or field.kind is Kind.LINES:
            made.classes("mono")
        made.on_value_change(lambda event: self._changed(field.name, event.value))

    def _made(self, field: Field) -> ValueElement[Any]:
        value = self._values[field.name]
        if field.kind is Kind.BOX:
            return ui.checkbox(field.label, value=bool(value))
        if field.kind is Kind.LINES:
            area = ui.textarea(field.label, value=value, placeholder=field.hint)
            if field.note:
                area.props["hint"] = field.note
            return area.props("stack-label autogrow")
        if field.kind is Kind.CHOICES:
            chosen = lines(value)
            self._datastores = ui.select(chosen, value=chosen, label=field.label, multiple=True)
            return self._datastores
        if field.kind is Kind.CHOICE:
            options = _options(field.name)
            value = value if value in options else options[0]
            return ui.select(options, value=value, label=field.label)
        scripts = _scripts(Path(self._values["root"])) if field.name == "script" else None
        text = ui.input(field.label, value=value, placeholder=field.hint, autocomplete=scripts)
        text.props["stack-label"] = True
        return text

    def _known_datastores(self) -> list[str]:
        versions = catalog.every_version(self._site.store)
        names = sorted({each.name for each in versions})
        return [*names, *(f"{each.name}:{each.number}" for each in versions)]

    def _offer(self, found: list[str]) -> None:
        if self._datastores is not None:
            chosen = self._datastores.value
            self._datastores.set_options([*dict.fromkeys([*found, *chosen])], value=chosen)

    def _changed(self, name: str, value: str | bool | list[str] | None) -> None:
        if isinstance(value, list):
            text = "\n".join(value)
        else:
            text = "yes" if value is True else value or ""
        self._values[name] = text
        remember(**{name: shareable(name, text, os.environ) or None})
        self._version += 1
        version = self._version
        ui.timer(PAUSE, lambda: self._look() if version == self._version else None, once=True)

    def _look(self) -> None:
        """Tell what is asked for comes to."""
        if self._values["script"]:
            self._plan.show_busy()
        else:
            self._plan.show_nothing()
        self._reading.renew()

    def _read(self) -> Preview | None:
        return look(dict(self._values)) if self._values["script"] else None

    async def _submit(self) -> None:
        self._plan.begin_submission()
        told: list[str] = []
        telling = ui.timer(0.3, lambda: self._plan.show_progress(told[-1:]))
        try:
            name = await run.io_bound(_submitted, dict(self._values), told.append)
        except GridrayError as error:
            self._plan.show_problem(words(error))
        else:
            if name is not None:
                ui.navigate.to(f"/runs/{name}")
        finally:
            telling.cancel()
            self._plan.end_submission()


def _submitted(values: dict[str, str], progress: Callable[[str], None]) -> str:
    with launch.planning(spec_of(values), progress=progress) as planned:
        return launch.submit(planned, progress=progress).name


def _asked(site: Site) -> dict[str, str]:
    """Return what the address says of each field."""
    defaults = {"root": str(site.directory), "cluster": settings.load().cluster}
    return {field.name: parameter(field.name, defaults.get(field.name, "")) for field in FIELDS}


def _options(name: str) -> list[str]:
    """Return what a choice is between; the first is the usual one."""
    if name == "cluster":
        return inventory.names(settings.load())
    return [each.value for each in Strategy]


def _scripts(root: Path) -> list[str]:
    """Return the scripts of a directory, and of those right below it."""
    found: list[str] = []
    try:
        for pattern in ("*", "*/*"):
            paths = sorted(root.glob(pattern))
            found += [str(path.relative_to(root)) for path in paths if has_interpreter(path.name)]
    except OSError:
        return []
    return [path for path in found if not path.startswith(".")][:MOST_SCRIPTS]
