"""The arguments of a script, expanded into the experiments of a sweep: pure, lazy, in order.

What the text of one argument means is decided in `expressions.py`; here arguments get their names,
are counted, drawn and combined. The first argument varies fastest.
"""

import math
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from gridray.combinations import product, sample
from gridray.errors import SweepError
from gridray.expressions import Distribution, Malformed, RangeValues, Reading, read, shown

# One distribution never draws more numbers: under random_search nothing else bounds them.
MAX_DRAWN = 1_000_000


class Strategy(str, Enum):
    """How the arguments become experiments."""

    GRID_SEARCH = "grid_search"
    RANDOM_SEARCH = "random_search"
    NONE = "none"


@dataclass(frozen=True)
class Parameter:
    """An argument that carries a value: its name, its text as typed, its values in the sweep."""

    name: str
    expression: str
    values: Sequence[str]


@dataclass(frozen=True)
class Sweep:
    """The experiments of one command line: yields the script's arguments of each, in order.

    `seed` is the seed that was used, `None` if nothing was random. `warnings` are single lines.
    """

    parameters: tuple[Parameter, ...]
    strategy: Strategy
    num_trials: int | None
    seed: int | None
    warnings: tuple[str, ...]
    _columns: tuple[tuple["_Argument", Sequence[str]], ...] = field(repr=False)
    _points: Sequence[int] = field(repr=False)

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        if isinstance(self._points, range):
            # Without a step of Python's between two: there may be a million.
            return product([[a.prefix + value for value in v] for a, v in self._columns])
        return map(self._argv, self._points)

    def params(self, argv: Sequence[str]) -> dict[str, str | bool]:
        """Return the parameters of an experiment by name; a flag is `True`.

        `argv` is one of those that the sweep yields.
        """
        return {
            name: True if start is None else argv[place][start:]
            for name, place, start in self._named
        }

    @cached_property
    def _named(self) -> list[tuple[str, int, int | None]]:
        """Each parameter, its place in an argv, and where its value starts there; None: a flag."""
        return [
            (argument.name, place, None if argument.is_flag else len(argument.prefix))
            for place, (argument, _) in enumerate(self._columns)
            if argument.name is not None
        ]

    def _argv(self, point: int) -> tuple[str, ...]:
        argv = []
        for argument, values in self._columns:
            point, place = divmod(point, len(values))
            argv.append(argument.prefix + values[place])
        return tuple(argv)

    def record(self) -> dict[str, Any]:
        """Return what `run.json` keeps; a range's values follow from its text and are `None`."""
        return {
            "strategy": self.strategy.value,
            "num_trials": self.num_trials,
            "seed": self.seed,
            "parameters": [
                {
                    "name": p.name,
                    "expression": p.expression,
                    "values": None if isinstance(p.values, RangeValues) else list(p.values),
                }
                for p in self.parameters
            ],
        }


def parse(
    args: Sequence[str],
    *,
    strategy: Strategy = Strategy.GRID_SEARCH,
    num_trials: int | None = None,
    seed: int | None = None,
    max_experiments: int = 10_000,
) -> Sweep:
    """Expand the script's arguments, as typed in a shell, into a sweep.

    Raises `SweepError` for text that looks like a sweep and is none, for a sweep of more than
    `max_experiments` experiments, and for options of the strategy that cannot be.
    """
    _check_options(strategy, num_trials, seed)
    arguments = _arguments(args)
    readings = [_read(argument, args, strategy) for argument in arguments]
    trials = num_trials if strategy is Strategy.RANDOM_SEARCH else None
    _check_count([len(reading.values) for reading in readings], trials, max_experiments)
    new_seed = int.from_bytes(os.urandom(4), "big") if seed is None else seed
    values = _draw(arguments, readings, new_seed)
    if trials is not None:
        values = [_distinct(choices) for choices in values]
    total = math.prod(map(len, values))
    points = range(total) if trials is None else sample(total, trials, new_seed)
    drawn = any(isinstance(reading.values, Distribution) for reading in readings)
    columns = tuple(zip(arguments, values, strict=True))
    return Sweep(
        parameters=tuple(Parameter(a.name, a.text, v) for a, v in columns if a.name and a.is_value),
        strategy=strategy,
        num_trials=trials,
        seed=new_seed if drawn or len(points) < total else None,
        warnings=tuple(_warnings(arguments, readings, num_trials, strategy, total)),
        _columns=columns,
        _points=points,
    )


