"""The Python-Markdown extension that shows heroes on sites that Zensical builds.

Zensical runs no MkDocs plugins, but it runs Markdown extensions and gives them the page's metadata. The pictures and
their manifest, which holds the plugin's options as well, are in a folder of the documentation, written by
`mkdocs-leonardo generate --into`. On MkDocs, where the plugin shows heroes, the extension does nothing.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote, urljoin, urlsplit

from markdown.extensions import Extension

from mkdocs_leonardo.errors import BrokenEntry
from mkdocs_leonardo.host.reader import HeroReader
from mkdocs_leonardo.log import log
from mkdocs_leonardo.page.head import SOCIAL_MARK, STYLE_MARK, locate_image, make_linked_data, make_social_tags
from mkdocs_leonardo.page.manifest import Manifest, digest_request, read_manifest
from mkdocs_leonardo.page.markup import TargetPage, insert_hero, render_hero
from mkdocs_leonardo.page.stylesheet import is_outdated
from mkdocs_leonardo.page.themes import ZENSICALS_THEME, is_blog_post, list_hidden_parts
from mkdocs_leonardo.providers.declaration import creator_of
from mkdocs_leonardo.spec import (
    MANIFEST,
    SITE_FOLDER,
    STYLESHEET,
    HeroAsset,
    HeroSpec,
    MarkupOptions,
    digest_of,
    short_key,
)

if TYPE_CHECKING:
    from markdown import Markdown

#: The preprocessor that holds the page for extensions (Zensical 0.0.73, and the same in 0.1.2).
_CONTEXT = "rendering_context"
#: Set on the page's object when its hero is shown. Other extensions convert parts of a page with all extensions again;
#: those parts get no hero.
_MARK = "_leonardo_is_shown"
#: The command that needs only the plugin's section in the site's configuration.
WRAPPER = "mkdocs-leonardo zensical"
_UNSEARCHED = " data-search-exclude"


class _Page(Protocol):
    """A page, as Zensical describes it. `path` is its source below `docs_dir`."""

    path: str
    url: str
    title: str | None
    meta: MutableMapping[str, Any]


class _Context(Protocol):
    """The attributes of the preprocessor."""

    page: _Page
    config: Mapping[str, Any]


class LeonardoExtension(Extension):
    """The Markdown extension that shows heroes on a site that Zensical builds; without effect on any other host."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Python-Markdown's own signature
        self.config = {
            "assets": [SITE_FOLDER, "Folder below docs_dir with what `generate --into` has written."],
            # `mkdocs-leonardo zensical` sets options of the extension under this name.
            "manifest": ["", "The manifest's file, where the images are not below docs_dir."],
            "revision": ["", "Changes with what pages show, so that none of them is taken from Zensical's cache."],
            "report": ["", "Where to write what is found, a line of JSON each."],
        }
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - called by this name
        """Wrap `md.convert`, so that its result has the hero.

        A processor would not do: Python-Markdown runs those for headings as well, and not on empty pages.
        """
        convert = md.convert

        def with_hero(source: str) -> str:
            context = _find_context(md)
            if context is None or getattr(context.page, _MARK, False):
                return convert(source)
            setattr(context.page, _MARK, True)
            return self._add_hero(context, convert(source))

        md.convert = with_hero  # type: ignore[method-assign]  # wrapped, as no processor would do

    def _add_hero(self, context: _Context, content: str) -> str:
        assets, manifest, report = (str(self.getConfig(name)) for name in ("assets", "manifest", "report"))
        try:
            return PageRenderer(context, assets.strip("/"), manifest=manifest, report=report).show(content)
        except Exception as error:  # noqa: BLE001 - an unforeseen error costs a page its picture, never the build
            log.warning("%s: no hero, for an unexpected error: %r", context.page.path, error)
            return content


def makeExtension(**options: Any) -> LeonardoExtension:  # noqa: ANN401, N802 - looked up by this name
    """Make the extension, as Python-Markdown asks for it."""
    return LeonardoExtension(**options)


