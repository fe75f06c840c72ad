"""All metrics of an attempt on their way into the store."""

import math
import threading
import time
from collections.abc import Collection, Iterable
from itertools import islice

from gridray import layout, marks
from gridray.layout import AttemptName
from gridray.metricrecords import AttemptMetrics, Chunk, Point, Summary
from gridray.runner.metrics.earlier import Earlier
from gridray.runner.metrics.files import MetricFiles, Source
from gridray.runner.metrics.growing import Sample
from gridray.runner.metrics.naming import Naming
from gridray.runner.metrics.printed import Printed
from gridray.runner.metrics.thinning import Series
from gridray.runner.metrics.usage import MEASURED, Usage
from gridray.store import Store

# How many names there can be, and of how many of them what they come to is told.
NAMES_KEPT = 256
NAMES_SUMMARIZED = 64
# The last chunk is written anew with what came since, until it has so many points.
CHUNK_POINTS = 4096
# Samples between two looks at how large the chunk is.
BATCH = 1024
PRINTED: Source = ("", "printed")
SYSTEM: Source = ("", "system")
NAMES_TOLD = 3
FILES_TOLD = 10


class Collector:
    """Takes what is new at each look, and writes it below the attempt."""

    def __init__(
        self,
        store: Store,
        name: AttemptName,
        identity: str,
        run_began: float,
        files: MetricFiles,
        printed: Printed | None,
        usage: Usage,
    ) -> None:
        """Name the attempt, and what is looked at. `latest` is what was written last.

        Args:
            run_began: when the run was made (Unix, s): what is measured of its processes has the
                seconds since then for steps, so that they go on from attempt to attempt.
        """
        self._store = store
        self._name = name
        self._identity = identity
        self._run_began = run_began
        self._files = files
        self._printed = printed
        self._usage = usage
        self._naming = Naming(NAMES_KEPT)
        self._series = {each: Series() for each in MEASURED}
        for each in MEASURED:
            self._naming.claim(each, SYSTEM)
        for each, series in printed.series.items() if printed else ():
            self._naming.claim(each, PRINTED)
            self._series[each] = series
        self._lock = printed.lock if printed else threading.Lock()
        self._number = 0
        self._sealed: list[tuple[int, Chunk]] = []
        self._earlier: Earlier | None = None
        self._written: object = None
        self.latest: dict[str, Summary] = {}

    def look(self, paths: Collection[str], *, is_last: bool = False) -> None:
        """Take and write what is new.

        Args:
            paths: the files that metrics may be in, relative to the working directory.
            is_last: take also what is written in part only.

        Raises:
            StoreError: the store cannot be read or written; a later look does.
        """
        if self._earlier is None:
            self._earlier = Earlier(self._store, self._name, self._identity)
            self._naming.recall(self._earlier.directories)
        for source, samples in self._files.samples(paths, is_last=is_last):
            while batch := list(islice(samples, BATCH)):
                self._take(source, batch)
        if self._printed is not None and is_last:
            self._printed.finish()
        self._measure()
        self._write(self._earlier)

    def _take(self, source: Source, samples: Iterable[Sample]) -> None:
        now = time.time()
        for raw, step, moment, value in samples:
            name = self._naming.name(source, raw)
            if name is None:
                continue
            if name not in self._series:
                self._series[name] = Series()
            self._series[name].add(Point(step, moment or now, value))
        self._seal_if_full()

    def _measure(self) -> None:
        now = time.time()
        for name, value in self._usage.measure().items():
            self._series[name].add(Point(int(now - self._run_began), now, value))

    def _seal_if_full(self) -> None:
        """Begin another chunk where the last one is full: it is not written again."""
        with self._lock:
            if sum(len(series.kept) for series in self._series.values()) < CHUNK_POINTS:
                return
            full = {name: series.taken() for name, series in self._series.items() if series.kept}
        self._sealed.append((self._number, Chunk(full)))
        self._number += 1

    def _write(self, earlier: Earlier) -> None:
        self._seal_if_full()
        while self._sealed:
            self._put(*self._sealed[0])
            del self._sealed[0]
        with self._lock:
            state = (self._number, sum(each.count for each in self._series.values()), self.notes)
            if state == (self._number, 0, []) or state == self._written:
                return
            points = {name: each.points() for name, each in self._series.items() if each.count}
        self._put(self._number, Chunk({name: each for name, each in points.items() if each}))
        self.latest = self._metrics(earlier)
        directories = self._naming.directories
        told = AttemptMetrics(self.latest, tuple(self.notes), directories).to_json()
        key = layout.attempt_summary(self._name)
        self._store.put_json(key, marks.marked(told, self._identity))
        self._written = state

    def _put(self, number: int, chunk: Chunk) -> None:
        if chunk.points:
            key = layout.metric_chunk(self._name, number)
            self._store.put_json(key, marks.marked(chunk.to_json(), self._identity))

    @property
    def notes(self) -> list[str]:
        """What could not be read, and why; of files, the first ones."""
        complaints = self._files.complaints
        first = islice(complaints.items(), FILES_TOLD)
        damage = [] if self._earlier is None else self._earlier.damage
        notes = [*damage, *(f"{path}: {why}" for path, why in first)]
        if len(complaints) > FILES_TOLD:
            notes.append(f"{len(complaints) - FILES_TOLD:,} more files could not be read in full")
        if self._printed is not None and self._printed.complaint is not None:
            notes.append(self._printed.complaint)
        if self._naming.left_out:
            told = ", ".join(list(self._naming.left_out)[:NAMES_TOLD])
            notes.append(f"more than {NAMES_KEPT} metrics: {told} and others were left out")
        return notes

    def _metrics(self, earlier: Earlier) -> dict[str, Summary]:
        """Return what the metrics of the experiment come to, with the attempts before this one."""
        with self._lock:
            own = {name: (each.summary(), each.first_step) for name, each in self._series.items()}
        found: dict[str, Summary] = {}
        for name in dict.fromkeys([*own, *earlier.names]):
            summary, first = own.get(name, (None, math.inf))
            before = earlier.until(name, first)
            together = before.and_then(summary) if before and summary else before or summary
            if together is not None:
                found[name] = together
            if len(found) == NAMES_SUMMARIZED:
                break
        return found
