"""What is heard of the controller, in the store, where no cluster has to be asked."""

from collections.abc import Callable, Mapping

from gridray import layout
from gridray.errors import DamagedError, GridrayError
from gridray.heartbeats import Heartbeat
from gridray.records import decode
from gridray.store import Store

# Seconds. On S3 each beat is a request that costs money.
HEARTBEAT_INTERVAL = 30.0


def last_beat(store: Store, cluster_key: str) -> Heartbeat | None:
    """Read what was last heard of a cluster's controller.

    Raises:
        DamagedError: it cannot be understood.
    """
    key = layout.controller(cluster_key)
    raw = store.find_json(key)
    return None if raw is None else decode(Heartbeat, raw, key)


class Pulse:
    """Writes the heartbeat of the controller of a cluster.

    `heard_before` is when the controller before was last heard of (Unix, s), once it was asked what
    that one has `remembered`.
    """

    def __init__(
        self, store: Store, cluster_key: str, tell: Callable[[GridrayError], None]
    ) -> None:
        """Name the cluster, and who is told of a heartbeat that cannot be read."""
        self._store = store
        self._cluster_key = cluster_key
        self._tell = tell
        self._last: Heartbeat | None = None
        self.heard_before: float | None = None

    @property
    def is_new(self) -> bool:
        """Whether nothing has been heard of this controller yet."""
        return self._last is None

    def remembered(self) -> dict[str, float]:
        """Return the nodes that the controller before knew to be doomed, and when they go."""
        try:
            last = last_beat(self._store, self._cluster_key)
        except DamagedError as error:
            self._tell(error)
            last = None
        self.heard_before = last.at if last else None
        return last.doomed if last else {}

    def beat(self, now: float, doomed: Mapping[str, float], *, is_busy: bool) -> None:
        """Write it if it is due: at the start, while there is something to do, at news of nodes."""
        last = self._last
        if last is not None and last.doomed == doomed:
            if not is_busy or now - last.at < HEARTBEAT_INTERVAL:
                return
        heartbeat = Heartbeat(now, dict(doomed))
        self._store.put_json(layout.controller(self._cluster_key), heartbeat.to_json())
        self._last = heartbeat
