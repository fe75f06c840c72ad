"""A run's file: every key arrives, every mistake is named by its line, and nothing is executed."""

import re
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gridray import config, configtext
from gridray.configkeys import KEYS
from gridray.errors import ConfigError, GridrayError, NotFoundError
from gridray.spec import Actions, DatastoreMount, RunSpec, Scratch, make_spec
from gridray.sweep import Strategy

SCHEMA = Path(__file__).parents[1] / "docs" / "gridray.schema.json"
# Every key of Grid's file, on a line of its own, with a value that is not what holds without it.
GRID = """\
compute:
  provider:
    cluster: lab
  train:
    framework: lightning
    instance: m5a.large
    cpus: 2
    gpus: 1
    use_spot: true
    auto_resume: true
    localdir: false
    storage_gb: 200
    dockerfile: docker/Dockerfile
    environment:
      KEY: value
    dependency_file_info:
      path: requirements/gpu.txt
      package_manager: pip
    datastore_name: mnist
    datastore_version: 3
    datastore_mount_dir: /data
    scratch:
      size_gb: 20
      mount_path: /tmp/mine
    actions:
      on_build:
      - make all
      on_build_start:
      - apt list
      - apt check
      on_build_end: echo built
      on_experiment_start: ['echo "begins ${KEY%l*}"']
      on_experiment_end:
      - 'true'
hyper_params:
  settings:
    strategy: random_search
    strategy_options:
      num_trials: 4
      seed: 7
  params:
    --foo: 1
    -bar: something
"""
OURS = """\
run:
  script: train.py
  name: lunch
  git: v1
  metrics: [loss, 'acc=acc is (.*)']
  max_parallel: 3
  max_experiments: 50
  retries: 2
  max_time: 1h30m
  spot_fallback: 10m
  max_cost: 20
  grace: 12.5
  hold_after: 2
  keep_going: true
"""
OURS_IN_TRAIN = """\
    memory: 16GB
    dependencies: false
    image: lab/torch:1
    secrets: [HF_TOKEN, WANDB_API_KEY=MY_KEY]
    datastores:
    - imagenet:2
    - {name: voc, mount_dir: /voc}
"""
ALL = GRID.replace("    cpus: 2\n", OURS_IN_TRAIN + "    cpus: 2\n") + OURS
SPEC = RunSpec(
    script="train.py",
    args=("--foo", "1", "-bar", "something"),
    name="lunch",
    cluster="lab",
    strategy=Strategy.RANDOM_SEARCH,
    num_trials=4,
    seed=7,
    cpus=2,
    gpus=1,
    memory=16 * 10**9,
    env={"KEY": "value"},
    max_parallel=3,
    metrics={"loss": None, "acc": "acc is (.*)"},
    max_experiments=50,
    auto_resume=True,
    retries=2,
    max_time=5400,
    grace=12.5,
    hold_after=None,
    dependency_file="requirements/gpu.txt",
    dependencies=False,
    image="lab/torch:1",
    dockerfile="docker/Dockerfile",
    actions=Actions(
        on_build_start=("apt list", "apt check"),
        on_build=("make all",),
        on_build_end=("echo built",),
        on_experiment_start=('echo "begins ${KEY%l*}"',),
        on_experiment_end=("true",),
    ),
    secrets={"HF_TOKEN": "HF_TOKEN", "WANDB_API_KEY": "MY_KEY"},
    datastores=(
        DatastoreMount(name="mnist", version=3, mount_dir="/data"),
        DatastoreMount(name="imagenet", version=2),
        DatastoreMount(name="voc", mount_dir="/voc"),
    ),
    scratch=Scratch(size=20 * 10**9, mount_path="/tmp/mine"),
    git="v1",
    instance_type="m5a.large",
    use_spot=True,
    disk_size=200,
    spot_fallback=600,
    max_cost=20,
)
# What a file has no word for: where it is said, or that it is about this machine alone.
NOT_IN_A_FILE = {"root", "repository", "any_root"}


def read(directory: Path, text: str | bytes) -> config.Config:
    path = directory / "grid.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return config.read(path)


def spec_of(directory: Path, text: str, **given: Any) -> RunSpec:
    return make_spec(config.merged(read(directory, text), {"script": "a.py", **given}))


