"""What travels to every node of a cluster: Gridray's wheel, scripts, and the cluster's token.

`python -m gridray.clusters.aws.nodefiles DIRECTORY` makes the directory that the files in
`cluster_configs` name.
"""

import secrets
import shutil
import sys
from pathlib import Path

from gridray.clusters.aws import wheel
from gridray.clusters.aws.made import private, write_private

SCRIPTS = Path(__file__).parent / "node"
TOKEN = "token"


def write(directory: Path, token: str) -> None:
    """Write all of it; what is there already and should not be goes.

    Raises:
        ClusterError: Gridray is not installed, so that nothing says what it requires.
    """
    made = wheel.build()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    files = {
        made.name: made.content,
        "constraints.txt": wheel.constraints().encode(),
        "python-version": f"{python}\n".encode(),
        TOKEN: token.encode(),
    }
    files |= {path.name: path.read_bytes() for path in SCRIPTS.glob("*.sh")}
    private(directory)
    for path in directory.iterdir():
        if path.name not in files:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, content in files.items():
        write_private(directory / name, content)


def token_of(path: Path) -> str:
    """Return the token in a file; a new one is written if there is none."""
    try:
        known = path.read_text().strip()
    except FileNotFoundError:
        known = ""
    if not known:
        known = secrets.token_hex(32)
        write_private(path, known.encode())
    return known


def main(arguments: list[str]) -> None:
    """Make the directory, keeping the token that is in it."""
    if len(arguments) != 1:
        sys.exit("usage: python -m gridray.clusters.aws.nodefiles DIRECTORY")
    directory = private(Path(arguments[0]).expanduser().absolute())
    write(directory, token_of(directory / TOKEN))


if __name__ == "__main__":
    main(sys.argv[1:])
