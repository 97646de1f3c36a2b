"""Measures the contrast of text on photographs, pixel by pixel of the glyphs, and the faults of the layouts.

    python tests/benchmarks/bench_legibility.py FOLDER [--layouts …] [--themes …] [--windows …] [--part 1/4]

Each picture in FOLDER is the hero of a page in each layout, with a short and a long title in turn. Chromium shows each
page in each theme, window, colour scheme and direction of script. These are printed for each theme and layout:

- the text blocks (title, tagline, credit) with less than 4.5:1 (WCAG 2.2, 1.4.3) in over 0.5 % of the glyph pixels.
  The text's shadow does not count as background. The worst share follows.
- the share of all glyph pixels below that contrast,
- the mean, median and largest alpha of the shade over the pictures, and the mean in each window,
- pages that scroll sideways, layout shifts, controls out of reach, and axe-core rules that our markup breaks.
"""

from __future__ import annotations

import argparse
import io
import itertools
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import FloatRect, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser.conftest import FLAGS, find_browser
from browser.looking import SHIFTS, broken_rules, wait_until_drawn
from browser.sites import LONG_TITLE, TEXT
from builds import Site, page

TITLES = ("A lighthouse in a storm", LONG_TITLE)
TAGLINE = "What a keeper sees when the wind turns north, and how the lamp is kept alight"
LAYOUTS = ("content", "full", "stacked", "split", "auto")
WINDOWS = {320: 640, 390: 844, 768: 1024, 1024: 768, 1440: 900, 2560: 1300}
THEMES: dict[str, dict[str, Any]] = {
    "material": {"name": "material", "font": False, "features": ["content.action.edit", "content.action.view"]},
    "mkdocs": {"name": "mkdocs", "highlightjs": False},
    "readthedocs": {"name": "readthedocs", "highlightjs": False},
}
BLOCKS = ("h1", ".leonardo-hero__tagline", ".leonardo-hero__credit")
MAX_SHARE = 0.005
RATIO = 4.5
#: A luminance is a byte in which this value is the brightest (or darkest) on which the text has `RATIO`.
LIMIT = 120
#: Text alone, black on white; and what lies behind it alone.
TEXT_ONLY = """
.leonardo-hero * { background: none !important }
.leonardo-hero { background: #fff !important }
.leonardo-hero img, .leonardo-hero__ground, .leonardo-hero::after { visibility: hidden !important }
.leonardo-hero__ground::after { visibility: hidden !important }
.leonardo-hero *, .leonardo-hero h1 * { color: #000 !important; text-shadow: none !important; opacity: 1 !important;
  transition: none !important; text-decoration: none !important }
"""
GROUND_ONLY = """
.leonardo-hero :is(h1, p, figcaption), .leonardo-hero :is(h1, p) * { color: transparent !important;
  text-shadow: none !important; transition: none !important; text-decoration: none !important }
"""
PLACES = """selectors => selectors.map(selector => {
  const element = document.querySelector('.leonardo-hero ' + selector);
  if (!element) return null;
  const {x, y, width, height} = element.getBoundingClientRect();
  return [x, y + scrollY, x + width, y + scrollY + height, getComputedStyle(element).color];
})"""
ALPHA = "found => found.map(one => getComputedStyle(one, '::after').backgroundColor)"
DARK = """is_dark => {
  document.body.dataset.mdColorScheme = is_dark ? "slate" : "default";
  document.documentElement.dataset.bsTheme = is_dark ? "dark" : "light";
}"""
COVERED = """() => [...document.querySelectorAll('.md-content__button, .leonardo-hero a')].filter(element => {
  const {x, y, width, height} = element.getBoundingClientRect();
  if (!width) return false;
  const top = document.elementFromPoint(x + width / 2, y + height / 2);
  return !(element === top || element.contains(top));
}).map(element => element.outerHTML.slice(0, 60))"""


