"""A whole sweep through the real controller: `python -m tests.simulation [EXPERIMENTS [SEED]]`.

Says how long the controller's looks took, and exits with 1 if an experiment has not ended as it
should.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from gridray.store import Store
from tests.builders import run_record
from tests.simulation.cluster import PlayedCluster
from tests.simulation.driving import START, add_run, drive
from tests.simulation.fate import MUCH


def main(count: int = 10_000, seed: int = 1) -> int:
    with tempfile.TemporaryDirectory() as directory:
        store = Store(f"{directory}/store")
        record = run_record("sweep", count, created_at=START, auto_resume=True, retries=1)
        add_run(store, record)
        cluster = PlayedCluster(store, seed=seed, trouble=MUCH, nodes=16, slots=8, now=START)
        story = drive(cluster, store, Path(directory))
        wrong, summary = story.violations(record), str(story)
    took = [1e3 * look.took for look in story.looks]
    part = max(1, len(took) // 10)
    middle = len(took) // 2
    lines = [
        summary,
        f"first tenth: median {statistics.median(took[:part]):.0f} ms",
        f"middle tenth: median {statistics.median(took[middle : middle + part]):.0f} ms",
        f"last tenth: median {statistics.median(took[-part:]):.0f} ms",
        *wrong[:20],
        f"{len(wrong)} of {count} experiments have not ended as they should",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
