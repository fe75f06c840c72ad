"""The file that `ray up` makes a cluster from."""

from gridray.clusters.aws.wanted import Wanted

__all__ = ["Wanted"]
