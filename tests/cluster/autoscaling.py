"""A cluster on this machine whose nodes come and go: Ray's autoscaler with its fake provider.

Each node is a raylet of its own. Its GPUs are only counted, which is enough to place jobs by them.
"""

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from ray.util import get_node_ip_address

from gridray.clusters import local
from gridray.clusters.cluster import Cluster
from gridray.errors import ClusterError
from gridray.rayjobs import RayJobs
from gridray.rayshapes import GROUP_LABEL, Node
from tests.s3 import free_ports

HEAD_ID = "fffffffffffffffffffffffffffffffffffffffffffffffffff00000"
HEAD_TYPE = "ray.head.default"
START_TIMEOUT = 60.0
NODE_ID = "RAY_OVERRIDE_NODE_ID_FOR_TESTING"
PROVIDER = {
    "type": "external",
    "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
    "use_node_id_as_ip": True,
    "disable_node_updaters": True,
    "disable_launch_config_check": True,
    "launch_multiple": True,
    "head_node_id": HEAD_ID,
}
# The nodes need none, but Ray's defaults for an external provider leave out what it then reads.
COMMANDS: dict[str, list[str]] = {
    "setup_commands": [],
    "head_setup_commands": [],
    "worker_setup_commands": [],
    "cluster_synced_files": [],
}
# The autoscaler looks each second, and a dead node is noticed after some instead of half a minute.
VARIABLES = {
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
    "RAY_FAKE_CLUSTER": "1",
    "RAY_enable_autoscaler_v2": "1",
    "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
    NODE_ID: HEAD_ID,
    "RAY_NODE_TYPE_NAME": HEAD_TYPE,
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass(frozen=True)
class NodeType:
    """A worker group: what each of its nodes has, and how many there may be."""

    resources: Mapping[str, float]
    max_workers: int
    labels: Mapping[str, str] = field(default_factory=dict)

    def to_config(self, name: str) -> dict[str, Any]:
        # The fake nodes get their labels in the autoscaler's own process, which is of the head's.
        return {
            "resources": dict(self.resources),
            "labels": {**self.labels, GROUP_LABEL: name},
            "node_config": {},
            "min_workers": 0,
            "max_workers": self.max_workers,
        }


NODE_TYPES = {
    "gpu_spot": NodeType({"CPU": 2, "GPU": 1}, 2, {"ray.io/market-type": "spot"}),
    "gpu_ondemand": NodeType({"CPU": 4, "GPU": 2}, 1, {"ray.io/market-type": "on-demand"}),
}


class AutoscalingCluster:
    """A context: the cluster is up within it, and every process of it is gone after it.

    Args:
        variables: of the environment of every process, on top of what makes it work.
    """

    def __init__(
        self,
        node_types: Mapping[str, NodeType] = NODE_TYPES,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._node_types = node_types
        self._variables = dict(variables or {})
        self._identity = secrets.token_hex(4)
        self.token = secrets.token_hex(32)
        self._ports = free_ports(3)
        # Short, since Ray makes sockets below it, and their paths end at 107 characters.
        self._home = Path(tempfile.mkdtemp(prefix="gridray-", dir="/tmp"))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def settings(self) -> str:
        """What makes it the cluster `auto` in a settings.toml."""
        return f'[clusters.auto]\naddress = "{self.address}"\ntoken = "{self.token}"\n'

    def jobs(self) -> RayJobs:
        return Cluster("auto", "auto", self.address, self.token).jobs()

    def nodes(self) -> dict[str, Node]:
        """Return the living nodes but the head, by their ids."""
        return {node.node_id: node for node in self.jobs().nodes() if not node.is_head}

    def kill_node(self, node_id: str) -> None:
        """End a node as a machine that loses its power: its raylet and all below it."""
        (raylet,) = [
            process
            for process in self.processes()
            if process.name() == "raylet" and process.environ().get(NODE_ID) == node_id
        ]
        raylet.kill()

    def __enter__(self) -> "AutoscalingCluster":
        try:
            self._start()
            self._wait_until_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        local._end(self._identity)
        shutil.rmtree(self._home, ignore_errors=True)

    def _start(self) -> None:
        config = self._home / "cluster.yaml"
        config.write_text(json.dumps(self._config()))
        dashboard, client, gcs = self._ports
        command = ["start", "--head", f"--port={gcs}", "--num-cpus=1", "--num-gpus=0"]
        command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
        command += [f"--ray-client-server-port={client}", "--dashboard-agent-listen-port=0"]
        command += ["--metrics-export-port=0", "--disable-usage-stats"]
        command += [f"--temp-dir={self._home}", f"--autoscaling-config={config}"]
        environment = local._environment(self._identity, self.token)
        with open(self._home / "start.log", "wb") as log:
            subprocess.run(
                [sys.executable, "-m", "ray.scripts.scripts", *command],
                env=environment | VARIABLES | self._variables,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _config(self) -> dict[str, Any]:
        types = {name: node_type.to_config(name) for name, node_type in self._node_types.items()}
        head = {"resources": {"CPU": 1}, "node_config": {}, "max_workers": 0}
        return {
            "cluster_name": "gridray-test",
            "max_workers": sum(each.max_workers for each in self._node_types.values()),
            "idle_timeout_minutes": 5,
            "upscaling_speed": 10,
            "provider": PROVIDER | {"gcs_address": f"{get_node_ip_address()}:{self._ports[2]}"},
            "available_node_types": {HEAD_TYPE: head, **types},
            "head_node_type": HEAD_TYPE,
            **COMMANDS,
        }

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                if self.jobs().nodes():
                    return
            except ClusterError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def processes(self) -> list[psutil.Process]:
        return local._processes(self._identity)
