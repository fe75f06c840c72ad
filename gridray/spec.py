"""What a user asks for: a run, checked field by field."""

import math
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from gridray import layout
from gridray.datastores import names
from gridray.errors import SpecError, UsageError
from gridray.records import SCRATCH_PATH
from gridray.sizes import parse_size
from gridray.sweep import Strategy

NUMBER = re.compile(r"\d+(\.\d+)?")
DURATION = re.compile(r"((\d+(\.\d+)?)\s*(d|h|m|s)\s*)+")
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
METRIC_NAME_LIMIT = 200
# Fields that have another name on a command line.
OPTIONS = {"secrets": "secret", "metrics": "metric"}


def parse_memory(text: object) -> object:
    """Return the bytes of `16GB` or `512MiB`; what is no text passes."""
    return parse_size(text) if isinstance(text, str) else text


def parse_scratch_size(text: object) -> object:
    """Return the bytes of `100GB`, or of `100`, which are GB as in Grid; no text passes."""
    is_number = isinstance(text, str) and NUMBER.fullmatch(text.strip())
    return parse_memory(f"{text}GB" if is_number else text)


def parse_disk_size(text: object) -> object:
    """Return the GB of `200` or `200GB`; what is no text passes."""
    size = parse_scratch_size(text)
    return math.ceil(size / 1e9) if isinstance(text, str) and isinstance(size, int) else text


def parse_duration(text: object) -> object:
    """Return the seconds of `2h`, `90m` or `1h 30m`; what is no text passes."""
    if not isinstance(text, str):
        return text
    if not DURATION.fullmatch(text.strip().lower()):
        raise ValueError("write it as 2h, 90m or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([dhms])", text.lower())
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


class Actions(BaseModel):
    """Commands that bash runs around the build of an environment and around each script.

    Attributes:
        on_build_start, on_build, on_build_end: before and after the dependencies are installed;
            part of the build, so done once a node and not once an experiment.
        on_experiment_start: in the working directory, before the script; one that fails is the
            end of the experiment.
        on_experiment_end: after the script, however it has ended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_build_start: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    on_build_end: tuple[str, ...] = ()
    on_experiment_start: tuple[str, ...] = ()
    on_experiment_end: tuple[str, ...] = ()


class DatastoreMount(BaseModel):
    """A datastore that each experiment finds in a directory of its node.

    Attributes:
        version: the newest one if None.
        mount_dir: an absolute path; `/datastores/<name>` if None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int | None = Field(default=None, ge=1)
    mount_dir: str | None = None

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return layout.check_datastore_name(name)

    @field_validator("mount_dir")
    @classmethod
    def _check_mount_dir(cls, mount_dir: str | None) -> str | None:
        return None if mount_dir is None else names.check_mount_dir(mount_dir)


