"""The page to launch from: what is asked for, what that comes to, and its submission."""

from collections.abc import Callable
from pathlib import Path

from nicegui import run, ui

from gridray import launch, settings
from gridray.clusters import inventory
from gridray.datastores import catalog
from gridray.errors import GridrayError
from gridray.scripts import has_interpreter
from gridray.sweep import Strategy
from gridray.ui.address import parameter, remember
from gridray.ui.facts import title
from gridray.ui.frame import frame
from gridray.ui.launchplan import NONE, look, spec_of
from gridray.ui.launchview import PlanView
from gridray.ui.site import Site
from gridray.ui.watch import sentence

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
        with ui.element("div").classes("head"):
            title("Launch")
        with ui.element("div").classes("launch"):
            with ui.element("form").classes("panel fields") as form:
                self._draw_fields()
            form.on("submit.prevent", self._submit)
            with ui.element("section").classes("stack").props("aria-live=polite"):
                self._plan = PlanView(self._submit)
        ui.timer(0.01, self._look, once=True)

    def _draw_fields(self) -> None:
        scripts = _scripts(Path(self._values["root"]))
        self._text("script", "Script", autocomplete=scripts)
        example = '--lr "[0.1, 0.01]" --layers "range(1, 5)"'
        self._text("args", "Arguments", placeholder=example).classes("mono")
        with ui.element("div").classes("pair"):
            self._select("cluster", "Cluster", inventory.names(settings.load()))
            self._text("name", "Name", placeholder="a random one")
        with ui.element("div").classes("pair"):
            self._text("cpus", "CPUs", placeholder="1")
            self._text("gpus", "GPUs", placeholder="0")
        with ui.element("div").classes("pair"):
            self._text("memory", "Memory", placeholder="as 16GB")
            self._text("max_parallel", "At once", placeholder="as many as fit")
        with ui.expansion("More").classes("more"), ui.element("div").classes("fields"):
            self._draw_more()

    def _draw_more(self) -> None:
        self._text("root", "Directory")
        with ui.element("div").classes("pair"):
            self._select("strategy", "Strategy", [each.value for each in Strategy])
            self._text("num_trials", "Trials", placeholder="of a random search")
        with ui.element("div").classes("pair"):
            self._text("instance_type", "Instance type", placeholder="any")
            self._text("spot_fallback", "Spot fallback", placeholder="as 10m")
        with ui.element("div").classes("pair"):
            self._text("max_time", "Longest time", placeholder="as 2h")
            self._text("max_cost", "Highest cost ($)")
        with ui.element("div").classes("pair"):
            self._text("retries", "Retries", placeholder="0")
            choice = self._select("datastore", "Datastore", [self._values["datastore"] or NONE])
            ui.timer(0.01, lambda: self._offer_datastores(choice), once=True)
        self._lines("env", "Environment", "KEY=VALUE, one a line")
        self._lines("metrics", "Metrics in the output", "NAME or NAME=REGEX, one a line")
        with ui.element("div").classes("chips"):
            self._box("use_spot", "Spot instances")
            self._box("auto_resume", "Resume by itself")

    def _text(
        self, name: str, label: str, *, placeholder: str = "", autocomplete: list[str] | None = None
    ) -> ui.input:
        made = ui.input(
            label, value=self._values[name], placeholder=placeholder, autocomplete=autocomplete
        )
        made.props["stack-label"] = True
        return made.on_value_change(lambda event: self._changed(name, event.value))

    def _lines(self, name: str, label: str, hint: str) -> None:
        made = ui.textarea(label, value=self._values[name], placeholder=hint).classes("mono")
        made.props("stack-label autogrow")
        made.on_value_change(lambda event: self._changed(name, event.value))

    def _select(self, name: str, label: str, options: list[str]) -> ui.select:
        value = self._values[name]
        made = ui.select(options, value=value if value in options else options[0], label=label)
        return made.on_value_change(lambda event: self._changed(name, event.value))

    def _box(self, name: str, label: str) -> None:
        made = ui.checkbox(label, value=bool(self._values[name]))
        made.on_value_change(lambda event: self._changed(name, "yes" if event.value else ""))

    async def _offer_datastores(self, choice: ui.select) -> None:
        found = await run.io_bound(self._datastores)
        if found is not None:
            chosen = choice.value if choice.value in found else NONE
            choice.set_options(found, value=chosen)

    def _datastores(self) -> list[str]:
        try:
            versions = catalog.every_version(self._site.store)
        except GridrayError:
            return [NONE]
        names = sorted({each.name for each in versions})
        return [NONE, *names, *(f"{each.name} {each.number}" for each in versions)]

    def _changed(self, name: str, value: str | None) -> None:
        self._values[name] = value or ""
        remember(**{name: value or None})
        ui.timer(PAUSE, self._look, once=True)
        self._version += 1

    async def _look(self) -> None:
        """Tell what is asked for comes to; only what was typed last counts."""
        version = self._version
        if not self._values["script"]:
            self._plan.show_nothing()
            return
        self._plan.show_busy()
        try:
            found = await run.io_bound(look, dict(self._values))
        except GridrayError as error:
            if version == self._version:
                self._plan.show_problem(_words(error))
            return
        if found is not None and version == self._version:
            self._plan.show(found)

    async def _submit(self) -> None:
        self._plan.begin_submission()
        lines: list[str] = []
        telling = ui.timer(0.3, lambda: self._plan.show_progress(lines[-1:]))
        try:
            name = await run.io_bound(_submitted, dict(self._values), lines.append)
        except GridrayError as error:
            self._plan.show_problem(_words(error))
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
    defaults |= {"strategy": Strategy.GRID_SEARCH.value, "datastore": NONE}
    names = (
        "script args name cluster cpus gpus memory max_parallel root strategy num_trials "
        "instance_type spot_fallback max_time max_cost retries datastore env metrics use_spot "
        "auto_resume"
    ).split()
    return {name: parameter(name, defaults.get(name, "")) for name in names}


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


def _words(error: GridrayError) -> str:
    return sentence(error.message) + (f"\n{sentence(error.hint)}" if error.hint else "")
