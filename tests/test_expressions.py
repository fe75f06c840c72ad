"""The forms that one argument can have, and what is said of those that are broken."""

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gridray.expressions import (
    DISTRIBUTIONS,
    MAX_LENGTH,
    Distribution,
    Malformed,
    RangeValues,
    read,
    shown,
)


def values(text: str) -> list[str]:
    found = read(text).values
    assert not isinstance(found, Distribution)
    return list(found)


def distribution(text: str) -> Distribution:
    found = read(text).values
    assert isinstance(found, Distribution)
    return found


def draw(text: str, seed: int = 1) -> tuple[str, ...]:
    return distribution(text).draw(np.random.Generator(np.random.PCG64(seed)))


def repr_start(text: str) -> str:
    return ascii(text[:30])


def malformed(text: str) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[32, 64, 128]", ["32", "64", "128"]),
        ("[1]", ["1"]),
        ("[1, 2,]", ["1", "2"]),
        ("[1e-2, 0.10, 1E5, .5, 5., 0x10, 1_000]", "1e-2 0.10 1E5 .5 5. 0x10 1_000".split()),
        ("[-1, +2, - 3, -1e-3, -inf, inf, nan]", "-1|+2|- 3|-1e-3|-inf|inf|nan".split("|")),
        ("[True, False, None]", ["True", "False", "None"]),
        ("[true, null]", ["true", "null"]),
        ("['pizza', \"hotdog\"]", ["pizza", "hotdog"]),
        ("[adam, sgd]", ["adam", "sgd"]),
        ("[last.ckpt, runs.best.pt]", ["last.ckpt", "runs.best.pt"]),
        ("['it\\'s', \"a, b]\", '']", ["it's", "a, b]", ""]),
        ("['\\d', r'\\d']", ["\\d", "\\d"]),
        ("['a\\nb']", ["a\nb"]),
        ("[[32, 32], [64, 64]]", ["[32, 32]", "[64, 64]"]),
        ("[[32,32] , (1,  2), {'a' : 1}, {1}]", ["[32,32]", "(1,  2)", "{'a' : 1}", "{1}"]),
        ("[[]]", ["[]"]),
        ("[[a, ['b']], [c]]", ["[a, ['b']]", "[c]"]),
        ("[(1)]", ["1"]),
        ("[b'x', 1j, ...]", ["b'x'", "1j", "..."]),
        (" [1,\n 2] ", ["1", "2"]),
        ("\n\t[1,\r\n2,\r3]\n", ["1", "2", "3"]),
        ("[1, # one\n 2]", ["1", "2"]),
        (
            "['é', é, [ü, 'ß'],\n '漢字', [漢, 1], 2]",
            ["é", "é", "[ü, 'ß']", "漢字", "[漢, 1]", "2"],
        ),
        ("['''a\nb''', [1,\n2], 3]", ["a\nb", "[1,\n2]", "3"]),
        ("[1, 1]", ["1", "1"]),
        ("range(3)", ["0", "1", "2"]),
        ("range(1, 4)", ["1", "2", "3"]),
        (" range(1, 10, 4)\n", ["1", "5", "9"]),
        ("range (2)", ["0", "1"]),
        ("range(10, 0, -4)", ["10", "6", "2"]),
        ("range(-2, +1)", ["-2", "-1", "0"]),
        ("range(0x2)", ["0", "1"]),
        ("'[1, 2]'", ["[1, 2]"]),
        ('"[1, 2]"', ["[1, 2]"]),
        ("\"['a', 'b']\"", ["['a', 'b']"]),
        ("'uniform(0, 1'", ["uniform(0, 1"]),
        ("'bert'", ["bert"]),
        ("''", [""]),
    ],
)
def test_a_form_and_its_values(text: str, expected: list[str]) -> None:
    assert values(text) == expected
    assert read(text).remark is None


