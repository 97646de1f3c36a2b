"""What is known of encoded variants, so that a warm build neither decodes nor measures a picture again.

The files are where imaging wrote them; the store holds their names, sizes and digests.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import asdict, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.spec import Format, JsonValue, Rendering, Scrim, Variant, digest_of
from mkdocs_leonardo.storage.cache import Store
from mkdocs_leonardo.storage.pictures import read_plain_file

_PREFIX = "rendering:"
_MAX_FILE_BYTES = 64 * 2**20
_MAX_SIDE_PX = 2**16
_MAX_SCRIM_PERCENT = 100

#: A plain file name of a picture: no separator, no leading dot, nothing a page or a shell could misread; no "..".
_FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}\.(?:avif|webp|jpg|jpeg|png)"
#: All names of a rendering at once: a warm build checks thirty-two thousand.
_FILE_NAMES = re.compile(rf"{_FILE_NAME}(?: {_FILE_NAME})*")
_DIGESTS = re.compile(r"[0-9a-f]{64}(?: [0-9a-f]{64})*")
_ROLES = frozenset({"hero", "social"})
_FORMATS = frozenset(get_args(Format))
_PLACEHOLDER = re.compile(r"(?:data:image/webp;base64,[A-Za-z0-9+/]{1,4096}={0,2})?")
_SOURCE_TYPE = re.compile(r"(?:https?://cv\.iptc\.org/newscodes/digitalsourcetype/[A-Za-z]{1,40})?", re.IGNORECASE)
_SCRIM = tuple(field.name for field in fields(Scrim))
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_IDENTITY = attrgetter("st_dev", "st_ino")


class RenderingShelf:
    """Renderings under their variant key. Thread-safe."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._start = f"{folder}{os.sep}"
        #: Device and inode of all files that were loaded, and so are what was written, by their places.
        self.seen: dict[str, tuple[int, int]] = {}

    def load(self, variant_key: str) -> Rendering | None:
        """The rendering, None if none is known; BrokenEntry if one of its files is not what was written.

        That a file exists is no proof that it is whole: its digest is verified, unless size and time of last change
        are those that were noted when it was. (Reading sixteen files for each of a thousand heroes would be the
        greater part of a warm build's cost. Whoever can forge the time can forge the note.)
        """
        value = self._store.get(_PREFIX + variant_key)
        if value is None:
            return None
        try:
            rendering = _rendering(value, self._folder)
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenEntry(f"{self._folder}: what is known of rendering {variant_key} is not whole") from error
        noted = value.get("changed_at_ns") if isinstance(value, dict) else None
        files = self._look(rendering)
        stamps = _changed_at_ns(files)
        if not stamps or noted != stamps:
            for variant in rendering.variants:
                _verify(variant)
            self._note(variant_key, rendering, stamps)
        self.seen.update(zip(self._places(rendering), map(_IDENTITY, files), strict=False))
        return rendering

    def save(self, variant_key: str, rendering: Rendering) -> None:
        """The rendering, whose files are in the folder, can be loaded; ValueError if a name is not a plain one."""
        if _rendering(_value(rendering), self._folder) != rendering:
            raise ValueError(f"the files of rendering {variant_key} are not in {self._folder}")
        stamps = _changed_at_ns(self._look(rendering))
        self._store.set(_PREFIX + variant_key, {**_value(rendering), "changed_at_ns": stamps})

    def _note(self, variant_key: str, rendering: Rendering, stamps: list[JsonValue]) -> None:
        """The files were just verified, and last changed at these times."""
        with suppress(StoreUnavailable):
            # Without the note the next build verifies them again.
            self._store.set(_PREFIX + variant_key, {**_value(rendering), "changed_at_ns": stamps})

    def _look(self, rendering: Rendering) -> list[os.stat_result]:
        """The rendering's files as they are; none at all unless each is a plain one of the recorded size."""
        try:
            files = [*map(os.lstat, self._places(rendering))]
        except OSError:
            return []
        sizes_bytes = [variant.size_bytes for variant in rendering.variants]
        are_plain = {stat.S_IFMT(file.st_mode) for file in files} == {stat.S_IFREG}
        return files if are_plain and [file.st_size for file in files] == sizes_bytes else []

    def _places(self, rendering: Rendering) -> list[str]:
        return [self._start + variant.file for variant in rendering.variants]

    def remove(self, variant_key: str) -> None:
        """Nothing is known of the rendering; its files stay."""
        self._store.delete(_PREFIX + variant_key)

    def keys(self) -> tuple[str, ...]:
        """The variant keys of all known renderings, sorted."""
        return tuple(key.removeprefix(_PREFIX) for key, _ in self._store.items(_PREFIX))


