"""Measurements on an open page: boxes, colours, contrast, and rules of accessibility."""

from __future__ import annotations

import io
import itertools
from typing import Literal, cast

from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import FloatRect, Page, Route

# Material itself moves two things, with and without a hero on the page, when Chromium happens to paint while it still
# parses: a post's side column, which comes before the article and is laid out behind it, and the button for editing.
SHIFTS = """
    window.shifts = [];
    new PerformanceObserver(list => {
      for (const entry of list.getEntries())
        for (const {node} of entry.sources) {
          const element = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
          if (!element?.closest(".md-sidebar--post, .md-content__button"))
            window.shifts.push([entry.value, element?.outerHTML.slice(0, 80)]);
        }
    }).observe({type: "layout-shift", buffered: true});
"""
VIOLATIONS = """
    window.violations = [];
    addEventListener("securitypolicyviolation", event => window.violations.push(event.violatedDirective));
"""

# Links and buttons on or beside the hero that something else covers.
COVERED = """
    [...document.querySelectorAll(".md-content__button, .leonardo-hero a")].filter(element => {
      const {x, y, width, height} = element.getBoundingClientRect();
      return width && !element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }).map(element => `covered: ${element.outerHTML.slice(0, 80)}`)
"""

# What belongs to the plugin is "ours" in the answer; everything else is the theme's, or the author's.
BROKEN_RULES = """
    axe.run({resultTypes: ["violations"]}).then(({violations}) => violations.flatMap(({id, nodes}) => nodes.map(
      ({target}) => {
        const element = document.querySelector(target[0]);
        return [id, element.closest(".leonardo-hero, .leonardo-card") ? "ours" : "theirs"];
      })))
"""


# What a browser computes for elements, and for what their pseudo-elements show.
STYLES = """
    selector => {
      const names = [...getComputedStyle(document.body)].filter(name => !name.startsWith("--"));
      return [...document.querySelectorAll(selector)].flatMap(element => ["", "::before", "::after"].map(pseudo => {
        const style = getComputedStyle(element, pseudo);
        return pseudo && style.content === "none" ? "" : names.map(name => `${name}: ${style[name]}`).join("; ");
      }));
    }
"""
REPLACE_STYLESHEET = """
    text => {
      document.querySelector("link[href*='/leonardo/hero.'], style.replaced").remove();
      document.head.append(Object.assign(document.createElement("style"), {className: "replaced", textContent: text}));
    }
"""
IN_AND_BESIDE_THE_HERO = ".leonardo-hero, .leonardo-hero *, .leonardo-hero + *, .md-content__inner, .md-content__button"


def looks_of(page: Page, selector: str = IN_AND_BESIDE_THE_HERO) -> list[list[str]]:
    """The computed styles of the elements, for each window, direction, colour scheme and medium with rules."""
    assert page.viewport_size is not None
    looks = []
    for width_px, direction, scheme, media in (
        (1440, "ltr", "default", "screen"),
        (390, "rtl", "slate", "screen"),
        (1440, "ltr", "default", "print"),
    ):
        page.set_viewport_size({"width": width_px, "height": 900})
        page.emulate_media(media=cast('Literal["print", "screen"]', media))
        page.evaluate(
            "([dir, scheme]) => { document.documentElement.dir = dir; document.body.dataset.mdColorScheme = scheme }",
            [direction, scheme],
        )
        looks.append(cast("list[str]", page.evaluate(STYLES, selector)))
    return looks


def broken_rules(page: Page) -> tuple[set[str], set[str]]:
    """The rules of axe-core that the whole page breaks, and those that the plugin's own markup breaks."""
    page.evaluate(AXE_SCRIPT)
    found: list[list[str]] = page.evaluate(BROKEN_RULES)
    return {rule for rule, _ in found}, {rule for rule, whose in found if whose == "ours"}


def faults_in_both_directions(page: Page) -> list[str]:
    """Elements wider than the window or covered, in either direction, and axe-core's findings from right to left."""
    assert page.viewport_size is not None
    faults = []
    for direction in ("ltr", "rtl"):
        page.evaluate("direction => { document.documentElement.dir = document.body.dir = direction }", direction)
        width = page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{direction}: {width} pixels wide"] if width > page.viewport_size["width"] else []
        faults += page.evaluate(COVERED)
    return [*faults, *sorted(broken_rules(page)[1])]


def box(page: Page, selector: str) -> FloatRect:
    """The position and size of the element in CSS pixels."""
    found = page.locator(selector).first.bounding_box()
    assert found is not None
    return found


def the_only(page: Page, held: list[Route]) -> Route:
    """Wait at most a minute for the one request that is held, and return it."""
    for _ in range(6000):
        if held:
            break
        page.wait_for_timeout(10)
    assert len(held) == 1
    return held[0]


def wait_until_drawn(page: Page, selector: str) -> None:
    """Wait until the picture is decoded, also if a new size of the window makes the browser choose another file.

    In that case `decode` is rejected once; for a broken file, `decode` is rejected each time.
    """
    page.locator(selector).evaluate(
        """async image => {
          for (let tries = 0; tries < 50; tries++)
            try { return await image.decode() } catch { await new Promise(done => setTimeout(done, 100)) }
          await image.decode();
        }"""
    )


def worst_contrast(page: Page, selector: str) -> float:
    """White's contrast (WCAG 2.2) with the background of the text, without the brightest 0.5 % of its pixels."""
    # Material lets the colour of code fade for an eighth of a second: the text would still be on the picture.
    page.add_style_tag(
        content=".leonardo-hero__text, .leonardo-hero__text * { color: transparent !important;"
        " text-shadow: none !important; transition: none !important }"
    )
    shot = page.screenshot(clip=box(page, selector), full_page=True)
    with Image.open(io.BytesIO(shot)) as picture:
        pixels = picture.width * picture.height
        colours = cast("list[tuple[int, tuple[int, int, int]]]", picture.convert("RGB").getcolors(pixels))

    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    table = [linear(value) for value in range(256)]
    # Far fewer than pixels.
    shades = sorted((0.2126 * table[r] + 0.7152 * table[g] + 0.0722 * table[b], count) for count, (r, g, b) in colours)
    darker = itertools.accumulate(count for _, count in shades)
    brightest = next(shade for (shade, _), up_to in zip(shades, darker, strict=True) if up_to > int(pixels * 0.995))
    return 1.05 / (brightest + 0.05)