def _find_context(md: Markdown) -> _Context | None:
    """Return the page as Zensical describes it; None on any other host."""
    if _CONTEXT not in md.preprocessors:
        return None
    context: object = md.preprocessors[_CONTEXT]
    page = getattr(context, "page", None)
    return cast("_Context", context) if hasattr(page, "meta") and hasattr(context, "config") else None


class _PublishedHeroes:
    """The published heroes of a site, read once for all pages. Each message about them is logged once.

    `assets` is the folder of the pictures. `assets_url` is the folder's full address, "" without a site's address.
    """

    def __init__(self, *, root_dir: str, docs_dir: str, assets: str, site_url: str, manifest: str, report: str) -> None:
        """`manifest` is set by `mkdocs-leonardo zensical`. If it is "", the manifest lies beside the pictures."""
        self.docs_dir = Path(root_dir, docs_dir)
        self.assets = self.docs_dir / assets
        self.url = f"{site_url.rstrip('/')}/" if site_url else ""
        self.assets_url = urljoin(self.url, f"{quote(assets)}/") if site_url else ""
        self.is_wrapped = bool(manifest)
        self._command = WRAPPER if manifest else f"mkdocs-leonardo generate --into {Path(docs_dir, assets).as_posix()}"
        self._path = Path(manifest) if manifest else self.assets / MANIFEST
        self._report = report
        self._logged: set[str] = set()
        self._is_lacking = False
        self.manifest: Manifest | None = None
        self._read()

    def _read(self) -> None:
        """Read the manifest. `unreadable` is the reason why there is none."""
        try:
            data = self._path.read_bytes()
        except OSError:
            data = b""
        self.unreadable = f"there are no images in {self._path.parent} yet"
        try:
            self.manifest = read_manifest(data) if data else None
        except BrokenEntry as error:
            self.unreadable = f"{self._path} cannot be used, as {error}"
        if self.manifest is not None and not self.is_wrapped and is_outdated(self.manifest, self._path.parent):
            self.ask_for_run(f"{self._path.with_name(STYLESHEET)} comes from another version, or is missing")

    def ask_for_run(self, reason: str) -> None:
        """Log what is wrong, and the command that fixes it."""
        self.log_once(f"{reason}; run `{self._command}` and build again")
        if not self.is_wrapped and not self._is_lacking:
            self._is_lacking = True
            atexit.register(_touch, self._path)

    def log_once(self, text: str) -> None:
        """Log a message once."""
        if text in self._logged:
            return
        self._logged.add(text)
        if self._report:
            with Path(self._report).open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(text)}\n")
        else:
            # In a preview, `zensical serve` reports what is missing, and generates it.
            log.log(logging.INFO if self.is_wrapped else logging.WARNING, "%s", text)


def _touch(manifest: Path) -> None:
    """Make Zensical render every page again in the next build, so that this build repeats the messages.

    Zensical takes unchanged pages from its cache and runs no extension for them, unless the time of a watched file has
    changed by a second. Zensical's server, which watches the file, ends without this call.
    """
    with suppress(OSError):
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.touch()
        changed_at_s = max(time.time(), manifest.stat().st_mtime + 1)
        os.utime(manifest, (changed_at_s, changed_at_s))


@lru_cache(maxsize=8)
def _get_heroes(changed_at_ns: int, **where: str) -> _PublishedHeroes:
    """Return the published heroes, read once for each `changed_at_ns`, the manifest's time of last change."""
    del changed_at_ns
    return _PublishedHeroes(**where)


def _load_heroes(config: Mapping[str, Any], assets: str, *, manifest: str, report: str) -> _PublishedHeroes:
    root_dir, docs_dir = str(config["root_dir"]), str(config["docs_dir"])
    return _get_heroes(
        # While a build reports, the manifest stays as it is.
        0 if report else _read_mtime_ns(manifest or os.path.join(root_dir, docs_dir, assets, MANIFEST)),  # noqa: PTH118 - as text: called for each page
        root_dir=root_dir,
        docs_dir=docs_dir,
        assets=assets,
        site_url=str(config.get("site_url") or ""),
        manifest=manifest,
        report=report,
    )


def _read_mtime_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - as text: called for each page
    except OSError:
        return 0


