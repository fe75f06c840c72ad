"""What Gridray's commands do differently from Typer's: plain help, and a quick start."""

from collections.abc import Callable
from typing import Any, get_args

from typer.core import TyperCommand, TyperGroup

from gridray.cli.panels import ORDER


class PlainCommand(TyperCommand):
    """Shows its arguments by their names alone."""

    def get_params(self, ctx: Any) -> Any:
        return _taking_plain_values(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [
            piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)
        ]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        parameters: list[Any] = self.get_params(ctx)
        arguments = [each for each in parameters if each.param_type_name == "argument"]
        options = [each for each in parameters if each.param_type_name == "option"]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl([(each.metavar, each.help) for each in arguments])
        with formatter.section("Options"):
            records = (_help_record(each, ctx) for each in options)
            formatter.write_dl([record for record in records if record])


class PlainGroup(TyperGroup):
    """Lists its commands below the headings that they were registered with."""

    def get_params(self, ctx: Any) -> Any:
        return _taking_plain_values(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in ORDER}
        room = formatter.width - 6 - max(map(len, self.commands))
        for name, command in self.commands.items():
            panel = getattr(command, "rich_help_panel", None)
            rows = panels.setdefault(panel or "Commands", [])
            rows.append((name, command.get_short_help_str(room)))
        for panel, rows in panels.items():
            if rows:
                with formatter.section(panel):
                    formatter.write_dl(rows)


def _help_record(option: Any, ctx: Any) -> Any:
    """Return an option's name and help, without the brackets around a default that is put in words.

    Typer writes `[default: (words)]`.
    """
    record, words = option.get_help_record(ctx), option.show_default
    if record is None or not isinstance(words, str):
        return record
    return record[0], record[1].replace(f"[default: ({words})", f"[default: {words}")


def _taking_plain_values(parameters: list[Any]) -> list[Any]:
    """Let parameters take what needs no conversion as it is.

    Typer 0.29 asks pydantic for each, even for an option that was not given, and pydantic takes
    longer to import than all else that `gridray version` does.
    """
    for parameter in parameters:
        if "process_value" not in vars(parameter):
            parameter.process_value = _processing(parameter, parameter.process_value)
    return parameters


def _processing(parameter: Any, process: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    described = getattr(parameter, "type_descriptor", None)
    kind = getattr(described, "annotation", None)
    bounds = getattr(described, "parameter_info", None)

    def taken(ctx: Any, value: Any) -> Any:
        is_missing = value is None and not parameter.required
        is_text = kind in (str, list[str]) or value in get_args(kind)
        is_plain = is_text and value not in (None, (), [])
        if kind in (int, float) and value is not None and (number := _number(kind, value, bounds)):
            (value,), is_plain = number, True
        if not is_missing and not is_plain:
            return process(ctx, value)
        return value if parameter.callback is None else parameter.callback(ctx, parameter, value)

    return taken


def _number(kind: type[int] | type[float], value: Any, bounds: Any) -> tuple[float] | None:
    """Return a number that is given, or was typed; None: Typer has to say what is wrong with it."""
    try:
        number = kind(value)
    except ValueError:
        return None
    low, high = getattr(bounds, "min", None), getattr(bounds, "max", None)
    is_low, is_high = low is not None and number < low, high is not None and number > high
    return None if is_low or is_high else (number,)
