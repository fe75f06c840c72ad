"""Every argument and option, declared once. They are accepted with `_` and with `-`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from gridray.cli.completion import complete_experiments, complete_names, complete_runs

# Common to all commands.
OutputFormat = Annotated[
    Literal["console", "json", "csv"] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="console|json",
        help="How data is printed: for people, or as JSON; by some commands also as csv.",
    ),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error.", show_default=False)
]
Version = Annotated[
    bool, typer.Option("--version", help="Print the version, as `gridray version` does.")
]

# Names.
RunOrExperiment = Annotated[
    str,
    typer.Argument(
        metavar="RUN|EXPERIMENT",
        help="The name of a run or of an experiment; a run's name means its exp0.",
        autocompletion=complete_names,
    ),
]
OptionalName = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="The name of a run, or of an experiment to see only that.",
        autocompletion=complete_names,
    ),
]
RunsAndExperiments = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN|EXPERIMENT",
        help="Names of runs and of experiments.",
        autocompletion=complete_names,
    ),
]
Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN", help="Names of runs.", autocompletion=complete_runs),
]
Experiments = Annotated[
    list[str],
    typer.Argument(
        metavar="EXPERIMENT",
        help="Names of experiments.",
        autocompletion=complete_experiments,
    ),
]
Clusters = Annotated[list[str], typer.Argument(metavar="NAME", help="Names of clusters.")]
Topic = Annotated[
    str | None,
    typer.Argument(metavar="TOPIC", help="Which page; without it, the pages are listed."),
]

# What is run.
Script = Annotated[
    str | None,
    typer.Argument(
        metavar="SCRIPT",
        help="A .py, .sh or .jl file, or an executable one, in this directory. Or the address of a "
        "Git repository, as https://host/owner/repo.git@ref#directory, and then a script in it. It "
        "may be left out where the file of --config names one.",
    ),
]
ScriptArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ARGS",
        help='The script\'s own arguments, all of them; "[1, 2]", "range(1, 5)" and '
        '"uniform(0, 1, 3)" are swept.',
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A YAML file of options, as `gridray config init` writes it, or Grid's.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="The run's name: lower-case letters, digits and '-'. A random one by default.",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="NAME|URL",
        help="Where to run: a cluster's name, or the address of its Ray dashboard. "
        "By default the one of the settings, or this machine.",
    ),
]
Strategy = Annotated[
    Literal["grid_search", "random_search", "none"],
    typer.Option(
        "--strategy",
        metavar="grid_search|random_search|none",
        help="How arguments become experiments: all combinations, --num_trials of them, or "
        "one experiment with the arguments as they are.",
    ),
]
NumTrials = Annotated[
    int | None,
    typer.Option("--num_trials", metavar="N", help="How many combinations random_search draws."),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="The seed of random_search and of distributions."),
]
Gpus = Annotated[
    float,
    typer.Option("--gpus", metavar="N", help="GPUs for each experiment; a fraction shares one."),
]
Cpus = Annotated[
    float, typer.Option("--cpus", metavar="N", help="CPUs for each experiment; 0 means one.")
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="Memory for each experiment, as 16GB or 512MiB."),
]
Env = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="KEY[=VALUE]",
        help="An environment variable of the script, without a value this shell's; repeatable.",
    ),
]
EnvFile = Annotated[
    list[Path] | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="Environment variables of the script, as dotenv writes them; --env wins; repeatable.",
    ),
]
Secret = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME[=VARIABLE]",
        help="A variable of the script whose value is kept secret. It comes from the variable of "
        "this name, or of another, in this shell; repeatable.",
    ),
]
MaxParallel = Annotated[
    int | None,
    typer.Option(
        "--max_parallel",
        metavar="N",
        help="How many experiments run at once; by default as many as fit.",
    ),
]
MaxExperiments = Annotated[
    int,
    typer.Option(
        "--max_experiments", metavar="N", help="Refuse a sweep of more experiments than this."
    ),
]
AutoResume = Annotated[
    bool,
    typer.Option(
        "--auto_resume",
        help="Give an experiment that is interrupted (its node is lost, the platform ends it) "
        "another attempt, which finds the files that it had created.",
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        "--retries",
        metavar="N",
        help="How many times a script that fails by itself is tried again.",
    ),
]
MaxTime = Annotated[
    str | None,
    typer.Option("--max_time", metavar="TIME", help="End a script after this, as 2h or 90m."),
]
RunGrace = Annotated[
    float,
    typer.Option(
        "--grace",
        metavar="SECONDS",
        help="How long a script may take to end after SIGTERM when it is interrupted.",
    ),
]
HoldAfter = Annotated[
    int,
    typer.Option(
        "--hold_after",
        metavar="N",
        help="Hold the rest when the first N experiments all fail in the same way.",
    ),
]
KeepGoing = Annotated[
    bool,
    typer.Option("--keep-going", help="Never hold the rest, however many fail in the same way."),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only print every experiment's command, the resources and the files; touches nothing.",
    ),
]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait",
        help="Wait until the run is over, and exit with 1 if an experiment did not succeed.",
    ),
]
AnyRoot = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Let / or the home directory be what is uploaded."),
]
LocalDir = Annotated[
    bool,
    typer.Option(
        "--localdir", "-l", help="Upload the current directory, which is what happens anyway."
    ),
]
Git = Annotated[
    str | None,
    typer.Option(
        "--git",
        metavar="[REF]",
        help="Take this directory as it is at a commit, HEAD by default, and leave out what is not "
        "committed. The next word is a REF if it names a commit, branch or tag; --git=REF makes "
        "sure, and --git=HEAD.",
    ),
]
Why = Annotated[
    Path | None,
    typer.Option(
        "--why", metavar="PATH", help="Say why this file or directory goes along, or does not."
    ),
]

# What is read.
Watch = Annotated[
    bool,
    typer.Option("--watch", "-w", help="Go on showing it, until the run is over or Ctrl-C."),
]
Follow = Annotated[
    bool,
    typer.Option("--follow", "-f", help="Go on with new lines until the experiment is over."),
]
Lines = Annotated[
    int | None,
    typer.Option("--lines", "-l", metavar="N", min=0, help="Only the last N lines."),
]
Attempt = Annotated[
    int | None,
    typer.Option(
        "--attempt",
        metavar="K",
        min=0,
        help="The log of this attempt, counted from 0, in place of the latest one's.",
    ),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="The exact bytes that the script wrote, and nothing else.")
]
BuildLogs = Annotated[
    bool,
    typer.Option("--show-build-logs", help="The log of the build comes before the script's."),
]
DownloadDir = Annotated[
    Path | None,
    typer.Option(
        "--download_dir",
        metavar="DIR",
        help="Where the files land.",
        show_default="./grid_artifacts",
    ),
]
Match = Annotated[
    str | None,
    typer.Option(
        "--match",
        "-m",
        metavar="REGEX",
        help="Only files whose path matches this regular expression somewhere.",
    ),
]
ListOnly = Annotated[
    bool, typer.Option("--list", help="Print the files instead of downloading them.")
]
BucketPath = Annotated[
    bool,
    typer.Option(
        "--bucket_path", help="Print where the files are in the store, and download nothing."
    ),
]

# What is configured.
CONFIG = Path("gridray.yml")
NewConfig = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="The file to write.", show_default=str(CONFIG)),
]
ConfigFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file to check.")]
Replace = Annotated[bool, typer.Option("--yes", "-y", help="Replace a file that is there.")]

# What is run again.
RetryNames = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN|EXPERIMENT",
        help="A run, to try again all that did not succeed; or only these experiments of it.",
        autocompletion=complete_names,
    ),
]
OneRun = Annotated[
    str,
    typer.Argument(metavar="RUN", help="The name of a run.", autocompletion=complete_runs),
]
FailedOnly = Annotated[
    bool, typer.Option("--failed", help="Only what failed, and not what was stopped.")
]
HeldOnly = Annotated[
    bool,
    typer.Option("--held", help="Only let go on what is held; what has failed stays so."),
]

# What is changed.
Grace = Annotated[
    float,
    typer.Option(
        "--grace",
        metavar="SECONDS",
        min=0,
        help="How long a script may take to end after SIGTERM, before it is killed.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Also runs that are not over, whether or not their cluster is running; "
        "what still runs is killed.",
    ),
]
UiPort = Annotated[
    int,
    typer.Option(
        "--port", min=0, max=65535, help="Of 127.0.0.1, to listen on; 0: any that is free."
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]

# What is asked about.
WhyName = Annotated[
    str,
    typer.Argument(
        metavar="RUN|EXPERIMENT",
        help="The name of an experiment; of a run, to hear of the first that failed or waits.",
        autocompletion=complete_names,
    ),
]
