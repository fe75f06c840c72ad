"""How `--help` looks: plain text, arguments as they are typed, commands below headings."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """Shows its arguments by their names alone."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [
            piece.strip("{}").replace("}...", "...") for piece in super().collect_usage_pieces(ctx)
        ]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        arguments = [
            (each.display_name_raw, each.help)
            for each in self.get_params(ctx)
            if each.param_type_name == "argument"
        ]
        records = (
            each.get_help_record(ctx)
            for each in self.get_params(ctx)
            if each.param_type_name == "option"
        )
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record])


class PlainGroup(TyperGroup):
    """Lists its commands below the headings that they were registered with."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        room = formatter.width - 6 - max(map(len, self.commands))
        for name, command in self.commands.items():
            panel = getattr(command, "rich_help_panel", None)
            rows = panels.setdefault(panel or "Commands", [])
            rows.append((name, command.get_short_help_str(room)))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)
