"""Programs that the runner itself needs: run to their end, their output carried away meanwhile."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from gridray.runner.process import AFTERMATH, ScriptProcess

# How often is asked whether the program is to go on, and what it has to end when it is not.
LOOK_INTERVAL = 0.2
GRACE = 2.0

# Stops at the first command of several that fails; of a pipe the last one counts, as in any shell:
# `pip list | head` is no failure.
BASH = ("bash", "-ec")


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    write: Callable[[bytes], None],
    heed: Callable[[], None],
    descriptors: Collection[int] = (),
) -> int:
    """Run a program, and end what it leaves behind; return its exit code (negative: the signal).

    Args:
        write: takes its output as it comes.
        heed: called all the while; what it raises ends the program.
        descriptors: files that it holds open as long as it lives.

    Raises:
        OSError: it cannot be started.
    """
    process = ScriptProcess(command, cwd=cwd, env=env, signal_group=True, descriptors=descriptors)
    pump = threading.Thread(target=_carry, args=(process, write), name="pump", daemon=True)
    pump.start()
    try:
        while (exit_code := process.wait(LOOK_INTERVAL)) is None:
            heed()
        process.end_group()
        pump.join(AFTERMATH)
    except BaseException:
        process.terminate()
        process.wait(GRACE)
        raise
    finally:
        process.close()
        pump.join()
    return exit_code


def _carry(process: ScriptProcess, write: Callable[[bytes], None]) -> None:
    for data in process.output():
        write(data)
