"""The hooks. Each unpacks what MkDocs gives and calls one function; nothing is decided here."""

from __future__ import annotations

import gc
import logging
import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import click
from mkdocs.config.base import ValidationError
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin, CombinedEvent, PrefixedLogger, event_priority
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

from mkdocs_leonardo import front_matter
from mkdocs_leonardo.config import LeonardoConfig, Settings, is_for_zensical, settings_from, settled
from mkdocs_leonardo.errors import HeroError, InputError, PictureError
from mkdocs_leonardo.host import encrypted, neighbours
from mkdocs_leonardo.host.published_folder import PublishedFolder
from mkdocs_leonardo.host.unread import comment_in_prompt
from mkdocs_leonardo.host.unread import problem_of as unread_problem
from mkdocs_leonardo.imaging.reference import Looks
from mkdocs_leonardo.providers.leonardo.orders import notes
from mkdocs_leonardo.spec import SITE_FOLDER, printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.livereload import LiveReloadServer
    from mkdocs.structure.files import Files
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page
    from mkdocs.utils.templates import TemplateContext

    from mkdocs_leonardo.acquire.pipeline import Resolution
    from mkdocs_leonardo.build import Session
    from mkdocs_leonardo.host.github import Listener
    from mkdocs_leonardo.host.preview import Preview, Watch
    from mkdocs_leonardo.page.site import ShownPage, Site
    from mkdocs_leonardo.spec import HeroAsset, HeroSpec


class _OneLine(logging.Filter):
    """Names of pages and texts of services reach the log as they are shown, and give a terminal no commands."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record on."""
        text = record.getMessage()
        line = printable(text)
        if line != text:
            record.msg, record.args = line, ()
        return True


log = PrefixedLogger("leonardo", logging.getLogger("mkdocs.plugins.leonardo"))
log.logger.addFilter(_OneLine())


#: What brings a hero to a page whose template leaves the content out.
_UNSEEN = (
    'put {{ page.content }} into it, or draw the hero there with <img src="{{ hero.src }}" alt="{{ hero.alt }}">; with '
    "hero_layout: none, this is left to you"
)


class PictureFile(File):
    """One of our files on its way into the site: a hard link to the cache's, where there can be one.

    A thousand heroes are nine thousand files; copying them costs a warm build more than everything else we do. The
    cache's files are never written to again, only replaced, and their digests are checked before they are linked.
    """

    @property
    def src_path(self) -> str:
        """The place in the site, as this system writes paths."""
        return os.path.normpath(self.src_uri)

    @src_path.setter
    def src_path(self, value: str) -> None:
        # The host makes a `Path` of it first, which for the names that we give changes nothing.
        self.src_uri = value

    def copy_file(self, dirty: bool = False) -> None:  # noqa: FBT001, FBT002 - the host's signature
        """Put the file into the site."""
        source, target = self.abs_src_path, self.abs_dest_path
        if source is None or (dirty and not self.is_modified()):
            super().copy_file(dirty)
            return
        try:
            _link(source, target)
        except OSError:
            # Another disk, or a file system without links.
            super().copy_file(dirty)


