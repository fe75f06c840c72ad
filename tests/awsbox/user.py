"""A person with an account in the box, who types commands."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from gridray.clusters.aws import nodefiles
from tests.awsbox.box import AwsBox
from tests.awsbox.network import BRIDGE_ADDRESS


class User:
    """What one has on a laptop: a home, the environment of the account, and a project."""

    def __init__(self, box: AwsBox, place: Path) -> None:
        self.project = place / "project"
        self.project.mkdir(parents=True)
        self._env = {**os.environ, **box.env(), "GRIDRAY_HOME": str(place / "gridray-home")}

    def types(self, *words: str, timeout: float = 120) -> str:
        """Type a command of Gridray's; return what it prints, once it has worked."""
        done = subprocess.run(
            [sys.executable, "-m", "gridray", *words],
            cwd=self.project,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"gridray {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def asks(self, *words: str) -> Any:
        """Type a command, and return the data that it prints."""
        return json.loads(self.types(*words, "--output", "json"))

    def makes_cluster(self, name: str, *options: str) -> None:
        """Make a cluster of spot instances, and use it from then on."""
        # There are no public addresses in the box.
        reach = ("--private", "--ssh-from", f"{BRIDGE_ADDRESS}/32")
        self.types("clusters", "aws", name, "--spot", *reach, *options, "--yes", timeout=280)
        self.types("clusters", "use", name)

    def states(self, run: str) -> list[str]:
        """Return the states of a run's experiments, in order."""
        return [each["state"] for each in self.asks("status", run)["experiments"]]


def fill_cache(box: AwsBox, place: Path) -> None:
    """Have all at hand that a node of a cluster installs."""
    nodefiles.write(place, "no-token")
    (wheel,) = place.glob("*.whl")
    box.fill_cache(str(wheel), "--constraints", str(place / "constraints.txt"))


def running(box: AwsBox, *, spot: bool) -> list[str]:
    """Return the ids of instances that run, spot or on-demand ones."""
    return [
        instance_id
        for instance_id, each in box.instances().items()
        if each["State"]["Name"] == "running" and (each.get("InstanceLifecycle") == "spot") is spot
    ]
