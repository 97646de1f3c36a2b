"""Leases of the machines that share an object store: the owner of a lease makes, and pays for, its picture.

A lease is a series of numbered objects, ``claims/<name>-<number>``. Its owner is the machine that made the object with
the highest number, and only the owner writes to that object. A machine takes the lease over with the next number, and a
service lets one machine create it. An owner that releases a lease with jobs or refusals in it writes a marker,
``claims/<name>-<number>.free``. So one listing of the folder tells the state of every lease.

Three rules make this safe with clocks that differ:

1. An owner lives as long as its object changes. Each observer measures that by its own clock.

2. An owner writes a create call to its object, checks that no next number exists, and then sends the call. A successor
makes the next number, and then reads the objects of earlier owners. So the owner finds the number and stops, or the
successor reads of the call.

3. A machine never overwrites the object of another. Numbers go up. An owner deletes its object only if that is number
1, and holds neither jobs nor refusals.
"""

from __future__ import annotations

import logging
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import CancelScope, Lock, create_task_group, move_on_after

from mkdocs_leonardo.errors import BrokenEntry, CallUnpublished, LeaseTakenOver, StoreUnavailable
from mkdocs_leonardo.team.records import MAX_BYTES, LeaseRecord, fit_to_clock

if TYPE_CHECKING:
    from mkdocs_leonardo.storage.entries import Entry
    from mkdocs_leonardo.team.object_store import ObjectStore, ObjectVersion

#: The interval between two heartbeats (seconds).
TEAM_HEARTBEAT_S = 4.0
#: The timeout of one heartbeat (seconds): two that fail take less than `TEAM_HOLD_S`.
HEARTBEAT_CALL_S = 5.0
#: An owner loses its lease when an observer has seen no change of its object for this time (seconds).
TEAM_HOLD_S = 20.0
#: The interval between two listings by a machine that waits for leases (seconds).
LOOK_S = 1.5
#: The longest wait for a picture of another machine (seconds).
MOST_WAIT_S = 900.0
#: The most predecessors whose records a new owner merges; it stops earlier at a record that is whole.
MOST_UNFINISHED = 50
#: The highest number of a lease; an object with a higher one is not this plugin's.
_MOST_NUMBER = 99_999
#: The most attempts at one lease: other machines, or foreign objects, may have its next numbers.
_MOST_ATTEMPTS = 20
#: The timeout of the release of a lease (seconds).
RELEASE_S = 5.0

#: The folder of the leases' objects.
LEASES_FOLDER = "claims"

_FREE = ".free"
_NAME = re.compile(rf"{LEASES_FOLDER}/([0-9a-f]{{64}})-([0-9]{{6,9}})")


@dataclass(frozen=True, slots=True)
class _LeaseState:
    """The highest number of a lease in a listing; its object's `version` changes with every heartbeat."""

    number: int = 0
    version: ObjectVersion = (None, 0.0, 0)
    is_free: bool = True


_NO_LEASE = _LeaseState()


