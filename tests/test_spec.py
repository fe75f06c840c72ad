"""What a user asks for is checked field by field, and the error names the option."""

from typing import Any

import pytest

from gridray.errors import SpecError, UsageError
from gridray.spec import make_spec, parse_env, parse_secrets


@pytest.mark.parametrize(
    ("text", "size"),
    [("16GB", 16_000_000_000), ("512MiB", 512 << 20), ("1.5 g", 1_500_000_000), ("1TiB", 1 << 40)],
)
def test_memory(text: str, size: int) -> None:
    assert make_spec({"script": "a.py", "memory": text}).memory == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("1.5 d", 129600), ("5s", 5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert make_spec({"script": "a.py", "max_time": text}).max_time == seconds


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gpus", -1),
        ("gpus", 1.5),
        ("gpus", float("inf")),
        ("cpus", -0.5),
        ("memory", "16"),
        ("memory", "lots"),
        ("memory", "0GB"),
        ("max_parallel", 0),
        ("retries", -1),
        ("max_time", "5 parsecs"),
        ("max_time", "60"),
        ("max_time", "0s"),
        ("grace", -1),
        ("max_experiments", 0),
        ("strategy", "bayesian"),
        ("env", {"A B": "x"}),
        ("env", {"A": "x\0y"}),
        ("surprise", 1),
    ],
)
def test_what_cannot_be_names_the_option(field: str, value: Any) -> None:
    with pytest.raises(SpecError, match=f"--{field}"):
        make_spec({"script": "a.py", field: value})


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"GOOD": "secret", "A B": "x"}, "--env: 'A B' is no name of a variable"),
        ({"GOOD": "secret", "": "x"}, "--env: '' is no name of a variable"),
        ({"GOOD": "secret", "A": "x\0y"}, "--env: the value of A has a NUL character in it"),
        ({"GOOD": "secret", "A": 1}, "--env 'A' 1: "),
        ("A=1", "--env 'A=1': "),
    ],
)
def test_an_environment_that_cannot_be_names_the_variable_alone(env: Any, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        make_spec({"script": "a.py", "env": env})
    assert caught.value.message.startswith(told)
    assert "GOOD" not in caught.value.message and "secret" not in caught.value.message


def test_a_malformed_name_is_refused() -> None:
    with pytest.raises(UsageError, match="My Run"):
        make_spec({"script": "a.py", "name": "My Run"})


def test_environment_variables() -> None:
    shell = {"HERE": "from = the shell"}
    found = parse_env(["A=1", "B=x=y", "C=", "HERE"], shell)
    assert found == {"A": "1", "B": "x=y", "C": "", "HERE": "from = the shell"}
    with pytest.raises(UsageError, match="'A'"):
        parse_env(["A"], shell)


def test_secrets_are_names_of_variables() -> None:
    assert parse_secrets(["A", "B=C", "D=E=F"]) == {"A": "A", "B": "C", "D": "E=F"}
    made = make_spec({"script": "a.py", "env": {"A": "1"}, "secrets": {"B": "A"}})
    assert made.secrets == {"B": "A"}


@pytest.mark.parametrize(
    ("secrets", "told"),
    [
        ({"A B": "X"}, "--secret: it takes NAME, or NAME=VARIABLE"),
        ({"A": "hf_!value"}, "--secret: it takes NAME, or NAME=VARIABLE"),
        ({"A": ""}, "--secret: it takes NAME, or NAME=VARIABLE"),
        ({"BOTH": "X"}, "--secret: BOTH is an --env too"),
    ],
)
def test_secrets_that_cannot_be_do_not_show_a_value(secrets: dict[str, str], told: str) -> None:
    with pytest.raises(SpecError) as caught:
        make_spec({"script": "a.py", "env": {"BOTH": "1"}, "secrets": secrets})
    assert caught.value.message.startswith(told) and "hf_!value" not in caught.value.message


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"size": "much"}, "--scratch_size 'much': write it as 16GB"),
        ({"size": "0"}, "--scratch_size 0"),
        ({"size": "1", "mount_path": "here"}, "--scratch_mount_path 'here': it has to be an abso"),
        ({"size": "1", "mount_path": "//"}, "and not / itself"),
    ],
)
def test_scratch_that_cannot_be_meant(fields: dict[str, str], told: str) -> None:
    with pytest.raises(SpecError) as caught:
        make_spec({"script": "main.py", "scratch": fields})
    assert told in caught.value.message


def test_sizes_of_scratch_are_gigabytes_as_in_grid() -> None:
    for text, size in (("100", 100 * 10**9), ("0.5", 5 * 10**8), ("2GiB", 2 * 2**30)):
        scratch = make_spec({"script": "main.py", "scratch": {"size": text}}).scratch
        assert scratch is not None
        assert (scratch.size, scratch.mount_path) == (size, "/tmp/scratch")
