"""What may stand behind a key of a run's file: how each kind of value is read, and its schema."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from gridray.spec import ENVIRONMENT_NAME, check_metric, parse_metrics
from gridray.yamlfile import BOOL, Report, entries, is_null, kind_of, text_of

TRUE = ("true", "yes", "on")
FALSE = ("false", "no", "off")
WHOLE = re.compile(r"[+-]?\d{1,1000}")
NUMERIC = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
# A list in the parameters becomes the text of a sweep; what is longer is no sweep of a person.
LONGEST_TEXT = 100_000


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        read: returns what a node means, or None if it means nothing, and tells the report why.
        schema: the JSON Schema of it.
    """

    read: Callable[[Node, Report], Any]
    schema: Mapping[str, Any]


def _scalar(node: Node, report: Report, what: str) -> str | None:
    """Return a single value's text; tell what it has to be if it is none."""
    text = text_of(node)
    if text is None or is_null(node):
        told = f"{node.tag} means nothing here" if isinstance(node, ScalarNode) else kind_of(node)
        report.tell(node, f"{'null' if is_null(node) else told}, and has to be {what}")
        return None
    return text


def _text(node: Node, report: Report) -> str | None:
    return _scalar(node, report, "a text")


def _whole(node: Node, report: Report) -> int | None:
    text = _scalar(node, report, "a whole number")
    if text is None or WHOLE.fullmatch(text):
        return None if text is None else int(text)
    report.tell(node, f"{text!r} is no whole number")
    return None


def _number(node: Node, report: Report) -> float | None:
    text = _scalar(node, report, "a number")
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        report.tell(node, f"{text!r} is no number")
        return None
    return number


def _flag(node: Node, report: Report) -> bool | None:
    text = _scalar(node, report, "true or false")
    if text is None or text.lower() in (*TRUE, *FALSE):
        return None if text is None else text.lower() in TRUE
    report.tell(node, f"{text!r} is neither true nor false")
    return None


def choice(*values: str) -> Kind:
    """Return the kind that is one of some words."""

    def read(node: Node, report: Report) -> str | None:
        text = _scalar(node, report, f"one of {', '.join(values)}")
        if text is None or text in values:
            return text
        report.tell(node, f"{text!r} is none of {', '.join(values)}")
        return None

    return Kind(read, {"enum": list(values)})


def _items(node: Node) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else [node]


def _commands(node: Node, report: Report) -> tuple[str, ...] | None:
    found = [_scalar(each, report, "a command for bash") for each in _items(node)]
    return None if None in found else tuple(each for each in found if each is not None)


def _environment(node: Node, report: Report) -> dict[str, str] | None:
    if not isinstance(node, MappingNode):
        report.tell(node, f"{kind_of(node)}, and has to be variables and their values")
        return None
    found = {}
    for key, value in entries(node, report):
        _check_variable(key, str(key.value), report)
        text = text_of(value)
        if text is None:
            report.tell(value, f"{key.value} is {kind_of(value)}, and has to be a single value")
        elif is_null(value) and text:
            report.tell(value, f"{key.value} is {text}: leave it empty, or quote it, if meant so")
        found[str(key.value)] = text or ""
    return found


def _check_variable(node: Node, name: str, report: Report) -> None:
    if not ENVIRONMENT_NAME.fullmatch(name):
        report.tell(node, f"{name!r} is no name of a variable, as KEY or key_2")


def _secrets(node: Node, report: Report) -> dict[str, str] | None:
    """Read `[NAME, NAME=ENVVAR]`, or the mapping `NAME: ENVVAR`."""
    found: dict[str, str] = {}
    pairs: list[tuple[Node, str, str | None]]
    if isinstance(node, MappingNode):
        pairs = [
            (key, str(key.value), str(key.value) if is_null(value) else text_of(value))
            for key, value in entries(node, report)
        ]
    else:
        texts = [(each, _scalar(each, report, "NAME or NAME=ENVVAR")) for each in _items(node)]
        split = [(each, text.partition("=")) for each, text in texts if text is not None]
        pairs = [(each, name, held if equals else name) for each, (name, equals, held) in split]
    for each, name, holder in pairs:
        words = [word for word in (name, holder) if word is not None]
        if holder is None:
            report.tell(each, f"{name} has to be the name of the variable that holds its value")
        elif not all(map(ENVIRONMENT_NAME.fullmatch, words)):
            # It may be the value itself, by mistake, which is not to be shown.
            report.tell(each, "a secret is NAME, or NAME=VARIABLE, by the names of variables")
        if name in found:
            report.tell(each, f"the secret {name} is there already")
        found[name] = holder or name
    return found


def _metrics(node: Node, report: Report) -> dict[str, str | None] | None:
    """Read `[NAME, NAME=REGEX]`, or the mapping `NAME: REGEX`."""
    found: dict[str, str | None] = {}
    pairs: list[tuple[Node, str, str | None]]
    if isinstance(node, MappingNode):
        pairs = [
            (key, str(key.value), None if is_null(value) else _text(value, report))
            for key, value in entries(node, report)
        ]
    else:
        texts = [(each, _scalar(each, report, "NAME or NAME=REGEX")) for each in _items(node)]
        parsed = [(each, parse_metrics([text])) for each, text in texts if text is not None]
        pairs = [(each, *item) for each, one in parsed for item in one.items()]
    for each, name, expression in pairs:
        try:
            check_metric(name, expression)
        except ValueError as error:
            report.tell(each, str(error))
        if name in found:
            report.tell(each, f"the metric {name} is there already")
        found[name] = expression
    return found


