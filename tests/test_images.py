"""Images, built by a program that records what it is told and plays an engine's part.

No container engine runs where these tests do.
"""

import shutil
from pathlib import Path

import pytest

from gridray import images, launch, settings, source
from gridray.errors import BuildError, UsageError
from gridray.spec import RunSpec
from gridray.store import Store

ENGINE = """#!/bin/sh
here=$(dirname "$0")
for word in "$@"; do printf '%s\\n' "$word"; done >> "$here/told"; echo . >> "$here/told"
case $1 in
manifest) grep -qxF "$3" "$here/pushed" ;;
build) for last; do :; done; ls -A "$last" > "$here/context"; [ ! -e "$last/broken" ] ;;
push) echo "$2" >> "$here/pushed" ;;
esac
"""
REGISTRY = "registry.example:5000/team"


class Engine:
    """What the program was told, call by call."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def calls(self) -> list[list[str]]:
        parts = (self._place / "told").read_text().split(".\n")
        return [part.splitlines() for part in parts if part]

    def context(self) -> list[str]:
        return (self._place / "context").read_text().split()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    place = tmp_path / "engine"
    place.mkdir()
    (place / "podman").write_text(ENGINE)
    (place / "podman").chmod(0o755)
    # Whatever of this kind the machine has lies elsewhere.
    for name in ("dirname", "grep", "ls"):
        (place / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(place))
    return Engine(place)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project with space"
    (root / "docker").mkdir(parents=True)
    (root / "main.py").write_text("")
    (root / "docker" / "Dockerfile").write_text("FROM rayproject/ray:2.60.0\n")
    (root / "ignored").write_text("")
    (root / ".gitignore").write_text("ignored\n")
    monkeypatch.chdir(root)
    return root


def provide(project: Path) -> str:
    manifest = source.scan(project)
    return images.provide(manifest, "docker/Dockerfile", REGISTRY, lambda line: None)


def test_it_is_built_from_what_goes_along_and_pushed_once(engine: Engine, project: Path) -> None:
    reference = provide(project)
    name, _, tag = reference.rpartition(":")
    assert name == f"{REGISTRY}/gridray" and len(tag) == 16
    inspect, build, push = engine.calls()
    assert inspect == ["manifest", "inspect", reference]
    assert build[:4] == ["build", "--tag", reference, "--file"]
    assert build[4] == f"{build[5]}/docker/Dockerfile"
    assert push == ["push", reference]
    assert sorted(engine.context()) == [".gitignore", "docker", "main.py"]
    assert provide(project) == reference
    assert len(engine.calls()) == 4
    (project / "main.py").write_text("other")
    assert provide(project) != reference


def test_an_engine_that_fails_is_told(engine: Engine, project: Path) -> None:
    (project / "broken").write_text("")
    with pytest.raises(BuildError, match="`podman build` failed with exit code 1"):
        provide(project)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="docker or podman") as caught:
        images.engine()
    assert "--image" in str(caught.value.hint)
    with pytest.raises(UsageError, match="the cluster lab") as caught:
        images.registry_of("lab", None)
    assert "registry = " in str(caught.value.hint)
    with pytest.raises(UsageError, match="own cluster has none"):
        images.registry_of("local", None)


def test_a_container_cannot_see_a_directory(project: Path, tmp_path: Path) -> None:
    planned = launch.plan(RunSpec(script="main.py", image="some/image:1"))
    assert planned.environment.image == "some/image:1"
    with pytest.raises(UsageError, match="container does not see the directory"):
        launch.submit(planned)
    assert not (tmp_path / "gridray-home").exists()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"image": "a", "dockerfile": "docker/Dockerfile"}, "contradict"),
        ({"dockerfile": "ignored"}, "'ignored'"),
        ({"dockerfile": "none"}, "'none'"),
    ],
)
def test_an_image_that_cannot_be_meant(project: Path, fields: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        launch.plan(RunSpec(script="main.py", **fields))  # type: ignore[arg-type]


def test_the_clusters_registry_is_a_setting(
    engine: Engine, project: Path, s3_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = settings.home()
    home.mkdir(exist_ok=True)
    (home / "settings.toml").write_text(
        f'[clusters.lab]\naddress = "http://127.0.0.1:1"\nregistry = "{REGISTRY}/"\n'
    )
    chosen = settings.load()
    assert chosen.clusters["lab"].registry == f"{REGISTRY}/"
    planned = launch.plan(RunSpec(script="main.py", dockerfile="./docker/Dockerfile"))
    assert launch._check_image(planned, "lab", chosen, s3_store) == REGISTRY
    with_image = launch._with_image(planned, REGISTRY, lambda line: None)
    assert with_image.environment.image == engine.calls()[0][2]
