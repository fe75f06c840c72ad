"""A run's file (`--config`): from YAML to the fields of a RunSpec, with every error at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from yaml import MappingNode, Node, ScalarNode

from gridray import configkeys
from gridray.configkeys import BY_PATH, SECTIONS, Key
from gridray.datastores import names
from gridray.errors import UsageError
from gridray.spec import RunSpec
from gridray.yamlfile import Report, entries, is_null, kind_of, line_of, parse, read_text, text_of

GIGABYTE = 10**9
# What Grid gave where its file asked for scratch space, and not for how much.
SCRATCH_SIZE_GB = 100
PARTS = ("datastore", "scratch", "actions")
CONDA_SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True)
class Setting:
    """A key that is set: its path, what it says, and its line."""

    key: str
    value: Any
    line: int


@dataclass(frozen=True)
class Config:
    """What a file says.

    Attributes:
        settings: in the order of the file.
        fields: of RunSpec.
        params: options of the script, each with its value if it has one.
        warnings: lines for the user.
    """

    path: str
    settings: tuple[Setting, ...]
    fields: Mapping[str, Any]
    params: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]


def read(path: Path) -> Config:
    """Read a file.

    Raises:
        NotFoundError: there is none.
        ConfigError: something in it cannot be meant; the message names each place.
    """
    report = Report(str(path))
    reader = _Reader(report)
    reader.section(parse(read_text(path, "configuration file"), report), "")
    fields = reader.fields()
    report.check()
    values = reader.found.values()
    settings = tuple(Setting(each.key.path, each.value, each.line) for each in values)
    params = next((each.value for each in values if each.key.field == "params"), ())
    return Config(str(path), settings, fields, params, tuple(reader.warnings))


def merged(config: Config, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a run: what was typed goes before what is in the file.

    Variables, secrets, actions and metrics are put together, name by name; `args` get the file's
    parameters, but not those that are among them already.
    """
    fields = {**config.fields, **given}
    for name in ("env", "secrets", "actions", "metrics"):
        if name in fields:
            fields[name] = {**config.fields.get(name, {}), **given.get(name, {})}
    fields["args"] = _with_params(given.get("args", ()), config.params)
    return fields


def _with_params(args: Sequence[str], params: Sequence[Sequence[str]]) -> tuple[str, ...]:
    end = args.index("--") if "--" in args else len(args)
    typed = {word.partition("=")[0] for word in args[:end]}
    added = [word for words in params if words[0] not in typed for word in words]
    return (*args[:end], *added, *args[end:])


@dataclass(frozen=True)
class _Found:
    key: Key
    value: Any
    node: Node

    @property
    def line(self) -> int:
        return line_of(self.node)


