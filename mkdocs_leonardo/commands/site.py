"""What the pages of a site want, read by MkDocs itself, or without it where only Zensical could build the site.

Where MkDocs reads, the site is really built, with its own configuration and all of its plugins, up to the point where
the last page has been read, and then stopped before anything is written: a page's wish may come from Material's `meta`
plugin, from a script of gen-files, or from a hook, and whether a post is a draft is the blog plugin's business. Only
the real build knows. Two things are left out, since no wish can come from them and both may take minutes: pages are
read as if they had no text, and nobody is told of their (empty) content.
"""

from __future__ import annotations

import difflib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from mkdocs_leonardo.commands.pages import wishes_in
from mkdocs_leonardo.commands.site_styles import shade_alpha
from mkdocs_leonardo.commands.terminal import CommandError, Console, listed
from mkdocs_leonardo.commands.zensical import ZENSICAL, Project, named, plugin_config, read_project
from mkdocs_leonardo.commands.zensical_host import ASSETS, EXTENSION
from mkdocs_leonardo.host.blog_templates import templates_without_excerpts

if TYPE_CHECKING:
    from jinja2 import Environment
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.config import LeonardoConfig, Settings
    from mkdocs_leonardo.errors import InputError
    from mkdocs_leonardo.host.pages import PageReading
    from mkdocs_leonardo.spec import HeroSpec

#: The logger of our plugin, and those of the hosts: plugins keep to MkDocs's under ProperDocs, which has its own.
OURS = "mkdocs.plugins.leonardo"
HOSTS = ("mkdocs", "properdocs")
#: How a host's configuration is called; ProperDocs looks for both, its own first.
CONFIGURATIONS = {host: (f"{host}.yml", f"{host}.yaml") for host in HOSTS}

_NO_PLUGIN = "does not use the plugin; add `- leonardo` below `plugins:`"


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """A site's configuration, without its pages. `alt_rule` is what the theme's configuration says in `hero_alt`.

    `shade` is the alpha that the site's own stylesheets lay behind every hero's text, None if they do not.
    """

    settings: Settings
    enabled: bool
    config_file: Path
    docs_dir: Path
    theme: str
    plugins: tuple[str, ...]
    alt_rule: object = None
    shade: float | None = None
    is_for_zensical: bool = False
    published: Path | None = None
    """Where the Markdown extension looks for pictures; None where the site does not name it."""

    @property
    def danger(self) -> str:
        """What is wrong with the cache's place, on a site that Zensical builds; empty if nothing is."""
        wiped, cache_dir = (self.config_file.parent / ".cache").resolve(), self.settings.cache_dir
        if not self.is_for_zensical or not cache_dir.is_relative_to(wiped):
            return ""
        return (
            f"cache_dir: {cache_dir} lies in the folder that `zensical build --clean` removes, with every picture that "
            "is paid for; move it and change the line, or take the line out"
        )


@dataclass(frozen=True, slots=True)
class SiteWishes:
    """What the pages of a site want. `pages` are all that were read, `problems` what is wrong with their lines.

    `coverless` are the templates of blog views on which no post's cover can stand.
    """

    options: SiteOptions
    heroes: tuple[HeroSpec, ...]
    pages: frozenset[str]
    problems: tuple[str, ...]
    coverless: tuple[Path, ...] = ()
    unread: tuple[str, ...] = ()
    """The theme and plugins that were not there to have their say."""

    @property
    def settings(self) -> Settings:
        """The plugin's options."""
        return self.options.settings


class _Plugin(Protocol):
    """What is needed of our plugin, which lies above this package."""

    config: LeonardoConfig
    reader: Callable[[Page, PageReading], None] | None


class _AllPagesRead(BaseException):
    """The build has done what it was wanted for.

    Like Ctrl-C it passes by `on_build_error`, where hooks tell somebody that a build has failed.
    """


def options_of(config_file: str | None, console: Console) -> SiteOptions:
    """The site's configuration; CommandError if there is none, or if it is wrong."""
    project = _project(config_file)
    if project is not None:
        return project_options(project, console)
    with _listening(console) as heard:
        config = _load(config_file, heard)
        plugin = _plugin(config)
        if plugin is None:
            plugin = _grouped(config, heard)
        if plugin is None:
            raise CommandError(f"{config.config_file_path} {_NO_PLUGIN}")
        return _options(config, plugin, console)


