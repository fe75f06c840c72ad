"""What is heard of the controller of a cluster: that it is at work, and which nodes are doomed."""

from gridray import layout
from gridray.heartbeats import Heartbeat
from gridray.records import decode
from gridray.store import Store

# Seconds. A controller with something to do is heard of every half minute, unless it waits for a
# cluster or a store that hardly answers.
SILENT_AFTER = 120.0


def billed_until(store: Store, cluster_key: str, now: float) -> float:
    """Return until when what runs on a cluster is known to have run (Unix, s): until now.

    Of a cluster whose controller is silent that is when it was last heard of.
    """
    found = _read(store, cluster_key)
    return now if found is None or now - found.at <= SILENT_AFTER else found.at


def silence(
    store: Store, cluster_key: str, run: str, created_at: float, now: float
) -> float | None:
    """Return for how many seconds the controller of a run that is not over has not been heard of.

    None: it has been of late, or had nothing to do until lately, or is of a version that is not
    heard of at all. Times are Unix times in seconds.
    """
    found = _read(store, cluster_key)
    if found is None:
        return None
    since = max(found.at, created_at)
    if now - since <= SILENT_AFTER:
        return None
    markers = store.names(layout.active(cluster_key))
    ours = (layout.marker_time(each) for each in markers if layout.parse_marker(each)[0] == run)
    since = max([since, *(time for time in ours if time is not None)])
    return now - since if now - since > SILENT_AFTER else None


def doomed(store: Store, cluster_key: str, now: float) -> frozenset[str]:
    """Return the nodes of a cluster that are about to be taken away, by their ids in Ray."""
    found = _read(store, cluster_key)
    return frozenset(() if found is None else (id_ for id_, at in found.doomed.items() if at > now))


def _read(store: Store, cluster_key: str) -> Heartbeat | None:
    key = layout.controller(cluster_key)
    raw = store.find_json(key)
    return None if raw is None else decode(Heartbeat, raw, key)
