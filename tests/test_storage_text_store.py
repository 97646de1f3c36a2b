"""The shared store of JSON: a crafted database gives misses and has no other effect."""

import os
import pickle
import sqlite3
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.storage.text_store import InMemoryStore, TextStore

INSERT = "INSERT INTO Cache(key, raw, store_time, mode, filename, value) VALUES (?, ?, 0, ?, ?, ?)"
RAW, BINARY, TEXT, PICKLE = 1, 2, 3, 4


class Canary:
    """An object that makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TextStore]:
    """A store of each implementation."""
    kept: TextStore = (
        InMemoryStore() if request.param == "memory" else TextStore.open(tmp_path / "store", durable=False)
    )
    yield kept
    kept.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a closed, sound database that holds "mine": 1."""
    kept = TextStore.open(tmp_path / "store", durable=False)
    kept.set("mine", 1)
    kept.close()
    return tmp_path / "store"


def craft(folder: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Run statements on the database as another program would."""
    connection = sqlite3.connect(folder / "cache.db", isolation_level=None)
    for statement, values in statements:
        connection.execute(statement, values)
    connection.close()


# What a store is for --------------------------------------------------------------------------------------------------


def test_value_comes_back_as_it_was(store: TextStore) -> None:
    """Every JSON value with any letters is read as it was written."""
    value: Any = {"a": [1, 2.5, None, True, "é 🎨 \ud800"], "b": {}}

    store.set("k", value)

    assert store.get("k") == value


def test_value_is_a_copy(store: TextStore) -> None:
    """A later change of a value by its caller does not change the store."""
    value: Any = {"a": [1]}
    store.set("k", value)

    value["a"].append(2)

    assert store.get("k") == {"a": [1]}


def test_missing_and_deleted_keys_are_none(store: TextStore) -> None:
    """A missing or deleted key gives None."""
    store.set("k", 1)
    store.delete("k")
    store.delete("never")

    assert store.get("k") is None
    assert store.get("never") is None


def test_expired_value_is_a_miss(store: TextStore) -> None:
    """An expired value is neither read nor listed."""
    store.set("k", 1, expire_s=-1.0)
    store.set("l", 1, expire_s=60.0)

    assert store.get("k") is None
    assert store.items("") == [("l", 1)]


def test_items_are_those_with_the_prefix(store: TextStore) -> None:
    """`items` lists the keys with the prefix, taken literally, in sorted order."""
    for key in ("job:b", "job:a", "job", "joc", "job:\U0010ffff", "j%"):
        store.set(key, key)

    assert [key for key, _ in store.items("job:")] == ["job:a", "job:b", "job:\U0010ffff"]


def test_transaction_that_fails_leaves_no_trace(store: TextStore) -> None:
    """A failed transaction changes nothing, and raises the caller's exception."""

    def half() -> None:
        with store.transaction():
            store.set("k", 1)
            with store.transaction():
                store.set("l", 1)
            raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        half()
    assert store.items("") == []


def test_transaction_belongs_to_one_thread(store: TextStore) -> None:
    """Increments in transactions of several threads are all counted."""

    def count() -> None:
        for _ in range(25):
            with store.transaction():
                seen = store.get("n")
                store.set("n", (seen if isinstance(seen, int) else 0) + 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.get("n") == 100


def test_value_that_is_no_json_is_a_mistake_of_the_caller(store: TextStore) -> None:
    """A value that is no JSON raises when it is set."""
    with pytest.raises(ValueError, match="JSON"):
        store.set("k", float("nan"))


# The file -------------------------------------------------------------------------------------------------------------


def test_store_opened_again_has_what_was_set(folder: Path) -> None:
    """Closing leaves one file, which the next process reads."""
    kept = TextStore.open(folder, durable=True)

    assert kept.get("mine") == 1
    assert kept.set_aside_note is None
    kept.close()
    assert [path.name for path in folder.iterdir()] == ["cache.db"]


def test_durable_store_waits_for_the_disk(tmp_path: Path) -> None:
    """A durable store synchronises at every commit, and another one does not."""
    for name, durable, synchronous in (("a", True, 2), ("b", False, 1)):
        kept = TextStore.open(tmp_path / name, durable=durable)
        assert kept._opened is not None
        assert kept._opened.cache.connection.execute("PRAGMA synchronous").fetchall() == [(synchronous,)]
        kept.close()


def test_expired_rows_are_removed_when_the_store_is_opened(folder: Path) -> None:
    """Opening a store removes expired rows."""
    kept = TextStore.open(folder, durable=False)
    kept.set("old", 1, expire_s=-1.0)
    kept.close()

    TextStore.open(folder, durable=False).close()

    connection = sqlite3.connect(folder / "cache.db")
    assert connection.execute("SELECT key FROM Cache").fetchall() == [("mine",)]
    connection.close()


def test_closed_store_is_unavailable(folder: Path) -> None:
    """A closed store raises StoreUnavailable at every call."""
    kept = TextStore.open(folder, durable=False)
    kept.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        kept.get("mine")


def test_key_that_is_no_unicode_is_unavailable(folder: Path) -> None:
    """A key that SQLite cannot store raises StoreUnavailable."""
    kept = TextStore.open(folder, durable=False)

    with pytest.raises(StoreUnavailable):
        kept.set("\ud800", 1)
    kept.close()


@pytest.mark.parametrize("name", ["plain.txt", "plain.txt/below", "x" * 300, "a\0b"])
def test_folder_that_cannot_be_is_unavailable(tmp_path: Path, name: str) -> None:
    """A file in the folder's place, or a name too long, raises StoreUnavailable at once."""
    (tmp_path / "plain.txt").write_text("", encoding="utf-8")

    with pytest.raises(StoreUnavailable):
        TextStore.open(tmp_path / name, durable=True)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
def test_file_system_that_takes_no_files_is_unavailable() -> None:
    """A file system that creates no files raises StoreUnavailable, for root as well."""
    with pytest.raises(StoreUnavailable):
        TextStore.open(Path("/proc/self/task"), durable=True)


def test_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """A link in the folder's place raises StoreUnavailable."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreUnavailable, match="symbolic link"):
        TextStore.open(tmp_path / "store", durable=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_folder_deleted_during_use_is_made_again(folder: Path) -> None:
    """After its folder is deleted, a store in use writes to a new file."""
    kept = TextStore.open(folder, durable=True)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()

    assert kept.get("mine") is None
    kept.set("new", 2)
    kept.close()

    again = TextStore.open(folder, durable=True)
    assert again.get("new") == 2
    again.close()


def test_folder_name_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`$HOME` in a folder's name is taken literally, although diskcache expands it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    kept = TextStore.open(tmp_path / "$HOME" / "~", durable=False)
    kept.set("k", 1)
    kept.close()

    assert (tmp_path / "$HOME" / "~" / "cache.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["$HOME"]


# Several processes ----------------------------------------------------------------------------------------------------

#: Gives its lock back in half of the minute that diskcache's constructor waits.
HOLD = """
import select, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
select.select([sys.stdin], [], [], 30)
"""

COUNT = """
import sys
from pathlib import Path
from mkdocs_leonardo.storage.text_store import TextStore
store = TextStore.open(Path(sys.argv[1]), durable=False)
for _ in range(30):
    with store.transaction():
        store.set("n", (store.get("n") or 0) + 1)
print(store.set_aside_note)
store.close()
"""


@pytest.mark.parametrize("mode", ["PRAGMA journal_mode = wal", "PRAGMA locking_mode = exclusive"])
def test_database_locked_by_another_process_is_unavailable_soon(folder: Path, mode: str) -> None:
    """Opening a locked database raises StoreUnavailable long before diskcache's minute."""
    command = [sys.executable, "-c", HOLD, str(folder / "cache.db"), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreUnavailable, match="locked"):
            TextStore.open(folder, durable=False, wait_s=0.2)
        assert holder.poll() is None
        holder.kill()


def test_transaction_waits_for_another_process_and_then_gives_up(folder: Path) -> None:
    """A transaction on a locked database raises StoreUnavailable after a wait, and the store works again later."""
    kept = TextStore.open(folder, durable=False, wait_s=0.2)
    command = [sys.executable, "-c", HOLD, str(folder / "cache.db"), "SELECT 1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreUnavailable, match="locked"), kept.transaction():
            pytest.fail("the lock is held by another process")
        with pytest.raises(StoreUnavailable, match="locked"):
            kept.set("k", 1)
        assert kept.get("mine") == 1
        holder.kill()
    kept.set("k", 1)

    assert kept.get("k") == 1
    kept.close()


def test_commit_that_fails_leaves_no_transaction_open(folder: Path) -> None:
    """A failed commit leaves no open transaction, as on a file system without shared memory."""
    kept = TextStore.open(folder, durable=False, wait_s=0.1)
    assert kept._opened is not None
    kept._opened.cache.connection.execute("PRAGMA journal_mode = delete")
    reader = sqlite3.connect(folder / "cache.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM Cache").fetchall()

    with pytest.raises(StoreUnavailable, match="locked"):
        kept.set("k", 1)
    reader.close()
    kept.set("l", 2)

    assert kept.items("") == [("l", 2), ("mine", 1)]
    kept.close()


def test_processes_that_begin_a_store_together_share_it(tmp_path: Path) -> None:
    """Processes that create a store together share it, and every increment is counted."""
    command = [sys.executable, "-c", COUNT, str(tmp_path / "store")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0] for process in processes]

    kept = TextStore.open(tmp_path / "store", durable=False)
    assert (said, kept.get("n")) == (["None\n"] * 4, 120)
    kept.close()


FULL = """
import resource, sys
from pathlib import Path
from mkdocs_leonardo.errors import StoreUnavailable
from mkdocs_leonardo.storage.text_store import TextStore
store = TextStore.open(Path(sys.argv[1]), durable=True)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
for value in ("x" * 1_000_000, "y" * 10_000_000):
    try:
        store.set("large", value)
    except StoreUnavailable as error:
        print("unavailable")
    try:
        with store.transaction():
            store.set("large", value)
    except StoreUnavailable as error:
        print("unavailable")
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
store.set("small", 1)
print(store.get("small"), store.get("large"), store.get("mine"))
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_full_disk_is_unavailable_and_passes(folder: Path) -> None:
    """A write on a full disk changes nothing, and the store works again with room."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout, done.stderr) == ("unavailable\n" * 4 + "1 None 1\n", "")


# Crafted rows ---------------------------------------------------------------------------------------------------------


def test_pickle_in_a_value_is_a_miss_and_not_run(folder: Path, tmp_path: Path) -> None:
    """A pickled value is a miss and is not unpickled (CVE-2025-69872)."""
    canary = tmp_path / "canary"
    craft(folder, (INSERT, ("evil", 1, PICKLE, None, pickle.dumps(Canary(canary)))))
    kept = TextStore.open(folder, durable=False)

    assert kept.set_aside_note is None
    assert (kept.get("evil"), kept.get("mine"), kept.items("")) == (None, 1, [("mine", 1)])
    kept.close()
    assert not canary.exists()


def test_pickle_in_a_key_is_left_out_and_not_run(folder: Path, tmp_path: Path) -> None:
    """A pickled key is left out and is not unpickled."""
    canary = tmp_path / "canary"
    craft(
        folder,
        (INSERT, (pickle.dumps(Canary(canary)), 0, RAW, None, '"v"')),
        (INSERT, ("text that says it is a pickle", 0, RAW, None, '"v"')),
    )
    kept = TextStore.open(folder, durable=False)

    assert kept.items("") == [("mine", 1)]
    assert kept._opened is not None
    with pytest.raises(BrokenEntry):
        list(kept._opened.cache)
    kept.close()
    assert not canary.exists()


@pytest.mark.parametrize("mode", [RAW, BINARY, TEXT, PICKLE])
def test_file_named_by_a_row_is_neither_read_nor_removed(folder: Path, tmp_path: Path, mode: int) -> None:
    """A row that names a file is a miss; replacing and deleting it leave the file."""
    secret = tmp_path / "secret.json"
    secret.write_bytes(pickle.dumps("secret") if mode == PICKLE else b'"secret"')
    value = '"v"' if mode == RAW else None
    names = ("read", "replaced", "deleted")
    craft(folder, *((INSERT, (name, 1, mode, str(secret), value)) for name in names))
    kept = TextStore.open(folder, durable=False)

    assert kept.get("read") is None
    kept.set("replaced", 1)
    kept.delete("deleted")

    assert (kept.get("replaced"), kept.get("deleted"), kept.items("r")) == (1, None, [("replaced", 1)])
    kept.close()
    assert secret.exists()


def test_file_named_by_an_expired_row_is_not_removed(folder: Path, tmp_path: Path) -> None:
    """Removing expired rows leaves the files that they name."""
    secret = tmp_path / "secret"
    secret.touch()
    craft(
        folder,
        ("INSERT INTO Cache(key, raw, expire_time, mode, filename) VALUES ('k', 1, 5, 2, ?)", (str(secret),)),
    )

    TextStore.open(folder, durable=False).close()

    assert secret.exists()


@pytest.mark.parametrize(
    "value",
    [b'"v"', 5, '{"a":', "NaN", "[" * 100_000, "9" * 5000],
    ids=["blob", "number", "half", "nan", "deep", "long"],
)
def test_row_that_is_not_json_of_ours_is_a_miss(folder: Path, value: object) -> None:
    """A row with any other content is a miss, and the other rows are read."""
    craft(folder, (INSERT, ("evil", 1, RAW, None, value)))
    kept = TextStore.open(folder, durable=False)

    assert (kept.get("evil"), kept.items("")) == (None, [("mine", 1)])
    kept.close()


def test_row_with_bytes_that_are_no_text_hides_no_other(folder: Path) -> None:
    """A row with invalid UTF-8 hides no other row."""
    craft(
        folder,
        (INSERT.replace("?, ?, 0, ?", "CAST(? AS TEXT), ?, 0, ?"), (b"evil\xff", 1, RAW, None, "1")),
        ("UPDATE Cache SET value = CAST(? AS TEXT) WHERE key = 'mine'", (b'"\xff"',)),
    )
    kept = TextStore.open(folder, durable=False)
    kept.set("new", 1)

    assert kept.get("new") == 1
    assert ("new", 1) in kept.items("")
    kept.close()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("disk_shell", "x"),
        ("disk_min_file_size", 0),
        ("get", "x"),
        ("_disk", "x"),
        ("sqlite_user_version", 99),
        ("sqlite_journal_mode", "off"),
        ("count", "many"),
        (5, 5),
    ],
)
def test_settings_row_chooses_nothing(folder: Path, key: object, value: object) -> None:
    """Rows of diskcache's settings, which become attributes and pragmas, have no effect."""
    craft(folder, ("INSERT OR REPLACE INTO Settings VALUES (?, ?)", (key, value)))

    kept = TextStore.open(folder, durable=False)
    kept.set("large", "x" * 100_000)

    assert (kept.get("mine"), kept.get("large")) == (1, "x" * 100_000)
    kept.close()
    assert [path.name for path in folder.iterdir()] == ["cache.db"]
    connection = sqlite3.connect(folder / "cache.db")
    assert connection.execute("PRAGMA user_version").fetchall() == [(0,)]
    assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert dict(connection.execute("SELECT key, value FROM Settings").fetchall()).get(key) != value
    connection.close()


