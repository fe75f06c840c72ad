"""The files that experiments have created."""

import re
import time
from collections.abc import Callable
from typing import Any

from gridray import layout
from gridray.artifactindex import ArtifactIndex
from gridray.errors import UsageError
from gridray.layout import AttemptName, ExperimentName
from gridray.readers import runs
from gridray.readers.download import Artifact
from gridray.store import Store


def of_experiment(store: Store, run: str, index: int, pattern: str | None = None) -> list[Artifact]:
    """Return an experiment's artifacts, by path; those whose path matches a pattern.

    Raises:
        NotFoundError: there is no such experiment.
        UsageError: the pattern is no regular expression.
    """
    matches = _matcher(pattern)
    name = runs.latest_attempt(store, run, index, layout.artifact_index)
    if name is None:
        return []
    raw = store.get_json(layout.artifact_index(name))
    return [
        Artifact.of(run, index, record)
        for record in ArtifactIndex.from_json(raw).files
        if matches(record.path)
    ]


def of_run(store: Store, run: str, pattern: str | None = None) -> list[Artifact]:
    """Return the artifacts of all experiments of a run, by number and path.

    Raises:
        NotFoundError: there is no such run.
        UsageError: the pattern is no regular expression.
    """
    matches = _matcher(pattern)
    latest = _latest_indexes(store, run)
    return [
        Artifact.of(run, name.index, record)
        for name, (_, raw) in latest.items()
        if raw is not None
        for record in ArtifactIndex.from_json(raw).files
        if matches(record.path)
    ]


def locations(store: Store, run: str) -> dict[ExperimentName, str]:
    """Return where other tools find the artifacts of each experiment's latest attempt."""
    latest = _latest_indexes(store, run)
    return {
        experiment: store.location(layout.artifacts(name))
        for experiment, (name, _) in latest.items()
    }


def _latest_indexes(store: Store, run: str) -> dict[ExperimentName, tuple[AttemptName, Any]]:
    """Return each experiment's latest attempt that has artifacts, and its index; read at once."""
    attempts = [
        AttemptName(run, index, attempt)
        for view in runs.run_view(store, run, time.time()).experiments
        if (index := layout.parse_name(view.name)[1]) is not None
        for attempt in range(view.attempt + 1)
    ]
    indexes = store.get_many_json(map(layout.artifact_index, attempts))
    latest: dict[ExperimentName, tuple[AttemptName, Any]] = {}
    for name in attempts:
        raw = indexes.get(layout.artifact_index(name))
        if raw is not None or name.attempt == 0:
            latest[ExperimentName(run, name.index)] = (name, raw)
    return latest


def location(store: Store, run: str, index: int) -> str:
    """Return where other tools find the artifacts of an experiment's latest attempt."""
    name = runs.latest_attempt(store, run, index, layout.artifact_index)
    return store.location(layout.artifacts(name or AttemptName(run, index, 0)))


def _matcher(pattern: str | None) -> Callable[[str], bool]:
    if pattern is None:
        return lambda path: True
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}") from error
    return lambda path: expression.search(path) is not None
