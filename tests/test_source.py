"""What goes along with a run, what stays behind, and what cannot be snapshotted."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridray import source
from gridray.errors import NotFoundError, SourceError
from gridray.source import Manifest, SourceFile, check_root, check_size, explain, scan

HOSTILE = [
    "a b",
    'it\'s "q"',
    "new\nline",
    "ünï-日本-🦦",
    "100%",
    "#hash",
    "back\\slash",
    "-rf",
    "*?[x]",
    "\x01\x7f",
]


def plant(root: Path, *paths: str) -> Path:
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            target.mkdir()
        else:
            target.write_text(path)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    return project


def paths(manifest: Manifest) -> list[str]:
    return [file.path for file in manifest.files]


def test_a_manifest_lists_files_with_sizes_and_modes(project: Path) -> None:
    plant(project, "main.py", "pkg/run.sh")
    (project / "main.py").chmod(0o640)
    (project / "pkg" / "run.sh").chmod(0o755)
    manifest = scan(project)
    assert manifest.root == project.resolve()
    assert manifest.files == (
        SourceFile("main.py", 7, 0o640),
        SourceFile("pkg/run.sh", 10, 0o755),
    )
    assert manifest.size == 17
    assert manifest.warnings == ()


def test_files_are_sorted_by_path(project: Path) -> None:
    plant(project, "b/x", "a/x", "a.py", "a-b", "B", "é")
    assert paths(scan(project)) == ["B", "a-b", "a.py", "a/x", "b/x", "é"]


def test_an_empty_directory_is_an_empty_manifest(project: Path) -> None:
    manifest = scan(project)
    assert manifest.files == () and manifest.size == 0
    assert len(manifest.digest()) == 64


def test_only_directories_without_content_are_listed(project: Path) -> None:
    plant(project, "full/x", "empty/", "logs/a.log", "deep/er/", "deep/er/est/", ".gitignore")
    (project / ".gitignore").write_text("*.log\n")
    (project / "empty").chmod(0o700)
    directories = [file for file in scan(project).files if file.is_dir]
    assert [file.path for file in directories] == ["deep/er/est", "empty", "logs"]
    assert directories[1] == SourceFile("empty", 0, 0o700, is_dir=True)


def test_a_directory_that_ignores_itself_is_no_part_of_the_tree(project: Path) -> None:
    plant(project, "cache/.gitignore", "cache/deep/x", "main.py")
    (project / "cache" / ".gitignore").write_text("*\n")
    assert paths(scan(project)) == ["main.py"]


def test_git_never_goes_along(project: Path) -> None:
    plant(project, ".git/config", "sub/.git", "lib/.git/x", ".github/x", ".gitignore", "x.git")
    (project / ".gitignore").write_text("!.git\n!.git/\n")
    assert paths(scan(project)) == [".github/x", ".gitignore", "lib", "sub", "x.git"]


def test_an_ignored_directory_is_never_entered(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(project, "src/a/x", "data/many/x", "src/data/x", ".git/x", ".gitignore")
    (project / ".gitignore").write_text("data/\n")
    entered = []
    real = os.scandir

    def counting(path: str) -> "os._ScandirIterator[str]":
        entered.append(os.path.relpath(path, project))
        return real(path)

    monkeypatch.setattr(os, "scandir", counting)
    scan(project)
    assert sorted(entered) == [".", "src", "src/a"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str, project: Path) -> None:
    plant(project, f"{name}/{name}")
    (project / "link").symlink_to(f"{name}/{name}")
    manifest = scan(project)
    assert paths(manifest) == sorted([f"{name}/{name}", "link"])
    assert len(manifest.digest()) == 64
    assert explain(project, f"{name}/{name}").goes


class TestDigest:
    @pytest.fixture
    def tree(self, project: Path) -> Path:
        plant(project, "main.py", "empty/", "pkg/x.py")
        (project / "main.py").chmod(0o644)
        (project / "link").symlink_to("main.py")
        return project

    def test_it_is_the_same_for_the_same_tree(self, tree: Path) -> None:
        before = scan(tree).digest()
        os.utime(tree / "main.py", (0, 0))
        assert scan(tree).digest() == before

    def test_it_does_not_depend_on_where_the_tree_lies(self, tree: Path) -> None:
        before = scan(tree).digest()
        assert scan(tree.rename(tree.with_name("elsewhere"))).digest() == before

    @pytest.mark.parametrize(
        "change",
        [
            lambda tree: (tree / "main.py").write_text("MAIN.py"),
            lambda tree: (tree / "main.py").chmod(0o755),
            lambda tree: (tree / "main.py").rename(tree / "other.py"),
            lambda tree: (tree / "new").touch(),
            lambda tree: (tree / "empty").rmdir(),
            lambda tree: (tree / "empty").chmod(0o700),
            lambda tree: ((tree / "link").unlink(), (tree / "link").symlink_to("pkg/x.py")),
            lambda tree: ((tree / "link").unlink(), (tree / "link").write_text("main.py")),
        ],
        ids=["content", "mode", "name", "file", "directory", "directory-mode", "target", "kind"],
    )
    def test_any_change_changes_it(self, change: Callable[[Path], object], tree: Path) -> None:
        before = scan(tree).digest()
        change(tree)
        assert scan(tree).digest() != before

    def test_what_is_ignored_does_not_matter(self, tree: Path) -> None:
        plant(tree, ".gitignore")
        (tree / ".gitignore").write_text("*.log\n")
        before = scan(tree).digest()
        plant(tree, "a.log")
        assert scan(tree).digest() == before

    def test_a_file_that_changes_meanwhile_is_named(self, tree: Path) -> None:
        manifest = scan(tree)
        (tree / "pkg" / "x.py").write_text("something longer")
        with pytest.raises(SourceError, match=r"pkg/x\.py changed its size"):
            manifest.digest()


class TestLinks:
    @pytest.fixture
    def tree(self, project: Path) -> Path:
        plant(project, "outside/x", "tree/a/b/file", "tree/c/file")
        return project / "tree"

    def links(self, tree: Path) -> dict[str, str]:
        return {file.path: file.link for file in scan(tree).files if file.link is not None}

    @pytest.mark.parametrize("target", ["c", "c/file", "a/../c", "nothing", "nothing/at/all", "."])
    def test_relative_links_are_kept_as_they_are(self, target: str, tree: Path) -> None:
        (tree / "link").symlink_to(target)
        assert self.links(tree) == {"link": target}
        assert "link/file" not in paths(scan(tree))

    def test_a_link_may_climb_inside_the_tree(self, tree: Path) -> None:
        (tree / "a" / "b" / "link").symlink_to("../../c")
        assert self.links(tree) == {"a/b/link": "../../c"}

    @pytest.mark.parametrize(
        ("target", "stored"), [("c/file", "../c/file"), ("gone", "../gone"), ("", ".."), ("a", ".")]
    )
    def test_absolute_links_inside_become_relative(
        self, target: str, stored: str, tree: Path
    ) -> None:
        (tree / "a" / "link").symlink_to(tree / target)
        assert self.links(tree) == {"a/link": stored}

    def test_the_root_may_be_known_by_two_names(self, tree: Path) -> None:
        alias = tree.with_name("alias")
        alias.symlink_to("tree")
        (tree / "link").symlink_to(alias / "c" / "file")
        assert self.links(tree) == self.links(alias) == {"link": "c/file"}

    def test_a_link_that_goes_out_and_comes_back_stays_inside(self, tree: Path) -> None:
        (tree / "a" / "link").symlink_to("../../tree/c")
        assert self.links(tree) == {"a/link": "../c"}

    def test_loops_are_kept(self, tree: Path) -> None:
        (tree / "one").symlink_to("two")
        (tree / "two").symlink_to("one")
        (tree / "self").symlink_to("self")
        assert self.links(tree) == {"one": "two", "self": "self", "two": "one"}

    def test_all_links_that_leave_are_named(self, tree: Path) -> None:
        outside = tree.parent / "outside"
        (tree / "absolute").symlink_to(outside / "x")
        (tree / "a" / "relative").symlink_to("../../outside")
        (tree / "dangling").symlink_to("../nowhere")
        (tree / "sibling").symlink_to(f"{tree}-2/x")
        (tree / "c" / "through").symlink_to("../a/relative/x")
        (tree / "fine").symlink_to("c")
        with pytest.raises(SourceError) as caught:
            scan(tree)
        assert caught.value.message == (
            f"these links lead out of {tree}:\n"
            "  a/relative -> ../../outside\n"
            f"  absolute -> {outside}/x\n"
            "  c/through -> ../a/relative/x\n"
            "  dangling -> ../nowhere\n"
            f"  sibling -> {tree}-2/x"
        )
        assert caught.value.hint and ".gridignore" in caught.value.hint

    def test_ignored_links_do_not_matter(self, tree: Path) -> None:
        (tree / "link").symlink_to("/etc")
        (tree / ".gridignore").write_text("link\n")
        assert self.links(tree) == {}

    def test_a_directory_rule_does_not_mean_a_link_to_a_directory(self, tree: Path) -> None:
        (tree / "link").symlink_to("c")
        (tree / ".gridignore").write_text("link/\n")
        assert self.links(tree) == {"link": "c"}


def test_sockets_and_fifos_are_skipped_with_a_warning(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(project, "x", "sub/y", ".gitignore")
    (project / ".gitignore").write_text("ignored\n")
    os.mkfifo(project / "sub" / "pi\npe")
    os.mkfifo(project / "ignored")
    monkeypatch.chdir(project)  # the name of a socket is limited to about 100 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        manifest = scan(project)
    assert paths(manifest) == [".gitignore", "sub/y", "x"]
    assert manifest.warnings == (
        "socket is a socket and stays behind",
        r"sub/pi\npe is a FIFO and stays behind",
    )


def test_names_that_are_not_utf8_are_named(project: Path) -> None:
    for name in (b"caf\xe9.py", b"dir\xff/x", b"ok/\xfe"):
        path = os.path.join(os.fsencode(project), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w"):
            pass
    with pytest.raises(SourceError) as caught:
        scan(project)
    assert caught.value.message.split("\n")[1:] == [r"  caf\xe9.py", r"  dir\xff", r"  ok/\xfe"]
    assert caught.value.hint and "rename" in caught.value.hint
    (project / ".gridignore").write_bytes(b"caf*\ndir\xff/\nok\n")
    assert paths(scan(project)) == [".gridignore"]


def test_a_link_to_a_name_that_is_not_utf8_is_named(project: Path) -> None:
    os.symlink(b"\xff", os.path.join(os.fsencode(project), b"link"))
    with pytest.raises(SourceError, match=r"link -> \\xff"):
        scan(project)


# Root reads what it likes, so the scan runs where it has given up that right.
UNPRIVILEGED = """
import ctypes, os, sys
from pathlib import Path
if os.geteuid() == 0:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()):
        sys.exit("cannot drop the capabilities")