def linear(value: float) -> float:
    """The sRGB byte as light (WCAG 2.2, "relative luminance")."""
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def failing(ground: Image.Image, glyphs: Image.Image, colour: str) -> tuple[int, int]:
    """Count the glyph pixels with too little contrast to the background, and all glyph pixels."""
    red, green, blue = map(float, re.findall(r"[\d.]+", colour)[:3])
    light = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    is_light = light > 0.18
    limit = (light + 0.05) / RATIO - 0.05 if is_light else (light + 0.05) * RATIO - 0.05
    table = [min(255.0, linear(v) * share / limit * LIMIT) for share in (0.2126, 0.7152, 0.0722) for v in range(256)]
    # Each channel's part is rounded: half a step of 120 each.
    shown = ground.point([round(value) for value in table]).convert("L", (1.0, 1.0, 1.0, 0.0))
    wrong = shown.point(lambda value: 255 * (value > LIMIT + 2 if is_light else value < LIMIT - 2))
    mask = glyphs.point(lambda value: 255 * (value < 128))
    return ImageChops.multiply(wrong, mask).histogram()[255], mask.histogram()[255]


class Reader:
    """One window of the browser, and what it has measured."""

    def __init__(self, reader: Page, shots: Path | None) -> None:
        self._page = reader
        self._shots = shots
        self._glyphs: dict[tuple[object, ...], Image.Image] = {}
        self.blocks: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        self.pixels: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self.shades: dict[tuple[str, str, int], list[float]] = defaultdict(list)
        self.faults: list[str] = []

    def read(self, address: str, kind: tuple[str, str, int], name: str, windows: list[int]) -> None:
        """Measure one page in all windows, schemes and directions; `kind` is its theme, its layout and its title."""
        self._page.set_viewport_size({"width": windows[0], "height": WINDOWS[windows[0]]})
        self._page.goto(address, wait_until="load")
        shifts = self._page.evaluate("window.shifts")
        self.faults += [f"{name}: shift {shift}" for shift in shifts]
        for width, direction in itertools.product(windows, ("ltr", "rtl")):
            self._page.evaluate("dir => { document.documentElement.dir = document.body.dir = dir }", direction)
            self._page.set_viewport_size({"width": width, "height": WINDOWS[width]})
            wait_until_drawn(self._page, ".leonardo-hero__image")
            where = f"{name} {width} {direction}"
            if self._page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                self.faults.append(f"{where}: scrolls sideways")
            self.faults += [f"{where}: covered {each}" for each in self._page.evaluate(COVERED)]
            # White text does not follow the scheme, and Read the Docs has one.
            is_apart = kind[1] in {"stacked", "split", "auto"} and kind[0] != "readthedocs"
            for scheme in ("default", "slate") if is_apart else ("default",):
                self._page.evaluate(DARK, scheme == "slate")
                self._measure(kind, width, direction, f"{where} {scheme}")
            if direction == "ltr":
                shades = self._page.locator(".leonardo-hero__ground").evaluate_all(ALPHA) or ["rgba(0, 0, 0, 0)"]
                self.shades[kind[0], kind[1], width].append(float(shades[0].rstrip(")").rpartition(",")[2]))

    def _measure(self, kind: tuple[str, str, int], width: int, direction: str, where: str) -> None:
        places = self._page.evaluate(PLACES, list(BLOCKS))
        if self._shots is not None and direction == "ltr":
            self._page.screenshot(path=self._shots / f"{where.replace(' ', '-').replace('/', '-')}.png")
        ground = self._shot(GROUND_ONLY)
        key = (*kind, self._page.locator(".leonardo-hero").get_attribute("class"), width, direction)
        if key not in self._glyphs:
            self._glyphs[key] = self._shot(TEXT_ONLY).convert("L")
        glyphs = self._glyphs[key]
        for block, place in zip(BLOCKS, places, strict=True):
            if place is None:
                continue
            box = (max(0, int(place[0])), int(place[1]), min(ground.width, round(place[2])), round(place[3]))
            wrong, number = failing(ground.crop(box), glyphs.crop(box), place[4])
            if not number:
                self.faults.append(f"{where}: no glyphs in {block}")
                continue
            below = self.pixels[kind[0], kind[1]]
            below[:] = below[0] + wrong, below[1] + number
            self.blocks[kind[0], kind[1]].append((wrong / number, f"{where} {block}"))

    def _shot(self, style: str) -> Image.Image:
        sheet = self._page.add_style_tag(content=style)
        hero = self._page.locator(".leonardo-hero").bounding_box()
        assert hero is not None
        size = self._page.viewport_size
        assert size is not None
        # From the top of the page, so that coordinates of the page are those of the picture.
        clip: FloatRect = {"x": 0.0, "y": 0.0, "width": float(size["width"]), "height": hero["y"] + hero["height"]}
        shot = self._page.screenshot(clip=clip, full_page=True)
        sheet.evaluate("sheet => sheet.remove()")
        return Image.open(io.BytesIO(shot)).convert("RGB")

    def judge_by_axe(self, name: str) -> None:
        """The rules of axe-core that the plugin's markup on the open page breaks."""
        self.faults += [f"{name}: axe {rule}" for rule in sorted(broken_rules(self._page)[1])]


