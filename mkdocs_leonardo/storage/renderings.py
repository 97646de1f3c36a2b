"""The cache of renderings: a warm build neither decodes nor measures a picture again.

The files are where imaging wrote them; the store holds their names, sizes and digests.
"""

from __future__ import annotations

import os
import re
import stat
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from itertools import chain, repeat
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, overload

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.files import MAX_PICTURE_BYTES
from mkdocs_leonardo.spec import FORMATS, ROLES, JsonValue, Rendering, Scrim, Variant, digest_of
from mkdocs_leonardo.storage.checked_json import check_integer, check_mapping, check_pattern
from mkdocs_leonardo.storage.pictures import LARGEST_SIDE_PX, read_plain_file
from mkdocs_leonardo.storage.text_store import TextStore

_PREFIX = "rendering:"
_MAX_SCRIM_PERCENT = 100

#: A plain file name of a picture, without a separator, a leading dot, or any character that shells or HTML escape.
_FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}\.(?:avif|webp|jpg|jpeg|png)"
#: All names of a rendering in one match: a warm build checks eighteen thousand.
_FILE_NAMES = re.compile(rf"{_FILE_NAME}(?: {_FILE_NAME})*")
_DIGESTS = re.compile(r"[0-9a-f]{64}(?: [0-9a-f]{64})*")
_BLUR_UP = re.compile(r"(?:data:image/webp;base64,[A-Za-z0-9+/]{1,4096}={0,2})?")
_SOURCE_TYPE = re.compile(r"(?:https?://cv\.iptc\.org/newscodes/digitalsourcetype/[A-Za-z]{1,40})?", re.IGNORECASE)
_SCRIM = tuple(field.name for field in fields(Scrim))
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_IDENTITY = attrgetter("st_dev", "st_ino")


class RenderingCache:
    """Renderings under their variant key. Thread-safe."""

    def __init__(self, folder: Path, store: TextStore) -> None:
        self._folder = folder
        self._store = store
        self._path_prefix = f"{folder}{os.sep}"
        self._identities: list[tuple[str, array[int]]] = []

    @property
    def file_identities(self) -> dict[str, tuple[int, int]]:
        """Device and inode of all loaded files, whose content is verified, by path."""
        return {
            self._path_prefix + file: (identities[2 * number], identities[2 * number + 1])
            for files, identities in self._identities
            for number, file in enumerate(files.split(" "))
        }

    def load(self, variant_key: str) -> Rendering | None:
        """Load the rendering of `variant_key`, or None. BrokenEntry if one of its files is not what was written.

        A file's digest is verified unless its size and time of last change are those of its last verification.
        To read nine files for each of a thousand heroes would be the greater part of a warm build. A process that can
        forge the time of a file can forge the stored time as well.
        """
        value = self._store.get(_PREFIX + variant_key)
        if value is None:
            return None
        try:
            record = check_mapping(value)
            columns = _parse_columns(record["variants"])
            rendering = _parse_rendering(record, columns, self._folder)
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenEntry(f"{self._folder}: the entry of rendering {variant_key} is incomplete") from error
        files = self._stat(columns)
        stamps = _list_change_times(files)
        if not stamps or record.get("changed_at_ns") != stamps:
            for variant in rendering.variants:
                _verify(variant)
            with suppress(StoreUnavailable):
                # Without the times of last change, the next build verifies the files again.
                self._store.set(_PREFIX + variant_key, {**record, "changed_at_ns": stamps})
        if files:
            with suppress(OverflowError):
                # Some file systems have larger numbers; their files are verified again.
                self._identities.append((columns.files, array("Q", chain.from_iterable(map(_IDENTITY, files)))))
        return rendering

    def save(self, variant_key: str, rendering: Rendering) -> None:
        """Store the rendering, whose files are in the folder; ValueError if a name is not a plain one."""
        value = _encode_rendering(rendering)
        columns = _parse_columns(value["variants"])
        if _parse_rendering(value, columns, self._folder) != rendering:
            raise ValueError(f"the files of rendering {variant_key} are not in {self._folder}")
        stamps = _list_change_times(self._stat(columns))
        self._store.set(_PREFIX + variant_key, {**value, "changed_at_ns": stamps})

    def _stat(self, columns: _Columns) -> list[os.stat_result]:
        """Return the stat results of the rendering's files; empty unless each is a plain file of the recorded size."""
        try:
            files = [os.lstat(self._path_prefix + file) for file in columns.files.split(" ")]
        except OSError:
            return []
        are_plain = {stat.S_IFMT(file.st_mode) for file in files} == {stat.S_IFREG}
        return files if are_plain and [file.st_size for file in files] == columns.sizes_bytes.tolist() else []

    def remove(self, variant_key: str) -> None:
        """Delete the rendering's entry; its files stay."""
        self._store.delete(_PREFIX + variant_key)

    def keys(self) -> tuple[str, ...]:
        """Return the variant keys of all known renderings, sorted."""
        return tuple(key.removeprefix(_PREFIX) for key, _ in self._store.items(_PREFIX))


def _list_change_times(files: list[os.stat_result]) -> list[JsonValue]:
    """Return the time of last change of each file, in nanoseconds."""
    return [file.st_mtime_ns for file in files]


