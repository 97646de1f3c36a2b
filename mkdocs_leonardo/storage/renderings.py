"""What is known of encoded variants, so that a warm build neither decodes nor measures a picture again.

The files are where imaging wrote them; the store holds their names, sizes and digests.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import asdict, fields
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

#: A plain file name of a picture: no separator, no leading dot, nothing a page or a shell could misread.
_FILE_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.)){0,199}\.(?:avif|webp|jpg|jpeg|png)"
#: One variant: role, format, width, height, size in bytes, digest, name in the site, name in the folder.
_VARIANT = (
    rf"(?:hero|social) (?:{'|'.join(get_args(Format))}) [1-9][0-9]{{0,4}} [1-9][0-9]{{0,4}} [1-9][0-9]{{0,7}}"
    rf" [0-9a-f]{{64}} {_FILE_NAME} {_FILE_NAME}"
)
#: All variants of a rendering at once: a warm build checks sixteen thousand, and none of them can hold a line's end.
_VARIANTS = re.compile(rf"{_VARIANT}(?:\n{_VARIANT})*")
_PLACEHOLDER = re.compile(r"(?:data:image/webp;base64,[A-Za-z0-9+/]{1,4096}={0,2})?")
_SOURCE_TYPE = re.compile(r"(?:https?://cv\.iptc\.org/newscodes/digitalsourcetype/[A-Za-z]{1,40})?", re.IGNORECASE)
_SCRIM = tuple(field.name for field in fields(Scrim))
_COLOUR = re.compile(r"#[0-9a-f]{6}")


class RenderingShelf:
    """Renderings under their variant key. Thread-safe."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store

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
        stamps: list[JsonValue] = [_changed_at_ns(variant) for variant in rendering.variants]
        if noted != stamps:
            for variant in rendering.variants:
                _verify(variant)
            self._note(variant_key, rendering, stamps)
        return rendering

    def save(self, variant_key: str, rendering: Rendering) -> None:
        """The rendering, whose files are in the folder, can be loaded; ValueError if a name is not a plain one."""
        if _rendering(_value(rendering), self._folder) != rendering:
            raise ValueError(f"the files of rendering {variant_key} are not in {self._folder}")
        stamps: list[JsonValue] = [_changed_at_ns(variant) for variant in rendering.variants]
        self._store.set(_PREFIX + variant_key, {**_value(rendering), "changed_at_ns": stamps})

    def _note(self, variant_key: str, rendering: Rendering, stamps: list[JsonValue]) -> None:
        """The files were just verified, and last changed at these times."""
        with suppress(StoreUnavailable):
            # Without the note the next build verifies them again.
            self._store.set(_PREFIX + variant_key, {**_value(rendering), "changed_at_ns": stamps})

    def remove(self, variant_key: str) -> None:
        """Nothing is known of the rendering; its files stay."""
        self._store.delete(_PREFIX + variant_key)

    def keys(self) -> tuple[str, ...]:
        """The variant keys of all known renderings, sorted."""
        return tuple(key.removeprefix(_PREFIX) for key, _ in self._store.items(_PREFIX))


def _changed_at_ns(variant: Variant) -> int | None:
    """When the file was last changed, in nanoseconds; None unless it is a plain file of the recorded size."""
    try:
        found = os.lstat(variant.place)
    except OSError:
        return None
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) and found.st_size == variant.size_bytes else None


def _verify(variant: Variant) -> None:
    try:
        data = read_plain_file(variant.path, max_bytes=variant.size_bytes)
    except FileNotFoundError as error:
        raise BrokenEntry(f"{variant.path}: is missing") from error
    if len(data) != variant.size_bytes or digest_of(data) != variant.digest:
        raise BrokenEntry(f"{variant.path}: is not the file that was written (its digest differs)")


def _value(rendering: Rendering) -> dict[str, JsonValue]:
    return {
        "variants": [
            f"{each.role} {each.format} {each.width_px} {each.height_px} {each.size_bytes}"
            f" {each.digest} {each.name} {each.file}"
            for each in rendering.variants
        ],
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
    variants: Any = record["variants"]
    if not isinstance(variants, list) or not variants:
        raise TypeError("variants")
    _text("\n".join(variants), _VARIANTS)
    scrim = _mapping(record["scrim"])
    return Rendering(
        variants=tuple([_variant(variant, folder) for variant in variants]),
        placeholder=_text(record["placeholder"], _PLACEHOLDER),
        dominant=_text(record["dominant"], _COLOUR),
        scrim=Scrim(*[_whole(scrim[name], 0, _MAX_SCRIM_PERCENT) for name in _SCRIM]),
        width_px=_whole(record["width_px"], 1, _MAX_SIDE_PX),
        height_px=_whole(record["height_px"], 1, _MAX_SIDE_PX),
        source_type=_text(record.get("source_type", ""), _SOURCE_TYPE),
    )


def _variant(text: str, folder: Path) -> Variant:
    role, kind, width, height, size, digest, name, file = text.split(" ")
    width_px, height_px, size_bytes = int(width), int(height), int(size)
    if max(width_px, height_px) > _MAX_SIDE_PX or size_bytes > _MAX_FILE_BYTES:
        raise ValueError("not the number that was written")
    return Variant._make((role, kind, width_px, height_px, name, folder, file, digest, size_bytes))


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
