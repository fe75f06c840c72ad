"""Which versions are at work. Apart from the other shapes, since it should be there at once."""

from dataclasses import dataclass
from platform import python_version

from gridray import __version__
from gridray.cli.output import Output
from gridray.cli.shape import Shape


@dataclass(frozen=True)
class Version(Shape):
    gridray: str
    python: str


def find() -> Version:
    return Version(__version__, python_version())


def show(out: Output, found: Version) -> None:
    out.line(f"gridray {found.gridray}")


def tell() -> None:
    show(Output(), find())