def test_nothing_is_evicted_by_default(folder: Path) -> None:
    """A store keeps more than diskcache's default limit of 1 GiB."""
    kept = TextStore.open(folder, durable=False)
    assert kept._opened is not None
    cache = kept._opened.cache

    assert (cache.eviction_policy, cache.cull_limit, cache.size_limit) == ("none", 0, 2**62)
    kept.close()


def test_nothing_is_evicted_whatever_the_settings_say(folder: Path) -> None:
    """A settings row with a limit evicts nothing."""
    rows = {"size_limit": 1, "cull_limit": 10, "eviction_policy": "least-recently-stored"}
    craft(folder, *(("UPDATE Settings SET value = ? WHERE key = ?", (value, key)) for key, value in rows.items()))
    kept = TextStore.open(folder, durable=False)
    with kept.transaction():
        for number in range(50):
            kept.set(f"k{number}", "x" * 1000)

    assert len(kept.items("k")) == 50
    kept.close()


# Crafted files --------------------------------------------------------------------------------------------------------


def set_aside(folder: Path) -> list[str]:
    """Open a store, assert that it is new and logs, and return the names of the moved files."""
    kept = TextStore.open(folder, durable=False)
    assert kept.set_aside_note is not None
    assert "set aside as cache.db.broken-1" in kept.set_aside_note
    assert kept.items("") == []
    kept.set("k", 1)
    assert kept.get("k") == 1
    kept.close()
    return sorted(path.name for path in folder.iterdir() if path.name != "cache.db")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER evil AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
        "CREATE VIEW evil AS SELECT * FROM Cache",
        "CREATE TABLE evil(x)",
        "CREATE INDEX evil ON Cache(value)",
        "ALTER TABLE Cache ADD COLUMN evil",
        "DROP TABLE Settings",
        "DROP TRIGGER Settings_count_insert",
        "DROP TABLE Cache",
    ],
)
def test_database_with_another_schema_is_set_aside(folder: Path, statement: str) -> None:
    """A database with another schema than diskcache's, such as a trigger or view, is moved aside."""
    craft(folder, (statement, ()))

    assert set_aside(folder) == ["cache.db.broken-1"]


