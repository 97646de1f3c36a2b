"""A site for the commands: its options, its pages' heroes, and the pages that arguments name.

MkDocs reads the site if it can (`host.dry_build`). Else the site is read without MkDocs (`commands.zensical`).
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.commands.zensical.project import (
    Project,
    find_assets_folder,
    parse_named,
    read_pages,
    read_plugin_config,
    read_project,
    require_file,
)
from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.files import is_below
from mkdocs_leonardo.host.configuration import (
    CONFIGURATIONS,
    HOSTS,
    find_config_file,
    has_configuration,
    is_for_zensical,
    read_settings,
    use_host_of,
)
from mkdocs_leonardo.resolution import name_some
from mkdocs_leonardo.spec import MARKDOWN_EXTENSION, ZENSICAL_TOML

if TYPE_CHECKING:
    from datetime import datetime

    from mkdocs_leonardo.host.dry_build import LoadedSite
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.spec import HeroSpec

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
#: Rules for print: printed pages show the text without the picture.
_PRINT = re.compile(r"@media\s+print\s*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{};]*)\{([^{}]*)\}")
#: A rule, or an at-rule with its rules.
_BLOCK = re.compile(r"@(?P<condition>[^{};]*)\{(?P<rules>(?:[^{}]*\{[^{}]*\})*[^{}]*)\}|[^{};]*\{[^{}]*\}")
_ALWAYS = re.compile(r"media\s+(?:only\s+)?(?:screen|all)\s*|layer\b.*", re.DOTALL)
_HERO = ".leonardo-hero"
#: Selectors whose custom properties hold for every hero: those of the documentation, and their ancestors.
_EVERYWHERE = frozenset({":root", "html", "body", _HERO})
_ALPHA = re.compile(r"--leonardo-hero-scrim\s*:\s*(\d*\.?\d+)(%?)\s*(?:!\s*important\s*)?(?:;|$)")
_COLOUR = re.compile(r"--leonardo-hero-(?:color|scrim-color)\s*:")


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """A site's configuration, without its pages. `alt_rule` is `hero_alt` of the theme's configuration.

    `shade` is the alpha that the site's own stylesheets lay behind every hero's text; None if they set none.
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
    published_folder: Path | None = None
    """The folder in which the Markdown extension looks for pictures; None if the site does not use it."""

    def display_path(self, path: Path) -> str:
        """Return the path for a message: relative to the configuration's folder for a path below that folder."""
        root = self.config_file.parent
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    @property
    def cache_problem(self) -> str:
        """The problem of a `cache_dir` that `zensical build --clean` would remove; `""` if it is safe."""
        cache_dir = self.settings.cache_dir
        if not self.is_for_zensical or not is_below(cache_dir, self.config_file.parent / ".cache"):
            return ""
        return (
            f"{cache_dir} is in the folder that `zensical build --clean` removes, with every image that "
            "is paid for; move it and change the line, or take the line out"
        )


@dataclass(frozen=True, slots=True)
class SitePages:
    """The heroes of a site's pages. `pages` are all pages that were read, `problems` those in their front matter.

    `undecided` are the pages whose metadata, with that of their folders, neither asks for a hero nor declines one.
    `coverless` are the templates of blog views that have no place for a post's cover.
    """

    config: SiteConfig
    heroes: tuple[HeroSpec, ...]
    pages: frozenset[str]
    problems: tuple[InputError, ...]
    undecided: frozenset[str]
    coverless: tuple[Path, ...] = ()
    not_installed: tuple[str, ...] = ()
    """The theme and plugins that were not installed when the site was read."""
    next_post_at: datetime | None = None
    """When the next post is published that waits for its date, on a site that Zensical builds; None without one."""

    @property
    def settings(self) -> Settings:
        """The plugin's options."""
        return self.config.settings

    @property
    def problem_lines(self) -> tuple[str, ...]:
        """The problems, each as one line for a person."""
        return tuple(map(str, self.problems))


def read_config(config_file: str | None, console: Console) -> SiteConfig:
    """Read the site's configuration; CommandError or HeroError if the file is missing or wrong."""
    project = _find_project_without_mkdocs(config_file)
    if project is not None:
        return read_project_config(project, console)
    site = _load_site(config_file, console)
    if site.options is None:
        site.bring_grouped_plugins()
    return _make_config(site, console)


def read_site(config_file: str | None, console: Console, *, command: Literal["build", "serve"] = "build") -> SitePages:
    """Read every page; CommandError or HeroError if the site cannot be read. `serve` reads drafts as well."""
    project = _find_project_without_mkdocs(config_file)
    if project is not None:
        names = tuple(_find_uninstalled(project))
        if names:
            console.note(f"read without {name_some(names)}, not installed here; their pages and metadata are not seen")
        return replace(read_project_pages(project, console, with_drafts=command == "serve"), not_installed=names)
    site = _load_site(config_file, console)
    site.read(command)
    config = _require_enabled(_make_config(site, console))
    coverless = tuple(site.coverless) if config.settings.markup.cards else ()
    return SitePages(
        config, tuple(site.heroes), frozenset(site.pages), tuple(site.problems), frozenset(site.undecided), coverless
    )


