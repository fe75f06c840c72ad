"""The documentation that comes with the package."""

from pathlib import Path

from gridray.cli import settingshapes
from gridray.cli.output import Output
from gridray.errors import NotFoundError

PACKAGE = Path(__file__).parent.parent
# In a wheel, and in a checkout.
PLACES = (PACKAGE / "_docs", PACKAGE.parent / "docs")


def topics() -> settingshapes.Topics:
    return settingshapes.Topics(tuple(sorted(_pages())))


def show_topics(out: Output, found: settingshapes.Topics) -> None:
    for topic in found.topics:
        out.line(topic)
    out.note("\n`gridray docs TOPIC` prints one; `gridray COMMAND --help` explains a command")


def page(topic: str) -> settingshapes.Page:
    """Return a page.

    Raises:
        NotFoundError: there is none of this name.
    """
    pages = _pages()
    path = pages.get(topic.removesuffix(".md"))
    if path is None:
        raise NotFoundError(f"there is no page {topic!r}", hint=f"there are: {', '.join(pages)}")
    return settingshapes.Page(path.stem, path.read_text("utf-8"))


def show_page(out: Output, found: settingshapes.Page) -> None:
    out.page(found.text)


def _pages() -> dict[str, Path]:
    found = {path.stem: path for place in PLACES for path in sorted(place.glob("*.md"))}
    return dict(sorted(found.items()))
