"""The heroes of one build by MkDocs, from the first page that asks for one to their files in the finished site.

A build without heroes does not import this module.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from mkdocs_leonardo.build import Build
from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.files import link_or_copy
from mkdocs_leonardo.host.pages import (
    find_first_view_page,
    is_content_replaced,
    make_encryption_warning,
    make_target_reader,
)
from mkdocs_leonardo.host.social import SocialImages, has_blog, has_social_cards, mend_feeds, set_card_background
from mkdocs_leonardo.log import PREFIX, log, notify
from mkdocs_leonardo.page.markup import TargetPage
from mkdocs_leonardo.page.site_markup import SiteMarkup
from mkdocs_leonardo.report import list_complaints
from mkdocs_leonardo.resolution import Complaint, Resolution

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

    from mkdocs_leonardo.host.kept_folder import KeptFolder
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.spec import HeroSpec

#: The fix for a page whose template leaves the content out.
_UNSEEN = (
    'put {{ page.content }} into it, or draw the hero there with <img src="{{ hero.src }}" alt="{{ hero.alt }}">; with '
    "hero_layout: none, this is left to you"
)
#: The message on the first page alone, since a theme has the same HTML on all pages.
_NARROW = (
    "this theme has no place that the plugin knows for the layout full, so the hero shows as content; write "
    "layout: content, or draw the hero in a template, with hero_layout: none"
)
_NO_BACKGROUND = "new heroes become the background of Material's social cards with the next build"


class SiteHeroes:
    """The heroes of one build. `request_hero` and `join` make them, `show` and `complete` put them on pages.

    In a build of a preview (`is_preview`), `missing` holds the heroes left to the preview. `no_provider_reason` says
    why no provider could be asked, or is "".
    """

    def __init__(
        self, settings: Settings, config: MkDocsConfig, folder: KeptFolder | None, *, is_preview: bool
    ) -> None:
        """`folder` holds the previous build's pictures, if they were set aside."""
        try:
            self._build = Build(settings, environ=os.environ, notify=notify)
        except HeroError as error:
            raise PluginError(f"{PREFIX}{error}") from None
        self._settings = settings
        self._kept_folder = folder
        self._is_preview = is_preview
        self._social = SocialImages(config.site_url or "" if settings.markup.social else "")
        self._has_cards = settings.markup.cards and has_blog(config)
        self._has_social_cards = has_social_cards(config)
        self._continued_pages: set[str] = set()
        self._site: SiteMarkup | None = None
        self._read_target: Callable[[Page], TargetPage]
        self._pictures: Mapping[str, str] = {}
        self._is_open = True
        self._logged: set[str] = set()
        self.missing: tuple[Resolution, ...] = ()
        self.no_provider_reason = ""
        _freeze_objects()

    # While pages are read --------------------------------------------------------------------------------------------

    def request_hero(self, page: Page, hero: HeroSpec) -> bool:
        """Return whether the page's hero is stored; start to make a missing hero.

        The address of the hero's image is announced to other plugins.
        """
        if find_first_view_page(page) is not page:
            self._continued_pages.add(page.file.src_uri)
        key, asset = self._build.request_hero(hero)
        self._social.announce(page, hero, key)
        if self._has_social_cards:
            if asset is not None:
                set_card_background(page, asset)
            else:
                self._log_once(_NO_BACKGROUND)
        return asset is not None

    # When all pages are read -----------------------------------------------------------------------------------------

    def join(self, config: MkDocsConfig, files: Files) -> None:
        """Wait for every hero, log the results, and add the heroes' files to the site."""
        resolutions = self._collect_resolutions(config.site_name)
        site = self._site = SiteMarkup(
            {page.hero.page: (page.hero, page.asset) for page in resolutions if page.asset is not None},
            site_url=config.site_url or "",
            theme=config.theme.name or "",
            site_name=config.site_name,
            markup=replace(self._settings.markup, cards=self._has_cards),
            relative=get_relative_url,
        )
        self._read_target = make_target_reader(config, files, site.has_hero)
        self._pictures = {**self._social.correct(site, files), **site.list_pictures()}
        folder = self._kept_folder
        identities = self._build.file_identities
        kept = folder.put_back(self._pictures, identities) if folder is not None else frozenset()
        _add_pictures(self._pictures, files, config, kept=kept)
        stylesheet = site.make_stylesheet()
        if stylesheet is not None:
            files.append(File.generated(config, stylesheet[0], content=stylesheet[1]))
        _freeze_objects()

    def _collect_resolutions(self, site_name: str) -> tuple[Resolution, ...]:
        """Log and return each page's result; PluginError if a hero is missing under `on_missing: error`."""
        resolutions, summary = self._build.join(title=site_name, uncounted=self._continued_pages)
        reported: Sequence[Resolution] = resolutions
        if self._is_preview:
            # The preview logs or makes them when this build is over.
            self.missing = tuple(resolution for resolution in resolutions if resolution.is_not_allowed)
            reported = [resolution for resolution in resolutions if not resolution.is_not_allowed]
        self.no_provider_reason = self._build.no_provider_reason
        complaints = list_complaints(
            reported, on_missing=self._settings.on_missing, without_provider=self._build.no_provider_fix
        )
        for level, message in complaints:
            notify(level, message)
        if any(level >= logging.ERROR for level, _ in complaints):
            raise PluginError(f"{PREFIX}heroes are missing, and `on_missing: error` stops the build")
        log.info("%s", summary)
        return resolutions

    # When pages are rendered -----------------------------------------------------------------------------------------

    def show(self, page: Page, variables: dict[str, Any]) -> None:
        """Put the page's hero into its content and its template's variables, and covers on a blog view's excerpts."""
        site = self._site
        if site is None:
            return
        target = self._read_target(page)
        for excerpt in _list_excerpts(variables) if self._has_cards else ():
            href = get_relative_url(excerpt.file.url, page.url)
            excerpt.content = site.add_cover(target, excerpt.file.src_uri, excerpt.content, href=href)
        hero = site.describe_hero(target)
        if hero is None:
            return
        if is_content_replaced(page):
            log.warning("%s", make_encryption_warning(page))
            site.remove(page.file.src_uri)
            self._social.retract(page)
            return
        variables["hero"] = hero
        page.content = site.add_hero(target, page.content or "")

    def complete(self, page: Page, output: str) -> str | None:
        """Return the page's HTML with a complete head, and a hero in full layout where it spans the window."""
        if self._site is None:
            return None
        target = self._read_target(page)
        if self._site.is_unseen(target, output):
            template = page.meta.get("template") or "main.html"
            text = f"{template} shows neither the page's content nor its hero; {_UNSEEN}"
            log.warning("%s", Complaint([target.path], text))
        if _NARROW not in self._logged and self._site.is_left_in_content(target, output):
            self._log_once(_NARROW, target.path)
        return self._site.complete(target, output)

    def _log_once(self, text: str, page: str = "") -> None:
        """Log a message once in a build, about its first page."""
        if text not in self._logged:
            self._logged.add(text)
            log.info("%s", f"{page}: {text}" if page else text)

    def mend_feeds(self, config: MkDocsConfig) -> None:
        """Write the sizes of the images for sharing into the feeds of other plugins."""
        mend_feeds(config, self._pictures)

    def close(self) -> None:
        """End running work, and delete this build's temporary files. The journal has the paid jobs."""
        if self._is_open:
            self._is_open = False
            gc.unfreeze()
            self._build.close()