def _require_enabled(config: SiteConfig) -> SiteConfig:
    """Return the configuration; CommandError if it switches the plugin off."""
    if not config.enabled:
        raise CommandError(f"the plugin is switched off in {config.config_file} (enabled: false); switch it on")
    return config


def choose_heroes(site: SitePages, names: tuple[str, ...]) -> tuple[HeroSpec, ...]:
    """Choose the heroes of the named pages, or all; CommandError for a name that fits no page with a hero."""
    pages = _choose(site, names, [hero.page for hero in site.heroes], _explain_unknown)
    return tuple(hero for hero in site.heroes if hero.page in pages)


def choose_pages(site: SitePages, names: tuple[str, ...]) -> tuple[str, ...]:
    """Choose the named pages, with and without a hero, or all; CommandError for an unknown name."""
    return tuple(sorted(_choose(site, names, site.pages, lambda _, name: f"there is no page {name!r}")))


# Reading without MkDocs ----------------------------------------------------------------------------------------------


def read_project_config(project: Project, console: Console) -> SiteConfig:
    """Read the configuration of a site that Zensical builds."""
    use_host_of(str(project.path))
    from mkdocs_leonardo.settings import move_cache, settings_from

    plugin = read_plugin_config(project)
    theme = project.theme
    settings = settings_from(
        plugin,
        project.path,
        docs_dir=project.docs_dir,
        site_dir=project.site_dir,
        for_zensical=True,
    )
    return SiteConfig(
        move_cache(settings, console.notify, os.environ),
        enabled=plugin.enabled,
        config_file=project.path,
        docs_dir=project.docs_dir,
        theme=str(theme.get("name") or ""),
        plugins=tuple(project.plugins),
        alt_rule=theme.get("hero_alt"),
        shade=find_shade_alpha(_read_stylesheets(project.values.get("extra_css") or (), (project.docs_dir,))),
        is_for_zensical=True,
        published_folder=_find_published_folder(project.docs_dir, project.extensions),
    )


def read_project_pages(
    project: Project, console: Console, *, with_drafts: bool = False, now: datetime | None = None
) -> SitePages:
    """Read every page of a site that Zensical builds."""
    config = _require_enabled(read_project_config(project, console))
    pages = read_pages(project, config.settings.defaults, with_drafts=with_drafts, now=now)
    return SitePages(
        config,
        tuple(pages.heroes),
        frozenset(pages.pages),
        tuple(pages.problems),
        frozenset(pages.undecided),
        next_post_at=pages.next_post_at,
    )


def _find_project_without_mkdocs(config_file: str | None) -> Project | None:
    """Find the project to read without MkDocs; None if MkDocs can read the site.

    Such a project is a Zensical site, or a site whose theme or plugins are not installed here.
    """
    if config_file is None and not has_configuration(*HOSTS) and Path(ZENSICAL_TOML).is_file():
        config_file = ZENSICAL_TOML
    path = config_file or next((name for name in CONFIGURATIONS["mkdocs"] if Path(name).is_file()), None)
    if path is None:
        return None
    project = read_project(require_file(path))
    if project.path.suffix == ".toml":
        return project
    _create_watched_folder(project)
    return project if "leonardo" in project.plugins and any(_find_uninstalled(project)) else None


def _create_watched_folder(project: Project) -> None:
    """Create the pictures' folder if the site watches it, since MkDocs refuses to watch a missing folder."""
    folder = _find_published_folder(project.docs_dir, project.extensions)
    watched = project.values.get("watch")
    if folder is not None and isinstance(watched, list) and project.docs_dir.is_dir():
        places = {(project.root / str(path)).resolve() for path in watched}
        if folder.resolve() in places:
            # If that fails, MkDocs reports the folder.
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)


def _find_uninstalled(project: Project) -> Iterator[str]:
    """Yield the theme and the plugins that a mkdocs.yml names and that are not installed."""
    if project.path.suffix == ".toml":
        return
    themes, plugins = (
        {entry.name for host in HOSTS for entry in entry_points(group=f"{host}.{kind}")}
        for kind in ("themes", "plugins")
    )
    # MkDocs's theme for a site that names none; `Project.theme` has Zensical's.
    theme = project.theme.get("name") if project.values.get("theme") else "mkdocs"
    if theme is not None and theme not in themes:
        yield str(theme)
    for name, _ in parse_named(project.values.get("plugins"), project.path, "plugins"):
        if name not in plugins and f"{theme}/{name}" not in plugins:
            yield name


# Reading by MkDocs ----------------------------------------------------------------------------------------------------


def _load_site(config_file: str | None, console: Console) -> LoadedSite:
    use_host_of(config_file)
    from mkdocs_leonardo.host.dry_build import LoadedSite

    if config_file is None and not has_configuration(*HOSTS):
        raise CommandError("there is no mkdocs.yml here; run this in your site's folder, or name the file with -f")
    return LoadedSite(config_file, console.notify)


