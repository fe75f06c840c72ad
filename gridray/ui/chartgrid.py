"""Charts on a page: only what is new is sent to the browser."""

from collections.abc import Mapping

from nicegui import ui

from gridray.ui.charts import Options


class ChartGrid:
    """Charts by their names, beside each other; `kind` is a class of them in gridray.css."""

    def __init__(self, kind: str = "") -> None:
        self._kind = kind
        self._charts: dict[str, ui.echart] = {}
        self._place = ui.element("div").classes("charts")

    def show(self, drawn: Mapping[str, Options]) -> None:
        """Show these, in their order, and no others."""
        if list(drawn) != list(self._charts):
            self._place.clear()
            with self._place:
                self._charts = {name: self._chart() for name in drawn}
        for name, options in drawn.items():
            if self._charts[name].options != options:
                put(self._charts[name], options)

    def _chart(self) -> ui.echart:
        with ui.element("div").classes("panel"):
            return ui.echart({}).classes(f"chart {self._kind}")


def put(chart: ui.echart, options: Options) -> None:
    """Have a chart drawn anew."""
    chart.options.clear()
    chart.options.update(options)
    chart.update()
