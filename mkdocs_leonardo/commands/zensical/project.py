"""A site as Zensical reads it, without its theme, its plugins or MkDocs: configuration, front matter of pages, heroes.

Zensical's pages hold neither pages of scripts nor metadata of hooks, so these are not read.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fnmatch import translate
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from mkdocs_leonardo.commands.terminal import CommandError
from mkdocs_leonardo.converters import OFF
from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.host.configuration import CONFIGURATIONS
from mkdocs_leonardo.spec import MARKDOWN_EXTENSION, SITE_FOLDER, ZENSICAL_FOLDER, ZENSICAL_TOML

if TYPE_CHECKING:
    import yaml

    from mkdocs_leonardo.config import LeonardoConfig
    from mkdocs_leonardo.front_matter import HeroDefaults
    from mkdocs_leonardo.spec import HeroSpec

#: The files that Zensical looks for, in its order.
_CONFIGURATIONS = (ZENSICAL_TOML, *CONFIGURATIONS["mkdocs"])
#: The most files in a chain of INHERIT.
_MOST_PARENTS = 20
#: Files that are never part of a site, by MkDocs's default and Zensical's.
_ALWAYS_EXCLUDED = (".*", "/templates/")


@dataclass(frozen=True)
class Project:
    """A site's configuration. `files` are its files: the author's own, then those that it inherits."""

    path: Path
    values: Mapping[str, Any]
    files: tuple[Path, ...]

    @property
    def root(self) -> Path:
        """The folder that other paths are relative to."""
        return self.path.parent

    @property
    def docs_dir(self) -> Path:
        """The folder of the pages."""
        return self.root / self.get_text("docs_dir", "docs")

    @property
    def site_dir(self) -> Path:
        """The folder of the built site."""
        return self.root / self.get_text("site_dir", "site")

    @property
    def site_url(self) -> str:
        """The site's address with a slash at its end; `""` if it has none."""
        url = self.get_text("site_url")
        return f"{url.rstrip('/')}/" if url else ""

    @property
    def build_folder(self) -> Path:
        """The folder of manifest and state. `zensical build --clean` does not remove it."""
        return self.root / ZENSICAL_FOLDER

    @property
    def assets(self) -> str:
        """The pictures' folder, relative to the site's."""
        return find_assets_folder(self.extensions.get(MARKDOWN_EXTENSION, {}))

    @cached_property
    def plugins(self) -> Mapping[str, Mapping[str, Any]]:
        """The plugins and their options, in any spelling. Zensical's own have the names of Material's."""
        plugins = dict(parse_named(self.values.get("plugins"), self.path, "plugins"))
        return {name.removeprefix("material/"): options for name, options in plugins.items()}

    @cached_property
    def extensions(self) -> Mapping[str, Mapping[str, Any]]:
        """The Markdown extensions and their options."""
        return dict(parse_named(self.values.get("markdown_extensions"), self.path, "markdown_extensions"))

    @property
    def theme(self) -> Mapping[str, Any]:
        """The theme's name and settings."""
        theme = self.values.get("theme")
        return theme if isinstance(theme, Mapping) else {"name": theme or "material"}

    def get_text(self, name: str, default: str = "") -> str:
        """Return a setting that is text."""
        value = self.values.get(name)
        return str(value) if value is not None else default

    def is_on(self, plugin: str) -> bool:
        """Return whether the site uses a plugin and has not switched it off."""
        switch = self.plugins[plugin].get("enabled", True) if plugin in self.plugins else False
        # `!ENV` gives text.
        return str(switch).strip().lower() not in OFF


def find_assets_folder(options: Mapping[str, object]) -> str:
    """Return the pictures' folder, relative to the site's, by the options of the Markdown extension."""
    return str(options.get("assets", SITE_FOLDER)).strip("/")


