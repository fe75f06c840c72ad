"""Clusters in AWS started, ended, edited and chosen."""

import os
import subprocess

from gridray import settings, settingsfile
from gridray.cli import cluster_shapes, cluster_work, purging
from gridray.cli.cluster_shapes import ClusterEdited, Context
from gridray.cli.output import Output
from gridray.clusters.aws import editing, lifecycle, made, reach, tunnel
from gridray.clusters.aws.account import CLUSTER_FILE
from gridray.clusters.aws.lifecycle import Ended
from gridray.clusters.aws.made import Made
from gridray.clusters.cluster import existing, is_local
from gridray.errors import CloudError
from gridray.settings import LOCAL
from gridray.store import Store

# Where Ray's autoscaler writes on the head.
MONITOR_LOG = "/tmp/ray/session_latest/logs/monitor.log"
LOG_LINES = 200


def up(out: Output, name: str, *, yes: bool) -> cluster_shapes.ClusterChange:
    """Start a cluster, finish it, or apply what was edited.

    Raises:
        StateError: experiments run there that this would interrupt, and there is no --yes.
        ConfigError: its file has been edited, and would not do.
        ClusterError: it cannot be started.
    """
    home = settings.home()
    what = Made.load(home, name)
    account = lifecycle.own_account(what)
    editing.check_file(home, what)
    if lifecycle.would_restart(home, account, name):
        cluster_work.check_uninterrupted(Store(what.store), name, name, yes=yes)
    out.on_interrupt = f"`gridray clusters up {name}` goes on, `gridray clusters down {name}` ends"
    lifecycle.up(home, account, name, out.note)
    out.on_interrupt = None
    tell_store(out, name)
    return cluster_shapes.ClusterChange(name, True)


def down(out: Output, name: str, *, purge_store: bool, yes: bool) -> cluster_shapes.ClusterChange:
    """End all that runs of a cluster; it can be started again.

    Raises:
        StateError: a run there is not over, and there is no --yes, or others need its bucket.
        CloudError: something is left.
    """
    home = settings.home()
    what = Made.load(home, name)
    # Before the store is asked, which would tell less of what is wrong with the credentials.
    lifecycle.own_account(what)
    cluster_work.check_idle(Store(what.store), name, name, yes=yes)
    if purge_store:
        purging.check(home, what)
        out.confirm(_purge_question(what), yes=yes)
    out.note(f"ending the instances of {name}, and waiting until they are gone")
    ended = lifecycle.down(home, name)
    if purge_store:
        ended = Ended((*ended.gone, *lifecycle.purge_store(home, name)), ended.left)
        _leave_store(out, what)
    return _checked(what, ended, store_kept=not purge_store)


def delete(out: Output, name: str, *, purge_store: bool, yes: bool) -> cluster_shapes.ClusterChange:
    """End a cluster for good.

    Raises:
        StateError: a run there is not over, and there is no --yes, or others need its bucket.
        CloudError: something is left; then it can be done again.
    """
    home = settings.home()
    what = Made.load(home, name)
    # Before the store is asked, which would tell less of what is wrong with the credentials.
    lifecycle.own_account(what)
    cluster_work.check_idle(Store(what.store), name, name, yes=yes)
    if purge_store:
        purging.check(home, what)
        out.confirm(_purge_question(what), yes=yes)
    out.note(f"ending {name}, and taking away what was made for it")
    ended = lifecycle.delete(home, name, out.note, purge_store=purge_store)
    if ended.runs:
        out.note(f"over, since {name} is deleted: {', '.join(ended.runs)}")
    if settings.load().cluster == name:
        settingsfile.change({"cluster": None})
        out.note(f"runs go to {LOCAL} again")
    if purge_store:
        _leave_store(out, what)
    return _checked(what, ended, store_kept=not purge_store)


def show_ended(out: Output, ended: cluster_shapes.ClusterChange) -> None:
    for each in ended.gone:
        out.line(f"gone: {each}")
    kept = f"; the store {ended.store} stays" if ended.store else ""
    out.line(
        f"{ended.name}: nothing is left running: 0 instances, 0 volumes are there, as AWS "
        f"says{kept}"
    )


