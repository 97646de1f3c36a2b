"""The picture store: pairs of plain files, written whole and verified when read."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.files import MAX_PICTURE_BYTES
from mkdocs_leonardo.spec import PictureRecord, digest_of
from mkdocs_leonardo.storage.pictures import PictureFolder, read_plain_file
from mkdocs_leonardo.storage.text_store import InMemoryStore

KEY = "50d963aadec4b20025d9c06c1f60e995ccbb8823a2e54e74f6c0c1fed6fedc02"
STEM = KEY[:16]
#: The environment of a process that coverage does not follow: its own modules and files would be in the way.
UNMEASURED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
DATA = b"\xff\xd8 an image as delivered"
RECORD = PictureRecord(
    key=KEY,
    digest=digest_of(DATA),
    extension="jpg",
    provider="leonardo",
    model="de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3",
    job_id="5a8c",
    cost_usd=0.0125,
    created_at=1_790_000_000.5,
    width_px=1536,
    height_px=864,
    seconds=14.2,
    page="blog/größe.md",
    request={"prompt": "a lighthouse in a storm, dawn", "options": {"alchemy": True}, "seed": None},
)


#: A picture's file with other bytes in it.
spoilt = pytest.mark.parametrize(
    "spoil",
    [lambda data: data[:-1], lambda data: data[:-1] + b"?", lambda data: data + b"?", lambda _: b""],
    ids=["truncated", "changed", "longer", "empty"],
)


@pytest.fixture
def pictures(tmp_path: Path) -> PictureFolder:
    """A folder with one sound pair."""
    folder = PictureFolder(tmp_path / "pictures")
    folder.save(RECORD, DATA)
    return folder


@pytest.fixture
def folder(pictures: PictureFolder) -> Path:
    """The folder's path."""
    return pictures.path(RECORD).parent


def rewrite(folder: Path, **changes: object) -> None:
    """Change fields of the record as another program would."""
    path = folder / f"{STEM}.json"
    values = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps(values), encoding="utf-8")


def test_pair_comes_back_as_it_was_saved(pictures: PictureFolder) -> None:
    """A pair reads back with every field and byte, and the folder contains nothing else."""
    found = pictures.get_unverified(KEY)

    assert found == RECORD
    assert pictures.read(RECORD) == DATA
    assert sorted(path.name for path in pictures.path(RECORD).parent.iterdir()) == [f"{STEM}.jpg", f"{STEM}.json"]


def test_record_is_for_people_to_read(folder: Path) -> None:
    """The JSON half has a line for each field, with letters as they are."""
    text = (folder / f"{STEM}.json").read_text(encoding="utf-8")

    assert '  "page": "blog/größe.md",\n' in text
    assert text.endswith("}\n")


def test_gallery_is_read_without_diskcache_or_network_library() -> None:
    """Reading a gallery imports neither diskcache nor a network library."""
    program = "import sys, mkdocs_leonardo.storage.pictures; print({'diskcache', 'sqlite3', 'httpx'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=UNMEASURED
    )

    assert done.stdout == "set()\n"


def test_key_that_is_not_there_is_none(tmp_path: Path, pictures: PictureFolder) -> None:
    """An absent key gives None, also without a folder or with a file in its place."""
    (tmp_path / "plain.txt").touch()

    assert pictures.get_unverified("0" * 64) is None
    assert PictureFolder(tmp_path / "none").get_unverified(KEY) is None
    assert PictureFolder(tmp_path / "plain.txt").get_unverified(KEY) is None
    assert list(PictureFolder(tmp_path / "none").read_records()) == []


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "5" * 63, "G" * 64, "5" * 64 + "\n"])
def test_key_that_is_no_digest_is_a_mistake_of_the_caller(pictures: PictureFolder, key: str) -> None:
    """A key that is not 64 hex digits raises."""
    with pytest.raises(ValueError, match="not a generation key"):
        pictures.get_unverified(key)
    with pytest.raises(ValueError, match="not a generation key"):
        pictures.remove(key)


def test_save_refuses_bytes_of_another_digest(pictures: PictureFolder) -> None:
    """A picture that does not match its record's digest is not stored."""
    with pytest.raises(ValueError, match="other bytes"):
        pictures.save(RECORD, b"other")


