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

import hmac
import json
import logging
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.spec import JsonValue, canonical_json
from mkdocs_leonardo.storage.entries import Entry, Try, entry_from, entry_value

if TYPE_CHECKING:
    import anyio

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
#: Clocks of two machines are no further apart than this, or what they say is of another day (seconds).
CLOCKS_APART_S = 3600.0
#: The intent of another runner is looked for among jobs of this age (seconds), by whatever clock they were made.
INTENT_AGE_S = 590.0
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

T = TypeVar("T")

_VERSION = 1
_MAX_BYTES = 2**18
_MOST_REASON = 4096
_JOB_ID = re.compile(r"(?=.*[^.])[A-Za-z0-9._:~+=-]{1,256}")
_KEY = re.compile(r"[0-9a-f]{64}")
_FREE = ".free"
_NAME = re.compile(r"([0-9a-f]{64})-([0-9]{6,9})(\.free)?")


@dataclass(frozen=True, slots=True)
class _Content:
    """What one numbered object says.

    `is_whole`: what lower numbers said of jobs and refusals is in it. `refusals` were paid for, by key.
    """

    owner: str = ""
    beat: int = 0
    is_whole: bool = False
    jobs: Mapping[str, Entry] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)


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
        self._told: set[tuple[int, str]] = set()
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
            return Claim(self, wish, 0, _Content(), doubt=str(error))
        if claim is not None:
            self._waiting_since.pop(wish, None)
        return claim

    async def _taken(self, wish: str, keys: Collection[str]) -> Claim | None:
        # Nearly always there is nothing: so one call is enough.
        if wish not in self._tried and (claim := await self._made(wish, 0)) is not None:
            return claim
        for _ in range(_MOST_ATTEMPTS):
            seen = (await self._look(fresh=True)).get(wish, _NOTHING)
            content = await self.read(wish, seen.number) if seen.number else None
            if content is not None and not content.owner:
                self._foreign.add((wish, seen.number))
                continue
            if content is not None and not await self._is_free(wish, seen):
                if seen.number == self._tried.get(wish):
                    claim = await self._found_again(wish, seen.number)
                    if claim is not None:
                        return claim
                if self._dead.get(wish) != seen:
                    self._rivals[wish] = seen
                    return None
            if content is not None and not content.refusals.keys().isdisjoint(keys):
                return Claim(self, wish, 0, content)
            claim = await self._made(wish, seen.number)
            if claim is not None:
                return claim
        raise StoreUnavailable("a claim in the store cannot be had, though nobody has it")

    async def _is_free(self, wish: str, seen: _Seen) -> bool:
        """Whether the owner has let go. Where claims are signed, only a signed word of it is believed."""
        if not seen.is_free or self._secret is None:
            return seen.is_free
        content = await self._read(f"{_name(wish, seen.number)}{_FREE}")
        return content is not None and bool(content.owner)

    async def _found_again(self, wish: str, number: int) -> Claim | None:
        """The claim, if it is this runner's after all: it was asleep, or the answer to its call was lost."""
        content = await self.read(wish, number)
        if content is None or content.owner != self.owner:
            return None
        claim = self._claim(wish, number, content)
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
        content = _Content(self.owner, is_whole=not after)
        if not await self._make(wish, number, content):
            return None
        claim = self._claim(wish, number, content)
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

    async def read(self, wish: str, number: int) -> _Content | None:
        """What is in one object; what nobody of ours wrote counts as free and empty."""
        return await self._read(_name(wish, number))

    async def _read(self, name: str) -> _Content | None:
        try:
            found = await self._objects.get(name, max_bytes=_MAX_BYTES)
            if found is None:
                return None
            content = self._parsed(name, found.data)
        except (BrokenEntry, ValueError):
            self._tell_once(logging.INFO, f"a claim in the store is not one of ours ({name}); it counts for nothing")
            return _Content()
        return content

    async def write(self, wish: str, number: int, content: _Content) -> None:
        """Replace one object; StoreUnavailable."""
        name = _name(wish, number)
        await self._objects.replace(name, self._text(name, content))

    async def delete(self, wish: str, number: int) -> None:
        """There is no such object; StoreUnavailable."""
        await self._objects.delete(_name(wish, number))

    async def is_mine(self, wish: str, number: int) -> bool:
        """Whether there is no next number, and, where the service lets runners overwrite each other, ours still is."""
        for following in range(number + 1, number + 1 + _MOST_ATTEMPTS):
            content = await self.read(wish, following)
            if content is None:
                break
            if content.owner:
                return False
        if not self._may_cross and self._objects.ignores_preconditions is False:
            return True
        content = await self.read(wish, number)
        return content is not None and content.owner == self.owner

    async def _make(self, wish: str, number: int, content: _Content) -> bool:
        name = _name(wish, number)
        return await self._objects.create(name, self._text(name, content))

    async def free(self, wish: str, number: int) -> None:
        """Others may follow; StoreUnavailable."""
        name = f"{_name(wish, number)}{_FREE}"
        await self._objects.replace(name, self._text(name, _Content(self.owner)))

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

    def _text(self, name: str, content: _Content) -> bytes:
        claim: dict[str, JsonValue] = {
            "version": _VERSION,
            "owner": content.owner,
            "beat": content.beat,
            "is_whole": content.is_whole,
            "jobs": {key: entry_value(entry) for key, entry in content.jobs.items()},
            "refusals": dict(content.refusals),
        }
        value: dict[str, JsonValue] = {"claim": claim}
        if self._secret is not None:
            value["signature"] = _signature(name, claim, self._secret)
        return canonical_json(value)

    def _parsed(self, name: str, data: bytes) -> _Content:
        """ValueError for what `_text` did not write."""
        try:
            value: JsonValue = json.loads(data)
        except RecursionError as error:
            raise ValueError("too deep") from error
        claim = value.get("claim") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(claim, dict) or claim.get("version") != _VERSION:
            raise ValueError("no claim")
        signature = value.get("signature")
        if self._secret is not None and not (
            isinstance(signature, str)
            and _KEY.fullmatch(signature)
            and hmac.compare_digest(signature, _signature(name, claim, self._secret))
        ):
            raise ValueError("not signed with our secret")
        owner, beat, jobs, refusals = (claim.get(part) for part in ("owner", "beat", "jobs", "refusals"))
        if (
            not isinstance(owner, str)
            or type(beat) is not int
            or not isinstance(jobs, dict)
            or not isinstance(refusals, dict)
        ):
            raise ValueError("no claim")
        entries = {key: entry_from(key, entry) for key, entry in jobs.items() if _KEY.fullmatch(key)}
        return _Content(
            owner=owner,
            beat=beat,
            is_whole=claim.get("is_whole") is True,
            jobs={key: entry for key, entry in entries.items() if entry is not None and _is_plausible(entry)},
            refusals={
                key: _line(reason)
                for key, reason in refusals.items()
                if _KEY.fullmatch(key) and isinstance(reason, str)
            },
        )

    # ------------------------------------------------------------------------------------------------------------------

    def _claim(self, wish: str, number: int, content: _Content) -> Claim:
        claim = self._held[wish] = Claim(self, wish, number, content)
        return claim

    def warn(self, error: StoreUnavailable) -> None:
        """Tell that other runners do not hear of this one."""
        self._objects.warn(error)

    def let_go(self, claim: Claim) -> None:
        """No more signs of life from this claim."""
        if self._held.get(claim.wish) is claim:
            del self._held[claim.wish]

    def _tell_once(self, level: int, message: str) -> None:
        if (level, message) not in self._told:
            self._told.add((level, message))
            self._tell(level, message)


