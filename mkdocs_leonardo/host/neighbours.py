"""Files that other plugins know and we have a name for, and files of ours that other plugins must know."""

from __future__ import annotations

import atexit
import hashlib
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from mkdocs_leonardo import front_matter
from mkdocs_leonardo.front_matter import HeroDefaults

_BLOCK = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_OWN_IMAGE = re.compile(r"^[\"']?hero_image[\"']?\s*:", re.MULTILINE)
#: The file that Material's `meta` plugin reads by default.
_FOLDER_META = ".meta.yml"
_ENCLOSURE = re.compile(r'(<enclosure url="([^"]*)"[^>]*? length=")None(")')


class SiteFile(Protocol):
    """A file of the site, as its host knows it. `abs_src_path` is None where its content is in memory only."""

    @property
    def abs_src_path(self) -> str | None: ...  # noqa: D102 - the host's names

    @property
    def content_bytes(self) -> bytes: ...  # noqa: D102

    @property
    def url(self) -> str: ...  # noqa: D102


class SiteFiles(Protocol):
    """All files of the site, with those that other plugins have added."""

    def get_file_from_path(self, path: str) -> SiteFile | None: ...  # noqa: D102 - the host's


# Pictures of the author's --------------------------------------------------------------------------------------------


def own_picture(image: PurePosixPath, docs_dir: Path, files: SiteFiles) -> Path | None:
    """The file of an author's picture, found as an image in a page's text is found; None if there is no such file.

    The host's collection comes first: it knows translations, files of scripts and those of included repositories.
    Links are followed, as the host follows them when it copies.
    """
    found = files.get_file_from_path(image.as_posix())
    if found is not None and found.abs_src_path is None:
        return _written(found.content_bytes, image.suffix)
    places = [Path(found.abs_src_path)] if found is not None and found.abs_src_path else []
    for path in (*places, docs_dir / image):
        if path.is_file():
            return path.resolve() if path.is_symlink() else path
    return None


def _written(content: bytes, suffix: str) -> Path:
    """A file with this content, for as long as this process lives."""
    path = _folder_of_process() / f"{hashlib.sha256(content).hexdigest()[:16]}{suffix}"
    if not path.exists():
        path.write_bytes(content)
    return path


@cache
def _folder_of_process() -> Path:
    """The folder of files that other plugins keep in memory. Pages are read again and again while a site is served."""
    folder = Path(tempfile.mkdtemp(prefix="mkdocs-leonardo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def place_of_image(image: PurePosixPath, value: object, *, page: str, source: str, docs_dir: Path) -> PurePosixPath:
    """The place below `docs_dir` of a page's `hero_image`, whose `value` may come from the metadata of a folder.

    `image` is where it would be relative to the page at `page`, whose text is `source`.
    """
    block = _BLOCK.match(source)
    if block is not None and _OWN_IMAGE.search(block[1]):
        return image
    for folder in PurePosixPath(page).parents:
        meta = docs_dir / folder / _FOLDER_META
        if meta.is_file() and _OWN_IMAGE.search(meta.read_text(encoding="utf-8", errors="replace")):
            beside = (folder / PurePosixPath(page).name).as_posix()
            return (
                front_matter.read({"hero_image": value}, page=beside, title="", defaults=HeroDefaults()).image or image
            )
    return image


def shared_image(image: str, page: str, files: SiteFiles) -> str | None:
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
