"""Heroes and cards in a browser: layout shift, contrast, loaded bytes, layouts, print and themes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from local_http import Quiet, serve_http
from playwright.sync_api import Page, Route, expect

from browser.looking import (
    REPLACE_STYLESHEET,
    SHIFTS,
    VIOLATIONS,
    box,
    broken_rules,
    faults_in_both_directions,
    looks_of,
    the_only,
    wait_until_drawn,
    worst_contrast,
)
from browser.sites import DESKTOP, LONG_TITLE, MATERIAL, PHONE, TEXT, Sites, hero_page
from mkdocs_leonardo.page import themes
from mkdocs_leonardo.page.stylesheet import build_stylesheet
from mkdocs_leonardo.spec import HeroSpec, Layout, MarkupOptions

OpenPage = Callable[..., Page]

TAGLINE = "What a keeper sees when the wind turns north, and how the lamp is kept alight"
PAGES = {
    "index.md": hero_page(tagline=TAGLINE),
    "full.md": hero_page(layout="full", tagline=TAGLINE),
    "long.md": hero_page(f"{LONG_TITLE} Donaudampfschifffahrtsgesellschaftskapitän", tagline=TAGLINE, credit=True),
    "fullhidden.md": hero_page(layout="full", hide="[navigation, toc]"),
    "code.md": hero_page("Why the picture is an `<img>`", picture="white"),
    "stacked.md": hero_page(layout="stacked", picture="white", tagline=TAGLINE, credit=True),
    "split.md": hero_page(layout="split", tagline=TAGLINE, credit=True),
    "splitwide.md": hero_page(layout="split", tagline=TAGLINE, hide="[navigation, toc]"),
    "auto.md": hero_page(f"{LONG_TITLE} and after", layout="auto"),
    "none.md": f"# No hero\n\n[To the hero](full.md)\n\n{TEXT}",
    "hidden.md": hero_page(hide="[navigation, toc]"),
    "white.md": hero_page(picture="white", tagline=TAGLINE),
    "noise.md": hero_page(picture="noise", tagline=TAGLINE),
    "halves.md": hero_page(picture="halves", tagline=TAGLINE),
    "beside.md": hero_page(picture="beside", tagline=TAGLINE),
    "sky.md": hero_page("A bright sky", picture="sky", credit=True),
    "longsky.md": hero_page(LONG_TITLE, picture="sky", tagline=TAGLINE, credit=True),
    "longfullsky.md": hero_page(LONG_TITLE, picture="sky", layout="full", tagline=TAGLINE, credit=True),
    "fullwhite.md": hero_page(LONG_TITLE, picture="white", layout="full", tagline=TAGLINE),
}
THEMES: dict[str, dict[str, Any]] = {
    "material": MATERIAL | {"features": ["navigation.instant", "navigation.tabs", "content.action.edit"]},
    "mkdocs": {"name": "mkdocs", "highlightjs": False},
    "readthedocs": {"name": "readthedocs", "highlightjs": False},
}
BARE = """<!doctype html><html lang="en"><head><title>{{ page.title }}</title></head>
<body><main>{{ page.content }}</main></body></html>"""


@pytest.fixture(scope="module")
def addresses(sites: Sites) -> dict[str, str]:
    """The address of the same pages in each theme."""
    options = {"repo_url": "https://example.org/r", "edit_uri": "edit/main/docs"}
    return {name: sites.build(name, theme, PAGES, **options) for name, theme in THEMES.items()}


@pytest.fixture(scope="module")
def blog(sites: Sites) -> str:
    """The address of a blog view with a hero and three posts; the last post's picture is noise."""
    posts = {
        f"blog/posts/{picture}.md": hero_page(f"About {picture}", picture).replace(
            "---\n", f"---\ndate: 2026-01-0{day}\n", 1
        )
        for day, picture in enumerate(("landscape", "white", "noise"), 1)
    }
    pages = {"index.md": "# Home", "blog/index.md": hero_page("Blog", "landscape"), **posts}
    return sites.build("blog", MATERIAL, pages, plugins=["blog"]) + "/blog/"


