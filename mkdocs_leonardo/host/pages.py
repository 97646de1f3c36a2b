"""MkDocs's pages: the heroes that their metadata asks for, the facts that the markup needs, and encrypted pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from html import escape
from typing import TYPE_CHECKING, Any

from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.front_matter import FrontMatter
from mkdocs_leonardo.host.front_matter_text import find_malformed
from mkdocs_leonardo.log import log

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from mkdocs_leonardo.host.reader import HeroReader
    from mkdocs_leonardo.page.markup import TargetPage

#: An attribute with an id; a plugin may have rewritten the HTML.
_ID = re.compile(r"""(?<![\w-])id\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
#: Attributes that encryptcontent sets on a page before it encrypts the page, and when it begins.
_ENCRYPTION_MARKS = ("encryptcontent", "encrypted")


def read_front_matter(reader: HeroReader, markdown: str, page: Page, config: MkDocsConfig, files: Files) -> FrontMatter:
    """Read one page's front matter. `markdown` is the text that MkDocs takes for the page's content."""
    name = page.file.src_uri
    problems = [*filter(None, [find_malformed(markdown, name)])]
    # The pages of a paginated view share the front matter of its first page.
    file = find_first_view_page(page).file
    front_matter = reader.read(
        _render_macros(page, config, problems),
        page=name,
        title=str(page.title or ""),
        site_name=config.site_name,
        read_text=lambda: file.content_string,
        source_path=file.src_uri,
        files=files,
    )
    if front_matter.hero is not None and any(getattr(page, mark, None) for mark in _ENCRYPTION_MARKS):
        return FrontMatter(None, (*problems, *front_matter.problems, make_encryption_warning(page)))
    return replace(front_matter, problems=(*problems, *front_matter.problems)) if problems else front_matter


def find_first_view_page(page: Page) -> Page:
    """Return the first page of a paginated blog view, since all its pages show one hero; any other page itself."""
    pages: Sequence[Page] = getattr(page, "pages", None) or [page]
    return pages[0]


def _render_macros(page: Page, config: MkDocsConfig, problems: list[InputError]) -> Mapping[str, object]:
    """Return the page's metadata with macros rendered in `hero_*` texts. macros-plugin itself renders none there."""
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


def is_content_replaced(page: Page) -> bool:
    """Return whether another plugin has replaced the page's content, which then has none of the page's headings."""
    content = page.content or ""
    ids = {escape(item.id) for item in page.toc}
    return bool(ids) and ids.isdisjoint(match[match.lastindex or 0] for match in _ID.finditer(content))


def make_encryption_warning(page: Page) -> InputError:
    """Return the warning for an encrypted page that asks for a hero."""
    key = "hero_image" if "hero_image" in page.meta and "hero_prompt" not in page.meta else "hero_prompt"
    return InputError(
        page.file.src_uri,
        key,
        "is not used, since another plugin encrypts the page, and its image and texts would stand in the clear; "
        "write hero_prompt: false, or leave the page unencrypted",
    )


def make_target_reader(
    config: MkDocsConfig, files: Files, has_hero: Callable[[str], bool]
) -> Callable[[Page], TargetPage]:
    """Return a function that reads a page's facts for its markup. It reads facts that all pages share once."""
    # Not imported by builds without heroes.
    from mkdocs_leonardo.page.markup import TargetPage
    from mkdocs_leonardo.page.themes import is_blog_post, list_hidden_parts

    features = config.theme.get("features") or ()
    site_name, description = config.site_name, str(config.site_description or "")
    # Cached, so that the warning about a page is logged once.
    place_of = cache(partial(_locate_image, files=files))

    def read_target(page: Page) -> TargetPage:
        image = page.meta.get("image")
        if isinstance(image, str) and image and has_hero(page.file.src_uri):
            image = place_of(image, page.file.src_uri)
        return TargetPage(
            path=page.file.src_uri,
            url=page.url,
            title=str(page.title or site_name),
            hidden=list_hidden_parts(page.meta, features),
            is_post=is_blog_post(page.meta),
            description=str(page.meta.get("description") or description),
            image=image if isinstance(image, str) else "",
        )

    return read_target


def _locate_image(image: str, page: str, files: Files) -> str:
    """Return the URL of a page's `image` for sharing; logs a warning and returns "" if there is none."""
    from mkdocs_leonardo.page.head import locate_image

    url = locate_image(image, page, lambda path: getattr(files.get_file_from_path(path), "url", None))
    if url:
        return url
    # An address may be signed.
    shown = image.partition("?")[0]
    message = f"is {shown!r}; there is no such file in the site; write its path relative to the page, or a full address"
    log.warning("%s", InputError(page, "image", message))
    return ""
