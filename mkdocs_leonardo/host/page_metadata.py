"""Metadata of MkDocs's pages: the heroes that it asks for, and the mistakes in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.front_matter import FrontMatter
from mkdocs_leonardo.host import encrypted
from mkdocs_leonardo.host.front_matter_text import find_malformed

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.host.reader import HeroReader


def read_front_matter(reader: HeroReader, markdown: str, page: Page, config: MkDocsConfig, files: Files) -> FrontMatter:
    """Read one page's front matter. `markdown` is the text that MkDocs takes for the page's content."""
    name = page.file.src_uri
    problems = [*filter(None, [find_malformed(markdown, name)])]
    # The pages of a paginated view share the front matter of its first page.
    file = first_view_page(page).file
    found = reader.read(
        _render_macros(page, config, problems),
        page=name,
        title=str(page.title or ""),
        site_name=config.site_name,
        source=lambda: file.content_string,
        home=file.src_uri,
        files=files,
    )
    if found.hero is not None and encrypted.has_encryption_mark(page):
        return FrontMatter(None, (*problems, *found.problems, encrypted.encryption_problem(name, page.meta)))
    return replace(found, problems=(*problems, *found.problems)) if problems else found


def first_view_page(page: Page) -> Page:
    """Return the first page of a paginated blog view, whose hero all its pages show; any other page itself."""
    pages: Sequence[Page] = getattr(page, "pages", None) or [page]
    return pages[0]


def _render_macros(page: Page, config: MkDocsConfig, problems: list[InputError]) -> Mapping[str, object]:
    """Return the page's metadata with macros rendered in `hero_*` texts, which macros-plugin itself leaves alone."""
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
