"""From a script's arguments to its experiments: names, order, counts, draws and messages."""

import itertools
import json
import random
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from gridray import combinations
from gridray.errors import SweepError, UsageError
from gridray.expressions import DISTRIBUTIONS
from gridray.sweep import Strategy, Sweep, parse

GRID, RANDOM, NONE = Strategy.GRID_SEARCH, Strategy.RANDOM_SEARCH, Strategy.NONE


def argvs(args: Sequence[str], **options: Any) -> list[tuple[str, ...]]:
    return list(parse(args, **options))


def params(args: Sequence[str], **options: Any) -> list[dict[str, str | bool]]:
    return named(parse(args, **options))


def named(sweep: Sweep) -> list[dict[str, str | bool]]:
    return [sweep.params(argv) for argv in sweep]


def refusal(args: Sequence[str], **options: Any) -> SweepError:
    with pytest.raises(SweepError) as caught:
        parse(args, **options)
    return caught.value


def as_typed(command: str, part: str) -> list[str]:
    """What a shell makes of the part of a hint that says what to write."""
    found = re.search(part, command)
    assert found, command
    shell = ["sh", "-c", f"printf '%s\\0' {found[1]}"]
    return subprocess.run(shell, check=True, capture_output=True, text=True).stdout.split("\0")[:-1]


def test_the_sweep_of_the_seed_document() -> None:
    sweep = parse(["--number", "[1, 2]", "--food_item", "['pizza', 'hotdog']"])
    assert list(sweep) == [
        ("--number", "1", "--food_item", "pizza"),
        ("--number", "2", "--food_item", "pizza"),
        ("--number", "1", "--food_item", "hotdog"),
        ("--number", "2", "--food_item", "hotdog"),
    ]
    assert named(sweep) == [
        {"number": "1", "food_item": "pizza"},
        {"number": "2", "food_item": "pizza"},
        {"number": "1", "food_item": "hotdog"},
        {"number": "2", "food_item": "hotdog"},
    ]
    assert (len(sweep), sweep.seed, sweep.warnings) == (4, None, ())


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], {}),
        (["--lr", "1"], {"lr": "1"}),
        (["-lr", "1"], {"lr": "1"}),
        (["--lr=1"], {"lr": "1"}),
        (["--lr="], {"lr": ""}),
        (["--lr=a=b"], {"lr": "a=b"}),
        (["--fast"], {"fast": True}),
        (["--fast", "--lr", "1", "-v"], {"fast": True, "lr": "1", "v": True}),
        (["--lr", "-1"], {"lr": "-1"}),
        (["--lr", "-1e-3", "-.5", "-inf"], {"lr": "-1e-3", "arg1": "-.5", "arg2": "-inf"}),
        (["--lr", "1", "2"], {"lr": "1", "arg1": "2"}),
        (["--lr=1", "2"], {"lr": "1", "arg1": "2"}),
        (["a", "b"], {"arg1": "a", "arg2": "b"}),
        (["--in", "-", "-"], {"in": "-", "arg1": "-"}),
        (["--lr", "1", "--lr", "2", "-lr=3"], {"lr": "1", "lr#2": "2", "lr#3": "3"}),
        (["-v", "-v", "-v", "x"], {"v": True, "v#2": True, "v#3": "x"}),
        (["--fast", "--", "x"], {"fast": True, "arg1": "x"}),
        (["--", "--lr", "1", "--"], {"lr": "1"}),
        (["--arg1", "x", "y", "z"], {"arg1": "x", "arg1#2": "y", "arg2": "z"}),
        (["--a#2", "1", "--a", "2", "--a", "3"], {"a#2": "1", "a": "2", "a#3": "3"}),
        (["---", "x"], {"---": "x"}),
        (["--=x"], {"--": "x"}),
    ],
)
def test_the_names_of_params(args: list[str], expected: dict[str, str | bool]) -> None:
    for strategy in (GRID, NONE):
        assert params(args, strategy=strategy) == [expected]
        assert argvs(args, strategy=strategy) == [tuple(args)]


