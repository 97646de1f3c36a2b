"""The request for one picture, its attempts, and the functions that all steps share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread

from mkdocs_leonardo.acquire.budget import Reservation
from mkdocs_leonardo.resolution import Attempt
from mkdocs_leonardo.spec import PictureSpec

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.entries import Entry
    from mkdocs_leonardo.team.leases import TeamLease

T = TypeVar("T")


@dataclass(slots=True)
class Attempts:
    """The attempts to get one picture.

    `paid`: its reservations in the budget. `capped_usd`: the estimate of a create call that a cap did not allow.
    `passed_over`: providers that are not asked again.
    """

    made: list[Attempt] = field(default_factory=list)
    paid: list[Reservation] = field(default_factory=list)
    capped_usd: float | None = None
    passed_over: set[str] = field(default_factory=set)

    def note(self, provider: str, result: str, *, is_held_back: bool = False) -> None:
        """Add one try."""
        self.made.append(Attempt(provider, result, is_held_back))

    def words(self) -> str:
        """All tries in one line, each once."""
        return "; ".join(dict.fromkeys(f"{attempt.provider}: {attempt.result}" for attempt in self.made))


class NoTeamLease:
    """The team lease of a build without a shared store."""

    doubt = ""

    def open_job(self, _key: str) -> Entry | None:
        """Return None, since no other machine has open jobs."""
        return None

    def refusal(self, _key: str) -> str | None:
        """Return None, since no other machine records refusals."""
        return None

    async def intend(self, _job: Entry) -> bool:
        """Return True, since no other machine takes the lease over."""
        return True

    async def accept(self, job: Entry) -> None:
        """Do nothing."""

    async def close(self, key: str) -> None:
        """Do nothing."""

    async def refuse(self, key: str, reason: str) -> None:
        """Do nothing."""

    async def release(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """A picture that a page asked for; `lease` is the name of the lease that excludes other processes.

    `landed` is called when its job is no longer in flight, so that the next one may start while it is stored.
    `team_lease` excludes other machines that share a store.
    """

    picture: PictureSpec
    page: str
    lease: str
    landed: Callable[[], None]
    attempts: Attempts
    team_lease: TeamLease | NoTeamLease = field(default_factory=NoTeamLease)


class LeaseLost(Exception):
    """Another process holds the lease of this request; nothing was sent."""


class NoProviderLeft(Exception):
    """No provider made the picture; the message holds the result of each."""


@asynccontextmanager
async def hold_slot(limiter: CapacityLimiter) -> AsyncIterator[Callable[[], None]]:
    """Hold one token of the limiter for the length of the block, or until the function is called."""
    holder = object()
    await limiter.acquire_on_behalf_of(holder)
    is_held = True

    def free() -> None:
        nonlocal is_held
        if is_held:
            is_held = False
            limiter.release_on_behalf_of(holder)

    try:
        yield free
    finally:
        free()


async def update_team_lease(request: PictureRequest, key: str, left: Entry | None) -> None:
    """Write the open jobs of `key` to the team lease."""
    if left is None:
        await request.team_lease.close(key)
    else:
        await request.team_lease.accept(left)


async def thread(function: Callable[..., T], *arguments: object) -> T:
    """Call the function in a worker thread."""
    return await to_thread.run_sync(function, *arguments)
