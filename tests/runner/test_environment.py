"""What a script sees of its surroundings, and that the documentation names all of it."""

import re
from pathlib import Path

from gridray.datastores.names import variable
from gridray.layout import AttemptName
from gridray.runner import scratch
from gridray.runner.ending import ScriptEnd, told
from gridray.runner.environment import script_environment
from tests.builders import run_record

PAGE = Path(__file__).parents[2] / "docs" / "environments.md"


def test_every_variable_is_documented() -> None:
    place = Path("/there")
    env = script_environment(
        {},
        run_record("run", 1),
        AttemptName("run", 0, 0),
        workdir=place,
        temporary=place,
        bundle=place,
    )
    seen = {*env, *told(ScriptEnd(0), None), scratch.VARIABLE, variable("<NAME>")}
    text = PAGE.read_text().split("## What a script sees")[1].split("\n## ")[0]
    named = set(re.findall(r"`((?:GRID|PWD|TMPDIR)[A-Z_<>]*)`", text))
    assert seen == named - {"GRIDRAY_INSTANCE_TYPE"}
