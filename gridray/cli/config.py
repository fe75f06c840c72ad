"""`config`: the files that `run --config` reads are written and checked."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output
from gridray.cli.plain import PlainGroup


def register(app: typer.Typer) -> None:
    group = typer.Typer(cls=PlainGroup, help="Write and check files for `gridray run --config`.")
    command(group, "init")(init)
    command(group, "check")(check)
    app.add_typer(group, name="config", rich_help_panel=panels.RUN)


def init(
    out: Output, file: options.NewConfig = options.CONFIG, yes: options.Replace = False
) -> None:
    """Write a file with every key, its default and what it is for."""
    from gridray import configtext
    from gridray.cli import config_work

    configtext.write(file, replace=yes)
    out.show(config_work.written(file), config_work.show_written)


def check(out: Output, file: options.ConfigFile) -> None:
    """Check a file, and say what it means; every error in it is named, by its line."""
    from gridray import config
    from gridray.cli import config_work, running

    found = config.read(file)
    meaning = config_work.meaning(found)
    out.show(meaning, config_work.show_meaning)
    running.warn(out, meaning.warnings)
