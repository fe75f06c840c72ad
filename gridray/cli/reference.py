"""Writes `docs/cli.md` from the commands: `python -m gridray.cli.reference docs/cli.md`."""

import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from gridray.cli import (
    answer,
    changeshapes,
    cluster_shapes,
    costshapes,
    datashapes,
    fileshapes,
    metricshapes,
    offer_shapes,
    planshapes,
    settingshapes,
    shapes,
    versions,
)
from gridray.cli.app import app

INTRODUCTION = """\
# The command line

<!-- Written by `python -m gridray.cli.reference docs/cli.md`. Do not edit it. -->

`gridray` and `grid` are the same program. Options are accepted with underscores and with hyphens:
`--num_trials` is `--num-trials`. Every command takes `--output console|json` (`-o`), `--debug` and
`--help` (`-h`); the first two before the command, too.

Data goes to stdout, everything else to stderr. With `--output json` stdout holds one JSON document
of the shape that is given below for each command, or nothing if there was an error; `gridray logs`
prints one document a line. Times are ISO 8601 in UTC. New fields may come, none goes.

| exit code | means |
| --- | --- |
| 0 | it is done |
| 1 | it could not be done; with `run --wait`: an experiment did not succeed |
| 2 | what was typed cannot be meant |
| 130 | Ctrl-C |

A name is a run's, as `happy-otter-412`, or an experiment's, as `happy-otter-412-exp0`.
"""

# What the commands print with `--output json`.
SHAPES: dict[str, type] = {
    "run": planshapes.Submitted,
    "run --dry-run": planshapes.Planned,
    "files": planshapes.Files,
    "files --why": planshapes.Verdict,
    "sync-env": settingshapes.Synced,
    "status": shapes.Runs,
    "status RUN": shapes.RunDetail,
    "history": shapes.Runs,
    "why": answer.Answer,
    "cost": costshapes.Costs,
    "cost RUN": costshapes.RunCost,
    "retry": changeshapes.Retries,
    "rerun": planshapes.Submitted,
    "logs": shapes.LogLine,
    "metrics": metricshapes.Metrics,
    "compare": metricshapes.Comparison,
    "tensorboard": metricshapes.Board,
    "export": metricshapes.Exported,
    "artifacts": fileshapes.Downloaded,
    "artifacts --list": fileshapes.Artifacts,
    "artifacts --bucket_path": fileshapes.Locations,
    "ui": settingshapes.Link,
    "view": settingshapes.Link,
    "stop run": changeshapes.Stops,
    "stop experiment": changeshapes.Stops,
    "delete run": changeshapes.Deletions,
    "delete experiment": changeshapes.Deletions,
    "delete cluster": cluster_shapes.ClusterChange,
    "datastore": datashapes.Datastores,
    "datastore create": datashapes.CreatedDatastore,
    "datastore delete": datashapes.DeletedDatastore,
    "datastore resume": datashapes.CreatedDatastores,
    "datastore resume --list": datashapes.InterruptedUploads,
    "datastore clearcache": datashapes.ClearedCache,
    "clusters": cluster_shapes.Clusters,
    "clusters aws": cluster_shapes.ClusterPlan,
    "clusters up": cluster_shapes.ClusterChange,
    "clusters down": cluster_shapes.ClusterChange,
    "clusters status": cluster_shapes.ClusterStatus,
    "clusters edit": cluster_shapes.ClusterEdited,
    "clusters use": cluster_shapes.Context,
    "user set-cluster-context": cluster_shapes.Context,
    "dashboard": settingshapes.Link,
    "doctor": cluster_shapes.Diagnosis,
    "instance-types": offer_shapes.InstanceTypes,
    "config init": settingshapes.ConfigFile,
    "config check": settingshapes.ConfigMeaning,
    "docs": settingshapes.Topics,
    "docs TOPIC": settingshapes.Page,
    "version": versions.Version,
}
# Options of all commands, which the introduction tells about.
COMMON = ("output", "debug")


def schema(call: str) -> dict[str, Any]:
    """Return the JSON Schema of what a call prints with `--output json`."""
    from pydantic import TypeAdapter

    shape = SHAPES[call]
    found = TypeAdapter(shape).json_schema(mode="serialization")
    for base in shape.__mro__[1:]:
        # Pydantic takes a field's description from the class itself only.
        inherited = TypeAdapter(base).json_schema() if is_dataclass(base) else {}
        for name, field in inherited.get("properties", {}).items():
            found["properties"][name].setdefault("description", field.get("description", ""))
    return found


def markdown() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, *_commands()]).rstrip("\n") + "\n"


def _commands() -> Iterator[str]:
    root: Any = get_command(app)
    context = typer.Context(root, info_name="gridray", **root.context_settings)
    yield from _section(root, context, ())
    for name, command in sorted(root.commands.items()):
        yield from _tree(command, context, (name,))


def _tree(command: Any, parent: typer.Context, words: tuple[str, ...]) -> Iterator[str]:
    context = typer.Context(command, info_name=words[-1], parent=parent)
    yield from _section(command, context, words)
    for name, inner in getattr(command, "commands", {}).items():
        yield from _tree(inner, context, (*words, name))


def _section(command: Any, context: typer.Context, words: tuple[str, ...]) -> Iterator[str]:
    title = " ".join(("gridray", *words))
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## {title}\n"
    yield f"    {title} {usage}\n"
    yield f"{command.help}\n"
    shown = [each for each in command.params if not words or each.name not in COMMON]
    rows = [_row(each, context) for each in shown]
    if rows:
        yield "| argument or option | default | |\n| --- | --- | --- |"
        yield "\n".join(rows) + "\n"
    for call in SHAPES:
        if words == _words(call):
            yield from _shape(call)


def _words(call: str) -> tuple[str, ...]:
    """Return the command of a call, without its options and arguments."""
    return tuple(word for word in call.split() if word.islower() and not word.startswith("-"))


def _row(parameter: Any, context: typer.Context) -> str:
    name, _ = parameter.get_help_record(context)
    if parameter.param_type_name == "argument":
        name = parameter.metavar + ("..." if parameter.nargs == -1 else "")
    return f"| `{_cell(name)}` | {_default(parameter)} | {_cell(parameter.help)} |"


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return f"`{parameter.show_default}`"
    if parameter.default is None or parameter.default is False or parameter.required:
        return ""
    return f"`{parameter.default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _shape(call: str) -> Iterator[str]:
    found = schema(call)
    yield f"`gridray {call} --output json`{', one a line' if call == 'logs' else ''}:\n"
    yield from _fields(found)
    for name, inner in found.get("$defs", {}).items():
        if "properties" in inner:
            yield f"{name}:\n"
            yield from _fields(inner)
        elif "enum" in inner:
            yield f"{name}: {', '.join(f'`{value}`' for value in inner['enum'])}\n"


def _fields(found: dict[str, Any]) -> Iterator[str]:
    yield "| field | type | |\n| --- | --- | --- |"
    for name, field in found["properties"].items():
        yield f"| `{name}` | {_cell(_type(field))} | {_cell(_text(field))} |"
    yield ""


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if field["type"] == "array":
        return f"list of {_type(field['items'])}"
    if field["type"] == "object":
        return "object"
    return str(field.get("format", field["type"]))


def _text(field: dict[str, Any]) -> str:
    return str(field.get("description", "")).replace("\n", " ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), "utf-8")