def test_each_token_sweeps_in_its_place() -> None:
    args = ["[a, b]", "-v", "--lr=[1, 2]", "--", "--tag", "x", "--tag", "range(2)"]
    sweep = parse(args)
    assert len(sweep) == 8
    assert list(sweep)[:5] == [
        ("a", "-v", "--lr=1", "--", "--tag", "x", "--tag", "0"),
        ("b", "-v", "--lr=1", "--", "--tag", "x", "--tag", "0"),
        ("a", "-v", "--lr=2", "--", "--tag", "x", "--tag", "0"),
        ("b", "-v", "--lr=2", "--", "--tag", "x", "--tag", "0"),
        ("a", "-v", "--lr=1", "--", "--tag", "x", "--tag", "1"),
    ]
    assert named(sweep)[0] == {
        "arg1": "a",
        "v": True,
        "lr": "1",
        "tag": "x",
        "tag#2": "0",
    }
    assert list(sweep) == list(sweep)


def test_joined_quotes_are_taken_off_too() -> None:
    assert argvs(["--lr='[1, 2]'", '"[3]"', "'bert'"]) == [("--lr=[1, 2]", "[3]", "bert")]


def test_strategy_none_is_one_experiment_verbatim() -> None:
    args = ["--lr", "[1, 2]", "'[3]'", "uniform(0, 1", "--x=range(5, 1)", "(1, 2)"]
    sweep = parse(args, strategy=NONE, seed=3)
    assert list(sweep) == [tuple(args)]
    assert (len(sweep), sweep.seed, sweep.warnings) == (1, None, ())


def test_parameters_are_what_carries_a_value() -> None:
    sweep = parse(["-v", "--lr", "[1e-2, 'a']", "--n=' x '", "range(1000)", "--"])
    found = [(p.name, p.expression, list(p.values)[:2]) for p in sweep.parameters]
    assert found == [
        ("lr", "[1e-2, 'a']", ["1e-2", "a"]),
        ("n", "' x '", [" x "]),
        ("arg1", "range(1000)", ["0", "1"]),
    ]


def test_the_record_is_json_and_holds_what_was_drawn() -> None:
    sweep = parse(["--lr", "uniform(0, 1, 2)", "--n", "range(3)", "--opt", "[adam]"], seed=5)
    record = json.loads(json.dumps(sweep.record()))
    generator = np.random.Generator(np.random.PCG64(5))
    assert record == {
        "strategy": "grid_search",
        "num_trials": None,
        "seed": 5,
        "parameters": [
            {
                "name": "lr",
                "expression": "uniform(0, 1, 2)",
                "values": [repr(float(value)) for value in generator.uniform(0, 1, 2)],
            },
            {"name": "n", "expression": "range(3)", "values": None},
            {"name": "opt", "expression": "[adam]", "values": ["adam"]},
        ],
    }
    record = parse(["[1, 2, 3]"], strategy=RANDOM, num_trials=2, seed=0).record()
    assert (record["strategy"], record["num_trials"], record["seed"]) == ("random_search", 2, 0)


def test_warnings_are_one_line_each() -> None:
    sweep = parse(["--size", "(10,\n100)", "--net=resnet(18)", "x"], num_trials=3)
    assert len(sweep) == 1
    assert list(sweep) == [("--size", "(10,\n100)", "--net=resnet(18)", "x")]
    size, net, trials = sweep.warnings
    assert size.startswith("--size '(10,\\n100)' goes to the script as typed: a tuple")
    assert net.startswith("--net='resnet(18)' goes to the script as typed: resnet")
    assert trials == "--num_trials has no effect with --strategy grid_search"
    none = parse(["(1, 2)"], strategy=NONE, num_trials=3)
    assert none.warnings == ("--num_trials has no effect with --strategy none",)


