"""Facts of MkDocs's pages for the markup of heroes and covers. Builds without heroes do not import it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.host.log import log
from mkdocs_leonardo.page.site_markup import TargetPage, hidden_parts

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page


def make_target_reader(
    config: MkDocsConfig, files: Files, has_hero: Callable[[str], bool]
) -> Callable[[Page], TargetPage]:
    """Return a function from a page to its facts for the markup. Facts that all pages share are read once."""
    features = config.theme.get("features") or ()
    site_name, description = config.site_name, str(config.site_description or "")
    # Cached, so that the warning about a page is logged once.
    place_of = cache(partial(_locate_image, files=files))

    def read_target(page: Page) -> TargetPage:
        meta = page.meta
        image = meta.get("image")
        if isinstance(image, str) and image and has_hero(page.file.src_uri):
            image = place_of(image, page.file.src_uri)
        return TargetPage(
            source=page.file.src_uri,
            url=page.url,
            title=str(page.title or site_name),
            hidden=hidden_parts(meta, features),
            is_post=meta.get("template") == "blog-post.html",
            description=str(meta.get("description") or description),
            image=image if isinstance(image, str) else "",
        )

    return read_target


def _locate_image(image: str, page: str, files: Files) -> str:
    """Return the place in the site of a page's `image` for sharing: beside the page, else below the site's root.

    An address stays as it is. If the file is missing, logs a warning and returns "".
    """
    if urlsplit(image).scheme or image.startswith("/"):
        return image
    beside = posixpath.join(posixpath.dirname(page), image)
    for place in (beside, image):
        found = files.get_file_from_path(posixpath.normpath(place))
        if found is not None:
            return found.url
    message = f"is {image!r}; there is no such file in the site; write its path relative to the page, or a full address"
    log.warning("%s", InputError(page, "image", message))
    return ""
