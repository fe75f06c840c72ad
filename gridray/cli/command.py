"""How a function becomes a command: every one takes `--output` and `--debug`, and an Output."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import typer

from gridray.cli import options
from gridray.cli.output import Output
from gridray.cli.plain import PlainCommand
from gridray.errors import UsageError

F = TypeVar("F", bound=Callable[..., None])


def command(
    group: typer.Typer,
    name: str,
    cls: type[PlainCommand] = PlainCommand,
    *,
    has_csv: bool = False,
    **settings: Any,
) -> Callable[[F], F]:
    """Register a function, whose first parameter is the Output, as a command of a group.

    Args:
        has_csv: whether it can print CSV.
    """

    def register(function: F) -> F:
        group.command(name, cls=cls, **settings)(with_output(function, has_csv=has_csv))
        return function

    return register


def with_output(function: Callable[..., None], *, has_csv: bool = False) -> Callable[..., None]:
    """Return what Typer sees of a command: its own parameters and the common options."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    takes_context = any(parameter.name == "ctx" for parameter in parameters)

    @functools.wraps(function)
    def wrapper(ctx: typer.Context, output: Any = None, debug: bool = False, **values: Any) -> None:
        out: Output = ctx.obj
        out.choose(output, debug)
        if out.is_csv and not has_csv:
            raise UsageError(
                f"{ctx.command_path} prints no CSV", hint="choose --output console or json"
            )
        function(out, **values, **({"ctx": ctx} if takes_context else {}))

    seen = [
        *(parameter for parameter in parameters if parameter.name != "ctx"),
        _parameter("ctx", typer.Context),
        _parameter("output", options.OutputFormat, default=None),
        _parameter("debug", options.Debug, default=False),
    ]
    signature = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in seen]
    # What `inspect.signature` looks for first, and typeshed does not know on functions.
    wrapper.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in seen}
    return wrapper


def _parameter(name: str, annotation: Any, **default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, **default)