def test_trigger_that_takes_the_name_of_one_of_ours_is_found(folder: Path) -> None:
    """A trigger with the right name and another text is found."""
    craft(
        folder,
        ("DROP TRIGGER Settings_count_insert", ()),
        ("CREATE TRIGGER Settings_count_insert AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END", ()),
    )

    assert set_aside(folder) == ["cache.db.broken-1"]


def garbage(path: Path) -> None:
    """Bytes that were never a database."""
    path.write_bytes(b"garbage" * 5000)


def truncated(path: Path) -> None:
    """The first half of a database."""
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    """A database with its later pages overwritten."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def another_application(path: Path) -> None:
    """A sound SQLite file of another program."""
    path.unlink()
    craft(path.parent, ("CREATE TABLE moz_cookies(id, value)", ()))


def newer_format(path: Path) -> None:
    """A schema format that this SQLite does not know."""
    with path.open("r+b") as file:
        file.seek(44)
        file.write(struct.pack(">I", 99))


def folder_in_place(path: Path) -> None:
    """A folder with the database's name."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [garbage, truncated, overwritten, another_application, newer_format, folder_in_place])
def test_database_that_is_broken_or_foreign_is_set_aside(folder: Path, spoil: Callable[[Path], None]) -> None:
    """A broken or foreign database is moved aside with its bytes, and the caller can report it."""
    spoil(folder / "cache.db")
    before = b"" if (folder / "cache.db").is_dir() else (folder / "cache.db").read_bytes()

    names = set_aside(folder)

    assert names == ["cache.db.broken-1"]
    aside = folder / "cache.db.broken-1"
    assert before == (b"" if aside.is_dir() else aside.read_bytes())


