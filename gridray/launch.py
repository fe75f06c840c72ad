"""From a spec to a recorded run, in two steps: `plan` touches nothing, `submit` does it."""

import getpass
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gridray import __version__, archive, layout, scripts, settings, source, sweep
from gridray.clusters.bootstrap import ensure_controller
from gridray.clusters.capacity import shortage
from gridray.clusters.cluster import Cluster, existing, is_local
from gridray.clusters.local import LocalCluster
from gridray.datastores import catalog
from gridray.errors import ClusterError, ExistsError, GridrayError, UsageError
from gridray.names import random_name
from gridray.records import (
    ClusterRecord,
    DatastoreRecord,
    Point,
    Resources,
    RunRecord,
    SourceRecord,
    write_points,
)
from gridray.settings import Settings
from gridray.source import Manifest
from gridray.spec import RunSpec
from gridray.store import Store
from gridray.sweep import Sweep

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a run would be. `warnings` are lines for the user."""

    spec: RunSpec
    script: str
    sweep: Sweep
    manifest: Manifest
    resources: Resources
    warnings: tuple[str, ...]

    def points(self) -> list[Point]:
        return [Point(each.params, each.argv) for each in self.sweep]


def plan(spec: RunSpec) -> Plan:
    """Work out what a run would be; nothing is written or started.

    Raises:
        UsageError: the script does not exist, or the sweep is broken.
        SourceError: the working directory cannot be snapshotted.
    """
    root = spec.root.absolute()
    script = _script(root, spec.script)
    expanded = sweep.parse(
        spec.args,
        strategy=spec.strategy,
        num_trials=spec.num_trials,
        seed=spec.seed,
        max_experiments=spec.max_experiments,
    )
    source.check_root(root, yes=spec.any_root)
    manifest = source.scan(root)
    _check_script_goes_along(manifest, script)
    return Plan(
        spec=spec,
        script=script,
        sweep=expanded,
        manifest=manifest,
        resources=Resources(spec.cpus or 1, spec.gpus, spec.memory),
        warnings=(*expanded.warnings, *manifest.warnings, *source.check_size(manifest)),
    )


def submit(planned: Plan, *, progress: Progress = lambda line: None) -> RunRecord:
    """Record a run in the store, from where the cluster's controller takes it.

    `run.json` is written last: before it, nothing of the run exists to anybody.

    Raises:
        ExistsError: a run of this name exists.
        NotFoundError: there is no such datastore, or version of it.
        ClusterError: the cluster cannot be started or reached, or can never give the resources.
        StoreError: the store cannot be written.
    """
    chosen = settings.load()
    store = Store(chosen.store)
    name = free_name(store, planned.spec.name)
    datastores = catalog.resolve(store, planned.spec.datastores)
    cluster = open_cluster(planned.spec.cluster or chosen.cluster, chosen, store, progress)
    check_resources(cluster, planned.resources)
    source_record, is_new = _put_source(store, planned.manifest)
    try:
        if ensure_controller(cluster, store):
            progress(f"started the controller on cluster {cluster.name}")
        record = _record(planned, name, cluster, source_record, datastores)
        write(store, record, planned.points())
    except BaseException:
        if is_new:
            _remove(store, layout.source(source_record.digest))
        raise
    return record


def choose_cluster(name: str | None) -> str:
    """Return the name of the cluster that a run without a choice of its own goes to."""
    return name or settings.load().cluster


def _script(root: Path, script: str) -> str:
    """Return the script's path relative to the root, with `/`."""
    if not script:
        raise UsageError("the script has no name", hint="name one after the options")
    path = root / script
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise UsageError(
            f"the script {script!r} {what}", hint=f"name a file below {root}, after the options"
        )
    relative = os.path.relpath(path, root)
    if relative.startswith(".."):
        raise UsageError(
            f"the script {script!r} is outside of the working directory {root}",
            hint="change to the project's directory first: its files go along with the script",
        )
    if not scripts.has_interpreter(relative) and not os.access(path, os.X_OK):
        raise UsageError(
            f"the script {script!r} is not a .py, .sh or .jl file, and not executable",
            hint=f"`chmod +x {script}`, with its interpreter in the first line",
        )
    return Path(relative).as_posix()


def _check_script_goes_along(manifest: Manifest, script: str) -> None:
    if not any(file.path == script for file in manifest.files):
        verdict = source.explain(manifest.root, script)
        raise UsageError(
            f"the script {script!r} would not go along: {verdict.text}",
            hint="take it out of the ignore file",
        )


