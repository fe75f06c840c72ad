"""What changes something: a button, a question, and what came of it."""

from collections.abc import Callable

from nicegui import run, ui

from gridray import actions, again, wording
from gridray.errors import GridrayError
from gridray.layout import ExperimentName
from gridray.store import Store
from gridray.ui import telling

Action = Callable[[], str]
# Seconds that a message stays.
STAYS = 8


async def ask(question: str, words: str, *, is_dangerous: bool = False, detail: str = "") -> bool:
    """Ask before something is changed; whoever closes the question has said no."""
    with ui.dialog() as dialog, ui.card().classes("ask").props("role=alertdialog"):
        ui.label(question).classes("ask-title")
        if detail:
            ui.label(detail).classes("muted")
        with ui.row().classes("ask-buttons"):
            ui.button("Keep" if is_dangerous else "Not now", on_click=lambda: dialog.submit(False))
            button = ui.button(words, on_click=lambda: dialog.submit(True)).classes("main")
            if is_dangerous:
                button.classes("danger")
    answer = await dialog
    dialog.delete()
    return bool(answer)


async def do(action: Action) -> bool:
    """Do something in a thread, tell what came of it, and return whether it was done."""
    try:
        told = await run.io_bound(action)
    except GridrayError as error:
        told = telling.words(error)
        ui.notify(told, type="negative", multi_line=True, timeout=STAYS * 1000, close_button="OK")
        return False
    ui.notify(told, timeout=STAYS * 500)
    return True


class Buttons:
    """The buttons that change a run, or one experiment of it if there is an `index`."""

    def __init__(
        self, store: Store, name: str, index: int | None, done: Callable[[], None]
    ) -> None:
        """Draw them.

        Args:
            done: called when something has been asked for, so that it is soon seen.
        """
        self._store = store
        self._run = name
        self._index = index
        self._name = name if index is None else str(ExperimentName(name, index))
        self._done = done
        with ui.element("div").classes("chips"):
            self._retry = ui.button("Retry", on_click=self._ask_retry).classes("act")
            self._rerun = ui.button("Rerun", on_click=self._ask_rerun).classes("act")
            self._stop = ui.button("Stop", on_click=self._ask_stop).classes("act danger")
            self._delete = ui.button("Delete", on_click=self._ask_delete).classes("act danger")
        self._rerun.set_visibility(index is None)
        self.show(is_over=False, can_retry=False)

    def show(self, *, is_over: bool, can_retry: bool) -> None:
        """Show the buttons that can do something."""
        self._retry.set_visibility(can_retry)
        self._stop.set_visibility(not is_over)
        self._delete.set_visibility(is_over)
        self._enable(True)

    def disable(self) -> None:
        """Let nothing be done: what the buttons would change is there no more."""
        self._enable(False)

    def _enable(self, is_enabled: bool) -> None:
        for button in (self._retry, self._rerun, self._stop, self._delete):
            button.set_enabled(is_enabled)

    async def _ask_stop(self) -> None:
        detail = "Scripts get SIGTERM and 30 seconds to save. What they have written is kept."
        if await ask(f"Stop {self._name}?", "Stop", is_dangerous=True, detail=detail):
            await do(self._stopped)
            self._done()

    async def _ask_retry(self) -> None:
        detail = (
            "What did not succeed gets another attempt, which finds the files of the one before."
        )
        if await ask(f"Retry {self._name}?", "Retry", detail=detail):
            await do(self._retried)
            self._done()

    async def _ask_rerun(self) -> None:
        detail = "A new run with the same source, sweep and options."
        if not await ask(f"Rerun {self._name}?", "Rerun", detail=detail):
            return
        made: list[str] = []

        def rerun() -> str:
            made.append(again.rerun(self._store, self._run).name)
            return f"{made[0]} was submitted."

        if await do(rerun):
            ui.navigate.to(f"/runs/{made[0]}")

    async def _ask_delete(self) -> None:
        detail = "Its logs, metrics and files go with it, for good."
        if not await ask(f"Delete {self._name}?", "Delete", is_dangerous=True, detail=detail):
            return
        if await do(self._deleted):
            ui.navigate.to("/" if self._index is None else f"/runs/{self._run}")

    def _stopped(self) -> str:
        count = actions.stop(self._store, self._run, self._index)
        return (
            f"{wording.count(count, 'experiment')} asked to end."
            if count
            else "It is over already."
        )

    def _retried(self) -> str:
        indexes = None if self._index is None else [self._index]
        wanted = again.to_retry(self._store, self._run, indexes)
        again.retry(self._store, self._run, wanted)
        return f"{wording.count(len(wanted), 'experiment')} to be tried again."

    def _deleted(self) -> str:
        if self._index is None:
            actions.delete_run(self._store, self._run)
        else:
            actions.delete_experiment(self._store, self._run, self._index)
        return f"{self._name} was deleted."
