"""The pictures of a team's store: written once, and verified when read."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream
from images import plain
from services.pictures import pixel_bomb
from stores import BUCKET, KINDS, TeamStore, in_loop, running

from mkdocs_leonardo.errors import StorageError
from mkdocs_leonardo.files import MAX_PICTURE_BYTES
from mkdocs_leonardo.spec import PictureRecord, digest_of
from mkdocs_leonardo.storage.base import StoredPicture, StoreStats
from mkdocs_leonardo.storage.fallbacks import InMemoryPictures
from mkdocs_leonardo.storage.pictures import MAX_RECORD_BYTES
from mkdocs_leonardo.team.address import StoreAddress
from mkdocs_leonardo.team.object_store import MOST_FAILURES, ObjectStore
from mkdocs_leonardo.team.pictures import (
    LOOKUPS,
    MOST_SLOW_S,
    StoreRights,
    TeamPictures,
)
from mkdocs_leonardo.team.records import sign_record

KEY = "50d963aadec4b20025d9c06c1f60e995ccbb8823a2e54e74f6c0c1fed6fedc02"
OTHER_KEY = "60d963aadec4b20025d9c06c1f60e995ccbb8823a2e54e74f6c0c1fed6fedc02"
WANTED = ((KEY, "leonardo"),)
RECORD_NAME = f"pictures/{KEY}.json"


def picture(colour: str = "navy", size: tuple[int, int] = (64, 36)) -> bytes:
    """A small JPEG."""
    return plain(colour, size)


def record_of(data: bytes, key: str = KEY) -> PictureRecord:
    """The record of a small picture."""
    return PictureRecord(
        key=key,
        digest=digest_of(data),
        extension="jpg",
        provider="leonardo",
        model="de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3",
        job_id="5a8c",
        cost_usd=0.0125,
        created_at=1_790_000_000.5,
        width_px=64,
        height_px=36,
        seconds=14.2,
        page="blog/größe.md",
        request={"prompt": "a lighthouse in a storm, dawn", "seed": None},
    )


DATA = picture()
RECORD = record_of(DATA)
PICTURE_NAME = f"pictures/{KEY}-{RECORD.digest[:16]}.jpg"


def in_memory(record: PictureRecord, data: bytes) -> InMemoryPictures:
    """The pair in the memory of this machine."""
    memory = InMemoryPictures()
    memory.save(record, data)
    return memory


@dataclass
class Runner:
    """One machine. Each of its calls is a build of its own."""

    url: str
    secret: str = ""
    is_writer: bool = True
    told: list[tuple[int, str]] = field(default_factory=list)
    #: Why it is not known whether a picture is there, in words.
    doubts: list[str] = field(default_factory=list)
    stats: StoreStats = field(default_factory=StoreStats)
    #: What passes by its clock from one look at it to the next, besides what passes.
    answers_after_s: float = 0.0
    _ahead_s: float = 0.0

    def pictures(self) -> TeamPictures:
        """The team's pictures for one event loop."""
        environ = {"MKDOCS_LEONARDO_STORE_SECRET": self.secret, "MKDOCS_LEONARDO_STORE_WRITE": str(int(self.is_writer))}

        def tell(level: int, text: str) -> None:
            self.told.append((level, text))

        return TeamPictures(
            ObjectStore(StoreAddress.parse(self.url), environ, notify=tell),
            StoreRights.of(environ),
            monotonic=self._monotonic,
        )

    def _monotonic(self) -> float:
        self._ahead_s += self.answers_after_s
        return time.monotonic() + self._ahead_s

    def fetch(self, key: str = KEY, times: int = 1) -> bytes | None:
        """The picture that this machine would show."""

        async def act() -> bytes | None:
            pictures = self.pictures()
            for _ in range(times):
                data = await self.look(pictures, key)
            self.stats = pictures.stats
            return data

        return in_loop(act)

    async def look(self, pictures: TeamPictures, key: str = KEY) -> bytes | None:
        """Look into the store once."""
        try:
            fetched = await pictures.download_first(((key, "leonardo"),), in_memory)
        except StorageError as error:
            self.doubts.append(str(error))
            return None
        return fetched.store.read(fetched.record) if fetched and fetched.store else None

    def share(self, data: bytes = DATA, key: str = KEY) -> bool:
        """Share the picture; return whether the team shows it from now on."""

        async def act() -> bool:
            pictures = self.pictures()
            is_shared = await pictures.share(record_of(data, key), data)
            self.stats = pictures.stats
            return is_shared

        return in_loop(act)

    @property
    def warnings(self) -> list[str]:
        """The warnings that count for `--strict`."""
        return [text for level, text in self.told if level >= logging.WARNING]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TeamStore]:
    """A folder, the quickest store, since the checks do not depend on the service."""
    with running("folder", tmp_path / "store") as started:
        yield started


