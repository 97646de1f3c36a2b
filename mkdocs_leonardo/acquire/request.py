"""The request for one picture, its attempts, and the parts of the build that serve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.access import Access
from mkdocs_leonardo.acquire.budget import Budget, Reservation
from mkdocs_leonardo.clock import Clock
from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.lookup import Candidate, Lookup
from mkdocs_leonardo.providers.base import Provider
from mkdocs_leonardo.renderer import Renderer
from mkdocs_leonardo.resolution import Attempt
from mkdocs_leonardo.spec import ImageInfo, PictureSpec
from mkdocs_leonardo.storage.entries import Entry

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.journal import Journal
    from mkdocs_leonardo.team.leases import TeamLease, TeamLeases
    from mkdocs_leonardo.team.pictures import TeamPictures


@dataclass(slots=True)
class Attempts:
    """The attempts to get one picture.

    `reservations`: those of its create calls. `capped_usd`: the estimate of a call that a cap did not allow.
    `passed_over`: providers that get no create call for the picture.
    """

    made: list[Attempt] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    capped_usd: float | None = None
    passed_over: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """A picture that a page asked for.

    `release_slot` is called when its job is no longer in flight: the next job starts while this picture is stored.
    `team_lease` excludes other machines that share a store; None if this machine has no leases in one.
    """

    picture: PictureSpec
    page: str
    release_slot: Callable[[], None]
    attempts: Attempts
    team_lease: TeamLease | None

    def address_to(self, candidate: Candidate) -> JobRequest:
        """Return this request, addressed to one provider."""
        return JobRequest(
            self.picture, self.page, self.release_slot, self.attempts, self.team_lease, candidate=candidate
        )


@dataclass(frozen=True, slots=True)
class JobRequest(PictureRequest):
    """The request for a picture to one provider."""

    candidate: Candidate

    @property
    def provider(self) -> Provider:
        """The provider that is asked."""
        return self.candidate.provider

    @property
    def key(self) -> str:
        """The generation key of the picture at this provider."""
        return self.candidate.key

    @property
    def entry(self) -> Entry:
        """The journal's entry for the request, before any call."""
        provider = self.provider
        return Entry(
            self.key, provider.name, provider.model, self.page, calls=(), request=self.candidate.generation_request
        )

    def add_attempt(self, result: str, *, is_held_back: bool = False) -> None:
        """Add an attempt at this provider."""
        self.attempts.made.append(Attempt(self.provider.name, result, is_held_back))

    async def publish(self, entry: Entry | None) -> None:
        """Write the open jobs of the key into the team lease. None deletes the key's jobs from the lease."""
        if self.team_lease is None:
            return
        if entry is None:
            await self.team_lease.delete_job(self.key)
        else:
            await self.team_lease.accept(entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """The parts of one build.

    `inspect` decodes a picture, or raises PictureError. `reject` logs a refused request with its provider and the
    reason. `team` is the store that machines share, and `team_leases` are the leases in it; None if this machine has
    none. `pays_in_doubt`: the build also pays for pictures that another machine may have paid for.
    """

    lookup: Lookup
    renderer: Renderer
    journal: Journal
    budget: Budget
    access: Access
    clock: Clock
    notify: Notify
    inspect: Callable[[bytes], ImageInfo]
    reject: Callable[[PictureRequest, str, str], None]
    concurrency: int
    team: TeamPictures | None = None
    team_leases: TeamLeases | None = None
    pays_in_doubt: bool = False
