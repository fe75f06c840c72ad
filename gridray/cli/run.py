"""`run` and `files`: what is asked for, and what goes along."""

from pathlib import Path

import typer

from gridray.cli import cloud_options, datastore_options, metric_options, needs, options, panels
from gridray.cli.command import command
from gridray.cli.gitwords import RunCommand
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    settings = {"allow_interspersed_args": False}
    kind = RunCommand
    command(app, "run", cls=kind, rich_help_panel=panels.RUN, context_settings=settings)(run)
    command(app, "files", rich_help_panel=panels.RUN)(files)


def run(
    out: Output,
    ctx: typer.Context,
    script: options.Script = None,
    args: options.ScriptArguments = None,
    config: options.Config = None,
    name: options.Name = None,
    cluster: options.Cluster = None,
    strategy: options.Strategy = "grid_search",
    num_trials: options.NumTrials = None,
    seed: options.Seed = None,
    gpus: options.Gpus = 0,
    cpus: options.Cpus = 0,
    memory: options.Memory = None,
    env: options.Env = None,
    env_file: options.EnvFile = None,
    secret: options.Secret = None,
    dependency_file: needs.DependencyFile = None,
    no_dependencies: needs.NoDependencies = False,
    image: needs.Image = None,
    dockerfile: needs.Dockerfile = None,
    on_build_start: needs.OnBuildStart = None,
    on_build: needs.OnBuild = None,
    on_build_end: needs.OnBuildEnd = None,
    on_experiment_start: needs.OnExperimentStart = None,
    on_experiment_end: needs.OnExperimentEnd = None,
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
    git: options.Git = None,
    scratch_size: needs.ScratchSize = None,
    scratch_mount_path: needs.ScratchMountPath = None,
    instance_type: cloud_options.InstanceType = None,
    use_spot: cloud_options.UseSpot = False,
    disk_size: cloud_options.DiskSize = None,
    spot_fallback: cloud_options.SpotFallback = None,
    max_cost: cloud_options.MaxCost = None,
    metric: metric_options.Printed = None,
) -> None:
    """Run a script as a sweep of experiments.

    As in: gridray run --gpus 1 train.py --lr "[0.1, 0.01]" --layers "range(1, 5)"

    Gridray's options come before SCRIPT; everything after it goes to the script. They win over
    what the file of --config says.
    """
    from gridray import launch
    from gridray.cli import asking, running

    # All options but those of the last lines reach the spec through the context: only it can tell
    # what was typed from what is a default.
    wanted = asking.spec(out, ctx)
    with launch.planning(wanted, progress=out.note) as planned:
        running.warn(out, planned.warnings)
        if dry_run:
            out.show(running.describe(planned), running.show_plan)
            running.warn(out, launch.foreseen(planned))
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
