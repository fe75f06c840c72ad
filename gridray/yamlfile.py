"""YAML as a graph of nodes that know their lines. Nothing is constructed from it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from gridray.errors import ConfigError, NotFoundError

# Nobody writes so much of it by hand, in bytes.
LIMIT = 1_000_000
STANDARD = "tag:yaml.org,2002:"
MERGE = f"{STANDARD}merge"
NULL = f"{STANDARD}null"
BOOL = f"{STANDARD}bool"
COLLECTIONS = {f"{STANDARD}map", f"{STANDARD}seq"}
SCALARS = {f"{STANDARD}{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")}
INDENTED_BY_TAB = re.compile(r"[ ]*\t")
# Where a colon or a quote is missing, PyYAML points to where it gave up, and says where it began.
POINTS_BEHIND = ("could not find expected ':'", "found unexpected end of stream")


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong at a place of the file; line and column count from 1."""

    line: int
    column: int
    message: str


@dataclass
class Report:
    """Collects all that is wrong with a file."""

    path: str
    problems: list[Problem] = field(default_factory=list)

    def tell(self, node: Node, message: str) -> None:
        self.problems.append(Problem(line_of(node), node.start_mark.column + 1, message))

    def check(self) -> None:
        """Go on if nothing is wrong.

        Raises:
            ConfigError: something is; the message names every place.
        """
        problems = sorted(set(self.problems))
        places = [f"{self.path}:{each.line}:{each.column}: {each.message}" for each in problems]
        if len(places) == 1:
            raise ConfigError(places[0])
        if places:
            raise ConfigError("\n  ".join([f"{self.path} has {len(places)} errors:", *places]))


def line_of(node: Node) -> int:
    return int(node.start_mark.line) + 1


def read_text(path: Path, what: str) -> str:
    """Read a small text file that a user has written.

    Args:
        what: what it is called in messages.

    Raises:
        NotFoundError: it does not exist.
        ConfigError: it is no such file.
    """
    if not path.exists():
        raise NotFoundError(f"the {what} {str(path)!r} does not exist")
    if not path.is_file():
        raise ConfigError(f"the {what} {str(path)!r} is no file")
    try:
        with open(path, "rb") as file:
            data = file.read(LIMIT + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the {what} {str(path)!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: this is not UTF-8") from error
    if len(data) > LIMIT:
        raise ConfigError(
            f"the {what} {str(path)!r} has more than {LIMIT:,} bytes",
            hint="name a file of settings, not of data",
        )
    return text


def parse(text: str, report: Report) -> MappingNode:
    """Return the mapping that a YAML document is.

    Raises:
        ConfigError: it is no YAML, or of another kind.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        report.problems += _syntax_problems(text, error)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Problem(before.count("\n") + 1, len(before) - before.rfind("\n"), "")
        message = f"the character {chr(int(error.character))!r} is not allowed in YAML"
        report.problems.append(Problem(place.line, place.column, message))
    except RecursionError:
        raise ConfigError(f"{report.path}: it is nested too deeply") from None
    report.check()
    if node is None:
        raise ConfigError(
            f"{report.path} is empty", hint="`gridray config init` writes a file to begin with"
        )
    _check_collections(node, report)
    if isinstance(node, MappingNode):
        return node
    told = f"the file is {kind_of(node)}, and has to be of keys and values"
    raise ConfigError(f"{report.path}:{line_of(node)}: {told}")


def _check_collections(root: Node, report: Report) -> None:
    """Tell of each mapping and list with a tag, which would make something else of it."""
    seen, rest = {id(root)}, [root]
    while rest:
        node = rest.pop()
        if isinstance(node, ScalarNode):
            continue
        if node.tag not in COLLECTIONS:
            report.tell(node, f"the tag {node.tag.removeprefix(STANDARD)} means nothing here")
        pairs = isinstance(node, MappingNode)
        inner = [each for pair in node.value for each in pair] if pairs else node.value
        rest += [each for each in inner if id(each) not in seen]
        seen |= {id(each) for each in inner}


def _syntax_problems(text: str, error: yaml.MarkedYAMLError) -> list[Problem]:
    mark = error.problem_mark or error.context_mark
    if error.problem in POINTS_BEHIND and error.context_mark is not None:
        mark = error.context_mark
    if mark is None:
        return [Problem(1, 1, f"this is no YAML: {error.problem}")]
    lines = text.split("\n")
    if mark.line < len(lines) and lines[mark.line][mark.column :].startswith("\t"):
        told = "a tab; YAML is indented, and its values set apart, by spaces only"
        found = ((n, INDENTED_BY_TAB.match(line)) for n, line in enumerate(lines, 1))
        tabs = {(n, match.end()) for n, match in found if match}
        places = sorted({(mark.line + 1, mark.column + 1), *tabs})
        return [Problem(line, column, told) for line, column in places]
    context = f" ({error.context})" if error.context else ""
    return [Problem(mark.line + 1, mark.column + 1, f"this is no YAML: {error.problem}{context}")]


Entries = dict[str, tuple[ScalarNode, Node]]


def entries(node: MappingNode, report: Report) -> list[tuple[ScalarNode, Node]]:
    """Return a mapping's keys and values, with those that `<<` brings in; what is wrong is told."""
    return list(_entries(node, report, {}).values())


def _entries(node: MappingNode, report: Report, known: dict[Node, Entries | None]) -> Entries:
    """Return the entries. `known` has those of each node once: they may be merged many times."""
    known[node] = None
    own: Entries = {}
    merged: Entries = {}
    for key, value in node.value:
        if key.tag == MERGE:
            for each in _merged(value, report):
                found = known[each] if each in known else _entries(each, report, known)
                if found is None:
                    report.tell(key, "it merges itself")
                else:
                    merged = found | merged
        elif not isinstance(key, ScalarNode):
            report.tell(key, f"a key has to be a word, and not {kind_of(key)}")
        elif key.value in own:
            first = line_of(own[key.value][0])
            report.tell(key, f"the key {key.value!r} is there already, in line {first}")
        else:
            own[key.value] = (key, value)
    known[node] = {key: entry for key, entry in merged.items() if key not in own} | own
    return known[node] or {}


def _merged(value: Node, report: Report) -> Sequence[MappingNode]:
    """Return the mappings that a `<<` names; the earlier ones win."""
    named = value.value if isinstance(value, SequenceNode) else [value]
    for each in named:
        if not isinstance(each, MappingNode):
            report.tell(each, f"<< takes keys and values, and not {kind_of(each)}")
    return [each for each in named if isinstance(each, MappingNode)]


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == NULL


def kind_of(node: Node) -> str:
    """Return what a node is, in words."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return "a single value"


def text_of(node: Node) -> str | None:
    """Return a scalar as it is written, without its quotes; None: it is none, or has a tag."""
    if isinstance(node, ScalarNode) and node.tag in SCALARS:
        return str(node.value)
    return None
