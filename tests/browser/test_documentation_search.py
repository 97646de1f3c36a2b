"""The search of the built documentation in a browser, asked about symptoms."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from builds import Site
from playwright.sync_api import Browser

from browser.sites import Sites

EXAMPLE = Path(__file__).parents[2] / "example-site"
#: What a reader types, and where the answer is.
QUESTIONS = {
    "my CI shows painted pictures": "guide/troubleshooting/#my-ci-shows-painted-pictures",
    "I don't like this picture": "guide/commands/#i-dont-like-this-picture",
    "the build failed in strict mode": "guide/troubleshooting/#the-build-failed-in-strict-mode",
    "I paid but see no picture": "guide/troubleshooting/#i-paid-but-see-no-picture",
    "Leonardo is down": "money/failures/#leonardo-is-down-what-does-my-site-show",
    "how do I use my own picture": "guide/look/#how-do-i-use-my-own-picture",
    "how much will it cost": "money/costs/",
    "move to Zensical": "guide/zensical/",
    "text on the picture is hard to read": "guide/look/#the-text-on-the-picture-is-hard-to-read",
    "how do I stop it spending": "money/costs/#how-do-i-stop-it-spending",
}
#: The results that the dialog shows before a reader scrolls.
SHOWN = """all => all
    .filter(a => a.checkVisibility() && a.getBoundingClientRect().bottom <= innerHeight)
    .map(a => a.href)
"""


@pytest.fixture(scope="module")
def found(browser: Browser, sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The search results that a reader sees for each question, on the documentation without heroes."""
    config = yaml.safe_load((EXAMPLE / "mkdocs.yml").read_text(encoding="utf-8"))
    plugins = [plugin for plugin in config.pop("plugins") if "leonardo" not in plugin]
    config["theme"]["custom_dir"] = str(EXAMPLE / "overrides")
    config |= {"docs_dir": str(EXAMPLE / "docs"), "site_dir": str(sites.folder / "documentation")}
    built = Site(tmp_path_factory.mktemp("documentation"), {}, {"enabled": False}, config, plugins).build()
    assert built.exit_code == 0, built.log
    page = browser.new_page()
    page.goto(f"{sites.address}/documentation/", wait_until="load")
    start = page.url
    results: dict[str, list[str]] = {}
    for question, answer in QUESTIONS.items():
        page.goto(start, wait_until="load")
        page.keyboard.press("f")
        page.keyboard.type(question)
        results[question] = []
        # The panel opens, and the list changes with every letter.
        for _ in range(100):
            shown = page.locator(".md-search-result__link").evaluate_all(SHOWN)
            results[question] = [link.removeprefix(start).partition("?")[0] + _anchor(link) for link in shown]
            if answer in results[question]:
                break
            page.wait_for_timeout(100)
    page.close()
    return results


def _anchor(link: str) -> str:
    place, sign, anchor = link.partition("#")
    return f"{sign}{anchor}" if "?" in place else ""


@pytest.mark.parametrize("question", QUESTIONS)
def test_search_shows_the_answer_among_the_first_results(question: str, found: dict[str, list[str]]) -> None:
    """The search leads from a symptom in the reader's words to the heading with the answer."""
    assert QUESTIONS[question] in found[question], found[question]
