"""Environments, built by the real runner with the real uv from packages in a directory."""

import os
import signal
import sys
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from gridray.records import EnvironmentRecord
from gridray.runner.shelf import ENVIRONMENT
from gridray.states import Reason, State
from tests.runner.conftest import Attempt, Start, run_again
from tests.wheels import wheel

REQUIREMENTS = EnvironmentRecord("requirements.txt")
SHOWS = "import tiny, sys; print(tiny.__version__, sys.prefix)"


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All packages that there are: two versions of `tiny`, and a newer numpy than the node's."""
    place = tmp_path / "index"
    for version in ("1.0", "2.0"):
        wheel(place, "tiny", version)
    wheel(place, "base", "1.0", ["tiny<2"])
    wheel(place, "psutil", "99.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return place


def homes(attempt: Attempt) -> list[Path]:
    """Return the environments that there are on the node of an attempt."""
    return list(attempt.temporary.glob(f"gridray-*/environments/*/{ENVIRONMENT}"))


def test_what_the_node_lacks_is_installed_and_the_rest_is_seen(start: Start) -> None:
    attempt = start(
        "import tiny, sys, os, psutil, shutil\n"
        "print(tiny.__version__, psutil.__file__, os.environ['VIRTUAL_ENV'] == sys.prefix)\n"
        "print(shutil.which('python') == sys.executable)",
        files={"requirements.txt": "tiny\npsutil\n"},
        environment=REQUIREMENTS,
    )
    state = attempt.wait()
    assert state.state is State.SUCCEEDED, (state, attempt.build_log())
    assert attempt.log().decode().split() == ["2.0", psutil.__file__, "True", "True"]
    assert "tiny==2.0" in attempt.build_log()
    assert attempt.artifacts() == {}


def test_nothing_is_made_where_the_node_has_it_all(start: Start) -> None:
    attempt = start(
        "import sys; print(sys.executable)",
        files={"requirements.txt": "psutil>=5\n"},
        environment=REQUIREMENTS,
    )
    assert attempt.wait().state is State.SUCCEEDED
    assert attempt.log().decode().strip() == sys.executable
    assert homes(attempt) == []
    again = run_again(attempt, 1)
    assert again.wait().state is State.SUCCEEDED
    assert "built before on this node" in again.build_log()


def test_a_version_that_conflicts_with_the_nodes_lies_above_it(start: Start) -> None:
    attempt = start(
        "import psutil; print(psutil.__version__)",
        files={"requirements.txt": "psutil==99.0\n"},
        environment=REQUIREMENTS,
    )
    assert attempt.wait().state is State.SUCCEEDED, attempt.build_log()
    assert attempt.log() == b"99.0\n"
    assert psutil.__version__ != "99.0" and Path(psutil.__file__).exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [("nowhere-to-be-found\n", "nowhere-to-be-found"), ("tiny<2\ntiny>1.5\n", "tiny>1.5")],
)
def test_what_cannot_be_installed_is_named(start: Start, text: str, told: str) -> None:
    attempt = start(SHOWS, files={"requirements.txt": text}, environment=REQUIREMENTS)
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.BUILD_FAILED)
    assert state.message is not None
    assert told in state.message and "requirements.txt" in state.message
    assert told in attempt.build_log() and state.started_at is None
    assert homes(attempt) == []


def test_files_that_are_referred_to_count(start: Start) -> None:
    attempt = start(
        SHOWS,
        files={
            "sub/needs.txt": "-r more/base.txt  # comment\n-c 'constraints.txt'\n",
            "sub/more/base.txt": "base\n",
            "sub/constraints.txt": "tiny<1.5\n",
        },
        environment=EnvironmentRecord("sub/needs.txt"),
    )
    assert attempt.wait().state is State.SUCCEEDED, attempt.build_log()
    assert attempt.log().startswith(b"1.0 ")


def test_the_second_attempt_finds_it_built(start: Start) -> None:
    attempt = start(SHOWS, files={"requirements.txt": "tiny\n"}, environment=REQUIREMENTS)
    assert attempt.wait().state is State.SUCCEEDED
    again = run_again(attempt, 1)
    assert again.wait().state is State.SUCCEEDED
    assert again.log() == attempt.log()
    first, rest = again.build_log().split("\n", 1)
    assert "built before on this node" in first and rest == attempt.build_log()
    assert len(homes(attempt)) == 1


SLOW = EnvironmentRecord(
    on_build=("echo building; echo $$ >> $HOME/builds; until [ -e $HOME/go ]; do sleep 0.05; done",)
)


