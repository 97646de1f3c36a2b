"""A preview in a browser while a slow provider makes the hero."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builds import Site, page
from playwright.sync_api import Page, expect
from services import Services
from serving import PATIENCE_S, serving

from browser.sites import MATERIAL

#: A script that returns the width and the file of the drawn picture.
DRAWN = "picture => picture.decode().then(() => [picture.naturalWidth, new URL(picture.currentSrc).pathname])"


@pytest.mark.parametrize(
    "theme",
    [{"name": "mkdocs", "highlightjs": False}, MATERIAL | {"features": ["navigation.instant"]}],
    ids=["mkdocs", "material-instant"],
)
def test_open_page_shows_the_new_picture_without_being_touched(
    theme: dict[str, Any], tmp_path: Path, services: Services, open_page: Callable[..., Page]
) -> None:
    """The open page shows a placeholder, then its picture, and after a new prompt that picture until the next one."""
    services.leonardo.render_s = 1.5
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a lighthouse in a storm")},
        options={"on_serve": "generate"},
        config={"site_url": "", "theme": theme},
    )

    with serving(site, services) as preview:
        preview.wait_until(lambda: bool(preview.html()))
        window = open_page(preview.url)
        painted = window.locator(".leonardo-hero__image").evaluate(DRAWN)
        asked = services.ledger.creates
        expect(window.locator('[data-provider="leonardo"]')).to_be_attached(timeout=PATIENCE_S * 1000)
        first = window.locator(".leonardo-hero__image").evaluate(DRAWN)
        site.write({"index.md": page("Home", "Changed.", hero_prompt="a harbour at dusk")})
        expect(window.get_by_text("Changed.")).to_be_visible(timeout=PATIENCE_S * 1000)
        kept = window.locator(".leonardo-hero__image").evaluate(DRAWN)
        other = window.locator(f'.leonardo-hero__image:not([src*="{_key(first[1])}"])')
        expect(other).to_be_attached(timeout=PATIENCE_S * 1000)
        second = window.locator(".leonardo-hero__image").evaluate(DRAWN)
        builds = preview.builds

    assert asked == 0, "the page came after its picture was asked for"
    assert all(width_px > 0 for width_px, _ in (painted, first, kept, second))
    assert kept == first, "the page does not keep its last hero"
    assert len({painted[1], first[1], second[1]}) == 3
    assert services.ledger.paid_jobs == services.ledger.creates == 2
    # A save may be noticed while it is being written, and then once more.
    assert 4 <= builds <= 5, preview.log


def _key(path: str) -> str:
    return path.rpartition("/")[2].partition("-")[0]
