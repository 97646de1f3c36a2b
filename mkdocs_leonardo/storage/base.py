"""What the pipeline asks of stores, so that it knows none of them. All calls are synchronous and thread-safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mkdocs_leonardo.spec import JsonValue, PictureRecord, Rendering, Source, Submission
from mkdocs_leonardo.storage.entries import Entry, Try

T = TypeVar("T")


class PictureSource(Protocol):
    """A place that holds the bytes of pictures."""

    def read(self, record: PictureRecord) -> bytes:
        """The bytes as delivered, their digest verified; BrokenEntry otherwise."""
        ...


class PictureStore(PictureSource, Protocol):
    """Pairs of picture and record under a generation key."""

    def sound(self, key: str) -> PictureRecord | None:
        """The record of `key`, whose picture is what was stored, else BrokenEntry; quick if it was found so before."""
        ...

    def remains(self, key: str) -> PictureRecord | None:
        """The record of `key`, also where its picture is gone or damaged; None if the record itself is."""
        ...

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Keep the pair for ever; StoreUnavailable if that cannot be done."""
        ...

    def records(self) -> Iterator[PictureRecord]:
        """Every sound record."""
        ...


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture and the place that holds it, None for one that is still to be painted.

    `rank` is its provider's place in the chain; providers before it may have paid jobs to collect first.
    """

    record: PictureRecord
    store: PictureSource | None
    source: Source
    rank: int = 0


class RenderingStore(Protocol):
    """Encoded variants, rebuildable."""

    def load(self, variant_key: str) -> Rendering | None:
        """The rendering with every file verified; BrokenEntry if one is not what was written."""
        ...

    def save(self, variant_key: str, rendering: Rendering) -> None:
        """Remember a rendering whose files are in place."""
        ...


class JobJournal(Protocol):
    """The memory of what was paid. Every method may raise StoreUnavailable."""

    def entry(self, key: str) -> Entry | None:
        """The open job of `key`."""
        ...

    def entries(self) -> Mapping[str, Entry]:
        """Every open job by key."""
        ...

    def intend(
        self,
        key: str,
        *,
        provider: str,
        model: str,
        page: str,
        request: Mapping[str, JsonValue],
        estimate_usd: float,
        lease: str = "",
        seed: Callable[[int], int | None] = ...,
    ) -> Entry:
        """On disk: a create call is about to be sent, the last of the entry's tries.

        ValueError if it must not be: paid already, or the lease lost.
        """
        ...

    def inherit(self, entry: Entry) -> None:
        """On disk: what another runner left open, unless there is something for its key already."""
        ...

    def doubt(self, key: str, number: int) -> None:
        """On disk: the call failed, and nothing says whether it made a job."""
        ...

    def ask(self, key: str, number: int, *, is_unknown: bool, is_vain: bool = True) -> Try | None:
        """On disk: the job was asked for and not had; the try as it is noted now."""
        ...

    def withdraw(self, key: str, number: int = 0) -> Entry | None:
        """Try `number` (0: every one) certainly led to no job. What is left."""
        ...

    def accept(self, key: str, submission: Submission, number: int = 0) -> Entry:
        """On disk: the service accepted try `number` (0: the last one), under this job id."""
        ...

    def close(self, key: str, job_id: str | None = None) -> Entry | None:
        """Nothing is left to collect of that job, or, without one, of `key`. What is left."""
        ...

    def give_up(self, key: str, number: int) -> Entry | None:
        """Try `number` is asked for no more. What is left."""
        ...

    def known_jobs(self, provider: str) -> frozenset[str]:
        """Job ids that belong to some entry, open or closed within a day."""
        ...

    def claim(self, key: str) -> bool:
        """True if this process is now the only one that works on `key`."""
        ...

    def still_mine(self, key: str) -> bool:
        """Whether the claim has not passed to another process."""
        ...

    def release(self, key: str) -> None:
        """Let others claim `key`."""
        ...

    def beat(self) -> frozenset[str]:
        """Tell others that this process lives; the claims that it still has."""
        ...

    def refuse(
        self,
        key: str,
        reason: str,
        *,
        is_empty: bool = False,
        page: str = "",
        provider: str = "",
        job_id: str = "",
    ) -> None:
        """Remember a refused prompt, or one whose job ended without a picture, so that it is not sent again."""
        ...

    def emptiness(self, key: str) -> str | None:
        """How the job of `key` ended without a picture, if it did."""
        ...

    def refusal(self, key: str) -> str | None:
        """Why `key` was refused, if it was."""
        ...

    def accept_hero(self, page: str, key: str) -> None:
        """Remember the picture that `page` shows now."""
        ...

    def last_heroes(self) -> dict[str, str]:
        """The key of the picture that each page showed last."""
        ...

    def last_hero(self, page: str) -> str | None:
        """The key of the picture that `page` showed last."""
        ...


class RestList(Protocol):
    """Providers that asked to be left alone for a while, for every process on the cache."""

    def rest(self, provider: str, until: float) -> None:
        """Leave `provider` alone until that Unix time."""
        ...

    def resting_until(self, provider: str) -> float:
        """Unix time; in the past if the provider may be asked."""
        ...