class _Reader:
    """Goes through a file's keys. `found` has them by their paths, aliases by what they mean."""

    def __init__(self, report: Report) -> None:
        self.found: dict[str, _Found] = {}
        self.warnings: list[str] = []
        self._report = report
        self._has_scratch = False

    def section(self, node: MappingNode, path: str) -> None:
        for name, value in entries(node, self._report):
            place = f"{path}.{name.value}" if path else str(name.value)
            if place in BY_PATH:
                self._key(BY_PATH[place], name, value)
            elif place not in SECTIONS:
                self._report.tell(name, _unknown(str(name.value), path))
            elif isinstance(value, MappingNode):
                self._has_scratch |= place.endswith(".scratch")
                self.section(value, place)
            elif not is_null(value):
                told = f"{place}: {kind_of(value)}, and has to have keys: "
                self._report.tell(value, told + ", ".join(configkeys.below(place)))

    def _key(self, key: Key, name: Node, node: Node) -> None:
        first = self.found.get(key.alias or key.path)
        if first is not None:
            told = f"{key.path} says the same as {first.key.path} in line {first.line}"
            self._report.tell(name, f"{told}; write one of them")
        if is_null(node):
            self._has_scratch &= key.field != "scratch.size"
            return
        inner = Report(self._report.path)
        value = key.kind.read(node, inner)
        if value is not None and not inner.problems:
            _check(key, value, node, inner)
        places = [replace(each, message=f"{key.path}: {each.message}") for each in inner.problems]
        self._report.problems += places
        if value is None or places:
            return
        self.found[key.alias or key.path] = _Found(key, value, name)
        if key.note is not None and (note := key.note(value)) is not None:
            place = f"{self._report.path}:{line_of(name)}"
            self.warnings.append(f"{place}: {key.path} has no effect: {note}")

    def fields(self) -> dict[str, Any]:
        """Return the fields of RunSpec that all keys come to; tell what does not go together."""
        values = {each.key.field: each.value for each in self.found.values()}
        known = RunSpec.model_fields
        fields = {field: value for field, value in values.items() if field in known}
        parts = {each: _parts(values, each) for each in PARTS}
        parts["datastore"] = self._datastore(parts["datastore"])
        if parts["actions"]:
            fields["actions"] = parts["actions"]
        if self._has_scratch:
            size = parts["scratch"].pop("size", SCRATCH_SIZE_GB)
            fields["scratch"] = {"size": round(size * GIGABYTE), **parts["scratch"]}
        if parts["datastore"]:
            fields["datastores"] = [parts["datastore"], *values.get("datastores", ())]
        if values.get("keep_going"):
            fields["hold_after"] = None
        self._check_together(values, parts["datastore"])
        return fields

    def _datastore(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the datastore's own keys say; its name may have the version in it."""
        name, colon, version = str(told.get("name", "")).partition(":")
        if not colon:
            return dict(told)
        if "version" in told:
            key = f"{configkeys.TRAIN}.datastore_version"
            found = self.found[key]
            self._report.tell(found.node, f"{key}: the name {told['name']!r} has a version already")
        return {**told, "name": name, "version": int(version)}

    def _check_together(self, values: Mapping[str, Any], datastore: Mapping[str, Any]) -> None:
        train = configkeys.TRAIN
        if datastore and "name" not in datastore:
            for each in self.found.values():
                if each.key.field.startswith("datastore."):
                    told = f"{each.key.path} needs {train}.datastore_name"
                    self._report.tell(each.node, told)
        for name in {*values.get("env", ())} & {*values.get("secrets", ())}:
            told = f"{name} is among the environment, too; a variable is a secret or it is not"
            self._report.tell(self.found[f"{train}.secrets"].node, f"{train}.secrets: {told}")
        manager = self.found.get(f"{train}.dependency_file_info.package_manager")
        file = values.get("dependency_file")
        if manager is not None and file is not None:
            reader = "conda" if str(file).endswith(CONDA_SUFFIXES) else "pip"
            if manager.value != reader:
                told = f"{manager.key.path}: {manager.value} does not read {file!r}; {reader} does"
                self._report.tell(manager.node, told)


def _parts(values: Mapping[str, Any], field: str) -> dict[str, Any]:
    start = f"{field}."
    return {
        name.removeprefix(start): value for name, value in values.items() if name.startswith(start)
    }


def _check(key: Key, value: Any, node: Node, report: Report) -> None:
    """Have the spec itself say whether it takes a value."""
    try_with = _TRIALS.get(key.field.partition(".")[0], _plainly)
    try:
        trial = try_with(key.field, value)
        if set(trial) <= set(RunSpec.model_fields):
            RunSpec(**({"script": "any"} | trial))
    except ValidationError as error:
        rules = [each["msg"].removeprefix("Value error, ") for each in error.errors()]
    except UsageError as error:
        rules = [error.message]
    else:
        return
    shown = f"{text_of(node)!r}: " if isinstance(node, ScalarNode) else ""
    for rule in rules:
        report.tell(node, f"{shown}{rule}")


def _datastore(field: str, value: Any) -> dict[str, Any]:
    if _part(field) == "name" and ":" in str(value):
        name, version = names.parse_reference(str(value))
        return {"datastores": [{"name": name, "version": version}]}
    return {"datastores": [{"name": "any", _part(field): value}]}


def _plainly(field: str, value: Any) -> dict[str, Any]:
    return {field: value}


_TRIALS: Mapping[str, Callable[[str, Any], dict[str, Any]]] = {
    "actions": lambda field, value: {"actions": {_part(field): value}},
    "datastore": _datastore,
    "scratch": lambda field, value: {
        "scratch": {
            "size": 1,
            _part(field): round(value * GIGABYTE) if _part(field) == "size" else value,
        }
    },
}


def _part(field: str) -> str:
    return field.partition(".")[2]


def _unknown(name: str, section: str) -> str:
    """Say that there is no such key, and which one may be meant: here, or elsewhere."""
    here = configkeys.below(section)
    where = f" in {section}" if section else ""
    if near := get_close_matches(name, here, 2):
        return f"unknown key {name!r}{where}; did you mean {' or '.join(map(repr, near))}?"
    every = {path.rpartition(".")[2]: path for path in [*SECTIONS, *BY_PATH]}
    if near := get_close_matches(name, every, 1):
        return f"unknown key {name!r}{where}; did you mean {every[near[0]]}?"
    return f"unknown key {name!r}{where}; there are: {', '.join(here)}"
