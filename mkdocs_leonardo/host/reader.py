"""Reads the hero of one page from its metadata, and opens the files that the metadata names, for every host."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs_leonardo import front_matter
from mkdocs_leonardo.errors import InputError, PictureError
from mkdocs_leonardo.host.front_matter_text import FOLDER_METADATA, FRONT_MATTER
from mkdocs_leonardo.imaging.reference import References
from mkdocs_leonardo.spec import digest_of, short_key

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

    from mkdocs_leonardo.front_matter import HeroDefaults
    from mkdocs_leonardo.spec import Reference

_OWN_IMAGE = re.compile(r"^[\"']?hero_image[\"']?\s*:", re.MULTILINE)


class HeroReader:
    """The reader of the heroes of a site's pages. A reference that several pages name is opened once."""

    def __init__(self, defaults: HeroDefaults, docs_dir: Path) -> None:
        self._defaults = defaults
        self._docs_dir = docs_dir
        self._references = References()

    def read(
        self,
        meta: Mapping[str, object],
        *,
        page: str,
        title: str,
        site_name: str,
        read_text: Callable[[], str],
        source_path: str = "",
        files: Files | None = None,
    ) -> front_matter.FrontMatter:
        """Read the hero that `meta` asks for, with the files that it names; no hero if `meta` has a problem.

        `read_text` returns the text of the page's file. `source_path` is that file's path, if it is not `page`. `files`
        are the files that the host knows besides those in the documentation folder.
        """
        result = front_matter.read(meta, page=page, title=title, site_name=site_name, defaults=self._defaults)
        hero = result.hero
        try:
            if hero is not None and result.image is not None:
                own_path = self._locate(result.image, meta["hero_image"], page=source_path or page, read_text=read_text)
                hero = replace(hero, own_image=self._find_own_image(page, own_path, files))
            elif hero is not None and hero.picture is not None and result.reference:
                hero = replace(
                    hero, picture=replace(hero.picture, reference=self._open_reference(page, result.reference))
                )
        except InputError as error:
            return front_matter.FrontMatter(None, (*result.problems, error))
        return result if hero is result.hero else front_matter.FrontMatter(hero, result.problems)

    def _locate(self, image: PurePosixPath, value: object, *, page: str, read_text: Callable[[], str]) -> PurePosixPath:
        """Resolve `hero_image`, which is relative to the page, or to the folder whose metadata has it.

        `value` is the text in the metadata, and `image` the path if it is relative to the page.
        """
        base = PurePosixPath(page)
        block = FRONT_MATTER.match(read_text())
        if block is None or not _OWN_IMAGE.search(block[1]):
            metas = ((folder, self._docs_dir / folder / FOLDER_METADATA) for folder in base.parents)
            base = next(
                (
                    folder / base.name
                    for folder, meta in metas
                    if meta.is_file() and _OWN_IMAGE.search(meta.read_text(encoding="utf-8", errors="replace"))
                ),
                base,
            )
        return front_matter.resolve_path(base, str(value).strip()) or image

    def _find_own_image(self, page: str, own_path: PurePosixPath, files: Files | None) -> Path:
        """Return the path of the author's own image; InputError if the file is missing.

        The host's files come first: they include translations, files of scripts and of included repositories. Links
        are followed, as the host follows them when it copies.
        """
        file = files.get_file_from_path(own_path.as_posix()) if files is not None else None
        if file is not None and file.abs_src_path is None:
            return _write_content(file.content_bytes, own_path.suffix)
        paths = [Path(file.abs_src_path)] if file is not None and file.abs_src_path else []
        for path in (*paths, self._docs_dir / own_path):
            if path.is_file():
                return path.resolve() if path.is_symlink() else path
        fix = "write its path relative to the page"
        message = f"is {str(own_path)!r}; there is no such file in the documentation folder; {fix}"
        raise InputError(page, "hero_image", message)

    def _open_reference(self, page: str, places: tuple[PurePosixPath, ...]) -> Reference:
        """Open the page's reference: the first file in `places`. InputError if the file cannot be used."""
        try:
            return self._references.first([self._docs_dir / place for place in places], self._defaults.strength)
        except PictureError as error:
            raise InputError(page, "hero_reference", f"is {str(places[0])!r}; it {error}") from error


def _write_content(content: bytes, suffix: str) -> Path:
    """Write a file with this content, which lasts as long as this process, and return its path."""
    path = _process_folder() / f"{short_key(digest_of(content))}{suffix}"
    if not path.exists():
        path.write_bytes(content)
    return path


@cache
def _process_folder() -> Path:
    """Make the folder for files that other plugins keep in memory, once for all builds of a server."""
    folder = Path(tempfile.mkdtemp(prefix="mkdocs-leonardo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