class KeptFile(PictureFile):
    """One that the last build has put into the site, where it still is."""

    def copy_file(self, dirty: bool = False) -> None:  # noqa: FBT001, FBT002 - the host's signature
        """Do nothing, unless somebody has chosen another place for the file."""
        if self.dest_uri != self.src_uri:
            super().copy_file(dirty)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    except FileExistsError:
        # Writing into it might write into another picture of the cache.
        Path(target).unlink()
        os.link(source, target)


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
        options = _serve_options()
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
                self._preview = _preview(config)
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
        hero = _wish(page, self._settings, config, files, self._looks)
        if hero is not None and encrypted.is_marked(page):
            log.warning("%s", encrypted.problem_of(page.file.src_uri, page.meta))
            hero = None
        if self.reader is not None:
            self.reader(page, hero)
            return ""
        if hero is None:
            return None
        if _first_of(page) is not page:
            self._continued.add(page.file.src_uri)
        if self._session is None:
            self._session = self._open_session(self._settings)
            self._freeze()
        key, asset = self._session.want(hero)
        cut = comment_in_prompt(page.file.content_string) if asset is None else ""
        if cut:
            log.info("%s: %s", page.file.src_uri, cut)
        self._promise(page, hero, key, config)
        if _draws_cards(config):
            self._lend(page, asset)
        return None

    on_page_markdown = CombinedEvent(_on_page_markdown_spell, _on_page_markdown_read)

    # After Material's `optimize` (0), which encodes what it sees once more, and drops the mark that says who made it.
    @event_priority(-50)
    def on_env(self, env: Environment, *, config: MkDocsConfig, files: Files) -> None:  # noqa: ARG002 - the host's signature
        """Wait for every hero, tell what came of it, and hand the files over."""
        from mkdocs_leonardo.acquire.pipeline import NOT_GENERATED  # noqa: PLC0415 - same
        from mkdocs_leonardo.page.site import Site  # noqa: PLC0415 - a build without heroes does without

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
            cards=self._settings.cards and _has_blog(config),
            social=self._settings.social,
            credit=self._settings.credit,
            relative=get_relative_url,
        )
        self._shown = _shown_by(config, files, site.has_hero)
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


def _serve_options() -> Mapping[str, Any] | None:
    """The options of the `mkdocs serve` that is running; None in anything else, and where it was not a command."""
    context = click.get_current_context(silent=True)
    is_serve = context is not None and context.info_name == "serve"
    return context.params if context is not None and is_serve else None


def _preview(config: MkDocsConfig) -> Preview:
    from mkdocs_leonardo.host.preview import Preview  # noqa: PLC0415 - only a preview needs it

    # A warning from the background would stop some rebuild of `--strict`, whichever happens to be under way.
    loudest = logging.INFO if config.strict else logging.CRITICAL
    file, here = Path(config.config_file_path or "mkdocs.yml").resolve(), Path.cwd()
    is_found = file.parent == here and file.name in {"mkdocs.yml", "mkdocs.yaml"}
    name = str(file.relative_to(here) if file.is_relative_to(here) else file)
    return Preview(
        environ=os.environ,
        tell=lambda level, message: log.log(min(level, loudest), "%s", message),
        command=("mkdocs-leonardo",) if is_found else ("mkdocs-leonardo", "-f", name),
    )


def _shared(image: str, page: str, files: Files) -> str:
    """The place of the author's picture for sharing; "" and a warning if there is no such file."""
    place = neighbours.shared_image(image, page, files)
    if place is None:
        cure = "write its path relative to the page, or a full address"
        log.warning("%s: image is %r; there is no such file in the site; %s", page, image, cure)
    return place or ""


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


def _draws_cards(config: MkDocsConfig) -> bool:
    """Whether Material's social plugin is on, and has no background of the site's own choice."""
    for name, plugin in config.plugins.items():
        if _bare(name) == "social":
            options = plugin.config.get("cards_layout_options") or {}
            return bool(plugin.config.get("cards")) and "background_image" not in options
    return False


def _has_blog(config: MkDocsConfig) -> bool:
    """Whether Material's blog plugin, in any number of instances, makes views on which covers can stand."""
    return any(_bare(name) == "blog" for name in config.plugins)


def _bare(plugin_name: str) -> str:
    """``material/blog #2`` and ``materialx/blog`` without number and theme."""
    return plugin_name.partition(" ")[0].rpartition("/")[2]


def _rendered(page: Page, config: MkDocsConfig) -> Mapping[str, object]:
    """The page's metadata, our texts in it as macros-plugin renders the page: it leaves front matter as it is."""
    macros: Any = config.plugins.get("macros")
    is_wanted = page.meta.get("render_macros", macros is not None and macros.config.get("render_by_default"))
    if macros is None or not is_wanted:
        return page.meta
    meta = dict(page.meta)
    for key, value in page.meta.items():
        if key.startswith("hero_") and isinstance(value, str) and macros.has_j2(value):
            try:
                meta[key] = macros.env.from_string(value).render(**{**macros.variables, **page.meta})
            except Exception as error:  # noqa: BLE001 - macros are the site's own code and may raise anything
                log.warning("%s", InputError(page.file.src_uri, key, f"cannot be rendered by macros ({error!r})"))
                meta[key] = False if key == "hero_prompt" else ""
    return meta