def _datastores(node: Node, report: Report) -> list[dict[str, Any]] | None:
    found = [_datastore(each, report) for each in _items(node)]
    return None if None in found else [each for each in found if each is not None]


def _datastore(node: Node, report: Report) -> dict[str, Any] | None:
    """Read `NAME`, `NAME:VERSION` or a mapping of name, version and mount_dir."""
    if not isinstance(node, MappingNode):
        text = _scalar(node, report, "NAME or NAME:VERSION")
        name, colon, version = (text or "").partition(":")
        if colon and not WHOLE.fullmatch(version):
            report.tell(node, f"{text!r}: the version {version!r} is no whole number")
            return None
        return {"name": name, **({"version": int(version)} if colon else {})} if text else None
    readers = {"name": _text, "version": _whole, "mount_dir": _text}
    values: dict[str, Any] = {}
    for key, value in entries(node, report):
        if key.value not in readers:
            near = get_close_matches(str(key.value), readers, 1) or [", ".join(readers)]
            report.tell(key, f"unknown key {key.value!r}; did you mean {near[0]!r}?")
        elif not is_null(value):
            values[str(key.value)] = readers[str(key.value)](value, report)
    if "name" not in values:
        report.tell(node, "a datastore needs a name")
    return values if values.get("name") and None not in values.values() else None


def _params(node: Node, report: Report) -> tuple[tuple[str, ...], ...] | None:
    """Read the options of a script, each with its value if it has one, as a shell splits them."""
    if not isinstance(node, MappingNode):
        report.tell(node, f"{kind_of(node)}, and has to be options of the script, as --lr: 0.1")
        return None
    found = []
    for key, value in entries(node, report):
        option = str(key.value)
        if not option.startswith("-") or not option.strip("-") or "=" in option:
            report.tell(key, f"{option!r} is no option of a script; write it as --{_bare(option)}")
        found.append((option, *_words(option, value, report)))
    return tuple(found)


def _bare(option: str) -> str:
    return option.partition("=")[0].strip("-") or "name"


def _words(option: str, node: Node, report: Report) -> tuple[str, ...]:
    """Return an option's value as typed in a shell: none for a key that stands alone."""
    if is_null(node) and not node.value:
        return ()
    if isinstance(node, SequenceNode):
        return (_sweep(option, node, report),)
    text = text_of(node)
    if text is None:
        report.tell(node, f"{option} is {kind_of(node)}, and has to be a value or a list of them")
    return (text or "",)


def _sweep(option: str, node: SequenceNode, report: Report) -> str:
    """Return the sweep that a list is: its items as they are written, texts in quotes."""
    for each in node.value:
        if text_of(each) is None:
            report.tell(each, f"{option}: a list within a list; write the whole as text in quotes")
            return ""
    text = f"[{', '.join(map(_item, node.value))}]"
    if len(text) > LONGEST_TEXT:
        report.tell(node, f"{option} has more than {LONGEST_TEXT:,} characters")
    return text


def _item(node: ScalarNode) -> str:
    text = str(node.value)
    is_plain = node.style is None
    is_bare = node.tag == BOOL or NUMERIC.fullmatch(text)
    if is_plain and is_bare:
        return text
    return f'"{text}"' if text.isprintable() and not set(text) & set('"\\') else repr(text)


_WORDS = {"type": ["string", "number", "boolean"]}
_LIST = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_DATASTORE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "version": {"type": ["integer", "null"]},
        "mount_dir": {"type": ["string", "null"]},
    },
}

TEXT = Kind(_text, {"type": ["string", "number"]})
WHOLE_NUMBER = Kind(_whole, {"type": "integer"})
NUMBER = Kind(_number, {"type": "number"})
FLAG = Kind(_flag, {"type": "boolean"})
COMMANDS = Kind(_commands, _LIST)
ENVIRONMENT = Kind(
    _environment,
    {
        "type": "object",
        "propertyNames": {"pattern": f"^{ENVIRONMENT_NAME.pattern}$"},
        "additionalProperties": {"type": [*_WORDS["type"], "null"]},
    },
)
SECRETS = Kind(
    _secrets,
    {
        "anyOf": [
            *_LIST["anyOf"],
            {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        ]
    },
)
METRICS = Kind(_metrics, SECRETS.schema)
DATASTORES = Kind(
    _datastores,
    {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"anyOf": [{"type": "string"}, _DATASTORE]}},
        ]
    },
)
PARAMS = Kind(
    _params,
    {
        "type": "object",
        "propertyNames": {"pattern": "^--?[^-=][^=]*$"},
        "additionalProperties": {
            "anyOf": [{"type": "null"}, _WORDS, {"type": "array", "items": _WORDS}]
        },
    },
)
