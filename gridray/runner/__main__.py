"""What a Ray job starts: `python -m gridray.runner STORE RUN IDENTITY EXPERIMENT ATTEMPT`."""

import sys


def main() -> int:
    from gridray import bundle

    bundle.provide_libraries()

    from gridray.layout import AttemptName
    from gridray.runner.lifecycle import Attempt
    from gridray.store import Store

    url, run, identity, index, attempt = sys.argv[1:]
    name = AttemptName(run, int(index), int(attempt))
    return Attempt(Store(url, patient=True), name, identity).run()


if __name__ == "__main__":
    sys.exit(main())
