"""Environments of conda's kind, by whichever of its programs a node has."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from gridray.errors import BuildError

# The first that is found is used. Each names its own program in a variable where it is set up.
PROGRAMS = {"micromamba": "MAMBA_EXE", "mamba": "MAMBA_EXE", "conda": "CONDA_EXE"}
VARIABLES = {
    "CONDA_ALWAYS_YES": "1",
    "MAMBA_ALWAYS_YES": "1",
    "CONDA_PIP_INTEROP_ENABLED": "1",
    "MAMBA_NO_BANNER": "1",
}


def find(env: Mapping[str, str]) -> str | None:
    """Return the path of the first of the programs, by the PATH or by its own variable."""
    for name, variable in PROGRAMS.items():
        hinted = env.get(variable, "")
        if program := shutil.which(name, path=env.get("PATH")):
            return program
        if Path(hinted).name == name and os.access(hinted, os.X_OK):
            return hinted
    return None


def create(home: Path, file: str, env: Mapping[str, str]) -> list[str]:
    """Return the command that makes the environment of a file.

    Raises:
        BuildError: this node has none of the programs.
    """
    program = find(env)
    if program is not None:
        verb = ["create"] if Path(program).name == "micromamba" else ["env", "create"]
        return [program, *verb, "--prefix", str(home), "--file", file]
    raise BuildError(
        f"{file} needs one of {', '.join(PROGRAMS)}, and this node has none of them on its PATH; "
        "install micromamba on the cluster's nodes, or name a requirements.txt with "
        "--dependency_file"
    )