def free_name(store: Store, wanted: str | None) -> str:
    """Return the name that a new run gets.

    Raises:
        ExistsError: the one that is wanted is taken.
    """
    if wanted is None:
        return random_name()
    if store.exists(layout.wave(wanted, 0)):
        raise _taken(wanted)
    return wanted


def _taken(name: str) -> ExistsError:
    return ExistsError(
        f"there is a run {name!r} already",
        hint=f"choose another --name, or `gridray delete run {name}` first",
    )


def open_cluster(name: str, chosen: Settings, store: Store, progress: Progress) -> Cluster:
    """Return a cluster that answers; this machine's own is started if need be.

    Raises:
        ClusterError: it does not answer, or cannot be started.
        NotFoundError: there is none of this name.
    """
    if not is_local(name):
        cluster = existing(name, chosen)
        cluster.jobs().version()
        return cluster
    local = LocalCluster(chosen)
    if local.running() is None:
        progress("starting a Ray cluster on this machine; it stays for the next run")
    cluster, _ = local.ensure()
    local.check_variables(store.url)
    return cluster


def check_resources(cluster: Cluster, wanted: Resources) -> None:
    """Check that some node could run one experiment.

    Raises:
        ClusterError: none can, and the cluster gets no others.
    """
    jobs = cluster.jobs()
    lack = shortage([node.resources for node in jobs.nodes()], wanted)
    if lack is None or jobs.is_autoscaling():
        return
    if lack.option is None:
        raise ClusterError(
            f"no node of the cluster {cluster.name} has {lack.asked} together",
            hint="ask for less, or use another --cluster",
        )
    raise ClusterError(
        f"{lack.option} asks for {lack.asked}, but no node of the cluster {cluster.name} has "
        f"more than {lack.most}",
        hint=f"ask for less with {lack.option}, or use another --cluster",
    )


def _put_source(store: Store, manifest: Manifest) -> tuple[SourceRecord, bool]:
    """Store the snapshot, unless the same one is there already; tell whether it was not."""
    digest = manifest.digest()
    key = layout.source(digest)
    size = store.size(key)
    is_new = size is None
    if size is None:
        with tempfile.TemporaryFile(suffix=".zip") as file:
            written = archive.write(manifest.root, manifest.files, file)
            key = layout.source(written)
            size = file.tell()
            file.seek(0)
            store.put(key, file)
            digest = written
    return SourceRecord(digest, manifest.size, len(manifest.files), size), is_new


def _record(
    planned: Plan,
    name: str,
    cluster: Cluster,
    source: SourceRecord,
    datastores: tuple[DatastoreRecord, ...] = (),
) -> RunRecord:
    return RunRecord(
        name=name,
        identity=secrets.token_hex(8),
        created_at=round(time.time(), 3),
        script=planned.script,
        args=planned.spec.args,
        sweep=planned.sweep.record(),
        count=len(planned.sweep),
        resources=planned.resources,
        env=planned.spec.env,
        max_parallel=planned.spec.max_parallel,
        source=source,
        cluster=ClusterRecord(cluster.name, cluster.key),
        user=getpass.getuser(),
        versions={"gridray": __version__, "python": platform.python_version()},
        auto_resume=planned.spec.auto_resume,
        retries=planned.spec.retries,
        max_time=planned.spec.max_time,
        grace=planned.spec.grace,
        hold_after=planned.spec.hold_after,
        datastores=datastores,
    )


def write(store: Store, record: RunRecord, points: list[Point]) -> None:
    """Claim the name, announce the run, then make it real with its record.

    Raises:
        ExistsError: the name is taken.
        NotFoundError, StateError: a datastore of it has gone, or is going; nothing of the run is
            left then.
        StoreError: the store cannot be written; nothing of the run is left then.
    """
    try:
        write_points(store, record.name, points)
    except ExistsError as error:
        raise _taken(record.name) from error
    try:
        store.put(_marker(record), b"")
        store.create_json(layout.run_record(record.name), record.to_json())
        # Only now: who deletes one looks for runs when it is sure to be seen here.
        catalog.check_there(store, record.datastores)
    except BaseException:
        _withdraw(store, record)
        raise


def _withdraw(store: Store, record: RunRecord) -> None:
    """Leave nothing of a run whose record could not be written."""
    for key in (layout.run_record(record.name), _marker(record), layout.wave(record.name, 0)):
        _remove(store, key)


def _marker(record: RunRecord) -> str:
    return layout.active_run(record.cluster.key, record.name, record.identity)


def _remove(store: Store, key: str) -> None:
    """Take back what was written; the error that made it necessary is the one to be told."""
    try:
        store.delete(key)
    except GridrayError:
        return
