"""That all of a page can be read: nothing is cut off, covered, too pale, or left out."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gridray.layout import AttemptName
from gridray.store import Store
from tests.builders import add_run
from tests.pages import Pages, opened, serving
from tests.ui import gallery
from tests.ui.conftest import keep

RUN = "/runs/happy-otter-412"
# What a hint that is longer than its field is, by the font that the field has.
CUT_OFF = """(fields) => fields.filter((field) => {
    const style = getComputedStyle(field);
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = style.font;
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return pen.measureText(field.placeholder).width > room;
}).map((field) => field.placeholder)"""
COLOURS = (
    b"\x1b[38;5;208morange\x1b[0m \x1b[1;38;2;10;200;30mgreen\x1b[0m \x1b[38:2::1:2:3mink\x1b[0m\n"
    b"\x1b[38;5;9mred\x1b[0m \x1b[48;5;1mno bold\x1b[0m \x1b[38;5;250mgray\x1b[0m\n"
)


def box(found: Locator) -> tuple[float, float, float, float]:
    """Return the left, top, right and bottom of what is drawn, in pixels."""
    place = found.bounding_box()
    assert place is not None
    return place["x"], place["y"], place["x"] + place["width"], place["y"] + place["height"]


def linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def contrast(page: Page, text: str, ground: str) -> float:
    """Return the contrast of a colour on another one (WCAG 2.2, relative luminance)."""
    lights = []
    for name, selector in (("color", text), ("backgroundColor", ground)):
        told = page.locator(selector).first.evaluate(f"(each) => getComputedStyle(each).{name}")
        parts = [int(part) / 255 for part in re.findall(r"\d+", told)[:3]]
        red, green, blue = map(linear, parts)
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_titles_of_charts_stand_out(dark: bool, browser: Browser, pages: Pages) -> None:
    with opened(browser, pages, dark=dark) as page:
        page.goto(f"{RUN}?tab=curves")
        expect(page.get_by_role("heading", name="val_loss")).to_be_visible()
        assert contrast(page, ".charts h2 > *", ".charts .panel") >= 4.5


def test_charts_begin_with_the_metric_that_experiments_are_compared_by(
    browser: Browser, pages: Pages
) -> None:
    with opened(browser, pages) as page:
        for path in (f"{RUN}?tab=curves", "/experiments/happy-otter-412-exp0?tab=metrics"):
            page.goto(path)
            titles = page.locator(".charts h2:visible")
            expect(titles.first).to_contain_text("val_loss")
            expect(titles.nth(1)).to_contain_text("accuracy")
        page.goto(f"{RUN}?tab=plots")
        expect(page.get_by_role("combobox", name="Metric")).to_have_value("val_loss")


def test_a_metric_without_numbers_is_said_in_words(
    browser: Browser, pages: Pages, gallery_wall: Path
) -> None:
    with opened(browser, pages) as page:
        page.goto("/experiments/hostile-run-exp0?tab=metrics")
        card = page.locator(".charts .panel").filter(has_text="only_nan")
        expect(card.get_by_text("Nothing can be drawn: its only value is nan.")).to_be_visible()
        expect(card.locator(".chart")).to_be_hidden()
        keep(page, gallery_wall, "no-numbers")


def test_what_failed_shows_its_last_line(
    browser: Browser, pages: Pages, gallery_wall: Path
) -> None:
    with opened(browser, pages) as page:
        page.goto("/experiments/happy-otter-412-exp5")
        line = page.locator(".why").get_by_text("ValueError: loss is nan after step 18")
        expect(line).to_be_visible()
        keep(page, gallery_wall, "failed")
        page.goto("/experiments/happy-otter-412-exp0")
        expect(page.get_by_text("epoch  59")).to_be_visible()
        expect(page.locator(".why")).to_be_hidden()


def test_commands_on_the_page_of_clusters_are_code(
    browser: Browser, pages: Pages, gallery_wall: Path
) -> None:
    with opened(browser, pages) as page:
        page.goto("/clusters")
        expect(page.locator("code").first).to_have_text("gridray clusters up local")
        expect(page.get_by_text("`")).to_have_count(0)
        keep(page, gallery_wall, "clusters-code")


def test_no_hint_of_the_form_is_cut_off(browser: Browser, pages: Pages, gallery_wall: Path) -> None:
    with opened(browser, pages, phone=True) as page:
        page.goto("/launch")
        for group in page.locator(".more .q-item").all():
            group.click()
        expect(page.get_by_label("Git commit")).to_be_visible()
        assert page.locator("input[placeholder]").evaluate_all(CUT_OFF) == []
        keep(page, gallery_wall, "launch-fields-phone")


def test_a_phone_sees_a_metric(browser: Browser, pages: Pages, gallery_wall: Path) -> None:
    with opened(browser, pages, phone=True) as page:
        page.goto(RUN)
        expect(page.get_by_text("exp0", exact=True)).to_be_visible()
        for part in (".ag-header-cell", ".ag-row[row-index='0'] .ag-cell"):
            shown = page.locator(f"{part}[col-id='m:val_loss']")
            expect(shown).to_be_visible()
            assert box(shown)[2] <= 390
        keep(page, gallery_wall, "run-phone-metric")
        page.set_viewport_size({"width": 1360, "height": 860})
        expect(page.locator(".ag-header-cell[col-id='m:accuracy']")).to_be_visible()
        lr = page.locator(".ag-header-cell[col-id='p:lr']")
        expect(lr).to_be_visible()
        assert box(lr)[2] <= box(page.locator(".ag-header-cell[col-id='m:val_loss']"))[0] + 1


def test_an_arrow_covers_no_tab(browser: Browser, pages: Pages, gallery_wall: Path) -> None:
    with opened(browser, pages, phone=True) as page:
        page.goto("/experiments/happy-otter-412-exp0")
        tabs, arrow = page.locator(".q-tabs__content"), page.locator(".q-tabs__arrow--right")
        expect(arrow).to_be_visible()
        assert box(tabs)[2] <= box(arrow)[0]
        keep(page, gallery_wall, "tabs-phone")


def test_the_end_of_a_log_is_seen_in_its_colours(
    browser: Browser, tmp_path: Path, gallery_wall: Path
) -> None:
    home, now = tmp_path / "own-home", time.time()
    store = Store(str(home / "store"))
    add_run(store, "colours", [gallery.running(now - 60)])
    long = b"".join(b"line %d %s\n" % (line, b"word " * (line % 60)) for line in range(900))
    gallery.log(store, AttemptName("colours", 0, 0), long + COLOURS, now)
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto("/experiments/colours-exp0")
        log = page.get_by_role("log").first
        for words, color in (
            ("orange", "rgb(255, 135, 0)"),
            ("green", "rgb(10, 200, 30)"),
            ("ink", "rgb(1, 2, 3)"),
            ("gray", "rgb(188, 188, 188)"),
        ):
            expect(log.get_by_text(words, exact=True)).to_have_css("color", color)
        expect(log.locator(".ansi-1")).to_have_text("red")
        expect(log.locator(".ansi-bold")).to_have_text("green")
        page.wait_for_timeout(500)
        assert box(log.locator(".line").last)[3] <= box(log)[3]
        assert log.evaluate("(each) => each.scrollHeight - each.scrollTop - each.clientHeight") < 1
        keep(page, gallery_wall, "log-colours")
