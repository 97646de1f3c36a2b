"""A small MkDocs plugin that puts heroes and cards on pages without generating anything."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mkdocs.config.base import Config
from mkdocs.plugins import BasePlugin, event_priority
from mkdocs.utils import get_relative_url

from mkdocs_leonardo.page import head, markup, stylesheet, themes
from mkdocs_leonardo.spec import CENTER, FocalPoint, HeroAsset, HeroSpec, MarkupOptions

FOLDER = "assets/leonardo"


class NoOptions(Config):
    """A plugin configuration without options."""


class HeroPlugin(BasePlugin[NoOptions]):
    """A plugin that shows the picture which a page's metadata names."""

    def __init__(self, assets: Mapping[str, HeroAsset]) -> None:
        super().__init__()
        self._assets = assets
        self._headers: dict[str, str] = {}
        self._pages_with_cards: set[str] = set()
        self._specs: list[HeroSpec] = []

    def on_page_markdown(self, markdown: str, *, page: Any, config: Any, files: Any) -> None:  # noqa: ANN401, ARG002 - the host's
        """Note the page's layout and focus for the stylesheet."""
        if "picture" in page.meta:
            self._specs.append(_spec(page.meta))

    @event_priority(-110)
    def on_page_context(self, context: Any, *, page: Any, config: Any, nav: Any) -> Any:  # noqa: ANN401, ARG002 - the host's
        """Put the hero into the content, and a card on every excerpt."""
        url = partial(_url, page.url)
        hidden = frozenset(page.meta.get("hide", ()))
        for index, excerpt in enumerate(context.get("posts", ())):
            post = excerpt.post
            asset = self._assets[post.meta["picture"]]
            excerpt.content = markup.insert_card(
                excerpt.content,
                markup.render_card(
                    asset,
                    _spec(post.meta),
                    href=get_relative_url(post.url, page.url),
                    url=url,
                    sizes=themes.compute_sizes("material", "content", hidden=hidden, is_card=True),
                    is_eager=index == 0,
                ),
            )
            self._pages_with_cards.add(page.url)
        if "picture" not in page.meta:
            return context
        is_post = "blog-post" in page.meta.get("template", "")

        def header(heading: str) -> str:
            self._headers[page.url] = markup.render_hero(
                self._assets[page.meta["picture"]],
                _spec(page.meta),
                heading,
                markup.TargetPage("", page.url, "", hidden, is_post),
                url=url,
                theme=config.theme.name or "",
                markup=MarkupOptions(credit=bool(page.meta.get("credit"))),
            )
            return self._headers[page.url]

        page.content = markup.insert_hero(page.content, header, page.title or "")
        return context

    @event_priority(50)
    def on_post_page(self, output: str, *, page: Any, config: Any) -> str:  # noqa: ANN401 - the host's
        """Link the stylesheet, and let a hero in full layout span the window."""
        has_hero = page.url in self._headers
        if has_hero and page.meta.get("layout") == "full":
            output = markup.place_full(output, self._headers[page.url])
        if not has_hero and page.url not in self._pages_with_cards:
            return output
        asset = self._assets[page.meta["picture"]] if has_hero else None
        origin = head.make_linked_data(asset, "", caption="</script><b>") if asset is not None else ""
        return head.insert_head(output, stylesheet_url=_url(page.url, self._stylesheet(config)[0]), origin=origin)

    def on_post_build(self, *, config: Any) -> None:  # noqa: ANN401 - the host's
        """Write the pictures and the stylesheet."""
        folder = Path(config.site_dir, FOLDER)
        folder.mkdir(parents=True)
        name, content = self._stylesheet(config)
        (folder / name).write_bytes(content)
        for asset in self._assets.values():
            for variant in asset.rendering.variants:
                shutil.copyfile(variant.path, folder / variant.name)

    def _stylesheet(self, config: Any) -> tuple[str, bytes]:  # noqa: ANN401 - the host's
        theme, has_cards = config.theme.name or "", bool(self._pages_with_cards) or "material/blog" in config.plugins
        return stylesheet.build_stylesheet(self._specs, theme, MarkupOptions(cards=has_cards, credit=True))


def _url(page_url: str, name: str) -> str:
    return get_relative_url(f"{FOLDER}/{name}", page_url)


def _spec(meta: Mapping[str, Any]) -> HeroSpec:
    return HeroSpec(
        page="page.md",
        alt=meta.get("alt", ""),
        tagline=meta.get("tagline", ""),
        focus=FocalPoint(0.1, 0.5) if meta.get("focus") == "left" else CENTER,
        layout=meta.get("layout", "content"),
    )
