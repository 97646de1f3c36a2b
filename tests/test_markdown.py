"""The Markdown extension by itself, with and without Zensical's context."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown import Markdown
from markdown.extensions import Extension
from zensical.extensions.context import ContextExtension, Page

from mkdocs_leonardo.page.manifest import Manifest, ShownHero, digest_request, write_manifest
from mkdocs_leonardo.spec import CENTER, MANIFEST, HeroAsset, HeroSpec, PictureSpec, Rendering, Scrim, Source, Variant

NAME = "mkdocs_leonardo.markdown"
VARIANT = Variant("hero", "jpeg", 480, 270, "0123-480.jpg", Path(), "0123-480.jpg", "", 0)
ASSET = HeroAsset(
    "0123", "local", "", Source.PAINTED, Rendering((VARIANT,), "data:", "#123456", Scrim(5, 5, 5, 5, 5, 5), 480, 270)
)
TEXT = "# Title\n\nText."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A site with one published picture."""
    shown = ShownHero(digest_request(HeroSpec("a/b.md", PictureSpec("sea"))), CENTER, ASSET)
    for folder in ("docs/assets/leonardo", "docs/other"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / VARIANT.name).write_bytes(b"")
        (tmp_path / folder / MANIFEST).write_bytes(write_manifest(Manifest(heroes={"a/b.md": shown})))
    return tmp_path


def context(root: Path) -> ContextExtension:
    """Zensical's context of one page."""
    page = Page(url="a/b/", path="a/b.md", meta={"hero_prompt": "sea"})
    return ContextExtension(page=page, config={"root_dir": str(root), "docs_dir": "docs", "site_url": None})


def test_without_the_context_of_zensical_nothing_changes(caplog: pytest.LogCaptureFixture) -> None:
    """Without Zensical's context, as on MkDocs, the extension changes nothing."""
    assert Markdown(extensions=[NAME]).convert(TEXT) == Markdown().convert(TEXT)
    assert caplog.records == []


def test_parts_that_other_extensions_convert_get_no_hero(root: Path) -> None:
    """Parts that other extensions convert, such as docstrings, get no hero, and the page has one."""
    extensions: list[str | Extension] = [context(root), NAME]
    outer = Markdown(extensions=extensions)
    inner = Markdown(extensions=extensions)
    assert outer.convert(TEXT).count("<header") == 1
    assert inner.convert("# Part") == "<h1>Part</h1>"
    assert Markdown(extensions=[context(root), NAME]).convert("").count("<header") == 1


def test_option_assets_names_another_folder(root: Path) -> None:
    """The option `assets` names the folder below docs_dir, and addresses are relative to the page's source."""
    html = Markdown(extensions=[context(root), NAME], extension_configs={NAME: {"assets": "other/"}}).convert(TEXT)
    assert 'src="../other/0123-480.jpg"' in html
    assert '<link rel="stylesheet" href="../other/hero.css">' in html


def test_host_that_says_something_else_is_survived(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A context of another form is one message, and the page is built without a hero."""
    page = Page(url="a/b/", path="a/b.md", meta={"hero_prompt": "sea"})
    html = Markdown(extensions=[ContextExtension(page=page, config={"root": str(root)}), NAME]).convert(TEXT)
    assert html == Markdown().convert(TEXT)
    assert "a/b.md: no hero" in caplog.text


def test_picture_without_its_files_is_not_shown(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A manifest without its pictures gives no hero, and the message names the command."""
    (root / "docs/assets/leonardo" / VARIANT.name).unlink()
    assert Markdown(extensions=[context(root), NAME]).convert(TEXT) == Markdown().convert(TEXT)
    assert "a/b.md: not all files of its image" in caplog.text
    assert "run `mkdocs-leonardo generate --into docs/assets/leonardo`" in caplog.text
