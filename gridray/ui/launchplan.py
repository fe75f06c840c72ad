"""What a form to launch from comes to: a spec, and the plan of it in words."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gridray import asked, launch, scripts, wording
from gridray.datastores import names
from gridray.errors import UsageError
from gridray.labels import SPOT
from gridray.launch import Plan
from gridray.pricing import Estimate
from gridray.spec import RunSpec, make_spec
from gridray.ui.launchfields import FIELDS

# Experiments that are listed.
LISTED = 50


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
        NotFoundError: a file of variables does not exist.
    """
    given: dict[str, Any] = {field.name: field.asked(values[field.name]) for field in FIELDS}
    given = {name: value for name, value in given.items() if value is not None}
    root = _directory(values["root"])
    given |= {"script": values["script"].strip(), "args": _words(values["args"]), "root": root}
    if "env_file" in given:
        given["env_file"] = [root / path for path in given["env_file"]]
    return make_spec(asked.fields(given))


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
    return Preview(
        count=len(planned.sweep),
        commands=commands,
        each=_each(planned),
        cluster=launch.choose_cluster(spec.cluster),
        source=f"{wording.count(files, 'file')}, {wording.size(planned.manifest.size)}",
        price=_price(launch.estimated(planned)),
        others=tuple(_others(planned)),
        warnings=(*planned.warnings, *launch.foreseen(planned)),
    )


def _others(planned: Plan) -> Iterator[tuple[str, str]]:
    """Yield what else it has, with what that is called."""
    spec, environment = planned.spec, planned.environment
    if planned.git is not None:
        found = planned.git
        yield "Commit", wording.commit(found.commit, found.branch, found.is_dirty)
    for each in spec.datastores:
        version = "" if each.version is None else f":{each.version}"
        place = each.mount_dir or names.default_mount_dir(each.name)
        yield "Datastore", f"{each.name}{version} in {place}"
    if spec.scratch is not None:
        yield "Scratch", f"{wording.size(spec.scratch.size)} in {spec.scratch.mount_path}"
    if spec.secrets:
        yield "Secrets", ", ".join(spec.secrets)
    if environment.dependency_file:
        yield "Depends on", wording.harmless(environment.dependency_file)
    if spec.image or spec.dockerfile:
        yield "Image", wording.harmless(spec.image or f"built from {spec.dockerfile}")
    for name, commands in spec.actions:
        if commands:
            yield name.replace("_", " ").capitalize(), "\n".join(map(wording.harmless, commands))


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


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(
            f"the arguments {text!r} cannot be read: {error}", hint="close each quote"
        ) from error
