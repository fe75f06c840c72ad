"""`python -m gridray.node watch`: the dead-man's switch of a cluster's machine.

It ends a worker that has lost its head, and a head that has nothing to do.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Callable

from gridray.errors import CloudError, GridrayError
from gridray.node import end, fuse, place
from gridray.node.answer import Answer
from gridray.node.watch import HEAD_EVERY, WORKER_EVERY, Rhythm, watch
from gridray.settings import CLUSTER_NAME

log = logging.getLogger("gridray.node")


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    needed = ("head", "timeout") if options.role == "worker" else ("idle", "store", "cluster")
    for name in needed:
        if getattr(options, name) is None:
            parser.error(f"--role {options.role} needs --{name}")
    try:
        rhythm, look = _look(options)
        if not options.foreground:
            place.start(sys.argv[1:])
            return 0
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        place.log_to(options.log)
        # Held until the process ends.
        _lock = place.take()
    except GridrayError as error:
        hint = f" ({error.hint})" if error.hint else ""
        print(f"gridray.node: {error.message}{hint}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    log.info("watches: %s", " ".join(sys.argv[1:]))
    fuse.take_out()
    watch(look, rhythm)
    _end(options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gridray.node", description=__doc__)
    command = parser.add_subparsers(required=True).add_parser("watch", description=__doc__)
    add = command.add_argument
    add("--role", choices=["worker", "head"], required=True)
    add("--head", type=_address, metavar="HOST:PORT", help="worker: the GCS of its head")
    add("--timeout", type=_seconds, help="worker: seconds without its head that end it")
    add("--idle", type=_seconds, help="head: seconds with nothing to do that end it")
    add("--store", help="head: where the runs are recorded")
    add("--cluster", type=_cluster, metavar="KEY", help="head: the cluster's key in the store")
    add("--dashboard", default="http://127.0.0.1:8265", help="head: the address of Ray's dashboard")
    add("--region", help="head: where its workers are, by default where it is itself")
    add("--shutdown", metavar="COMMAND", help="what ends the machine, by default `shutdown`")
    add("--grace", type=_seconds, default=end.RUNNERS_GRACE, help="seconds for experiments to end")
    add("--retry", type=_seconds, default=end.RETRY, help="seconds until COMMAND is tried again")
    add("--foreground", action="store_true", help="do not leave the terminal")
    add("--log", metavar="FILE", help="with --foreground: write here, up to 2 MB")
    return parser


def _look(options: argparse.Namespace) -> tuple[Rhythm, Callable[[], Answer]]:
    """Return how often to look and what at; only what that needs is imported.

    Raises:
        UsageError: the store or the dashboard cannot be meant.
    """
    if options.role == "worker":
        from gridray.node.worker import HeadLook

        rhythm = Rhythm.of(options.timeout, WORKER_EVERY)
        return rhythm, HeadLook(options.head, rhythm.answer)
    from gridray.node.head import Bounded, WorkLook
    from gridray.rayjobs import RayJobs
    from gridray.store import Store

    rhythm = Rhythm.of(options.idle, HEAD_EVERY)
    jobs = RayJobs(options.dashboard)
    work = WorkLook(Store(options.store), options.cluster, jobs.address, rhythm.answer)
    return rhythm, Bounded(work, rhythm.answer)


def _end(options: argparse.Namespace) -> None:
    # Whatever goes wrong before it, the machine ends.
    try:
        if options.role == "worker":
            end.end_runners(options.head, options.grace)
        else:
            _end_workers(options)
    except Exception as error:
        log.info("goes on without: %r", error)
    end.end_machine(end.commands(options.shutdown), options.retry)


def _end_workers(options: argparse.Namespace) -> None:
    """Terminate the workers; those that stay end by their own watches."""
    from gridray.runner.metadata import metadata_endpoint

    if metadata_endpoint() is None:
        return
    from gridray.clusters.aws.ending import end_workers

    try:
        log.info("terminated %s", " ".join(end_workers(options.cluster, options.region)) or "none")
    except CloudError as error:
        log.info("the workers are left to themselves: %s", error.message)


def _leave(*_: object) -> None:
    log.info("was told to end")
    sys.exit(0)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no address; write host:6379")
    return text


def _cluster(text: str) -> str:
    if not CLUSTER_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no key of a cluster")
    return text


if __name__ == "__main__":
    sys.exit(main())
