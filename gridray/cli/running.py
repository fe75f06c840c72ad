"""What `run` and `files` tell: plans, submissions, files."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gridray import launch, scripts, source
from gridray.archive import shown
from gridray.cli import mounts, placements, planshapes, text, watching
from gridray.cli.names import open_store
from gridray.cli.output import Output
from gridray.cli.text import Column
from gridray.labels import SPOT

if TYPE_CHECKING:
    from gridray.launch import Plan
    from gridray.records import RunRecord
    from gridray.source import Manifest

PLACEHOLDER = "<name>"


def tell_misplaced(
    out: Output, ctx: typer.Context, script: str | None, args: Sequence[str]
) -> None:
    """Say that arguments with the name of one of our options went to the script."""
    if script is None:
        return
    ours = {_normalized(name) for each in ctx.command.params for name in each.opts}
    ours |= set(ctx.help_option_names)
    ours = {name for name in ours if name.startswith("-")}
    names = [arg.partition("=")[0] for arg in args if arg.startswith("-")]
    found = list(dict.fromkeys(name for name in names if _normalized(name) in ours))
    if found:
        before = "it" if len(found) == 1 else "them"
        out.note(
            f"{', '.join(found)} went to {shown(script)}; put {before} before "
            f"{shown(script)} if gridray was meant"
        )


def warn(out: Output, warnings: Iterable[str]) -> None:
    for warning in warnings:
        out.warn(warning)


def describe(planned: "Plan") -> planshapes.Planned:
    spec, resources = planned.spec, planned.resources
    estimate = launch.estimated(planned)
    name = spec.name or PLACEHOLDER
    experiments = (
        planshapes.PlannedExperiment(
            name=f"{name}-exp{index}",
            command=tuple(scripts.command(planned.script, argv)),
            params=planned.sweep.params(argv),
        )
        for index, argv in enumerate(planned.sweep)
    )
    return planshapes.Planned(
        name=spec.name,
        cluster=launch.choose_cluster(spec.cluster),
        experiments=tuple(experiments),
        resources=planshapes.Resources(resources.cpus, resources.gpus, resources.memory),
        files=file_list(planned.manifest).files,
        size=planned.manifest.size,
        commit=planned.git.commit if planned.git else None,
        branch=planned.git.branch if planned.git else None,
        remote=planned.git.remote if planned.git else None,
        dirty=planned.git is not None and planned.git.is_dirty,
        dependency_file=planned.environment.dependency_file,
        image=planned.environment.image,
        datastores=tuple(mounts.asked(each) for each in spec.datastores),
        placement=placements.of(planned.placement),
        estimate=None if estimate is None else planshapes.Estimate(**vars(estimate)),
    )


def show_plan(out: Output, planned: planshapes.Planned) -> None:
    rows = [(each.name, text.command_line(each.command)) for each in planned.experiments]
    out.table((Column("Experiment"), Column("Command")), rows)
    out.line()
    show_files(out, planshapes.Files(planned.files, planned.size))
    if planned.commit:
        out.line(f"of the commit {text.commit(planned.commit, planned.branch, planned.dirty)}")
    wanted = planned.resources
    each = placements.resources(wanted.cpus, wanted.gpus, wanted.memory, planned.placement)
    out.line()
    if planned.dependency_file is not None:
        out.line(f"Depends on {shown(planned.dependency_file)}.")
    for mounted in planned.datastores:
        out.line(f"datastore {mounts.mount_text(mounted)}")
    if planned.placement is not None:
        out.line(f"on {placements.words(planned.placement)}")
    out.line(
        f"{text.count(len(rows), 'experiment')} with {each} each, on cluster "
        f"{text.harmless(planned.cluster)}. Nothing has been started or uploaded."
    )
    if planned.estimate is not None:
        out.line(_cost(planned.estimate))


def _cost(found: planshapes.Estimate) -> str:
    of = "a whole" if found.share == 1 else f"{found.share:.0%} of a"
    market = "spot" if found.market == SPOT else "on demand"
    return (
        f"An hour of one costs about {text.money(found.experiment)}, for {of} "
        f"{found.instance_type} ({market}); of all at once {text.money(found.run)}."
    )


def show_submitted(out: Output, record: "RunRecord") -> None:
    """Tell what a new run is: its name is the data, the rest is for people."""
    out.show(planshapes.Submitted(record.name, record.count, record.cluster.name), _show_name)
    wanted = record.resources
    each = text.resources(wanted.cpus, wanted.gpus, wanted.memory)
    files = f"{text.count(record.source.files, 'file')}, {text.size(record.source.size)}"
    out.note(f"  experiments  {record.count:,}, with {each} each")
    if (placement := placements.of(record.placement)) is not None:
        out.note(f"  nodes        {placements.words(placement)}")
    out.note(f"  cluster      {text.harmless(record.cluster.name)}")
    out.note(f"  source       {files}, {text.size(record.source.archive_size)} compressed")
    if record.git:
        git = record.git
        out.note(f"  commit       {text.commit(git.commit, git.branch, git.is_dirty)}")
    if record.environment.dependency_file is not None:
        out.note(f"  depends on   {shown(record.environment.dependency_file)}")
    if record.environment.image is not None:
        out.note(f"  image        {shown(record.environment.image)}")
    for mounted in record.datastores:
        out.note(f"  datastore    {mounts.mount_text(mounts.mounted(mounted))}")
    name = record.name
    out.next_commands(
        (
            f"gridray status {name}",
            f"gridray logs {name}-exp0 -f",
            f"gridray artifacts {name}",
        )
    )


def wait(out: Output, run: str) -> None:
    """Tell how a run goes until it is over.

    Raises:
        StateError: an experiment did not succeed.
    """
    out.note()
    watching.check(watching.wait(out, open_store(), run))


def file_list(manifest: "Manifest") -> planshapes.Files:
    files = (planshapes.File(file.path, file.size) for file in manifest.files)
    return planshapes.Files(tuple(files), manifest.size)


def show_files(out: Output, found: planshapes.Files) -> None:
    rows = [(text.size(file.size), shown(file.path)) for file in found.files]
    out.table((Column("Size", right=True), Column("File")), rows)
    out.line(f"{text.count(len(rows), 'file')}, {text.size(found.size)}")


def verdict(root: Path, path: Path) -> planshapes.Verdict:
    found = source.explain(root, path)
    return planshapes.Verdict(
        str(path), found.goes, found.text, found.rule_file, found.line, found.pattern
    )


def show_verdict(out: Output, found: planshapes.Verdict) -> None:
    out.line(found.text)


def _show_name(out: Output, submitted: planshapes.Submitted) -> None:
    out.line(submitted.name)


def _normalized(name: str) -> str:
    return name.replace("_", "-")
