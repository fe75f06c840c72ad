"""Whether the controller of a cluster is at work, as far as the store knows."""

from gridray import layout
from gridray.records import Heartbeat, decode
from gridray.store import Store

# Seconds. A controller with something to do is heard of every half minute, unless it waits for a
# cluster or a store that hardly answers.
SILENT_AFTER = 120.0


def silence(
    store: Store, cluster_key: str, run: str, created_at: float, now: float
) -> float | None:
    """Return for how many seconds the controller of a run that is not over has not been heard of.

    None: it has been of late, or had nothing to do until lately, or is of a version that is not
    heard of at all. Times are Unix times in seconds.
    """
    key = layout.controller(cluster_key)
    raw = store.find_json(key)
    if raw is None:
        return None
    since = max(decode(Heartbeat, raw, key).at, created_at)
    if now - since <= SILENT_AFTER:
        return None
    markers = store.names(layout.active(cluster_key))
    ours = (layout.marker_time(each) for each in markers if layout.parse_marker(each)[0] == run)
    since = max([since, *(time for time in ours if time is not None)])
    return now - since if now - since > SILENT_AFTER else None
