"""What keeps the bucket of a cluster's store from being deleted with all that is in it."""

import time
from pathlib import Path

from gridray.clusters.aws import bucket, lifecycle, strays
from gridray.clusters.aws.made import Made
from gridray.errors import StateError
from gridray.readers import runs
from gridray.store import Store


def check(home: Path, what: Made) -> None:
    """Check that nobody but the cluster needs its bucket.

    Raises:
        StateError: the bucket was not made for it, or other clusters keep their runs there.
    """
    if what.bucket is None:
        raise StateError(
            f"the store of {what.name}, {what.store}, is not in a bucket that was made for it",
            hint="leave out --purge-store; what is in it is yours to delete",
        )
    others = [
        each.name
        for each in strays.clusters(home)
        if each.name != what.name and bucket.parse(each.store)[0] == what.bucket
    ]
    if others:
        raise StateError(
            f"other clusters keep their runs in the bucket {what.bucket} too: {', '.join(others)}",
            hint=f"`gridray delete cluster {others[0]}` first, or leave out --purge-store",
        )
    if lifecycle.has_store(what):
        _check_runs(what)


def _check_runs(what: Made) -> None:
    """Check that no run of another cluster, as of another machine's, is active in the store."""
    found = [
        f"{each.name} on {each.cluster}"
        for each in runs.summaries(Store(what.store), time.time())
        if each.cluster_key != what.name and not each.state.is_terminal
    ]
    if found:
        raise StateError(
            f"runs of other clusters are active in the store {what.store}: {', '.join(found)}",
            hint="wait for them or `gridray stop run NAME`, or leave out --purge-store; "
            "`gridray delete run NAME --force` where the cluster is gone",
        )