def _verify(variant: Variant) -> None:
    try:
        data = read_plain_file(variant.path, max_bytes=variant.size_bytes)
    except FileNotFoundError as error:
        raise BrokenEntry(f"{variant.path}: is missing") from error
    if len(data) != variant.size_bytes or digest_of(data) != variant.digest:
        raise BrokenEntry(f"{variant.path}: is not the file that was written (its digest differs)")


def _encode_rendering(rendering: Rendering) -> dict[str, JsonValue]:
    files = rendering.variants
    return {
        "variants": {
            "roles": " ".join(file.role for file in files),
            "formats": " ".join(file.format for file in files),
            "widths_px": [file.width_px for file in files],
            "heights_px": [file.height_px for file in files],
            "sizes_bytes": [file.size_bytes for file in files],
            "digests": " ".join(file.digest for file in files),
            "names": " ".join(file.name for file in files),
            "files": " ".join(file.file for file in files),
        },
        "placeholder": rendering.blur_up,
        "dominant": rendering.dominant,
        "scrim": asdict(rendering.scrim),
        "width_px": rendering.width_px,
        "height_px": rendering.height_px,
        "source_type": rendering.source_type,
    }


def _parse_rendering(record: Mapping[str, JsonValue], columns: _Columns, folder: Path) -> Rendering:
    """Parse a rendering; raises KeyError, TypeError or ValueError unless `_encode_rendering` wrote the record."""
    scrim = check_mapping(record["scrim"])
    return Rendering(
        variants=_CachedVariants(columns, folder),
        blur_up=check_pattern(record["placeholder"], _BLUR_UP),
        dominant=check_pattern(record["dominant"], _COLOUR),
        scrim=Scrim(*[check_integer(scrim[name], 0, _MAX_SCRIM_PERCENT) for name in _SCRIM]),
        width_px=check_integer(record["width_px"], 1, LARGEST_SIDE_PX),
        height_px=check_integer(record["height_px"], 1, LARGEST_SIDE_PX),
        source_type=check_pattern(record.get("source_type", ""), _SOURCE_TYPE),
    )


class _Columns(NamedTuple):
    """The columns of a rendering's files: words with a space between them, and numbers."""

    roles: str
    formats: str
    widths_px: array[int]
    heights_px: array[int]
    sizes_bytes: array[int]
    digests: str
    names: str
    files: str


class _CachedVariants(Sequence[Variant]):
    """The files of a rendering, made from its columns on first access.

    A thousand heroes have nine thousand files. If each were a tuple from the start, Python's garbage collector would
    visit all of them many times while the host writes pages.
    """

    __slots__ = ("_columns", "_folder", "_variants")

    def __init__(self, columns: _Columns, folder: Path) -> None:
        self._columns = columns
        self._folder = folder
        self._variants: tuple[Variant, ...] | None = None

    def _build(self) -> tuple[Variant, ...]:
        if self._variants is None:
            columns = self._columns
            rows: Any = zip(
                columns.roles.split(" "),
                columns.formats.split(" "),
                columns.widths_px,
                columns.heights_px,
                columns.names.split(" "),
                repeat(self._folder),
                columns.files.split(" "),
                columns.digests.split(" "),
                columns.sizes_bytes,
                strict=False,
            )
            self._variants = tuple([Variant._make(row) for row in rows])
        return self._variants

    def __len__(self) -> int:
        return len(self._columns.sizes_bytes)

    def __iter__(self) -> Iterator[Variant]:
        return iter(self._build())

    def __reversed__(self) -> Iterator[Variant]:
        return reversed(self._build())

    @overload
    def __getitem__(self, index: int) -> Variant: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Variant]: ...
    def __getitem__(self, index: int | slice) -> Variant | Sequence[Variant]:
        return self._build()[index]

    def __eq__(self, other: object) -> bool:
        return self._build() == (other._build() if isinstance(other, _CachedVariants) else other)

    def __hash__(self) -> int:
        return hash(self._build())


def _parse_columns(value: JsonValue) -> _Columns:
    """Parse the columns, each checked as a whole: a warm build reads nine thousand files' names."""
    record = check_mapping(value)
    columns = _Columns(
        roles=_check_words(record["roles"], ROLES),
        formats=_check_words(record["formats"], FORMATS),
        widths_px=_check_numbers(record["widths_px"], LARGEST_SIDE_PX),
        heights_px=_check_numbers(record["heights_px"], LARGEST_SIDE_PX),
        sizes_bytes=_check_numbers(record["sizes_bytes"], MAX_PICTURE_BYTES),
        digests=check_pattern(record["digests"], _DIGESTS),
        names=_check_names(record["names"]),
        files=_check_names(record["files"]),
    )
    lengths = {len(column) if isinstance(column, array) else column.count(" ") + 1 for column in columns}
    if len(lengths) != 1:
        raise ValueError("the number of values differs from what was written")
    return columns


def _check_words(value: JsonValue, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or not {*value.split(" ")}.issubset(allowed):
        raise ValueError("the words differ from those that were written")
    return value


def _check_numbers(value: JsonValue, maximum: int) -> array[int]:
    numbers: Any = value
    # The types are compared, since `isinstance(True, int)` holds.
    if not isinstance(numbers, list) or {*map(type, numbers)} != {int} or min(numbers) < 1 or max(numbers) > maximum:
        raise ValueError("the numbers differ from those that were written")
    return array("L", numbers)


def _check_names(value: JsonValue) -> str:
    names = check_pattern(value, _FILE_NAMES)
    if ".." in names:
        raise ValueError("the names differ from those that were written")
    return names