def errors(directory: Path, text: str | bytes) -> list[tuple[int, str]]:
    """Return the lines and messages of what is wrong with a text."""
    with pytest.raises(ConfigError) as caught:
        read(directory, text)
    place = re.compile(re.escape(str(directory / "grid.yml")) + r":(\d+):\d+: (.*)")
    return [(int(line), told) for line, told in place.findall(caught.value.message)]


def test_every_key_arrives(tmp_path: Path) -> None:
    found = read(tmp_path, ALL)
    assert make_spec(config.merged(found, {})) == SPEC
    spoken = {each.key for each in found.settings}
    assert spoken == {key.path for key in KEYS if key.alias is None}
    # Each field was given another value than its own, so none has arrived by chance.
    default = RunSpec(script="any")
    same = {name for name in RunSpec.model_fields if getattr(SPEC, name) == getattr(default, name)}
    assert same == NOT_IN_A_FILE


def test_what_has_no_effect_is_said_by_key_and_line(tmp_path: Path) -> None:
    warnings = read(tmp_path, GRID).warnings
    told = [
        re.findall(r"grid\.yml:(\d+): compute\.train\.(\w+) has no effect: ", w) for w in warnings
    ]
    assert told == [
        [("5", "framework")],
        [("11", "localdir")],
    ]
    quiet = "framework: null\n, localdir: true"
    assert read(tmp_path, "compute: {train: {" + quiet + "}}").warnings == ()


KEY_LINES = [
    (number, match[1])
    for number, line in enumerate(ALL.splitlines(), 1)
    if (match := re.match(r" *([a-z_]+):", line))
]


