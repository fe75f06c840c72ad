"""Gridray runs sweeps of machine-learning experiments as Ray jobs.

run = gridray.submit(gridray.RunSpec(script="main.py", args=("--lr", "[0.1, 0.01]")))
run.wait()
print(run.experiments[0].log().decode())
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridray.api import Experiment, Run, submit
    from gridray.spec import RunSpec

__version__ = "0.1.0"
__all__ = ["Experiment", "Run", "RunSpec", "submit"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command line and the runner start without the rest."""
    if name == "RunSpec":
        from gridray.spec import RunSpec

        return RunSpec
    if name in __all__:
        from gridray import api

        return getattr(api, name)
    raise AttributeError(f"module 'gridray' has no attribute {name!r}")
