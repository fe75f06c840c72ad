"""A large table: the rows are sent once, then only what has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import json, ui

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column, by the key of rows that it shows; `kind` is one of those in gridray.js.

    `id` is what the address of a view calls it. A `width` is in pixels; a column with `flex` takes
    what is left. On a phone `wide` ones are left out, `late` ones come last, and `narrow` is the
    width.
    """

    id: str
    field: str
    title: str
    kind: str = "text"
    width: int = 120
    flex: int | None = None
    wide: bool = False
    late: bool = False
    narrow: int | None = None
    pinned: bool = False
    hide: bool = False
    sort: str | None = None

    def definition(self) -> dict[str, Any]:
        """Return what AG Grid takes, with the kind for gridray.js to replace."""
        found: dict[str, Any] = {
            "colId": self.id,
            "field": self.field,
            "headerName": self.title,
            "kind": self.kind,
            "width": self.width,
            "hide": self.hide,
            "context": {
                "wide": self.wide and not self.hide,
                "hide": self.hide,
                "late": self.late,
                "narrow": self.narrow,
            },
        }
        if self.flex is not None:
            found |= {"flex": self.flex, "minWidth": self.width}
        if self.sort is not None:
            found["initialSort"] = self.sort
        return found | ({"pinned": "left"} if self.pinned else {})


class Table:
    """A table of rows that each have a key `id`."""

    def __init__(self, empty: str, *, selects: bool = False) -> None:
        """Draw an empty table.

        Args:
            empty: what is said where there are no rows.
            selects: whether rows can be selected.
        """
        self._columns: Sequence[Column] | None = None
        self._rows: dict[str, Row] | None = None
        options: dict[str, Any] = {
            "columnDefs": [],
            "defaultColDef": {"filter": True, "resizable": True, "suppressMovable": False},
            "rowHeight": 38,
            "headerHeight": 38,
            "animateRows": False,
            "suppressCellFocus": False,
            "suppressDragLeaveHidesColumns": True,
            "localeText": {"noRowsToShow": empty},
            ":getRowId": "(params) => String(params.data.id)",
            ":onSortChanged": "gridray.sorted",
            ":onFilterChanged": "gridray.filtered",
            ":onGridSizeChanged": "gridray.fit",
            ":onCellKeyDown": "gridray.follow",
        }
        if selects:
            options["rowSelection"] = {"mode": "multiRow", "enableClickSelection": False}
            options["selectionColumnDef"] = {"width": 44, "pinned": "left"}
        self._grid = ui.aggrid(options, auto_size_columns=False).classes("table")

    @property
    def id(self) -> int:
        return self._grid.id

    def style(self, text: str) -> None:
        self._grid.style(text)

    def show(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Show these rows; what is on the page already is left as it is."""
        new = {str(row["id"]): row for row in rows}
        if self._columns != columns or self._rows is None:
            changed = self._columns != columns
            definitions = [each.definition() for each in columns] if changed else None
            keys = list(dict.fromkeys(key for row in rows for key in row))
            self._call("fill", definitions, keys, [[row.get(key) for key in keys] for row in rows])
        else:
            self._change(self._rows, new)
        self._columns, self._rows = columns, new

    def _change(self, old: Mapping[str, Row], new: Mapping[str, Row]) -> None:
        add = [row for key, row in new.items() if key not in old]
        update = [row for key, row in new.items() if key in old and old[key] != row]
        remove = [{"id": key} for key in old if key not in new]
        if add or update or remove:
            self._call("change", add, update, remove)

    def search(self, text: str) -> None:
        """Show only rows in which these words are."""
        self._call("search", text)

    def only(self, column: str, text: str | None) -> None:
        """Show only rows that have this in a column; None: all again."""
        self._call("only", column, text)

    def set_shown(self, column: str, *, is_shown: bool) -> None:
        self._call("show", column, is_shown)

    def _call(self, name: str, *values: Any) -> None:
        words = ", ".join([str(self._grid.id), *map(json.dumps, values)])
        self._grid.client.run_javascript(f"gridray.{name}({words})")


def as_json(value: Any) -> Any:
    """Return a value that the browser shows as it is: JSON has no NaN and no infinity."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value
