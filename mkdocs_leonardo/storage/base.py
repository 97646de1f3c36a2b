"""The interfaces of picture stores, and a build's counts of them. All calls are synchronous and thread-safe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mkdocs_leonardo.spec import PictureRecord, Source


class PictureSource(Protocol):
    """A source of the bytes of stored pictures."""

    def read(self, record: PictureRecord) -> bytes:
        """Return the bytes as delivered; raises BrokenEntry if their digest differs."""
        ...


class PictureStore(PictureSource, Protocol):
    """Pairs of picture and record under a generation key."""

    def get_verified(self, key: str) -> PictureRecord | None:
        """Return the record of `key` with a verified picture; or None. BrokenEntry if the pair is damaged."""
        ...

    def get_record(self, key: str) -> PictureRecord | None:
        """Return the record of `key` without a check of its picture; None without a valid record."""
        ...

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Store the pair; StoreUnavailable if that fails."""
        ...


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture and the store that holds it; `store` is None for a picture that is still to be painted.

    `rank` is its provider's place in the chain; providers before it may have paid jobs to collect first.
    """

    record: PictureRecord
    store: PictureSource | None
    source: Source
    rank: int = 0


@dataclass(slots=True)
class StoreStats:
    """Counts of one build's use of a team's store. `refusals`: entries that failed verification."""

    hits: int = 0
    misses: int = 0
    writes: int = 0
    refusals: int = 0
    failures: int = 0
