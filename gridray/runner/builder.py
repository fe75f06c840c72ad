"""The building of one environment, in its place on the node."""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gridray import bundle, dependencies, scripts
from gridray.dependencies import Kind
from gridray.errors import BuildError
from gridray.records import RunRecord
from gridray.runner import commands, conda, indexes, overlay
from gridray.runner.buildlog import BuildLog
from gridray.runner.ending import exit_words
from gridray.runner.environment import Environment
from gridray.runner.periodic import attended
from gridray.runner.shelf import ENVIRONMENT, SOURCE, Place
from gridray.runner.workspace import Workspace
from gridray.store import Store

# Variables that are of one experiment, where the build is for many.
OF_EXPERIMENT = ("GRID_EXPERIMENT", "GRIDRAY_EXPERIMENT", "GRIDRAY_ATTEMPT", "GRIDRAY_RUN")
# What programs say that could not write, whatever they were to write: there is no other sign of it.
NODES_TROUBLE = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)))
EXPORTED = "pylock.gridray.toml"


class Builder:
    """Builds once; `build` does all of it."""

    def __init__(
        self,
        store: Store,
        record: RunRecord,
        workspace: Workspace,
        place: Place,
        env: Mapping[str, str],
        log: BuildLog,
        heed: Callable[[], None],
    ) -> None:
        self._store = store
        self._record = record
        self._workspace = workspace
        self._place = place
        self._log = log
        self._heed = heed
        self._home = place.home / ENVIRONMENT
        self._source = workspace.root
        kept = {name: value for name, value in env.items() if not name.startswith(OF_EXPERIMENT)}
        self._env = indexes.for_uv(indexes.with_cache(kept, place.home.parent.parent))

    def build(self) -> dict[str, Any]:
        """Build, and return what is to be known of it.

        Raises:
            BuildError: a part of it has failed.
            OSError: the disk does not take it.
            StoreError: the store does not give the source.
        """
        needs = self._record.environment
        file = needs.dependency_file
        self._log.keep_in(self._place.log)
        has_commands = any((needs.on_build_start, needs.on_build, needs.on_build_end))
        reads_source = file is not None and dependencies.needs_source(self._workspace.root, file)
        if has_commands or reads_source:
            self._source = self._place.home / SOURCE
            self._unpack()
        before = _files(self._source) if has_commands else {}
        if file is not None and dependencies.kind(file) is Kind.CONDA:
            is_needed = self._build_conda(file)
        else:
            is_needed = self._build_overlay(file) or has_commands
        created = _changed(before, self._source) if has_commands else []
        if not is_needed:
            shutil.rmtree(self._home)
        # What is installed with -e is imported from there.
        if not created and not (reads_source and is_needed):
            shutil.rmtree(self._place.home / SOURCE, ignore_errors=True)
        return {"has_environment": is_needed, "files": created}

    def _unpack(self) -> None:
        source, record, store = self._source, self._record.source, self._store
        attended(
            lambda check: self._workspace.unpack_into(source, store, record, check), self._heed
        )

    def _build_conda(self, file: str) -> bool:
        needs = self._record.environment
        self._act("on_build_start", needs.on_build_start)
        create = conda.create(self._home, file, self._env)
        self._log.tell(f"installing {file}:")
        self._run(create, f"installing {file}", self._env | conda.VARIABLES)
        if scripts.is_python(self._record.script) and not (self._home / "bin" / "python").exists():
            raise BuildError(f"{file} installs no python, which {self._record.script} needs")
        self._act("on_build", needs.on_build)
        self._act("on_build_end", needs.on_build_end)
        return True

    def _build_overlay(self, file: str | None) -> bool:
        """Build over the node's own packages; return whether anything was installed."""
        needs = self._record.environment
        uv = bundle.provide_installer()
        self._run(overlay.create(uv, self._home), "making the environment", self._env)
        overlay.reveal_node(self._home, uv)
        self._act("on_build_start", needs.on_build_start)
        if file is not None:
            self._install(uv, file)
        self._act("on_build", needs.on_build)
        self._act("on_build_end", needs.on_build_end)
        return overlay.conceal_node(self._home)

    def _install(self, uv: str, file: str) -> None:
        what = f"installing {file}"
        home, name = (self._source / file).parent, Path(file).name
        if dependencies.kind(file) is Kind.LOCK:
            self._warn_of_outdated(uv, file, home)
            exported = self._place.home / EXPORTED
            self._run(overlay.export(uv, self._home, exported), what, self._env, home)
            name = str(exported)
        elif dependencies.kind(file) is Kind.PROJECT and self._has_all(uv, name, home):
            self._log.tell(f"this node has all that {file} asks for")
            return
        self._log.tell(f"{what}:")
        self._run(overlay.install(uv, self._home, name), what, self._env, home)

    def _has_all(self, uv: str, name: str, cwd: Path) -> bool:
        exit_code, answer = self._ask(overlay.compare(uv, self._home, name), self._env, cwd)
        return exit_code == 0 and overlay.finds_no_change(answer)

    def _warn_of_outdated(self, uv: str, file: str, cwd: Path) -> None:
        lock = (self._source / file).read_text("utf-8", "replace")
        # What is set for uv on this node need not have been so where the file was made.
        env = {name: value for name, value in self._env.items() if not name.startswith("UV_")}
        exit_code, answer = self._ask(overlay.check(uv, self._home, lock), env, cwd)
        if exit_code != 0 and overlay.finds_outdated(answer):
            told = "seems to be older than its pyproject.toml, and is installed as it is"
            self._log.tell(f"warning: {file} {told}; `uv lock` brings it up to date")

    def _ask(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> tuple[int, bytes]:
        """Run a command whose output is for us; return its exit code and what it has printed."""
        answer = bytearray()
        exit_code = commands.run(
            command,
            cwd=cwd,
            env=env,
            write=answer.extend,
            heed=self._heed,
            descriptors=(self._place.lock,),
        )
        return exit_code, bytes(answer)

    def _act(self, action: str, lines: Sequence[str]) -> None:
        for line in lines:
            self._log.tell(f"{action}: {line}")
            has_environment = (self._home / "bin").is_dir()
            env = Environment(self._home if has_environment else None).applied(self._env)
            env["PWD"] = str(self._source)
            self._run([*commands.BASH, line], f"{action} ({line})", env)

    def _run(
        self, command: Sequence[str], what: str, env: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        """Run a part of the build.

        Raises:
            BuildError: it has failed.
            OSError: it has failed for want of space on this node.
        """
        self._log.begin_part()
        exit_code = commands.run(
            command,
            cwd=cwd or self._source,
            env=env,
            write=self._log.write,
            heed=self._heed,
            # Who builds next waits until all that we have started is gone, should we be killed.
            descriptors=(self._place.lock,),
        )
        if exit_code != 0:
            told = f"{what} failed ({exit_words(exit_code)}): {self._log.last_lines()}"
            if any(trouble in told for trouble in NODES_TROUBLE):
                raise OSError(told)
            raise BuildError(told)


def _files(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return the files and links below a directory, and what changes when they do."""
    found = {}
    for directory, folders, names in os.walk(root):
        for name in [*names, *folders]:
            path = Path(directory, name)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                relative = path.relative_to(root).as_posix()
                found[relative] = (status.st_size, status.st_mtime_ns, status.st_mode)
    return found


def _changed(before: Mapping[str, tuple[int, int, int]], root: Path) -> list[str]:
    return [path for path, status in _files(root).items() if before.get(path) != status]
