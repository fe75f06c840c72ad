"""What the controller wants of attempts that Ray has: that they end, or write nothing more."""

from gridray import layout, marks
from gridray.errors import ExistsError
from gridray.layout import AttemptName
from gridray.records import FENCED
from gridray.store import Store


class Wishes:
    """Writes the attempts' `stop.json`. What it remembers saves requests only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked_to_end: dict[AttemptName, float] = {}
        self._fenced: set[AttemptName] = set()

    def stop(self, name: AttemptName, identity: str, grace: float) -> None:
        """Ask an attempt of the run that has this identity to end, or to end sooner."""
        if self._asked_to_end.get(name, float("inf")) <= grace:
            return
        key, wish = layout.attempt_stop(name), marks.marked({"grace": grace}, identity)
        try:
            self._store.create_json(key, wish)
        except ExistsError:
            asked = marks.unmarked(self._store.find_json(key), identity)
            if asked is None or (asked != FENCED and asked["grace"] > grace):
                self._store.put_json(key, wish)
        self._asked_to_end[name] = grace

    def fence(self, name: AttemptName, identity: str) -> None:
        """See to it that an attempt of the run that has this identity writes nothing more."""
        if name in self._fenced:
            return
        self._store.put_json(layout.attempt_stop(name), marks.marked(FENCED, identity))
        self._fenced.add(name)

    def forget(self, run: str) -> None:
        """Remember nothing more of a run: its name may be another one's."""
        asked = self._asked_to_end
        self._asked_to_end = {each: asked[each] for each in asked if each.run != run}
        self._fenced = {fenced for fenced in self._fenced if fenced.run != run}
