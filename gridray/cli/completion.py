"""What a shell offers for the names of runs and experiments: quickly, and quietly on errors."""

from gridray.errors import GridrayError

# A shell asks before it lists more than a hundred or so.
MOST = 200


def complete_runs(incomplete: str) -> list[str]:
    try:
        return [name for name in _runs() if name.startswith(incomplete)][:MOST]
    except GridrayError:
        return []


def complete_names(incomplete: str) -> list[str]:
    """Offer runs, and the experiments of the run whose name is there already."""
    try:
        return _names(incomplete)[:MOST]
    except GridrayError:
        return []


def complete_experiments(incomplete: str) -> list[str]:
    """Offer experiments; as long as it is not clear of which run, the runs."""
    try:
        found = _names(incomplete)
    except GridrayError:
        return []
    experiments = [name for name in found if "-exp" in name]
    return (experiments or found)[:MOST]


def _runs() -> list[str]:
    from gridray.cli.names import open_store
    from gridray.readers.runs import run_names

    return run_names(open_store())


def _names(incomplete: str) -> list[str]:
    from gridray.cli.names import open_store
    from gridray.layout import ExperimentName
    from gridray.records import read_run

    every = _runs()
    runs = [run for run in every if run.startswith(incomplete)]
    known = runs if len(runs) == 1 else [run for run in every if incomplete.startswith(run)]
    experiments = [
        name
        for run in known
        for index in range(read_run(open_store(), run).count)
        if (name := str(ExperimentName(run, index))).startswith(incomplete)
    ]
    return [*runs, *experiments]


def complete_datastores(incomplete: str) -> list[str]:
    from gridray import layout
    from gridray.cli.names import open_store

    try:
        names = open_store().names(layout.DATASTORES)
    except GridrayError:
        return []
    return [name for name in names if name.startswith(incomplete)][:MOST]
