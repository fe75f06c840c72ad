"""What the attempts of an experiment before one have left in the store."""

from collections.abc import Mapping
from dataclasses import replace

from gridray.errors import DamagedError
from gridray.layout import AttemptName
from gridray.metricrecords import Point, Step, Summary, summarize, until
from gridray.readers.metrics import directories_of, points_of
from gridray.store import Store


class Earlier:
    """Their metrics: `directories` are those of the files that have them, by name.

    `damage` tells what cannot be understood, and is then taken for nothing.
    """

    def __init__(self, store: Store, name: AttemptName, identity: str) -> None:
        """Read what there is before an attempt of the run that has this identity.

        Raises:
            StoreError: the store cannot be read.
        """
        attempts = [AttemptName(name.run, name.index, each) for each in range(name.attempt)]
        self.damage: list[str] = []
        self.directories: Mapping[str, str] = {}
        self._points: Mapping[str, Mapping[Step, Point]] = {}
        self._summaries: dict[str, tuple[Step, Summary | None]] = {}
        try:
            self.directories = directories_of(store, identity, attempts)
            self._points = points_of(store, identity, attempts)
        except DamagedError as error:
            self.damage.append(error.message)

    @property
    def names(self) -> list[str]:
        return list(self._points)

    def until(self, name: str, first: Step) -> Summary | None:
        """Return what a metric came to before the first step of this attempt; None: nothing."""
        known = self._summaries.get(name)
        if known is None or known[0] != first:
            points, left_out = until(self._points.get(name, {}), first)
            found = summarize(points[step] for step in sorted(points))
            known = first, replace(found, count=found.count + left_out) if found else None
            self._summaries[name] = known
        return known[1]
