"""What a form to launch from comes to: a spec, and the plan of it in words."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gridray import launch, scripts, wording
from gridray.errors import UsageError
from gridray.labels import SPOT
from gridray.launch import Plan
from gridray.pricing import Estimate
from gridray.spec import RunSpec, make_spec, parse_env, parse_metrics

# Experiments that are listed.
LISTED = 50
# What stands for no datastore.
NONE = "none"
PLAIN = (
    "name cluster cpus gpus memory max_parallel strategy num_trials instance_type spot_fallback "
    "max_time max_cost retries"
).split()


@dataclass(frozen=True)
class Preview:
    """A plan, as the page shows it."""

    count: int
    commands: tuple[str, ...]
    each: str
    cluster: str
    source: str
    price: str
    others: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def spec_of(values: Mapping[str, str]) -> RunSpec:
    """Return what the fields of the form ask for.

    Raises:
        UsageError: something of it cannot be meant.
    """
    fields: dict[str, Any] = {name: values[name].strip() for name in PLAIN if values[name].strip()}
    fields["script"] = values["script"].strip()
    fields["args"] = _words(values["args"])
    fields["root"] = _directory(values["root"])
    fields["use_spot"] = bool(values["use_spot"])
    fields["auto_resume"] = bool(values["auto_resume"])
    fields["env"] = parse_env(_lines(values["env"]), {})
    fields["metrics"] = parse_metrics(_lines(values["metrics"]))
    if values["datastore"] not in ("", NONE):
        name, _, version = values["datastore"].partition(" ")
        fields["datastores"] = [{"name": name, "version": version or None}]
    return make_spec(fields)


def _directory(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text} is in nobody's home", hint="name the directory whole") from error


def look(values: Mapping[str, str]) -> Preview:
    """Return what the fields come to; nothing is written or started.

    Raises:
        GridrayError: nothing, since something of it cannot be.
    """
    with launch.planning(spec_of(values)) as planned:
        return _preview(planned)


def _preview(planned: Plan) -> Preview:
    spec, name = planned.spec, planned.spec.name or "name"
    commands = tuple(
        f"{name}-exp{index}  {wording.command_line(scripts.command(planned.script, argv))}"
        for index, argv in enumerate(islice(planned.sweep, LISTED))
    )
    files = len(planned.manifest.files)
    others = [("Datastore", each.name) for each in spec.datastores]
    if planned.environment.dependency_file:
        others.append(("Depends on", planned.environment.dependency_file))
    if planned.git is not None:
        commit = wording.commit(planned.git.commit, planned.git.branch, planned.git.is_dirty)
        others.append(("Commit", commit))
    return Preview(
        count=len(planned.sweep),
        commands=commands,
        each=_each(planned),
        cluster=launch.choose_cluster(spec.cluster),
        source=f"{wording.count(files, 'file')}, {wording.size(planned.manifest.size)}",
        price=_price(launch.estimated(planned)),
        others=tuple(others),
        warnings=planned.warnings,
    )


def _each(planned: Plan) -> str:
    wanted, placement = planned.resources, planned.placement
    if wanted.cpus or placement is None:
        words = wording.resources(wanted.cpus, wanted.gpus, wanted.memory)
        return words if placement is None else f"{words}, on {placement.words()}"
    return f"its share of a {placement.words()}" if wanted.gpus else f"a whole {placement.words()}"


def _price(found: Estimate | None) -> str:
    if found is None:
        return "not known for this cluster"
    market = "spot" if found.market == SPOT else "on demand"
    each, all_ = wording.money(found.experiment), wording.money(found.run)
    return f"{each} each, {all_} with all at once ({found.instance_type}, {market})"


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(
            f"the arguments {text!r} cannot be read: {error}", hint="close each quote"
        ) from error