def _warnings(
    arguments: Sequence["_Argument"],
    readings: Sequence[Reading],
    num_trials: int | None,
    strategy: Strategy,
    total: int,
) -> Iterator[str]:
    for argument, reading in zip(arguments, readings, strict=True):
        if reading.remark:
            yield f"{argument.shown} goes to the script as typed: {reading.remark}"
    if num_trials is None:
        return
    if strategy is not Strategy.RANDOM_SEARCH:
        yield f"--num_trials has no effect with --strategy {strategy.value}"
    elif num_trials > total:
        yield f"--num_trials {num_trials} is more than the {total:,} points there are"


def _check_options(strategy: Strategy, num_trials: int | None, seed: int | None) -> None:
    if seed is not None and seed < 0:
        raise SweepError(f"--seed {seed} is below 0", hint="write --seed 0 or a larger number")
    if strategy is not Strategy.RANDOM_SEARCH or (num_trials is not None and num_trials > 0):
        return
    if num_trials is None:
        message = "--strategy random_search needs --num_trials"
    else:
        message = f"--num_trials {num_trials} is not above 0"
    raise SweepError(message, hint="write --num_trials 10 to draw ten points of the sweep")


@dataclass(frozen=True)
class _Argument:
    """One token: the text that may sweep, and what stands before it in the argv and in messages.

    `name` is `None` where the token has no entry of its own in the params: an option whose value
    is the next token, and `--`.
    """

    place: int
    text: str
    name: str | None
    prefix: str = ""
    option: str = ""
    is_flag: bool = False

    @property
    def is_value(self) -> bool:
        return self.name is not None and not self.is_flag

    @property
    def shown(self) -> str:
        quote = '"' if "'" in self.text and '"' not in self.text else "'"
        return f"{self.before}{quote}{shown(self.text)}{quote}"

    @property
    def before(self) -> str:
        """What a command line has before the value."""
        return shown(self.prefix) or (f"{shown(self.option)} " if self.option else "")


def _arguments(args: Sequence[str]) -> list[_Argument]:
    arguments = []
    names = _Names()
    positionals = 0
    waiting = ""  # the option that the next token is the value of
    for place, token in enumerate(args):
        option, equals, text = token.partition("=")
        following = args[place + 1] if place + 1 < len(args) else "--"
        if token == "--":
            arguments.append(_Argument(place, token, None))
        elif _is_option(token) and equals:
            arguments.append(_Argument(place, text, names.new(option), prefix=option + equals))
        elif _is_option(token) and _is_option(following):
            arguments.append(_Argument(place, token, names.new(token), is_flag=True))
        elif _is_option(token):
            arguments.append(_Argument(place, token, None))
            waiting = token
        elif waiting:
            arguments.append(_Argument(place, token, names.new(waiting), option=waiting))
            waiting = ""
        else:
            positionals += 1
            arguments.append(_Argument(place, token, names.new(f"arg{positionals}")))
    return arguments


def _is_option(token: str) -> bool:
    if not token.startswith("-") or token == "-":
        return False
    try:
        float(token)
    except ValueError:
        return True
    return False