def _changed_at_ns(files: list[os.stat_result]) -> list[JsonValue]:
    """When each was last changed, in nanoseconds."""
    return [file.st_mtime_ns for file in files]


def _verify(variant: Variant) -> None:
    try:
        data = read_plain_file(variant.path, max_bytes=variant.size_bytes)
    except FileNotFoundError as error:
        raise BrokenEntry(f"{variant.path}: is missing") from error
    if len(data) != variant.size_bytes or digest_of(data) != variant.digest:
        raise BrokenEntry(f"{variant.path}: is not the file that was written (its digest differs)")


def _value(rendering: Rendering) -> dict[str, JsonValue]:
    files = rendering.variants
    return {
        "variants": {
            "roles": " ".join(each.role for each in files),
            "formats": " ".join(each.format for each in files),
            "widths_px": [each.width_px for each in files],
            "heights_px": [each.height_px for each in files],
            "sizes_bytes": [each.size_bytes for each in files],
            "digests": " ".join(each.digest for each in files),
            "names": " ".join(each.name for each in files),
            "files": " ".join(each.file for each in files),
        },
        "placeholder": rendering.placeholder,
        "dominant": rendering.dominant,
        "scrim": asdict(rendering.scrim),
        "width_px": rendering.width_px,
        "height_px": rendering.height_px,
        "source_type": rendering.source_type,
    }


def _rendering(value: JsonValue, folder: Path) -> Rendering:
    """The rendering in `value`; KeyError, TypeError or ValueError if it is not one that `_value` wrote."""
    record = _mapping(value)
    scrim = _mapping(record["scrim"])
    return Rendering(
        variants=_variants(record["variants"], folder),
        placeholder=_text(record["placeholder"], _PLACEHOLDER),
        dominant=_text(record["dominant"], _COLOUR),
        scrim=Scrim(*[_whole(scrim[name], 0, _MAX_SCRIM_PERCENT) for name in _SCRIM]),
        width_px=_whole(record["width_px"], 1, _MAX_SIDE_PX),
        height_px=_whole(record["height_px"], 1, _MAX_SIDE_PX),
        source_type=_text(record.get("source_type", ""), _SOURCE_TYPE),
    )


def _variants(value: JsonValue, folder: Path) -> tuple[Variant, ...]:
    """The files in `value`, checked column by column: a warm build reads sixteen thousand."""
    columns = _mapping(value)
    roles, formats = _words(columns["roles"], _ROLES), _words(columns["formats"], _FORMATS)
    widths_px = _numbers(columns["widths_px"], _MAX_SIDE_PX)
    heights_px = _numbers(columns["heights_px"], _MAX_SIDE_PX)
    sizes_bytes = _numbers(columns["sizes_bytes"], _MAX_FILE_BYTES)
    digests = _text(columns["digests"], _DIGESTS).split(" ")
    names, files = _names(columns["names"]), _names(columns["files"])
    folders = [folder] * len(roles)
    rows = zip(roles, formats, widths_px, heights_px, names, folders, files, digests, sizes_bytes, strict=True)
    return tuple([Variant._make(row) for row in rows])


def _words(value: JsonValue, known: frozenset[str]) -> list[str]:
    words = value.split(" ") if isinstance(value, str) else []
    if not words or not known.issuperset(words):
        raise ValueError("not the words that were written")
    return words


def _numbers(value: JsonValue, most: int) -> list[int]:
    numbers: Any = value
    # Booleans are numbers elsewhere.
    if not isinstance(numbers, list) or {*map(type, numbers)} != {int} or min(numbers) < 1 or max(numbers) > most:
        raise ValueError("not the numbers that were written")
    return numbers


def _names(value: JsonValue) -> list[str]:
    text = _text(value, _FILE_NAMES)
    if ".." in text:
        raise ValueError("not the names that were written")
    return text.split(" ")


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _text(value: JsonValue, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError("not the text that was written")
    return value


def _whole(value: JsonValue, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError("not the number that was written")
    return value
