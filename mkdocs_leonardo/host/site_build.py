"""One build of a site by MkDocs: its settings, its pages, and the clean-up at its end."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError

from mkdocs_leonardo.errors import SettingsError
from mkdocs_leonardo.host.log import log
from mkdocs_leonardo.host.pages import read_page
from mkdocs_leonardo.host.published_folder import PublishedFolder
from mkdocs_leonardo.host.reading import HeroReader
from mkdocs_leonardo.host.settings import config_file_of, settings_of
from mkdocs_leonardo.spec import SITE_FOLDER

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.config import LeonardoConfig
    from mkdocs_leonardo.front_matter import FrontMatter
    from mkdocs_leonardo.host.github import Listener
    from mkdocs_leonardo.host.heroes import SiteHeroes


class SiteBuild:
    """One build. `settings` are the site's own; the builds of a preview have copies of them that spend nothing.

    `heroes` is None until a page asks for one.
    """

    def __init__(self, options: LeonardoConfig, config: MkDocsConfig, *, is_preview: bool) -> None:
        """PluginError if the options contradict each other."""
        self._is_preview = is_preview
        self._annotations = None if is_preview else _annotations(config)
        self._published: PublishedFolder | None = None
        self.heroes: SiteHeroes | None = None
        try:
            self.settings = settings_of(options, config, log.log)
        except SettingsError as error:
            self.close()
            raise PluginError(f"leonardo: {error}") from None
        for note in self.settings.notes:
            log.info("%s", note)
        self._build_settings = self.settings.for_preview() if is_preview else self.settings
        self._reader: HeroReader | None = None

    def set_published_aside(self, site_dir: str) -> None:
        """Spare what the previous build published from the host's cleaning."""
        self._published = PublishedFolder(Path(site_dir), SITE_FOLDER)
        self._published.set_aside()

    def read(self, markdown: str, page: Page, config: MkDocsConfig, files: Files) -> FrontMatter:
        """The page's hero, and the mistakes in its front matter."""
        if self._reader is None:
            # Not before the first page: monorepo-plugin moves the documentation.
            self._reader = HeroReader(self._build_settings.defaults, Path(config.docs_dir))
        return read_page(self._reader, markdown, page, config, files)

    def take(self, reading: FrontMatter, page: Page, config: MkDocsConfig) -> None:
        """Log the page's problems, and start to make its hero if it is not stored."""
        for problem in reading.problems:
            log.warning("%s", problem)
        if reading.hero is None:
            return
        if self.heroes is None:
            from mkdocs_leonardo.host.heroes import SiteHeroes

            self.heroes = SiteHeroes(self._build_settings, config, self._published, is_preview=self._is_preview)
        self.heroes.want(page, reading.hero)

    def close(self, *, is_annotated: bool = True) -> None:
        """End what still runs. `is_annotated`: warnings become annotations where GitHub Actions runs the build."""
        if self._published is not None:
            self._published.discard()
            self._published = None
        if self.heroes is not None:
            self.heroes.close()
        if self._annotations is not None:
            annotations, self._annotations = self._annotations, None
            annotations.close()
            if is_annotated:
                annotations.publish()


def discard_published(site_dir: str) -> None:
    """Remove what a killed build set aside, where the plugin is switched off by now."""
    PublishedFolder(Path(site_dir), SITE_FOLDER).discard()


def _annotations(config: MkDocsConfig) -> Listener | None:
    """The log handler that turns warnings into annotations; None outside of GitHub Actions."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return None
    from mkdocs_leonardo.host.github import Annotations, Listener

    file = config_file_of(config).resolve()
    annotations = Annotations(os.environ, config_file=file, docs_dir=Path(config.docs_dir))
    return Listener(annotations, logging.getLogger(log.logger.name))
