"""The page of the clusters: their nodes by group and market, what an hour costs, the dashboards."""

from collections.abc import Sequence

from nicegui import ui

from gridray import settings, wording
from gridray.clusters import inventory
from gridray.clusters.inventory import ClusterView, Condition, NodeGroup
from gridray.ui.facts import prose, title
from gridray.ui.frame import frame
from gridray.ui.site import Site
from gridray.ui.telling import sentence
from gridray.ui.watch import Watch

# Seconds. Each look asks every cluster.
EVERY = 10.0
STATES = {
    Condition.RUNNING: "succeeded",
    Condition.STOPPED: "queued",
    Condition.UNREACHABLE: "failed",
}
COLUMNS = ("Group", "Instance type", "Market", "Nodes", "CPUs", "GPUs", "Memory", "An hour")


def register(site: Site) -> None:
    @ui.page("/clusters")
    def page() -> None:
        with frame(site, "Clusters", "/clusters"):
            _Clusters(site)


class _Clusters:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._seen: Sequence[ClusterView] | None = None
        with ui.element("div").classes("head"):
            title("Clusters")
        watch_place = ui.element("div").classes("place")
        self._place = ui.element("div").classes("stack")
        with watch_place:
            Watch(self._read, self._show, every=EVERY)

    def _read(self) -> list[ClusterView]:
        return inventory.clusters(self._site.store, settings.load())

    def _show(self, found: list[ClusterView]) -> None:
        if found == self._seen:
            return
        self._seen = found
        self._place.clear()
        with self._place:
            for each in found:
                _draw(each)


def _draw(each: ClusterView) -> None:
    with ui.element("section").classes("panel"):
        with ui.element("div").classes("head"):
            with ui.element("h2"):
                ui.label(each.name)
            ui.label(each.condition.value).classes(f"state state-{STATES[each.condition]}")
            if each.is_default:
                ui.label("where runs go").classes("tiny")
            ui.element("div").classes("grow")
            if each.price is not None:
                ui.label(f"{wording.money(each.price)} an hour").classes("strong")
            if each.address is not None:
                link = ui.link("Ray dashboard", each.address, new_tab=True).classes("link")
                link.props["rel"] = "noopener noreferrer"
        if each.groups:
            _table(each.groups)
        prose(_told(each)).classes("muted wrap")


def _table(groups: Sequence[NodeGroup]) -> None:
    with ui.element("div").classes("scroll"), ui.element("table").classes("plain"):
        with ui.element("thead"), ui.element("tr"):
            for name in COLUMNS:
                with ui.element("th").props("scope=col"):
                    ui.label(name)
        with ui.element("tbody"):
            for group in groups:
                with ui.element("tr"):
                    for text in _cells(group):
                        with ui.element("td"):
                            ui.label(text)


def _cells(group: NodeGroup) -> list[str]:
    return [
        group.name,
        group.instance_type or "-",
        group.market or "-",
        f"{group.nodes:,}",
        f"{group.cpus:g}",
        f"{group.gpus:g}",
        wording.size(int(group.memory)),
        wording.money(group.price),
    ]


def _told(each: ClusterView) -> str:
    if each.condition is Condition.UNREACHABLE:
        return sentence(each.message)
    if each.condition is Condition.STOPPED:
        return f"The next run starts it, and so does `gridray clusters up {each.name}`."
    command = f"`gridray dashboard --cluster {each.name}`"
    if each.is_made:
        return f"{command} opens the way to its Ray dashboard."
    return f"The dashboard may ask for a token: {command} says where that is."
