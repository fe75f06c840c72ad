"""`ray`, as the nodes of Gridray's own clusters run it: its workers come up faster.

Ray starts the Python of each worker twice. The first one imports all of Ray to read a JSON object,
and becomes the second one; `setup_worker.py` beside this module does that without Ray. A Ray that
knows nothing of that file's name goes on with its own.

`python -m gridray.node.rayscript DIRECTORY start …`: a copy of that file is kept in the directory,
so that a cluster goes on when another Gridray is installed.
"""

import shutil
import sys
from pathlib import Path


def main() -> None:
    from ray._private import ray_constants
    from ray.scripts.scripts import main as ray

    script = Path(__file__).with_name("setup_worker.py")
    kept = Path(sys.argv.pop(1)).absolute() / script.name
    shutil.copyfile(script, kept)
    # It is joined to the directory of Ray's own, which an absolute path replaces.
    ray_constants.SETUP_WORKER_FILENAME = str(kept)
    sys.exit(ray())


if __name__ == "__main__":
    main()
