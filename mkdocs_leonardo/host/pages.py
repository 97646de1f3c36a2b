"""MkDocs's pages: what their metadata asks for, and what must be known of them to show it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mkdocs_leonardo import front_matter
from mkdocs_leonardo.errors import InputError, PictureError
from mkdocs_leonardo.host import neighbours
from mkdocs_leonardo.host.log import log

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.config import Settings
    from mkdocs_leonardo.imaging.reference import Looks
    from mkdocs_leonardo.page.site import ShownPage
    from mkdocs_leonardo.spec import HeroSpec


def hero_of(page: Page, settings: Settings, config: MkDocsConfig, files: Files, looks: Looks) -> HeroSpec | None:
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
    first = first_of(page)
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


def first_of(page: Page) -> Page:
    """The page itself; of Material's blog, the first page of a view, whose hero those after it show as well."""
    pages: Sequence[Page] = getattr(page, "pages", None) or [page]
    return pages[0]


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


def shown_pages(config: MkDocsConfig, files: Files, has_hero: Callable[[str], bool]) -> Callable[[Page], ShownPage]:
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


def _shared(image: str, page: str, files: Files) -> str:
    """The place of the author's picture for sharing; "" and a warning if there is no such file."""
    place = neighbours.shared_image(image, page, files)
    if place is None:
        cure = "write its path relative to the page, or a full address"
        log.warning("%s: image is %r; there is no such file in the site; %s", page, image, cure)
    return place or ""
