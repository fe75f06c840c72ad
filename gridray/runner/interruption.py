"""Watches for the cloud's word that this machine is about to be taken away.

Source: EC2's instance metadata service, version 2: `spot/instance-action` comes about two minutes
before a spot instance is stopped, `events/recommendations/rebalance` when that has become likely.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

from gridray.runner.metadata import MetadataService

POLL_INTERVAL = 2.0
ACTION = "/latest/meta-data/spot/instance-action"
REBALANCE = "/latest/meta-data/events/recommendations/rebalance"


class InterruptionWatch:
    """A context in which the metadata service, if there is one, is asked every two seconds."""

    def __init__(
        self, on_notice: Callable[[float], None], on_rebalance: Callable[[], None]
    ) -> None:
        """Name who is to hear.

        Args:
            on_notice: called once, with the time (Unix, s) at which the machine goes.
            on_rebalance: called once, when that has become likely.
        """
        self._on_notice = on_notice
        self._on_rebalance = on_rebalance
        self._over = threading.Event()

    def __enter__(self) -> None:
        if (service := MetadataService.find()) is not None:
            watch = partial(self._watch, service)
            threading.Thread(target=watch, name="interruption", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _watch(self, service: MetadataService) -> None:
        has_rebalance = False
        while not self._over.wait(POLL_INTERVAL):
            if (action := service.find_json(ACTION)) is not None:
                self._on_notice(_time(action["time"]))
                return
            if not has_rebalance and service.find_json(REBALANCE) is not None:
                has_rebalance = True
                self._on_rebalance()


def _time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
