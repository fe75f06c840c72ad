"""The ignore rules, with git itself as the judge."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridray.ignore import parse
from gridray.source import explain, scan


class Answer(NamedTuple):
    ignored: bool
    rule: tuple[str, int, str] | None


class Git:
    """Asks `git check-ignore` about a tree, with a repository that lies outside of it."""

    def __init__(self, home: Path) -> None:
        self.repository = home / "repository"
        self.tree = home / "tree"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_DIR": str(self.repository),
            "GIT_WORK_TREE": str(self.tree),
        }
        self.tree.mkdir()
        self("init", "-q")

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes:
        command = ["git", "-c", "core.excludesFile=/dev/null", *arguments]
        result = subprocess.run(
            command, input=given, cwd=self.tree, env=self.environment, capture_output=True
        )
        assert result.returncode in (0, 1), result.stderr
        return result.stdout

    def plant(self, files: dict[str, bytes]) -> None:
        shutil.rmtree(self.tree)
        self.tree.mkdir()
        for path, content in files.items():
            target = self.tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def answers(self, paths: list[str]) -> dict[str, Answer]:
        options = ("check-ignore", "--stdin", "-z", "--no-index", "-v", "-n")
        output = self(*options, given=b"".join(os.fsencode(path) + b"\0" for path in paths))
        fields = iter(os.fsdecode(output).split("\0")[:-1])
        answers = {}
        for file, line, pattern, path in zip(fields, fields, fields, fields, strict=True):
            ignored = bool(pattern) and not pattern.startswith("!")
            answers[path] = Answer(ignored, (file, int(line), pattern) if pattern else None)
        return answers


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Git:
    return Git(tmp_path_factory.mktemp("git"))


def assert_same_as_git(git: Git, files: dict[str, bytes]) -> None:
    git.plant(files)
    answers = git.answers(list(files))
    kept = {file.path for file in scan(git.tree).files if not file.is_dir}
    assert kept == {path for path in files if not answers[path].ignored}
    for path, answer in answers.items():
        verdict = explain(git.tree, path)
        rule = (verdict.rule_file, verdict.line, verdict.pattern)
        assert verdict.goes is not answer.ignored
        assert (rule if verdict.pattern else None) == answer.rule


NAMES = ("a", "b", "ab", "aab", "a.b", "#a", "!a", "a ", "b a", "[a]", "a-b", "A1")
GLOBS = ("*", "**", "?", "a*", "*b", "*.b", "a?b", "?b", "[ab]", "[!a]", "[^a]*", "[a-b]b", "*a*b")
ESCAPED = (r"\#a", r"\!a", r"a\ ", r"\a", r"\[a]", r"[[:upper:]][0-9]", r"[\]a-]", "[]a]")

segments = st.sampled_from((*NAMES, *GLOBS, *ESCAPED))
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    body = "/".join(draw(st.lists(segments, min_size=1, max_size=3)))
    negation = draw(st.sampled_from(("", "", "!")))
    start = draw(st.sampled_from(("", "", "/", "**/")))
    end = draw(st.sampled_from(("", "", "/", "/**", "/*", " ", "  ", "\t", "\r")))
    return negation + start + body + end


lines = st.one_of(patterns(), patterns(), patterns(), st.sampled_from(("", "# a", " ", "/", "!")))
ignore_files = st.lists(lines, min_size=1, max_size=5).map(lambda lines: "\n".join(lines) + "\n")


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    files: dict[str, bytes] = {".gitignore": draw(ignore_files).encode()}
    for path in draw(st.lists(paths, min_size=1, max_size=12)):
        above = path.split("/")
        heads = {"/".join(above[:depth]) for depth in range(1, len(above))}
        below = any(other.startswith(path + "/") for other in files)
        if not below and not heads & files.keys():
            files[path] = b""
    directories = sorted({os.path.dirname(path) for path in files} - {""})
    if directories:
        for directory in draw(st.lists(st.sampled_from(directories), max_size=2)):
            files[f"{directory}/.gitignore"] = draw(ignore_files).encode()
    return files


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=trees())
def test_trees_are_read_as_git_reads_them(git: Git, files: dict[str, bytes]) -> None:
    assert_same_as_git(git, files)


FILES = (
    "a/b/c.py",
    "a/c.py",
    "b",
    "build/lib/x.o",
    "c.py",
    "data/keep/x",
    "data/x",
    "logs/[1].log",
    "logs/1.log",
    "logs/a\nb.log",
    "logs/x\n/y",
    "main.py",
    "src/build/y",
    "tab\t",
    "back\\slash",
    "Icon\r",
    "x,v",
    "x^",
    "swap.swp",
    "é.py",
)


@pytest.mark.parametrize(
    "content",
    [
        "*.py\n!main.py",
        "*\n!*.py",
        "*\n!*/\n!*.py",
        "/*\n!/data\n/data/*\n!/data/keep",
        "data/\n!data/keep/x",
        "data/**\n!data/keep/\n!data/keep/x",
        "/data/**/x",
        "**/build\n",
        "**/build/**",
        "**",
        "/**",
        "**/",
        "**/*",
        "*/",
        "/*/",
        "***",
        "a/***",
        "a/***/c.py",
        "a/**/**/c.py",
        "build\n!build/",
        "build/\n!build",
        "/build",
        "src/build",
        "/src/build/",
        "a/*",
        "a/*/c.py",
        "a?c.py",
        "a[!x]c.py",
        "a[/]c.py",
        r"a\/c.py",
        r"logs/\[1].log",
        "logs/[[]1].log",
        "logs/[0-9].log",
        "logs/[[:digit:]].log",
        "logs/[[:wrong:]].log",
        "logs/[9-0].log",
        "logs/[!9-0].log",
        "logs/[^0-9]*",
        "logs/*.log",
        "logs/a*b.log",
        "**/y",
        "x*/y",
        "logs/[",
        "logs/[1",
        "[]",
        "[!]",
        "x[]^]",
        "x[\\^]",
        "x[,-.]v",
        "x[,||&&~~--]v",
        "tab\t",
        "tab\t\n",
        "tab*\n!tab",
        "back\\\\slash",
        "back\\slash",
        "slash\\",
        "Icon\r\r\n",
        "Icon[\r]\n",
        "[._]*.s[a-v][a-z]\n[._]sw[a-p]\n*.sw[a-p]",
        "main.py \n",
        "main.py\\ \n",
        " main.py\n",
        "#main.py",
        "!#main.py",
        "!!main.py",
        "main.py\r\n*.o\r\n",
        "\ufeffmain.py",
        "\ufeff# main.py\nb",
        "main.py\0c.py",
        "é.py",
        "//main.py",
        "a//c.py",
        "a/c.py//",
        "!",
        "!/",
        "/",
        "//",
        ".",
        "./main.py",
        "../tree/main.py",
        ".gitignore",
    ],
)
def test_what_people_write(git: Git, content: str) -> None:
    files = dict.fromkeys(FILES, b"")
    assert_same_as_git(git, {**files, ".gitignore": content.encode()})


def test_deeper_files_win_and_are_not_read_in_ignored_directories(git: Git) -> None:
    files = dict.fromkeys(("a/x.log", "a/b/x.log", "a/b/y.log", "out/x", "out/keep/x"), b"")
    rules = {
        ".gitignore": b"*.log\nout/\n",
        "a/.gitignore": b"!x.log\n",
        "a/b/.gitignore": b"/x.log\n!/y.log\n",
        "out/.gitignore": b"!*\n",
    }
    assert_same_as_git(git, {**files, **rules})


def test_latin1_patterns_and_directories_in_the_place_of_ignore_files(git: Git) -> None:
    files = {"a.py": b"", ".gitignore": "é*\na.py\n".encode("latin-1"), "d/.gitignore/a.py": b""}
    assert_same_as_git(git, files)


def kept(root: Path) -> list[str]:
    return [file.path for file in scan(root).files]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.log", "a.tmp", "a.txt", "sub/a.log", "sub/a.tmp", "sub/a.txt"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "tree"


def test_gitignore_and_dockerignore_are_combined(tree: Path) -> None:
    (tree / ".gitignore").write_text("*.log\n!*.tmp\n")
    (tree / ".dockerignore").write_text("*.tmp\n")
    (tree / "sub" / ".dockerignore").write_text("!a.log\na.txt\n")
    assert kept(tree) == [
        ".dockerignore",
        ".gitignore",
        "a.txt",
        "sub/.dockerignore",
        "sub/a.log",
    ]


def test_gridignore_decides_alone(tree: Path) -> None:
    (tree / ".gitignore").write_text("*\n")
    (tree / "sub" / ".gitignore").write_text("*\n")
    (tree / "sub" / ".gridignore").write_text("*\n")
    (tree / ".gridignore").write_text("*.log\n/sub/*.tmp\n")
    assert kept(tree) == [
        ".gitignore",
        ".gridignore",
        "a.tmp",
        "a.txt",
        "sub/.gitignore",
        "sub/.gridignore",
        "sub/a.txt",
    ]


def test_an_empty_gridignore_switches_the_others_off(tree: Path) -> None:
    (tree / ".gitignore").write_text("*\n")
    (tree / ".gridignore").touch()
    assert "a.log" in kept(tree)


def test_an_ignore_file_that_is_a_link_is_not_read_as_in_git(tree: Path) -> None:
    (tree / "rules").write_text("*.log\n")
    (tree / "sub" / ".gitignore").symlink_to("../rules")
    assert "sub/a.log" in kept(tree)


def test_a_rule_shows_where_it_stands() -> None:
    rules = list(parse("sub/.gitignore", b"# comment\n\n*.log  \r\n!\xff\n"))
    assert [str(rule) for rule in rules] == ["sub/.gitignore:3: *.log", r"sub/.gitignore:4: !\xff"]
