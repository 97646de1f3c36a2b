"""Files of the site that other plugins know, and files of ours that other plugins must know."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

_ENCLOSURE = re.compile(r'(<enclosure url="([^"]*)"[^>]*? length=")None(")')


def shared_image(image: str, page: str, files: Files) -> str | None:
    """The place in the site of a page's `image`: beside the page, else below the site's root; None if it is in neither.

    An address stays as it is.
    """
    if urlsplit(image).scheme or image.startswith("/"):
        return image
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(page), image))
    for place in (beside, posixpath.normpath(image)):
        found = files.get_file_from_path(place)
        if found is not None:
            return found.url
    return None


# Our files -----------------------------------------------------------------------------------------------------------


def show_to_proofer(plugins: Mapping[str, Any], files: Iterable[object]) -> None:
    """Add our files to those that mkdocs-htmlproofer knows; they are made after it has listed the site's files."""
    known = getattr(plugins.get("htmlproofer"), "files", None)
    if isinstance(known, list):
        known += files


def mend_feeds(plugins: Mapping[str, Any], site_dir: Path, sizes: Mapping[str, int]) -> None:
    """Write the sizes of our pictures into the feeds of mkdocs-rss-plugin, which asks the published site for them.

    `sizes` are in bytes, by the address of the file.
    """
    if "rss" not in plugins:
        return
    for path in site_dir.glob("*.xml"):
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        mended = _ENCLOSURE.sub(lambda match: _sized(match, sizes), text)
        if mended != text:
            path.write_text(mended, encoding="utf-8", errors="surrogateescape")


def _sized(match: re.Match[str], sizes: Mapping[str, int]) -> str:
    size = sizes.get(match[2].replace("&amp;", "&"))
    return match[0] if size is None else f"{match[1]}{size}{match[3]}"


def address(site_url: str, place: str) -> str:
    """The full address of a file of the site."""
    return f"{site_url.rstrip('/')}/{quote(place)}"