def site_of(folder: Path, theme: str, pictures: list[Path], layouts: list[str]) -> Site:
    """Build a site with a page for each picture and layout."""
    pages: dict[str, str | bytes] = {f"{number}.jpg": path.read_bytes() for number, path in enumerate(pictures)}
    for (number, _), layout in itertools.product(enumerate(pictures), layouts):
        title = TITLES[number % 2]
        wide = {"hide": ["navigation", "toc"]} if layout == "split" else {}
        pages[f"{layout}{number}.md"] = page(
            title, TEXT, hero_image=f"{number}.jpg", hero_layout=layout, hero_tagline=TAGLINE, **wide
        )
    pages["index.md"] = page("Home")
    config = {
        "theme": THEMES[theme],
        "use_directory_urls": False,
        "nav": ["index.md", f"{layouts[0]}0.md"],
        "repo_url": "https://example.org/r",
        "edit_uri": "edit/main/docs",
        "validation": {"nav": {"omitted_files": "ignore"}},
    }
    return Site(folder, pages, {"formats": ["jpeg"], "widths": [768, 1536], "credit": True}, config)


def main() -> None:
    """Read the arguments, measure every page, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    parser.add_argument("--themes", default=",".join(THEMES))
    parser.add_argument("--windows", default=",".join(map(str, WINDOWS)))
    parser.add_argument("--part", default="1/1", help="2/4: every fourth picture, from the second on")
    parser.add_argument("--shots", type=Path, help="keep a screenshot of each page in this folder")
    given = parser.parse_args()
    start, step = map(int, given.part.split("/"))
    pictures = sorted(path for path in given.folder.iterdir() if path.suffix in {".jpg", ".png"})[start - 1 :: step]
    layouts, windows = given.layouts.split(","), [int(width) for width in given.windows.split(",")]
    if given.shots:
        given.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        window = chromium.new_page()
        window.add_init_script(SHIFTS)
        reader = Reader(window, given.shots)
        for theme in given.themes.split(","):
            site = site_of(Path(name, theme), theme, pictures, layouts)
            site.configure(None)
            subprocess.run(site.command("--quiet"), cwd=site.folder, env=site.environ(None), check=True)
            for (number, picture), layout in itertools.product(enumerate(pictures), layouts):
                address = (site.folder / f"site/{layout}{number}.html").as_uri()
                turned = windows[number % len(windows) :] + windows[: number % len(windows)]
                title = f"{theme} {layout} {picture.stem}"
                reader.read(address, (theme, layout, number % 2), title, turned)
                if number == 0:
                    reader.judge_by_axe(title)
        chromium.close()
    report(reader)


def report(reader: Reader) -> None:
    """Print the figures."""
    print("theme layout: blocks, those above 0.5 %, worst, all glyph pixels below 4.5:1; alpha mean, median, most")
    for kind, blocks in reader.blocks.items():
        bad = sorted((block for block in blocks if block[0] > MAX_SHARE), reverse=True)
        wrong, number = reader.pixels[kind]
        alphas = {width: reader.shades[(*kind, width)] for width in WINDOWS if reader.shades[(*kind, width)]}
        every = list(itertools.chain.from_iterable(alphas.values()))
        print(
            f"{' '.join(kind)}: {len(blocks)}, {len(bad)}, {max(blocks)[0]:.2%}, {wrong / number:.4%};"
            f" {statistics.mean(every):.3f}, {statistics.median(every):.3f}, {max(every):.3f}"
        )
        for share, where in bad[:10]:
            print(f"  {share:.2%} {where}")
        print("  means: " + ", ".join(f"{width} px {statistics.mean(each):.3f}" for width, each in alphas.items()))
    print(f"{len(reader.faults)} other faults")
    kinds: dict[str, list[str]] = defaultdict(list)
    for fault in reader.faults:
        where, _, what = fault.partition(": ")
        kinds[what].append(where)
    for what, places in kinds.items():
        print(f"  {len(places)} times, first in {places[0]}: {what}")


if __name__ == "__main__":
    main()
