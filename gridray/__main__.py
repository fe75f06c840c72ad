"""`gridray`, `grid` and `python -m gridray`."""

import gc
import sys

# After so many new objects Python looks for garbage.
GARBAGE = 100_000


def main() -> None:
    """Run the command line; it ends the process."""
    # The import of Typer alone takes nearly as long as this may take.
    if sys.argv[1:] in (["version"], ["--version"]):
        from gridray.cli import versions

        versions.tell()
        return
    # Most commands end before there is any garbage.
    gc.set_threshold(GARBAGE)
    from gridray.cli import app

    try:
        app.main()
    finally:
        # All goes with the process; Python would look through it for garbage first.
        gc.freeze()


if __name__ == "__main__":
    main()
