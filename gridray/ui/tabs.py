"""The parts of a page, of which one is seen; which one is in the address."""

from collections.abc import Callable, Sequence

from nicegui import ui

from gridray.ui.address import parameter, remember


class Tabs:
    """Buttons above panels. All panels stay on the page, so that one that was left is as it was."""

    def __init__(
        self, titles: Sequence[tuple[str, str]], changed: Callable[[str], None] = lambda name: None
    ) -> None:
        """Draw the buttons.

        Args:
            titles: names, as in the address, and titles; the first one is seen at first.
        """
        names = [name for name, _ in titles]
        asked = parameter("tab")
        self.active = asked if asked in names else names[0]
        self._first = names[0]
        self._changed = changed
        self._panels: dict[str, ui.element] = {}
        self._tabs: dict[str, ui.tab] = {}
        with ui.tabs(on_change=lambda event: self._show(event.value)) as bar:
            for name, title in titles:
                self._tabs[name] = ui.tab(name, label=title)
        self._bar = bar
        bar.value = self.active

    def panel(self, name: str) -> ui.element:
        """Return the panel of a tab, to be filled."""
        panel = ui.element("section").classes("tab-panel")
        panel.set_visibility(name == self.active)
        self._panels[name] = panel
        return panel

    def open(self, name: str) -> None:
        self._bar.value = name

    def count(self, name: str, title: str, number: int) -> None:
        """Tell in a tab's title how many there are."""
        self._tabs[name].props["label"] = f"{title} {number:,}" if number else title

    def _show(self, name: str) -> None:
        self.active = name
        for each, panel in self._panels.items():
            panel.set_visibility(each == name)
        remember(tab=None if name == self._first else name)
        self._changed(name)