def wishes_of(config_file: str | None, console: Console, *, command: Literal["build", "serve"] = "build") -> SiteWishes:
    """What every page wants; CommandError if the site cannot be read. `serve` reads drafts as well."""
    project = _project(config_file)
    if project is not None:
        unread = tuple(_missing(project))
        if unread:
            console.note(
                f"read without {listed(unread)}, not installed here: pages and metadata of theirs are not seen"
            )
        return replace(project_wishes(project, console, with_drafts=command == "serve"), unread=unread)
    with _listening(console) as heard, tempfile.TemporaryDirectory(prefix="mkdocs-leonardo-") as nowhere:
        config = _load(config_file, heard)
        real_site_dir = config.site_dir
        config["site_dir"] = nowhere
        reading = _Reading(config)
        try:
            # What plugins print is not part of the result.
            with redirect_stdout(sys.stderr):
                reading.run(command)
        except Exception as error:
            # Any plugin of the site may raise anything.
            raise _trouble(error, heard) from error
        plugin = _plugin(config)
        if plugin is None:
            raise CommandError(f"{config.config_file_path} {_NO_PLUGIN}")
        if not plugin.config.enabled:
            raise CommandError(
                f"the plugin is switched off in {config.config_file_path} (enabled: false); switch it on"
            )
        config["site_dir"] = real_site_dir
        options = _options(config, plugin, console)
    return SiteWishes(
        options,
        tuple(reading.heroes),
        frozenset(reading.pages),
        tuple(map(str, reading.problems)),
        tuple(reading.coverless) if options.settings.cards else (),
    )


def chosen(site: SiteWishes, names: tuple[str, ...]) -> tuple[HeroSpec, ...]:
    """The heroes of the named pages, or of all; CommandError for a name that fits no page with a hero."""
    if not names:
        return site.heroes
    picked: dict[str, HeroSpec] = {}
    for name in names:
        found = [hero for hero in site.heroes if _fits(hero.page, name, site.options.docs_dir)]
        if not found:
            raise CommandError(_unknown(site, name))
        picked.update((hero.page, hero) for hero in found)
    return tuple(hero for hero in site.heroes if hero.page in picked)


def pages_named(site: SiteWishes, names: tuple[str, ...]) -> tuple[str, ...]:
    """The pages, with and without a hero, that the names mean, or all; CommandError for a name that fits none."""
    docs_dir = site.options.docs_dir
    for name in names:
        if not any(_fits(page, name, docs_dir) for page in site.pages):
            raise CommandError(f"there is no page {name!r}")
    return tuple(page for page in sorted(site.pages) if not names or any(_fits(page, name, docs_dir) for name in names))


# Reading without MkDocs ----------------------------------------------------------------------------------------------


def project_options(project: Project, console: Console) -> SiteOptions:
    """The configuration of a site that Zensical builds."""
    _meet_host(str(project.path))
    from mkdocs.config.base import ValidationError  # noqa: PLC0415 - `--help` needs no MkDocs

    from mkdocs_leonardo.config import settings_from, settled  # noqa: PLC0415 - same

    plugin, theme = plugin_config(project), project.theme
    try:
        settings = settings_from(
            plugin,
            root=project.root,
            docs_dir=project.docs_dir,
            site_dir=project.site_dir,
            config_name=project.path.name,
            for_zensical=True,
        )
    except ValidationError as error:
        raise CommandError(str(error)) from None
    return SiteOptions(
        settled(settings, console.tell, os.environ),
        enabled=plugin.enabled,
        config_file=project.path,
        docs_dir=project.docs_dir,
        theme=str(theme.get("name") or ""),
        plugins=tuple(project.plugins),
        alt_rule=theme.get("hero_alt"),
        shade=shade_alpha(_texts(project.values.get("extra_css") or (), (project.docs_dir,))),
        is_for_zensical=True,
        published=_published(project.docs_dir, project.extensions),
    )


def project_wishes(project: Project, console: Console, *, with_drafts: bool = False) -> SiteWishes:
    """What every page of a site that Zensical builds wants."""
    options = project_options(project, console)
    if not options.enabled:
        raise CommandError(f"the plugin is switched off in {project.path} (enabled: false); switch it on")
    found = wishes_in(project, options.settings.defaults, with_drafts=with_drafts)
    return SiteWishes(options, tuple(found.heroes), frozenset(found.pages), tuple(found.problems))


def _project(config_file: str | None) -> Project | None:
    """The configuration, if MkDocs cannot read it: it is Zensical's own, or names what is not installed here."""
    if config_file is None and not any(map(_exists, HOSTS)) and Path(ZENSICAL).is_file():
        config_file = ZENSICAL
    if config_file is not None and config_file.endswith(".toml"):
        _refuse_missing(config_file)
        return read_project(Path(config_file))
    path = Path(config_file or next((name for name in CONFIGURATIONS["mkdocs"] if Path(name).is_file()), ""))
    if not path.is_file():
        return None
    project = read_project(path)
    _make_watched(project)
    return project if "leonardo" in project.plugins and any(_missing(project)) else None


