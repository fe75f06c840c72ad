"""What `config` tells: what a file says, key by key."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gridray import launch
from gridray.cli import settingshapes, text
from gridray.cli.output import Output
from gridray.cli.text import Column
from gridray.config import Config, Setting, merged
from gridray.configkeys import BY_PATH
from gridray.spec import make_spec

COLUMNS = (Column("Line", right=True), Column("Key"), Column("Value"), Column("Means", cut=True))


def written(path: Path) -> settingshapes.ConfigFile:
    return settingshapes.ConfigFile(str(path))


def show_written(out: Output, found: settingshapes.ConfigFile) -> None:
    out.line(found.path)
    path = text.command_line((found.path,))
    out.next_commands((f"gridray config check {path}", f"gridray run --config {path} SCRIPT"))


def meaning(found: Config) -> settingshapes.ConfigMeaning:
    """Return what a file says by itself.

    Raises:
        SweepError: its sweep is none.
    """
    ordered = sorted(found.settings, key=lambda each: each.line)
    settings = (settingshapes.ConfigSetting(each.key, each.line, _shown(each)) for each in ordered)
    spec = make_spec(merged(found, {"script": "any"}))
    expanded = launch.expand(spec)
    return settingshapes.ConfigMeaning(
        path=found.path,
        settings=tuple(settings),
        arguments=spec.args,
        experiments=len(expanded),
        warnings=(*found.warnings, *expanded.warnings),
    )


def show_meaning(out: Output, found: settingshapes.ConfigMeaning) -> None:
    rows = [
        (str(each.line), each.key, text.harmless(each.value), _about(each.key))
        for each in found.settings
    ]
    if rows:
        out.table(COLUMNS, rows)
        out.line()
    if found.arguments:
        out.line(f"The script gets, after its own: {text.command_line(found.arguments)}")
    told = f"{text.count(len(rows), 'key')} set, {text.count(found.experiments, 'experiment')}"
    out.line(f"{text.harmless(found.path)}: {told}, no errors")


def _about(path: str) -> str:
    key = BY_PATH[path]
    return key.about if key.alias is None else BY_PATH[key.alias].about


def _shown(setting: Setting) -> str:
    """Return a value in a line; of variables, which may be private, the names alone."""
    value: Any = setting.value
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(value)
    if isinstance(value, float):
        return f"{value:g}"
    if BY_PATH[setting.key].field == "params":
        return ", ".join(option for option, *_ in value)
    return json.dumps(value, ensure_ascii=False)