def test_second_broken_database_is_set_aside_under_the_next_name(folder: Path) -> None:
    """A second broken database gets the next name and overwrites no file."""
    garbage(folder / "cache.db")
    set_aside(folder)
    garbage(folder / "cache.db")

    kept = TextStore.open(folder, durable=False)

    assert kept.set_aside_note is not None
    assert "cache.db.broken-2" in kept.set_aside_note
    kept.close()
    assert sorted(path.name for path in folder.iterdir()) == ["cache.db", "cache.db.broken-1", "cache.db.broken-2"]


def test_database_that_another_process_began_meanwhile_is_not_set_aside(folder: Path) -> None:
    """A process leaves the new database that another one made after finding a broken one."""
    kept = TextStore.open(folder, durable=False)

    kept._set_aside(folder / "cache.db", (0, 0), "is damaged")

    assert (kept.get("mine"), kept.set_aside_note) == (1, None)
    kept.close()
    assert [path.name for path in folder.iterdir()] == ["cache.db"]


def test_empty_file_is_a_fresh_database(tmp_path: Path) -> None:
    """An empty file is a new database."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "cache.db").touch()

    kept = TextStore.open(tmp_path / "store", durable=False)

    assert kept.set_aside_note is None
    kept.close()


def test_database_that_is_a_link_is_set_aside_and_its_target_left_alone(folder: Path, tmp_path: Path) -> None:
    """A link in the database's place is moved aside, and its target is unchanged."""
    elsewhere = tmp_path / "elsewhere.db"
    (folder / "cache.db").rename(elsewhere)
    before = elsewhere.read_bytes()
    (folder / "cache.db").symlink_to(elsewhere)

    assert set_aside(folder) == ["cache.db.broken-1"]
    assert (folder / "cache.db.broken-1").is_symlink()
    assert elsewhere.read_bytes() == before


