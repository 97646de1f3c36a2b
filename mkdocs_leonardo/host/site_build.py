"""One build of a site by MkDocs: its settings, its pages, and the clean-up at its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.exceptions import PluginError

from mkdocs_leonardo.errors import SettingsError
from mkdocs_leonardo.host.configuration import find_config_file, read_settings
from mkdocs_leonardo.host.front_matter_text import find_prompt_comment
from mkdocs_leonardo.host.kept_folder import KeptFolder
from mkdocs_leonardo.host.pages import read_front_matter
from mkdocs_leonardo.host.reader import HeroReader
from mkdocs_leonardo.log import PREFIX, is_read_by_github, log, notify
from mkdocs_leonardo.spec import SITE_FOLDER

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.config import LeonardoConfig
    from mkdocs_leonardo.front_matter import FrontMatter
    from mkdocs_leonardo.host.github import AnnotationHandler
    from mkdocs_leonardo.host.heroes import SiteHeroes
    from mkdocs_leonardo.resolution import Resolution
    from mkdocs_leonardo.settings import Settings


class NoHeroes:
    """The heroes of a build in which no page asks for one; light, since most sites' builds begin with it."""

    missing: Sequence[Resolution] = ()
    no_provider_reason = ""

    def join(self, config: MkDocsConfig, files: Files) -> None:
        """Add no file."""

    def show(self, page: Page, variables: dict[str, Any]) -> None:
        """Leave the page as it is."""

    def complete(self, page: Page, output: str) -> str | None:  # noqa: ARG002 - as of SiteHeroes
        """Return None, for the HTML as it is."""
        return None

    def mend_feeds(self, config: MkDocsConfig) -> None:
        """Leave the feeds as they are."""

    def close(self) -> None:
        """End nothing."""


class SiteBuild:
    """One build. `settings` holds the site's settings, or None if the plugin is switched off and changes no page.

    The builds of a preview have a copy of the settings that spends nothing.
    """

    def __init__(
        self, settings: Settings | None = None, *, is_preview: bool = False, handler: AnnotationHandler | None = None
    ) -> None:
        self.settings = settings
        self._build_settings = settings.for_preview() if settings is not None and is_preview else settings
        self._is_preview = is_preview
        self._handler = handler
        self._kept: KeptFolder | None = None
        self._reader: HeroReader | None = None
        self._listener: Callable[[Page, FrontMatter], None] | None = None
        self.heroes: SiteHeroes | NoHeroes = NoHeroes()

    def listen(self, listener: Callable[[Page, FrontMatter], None]) -> None:
        """Make this a dry build: pages are read without text, `listener` gets their heroes, and none is made."""
        self._listener = listener
        if self._handler is not None:
            self._handler.close()
            self._handler = None

    def keep_pictures(self, site_dir: str, *, is_dirty: bool) -> None:
        """Keep the pictures of the previous build from the host's cleaning. A dirty build does not clean.

        A folder that a killed build set aside is deleted if the plugin is switched off now.
        """
        if is_dirty:
            return
        folder = KeptFolder(Path(site_dir), SITE_FOLDER)
        if self.settings is None:
            folder.discard()
        else:
            self._kept = folder
            folder.set_aside()

    def write_opt_out_as_text(self, page: Page) -> None:
        """Replace the value false of `hero_prompt` by the text ``false``, which means the same."""
        if self.settings is not None and page.meta.get("hero_prompt") is False:
            page.meta["hero_prompt"] = "false"

    def read_page(self, markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str | None:
        """Log the problems in the page's front matter, and start to make its hero if it is not stored.

        In a dry build, returns "" as the page's text.
        """
        if self._build_settings is None:
            return None
        if self._reader is None:
            # Not before the first page: monorepo-plugin moves the documentation.
            self._reader = HeroReader(self._build_settings.defaults, Path(config.docs_dir))
        reading = read_front_matter(self._reader, markdown, page, config, files)
        if self._listener is not None:
            self._listener(page, reading)
            return ""
        for problem in reading.problems:
            log.warning("%s", problem)
        if reading.hero is None:
            return None
        if isinstance(self.heroes, NoHeroes):
            from mkdocs_leonardo.host.heroes import SiteHeroes

            self.heroes = SiteHeroes(self._build_settings, config, self._kept, is_preview=self._is_preview)
        if not self.heroes.request_hero(page, reading.hero):
            comment = find_prompt_comment(page.file.content_string)
            if comment:
                log.info("%s: %s", page.file.src_uri, comment)
        return None

    def close(self) -> None:
        """End what still runs. Warnings become annotations if GitHub Actions runs the build."""
        if self._kept is not None:
            self._kept.discard()
            self._kept = None
        self.heroes.close()
        if self._handler is not None:
            handler, self._handler = self._handler, None
            handler.close()
            handler.annotations.flush()


def begin_build(options: LeonardoConfig, config: MkDocsConfig, *, is_preview: bool) -> SiteBuild:
    """Check the options, and begin a build; PluginError if the options contradict each other."""
    if not options.enabled:
        return SiteBuild()
    from mkdocs_leonardo.settings import move_cache

    handler = None if is_preview else _make_handler(config)
    try:
        settings = move_cache(read_settings(options, config), notify, os.environ)
    except SettingsError as error:
        SiteBuild(handler=handler).close()
        raise PluginError(f"{PREFIX}{error}") from None
    for note in settings.notes:
        log.info("%s", note)
    return SiteBuild(settings, is_preview=is_preview, handler=handler)


def _make_handler(config: MkDocsConfig) -> AnnotationHandler | None:
    """Return a log handler that turns warnings into annotations; None outside of GitHub Actions."""
    if not is_read_by_github(os.environ):
        return None
    from mkdocs_leonardo.host.github import AnnotationHandler, Annotations

    file = find_config_file(config).resolve()
    return AnnotationHandler(Annotations(os.environ, config_file=file, docs_dir=Path(config.docs_dir)))
