"""Who makes which picture, and what is paid for it, for runners that share an object store and nothing else.

A claim is a row of numbered objects, ``claims/<wish>-<number>``. Its owner is whoever made the one with the highest
number, and only the owner writes to it. Taking over is making the next one, which a service lets one runner do.
An owner who has given up, and leaves something to know, says so with ``claims/<wish>-<number>.free``. So one listing of
the folder tells a runner of everything that it waits for.

Three rules make this safe without any two clocks that agree:

- An owner lives as long as what it writes changes while an observer looks on, by the observer's own clock.
- Before a create call leaves, its owner writes the intent, and then looks whether there is a next number. Whoever
  takes over makes the next number, and then reads what earlier owners wrote. So either the owner stops, or its
  successor knows of the job.
- What an owner leaves behind is never overwritten by another: numbers go up, and only the first one is ever deleted,
  by its owner, when nothing is left to say.
"""

from __future__ import annotations

import logging
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.team.lease_record import MAX_BYTES, LeaseRecord, by_our_clock

if TYPE_CHECKING:
    import anyio

    from mkdocs_leonardo.storage.entries import Entry
    from mkdocs_leonardo.team.object_store import ObjectEntry, Objects

#: Between two signs of life (seconds).
BEAT_S = 4.0
#: How long one sign of life may take (seconds): two that fail come to less than `HOLD_S`.
BEAT_CALL_S = 5.0
#: An owner that has not changed its object for so long, while an observer looked on, has lost its claim (seconds).
HOLD_S = 20.0
#: Between two looks of one runner at the claims that it waits for, all in one listing (seconds).
LOOK_S = 1.5
#: The longest that a picture of another runner is waited for (seconds).
MOST_WAIT_S = 900.0
#: An owner reads what so many before it left behind, at the most; the first one that had done so itself ends it.
MOST_UNFINISHED = 50
#: No wish is ever claimed so often; what has a higher number is not ours.
_MOST_NUMBER = 99_999
#: Attempts to have a claim that others are faster to take, or that somebody else's objects are in the way of.
_MOST_ATTEMPTS = 20
#: What letting go may take at the end of a build (seconds).
RELEASE_S = 5.0

#: Where runners tell each other what they make.
CLAIMS_FOLDER = "claims"

_FREE = ".free"
_NAME = re.compile(r"([0-9a-f]{64})-([0-9]{6,9})(\.free)?")


@dataclass(frozen=True, slots=True)
class _Seen:
    """The highest number of a wish, as a listing shows it: `mark` changes with every sign of life."""

    number: int = 0
    mark: tuple[str | None, float, int] = (None, 0.0, 0)
    is_free: bool = True


_NOTHING = _Seen()