def _make_config(site: LoadedSite, console: Console) -> SiteConfig:
    from mkdocs_leonardo.settings import move_cache

    config = site.config
    options = site.options
    if options is None:
        raise CommandError(f"{config.config_file_path} does not use the plugin; add `- leonardo` below `plugins:`")
    path = find_config_file(config).resolve()
    return SiteConfig(
        move_cache(read_settings(options, config), console.notify, os.environ),
        enabled=options.enabled,
        config_file=path,
        docs_dir=Path(config.docs_dir),
        theme=config.theme.name or "",
        plugins=tuple(config.plugins),
        alt_rule=config.theme.get("hero_alt"),
        shade=find_shade_alpha(_read_stylesheets(config.extra_css, (config.docs_dir, *config.theme.dirs))),
        is_for_zensical=is_for_zensical(path, config.markdown_extensions),
        published_folder=_find_published_folder(
            Path(config.docs_dir), {name: config.mdx_configs.get(name, {}) for name in config.markdown_extensions}
        ),
    )


def _find_published_folder(docs_dir: Path, extensions: Mapping[str, Mapping[str, object]]) -> Path | None:
    options = extensions.get(MARKDOWN_EXTENSION)
    return None if options is None else docs_dir / find_assets_folder(options)


# Stylesheets ---------------------------------------------------------------------------------------------------------


def _read_stylesheets(names: Iterable[object], folders: Sequence[str | Path]) -> Iterator[str]:
    """Read the site's own stylesheets in the order of the pages' links. Remote stylesheets are not fetched."""
    for name in map(str, names):
        for folder in folders:
            with suppress(OSError, UnicodeDecodeError, ValueError):
                yield Path(folder, name).read_text(encoding="utf-8")
                break


def find_shade_alpha(stylesheets: Iterable[str]) -> float | None:
    """Find the least alpha, 0 to 1, that a site's own stylesheets lay behind every hero's text; None if they set none.

    A later rule replaces an earlier one, unless it holds on a condition only. A value of the hero itself, on no
    condition, hides those of its ancestors. Returns None, too, if the stylesheets give the text or the shade another
    colour, which prevents a measurement.
    """
    # The values of the hero itself (True), and those of its ancestors.
    alphas: dict[bool, list[float]] = {True: [], False: []}
    has_own = False
    for stylesheet in stylesheets:
        text = _PRINT.sub("", _COMMENT.sub("", stylesheet))
        for block in _BLOCK.finditer(text):
            values: dict[bool, list[float]] = {True: [], False: []}
            for selectors, declarations in _RULE.findall(block["rules"] or block[0]):
                names = {selector.strip() for selector in selectors.split(",")} & _EVERYWHERE
                if names and _COLOUR.search(declarations):
                    return None
                for number, percent in _ALPHA.findall(declarations) if names else ():
                    values[_HERO in names].append(float(number) / (100 if percent else 1))
            is_conditional = block["condition"] is not None and not _ALWAYS.fullmatch(block["condition"])
            for is_own, found in values.items():
                if is_conditional:
                    alphas[is_own] += found
                elif found:
                    alphas[is_own] = found[-1:]
                    has_own |= is_own
    return min(alphas[True] if has_own else alphas[True] + alphas[False], default=None)


# Choosing ------------------------------------------------------------------------------------------------------------


def _choose(
    site: SitePages, names: Sequence[str], pages: Collection[str], explain: Callable[[SitePages, str], str]
) -> frozenset[str]:
    """Choose the `pages` that fit a name; without names, all. CommandError for a name that fits no page."""
    if not names:
        return frozenset(pages)
    fitting = {name: {page for page in pages if _is_named(page, name, site.config.docs_dir)} for name in names}
    for name, matches in fitting.items():
        if not matches:
            raise CommandError(explain(site, name))
    return frozenset().union(*fitting.values())


def _is_named(page: str, name: str, docs_dir: Path) -> bool:
    """Return whether the page fits `name`: its path in the documentation or on the disk, a folder, or a pattern."""
    name = name.replace("\\", "/").removeprefix("./")
    with suppress(OSError, ValueError):
        path = Path(name).resolve()
        if path.exists() and path.is_relative_to(docs_dir.resolve()):
            name = path.relative_to(docs_dir.resolve()).as_posix()
    return page == name or page.startswith(f"{name.rstrip('/')}/") or name == "." or fnmatchcase(page, name)


def _explain_unknown(site: SitePages, name: str) -> str:
    plain = name.replace("\\", "/").removeprefix("./")
    if plain in site.pages:
        return f"{plain} has no hero_prompt; write one into its front matter first"
    matches = difflib.get_close_matches(plain, site.pages, n=1, cutoff=0.5)
    if matches:
        return f"there is no page {name!r} with a hero; did you mean {matches[0]}?"
    pages = [hero.page for hero in site.heroes]
    return f"there is no page {name!r} with a hero; there are {name_some(pages) or 'none at all'}"
