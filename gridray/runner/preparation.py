"""All that comes before a script starts: its files, and whatever else it needs on this node."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridray import scripts
from gridray.errors import BuildError, DamagedError, GridrayError, NotFoundError, StoreError
from gridray.layout import AttemptName
from gridray.raytoken import ambient_token
from gridray.records import RunRecord, read_points
from gridray.runner.artifacts import ArtifactSync
from gridray.runner.ending import Ending
from gridray.runner.environment import Environment, script_environment, secret_variables
from gridray.runner.periodic import attended
from gridray.runner.workspace import Workspace
from gridray.states import Reason
from gridray.store import Store

# Called now and then by what takes long; raises EndedError when somebody wants the attempt to end.
Heed = Callable[[], None]


class FailedError(Exception):
    """The attempt is over before its script has begun."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class EndedError(Exception):
    """Somebody wants the attempt to end before its script has begun."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason.value)
        self.ending = ending


@dataclass(frozen=True)
class Prepared:
    """A script that can be started: its command and environment; `sync.root` is its directory.

    `within` are the words of a program that makes a place for it and then becomes the command.
    """

    command: list[str]
    env: dict[str, str]
    sync: ArtifactSync
    within: tuple[str, ...] = ()


def prepare(
    store: Store, name: AttemptName, record: RunRecord, stack: ExitStack, heed: Heed
) -> Prepared:
    """Make everything that an attempt's script needs; what is to be undone goes on the stack.

    Raises:
        FailedError: something of it cannot be.
        EndedError: somebody wants the attempt to end.
        StoreError: the store stays out of reach.
    """
    with blaming(Reason.PREPARATION_FAILED):
        workspace = stack.enter_context(Workspace(name))
        attended(workspace.remove_leftovers, heed)
        point = attended(lambda check: read_points(store, name.run), heed)[name.index]
        with blaming(Reason.SOURCE_MISSING, NotFoundError):
            attended(lambda check: workspace.unpack(store, record.source, check), heed)
    env = script_environment(
        os.environ,
        record,
        name,
        workdir=workspace.root,
        temporary=workspace.temporary,
        bundle=Path.cwd(),
    )
    with blaming(Reason.SECRETS_FAILED):
        token = ambient_token()
        env |= attended(lambda check: secret_variables(store, record, token), heed)
    # What of a run has not begun fails with its build, but not with one node.
    with blaming(Reason.PREPARATION_FAILED), blaming(Reason.BUILD_FAILED, BuildError):
        environment = Environment()
        # What few experiments need is imported for these: every one waits for its runner's start.
        if record.environment.is_built:
            from gridray.runner import build

            environment = build.provide(store, name, record, workspace, env, stack, heed)
    with blaming(Reason.PREPARATION_FAILED):
        sync = ArtifactSync(store, name, workspace.root, workspace.source_files)
        attended(sync.restore, heed)
    heed()
    env = environment.applied(env)
    if record.datastores:
        from gridray.runner import datastores

        with blaming(Reason.DATASTORE_FAILED):
            env |= datastores.mount(store, record, stack, heed)
    command = scripts.command(record.script, point.argv, python=environment.python)
    if record.scratch is None:
        return Prepared(command, env, sync)
    from gridray.runner import scratch

    with blaming(Reason.SCRATCH_FAILED):
        space = scratch.make(record.scratch, workspace.scratch)
    return Prepared(command, env | space.env, sync, within=space.within)


@contextmanager
def blaming(reason: Reason, *kinds: type[GridrayError | OSError]) -> Iterator[None]:
    """Turn what goes wrong into the end of the attempt, but not that the store is out of reach.

    Args:
        kinds: of errors; none: all that Gridray raises, and what the system refuses.
    """
    blamed = kinds or (GridrayError, OSError)
    try:
        yield
    except blamed as error:
        if isinstance(error, StoreError) and not isinstance(error, DamagedError):
            raise
        raise FailedError(reason, str(error)) from error
