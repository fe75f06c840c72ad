"""Charts on a page: only what is new is sent to the browser."""

from collections.abc import Mapping

from nicegui import ui

from gridray.ui.charts import Chart, Options


class ChartGrid:
    """Charts by their names, beside each other; `kind` is a class of them in gridray.css."""

    def __init__(self, kind: str = "") -> None:
        self._kind = kind
        self._cards: dict[str, _Card] = {}
        self._place = ui.element("div").classes("charts")

    def show(self, drawn: Mapping[str, Chart]) -> None:
        """Show these, in their order, and no others."""
        if list(drawn) != list(self._cards):
            self._place.clear()
            with self._place:
                self._cards = {name: _Card(self._kind) for name in drawn}
        for name, chart in drawn.items():
            self._cards[name].show(chart)


class _Card:
    """A chart below its title, or words where there is nothing to be drawn."""

    def __init__(self, kind: str) -> None:
        with ui.element("div").classes("panel"):
            with ui.element("h2"):
                self._title = ui.label()
            self._words = ui.label().classes("empty")
            self._chart = ui.echart({}).classes(f"chart {kind}")

    def show(self, drawn: Chart) -> None:
        self._title.text = drawn.title
        self._words.text = drawn.words
        self._words.set_visibility(bool(drawn.words))
        self._chart.set_visibility(not drawn.words)
        if not drawn.words and self._chart.options != drawn.options:
            put(self._chart, drawn.options)


def put(chart: ui.echart, options: Options) -> None:
    """Have a chart drawn anew."""
    chart.options.clear()
    chart.options.update(options)
    chart.update()
