"""Gridray as a library: `submit` a run, then ask `Run` about it."""

import time
from collections.abc import Iterator
from pathlib import Path

from gridray import actions, layout, settings
from gridray.errors import UsageError
from gridray.layout import ExperimentName
from gridray.logformat import LogLine
from gridray.readers import artifacts, costs, logs, runs
from gridray.readers.costs import RunCost
from gridray.readers.download import Artifact, download
from gridray.readers.runs import ExperimentView, RunView
from gridray.spec import RunSpec
from gridray.store import Store

POLL_INTERVAL = 0.5


def submit(spec: RunSpec) -> "Run":
    """Submit a run; it goes on without this process.

    Raises:
        UsageError: what the spec asks for cannot be meant.
        SourceError: the working directory cannot be snapshotted, or git cannot check it out.
        NotFoundError: the commit or repository that the source is to be of does not exist.
        ExistsError: a run of this name exists.
        ClusterError: the cluster cannot be reached, or never give the resources.
        StoreError: the store cannot be written.
    """
    from gridray import launch

    with launch.planning(spec) as planned:
        return Run(launch.submit(planned).name)


class Run:
    """A run in the store that the settings name."""

    def __init__(self, name: str, *, store: Store | None = None) -> None:
        """Name a run; it is looked for when it is asked something.

        Raises:
            UsageError: it is no name for a run.
        """
        self.name = layout.check_run_name(name)
        self._store = store or Store(settings.load().store)

    def __repr__(self) -> str:
        return f"Run({self.name!r})"

    def status(self) -> RunView:
        """Read where it and its experiments are.

        Raises:
            NotFoundError: there is no such run.
        """
        return runs.run_view(self._store, self.name, time.time())

    @property
    def experiments(self) -> "list[Experiment]":
        """The experiments, in the order of their numbers."""
        names = [experiment.name for experiment in self.status().experiments]
        return [Experiment(name, store=self._store) for name in names]

    def wait(self, timeout: float | None = None) -> RunView:
        """Wait until all experiments are over or held, and return where they are.

        Args:
            timeout: seconds, after which the view is returned as it is.
        """
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            view = self.status()
            summary = view.summary
            is_at_rest = runs.is_at_rest(summary.state, summary.queued, summary.held)
            if is_at_rest or time.monotonic() > deadline:
                return view
            time.sleep(POLL_INTERVAL)

    def changes(self) -> bytes:
        """Return what its source has that its commit does not have, as a patch for `git apply`.

        Comments in it name the files that git did not know, and what was too large to be kept.

        Raises:
            NotFoundError: there is no such run.
        """
        return runs.changes(self._store, self.name)

    def cost(self) -> RunCost:
        """Read what it has cost, attempt by attempt, in US dollars, as far as that is known.

        Raises:
            NotFoundError: there is no such run.
        """
        return costs.run_cost(self._store, self.name, time.time())

    def stop(self, grace: float = actions.DEFAULT_GRACE) -> None:
        """Ask for all its experiments to end, the scripts within `grace` seconds."""
        actions.stop(self._store, self.name, None, grace)

    def retry(self) -> None:
        """Give what did not succeed another attempt, and let go on what is held.

        Raises:
            ClusterError: its cluster cannot be reached, or is gone.
        """
        from gridray import again

        again.retry(self._store, self.name, again.to_retry(self._store, self.name))

    def rerun(self, name: str | None = None) -> "Run":
        """Start it anew, as a new run with the same source, sweep and options.

        Raises:
            NotFoundError: its source is not in the store any more.
            ExistsError: a run of the new name exists.
            ClusterError: its cluster cannot be reached, or never give the resources.
        """
        from gridray import again

        return Run(again.rerun(self._store, self.name, name=name).name, store=self._store)

    def delete(self) -> None:
        """Remove it with all its logs and artifacts.

        Raises:
            StateError: it is not over.
        """
        actions.delete_run(self._store, self.name)


class Experiment:
    """An experiment in the store that the settings name."""

    def __init__(self, name: str, *, store: Store | None = None) -> None:
        """Name an experiment, as `happy-otter-412-exp0`.

        Raises:
            UsageError: it is no name of an experiment.
        """
        run, index = layout.parse_name(name)
        if index is None:
            raise UsageError(
                f"{name!r} is a run", hint=f"name one of its experiments, as {run}-exp0"
            )
        self._name = ExperimentName(run, index)
        self._store = store or Store(settings.load().store)

    def __repr__(self) -> str:
        return f"Experiment({self.name!r})"

    @property
    def name(self) -> str:
        return str(self._name)

    def status(self) -> ExperimentView:
        """Read where it is.

        Raises:
            NotFoundError: there is no such experiment.
        """
        return runs.experiment_view(self._store, self._name.run, self._name.index, time.time())

    def log(self) -> bytes:
        """Return the exact bytes that the latest attempt's script has written so far."""
        name = logs.attempt_of(self._store, self._name.run, self._name.index)
        return b"" if name is None else b"".join(logs.raw(self._store, name))

    def follow(self) -> Iterator[LogLine]:
        """Yield the lines of the log as they come, until the experiment is over."""
        return logs.follow(self._store, self._name.run, self._name.index)

    def artifacts(self, pattern: str | None = None) -> list[Artifact]:
        """Return its artifacts; those whose path matches a regular expression."""
        return artifacts.of_experiment(self._store, self._name.run, self._name.index, pattern)

    def download(self, directory: Path, pattern: str | None = None) -> list[Path]:
        """Bring its artifacts below a directory, and return their paths there."""
        found = self.artifacts(pattern)
        targets = [directory / artifact.path for artifact in found]
        download(self._store, list(zip(found, targets, strict=True)))
        return targets

    def retry(self) -> None:
        """Give it another attempt.

        Raises:
            StateError: it is not over, or has succeeded.
            ClusterError: its cluster cannot be reached, or is gone.
        """
        from gridray import again

        run, index = self._name.run, self._name.index
        again.retry(self._store, run, again.to_retry(self._store, run, [index]))

    def stop(self, grace: float = actions.DEFAULT_GRACE) -> None:
        """Ask for it to end, its script within `grace` seconds."""
        actions.stop(self._store, self._name.run, self._name.index, grace)
