"""Users' expressions, looked for in a process of its own.

Python's `re` lets no other thread run while it looks, and there are expressions for which that
takes longer than any run. The process ends itself then, and the experiment goes on without them.
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from itertools import chain

from gridray.runner.metrics.matching import Found, search

# Seconds for one batch of lines.
PATIENCE = 5.0
BATCH = 256
# Lines that wait; whoever brings more of them waits, too.
WAITING = 4 * BATCH


class Searcher:
    """Looks through lines in the order in which they come; `complaint` is why it has given up."""

    def __init__(self, expressions: Mapping[str, str], take: Callable[[Found], None]) -> None:
        """Name the metrics with their expressions, and who takes what is found.

        Raises:
            re.error: this Python does not understand an expression.
        """
        for text in expressions.values():
            re.compile(text)
        self._take = take
        self._names = ", ".join(expressions)
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self.complaint: str | None = None
        places = os.pathsep.join(os.path.abspath(each) for each in sys.path if each)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, json.dumps(dict(expressions)), str(PATIENCE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": places},
            # Python looks for modules where it starts, and a project's may have any name.
            cwd="/",
            # What is sent to the runner's group does not concern it.
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._work, name="searcher", daemon=True)
        self._thread.start()

    def feed(self, line: str) -> None:
        """Let a line be looked through; after `finish`, none is."""
        if self._thread.is_alive():
            self._lines.put(line)

    def finish(self) -> None:
        """Wait until all lines have been looked through. This can be repeated."""
        if self._thread.is_alive():
            self._lines.put(None)
            self._thread.join()

    def _work(self) -> None:
        is_last = False
        while not is_last:
            batch = [self._lines.get()]
            while len(batch) < BATCH and not self._lines.empty():
                batch.append(self._lines.get())
            is_last = None in batch
            lines = [line for line in batch if line is not None]
            if self.complaint is None and lines:
                self._search(lines)
        self._process.communicate()

    def _search(self, lines: list[str]) -> None:
        request, answers = self._process.stdin, self._process.stdout
        assert request is not None and answers is not None
        try:
            request.write(json.dumps(lines).encode() + b"\n")
            request.flush()
            answer = answers.readline()
        except OSError:
            answer = b""
        if answer:
            for found in json.loads(answer):
                self._take(Found(*found))
        else:
            self.complaint = (
                f"looking for {self._names} in its output was given up: "
                f"it took longer than {PATIENCE:g} s for some lines; simplify the expression"
            )


def main() -> None:
    """Answer each batch of lines with what was found in it, or end."""
    expressions, patience = json.loads(sys.argv[1]), float(sys.argv[2])
    patterns = {name: re.compile(text) for name, text in expressions.items()}
    for batch in sys.stdin:
        # Nobody handles this signal: it ends the process, whatever that is at.
        signal.setitimer(signal.ITIMER_REAL, patience)
        found = chain.from_iterable(search(patterns, line) for line in json.loads(batch))
        print(json.dumps(list(found)), flush=True)  # noqa: T201 (the answer)
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
