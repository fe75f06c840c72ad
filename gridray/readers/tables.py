"""All points of a run's metrics as one table, in a file that other programs read."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from gridray.errors import UsageError
from gridray.readers import metrics
from gridray.readers.runs import ExperimentView
from gridray.records import RunRecord, read_run
from gridray.store import Store

CSV, PARQUET = ".csv", ".parquet"
# Before the names of parameters, so that none is taken for another column.
PARAMETER = "param."
BEFORE = ("experiment", "state")
BEHIND = ("metric", "step", "time", "value")

Row = tuple[Any, ...]


def write(
    store: Store, run: str, experiments: Sequence[ExperimentView], path: Path, *, replace: bool
) -> int:
    """Write the metrics of experiments: a row for each point, with the experiment's parameters.

    The file appears when it is whole. Times are Unix times in seconds.

    Returns:
        The number of rows.

    Raises:
        UsageError: the file cannot be written, is there already, is of a kind that is not known, or
            pyarrow is not installed.
        StoreError: the store cannot be read.
    """
    if path.suffix not in (CSV, PARQUET):
        raise UsageError(
            f"{str(path)!r} is of a kind that is not known", hint="name a .csv or .parquet file"
        )
    if path.exists() and not replace:
        raise UsageError(f"{path} is there already", hint="add --yes to replace it")
    writer = _csv if path.suffix == CSV else _parquet()
    params = list(dict.fromkeys(name for each in experiments for name in each.params))
    columns = [*BEFORE, *(PARAMETER + name for name in params), *BEHIND]
    record = read_run(store, run)
    tables = (_rows(store, record, each, params) for each in experiments)
    try:
        with _replacing(path) as file:
            return writer(file, columns, tables)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _rows(
    store: Store, record: RunRecord, experiment: ExperimentView, params: Sequence[str]
) -> list[Row]:
    given = [experiment.params.get(name) for name in params]
    before = (experiment.name, experiment.state.value, *map(flag, given))
    curves = metrics.curves_until(store, record, experiment.index, experiment.attempt)
    return [
        (*before, curve.name, *point)
        for curve in curves.values()
        for point in zip(curve.steps, curve.times, curve.values, strict=True)
    ]


def flag(value: str | bool | None) -> str | None:
    """Return a parameter as a table has it: one that is a flag as `true` or `false`."""
    return str(value).lower() if isinstance(value, bool) else value


def _csv(file: IO[bytes], columns: Sequence[str], tables: Iterable[list[Row]]) -> int:
    import io

    count = 0
    text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")
    lines = csv.writer(text)
    lines.writerow(columns)
    for rows in tables:
        lines.writerows(rows)
        count += len(rows)
    text.flush()
    text.detach()
    return count


def _parquet() -> Callable[[IO[bytes], Sequence[str], Iterable[list[Row]]], int]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            "a .parquet file needs pyarrow, which is not installed here",
            hint="`pip install pyarrow`, or name a .csv file",
        ) from error

    def write_all(file: IO[bytes], columns: Sequence[str], tables: Iterable[list[Row]]) -> int:
        numbers = dict.fromkeys(BEHIND[1:], pyarrow.float64())
        fields = [(name, numbers.get(name, pyarrow.string())) for name in columns]
        schema, count = pyarrow.schema(fields), 0
        with pyarrow.parquet.ParquetWriter(file, schema) as writer:
            for rows in filter(None, tables):
                arrays = [
                    pyarrow.array(map(_number if name in numbers else _valid, cells), kind)
                    for (name, kind), cells in zip(fields, zip(*rows, strict=True), strict=True)
                ]
                writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
                count += len(rows)
        return count

    return write_all


def _number(value: float) -> float:
    return float(value)


def _valid(text: str | None) -> str | None:
    """Return a text that is Unicode; names of parameters and metrics may come from any bytes."""
    return text if text is None else text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes the place of `path` if all goes well."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".gridray-")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        partial.chmod(0o666 & ~_umask())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
