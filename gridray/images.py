"""Container images: built from a run's own Dockerfile, and pushed to its cluster's registry."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gridray import archive
from gridray.errors import BuildError, UsageError
from gridray.settings import LOCAL
from gridray.source import Manifest

ENGINES = ("docker", "podman")
REPOSITORY = "gridray"


def engine() -> str:
    """Return the path of a container engine on this machine.

    Raises:
        UsageError: there is none.
    """
    for name in ENGINES:
        if (found := shutil.which(name)) is not None:
            return found
    raise UsageError(
        f"--dockerfile needs {' or '.join(ENGINES)}, and neither is on the PATH",
        hint="install one, or build and push the image elsewhere and name it with --image",
    )


def registry_of(cluster: str, registry: str | None) -> str:
    """Return the registry of a cluster.

    Raises:
        UsageError: it has none.
    """
    if registry is None and cluster == LOCAL:
        raise UsageError(
            "--dockerfile pushes to a registry, and this machine's own cluster has none",
            hint="build the image with podman, and name it with --image",
        )
    if registry is None:
        raise UsageError(
            f"--dockerfile needs a registry that the nodes of the cluster {cluster} pull from",
            hint=f'set it in settings.toml, as [clusters.{cluster}] registry = "host/path"; '
            "or push an image yourself and name it with --image",
        )
    return registry.rstrip("/")


def provide(
    manifest: Manifest, dockerfile: str, registry: str, progress: Callable[[str], None]
) -> str:
    """Build the image of a source and push it, unless that was done before; return its name.

    What goes along with the run is what the engine builds from. The same files have the same name.

    Args:
        dockerfile: one of the files, relative to their root.

    Raises:
        UsageError: there is no container engine here.
        BuildError: the engine fails.
        SourceError: a file cannot be read.
    """
    program = engine()
    recipe = (manifest.root / dockerfile).read_bytes()
    reference = f"{registry}/{REPOSITORY}:{_tag(manifest, dockerfile, recipe)}"
    if _call([program, "manifest", "inspect", reference], is_asked=True) == 0:
        return reference
    progress(f"building the image {reference} with {program}")
    with tempfile.TemporaryDirectory(prefix="gridray-image-") as directory:
        context = Path(directory) / "context"
        packed = Path(directory) / "source.zip"
        with packed.open("wb") as file:
            archive.write(manifest.root, manifest.files, file)
        archive.extract(packed, context)
        words = ["build", "--tag", reference, "--file", str(context / dockerfile), str(context)]
        _do([program, *words])
    progress(f"pushing it to {registry}")
    _do([program, "push", reference])
    return reference


def _tag(manifest: Manifest, dockerfile: str, recipe: bytes) -> str:
    """Return a name for the files and the one of them that the image is built by."""
    told = f"{manifest.digest()}\0{dockerfile}\0".encode() + recipe
    return hashlib.sha256(told).hexdigest()[:16]


def _do(command: Sequence[str]) -> None:
    exit_code = _call(command)
    if exit_code != 0:
        raise BuildError(
            f"`{Path(command[0]).name} {command[1]}` failed with exit code {exit_code}",
            hint="its own words are above; nothing has been submitted",
        )


def _call(command: Sequence[str], *, is_asked: bool = False) -> int:
    """Run the engine, whose output is for the user's eyes but for what it is only asked."""
    output = subprocess.DEVNULL if is_asked else sys.stderr.fileno()
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    ).returncode
