"""The bench of the pages in its small form."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_measures_each_round() -> None:
    command = [sys.executable, "-m", "bench.ui", "48", "1"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    head, times, memory = answer.stdout.splitlines()
    assert head.split() == ["rows", "usable", "frame"]
    rows, usable, frame = map(float, times.split())
    assert 0 < rows <= usable and frame >= 0
    assert re.fullmatch(r"server: \d+ MB", memory)
