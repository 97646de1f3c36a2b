"""A site that Zensical has built, beside the same site by MkDocs and Material, in a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from builds import Site, page
from cli_rig import Shell
from images import bright
from playwright.sync_api import Page, Route, expect
from zensical_rig import BLOG, EXTENSIONS, PUBLISH, build

from browser.looking import SHIFTS, box, faults_in_both_directions, the_only, worst_contrast
from browser.sites import DESKTOP, PHONE, TEXT, Sites

OpenPage = Callable[..., Page]
TAGLINE = "What a keeper sees when the wind turns north, and how the lamp is kept alight"
POST = "blog/2026/01/01/a-post-from-the-tower/"
#: Next to the text, a scroll bar may take this much (pixels).
SCROLL_BAR_PX = 16


@pytest.fixture(scope="module")
def addresses(sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The addresses of one site, built with either generator."""
    hero = {"hero_tagline": TAGLINE}
    pages: dict[str, str | bytes] = {
        "hero.png": bright(),
        "index.md": page("A lighthouse in a storm", TEXT, **{**hero, "hero_image": "hero.png"}),
        "deep/page.md": page("Below the surface", TEXT, **{**hero, "hero_image": "../hero.png"}),
        "wide.md": page(
            "Wide", TEXT, **{**hero, "hero_image": "hero.png"}, hero_layout="full", hide=["navigation", "toc"]
        ),
        "stacked.md": page("Stacked", TEXT, **{**hero, "hero_image": "hero.png"}, hero_layout="stacked"),
        "split.md": page("Split", TEXT, **{**hero, "hero_image": "hero.png"}, hero_layout="split"),
        "plain.md": page("Plain", f"[To the hero](deep/page.md)\n\n{TEXT}"),
        "blog/index.md": page("Blog"),
        **{
            f"blog/posts/{name}.md": page(
                f"A post from the {name}",
                f"Intro.\n\n<!-- more -->\n\n{TEXT}",
                **{**hero, "hero_image": "../../hero.png"},
                hero_layout=layout,
                date=date(2026, 1, number),
            )
            for number, (name, layout) in enumerate(
                {"tower": "content", "stairs": "stacked", "lamp": "split"}.items(), 1
            )
        },
    }
    features = ["navigation.instant", "content.action.edit", "content.action.view"]
    config = {
        **EXTENSIONS,
        "theme": {"name": "material", "font": False, "features": features},
        "site_url": f"{sites.address}/zensical/",
        "repo_url": "https://example.org/r",
        "edit_uri": "edit/main/docs",
    }
    widths = [390, 768, 1440]
    site = Site(tmp_path_factory.mktemp("zensical"), pages, options={"widths": widths}, config=config, plugins=BLOG)
    shell = Shell(site)
    assert shell(*PUBLISH).exit_code == 0
    shutil.copytree(build(site).folder, sites.folder / "zensical")
    shutil.rmtree(site.folder / "site")
    other = replace(site, pages={}, config={**config, "site_url": f"{sites.address}/beside/"})
    shutil.copytree(other.build().site, sites.folder / "beside")
    return {"zensical": f"{sites.address}/zensical", "material": f"{sites.address}/beside"}


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", ["", "deep/page/", POST])
def test_hero_looks_as_material_shows_it(
    path: str, device: dict[str, Any], addresses: dict[str, str], open_page: OpenPage
) -> None:
    """The hero has the same size, places of title and tagline, and chosen file as with MkDocs."""
    seen = []
    for name in ("zensical", "material"):
        shown = open_page(f"{addresses[name]}/{path}", **device)
        picture = shown.locator(".leonardo-hero__image")
        picture.evaluate("picture => picture.decode()")
        hero, title = box(shown, ".leonardo-hero"), box(shown, ".leonardo-hero h1")
        source = picture.evaluate("picture => picture.currentSrc").rpartition("/")[2]
        foot = hero["y"] + hero["height"] - title["y"] - title["height"]
        seen.append((source, hero["width"], hero["height"], title["x"] - hero["x"], foot, title["height"]))
        assert shown.locator(".leonardo-hero").count() == 1
    assert seen[0][0] == seen[1][0]
    assert seen[0][1:] == pytest.approx(seen[1][1:], abs=SCROLL_BAR_PX)