@pytest.mark.parametrize(
    ("args", "token", "mend"),
    [
        (["--lr", "[1, 2"], "--lr '[1, 2' ", ["--lr", "[1, 2]"]),
        (["--lr=[1, 2"], "--lr='[1, 2' ", ["--lr=[1, 2]"]),
        (["[1, 2"], "'[1, 2' ", ["[1, 2]"]),
        (["--lr", "[1,", "2]", "--x"], "--lr '[1,' ", ["--lr", "[1, 2]"]),
        (["--lr=[a,", "b,", "c]"], "--lr='[a,' ", ["--lr=[a, b, c]"]),
        (["--lr", "uniform(0,", "1,", "3)"], "--lr 'uniform(0,' ", ["--lr", "uniform(0, 1, 3)"]),
        (["--lr", "uniform(0, 1)"], "--lr 'uniform(0, 1)' ", ["--lr", "uniform(0, 1, 3)"]),
        (["--lr", "unifrom(0, 1, 3)"], "'unifrom(0, 1, 3)' ", ["--lr", "uniform(0, 1, 3)"]),
        (["-n", "range(5, 1)"], "-n 'range(5, 1)' ", ["-n", "range(1, 5)"]),
        (["-n", "[]"], "-n '[]' ", ["-n", "[1, 2]"]),
        (["-n", "[$a+`b`]"], "-n '[$a+`b`]' ", ["-n", "['$a+`b`']"]),
        (["-n", "['a$', 'b\\\\'"], "-n \"['a$', 'b\\\\'\" ", ["-n", "['a$', 'b\\\\']"]),
        (["-n", '["!", 1'], "-n '[\"!\", 1' ", ["-n", '["!", 1]']),
        (["--a b", "[1"], "--a b '[1' ", None),
    ],
)
def test_an_error_shows_the_token_and_how_to_mend_it(
    args: list[str], token: str, mend: list[str] | None
) -> None:
    error = refusal(args)
    assert error.message.startswith(token) or token in error.message
    assert "is not a sweep: " in error.message
    assert error.hint is not None
    if mend is not None:
        assert as_typed(error.hint, r"write (.*?); to pass it as it is") == mend
        parse(mend)


@pytest.mark.parametrize("before", [["--lr"], ["--lr="], []], ids=["option", "joined", "alone"])
@pytest.mark.parametrize(
    "text", ["[1, 2", "['a', 2", '["a", 2', "uniform(0,1)", "[$HOME", "[\\", "['$`\\!", '["$`\\!']
)
def test_the_hint_passes_the_text_as_it_is(before: list[str], text: str) -> None:
    args = [before[0] + text] if before == ["--lr="] else [*before, text]
    hint = refusal(args).hint
    assert hint is not None and hint.endswith(" or use --strategy none")
    assert argvs(as_typed(hint, r"to pass it as it is, write (.*) or use")) == [tuple(args)]


def test_the_hint_for_text_with_both_quotes_or_much_of_it() -> None:
    for text in ('["it\'s", ', "[" + "1, " * 100, "[1,\n"):
        hint = refusal(["--x", text]).hint or ""
        assert hint.isprintable()
        assert hint.endswith("put quotes inside the quotes or use --strategy none")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "['\\0']", "['\\ud800']", "choice(['\\0'], 1)"])
def test_what_no_program_can_be_given_is_refused(text: str) -> None:
    for args in (["--lr", text], [f"--lr={text}"]):
        assert "no program can be given it" in refusal(args).message
    assert "--lr " in refusal(["--lr", text]).message
    assert argvs(["--lr", "\udcff"]) == [("--lr", "\udcff")]  # a byte that is not UTF-8


def test_numpys_complaint_is_an_error_that_names_the_expression() -> None:
    error = refusal(["--lr", "[1]", "--wd", "normal(0, -1, 3)"])
    assert error.message == "--wd 'normal(0, -1, 3)' is not a sweep: numpy says: scale < 0"


def test_too_many_experiments_are_counted_and_refused() -> None:
    args = ["--n", "range(1000)", "--x", "fixed", "--m", "range(50)"]
    error = refusal(args)
    assert "50,000 experiments (1,000 x 50)" in error.message
    assert "--max_experiments is 10,000" in error.message
    assert error.hint is not None
    assert "--max_experiments" in error.hint
    assert "--strategy random_search --num_trials" in error.hint
    assert "--num_trials 100," in error.hint
    assert "--num_trials 2," in str(refusal(args, max_experiments=2).hint)
    assert len(parse(args, max_experiments=50_000)) == 50_000
    assert len(parse(["range(10000)"])) == 10_000
    assert "10,001 experiments," in refusal(["range(10001)"]).message


def test_counts_come_before_draws_and_products() -> None:
    assert "1,000,000,000 experiments" in refusal(["uniform(0, 1, 1000000000)"]).message
    huge = ["range(1000000000000000000)"] * 300
    assert "about 10^5400 experiments" in refusal(huge).message
    assert "about 10^5400 experiments" in refusal(huge, max_experiments=10**50).message
    assert "about 10^36 experiments" in refusal(huge[:2], max_experiments=10**50).message


