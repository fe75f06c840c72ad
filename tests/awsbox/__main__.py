"""The box by hand: `python -m tests.awsbox up`, and what README.md lists."""

import argparse
import json
import os
import sys
from pathlib import Path

from tests.awsbox.box import AwsBox, take_lock
from tests.awsbox.daemon import Daemon, Options
from tests.awsbox.machine import BoxError


def main(arguments: list[str]) -> None:
    asked = _parser().parse_args(arguments)
    if asked.command == "serve":
        take_lock()
        Daemon(Options(**json.loads(asked.options))).serve()
    elif asked.command == "up":
        box = AwsBox(asked.region, dict(asked.env), asked.logs)
        box.start()
        _say(json.dumps(box.state, indent=1))
    elif asked.command == "exec":
        command = asked.words[1:] if asked.words[:1] == ["--"] else asked.words
        argv = [*AwsBox().exec_argv(asked.instance_id), *(command or ["bash", "-l"])]
        os.execvp(argv[0], argv)
    else:
        _do(AwsBox(), asked)


def _do(box: AwsBox, asked: argparse.Namespace) -> None:
    match asked.command:
        case "down":
            box.stop()
        case "env":
            _say("\n".join(f"export {name}={value}" for name, value in box.env().items()))
        case "status":
            _say(json.dumps({**box.state, "instances": _instances(box)}, indent=1))
        case "preempt":
            box.preempt(asked.instance_id, asked.notice, asked.cut)
        case "rebalance":
            box.rebalance(asked.instance_id)
        case "kill":
            box.kill_host(asked.instance_id, asked.terminated)
        case "capacity":
            box.quota_error(asked.instance_type, asked.change == "over-quota", asked.market)
            if asked.change != "over-quota":
                box.capacity(asked.instance_type, asked.change == "back", asked.market)


def _instances(box: AwsBox) -> list[dict[str, object]]:
    hosts = box.hosts()
    return [
        {
            "id": instance_id,
            "host": instance_id in hosts,
            "address": each.get("PrivateIpAddress"),
            "type": each["InstanceType"],
            "market": each.get("InstanceLifecycle", "on-demand"),
            "state": each["State"]["Name"],
            "reason": each.get("StateReason", {}).get("Code", ""),
        }
        for instance_id, each in box.instances().items()
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.awsbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up")
    up.add_argument("--region", default="us-west-2", help="the user's default region")
    up.add_argument("--logs", type=Path, help="keep Ray's logs of hosts that end here")
    up.add_argument("--env", action="append", default=[], type=_setting, metavar="NAME=VALUE")
    commands.add_parser("serve").add_argument("options")
    for name in ("down", "status", "env"):
        commands.add_parser(name)
    preempt = commands.add_parser("preempt")
    preempt.add_argument("instance_id")
    preempt.add_argument("--notice", type=float, default=120, help="seconds")
    preempt.add_argument("--cut", action="store_true", help="cut its network first")
    commands.add_parser("rebalance").add_argument("instance_id")
    kill = commands.add_parser("kill")
    kill.add_argument("instance_id")
    kill.add_argument("--terminated", action="store_true", help="EC2 knows of it")
    capacity = commands.add_parser("capacity")
    capacity.add_argument("instance_type")
    capacity.add_argument("change", choices=["out", "back", "over-quota"])
    capacity.add_argument("--market", choices=["spot", "on-demand"], default="spot")
    execute = commands.add_parser("exec")
    execute.add_argument("instance_id")
    execute.add_argument("words", nargs=argparse.REMAINDER)
    return parser


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BoxError as error:
        sys.exit(f"awsbox: {error}")
