"""The hooks. Each unpacks what MkDocs gives and calls one function; nothing is decided here."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mkdocs.config.base import ValidationError
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin, CombinedEvent, event_priority
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

from mkdocs_leonardo.config import LeonardoConfig, Settings, is_for_zensical, settings_from, settled
from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.host import encrypted, neighbours
from mkdocs_leonardo.host.log import log
from mkdocs_leonardo.host.pages import first_of, hero_of, shown_pages
from mkdocs_leonardo.host.published_folder import PublishedFolder
from mkdocs_leonardo.host.serving import preview_of, serve_options
from mkdocs_leonardo.host.site_files import KeptFile, PictureFile
from mkdocs_leonardo.host.social import draws_cards, has_blog
from mkdocs_leonardo.host.unread import comment_in_prompt
from mkdocs_leonardo.host.unread import problem_of as unread_problem
from mkdocs_leonardo.imaging.reference import Looks
from mkdocs_leonardo.providers.leonardo.orders import notes
from mkdocs_leonardo.resolution import Resolution
from mkdocs_leonardo.spec import SITE_FOLDER

if TYPE_CHECKING:
    from jinja2 import Environment
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.livereload import LiveReloadServer
    from mkdocs.structure.files import Files
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page
    from mkdocs.utils.templates import TemplateContext

    from mkdocs_leonardo.build import Session
    from mkdocs_leonardo.host.github import Listener
    from mkdocs_leonardo.host.preview import Preview, Watch
    from mkdocs_leonardo.page.site import ShownPage, Site
    from mkdocs_leonardo.spec import HeroAsset, HeroSpec


#: What brings a hero to a page whose template leaves the content out.
_UNSEEN = (
    'put {{ page.content }} into it, or draw the hero there with <img src="{{ hero.src }}" alt="{{ hero.alt }}">; with '
    "hero_layout: none, this is left to you"
)


class LeonardoPlugin(BasePlugin[LeonardoConfig]):
    """Heroes for every page that asks for one."""

    def __init__(self) -> None:
        super().__init__()
        self._serving = False
        self._cleans = False
        self._published: PublishedFolder | None = None
        self._settings: Settings | None = None
        # Of a preview, which builds with other settings than those, and which outlives its builds.
        self._wanted_settings: Settings | None = None
        self._preview: Preview | None = None
        self._watch: Watch | None = None
        self._missing: tuple[Resolution, ...] = ()
        self._session: Session | None = None
        self._site: Site | None = None
        self._shown: Callable[[Page], ShownPage]
        self._promised: dict[str, str] = {}
        self._pictures: Mapping[str, str] = {}
        self._continued: set[str] = set()
        self._told_of_cards = False
        self._looks = Looks()
        self._is_frozen = False
        self._listener: Listener | None = None
        #: Where the command line learns what pages want: each page's wish goes there, and nothing is made.
        self.reader: Callable[[Page, HeroSpec | None], None] | None = None

    def on_startup(self, *, command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
        """Remember whether this is a preview, whose builds never spend."""
        self._cleans = not dirty
        # `mkdocs serve --clean` says "build", and builds after each change all the same.
        options = serve_options()
        self._serving = command == "serve" or options is not None
        is_reloading = options is None or bool(options.get("livereload", True))
        if self._serving and not is_reloading and self.config.enabled and self.config.on_serve == "generate":
            log.info("live reload is off, so a new hero is shown after a restart; `mkdocs serve --livereload` shows it")

    def on_config(self, config: MkDocsConfig) -> None:
        """Check what no single option can check, and forget the last build (serve keeps this object)."""
        self._close()
        if self._preview is not None:
            self._preview.hold()
        self._settings = self._wanted_settings = self._site = None
        self._missing = ()
        self._promised, self._pictures, self._continued = {}, {}, set()
        self._told_of_cards = False
        self._looks = Looks()
        if not self.config.enabled:
            return
        if not self._serving:
            self._listener = _listener(config)
        try:
            settings = settings_from(
                self.config,
                root=_root(config),
                docs_dir=Path(config.docs_dir),
                site_dir=Path(config.site_dir),
                config_name=Path(config.config_file_path or "mkdocs.yml").name,
                for_zensical=is_for_zensical(Path(config.config_file_path or "mkdocs.yml"), config.markdown_extensions),
            )
        except ValidationError as error:
            raise PluginError(f"leonardo: {error}") from None
        self._settings = settled(settings, log.log, os.environ)
        self._wanted_settings = self._settings
        for note in notes(self._settings.leonardo) if "leonardo" in self._settings.providers else ():
            log.info("%s", note)
        if self._serving:
            if self._preview is None:
                self._preview = preview_of(config)
            self._settings = replace(self._settings, generate=False, on_missing="ignore", shared_store=None)

    # After every other plugin: from here to the cleaning, nothing may fail.
    @event_priority(-100)
    def on_pre_build(self, *, config: MkDocsConfig) -> None:
        """Spare what the last build published from the host's cleaning."""
        if not self._cleans:
            return
        published = PublishedFolder(Path(config.site_dir), SITE_FOLDER)
        if self._settings is None:
            published.discard()
            return
        published.set_aside()
        self._published = published

    # Before Material's meta plugin (50), which stops the build where a page has another type than its folder.
    @event_priority(100)
    def _on_page_markdown_spell(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str | None:  # noqa: ARG002 - the host's signature
        """Spell `hero_prompt: false` as the text that means the same, so that it may stand below a folder's text."""
        if self._settings is not None and page.meta.get("hero_prompt") is False:
            page.meta["hero_prompt"] = "false"
        return None

    # After Material's meta plugin (50) and those that write metadata at the default priority.
    @event_priority(-50)
    def _on_page_markdown_read(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str | None:
        """Read the page's wish; what is not at hand is started at once, beside the rendering of the other pages."""
        if self._settings is None:
            return None
        unread = unread_problem(markdown, page.file.src_uri)
        if unread is not None:
            log.warning("%s", unread)
        hero = hero_of(page, self._settings, config, files, self._looks)
        if hero is not None and encrypted.is_marked(page):
            log.warning("%s", encrypted.problem_of(page.file.src_uri, page.meta))
            hero = None
        if self.reader is not None:
            self.reader(page, hero)
            return ""
        if hero is None:
            return None
        if first_of(page) is not page:
            self._continued.add(page.file.src_uri)
        if self._session is None:
            self._session = self._open_session(self._settings)
            self._freeze()
        key, asset = self._session.want(hero)
        cut = comment_in_prompt(page.file.content_string) if asset is None else ""
        if cut:
            log.info("%s: %s", page.file.src_uri, cut)
        self._promise(page, hero, key, config)
        if draws_cards(config):
            self._lend(page, asset)
        return None

    on_page_markdown = CombinedEvent(_on_page_markdown_spell, _on_page_markdown_read)

    # After Material's `optimize` (0), which encodes what it sees once more, and drops the mark that says who made it.
    @event_priority(-50)
    def on_env(self, env: Environment, *, config: MkDocsConfig, files: Files) -> None:  # noqa: ARG002 - the host's signature
        """Wait for every hero, tell what came of it, and hand the files over."""
        from mkdocs_leonardo.page.site import Site  # noqa: PLC0415 - a build without heroes does without
        from mkdocs_leonardo.resolution import NOT_GENERATED  # noqa: PLC0415 - same

        if self._settings is None or self._session is None:
            return
        try:
            resolutions = self._session.join()
            counted = [one for one in resolutions if one.hero.page not in self._continued]
            summary = self._session.finish(counted, title=config.site_name)
        finally:
            self._session.settle()
        resolutions_to_tell: Sequence[Resolution] = resolutions
        if self._serving:
            # Told, or made, when this build is over.
            self._missing = tuple(one for one in resolutions if one.failure == NOT_GENERATED)
            resolutions_to_tell = [one for one in resolutions if one.failure != NOT_GENERATED]
        self._tell(resolutions_to_tell, self._settings.on_missing)
        log.info("%s", summary)
        site = self._site = Site(
            {
                resolution.hero.page: (resolution.hero, resolution.asset)
                for resolution in resolutions
                if resolution.asset is not None
            },
            site_url=config.site_url or "",
            site_name=config.site_name,
            cards=self._settings.cards and has_blog(config),
            social=self._settings.social,
            credit=self._settings.credit,
            relative=get_relative_url,
        )
        self._shown = shown_pages(config, files, site.has_hero)
        pictures = {**self._keep_promises(site, files, config), **site.pictures()}
        self._hand_over(pictures, self._session.seen, files, config)
        stylesheet = site.stylesheet()
        if stylesheet is not None:
            files.append(File.generated(config, stylesheet[0], content=stylesheet[1]))
        self._freeze()

    # After Material's blog plugin (-100), which makes the excerpts; after every search plugin, which reads the content.
    @event_priority(-110)
    def on_page_context(
        self, context: TemplateContext, *, page: Page, config: MkDocsConfig, nav: Navigation
    ) -> TemplateContext | None:
        """Put the page's hero into its content, and covers on the excerpts of a blog view."""
        del config, nav
        if self._site is None:
            return None
        shown = self._shown(page)
        variables: dict[str, Any] = context  # type: ignore[assignment]  # templates may hold more than the host's own
        for excerpt in variables.get("posts") or ():
            post = excerpt.file.src_uri
            href = get_relative_url(excerpt.file.url, page.url)
            excerpt.content = self._site.excerpt(shown, post, excerpt.content, href=href)
        hero = self._site.context(shown)
        if hero is not None and encrypted.is_replaced(page.content or "", (item.id for item in page.toc)):
            log.warning("%s", encrypted.problem_of(page.file.src_uri, page.meta))
            self._site.withdraw(page.file.src_uri)
            if self._promised.pop(page.file.src_uri, None):
                page.meta.pop("image", None)
            hero = None
        if hero is not None:
            variables["hero"] = hero
            page.content = self._site.content(shown, page.content or "")
        return context

    # After plugins that write social tags of their own (Material's: 50), before minifiers (0).
    @event_priority(40)
    def on_post_page(self, output: str, *, page: Page, config: MkDocsConfig) -> str | None:  # noqa: ARG002 - the host's signature
        """Complete the head, and move a hero in full layout to where it spans the window."""
        if self._site is None:
            return None
        shown = self._shown(page)
        if self._site.is_unseen(shown, output):
            template = page.meta.get("template") or "main.html"
            log.warning("%s: %s shows neither the page's content nor its hero; %s", shown.source, template, _UNSEEN)
        return self._site.finish(shown, output)

    # After mkdocs-rss-plugin (0), which writes its feeds here.
    @event_priority(-50)
    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """Every file is copied: what was for this build alone can go, and a preview cares for what was missing."""
        if self._pictures and config.site_url and "rss" in config.plugins:
            sizes = {
                neighbours.address(config.site_url, place): Path(source).stat().st_size
                for place, source in self._pictures.items()
                if place.endswith("-social.jpg")
            }
            neighbours.mend_feeds(config.plugins, Path(config.site_dir), sizes)
        nobody = self._session.nobody if self._session is not None else ""
        self._close()
        if not self._serving or self._wanted_settings is None:
            return
        if self._watch is not None:
            self._watch.follow(self._wanted_settings.cache_dir)
        if self._preview is not None:
            try:
                self._preview.take(self._wanted_settings, self._missing, docs_dir=Path(config.docs_dir), nobody=nobody)
            except HeroError as error:
                raise PluginError(f"leonardo: {error}") from None

    def on_serve(
        self,
        server: LiveReloadServer,
        /,
        *,
        config: MkDocsConfig,  # noqa: ARG002 - the host's signature
        builder: Callable[[MkDocsConfig | None], None],  # noqa: ARG002 - same
    ) -> None:
        """Have the server rebuild when a new hero is there; of all our files it watches the stamp alone."""
        from mkdocs_leonardo.host.preview import Watch  # noqa: PLC0415 - only a preview needs it

        self._watch = Watch(server)
        if self._wanted_settings is not None:
            self._watch.follow(self._wanted_settings.cache_dir)

    def on_build_error(self, *, error: Exception) -> None:  # noqa: ARG002 - the host's signature
        """End what still runs; what was paid for is in the journal."""
        self._close()

    def on_shutdown(self) -> None:
        """End what still runs when the host ends."""
        self._close()
        if self._preview is not None:
            preview, self._preview = self._preview, None
            preview.close()

    # Parts -----------------------------------------------------------------------------------------------------------

    def _open_session(self, settings: Settings) -> Session:
        from mkdocs_leonardo.build import Session  # noqa: PLC0415 - a build without heroes does without

        try:
            return Session(settings, environ=os.environ, tell=log.log)
        except HeroError as error:
            raise PluginError(f"leonardo: {error}") from None

    def _freeze(self) -> None:
        """Spare the garbage collector what lives until the pages are written.

        A thousand heroes are more than 30,000 objects, which it would look through again and again.
        """
        gc.freeze()
        self._is_frozen = True

    def _close(self) -> None:
        if self._published is not None:
            self._published.discard()
            self._published = None
        if self._is_frozen:
            gc.unfreeze()
            self._is_frozen = False
        if self._session is not None:
            session, self._session = self._session, None
            session.close()
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.close()
            if self.reader is None:
                listener.publish()

    def _promise(self, page: Page, hero: HeroSpec, key: str, config: MkDocsConfig) -> None:
        """Name the picture for sharing now: RSS and social plugins read the metadata before pictures are there."""
        from mkdocs_leonardo.page.site import absolute_url, social_place  # noqa: PLC0415 - a build without heroes does without

        settings = self._settings
        if settings is None or not settings.social or not config.site_url or not key or "image" in page.meta:
            return
        place = social_place(key, hero.focus)
        page.meta["image"] = absolute_url(config.site_url, place)
        self._promised[page.file.src_uri] = place

    def _lend(self, page: Page, asset: HeroAsset | None) -> None:
        """Make the hero the background of the card that Material's social plugin is about to draw.

        It draws while pages are read, so a picture that is still being made comes with the next build.
        """
        from mkdocs_leonardo.page.site import card_background  # noqa: PLC0415 - a build without heroes does without

        picture = card_background(asset) if asset is not None else None
        if picture is None:
            if not self._told_of_cards:
                log.info("new heroes become the background of Material's social cards with the next build")
                self._told_of_cards = True
            return
        social = page.meta.setdefault("social", {})
        options = social.setdefault("cards_layout_options", {}) if isinstance(social, dict) else None
        if isinstance(options, dict) and "background_image" not in options:
            # The plugin's own default is opaque; half black keeps its white text readable on any picture.
            page.meta["social"] = {
                **social,
                "cards_layout_options": {"background_color": "#00000088", **options, "background_image": str(picture)},
            }

    def _keep_promises(self, site: Site, files: Files, config: MkDocsConfig) -> dict[str, str]:
        """Where another provider made the picture than was asked first, the promised name serves it as well."""
        from mkdocs_leonardo.page.site import absolute_url  # noqa: PLC0415 - a build without heroes does without

        kept: dict[str, str] = {}
        for source, place in self._promised.items():
            page_file = files.get_file_from_path(source)
            page = page_file.page if page_file is not None else None
            picture = site.social_picture(source)
            if picture is None:
                if page is not None:
                    page.meta.pop("image", None)
                continue
            if picture[0] == place:
                continue
            kept[place] = picture[1]
            if page is not None and config.site_url:
                page.meta["image"] = absolute_url(config.site_url, picture[0])
        return kept

    def _hand_over(
        self, pictures: Mapping[str, str], seen: Mapping[str, tuple[int, int]], files: Files, config: MkDocsConfig
    ) -> None:
        """Make files of the site of `pictures`: their places there, and where their bytes lie."""
        kept = self._published.put_back(pictures, seen) if self._published is not None else frozenset()
        for uri, place in pictures.items():
            kind = KeptFile if uri in kept else PictureFile
            files.append(kind.generated(config, uri, abs_src_path=place))
        ours = filter(None, map(files.get_file_from_path, pictures))
        neighbours.show_to_proofer(config.plugins, ours)
        self._pictures = pictures

    def _tell(self, resolutions: Sequence[Resolution], on_missing: str) -> None:
        """Say which pages show something else than they asked for, as loud as `on_missing` says."""
        from mkdocs_leonardo.report import complaints  # noqa: PLC0415 - a build without heroes does without

        without_provider = self._session.lacking if self._session is not None else ""
        told = complaints(resolutions, on_missing=on_missing, without_provider=without_provider)
        for level, message in told:
            log.log(level, "%s", message)
        if any(level >= logging.ERROR for level, _ in told):
            raise PluginError("leonardo: heroes are missing, and `on_missing: error` stops the build")


def _listener(config: MkDocsConfig) -> Listener | None:
    """What turns warnings into annotations, where somebody shows them."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return None
    from mkdocs_leonardo.host.github import Annotations, Listener  # noqa: PLC0415 - nowhere else needed

    file = Path(config.config_file_path or "mkdocs.yml").resolve()
    annotations = Annotations(os.environ, config_file=file, docs_dir=Path(config.docs_dir))
    return Listener(annotations, logging.getLogger(log.logger.name))


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).resolve().parent if config.config_file_path else Path.cwd()