class Claim:
    """One wish that this runner works on, and no other one that can reach the store.

    Number 0 is no claim at all: nobody can be told, or nothing is to be done. `doubt` says why it is not known whether
    another runner has paid.
    """

    def __init__(self, claims: Claims, wish: str, number: int, content: _Content, doubt: str = "") -> None:
        self.wish = wish
        self.doubt = doubt
        self._claims = claims
        self._number = number
        self._content = content
        self._lock: anyio.Lock | None = None

    # What others left ------------------------------------------------------------------------------------------------

    def left(self, key: str) -> Entry | None:
        """The job that an earlier owner left open for `key`, its times by this machine's clock."""
        entry = self._content.jobs.get(key)
        return None if entry is None else _by_our_clock(entry, self._claims.now())

    def refusal(self, key: str) -> str | None:
        """Why `key` was refused, if another runner has paid to know."""
        return self._content.refusals.get(key)

    async def inherit(self) -> None:
        """What earlier owners have written until this moment is ours; StoreUnavailable."""
        jobs: dict[str, Entry] = {}
        refusals: dict[str, str] = {}
        is_whole, number = self._content.is_whole, self._number - 1
        # So many owners that died before they could do this are not the work of our runners.
        while number > max(0, self._number - MOST_UNFINISHED) and not is_whole:
            before = await self._claims.read(self.wish, number)
            if before is not None:
                jobs = {**before.jobs, **jobs}
                refusals = {**before.refusals, **refusals}
                is_whole = before.is_whole
            number -= 1
        self._content = replace(self._content, jobs=jobs, refusals=refusals, is_whole=True)
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
        self._note(job)
        await self._write()
        return await self._is_mine()

    async def accept(self, job: Entry) -> None:
        """The service accepted, under this job id: others can collect it."""
        self._note(job)
        await self._publish()

    async def close(self, key: str) -> None:
        """Nothing is left to collect for `key`; others hear of it with the next sign of life."""
        jobs = {name: entry for name, entry in self._content.jobs.items() if name != key}
        self._content = replace(self._content, jobs=jobs)

    async def refuse(self, key: str, reason: str) -> None:
        """Others need not pay for this refusal again."""
        self._content = replace(self._content, refusals={**self._content.refusals, key: _line(reason)})
        await self._publish()

    async def renew(self) -> bool:
        """Whether the claim is still ours, with a sign of life; StoreUnavailable."""
        if not await self._is_mine():
            return False
        await self._write()
        return True

    async def beat(self) -> None:
        """A sign of life; one that does not get through in time is left out."""
        from anyio import move_on_after  # noqa: PLC0415 - a warm build needs no event loop

        with move_on_after(BEAT_CALL_S):
            try:
                if not await self.renew():
                    self._claims.let_go(self)
            except StoreUnavailable as error:
                self._claims.warn(error)

    async def release(self) -> None:
        """Others may work on it, and know of the jobs that are left open.

        Bounded, and done even by a build that is being cancelled.
        """
        from anyio import CancelScope, move_on_after  # noqa: PLC0415 - see `beat`

        self._claims.let_go(self)
        if not self._number:
            return
        with CancelScope(shield=True), move_on_after(RELEASE_S):
            try:
                async with self._locked():
                    await self._end()
                    self._number = 0
            except StoreUnavailable as error:
                # It will be found unchanged, and taken over.
                self._claims.warn(error)

    async def _end(self) -> None:
        if not await self._is_mine():
            return
        if self._number == 1 and not self._content.jobs and not self._content.refusals:
            await self._claims.delete(self.wish, 1)
            return
        # A number above the first stays: an earlier owner that was asleep must find that it was followed.
        await self._claims.write(self.wish, self._number, self._content)
        await self._claims.free(self.wish, self._number)

    # ------------------------------------------------------------------------------------------------------------------

    def _note(self, job: Entry) -> None:
        self._content = replace(self._content, jobs={**self._content.jobs, job.key: job})

    async def _publish(self) -> None:
        """Write at once what the next sign of life would write as well."""
        from anyio import move_on_after  # noqa: PLC0415 - see `beat`

        with move_on_after(BEAT_CALL_S):
            try:
                await self._write()
            except StoreUnavailable as error:
                self._claims.warn(error)

    async def _write(self) -> None:
        async with self._locked():
            if self._number:
                self._content = replace(self._content, beat=self._content.beat + 1)
                await self._claims.write(self.wish, self._number, self._content)

    async def _is_mine(self) -> bool:
        return await self._claims.is_mine(self.wish, self._number)

    def _locked(self) -> anyio.Lock:
        from anyio import Lock  # noqa: PLC0415 - see `beat`

        if self._lock is None:
            self._lock = Lock()
        return self._lock


