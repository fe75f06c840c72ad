"""What is around each page: the head with the way to the others, and light or dark."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nicegui import ui

from gridray.ui.gate import TICKET
from gridray.ui.site import Site
from gridray.ui.telling import fault

PLACES = (("Runs", "/"), ("Clusters", "/clusters"), ("Launch", "/launch"))
THEMES = {"auto": None, "light": False, "dark": True}
THEME_ICONS = {"auto": "brightness_auto", "light": "light_mode", "dark": "dark_mode"}
THEME = "gridray_theme"
HEAD = """<link rel="stylesheet" href="/static/gridray.css">
<script src="/static/gridray.js"></script>"""

ui.button.default_props("flat no-caps dense")
ui.input.default_props("outlined dense")
ui.number.default_props("outlined dense")
ui.select.default_props("outlined dense options-dense")
ui.textarea.default_props("outlined dense")
ui.tabs.default_props("no-caps dense align=left inline-label mobile-arrows outside-arrows")


@contextmanager
def frame(site: Site, title: str, place: str = "") -> Iterator[None]:
    """Draw a page around what is made in this context.

    Args:
        place: which of the ways is the one that led here.
    """
    ui.page_title(f"{title} · Gridray" if title else "Gridray")
    ui.colors(primary="#3d63dd")
    ui.add_head_html(HEAD)
    ui.html('<a class="skip" href="#main">Skip to the content</a>', sanitize=False)
    with ui.element("header").classes("top"):
        with ui.element("div").classes("top-inner"):
            ui.link("Gridray", "/").classes("brand")
            with ui.element("nav").props('aria-label="Pages"'):
                for name, address in PLACES:
                    link = ui.link(name, address).classes("way")
                    if address == place:
                        link.props("aria-current=page")
            ui.element("div").classes("grow")
            where = ui.label(_short(site.store.url)).classes("where")
            where.props["title"] = f"The store: {site.store.url}"
            _theme()
            _another_browser(site)
    with ui.element("main").props("id=main"):
        alert = ui.element("div").classes("place").props("role=alert")
        ui.on_exception(lambda error: _tell_fault(alert, error))
        yield


def _tell_fault(alert: ui.element, error: Exception) -> None:
    """Say that something of the page has failed, which may be old from now on."""
    alert.clear()
    with alert:
        told = f"{fault(error)} What is shown may not be how it is; load the page again."
        ui.label(told).classes("banner")


def _theme() -> None:
    """Draw the button that changes between light, dark and what the system says."""
    request = ui.context.client.request
    chosen = request.cookies.get(THEME, "auto")
    chosen = chosen if chosen in THEMES else "auto"
    dark = ui.dark_mode(THEMES[chosen])
    names = list(THEMES)
    state = {"at": names.index(chosen)}

    def turn() -> None:
        state["at"] = (state["at"] + 1) % len(names)
        name = names[state["at"]]
        dark.value = THEMES[name]
        button.props(f"icon={THEME_ICONS[name]} title='Colours: {name}'")
        ui.run_javascript(
            f"document.cookie = '{THEME}={name};path=/;max-age=31536000;samesite=strict'"
        )

    button = ui.button(icon=THEME_ICONS[chosen], on_click=turn).classes("icon")
    button.props(f'aria-label="Colours" title="Colours: {chosen}"')


def _another_browser(site: Site) -> None:
    async def make() -> None:
        origin = await ui.run_javascript("location.origin")
        address.set_text(f"{origin}/?{TICKET}={site.keys.ticket()}")
        dialog.open()

    with ui.dialog() as dialog, ui.card().classes("ask"):
        ui.label("A link for another browser").classes("ask-title")
        ui.label("It is good for one browser, once.").classes("muted")
        address = ui.label().classes("mono wrap copy")
        with ui.row().classes("ask-buttons"):
            ui.button("Copy", on_click=lambda: ui.clipboard.write(address.text))
            ui.button("Close", on_click=dialog.close)
    button = ui.button(icon="add_link", on_click=make).classes("icon")
    button.props('aria-label="Link for another browser" title="Link for another browser"')


def _short(url: str) -> str:
    """Return where a store is, with `~` for the user's home."""
    home = str(Path.home())
    return "~" + url.removeprefix(home) if url.startswith(home + "/") else url
