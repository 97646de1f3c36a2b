"""A store of JSON values under text keys, shared by processes: diskcache without its known faults.

diskcache 5.6.3 (August 2023, the last release) runs code when it reads a crafted row (CVE-2025-69872). It reads and
removes any file that a row names, takes attributes and pragmas from rows, and waits 60 s for a lock. A cache folder
may come from a pull request. So this module opens and checks the database, and gives diskcache the open connection.
Keys and values are text.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import diskcache
from diskcache.core import MODE_RAW

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.files import read_identity
from mkdocs_leonardo.spec import JsonValue, parse_json

#: The longest waits for another process: of opening, and of one operation (seconds).
OPEN_WAIT_S = 5.0
WAIT_S = 10.0

_NAME = "cache.db"
_COMPANIONS = ("", "-wal", "-shm", "-journal")

#: A rollback journal that ends so names a second file, which SQLite may delete (file format, section 3).
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")

#: SQLITE_CORRUPT and SQLITE_NOTADB: a retry does not help.
_BROKEN_CODES = frozenset({11, 26})
#: SQLITE_BUSY and SQLITE_LOCKED.
_BUSY_CODES = frozenset({5, 6})
#: SQLITE_ERROR, here: a schema that this SQLite cannot read.
_ERROR_CODE = 1

#: Reads go to SQLite directly: diskcache stops at the first crafted key, and takes three times as long.
_IS_OURS = (
    "raw = 1 AND mode = ? AND typeof(key) = 'text' AND typeof(value) = 'text' AND filename IS NULL"
    " AND (expire_time IS NULL OR expire_time > ?)"
)
_SELECT_VALUE = f"SELECT value FROM Cache WHERE key = ? AND {_IS_OURS}"  # noqa: S608 - no value is in it
_SELECT_ITEMS = f"SELECT key, value FROM Cache WHERE key >= ? AND key < CAST(? AS TEXT) AND {_IS_OURS} ORDER BY key"  # noqa: S608 - no value is in it

_COUNTERS = ("count", "size", "hits", "misses")


class TextStore:
    """A store of JSON values under text keys, in an SQLite file that several processes use at once.

    Thread-safe. Every failure is StoreUnavailable. `set_aside_note` names a broken file that was set aside.
    """

    def __init__(self, folder: Path, *, durable: bool, wait_s: float = WAIT_S) -> None:
        self.set_aside_note: str | None = None
        self._folder = folder
        self._file = folder / _NAME
        self._durable = durable
        self._wait_s = wait_s
        self._lock = threading.RLock()
        self._opened: _OpenDatabase | None = None
        self._closed = False

    @classmethod
    def open(cls, folder: Path, *, durable: bool, wait_s: float = WAIT_S) -> TextStore:
        """Open the store in `folder`, which is made if need be; StoreUnavailable if it is locked for about 5 s.

        With `durable`, a value survives a power cut once `set` or its transaction has returned.
        Each later operation waits for other processes for at most `wait_s`, and opening waits no longer either.
        """
        store = cls(folder, durable=durable, wait_s=wait_s)
        with store._use():
            return store

    def get(self, key: str) -> JsonValue | None:
        """Return the value of `key`; None unless this class wrote it."""
        with self._use() as cache:
            row = cache.connection.execute(_SELECT_VALUE, (key, MODE_RAW, time.time())).fetchone()
        return None if row is None else _parse(row[0])

    def set(self, key: str, value: JsonValue, expire_s: float | None = None) -> None:
        """Store the value, without a limit or for `expire_s` seconds."""
        text = _encode(value)
        with self._use() as cache:
            cache.set(key, text, expire=expire_s)

    def delete(self, key: str) -> None:
        """Delete the value of `key`, if there is one."""
        with self._use() as cache:
            cache.delete(key)

    def items(self, prefix: str) -> list[tuple[str, JsonValue]]:
        """Return every key that starts with `prefix`, with its value, sorted by key."""
        with self._use() as cache:
            arguments = (prefix, prefix.encode() + b"\xff", MODE_RAW, time.time())
            rows = cache.connection.execute(_SELECT_ITEMS, arguments).fetchall()
        pairs = ((key, _parse(text)) for key, text in rows)
        return [(key, value) for key, value in pairs if value is not None]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes of the block, or none; no other process writes meanwhile.

        Waits for the lock for at most `wait_s`. Of nested transactions, the outermost one commits.
        """
        with self._use() as cache, cache.transact():
            yield

    def close(self) -> None:
        """Close the files; no call may follow."""
        with self._lock:
            self._closed = True
            if self._opened is not None:
                with suppress(sqlite3.Error):
                    self._opened.cache.connection.close()
                self._opened = None

    @contextmanager
    def _use(self) -> Iterator[_OneConnectionCache]:
        """Hold the cache for this thread alone; the cache's errors become StoreUnavailable."""
        if not self._lock.acquire(timeout=self._wait_s):
            raise StoreUnavailable(f"{self._folder}: another thread holds the store")
        try:
            cache = self._ensure_open()
            try:
                yield cache
            finally:
                cache.roll_back()
        except diskcache.Timeout as error:
            raise StoreUnavailable(f"{self._folder}: is locked or cannot be written") from error
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise StoreUnavailable(f"{self._folder}: {error}") from error
        finally:
            self._lock.release()

    def _ensure_open(self) -> _OneConnectionCache:
        """Return the open cache. It is opened again if its file was deleted or replaced since."""
        if self._closed:
            raise StoreUnavailable(f"{self._folder}: the store is closed")
        if self._opened is not None:
            cache = self._opened.cache
            if cache.connection.in_transaction or self._opened.file == read_identity(self._file):
                return cache
            self._opened = None
            with suppress(sqlite3.Error):
                cache.connection.close()
        try:
            self._opened = self._open()
        except (OSError, ValueError) as error:
            # A name with a NUL in it is a ValueError.
            raise StoreUnavailable(f"{self._folder}: {getattr(error, 'strerror', None) or error}") from error
        return self._opened.cache

    def _open(self) -> _OpenDatabase:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._folder.is_symlink():
            # A link in a restored cache may lead to any folder.
            raise StoreUnavailable(f"{self._folder}: is a symbolic link; give the store a folder of its own")
        path = self._file
        for _ in range(3):
            examined = read_identity(path)
            try:
                _refuse_foreign_files(path)
                return _open_database(path, durable=self._durable, wait_s=self._wait_s)
            except _NotOurs as error:
                self._set_aside(path, examined, str(error))
        raise StoreUnavailable(f"{path}: is broken again each time it is replaced")

    def _set_aside(self, path: Path, examined: tuple[int, int] | None, reason: str) -> None:
        """Rename the broken database and its companions, so that a person can examine them."""
        if read_identity(path) != examined:
            return  # another process has replaced the database already
        for number in itertools.count(1):
            aside = path.with_name(f"{_NAME}.broken-{number}")
            if not any(os.path.lexists(f"{aside}{companion}") for companion in _COMPANIONS):
                break
        for companion in _COMPANIONS:
            with suppress(FileNotFoundError):
                Path(f"{path}{companion}").rename(f"{aside}{companion}")
        self.set_aside_note = f"{path} {reason}; it was set aside as {aside.name} and a new one was begun"