def rewrite(store: TeamStore, **changes: object) -> None:
    """Change fields of the record as a writer of the store can."""
    values = {**json.loads(store.read(RECORD_NAME)), **changes}
    store.write(RECORD_NAME, json.dumps(values).encode())


# Written once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_picture_that_one_machine_shares_is_found_by_another(kind: str, tmp_path: Path) -> None:
    """A shared picture is plain bytes with a JSON record under its key, and another machine finds it."""
    with running(kind, tmp_path / "store") as store:  # type: ignore[arg-type]  # pytest's parameters are text
        writer, reader = Runner(store.url), Runner(store.url, is_writer=False)

        assert reader.fetch() is None
        assert reader.stats == StoreStats(misses=1)
        assert writer.share()
        assert writer.stats == StoreStats(writes=1)
        assert reader.fetch() == DATA
        assert reader.stats == StoreStats(hits=1)
        assert store.names() == [PICTURE_NAME, RECORD_NAME]
        assert store.read(PICTURE_NAME) == DATA
        assert json.loads(store.read(RECORD_NAME))["digest"] == RECORD.digest
        assert writer.told + reader.told == []


@pytest.mark.parametrize("kind", KINDS)
def test_first_picture_for_a_key_wins(kind: str, tmp_path: Path) -> None:
    """The second picture for a key is not stored, and its machine gets the first one."""
    with running(kind, tmp_path / "store") as store:  # type: ignore[arg-type]  # pytest's parameters are text
        first, second = Runner(store.url), Runner(store.url)
        other = picture("maroon")

        assert first.share()
        assert not second.share(other)
        assert second.fetch() == DATA
        assert second.stats.writes == 0


def test_fallback_of_another_provider_is_found_after_the_first_choice(store: TeamStore) -> None:
    """Keys are searched in the chain's order, and a page counts as one hit or miss."""
    Runner(store.url).share(key=OTHER_KEY)

    async def act() -> StoredPicture | None:
        pictures = Runner(store.url).pictures()
        fetched = await pictures.download_first(((KEY, "openai"), (OTHER_KEY, "leonardo")), in_memory)
        assert pictures.stats == StoreStats(hits=1)
        return fetched

    found = in_loop(act)
    assert found is not None
    assert found.store is not None
    assert (found.rank, found.store.read(found.record)) == (1, DATA)


def test_writer_that_died_between_picture_and_record_leaves_nothing_to_find(store: TeamStore) -> None:
    """A picture without its record is not found, and does not hinder the next writer."""
    other = picture("maroon")
    store.write(f"pictures/{KEY}-{digest_of(other)[:16]}.jpg", other)

    runner = Runner(store.url)
    assert runner.fetch() is None
    assert runner.share()
    assert runner.fetch() == DATA


def test_machine_without_the_right_writes_nothing(store: TeamStore) -> None:
    """A machine without the permission to write writes nothing."""
    runner = Runner(store.url, is_writer=False)

    assert not runner.share()
    assert store.names() == []
    assert runner.told == []


# Forged pictures ----------------------------------------------------------------------------------