@pytest.mark.parametrize("extension", ["svg", "html", "", "jpg/../../x", "JPG"])
def test_extension_is_one_of_four(pictures: PictureFolder, folder: Path, extension: str) -> None:
    """A record with another extension than the four is broken."""
    with pytest.raises(ValueError, match="extension"):
        pictures.save(replace(RECORD, extension=extension), DATA)
    rewrite(folder, extension=extension)
    with pytest.raises(BrokenEntry, match="extension"):
        pictures.get_unverified(KEY)


def test_saving_again_changes_no_file(pictures: PictureFolder, folder: Path) -> None:
    """Saving the same pair again changes no file."""
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}

    pictures.save(RECORD, DATA)

    assert before == {path.name: path.stat().st_ino for path in folder.iterdir()}


def test_other_picture_of_the_same_key_replaces_the_pair(pictures: PictureFolder, folder: Path) -> None:
    """Saving another picture of a key replaces the pair, also in another format."""
    other = replace(RECORD, extension="webp", digest=digest_of(b"other"))

    pictures.save(other, b"other")

    assert pictures.get_unverified(KEY) == other
    assert pictures.read(other) == b"other"
    assert sorted(path.name for path in folder.iterdir()) == [f"{STEM}.json", f"{STEM}.webp"]


def test_number_or_request_that_cannot_be_kept_loses_no_picture(pictures: PictureFolder) -> None:
    """A number or request that is no JSON is left out, and the picture is stored."""
    odd = replace(RECORD, cost_usd=float("nan"), seconds=-1.0, page="\udcff.md", request={"prompt": "x" * 70_000})

    pictures.save(odd, DATA)

    assert pictures.get_unverified(KEY) == replace(odd, cost_usd=None, seconds=None, page="\ufffd.md", request={})


def test_field_of_a_later_version_is_passed_over(pictures: PictureFolder, folder: Path) -> None:
    """An unknown field of a record is ignored."""
    rewrite(folder, note="the one with the gulls")

    assert pictures.get_unverified(KEY) == RECORD


def test_record_with_the_least_fields_is_read(pictures: PictureFolder, folder: Path) -> None:
    """A record needs only the fields that name and check the picture."""
    path = folder / f"{STEM}.json"
    least = {name: getattr(RECORD, name) for name in ("key", "digest", "extension", "provider", "model")}
    path.write_text(json.dumps(least), encoding="utf-8")

    assert pictures.get_unverified(KEY) == PictureRecord(**least)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("key", "50d963aadec4b200" + "0" * 48),
        ("key", 5),
        ("digest", "0" * 63),
        ("digest", None),
        ("provider", ""),
        ("provider", "a\nb"),
        ("model", None),
        ("job_id", 5),
        ("cost_usd", -1),
        ("cost_usd", "free"),
        ("cost_usd", True),
        ("created_at", 1e300),
        ("width_px", 1.5),
        ("height_px", -1),
        ("height_px", 10**9),
        ("seconds", []),
        ("page", {}),
        ("request", "x"),
    ],
)
def test_field_of_a_wrong_kind_is_a_broken_entry(
    pictures: PictureFolder, folder: Path, name: str, value: object
) -> None:
    """A field of a wrong type is a broken entry whose message names the file."""
    rewrite(folder, **{name: value})

    with pytest.raises(BrokenEntry, match=rf"{STEM}\.json"):
        pictures.get_unverified(KEY)


@pytest.mark.parametrize(
    "text",
    [b"", b'{"key": "50d9', b"[]", b"null", b"\xff", b"[" * 50_000, b'{"cost_usd": NaN}', b" " * 70_000 + b"{}"],
    ids=["empty", "half", "list", "null", "bytes", "deep", "nan", "large"],
)
def test_record_that_is_not_whole_is_a_broken_entry(pictures: PictureFolder, folder: Path, text: bytes) -> None:
    """A truncated, foreign or oversized record is a broken entry, left out of the list."""
    (folder / f"{STEM}.json").write_bytes(text)

    with pytest.raises(BrokenEntry):
        pictures.get_unverified(KEY)
    assert list(pictures.read_records()) == []


def test_oversized_record_is_broken_though_it_is_sound_json(pictures: PictureFolder, folder: Path) -> None:
    """A record above 64 KiB is broken."""
    rewrite(folder, note="x" * 65_536)

    with pytest.raises(BrokenEntry, match="larger"):
        pictures.get_unverified(KEY)