@pytest.mark.parametrize("text", ["uniform(0, 1, 1000001)", "dirichlet([1, 1, 1], 400000)"])
def test_a_distribution_draws_a_bounded_lot_of_numbers(text: str) -> None:
    error = refusal(["--lr", text], strategy=RANDOM, num_trials=3)
    assert "and 1,000,000 are the most" in error.message
    assert text in error.message


def test_random_search_needs_num_trials() -> None:
    for num_trials in (None, 0, -1):
        error = refusal(["[1, 2]"], strategy=RANDOM, num_trials=num_trials)
        assert "--num_trials" in error.message
        assert error.hint is not None and "--num_trials 10" in error.hint
    assert "--seed -1" in refusal(["[1, 2]"], seed=-1).message
    error = refusal(["range(100)"], strategy=RANDOM, num_trials=50, max_experiments=20)
    assert error.message == "the sweep would have 50 experiments, and --max_experiments is 20"
    assert error.hint == "lower --num_trials, or raise --max_experiments"


@pytest.mark.parametrize("axes", [1, 2, 30])
def test_random_search_in_a_product_that_cannot_be_made(axes: int) -> None:
    args = ["range(1000000000000)"] * axes
    sweep = parse(args, strategy=RANDOM, num_trials=5, seed=1)
    assert len(sweep) == len(set(sweep)) == 5
    assert all(0 <= int(value) < 10**12 for argv in sweep for value in argv)
    assert list(sweep) == list(parse(args, strategy=RANDOM, num_trials=5, seed=1))
    assert list(sweep) != list(parse(args, strategy=RANDOM, num_trials=5, seed=2))


def test_random_search_with_more_trials_than_points() -> None:
    sweep = parse(["[1, 2, 1, 2]", "[a]"], strategy=RANDOM, num_trials=5)
    assert list(sweep) == [("1", "a"), ("2", "a")]
    assert sweep.warnings == ("--num_trials 5 is more than the 2 points there are",)
    assert sweep.seed is None
    assert parse(["[1, 2]"], strategy=RANDOM, num_trials=2).warnings == ()


def test_random_search_draws_every_point_alike() -> None:
    counts = Counter(
        point
        for seed in range(500)
        for point in argvs(["range(5)"], strategy=RANDOM, num_trials=2, seed=seed)
    )
    assert len(counts) == 5
    assert all(140 < count < 260 for count in counts.values())
    first = {argvs(["range(9)"], strategy=RANDOM, num_trials=8, seed=s)[0] for s in range(99)}
    assert len(first) == 9


def test_the_seed_that_was_used_is_kept() -> None:
    drawn = parse(["uniform(0, 1, 3)"])
    assert drawn.seed is not None
    assert list(drawn) == list(parse(["uniform(0, 1, 3)"], seed=drawn.seed))
    sampled = parse(["range(1000)"], strategy=RANDOM, num_trials=5)
    again = parse(["range(1000)"], strategy=RANDOM, num_trials=5, seed=sampled.seed)
    assert list(sampled) == list(again)
    assert parse(["range(1000)"], seed=3).seed is None
    assert len({parse(["uniform(0, 1, 3)"]).seed for _ in range(5)}) > 1


def test_draws_follow_each_other_and_do_not_depend_on_num_trials() -> None:
    args = ["uniform(0, 1, 4)", "--a", "normal(0, 1, 2)", "rand(2)"]
    generator = np.random.Generator(np.random.PCG64(9))
    expected = [generator.uniform(0, 1, 4), generator.normal(0, 1, 2), generator.random(2)]
    for options in ({}, *({"strategy": RANDOM, "num_trials": n} for n in (1, 5, 16))):
        sweep = parse(args, seed=9, **options)  # type: ignore[arg-type]
        drawn = [list(parameter.values) for parameter in sweep.parameters]
        assert drawn == [[repr(float(value)) for value in values] for values in expected]


PLAIN = st.text("abcé-=1.# '\"/", max_size=6).filter(lambda text: text[:1] not in ("'", '"'))
WORDS = st.lists(st.integers(0, 99), min_size=1, max_size=4)


