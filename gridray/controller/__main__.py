"""What a Ray job starts to put a controller on the head: `python -m gridray.controller`."""

import sys


def main() -> int:
    from gridray import bundle

    bundle.provide_libraries()

    from gridray.controller.actor import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