def test_record_without_its_picture_is_broken(pictures: PictureFolder, folder: Path) -> None:
    """A record without its picture is broken, for the search and for reading."""
    (folder / f"{STEM}.jpg").unlink()

    with pytest.raises(BrokenEntry, match="missing"):
        pictures.get_unverified(KEY)
    with pytest.raises(BrokenEntry, match="missing"):
        pictures.read(RECORD)


def test_picture_without_its_record_is_a_miss(pictures: PictureFolder, folder: Path) -> None:
    """A picture without its record, as after a kill, is a miss, and the next save completes the pair."""
    (folder / f"{STEM}.json").unlink()

    assert pictures.get_unverified(KEY) is None
    pictures.save(RECORD, DATA)
    assert pictures.get_unverified(KEY) == RECORD


@spoilt
def test_changed_picture_is_a_broken_entry(
    pictures: PictureFolder, folder: Path, spoil: Callable[[bytes], bytes]
) -> None:
    """A picture with one changed byte is broken, and saving the pair again mends it."""
    (folder / f"{STEM}.jpg").write_bytes(spoil(DATA))

    with pytest.raises(BrokenEntry, match="digest"):
        pictures.read(RECORD)
    pictures.save(RECORD, DATA)
    assert pictures.read(RECORD) == DATA


def retouch(path: Path, data: bytes) -> None:
    """Write other bytes and keep the file's size and times."""
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def noting(folder: Path) -> PictureFolder:
    """The folder after its pair was verified and noted."""
    noting = PictureFolder(folder, InMemoryStore())
    assert noting.get_verified(KEY) == RECORD
    return noting


def test_sound_pair_is_found_with_every_field(pictures: PictureFolder, noting: PictureFolder, tmp_path: Path) -> None:
    """A sound pair is found with every field, from its files or from its note; an absent one gives None."""
    assert pictures.get_verified(KEY) == RECORD
    assert noting.get_verified(KEY) == RECORD
    assert noting.get_verified("0" * 64) is None
    assert PictureFolder(tmp_path / "none", InMemoryStore()).get_verified(KEY) is None


def test_pair_that_was_verified_is_not_read_again(pictures: PictureFolder, noting: PictureFolder, folder: Path) -> None:
    """A verified pair is not read again while sizes and times are the same; without notes it is read."""
    retouch(folder / f"{STEM}.jpg", b"?" * len(DATA))

    assert noting.get_verified(KEY) == RECORD
    with pytest.raises(BrokenEntry, match="digest"):
        pictures.get_verified(KEY)


@spoilt
def test_picture_that_changed_after_it_was_verified_is_reported(
    noting: PictureFolder, folder: Path, spoil: Callable[[bytes], bytes]
) -> None:
    """A picture that changed after its verification is broken, and the pair stored anew is sound."""
    (folder / f"{STEM}.jpg").write_bytes(spoil(DATA))
    os.utime(folder / f"{STEM}.jpg", ns=(1, 1))

    with pytest.raises(BrokenEntry, match="digest"):
        noting.get_verified(KEY)
    noting.save(RECORD, DATA)
    assert noting.get_verified(KEY) == RECORD


def test_record_that_changed_after_it_was_verified_is_read_again(noting: PictureFolder, folder: Path) -> None:
    """A record that changed after its verification is read again."""
    rewrite(folder, page="elsewhere.md")
    assert noting.get_verified(KEY) == replace(RECORD, page="elsewhere.md")

    rewrite(folder, digest="0" * 64)
    with pytest.raises(BrokenEntry, match="digest"):
        noting.get_verified(KEY)

    rewrite(folder, provider="")
    with pytest.raises(BrokenEntry, match="provider"):
        noting.get_verified(KEY)


@pytest.mark.parametrize("half", ["jpg", "json"])
def test_half_that_became_a_link_after_it_was_verified_is_reported(
    noting: PictureFolder, folder: Path, tmp_path: Path, half: str
) -> None:
    """A half that became a link after its verification is broken, even to the same bytes."""
    (folder / f"{STEM}.{half}").rename(tmp_path / "elsewhere")
    (folder / f"{STEM}.{half}").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(BrokenEntry):
        noting.get_verified(KEY)


def test_half_that_went_after_it_was_verified_is_missed(noting: PictureFolder, folder: Path) -> None:
    """A half that was deleted after its verification is missed."""
    (folder / f"{STEM}.jpg").unlink()
    with pytest.raises(BrokenEntry, match="missing"):
        noting.get_verified(KEY)

    (folder / f"{STEM}.json").unlink()
    assert noting.get_verified(KEY) is None


