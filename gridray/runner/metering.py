"""The metrics of an attempt: what begins with its script, and what costs nothing before.

All that reads metrics is imported with the first look: a script is not to wait for it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gridray.errors import StoreError
from gridray.layout import AttemptName
from gridray.records import RunRecord
from gridray.runner.artifacts import ArtifactSync
from gridray.runner.periodic import Periodically
from gridray.store import Store

if TYPE_CHECKING:
    from gridray.runner.metrics.collector import Collector
    from gridray.runner.metrics.printed import Printed

# Seconds before each look.
PAUSES = (5.0, 10.0)


class Metering:
    """Looks at the metrics of one attempt again and again, and once more at its end."""

    def __init__(
        self,
        store: Store,
        name: AttemptName,
        record: RunRecord,
        sync: ArtifactSync,
        env: Mapping[str, str],
    ) -> None:
        """Name the attempt, right before its script.

        Args:
            sync: knows the files of its working directory; those that are there do not count.
            env: the script's environment.
        """
        self._store = store
        self._name = name
        self._record = record
        self._sync = sync
        self._env = env
        self._script: Callable[[], int | None] = lambda: None
        self._collector: Collector | None = None
        self._printed: Printed | None = None
        self._fault: str | None = None
        with self._forgiving():
            self._printed = _printed(record)
            if sync.metric_files:
                # What is there has to be measured before the script adds to it.
                self._collector = self._made(sync.metric_files)

    def regularly(self, script: Callable[[], int | None]) -> Periodically:
        """Return a context in which metrics are looked at.

        Args:
            script: returns the number of the process that is measured; None: there is none.
        """
        self._script = script
        return Periodically(PAUSES, self.look)

    def feed(self, data: bytes) -> None:
        """Take what the script has printed."""
        if self._printed is not None and self._fault is None:
            with self._forgiving():
                self._printed.feed(data)

    def look(self, *, is_last: bool = False) -> None:
        """Bring the store up to date.

        Raises:
            StoreError: it cannot be written.
        """
        if self._fault is not None:
            return
        with self._forgiving():
            if self._collector is None:
                if is_last and self._printed is None and not self._sync.metric_files:
                    return
                self._collector = self._made(())
            self._collector.look(self._sync.metric_files, is_last=is_last)

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Give metrics up for what a script prints or writes: it may not cost its result."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            self._fault = f"its metrics could not be read: {error!r}"

    @property
    def notes(self) -> list[str]:
        """What could not be read, and why."""
        told = [] if self._fault is None else [self._fault]
        return told if self._collector is None else [*told, *self._collector.notes]

    def summaries(self) -> dict[str, Any] | None:
        """Return what the metrics come to, for the last word; None: it is not known in full."""
        if self._fault is not None:
            return None
        if self._collector is None:
            return {}
        from gridray.metricrecords import summaries_to_json

        return summaries_to_json(self._collector.latest)

    def _made(self, before: Collection[str]) -> "Collector":
        from gridray.runner.metrics.collector import Collector
        from gridray.runner.metrics.files import MetricFiles
        from gridray.runner.metrics.usage import Usage

        usage = Usage(lambda: self._script(), self._env, self._record.resources.gpus)
        files = MetricFiles(self._sync.root, before)
        began = self._record.created_at
        identity = self._record.identity
        return Collector(self._store, self._name, identity, began, files, self._printed, usage)


def _printed(record: RunRecord) -> "Printed | None":
    if not record.metrics:
        return None
    from gridray.runner.metrics.printed import Printed

    return Printed(record.metrics)