def find_project(config_file: str | None) -> Project:
    """Read the configuration that Zensical would find; CommandError if there is none."""
    name = config_file or next((name for name in _CONFIGURATIONS if Path(name).is_file()), "")
    if not name:
        raise CommandError(
            "there is no zensical.toml and no mkdocs.yml here; run this in your site's folder, or use -f"
        )
    return read_project(require_file(name))


def require_file(name: str) -> Path:
    """Return the file that -f names; CommandError if there is none."""
    if not Path(name).is_file():
        raise CommandError(f"-f: there is no file {name}")
    return Path(name)


def read_project(path: Path) -> Project:
    """Read a configuration; CommandError if it cannot be read."""
    path = path.resolve()
    if path.suffix != ".toml":
        values, files = _read_yaml(path, _MOST_PARENTS)
        return Project(path, values, files)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    return Project(path, content.get("project", content), (path,))


def read_plugin_config(project: Project) -> LeonardoConfig:
    """Read and check the plugin's options; CommandError if one is wrong, or if the site does not use the plugin."""
    from mkdocs_leonardo.config import LeonardoConfig

    if "leonardo" not in project.plugins:
        line = "[project.plugins.leonardo]" if project.path.suffix == ".toml" else "`- leonardo` below `plugins:`"
        raise CommandError(f"{project.path} does not use the plugin; add {line}")
    config = LeonardoConfig()
    config.load_dict(dict(project.plugins["leonardo"]))
    errors, _ = config.validate()
    if errors:
        raise CommandError(
            "\n".join(f"{project.path}: plugin 'leonardo': option '{name}': {problem}" for name, problem in errors)
        )
    return config


def parse_named(value: object, path: Path, setting: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield names and options from a list of names and mappings, or from one mapping."""
    if value is None:
        return
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, str):
            yield entry, {}
        elif isinstance(entry, Mapping):
            for name, options in entry.items():
                yield str(name), options if isinstance(options, Mapping) else {}
        else:
            raise CommandError(f"{path}: {setting} must be names or tables, such as [project.{setting}.leonardo]")


# YAML ----------------------------------------------------------------------------------------------------------------


def _read_yaml(path: Path, most_parents: int) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Read a file and those that it inherits from. A file's entry replaces its parent's."""
    import yaml

    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _make_loader())  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise CommandError(f"{path} holds no settings")
    parent = values.pop("INHERIT", None)
    if parent is None:
        return values, (path,)
    if not most_parents:
        raise CommandError(f"{path}: INHERIT leads from file to file without end")
    from mergedeep import merge

    inherited, files = _read_yaml((path.parent / str(parent)).resolve(), most_parents - 1)
    return dict(merge(inherited, values)), (path, *files)


def _make_loader() -> type[yaml.SafeLoader]:
    """Return a YAML loader that knows `!ENV`. It reads other tags, which only themes and extensions need, as None."""
    import yaml
    from yaml_env_tag import construct_env_tag

    base = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    loader = cast("type[yaml.SafeLoader]", type("_ProjectLoader", (base,), {}))
    loader.add_constructor("!ENV", construct_env_tag)
    loader.add_multi_constructor("!", lambda *_: None)
    loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    return loader


# Pages ---------------------------------------------------------------------------------------------------------------


def read_pages(
    project: Project, defaults: HeroDefaults, *, with_drafts: bool = False, now: datetime | None = None
) -> ProjectReader:
    """Read every page of the site; CommandError if there is no folder of pages, or if one cannot be read."""
    docs_dir = project.docs_dir
    if not docs_dir.is_dir():
        raise CommandError(f"{project.path}: docs_dir is {docs_dir}; there is no such folder")
    reader = ProjectReader(project, defaults, with_drafts=with_drafts, now=now or datetime.now(UTC))
    is_excluded = _make_exclusion(project, with_drafts=with_drafts)
    for name in sorted(_list_pages(docs_dir)):
        if not is_excluded(name):
            try:
                text = (docs_dir / name).read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                raise CommandError(f"{docs_dir / name} cannot be read: {error.strerror}; mend or remove it") from error
            reader.read(name, text)
    return reader