@pytest.mark.parametrize(
    "change",
    [
        {"record": None},
        {"record": []},
        {"record": {"provider": "x"}},
        {"provider": "<script>\n"},
        {"extension": "../../x"},
        {"key": "0" * 64},
        {"state": None},
        {"state": [1, 2, 3, 4]},
    ],
)
def test_crafted_note_counts_for_nothing(folder: Path, change: dict[str, object]) -> None:
    """A crafted note is ignored, and the files are read."""
    notes = InMemoryStore()
    noting = PictureFolder(folder, notes)
    noting.get_verified(KEY)
    ((name, note),) = notes.items("verified:")
    assert isinstance(note, dict)
    assert isinstance(note["record"], dict)
    name_of_change = next(iter(change))
    changed = {**note, **change} if name_of_change in note else {**note, "record": {**note["record"], **change}}
    notes.set(name, json.loads(json.dumps(changed)))

    assert noting.get_verified(KEY) == RECORD
    assert notes.items("verified:") == [(name, note)], "the pair was not verified again"


def test_oversized_picture_is_not_read(pictures: PictureFolder, folder: Path) -> None:
    """An oversized sparse file is refused without reading it."""
    os.truncate(folder / f"{STEM}.jpg", MAX_PICTURE_BYTES + 1)

    with pytest.raises(BrokenEntry, match="larger"):
        pictures.read(RECORD)


@pytest.mark.parametrize("half", ["jpg", "json"])
def test_half_that_is_a_link_is_a_broken_entry(
    pictures: PictureFolder, folder: Path, tmp_path: Path, half: str
) -> None:
    """A half that is a link is broken, even to the right bytes."""
    elsewhere = tmp_path / "elsewhere"
    (folder / f"{STEM}.{half}").rename(elsewhere)
    (folder / f"{STEM}.{half}").symlink_to(elsewhere)

    with pytest.raises(BrokenEntry):
        pictures.get_unverified(KEY)
    if half == "jpg":
        with pytest.raises(BrokenEntry, match="symbolic link"):
            pictures.read(RECORD)
    assert list(pictures.read_records()) == []


def test_saving_over_a_link_leaves_its_target_alone(pictures: PictureFolder, folder: Path, tmp_path: Path) -> None:
    """Saving over a link replaces the link and leaves its target."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    for half in ("jpg", "json"):
        (folder / f"{STEM}.{half}").unlink()
        (folder / f"{STEM}.{half}").symlink_to(elsewhere)

    pictures.save(RECORD, DATA)

    assert pictures.get_unverified(KEY) == RECORD
    assert elsewhere.read_bytes() == b"precious"


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_half_that_is_a_pipe_or_folder_does_not_block(pictures: PictureFolder, folder: Path) -> None:
    """A half that is a named pipe or a folder does not block."""
    for half in ("json", "jpg"):
        (folder / f"{STEM}.{half}").unlink()
        os.mkfifo(folder / f"{STEM}.{half}")
    with pytest.raises(BrokenEntry, match="plain file"):
        pictures.get_unverified(KEY)
    with pytest.raises(BrokenEntry, match="plain file"):
        pictures.read(RECORD)
    (folder / f"{STEM}.json").unlink()
    (folder / f"{STEM}.json").mkdir()
    with pytest.raises(BrokenEntry):
        pictures.get_unverified(KEY)


def test_records_are_the_sound_ones(pictures: PictureFolder, folder: Path) -> None:
    """The list has the sound records sorted by key, without broken pairs and foreign files."""
    others = [replace(RECORD, key=digest_of(bytes([number])), digest=digest_of(b"x")) for number in range(3)]
    for other in others:
        pictures.save(other, b"x")
    (folder / f"{'0' * 16}.json").write_text("{}", encoding="utf-8")
    (folder / f"{'1' * 16}.json").write_bytes((folder / f"{STEM}.json").read_bytes())
    (folder / "README.md").touch()
    (folder / "notes.json").touch()

    assert list(pictures.read_records()) == sorted([RECORD, *others], key=lambda record: record.key)


def test_folder_that_cannot_be_read_is_unavailable_and_no_miss(tmp_path: Path) -> None:
    """A folder that cannot be read raises StoreUnavailable instead of a miss."""
    (tmp_path / "pictures").symlink_to("pictures")
    with pytest.raises(BrokenEntry, match="cannot be opened"):
        PictureFolder(tmp_path / "pictures").get_unverified(KEY)


def test_removed_pair_is_gone_sound_or_broken(pictures: PictureFolder, folder: Path) -> None:
    """Removing deletes both halves in any state, and an absent pair without an error."""
    (folder / f"{STEM}.json").write_text("{", encoding="utf-8")

    pictures.remove(KEY)
    pictures.remove(KEY)
    PictureFolder(folder / "none").remove(KEY)

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["plain.txt", "plain.txt/below", "x" * 300])
def test_folder_that_cannot_be_is_unavailable(tmp_path: Path, name: str) -> None:
    """A file in the folder's place, or a name too long, raises StoreUnavailable."""
    (tmp_path / "plain.txt").touch()

    with pytest.raises(StoreUnavailable):
        PictureFolder(tmp_path / name).save(RECORD, DATA)


