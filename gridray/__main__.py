"""`gridray`, `grid` and `python -m gridray`."""

from gridray.cli.app import main

if __name__ == "__main__":
    main()
