"""`run` and `files`: what is asked for, and what goes along."""

from pathlib import Path

import typer

from gridray.cli import datastore_options, options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    settings = {"allow_interspersed_args": False}
    command(app, "run", rich_help_panel=panels.RUN, context_settings=settings)(run)
    command(app, "files", rich_help_panel=panels.RUN)(files)


def run(
    out: Output,
    ctx: typer.Context,
    script: options.Script,
    args: options.ScriptArguments = None,
    name: options.Name = None,
    cluster: options.Cluster = None,
    strategy: options.Strategy = "grid_search",
    num_trials: options.NumTrials = None,
    seed: options.Seed = None,
    gpus: options.Gpus = 0,
    cpus: options.Cpus = 0,
    memory: options.Memory = None,
    env: options.Env = None,
    datastore_name: datastore_options.Names = None,
    datastore_version: datastore_options.Version = None,
    datastore_mount_dir: datastore_options.MountDir = None,
    max_parallel: options.MaxParallel = None,
    max_experiments: options.MaxExperiments = 10_000,
    auto_resume: options.AutoResume = False,
    retries: options.Retries = 0,
    max_time: options.MaxTime = None,
    grace: options.RunGrace = 30,
    hold_after: options.HoldAfter = 5,
    keep_going: options.KeepGoing = False,
    dry_run: options.DryRun = False,
    wait: options.Wait = False,
    yes: options.AnyRoot = False,
    localdir: options.LocalDir = False,
) -> None:
    """Run a script as a sweep of experiments.

    As in: gridray run --gpus 1 train.py --lr "[0.1, 0.01]" --layers "range(1, 5)"

    Gridray's options come before SCRIPT; everything after it goes to the script.
    """
    from gridray import launch, spec
    from gridray.cli import running
    from gridray.datastores import names

    running.tell_misplaced(out, ctx, script, args or [])
    asked = {
        "script": script,
        "args": args or (),
        "name": name,
        "cluster": cluster,
        "strategy": strategy,
        "num_trials": num_trials,
        "seed": seed,
        "gpus": gpus,
        "cpus": cpus,
        "memory": memory,
        "env": spec.parse_env(env or []),
        "datastores": names.parse_mounts(
            datastore_name or [], datastore_version, datastore_mount_dir
        ),
        "max_parallel": max_parallel,
        "max_experiments": max_experiments,
        "auto_resume": auto_resume,
        "retries": retries,
        "max_time": max_time,
        "grace": grace,
        "hold_after": hold_after,
        "any_root": yes,
    }
    given = {field: value for field, value in asked.items() if value is not None}
    planned = launch.plan(spec.make_spec(given | ({"hold_after": None} if keep_going else {})))
    running.warn(out, planned.warnings)
    if dry_run:
        out.show(running.describe(planned), running.show_plan)
        return
    record = launch.submit(planned, progress=out.note)
    running.show_submitted(out, record)
    if wait:
        running.wait(out, record.name)


def files(out: Output, why: options.Why = None, yes: options.AnyRoot = False) -> None:
    """List the files that go along with a run."""
    from gridray import source
    from gridray.cli import running

    root = Path.cwd()
    if why is not None:
        out.show(running.verdict(root, why), running.show_verdict)
        return
    source.check_root(root, yes=yes)
    manifest = source.scan(root)
    out.show(running.file_list(manifest), running.show_files)
    running.warn(out, (*manifest.warnings, *source.check_size(manifest)))