@pytest.mark.parametrize("path", ["", "wide/", "stacked/", "split/", POST])
def test_late_picture_shifts_nothing(path: str, addresses: dict[str, str], open_page: OpenPage) -> None:
    """A picture that arrives last shifts nothing, though the stylesheet is linked in the content.

    The page fits a phone, and every control can be clicked.
    """
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    shown = open_page(
        f"{addresses['zensical']}/{path}",
        before=SHIFTS,
        hold=(re.compile(r"/assets/leonardo/.*(avif|webp|jpg)"), hold),
        **PHONE,
    )
    shown.locator("h1").wait_for()
    shown.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    before = box(shown, "h2")
    the_only(shown, held).continue_()
    shown.wait_for_load_state("load")
    assert len(held) == 1, "one picture for one hero"
    shown.locator(".leonardo-hero__image").evaluate("picture => picture.decode()")
    shown.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert shown.evaluate("window.shifts") == []
    assert box(shown, "h2") == before
    assert faults_in_both_directions(shown) == []


@pytest.mark.parametrize("path", ["stacked/", "split/"])
def test_text_apart_covers_no_picture(path: str, addresses: dict[str, str], open_page: OpenPage) -> None:
    """The title has the theme's colour and stands above the picture, or in the narrow article below it."""
    shown = open_page(f"{addresses['zensical']}/{path}", **DESKTOP)
    picture, text = box(shown, ".leonardo-hero__image"), box(shown, ".leonardo-hero__text")
    first, second = (text, picture) if path == "stacked/" else (picture, text)
    assert first["y"] + first["height"] <= second["y"]
    colour = "e => getComputedStyle(e).color"
    assert shown.locator("h1").evaluate(colour) == shown.locator("h2").first.evaluate(colour)


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", ["", "wide/", POST])
def test_white_text_keeps_its_contrast(
    path: str, device: dict[str, Any], addresses: dict[str, str], open_page: OpenPage
) -> None:
    """The measured shade is behind title and tagline on a site of Zensical (WCAG 2.2, 1.4.3)."""
    shown = open_page(f"{addresses['zensical']}/{path}", **device)
    shown.locator(".leonardo-hero__image").evaluate("picture => picture.decode()")
    assert worst_contrast(shown, ".leonardo-hero h1") >= 4.5
    assert worst_contrast(shown, ".leonardo-hero__tagline") >= 4.5


def test_wide_hero_spans_the_window_below_the_header(addresses: dict[str, str], open_page: OpenPage) -> None:
    """A full hero spans the window of a page without side columns, and the page does not scroll sideways."""
    shown = open_page(f"{addresses['zensical']}/wide/", **DESKTOP)
    hero, header = box(shown, ".leonardo-hero"), box(shown, ".md-header")
    assert hero["width"] == pytest.approx(1440, abs=SCROLL_BAR_PX)
    assert hero["y"] == pytest.approx(header["y"] + header["height"], abs=2)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 1440


def test_blog_shows_covers_that_lead_to_their_posts(addresses: dict[str, str], open_page: OpenPage) -> None:
    """Every cover is loaded, has a card's shape and no tagline, and a click on it opens the post."""
    shown = open_page(f"{addresses['zensical']}/blog/", **DESKTOP)
    covers = shown.locator(".leonardo-hero__image")
    expect(covers).to_have_count(3)
    for number in range(3):
        assert covers.nth(number).evaluate("async image => (await image.decode(), image.naturalWidth)") > 600
        shape = covers.nth(number).bounding_box()
        assert shape is not None
        assert shape["width"] / shape["height"] == pytest.approx(688 / 320, abs=0.02)
    expect(shown.locator(".leonardo-hero__tagline").first).to_be_hidden()
    covers.last.scroll_into_view_if_needed()
    shape = covers.last.bounding_box()
    assert shape is not None
    shown.mouse.click(shape["x"] + shape["width"] / 2, shape["y"] + shape["height"] / 2)
    shown.wait_for_url(f"**/{POST}**")
    expect(shown.locator(".leonardo-hero h1")).to_be_visible()


def test_instant_navigation_brings_the_hero_and_its_look(addresses: dict[str, str], open_page: OpenPage) -> None:
    """Instant navigation from a page without the stylesheet to one with a hero shows the hero with its style."""
    shown = open_page(f"{addresses['zensical']}/plain/", **DESKTOP)
    shown.evaluate("window.stayed = true")
    shown.get_by_role("link", name="To the hero").click()
    hero = shown.locator(".leonardo-hero")
    expect(hero).to_have_css("display", "grid")
    expect(shown.locator(".leonardo-hero h1")).to_have_css("color", "rgb(255, 255, 255)")
    assert shown.locator(".leonardo-hero__image").evaluate("async image => (await image.decode(), image.naturalWidth)")
    assert shown.evaluate("window.stayed") is True