def _signature(name: str, claim: Mapping[str, JsonValue], secret: bytes) -> str:
    """HMAC-SHA256 of what an object says and of where it is."""
    return hmac.new(secret, canonical_json({"name": name, "claim": dict(claim)}), "sha256").hexdigest()


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


def _line(text: str) -> str:
    """What may be shown of a text that comes from elsewhere."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_MOST_REASON])


def _is_plausible(entry: Entry) -> bool:
    """Whether the job may be asked for: its id goes into an address."""
    return all(_JOB_ID.fullmatch(one.job_id) is not None for one in entry.accepted)


def _by_our_clock(entry: Entry, now: float) -> Entry:
    """The entry of a runner whose clock may be wrong by minutes, so that it is neither too old nor yet to come."""
    return replace(entry, tries=tuple(_try_by_our_clock(one, now) for one in entry.tries))


def _try_by_our_clock(one: Try, now: float) -> Try:
    sent_at = one.sent_at
    if sent_at > now - CLOCKS_APART_S:
        # Young enough to be waited for, and old enough to be looked for among all jobs that may be meant.
        sent_at = now - INTENT_AGE_S
    accepted_at = now if one.accepted_at > now - CLOCKS_APART_S else one.accepted_at
    return replace(one, sent_at=sent_at, ended_at=0.0, accepted_at=accepted_at)