def _bomb(store: TeamStore) -> None:
    data = pixel_bomb(20_000)
    store.write(f"pictures/{KEY}-{digest_of(data)[:16]}.png", data)
    rewrite(store, digest=digest_of(data), extension="png", width_px=20_000, height_px=20_000)


def _text(store: TeamStore) -> None:
    data = b"<script>alert(1)</script>"
    store.write(f"pictures/{KEY}-{digest_of(data)[:16]}.jpg", data)
    rewrite(store, digest=digest_of(data))


def _huge(store: TeamStore) -> None:
    assert store.folder is not None
    with (store.folder / PICTURE_NAME).open("r+b") as file:
        file.truncate(MAX_PICTURE_BYTES + 1)


def _of_another_key(store: TeamStore) -> None:
    Runner(store.url).share(picture("maroon"), OTHER_KEY)
    store.write(RECORD_NAME, store.read(f"pictures/{OTHER_KEY}.json"))


DAMAGE: Mapping[str, tuple[Callable[[TeamStore], None], str]] = {
    "record cut off": (lambda s: s.write(RECORD_NAME, s.read(RECORD_NAME)[:100]), "is not complete JSON"),
    "record of another form": (lambda s: s.write(RECORD_NAME, b"[]"), "is not the record of an image"),
    "record too large": (lambda s: s.write(RECORD_NAME, b" " * (MAX_RECORD_BYTES + 300)), "is larger than"),
    "record of another key": (_of_another_key, "belongs to another key"),
    "record of another provider": (lambda s: rewrite(s, provider="own"), "is not of leonardo"),
    "record with a path": (lambda s: rewrite(s, extension="../../x"), "extension is not what was stored"),
    "record with a wrong size": (lambda s: rewrite(s, width_px=1536), "its size or format differs"),
    "record with a wrong format": (lambda s: rewrite(s, extension="png"), "is missing, though its record is there"),
    "image cut off": (lambda s: s.write(PICTURE_NAME, DATA[:-20]), "its digest differs"),
    "image replaced": (lambda s: s.write(PICTURE_NAME, picture("maroon")), "its digest differs"),
    "image gone": (lambda s: s.call(lambda o: o.delete(PICTURE_NAME)), "is missing, though its record is there"),
    "image too large": (_huge, "is larger than"),
    "image of too many pixels": (_bomb, "pixels"),
    "no image at all": (_text, "is not a JPEG"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_entry_that_is_not_what_was_stored_is_no_miss_and_mended(store: TeamStore, damage: str) -> None:
    """A damaged entry is neither shown nor a miss, and a machine with the picture replaces it."""
    Runner(store.url).share()
    spoil, reason = DAMAGE[damage]
    spoil(store)

    reader = Runner(store.url, is_writer=False)
    assert reader.fetch(times=2) is None
    assert reader.stats == StoreStats(refusals=1)
    assert reader.warnings == []
    assert [reason in text for _, text in reader.told] == [True]
    assert [reason in text for text in reader.doubts] == [True, True]

    assert Runner(store.url).share()
    assert reader.fetch() == DATA


SIGNATURES: Mapping[str, tuple[Callable[[TeamStore], None], str]] = {
    "none": (lambda s: s.write(RECORD_NAME, sign_record(RECORD, None)), "is not signed"),
    "of another secret": (
        lambda s: s.write(RECORD_NAME, sign_record(RECORD, b"guess")),
        "is signed with another secret",
    ),
    "of other fields": (lambda s: rewrite(s, model="dall-e-2"), "is signed with another secret, or was changed"),
    "and a field more": (lambda s: rewrite(s, licence="mine"), "is signed with another secret, or was changed"),
    "no text": (lambda s: rewrite(s, signature=[1]), "is not signed"),
    "and half a letter": (lambda s: rewrite(s, licence="\ud800"), "has a signature that cannot be checked"),
}


@pytest.mark.parametrize("forgery", SIGNATURES)
def test_record_without_the_teams_signature_is_not_believed(store: TeamStore, forgery: str) -> None:
    """A record without the team's signature is not shown."""
    Runner(store.url, "the team's secret").share()
    forge, reason = SIGNATURES[forgery]
    forge(store)

    reader = Runner(store.url, "the team's secret", is_writer=False)
    assert reader.fetch() is None
    assert reader.stats == StoreStats(refusals=1)
    assert [reason in text for _, text in reader.told] == [True]
    assert [reason in text for text in reader.doubts] == [True]

    assert Runner(store.url, "the team's secret").share()
    assert reader.fetch() == DATA


def test_foreign_picture_with_a_forged_record_is_not_shown(store: TeamStore) -> None:
    """A sound pair with a forged signature is not shown."""
    foreign = picture("maroon")
    store.write(f"pictures/{KEY}-{digest_of(foreign)[:16]}.jpg", foreign)
    store.write(RECORD_NAME, sign_record(record_of(foreign), b"guess"))

    assert Runner(store.url, "the team's secret").fetch() is None
    assert Runner(store.url).fetch() == foreign


def test_signed_record_under_another_key_is_not_believed(store: TeamStore) -> None:
    """A signed record under another key is not shown."""
    writer = Runner(store.url, "the team's secret")
    writer.share(picture("maroon"), OTHER_KEY)
    moved = {**json.loads(store.read(f"pictures/{OTHER_KEY}.json")), "key": KEY}
    store.write(RECORD_NAME, json.dumps(moved).encode())

    assert writer.fetch() is None
    assert writer.stats.refusals == 1


def test_signed_record_is_found_with_and_without_the_secret(store: TeamStore) -> None:
    """A machine without the secret finds signed records."""
    Runner(store.url, "the team's secret").share()

    assert Runner(store.url, "the team's secret").fetch() == DATA
    assert Runner(store.url).fetch() == DATA


def test_secret_is_in_no_text(store: TeamStore) -> None:
    """Neither an object nor a message contains the secret."""
    runner = Runner(store.url, "open sesame")
    runner.share()
    rewrite(store, model="x")
    runner.fetch()

    assert "sesame" not in repr(StoreRights.of({"MKDOCS_LEONARDO_STORE_SECRET": "open sesame"}))
    assert "sesame" not in str(runner.told)
    assert b"sesame" not in store.read(RECORD_NAME)


# Failing stores ------------------------------------------------------------------------------------


def test_store_that_forbids_everything_is_one_warning_and_left_alone(tmp_path: Path) -> None:
    """A store that forbids everything is one warning and gets no requests after a few failures."""
    with running("apache", tmp_path / "store") as store:
        runner = Runner(store.url.replace("/team", "/closed"))
        assert runner.fetch(times=MOST_FAILURES + 5) is None

    assert runner.stats == StoreStats(failures=MOST_FAILURES)
    assert len(runner.warnings) == 1
    assert "cannot be read (403" in runner.warnings[0]


def look_for(runner: Runner, keys: Iterable[str]) -> int:
    """The number of pictures that one build finds."""

    async def act() -> int:
        pictures = runner.pictures()
        found = [await runner.look(pictures, key) for key in keys]
        runner.stats = pictures.stats
        return sum(picture is not None for picture in found)

    return in_loop(act)


def test_store_that_answers_slowly_is_left_alone_when_it_has_nothing(tmp_path: Path) -> None:
    """A slow store without the pictures is left alone after about a minute."""
    with running("folder", tmp_path / "store") as store:
        runner = Runner(store.url, answers_after_s=8.0)
        most = round(MOST_SLOW_S * LOOKUPS / 8.0)

        assert look_for(runner, (f"{number:064x}" for number in range(2 * most))) == 0

    assert runner.stats.misses in {most, most + 1}
    assert len(runner.warnings) == 1
    assert "answers so slowly (at last after 8 s)" in runner.warnings[0]


def test_store_that_answers_slowly_is_asked_while_it_has_pictures(tmp_path: Path) -> None:
    """A slow store is asked for as long as it has pictures."""
    keys = [f"{number:064x}" for number in range(40)]
    missing = [f"{number:064x}" for number in range(1000, 1100)]
    with running("folder", tmp_path / "store") as store:
        for key in keys:
            Runner(store.url).share(picture("maroon"), key)
        slow = Runner(store.url, answers_after_s=50.0)
        assert look_for(slow, [*keys, *missing[:40]]) == len(keys)
        assert slow.warnings == []
        assert look_for(slow, [*keys, *missing]) == len(keys)
        assert len(slow.warnings) == 1
        far = Runner(store.url, answers_after_s=0.9)
        assert look_for(far, (f"{number:064x}" for number in range(1000, 4000))) == 0
        assert far.warnings == []


def test_writers_with_two_secrets_are_reported_what_it_costs(store: TeamStore) -> None:
    """A record with another secret's signature is a warning that states the cost of two secrets."""
    Runner(store.url, "one secret").share()
    other = Runner(store.url, "another secret")
    assert other.fetch() is None
    assert other.warnings == []

    other.share()

    assert len(other.warnings) == 1
    assert "signed with another MKDOCS_LEONARDO_STORE_SECRET" in other.warnings[0]
    assert "give every machine the same secret" in other.warnings[0]
    assert "another secret" not in other.warnings[0]
    assert other.fetch() == DATA


def test_record_without_a_signature_is_replaced_without_a_warning(store: TeamStore) -> None:
    """An unsigned record is replaced by a signed one without a warning."""
    Runner(store.url).share()
    signer = Runner(store.url, "the team's secret")
    assert signer.share()
    assert signer.warnings == []


@pytest.mark.parametrize(("path", "reason"), [("reader", "403"), ("full", "507: it is full")])
def test_store_that_takes_nothing_is_read_all_the_same(path: str, reason: str, tmp_path: Path) -> None:
    """A store that refuses writes is one warning, and its pictures are found."""
    with running("apache", tmp_path / "store") as store:
        Runner(store.url).share()
        runner = Runner(store.url.replace("/team", f"/{path}"))

        async def act() -> bytes | None:
            pictures = runner.pictures()
            for number in range(MOST_FAILURES + 2):
                other = picture("maroon")
                key = f"{number:x}{OTHER_KEY[1:]}"
                assert not await pictures.share(record_of(other, key), other)
            data = await runner.look(pictures)
            assert pictures.stats == StoreStats(hits=1, failures=MOST_FAILURES)
            return data

        assert in_loop(act) == DATA
        assert store.names() == [PICTURE_NAME, RECORD_NAME]
    assert len(runner.warnings) == 1
    assert f"cannot be written ({reason}" in runner.warnings[0]


def test_many_pages_are_looked_up_side_by_side() -> None:
    """Many pages are searched for side by side: the store answers only as many simultaneous requests."""

    async def act() -> None:
        waiting: list[anyio.Event] = []

        async def answer(stream: SocketStream) -> None:
            async with stream:
                try:
                    while await stream.receive():
                        waiting.append(anyio.Event())
                        if len(waiting) % LOOKUPS == 0:
                            for event in waiting:
                                event.set()
                        await waiting[-1].wait()
                        await stream.send(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return

        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no Django here
        pictures = Runner(f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}").pictures()
        async with anyio.create_task_group() as serving:
            serving.start_soon(listener.serve, answer)
            async with anyio.create_task_group() as asking:
                for number in range(2 * LOOKUPS):
                    wanted = ((f"{number:064x}", "leonardo"),)
                    asking.start_soon(pictures.download_first, wanted, in_memory)
            serving.cancel_scope.cancel()
        assert pictures.stats == StoreStats(misses=2 * LOOKUPS)

    in_loop(act)


def test_record_is_read_as_it_was_written(store: TeamStore) -> None:
    """Every field of a record is read back, signed or not."""
    writer = Runner(store.url, "the team's secret")
    writer.share()

    async def act() -> PictureRecord:
        fetched = await writer.pictures().download_first(WANTED, in_memory)
        assert fetched is not None
        return fetched.record

    assert in_loop(act) == replace(RECORD)