@pytest.mark.parametrize(("line", "key"), KEY_LINES, ids=lambda value: str(value))
def test_a_misspelt_key_is_named_with_its_line(tmp_path: Path, line: int, key: str) -> None:
    lines = ALL.splitlines(keepends=True)
    schema = jsonschema.Draft7Validator(configtext.schema())
    for place in {0, len(key) // 2, len(key) - 1}:
        wrong = f"{key[:place]}q{key[place + 1 :]}"
        broken = lines[line - 1].replace(f"{key}:", f"{wrong}:", 1)
        text = "".join([*lines[: line - 1], broken, *lines[line:]])
        ((number, told),) = [each for each in errors(tmp_path, text) if "unknown" in each[1]]
        assert number == line
        assert f"unknown key {wrong!r}" in told and f"{key!r}" in told
        assert not schema.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("compute:\n  trian: {}", 2, "did you mean 'train'?"),
        ("compute:\n  train: {cpu: 1}", 2, "did you mean 'cpus'?"),
        ("cpus: 4", 1, "did you mean compute.train.cpus?"),
        ("retrys: 4", 1, "did you mean run.retries?"),
        ("run:\n  zzz: 4", 2, "there are: script, name, git, metrics"),
        ("compute: [1]", 1, "compute: a list, and has to have keys: provider, train"),
        ("compute:\n  train:\n    cpus: four", 3, "compute.train.cpus: 'four' is no number"),
        ("compute: {train: {cpus: .inf}}", 1, "'.inf' is no number"),
        ("compute: {train: {cpus: [1]}}", 1, "compute.train.cpus: a list, and has to be a number"),
        ("compute: {train: {cpus: -1}}", 1, "compute.train.cpus: '-1': Input should be greater"),
        ("compute: {train: {gpus: 1.5}}", 1, "compute.train.gpus: '1.5': it has to be a whole"),
        ("compute: {train: {memory: 16}}", 1, "compute.train.memory: '16': write it as 16GB"),
        ("compute: {train: {use_spot: maybe}}", 1, "'maybe' is neither true nor false"),
        ("compute: {train: {scratch: {size_gb: 0}}}", 1, "size_gb: '0': Input should be greater"),
        ("compute: {train: {scratch: 100}}", 1, "has to have keys: size_gb, mount_path"),
        ("compute: {train: {datastore_version: 1}}", 1, "needs compute.train.datastore_name"),
        (
            "compute: {train: {datastore_name: a, datastore_version: x}}",
            1,
            "'x' is no whole number",
        ),
        ("compute: {train: {datastores: ['a:b']}}", 1, "the version 'b' is no whole number"),
        ("compute: {train: {datastore_name: 'a:b'}}", 1, "'b' is no version of a datastore"),
        ("compute: {train: {datastore_name: 'A:1'}}", 1, "datastore_name: 'A:1': "),
        (
            "compute: {train: {datastore_name: 'a:1', datastore_version: 2}}",
            1,
            "datastore_version: the name 'a:1' has a version already",
        ),
        ("compute: {train: {datastores: [{version: 1}]}}", 1, "a datastore needs a name"),
        ("compute: {train: {datastores: [{nme: a}]}}", 1, "did you mean 'name'?"),
        ("compute: {train: {environment: [A]}}", 1, "has to be variables and their values"),
        ("compute: {train: {environment: {A B: 1}}}", 1, "'A B' is no name of a variable"),
        ("compute: {train: {environment: {A: null}}}", 1, "A is null: leave it empty"),
        ("compute: {train: {environment: {A: [1]}}}", 1, "A is a list"),
        ("compute: {train: {env: {A: 1}, environment: {B: 1}}}", 1, "says the same as"),
        ("compute: {train: {secrets: [A=B=C]}}", 1, "NAME=VARIABLE, by the names of variables"),
        ("run: {metrics: ['a=(']}", 1, "'(' is no regular expression"),
        ("run: {metrics: [a, a=b]}", 1, "the metric a is there already"),
        ("run: {metrics: {'': b}}", 1, "no name of a metric"),
        ("compute: {train: {secrets: [A, A=B]}}", 1, "the secret A is there already"),
        ("compute: {train: {secrets: [A], env: {A: 1}}}", 1, "A is among the environment, too"),
        ("compute: {train: {actions: {on_build: {a: b}}}}", 1, "has to be a command for bash"),
        (
            "compute: {train: {dependency_file_info: {path: a.yml, package_manager: pip}}}",
            1,
            "pip does not read 'a.yml'; conda does",
        ),
        (
            "compute: {train: {dependency_file_info: {package_manager: pp}}}",
            1,
            "is none of pip, conda",
        ),
        (
            "hyper_params: {settings: {strategy: grid}}",
            1,
            "'grid' is none of grid_search, random_search, none",
        ),
        (
            "hyper_params: {params: {foo: 1}}",
            1,
            "'foo' is no option of a script; write it as --foo",
        ),
        ("hyper_params: {params: {--foo=1: 1}}", 1, "write it as --foo"),
        ("hyper_params: {params: {--foo: [[1]]}}", 1, "--foo: a list within a list"),
        ("hyper_params: {params: {--foo: {a: 1}}}", 1, "--foo is a mapping"),
        ("hyper_params: {params: [--foo]}", 1, "has to be options of the script"),
        ("run:\n  name: Bad Name", 2, "run.name: 'Bad Name': 'Bad Name' is no name for a run"),
        ("run: {max_time: 60}", 1, "run.max_time: '60': write it as 2h"),
        ("run: {retries: 1.5}", 1, "'1.5' is no whole number"),
        (f"run: {{retries: {'9' * 5000}}}", 1, "is no whole number"),
        ("run: {script: !!python/object:os.system x}", 1, "means nothing here"),
        ("run: {script: !mine x}", 1, "!mine means nothing here"),
        ("run:\n  name: a\n  name: b", 3, "the key 'name' is there already, in line 2"),
        ("run:\n\tname: a", 2, "a tab"),
        ("run:\n  name:\ta", 2, "a tab"),
        ("run: [1\nname: a", 2, "this is no YAML: expected ',' or ']'"),
        ("run:\n  grace: 1\n  name\n", 3, "this is no YAML: could not find expected ':'"),
        ("run: {name: *lunch}", 1, "found undefined alias 'lunch'"),
        ("run: {}\n---\nrun: {}", 2, "found another document"),
        ("run:\n  name: 'a\n  grace: 1\n", 2, "this is no YAML: found unexpected end"),
        ("run:\n  name: \x07", 2, "'\\x07' is not allowed in YAML"),
        ("? [1]\n: 2", 1, "a key has to be a word, and not a list"),
        ("run: &run\n  <<: *run", 2, "it merges itself"),
        ("run:\n  <<: [1]", 2, "<< takes keys and values"),
    ],
)
def test_each_mistake_names_line_and_mend(tmp_path: Path, text: str, line: int, told: str) -> None:
    found = errors(tmp_path, text)
    assert any(number == line and told in message for number, message in found), found
    assert all("\x07" not in message for _, message in found)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = errors(tmp_path, "compute:\n  tran: {}\n  train:\n    cpus: x\n    gpus: y\nruns: {}\n")
    assert [line for line, _ in found] == [2, 4, 5, 6]
    tabs = errors(tmp_path, "run:\n\tname: a\n\tgrace: 1\n")
    assert [line for line, _ in tabs] == [2, 3]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("- run", "grid.yml:1: the file is a list"),
        ("run", "grid.yml:1: the file is a single value"),
        (b"run:\n  name: \xff", "grid.yml:2: this is not UTF-8"),
        ("[" * 1000, "nested too deeply"),
        ("# " * 600_000, "more than 1,000,000 bytes"),
    ],
)
def test_what_is_no_such_file_at_all(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        read(tmp_path, text)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        config.read(tmp_path / "missing.yml")
    with pytest.raises(ConfigError, match="is no file"):
        config.read(tmp_path)


def test_variables_are_taken_as_they_are_written(tmp_path: Path) -> None:
    text = """
compute:
  train:
    env:
      NUMBER: 1
      OCTAL: 010
      FLAG: true
      YES: yes
      FLOAT: 1e-3
      TIME: 12:30:00
      DAY: 2026-11-24
      QUOTED: 'null'
      EMPTY:
      LINES: |
        one
        two
"""
    assert spec_of(tmp_path, text).env == {
        "NUMBER": "1",
        "OCTAL": "010",
        "FLAG": "true",
        "YES": "yes",
        "FLOAT": "1e-3",
        "TIME": "12:30:00",
        "DAY": "2026-11-24",
        "QUOTED": "null",
        "EMPTY": "",
        "LINES": "one\ntwo\n",
    }


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("1", ("--x", "1")),
        ("1e-3", ("--x", "1e-3")),
        ("true", ("--x", "true")),
        ("False", ("--x", "False")),
        ("'null'", ("--x", "null")),
        ("", ("--x",)),
        ("''", ("--x", "")),
        ("[1, 2.5, 1e-3]", ("--x", "[1, 2.5, 1e-3]")),
        ("[adam, 'a b', true, '1', 010]", ("--x", '["adam", "a b", true, "1", "010"]')),
        ("'range(1, 5)'", ("--x", "range(1, 5)")),
        ("\"['a b', 'c']\"", ("--x", "['a b', 'c']")),
        ("-5", ("--x", "-5")),
    ],
)
def test_parameters_are_as_typed_in_a_shell(
    tmp_path: Path, written: str, words: tuple[str, ...]
) -> None:
    text = f"hyper_params:\n  params:\n    --x: {written}\n"
    assert spec_of(tmp_path, text).args == words


