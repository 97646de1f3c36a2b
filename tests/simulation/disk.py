"""A cache folder in memory, with transactional databases and pairs of files, which can fail and be cut off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.spec import JsonValue, PictureRecord, digest_of
from mkdocs_leonardo.storage.pictures import encode_record, parse_record
from mkdocs_leonardo.storage.text_store import TextStore

if TYPE_CHECKING:
    from .ledger import Order

_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class Killed(BaseException):
    """The exception for a dead process: its later actions reach neither a disk nor a service."""


@dataclass(eq=False, slots=True)
class Disk:
    """The content of one machine's cache.

    `orders` are the orders of its past; a restored copy lacks later ones. `damaged` are the names of damaged files.
    `trouble` is the present fault: none, ``full`` or ``sealed`` (unreadable).
    """

    name: str
    tables: dict[str, dict[str, tuple[str, float]]] = field(
        default_factory=lambda: {"journal": {}, "index": {}, "rescued": {}}
    )
    files: dict[str, bytes] = field(default_factory=dict)
    rescued: dict[str, bytes] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    trouble: str = ""
    failing_part: float = 0.0

    def has(self, key: str) -> bool:
        """Whether the picture of `key` is on the disk and whole."""
        names = f"{key[:16]}.json", f"{key[:16]}.jpg"
        return any(
            files.get(names[0], b"").startswith(b"{") and b"sound" in files.get(names[1], b"")
            for files in (self.files, self.rescued)
        )

    @property
    def has_open_jobs(self) -> bool:
        """Whether the journal has an entry."""
        return any(key.startswith("job:") for key in self.tables["journal"])

    def pictures(self) -> Iterator[tuple[str, str]]:
        """Key and job of every picture with a record."""
        for files in (self.files, self.rescued):
            for name, content in files.items():
                if name.endswith(".json") and content.startswith(b"{"):
                    record = parse_record(name, content, name[:16])
                    yield record.key, record.job_id

    def copy(self, name: str) -> Disk:
        """A copy of the cache for another machine, or to be restored later."""
        return Disk(
            name,
            {table: dict(rows) for table, rows in self.tables.items()},
            dict(self.files),
            {},
            list(self.orders),
            set(self.damaged),
        )


@dataclass(frozen=True, slots=True)
class Hands:
    """The access of one process to its disk.

    `touch` is called around every operation, and may end the process; `hinder` where the disk refuses. `chance` draws
    whether something with that probability happens; `wall` is the machine's clock.
    """

    touch: Callable[[], None]
    hinder: Callable[[], None]
    chance: Callable[[float], bool]
    wall: Callable[[], float]


class TransactionalStore(TextStore):
    """The store of journal and limits, on a simulated disk."""

    def __init__(self, disk: Disk, table: str, hands: Hands) -> None:
        self._disk = disk
        self._rows = disk.tables[table]
        self._hands = hands
        self._undo: list[tuple[str, tuple[str, float] | None]] | None = None

    def get(self, key: str) -> JsonValue | None:
        """The value, or None."""
        self._read()
        row = self._rows.get(key)
        if row is None or row[1] <= self._hands.wall():
            return None
        value: JsonValue = json.loads(row[0])
        return value

    def set(self, key: str, value: JsonValue, expire_s: float | None = None) -> None:
        """Store `value`."""
        text = _ENCODER.encode(value)
        self._write(key, (text, float("inf") if expire_s is None else self._hands.wall() + expire_s))

    def delete(self, key: str) -> None:
        """Remove `key`."""
        self._write(key, None)

    def items(self, prefix: str) -> list[tuple[str, JsonValue]]:
        """Every key that starts with `prefix`, with its value, sorted by key."""
        self._read()
        now = self._hands.wall()
        return [
            (key, json.loads(text))
            for key, (text, expires_at) in sorted(self._rows.items())
            if key.startswith(prefix) and expires_at > now
        ]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Apply the changes of the block together, or none of them."""
        if self._undo is not None:
            yield
            return
        self._undo = []
        try:
            yield
            self._commit()
        except BaseException:
            for key, before in reversed(self._undo):
                if before is None:
                    self._rows.pop(key, None)
                else:
                    self._rows[key] = before
            raise
        finally:
            self._undo = None
        self._hands.touch()

    def close(self) -> None:
        """Do nothing, since the store holds no resource."""

    def _read(self) -> None:
        self._hands.touch()
        if self._disk.trouble == "sealed":
            self._hands.hinder()
            raise StoreUnavailable("the disk cannot be read")

    def _write(self, key: str, row: tuple[str, float] | None) -> None:
        if self._undo is None:
            with self.transaction():
                self._write(key, row)
            return
        self._hands.touch()
        self._undo.append((key, self._rows.get(key)))
        if row is not None:
            self._rows[key] = row
        else:
            self._rows.pop(key, None)

    def _commit(self) -> None:
        """Apply the changes; without changes, the disk needs no room."""
        if self._undo:
            refuse_writing(self._disk, self._hands)


class Pairs:
    """The protocol `PictureStore` on a simulated disk; `files` maps names to bytes, as a folder does."""

    def __init__(self, disk: Disk, files: dict[str, bytes], hands: Hands, *, can_fail: bool = True) -> None:
        self._disk = disk
        self._files = files
        self._hands = hands
        self._can_fail = can_fail

    def get_unverified(self, key: str) -> PictureRecord | None:
        """The record of `key`, without a check of its picture's bytes."""
        text = self._files.get(f"{key[:16]}.json")
        if text is None:
            return None
        record = parse_record(f"{key[:16]}.json", text, key)
        if f"{key[:16]}.{record.extension}" not in self._files:
            raise BrokenEntry(f"{key[:16]}: its image is missing")
        return record

    def get_verified(self, key: str) -> PictureRecord | None:
        """The record of `key` if its picture is whole, else BrokenEntry."""
        self._hands.touch()
        record = self.get_unverified(key)
        if record is None:
            return None
        self._bytes(record)
        return record

    def get_record(self, key: str) -> PictureRecord | None:
        """The record of `key`, also if its picture is gone or damaged."""
        text = self._files.get(f"{key[:16]}.json")
        try:
            return None if text is None else parse_record(f"{key[:16]}.json", text, key)
        except BrokenEntry:
            return None

    def read(self, record: PictureRecord) -> bytes:
        """The delivered bytes with a verified digest."""
        self._hands.touch()
        return self._bytes(record)

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Store the pair: the picture first, then its record."""
        for name, content in (
            (f"{record.key[:16]}.{record.extension}", data),
            (f"{record.key[:16]}.json", encode_record(record)),
        ):
            self._hands.touch()
            if self._can_fail:
                refuse_writing(self._disk, self._hands)
            self._files[name] = content
        self._hands.touch()

    def remove(self, key: str) -> None:
        """Remove the pair of `key`."""
        for extension in ("json", "jpg"):
            self._files.pop(f"{key[:16]}.{extension}", None)

    def _bytes(self, record: PictureRecord) -> bytes:
        data = self._files.get(f"{record.key[:16]}.{record.extension}")
        if data is None:
            raise BrokenEntry(f"{record.key[:16]}: its image is missing")
        if digest_of(data) != record.digest:
            raise BrokenEntry(f"{record.key[:16]}: is not the image that was stored (its digest differs)")
        return data


def refuse_writing(disk: Disk, hands: Hands) -> None:
    """Raise StoreUnavailable if the disk takes no writes now."""
    if disk.trouble or (disk.failing_part and hands.chance(disk.failing_part)):
        hands.hinder()
        raise StoreUnavailable("the disk is full")
