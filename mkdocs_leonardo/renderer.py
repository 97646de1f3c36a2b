"""Renderings: the encoded files of stored pictures, made in worker threads and cached. Imports Pillow on first use."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from mkdocs_leonardo.errors import BrokenEntry, PictureError, StoreUnavailable
from mkdocs_leonardo.files import MAX_PICTURE_BYTES, make_writable_folder
from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.spec import (
    FORMATS,
    OWN,
    PAINTER,
    Encoding,
    HeroSpec,
    ImageInfo,
    JsonValue,
    PictureRecord,
    PictureSpec,
    Rendering,
    Variant,
    canonical_json,
    digest_of,
    generation_key,
    variant_key,
)
from mkdocs_leonardo.storage.pictures import read_plain_file

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.text_store import TextStore


class Renderer:
    """The maker and loader of renderings. Thread-safe. Every method but `load` takes processor time."""

    def __init__(self, encoding: Encoding, folder: Path, index: TextStore, notify: Notify) -> None:
        """Write files into `folder`, or, if that cannot be written, into a folder that ends with this build."""
        from mkdocs_leonardo.storage.renderings import RenderingCache

        self._encoding = encoding
        self._notify = notify
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._scratching = Lock()
        self._settings: dict[tuple[Encoding, str, str, bool], str] = {}
        self.threads = _count_cores()
        # Half of the threads encode the largest files: more would save little time, and take much memory.
        self._memory_slots = BoundedSemaphore(max(1, self.threads // 2))
        self._folder = self._choose_folder(folder)
        self.cache = RenderingCache(self._folder, index)

    def discard(self) -> None:
        """Delete this build's scratch files; call after MkDocs has copied them."""
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    # Files of a picture ----------------------------------------------------------------------------------------------

    def load(self, record: PictureRecord, hero: HeroSpec) -> Rendering | None:
        """Load the files of a picture from the cache; None if the cache lacks them."""
        try:
            return self.cache.load(self._compute_variant_key(record, self._encoding.for_hero(hero)))
        except BrokenEntry as error:
            self._notify(logging.INFO, f"{error}; it is encoded again")
        except StoreUnavailable as error:
            self._notify(logging.DEBUG, str(error))
        return None

    def paint(self, record: PictureRecord, hero: HeroSpec) -> Rendering:
        """Make the files of the painter's picture."""
        from mkdocs_leonardo.painter.picture import paint

        assert hero.picture is not None  # noqa: S101 - own pictures are never painted
        return self.render(paint(hero.picture), record, hero)

    def render(self, picture: bytes | object, record: PictureRecord, hero: HeroSpec) -> Rendering:
        """Make the files of a picture: a stored one's bytes, or the painter's image."""
        from mkdocs_leonardo.imaging.render import render

        encoding = self._encoding.for_hero(hero)
        key = self._compute_variant_key(record, encoding)
        known_files = self._find_known_files(record, encoding)

        def write(folder: Path) -> Rendering:
            return render(
                picture,  # type: ignore[arg-type]  # bytes, or the painter's image; Pillow would be imported here
                record,
                variant_key=key,
                encoding=encoding,
                folder=folder,
                known_files=known_files,
                memory_slots=self._memory_slots,
            )

        try:
            rendering = write(self._folder)
        except StoreUnavailable as error:
            # The disk is full, or the folder is gone. A scratch folder takes the files.
            self._notify(logging.INFO, f"{hero.page}: {error}; they are made again by the next build")
            return write(self._get_scratch_folder())
        try:
            self.cache.save(key, rendering)
        except StoreUnavailable as error:
            # The files are there for this build; the next one makes them again.
            self._notify(logging.DEBUG, str(error))
        return rendering

    # Records of pictures that no service made ------------------------------------------------------------------------

    def make_placeholder_record(self, picture: PictureSpec) -> PictureRecord:
        """Return a placeholder's record. Its digest is its key, since no bytes are stored."""
        from mkdocs_leonardo.painter.picture import PAINTER_VERSION

        # The painter ignores references.
        key = generation_key(PAINTER, "painter", replace(picture, reference=None), {"painter_version": PAINTER_VERSION})
        return PictureRecord(key=key, digest=key, extension="png", provider=PAINTER, model="painter")

    def read_own(self, path: Path) -> tuple[PictureRecord, bytes]:
        """Read the author's own file; returns its record and bytes, or raises PictureError."""
        try:
            data = read_plain_file(path, max_bytes=MAX_PICTURE_BYTES)
        except BrokenEntry as error:
            raise PictureError(str(error)) from error
        except OSError as error:
            raise PictureError(f"cannot be opened ({error.strerror})") from error
        digest = digest_of(data)
        record = PictureRecord(key=digest, digest=digest, extension="", provider=OWN, model="")
        return record, data

    # Keys and folders ------------------------------------------------------------------------------------------------

    def _compute_variant_key(self, record: PictureRecord, encoding: Encoding) -> str:
        kind = (encoding, record.provider, record.model, record.has_reference)
        if kind not in self._settings:
            # The settings have some kilobytes, too much to hash for each of a thousand heroes.
            self._settings[kind] = digest_of(canonical_json({**self._describe_settings(encoding, record)}))
        # Files are named after the picture's key, so two keys with equal bytes are two renderings.
        return variant_key(record.digest, {"settings": self._settings[kind], "key": record.key})

    def _describe_settings(self, encoding: Encoding, record: PictureRecord) -> Mapping[str, JsonValue]:
        from mkdocs_leonardo.imaging.render import list_rendering_inputs, split_formats

        formats, dropped = split_formats(encoding.formats)
        if dropped and not self._settings:
            self._notify(
                logging.INFO,
                f"this Pillow cannot write {' or '.join(dropped)}; heroes are written as {' and '.join(formats)}",
            )
        return list_rendering_inputs(encoding, record)

    def _find_known_files(self, record: PictureRecord, encoding: Encoding) -> Sequence[Variant]:
        """Return files of the picture that were encoded for another layout, or for more formats."""
        plain = replace(encoding, widths=tuple(width for width in encoding.widths if width <= encoding.width_px))
        every = replace(plain, formats=FORMATS, spares_fallback=False)
        for other in (plain, every) if encoding.spares_fallback else (plain,):
            with suppress(BrokenEntry, StoreUnavailable):
                rendering = self.cache.load(self._compute_variant_key(record, other)) if other != encoding else None
                if rendering is not None:
                    return rendering.variants
        return ()

    def _choose_folder(self, folder: Path) -> Path:
        if folder.is_symlink():
            text = f"{folder}: is a symbolic link; put a folder in its place, or every build encodes all images again"
            self._notify(logging.INFO, text)
            return self._get_scratch_folder()
        try:
            make_writable_folder(folder)
        except OSError:
            return self._get_scratch_folder()
        return folder

    def _get_scratch_folder(self) -> Path:
        """Return a folder for this build's files alone."""
        with self._scratching:
            if self._scratch is None:
                self._scratch = tempfile.TemporaryDirectory(prefix="mkdocs-leonardo-", ignore_cleanup_errors=True)
            return Path(self._scratch.name)


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A store with an author's own picture."""

    path: Path

    def read(self, record: PictureRecord) -> bytes:
        """Return the bytes that `record` describes; BrokenEntry if the file has changed."""
        data = read_plain_file(self.path, max_bytes=MAX_PICTURE_BYTES)
        if digest_of(data) != record.digest:
            raise BrokenEntry("changed while the site was built; build again")
        return data


def inspect_image(data: bytes) -> ImageInfo:
    """Decode a picture and its marks of origin. PictureError unless the bytes are a picture within the limits."""
    from mkdocs_leonardo.imaging.normalise import inspect
    from mkdocs_leonardo.imaging.provenance import detect

    return replace(inspect(data), marks=detect(data).marks)


def _count_cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
