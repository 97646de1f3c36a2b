"""Images for sharing: their addresses in metadata and feeds, and as backgrounds of Material's social cards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from mkdocs_leonardo.host.configuration import base_name
from mkdocs_leonardo.page.site_markup import SiteMarkup, make_absolute_url
from mkdocs_leonardo.spec import SITE_FOLDER, is_social_name, social_name

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.spec import HeroAsset, HeroSpec

_ENCLOSURE = re.compile(r'(<enclosure url="([^"]*)"[^>]*? length=")None(")')


class SocialImages:
    """The `image` in pages' metadata, which RSS and social plugins read before the images exist.

    `site_url` is the site's address. If it is "", no address is announced.
    """

    def __init__(self, site_url: str) -> None:
        self._site_url = site_url
        self._announced_paths: dict[str, str] = {}

    def announce(self, page: Page, hero: HeroSpec, key: str) -> None:
        """Write the future address of the page's picture into the page's metadata, unless that has an image."""
        if self._site_url and key and "image" not in page.meta:
            site_path = f"{SITE_FOLDER}/{social_name(key, hero.focus)}"
            page.meta["image"] = make_absolute_url(self._site_url, site_path)
            self._announced_paths[page.file.src_uri] = site_path

    def correct(self, site: SiteMarkup, files: Files) -> dict[str, str]:
        """Correct the metadata of pages whose picture has another address than announced.

        Returns, for each announced address that turned out wrong, the cache file to publish there too.
        """
        copies: dict[str, str] = {}
        for page_path, site_path in self._announced_paths.items():
            page_file = files.get_file_from_path(page_path)
            page = page_file.page if page_file is not None else None
            picture = site.get_social_picture(page_path)
            if picture is None:
                if page is not None:
                    page.meta.pop("image", None)
                continue
            picture_path = f"{SITE_FOLDER}/{picture.name}"
            if picture_path == site_path:
                continue
            copies[site_path] = picture.path_text
            if page is not None:
                page.meta["image"] = make_absolute_url(self._site_url, picture_path)
        return copies

    def retract(self, page: Page) -> None:
        """Remove the announced address from the page's metadata."""
        if self._announced_paths.pop(page.file.src_uri, None):
            page.meta.pop("image", None)


def mend_feeds(config: MkDocsConfig, pictures: Mapping[str, str]) -> None:
    """Write the sizes of the pictures into the feeds of mkdocs-rss-plugin, which looks for them on the published site.

    `pictures` maps paths in the site to files.
    """
    site_url = config.site_url
    if "rss" not in config.plugins or not site_url or not pictures:
        return
    sizes = {
        make_absolute_url(site_url, quote(site_path)): Path(path).stat().st_size
        for site_path, path in pictures.items()
        if is_social_name(site_path)
    }
    for path in Path(config.site_dir).glob("*.xml"):
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        mended = _ENCLOSURE.sub(lambda match: _fill_size(match, sizes), text)
        if mended != text:
            path.write_text(mended, encoding="utf-8", errors="surrogateescape")


def _fill_size(match: re.Match[str], sizes: Mapping[str, int]) -> str:
    size = sizes.get(match[2].replace("&amp;", "&"))
    return match[0] if size is None else f"{match[1]}{size}{match[3]}"


def set_card_background(page: Page, asset: HeroAsset) -> None:
    """Make the picture the background of the card that Material's social plugin draws while pages are read.

    The card has 1200 x 630 pixels; the image for sharing fits it best.
    """
    variants = asset.rendering.variants
    drawable = [variant for variant in variants if variant.format == "jpeg"] or variants
    if not drawable:
        return
    picture = max(drawable, key=lambda variant: (variant.role == "social", variant.width_px)).path
    social = page.meta.setdefault("social", {})
    options = social.setdefault("cards_layout_options", {}) if isinstance(social, dict) else None
    if isinstance(options, dict) and "background_image" not in options:
        # The plugin's own default is opaque; half black keeps its white text readable on any picture.
        page.meta["social"] = {
            **social,
            "cards_layout_options": {"background_color": "#00000088", **options, "background_image": str(picture)},
        }


def has_social_cards(config: MkDocsConfig) -> bool:
    """Return whether Material's social plugin draws cards without a background of the site's own."""
    for name, plugin in config.plugins.items():
        if base_name(name) == "social":
            options = plugin.config.get("cards_layout_options") or {}
            return bool(plugin.config.get("cards")) and "background_image" not in options
    return False


def has_blog(config: MkDocsConfig) -> bool:
    """Return whether the site uses Material's blog plugin, under any name, once or more."""
    return any(base_name(name) == "blog" for name in config.plugins)
