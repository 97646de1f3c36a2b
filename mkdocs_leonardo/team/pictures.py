"""A team's pictures in an object store: the same pairs as in the cache, under the whole generation key.

``pictures/<key>.json`` is the record, ``pictures/<key>-<digest>.<ext>`` the bytes as delivered. The picture is
written first, and its name holds its digest, so that no record describes another writer's picture. The first record for
a key stays. Everything read is verified: digest, decoding and size, and with a secret the signature as well. An entry
that cannot be read is not missing: another machine may have paid for it.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from anyio import CapacityLimiter

from mkdocs_leonardo.concurrency import to_thread
from mkdocs_leonardo.errors import BrokenEntry, PictureError, StorageError, StoreUnavailable
from mkdocs_leonardo.files import MAX_PICTURE_BYTES
from mkdocs_leonardo.spec import ImageInfo, PictureRecord, Source, short_key
from mkdocs_leonardo.storage.base import PictureSource, StoredPicture, StoreStats
from mkdocs_leonardo.storage.pictures import MAX_RECORD_BYTES, check_digest, parse_record
from mkdocs_leonardo.team.client import LONG_CALL_S
from mkdocs_leonardo.team.leases import LEASES_FOLDER
from mkdocs_leonardo.team.object_store import ObjectStore
from mkdocs_leonardo.team.records import SignedOtherwise, check_signature, sign_record

T = TypeVar("T")
#: The grade of a result of `examine`, and of `doctor`; `bad` needs a fix.
Grade: TypeAlias = Literal["ok", "note", "bad"]
#: One result of `examine`: its grade and its text.
StoreDiagnosis: TypeAlias = tuple[Grade, str]

#: The variable that allows this machine to write to the store, if it is 1.
WRITE_VARIABLE = "MKDOCS_LEONARDO_STORE_WRITE"
#: The variable with the secret that signs records; a record with another signature is refused.
SECRET_VARIABLE = "MKDOCS_LEONARDO_STORE_SECRET"  # noqa: S105 - a name, not a secret
#: Records that are read at once: 1,000 pages take 3 s if an answer takes 20 ms, and 15 s if it takes 200 ms.
LOOKUPS = 32
#: Pictures that are downloaded at once: each is held in memory until it is on the disk.
DOWNLOADS = 16
#: A look-up that takes longer is a slow one (seconds): stores are 20 to 200 ms away.
SLOW_S = 1.0
#: The longest time for slow look-ups in a build that finds no picture (seconds, with `LOOKUPS` at once).
MOST_SLOW_S = 60.0
#: The addition to that time for each picture that was found (seconds).
WORTH_S = 2.0

_FOLDER = "pictures"
_SIGNATURE_BYTES = 256


@dataclass(frozen=True, slots=True)
class StoreRights:
    """Whether this machine may write, and the key that records are signed with; None without signatures."""

    is_writer: bool = False
    secret: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> StoreRights:
        """Return the rights that environment variables give."""
        secret = environ.get(SECRET_VARIABLE, "").strip().encode()
        return cls(environ.get(WRITE_VARIABLE, "").strip() == "1", secret or None)


class TeamPictures:
    """A team's pictures, for one build. All calls belong to one event loop."""

    def __init__(
        self,
        store: ObjectStore,
        rights: StoreRights,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._rights = rights
        self._monotonic = monotonic
        self._slow_s = 0.0
        self._is_too_slow = False
        self._has_warned_of_secrets = False
        self._hits: set[str] = set()
        self._misses: set[str] = set()
        self._rejected: set[str] = set()
        self._writes = 0
        self._lookups, self._downloads = CapacityLimiter(LOOKUPS), CapacityLimiter(DOWNLOADS)

    @property
    def stats(self) -> StoreStats:
        """The counts so far."""
        misses = len(self._misses - self._hits)
        return StoreStats(len(self._hits), misses, self._writes, len(self._rejected), self._store.failures)

    async def download_first(
        self, keys: Sequence[tuple[str, str]], save: Callable[[PictureRecord, bytes], PictureSource]
    ) -> StoredPicture | None:
        """Download the first of `keys` (pairs of key and provider), and `save` it on this machine.

        Returns None if the store certainly has no such picture. Raises StorageError if a picture may be there.
        """
        doubt: StorageError | None = None
        for rank, (key, provider) in enumerate(keys):
            async with self._lookups:
                record = await self._try_call(key, self._get_record(key, provider))
            if isinstance(record, PictureRecord):
                async with self._downloads:
                    data = await self._try_call(key, self._get_picture(record))
                    if isinstance(data, bytes):
                        self._hits.add(keys[0][0])
                        store = await to_thread(save, record, data)
                        return StoredPicture(record, store, Source.CACHED, rank)
                doubt = doubt or data
            else:
                doubt = doubt or record
        if doubt is not None:
            raise doubt
        self._misses.update(key for key, _ in keys[:1])
        return None

    async def _try_call(self, key: str, call: Awaitable[T]) -> T | StorageError:
        """Await a call; returns the call's result, or the error, which is logged."""
        try:
            return await call
        except StoreUnavailable as error:
            self._store.warn(error)
            return error
        except BrokenEntry as error:
            self._reject(key, error)
            return error

    async def share(self, record: PictureRecord, data: bytes) -> bool:
        """Upload the picture unless the store has another one for this key; returns whether this picture is there."""
        return self._rights.is_writer and await self._try_call(record.key, self._share(record, data)) is True

    async def aclose(self) -> None:
        """Close the store, after the last call of the build and of all leases on it."""
        await self._store.aclose()

    async def examine(self) -> list[StoreDiagnosis]:
        """Try what this machine can do with the store. With the right to write, create and delete a small object."""
        address = str(self._store.address)
        # The object is in the leases' folder, where a writer needs all rights.
        name = f"{LEASES_FOLDER}/doctor-{secrets.token_hex(16)}"
        try:
            if await self._store.get(name) is not None:
                return [("bad", f"{address}: the server there is no object store"), self._examine_secret()]
        except StoreUnavailable as error:
            return [("bad", str(error)), self._examine_secret()]
        findings: list[StoreDiagnosis] = [("ok", f"{address} is there and can be read")]
        if not self._rights.is_writer:
            findings.append(("note", f"nothing is added to it from here ({WRITE_VARIABLE} is not 1)"))
        else:
            findings += await self._try_writing(address, name)
        return [*findings, self._examine_secret()]

    async def _try_writing(self, address: str, name: str) -> list[StoreDiagnosis]:
        try:
            await self._store.create(name, name.encode())
        except StoreUnavailable as error:
            return [("bad", f"{error}, though {WRITE_VARIABLE} is 1")]
        findings: list[StoreDiagnosis] = [("ok", "new images are added to it, and the first one for a key stays")]
        if self._store.honours_preconditions is False:
            instead = "machines look twice instead, and of two that write at the same moment the last one stays"
            findings = [("note", f"new images are added to it, but it ignores If-None-Match: {instead}")]
        try:
            await self._store.replace(name, name.encode())
            is_listed = name in await self._store.list(LEASES_FOLDER)
            reason = "" if is_listed else f"{address}: its listing leaves out what is there"
        except StoreUnavailable as error:
            reason = str(error)
        if reason:
            findings.append(("bad", f"{reason}: machines that build at the same moment cannot see each other's work"))
        try:
            await self._store.delete(name)
        except StoreUnavailable as error:
            findings.append(("note", f"{error}: {name} stays there, which does no harm"))
        return findings

    def _examine_secret(self) -> StoreDiagnosis:
        if self._rights.secret is not None:
            return ("ok", f"{SECRET_VARIABLE} is set: only signed images are believed")
        return ("note", f"{SECRET_VARIABLE} is not set: anyone who can write to the store decides what pages show")

    async def _share(self, record: PictureRecord, data: bytes) -> bool:
        picture = _name_picture(record)
        async with self._downloads:
            # The name holds the digest, so that an object with other bytes is damaged.
            if not await self._store.create(picture, data, timeout_s=LONG_CALL_S):
                await self._store.replace(picture, data, timeout_s=LONG_CALL_S)
        text = sign_record(record, self._rights.secret)
        if not await self._store.create(_name_record(record.key), text):
            try:
                stored_record = await self._get_record(record.key, record.provider)
                if stored_record is not None and await self._get_picture(stored_record):
                    return stored_record.digest == record.digest
            except BrokenEntry as error:
                self._reject(record.key, error)
                if isinstance(error, SignedOtherwise):
                    self._warn_of_secrets()
            # The entry in the store fails verification on every machine.
            await self._store.replace(_name_record(record.key), text)
        self._writes += 1
        return True

    async def _get_record(self, key: str, provider: str) -> PictureRecord | None:
        """Download the record of `key`, and verify the record without its picture; None without a record."""
        name = _name_record(key)
        location = f"{self._store.address}/{name}"
        if self._is_too_slow:
            raise StoreUnavailable(f"{self._store.address}: is not asked again in this build, as it answers too slowly")
        begun_at = self._monotonic()
        data = await self._store.get(name, max_bytes=MAX_RECORD_BYTES + _SIGNATURE_BYTES)
        self._check_speed(self._monotonic() - begun_at)
        if data is None:
            return None
        record = parse_record(location, data, key)
        if record.provider != provider:
            raise BrokenEntry(f"{location}: is not of {provider}")
        check_signature(location, data, self._rights.secret)
        return record

    def _check_speed(self, took_s: float) -> None:
        """Stop all look-ups once slow responses have cost more time than they saved."""
        if took_s > SLOW_S:
            self._slow_s += took_s / LOOKUPS
        if not self._is_too_slow and self._slow_s > MOST_SLOW_S + WORTH_S * len(self._hits):
            self._is_too_slow = True
            slow = f"answers so slowly (at last after {took_s:.0f} s) that it is not asked again in this build"
            self._store.warn(StoreUnavailable(f"{self._store.address}: {slow}"))

    async def _get_picture(self, record: PictureRecord) -> bytes:
        """Download and verify the picture of `record`."""
        name = _name_picture(record)
        location = f"{self._store.address}/{name}"
        data = await self._store.get(name, max_bytes=MAX_PICTURE_BYTES, timeout_s=LONG_CALL_S)
        if data is None:
            raise BrokenEntry(f"{location}: is missing, though its record is there")
        await to_thread(check_digest, location, data, record)
        try:
            decoded = await to_thread(_inspect, data)
        except PictureError as error:
            raise BrokenEntry(f"{location}: {error}") from error
        facts = (decoded.extension, decoded.width_px, decoded.height_px)
        if facts != (record.extension, record.width_px, record.height_px):
            raise BrokenEntry(f"{location}: its size or format differs from its record")
        return data

    def _reject(self, key: str, error: BrokenEntry) -> None:
        """Count an entry that failed verification."""
        if not self._rejected:
            self._store.notify(logging.INFO, f"shared_store {error}; it is not shown")
        self._rejected.add(key)

    def _warn_of_secrets(self) -> None:
        """Warn once that another machine signs with another secret: the two would buy each other's pictures again."""
        if not self._has_warned_of_secrets:
            self._has_warned_of_secrets = True
            self._store.notify(
                logging.WARNING,
                f"shared_store {self._store.address}: an image there is signed with another {SECRET_VARIABLE} than "
                "this machine's, so it was made again and replaced; give every machine the same secret, or each pays "
                "for images that another machine has made",
            )


def _name_record(key: str) -> str:
    return f"{_FOLDER}/{key}.json"


def _inspect(data: bytes) -> ImageInfo:
    """Decode a picture. Pillow is imported here, in the thread that decodes."""
    from mkdocs_leonardo.imaging.normalise import inspect

    return inspect(data)


def _name_picture(record: PictureRecord) -> str:
    return f"{_FOLDER}/{record.key}-{short_key(record.digest)}.{record.extension}"
