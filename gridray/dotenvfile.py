"""Files of variables (`--env-file`), as dotenv writes them. Nothing in them is expanded."""

import io
from collections.abc import Mapping
from pathlib import Path

from gridray.yamlfile import Problem, Report, read_text


def read(path: Path, shell: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a file; a name alone has its value from the shell's environment.

    Raises:
        NotFoundError: there is no such file.
        ConfigError: it has lines that are no variables; the message names each of them.
    """
    from dotenv.parser import parse_stream

    from gridray.spec import ENVIRONMENT_NAME

    report = Report(str(path))
    env = {}
    for found in parse_stream(io.StringIO(read_text(path, "file of variables"))):
        if found.error:
            message = "this is no variable; write KEY=VALUE, and close its quotes"
        elif found.key is None:
            continue
        elif not ENVIRONMENT_NAME.fullmatch(found.key):
            message = f"{found.key!r} is no name of a variable, as KEY or key_2"
        elif found.value is None and found.key not in shell:
            message = f"{found.key} has no value, and this shell has no variable of that name"
        else:
            env[found.key] = shell[found.key] if found.value is None else found.value
            continue
        blank = len(found.original.string) - len(found.original.string.lstrip("\n"))
        report.problems.append(Problem(found.original.line + blank, 1, message))
    report.check()
    return env
