"""Which versions are at work. Apart from the other shapes, since it should be there at once."""

from dataclasses import dataclass
from importlib.metadata import version
from platform import python_version

from gridray.cli.output import Output
from gridray.cli.shape import Shape


@dataclass(frozen=True)
class Version(Shape):
    gridray: str
    python: str


def find() -> Version:
    return Version(version("gridray"), python_version())


def show(out: Output, found: Version) -> None:
    out.line(f"gridray {found.gridray}")