def edit(out: Output, name: str) -> ClusterEdited:
    """Let the user edit a cluster's file.

    Raises:
        ConfigError: it would not do; the old one stays.
    """
    home = settings.home()
    changed = editing.edit(home, name)
    return ClusterEdited(name, changed, str(made.directory(home, name) / CLUSTER_FILE))


def show_edited(out: Output, edited: ClusterEdited) -> None:
    if not edited.changed:
        out.line(f"{edited.file}: not changed")
        return
    out.line(f"{edited.file}: changed")
    out.next_commands((f"gridray clusters up {edited.name}",))


def use(out: Output, name: str) -> Context:
    """Let runs go to a cluster from here on; one in AWS brings its store along.

    Raises:
        NotFoundError: there is no such cluster.
    """
    known = settings.load()
    if not is_local(name):
        name = existing(name, known).name
    values: dict[str, str | None] = {"cluster": name}
    if cluster_work.is_made(name):
        values["store"] = Made.load(known.home, name).store
    before = known.store
    settingsfile.change(values)
    after = settings.load()
    if after.store != before:
        out.note(f"the store was {before}: GRIDRAY_STORE={before} shows the runs in it")
    elif values.get("store") not in (None, after.store):
        out.warn(f"GRIDRAY_STORE is set, and wins over the store of {name}, {values['store']}")
    return Context(after.cluster, after.store)


def show_context(out: Output, found: Context) -> None:
    out.line(f"runs go to {found.cluster}, and are kept in {found.store}")


def tell_store(out: Output, name: str) -> None:
    """Take the store of a new cluster where the user has none; say how, where there is another."""
    known = settings.load()
    its = Made.load(known.home, name).store
    if Store(known.store).url == Store(its).url:
        return
    if known.store == str(known.home / "store") and not os.environ.get("GRIDRAY_STORE"):
        settingsfile.change({"store": its})
        out.note(
            f"the store is {its} from here on; GRIDRAY_STORE={known.store} shows what was in the "
            "one before"
        )
        return
    out.warn(
        f"{name} keeps its runs in {its}, and the store here is {known.store}: "
        f"`gridray clusters use {name}` changes to its"
    )


def ssh(name: str, command: list[str]) -> int:
    """Log in to the head, or do something there; return how that has ended.

    One word is what its shell reads, several are the words of a command.

    Raises:
        ClusterError: the cluster is not up, or its head does not let us in.
    """
    import shlex

    login = reach.login(settings.home(), name)
    words = login.command(*(() if command else ("-t",)))
    line = command if len(command) < 2 else [shlex.join(command)]
    try:
        code = subprocess.call([*words, *line])
    except FileNotFoundError as error:
        raise tunnel.no_ssh() from error
    if code == tunnel.FAILED:
        tunnel.check(login)
    return code


def logs(name: str, *, follow: bool) -> int:
    """Print what the autoscaler writes; return how that has ended."""
    return ssh(name, ["tail", "-n", str(LOG_LINES), *(["-F"] if follow else []), MONITOR_LOG])


def _purge_question(what: Made) -> str:
    return f"Delete {what.bucket}, with all runs, logs and artifacts in it?"


def _leave_store(out: Output, what: Made) -> None:
    """Take a store that is gone out of the settings."""
    if settings.load().store == what.store:
        settingsfile.change({"store": None})
        out.note(f"the store is {settings.load().store} again")


def _checked(what: Made, ended: Ended, *, store_kept: bool) -> cluster_shapes.ClusterChange:
    if ended.left:
        raise CloudError(
            f"of {what.name} there is still: {', '.join(ended.left)}",
            hint="do it again in a minute; `gridray doctor` shows what is left",
        )
    store = what.store if store_kept and lifecycle.has_store(what) else None
    return cluster_shapes.ClusterChange(what.name, bool(ended.gone), ended.gone, store)
