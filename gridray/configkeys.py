"""Every key of a run's file: Grid's, and Gridray's own. What is read, written and drawn of one is
made from this table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gridray import configkinds as kinds
from gridray.configkinds import Kind
from gridray.spec import Actions
from gridray.sweep import Strategy

TRAIN = "compute.train"


@dataclass(frozen=True)
class Key:
    """A key, by the names of the sections that it is in.

    Attributes:
        field: what it says of a run: a field of RunSpec, or `field.part` of one that has parts;
            empty where a run has no use for it.
        about: a sentence for who reads the file.
        default: what is so without it, as it is written in YAML.
        note: says what a value does not do, if it is one that a user may count on.
        alias: the key that this is another spelling of.
    """

    path: str
    kind: Kind
    field: str
    about: str
    default: str = "null"
    note: Callable[[Any], str | None] | None = None
    alias: str | None = None


def _framework(value: Any) -> str:
    return (
        "no image belongs to a framework here; a script finds what its node has, what its "
        "dependency file names, or what is in its compute.train.image"
    )


def _localdir(value: Any) -> str | None:
    if value:
        return None
    return "the files are taken from this directory, as they are; run.git names a commit instead"


SECTIONS = {
    "compute": "Where it runs, and what each experiment gets.",
    "compute.provider": "The cluster.",
    TRAIN: "What each experiment gets.",
    f"{TRAIN}.dependency_file_info": "What is installed for the script.",
    f"{TRAIN}.scratch": "A private directory of each experiment, removed at its end.",
    f"{TRAIN}.actions": "Commands for bash: one, or a list of them.",
    "hyper_params": "The sweep.",
    "hyper_params.settings": "How the parameters become experiments.",
    "hyper_params.settings.strategy_options": "For random_search, and for distributions.",
    "run": "The run as a whole. These keys are Gridray's own.",
}

_ACTIONS = {
    "on_build_start": "Before the dependencies are installed; once a node, not once an experiment.",
    "on_build": "After the dependencies are installed.",
    "on_build_end": "Last, when all else is there.",
    "on_experiment_start": "Before each script, in its directory; one that fails ends it.",
    "on_experiment_end": "After each script, however it has ended.",
}
assert set(_ACTIONS) == set(Actions.model_fields)

KEYS = (
    Key(
        "compute.provider.cluster",
        kinds.TEXT,
        "cluster",
        "A cluster's name, or the address of its Ray dashboard; null: the one of the settings.",
    ),
    Key(f"{TRAIN}.cpus", kinds.NUMBER, "cpus", "CPUs; 0 means one.", "0"),
    Key(f"{TRAIN}.gpus", kinds.NUMBER, "gpus", "GPUs; a fraction shares one.", "0"),
    Key(f"{TRAIN}.memory", kinds.TEXT, "memory", "Memory, as 16GB or 512MiB."),
    Key(
        f"{TRAIN}.auto_resume",
        kinds.FLAG,
        "auto_resume",
        "Whether an experiment that is interrupted goes on in another attempt, from its files.",
        "false",
    ),
    Key(
        f"{TRAIN}.environment",
        kinds.ENVIRONMENT,
        "env",
        "Environment variables of the script; values are taken as they are written.",
        "{}",
    ),
    Key(f"{TRAIN}.env", kinds.ENVIRONMENT, "env", "", alias=f"{TRAIN}.environment"),
    Key(
        f"{TRAIN}.secrets",
        kinds.SECRETS,
        "secrets",
        "Secret variables, whose values come from the shell: [NAME, NAME=ITS_NAME_IN_THE_SHELL].",
        "[]",
    ),
    Key(
        f"{TRAIN}.dependency_file_info.path",
        kinds.TEXT,
        "dependency_file",
        "requirements.txt, environment.yml and the like; null: the first that is found.",
    ),
    Key(
        f"{TRAIN}.dependency_file_info.package_manager",
        kinds.choice("pip", "conda"),
        "package_manager",
        "What reads that file: pip or conda; null: goes by its name.",
    ),
    Key(
        f"{TRAIN}.dependencies",
        kinds.FLAG,
        "dependencies",
        "Whether that file is looked for and installed.",
        "true",
    ),
    Key(f"{TRAIN}.image", kinds.TEXT, "image", "A container image that experiments run in."),
    Key(
        f"{TRAIN}.dockerfile",
        kinds.TEXT,
        "dockerfile",
        "A Dockerfile that the image is built from.",
    ),
    Key(f"{TRAIN}.datastore_name", kinds.TEXT, "datastore.name", "A datastore to be mounted."),
    Key(
        f"{TRAIN}.datastore_version",
        kinds.WHOLE_NUMBER,
        "datastore.version",
        "Its version; null: the newest.",
    ),
    Key(
        f"{TRAIN}.datastore_mount_dir",
        kinds.TEXT,
        "datastore.mount_dir",
        "Where it is mounted; null: /datastores/<name>.",
    ),
    Key(
        f"{TRAIN}.datastores",
        kinds.DATASTORES,
        "datastores",
        "More of them: [NAME, NAME:VERSION, {name: NAME, version: 1, mount_dir: /data}].",
        "[]",
    ),
    Key(
        f"{TRAIN}.scratch.size_gb",
        kinds.NUMBER,
        "scratch.size",
        "Gigabytes that its node has to have free; null: no scratch directory.",
    ),
    Key(
        f"{TRAIN}.scratch.mount_path",
        kinds.TEXT,
        "scratch.mount_path",
        "Where the script finds it.",
        "/tmp/scratch",
    ),
    *(
        Key(f"{TRAIN}.actions.{name}", kinds.COMMANDS, f"actions.{name}", about, "[]")
        for name, about in _ACTIONS.items()
    ),
    Key(
        f"{TRAIN}.framework",
        kinds.TEXT,
        "",
        "Of Grid's files; it has no effect, since no image belongs to a framework here.",
        note=_framework,
    ),
    Key(
        f"{TRAIN}.instance",
        kinds.TEXT,
        "instance_type",
        "The type of its node, as g4dn.xlarge or 1_t4_16gb; without cpus and gpus a whole one.",
    ),
    Key(f"{TRAIN}.instance_type", kinds.TEXT, "", "", alias=f"{TRAIN}.instance"),
    Key(f"{TRAIN}.use_spot", kinds.FLAG, "use_spot", "Whether its node is a spot one.", "false"),
    Key(
        f"{TRAIN}.storage_gb",
        kinds.NUMBER,
        "disk_size",
        "Gigabytes that the disk of its node has at least.",
    ),
    Key(f"{TRAIN}.disk_size", kinds.NUMBER, "", "", alias=f"{TRAIN}.storage_gb"),
    Key(
        f"{TRAIN}.localdir",
        kinds.FLAG,
        "",
        "Of Grid's files; it has no effect: the files of this directory are what runs.",
        "true",
        _localdir,
    ),
    Key(
        "hyper_params.settings.strategy",
        kinds.choice(*(each.value for each in Strategy)),
        "strategy",
        "grid_search, random_search or none.",
        "grid_search",
    ),
    Key(
        "hyper_params.settings.strategy_options.num_trials",
        kinds.WHOLE_NUMBER,
        "num_trials",
        "How many combinations random_search draws.",
    ),
    Key(
        "hyper_params.settings.strategy_options.seed",
        kinds.WHOLE_NUMBER,
        "seed",
        "The seed of random_search and of distributions; null: a random one.",
    ),
    Key(
        "hyper_params.params",
        kinds.PARAMS,
        "params",
        'Options of the script, which are swept: {--lr: [0.1, 0.01], --layers: "range(1, 5)"}.',
        "{}",
    ),
    Key("run.script", kinds.TEXT, "script", "The script, if the command line names none."),
    Key("run.name", kinds.TEXT, "name", "The run's name; null: a random one."),
    Key(
        "run.git",
        kinds.TEXT,
        "git",
        "A commit, branch or tag to run, in place of the files as they are.",
    ),
    Key(
        "run.metrics",
        kinds.METRICS,
        "metrics",
        "Metrics in what the script prints: [NAME, NAME=REGEX]; files of metrics need no key.",
        "[]",
    ),
    Key(
        "run.max_parallel",
        kinds.WHOLE_NUMBER,
        "max_parallel",
        "How many experiments run at once; null: as many as fit.",
    ),
    Key(
        "run.max_experiments",
        kinds.WHOLE_NUMBER,
        "max_experiments",
        "A sweep of more is refused.",
        "10000",
    ),
    Key(
        "run.retries",
        kinds.WHOLE_NUMBER,
        "retries",
        "How many times a script that fails by itself is tried again.",
        "0",
    ),
    Key("run.max_time", kinds.TEXT, "max_time", "A script is ended after this, as 2h or 90m."),
    Key(
        "run.spot_fallback",
        kinds.TEXT,
        "spot_fallback",
        "What has waited so long for a spot node, as 10m, may have an on-demand one; null: never.",
    ),
    Key(
        "run.max_cost",
        kinds.NUMBER,
        "max_cost",
        "USD; at this cost nothing more starts, and what runs is ended.",
    ),
    Key(
        "run.grace",
        kinds.NUMBER,
        "grace",
        "Seconds that a script may take to end after SIGTERM.",
        "30",
    ),
    Key(
        "run.hold_after",
        kinds.WHOLE_NUMBER,
        "hold_after",
        "When the first so many experiments all fail in the same way, the others are held.",
        "5",
    ),
    Key("run.keep_going", kinds.FLAG, "keep_going", "Never hold the others.", "false"),
)
BY_PATH = {key.path: key for key in KEYS}


def below(section: str) -> list[str]:
    """Return the names of the keys and sections that are directly in a section."""
    start = f"{section}." if section else ""
    paths = [*BY_PATH, *SECTIONS]
    names = [path.removeprefix(start).partition(".")[0] for path in paths if path.startswith(start)]
    return list(dict.fromkeys(names))
