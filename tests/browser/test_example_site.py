"""Some pages of the example site, built with the plugin, in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from builds import Site, page
from images import bright
from playwright.sync_api import ConsoleMessage, Error, Page, expect

from browser.looking import SHIFTS, VIOLATIONS, broken_rules, worst_contrast
from browser.sites import DESKTOP, PHONE, TEXT, Sites
from browser.windows import Windows

EXAMPLE = Path(__file__).parents[2] / "example-site"
KEPT = (
    "images/makers.svg",
    "index.md",
    "blog/.authors.yml",
    "blog/index.md",
    "blog/posts/img-not-background.md",
    "stylesheets/site.css",
)
PAGES = ("", "own/", "full/", "blog/img-not-background/")
BARE = """<!doctype html><html lang="en"><head><link rel="icon" href="data:,">
<title>{{ page.title }}</title></head>
<body><main>{{ page.content }}</main></body></html>"""


@dataclass  # not frozen: Playwright notes in it what listens
class Visit:
    """A loaded page, and the errors that its browser reported."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def hear_error(self, error: Error) -> None:
        """Note an exception of a script."""
        self.complaints.append(str(error))

    def hear_message(self, message: ConsoleMessage) -> None:
        """Note an error in the browser's console."""
        if message.type == "error":
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def address(sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of two sites: a part of the example site with small files, and the same heroes in a bare theme."""
    folder = tmp_path_factory.mktemp("example")
    config: dict[str, Any] = yaml.safe_load((EXAMPLE / "mkdocs.yml").read_text(encoding="utf-8"))
    del config["nav"]
    plugins = [plugin for plugin in config.pop("plugins") if "leonardo" not in plugin]
    prompt = {"hero_prompt": "a lighthouse in a storm, dawn", "hero_tagline": "What a keeper sees at night"}
    pages: dict[str, str | bytes] = {
        **{name: (EXAMPLE / "docs" / name).read_bytes() for name in KEPT},
        "own.md": page("An author's own picture", TEXT, hero_image="own.png", hero_alt="A grey sky"),
        "full.md": page("Across the window", TEXT, **prompt, hero_layout="full"),
        "own.png": bright(),
    }
    options = {"widths": [480, 768], "cache_dir": str(folder / "cache"), "credit": True}
    shutil.copytree(EXAMPLE / "overrides", folder / "example/overrides")
    config |= {"site_dir": str(sites.folder / "example")}
    built = Site(folder / "example", pages, options, config, plugins).build()
    assert built.exit_code == 0, built.log
    (folder / "bare").mkdir()
    (folder / "bare/main.html").write_text(BARE, encoding="utf-8")
    bare = {
        "theme": {"name": None, "custom_dir": str(folder / "bare")},
        "site_dir": str(sites.folder / "strict-example"),
    }
    wanted = {name: text for name, text in pages.items() if name in {"full.md", "own.md", "own.png"}}
    built = Site(folder / "strict", wanted, options, bare, ()).build()
    assert built.exit_code == 0, built.log
    return sites.address


@pytest.fixture
def visit(windows: Windows, address: str) -> Iterator[Any]:
    """Opens a page of a site in a window of its own, waits for its hero, and notes errors."""
    visits = []

    def visit(path: str, **options: Any) -> Visit:  # noqa: ANN401 - Playwright's own options
        kind, page = windows.take(SHIFTS + VIOLATIONS, **options)
        opened = Visit(page)
        visits.append((kind, opened))
        page.on("pageerror", opened.hear_error)
        page.on("console", opened.hear_message)
        page.goto(f"{address}/{path}", wait_until="load")
        page.evaluate("Promise.all([...document.images].map(image => image.loading == 'lazy' || image.decode()))")
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return opened

    yield visit
    for kind, opened in visits:
        opened.page.remove_listener("pageerror", opened.hear_error)
        opened.page.remove_listener("console", opened.hear_message)
        windows.give_back(kind, opened.page)


@pytest.mark.parametrize(("device", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_still_whole_and_readable(path: str, device: dict[str, Any], scheme: str, visit: Any) -> None:  # noqa: ANN401 - a function with any options
    """The page neither shifts nor reports errors, has one heading in its hero, and readable text on the picture."""
    visited = visit(f"example/{path}", **device, color_scheme=scheme)
    page = visited.page
    assert page.evaluate("window.shifts") == []
    assert visited.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") == page.evaluate("innerWidth")
    assert page.locator("h1").count() == 1
    expect(page.locator(".leonardo-hero h1")).to_be_in_viewport()
    expect(page.locator(".leonardo-hero__image")).to_be_in_viewport(ratio=0.5)
    assert page.locator(".leonardo-hero__image").evaluate("image => image.naturalWidth") > 0
    assert worst_contrast(page, ".leonardo-hero h1") >= 4.5
    if page.locator(".leonardo-hero__tagline").count():
        assert worst_contrast(page, ".leonardo-hero__tagline") >= 4.5


@pytest.mark.parametrize("path", [*PAGES, "blog/"])
def test_page_says_the_same_to_who_cannot_see_it(path: str, visit: Any) -> None:  # noqa: ANN401 - a function with any options
    """The page has a language, a description, a name for every picture and dialog, and no empty link."""
    page = visit(f"example/{path}", **PHONE).page
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator('meta[name="description"]').get_attribute("content")
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator('[role="dialog"]:not([aria-label])').count() == 0
    links = page.get_by_role("link", include_hidden=False)
    assert links.evaluate_all("all => all.filter(a => !(a.ariaLabel ?? a.title + a.innerText).trim()).length") == 0
    if path == "own/":
        expect(page.locator(".leonardo-hero")).to_match_aria_snapshot(
            '- img "A grey sky"\n- heading /An author.s own picture/ [level=1]'
        )


@pytest.mark.parametrize(("device", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", [*PAGES, "blog/"])
def test_page_breaks_no_rule_of_accessibility(path: str, device: dict[str, Any], scheme: str, visit: Any) -> None:  # noqa: ANN401 - a function with any options
    """Heroes and cards break no rule of axe-core, and the rest of the page breaks only two, because of Material."""
    page = visit(f"example/{path}", **device, color_scheme=scheme).page
    everywhere, ours = broken_rules(page)
    # A blog's two navigations without names, and wide code that no key can scroll.
    of_material = {"landmark-unique", "scrollable-region-focusable"}
    assert (everywhere - of_material, ours) == (set(), set())


def test_blog_view_shows_the_cover_of_its_post(visit: Any) -> None:  # noqa: ANN401 - a function with any options
    """A card in a real blog shifts nothing, and its picture leads to the post."""
    visited = visit("example/blog/", **DESKTOP)
    page = visited.page
    assert (page.evaluate("window.shifts"), visited.complaints) == ([], [])
    page.locator("a.leonardo-card").scroll_into_view_if_needed()
    assert page.locator(".leonardo-card img").evaluate("async image => (await image.decode(), image.naturalWidth)") > 0
    page.locator("a.leonardo-card").click()
    expect(page).to_have_url(f"{page.url.partition('/example/')[0]}/example/blog/img-not-background/")


@pytest.mark.parametrize("path", ["own/", "full/"])
def test_strict_policy_has_nothing_to_report_on_the_plugin(path: str, visit: Any) -> None:  # noqa: ANN401 - a function with any options
    """The plugin's markup works under `default-src 'self'; img-src 'self' data:`."""
    visited = visit(f"strict-example/{path}", **DESKTOP)
    page = visited.page
    assert (page.evaluate("window.violations"), visited.complaints) == ([], [])
    expect(page.locator(".leonardo-hero")).to_have_css("display", "grid")
    assert page.locator(".leonardo-hero__placeholder").evaluate("image => image.naturalWidth") == 16
    assert page.locator(".leonardo-hero__image").evaluate("image => image.naturalWidth") > 0
