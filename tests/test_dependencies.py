"""Which file a run depends on, and what belongs to it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gridray import dependencies, launch
from gridray.errors import UsageError
from gridray.launch import Plan
from gridray.spec import RunSpec

NAMES_NONE = '[project]\nname = "x"\nversion = "1"\n[tool.ruff]\n'
DYNAMIC = '[project]\nname = "x"\ndynamic = '
NAMES_SOME = '[project]\nname = "x"\nversion = "1"\ndependencies = ["numpy"]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project"


def fill(root: Path, files: Mapping[str, str]) -> None:
    for path, content in {"main.py": "", **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def plan(root: Path, **fields: object) -> Plan:
    return launch.plan(RunSpec(script="main.py", root=root, **fields))  # type: ignore[arg-type]


def found(root: Path, **fields: object) -> str | None:
    return plan(root, **fields).environment.dependency_file


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({}, None),
        ({"environment.yml": "", "requirements.txt": ""}, "requirements.txt"),
        ({"environment.yml": ""}, "environment.yml"),
        ({"requirements.txt": "", "pyproject.toml": NAMES_SOME}, "pyproject.toml"),
        ({"pyproject.toml": NAMES_SOME, "uv.lock": ""}, "uv.lock"),
        ({"requirements.txt": "", "pyproject.toml": NAMES_NONE}, "requirements.txt"),
        ({"pyproject.toml": "[tool.ruff]\n"}, None),
        (
            {"pyproject.toml": '[project]\nname = "x"\ndynamic = ["dependencies"]\n'},
            "pyproject.toml",
        ),
        ({"pyproject.toml": '[tool.poetry.dependencies]\nnumpy = "*"\n'}, "pyproject.toml"),
        ({"pyproject.toml": "no toml at all"}, "pyproject.toml"),
        ({"uv.lock": ""}, None),
        ({"requirements.txt": "", ".gitignore": "requirements.txt"}, None),
        ({"sub/requirements.txt": ""}, None),
    ],
)
def test_the_first_file_that_names_something_is_found(
    root: Path, files: dict[str, str], chosen: str | None
) -> None:
    fill(root, files)
    assert found(root) == chosen
    assert found(root, dependencies=False) is None


def test_a_file_may_be_named(root: Path) -> None:
    fill(root, {"requirements.txt": "", "sub dir/needs.txt": ""})
    assert found(root, dependency_file="./sub dir/../sub dir/needs.txt") == "sub dir/needs.txt"
    absolute = str(root / "sub dir" / "needs.txt")
    assert found(root, dependency_file=absolute) == "sub dir/needs.txt"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("none.txt", "'none.txt' does not exist"),
        ("sub", "'sub' is a directory"),
        ("../outside.txt", "outside of the working directory"),
        ("ignored.txt", "would not go along"),
        ("sub/needs.txt", "'sub/none.txt', which sub/needs.txt refers to, does not exist"),
        ("hidden.txt", "'ignored.txt', which hidden.txt refers to, would not go along"),
        ("far.txt", "'../outside.txt', which far.txt refers to, would not go along"),
        ("uv.lock", "'pyproject.toml', which uv.lock refers to, does not exist"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(root: Path, asked: str, told: str) -> None:
    files = {
        "sub/needs.txt": "-r none.txt",
        "hidden.txt": "--constraint=ignored.txt",
        "far.txt": "-r../outside.txt",
        "uv.lock": "",
        "ignored.txt": "",
        ".gitignore": "ignored.txt",
    }
    fill(root, files)
    (root.parent / "outside.txt").write_text("")
    with pytest.raises(UsageError) as caught:
        plan(root, dependency_file=asked)
    assert told in caught.value.message and caught.value.hint


def test_a_file_and_none_contradict_each_other(root: Path) -> None:
    fill(root, {"requirements.txt": ""})
    with pytest.raises(UsageError, match="contradict"):
        plan(root, dependency_file="requirements.txt", dependencies=False)


def test_files_that_refer_to_each_other_are_read_once(root: Path) -> None:
    fill(
        root,
        {
            "requirements.txt": "\ufeff# -r comment.txt\n-r a/one.txt # why\nnumpy # -r no.txt\n"
            "--requirement \\\n  a/two.txt\n-r https://host/three.txt\n-r ${HOME}/four.txt\n",
            "a/one.txt": "-r two.txt\r\n-c ../c.txt\r\n",
            "a/two.txt": "-r one.txt",
            "c.txt": "",
        },
    )
    belonging = dependencies.belonging(root, "requirements.txt")
    assert belonging == ["requirements.txt", "a/one.txt", "a/two.txt", "c.txt"]


@pytest.mark.parametrize(
    ("name", "text", "needs"),
    [
        ("requirements.txt", "numpy>=1 ; python_version > '3'\n--hash=sha256:a/b\n", False),
        ("requirements.txt", "x @ https://host/x.whl\n--index-url https://host/simple\n", False),
        ("requirements.txt", "git+https://host/x.git#subdirectory=y\n", False),
        ("requirements.txt", "-e .\n", True),
        ("requirements.txt", "./wheels/x-1-py3-none-any.whl\n", True),
        ("requirements.txt", "wheels/x-1-py3-none-any.whl\n", True),
        ("requirements.txt", "x @ file:///here/x\n", True),
        ("requirements.txt", "--find-links wheels\nx\n", True),
        ("pyproject.toml", NAMES_SOME, False),
        ("pyproject.toml", NAMES_SOME + '[tool.uv.sources]\nx = { path = "x" }\n', True),
        ("pyproject.toml", DYNAMIC + '[\n"version",\n"dependencies"]\n', True),
        ("pyproject.toml", DYNAMIC + '["version"]\n', False),
        ("pyproject.toml", NAMES_SOME + '[tool.hatch.version]\npath = "x.py"\n', False),
        ("pyproject.toml", NAMES_SOME + '[[tool.uv.index]]\nurl = "./wheels"\n', True),
        ("environment.yml", "dependencies: [python]\n", False),
    ],
)
def test_what_lies_in_the_source_is_known(root: Path, name: str, text: str, needs: bool) -> None:
    fill(root, {name: text})
    assert dependencies.needs_source(root, name) is needs


def test_the_sources_own_packages_are_imported_from_where_they_are(root: Path) -> None:
    built = NAMES_SOME + "[build-system]\nrequires = []\n"
    fill(root, {"pyproject.toml": built, "a/pyproject.toml": built, "a/src/x.py": ""})
    fill(root, {"b/pyproject.toml": NAMES_SOME, "b/src/x.py": "", "a/uv.lock": ""})
    fill(root, {"requirements.txt": "numpy\n-e .[dev]  # ours\n--editable=a\n-e git+https://x/y\n"})
    where = dependencies.import_paths
    assert where(root, "pyproject.toml") == [root]
    assert where(root, "a/uv.lock") == [root / "a" / "src"]
    assert where(root, "b/pyproject.toml") == []
    assert where(root, "requirements.txt") == [root, root / "a" / "src"]