@pytest.mark.parametrize(
    "text",
    [
        *"True 32 0.01 1e-2 -1 bert bert-base-uncased s3://b/[1]/x *.txt 1,2,3 a=[1,2]".split(),
        *"f uniform range ' \" x] a(b (1) ()x smile(:) it's \"a'b \\x00 $HOME/`ls` é(".split(),
        *["./data/a b.csv", '{"a": [1, 2]}', "{1, 2}", "(a, b", "(note) see below", "f (x) = 2"],
        *["power (of ten) and more", "hello(world) (again)", "'a' and 'b'", "\"a'", "lambda: 0"],
        *[
            "",
            " ",
            "\n",
            " 32 ",
            "1 + 1",
            "\ufeff[1]",
            "\udcff",
            "a\nb",
            "mlp(a b)",
            "model(18).py",
        ],
        *["(" * 100_000, "x" * 1_000_000, "a(" * 50_000],
    ],
    ids=repr_start,
)
def test_ordinary_text_is_one_value_exactly_as_typed(text: str) -> None:
    assert read(text).values == (text,)
    assert read(text).remark is None


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("(10,100)", "a tuple is no sweep"),
        (" (1, 2) ", "a tuple is no sweep"),
        ("()", "a tuple is no sweep"),
        ("resnet(18)", "resnet is no distribution"),
        ("torchvision.resnet(18)", "torchvision.resnet is no distribution"),
        ("np.linspace(0, 1, 5)", "np.linspace is no distribution"),
    ],
)
def test_unusual_text_goes_through_with_a_remark(text: str, remark: str) -> None:
    assert read(text).values == (text,)
    assert remark in (read(text).remark or "")