def _make_watched(project: Project) -> None:
    """The pictures' folder is there where the site watches it: on a fresh clone, MkDocs would refuse the line."""
    folder = _published(project.docs_dir, project.extensions)
    watched = project.values.get("watch")
    if folder is not None and isinstance(watched, list) and project.docs_dir.is_dir():
        places = {(project.root / str(each)).resolve() for each in watched}
        if folder.resolve() in places:
            # If it cannot be made, MkDocs says what is wrong.
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)


def _missing(project: Project) -> Iterator[str]:
    """The theme and the plugins that a mkdocs.yml names and that are not installed."""
    if project.path.suffix == ".toml":
        return
    themes, plugins = (
        {each.name for host in HOSTS for each in entry_points(group=f"{host}.{kind}")} for kind in ("themes", "plugins")
    )
    theme = project.theme.get("name")
    if theme is not None and theme not in themes:
        yield str(theme)
    for name, _ in named(project.values.get("plugins"), project.path, "plugins"):
        if name not in plugins and f"{theme}/{name}" not in plugins:
            yield name


def _refuse_missing(config_file: str) -> None:
    if not Path(config_file).is_file():
        raise CommandError(f"-f: there is no file {config_file}")


# Reading by MkDocs ----------------------------------------------------------------------------------------------------


class _Reading:
    """One build that ends when every page has been read."""

    def __init__(self, config: MkDocsConfig) -> None:
        self._config = config
        self._is_set = False
        self.heroes: list[HeroSpec] = []
        self.pages: list[str] = []
        self.problems: list[InputError] = []
        self.coverless: list[Path] = []
        self._views: set[str] = set()
        self._has_post = False

    def run(self, command: Literal["build", "serve"]) -> None:
        """Read every page."""
        from mkdocs.commands.build import build  # noqa: PLC0415 - `--help` needs no MkDocs

        plugins = self._config.plugins
        plugins.on_startup(command=command, dirty=False)
        try:
            # Material's `group` plugin adds plugins, perhaps ours, in this very event, with a high priority; it takes
            # every bound method for a plugin's.
            plugins.events["config"].append(lambda config: self._attach(config))  # noqa: PLW0108 - see above
            with suppress(_AllPagesRead):
                build(self._config, serve_url="http://127.0.0.1:8000/" if command == "serve" else None)
        finally:
            plugins.on_shutdown()

    def _attach(self, config: MkDocsConfig) -> None:
        plugin = _plugin(config)
        if plugin is not None:
            plugin.reader = self._take
        # By now every plugin is there.
        config.plugins.events["page_content"].clear()
        config.plugins.events["env"][:] = [self._end]

    def _take(self, page: Page, reading: PageReading) -> None:
        hero = reading.hero
        self.pages.append(page.file.src_uri)
        self.problems += reading.problems
        if hero is not None:
            self.heroes.append(hero)
        # Of Material's blog: a view has posts, a post has an excerpt.
        if hasattr(page, "posts"):
            self._views.add(str(page.meta.get("template", "blog.html")))
        self._has_post |= hero is not None and hasattr(page, "excerpt")

    def _end(self, env: Environment, **_: object) -> None:
        root = Path(self._config.config_file_path or ".").resolve().parent
        for view in sorted(self._views) if self._has_post else ():
            files = [Path(name) for name in templates_without_excerpts(env, view)]
            # The site's own one, where there is one: what lies elsewhere is somebody else's theme.
            self.coverless += [*filter(lambda file: file.is_relative_to(root), files), *files][:1]
        raise _AllPagesRead


class _Heard(logging.Handler):
    """The host's log while it reads a site: errors are kept for the message that says why reading failed."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an error; show the plugin's own records, and others' with --verbose."""
        text = record.getMessage().removeprefix("leonardo: ")
        if record.levelno >= logging.ERROR:
            self.errors.append(text)
        else:
            self._console.tell(record.levelno if record.name == OURS else logging.INFO, text)


@contextmanager
def _listening(console: Console) -> Iterator[_Heard]:
    """The host's log goes to the handler, and nowhere else, while the block runs."""
    loggers, heard = [logging.getLogger(host) for host in HOSTS], _Heard(console)
    propagated = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(heard)
        logger.propagate = False
    try:
        yield heard
    finally:
        for logger, before in zip(loggers, propagated, strict=True):
            logger.removeHandler(heard)
            logger.propagate = before


def _meet_host(config_file: str | None) -> None:
    """From here on, `mkdocs` is ProperDocs where that builds the site: its file, or no MkDocs on this machine."""
    if "mkdocs" in sys.modules or find_spec("properdocs") is None:
        return
    is_its_own = (
        _exists("properdocs") if config_file is None else Path(config_file).name in CONFIGURATIONS["properdocs"]
    )
    if is_its_own or find_spec("mkdocs") is None:
        import_module("properdocs.replacement")


def _exists(host: str) -> bool:
    return any(Path(name).is_file() for name in CONFIGURATIONS[host])


