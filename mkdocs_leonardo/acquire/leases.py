"""Leases on pictures, between the processes on one cache and between the machines on one store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from anyio import CancelScope, create_task_group, current_time

from mkdocs_leonardo.acquire.request import BuildContext
from mkdocs_leonardo.concurrency import to_thread
from mkdocs_leonardo.errors import LeasedElsewhere, LeaseTakenOver, PictureUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from mkdocs_leonardo.team.leases import TeamLease

#: The interval between two attempts to acquire a lease that another process holds (seconds).
LEASE_POLL_S = 0.25
#: The interval between two heartbeats (seconds).
LOCAL_HEARTBEAT_S = 2.0
#: Work on a picture stops after this time without a renewal of its lease (seconds): earlier than `LEASE_S`, after which
#: another process may acquire the lease.
LOCAL_HOLD_S = 8.0


class Leases:
    """The leases of one build."""

    def __init__(self, context: BuildContext) -> None:
        self._journal = context.journal
        self._clock = context.clock
        self._team = context.team_leases
        self._scopes: dict[str, CancelScope] = {}

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Hold the lease among the processes on the cache, after a wait. The lease of a dead process is taken over.

        Raises LeaseTakenOver in place of the block's end when another process takes the lease over.
        """
        while not await to_thread(self._journal.acquire_lease, name):
            await self._clock.sleep(LEASE_POLL_S)
        # After a suspension of the process, the deadline ends the block before a request can leave.
        with CancelScope(deadline=current_time() + LOCAL_HOLD_S) as scope:
            self._scopes[name] = scope
            try:
                yield
            finally:
                del self._scopes[name]
                # A cancelled build releases as well.
                with suppress(StoreUnavailable):
                    await to_thread(self._journal.release_lease, name, is_shielded=True)
        if scope.cancelled_caught:
            raise LeaseTakenOver

    @asynccontextmanager
    async def hold_in_team(self, name: str, keys: Collection[str]) -> AsyncIterator[TeamLease | None]:
        """Hold the lease among the machines that share a store; yields None if this machine has no leases in one.

        Raises LeasedElsewhere at once while another machine holds the lease.
        """
        if self._team is None:
            yield None
            return
        lease = await self._team.acquire(name, set(keys))
        if lease is None:
            raise LeasedElsewhere
        try:
            yield lease
        finally:
            await lease.release()

    async def wait(self, name: str) -> None:
        """Wait until no other machine holds the lease; PictureUnavailable if that takes too long."""
        assert self._team is not None  # noqa: S101 - there is no other machine without team leases
        if not await self._team.wait(name):
            raise PictureUnavailable(
                "another machine has been making it for too long; it is not paid for a second time"
            )

    async def heartbeat(self) -> None:
        """Renew the held leases at intervals, for as long as the build runs."""
        async with create_task_group() as group:
            group.start_soon(self._heartbeat)
            if self._team is not None:
                group.start_soon(self._team.heartbeat)

    async def _heartbeat(self) -> None:
        while True:
            await self._clock.sleep(LOCAL_HEARTBEAT_S)
            began_at = current_time()
            scopes = dict(self._scopes)
            if not scopes:
                continue
            # Without a renewal, the leases' scopes run out.
            with suppress(StoreUnavailable):
                renewed = await to_thread(self._journal.heartbeat)
                for name, scope in scopes.items():
                    if name in renewed:
                        scope.deadline = began_at + LOCAL_HOLD_S
                    else:
                        scope.cancel()
