"""The interfaces of stores of pictures, and what builds say of them. All calls are synchronous and thread-safe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mkdocs_leonardo.spec import PictureRecord, Source


class PictureSource(Protocol):
    """Reads the bytes of stored pictures."""

    def read(self, record: PictureRecord) -> bytes:
        """The bytes as delivered, their digest verified; BrokenEntry otherwise."""
        ...


class PictureStore(PictureSource, Protocol):
    """Pairs of picture and record under a generation key."""

    def get_verified(self, key: str) -> PictureRecord | None:
        """The record of `key`, whose picture is what was stored, else BrokenEntry; quick if it was found so before."""
        ...

    def get_record(self, key: str) -> PictureRecord | None:
        """The record of `key`, also where its picture is gone or damaged; None if the record itself is."""
        ...

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Store the pair; StoreUnavailable if that fails."""
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


@dataclass(slots=True)
class StoreStats:
    """Counts of one build's use of a team's store. `refusals`: entries that failed verification."""

    hits: int = 0
    misses: int = 0
    writes: int = 0
    refusals: int = 0
    failures: int = 0
