"""Runs of commits and repositories on a real cluster, and what is recorded of a dirty tree."""

from pathlib import Path

import gridray
from gridray import layout
from gridray.records import read_run
from gridray.spec import Scratch
from gridray.states import State
from gridray.store import Store
from tests.cluster.conftest import Submit
from tests.repositories import Repository


def test_a_repository_and_its_rerun_have_one_source(
    submit: Submit, any_store: Store, repository: Repository
) -> None:
    repository.commit({"sub/main.py": "print(open('data.txt').read())", "sub/data.txt": "content"})
    repository.git("tag", "v2")
    repository.commit({"sub/data.txt": "changed"})
    run = submit("never", repository=f"{repository.url}@v2#sub")
    again = run.rerun()
    records = [read_run(any_store, each.name) for each in (run, again)]
    assert records[0].source == records[1].source and records[0].git == records[1].git
    for each in (run, again):
        assert each.wait(timeout=120).summary.state is State.SUCCEEDED
        assert each.experiments[0].log() == b"content\n"
    assert run.status().summary.commit == repository.git("rev-parse", "v2")
    pinned = gridray.submit(
        gridray.RunSpec(script="main.py", root=repository.path / "sub", git="v2")
    )
    assert read_run(any_store, pinned.name).source == records[0].source
    pinned.stop(grace=0)


def test_changes_are_kept_with_the_run_and_its_rerun(
    cluster: object, store: Store, repository: Repository
) -> None:
    repository.write({"main.py": "print('changed')"})
    run = gridray.submit(gridray.RunSpec(script="main.py", root=repository.path))
    assert b"+print('changed')" in run.changes()
    assert store.exists(layout.changes(run.name))
    again = run.rerun()
    assert again.changes() == run.changes()
    for each in (run, again):
        each.wait(timeout=120)
        each.delete()
        assert not store.exists(layout.changes(each.name))


def test_experiments_share_no_scratch_space(submit: Submit, tmp_path: Path) -> None:
    text = (
        "import os, sys\n"
        "path = os.path.join(os.environ['GRIDRAY_SCRATCH'], 'file')\n"
        "open(path, 'x').write('x')\n"
        "print(path)"
    )
    run = submit(text, "--x", "range(3)", scratch=Scratch(size=1000))
    assert run.wait(timeout=120).summary.succeeded == 3
    paths = [each.log().decode().strip() for each in run.experiments]
    assert len(set(paths)) == 3 and not any(Path(path).exists() for path in paths)
    assert [each.artifacts() for each in run.experiments] == [[], [], []]
