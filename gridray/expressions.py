"""What the text of one argument means: itself, a list, a range, or a draw from a distribution.

The text is read with `ast` and a whitelist and never evaluated. Nothing here knows of options,
strategies or experiments: `sweep.py` does.
"""

import ast
import difflib
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

# Linux takes no longer argument (MAX_ARG_STRLEN).
MAX_LENGTH = 128 * 1024
MAX_DEPTH = 40

# The distributions of numpy's Generator and RandomState, by how many arguments come before the
# size: written down, so that a name is known without importing numpy. A test compares them.
_BEFORE_SIZE = {
    0: (
        "rand randn random random_sample standard_cauchy standard_exponential standard_normal "
        "tomaxint"
    ),
    1: (
        "chisquare choice dirichlet exponential geometric logseries pareto poisson power "
        "rayleigh standard_gamma standard_t weibull zipf"
    ),
    2: (
        "beta binomial f gamma gumbel integers laplace logistic lognormal multinomial "
        "multivariate_hypergeometric multivariate_normal negative_binomial "
        "noncentral_chisquare normal randint random_integers uniform vonmises wald"
    ),
    3: "hypergeometric noncentral_f triangular",
}
DISTRIBUTIONS = {name: n for n, names in _BEFORE_SIZE.items() for name in names.split()}
_VECTORS = ("dirichlet", "multinomial", "multivariate_hypergeometric", "multivariate_normal")

_COMPLAINTS = (ArithmeticError, AttributeError, MemoryError, RuntimeWarning, TypeError, ValueError)

_CALL = r"((?:np\.|numpy\.)?(?:random\.)?)([^\W\d][\w.]*)(\s*)\("
_WORD = r"[^\W\d][\w.]*"
_STRING_OR_COMMENT = (
    r"(?s)'''.*?(?:'''|\Z)|'(?:\\.|[^'\\\n])*'?|#[^\n]*|"
    r'""".*?(?:"""|\Z)|"(?:\\.|[^"\\\n])*"?'
)
_CLOSERS = {"[": "]", "(": ")", "{": "}"}
_LITERALS = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Load, ast.UAdd, ast.USub)
_NAMES = {ast.Call: "a call", ast.BinOp: "arithmetic", ast.Starred: "a starred item"}