def test_a_list_of_texts_sweeps_them_as_they_are(tmp_path: Path, hostile_names: list[str]) -> None:
    from gridray import sweep

    texts = [name for name in hostile_names if "\udce9" not in name and name.isprintable()]
    items = yaml.safe_dump(texts, allow_unicode=True, default_flow_style=True, width=10**6)
    args = spec_of(tmp_path, f"hyper_params: {{params: {{--x: {items.strip()}}}}}").args
    assert list(sweep.parse(args)) == [("--x", text) for text in texts]


def test_the_name_of_a_datastore_may_have_its_version(tmp_path: Path) -> None:
    text = "compute: {train: {datastore_name: 'cats:3', datastore_mount_dir: /data}}"
    mount = DatastoreMount(name="cats", version=3, mount_dir="/data")
    assert spec_of(tmp_path, text, script="a.py").datastores == (mount,)


@pytest.mark.parametrize(
    ("args", "whole"),
    [
        ((), ("--lr", "0.1", "-v", "--n", "[1, 2]")),
        (("--lr", "5"), ("--lr", "5", "-v", "--n", "[1, 2]")),
        (("--lr=5", "pos", "-v"), ("--lr=5", "pos", "-v", "--n", "[1, 2]")),
        (("a", "--", "--lr"), ("a", "--lr", "0.1", "-v", "--n", "[1, 2]", "--", "--lr")),
        (("--learn", "--n", "3"), ("--learn", "--n", "3", "--lr", "0.1", "-v")),
    ],
)
def test_arguments_that_were_typed_win(
    tmp_path: Path, args: tuple[str, ...], whole: tuple[str, ...]
) -> None:
    text = "hyper_params: {params: {--lr: 0.1, -v: , --n: [1, 2]}}"
    assert spec_of(tmp_path, text, args=args).args == whole