class _Names:
    """Gives every parameter a name of its own: `lr`, `lr#2`, `lr#3`."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def new(self, word: str) -> str:
        base = word.lstrip("-") or word
        name = base
        while name in self._seen:
            self._seen[base] += 1
            name = f"{base}#{self._seen[base]}"
        self._seen[name] += 1
        return name


def _read(argument: _Argument, args: Sequence[str], strategy: Strategy) -> Reading:
    if not argument.is_value or strategy is Strategy.NONE:
        return Reading((argument.text,))
    try:
        return read(argument.text)
    except Malformed as error:
        raise _sweep_error(argument, error, args) from error


def _sweep_error(argument: _Argument, error: Malformed, args: Sequence[str] = ()) -> SweepError:
    """Say which argument is wrong and why, how to mend it, and how to pass it as it is."""
    mend = error.mend
    if error.unclosed:
        mend = _joined(argument.text, args[argument.place + 1 :]) or mend
    hints = []
    if mend and shown(mend) == mend:
        hints.append(f"write {argument.before}{_quoted(mend)}")
    as_it_is = _as_it_is(argument)
    hints.append(f"to pass it as it is, {as_it_is} --strategy none")
    return SweepError(f"{argument.shown} is not a sweep: {error.reason}", hint="; ".join(hints))


def _joined(text: str, following: Sequence[str]) -> str | None:
    """Undo what a shell does to an unquoted `[1, 2]`: it makes two tokens of it."""
    for token in following[:20]:
        text = f"{text} {token}"
        if len(text) > 1000:
            break  # no hint can show it
        try:
            read(text)
        except Malformed:
            continue
        return text
    return None


def _as_it_is(argument: _Argument) -> str:
    text = argument.text
    if shown(text) != text or ("'" in text and '"' in text):
        return "put quotes inside the quotes or use"
    inner = '"' if "'" in text else "'"
    return f"write {argument.before}{_quoted(inner + text + inner)} or use"


def _quoted(text: str) -> str:
    if re.search(r'["$`\\!]', text) and "'" not in text:
        return f"'{text}'"
    return '"' + re.sub(r'(["$`\\])', r"\\\1", text) + '"'


def _check_count(sizes: Sequence[int], trials: int | None, max_experiments: int) -> None:
    """Refuse too many experiments before any of them exists."""
    total = math.prod(sizes)
    count = total if trials is None else min(total, trials)
    if count <= min(max_experiments, sys.maxsize):
        return
    factors = [_spelled(size) for size in sizes if size > 1]
    product = f" ({' x '.join(factors)})" if len(factors) > 1 and trials is None else ""
    fewer = "lower --num_trials"
    if trials is None:
        most = min(100, max_experiments)
        fewer = f"draw some of them with --strategy random_search --num_trials {most}"
    raise SweepError(
        f"the sweep would have {_spelled(count)} experiments{product}, "
        f"and --max_experiments is {max_experiments:,}",
        hint=f"{fewer}, or raise --max_experiments",
    )


def _spelled(count: int) -> str:
    return f"{count:,}" if count < 10**18 else f"about 10^{math.log10(count):.0f}"


def _draw(
    arguments: Sequence[_Argument], readings: Sequence[Reading], seed: int
) -> list[Sequence[str]]:
    """Return the values of every argument; distributions draw from one stream, in order."""
    values: list[Sequence[str]] = []
    generator = None
    for argument, reading in zip(arguments, readings, strict=True):
        drawn: Sequence[str] | Distribution = reading.values
        if isinstance(drawn, Distribution):
            generator = generator or _new_generator(seed)
            try:
                drawn = _drawn(drawn, generator)
            except Malformed as error:
                raise _sweep_error(argument, error) from error
        texts = [argument.prefix, *(() if isinstance(drawn, RangeValues) else drawn)]
        if not all(map(_is_passable, texts)):
            message = f"{argument.shown} has a NUL or is not Unicode: no program can be given it"
            raise SweepError(message, hint="take that character out")
        values.append(drawn)
    return values


def _is_passable(text: str) -> bool:
    try:
        return b"\0" not in text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False


def _new_generator(seed: int) -> Any:
    import numpy as np

    return np.random.Generator(np.random.PCG64(seed))  # no default_rng: a seed must last


def _drawn(distribution: Distribution, generator: Any) -> tuple[str, ...]:
    if distribution.cells > MAX_DRAWN:
        raise Malformed(
            f"it would draw {_spelled(distribution.cells)} numbers, and {MAX_DRAWN:,} are the most"
        )
    return distribution.draw(generator)


def _distinct(values: Sequence[str]) -> Sequence[str]:
    return values if isinstance(values, RangeValues) else tuple(dict.fromkeys(values))