@pytest.mark.parametrize(
    ("text", "reason", "mend"),
    [
        ("[1, 2", "never closed: ']' is missing", "[1, 2]"),
        ("[1,", "never closed", "[1,]"),
        ("[[1, 2], [3", "']]' is missing", "[[1, 2], [3]]"),
        ("['a]', 'b'", "never closed", "['a]', 'b']"),
        ("[", "never closed", "[1, 2]"),
        ("[f(1", "never closed: ')]' is missing", "['f(1)']"),
        ("range(1, 5", "never closed: ')' is missing", "range(1, 5)"),
        ("uniform(0, 1, 3", "never closed", "uniform(0, 1, 3)"),
        ("uniform(0, 1", "never closed", "uniform(0, 1, 3)"),
        ("['a, 'b']", "cannot be read: unterminated string", "['a', 'b']"),
        ("['it's', 'b']", "cannot be read: unterminated string", "['a', 'b']"),
        ("[1, 2 # two", "cannot be read", "[1, 2]"),
        ("[1, 2]]", "cannot be read: unmatched ']'", "[1, 2]"),
        ("[1, 2)", "cannot be read: closing parenthesis", "[1, 2]"),
        ("[16gb, 1.2.3]", "cannot be read", "['16gb', '1.2.3']"),
        ("[a b]", "cannot be read", "['a b']"),
        ("[1, 2] * 2", "more after its closing ']'", "[1, 2]"),
        ("[1, 2][0]", "more after its closing ']'", "[1, 2]"),
        ("[1], [2]", "more after its closing ']'", "[1, 2]"),
        ("[]", "zero values", "[1, 2]"),
        ("[x for x in y]", "a comprehension", "[1, 2]"),
        ("[f(1), 2]", "f(1) is a call", "['f(1)', 2]"),
        ("[1 + 1, 2, 3 * 3]", "1 + 1 is arithmetic", "['1 + 1', 2, '3 * 3']"),
        ("[bert-base, gpt2]", "bert-base is arithmetic", "['bert-base', gpt2]"),
        ("[1+2j]", "1+2j is arithmetic", "['1+2j']"),
        ("[*a, 1]", "*a is a starred item", "['*a', 1]"),
        ("[[f(1)], 2]", "[f(1)] is a call", "['[f(1)]', 2]"),
        ("[[1, *a]]", "is a starred item", "['[1, *a]']"),
        ("[{**a}]", "is an unpacked dict", "['{**a}']"),
        ("[a if b else c]", "is no value", "['a if b else c']"),
        ("[not a]", "is no value", "['not a']"),
        ("[-adam]", "is no value", "['-adam']"),
        ("[--1]", "is no value", "['--1']"),
        ("[f'{a}']", "is no value", "[\"f'{a}'\"]"),
        ("[(x for x in y)]", "is no value", "['(x for x in y)']"),
        ("[a[0]]", "is no value", "['a[0]']"),
        ("['a'.b]", "is no value", "[\"'a'.b\"]"),
        ("[a := 1]", "is no value", "['a := 1']"),
        ("[lambda: 0]", "is no value", "['lambda: 0']"),
        ("range(a)", "range takes whole numbers, not a", "range(1, 5)"),
        ("range(1.5)", "range takes whole numbers, not 1.5", "range(1, 5)"),
        ("range(True)", "range takes whole numbers, not True", "range(1, 5)"),
        ("range(*[1])", "range takes whole numbers, not *[1]", "range(1, 5)"),
        ("range(1 2)", "cannot be read", "range(1, 5)"),
        ("range()", "one, two or three whole numbers", "range(1, 5)"),
        ("range(1, 2, 3, 4)", "one, two or three whole numbers", "range(1, 5)"),
        ("range(stop=3)", "one, two or three whole numbers", "range(1, 5)"),
        ("range(1, 9, 0)", "the step of a range cannot be 0", "range(1, 9, 1)"),
        ("range(9, 1, 0)", "the step of a range cannot be 0", "range(1, 5)"),
        ("range(5, 1)", "zero values", "range(1, 5)"),
        ("range(0)", "zero values", "range(1, 5)"),
        ("range(1" + "0" * 30 + ")", "too large", "range(1, 5)"),
        ("range(1, 5) + 1", "more after its closing ')'", None),
        ("range(1)(2)", "more after its closing ')'", None),
        ("Range(1, 5)", "is range meant?", "range(1, 5)"),
        ("uniform(0,1)", "last argument must be a size", "uniform(0, 1, 3)"),
        ("uniform(3)", "last argument must be a size", "uniform(3, size=3)"),
        ("uniform()", "last argument must be a size", "uniform(size=3)"),
        ("normal(scale=2)", "last argument must be a size", "normal(scale=2, size=3)"),
        ("exponential(3)", "last argument must be a size", "exponential(3, 3)"),
        ("random()", "last argument must be a size", "random(3)"),
        ("uniform(0, 1, 0)", "whole number above 0, not 0", "uniform(0, 1, 3)"),
        ("uniform(0, 1, -2)", "whole number above 0, not -2", "uniform(0, 1, 3)"),
        ("uniform(0, 1, 3.0)", "whole number above 0, not 3.0", "uniform(0, 1, 3)"),
        ("uniform(0, 1, True)", "whole number above 0, not True", "uniform(0, 1, 3)"),
        ("uniform(0, 1, size=None)", "whole number above 0, not None", "uniform(0, 1, 3)"),
        ("uniform(0, 1, (2, 3))", "whole number above 0, not (2, 3)", "uniform(0, 1, 3)"),
        ("uniform(0, 1, 2, 3)", "2 arguments and a size", "uniform(0, 1, 3)"),
        ("uniform(0, 1, 2, size=3)", "2 arguments and a size", "uniform(0, 1, 3)"),
        ("rand(2, 3)", "no arguments and a size", "rand(3)"),
        ("uniform(0, 1, 1" + "0" * 30 + ")", "too large", "uniform(0, 1, 3)"),
        ("uniform(size=1, size=2)", "a name of its own", "uniform(size=3)"),
        ("uniform(0, 1, 3, **a)", "a name of its own", None),
        ("uniform(a, 1, 3)", "numbers and lists of numbers, not a", None),
        ("uniform(f(1), 1, 3)", "numbers and lists of numbers, not f(1)", None),
        ("uniform(1 - 1, 1, 3)", "numbers and lists of numbers, not 1 - 1", None),
        ("uniform([0, a], 1, 3)", "numbers and lists of numbers, not [0, a]", None),
        ("uniform('0', 1, 3)", "numbers and lists of numbers, not '0'", None),
        ("random(dtype=float, size=3)", "numbers and lists of numbers, not float", None),
        ("choice([f(1), 2], 3)", "f(1) is a call", "choice(['f(1)', 2], 3)"),
        ("unifrom(0, 1, 3)", "unifrom is no distribution of numpy's", "uniform(0, 1, 3)"),
        ("unifrom(0, 1", "is uniform meant?", "uniform(0, 1, 3)"),
        ("loguniform(0, 1, 3)", "is uniform meant?", "uniform(0, 1, 3)"),
        ("Normal(0, 1, 3)", "is normal meant?", "normal(0, 1, 3)"),
        ("np.random.uniform(0, 1, 3)", "written without np.random.", "uniform(0, 1, 3)"),
        ("numpy.random.normal(0, 1)", "written without numpy.random.", "normal(0, 1, 3)"),
    ],
)
def test_a_broken_sweep_its_reason_and_its_mend(text: str, reason: str, mend: str | None) -> None:
    error = malformed(text)
    assert reason in error.reason
    if mend is not None:
        assert error.mend == mend
        read(mend)


