"""MkDocs's pages: the heroes that their metadata asks for, and the mistakes in it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mkdocs_leonardo import front_matter
from mkdocs_leonardo.errors import InputError, PictureError
from mkdocs_leonardo.host import encrypted, neighbours
from mkdocs_leonardo.host.unread import problem_of as unread_problem
from mkdocs_leonardo.imaging.reference import Looks

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.front_matter import FrontMatter
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.spec import HeroSpec


@dataclass(frozen=True, slots=True)
class PageReading:
    """One page's hero, None without one, and the mistakes in its front matter."""

    hero: HeroSpec | None
    problems: tuple[InputError, ...] = ()


class PageReader:
    """Reads the pages of one build. A reference that several pages name is opened once."""

    def __init__(self, settings: Settings) -> None:
        self._defaults = settings.defaults
        self._looks = Looks()

    def read(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> PageReading:
        """Read one page's front matter. `markdown` is the text that MkDocs takes for the page's content."""
        problems: list[InputError] = []
        unread = unread_problem(markdown, page.file.src_uri)
        if unread is not None:
            problems.append(unread)
        hero = self._hero(page, config, files, problems)
        if hero is not None and encrypted.is_marked(page):
            problems.append(encrypted.problem_of(page.file.src_uri, page.meta))
            hero = None
        return PageReading(hero, tuple(problems))

    def _hero(self, page: Page, config: MkDocsConfig, files: Files, problems: list[InputError]) -> HeroSpec | None:
        """The page's hero; None without one, and where anything about it is wrong, which is added to `problems`."""
        meta = _rendered(page, config, problems)
        found = front_matter.read(
            meta,
            page=page.file.src_uri,
            title=str(page.title or ""),
            site_name=config.site_name,
            defaults=self._defaults,
        )
        problems += found.problems
        if found.hero is None:
            return None
        docs_dir = Path(config.docs_dir)
        try:
            if found.image is None:
                return self._with_look(found, found.hero, docs_dir)
            image = _image_of(page, found.image, meta["hero_image"], docs_dir)
            return _with_file(found.hero, image, docs_dir, files)
        except InputError as error:
            problems.append(error)
            return None

    def _with_look(self, found: FrontMatter, hero: HeroSpec, docs_dir: Path) -> HeroSpec:
        """The hero with the page's own reference; InputError if the reference cannot be one."""
        if not found.reference or hero.picture is None:
            return hero
        try:
            look = self._looks.first([docs_dir / each for each in found.reference], self._defaults.strength)
        except PictureError as error:
            message = f"is {str(found.reference[0])!r}; it {error}"
            raise InputError(hero.page, "hero_reference", message) from error
        return replace(hero, picture=replace(hero.picture, look=look))


def spell_refusal(meta: MutableMapping[str, Any]) -> None:
    """Write `hero_prompt: false` as the text that means the same."""
    if meta.get("hero_prompt") is False:
        meta["hero_prompt"] = "false"


def first_of(page: Page) -> Page:
    """The page itself; for a page of a view of Material's blog, the first page of the view, whose hero it shows."""
    pages: Sequence[Page] = getattr(page, "pages", None) or [page]
    return pages[0]


def _image_of(page: Page, image: PurePosixPath, value: object, docs_dir: Path) -> PurePosixPath:
    """The place below `docs_dir` of the author's own picture, which `image` is when seen from the page."""
    first = first_of(page)
    if first is not page:
        # Of the page's own place, only what the view made of it is known.
        image = PurePosixPath(posixpath.normpath(PurePosixPath(first.file.src_uri).parent / str(value)))
    return neighbours.place_of_image(
        image, value, page=first.file.src_uri, source=first.file.content_string, docs_dir=docs_dir
    )


def _with_file(hero: HeroSpec, image: PurePosixPath, docs_dir: Path, files: Files) -> HeroSpec:
    """The hero with the author's own picture; InputError if there is no such file."""
    path = neighbours.own_picture(image, docs_dir, files)
    if path is None:
        fix = "write its path relative to the page"
        message = f"is {str(image)!r}; there is no such file in the documentation folder; {fix}"
        raise InputError(hero.page, "hero_image", message)
    return replace(hero, own_image=path)


def _rendered(page: Page, config: MkDocsConfig, problems: list[InputError]) -> Mapping[str, object]:
    """The page's metadata with `hero_*` texts rendered by macros-plugin, which leaves front matter as it is."""
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
                problems.append(InputError(page.file.src_uri, key, f"cannot be rendered by macros ({error!r})"))
                meta[key] = False if key == "hero_prompt" else ""
    return meta