@pytest.mark.parametrize("companion", ["-wal", "-shm", "-journal"])
def test_companion_that_is_a_link_is_set_aside_with_the_database(folder: Path, tmp_path: Path, companion: str) -> None:
    """A link in the place of SQLite's further files is moved aside with the database."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    (folder / f"cache.db{companion}").symlink_to(elsewhere)

    assert set_aside(folder) == ["cache.db.broken-1", f"cache.db.broken-1{companion}"]
    assert elsewhere.read_bytes() == b"precious"


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_pipe_in_place_of_the_database_does_not_block(folder: Path) -> None:
    """A named pipe in the database's place does not block."""
    (folder / "cache.db").unlink()
    os.mkfifo(folder / "cache.db")

    assert set_aside(folder) == ["cache.db.broken-1"]
    assert stat.S_ISFIFO((folder / "cache.db.broken-1").lstat().st_mode)


def crafted_journal(database: Path, target: Path) -> bytes:
    """A rollback journal that names `target` as its super-journal, which SQLite deletes after the rollback."""
    magic = bytes.fromhex("d9d505f920a163d7")
    pages = database.stat().st_size // 4096
    header = magic + struct.pack(">IIIII", 0, 1, pages, 512, 4096)
    name = bytes(target)
    return header.ljust(512, b"\0") + struct.pack(">I", 0) + name + struct.pack(">II", len(name), sum(name)) + magic


