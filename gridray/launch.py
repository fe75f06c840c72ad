"""From a spec to a recorded run, in two steps: `plan` touches nothing, `submit` does it."""

import getpass
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gridray import (
    __version__,
    archive,
    dependencies,
    git,
    images,
    layout,
    recording,
    scripts,
    sealing,
    settings,
    source,
    sweep,
)
from gridray.checkout import Checkout, checked_out, working_directory
from gridray.clusters import placing
from gridray.clusters.bootstrap import ensure_controller
from gridray.clusters.cluster import Cluster
from gridray.clusters.opening import Progress, check_has_groups, lacking_here, open_cluster, settle
from gridray.datastores import catalog
from gridray.errors import SourceError, UsageError
from gridray.placement import PlacementRecord
from gridray.pricing import Estimate, check_limit, estimate
from gridray.records import (
    ClusterRecord,
    DatastoreRecord,
    EnvironmentRecord,
    GitRecord,
    Point,
    Resources,
    RunRecord,
    ScratchRecord,
    SourceRecord,
)
from gridray.settings import Settings
from gridray.source import Manifest
from gridray.spec import RunSpec
from gridray.store import Store
from gridray.sweep import Sweep


@dataclass(frozen=True)
class Plan:
    """What a run would be. `warnings` are lines for the user.

    `resources` with 0 CPUs are a machine's share, which only its cluster knows. `changes` is what
    its source has that the commit in `git` does not have.
    """

    spec: RunSpec
    script: str
    sweep: Sweep
    manifest: Manifest
    resources: Resources
    environment: EnvironmentRecord
    warnings: tuple[str, ...]
    git: GitRecord | None = None
    changes: bytes = b""
    placement: PlacementRecord | None = None

    def points(self) -> list[Point]:
        return [Point(self.sweep.params(argv), argv) for argv in self.sweep]


@contextmanager
def planning(spec: RunSpec, *, progress: Progress = lambda line: None) -> Iterator[Plan]:
    """Plan a run, and keep the files of its source for as long as the context lasts.

    Raises:
        NotFoundError: the commit or repository that the source is to be of does not exist.
        And what `plan` raises.
    """
    with checked_out(spec, progress) as checkout:
        yield plan(spec, checkout)


def plan(spec: RunSpec, checkout: Checkout | None = None) -> Plan:
    """Work out what a run would be; nothing is written or started.

    Args:
        checkout: where its files are; None: in the working directory.

    Raises:
        UsageError: the script or the dependency file does not exist, the sweep is broken, a
            secret is not set, or there is no such instance type.
        SourceError: the working directory cannot be snapshotted.
    """
    sealing.values(spec.secrets, os.environ)
    if checkout is None:
        checkout = working_directory(spec)
    wanted = placing.placement(spec)
    script = _script(checkout, spec.script)
    expanded = expand(spec)
    source.check_root(checkout.root, yes=spec.any_root)
    manifest, record, changes, warnings = _look(checkout)
    _check_script_goes_along(manifest, script)
    return Plan(
        spec=spec,
        script=script,
        sweep=expanded,
        manifest=manifest,
        resources=placing.estimate(spec, wanted),
        placement=wanted,
        environment=_environment(spec, manifest),
        warnings=(
            *checkout.warnings,
            *expanded.warnings,
            *manifest.warnings,
            *source.check_size(manifest),
            *warnings,
        ),
        git=record,
        changes=changes,
    )


def expand(spec: RunSpec) -> Sweep:
    """Return the experiments that the arguments of a run come to.

    Raises:
        SweepError: they are broken, or too many.
    """
    return sweep.parse(
        spec.args,
        strategy=spec.strategy,
        num_trials=spec.num_trials,
        seed=spec.seed,
        max_experiments=spec.max_experiments,
    )


def _look(checkout: Checkout) -> tuple[Manifest, GitRecord | None, bytes, tuple[str, ...]]:
    """Return what goes along, its commit, what was changed since, and warnings about these."""
    if checkout.git is not None:
        return source.scan(checkout.root), checkout.git, b"", ()
    # Git looks at all files too: beside the scan it costs next to nothing.
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(git.look, checkout.root)
        manifest = source.scan(checkout.root)
        try:
            found = looking.result()
        except SourceError as error:
            return manifest, None, b"", (f"the commit is not recorded: {error.message}",)
    files = (file.path for file in manifest.files if not file.is_dir)
    known = None if found is None else found.record(files)
    record, changes = known or (None, b"")
    return manifest, record, changes, ()


def submit(planned: Plan, *, progress: Progress = lambda line: None) -> RunRecord:
    """Record a run in the store, from where the cluster's controller takes it.

    `run.json` is written last: before it, nothing of the run exists to anybody.

    Raises:
        ExistsError: a run of this name exists.
        NotFoundError: there is no such datastore, or version of it.
        ClusterError: the cluster cannot be started or reached, or can never give the resources.
        BuildError: its container image cannot be built.
        UsageError: there is a limit to its cost, which cannot be known.
        StoreError: the store cannot be written.
    """
    chosen = settings.load()
    store = Store(chosen.store)
    name = recording.free_name(store, planned.spec.name)
    datastores = catalog.resolve(store, planned.spec.datastores)
    wanted = planned.spec.cluster or chosen.cluster
    check_has_groups(wanted, planned.placement)
    registry = _check_image(planned, wanted, chosen, store)
    cluster = open_cluster(wanted, chosen, store, progress)
    planned = _settled(planned, cluster)
    check_limit(store, cluster.name, cluster.key, planned.spec.max_cost, planned.placement)
    if planned.spec.secrets:
        sealing.check_token(cluster.token)
    planned = _with_image(planned, registry, progress)
    source_record, is_new = _put_source(store, planned.manifest)
    try:
        if ensure_controller(cluster, store):
            progress(f"started the controller on cluster {cluster.name}")
        record = _record(planned, name, cluster, source_record, datastores)
        attached = recording.attachments(record, cluster, planned.changes)
        recording.write(store, record, planned.points(), attached)
    except BaseException:
        if is_new:
            recording.remove(store, layout.source(source_record.digest))
        raise
    return record


