"""A folder of pairs: `<key16>.<ext>` holds the bytes as delivered, `<key16>.json` the record of the bytes.

The cache and the gallery are such folders. A pair may be foreign or damaged: everything read is checked.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.files import MAX_PICTURE_BYTES, OPEN_FLAGS, write_atomically
from mkdocs_leonardo.imaging.formats import EXTENSIONS
from mkdocs_leonardo.spec import INVISIBLE, SURROGATE, JsonValue, PictureRecord, digest_of, parse_json, short_key
from mkdocs_leonardo.storage.checked_json import (
    check_amount,
    check_amount_or_none,
    check_integer,
    check_mapping,
    check_pattern,
)

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.text_store import TextStore

T = TypeVar("T")

PICTURE_EXTENSIONS = tuple(EXTENSIONS.values())
MAX_RECORD_BYTES = 64 * 2**10

_TRIES = 8
_KEY = re.compile(r"[0-9a-f]{64}")
_EXTENSION = re.compile("|".join(PICTURE_EXTENSIONS))
_NAME = re.compile(rf"[^{INVISIBLE}]{{1,200}}")
_ANY = re.compile(r".*", re.DOTALL)
#: The year 10000, which Python's calendar does not have: such a time counts as unknown.
_END_OF_TIME_S = 253_402_300_800
LARGEST_SIDE_PX = 2**16
#: What Git has in place of a file that Git LFS keeps (its specification, version 1).
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_CONFLICT = re.compile(rb"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
_RECORD_NAME = re.compile(r"[0-9a-f]{16}\.json")
#: The name of a picture, or of its record; the group is the beginning of the key.
PAIR_NAME = re.compile(rf"([0-9a-f]{{16}})\.(?:json|{'|'.join(PICTURE_EXTENSIONS)})")


class PictureFolder:
    """Pairs of picture and record under a generation key. Thread-safe, and safe between processes."""

    def __init__(
        self,
        folder: Path,
        notes: TextStore | None = None,
        *,
        config_name: str = "",
        links_within: Path | None = None,
        reason_unused: str = "",
    ) -> None:
        """`notes` keeps the record of each verified pair, with the state of its files.

        `config_name` names the configuration that pairs are saved for. Symbolic links may lead to plain files below
        `links_within`; without `links_within`, links are refused. `reason_unused` says why the folder is not used.
        """
        self._reason_unused = reason_unused
        self._config_name = config_name
        self._folder = folder
        self._links_within = links_within
        self._path_prefix = f"{folder}{os.sep}"
        self._notes = notes

    def explain_unused(self) -> str:
        """Return why the folder is not used; "" for a folder in use."""
        return self._reason_unused

    def get_unverified(self, key: str) -> PictureRecord | None:
        """Return the record of `key`; None without a pair, BrokenEntry if the pair is incomplete or its record wrong.

        The picture's bytes are not read; `read` verifies them.
        """
        return self._read_pair(_make_stem(key), key)

    def get_verified(self, key: str) -> PictureRecord | None:
        """Return the record of `key` with a verified picture, or None. BrokenEntry if the pair is damaged.

        A verified pair is not read again while its files keep their sizes and times of last change.
        """
        if self._reason_unused:
            return None
        path = f"{self._path_prefix}{_make_stem(key)}"
        try:
            # A warm build asks for a thousand pairs that are not there: opening each takes three times as long.
            described = os.lstat(f"{path}.json")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return self.get_unverified(key)
        record = self._read_note(key, path, described)
        if record is not None:
            return record
        record = self.get_unverified(key)
        if record is not None:
            state = _read_file_state(described, f"{path}.{record.extension}")
            self.read(record)
            with suppress(StoreUnavailable):
                # Without the note the next build reads it again.
                if self._notes is not None and state is not None:
                    self._notes.set(f"verified:{path}", {"state": state, "record": _to_values(record)})
        return record

    def get_record(self, key: str) -> PictureRecord | None:
        """Return the record of `key` without a check of its picture; None without a valid record."""
        with suppress(BrokenEntry, FileNotFoundError):
            return self._read_record(_make_stem(key), key)
        return None

    def read(self, record: PictureRecord) -> bytes:
        """Return the bytes as delivered; raises BrokenEntry if their digest differs."""
        path = self.path(record)
        try:
            data = read_plain_file(self._follow_link(path), max_bytes=MAX_PICTURE_BYTES)
        except FileNotFoundError as error:
            raise BrokenEntry(f"{path}: is missing") from error
        if data.startswith(_LFS_POINTER):
            raise BrokenEntry(f"{path}: is a Git LFS pointer; run git lfs pull")
        check_digest(path, data, record)
        return data

    def path(self, record: PictureRecord) -> Path:
        """Return the path of the picture of `record`, whether or not the file exists."""
        if record.extension not in PICTURE_EXTENSIONS:
            raise ValueError(f"extension is {record.extension!r}; one of {', '.join(PICTURE_EXTENSIONS)} is allowed")
        return self._folder / f"{_make_stem(record.key)}.{record.extension}"

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Write the pair to the disk; StoreUnavailable if that fails.

        The picture is written first, so that no record exists without its picture.
        """
        if reason := self.explain_unused():
            raise StoreUnavailable(reason)
        if digest_of(data) != record.digest:
            raise ValueError("the record has the digest of other bytes")
        record = replace(record, config_name=record.config_name or self._config_name)
        path = self.path(record)
        text = encode_record(record)
        try:
            if self._holds(path, text, record):
                return
            # Two writers with different pictures may interleave, so each checks the pair, and writes it again.
            for attempt in range(_TRIES):
                self._folder.mkdir(parents=True, exist_ok=True)
                write_atomically(path, data, is_durable=True)
                write_atomically(path.with_suffix(".json"), text, is_durable=True)
                self._delete_other_formats(path)
                _sync_folder(self._folder)
                if self._is_whole(record.key):
                    return
                # Pauses of random length end the interleaving.
                time.sleep(secrets.randbelow(2**attempt * 10) / 1000)
        except OSError as error:
            raise StoreUnavailable(f"{path}: cannot be written ({error.strerror or error})") from error
        raise StoreUnavailable(f"{path}: does not hold what was written")

    def read_records(self) -> Iterator[PictureRecord]:
        """Return the valid records, sorted by key."""
        try:
            names = self._list_names(_RECORD_NAME)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise StoreUnavailable(f"{self._folder}: cannot be read ({error.strerror or error})") from error
        for name in names:
            with suppress(BrokenEntry):
                record = self._read_pair(name.removesuffix(".json"))
                if record is not None:
                    yield record

    def find_incomplete_pairs(self) -> tuple[Path, ...]:
        """Return pictures that have no record beside them, and records that have no picture, sorted by name."""
        try:
            names = self._list_names(PAIR_NAME)
        except OSError:
            return ()
        described = {short_key(name) for name in names if name.endswith(".json")}
        pictured = {short_key(name) for name in names if not name.endswith(".json")}
        return tuple(self._folder / name for name in names if short_key(name) not in described & pictured)

    def remove(self, key: str) -> None:
        """Delete the pair of `key`, valid or broken."""
        stem = _make_stem(key)
        for extension in ("json", *PICTURE_EXTENSIONS):
            path = self._folder / f"{stem}.{extension}"
            try:
                path.unlink(missing_ok=True)
            except NotADirectoryError:
                return
            except OSError as error:
                raise StoreUnavailable(f"{path}: cannot be removed ({error.strerror or error})") from error

    def _list_names(self, pattern: re.Pattern[str]) -> list[str]:
        """Return the names of the folder's files that match the pattern, sorted."""
        if self.explain_unused():
            return []
        return sorted(path.name for path in self._folder.iterdir() if pattern.fullmatch(path.name))

    def _read_note(self, key: str, path: str, described: os.stat_result) -> PictureRecord | None:
        """Return the record of a pair that was verified before, if its files have not changed since."""
        note: JsonValue = None
        with suppress(StoreUnavailable):
            note = self._notes.get(f"verified:{path}") if self._notes is not None else None
        if not isinstance(note, dict):
            return None
        try:
            record = _parse_values(note.get("record"), path)
        except BrokenEntry:
            return None
        state = _read_file_state(described, f"{path}.{record.extension}")
        return record if record.key == key and state is not None and state == note.get("state") else None

    def _read_pair(self, stem: str, key: str = "") -> PictureRecord | None:
        try:
            record = self._read_record(stem, key)
        except FileNotFoundError:
            return None
        picture = self.path(record)
        try:
            status = self._follow_link(picture).lstat()
        except OSError as error:
            raise BrokenEntry(f"{picture}: is missing, though {stem}.json describes it") from error
        if not stat.S_ISREG(status.st_mode):
            raise BrokenEntry(f"{picture}: is not a plain file")
        return record

    def _follow_link(self, path: Path) -> Path:
        """Return `path`, or the target of an allowed link; raises BrokenEntry if the link is not allowed."""
        if self._links_within is None or not path.is_symlink():
            return path
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise BrokenEntry(f"{path}: is a symbolic link to a file that is not there; restore that") from error
        if not target.is_relative_to(self._links_within.resolve()):
            raise BrokenEntry(
                f"{path}: is a symbolic link that leads out of the repository; put the file itself in place of the link"
            )
        return target

    def _read_record(self, stem: str, key: str = "") -> PictureRecord:
        """Read a record without a check of its picture; FileNotFoundError if there is no record.

        With a `key`, BrokenEntry for a record of another key.
        """
        path = self._folder / f"{stem}.json"
        if reason := self.explain_unused():
            raise FileNotFoundError(reason)
        return parse_record(path, read_plain_file(self._follow_link(path), max_bytes=MAX_RECORD_BYTES), key or stem)

    def _holds(self, path: Path, text: bytes, record: PictureRecord) -> bool:
        """Return whether the folder holds exactly this pair."""
        try:
            return read_plain_file(path.with_suffix(".json"), max_bytes=len(text)) == text and bool(self.read(record))
        except (BrokenEntry, FileNotFoundError):
            return False

    def _is_whole(self, key: str) -> bool:
        """Return whether the folder has a record of `key`, and the picture that it describes."""
        try:
            record = self.get_unverified(key)
            return record is not None and bool(self.read(record))
        except BrokenEntry:
            return False

    def _delete_other_formats(self, path: Path) -> None:
        """Delete a picture of the same key in another format, which an earlier call of `save` wrote."""
        for extension in PICTURE_EXTENSIONS:
            other_path = path.with_suffix(f".{extension}")
            if other_path != path:
                other_path.unlink(missing_ok=True)