class Claims:
    """The claims of one runner. All calls belong to one event loop, and none that a build makes raises."""

    def __init__(
        self,
        objects: Objects,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        tell: Callable[[int, str], None],
        monotonic: Callable[[], float] = time.monotonic,
        secret: bytes | None = None,
        may_cross: bool = False,
        patience_s: float = MOST_WAIT_S,
    ) -> None:
        """Objects are signed with `secret`. `may_cross`: so may two writers, whatever the service says."""
        self.owner = uuid.uuid4().hex
        self._objects = objects
        self.now = now
        self._sleep = sleep
        self.monotonic = monotonic
        self._secret = secret
        self._may_cross = may_cross
        self._patience_s = patience_s
        self._tell = tell
        self._told: set[str] = set()
        self._held: dict[str, Claim] = {}
        self._rivals: dict[str, _Seen] = {}
        self._dead: dict[str, _Seen] = {}
        self._tried: dict[str, int] = {}
        self._seen: tuple[ObjectEntry, ...] = ()
        # What others than our runners have put there.
        self._foreign: set[tuple[str, int]] = set()
        self._listed_at = -math.inf
        self._listing: anyio.Lock | None = None
        self._waiting_since: dict[str, float] = {}

    # Having a claim --------------------------------------------------------------------------------------------------

    async def take(self, wish: str, keys: Collection[str]) -> Claim | None:
        """This runner's claim on `wish`, with what earlier owners left open; None while another one has it.

        Where one of `keys` was refused, at a price, the claim is for reading alone. Its `doubt` says that the store
        cannot be asked.
        """
        try:
            claim = await self._taken(wish, keys)
        except StoreUnavailable as error:
            self.warn(error)
            return Claim(self, wish, 0, LeaseRecord(), doubt=str(error))
        if claim is not None:
            self._waiting_since.pop(wish, None)
        return claim

    async def _taken(self, wish: str, keys: Collection[str]) -> Claim | None:
        # Nearly always there is nothing: so one call is enough.
        if wish not in self._tried and (claim := await self._made(wish, 0)) is not None:
            return claim
        for _ in range(_MOST_ATTEMPTS):
            seen = (await self._look(fresh=True)).get(wish, _NOTHING)
            record = await self.read(wish, seen.number) if seen.number else None
            if record is not None and not record.owner:
                self._foreign.add((wish, seen.number))
                continue
            if record is not None and not await self._is_free(wish, seen):
                if seen.number == self._tried.get(wish):
                    claim = await self._found_again(wish, seen.number)
                    if claim is not None:
                        return claim
                if self._dead.get(wish) != seen:
                    self._rivals[wish] = seen
                    return None
            if record is not None and not record.refusals.keys().isdisjoint(keys):
                return Claim(self, wish, 0, record)
            claim = await self._made(wish, seen.number)
            if claim is not None:
                return claim
        raise StoreUnavailable("a claim in the store cannot be had, though nobody has it")

    async def _is_free(self, wish: str, seen: _Seen) -> bool:
        """Whether the owner has let go. Where claims are signed, only a signed word of it is believed."""
        if not seen.is_free or self._secret is None:
            return seen.is_free
        record = await self._read(f"{_name(wish, seen.number)}{_FREE}")
        return record is not None and bool(record.owner)

    async def _found_again(self, wish: str, number: int) -> Claim | None:
        """The claim, if it is this runner's after all: it was asleep, or the answer to its call was lost."""
        record = await self.read(wish, number)
        if record is None or record.owner != self.owner:
            return None
        claim = self._claim(wish, number, record)
        if await claim.renew():
            return claim
        self.let_go(claim)
        return None

    async def _made(self, wish: str, after: int) -> Claim | None:
        """The claim with the number that follows, if nobody else was faster."""
        number = after + 1
        while (wish, number) in self._foreign:
            number += 1
        self._tried[wish] = number
        name, record = _name(wish, number), LeaseRecord(self.owner, is_whole=not after)
        if not await self._objects.create(name, record.encoded(name, self._secret)):
            return None
        claim = self._claim(wish, number, record)
        if after:
            try:
                await claim.inherit()
            except StoreUnavailable:
                self.let_go(claim)
                raise
        return claim

    async def watch(self, wish: str) -> bool:
        """Return when it is worth while to `take` again: its owner has let go, or is dead.

        False if that takes longer than anybody should wait.
        """
        rival = self._rivals[wish]
        since = self._waiting_since.setdefault(wish, self.monotonic())
        unchanged_s, looked_at = 0.0, self.monotonic()
        while unchanged_s < HOLD_S:
            await self._sleep(LOOK_S)
            try:
                seen = (await self._look()).get(wish, _NOTHING)
            except StoreUnavailable:
                # `take` will meet it too.
                return True
            now = self.monotonic()
            # Time in which this runner itself was asleep says nothing of the other one.
            unchanged_s += min(now - looked_at, 3 * LOOK_S)
            looked_at = now
            if now - since > self._patience_s:
                return False
            if seen.is_free:
                return True
            if seen != rival:
                rival, unchanged_s = seen, 0.0
        self._dead[wish] = rival
        return True

    async def beat(self) -> None:
        """A sign of life of every claim, for as long as the build runs."""
        from anyio import create_task_group  # noqa: PLC0415 - a warm build needs no event loop

        while True:
            await self._sleep(BEAT_S)
            async with create_task_group() as group:
                for claim in list(self._held.values()):
                    group.start_soon(claim.beat)

    # Objects ---------------------------------------------------------------------------------------------------------

    async def read(self, wish: str, number: int) -> LeaseRecord | None:
        """One object; what no machine of the team wrote counts as free and empty. StoreUnavailable."""
        return await self._read(_name(wish, number))

    async def _read(self, name: str) -> LeaseRecord | None:
        try:
            found = await self._objects.get(name, max_bytes=MAX_BYTES)
            return None if found is None else LeaseRecord.decoded(name, found.data, self._secret)
        except (BrokenEntry, ValueError):
            if name not in self._told:
                self._told.add(name)
                self._tell(logging.INFO, f"a claim in the store is not one of ours ({name}); it counts for nothing")
            return LeaseRecord()

    async def write(self, name: str, record: LeaseRecord) -> None:
        """Replace one object; StoreUnavailable."""
        await self._objects.replace(name, record.encoded(name, self._secret))

    async def end(self, wish: str, number: int, record: LeaseRecord) -> None:
        """Let others follow, with what is left to say; StoreUnavailable."""
        name = _name(wish, number)
        if number == 1 and not record.jobs and not record.refusals:
            await self._objects.delete(name)
            return
        # A number above the first stays: an earlier owner that was asleep must find that it was followed.
        await self.write(name, record)
        await self.write(f"{name}{_FREE}", LeaseRecord(self.owner))

    async def is_mine(self, wish: str, number: int) -> bool:
        """Whether there is no next number, and, where the service lets runners overwrite each other, ours still is."""
        for following in range(number + 1, number + 1 + _MOST_ATTEMPTS):
            record = await self.read(wish, following)
            if record is None:
                break
            if record.owner:
                return False
        if not self._may_cross and self._objects.ignores_preconditions is False:
            return True
        record = await self.read(wish, number)
        return record is not None and record.owner == self.owner

    async def _look(self, *, fresh: bool = False) -> Mapping[str, _Seen]:
        """Every claim there is, as it was a moment ago; all that look at the same moment share one listing."""
        from anyio import Lock  # noqa: PLC0415 - see `beat`

        asked_at = self.monotonic()
        if self._listing is None:
            self._listing = Lock()
        async with self._listing:
            # What began after this question was asked is as good as a listing of its own.
            if self._listed_at < (asked_at if fresh else asked_at - LOOK_S / 2):
                began_at = self.monotonic()
                self._seen = await self._objects.list(CLAIMS_FOLDER)
                self._listed_at = began_at
            return _highest(self._seen, self._foreign)

    # ------------------------------------------------------------------------------------------------------------------

    def _claim(self, wish: str, number: int, record: LeaseRecord) -> Claim:
        claim = self._held[wish] = Claim(self, wish, number, record)
        return claim

    def warn(self, error: StoreUnavailable) -> None:
        """Tell that other runners do not hear of this one."""
        self._objects.warn(error)

    def let_go(self, claim: Claim) -> None:
        """No more signs of life from this claim."""
        if self._held.get(claim.wish) is claim:
            del self._held[claim.wish]


