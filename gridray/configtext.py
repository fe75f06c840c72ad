"""What is made from the table of keys: the file to begin with, and the JSON Schema for editors.

`python -m gridray.configtext docs/gridray.schema.json` writes the schema.
"""

import json
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from gridray.configkeys import BY_PATH, SECTIONS, Key, below
from gridray.errors import ConfigError, ExistsError

WIDTH = 96
INDENT = "  "
HEAD = """\
# A run, for `gridray run --config FILE [SCRIPT] [ARGS]...`; what is typed wins over what is here.
# Each key has the value that holds without it. `gridray docs config` tells more about them.
"""
DIALECT = "http://json-schema.org/draft-07/schema#"


def template() -> str:
    """Return a file with every key, its default and what it is for."""
    return HEAD + "".join(_lines("", 0))


def _lines(section: str, depth: int) -> Iterator[str]:
    for name in below(section):
        path = f"{section}.{name}" if section else name
        key = BY_PATH.get(path)
        if key is None:
            if not depth:
                yield "\n"
            yield from _comment(SECTIONS[path], depth)
            yield f"{INDENT * depth}{name}:\n"
            yield from _lines(path, depth + 1)
        elif key.alias is None:
            yield from _comment(key.about, depth)
            yield f"{INDENT * depth}{name}: {key.default}\n"


def _comment(text: str, depth: int) -> Iterator[str]:
    start = f"{INDENT * depth}# "
    for line in textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=start):
        yield f"{line}\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a file."""
    return {
        "$schema": DIALECT,
        "title": "A run of Gridray",
        "description": "What `gridray run --config FILE` reads.",
        **_section(""),
    }


def _section(section: str) -> dict[str, Any]:
    properties = {}
    for name in below(section):
        path = f"{section}.{name}" if section else name
        key = BY_PATH.get(path)
        properties[name] = _section(path) if key is None else _value(key)
    about = {"description": SECTIONS[section]} if section else {}
    kind = ["object", "null"] if section else "object"
    return {**about, "type": kind, "additionalProperties": False, "properties": properties}


def _value(key: Key) -> dict[str, Any]:
    told = key if key.alias is None else BY_PATH[key.alias]
    about = told.about if key.alias is None else f"Another name of {key.alias}. {told.about}"
    default = yaml.safe_load(told.default)
    return {
        "description": about,
        "default": default,
        "anyOf": [dict(key.kind.schema), {"type": "null"}],
    }


def write(path: Path, *, replace: bool) -> None:
    """Write the file to begin with.

    Args:
        replace: also where a file is there.

    Raises:
        ExistsError: there is one.
        ConfigError: it cannot be written; nothing is left of it then.
    """
    if path.exists() and not replace:
        raise ExistsError(f"the file {str(path)!r} is there already", hint="--yes replaces it")
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(template(), "utf-8")
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"{str(path)!r} cannot be written: {error.strerror}") from error


def main() -> None:
    text = json.dumps(schema(), indent=2, ensure_ascii=False)
    Path(sys.argv[1]).write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
