"""The contact sheet of `compare` and `generate --takes`, opened from the disk without a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from images import encode
from playwright.sync_api import Page

from browser.drawing import draw
from mkdocs_leonardo.commands.sheet import SheetItem, write_sheet
from mkdocs_leonardo.spec import PictureRecord, digest_of

OpenPage = Callable[..., Page]
NAMES = ("landscape", "noise", "halves")


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The `file:` address of a sheet of three pictures."""
    folder = tmp_path_factory.mktemp("a folder") / "compared"
    items = []
    for name in NAMES:
        data = encode(draw(name))
        record = PictureRecord(
            key=digest_of(data), digest=digest_of(data), extension="jpg", provider="leonardo", model="phoenix"
        )
        items.append(SheetItem(name, name.upper(), "3.2 s, $0.022", data, record))
    write_sheet(folder, title="A <harbour>", subtitle="three styles", items=items, columns=3)
    return (folder / "index.html").as_uri()


def _shown(page: Page) -> str | None:
    """The label of the picture in the light-box, None while the light-box is closed."""
    box = page.locator("dialog")
    if not box.is_visible():
        return None
    picture = box.locator("img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    return picture.get_attribute("alt")


def test_sheet_opened_from_the_disk_loads_nothing(sheet: str, open_page: OpenPage) -> None:
    """The sheet contains every picture, and opens no connection."""
    page = open_page(sheet, offline=True)
    widths = page.locator("figure img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == len(NAMES)
    assert min(widths) > 300
    loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name.slice(0, 5))")
    assert set(loaded) <= {"data:"}


def test_light_box_opens_and_closes_by_mouse(sheet: str, open_page: OpenPage) -> None:
    """A click on a picture opens the light-box; Close or a click beside the picture closes it."""
    page = open_page(sheet, offline=True)
    page.locator("figure a").nth(2).click()
    assert _shown(page) == "HALVES"
    page.get_by_role("button", name="Next").click()
    assert _shown(page) == "LANDSCAPE"
    page.get_by_role("button", name="Previous").click()
    assert _shown(page) == "HALVES"
    assert (page.locator("dialog a").get_attribute("href") or "").endswith("/halves.jpg")
    page.get_by_role("button", name="Close").click()
    assert _shown(page) is None
    page.locator("figure a").first.click()
    page.mouse.click(2, 2)
    assert _shown(page) is None
    assert page.url == sheet


def test_light_box_opens_and_closes_by_keyboard(sheet: str, open_page: OpenPage) -> None:
    """Enter opens the light-box, arrows move on, and Escape closes it and focuses the shown picture."""
    page = open_page(sheet, offline=True)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert _shown(page) == "LANDSCAPE"
    page.keyboard.press("ArrowRight")
    assert _shown(page) == "NOISE"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert _shown(page) == "HALVES"
    page.keyboard.press("Escape")
    assert _shown(page) is None
    page.wait_for_function("document.activeElement.querySelector('img')?.alt === 'HALVES'")
    page.keyboard.press("Enter")
    assert _shown(page) == "HALVES"


def test_sheet_without_scripts_links_to_the_files(sheet: str, open_page: OpenPage) -> None:
    """With scripts off, a click on a picture shows the delivered file."""
    page = open_page(sheet, offline=True, java_script_enabled=False)
    page.locator("figure a").nth(1).click()
    page.wait_for_url("**/noise.jpg")
    assert Path(page.url.removeprefix("file://").replace("%20", " ")).is_file()