def test_a_range_is_lazy() -> None:
    found = read("range(1000000000000)").values
    assert isinstance(found, RangeValues)
    assert len(found) == 10**12
    assert found[10**11] == "100000000000"
    assert list(found[1:7:3]) == ["1", "4"]
    assert "999999999999" in found
    assert "1000000000000" not in found
    assert "01" not in found
    assert "a" not in found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" + "1, " * 400_000 + "1]", f"{MAX_LENGTH:,} are the most"),
        ("[" * 1_000_000, "are the most"),
        ("[" * 1_000, "nested more than 40 deep"),
        ("[" * 60 + "]" * 60, "nested more than 40 deep"),
        ("[" + "{(" * 30, "nested more than 40 deep"),
        ("[" + "-" * 100_000 + "1]", "is"),
        ("[" + "a." * 50_000 + "a]", ""),
        ("[" + "'\\'" * 40_000, "cannot be read"),
        ("[" + "1" * 5_000 + "]", "cannot be read"),
        ("[1, \0]", "cannot be read"),
        ("['\udcff']", "not UTF-8"),
        ("range(" + "1" * 5_000 + ")", "cannot be read"),
        ("range(0x" + "f" * 5_000 + ", 1, 0)", "too large"),
        ("uniform(0, 1, 0x" + "f" * 5_000 + ")", "too large"),
    ],
    ids=range(14),
)
def test_pathological_text_is_refused(text: str, reason: str) -> None:
    if reason:
        assert reason in malformed(text).reason
    else:
        try:
            read(text)
        except Malformed as error:
            assert "nested" in error.reason


def signature(kind: Any, name: str) -> str:
    return ((getattr(kind, name).__doc__ or "").strip().splitlines() or [""])[0]


def test_the_table_of_distributions_is_numpys() -> None:
    expected = {"rand": 0, "randn": 0}  # their arguments are sizes
    for kind in (np.random.Generator, np.random.RandomState):
        for name in dir(kind):
            if found := re.match(rf"{name}\((.*?)size=None", signature(kind, name)):
                expected[name] = found[1].count(",")
    assert expected == DISTRIBUTIONS


