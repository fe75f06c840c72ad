"""`gridray`, `grid` and `python -m gridray`."""

import sys


def main() -> None:
    """Run the command line; it ends the process."""
    # The import of Typer alone takes nearly as long as this may take.
    if sys.argv[1:] in (["version"], ["--version"]):
        from gridray.cli import versions

        versions.tell()
        return
    from gridray.cli import app

    app.main()


if __name__ == "__main__":
    main()