def _load(config_file: str | None, heard: _Heard) -> MkDocsConfig:
    _meet_host(config_file)
    from mkdocs.config import load_config  # noqa: PLC0415 - `--help` needs no MkDocs

    if config_file is None and not any(map(_exists, HOSTS)):
        raise CommandError("there is no mkdocs.yml here; run this in your site's folder, or name the file with -f")
    if config_file is not None:
        _refuse_missing(config_file)
    try:
        with redirect_stdout(sys.stderr):
            return load_config(config_file)
    except Exception as error:
        # The configuration runs code of plugins and hooks, which may raise anything.
        raise _trouble(error, heard) from error


def _trouble(error: Exception, heard: _Heard) -> CommandError:
    """What stopped the reading, in the words of the log where it has any."""
    lines = list(dict.fromkeys(heard.errors))
    if not lines:
        text = str(error)
        lines = [text if type(error).__module__.startswith(HOSTS) else f"{type(error).__name__}: {text}"]
    return CommandError("the site cannot be read: " + "\n".join(lines))


def _plugin(config: MkDocsConfig) -> _Plugin | None:
    found: Any = dict.get(config.plugins, "leonardo")
    return cast("_Plugin | None", found)


def _grouped(config: MkDocsConfig, heard: _Heard) -> _Plugin | None:
    """Our plugin where another one (Material's `group`) brings it in, which it does while a build begins."""
    try:
        with redirect_stdout(sys.stderr):
            config.plugins.on_startup(command="build", dirty=False)
            config.plugins.on_config(config)
    except Exception as error:
        # Any plugin of the site may raise anything.
        raise _trouble(error, heard) from error
    finally:
        config.plugins.on_shutdown()
    return _plugin(config)


def _options(config: MkDocsConfig, plugin: _Plugin, console: Console) -> SiteOptions:
    from mkdocs.config.base import ValidationError  # noqa: PLC0415 - `--help` needs no MkDocs

    from mkdocs_leonardo.config import is_for_zensical, settings_from, settled  # noqa: PLC0415 - same

    path = Path(config.config_file_path or "mkdocs.yml").resolve()
    for_zensical = is_for_zensical(path, config.markdown_extensions)
    try:
        settings = settings_from(
            plugin.config,
            root=path.parent,
            docs_dir=Path(config.docs_dir),
            site_dir=Path(config.site_dir),
            config_name=path.name,
            for_zensical=for_zensical,
        )
    except ValidationError as error:
        raise CommandError(str(error)) from None
    return SiteOptions(
        settled(settings, console.tell, os.environ),
        enabled=plugin.config.enabled,
        config_file=path,
        docs_dir=Path(config.docs_dir),
        theme=config.theme.name or "",
        plugins=tuple(config.plugins),
        alt_rule=config.theme.get("hero_alt"),
        shade=shade_alpha(_texts(config.extra_css, (config.docs_dir, *config.theme.dirs))),
        is_for_zensical=for_zensical,
        published=_published(
            Path(config.docs_dir), {name: config.mdx_configs.get(name, {}) for name in config.markdown_extensions}
        ),
    )


def _published(docs_dir: Path, extensions: Mapping[str, Mapping[str, object]]) -> Path | None:
    options = extensions.get(EXTENSION)
    return None if options is None else docs_dir / str(options.get("assets", ASSETS)).strip("/")


def _texts(names: Iterable[object], folders: Sequence[str | Path]) -> Iterator[str]:
    """The site's own stylesheets, in the order in which pages link them; what lies elsewhere is not fetched."""
    for name in map(str, names):
        for folder in folders:
            with suppress(OSError, UnicodeDecodeError, ValueError):
                yield Path(folder, name).read_text(encoding="utf-8")
                break


# Choosing ------------------------------------------------------------------------------------------------------------


def _fits(page: str, name: str, docs_dir: Path) -> bool:
    """Whether `name` means the page: as in the documentation folder, as a shell completes it, a folder or a pattern."""
    name = name.replace("\\", "/").removeprefix("./")
    with suppress(OSError, ValueError):
        path = Path(name).resolve()
        if path.exists() and path.is_relative_to(docs_dir.resolve()):
            name = path.relative_to(docs_dir.resolve()).as_posix()
    return page == name or page.startswith(f"{name.rstrip('/')}/") or name == "." or fnmatchcase(page, name)


def _unknown(site: SiteWishes, name: str) -> str:
    plain = name.replace("\\", "/").removeprefix("./")
    if plain in site.pages:
        return f"{plain} has no hero_prompt; write one into its front matter first"
    near = difflib.get_close_matches(plain, site.pages, n=1, cutoff=0.5)
    if near:
        return f"there is no page {name!r} with a hero; did you mean {near[0]}?"
    pages = [hero.page for hero in site.heroes]
    return f"there is no page {name!r} with a hero; there are {listed(pages) or 'none at all'}"