ARGUMENTS = {
    "binomial": "10, 0.5",
    "choice": "[1, 2, 3]",
    "dirichlet": "[1, 2.5]",
    "hypergeometric": "5, 5, 3",
    "integers": "0, 10",
    "multinomial": "5, [0.5, 0.5]",
    "multivariate_hypergeometric": "[3, 4], 2",
    "multivariate_normal": "[0, 0], [[1, 0], [0, 1]]",
    "negative_binomial": "10, 0.5",
    "noncentral_f": "3, 4, 1",
    "randint": "0, 10",
    "random_integers": "1, 10",
    "triangular": "0, 1, 2",
    "uniform": "0, 1",
    "zipf": "2",
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_distribution_draws_its_size_and_repeats(name: str) -> None:
    arguments = ARGUMENTS.get(name, ", ".join(["0.5"] * DISTRIBUTIONS[name]))
    size = f"{arguments}, 40" if arguments else "40"
    drawn = draw(f"{name}({size})")
    assert len(drawn) == 40
    assert drawn == draw(f"{name}({size})") == draw(f"{name}({size[:-2]}size=40)")
    assert drawn != draw(f"{name}({size})", seed=2)


def test_a_draw_is_numpys_in_full_precision() -> None:
    generator = np.random.Generator(np.random.PCG64(7))
    expected = [repr(float(value)) for value in generator.uniform(1e-5, 1e-1, 5)]
    assert list(draw("uniform(1e-5, 1e-1, 5)", seed=7)) == expected
    assert draw("uniform(low=1e-5, high=1e-1, size=5)", seed=7) == tuple(expected)
    assert all(re.fullmatch(r"[0-4]", value) for value in draw("integers(0, 5, 50)"))
    assert all(re.fullmatch(r"[1-5]", v) for v in draw("integers(1, 5, 50, endpoint=True)"))
    assert re.fullmatch(r"\[0\.\d+, 0\.\d+\]", draw("dirichlet([5, 5], 1)")[0])
    assert re.fullmatch(r"\[\d, \d\]", draw("multinomial(5, [0.5, 0.5], 1)")[0])


def test_choice_keeps_types_and_spelling() -> None:
    text = "[0.10, 1e-2, 'a b', adam, True, [32, 32]]"
    drawn = draw(f"choice({text}, 200)")
    assert set(drawn) == {"0.10", "1e-2", "a b", "adam", "True", "[32, 32]"}
    assert drawn == draw(f"choice(a={text}, size=200)")
    assert sorted(draw("choice([a, b, c], 3, replace=False)")) == ["a", "b", "c"]
    assert draw("choice([a, b], 3, p=[0, 1])") == ("b", "b", "b")
    assert set(draw("choice(2, 50)")) == {"0", "1"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("uniform(0, 1e400, 3)", "numpy says: "),
        ("normal(0, -1, 3)", "scale < 0"),
        ("binomial(1, 7, 3)", "p > 1"),
        ("beta(size=3)", "numpy says: "),
        ("uniform(0, 1, 3, nonsense=1)", "nonsense"),
        ("integers(1" + "0" * 30 + ", 3, 3)", "numpy says: "),
        ("choice([1, 2], 3, replace=False)", "larger sample than population"),
        ("choice([], 3)", "numpy says: "),
        ("multivariate_normal([0, 0], [[1, 2], [2, 1]], 3)", "positive-semidefinite"),
        ("uniform([[0], [1]], 1, 2)", "numpy says: "),
        ("uniform([0, [1]], 1, 2)", "numpy says: "),
    ],
)
def test_numpys_complaint_about_the_arguments(text: str, complaint: str) -> None:
    with pytest.raises(Malformed) as caught:
        draw(text)
    assert complaint in caught.value.reason


def test_a_draw_of_vectors_counts_its_numbers() -> None:
    assert distribution("dirichlet([1, 2, 3], 10)").cells == 30
    assert distribution("choice([1, 2, 3], 10)").cells == 10
    assert distribution("uniform(0, 1, 10)").cells == 10


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
@example(["'", '"', "'\"", "\\", "\n", "\r", "\u2028", "]", "[", "", "é", "\0"])
def test_any_strings_survive_a_list_of_literals(words: list[str]) -> None:
    assert values(repr(words)) == words


LITERALS = st.recursive(
    st.one_of(st.integers(), st.floats(allow_nan=False), st.text("aé]['\" ,\\"), st.booleans()),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(st.lists(LITERALS, min_size=1, max_size=5), st.sampled_from([", ", ",\n ", " ,", ",\r\n"]))
def test_an_item_keeps_the_users_spelling(items: list[Any], comma: str) -> None:
    text = "[" + comma.join(map(repr, items)) + "]"
    assert values(text) == [item if isinstance(item, str) else repr(item) for item in items]


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9).filter(bool))
def test_a_range_is_pythons(start: int, stop: int, step: int) -> None:
    text = f"range({start}, {stop}, {step})"
    if expected := [str(number) for number in range(start, stop, step)]:
        assert values(text) == expected
    else:
        assert "zero values" in malformed(text).reason


@given(st.text(max_size=200))
def test_what_is_shown_is_one_printable_line(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 80


def test_numpy_is_imported_only_to_draw() -> None:
    code = (
        "import sys; from gridray.sweep import parse; parse(['--lr', '[1, 2]', 'range(3)']);"
        "assert 'numpy' not in sys.modules;"
        "parse(['uniform(0, 1, 3)']); assert 'numpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