def _wish(page: Page, settings: Settings, config: MkDocsConfig, files: Files, looks: Looks) -> HeroSpec | None:
    """What the page asks for; what is wrong with it is told, and no wish then."""
    meta = _rendered(page, config)
    wish = front_matter.read(
        meta,
        page=page.file.src_uri,
        title=str(page.title or ""),
        site_name=config.site_name,
        defaults=settings.defaults,
    )
    for problem in wish.problems:
        log.warning("%s", problem)
    if wish.hero is None:
        return None
    docs_dir, image = Path(config.docs_dir), wish.image
    if image is None:
        return _with_look(wish, wish.hero, docs_dir, settings, looks)
    first = _first_of(page)
    if first is not page:
        # Of its own place, only what the view made of it is known.
        image = PurePosixPath(first.file.src_uri).parent / str(meta["hero_image"])
        image = PurePosixPath(posixpath.normpath(image))
    image = neighbours.place_of_image(
        image, meta["hero_image"], page=first.file.src_uri, source=first.file.content_string, docs_dir=docs_dir
    )
    return _with_file(wish.hero, image, docs_dir, files)


def _with_look(
    wish: front_matter.FrontMatter, hero: HeroSpec, docs_dir: Path, settings: Settings, looks: Looks
) -> HeroSpec | None:
    """The wish with the page's own reference, or a warning and nothing if that cannot be one."""
    if not wish.reference or hero.picture is None:
        return hero
    try:
        look = looks.first([docs_dir / each for each in wish.reference], settings.defaults.strength)
    except PictureError as error:
        log.warning("%s: hero_reference is %r; it %s", hero.page, str(wish.reference[0]), error)
        return None
    return replace(hero, picture=replace(hero.picture, look=look))


def _first_of(page: Page) -> Page:
    """The page itself; of Material's blog, the first page of a view, whose hero those after it show as well."""
    pages: Sequence[Page] = getattr(page, "pages", None) or [page]
    return pages[0]


def _with_file(hero: HeroSpec, image: PurePosixPath, docs_dir: Path, files: Files) -> HeroSpec | None:
    """The wish with the author's own file, or a warning and nothing if there is no such file."""
    path = neighbours.own_picture(image, docs_dir, files)
    if path is not None:
        return replace(hero, own_image=path)
    cure = "write its path relative to the page"
    log.warning(
        "%s: hero_image is %r; there is no such file in the documentation folder; %s", hero.page, str(image), cure
    )
    return None


def _shown_by(config: MkDocsConfig, files: Files, has_hero: Callable[[str], bool]) -> Callable[[Page], ShownPage]:
    """What must be known of each page of the site; what all pages share is asked for once."""
    from mkdocs_leonardo.page.site import ShownPage, hidden_parts  # noqa: PLC0415 - only pages with heroes come here

    theme, features = config.theme.name or "", config.theme.get("features") or ()
    site_name, description = config.site_name, str(config.site_description or "")
    # Asked several times of each page, and told once.
    place_of = cache(partial(_shared, files=files))

    def shown(page: Page) -> ShownPage:
        meta = page.meta
        image = meta.get("image")
        if isinstance(image, str) and image and has_hero(page.file.src_uri):
            image = place_of(image, page.file.src_uri)
        return ShownPage(
            source=page.file.src_uri,
            url=page.url,
            title=str(page.title or site_name),
            theme=theme,
            hidden=hidden_parts(meta, features),
            is_post=meta.get("template") == "blog-post.html",
            description=str(meta.get("description") or description),
            image=image if isinstance(image, str) else "",
        )

    return shown