def builds() -> list[str]:
    return (Path(os.environ["HOME"]) / "builds").read_text().split()


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def let_go() -> None:
    (Path(os.environ["HOME"]) / "go").touch()


def wait_for_build(attempt: Attempt) -> None:
    attempt.wait_until(lambda: "building\n" in attempt.build_log())


def test_two_attempts_at_once_build_once(start: Start) -> None:
    first = start("print(1)", environment=SLOW)
    wait_for_build(first)
    second = run_again(first, 1)
    second.wait_for_state(State.BUILDING)
    let_go()
    assert first.wait().state is second.wait().state is State.SUCCEEDED
    assert len(builds()) == 1
    assert second.build_log().startswith("built before")


def test_a_node_whose_disk_is_full_fails_alone(start: Start) -> None:
    full = "[ -e $HOME/freed ] || { echo 'error: No space left on device' >&2; exit 2; }"
    first = start("print('ran')", environment=EnvironmentRecord(on_build=(*SLOW.on_build, full)))
    wait_for_build(first)
    second = run_again(first, 1)
    second.wait_for_state(State.BUILDING)
    let_go()
    state = first.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.PREPARATION_FAILED)
    assert state.message is not None and "No space left on device" in state.message
    # Who waited tries for itself, and finds the disk as full.
    assert second.wait().reason is Reason.PREPARATION_FAILED
    (Path(os.environ["HOME"]) / "freed").touch()
    assert run_again(first, 2).wait().state is State.SUCCEEDED


def test_who_waited_for_a_build_that_fails_fails_with_it(start: Start) -> None:
    failing = EnvironmentRecord(on_build=(*SLOW.on_build, "echo the cause >&2; exit 3"))
    first = start("print(1)", environment=failing)
    wait_for_build(first)
    second = run_again(first, 1)
    second.wait_for_state(State.BUILDING)
    let_go()
    told, same = first.wait(), second.wait()
    assert told.reason is same.reason is Reason.BUILD_FAILED
    assert told.message == same.message and "the cause" in str(told.message)
    assert "exit code 3" in str(told.message)
    assert len(builds()) == 1 and "the cause" in second.build_log()
    third = run_again(first, 2)
    assert third.wait().reason is Reason.BUILD_FAILED
    assert len(builds()) == 2


def test_a_build_whose_runner_is_killed_is_done_anew(start: Start) -> None:
    first = start("print(1)", environment=SLOW)
    wait_for_build(first)
    leader = int(builds()[0])
    first.process.kill()
    second = run_again(first, 1)
    wait_for_build(second)
    assert not is_alive(leader)
    let_go()
    assert second.wait().state is State.SUCCEEDED
    assert len(builds()) == 2 and "built before" not in second.build_log()


def test_a_stop_ends_a_build_and_whatever_it_has_started(start: Start) -> None:
    attempt = start("print(1)", environment=SLOW)
    wait_for_build(attempt)
    attempt.stop(grace=30)
    assert attempt.wait().state is State.CANCELLED
    assert not is_alive(int(builds()[0]))


def test_an_interruption_ends_a_wait_for_a_build(start: Start) -> None:
    first = start("print(1)", environment=SLOW)
    wait_for_build(first)
    second = run_again(first, 1)
    second.wait_for_state(State.BUILDING)
    second.process.send_signal(signal.SIGTERM)
    assert second.wait().reason is Reason.INTERRUPTED
    let_go()
    assert first.wait().state is State.SUCCEEDED


def test_files_of_the_build_are_given_to_each_experiment(start: Start) -> None:
    actions = EnvironmentRecord(
        "requirements.txt",
        on_build_start=("echo $FROM_USER > made; mkdir deep; ln -s ../made deep/link",),
        on_build=('python -c "import tiny; print(tiny.__version__)" >> made', "pip install base"),
        on_build_end=("x=a.txt; touch ${x%.txt}.md; echo more >> data/given.txt",),
    )
    attempt = start(
        "import base, os\n"
        "print(open('deep/link').read(), open('data/given.txt').read(), os.path.exists('a.md'))\n"
        "open('made', 'a').write('mine'); open('new', 'w').close()",
        files={"requirements.txt": "tiny<2\n"},
        environment=actions,
    )
    for each in (attempt, run_again(attempt, 1)):
        assert each.wait().state is State.SUCCEEDED, each.build_log()
        assert each.log() == b'it\'s "quoted"\n1.0\n givenmore\n True\n'
        assert list(each.artifacts()) == ["new"]


