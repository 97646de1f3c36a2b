"""The heroes of a site's pages, read from files as Zensical reads them: front matter and folders' metadata.

Neither the site's theme nor its plugins are needed. Zensical's pages hold neither pages of scripts nor metadata of
hooks, so these are not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from fnmatch import translate
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mkdocs_leonardo.commands.terminal import CommandError
from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.host.front_matter_text import FOLDER_METADATA, FRONT_MATTER
from mkdocs_leonardo.host.reader import HeroReader

if TYPE_CHECKING:
    from mkdocs_leonardo.commands.zensical.project import Project
    from mkdocs_leonardo.front_matter import HeroDefaults
    from mkdocs_leonardo.spec import HeroSpec

_HERO_KEY = re.compile(r"^hero_\w+", re.MULTILINE)
#: Files that are never part of a site, by MkDocs's default and Zensical's.
_ALWAYS_EXCLUDED = (".*", "/templates/")


def read_pages(project: Project, defaults: HeroDefaults, *, with_drafts: bool = False) -> ProjectReader:
    """Read every page of the site; CommandError if there is no folder of pages."""
    docs_dir = project.docs_dir
    if not docs_dir.is_dir():
        raise CommandError(f"{project.path}: docs_dir is {docs_dir}; there is no such folder")
    reader = ProjectReader(project, defaults, with_drafts=with_drafts)
    is_excluded = _make_exclusion(project, with_drafts=with_drafts)
    for name in sorted(_list_pages(docs_dir)):
        if not is_excluded(name):
            reader.read(name, (docs_dir / name).read_text(encoding="utf-8", errors="replace"))
    return reader


def _list_pages(docs_dir: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(docs_dir, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        place = Path(folder).relative_to(docs_dir).as_posix()
        names = [name for name in files if name.endswith(".md") and not name.startswith(".")]
        for name in names:
            # Both files would be the folder's index; the host takes this one.
            if name != "README.md" or "index.md" not in names:
                yield name if place == "." else f"{place}/{name}"


def _make_exclusion(project: Project, *, with_drafts: bool) -> Callable[[str], bool]:
    """Return the predicate of pages that are left out of the site."""
    from pathspec import GitIgnoreSpec

    lines = [*_ALWAYS_EXCLUDED, *project.get_text("exclude_docs").splitlines()]
    if not with_drafts:
        lines += project.get_text("draft_docs").splitlines()
    patterns: list[re.Pattern[str]] = []
    if project.is_on("exclude"):
        options = project.plugins["exclude"]
        patterns += [re.compile(translate(str(each))) for each in _as_list(options.get("glob"))]
        patterns += [re.compile(str(each)) for each in _as_list(options.get("regex"))]
    spec = GitIgnoreSpec.from_lines(lines)
    return lambda name: spec.match_file(name) or any(pattern.match(name) for pattern in patterns)


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


# One page ------------------------------------------------------------------------------------------------------------


class ProjectReader:
    """A reader of a site's pages. `pages` are their names, `problems` the mistakes in front matter."""

    def __init__(self, project: Project, defaults: HeroDefaults, *, with_drafts: bool) -> None:
        self._project = project
        self._with_drafts = with_drafts
        self._titles = dict(_read_nav_titles(project.values.get("nav")))
        options = project.plugins["meta"] if project.is_on("meta") else {"meta_file": ""}
        self._meta_file = str(options.get("meta_file", FOLDER_METADATA))
        self._posts = tuple(_find_post_folders(project))
        self._folder_meta = cache(self._read_folder_meta)
        self._hero_reader = HeroReader(defaults, project.docs_dir)
        self.heroes: list[HeroSpec] = []
        self.pages: list[str] = []
        self.problems: list[InputError] = []

    def read(self, name: str, text: str) -> None:
        """Read one page."""
        block = FRONT_MATTER.match(text)
        folder = self._folder_meta(PurePosixPath(name).parent)
        is_post = name.startswith(self._posts)
        if not is_post and not _has_hero_key(folder) and not (block and _HERO_KEY.search(block[1])):
            self.pages.append(name)
            return
        meta = self._merge(name, folder, self._parse_metadata(name, block[1]) if block else {})
        if is_post and not self._with_drafts and self._is_draft(meta):
            return
        self.pages.append(name)
        title = self._titles.get(name) or meta.get("title") or _make_title(name, text[block.end() :] if block else text)
        read = self._hero_reader.read(
            meta, page=name, title=str(title), site_name=self._project.get_text("site_name"), source=lambda: text
        )
        self.problems += read.problems
        if read.hero is not None:
            self.heroes.append(read.hero)

    # Metadata --------------------------------------------------------------------------------------------------------

    def _parse_metadata(self, name: str, text: str) -> dict[str, Any]:
        """Parse metadata; note a problem if it is no YAML. Returns an empty mapping for any other value."""
        import yaml

        try:
            value = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        except (yaml.YAMLError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f" at line {mark.line + 2}" if mark is not None else ""
            fix = "put quotes around a text that holds a colon, and close those that are open"
            self.problems.append(InputError(name, "the front matter", f"is no YAML{place} and is not read; {fix}"))
            return {}
        return value if isinstance(value, dict) else {}

    def _read_folder_meta(self, folder: PurePosixPath) -> Mapping[str, Any]:
        """Read the metadata that a folder and its parents give to their pages."""
        if not self._meta_file:
            return {}
        above = self._folder_meta(folder.parent) if folder.name else {}
        path = self._project.docs_dir / folder / self._meta_file
        if not path.is_file():
            return above
        own = self._parse_metadata(str(folder / self._meta_file), path.read_text(encoding="utf-8", errors="replace"))
        return self._merge(str(folder / self._meta_file), above, own)

    def _merge(self, name: str, above: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """Merge metadata as Zensical does: mappings are merged, lists joined, other values replaced."""
        from mergedeep import Strategy, merge

        if isinstance(above.get("hero_prompt"), str) and isinstance(own.get("hero_prompt"), bool):
            why = f"is {str(own['hero_prompt']).lower()}, and the folder's is text, which Zensical cannot merge"
            message = f"{why}; write hero_layout: none, or quote it"
            self.problems.append(InputError(name, "hero_prompt", message))
        return dict(merge({}, above, own, strategy=Strategy.ADDITIVE))

    # Blogs -----------------------------------------------------------------------------------------------------------

    def _is_draft(self, meta: Mapping[str, Any]) -> bool:
        if meta.get("draft") is not None:
            return bool(meta["draft"])
        if not self._project.plugins["blog"].get("draft_if_future_date"):
            return False
        day = meta.get("date")
        day = day.get("created") if isinstance(day, Mapping) else day
        if isinstance(day, datetime):
            return day.replace(tzinfo=day.tzinfo or UTC) > datetime.now(UTC)
        return isinstance(day, date) and day > datetime.now(UTC).date()


def _has_hero_key(meta: Mapping[str, Any]) -> bool:
    return any(str(key).startswith("hero_") for key in meta)


def _find_post_folders(project: Project) -> Iterator[str]:
    """Yield the folders of blogs' posts, which alone may be drafts."""
    if project.is_on("blog"):
        options = project.plugins["blog"]
        blog_dir = str(options.get("blog_dir", "blog")).strip("./")
        place = str(options.get("post_dir", "{blog}/posts")).replace("{blog}", blog_dir).strip("/")
        yield f"{place}/"


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
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.startswith("# "):
        return first.lstrip("# ")
    if name in {"index.md", "README.md"}:
        return "Home"
    words = PurePosixPath(name).stem.replace("-", " ").replace("_", " ")
    return words.capitalize() if words.lower() == words else words