def test_journal_that_names_another_file_does_not_delete_it(folder: Path, tmp_path: Path) -> None:
    """A rollback journal that names another file does not delete it, as it would in plain sqlite3."""
    canaries = [tmp_path / "first", tmp_path / "second"]
    for canary in canaries:
        canary.write_bytes(b"precious")
    journal = folder / "cache.db-journal"
    journal.write_bytes(crafted_journal(folder / "cache.db", canaries[0]))
    plain = sqlite3.connect(folder / "cache.db")
    plain.execute("SELECT count(*) FROM sqlite_master").fetchall()
    plain.close()
    if canaries[0].exists():
        pytest.skip(f"SQLite {sqlite3.sqlite_version} leaves such a file alone")
    journal.write_bytes(crafted_journal(folder / "cache.db", canaries[1]))

    names = set_aside(folder)

    assert canaries[1].exists()
    assert names == ["cache.db.broken-1", "cache.db.broken-1-journal"]


def test_write_ahead_log_of_a_killed_process_is_used(tmp_path: Path) -> None:
    """A commit of a killed process is read by the next one."""
    program = (
        "import os, sys; from pathlib import Path; from mkdocs_leonardo.storage.text_store import TextStore\n"
        "store = TextStore.open(Path(sys.argv[1]), durable=True); store.set('k', 1)\n"
        "context = store.transaction(); context.__enter__(); store.set('half', 1); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "store")], timeout=60, check=False)
    assert (tmp_path / "store" / "cache.db-wal").exists()

    kept = TextStore.open(tmp_path / "store", durable=True, wait_s=1.0)

    assert (kept.set_aside_note, kept.get("k"), kept.get("half")) == (None, 1, None)
    kept.close()


def test_database_broken_during_use_is_unavailable(folder: Path) -> None:
    """A page that breaks while the store is open raises StoreUnavailable."""
    kept = TextStore.open(folder, durable=False)
    with kept.transaction():
        for number in range(2000):
            kept.set(f"k{number}", "x" * 500)
    kept.close()
    kept = TextStore.open(folder, durable=False)
    assert kept._opened is not None
    kept._opened.cache.connection.execute("PRAGMA shrink_memory")
    size = (folder / "cache.db").stat().st_size
    with (folder / "cache.db").open("r+b") as file:
        file.seek(size // 8)
        file.write(b"\xa5" * (size - size // 8))

    with pytest.raises(StoreUnavailable):
        [kept.get(f"k{number}") for number in range(2000)]
    kept.close()