class Malformed(Exception):
    """Text that looks like a sweep and is none; `mend` is a text that would be one."""

    def __init__(self, reason: str, *, mend: str | None = None, unclosed: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend
        self.unclosed = unclosed


@dataclass(frozen=True)
class RangeValues(Sequence[str]):
    """The texts of a range's numbers, made when asked for."""

    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    def __contains__(self, value: object) -> bool:
        try:
            number = int(str(value))
        except ValueError:
            return False
        return str(number) == value and number in self.numbers

    def __getitem__(self, index: Any) -> Any:
        found = self.numbers[index]
        return str(found) if isinstance(found, int) else RangeValues(found)


@dataclass(frozen=True)
class Distribution:
    """A call such as `uniform(0, 1, 3)`, checked but not drawn yet."""

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    size: int
    population: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return self.size

    @property
    def cells(self) -> int:
        """How many numbers a draw makes: more than `size` where a sample is a vector."""
        lists = [len(a) for a in (*self.arguments, *self.options.values()) if isinstance(a, list)]
        return self.size * max([1, *lists]) if self.name in _VECTORS else self.size

    def draw(self, generator: Any) -> tuple[str, ...]:
        """Draw from a `numpy.random.Generator`; raise `Malformed` with numpy's own complaint."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", RuntimeWarning)
                samples = self._samples(generator)
        except _COMPLAINTS as error:
            raise Malformed(f"numpy says: {shown(str(error))}") from error
        if self.population is not None:
            return tuple(self.population[index] for index in samples)
        return tuple(str(sample) for sample in samples)

    def _samples(self, generator: Any) -> Any:
        import numpy as np

        old = np.random.RandomState(generator.bit_generator)
        method = getattr(generator, self.name, None) or getattr(old, self.name)
        if len(self.arguments) == DISTRIBUTIONS[self.name]:
            return method(*self.arguments, self.size, **self.options).tolist()
        return method(*self.arguments, size=self.size, **self.options).tolist()


@dataclass(frozen=True)
class Reading:
    """What a text means; `remark` says why it goes to the script as typed, if that is unusual."""

    values: Sequence[str] | Distribution
    remark: str | None = None


def read(text: str) -> Reading:
    """Read the text of one argument. Raises `Malformed`."""
    stripped = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]:
        return Reading((text[1:-1],))
    if stripped.startswith("["):
        return Reading(_list(stripped))
    if stripped.startswith("(") and isinstance(_tree_or_none(stripped), ast.Tuple):
        return Reading((text,), remark="a tuple is no sweep; a list in [ ] is one")
    if call := re.match(_CALL, stripped):
        return _read_call(text, stripped, *call.groups())
    return Reading((text,))


def _read_call(text: str, stripped: str, module: str, name: str, space: str) -> Reading:
    if space and not isinstance(_tree_or_none(stripped), ast.Call):
        return Reading((text,))  # prose: "power (of ten) and more"
    known = name == "range" or name in DISTRIBUTIONS
    if known and module:
        mend = _checked_mend(stripped[len(module) :])
        raise Malformed(f"{name} is written without {module}", mend=mend)
    if known:
        return Reading(_call(stripped, name))
    # The cutoff finds unifrom, loguniform and Range, and leaves out tower (power).
    for close in difflib.get_close_matches(name.lower(), [*DISTRIBUTIONS, "range"], 1, 0.81):
        mend = _checked_mend(close + stripped[len(module + name) :])
        reason = f"{shown(name)} is no distribution of numpy's; is {close} meant?"
        raise Malformed(reason, mend=mend)
    tree = _tree_or_none(stripped)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name | ast.Attribute):
        return Reading((text,), remark=f"{shown(module + name)} is no distribution of numpy's")
    return Reading((text,))


def _list(text: str) -> tuple[str, ...]:
    tree, source = _tree(text), _Source(text)
    if isinstance(tree, ast.List) and tree.elts:
        return _items(tree, source)
    reason = "there is more after its closing ']'"
    if isinstance(tree, ast.List):
        reason = "it is a sweep of zero values"
    elif isinstance(tree, ast.ListComp):
        reason = "it is a comprehension, and a sweep lists its values"
    raise Malformed(reason, mend="[1, 2]")


def _items(items: ast.List, source: "_Source") -> tuple[str, ...]:
    wrong = {item: what for item in items.elts if (what := _not_literal(item, source))}
    for item, what in wrong.items():
        segments = ((item, source.segment(item)) for item in items.elts)
        mend = ", ".join(repr(segment) if item in wrong else segment for item, segment in segments)
        raise Malformed(
            f"{shown(source.segment(item))} is {what}: an item is a plain value or a word",
            mend=f"[{mend}]",
        )
    return tuple(_item(item, source) for item in items.elts)


def _item(node: ast.expr, source: "_Source") -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return source.segment(node)


def _not_literal(item: ast.expr, source: "_Source") -> str | None:
    """Say what an item is if it is no literal and no word; else return None."""
    for node in ast.walk(item):
        match node:
            case ast.Dict(keys=keys) if None in keys:
                return "an unpacked dict"
            case ast.UnaryOp(operand=ast.Constant(int() | float() | complex()) | ast.Name("inf")):
                fine = True
            case ast.Name() | ast.Attribute():
                fine = re.fullmatch(_WORD, source.segment(node)) is not None
            case _:
                fine = isinstance(node, _LITERALS)
        if not fine:
            return next(
                (name for kind, name in _NAMES.items() if isinstance(node, kind)), "no value"
            )
    return None


def _call(text: str, name: str) -> Sequence[str] | Distribution:
    tree, source = _tree(text), _Source(text)
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise Malformed("there is more after its closing ')'")
    return _range(tree, source) if name == "range" else _distribution(tree, source, name)


def _range(call: ast.Call, source: "_Source") -> RangeValues:
    mend = "range(1, 5)"
    if call.keywords or not 1 <= len(call.args) <= 3:
        raise Malformed("range takes one, two or three whole numbers", mend=mend)
    bounds = []
    for node in call.args:
        number = _whole_number(node)
        if number is None:
            wrong = shown(source.segment(node))
            raise Malformed(f"range takes whole numbers, not {wrong}", mend=mend)
        bounds.append(number)
    if max(map(abs, bounds)) > sys.maxsize // 2:
        raise Malformed("its numbers are too large", mend=mend)
    if len(bounds) == 3 and bounds[2] == 0:
        one = _checked_mend(f"range({bounds[0]}, {bounds[1]}, 1)")
        raise Malformed("the step of a range cannot be 0", mend=one)
    values = range(*bounds)
    if not values:
        raise Malformed("it is a sweep of zero values", mend=mend)
    return RangeValues(values)


def _whole_number(node: ast.expr) -> int | None:
    value = _number(node)
    return value if type(value) is int else None


def _number(node: ast.expr) -> Any:
    """Return the value of a number, a boolean or a (nested) list of them; else None."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(ast.UAdd() | ast.USub() as sign, ast.Constant(int() | float() as value)):
            return -value if isinstance(sign, ast.USub) else value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            values = [_number(item) for item in items]
            return None if None in values else values
    return None


def _distribution(call: ast.Call, source: "_Source", name: str) -> Distribution:
    before = DISTRIBUTIONS[name]
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    sizes = [*call.args[before:], *([options["size"]] if "size" in options else [])]
    mend = _with_size(call, source, name)
    if None in options or len(options) < len(call.keywords):
        raise Malformed("every argument must have a name of its own", mend=mend)
    if not sizes:
        raise Malformed("its last argument must be a size: how many values to draw", mend=mend)
    if len(sizes) > 1:
        raise Malformed(f"{name} takes {before or 'no'} arguments and a size", mend=mend)
    size = _whole_number(sizes[0])
    if size is None or size < 1:
        wrong = shown(source.segment(sizes[0]))
        raise Malformed(f"its size must be a whole number above 0, not {wrong}", mend=mend)
    if size > sys.maxsize:
        raise Malformed("its size is too large", mend=mend)
    options.pop("size", None)
    items = call.args[0] if call.args and before else options.get("a")
    population = None
    if name == "choice" and isinstance(items, ast.List) and items.elts:
        population = _population(items, source)

    # `choice` draws places in its list, so that the items keep their types and their spelling.
    def value(node: ast.expr) -> Any:
        return len(population) if population and node is items else _argument(node, source)

    arguments = tuple(value(node) for node in call.args[:before])
    named = {str(key): value(node) for key, node in options.items()}
    return Distribution(name, arguments, named, size, population)


def _population(items: ast.List, source: "_Source") -> tuple[str, ...]:
    try:
        return _items(items, source)
    except Malformed as error:
        mend = error.mend and source.text.replace(source.segment(items), error.mend)
        raise Malformed(error.reason, mend=mend) from error


def _argument(node: ast.expr, source: "_Source") -> Any:
    value = _number(node)
    if value is None:
        wrong = shown(source.segment(node))
        raise Malformed(f"its arguments are numbers and lists of numbers, not {wrong}")
    return value


def _with_size(call: ast.Call, source: "_Source", name: str) -> str:
    parts = [source.segment(node) for node in call.args[: DISTRIBUTIONS[name]]]
    named = [source.segment(keyword) for keyword in call.keywords if keyword.arg != "size"]
    size = "3" if len(parts) == DISTRIBUTIONS[name] and not named else "size=3"
    return f"{name}({', '.join([*parts, *named, size])})"


def _tree_or_none(text: str) -> ast.expr | None:
    try:
        return _tree(text)
    except Malformed:
        return None


def _tree(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise Malformed(f"it has {len(text):,} characters, and {MAX_LENGTH:,} are the most")
    missing, depth = _brackets(text)
    if depth > MAX_DEPTH:
        raise Malformed(f"its brackets are nested more than {MAX_DEPTH} deep")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a string is the script's business
            return ast.parse(text, mode="eval").body
    except (RecursionError, MemoryError) as error:
        raise Malformed("it is nested too deep") from error
    except UnicodeEncodeError as error:
        raise Malformed("it holds bytes that are not UTF-8") from error
    except (SyntaxError, ValueError) as error:
        if missing and not _brackets(text + missing)[0]:
            reason = f"it is never closed: {missing!r} is missing"
            raise Malformed(reason, mend=_checked_mend(text + missing), unclosed=True) from error
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise Malformed(f"it cannot be read: {message}", mend=_example(text)) from error


def _brackets(text: str) -> tuple[str, int]:
    """Return the closing brackets that are missing at the end, and the greatest depth."""
    missing: list[str] = []
    depth = 0
    for character in re.findall(r"[\[\](){}]", re.sub(_STRING_OR_COMMENT, "", text)):
        if character in _CLOSERS:
            missing.append(_CLOSERS[character])
            depth = max(depth, len(missing))
        elif not missing or missing.pop() != character:
            return "", depth
    return "".join(reversed(missing)), depth


def _checked_mend(text: str) -> str | None:
    """Return the text if it can be read, else what would mend it."""
    try:
        read(text)
    except Malformed as error:
        return error.mend
    return text


def _example(text: str) -> str | None:
    if re.fullmatch(r"\[[^][(){}'\"]*\]", text):  # [16gb, 1.2.3]: words, once they are quoted
        words = [word.strip() for word in text[1:-1].split(",")]
        return f"[{', '.join(repr(word) for word in words if word)}]"
    if text.startswith("["):
        return "['a', 'b']" if "'" in text or '"' in text else "[1, 2]"
    return "range(1, 5)" if text.startswith("range") else None


def shown(text: str) -> str:
    """Return the text as a message can show it: on one line, printable and not too long."""
    line = text if text.isprintable() else repr(text)[1:-1]
    return line if len(line) <= 80 else f"{line[:77]}..."


class _Source:
    """Gives back the text of a node as typed; the columns of `ast` count UTF-8 bytes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._data = text.encode()
        lines = self._data.splitlines(keepends=True)
        self._starts = list(accumulate(map(len, lines), initial=0))

    def segment(self, node: ast.expr | ast.keyword) -> str:
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        return self._data[start:end].decode()