class TeamLeases:
    """The leases of one machine. All calls belong to one event loop. Calls of a build do not raise."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        secret: bytes | None,
        monotonic: Callable[[], float] = time.monotonic,
        timeout_s: float = MOST_WAIT_S,
    ) -> None:
        """Sign objects with `secret`, if there is one."""
        self.owner = uuid.uuid4().hex
        self.store = store
        self.now = now
        self._sleep = sleep
        self._monotonic = monotonic
        self._secret = secret
        self._timeout_s = timeout_s
        self._reported: set[str] = set()
        self._held_leases: dict[str, TeamLease] = {}
        self._last_states: dict[str, _LeaseState] = {}
        self._dead_states: dict[str, _LeaseState] = {}
        self._tried_names: set[str] = set()
        self._objects: Mapping[str, ObjectVersion] = {}
        # Names and numbers of objects that no machine of the team wrote.
        self._foreign: set[tuple[str, int]] = set()
        self._listed_at = -math.inf
        self._listing = Lock()
        self._waiting_since: dict[str, float] = {}

    # Acquiring -------------------------------------------------------------------------------------------------------

    async def acquire(self, name: str, keys: Collection[str]) -> TeamLease | None:
        """Acquire the lease on `name`, with the open jobs of earlier owners; None while another machine holds it.

        The lease has number 0 if the prompt of one of `keys` was refused, or if the store fails. After a failure, the
        lease's `doubt` says why.
        """
        try:
            lease = await self._try_acquire(name, keys)
        except StoreUnavailable as error:
            self.store.warn(error)
            return TeamLease(self, name, 0, LeaseRecord(), doubt=str(error))
        if lease is not None:
            self._waiting_since.pop(name, None)
        return lease

    async def _try_acquire(self, name: str, keys: Collection[str]) -> TeamLease | None:
        """Take the lease, or a lease that says why `keys` are refused; None while another machine holds it."""
        # Nearly always the lease does not exist, so that one call is enough.
        if name not in self._tried_names and (lease := await self._make_next(name, 0)) is not None:
            return lease
        for _ in range(_MOST_ATTEMPTS):
            state = (await self._list(fresh=True)).get(name, _NO_LEASE)
            record = await self.read_record(_make_path(name, state.number)) if state.number else None
            if record is not None and not record.owner:
                self._foreign.add((name, state.number))
                continue
            if record is not None and not await self._is_free(name, state):
                # It is this machine's own after a suspension or a lost response.
                if (
                    record.owner == self.owner
                    and (lease := await self._reclaim(name, state.number, record)) is not None
                ):
                    return lease
                if self._dead_states.get(name) != state:
                    self._last_states[name] = state
                    return None
            if record is not None and not record.refusals.keys().isdisjoint(keys):
                return TeamLease(self, name, 0, record)
            lease = await self._make_next(name, state.number)
            if lease is not None:
                return lease
        raise StoreUnavailable("a lease in the store cannot be taken, though no machine has it")

    async def _is_free(self, name: str, state: _LeaseState) -> bool:
        """Return whether the owner has released the lease. With a secret, an unsigned marker is ignored."""
        if not state.is_free or self._secret is None:
            return state.is_free
        record = await self.read_record(f"{_make_path(name, state.number)}{_FREE}")
        return record is not None and bool(record.owner)

    async def _reclaim(self, name: str, number: int, record: LeaseRecord) -> TeamLease | None:
        """Return the lease that this machine made earlier; None if another machine has made the next number."""
        lease = self._hold(name, number, record)
        if await lease.renew():
            return lease
        self.stop_renewing(lease)
        return None

    async def _make_next(self, name: str, last_number: int) -> TeamLease | None:
        """Make the lease with the next number; None if another machine made that number first."""
        number = last_number + 1
        while (name, number) in self._foreign:
            number += 1
        self._tried_names.add(name)
        path = _make_path(name, number)
        record = LeaseRecord(self.owner, is_whole=not last_number)
        if not await self.store.create(path, record.encode(path, self._secret)):
            return None
        lease = self._hold(name, number, record)
        if last_number:
            try:
                await lease.merge_earlier_records()
            except StoreUnavailable:
                self.stop_renewing(lease)
                raise
        return lease

    async def wait(self, name: str) -> bool:
        """Wait until the owner has released the lease or is dead; returns False if that takes `timeout_s`."""
        last_state = self._last_states[name]
        began_at = self._waiting_since.setdefault(name, self._monotonic())
        unchanged_s = 0.0
        looked_at = self._monotonic()
        while unchanged_s < TEAM_HOLD_S:
            await self._sleep(LOOK_S)
            try:
                state = (await self._list()).get(name, _NO_LEASE)
            except StoreUnavailable:
                # `acquire` meets this failure again, and reports it.
                return True
            now = self._monotonic()
            # The time of a suspension of this machine does not count.
            unchanged_s += min(now - looked_at, 3 * LOOK_S)
            looked_at = now
            if now - began_at > self._timeout_s:
                return False
            if state.is_free:
                return True
            if state != last_state:
                last_state, unchanged_s = state, 0.0
        self._dead_states[name] = last_state
        return True

    async def heartbeat(self) -> None:
        """Renew every lease at intervals, for as long as the build runs."""
        while True:
            await self._sleep(TEAM_HEARTBEAT_S)
            async with create_task_group() as group:
                for lease in list(self._held_leases.values()):
                    group.start_soon(lease.send_heartbeat)

    # Objects ---------------------------------------------------------------------------------------------------------

    async def read_record(self, path: str) -> LeaseRecord | None:
        """Read one record; a foreign object counts as an empty record. Raises StoreUnavailable."""
        try:
            data = await self.store.get(path, max_bytes=MAX_BYTES)
            return None if data is None else LeaseRecord.decode(path, data, self._secret)
        except (BrokenEntry, ValueError):
            if path not in self._reported:
                self._reported.add(path)
                self.store.notify(logging.INFO, f"a lease in the store is not this plugin's ({path}); it is ignored")
            return LeaseRecord()

    async def write_record(self, path: str, record: LeaseRecord) -> None:
        """Write one record to its object. Raises StoreUnavailable."""
        await self.store.replace(path, record.encode(path, self._secret))

    async def _list(self, *, fresh: bool = False) -> Mapping[str, _LeaseState]:
        """List every lease in the store; coroutines that ask at the same moment share one listing."""
        asked_at = self._monotonic()
        async with self._listing:
            # A listing that began after this call answers it.
            if self._listed_at < (asked_at if fresh else asked_at - LOOK_S / 2):
                began_at = self._monotonic()
                self._objects = await self.store.list(LEASES_FOLDER)
                self._listed_at = began_at
            return _find_highest(self._objects, self._foreign)

    # ------------------------------------------------------------------------------------------------------------------

    def _hold(self, name: str, number: int, record: LeaseRecord) -> TeamLease:
        lease = self._held_leases[name] = TeamLease(self, name, number, record)
        return lease

    def stop_renewing(self, lease: TeamLease) -> None:
        """Stop the heartbeats of the lease."""
        if self._held_leases.get(lease.name) is lease:
            del self._held_leases[lease.name]


class TeamLease:
    """One lease of this machine.

    Number 0 is no lease: the store fails, or the prompt was refused. `doubt` says why it is unknown whether another
    machine has paid; None if that is known.
    """

    def __init__(
        self, leases: TeamLeases, name: str, number: int, record: LeaseRecord, doubt: str | None = None
    ) -> None:
        self.name = name
        self.doubt = doubt
        self._leases = leases
        self._number = number
        self._record = record
        self._lock = Lock()

    # Left by earlier owners ------------------------------------------------------------------------------------------

    def get_open_job(self, key: str) -> Entry | None:
        """Return the job that an earlier owner left open for `key`, its times by this machine's clock."""
        entry = self._record.jobs.get(key)
        return None if entry is None else fit_to_clock(entry, self._leases.now())

    def get_refusal_reason(self, key: str) -> str | None:
        """Return why the service refused `key` to another machine; None without such a refusal."""
        return self._record.refusals.get(key)

    async def merge_earlier_records(self) -> None:
        """Merge the records of earlier owners into this one; StoreUnavailable if that fails."""
        number = self._number - 1
        # More owners in a row that did not merge are foreign objects.
        while number > max(0, self._number - MOST_UNFINISHED) and not self._record.is_whole:
            record = await self._leases.read_record(_make_path(self.name, number))
            if record is not None:
                self._record.add(record)
            number -= 1
        self._record.is_whole = True
        await self._write()

    # Written by this machine -----------------------------------------------------------------------------------------

    async def record_call(self, job: Entry) -> None:
        """Publish a create call before it is sent, so that a later owner is certain to know of it.

        Raises LeaseTakenOver if another machine owns the lease, and CallUnpublished if the store fails. Does nothing
        for number 0: the caller decides whether to pay without a lease.
        """
        if not self._number:
            return
        try:
            if await self._is_mine():
                self._record.jobs[job.key] = job
                await self._write()
                if await self._is_mine():
                    return
        except StoreUnavailable as error:
            self._leases.store.warn(error)
            self._leases.stop_renewing(self)
            raise CallUnpublished from error
        self._leases.stop_renewing(self)
        raise LeaseTakenOver

    async def accept(self, job: Entry) -> None:
        """Publish an accepted job, so that other machines can collect it."""
        self._record.jobs[job.key] = job
        await self._publish()

    async def delete_job(self, key: str) -> None:
        """Delete the open job of `key`; the next heartbeat publishes that."""
        self._record.jobs.pop(key, None)

    async def refuse(self, key: str, reason: str) -> None:
        """Publish that the prompt was refused, so that no other machine may pay for the same refusal."""
        self._record.refusals[key] = reason
        await self._publish()

    async def renew(self) -> bool:
        """Renew the lease; returns whether this machine still holds it. StoreUnavailable if that fails."""
        if not await self._is_mine():
            return False
        await self._write()
        return True

    async def send_heartbeat(self) -> None:
        """Renew the lease, unless that takes longer than `HEARTBEAT_CALL_S`."""
        with self._limit_time(HEARTBEAT_CALL_S):
            if not await self.renew():
                self._leases.stop_renewing(self)

    async def release(self) -> None:
        """Release the lease with the jobs that are left open.

        The release is bounded in time, and happens even in a cancelled build.
        """
        self._leases.stop_renewing(self)
        if not self._number:
            return
        # If this fails, another machine finds the lease unchanged and takes it over.
        with CancelScope(shield=True), self._limit_time(RELEASE_S):
            async with self._lock:
                if await self._is_mine():
                    await self._end()
                self._number = 0

    # ------------------------------------------------------------------------------------------------------------------

    async def _publish(self) -> None:
        """Write the record now instead of with the next heartbeat."""
        with self._limit_time(HEARTBEAT_CALL_S):
            await self._write()

    @contextmanager
    def _limit_time(self, seconds: float) -> Iterator[None]:
        """Limit the time of the block; a failure within the block is logged as a warning."""
        with move_on_after(seconds):
            try:
                yield
            except StoreUnavailable as error:
                self._leases.store.warn(error)

    async def _write(self) -> None:
        async with self._lock:
            if self._number:
                self._record.heartbeats += 1
                await self._leases.write_record(_make_path(self.name, self._number), self._record)

    async def _end(self) -> None:
        """Write the record and the marker for later owners, or delete the object if its record is empty."""
        path = _make_path(self.name, self._number)
        if self._number == 1 and not self._record.jobs and not self._record.refusals:
            await self._leases.store.delete(path)
            return
        # A number above the first stays: an earlier owner must find its successor after a suspension.
        await self._leases.write_record(path, self._record)
        await self._leases.write_record(f"{path}{_FREE}", LeaseRecord(self._leases.owner))

    async def _is_mine(self) -> bool:
        """Return whether this machine still owns the lease: no later number has an owner.

        Where machines can overwrite each other, the object must also be this machine's.
        """
        for following in range(self._number + 1, self._number + 1 + _MOST_ATTEMPTS):
            record = await self._leases.read_record(_make_path(self.name, following))
            if record is None:
                break
            if record.owner:
                return False
        if not self._leases.store.may_overwrite:
            return True
        record = await self._leases.read_record(_make_path(self.name, self._number))
        return record is not None and record.owner == self._leases.owner


def _make_path(name: str, number: int) -> str:
    return f"{LEASES_FOLDER}/{name}-{number:06}"


def _find_highest(
    objects: Mapping[str, ObjectVersion], foreign: Collection[tuple[str, int]]
) -> Mapping[str, _LeaseState]:
    """Return the state of each lease in a listing, without `foreign` numbers."""
    states: dict[str, _LeaseState] = {}
    for path, version in objects.items():
        match = _NAME.fullmatch(path)
        if match is None:
            continue
        name, number = match[1], int(match[2])
        if (name, number) not in foreign and states.get(name, _NO_LEASE).number < number <= _MOST_NUMBER:
            states[name] = _LeaseState(number, version, is_free=f"{path}{_FREE}" in objects)
    return states
