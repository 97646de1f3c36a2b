"""The facts of MkDocs's pages that the markup of heroes and covers needs. Imported by builds with heroes only."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.host import neighbours
from mkdocs_leonardo.host.log import log
from mkdocs_leonardo.page.site import ShownPage, hidden_parts

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page


def shown_pages(config: MkDocsConfig, files: Files, has_hero: Callable[[str], bool]) -> Callable[[Page], ShownPage]:
    """A function from a page to its facts for the markup; facts that all pages share are read once."""
    theme, features = config.theme.name or "", config.theme.get("features") or ()
    site_name, description = config.site_name, str(config.site_description or "")
    # Called several times for each page, and its warning is logged once.
    place_of = cache(partial(_shared_place, files=files))

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


def _shared_place(image: str, page: str, files: Files) -> str:
    """The place in the site of the author's picture for sharing; "" and a warning if there is no such file."""
    place = neighbours.shared_image(image, page, files)
    if place is None:
        message = (
            f"is {image!r}; there is no such file in the site; write its path relative to the page, or a full address"
        )
        log.warning("%s", InputError(page, "image", message))
    return place or ""