def read_plain_file(path: Path, *, max_bytes: int) -> bytes:
    """Read a plain file. FileNotFoundError if there is no file, BrokenEntry for a link or any other kind of file."""
    try:
        descriptor = os.open(path, OPEN_FLAGS | os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
    except OSError as error:
        reason = "is a symbolic link" if path.is_symlink() else f"cannot be opened ({error.strerror or error})"
        raise BrokenEntry(f"{path}: {reason}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or (not hasattr(os, "O_NOFOLLOW") and path.is_symlink()):
            raise BrokenEntry(f"{path}: is not a plain file")
        if status.st_size > max_bytes:
            raise BrokenEntry(f"{path}: is larger than {max_bytes} bytes")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            # If the file grows meanwhile, its digest or its JSON is wrong.
            return file.read(status.st_size + 1)
    except OSError as error:
        raise BrokenEntry(f"{path}: cannot be read ({error.strerror or error})") from error
    finally:
        os.close(descriptor)


def _read_file_state(record_status: os.stat_result, picture: str) -> list[JsonValue] | None:
    """Return sizes and times of last change of record and picture; None unless both are plain files."""
    try:
        picture_status = os.lstat(picture)
    except OSError:
        return None
    if not (stat.S_ISREG(record_status.st_mode) and stat.S_ISREG(picture_status.st_mode)):
        return None
    return [record_status.st_size, record_status.st_mtime_ns, picture_status.st_size, picture_status.st_mtime_ns]


def _make_stem(key: str) -> str:
    """Return the first 16 hex digits of a generation key, which name its files."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a generation key (64 hex digits)")
    return short_key(key)


def _sync_folder(folder: Path) -> None:
    """Write the folder's entries to the disk, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def encode_record(record: PictureRecord) -> bytes:
    """Return the record as JSON that people can read: indented, letters as they are.

    A number or request that JSON cannot hold is left out, since a paid picture needs a record.
    """
    values = _to_values(record)
    for name in ("cost_usd", "seconds"):
        values[name] = check_amount_or_none(values[name])
    data = _encode_json(values)
    return data if len(data) <= MAX_RECORD_BYTES else _encode_json({**values, "request": {}})


def _to_values(record: PictureRecord) -> dict[str, JsonValue]:
    values: dict[str, JsonValue] = {field.name: getattr(record, field.name) for field in fields(record)}
    # The word that earlier versions wrote for the configuration.
    values["site"] = values.pop("config_name")
    return {**values, "request": dict(record.request)}


def _encode_json(values: dict[str, JsonValue]) -> bytes:
    try:
        return (json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except UnicodeEncodeError:
        # The name of a page on Linux may hold bytes that are no text.
        return (json.dumps(values, indent=2, allow_nan=False) + "\n").encode()


def check_digest(path: Path | str, data: bytes, record: PictureRecord) -> None:
    """Raise BrokenEntry unless `data`, which is at `path`, is the picture of `record`."""
    if digest_of(data) != record.digest:
        raise BrokenEntry(f"{path}: is not the image that was stored (its digest differs)")


def parse_record(path: Path | str, text: bytes, key: str) -> PictureRecord:
    """Parse the record in `text`, which is at `path`; raises BrokenEntry with the first wrong field.

    `key` is that of the record, or its first digits.
    Unknown fields are ignored: a later version may have written them.
    """
    try:
        # Some editors put a byte order mark before it.
        value = parse_json(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        if _CONFLICT.search(text):
            raise BrokenEntry(f"{path}: has the marks of a merge conflict; take one of its two sides") from error
        raise BrokenEntry(f"{path}: is not complete JSON") from error
    record = _parse_values(value, path)
    if not record.key.startswith(key):
        raise BrokenEntry(f"{path}: belongs to another key")
    return record


def _parse_values(value: JsonValue, path: Path | str) -> PictureRecord:
    """Check each value of a record; BrokenEntry, with `path`, for a value that was not stored so."""
    try:
        fields_of = check_mapping(value)
    except ValueError as error:
        raise BrokenEntry(f"{path}: is not the record of an image") from error

    def check_field(name: str, check: Callable[[JsonValue | None], T], default: JsonValue = None) -> T:
        try:
            return check(fields_of.get(name, default))
        except ValueError as error:
            raise BrokenEntry(f"{path}: {name} is not what was stored") from error

    return PictureRecord(
        key=check_field("key", lambda value: check_pattern(value, _KEY)),
        digest=check_field("digest", lambda value: check_pattern(value, _KEY)),
        extension=check_field("extension", lambda value: check_pattern(value, _EXTENSION)),
        provider=check_field("provider", _parse_name),
        model=check_field("model", _parse_name),
        job_id=check_field("job_id", _replace_surrogates, ""),
        cost_usd=check_field("cost_usd", _parse_optional_amount),
        created_at=check_field("created_at", _parse_time),
        width_px=check_field("width_px", _parse_pixels, 0),
        height_px=check_field("height_px", _parse_pixels, 0),
        seconds=check_field("seconds", _parse_optional_amount),
        page=check_field("page", _replace_surrogates, ""),
        marks=check_field("marks", _replace_surrogates, ""),
        request=check_field("request", _parse_request, {}),
        config_name=check_field("site", _replace_surrogates, ""),
    )


def _parse_name(value: JsonValue | None) -> str:
    return check_pattern(value, _NAME)


def _replace_surrogates(value: JsonValue | None) -> str:
    """Return a text that can be written again: a page's name may hold bytes that are no text."""
    return SURROGATE.sub("\ufffd", check_pattern(value, _ANY))


def _parse_optional_amount(value: JsonValue | None) -> float | None:
    return None if value is None else check_amount(value)


def _parse_time(value: JsonValue | None) -> float:
    at = _parse_optional_amount(value) or 0.0
    return at if at < _END_OF_TIME_S else 0.0


def _parse_pixels(value: JsonValue | None) -> int:
    return check_integer(value, 0, LARGEST_SIDE_PX)


def _parse_request(value: JsonValue | None) -> dict[str, JsonValue]:
    """Return the request, which only people read; empty if no encoding can write the request."""
    request = check_mapping(value)
    return {} if SURROGATE.search(json.dumps(request, ensure_ascii=False)) else request