def _settled(planned: Plan, cluster: Cluster) -> Plan:
    """Return the plan with the nodes of a cluster that it is for, and what it has of them."""
    placement, resources = settle(cluster, planned.placement, placing.asked(planned.spec))
    return replace(planned, placement=placement, resources=resources)


def _check_image(planned: Plan, cluster: str, chosen: Settings, store: Store) -> str | None:
    """Return the registry that the run's image goes to, if one is to be built.

    Raises:
        UsageError: no image can be built here, or none could see the store.
    """
    spec = planned.spec
    if (spec.image or spec.dockerfile) and store.is_directory:
        raise UsageError(
            f"a container does not see the directory {store.url}, which is the store",
            hint='an image needs a store on S3: store = "s3://bucket/prefix" in settings.toml',
        )
    if spec.dockerfile is None:
        return None
    named = chosen.clusters.get(cluster)
    images.engine()
    return images.registry_of(cluster, named.registry if named else None)


def _with_image(planned: Plan, registry: str | None, progress: Progress) -> Plan:
    if registry is None or planned.spec.dockerfile is None:
        return planned
    dockerfile = os.path.normpath(planned.spec.dockerfile)
    image = images.provide(planned.manifest, dockerfile, registry, progress)
    return replace(planned, environment=replace(planned.environment, image=image))


def choose_cluster(name: str | None) -> str:
    """Return the name of the cluster that a run without a choice of its own goes to."""
    return name or settings.load().cluster


def foreseen(planned: Plan) -> tuple[str, ...]:
    """Return why `submit` will refuse a run, in lines for the user; its cluster is not asked."""
    cluster = choose_cluster(planned.spec.cluster)
    lack = lacking_here(cluster, planned.placement, planned.resources)
    return () if lack is None else (lack,)


def estimated(planned: Plan) -> Estimate | None:
    """Return what a run would cost an hour, if the prices of its cluster are known."""
    spec = planned.spec
    chosen = settings.load()
    at_once = min(len(planned.sweep), spec.max_parallel or len(planned.sweep))
    return estimate(
        Store(chosen.store),
        spec.cluster or chosen.cluster,
        planned.placement,
        planned.resources if planned.resources.cpus else None,
        at_once,
    )


def _script(checkout: Checkout, script: str) -> str:
    """Return the script's path relative to the root, with `/`."""
    if not script:
        raise UsageError("the script has no name", hint="name one after the options")
    root = checkout.root
    path = root / script
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise UsageError(
            f"the script {script!r} {what}",
            hint=f"name a file in {checkout.name}, after the options",
        )
    relative = os.path.relpath(path, root)
    if relative.startswith(".."):
        raise UsageError(
            f"the script {script!r} is outside of the working directory {checkout.name}",
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


def _environment(spec: RunSpec, manifest: Manifest) -> EnvironmentRecord:
    """Return what the scripts need installed."""
    if spec.dependency_file is not None and not spec.dependencies:
        raise UsageError(
            f"--dependency_file {spec.dependency_file} and --no-dependencies contradict each other",
            hint="leave out one of them",
        )
    if spec.image is not None and spec.dockerfile is not None:
        raise UsageError(
            f"--image {spec.image} and --dockerfile {spec.dockerfile} contradict each other",
            hint="leave out one of them",
        )
    going = {file.path for file in manifest.files if not file.is_dir}
    if spec.dockerfile is not None and os.path.normpath(spec.dockerfile) not in going:
        raise UsageError(
            f"--dockerfile {spec.dockerfile!r} is not among the files that go along",
            hint="name a file below this directory; `gridray files` lists what goes along",
        )
    file = None
    if spec.dependencies:
        file = dependencies.choose(manifest.root, going, spec.dependency_file)
    return EnvironmentRecord(
        dependency_file=file,
        image=spec.image,
        on_build_start=spec.actions.on_build_start,
        on_build=spec.actions.on_build,
        on_build_end=spec.actions.on_build_end,
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
        secrets=planned.spec.secrets,
        scratch=_scratch(planned.spec),
        git=planned.git,
        environment=planned.environment,
        on_experiment_start=planned.spec.actions.on_experiment_start,
        on_experiment_end=planned.spec.actions.on_experiment_end,
        datastores=datastores,
        placement=planned.placement,
        max_cost=planned.spec.max_cost,
        metrics=planned.spec.metrics,
    )


def _scratch(spec: RunSpec) -> ScratchRecord | None:
    if spec.scratch is None:
        return None
    return ScratchRecord(spec.scratch.size, spec.scratch.mount_path)