def test_anchors_and_merges(tmp_path: Path) -> None:
    text = """
compute:
  train: &train
    env: &env {A: 1, B: 2}
    cpus: 3
    <<: {cpus: 9, gpus: 1}
hyper_params:
  params:
    <<: [{--a: 1}, {--a: 2, --b: 3}]
    --c: 4
"""
    made = spec_of(tmp_path, text)
    assert (made.cpus, made.gpus, made.env) == (3, 1, {"A": "1", "B": "2"})
    assert sorted(zip(made.args[::2], made.args[1::2], strict=True)) == [
        ("--a", "1"),
        ("--b", "3"),
        ("--c", "4"),
    ]


def test_merges_that_multiply_take_no_time(tmp_path: Path) -> None:
    maps = [f"k{n}: &k{n} {{<<: [{', '.join([f'*k{n - 1}'] * 50)}]}}" for n in range(1, 20)]
    lists = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 50)}]" for n in range(1, 20)]
    text = "\n".join(["k0: &k0 {a: 1}", *maps, "l0: &l0 [1]", *lists])
    text += "\nhyper_params: {params: {<<: *k19, --x: *l19}}\ncompute: {train: {env: *k19}}"
    began = time.monotonic()
    assert errors(tmp_path, text)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("text", "scratch"),
    [
        ("null", None),
        ("{size_gb: null, mount_path: /x}", None),
        ("{mount_path: /x}", Scratch(size=100 * 10**9, mount_path="/x")),
        ("{}", Scratch(size=100 * 10**9)),
        ("{size_gb: 0.5}", Scratch(size=5 * 10**8)),
    ],
)
def test_scratch(tmp_path: Path, text: str, scratch: Scratch | None) -> None:
    assert spec_of(tmp_path, f"compute: {{train: {{scratch: {text}}}}}").scratch == scratch


def test_the_file_to_begin_with_says_what_holds_without_it(tmp_path: Path) -> None:
    found = read(tmp_path, configtext.template())
    assert found.warnings == ()
    assert make_spec(config.merged(found, {"script": "a.py"})) == make_spec({"script": "a.py"})
    for key in KEYS:
        if key.alias is None:
            assert f" {key.path.rpartition('.')[2]}: {key.default}\n" in configtext.template()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("run: !!python/object:os.system {}", "1:6"),
        ("hyper_params: {params: !evil {--a: 1}}", "1:24"),
        ("compute: {train: {actions: {on_build: !bar [a]}}}", "1:39"),
    ],
)
def test_tags_of_sections_and_lists_mean_nothing(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(ConfigError, match=rf":{place}: the tag .* means nothing here"):
        read(tmp_path, text)


def test_a_value_in_the_place_of_a_secrets_name_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "compute: {train: {secrets: [hunter2 value, 'A=hunter2 value']}}")
    assert "hunter2" not in caught.value.message and "NAME=VARIABLE" in caught.value.message


def test_the_page_has_every_key() -> None:
    page = (SCHEMA.parent / "config.md").read_text("utf-8")
    assert f"```yaml\n{configtext.template()}```" in page, "put it there anew"
    assert all(f"`{key.path.rpartition('.')[2]}`" in page for key in KEYS if key.alias or key.note)


def test_a_file_to_begin_with_replaces_none(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    path = project / "gridray.yml"
    configtext.write(path, replace=False)
    path.write_text("mine")
    with pytest.raises(GridrayError, match="is there already"):
        configtext.write(path, replace=False)
    assert path.read_text() == "mine"
    configtext.write(path, replace=True)
    assert path.read_text() == configtext.template()
    with pytest.raises(ConfigError, match="cannot be written"):
        configtext.write(project / "no" / "x.yml", replace=False)
    assert [each.name for each in project.iterdir()] == ["gridray.yml"]


def test_the_schema_is_fresh_and_takes_what_the_reader_takes() -> None:
    configtext_schema = configtext.schema()
    assert yaml.safe_load(SCHEMA.read_text("utf-8")) == configtext_schema, (
        f"`python -m gridray.configtext {SCHEMA}` writes it anew"
    )
    jsonschema.Draft7Validator.check_schema(configtext_schema)
    validator = jsonschema.Draft7Validator(configtext_schema)
    for text in (ALL, GRID, configtext.template(), "compute:\nrun: {name: null}\n"):
        assert list(validator.iter_errors(yaml.safe_load(text))) == []
    for text in ("compute: {train: {cpus: four}}", "hyper_params: {params: {foo: 1}}", "[]"):
        assert not validator.is_valid(yaml.safe_load(text))
