"""The names that a user types, as what they mean; and the store that they are looked up in."""

from collections.abc import Sequence

from gridray import settings
from gridray.errors import UsageError
from gridray.layout import ExperimentName, parse_name
from gridray.store import Store


def open_store() -> Store:
    """Return the store that the settings name."""
    return Store(settings.load().store)


def experiment(name: str) -> ExperimentName:
    """Return the experiment that is named; a run's name means its first one."""
    run, index = parse_name(name)
    return ExperimentName(run, index or 0)


def experiments(names: Sequence[str]) -> list[ExperimentName]:
    """Return the experiments that are named, each once.

    Raises:
        UsageError: a name is a run's, or none.
    """
    found = []
    for name in names:
        run, index = parse_name(name)
        if index is None:
            raise UsageError(
                f"{name!r} is a run, and not an experiment", hint=f"one of its is {run}-exp0"
            )
        found.append(ExperimentName(run, index))
    return list(dict.fromkeys(found))


def runs(names: Sequence[str]) -> list[str]:
    """Return the runs that are named, each once.

    Raises:
        UsageError: a name is an experiment's, or none.
    """
    for name in names:
        run, index = parse_name(name)
        if index is not None:
            raise UsageError(f"{name!r} is an experiment, and not a run", hint=f"its run is {run}")
    return list(dict.fromkeys(names))
