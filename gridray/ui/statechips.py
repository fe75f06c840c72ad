"""How many are in which state, each a button that shows only these."""

import json
from collections.abc import Callable, Mapping

from nicegui import ui

from gridray.states import State
from gridray.ui.address import parameter

ORDER = (
    State.RUNNING,
    State.BUILDING,
    State.PENDING,
    State.QUEUED,
    State.SUCCEEDED,
    State.FAILED,
    State.CANCELLED,
)


class StateChips:
    """A row of buttons; one is chosen, or none."""

    def __init__(self, choose: Callable[[str | None], None]) -> None:
        self._choose = choose
        self._chosen = _remembered()
        self._buttons: dict[State, ui.button] = {}
        self._counts: dict[State, ui.label] = {}
        with ui.element("div").classes("chips").props('role=group aria-label="States"'):
            for state in ORDER:
                button = ui.button(on_click=lambda state=state: self._turn(state)).classes("chip")
                with button:
                    ui.label(state.value).classes(f"state state-{state.value}")
                    self._counts[state] = ui.label().classes("count")
                button.set_visibility(False)
                self._buttons[state] = button
        self._draw()

    def show(self, counts: Mapping[State, int]) -> None:
        for state, button in self._buttons.items():
            button.set_visibility(bool(counts.get(state)) or state.value == self._chosen)
            self._counts[state].text = f"{counts.get(state, 0):,}"

    def _turn(self, state: State) -> None:
        self._chosen = None if self._chosen == state.value else state.value
        self._draw()
        self._choose(self._chosen)

    def _draw(self) -> None:
        for state, button in self._buttons.items():
            is_on = state.value == self._chosen
            button.classes(**{"add" if is_on else "remove": "on"})
            button.props(f"aria-pressed={'true' if is_on else 'false'}")


def _remembered() -> str | None:
    """Return the state that the table shows only, by the filter in the address."""
    try:
        found = json.loads(parameter("filter", "{}"))
        chosen = found["state"]["filter"]
    except (ValueError, KeyError, TypeError):
        return None
    return chosen if isinstance(chosen, str) else None