@pytest.fixture(scope="module")
def with_buttons(sites: Sites) -> str:
    """The address of pages with Material's buttons to edit and to view their source."""
    theme = MATERIAL | {"features": ["content.action.edit", "content.action.view"]}
    pages = {
        "index.md": hero_page(tagline=TAGLINE),
        "tagged.md": hero_page(tags="[storm, night]"),
        "full.md": hero_page(layout="full"),
    }
    options = {"repo_url": "https://example.org/r", "edit_uri": "edit/main/docs", "plugins": ["tags"]}
    return sites.build("buttons", theme, pages, **options)


@pytest.mark.parametrize(
    ("theme", "path", "layout"),
    [
        ("material", "", "content"),
        ("material", "full/", "full"),
        ("material", "stacked/", "stacked"),
        ("material", "split/", "split"),
        ("mkdocs", "", "content"),
        ("mkdocs", "full/", "full"),
        ("readthedocs", "", "content"),
        ("readthedocs", "full/", "full"),
    ],
)
def test_stylesheet_of_one_layout_has_all_that_its_pages_need(
    theme: str, path: str, layout: Layout, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """Pages look the same with the stylesheet of one layout and theme as with all rules: desktop, dark phone, paper."""
    page = open_page(f"{addresses[theme]}/{path}")
    layouts: tuple[Layout, ...] = ("content", "full", "stacked", "split")
    specs = {name: HeroSpec(page="page.md", layout=name) for name in layouts}
    looks = []
    without_covers = MarkupOptions(cards=False, credit=True)
    for _, css in (
        build_stylesheet([*specs.values()], "another theme", MarkupOptions(credit=True)),
        build_stylesheet([specs[layout]], theme, without_covers),
        build_stylesheet([specs["split" if layout == "stacked" else "stacked"]], theme, without_covers),
    ):
        page.evaluate(REPLACE_STYLESHEET, css.decode())
        looks.append(looks_of(page))
    assert looks[0] == looks[1]
    assert looks[0] != looks[2], "other rules than the page's own are seen"


def test_stylesheet_without_heroes_has_all_that_covers_need(blog: str, open_page: OpenPage) -> None:
    """Covers look the same with the stylesheet of a blog without heroes."""
    page = open_page(blog)
    covers = looks_of(page, ".leonardo-card, .leonardo-card *, .leonardo-card + *")
    page.evaluate(REPLACE_STYLESHEET, build_stylesheet([], "material", MarkupOptions())[1].decode())
    assert looks_of(page, ".leonardo-card, .leonardo-card *, .leonardo-card + *") == covers


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("path", ["", "full/", "stacked/", "split/"])
def test_late_picture_shifts_nothing(theme: str, path: str, addresses: dict[str, str], open_page: OpenPage) -> None:
    """A picture that arrives last shifts nothing; the page fits a phone, and every control can be clicked."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page = open_page(
        f"{addresses[theme]}/{path}",
        before=SHIFTS,
        hold=(re.compile(r"/assets/leonardo/.*(avif|webp|jpg)"), hold),
        **PHONE,
    )
    page.locator("h1").wait_for()
    page.evaluate("document.fonts.ready")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    before = box(page, "h2")
    shifts_of_the_theme = page.evaluate("window.shifts")
    if theme == "material":  # fonts of other themes arrive late and move the navigation
        assert shifts_of_the_theme == []
    the_only(page, held).continue_()
    page.wait_for_load_state("load")
    assert len(held) == 1, "one picture for one hero"
    page.locator(".leonardo-hero__image").evaluate("picture => picture.decode()")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.shifts") == shifts_of_the_theme
    assert before == box(page, "h2")
    assert faults_in_both_directions(page) == []


@pytest.mark.usefixtures("addresses")
@pytest.mark.parametrize("path", ["index.html", "full/index.html"])
def test_page_that_arrives_in_pieces_shifts_nothing(path: str, sites: Sites, open_page: OpenPage) -> None:
    """The title keeps its place if the tagline arrives after the browser has painted the title."""
    html = (sites.folder / "material" / path).read_bytes()
    place = html.index(b'<p class="leonardo-hero__tagline">')
    address = "/material/" + path.removesuffix("index.html")
    gate = threading.Event()

    class InTwo(Quiet, SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != address:
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html[:place])
            gate.wait(30)
            self.wfile.write(html[place:])

    with serve_http(partial(InTwo, directory=str(sites.folder))) as url:
        page = open_page("about:blank", before=SHIFTS, **PHONE)
        page.goto(f"{url}{address}", wait_until="commit")
        page.locator(".leonardo-hero h1").wait_for(state="attached")
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.locator(".leonardo-hero__tagline").count() == 0, "only half of it is there"
        gate.set()
        page.wait_for_load_state("load")
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        expect(page.locator(".leonardo-hero h1")).to_be_visible()
        assert page.evaluate("window.shifts") == []


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", ["white", "noise", "halves", "fullwhite"])
def test_white_text_reaches_its_contrast_on_any_picture(
    path: str, device: dict[str, Any], addresses: dict[str, str], open_page: OpenPage
) -> None:
    """The measured scrim brings 99.5 % of the pixels behind title and tagline to 4.5:1 (WCAG 2.2, 1.4.3)."""
    page = open_page(f"{addresses['material']}/{path}/", **device)
    page.locator(".leonardo-hero__image").evaluate("picture => picture.decode()")
    assert worst_contrast(page, ".leonardo-hero h1") >= 4.5
    assert worst_contrast(page, ".leonardo-hero__tagline") >= 4.5


def test_emphasised_words_of_a_title_look_like_the_title(sites: Sites, open_page: OpenPage) -> None:
    """Emphasised words of the title are white, though a theme such as Terminal colours them in its text."""
    style = "em, strong { color: #111; font-size: 15px }"
    pages = {"index.md": hero_page("A *storm*, a **gale**"), "theme.css": style}
    page = open_page(sites.build("emphasis", {"name": "mkdocs", "highlightjs": False}, pages, extra_css=["theme.css"]))
    looks = [
        page.locator(f".leonardo-hero h1{selector}").evaluate(
            "words => ['color', 'font-size'].map(name => getComputedStyle(words).getPropertyValue(name))"
        )
        for selector in ("", " em", " strong")
    ]
    assert looks[1:] == looks[:1] * 2


def test_pages_are_looked_at_in_each_theme_that_has_rules() -> None:
    """Each theme's rules are looked at here, as they may give the hero a shape for which no shade is measured."""
    assert {theme.rules for theme in themes.THEMES.values()} == {*THEMES}


@pytest.mark.parametrize("path", ["longsky", "longfullsky"])
@pytest.mark.parametrize("theme", THEMES)
def test_long_text_can_be_read_where_it_reaches_a_bright_sky(
    theme: str, path: str, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """Long text keeps its contrast before a bright sky in every window, although it reaches higher in small ones."""
    page = open_page(f"{addresses[theme]}/{path}/")
    for width_px, height_px in ((320, 640), (640, 900), (768, 1024), (844, 390), (1000, 700), (1440, 900)):
        page.set_viewport_size({"width": width_px, "height": height_px})
        wait_until_drawn(page, ".leonardo-hero__image")
        for selector in ("h1", ".leonardo-hero__tagline"):
            assert worst_contrast(page, f".leonardo-hero {selector}") >= 4.5, (width_px, selector)


def test_bright_sky_above_a_short_text_is_left_as_it_is(addresses: dict[str, str], open_page: OpenPage) -> None:
    """The hero does not shade a bright sky above the text."""
    page = open_page(f"{addresses['material']}/sky/")
    page.locator(".leonardo-hero__image").evaluate("picture => picture.decode()")
    shade = page.locator(".leonardo-hero__ground").evaluate("e => getComputedStyle(e, '::after').backgroundColor")
    assert shade.endswith(", 0)")
    assert worst_contrast(page, ".leonardo-hero h1") >= 4.5


@pytest.mark.parametrize(
    ("theme", "path", "width_px"),
    [
        ("material", "", 390),
        ("material", "", 768),
        ("material", "", 1100),
        ("material", "", 1440),
        ("material", "", 1700),
        ("material", "hidden/", 1440),
        ("material", "full/", 1440),
        ("mkdocs", "", 390),
        ("mkdocs", "", 1100),
        ("mkdocs", "", 1440),
        ("readthedocs", "", 390),
        ("readthedocs", "", 1000),
        ("readthedocs", "", 1440),
        ("readthedocs", "full/", 1440),
        ("material", "stacked/", 390),
        ("material", "split/", 390),
        ("material", "split/", 800),
        ("material", "split/", 1100),
        ("material", "splitwide/", 1440),
        ("mkdocs", "split/", 1440),
        ("readthedocs", "split/", 1440),
    ],
)
def test_sizes_tell_the_truth(
    theme: str, path: str, width_px: int, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """The hero's width in CSS pixels is the width that `sizes` promises, and so is the width of its picture."""
    page = open_page(f"{addresses[theme]}/{path}", viewport={"width": width_px, "height": 900})
    assert_shown_as_promised(page, ".leonardo-hero__picture")


def assert_shown_as_promised(page: Page, selector: str) -> None:
    """Assert that the first such picture is as wide as its `sizes` say, up to a scroll bar."""
    picture = page.locator(f"{selector} img:not([class$=__placeholder])").first
    promised = picture.evaluate("async image => (await image.decode(), image.naturalWidth)")
    scroll_bar_px = 16
    assert abs(promised - box(page, selector)["width"]) <= scroll_bar_px


@pytest.mark.parametrize("width_px", [390, 768, 1100, 1300, 1440, 1700, 2100])
def test_sizes_tell_the_truth_in_a_blog(width_px: int, blog: str, open_page: OpenPage) -> None:
    """`sizes` is right for the hero and cards of a blog view, and for a post with its other side column."""
    page = open_page(blog, viewport={"width": width_px, "height": 900})
    assert_shown_as_promised(page, ".leonardo-hero")
    if width_px == 390:
        hero = box(page, ".leonardo-hero")
        assert (hero["x"], hero["width"]) == (0, 390), "from edge to edge, as on every page"
    assert_shown_as_promised(page, ".leonardo-card")
    page.locator(".leonardo-card").first.click()
    page.locator(".leonardo-hero").wait_for()
    assert_shown_as_promised(page, ".leonardo-hero")
    if width_px == 390:
        assert box(page, ".leonardo-hero")["y"] <= box(page, ".md-header")["height"], "no white above it"
        assert box(page, ".leonardo-hero h1")["x"] == box(page, ".leonardo-hero + p")["x"], "in line with the article"


def test_phone_loads_one_small_picture(addresses: dict[str, str], open_page: OpenPage) -> None:
    """A phone of 390 px with two device pixels each loads the AVIF of 768 px and no other picture."""
    page = open_page(f"{addresses['material']}/", **PHONE)
    assert page.locator(".leonardo-hero__image").evaluate("image => image.currentSrc").endswith("-768.avif")


def test_title_is_in_view_at_400_percent(addresses: dict[str, str], open_page: OpenPage) -> None:
    """At a zoom of 400 % (360 x 225 pixels), the hero is lower, and its title is in view."""
    page = open_page(f"{addresses['material']}/", viewport={"width": 360, "height": 225})
    title = box(page, ".leonardo-hero h1")
    assert title["y"] + title["height"] < 225


@pytest.mark.parametrize("theme", THEMES)
def test_long_title_makes_the_hero_grow(theme: str, addresses: dict[str, str], open_page: OpenPage) -> None:
    """A long title is not cut off on a narrow phone, nor on a desktop at 400 % (WCAG 2.2, 1.4.10)."""
    page = open_page(f"{addresses[theme]}/long/", viewport={"width": 320, "height": 256})
    hero = box(page, ".leonardo-hero")
    for selector in ("h1", ".leonardo-hero__tagline", ".leonardo-hero__credit"):
        inner = box(page, f".leonardo-hero {selector}")
        assert inner["y"] > hero["y"]
        assert inner["y"] + inner["height"] <= hero["y"] + hero["height"]
        assert inner["x"] + inner["width"] <= hero["x"] + hero["width"]
        assert page.locator(f".leonardo-hero {selector}").evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize(("path", "ratio"), [("", 5 / 4), ("fullwhite/", 1)])
def test_long_title_makes_a_phone_s_hero_square(
    path: str, ratio: float, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """A title of more than 66 letters makes the hero square on a phone."""
    hero = box(open_page(f"{addresses['material']}/{path}", **PHONE), ".leonardo-hero")
    assert hero["width"] / hero["height"] == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_hero_breaks_no_rule_of_accessibility(theme: str, addresses: dict[str, str], open_page: OpenPage) -> None:
    """A page with a hero breaks no rule of axe-core that the theme alone does not break."""
    of_the_theme, _ = broken_rules(open_page(f"{addresses[theme]}/none/"))
    for path, device in (("", DESKTOP), ("full/", PHONE), ("long/", PHONE), ("stacked/", PHONE), ("split/", DESKTOP)):
        page = open_page(f"{addresses[theme]}/{path}", **device)
        everywhere, in_the_hero = broken_rules(page)
        assert (everywhere - of_the_theme, in_the_hero) == (set(), set()), path
    page.locator(".leonardo-hero__image").evaluate("image => image.removeAttribute('alt')")
    assert broken_rules(page)[1] == {"image-alt"}, "it sees the hero at all"


@pytest.mark.parametrize("path", ["full", "fullhidden"])
@pytest.mark.parametrize("theme", THEMES)
def test_full_layout_spans_what_the_theme_allows(
    theme: str, path: str, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """A full hero spans the window below header and tabs; in Read the Docs it leaves out the side column."""
    page = open_page(f"{addresses[theme]}/{path}/")
    hero = box(page, ".leonardo-hero")
    left = 300 if theme == "readthedocs" else 0
    assert hero["x"] == left
    assert hero["width"] == page.evaluate("document.documentElement.clientWidth") - left
    assert hero["y"] + hero["height"] <= box(page, "h2")["y"]
    assert page.locator("h1").count() == 1
    if theme == "material":
        assert hero["y"] == sum(box(page, f".md-{part}")["height"] for part in ("header", "tabs"))
        page.set_viewport_size({"width": 390, "height": 844})
        page.locator(".md-content__button").evaluate_all("buttons => buttons.forEach(button => button.remove())")
        hero = box(page, ".leonardo-hero")
        below = box(page, ".md-content p")["y"] - hero["y"] - hero["height"]
        assert 24 <= below <= 48, "on a phone only one of Material's two spaces"


@pytest.mark.parametrize("theme", THEMES)
def test_stacked_title_is_the_theme_s_own_and_nothing_covers_the_picture(
    theme: str, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """A stacked title looks as without a hero, above an uncovered picture; so does a long title in `auto`."""
    looks: list[tuple[float, float, list[str]]] = []
    for path in ("none", "stacked", "auto"):
        page = open_page(f"{addresses[theme]}/{path}/", **PHONE)
        style = "e => (s => [s.color, s.fontSize, s.fontWeight, s.lineHeight])(getComputedStyle(e))"
        place = box(page, "h1")
        top = place["y"] if path != "auto" else looks[0][1]  # other things in a page are as long as its title, too
        looks.append((place["x"], top, page.locator("h1").first.evaluate(style)))
        if path != "none":
            assert box(page, ".leonardo-hero__image")["y"] >= box(page, ".leonardo-hero__text")["y"] + place["height"]
    assert looks[1:] == looks[:1] * 2


@pytest.mark.parametrize(
    ("theme", "page_weight", "hero_weight"), [("material", 300, 400), ("mkdocs", 400, 400), ("readthedocs", 700, 700)]
)
def test_title_on_the_picture_is_as_heavy_as_the_theme_s_headings(
    theme: str, page_weight: int, hero_weight: int, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """The title on a picture is as heavy as the theme's headings, and one step heavier in Material."""
    weight = "title => getComputedStyle(title).fontWeight"
    theirs = open_page(f"{addresses[theme]}/none/").locator("h1").first.evaluate(weight)
    ours = [
        open_page(f"{addresses[theme]}/{path}").locator(".leonardo-hero h1").evaluate(weight)
        for path in ("", "fullhidden/", "splitwide/")
    ]
    assert (theirs, ours) == (str(page_weight), [str(hero_weight)] * 3)


@pytest.mark.parametrize(("theme", "corner"), [("material", "2px"), ("mkdocs", "8px"), ("readthedocs", "0px")])
def test_corners_are_as_round_as_the_theme_s(
    theme: str, corner: str, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """Corners have a radius of 0.1 rem in Material, none in Read the Docs, and half an em elsewhere."""
    for path in ("", "stacked/"):
        picture = open_page(f"{addresses[theme]}/{path}").locator(".leonardo-hero__picture")
        assert picture.evaluate("picture => getComputedStyle(picture).borderRadius") == corner


@pytest.mark.parametrize("theme", THEMES)
def test_split_has_the_picture_beside_the_text_or_above_it(
    theme: str, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """A split hero has the picture beside the text in articles of 720 pixels, and above the text in narrower ones."""
    page = open_page(f"{addresses[theme]}/splitwide/", **PHONE)
    picture, text = box(page, ".leonardo-hero__picture"), box(page, ".leonardo-hero__text")
    assert (picture["x"], picture["width"]) == (0, 390)
    assert picture["y"] + picture["height"] <= text["y"]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1440, "height": 900})
    picture, text = box(page, ".leonardo-hero__picture"), box(page, ".leonardo-hero__text")
    is_beside = text["x"] + text["width"] < picture["x"]
    assert is_beside == (theme != "readthedocs"), "which never has more than 696 pixels"
    if is_beside:
        assert abs(picture["y"] + picture["height"] / 2 - text["y"] - text["height"] / 2) < 2
        assert picture["width"] / picture["height"] == pytest.approx(4 / 3, abs=0.01)


def test_printed_page_keeps_a_stacked_picture(addresses: dict[str, str], open_page: OpenPage) -> None:
    """A stacked picture is printed, at most 6 cm high."""
    page = open_page(f"{addresses['material']}/stacked/")
    page.emulate_media(media="print")
    expect(page.locator(".leonardo-hero__placeholder")).to_be_hidden()
    assert 100 < box(page, ".leonardo-hero__image")["height"] <= 6 / 2.54 * 96 + 1


def test_contrast_is_measured_behind_text_that_would_fade(addresses: dict[str, str], open_page: OpenPage) -> None:
    """The measurement of contrast hides the text at once, even if the theme lets colours fade."""
    page = open_page(f"{addresses['material']}/code/")
    page.locator(".leonardo-hero__image").evaluate("picture => picture.decode()")
    page.add_style_tag(content=".leonardo-hero h1 code { transition: color 20s }")
    assert worst_contrast(page, ".leonardo-hero h1") >= 4.5


def test_hero_needs_no_script(addresses: dict[str, str], open_page: OpenPage) -> None:
    """Picture, placeholder and text appear with JavaScript switched off."""
    loaded: list[str] = []
    page = open_page(f"{addresses['material']}/none/", java_script_enabled=False)
    page.on("response", lambda response: loaded.append(response.url))
    page.goto(f"{addresses['material']}/", wait_until="load")
    pictures = [url for url in loaded if re.search(r"assets/leonardo/.*(avif|webp|jpg)$", url)]
    assert len(pictures) == 1
    hero, image = box(page, ".leonardo-hero"), box(page, ".leonardo-hero__image")
    assert (image["width"], image["height"]) == (hero["width"], hero["height"])
    expect(page.locator(".leonardo-hero h1")).to_be_visible()
    expect(page.locator(".leonardo-hero__placeholder")).to_have_attribute("src", re.compile("^data:image/webp"))


def test_reader_who_wants_more_contrast_gets_a_darker_shade(addresses: dict[str, str], open_page: OpenPage) -> None:
    """With `prefers-contrast: more`, the shade has an alpha of 0.8 on any picture."""
    page = open_page(f"{addresses['material']}/", contrast="more")
    shade = page.locator(".leonardo-hero__ground").evaluate("e => getComputedStyle(e, '::after').backgroundColor")
    assert shade.endswith(", 0.8)")


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_of_the_hero_moves_or_fades(theme: str, addresses: dict[str, str], open_page: OpenPage) -> None:
    """With `prefers-reduced-motion`, the hero has no animation, also under the pointer."""
    page = open_page(f"{addresses[theme]}/", reduced_motion="reduce")
    page.locator(".leonardo-hero h1").hover()
    moving = "e => e.getAnimations({subtree: true}).map(one => one.effect.target.className)"
    assert page.locator(".leonardo-hero").evaluate(moving) == []


@pytest.mark.parametrize("path", ["", "fullhidden/"])
@pytest.mark.parametrize("theme", THEMES)
def test_printed_title_is_aligned_with_the_text(
    theme: str, path: str, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """A printed title starts at the same edge as the text in every layout."""
    page = open_page(f"{addresses[theme]}/{path}", viewport={"width": 780, "height": 1100})
    page.emulate_media(media="print")
    assert box(page, "h1")["x"] == pytest.approx(box(page, "h2")["x"], abs=1)
    assert page.locator(".md-content__button:visible").count() == 0


def test_printed_page_has_dark_text_and_no_picture(addresses: dict[str, str], open_page: OpenPage) -> None:
    """A printed hero with text on its picture is title and tagline in dark letters."""
    page = open_page(f"{addresses['material']}/")
    page.emulate_media(media="print")
    expect(page.locator(".leonardo-hero__image")).to_be_hidden()
    expect(page.locator(".leonardo-hero__placeholder")).to_be_hidden()
    expect(page.locator(".leonardo-hero h1")).to_have_css("color", "rgb(0, 0, 0)")
    expect(page.locator(".leonardo-hero__ground")).to_be_hidden()


def test_forced_colours_put_the_text_on_a_plain_ground(addresses: dict[str, str], open_page: OpenPage) -> None:
    """With forced colours, the text has the reader's background, and the picture remains visible."""
    page = open_page(f"{addresses['material']}/", forced_colors="active")
    text = page.locator(".leonardo-hero__text")
    expect(page.locator(".leonardo-hero__ground")).to_be_hidden()
    assert "rgba" not in text.evaluate("e => getComputedStyle(e).backgroundColor"), "opaque"
    expect(page.locator(".leonardo-hero__image")).to_be_visible()


def test_right_to_left_text_starts_on_the_right(sites: Sites, open_page: OpenPage) -> None:
    """The hero's text starts on the right in a page written from right to left."""
    address = sites.build("rtl", MATERIAL | {"direction": "rtl"}, {"index.md": hero_page(tagline=TAGLINE)})
    page = open_page(f"{address}/")
    hero = box(page, ".leonardo-hero")
    right_px = page.locator(".leonardo-hero h1").evaluate(
        "e => { const range = document.createRange(); range.selectNodeContents(e.firstChild);"
        " return range.getBoundingClientRect().right }"
    )
    assert 8 < hero["x"] + hero["width"] - right_px < 48


@pytest.mark.parametrize(
    ("direction", "align", "alpha"),
    [("ltr", "", "0"), ("rtl", "", "0.58"), ("ltr", "end", "0.58"), ("rtl", "end", "0.58")],
)
def test_light_on_one_side_is_darkened_where_text_is(
    direction: str, align: str, alpha: str, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """The shade fits the direction of the script, and a site that moves the text gets the darker one."""
    page = open_page(f"{addresses['material']}/beside/")
    page.evaluate(
        "([direction, align]) => { document.body.dir = direction;"
        " if (align) document.body.style.setProperty('--leonardo-hero-text-align', align) }",
        [direction, align],
    )
    page.locator(".leonardo-hero__image").evaluate("picture => picture.decode()")
    shade = page.locator(".leonardo-hero__ground").evaluate("e => getComputedStyle(e, '::after').backgroundColor")
    assert shade.endswith(f", {alpha})")
    assert worst_contrast(page, ".leonardo-hero h1") >= 4.5
    assert worst_contrast(page, ".leonardo-hero__tagline") >= 4.5


def test_strict_policy_has_nothing_to_report(sites: Sites, open_page: OpenPage, tmp_path: Path) -> None:
    """Picture, placeholder, styles and linked data pass `default-src 'self'; img-src 'self' data:`."""
    (tmp_path / "main.html").write_text(BARE, encoding="utf-8")
    pages = {"index.md": hero_page(tagline=TAGLINE, alt='"A tower"', focus="left", layout="full")}
    address = sites.build("strict", {"name": None, "custom_dir": str(tmp_path)}, pages)
    page = open_page(f"{address}/", before=VIOLATIONS)
    image = page.locator(".leonardo-hero__image")
    assert image.evaluate("async image => (await image.decode(), image.naturalWidth)") > 0
    assert page.locator(".leonardo-hero__placeholder").evaluate("image => image.naturalWidth") == 16
    expect(image).to_have_css("object-position", "10% 50%")
    expect(page.locator(".leonardo-hero--content")).to_be_visible()
    assert page.locator('script[type="application/ld+json"]').count() == 1
    assert page.evaluate("window.violations") == []
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    assert page.evaluate("window.violations") == ["style-src-attr"], "the policy is in force"


def test_instant_navigation_brings_the_hero_and_takes_it_away(addresses: dict[str, str], open_page: OpenPage) -> None:
    """Material's instant navigation adds and removes hero, picture and stylesheet."""
    page = open_page(f"{addresses['material']}/none/")
    page.evaluate("window.wasLoadedOnce = true")
    page.get_by_role("link", name="To the hero").click()
    page.locator(".leonardo-hero").wait_for()
    assert page.evaluate("window.wasLoadedOnce"), "swapped, not loaded"
    expect(page.locator(".leonardo-hero__image")).to_have_css("position", "absolute")
    assert page.locator(".leonardo-hero__image").evaluate("async image => (await image.decode(), image.naturalWidth)")
    page.go_back()
    page.get_by_role("link", name="To the hero").wait_for()
    assert page.locator(".leonardo-hero").count() == 0


def test_cards_of_a_blog_are_alike_and_lead_to_their_posts(blog: str, open_page: OpenPage) -> None:
    """Every card has the same size, only the first is fetched at once, and a click opens the post."""
    page = open_page(blog, **PHONE)
    sizes = page.locator(".leonardo-card").evaluate_all(
        "cards => cards.map(card => [card.offsetWidth, card.offsetHeight])"
    )
    assert sizes == [[358, 201]] * 3
    assert page.locator(".leonardo-card__image:not([loading=lazy])").count() == 1
    assert page.get_by_role("link", name="About noise").count() == 1, "one link for screen readers"
    page.set_viewport_size({"width": 1440, "height": 900})
    wide = page.locator(".leonardo-card").evaluate_all(
        "cards => cards.map(card => [card.offsetWidth, card.offsetHeight])"
    )
    assert wide == [[266, 149]] * 3
    cover, date, title = (box(page, f".md-post--excerpt {what}") for what in (".leonardo-card", "time", "h2"))
    assert cover["x"] + cover["width"] < min(date["x"], title["x"]), "beside date and text"
    page.set_viewport_size({"width": 390, "height": 844})
    cover, date = (box(page, f".md-post--excerpt {what}") for what in (".leonardo-card", "time"))
    assert cover["y"] + cover["height"] < date["y"], "above the date"
    page.locator(".leonardo-card").first.click()
    expect(page.locator(".leonardo-hero h1")).to_contain_text("About noise")


def test_card_answers_to_pointer_and_keyboard(blog: str, open_page: OpenPage) -> None:
    """A card's picture grows under the pointer, unless motion is reduced; a focused title frames the card."""
    page = open_page(blog)
    picture = page.locator(".leonardo-card__image").first
    expect(picture).to_have_css("scale", "none")
    page.locator(".leonardo-card").first.hover()
    expect(picture).to_have_css("scale", "1.03")
    page.locator(".leonardo-card + h2 a").first.focus()
    expect(page.locator(".leonardo-card").first).to_have_css("outline-style", "solid")
    expect(page.locator(".leonardo-card").last).to_have_css("outline-style", "none")
    page.emulate_media(reduced_motion="reduce")
    expect(picture).to_have_css("scale", "none")


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_pictures_that_carry_no_text_are_dimmed_in_the_dark(
    scheme: str, blog: str, addresses: dict[str, str], open_page: OpenPage
) -> None:
    """Dark schemes dim covers and stacked pictures, but no picture with text on it."""
    dimmed = "brightness(0.92)" if scheme == "slate" else "none"
    expected = {
        blog: (".leonardo-card__image", dimmed),
        f"{addresses['material']}/stacked/": (".leonardo-hero__image", dimmed),
        f"{addresses['material']}/": (".leonardo-hero__image", "none"),
    }
    for address, (selector, style) in expected.items():
        page = open_page(address)
        page.evaluate("scheme => document.body.setAttribute('data-md-color-scheme', scheme)", scheme)
        expect(page.locator(selector).first).to_have_css("filter", style)


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", ["", "tagged/", "full/"])
def test_buttons_of_material_can_all_be_clicked(
    path: str, device: dict[str, Any], with_buttons: str, open_page: OpenPage
) -> None:
    """Material's buttons can be clicked on the picture, in the row of tags and below a full hero, and cover no text."""
    page = open_page(f"{with_buttons}/{path}", **device)
    hero, title, text = (box(page, selector) for selector in (".leonardo-hero", "h1", "article p:not([class])"))
    places = [one.bounding_box() for one in page.locator(".md-content__button").all()]
    first, second = (place for place in places if place is not None)
    assert first["x"] >= second["x"] + second["width"] or second["x"] >= first["x"] + first["width"]
    for number, button in enumerate((first, second)):
        page.locator(".md-content__button").nth(number).click(trial=True)
        assert button["x"] + button["width"] <= hero["x"] + hero["width"]
        assert button["y"] + button["height"] <= min(title["y"], text["y"]) or path == "full/"
        assert (button["y"] > hero["y"]) == (path != "tagged/")
        assert button["y"] + button["height"] <= text["y"]
