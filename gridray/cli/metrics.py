"""`metrics`, `compare`, `tensorboard` and `export`: what experiments have measured."""

import typer

from gridray.cli import metric_options as options
from gridray.cli import panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "metrics", rich_help_panel=panels.FOLLOW)(metrics)
    command(app, "compare", has_csv=True, rich_help_panel=panels.FOLLOW)(compare)
    command(app, "tensorboard", rich_help_panel=panels.FOLLOW)(tensorboard)
    command(app, "export", rich_help_panel=panels.FOLLOW)(export)


def metrics(
    out: Output, run: options.Name, name: options.Names = None, plot: options.Plot = False
) -> None:
    """Show the metrics of an experiment, or of all experiments of a run.

    They are read from TensorBoard's event files, metrics.jsonl and metrics.csv, and from what
    `run --metric` finds in the output.
    """
    from gridray.cli import measuring
    from gridray.cli.names import open_store

    store = open_store()
    found = measuring.find(store, run, name)
    out.show(found, lambda out, found: measuring.show(out, store, found))
    if plot and not out.is_json:
        measuring.plot(out, store, found)


def compare(
    out: Output,
    runs: options.Runs,
    metric: options.Metric = None,
    mode: options.ModeOption = None,
    top: options.Top = None,
) -> None:
    """Compare the experiments of runs, the best one first; also as --output csv."""
    from gridray.cli import comparing, names

    found = comparing.find(names.open_store(), names.runs(runs), metric, mode, top)
    if out.is_csv:
        comparing.print_csv(out, found)
    else:
        out.show(found, comparing.show)


def tensorboard(
    out: Output,
    run: options.Name,
    logdir: options.Directory = None,
    port: options.Port = None,
) -> None:
    """Start TensorBoard with the event files of a run, which follow while the run goes on.

    Ctrl-C ends it.
    """
    from gridray.cli import boards
    from gridray.cli.names import open_store

    board = boards.prepare(open_store(), run, logdir)
    out.show(board.shape(), boards.show)
    board.serve(out, port)


def export(
    out: Output, run: options.Name, file: options.File, yes: options.Overwrite = False
) -> None:
    """Write all points of all metrics into a table: .csv, or .parquet if pyarrow is installed.

    Each row is a point, with the parameters of its experiment.
    """
    from gridray.cli import measuring
    from gridray.cli.names import open_store

    out.show(measuring.export(open_store(), run, file, replace=yes), measuring.show_exported)
