"""Artifacts as users name them: which there are, where they land, bringing them there."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from gridray.archive import shown
from gridray.cli import fileshapes, text
from gridray.cli.output import Output
from gridray.cli.text import Column
from gridray.errors import UsageError
from gridray.layout import ExperimentName, parse_name
from gridray.readers import artifacts, runs
from gridray.readers.download import Artifact, download
from gridray.records import read_run
from gridray.store import Store

DEFAULT_DIRECTORY = Path("grid_artifacts")


@dataclass(frozen=True)
class Chosen:
    """A name that the user has typed, of a run or of an experiment (`index`)."""

    name: str
    run: str
    index: int | None

    def target(self, directory: Path, artifact: Artifact) -> Path:
        """Return where an artifact lands."""
        below = () if self.index is not None else (str(artifact.experiment),)
        return directory.joinpath(self.name, *below, artifact.path)


Found = list[tuple[Chosen, Artifact]]


def chosen(store: Store, names: Sequence[str]) -> list[Chosen]:
    """Look the names up, each once.

    Raises:
        NotFoundError: there is no such run or experiment.
        UsageError: one is no name.
    """
    found = [Chosen(name, *parse_name(name)) for name in dict.fromkeys(names)]
    for each in found:
        if each.index is None:
            read_run(store, each.run)
        else:
            runs.experiment_view(store, each.run, each.index, time.time())
    return found


def find(store: Store, wanted: Sequence[Chosen], pattern: str | None) -> Found:
    """Return the artifacts of what was chosen, those whose path matches."""
    found: Found = []
    for each in wanted:
        if each.index is None:
            artifacts_of = artifacts.of_run(store, each.run, pattern)
        else:
            artifacts_of = artifacts.of_experiment(store, each.run, each.index, pattern)
        found += [(each, artifact) for artifact in artifacts_of]
    return found


def locations(store: Store, wanted: Sequence[Chosen]) -> fileshapes.Locations:
    found: dict[ExperimentName, str] = {}
    for each in wanted:
        if each.index is None:
            found |= artifacts.locations(store, each.run)
        else:
            name = ExperimentName(each.run, each.index)
            found[name] = artifacts.location(store, each.run, each.index)
    listed = (fileshapes.Location(str(name), location) for name, location in found.items())
    return fileshapes.Locations(tuple(listed))


def show_locations(out: Output, found: fileshapes.Locations) -> None:
    rows = ((each.experiment, each.location) for each in found.locations)
    out.table((Column("Experiment"), Column("Location")), rows)


def listing(found: Found) -> fileshapes.Artifacts:
    return fileshapes.Artifacts(tuple(_shape(artifact) for _, artifact in found))


def _shape(artifact: Artifact) -> fileshapes.Artifact:
    modified = datetime.fromtimestamp(artifact.record.mtime_ns / 1e9, timezone.utc)
    return fileshapes.Artifact(
        str(artifact.experiment), artifact.path, artifact.record.size, modified
    )


def show_listing(out: Output, found: fileshapes.Artifacts) -> None:
    columns = (Column("Experiment"), Column("Size", right=True), Column("Modified"), Column("Path"))
    out.table(
        columns,
        (
            (each.experiment, text.size(each.size), text.moment(each.modified), shown(each.path))
            for each in found.artifacts
        ),
    )
    total = sum(each.size for each in found.artifacts)
    out.note(f"{text.count(len(found.artifacts), 'file')}, {text.size(total)}")


def directory(wanted: Path | None) -> Path:
    """Return where files go. The one we make ourselves stays out of the next snapshot.

    Raises:
        UsageError: it cannot be made.
    """
    chosen = wanted or DEFAULT_DIRECTORY
    try:
        is_new = not chosen.exists()
        chosen.mkdir(parents=True, exist_ok=True)
        if is_new and wanted is None:
            (chosen / ".gitignore").write_text("*\n")
    except OSError as error:
        raise UsageError(
            f"{shown(str(chosen))} cannot be made: {error.strerror}",
            hint="choose another --download_dir",
        ) from error
    return chosen


def bring(
    out: Output, store: Store, wanted: Sequence[Chosen], found: Found, directory: Path
) -> fileshapes.Downloaded:
    """Download what was found, below the directory."""
    pairs = [(artifact, each.target(directory, artifact)) for each, artifact in found]
    total = sum(artifact.record.size for artifact, _ in pairs)
    title = text.count(len(pairs), "file")
    with out.progress(title, total) as advance:
        left = download(store, pairs, lambda artifact: advance(artifact.record.size))
    for each in left:
        link = f"{shown(each.path)} -> {shown(each.record.link or '')}"
        out.warn(f"the link {link} of {each.experiment} leads out of its files, and is left out")
    out.note(f"{title}, {text.size(total)}")
    return fileshapes.Downloaded(
        tuple(os.fspath(directory / each.name) for each in wanted if _has_any(each, found)),
        tuple(os.fspath(target) for _, target in pairs),
        total,
    )


def show_directories(out: Output, found: fileshapes.Downloaded) -> None:
    for each in found.directories:
        out.line(shown(each))


def _has_any(each: Chosen, found: Found) -> bool:
    return any(other is each for other, _ in found)