class Scratch(BaseModel):
    """A private directory of each experiment, removed at its end.

    Attributes:
        size: bytes that its node has to have free, or text as `100GB`.
        mount_path: where the script finds it, besides in `GRIDRAY_SCRATCH`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: Annotated[PositiveInt, BeforeValidator(parse_scratch_size)]
    mount_path: str = SCRATCH_PATH

    @field_validator("mount_path")
    @classmethod
    def _check_mount_path(cls, path: str) -> str:
        if not path.startswith("/") or "\0" in path or not path.strip("/"):
            raise ValueError("it has to be an absolute path, and not / itself")
        return posixpath.normpath("/" + path.lstrip("/"))


class RunSpec(BaseModel):
    """One run, as it is asked for; `RunSpec(script="main.py", args=("--lr", "[0.1, 0.01]"))`.

    Attributes:
        script: a `.py`, `.sh` or `.jl` file, or an executable one, below `root`.
        args: the script's arguments, as typed in a shell; sweeps are expanded.
        root: the working directory, of which a snapshot is taken.
        name: the run's name; a random one if None.
        cluster: a cluster's name, or the address of its dashboard; the settings' one if None.
        num_trials, seed: sample size and seed of `random_search`.
        cpus, gpus: per experiment; fractions share one. 0 CPUs: one.
        memory: bytes per experiment, or text as `16GB`.
        env: environment variables of the script.
        max_parallel: how many experiments run at once; None: as many as fit.
        max_experiments: a sweep of more is an error.
        auto_resume: an attempt that the platform ends is followed by another one, which finds the
            files that the script had created.
        retries: how many times a script that fails by itself is tried again.
        max_time: seconds after which an attempt is ended, or text as `2h`.
        grace: seconds that a script has to end after SIGTERM.
        hold_after: when the first so many experiments all fail in the same way, the others are
            held; None: never.
        dependency_file: below `root`; None: the first that is found there.
        dependencies: whether they are looked for and installed.
        image: a container image that the experiments run in.
        dockerfile: below `root`; the image is built from it.
        actions: commands around the build and the script.
        secrets: environment variables of the script, by the name of ours that holds each value.
        datastores: what is mounted.
        scratch: a private directory of each experiment, None: none.
        repository: the URL of a Git repository that the source is taken from, in place of `root`,
            as `https://host/owner/repo.git@ref#directory`; `script` is below that directory.
        git: a commit, branch or tag that the source is taken from, in place of the files as they
            are.
        instance_type: of the nodes that the experiments run on, by its name or Grid's nickname for
            it; without CPUs and GPUs an experiment gets a whole one.
        use_spot: whether these nodes are spot instances.
        disk_size: GB that the disk of such a node has at least, or text as `200GB`.
        spot_fallback: seconds, or text as `10m`, after which an experiment that has waited for
            spot instances may have an on-demand one; None: never.
        max_cost: USD; at this cost nothing more of the run starts, and what runs is ended.
        metrics: what is found in the script's output, by name: a regular expression whose group
            `value`, or first group, is the number; None: pairs as `NAME: 1.2` and `NAME=1.2`.
        any_root: allow `/` and the home directory as `root`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    script: str
    args: tuple[str, ...] = ()
    root: Path = Field(default_factory=Path.cwd)
    name: str | None = None
    cluster: str | None = None
    strategy: Strategy = Strategy.GRID_SEARCH
    num_trials: int | None = None
    seed: int | None = None
    cpus: float = Field(default=0, ge=0, allow_inf_nan=False)
    gpus: float = Field(default=0, ge=0, allow_inf_nan=False)
    memory: Annotated[PositiveInt | None, BeforeValidator(parse_memory)] = None
    env: dict[str, str] = Field(default_factory=dict)
    max_parallel: int | None = Field(default=None, ge=1)
    max_experiments: int = Field(default=10_000, ge=1)
    auto_resume: bool = False
    retries: int = Field(default=0, ge=0)
    max_time: Annotated[PositiveFloat | None, BeforeValidator(parse_duration)] = None
    grace: float = Field(default=30.0, ge=0, allow_inf_nan=False)
    hold_after: int | None = Field(default=5, ge=1)
    dependency_file: str | None = None
    dependencies: bool = True
    image: str | None = None
    dockerfile: str | None = None
    actions: Actions = Field(default_factory=Actions)
    secrets: dict[str, str] = Field(default_factory=dict)
    datastores: tuple[DatastoreMount, ...] = ()
    scratch: Scratch | None = None
    repository: str | None = None
    git: str | None = None
    instance_type: str | None = None
    use_spot: bool = False
    disk_size: Annotated[PositiveInt | None, BeforeValidator(parse_disk_size)] = None
    spot_fallback: Annotated[PositiveFloat | None, BeforeValidator(parse_duration)] = None
    max_cost: PositiveFloat | None = Field(default=None, allow_inf_nan=False)
    metrics: dict[str, str | None] = Field(default_factory=dict)
    any_root: bool = False

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str | None) -> str | None:
        return None if name is None else layout.check_run_name(name)

    @field_validator("gpus")
    @classmethod
    def _check_gpus(cls, gpus: float) -> float:
        if gpus > 1 and not gpus.is_integer():
            raise ValueError("it has to be a whole number, or a fraction of one GPU")
        return gpus

    @field_validator("datastores")
    @classmethod
    def _check_datastores(cls, mounts: tuple[DatastoreMount, ...]) -> tuple[DatastoreMount, ...]:
        names.check_apart([(each.name, each.mount_dir) for each in mounts])
        return mounts

    @field_validator("env")
    @classmethod
    def _check_env(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            if not ENVIRONMENT_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a variable, as KEY or key_2")
            if "\0" in value:
                raise ValueError(f"the value of {name} has a NUL character in it")
        return env

    @field_validator("secrets")
    @classmethod
    def _check_secrets(cls, secrets: dict[str, str], found: ValidationInfo) -> dict[str, str]:
        for name in [*secrets, *secrets.values()]:
            if not ENVIRONMENT_NAME.fullmatch(name):
                # It may be the value itself, by mistake, which is not to be shown.
                raise ValueError("it takes NAME, or NAME=VARIABLE, by the names of variables")
        for name in secrets:
            if name in found.data.get("env", ()):
                raise ValueError(f"{name} is an --env too; a variable is a secret or it is not")
        return secrets

    @field_validator("metrics")
    @classmethod
    def _check_metrics(cls, metrics: dict[str, str | None]) -> dict[str, str | None]:
        for name, expression in metrics.items():
            check_metric(name, expression)
        return metrics


def check_metric(name: str, expression: str | None) -> None:
    """Check what finds a metric in a script's output.

    Raises:
        ValueError: the name is none, or the expression no regular one.
    """
    if not name.strip() or not name.isprintable() or len(name) > METRIC_NAME_LIMIT:
        raise ValueError(f"{name!r} is no name of a metric: it takes NAME, or NAME=REGEX")
    try:
        re.compile(expression or "")
    except re.error as error:
        raise ValueError(f"{expression!r} is no regular expression: {error}") from error


def make_spec(values: Mapping[str, Any]) -> RunSpec:
    """Return the spec with these fields.

    Raises:
        SpecError: one of them cannot be; the message names its option.
        UsageError: the name is malformed.
    """
    try:
        return RunSpec(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field, *inner = first["loc"] or ("spec",)
        option = OPTIONS.get(str(field), field)
        words = [f"--{option}", *(repr(key) for key in inner[:1])]
        if field == "scratch" and inner:
            words = [f"--scratch_{inner[0]}"]
        # A mapping as a whole would bury what is wrong, which the rule names.
        words += [] if isinstance(first["input"], Mapping) else [repr(first["input"])]
        rule = first["msg"].removeprefix("Value error, ")
        raise SpecError(f"{' '.join(words)}: {rule}") from error


def make_scratch(size: str | None, mount_path: str | None) -> dict[str, str] | None:
    """Return the fields of a `Scratch` from what two options say.

    Raises:
        UsageError: only the path is given.
    """
    if size is None:
        if mount_path is not None:
            raise UsageError(
                f"--scratch_mount_path {mount_path!r} needs --scratch_size",
                hint="add how much each experiment needs, as --scratch_size 100GB",
            )
        return None
    return {"size": size} | ({} if mount_path is None else {"mount_path": mount_path})


def parse_env(pairs: Sequence[str], shell: Mapping[str, str]) -> dict[str, str]:
    """Take `KEY=VALUE` texts apart; `KEY` alone has its value from the shell's environment.

    Raises:
        UsageError: it is not there.
    """
    env = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals and name not in shell:
            raise UsageError(
                f"--env {pair!r} has no value, and this shell has no variable of that name",
                hint=f"write --env {pair}=VALUE, or export {pair}",
            )
        env[name] = value if equals else shell[name]
    return env


def parse_secrets(texts: Sequence[str]) -> dict[str, str]:
    """Take `NAME=VARIABLE` texts apart; `NAME` alone is in the variable of its own name."""
    pairs = (text.partition("=") for text in texts)
    return {name: holder if equals else name for name, equals, holder in pairs}


def parse_metrics(texts: Sequence[str]) -> dict[str, str | None]:
    """Take `NAME=REGEX` texts apart; `NAME` alone is found as pairs like `NAME: 1.2`."""
    pairs = (text.partition("=") for text in texts)
    return {name: expression if equals else None for name, equals, expression in pairs}
