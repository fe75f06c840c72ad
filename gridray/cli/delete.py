"""`delete`: runs, experiments and clusters go for good."""

import typer

from gridray.cli import cluster_options, options, panels
from gridray.cli.command import command
from gridray.cli.output import Output
from gridray.cli.plain import PlainGroup
from gridray.errors import UsageError


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        cls=PlainGroup, help="Delete runs, experiments or clusters with all that is theirs."
    )
    command(group, "run")(delete_runs)
    command(group, "experiment")(delete_experiments)
    command(group, "cluster")(delete_clusters)
    app.add_typer(group, name="delete", rich_help_panel=panels.CHANGE)


def delete_runs(
    out: Output, run: options.Runs, yes: options.Yes = False, force: options.Force = False
) -> None:
    """Delete runs that are over, with their logs and artifacts."""
    from gridray import actions
    from gridray.cli import changes, names

    store = names.open_store()
    targets = names.runs(run)
    for name in targets:
        actions.check_run_deletable(store, name, force=force)
    out.confirm(changes.question(targets), yes=yes)
    for name in targets:
        actions.delete_run(store, name, force=force)
    out.show(changes.deletions(targets), changes.show_deletions)


def delete_experiments(
    out: Output, experiment: options.Experiments, yes: options.Yes = False
) -> None:
    """Delete single experiments that are over, with their logs and artifacts."""
    from gridray import actions
    from gridray.cli import changes, names

    store = names.open_store()
    targets = names.experiments(experiment)
    for name in targets:
        actions.check_experiment_deletable(store, name.run, name.index)
    out.confirm(changes.question(targets), yes=yes)
    for name in targets:
        actions.delete_experiment(store, name.run, name.index)
    out.show(changes.deletions(targets), changes.show_deletions)


def delete_clusters(
    out: Output,
    name: options.Clusters,
    purge_store: cluster_options.PurgeStore = False,
    yes: options.Yes = False,
) -> None:
    """Delete clusters in AWS with all that was made for them; the local one is stopped."""
    from gridray.cli import cluster_work

    if out.is_json and len(name) > 1:
        raise UsageError("--output json is for one cluster", hint="delete them one by one")
    for each in name:
        cluster_work.check_ours(each)
    what = f"cluster {name[0]}" if len(name) == 1 else f"clusters {', '.join(name)}"
    out.confirm(f"End the {what}, and all that runs there?", yes=yes)
    for each in name:
        cluster_work.delete(out, each, purge_store=purge_store, yes=yes)