@pytest.mark.parametrize("kept", [0, 3, combinations.FIRSTS])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(axes=st.lists(st.tuples(st.sampled_from(["--x", "-y", "", "--z="]), WORDS), max_size=4))
def test_order_and_count_are_those_of_a_product(
    monkeypatch: pytest.MonkeyPatch, kept: int, axes: list[tuple[str, list[int]]]
) -> None:
    monkeypatch.setattr(combinations, "FIRSTS", kept)
    args: list[str] = []
    choices: list[list[str]] = []
    for option, numbers in axes:
        joined = option if option.endswith("=") else ""
        if option and not joined:
            args.append(option)
            choices.append([option])
        args.append(joined + str(numbers))
        choices.append([f"{joined}{number}" for number in numbers])
    sweep = parse(args)
    backwards = itertools.product(*reversed(choices))  # product varies its last argument fastest
    assert list(sweep) == [point[::-1] for point in backwards]
    assert len(sweep) == len(list(sweep))


@given(st.lists(PLAIN, max_size=6), st.sampled_from(Strategy))
@example(["--lr", "-1", "--", "-", "--x=", "a b"], RANDOM)
def test_argv_without_sweeps_is_what_was_typed(args: list[str], strategy: Strategy) -> None:
    assume(not any(re.search(r"=(['\"]).*\1$", token) for token in args))
    sweep = parse(args, strategy=strategy, num_trials=1)
    assert list(sweep) == [tuple(args)]
    values = [value for value in named(sweep)[0].values() if value is not True]
    assert values == [p.expression for p in sweep.parameters]


@given(st.lists(st.one_of(st.integers(), st.text(max_size=4)), min_size=1, max_size=4))
def test_joined_and_separate_forms_agree(items: list[Any]) -> None:
    assume(not any("\0" in str(item) for item in items))
    text = repr(items)
    joined, separate = parse([f"--lr={text}"]), parse(["--lr", text])
    assert named(joined) == named(separate)
    assert list(joined) == [(f"--lr={value}",) for _, value in separate]
    assert [value for _, value in separate] == [str(item) for item in items]


@given(st.lists(WORDS, min_size=1, max_size=4), st.integers(1, 300), st.integers(0, 2**64))
def test_a_random_search_is_distinct_points_of_the_product(
    axes: list[list[int]], num_trials: int, seed: int
) -> None:
    args = [str(numbers) for numbers in axes]
    points = argvs(args, strategy=RANDOM, num_trials=num_trials, seed=seed)
    product = set(itertools.product(*[map(str, numbers) for numbers in axes]))
    assert len(points) == len(set(points)) == min(num_trials, len(product))
    assert set(points) <= product
    assert points == argvs(args, strategy=RANDOM, num_trials=num_trials, seed=seed)


PIECES = [*"[](){},'\"\\=-+*:. \n#", "range", "uniform", "choice", "size=", "1", "3", "0.5", "a"]
TOKENS = st.one_of(
    st.text(),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(st.characters(categories=["Cs", "Cc", "Lu", "Ps", "Pe"]), max_size=8),
    st.builds(
        "{}({})".format,
        st.sampled_from(list(DISTRIBUTIONS)),
        st.lists(
            st.sampled_from(["0", "1", "0.5", "3", "-1", "[1, 2]", "[0.5, 0.5]", "size=3", "a=2"]),
            max_size=5,
        ).map(", ".join),
    ),
)


@given(st.lists(TOKENS, max_size=4), st.sampled_from(Strategy))
@example(["['a', 'b"], GRID)
@example(["[1 # a"], GRID)
@example(["range(" * 9], GRID)
def test_no_text_whatever_raises_anything_else(args: list[str], strategy: Strategy) -> None:
    try:
        sweep = parse(args, strategy=strategy, num_trials=4, seed=1)
    except UsageError as error:
        assert error.message.isprintable()
        assert error.hint is not None and error.hint.isprintable()
    else:
        check(sweep)


def check(sweep: Sweep) -> None:
    experiments = list(sweep)
    assert len(experiments) == len(sweep) > 0
    assert json.loads(json.dumps(sweep.record())) == sweep.record()
    assert all(warning.isprintable() for warning in sweep.warnings)
    for argv in random.Random(1).sample(experiments, min(3, len(experiments))):
        assert set(sweep.params(argv)) >= {parameter.name for parameter in sweep.parameters}