@pytest.mark.parametrize(
    ("asks", "is_outdated"), [("tiny", False), ("tiny==2.0", True), ("tiny==1.0", True)]
)
def test_a_project_is_installed_by_its_lock_and_imports_its_own_package(
    start: Start, index: Path, asks: str, is_outdated: bool
) -> None:
    project = (
        '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.10"\n'
        f'dependencies = ["{asks}"]\n[build-system]\nrequires = ["hatchling"]\n'
    )
    lock = (
        'version = 1\nrevision = 3\nrequires-python = ">=3.10"\n'
        f'[[package]]\nname = "mine"\nversion = "1"\nsource = {{ editable = "." }}\n'
        'dependencies = [{ name = "tiny" }]\n'
        f'[package.metadata]\nrequires-dist = [{{ name = "tiny" }}]\n'
        f'[[package]]\nname = "tiny"\nversion = "1.0"\nsource = {{ registry = "{index}" }}\n'
        'wheels = [{ path = "tiny-1.0-py3-none-any.whl" }]\n'
    )
    attempt = start(
        "import tiny, mine; print(tiny.__version__, mine.__name__)",
        script="main.py",
        files={"pyproject.toml": project, "uv.lock": lock, "src/mine/__init__.py": ""},
        environment=EnvironmentRecord("uv.lock"),
    )
    assert attempt.wait().state is State.SUCCEEDED, attempt.build_log()
    assert attempt.log() == b"1.0 mine\n"
    warning = "warning: uv.lock seems to be older than its pyproject.toml"
    assert (warning in attempt.build_log()) is is_outdated


def test_a_project_that_the_node_satisfies_needs_no_index(start: Start) -> None:
    project = '[project]\nname = "mine"\nversion = "1"\ndependencies = ["psutil>=5"]\n'
    attempt = start(
        "import sys; print(sys.executable)",
        files={"pyproject.toml": project},
        environment=EnvironmentRecord("pyproject.toml"),
    )
    assert attempt.wait().state is State.SUCCEEDED, attempt.build_log()
    assert attempt.log().decode().strip() == sys.executable
    assert "this node has all" in attempt.build_log()


def test_an_environment_yml_is_for_whichever_program_there_is(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    environment = EnvironmentRecord("environment.yml")
    attempt = start(
        "import sys; print(sys.argv[0])",
        files={"environment.yml": "name: x\n"},
        environment=environment,
    )
    state = attempt.wait()
    assert state.reason is Reason.BUILD_FAILED
    assert state.message is not None and "micromamba, mamba, conda" in state.message
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "micromamba"
    program.write_text(
        '#!/bin/sh\necho "$@"\nmkdir -p "$3/bin" "$3/conda-meta"\n'
        f'ln -s {sys.executable} "$3/bin/python"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    again = run_again(attempt, 1)
    assert again.wait().state is State.SUCCEEDED
    assert f"create --prefix {homes(again)[0]} --file environment.yml" in again.build_log()


class PrivateIndex(BaseHTTPRequestHandler):
    """A package index of one package, for one user."""

    wheel: Path

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Basic " + b64encode(b"me:pa55word").decode():
            self.send_error(401)
            return
        is_file = self.path.endswith(".whl")
        page = f'<a href="/{self.wheel.name}">{self.wheel.name}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if is_file else "text/html")
        self.end_headers()
        self.wfile.write(self.wheel.read_bytes() if is_file else page)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("requirement", ["private", "private==9"])
def test_a_private_index_is_for_pips_variables_and_its_password_is_not_told(
    start: Start, index: Path, tmp_path: Path, requirement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    PrivateIndex.wheel = wheel(tmp_path / "private", "private", "1.0")
    with ThreadingHTTPServer(("127.0.0.1", 0), PrivateIndex) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        url = f"http://me:pa55word@127.0.0.1:{server.server_port}/simple"
        attempt = start(
            "import private; print(private.__version__)",
            files={"requirements.txt": f"{requirement}\n"},
            env={"PIP_INDEX_URL": url},
            environment=REQUIREMENTS,
        )
        state = attempt.wait()
        server.shutdown()
    if requirement == "private":
        assert attempt.log() == b"1.0\n", attempt.build_log()
    else:
        assert state.reason is Reason.BUILD_FAILED
    assert "pa55word" not in attempt.build_log() + str(state.message)
    kept = [path for path in attempt.temporary.rglob("*") if path.is_file()]
    assert not any(b"pa55word" in path.read_bytes() for path in kept)