class Claim:
    """One wish that this runner works on, and no other one that can reach the store.

    Number 0 is no claim at all: nobody can be told, or nothing is to be done. `doubt` says why it is not known whether
    another runner has paid.
    """

    def __init__(self, claims: Claims, wish: str, number: int, record: LeaseRecord, doubt: str = "") -> None:
        self.wish = wish
        self.doubt = doubt
        self._claims = claims
        self._number = number
        self._record = record
        self._lock: anyio.Lock | None = None

    # What others left ------------------------------------------------------------------------------------------------

    def left(self, key: str) -> Entry | None:
        """The job that an earlier owner left open for `key`, its times by this machine's clock."""
        entry = self._record.jobs.get(key)
        return None if entry is None else by_our_clock(entry, self._claims.now())

    def refusal(self, key: str) -> str | None:
        """Why `key` was refused, if another runner has paid to know."""
        return self._record.refusals.get(key)

    async def inherit(self) -> None:
        """What earlier owners have written until this moment is ours; StoreUnavailable."""
        record, number = self._record, self._number - 1
        # So many owners that died before they could do this are not the work of our runners.
        while number > max(0, self._number - MOST_UNFINISHED) and not record.is_whole:
            earlier = await self._claims.read(self.wish, number)
            if earlier is not None:
                record = earlier.before(record)
            number -= 1
        self._record = replace(record, is_whole=True)
        await self._write()

    # What this runner does -------------------------------------------------------------------------------------------

    async def intend(self, job: Entry) -> bool:
        """A create call may leave now: whoever takes over will know of it. False: that is not sure.

        True as well for what is no claim; whether to pay without one is the caller's decision.
        """
        if not self._number:
            return True
        try:
            if await self._intended(job):
                return True
        except StoreUnavailable as error:
            self._claims.warn(error)
        self._claims.let_go(self)
        return False

    async def _intended(self, job: Entry) -> bool:
        if not await self._is_mine():
            return False
        self._record = self._record.with_job(job)
        await self._write()
        return await self._is_mine()

    async def accept(self, job: Entry) -> None:
        """The service accepted, under this job id: others can collect it."""
        self._record = self._record.with_job(job)
        await self._publish()

    async def close(self, key: str) -> None:
        """Nothing is left to collect for `key`; others hear of it with the next sign of life."""
        self._record = self._record.without_job(key)

    async def refuse(self, key: str, reason: str) -> None:
        """Others need not pay for this refusal again."""
        self._record = self._record.with_refusal(key, reason)
        await self._publish()

    async def renew(self) -> bool:
        """Whether the claim is still ours, with a sign of life; StoreUnavailable."""
        if not await self._is_mine():
            return False
        await self._write()
        return True

    async def beat(self) -> None:
        """A sign of life; one that does not get through in time is left out."""
        with self._bounded(BEAT_CALL_S):
            if not await self.renew():
                self._claims.let_go(self)

    async def release(self) -> None:
        """Others may work on it, and know of the jobs that are left open.

        Bounded, and done even by a build that is being cancelled.
        """
        from anyio import CancelScope  # noqa: PLC0415 - see `_bounded`

        self._claims.let_go(self)
        if not self._number:
            return
        # It is found unchanged, and taken over, if this fails.
        with CancelScope(shield=True), self._bounded(RELEASE_S):
            async with self._locked():
                if await self._is_mine():
                    await self._claims.end(self.wish, self._number, self._record)
                self._number = 0

    # ------------------------------------------------------------------------------------------------------------------

    async def _publish(self) -> None:
        """Write at once what the next sign of life would write as well."""
        with self._bounded(BEAT_CALL_S):
            await self._write()

    @contextmanager
    def _bounded(self, seconds: float) -> Iterator[None]:
        """Calls that may fail, or be given up after a while."""
        from anyio import move_on_after  # noqa: PLC0415 - a warm build needs no event loop

        with move_on_after(seconds):
            try:
                yield
            except StoreUnavailable as error:
                self._claims.warn(error)

    async def _write(self) -> None:
        async with self._locked():
            if self._number:
                self._record = replace(self._record, beat=self._record.beat + 1)
                await self._claims.write(_name(self.wish, self._number), self._record)

    async def _is_mine(self) -> bool:
        return await self._claims.is_mine(self.wish, self._number)

    def _locked(self) -> anyio.Lock:
        from anyio import Lock  # noqa: PLC0415 - see `beat`

        if self._lock is None:
            self._lock = Lock()
        return self._lock


def _name(wish: str, number: int) -> str:
    return f"{CLAIMS_FOLDER}/{wish}-{number:06}"


def _highest(entries: Iterable[ObjectEntry], foreign: Collection[tuple[str, int]]) -> Mapping[str, _Seen]:
    """What a listing says of each wish, `foreign` numbers left out."""
    seen: dict[str, _Seen] = {}
    free: set[tuple[str, int]] = set()
    for entry in entries:
        match = _NAME.fullmatch(entry.name.rpartition("/")[2])
        if match is None:
            continue
        wish, number = match[1], int(match[2])
        if match[3]:
            free.add((wish, number))
        elif (wish, number) not in foreign and seen.get(wish, _NOTHING).number < number <= _MOST_NUMBER:
            seen[wish] = _Seen(number, (entry.e_tag, entry.modified_at, entry.size_bytes), is_free=False)
    return {wish: replace(found, is_free=(wish, found.number) in free) for wish, found in seen.items()}