def _list_excerpts(variables: Mapping[str, Any]) -> list[Any]:
    """List the excerpts of Material's blog in the variable `posts`, which other plugins set to other objects."""
    posts = variables.get("posts")
    if not isinstance(posts, list | tuple):
        return []
    return [post for post in posts if isinstance(post, Page) and hasattr(post, "post")]


def _freeze_objects() -> None:
    """Let garbage collection skip objects that live until `close`: 30,000 for a thousand heroes."""
    gc.freeze()


class PictureFile(File):
    """A picture of the site: a hard link to the cache's file, or a copy where there can be no link.

    A thousand heroes are nine thousand files. Links take 0.2 s; copies take at least 1.5 s, longer than all other work
    of a warm build. The cache's files are never written to again, only replaced, and their digests are checked before
    they are linked.
    `copy_file` is the one method of the host's class that differs.
    """

    def copy_file(self, dirty: bool = False) -> None:  # noqa: FBT001, FBT002 - the host's signature
        """Put the file into the site."""
        source, target = self.abs_src_path, self.abs_dest_path
        if source is None or (dirty and not self.is_modified()):
            super().copy_file(dirty)
            return
        link_or_copy(source, target)


class KeptFile(PictureFile):
    """A picture that the previous build left in the site. It is not copied again."""

    def copy_file(self, dirty: bool = False) -> None:  # noqa: FBT001, FBT002 - the host's signature
        """Copy the file only if another plugin has changed its place."""
        if self.dest_uri != self.src_uri:
            super().copy_file(dirty)


def _add_pictures(pictures: Mapping[str, str], files: Files, config: MkDocsConfig, *, kept: Collection[str]) -> None:
    """Add the pictures to the site's files.

    `pictures` maps each path in the site to a cache file. Paths in `kept` are not copied again.
    """
    for site_path, path in pictures.items():
        kind = KeptFile if site_path in kept else PictureFile
        files.append(kind.generated(config, site_path, abs_src_path=path))
    proofer_files = getattr(config.plugins.get("htmlproofer"), "files", None)
    if isinstance(proofer_files, list):
        # mkdocs-htmlproofer has listed the site's files before these were made.
        proofer_files += filter(None, map(files.get_file_from_path, pictures))