def _list_pages(docs_dir: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(docs_dir, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(folder).relative_to(docs_dir).as_posix()
        names = [name for name in files if name.endswith(".md") and not name.startswith(".")]
        for name in names:
            # Both files would be the folder's index; the host takes this one.
            if name != "README.md" or "index.md" not in names:
                yield name if relative == "." else f"{relative}/{name}"


def _make_exclusion(project: Project, *, with_drafts: bool) -> Callable[[str], bool]:
    """Return the predicate of pages that are left out of the site."""
    from pathspec import GitIgnoreSpec

    lines = [*_ALWAYS_EXCLUDED, *project.get_text("exclude_docs").splitlines()]
    if not with_drafts:
        lines += project.get_text("draft_docs").splitlines()
    patterns: list[re.Pattern[str]] = []
    if project.is_on("exclude"):
        options = project.plugins["exclude"]
        patterns += [re.compile(translate(str(pattern))) for pattern in _as_list(options.get("glob"))]
        patterns += [re.compile(str(pattern)) for pattern in _as_list(options.get("regex"))]
    spec = GitIgnoreSpec.from_lines(lines)
    return lambda name: spec.match_file(name) or any(pattern.match(name) for pattern in patterns)


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


# One page ------------------------------------------------------------------------------------------------------------


class ProjectReader:
    """A reader of a site's pages. `pages` are their names, `problems` those in front matter.

    `next_post_at` is the first date of the posts that are left out until their date; None without such posts.
    """

    def __init__(self, project: Project, defaults: HeroDefaults, *, with_drafts: bool, now: datetime) -> None:
        from mkdocs_leonardo.host.front_matter_text import FOLDER_METADATA
        from mkdocs_leonardo.host.reader import HeroReader

        self._project = project
        self._with_drafts = with_drafts
        self._now = now
        self._titles = dict(_read_nav_titles(project.values.get("nav")))
        options = project.plugins["meta"] if project.is_on("meta") else {"meta_file": ""}
        self._meta_file = str(options.get("meta_file", FOLDER_METADATA))
        self._posts = tuple(_find_post_folders(project))
        self._folder_meta = cache(self._read_folder_meta)
        self._hero_reader = HeroReader(defaults, project.docs_dir)
        self.heroes: list[HeroSpec] = []
        self.pages: list[str] = []
        self.undecided: list[str] = []
        self.problems: list[InputError] = []
        self.next_post_at: datetime | None = None

    def read(self, name: str, text: str) -> None:
        """Read one page."""
        from mkdocs_leonardo.front_matter import decides_hero, mentions_hero
        from mkdocs_leonardo.host.front_matter_text import FRONT_MATTER, find_malformed

        block = FRONT_MATTER.match(text)
        body = text[block.end() :] if block else text
        folder = self._folder_meta(PurePosixPath(name).parent)
        is_post = name.startswith(self._posts)
        is_asking = is_post or mentions_hero(folder) or bool(block and "hero" in block[1].lower())
        page_meta: dict[str, Any] = {}
        content = body
        if block and is_asking:
            try:
                page_meta = _parse_metadata(block[1])
            except ValueError:
                content = f"{text}\n"
        meta = self._merge(name, folder, page_meta) if is_asking else {}
        if is_post and not self._with_drafts and self._is_draft(meta):
            return
        self.pages.append(name)
        if not decides_hero(meta):
            self.undecided.append(name)
        self.problems += filter(None, [find_malformed(content, name)])
        if not is_asking:
            return
        title = self._titles.get(name) or meta.get("title") or _make_title(name, body)
        front_matter = self._hero_reader.read(
            meta, page=name, title=str(title), site_name=self._project.get_text("site_name"), read_text=lambda: text
        )
        self.problems += front_matter.problems
        if front_matter.hero is not None:
            self.heroes.append(front_matter.hero)

    # Metadata --------------------------------------------------------------------------------------------------------

    def _read_folder_meta(self, folder: PurePosixPath) -> Mapping[str, Any]:
        """Read the metadata that a folder and its parents give to their pages."""
        if not self._meta_file:
            return {}
        parent_meta = self._folder_meta(folder.parent) if folder.name else {}
        path = self._project.docs_dir / folder / self._meta_file
        if not path.is_file():
            return parent_meta
        name = str(folder / self._meta_file)
        try:
            folder_meta = _parse_metadata(path.read_text(encoding="utf-8", errors="replace"))
        except ValueError as error:
            fix = "put quotes around a text that holds a colon, and close those that are open"
            self.problems.append(InputError(name, "the metadata", f"is no YAML mapping{error} and is not read; {fix}"))
            return parent_meta
        return self._merge(name, parent_meta, folder_meta)

    def _merge(self, name: str, parent_meta: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
        """Merge metadata as Zensical does: mappings are merged, lists joined, other values replaced."""
        from mergedeep import Strategy, merge

        if isinstance(parent_meta.get("hero_prompt"), str) and isinstance(meta.get("hero_prompt"), bool):
            problem = f"is {str(meta['hero_prompt']).lower()}, and the folder's is text, which Zensical cannot merge"
            message = f"{problem}; write hero_layout: none, or quote it"
            self.problems.append(InputError(name, "hero_prompt", message))
        return dict(merge({}, parent_meta, meta, strategy=Strategy.ADDITIVE))

    # Blogs -----------------------------------------------------------------------------------------------------------

    def _is_draft(self, meta: Mapping[str, Any]) -> bool:
        if meta.get("draft") is not None:
            return bool(meta["draft"])
        if not self._project.plugins["blog"].get("draft_if_future_date"):
            return False
        day = meta.get("date")
        day = day.get("created") if isinstance(day, Mapping) else day
        if not isinstance(day, date):
            return False
        begin = day if isinstance(day, datetime) else datetime.combine(day, time.min)
        post_at = begin.replace(tzinfo=begin.tzinfo or UTC)
        if post_at <= self._now:
            return False
        self.next_post_at = min(post_at, self.next_post_at or post_at)
        return True


def _parse_metadata(text: str) -> dict[str, Any]:
    """Parse a YAML mapping; ValueError with the place of the mistake for any other text."""
    import yaml

    try:
        value = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except Exception as error:
        # A value with a wrong tag raises whatever its conversion does.
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f" at line {mark.line + 1}" if mark is not None else "") from error
    if not isinstance(value, dict | None):
        raise ValueError("")  # noqa: TRY004 - wrong text, and no wrong argument
    return value or {}


def _find_post_folders(project: Project) -> Iterator[str]:
    """Yield the folders of blogs' posts, which alone may be drafts."""
    if project.is_on("blog"):
        options = project.plugins["blog"]
        blog_dir = str(options.get("blog_dir", "blog")).strip("./")
        post_dir = str(options.get("post_dir", "{blog}/posts")).replace("{blog}", blog_dir).strip("/")
        yield f"{post_dir}/"


def _read_nav_titles(nav: object) -> Iterator[tuple[str, str]]:
    """Yield the titles that the navigation gives to pages."""
    if isinstance(nav, list):
        for entry in nav:
            yield from _read_nav_titles(entry)
    elif isinstance(nav, Mapping):
        for title, target in nav.items():
            if isinstance(target, str):
                yield target.removeprefix("./"), str(title)
            else:
                yield from _read_nav_titles(target)


def _make_title(name: str, text: str) -> str:
    """Return the heading at the beginning of the text, else the words of the file's name."""
    first_line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first_line.startswith("# "):
        return first_line.lstrip("# ")
    if name in {"index.md", "README.md"}:
        return "Home"
    words = PurePosixPath(name).stem.replace("-", " ").replace("_", " ")
    return words.capitalize() if words.lower() == words else words