class PageRenderer:
    """The renderer of one page with its hero."""

    def __init__(self, context: _Context, assets: str, *, manifest: str, report: str) -> None:
        self._page = context.page
        self._config = context.config
        self._assets = assets
        self._published = _load_heroes(context.config, assets, manifest=manifest, report=report)

    def show(self, content: str) -> str:
        """Return the page's content with its hero, if there is one, at the top."""
        manifest = self._published.manifest
        hero = self._find_hero(manifest or Manifest())
        if hero is None or manifest is None:
            return content
        spec, asset = hero
        social = self._render_social(spec, asset) if manifest.markup.social else ""
        if manifest.markup.social:
            self._name_social_picture(asset)
        if spec.layout == "none":
            return f"{content}{social}"

        def header(heading_html: str) -> str:
            return self._render_header(spec, asset, heading_html, manifest.markup)

        html = insert_hero(content, header, self._target.title)
        return f"{self._render_stylesheet_link()}{html}{self._render_origin(spec, asset)}{social}"

    # What is shown ---------------------------------------------------------------------------------------------------

    def _find_hero(self, manifest: Manifest) -> tuple[HeroSpec, HeroAsset] | None:
        """Return the page's hero and its published picture; None, after a message, if one of them is missing."""
        published = self._published
        path = self._page.path
        front_matter = HeroReader(manifest.defaults, published.docs_dir).read(
            self._page.meta,
            page=path,
            title=self._page.title or "",
            site_name=self._site_name,
            read_text=lambda: (published.docs_dir / path).read_text(encoding="utf-8", errors="replace"),
        )
        for problem in front_matter.problems:
            published.log_once(str(problem))
        hero = front_matter.hero
        if hero is None:
            return None
        if published.manifest is None:
            published.ask_for_run(published.unreadable)
            return None
        entry = manifest.heroes.get(path)
        if entry is None:
            published.ask_for_run(f"{path}: there is no image for it yet")
            return None
        variants = () if published.is_wrapped else entry.asset.rendering.variants
        if not all((published.assets / variant.name).is_file() for variant in variants):
            # The repository may have the manifest without the pictures.
            published.ask_for_run(f"{path}: not all files of its image are in {published.assets}")
            return None
        # `zensical build` has logged already that the page shows its last hero.
        is_known = published.is_wrapped and not entry.request_digest
        if not is_known and entry.request_digest != digest_request(hero, _digest_file(hero.own_image)):
            published.ask_for_run(f"{path}: the image is not the one that its front matter asks for now")
        has_columns = self._target.is_post or not self._target.hidden.issuperset({"navigation", "toc"})
        layout = "content" if hero.layout == "full" and has_columns else hero.layout
        asset = replace(entry.asset, creator=creator_of(entry.asset.provider))
        return replace(hero, focus=entry.focus, layout=layout), asset

    @property
    def _site_name(self) -> str:
        return str(self._config.get("site_name") or "")

    @cached_property
    def _target(self) -> TargetPage:
        """The page's facts for its markup, as its author has set them."""
        page = self._page
        theme = self._config.get("theme")
        features = theme.get("features") if isinstance(theme, Mapping) else None
        return TargetPage(
            path=page.path,
            url=page.url,
            title=page.title or self._site_name,
            hidden=list_hidden_parts(page.meta, features or ()),
            is_post=is_blog_post(page.meta),
            description=str(page.meta.get("description") or self._config.get("site_description") or ""),
        )

    # Text ------------------------------------------------------------------------------------------------------------

    def _render_header(self, spec: HeroSpec, asset: HeroAsset, heading_html: str, markup: MarkupOptions) -> str:
        """Return the hero's header, without an entry in the search index, which has title and text already.

        The heading needs an attribute of its own, or it would begin a second entry for the page.
        """
        heading_html = heading_html.replace("<h1", f"<h1{_UNSEARCHED}", 1)
        page = self._target
        url = self._make_url if not page.is_post else (self._absolute_url or self._make_url)
        header = render_hero(asset, spec, heading_html, page, url=url, theme=ZENSICALS_THEME, markup=markup)
        header = header.replace("<header", f"<header{_UNSEARCHED}", 1)
        return self._fit_for_excerpts(header) if page.is_post else header

    def _fit_for_excerpts(self, header: str) -> str:
        """Give `srcset` absolute paths, since Zensical corrects `src` alone when blog views repeat a post's hero.

        If the site's path is unknown, the picture has one file.
        """
        if self._absolute_url is None:
            header = re.sub(r"<source [^>]*>\n", "", header)
            return re.sub(r' srcset="[^"]*" sizes="[^"]*"', "", header)
        absolute, relative = escape(self._absolute_url("")), escape(self._make_url("x").removesuffix("x"))
        return header.replace(f'__image" src="{absolute}', f'__image" src="{relative}', 1)

    def _render_stylesheet_link(self) -> str:
        """Return a link to the stylesheet; "" if every page has one already."""
        if f"{self._assets}/{STYLESHEET}" in {str(path).lstrip("./") for path in self._config.get("extra_css") or ()}:
            return ""
        mark = f" {STYLE_MARK}" if self._published.is_wrapped else ""
        return f'<link rel="stylesheet" href="{escape(self._make_url(STYLESHEET))}"{mark}>\n'

    def _render_origin(self, spec: HeroSpec, asset: HeroAsset) -> str:
        """Return the JSON-LD on the picture's origin, for the end of the page, which no excerpt repeats."""
        folder_url = self._published.assets_url
        origin = make_linked_data(asset, folder_url, caption=spec.alt) if folder_url else ""
        return origin and f"\n{origin}"

    def _render_social(self, spec: HeroSpec, asset: HeroAsset) -> str:
        """Return the tags for sharing in an element that `zensical build` moves into the finished page's head."""
        published = self._published
        file = asset.rendering.social
        if not published.is_wrapped or not published.assets_url or file is None:
            return ""
        image = self._page.meta.get("image")
        if isinstance(image, str) and image:
            folder = published.docs_dir
            # A file that is not a page's may be the theme's.
            image = locate_image(
                image, self._page.path, lambda path: quote(path) if (folder / path).is_file() else None, default=image
            )
        target = self._target._replace(image=image if isinstance(image, str) else "")
        tags = make_social_tags(target, spec, file, published.url, published.assets_url, self._site_name)
        return f'\n<template {SOCIAL_MARK}="{escape(json.dumps(tags._asdict()))}"></template>'

    def _name_social_picture(self, asset: HeroAsset) -> None:
        """Set the page's `image`, for templates and feeds."""
        social = asset.rendering.social
        if social is not None and self._published.assets_url and "image" not in self._page.meta:
            self._page.meta["image"] = f"{self._published.assets_url}{social.name}"

    # Addresses -------------------------------------------------------------------------------------------------------

    def _make_url(self, name: str) -> str:
        """Return the URL relative to the page's source, as authors write links. Zensical adapts it to the page."""
        return f"{self._folder_url}{name}"

    @cached_property
    def _folder_url(self) -> str:
        return f"{'../' * self._page.path.count('/')}{quote(self._assets)}/"

    @property
    def _absolute_url(self) -> Callable[[str], str] | None:
        """The function from a file's name to its path from the host's root; None if the site's path is unknown."""
        plugins = self._config.get("plugins") or {}
        is_elsewhere = "mike" in plugins or _is_plugin_on(plugins.get("offline"))
        if not self._published.url or is_elsewhere:
            return None
        root = urlsplit(self._published.url).path
        folder = f"{root}{quote(self._assets)}/"
        return lambda name: f"{folder}{name}"


def _is_plugin_on(plugin: object) -> bool:
    """Return whether a plugin is on. Zensical also lists plugins that are off."""
    config = plugin.get("config") if isinstance(plugin, Mapping) else None
    return isinstance(config, Mapping) and bool(config.get("enabled"))


def _digest_file(path: Path | None) -> str:
    """Return the digest of the author's own picture; "" without one, or if its file cannot be read."""
    try:
        data = path.read_bytes() if path is not None else b""
    except OSError:
        data = b""
    return short_key(digest_of(data)) if data else ""