from gridray.errors import SourceError
from gridray.source import scan
try:
    print([file.path for file in scan(Path(sys.argv[1])).files])
except SourceError as error:
    print(error)
"""


def scan_unprivileged(root: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(source.__file__).parents[1])}
    command = [sys.executable, "-c", UNPRIVILEGED, str(root)]
    result = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, check=True)
    return result.stdout.strip()


@pytest.fixture
def unreadable(request: pytest.FixtureRequest, project: Path) -> Iterator[str]:
    path: str = request.param
    plant(project, "ok", path)
    (project / path).chmod(0)
    yield path.rstrip("/")
    (project / path).chmod(0o700)


@pytest.mark.skipif(sys.platform != "linux", reason="drops capabilities, which Linux has")
class TestUnreadable:
    @pytest.mark.parametrize(
        "unreadable", ["sub/x", "sub/dir/", "sub/.gitignore", ".gridignore"], indirect=True
    )
    def test_it_is_named(self, unreadable: str, project: Path) -> None:
        answer = scan_unprivileged(project)
        assert answer.rstrip("/").startswith(unreadable)
        assert answer.endswith("cannot be read: Permission denied")

    @pytest.mark.parametrize("unreadable", ["sub/x", "sub/"], indirect=True)
    def test_it_costs_nothing_where_it_is_ignored(self, unreadable: str, project: Path) -> None:
        (project / ".gitignore").write_text("sub/\n")
        assert scan_unprivileged(project) == "['.gitignore', 'ok']"


def test_a_missing_root_and_a_file_are_refused(project: Path) -> None:
    plant(project, "file")
    with pytest.raises(SourceError, match="none does not exist"):
        scan(project / "none")
    with pytest.raises(SourceError, match="file is not a directory"):
        scan(project / "file")


class TestCheckRoot:
    @pytest.fixture(autouse=True)
    def home(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        home = project / "homes" / "me"
        (home / "project").mkdir(parents=True)
        monkeypatch.setenv("HOME", str(home))
        return home

    def test_a_project_is_fine(self, home: Path, project: Path) -> None:
        check_root(home / "project", yes=False)
        check_root(project / "elsewhere", yes=False)

    def test_the_home_directory_and_above_need_a_yes(self, home: Path, project: Path) -> None:
        (project / "alias").symlink_to(home)
        for root in (home, project / "alias", home / "project" / "..", home.parent, Path("/")):
            with pytest.raises(SourceError, match="home directory") as caught:
                check_root(root, yes=False)
            assert caught.value.hint and "--yes" in caught.value.hint
            check_root(root, yes=True)


class TestCheckSize:
    def manifest(self, **sizes: int) -> Manifest:
        files = [SourceFile(path.replace("__", "/"), size, 0o644) for path, size in sizes.items()]
        return Manifest(Path("/p"), tuple(sorted(files, key=lambda file: file.path)), ())

    def test_up_to_50_mb_is_quiet(self) -> None:
        assert check_size(self.manifest(a=50 * 10**6)) == ()

    def test_more_is_a_warning_that_lists_the_largest(self) -> None:
        lines = check_size(self.manifest(data__x=40 * 10**6, data__y=20 * 10**6, z=1500, e=0))
        assert lines == (
            "the source is 60.0 MB; the largest:",
            "   60.0 MB  data/",
            "   40.0 MB  data/x",
            "   20.0 MB  data/y",
            "    1.5 kB  z",
            "       0 B  e",
            "name what a run does not need in .gridignore",
        )

    def test_ten_are_listed(self) -> None:
        lines = check_size(self.manifest(**{f"f{n:02}": 10**7 + n for n in range(30)}))
        assert [line.split()[-1] for line in lines[1:-1]] == [f"f{n}" for n in range(29, 19, -1)]

    def test_over_2_gb_is_refused(self) -> None:
        check_size(self.manifest(a=2 * 10**9))
        with pytest.raises(SourceError, match=r"source is 2\.5 GB.*\n +2\.5 GB  a$") as caught:
            check_size(self.manifest(a=2_500_000_000))
        assert caught.value.hint and ".gridignore" in caught.value.hint


class TestExplain:
    @pytest.fixture
    def tree(self, project: Path) -> Path:
        root = project / "tree"
        plant(root, ".git/x", "a.py", "data/x", "sub/b.log", "sub/keep.log", "sub/c.py")
        (root / ".gitignore").write_text("# data\ndata/\n*.log\n")
        (root / "sub" / ".gitignore").write_text("!keep.log\n")
        return root

    def test_what_no_rule_matches_goes_along(self, tree: Path) -> None:
        verdict = explain(tree, "sub/c.py")
        assert verdict == source.Verdict(True, "sub/c.py goes along: no rule matches it")

    def test_a_rule_is_named_with_its_place(self, tree: Path) -> None:
        verdict = explain(tree, Path("sub/b.log"))
        assert not verdict.goes
        assert verdict.text == "sub/b.log stays behind: .gitignore:3: *.log"
        assert (verdict.rule_file, verdict.line, verdict.pattern) == (".gitignore", 3, "*.log")

    def test_the_ignored_directory_above_is_named(self, tree: Path) -> None:
        assert explain(tree, "data/x") == source.Verdict(
            False,
            "data/x stays behind: its directory data is ignored by .gitignore:2: data/",
            ".gitignore",
            2,
            "data/",
        )

    def test_a_rule_that_takes_it_back_is_named(self, tree: Path) -> None:
        verdict = explain(tree, "sub/keep.log")
        assert verdict.goes
        assert verdict.text == "sub/keep.log goes along: sub/.gitignore:1: !keep.log"

    @pytest.mark.parametrize("path", [".git", ".git/x"])
    def test_git_never_goes_along(self, path: str, tree: Path) -> None:
        verdict = explain(tree, path)
        assert not verdict.goes
        assert verdict.text == f"{path} stays behind: .git never goes along"

    @pytest.mark.parametrize("path", ["none", "a.py/x", "sub/none", ""])
    def test_what_does_not_exist(self, path: str, tree: Path) -> None:
        if not path:
            assert explain(tree, path).goes
            return
        with pytest.raises(NotFoundError, match=f"{path} does not exist"):
            explain(tree, path)

    @pytest.mark.parametrize("path", ["..", "../other", "/etc", "sub/../../tree-2"])
    def test_what_is_outside(self, path: str, tree: Path) -> None:
        with pytest.raises(NotFoundError, match=f"{path} is not in .*tree"):
            explain(tree, path)

    def test_a_path_may_be_absolute_and_come_through_a_link(self, tree: Path) -> None:
        alias = tree.with_name("alias")
        alias.symlink_to("tree")
        assert explain(alias, tree / "a.py").goes
        assert explain(tree, alias / "a.py").text.startswith("a.py goes along")
        assert explain(tree, tree).goes

    def test_links_are_not_followed(self, tree: Path) -> None:
        (tree / "link").symlink_to("sub")
        assert explain(tree, "link").goes
        verdict = explain(tree, "link/c.py")
        assert not verdict.goes
        assert verdict.text.endswith("link is a link, and links are not followed")

    @pytest.mark.parametrize("path", ["sub/out", "sub/out/x"])
    def test_a_link_that_leads_out_refuses_the_run(self, path: str, tree: Path) -> None:
        plant(tree.parent, "other/x")
        (tree / "sub" / "out").symlink_to("../../other")
        verdict = explain(tree, path)
        assert not verdict.goes and verdict.rule_file is None
        assert verdict.text == (
            f"{path} cannot go along: the link sub/out -> ../../other leads out of {tree}, and a "
            "run is refused until it is ignored in .gridignore, or replaced by what it points to"
        )
        with pytest.raises(SourceError, match="sub/out -> "):
            scan(tree)
        (tree / ".gridignore").write_text("out\n")
        assert explain(tree, path).text.endswith(".gridignore:1: out")
        scan(tree)

    @pytest.mark.parametrize("path", ["latin-\udce9", "latin-\udce9/x"])
    def test_a_name_that_is_not_utf8_refuses_the_run(self, path: str, tree: Path) -> None:
        (tree / "latin-\udce9").mkdir()
        (tree / "latin-\udce9" / "x").touch()
        verdict = explain(tree, path)
        assert not verdict.goes
        assert "the name latin-\\xe9 is not valid UTF-8, and a run is refused" in verdict.text
        with pytest.raises(SourceError, match="UTF-8"):
            scan(tree)

    def test_a_link_to_a_name_that_is_not_utf8_refuses_the_run(self, tree: Path) -> None:
        (tree / "link").symlink_to("sub/\udce9")
        verdict = explain(tree, "link")
        assert not verdict.goes
        assert "link -> sub/\\xe9 is not valid UTF-8, and a run is refused" in verdict.text
        with pytest.raises(SourceError, match="UTF-8"):
            scan(tree)

    def test_special_files_stay_behind(self, tree: Path) -> None:
        os.mkfifo(tree / "pipe")
        assert explain(tree, "pipe").text == "pipe stays behind: it is a FIFO"

    def test_it_agrees_with_the_scan(self, tree: Path) -> None:
        found = [path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()]
        goes = sorted(path for path in found if explain(tree, path).goes)
        assert goes == paths(scan(tree))
