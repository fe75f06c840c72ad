"""What the form to launch from asks for: the options of `gridray run`, by their names."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from gridray.git import without_credentials
from gridray.spec import parse_secrets


class Kind(Enum):
    """How a field is filled in: a text, a text a line, yes or no, one or several of some."""

    TEXT = "text"
    LINES = "lines"
    BOX = "box"
    CHOICE = "choice"
    CHOICES = "choices"


@dataclass(frozen=True)
class Field:
    """An option of `gridray run`; what is filled in is a text, of several things one a line.

    `hint` is seen while it is empty, `note` always.
    """

    name: str
    label: str
    hint: str = ""
    kind: Kind = Kind.TEXT
    note: str = ""

    def asked(self, text: str) -> str | list[str] | bool | None:
        """Return what the option is given; None: it is not given."""
        if self.kind is Kind.BOX:
            return True if text else None
        if self.kind in (Kind.LINES, Kind.CHOICES):
            return lines(text) or None
        return text.strip() or None


Row = tuple[Field, ...]

FIRST: tuple[Row, ...] = (
    (Field("script", "Script"),),
    (Field("args", "Arguments", '--lr "[0.1, 0.01]" --seed "range(3)"'),),
    (Field("cluster", "Cluster", kind=Kind.CHOICE), Field("name", "Name", "a random one")),
    (Field("cpus", "CPUs", "1"), Field("gpus", "GPUs", "0")),
    (Field("memory", "Memory", "as 16GB"), Field("max_parallel", "At once", "as many as fit")),
)
_ACTION = "a command for bash, one a line"
# What is seldom needed, below titles.
GROUPS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "Source and sweep",
        (
            (Field("root", "Directory"),),
            (Field("yes", "It may be / or the home directory", kind=Kind.BOX),),
            (Field("git", "Git commit", "a commit, branch or tag"),),
            (
                Field("strategy", "Strategy", kind=Kind.CHOICE),
                Field("num_trials", "Trials", "of a random search"),
            ),
            (Field("seed", "Seed"), Field("max_experiments", "Most experiments", "10000")),
        ),
    ),
    (
        "Nodes and limits",
        (
            (Field("instance_type", "Instance type", "any"), Field("disk_size", "Disk (GB)")),
            (
                Field("use_spot", "Spot instances", kind=Kind.BOX),
                Field("auto_resume", "Resume by itself", kind=Kind.BOX),
            ),
            (Field("spot_fallback", "Spot fallback", "as 10m"), Field("retries", "Retries", "0")),
            (Field("max_time", "Longest time", "as 2h"), Field("max_cost", "Highest cost ($)")),
            (
                Field("grace", "Grace (s)", "30"),
                Field("hold_after", "Hold after failures", "5"),
            ),
            (Field("keep_going", "Keep going", kind=Kind.BOX),),
        ),
    ),
    (
        "Variables, secrets and data",
        (
            (Field("env", "Environment", "KEY or KEY=VALUE, one a line", Kind.LINES),),
            (Field("env_file", "Environment files", "a path, one a line", Kind.LINES),),
            (
                Field(
                    "secret",
                    "Secrets",
                    "NAME or NAME=VARIABLE, one a line",
                    Kind.LINES,
                    "Each value comes from the variable of where `gridray ui` was started.",
                ),
            ),
            (Field("metric", "Metrics", "NAME or NAME=REGEX, one a line", Kind.LINES),),
            (Field("datastore_name", "Datastores", kind=Kind.CHOICES),),
            (Field("datastore_mount_dir", "Datastore directory", "/datastores/NAME"),),
            (
                Field("scratch_size", "Scratch size", "as 100GB"),
                Field("scratch_mount_path", "Scratch path", "/tmp/scratch"),
            ),
        ),
    ),
    (
        "Dependencies, image and actions",
        (
            (Field("dependency_file", "Dependency file", "the one in the directory"),),
            (Field("no_dependencies", "Install nothing", kind=Kind.BOX),),
            (Field("image", "Image", "with Ray in it"), Field("dockerfile", "Dockerfile")),
            (Field("on_build_start", "On build start", _ACTION, Kind.LINES),),
            (Field("on_build", "On build", _ACTION, Kind.LINES),),
            (Field("on_build_end", "On build end", _ACTION, Kind.LINES),),
            (Field("on_experiment_start", "On experiment start", _ACTION, Kind.LINES),),
            (Field("on_experiment_end", "On experiment end", _ACTION, Kind.LINES),),
        ),
    ),
)
FIELDS = tuple(
    field for rows in (FIRST, *(rows for _, rows in GROUPS)) for row in rows for field in row
)
MONO = ("args", "git")


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def shareable(name: str, text: str, shell: Mapping[str, str]) -> str:
    """Return what of a field may be in an address: no secret that was typed by mistake is.

    Of secrets, the lines that name variables which are there; of a repository, no password.
    """
    if name == "secret":
        return "\n".join(line for line in lines(text) if _is_there(line, shell))
    return without_credentials(text) if name == "script" else text


def _is_there(secret: str, shell: Mapping[str, str]) -> bool:
    return all(shell.get(variable) for variable in parse_secrets([secret]).values())
