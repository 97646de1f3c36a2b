"""Pages that another plugin encrypts, with heroes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from builds import Site, page
from cli_rig import Shell
from services import Services

from mkdocs_leonardo.host.pages import is_content_replaced

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

#: What encryptcontent does to a page with a password: it says so as soon as the page is read.
MARKED = """
def on_page_markdown(markdown, page, **kwargs):
    if page.meta.pop("password", None):
        page.encryptcontent = {"type": "password"}

def on_page_context(context, page, **kwargs):
    if hasattr(page, "encryptcontent"):
        page.content = '<form id="mkdocs-encrypted-content">U2FsdGVkX1</form>'
"""
#: A plugin of another kind, which says nothing beforehand.
SILENT = """
def on_page_content(html, page, **kwargs):
    return "<form>U2FsdGVkX1</form>" if page.meta.get("password") else html
"""


@pytest.mark.parametrize("hook", [MARKED, SILENT], ids=["marked", "silent"])
def test_encrypted_page_has_no_hero_and_one_warning(tmp_path: Path, services: Services, hook: str) -> None:
    """An encrypted page has neither picture nor texts in the clear; the page beside it has its hero."""
    texts = {"hero_alt": "the secret vault", "hero_tagline": "opened at last"}
    pages = {
        "index.md": page("Home", hero_prompt="a harbour"),
        "vault.md": page("Vault", hero_prompt="a vault", password="x", **texts),
    }
    site = Site(tmp_path, pages, config={"hooks": ["hook.py"]})
    (tmp_path / "hook.py").write_text(hook, encoding="utf-8")

    built = site.build(services)

    html = built.html("vault/index.html")
    assert "U2FsdGVkX1" in html
    for text in ("leonardo", *texts.values()):
        assert text not in html
    assert 'data-provider="leonardo"' in built.html("index.html")
    (warning,) = built.warnings
    assert warning.startswith("vault.md: hero_prompt is not used, since another plugin encrypts the page")
    if hook == MARKED:
        assert {job.prompt for job in services.ledger.jobs} == {"a harbour"}
        assert [one["page"] for one in Shell(site, services)("status", "--json").json["pages"]] == ["index.md"]


@pytest.mark.parametrize(
    ("content", "is_replaced"),
    [
        ('<h1 id="a">A</h1>', False),
        ("<h1 class=x id=a>A</h1>", False),
        ("<H1 ID='a'>A</H1>", False),
        ('<h1 id="another id"><h2 id="a">', False),
        ('<div data-id="a" id="other">b64</div>', True),
    ],
)
def test_rewritten_html_is_no_encrypted_page(content: str, *, is_replaced: bool) -> None:
    """A page is encrypted if its content has none of its headings, however a plugin writes their ids."""
    page = SimpleNamespace(content=content, toc=[SimpleNamespace(id="a")])

    assert is_content_replaced(cast("Page", page)) is is_replaced