def test_save_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    """A save that fails at the second rename leaves no temporary file and no pair."""
    folder = tmp_path / "pictures"
    (folder / f"{STEM}.json" / "x").mkdir(parents=True)

    with pytest.raises(StoreUnavailable):
        PictureFolder(folder).save(RECORD, DATA)
    assert sorted(path.name for path in folder.iterdir()) == [f"{STEM}.jpg", f"{STEM}.json"]


FULL = """
import resource, sys
from pathlib import Path
from mkdocs_leonardo.errors import StoreUnavailable
from mkdocs_leonardo.spec import PictureRecord, digest_of
from mkdocs_leonardo.storage.pictures import PictureFolder
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
data = b"x" * 1_000_000
try:
    PictureFolder(Path(sys.argv[1])).save(PictureRecord("a" * 64, digest_of(data), "jpg", "p", "m"), data)
except StoreUnavailable:
    print("unavailable")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """A save on a full disk raises StoreUnavailable and leaves no byte."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "pictures")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=UNMEASURED,
    )

    assert (done.stdout, done.stderr) == ("unavailable\n", "")
    assert list((tmp_path / "pictures").iterdir()) == []


WRITE = """
import itertools, sys
from pathlib import Path
from mkdocs_leonardo.spec import PictureRecord, digest_of
from mkdocs_leonardo.storage.pictures import PictureFolder
pictures = PictureFolder(Path(sys.argv[1]))
for number in itertools.count():
    data = str(number).encode() * 200_000
    record = PictureRecord(digest_of(str(number).encode()), digest_of(data), "png", "p", "m")
    print(number, flush=True)
    pictures.save(record, data)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_writer_killed_at_any_moment_leaves_no_half_picture(tmp_path: Path) -> None:
    """After a killed writer, every found picture is whole, and at most the last save is missing."""
    pictures = PictureFolder(tmp_path / "pictures")
    for saves in range(1, 7):
        command = [sys.executable, "-c", WRITE, str(tmp_path / "pictures")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(saves):
                number = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
        keys = [digest_of(str(earlier).encode()) for earlier in range(number)]

        found = [pictures.get_unverified(key) for key in keys]

        assert None not in found
        assert all(pictures.read(record) for record in pictures.read_records())


def test_two_writers_of_one_key_leave_one_whole_pair(tmp_path: Path) -> None:
    """Two simultaneous writers of one key leave a matching pair."""
    pictures = PictureFolder(tmp_path / "pictures")
    kinds = [(replace(RECORD, digest=digest_of(data), job_id=data.decode()), data) for data in (b"a", b"b")]
    for _ in range(20):
        pictures.remove(KEY)
        gate = threading.Barrier(len(kinds))

        def write(record: PictureRecord, data: bytes, gate: threading.Barrier = gate) -> None:
            gate.wait()
            pictures.save(record, data)

        with ThreadPoolExecutor(len(kinds)) as pool:
            for done in [pool.submit(write, *kind) for kind in kinds]:
                done.result()
        found = pictures.get_unverified(KEY)

        assert found is not None
        assert pictures.read(found) == found.job_id.encode()


def test_plain_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    """A file at its limit is read, one byte more is refused, and an absent one raises FileNotFoundError."""
    path = tmp_path / "file"
    path.write_bytes(b"12345")

    assert read_plain_file(path, max_bytes=5) == b"12345"
    with pytest.raises(BrokenEntry, match="larger than 4 bytes"):
        read_plain_file(path, max_bytes=4)
    with pytest.raises(FileNotFoundError):
        read_plain_file(tmp_path / "none", max_bytes=5)