class InMemoryStore(TextStore):
    """A store in the memory of this process, for a folder that cannot be used."""

    def __init__(self) -> None:
        super().__init__(Path(":memory:"), durable=False)

    def _ensure_open(self) -> _OneConnectionCache:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._opened is None:
            self._opened = _open_database(self._folder, durable=False, wait_s=self._wait_s)
        return self._opened.cache


class SealedStore(TextStore):
    """An empty store, of which each change raises StoreUnavailable with a reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(Path(), durable=True)
        self.reason = reason

    def get(self, key: str) -> JsonValue | None:  # noqa: ARG002 - the interface of a store
        """Return None, since the store is empty."""
        return None

    def items(self, prefix: str) -> list[tuple[str, JsonValue]]:  # noqa: ARG002 - the interface of a store
        """Return an empty list, since the store is empty."""
        return []

    def _ensure_open(self) -> NoReturn:
        raise StoreUnavailable(self.reason)


@dataclass(frozen=True, slots=True)
class _OpenDatabase:
    """An open database and the file it is in (device and inode)."""

    cache: _OneConnectionCache
    file: tuple[int, int] | None


class _NotOurs(Exception):
    """The database was not written by `TextStore`, or is damaged."""


class _TextDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache ships no types
    """diskcache's disk for text: it pickles and unpickles nothing, and touches no file."""

    def put(self, key: object) -> tuple[str, bool]:
        """Return the columns of a key; raises TypeError unless the key is text."""
        if not isinstance(key, str):
            raise TypeError(f"keys are text, not {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: object) -> str:
        """Return a stored key; raises BrokenEntry for a key that diskcache would unpickle."""
        if raw != 1 or not isinstance(key, str):
            raise BrokenEntry("a row has a key that is not text")
        return key

    def store(self, value: object, read: object, key: object = None) -> tuple[int, int, None, str]:  # noqa: ARG002 - diskcache's signature
        """Return the columns of a value, which stays in its row; raises TypeError unless the value is text."""
        if not isinstance(value, str):
            raise TypeError(f"values are text, not {type(value).__name__}")
        return 0, MODE_RAW, None, value

    def fetch(self, mode: object, filename: object, value: object, read: object) -> str:
        """Return a stored value; raises BrokenEntry for a value that diskcache would unpickle or read from a file."""
        if mode != MODE_RAW or filename is not None or read or not isinstance(value, str):
            raise BrokenEntry("a row has a value that is not text")
        return value

    def filename(self, key: object = None, value: object = None) -> NoReturn:  # noqa: ARG002 - diskcache's signature
        """Raise BrokenEntry, since no value is stored in a file."""
        raise BrokenEntry("values are not stored in files")

    def remove(self, file_path: object) -> None:
        """Remove no file, since only a crafted row names one."""


class _OneConnectionCache(diskcache.Cache):  # type: ignore[misc]  # diskcache ships no types
    """diskcache on one connection that this module has checked. Threads share the connection under a lock."""

    def __init__(self, connection: sqlite3.Connection, settings: dict[str, str | int]) -> None:
        self.connection = connection
        # diskcache expands and creates this folder, and then opens nothing in it, so that any folder will do.
        super().__init__(os.curdir, disk=_TextDisk, **settings)

    @property
    def _con(self) -> sqlite3.Connection:
        """The checked connection; diskcache's own one would run pragmas from the Settings rows."""
        return self.connection

    def roll_back(self) -> None:
        """End a transaction whose commit failed. diskcache forgets the transaction, and SQLite does not."""
        if self._txn_id is None and self.connection.in_transaction:
            self.connection.rollback()


def _list_settings(*, journal_mode: str, durable: bool) -> dict[str, str | int]:
    """Return all of diskcache's settings, so that no row chooses one. Eviction, which would delete jobs, is off."""
    return {
        "statistics": 0,
        "tag_index": 0,
        "eviction_policy": "none",
        "size_limit": 2**62,
        "cull_limit": 0,
        "sqlite_auto_vacuum": 1,
        "sqlite_cache_size": 2**11,
        "sqlite_journal_mode": journal_mode,
        # A mapped file that another process truncates kills the reader with SIGBUS.
        "sqlite_mmap_size": 0,
        "sqlite_synchronous": 2 if durable else 1,
        "disk_min_file_size": 2**62,
        "disk_pickle_protocol": 0,
    }


def _refuse_foreign_files(path: Path) -> None:
    """Raise _NotOurs for a file that is not plain, or that tells SQLite to delete another file."""
    for companion in _COMPANIONS:
        file = Path(f"{path}{companion}")
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(file.lstat().st_mode):
                raise _NotOurs(f"has a {file.name} that is not a plain file")
    with suppress(FileNotFoundError), Path(f"{path}-journal").open("rb") as journal:
        size = journal.seek(0, os.SEEK_END)
        journal.seek(max(0, size - len(_JOURNAL_MAGIC)))
        if size > len(_JOURNAL_MAGIC) and journal.read() == _JOURNAL_MAGIC:
            raise _NotOurs("has a journal that names another file")


def _open_database(path: Path, *, durable: bool, wait_s: float) -> _OpenDatabase:
    """Open and check the database, and start diskcache on it; gives up after about OPEN_WAIT_S."""
    open_wait_s = min(wait_s, OPEN_WAIT_S)
    give_up_at = time.monotonic() + open_wait_s
    connection = sqlite3.connect(path, timeout=open_wait_s, isolation_level=None, check_same_thread=False)
    try:
        cache = _prepare_cache(connection, give_up_at=give_up_at, durable=durable)
        connection.execute(f"PRAGMA busy_timeout = {wait_s * 1000:.0f}")
    except sqlite3.Error as error:
        connection.close()
        if _get_code(error) in _BROKEN_CODES:
            raise _NotOurs(f"cannot be read ({error})") from error
        raise
    except BaseException:
        connection.close()
        raise
    return _OpenDatabase(cache, read_identity(path))


def _prepare_cache(connection: sqlite3.Connection, *, give_up_at: float, durable: bool) -> _OneConnectionCache:
    """Check the database and set it up in one transaction, so that no process sees a part of it."""
    # A crafted row may hold bytes that are not UTF-8. They are read as a wrong value.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    # What SQLite advises for files from strangers (sqlite.org/security.html, section 1.2).
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA mmap_size = 0")
    # This check comes before the first write, so that a foreign database is not changed.
    _refuse_foreign_schema(connection)
    connection.execute("PRAGMA auto_vacuum = 1")
    settings = _list_settings(journal_mode=_switch_to_write_ahead(connection, give_up_at), durable=durable)
    # Inside a transaction this pragma has no effect.
    connection.execute(f"PRAGMA synchronous = {settings['sqlite_synchronous']}")
    connection.execute("BEGIN IMMEDIATE")
    _forget_foreign_settings(connection, settings)
    cache = _OneConnectionCache(connection, settings)
    connection.execute("COMMIT")
    # Without eviction, only this call removes expired rows. A later process does it if another one writes now.
    with suppress(diskcache.Timeout):
        cache.expire()
    return cache


def _switch_to_write_ahead(connection: sqlite3.Connection, give_up_at: float) -> str:
    """Switch to write-ahead logging, and return the mode in force. SQLite does not wait for this lock itself."""
    while True:
        try:
            ((mode,),) = connection.execute("PRAGMA journal_mode = wal").fetchall()
        except sqlite3.OperationalError as error:
            if _get_code(error) not in _BUSY_CODES or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
        else:
            return str(mode)


def _refuse_foreign_schema(connection: sqlite3.Connection) -> None:
    """Raise _NotOurs unless the schema is diskcache's, letter by letter, and the database is intact."""
    select = "SELECT type, name, tbl_name, sql FROM sqlite_master"
    try:
        objects = connection.execute(select).fetchall()
    except sqlite3.OperationalError as error:
        if _get_code(error) == _ERROR_CODE:
            raise _NotOurs(f"cannot be read ({error})") from error
        raise
    model = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _OneConnectionCache(model, _list_settings(journal_mode="memory", durable=False))
        expected = set(model.execute(select).fetchall())
    finally:
        model.close()
    if foreign := [name for kind, name, table, sql in objects if (kind, name, table, sql) not in expected]:
        raise _NotOurs(f"is not of this plugin's making ({len(foreign)} foreign objects)")
    if objects and len(objects) != len(expected):
        raise _NotOurs("lacks parts of its schema")
    ((verdict,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    if verdict != "ok":
        raise _NotOurs("is damaged")


def _forget_foreign_settings(connection: sqlite3.Connection, settings: dict[str, str | int]) -> None:
    """Delete foreign Settings rows, since diskcache turns every row into an attribute."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchall():
        return
    for rowid, key, value in connection.execute("SELECT rowid, key, value FROM Settings").fetchall():
        if key in _COUNTERS:
            is_ours = type(value) is int
        else:
            is_ours = isinstance(key, str) and key in settings and settings[key] == value
        if not is_ours:
            connection.execute("DELETE FROM Settings WHERE rowid = ?", (rowid,))


def _get_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for an error of Python's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _encode(value: JsonValue) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _parse(text: str) -> JsonValue | None:
    """Parse a stored value; None for a value that `_encode` did not write."""
    try:
        return parse_json(text)
    except (ValueError, RecursionError):
        return None
