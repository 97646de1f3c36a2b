"""Getting one picture from the services: collect what is paid already, then pay, within the caps, at one line.

The order on disk makes it safe to die at any moment: the intent before the create call, the job id before the first
poll, the picture before the entry is closed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from mkdocs_leonardo.budget import Budget, Reservation
from mkdocs_leonardo.errors import (
    Charged,
    JobFailed,
    JobUnfinished,
    PictureError,
    PromptRefused,
    ProviderError,
    StoreUnavailable,
)
from mkdocs_leonardo.failover import RETRY_WAIT_S, Decision, Step, decide
from mkdocs_leonardo.providers.base import Clock, FindsLostJobs, Provider, ReportsAccount
from mkdocs_leonardo.spec import JsonValue, PictureRecord, PictureSpec, Source, Submission, digest_of

if TYPE_CHECKING:
    import anyio

    from mkdocs_leonardo.storage.base import Claim, JobJournal, OpenJob, PictureStore, RestList

#: A create call that a killed process may have had in the air is looked for this long (seconds).
LOST_ANSWER_S = 10.0
#: An intent that is older was sent and carried out long ago, or never: one look is enough. A call may have waited
#: for the limiter for minutes before it left (seconds).
FRESH_INTENT_S = 600.0
#: An earlier build's job that is older than this is asked for once instead of being waited for (seconds).
OLD_JOB_S = 600.0
#: How long that one look may take (seconds).
ONE_LOOK_S = 5.0
#: Requests that a job needs from its create call to its last poll; measured are 2.9 to 4.0 (see providers/polling.py).
REQUESTS_PER_JOB = 5
#: Between two looks at the request limit (seconds).
PACE_S = 1.0
#: Between two downloads of a picture that came damaged (seconds).
DAMAGED_WAIT_S = 1.0

#: How an attempt's result begins that a cap did not allow.
HELD_BACK = "a cap of this build holds it back"

T = TypeVar("T")


#: Where messages go: one of `logging`'s levels, and the text.
Tell = Callable[[int, str], None]


class Delivered(Protocol):
    """What is known of delivered bytes after decoding them."""

    @property
    def extension(self) -> str:
        """Of the file: jpg, png, webp or avif."""
        ...

    @property
    def width_px(self) -> int:
        """As delivered."""
        ...

    @property
    def height_px(self) -> int:
        """As delivered."""
        ...

    @property
    def marks(self) -> str:
        """What the bytes say of their origin: ``xmp``, ``c2pa``, both or nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """One provider's name for a wish. `available`: it has a key, and the site allows generation."""

    provider: Provider
    available: bool
    key: str
    request: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one provider, in words for the report."""

    provider: str
    result: str


@dataclass(slots=True)
class Log:
    """What happened on the way to one picture.

    `capped_usd`: what a create call that a cap held back would have cost. `passed_over`: providers whose turn is over.
    """

    attempts: list[Attempt] = field(default_factory=list)
    cost_usd: float = 0.0
    capped_usd: float | None = None
    passed_over: set[str] = field(default_factory=set)

    def note(self, provider: str, result: str) -> None:
        """Add one try."""
        self.attempts.append(Attempt(provider, result))

    def words(self) -> str:
        """All tries in one line, each once."""
        return "; ".join(dict.fromkeys(f"{attempt.provider}: {attempt.result}" for attempt in self.attempts))


class Unshared:
    """The claim of a build that shares nothing with other machines."""

    doubt = ""

    def left(self, _key: str) -> OpenJob | None:
        """Nobody else leaves anything."""
        return None

    def refusal(self, _key: str) -> str | None:
        """Nobody else pays."""
        return None

    async def intend(self, _job: OpenJob) -> bool:
        """Nobody takes over."""
        return True

    async def accept(self, job: OpenJob) -> None:
        """Nobody is told."""

    async def close(self, key: str) -> None:
        """Nobody is told."""

    async def refuse(self, key: str, reason: str) -> None:
        """Nobody is told."""

    async def release(self) -> None:
        """Nobody waits."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A picture that some page asked for; `lease` is the name under which other processes are kept out.

    `landed` is called when its job is in flight no more, so that the next one may start while it is stored. `claim` is
    what `lease` is among machines that share a store.
    """

    picture: PictureSpec
    page: str
    lease: str
    landed: Callable[[], None]
    claim: Claim = field(default_factory=Unshared)


@dataclass(frozen=True, slots=True)
class Obtained:
    """A picture that came from a service in this build, and the store that holds it."""

    record: PictureRecord
    store: PictureStore
    source: Source


class LeaseLost(Exception):
    """Another process works on this wish now; nothing was sent."""


class NobodyCould(Exception):
    """Every provider is out; the message says what each one said."""


class Buyer:
    """Talks to the services for one build, remembering which of them are off."""

    def __init__(
        self,
        *,
        journal: JobJournal,
        rests: RestList,
        keep: Sequence[PictureStore],
        budget: Budget,
        inspect: Callable[[bytes], Delivered],
        clock: Clock,
        tell: Tell,
        reject: Callable[[Wish, str, str], None],
        credit_alert: float | None = None,
        room_s: Callable[[str, int], float] = lambda _provider, _requests: 0.0,
    ) -> None:
        """`room_s(provider, requests)` tells the seconds until the request limit has room for so many; 0: now."""
        self._journal = journal
        self._rests = rests
        self._keep = tuple(keep)
        self._inspect = inspect
        self._clock = clock
        self._tell = tell
        self._reject = reject
        self._credit_alert = credit_alert
        self._off: dict[str, str] = {}
        self._resting: dict[str, str] = {}
        self._looking: dict[str, anyio.Lock] = {}
        self._accounts: dict[str, anyio.Event] = {}
        # Of this build and not stored yet: they are known even if the journal is deleted meanwhile.
        self._uncollected: dict[str, Submission] = {}
        # Providers that are at this moment asked for a picture, one entry for each call.
        self._asking: list[Provider] = []
        self._slots: dict[str, anyio.CapacityLimiter] = {}
        self._room_s = room_s
        self._gates: dict[str, anyio.Lock] = {}
        self._in_flight: Counter[str] = Counter()
        self.budget = budget

    @property
    def awaited(self) -> tuple[str, ...]:
        """The providers whose answer, on its way now, is the picture itself; once cut off, it can be had nowhere."""
        return tuple(sorted({asked.name for asked in self._asking if not isinstance(asked, FindsLostJobs)}))

    # What is paid already --------------------------------------------------------------------------------------------

    async def collect(
        self, wish: Wish, candidates: Sequence[Candidate], log: Log, damaged: Mapping[str, PictureRecord]
    ) -> Obtained | None:
        """The picture of an earlier build's job, if one of `candidates` has one that is finished in time; pays nothing.

        `damaged` holds the records of stored pictures whose bytes went bad: their jobs can be fetched once more.
        """
        for candidate in candidates:
            if not candidate.available or candidate.provider.name in self._off:
                continue
            job = await self._paid_job(wish, candidate, log, damaged.get(candidate.key))
            if job is None:
                continue
            now = self._clock.now()
            age_s = now - job.accepted_at
            patience_s = ONE_LOOK_S if age_s > OLD_JOB_S else candidate.provider.timeout_s
            try:
                return await self._fetch(wish, candidate, job, now + patience_s, log, Source.RESUMED, wish.landed)
            except ProviderError as error:
                decision = decide(error, creates=0, can_look=False)
                await self._after(decision, error, wish, candidate, log)
                if decision.step is Step.NEXT_PROVIDER:
                    log.passed_over.add(candidate.provider.name)
        return None

    async def _paid_job(
        self, wish: Wish, candidate: Candidate, log: Log, damaged: PictureRecord | None
    ) -> Submission | None:
        """The job of an earlier build for this key: known, or found in the account's list."""
        provider = candidate.provider
        left = wish.claim.left(candidate.key)
        if left is not None:
            await _thread(self._journal.inherit, left)
        entry = await _thread(self._journal.entry, candidate.key)
        if entry is not None:
            await wish.claim.accept(entry)
        if candidate.key in self._uncollected and (entry is None or entry.state != "accepted"):
            # What the journal has comes first: another build may have taken over while this one was asleep.
            return self._uncollected[candidate.key]
        if entry is None:
            if damaged is None or not damaged.job_id or not isinstance(provider, FindsLostJobs):
                return None
            return Submission(provider.name, damaged.model, damaged.job_id, damaged.created_at, damaged.cost_usd)
        if entry.state == "accepted":
            return Submission(provider.name, entry.model, entry.job_id, entry.accepted_at, entry.cost_usd)
        return await self._lost_job(wish, candidate, entry, log)

    async def _lost_job(self, wish: Wish, candidate: Candidate, entry: OpenJob, log: Log) -> Submission | None:
        """An earlier build sent, or was about to send, a create call and never noted an answer."""
        provider = candidate.provider
        if not isinstance(provider, FindsLostJobs):
            # The answer was the picture itself, and nobody kept it.
            self._tell(logging.WARNING, lost_answer(wish.page, provider.name))
            await self._withdraw(wish, candidate)
            return None
        now = self._clock.now()
        # A call in the air when its process died may reach the service a moment from now, however old the intent is.
        give_up_at = now + (LOST_ANSWER_S if now - entry.intended_at < FRESH_INTENT_S else 0.0)
        while True:
            try:
                found = await self._look(wish, candidate, min(entry.intended_at, now))
            except ProviderError as error:
                log.note(provider.name, f"its list of jobs could not be read ({error})")
                return None
            if found is not None:
                self._tell(logging.INFO, f"{wish.page}: found the job that an earlier build had paid for")
                return found
            if self._clock.now() >= give_up_at:
                await self._withdraw(wish, candidate)
                return None
            await self._clock.sleep(min(RETRY_WAIT_S, give_up_at - self._clock.now()))

    async def _look(self, wish: Wish, candidate: Candidate, since: float) -> Submission | None:
        """The job in the account's list that nobody knows of, noted down as this wish's."""
        from anyio import Lock  # noqa: PLC0415 - a warm build needs no event loop

        provider = candidate.provider
        assert isinstance(provider, FindsLostJobs)  # noqa: S101 - every caller has asked
        # One at a time: two wishes with one prompt must not take the same job for theirs.
        async with self._looking.setdefault(provider.name, Lock()):
            known = await _thread(self._journal.known_jobs, provider.name)
            found = await provider.find(wish.picture, since=since, known=known)
            if found is not None:
                self._uncollected[candidate.key] = found
                await wish.claim.accept(await _thread(self._journal.accept, candidate.key, found))
            return found

    async def _withdraw(self, wish: Wish, candidate: Candidate) -> None:
        """No intent is left, here or with others."""
        await _thread(self._journal.withdraw, candidate.key)
        await wish.claim.close(candidate.key)

    def is_home(self, store: PictureStore) -> bool:
        """Whether `store` is where pictures stay, so that nothing is left to collect for what it holds."""
        return store is self._keep[0]

    # What must be paid for -------------------------------------------------------------------------------------------

    async def create(self, wish: Wish, candidates: Sequence[Candidate], log: Log) -> Obtained:
        """A new picture from the first provider that makes one. `PromptRefused`, or `NobodyCould` with the reasons."""
        for candidate in candidates:
            refusal = wish.claim.refusal(candidate.key) or await _thread(self._journal.refusal, candidate.key)
            if refusal is not None:
                raise PromptRefused(refusal, provider=candidate.provider.name)
            if not candidate.available or candidate.provider.name in log.passed_over:
                continue
            obtained = await self._create_at(wish, candidate, log)
            if obtained is not None:
                return obtained
        raise NobodyCould(log.words())

    async def _create_at(self, wish: Wish, candidate: Candidate, log: Log) -> Obtained | None:
        """The picture from one provider, or None when it is the next one's turn."""
        from anyio import CancelScope  # noqa: PLC0415 - a warm build needs no event loop

        provider = candidate.provider
        if not self._fits(wish, candidate, log):
            return None
        await self._meet(candidate)
        async with self._slot(provider) as free, self._paced(candidate):
            creates = 0
            while True:
                reason = await self._why_not(candidate)
                if reason:
                    log.note(provider.name, reason)
                    return None
                reservation = self.budget.reserve(provider.estimate_usd(wish.picture))
                if reservation is None:
                    self._fits(wish, candidate, log)
                    return None
                creates += 1
                try:
                    submission = await self._submit(wish, candidate, reservation)
                except ProviderError as error:
                    decision = decide(error, creates=creates, can_look=isinstance(provider, FindsLostJobs))
                    if error.charged is Charged.YES:
                        log.cost_usd += reservation.estimate_usd
                    await self._after(decision, error, wish, candidate, log)
                    adopted = await self._adopt(wish, candidate, reservation, log) if decision.look_first else None
                    if adopted is not None:
                        return await self._receive(wish, candidate, adopted, reservation, log, free)
                    if decision.step is not Step.CREATE_AGAIN:
                        return None
                else:
                    # A picture that is here already is kept, even by a build that is being cancelled.
                    with CancelScope(shield=submission.image is not None):
                        return await self._receive(wish, candidate, submission, reservation, log, free)

    def _fits(self, wish: Wish, candidate: Candidate, log: Log) -> bool:
        """Whether the caps have room for this picture; noted if they have not, before any connection is opened."""
        estimate_usd = candidate.provider.estimate_usd(wish.picture)
        if self.budget.would_fit(estimate_usd):
            return True
        if log.capped_usd is None:
            # Of the provider that is asked first: the next build will ask it again.
            log.capped_usd = estimate_usd
        log.note(candidate.provider.name, f"{HELD_BACK} (about ${estimate_usd:.3f})")
        return False

    async def _why_not(self, candidate: Candidate) -> str:
        """Why this provider is not to be paid for this picture now; empty if nothing stands against it."""
        name = candidate.provider.name
        if name in self._off:
            return self._off[name]
        if await _thread(self._rests.resting_until, name) > self._clock.now():
            # The same words for every page, so that one warning holds them all.
            return self._resting.get(name, "is resting: it was asked too often a short while ago")
        entry = await _thread(self._journal.entry, candidate.key)
        if entry is None and candidate.key not in self._uncollected:
            return ""
        if entry is None or entry.state == "accepted":
            return "has a job that is paid for and not collected yet"
        return "may have accepted an earlier call; nothing is paid for until that is known"

    async def _receive(
        self,
        wish: Wish,
        candidate: Candidate,
        submission: Submission,
        reservation: Reservation,
        log: Log,
        free: Callable[[], None],
    ) -> Obtained | None:
        """The picture of a job that this build paid for, or None when it is the next provider's turn."""
        cost_usd = self.budget.settle(reservation, submission.cost_usd)
        log.cost_usd += cost_usd
        give_up_at = submission.accepted_at + candidate.provider.timeout_s

        def landed() -> None:
            free()
            wish.landed()

        try:
            return await self._fetch(wish, candidate, submission, give_up_at, log, Source.GENERATED, landed)
        except ProviderError as error:
            if isinstance(error, JobFailed | PromptRefused) and error.charged is Charged.NO:
                self.budget.cancel(reservation)
                log.cost_usd -= cost_usd
            # As for an earlier build's job: it is in the air, and what goes wrong now never leads to a second create.
            await self._after(decide(error, creates=0, can_look=False), error, wish, candidate, log)
            return None

    async def _submit(self, wish: Wish, candidate: Candidate, reservation: Reservation) -> Submission:
        """The one place where money is spent: capped by `reservation`, journalled, needed by `wish`."""
        from anyio import CancelScope  # noqa: PLC0415 - a warm build needs no event loop

        provider = candidate.provider
        try:
            entry = await _thread(
                lambda: self._journal.intend(
                    candidate.key,
                    provider=provider.name,
                    model=provider.model,
                    page=wish.page,
                    request=candidate.request,
                    estimate_usd=reservation.estimate_usd,
                    lease=wish.lease,
                )
            )
        except StoreUnavailable as error:
            self.budget.withdraw(reservation)
            raise StoreUnavailable(
                f"no job is paid for that cannot be noted down ({error}); make cache_dir writable"
            ) from error
        except ValueError:
            # Whoever took the lease over while this process was asleep pays, or has paid.
            self.budget.withdraw(reservation)
            raise LeaseLost from None
        if not await wish.claim.intend(entry):
            await _thread(self._journal.withdraw, candidate.key)
            self.budget.withdraw(reservation)
            raise LeaseLost
        self._tell(logging.INFO, f"{wish.page}: {provider.name} is asked for a picture")
        self._asking.append(provider)
        try:
            submission = await provider.submit(wish.picture)
        except ProviderError as error:
            if error.charged is Charged.NO:
                self.budget.withdraw(reservation)
            raise
        finally:
            self._asking.remove(provider)
        self._uncollected[candidate.key] = submission
        with CancelScope(shield=True), suppress(StoreUnavailable):
            # With a full disk only the job id is lost; the picture is fetched first and told about when it is kept.
            await wish.claim.accept(await _thread(self._journal.accept, candidate.key, submission))
        return submission

    # From job to stored picture --------------------------------------------------------------------------------------

    async def _fetch(
        self,
        wish: Wish,
        candidate: Candidate,
        submission: Submission,
        give_up_at: float,
        log: Log,
        source: Source,
        landed: Callable[[], None],
    ) -> Obtained:
        """The picture of an accepted job, decoded once to be sure, and stored before anything else."""
        while True:
            image = await candidate.provider.fetch(submission, give_up_at=give_up_at)
            try:
                delivered = await _thread(self._inspect, image.data)
                break
            except PictureError as error:
                if submission.image is not None:
                    raise JobFailed(
                        f"sent something that {error}", provider=submission.provider, charged=Charged.YES
                    ) from error
                if self._clock.now() + DAMAGED_WAIT_S >= give_up_at:
                    raise JobUnfinished(
                        f"the picture {error}", provider=submission.provider, charged=Charged.YES
                    ) from error
                await self._clock.sleep(DAMAGED_WAIT_S)
        # From here on nothing can lead to another job, so that its slot need not wait for the disk.
        landed()
        record = PictureRecord(
            key=candidate.key,
            digest=digest_of(image.data),
            extension=delivered.extension,
            provider=submission.provider,
            model=submission.model,
            job_id=submission.job_id,
            cost_usd=submission.cost_usd if image.cost_usd is None else image.cost_usd,
            created_at=self._clock.now(),
            width_px=delivered.width_px,
            height_px=delivered.height_px,
            # A job that waited for this build to collect it took who knows how long.
            seconds=max(0.0, round(self._clock.now() - submission.accepted_at, 3))
            if source is Source.GENERATED
            else None,
            page=wish.page,
            marks=delivered.marks,
            request=candidate.request,
        )
        store = await _thread(self.keep, wish.page, record, image.data)
        self._uncollected.pop(candidate.key, None)
        log.note(submission.provider, "collected" if source is Source.RESUMED else "generated")
        return Obtained(record, store, source)

    def keep(self, page: str, record: PictureRecord, data: bytes, *, is_new: bool = True) -> PictureStore:
        """Save first, account for it afterwards: no bookkeeping error may lose a paid picture.

        One that is not new lies in a team's store as well.
        """
        for place, store in enumerate(self._keep):
            try:
                store.save(record, data)
            except StoreUnavailable as error:
                last = error
                continue
            if place == 0:
                with suppress(StoreUnavailable):
                    self._journal.close(record.key)
            elif not is_new:
                self._tell(
                    logging.INFO,
                    f"{page}: its picture is the team's, and could not be kept in the cache ({last}); make room or "
                    "cache_dir writable",
                )
            else:
                # The entry stays open: the next build collects the job again, which costs nothing.
                self._tell(
                    logging.WARNING,
                    f"{page}: its new picture could not be kept in the cache ({last}); make room or cache_dir "
                    "writable, and build again here",
                )
            return store
        raise StoreUnavailable(f"the picture of {page} could not be kept anywhere")

    # What follows from errors ----------------------------------------------------------------------------------------

    async def _after(
        self, decision: Decision, error: ProviderError, wish: Wish, candidate: Candidate, log: Log
    ) -> None:
        """Carry `decision` out, up to its next step; `error` again if that is to stop."""
        name = candidate.provider.name
        log.note(name, str(error))
        if decision.rest_s:
            self._resting[name] = str(error)
            await _thread(self._rests.rest, name, self._clock.now() + decision.rest_s)
        if decision.switch_off and name not in self._off:
            self._off[name] = str(error)
            level = logging.WARNING if decision.warn else logging.INFO
            self._tell(level, f"{name} is off for this build: {error}")
        if isinstance(error, JobUnfinished):
            self._tell(logging.INFO, f"{wish.page}: {name} {error}; the job is paid for and kept for a later build")
        if decision.log_prompt:
            await _thread(self._reject, wish, name, str(error))
        if decision.forget:
            await self._forget(error, wish, candidate)
        if decision.step is Step.STOP:
            raise error
        if decision.wait_s:
            await self._clock.sleep(decision.wait_s)

    async def _forget(self, error: ProviderError, wish: Wish, candidate: Candidate) -> None:
        if isinstance(error, PromptRefused):
            await _thread(self._journal.refuse, candidate.key, str(error))
            await wish.claim.refuse(candidate.key, str(error))
        self._uncollected.pop(candidate.key, None)
        await wish.claim.close(candidate.key)
        entry = await _thread(self._journal.entry, candidate.key)
        if entry is not None:
            accepted = entry.state == "accepted"
            await _thread(self._journal.close if accepted else self._journal.withdraw, candidate.key)

    async def _adopt(self, wish: Wish, candidate: Candidate, reservation: Reservation, log: Log) -> Submission | None:
        """After a create call that failed: the job it led to after all. If there is surely none, nothing stands."""
        entry = await _thread(self._journal.entry, candidate.key)
        if entry is None:
            return None
        try:
            found = await self._look(wish, candidate, entry.intended_at)
        except ProviderError as error:
            # Not known is not "no": the intent stays, and the next build looks again before it pays.
            log.note(candidate.provider.name, f"its list of jobs could not be read ({error})")
            return None
        if found is None:
            await self._withdraw(wish, candidate)
            self.budget.withdraw(reservation)
            return None
        log.note(candidate.provider.name, "had accepted the job after all")
        return found

    # The account -----------------------------------------------------------------------------------------------------

    async def _meet(self, candidate: Candidate) -> None:
        """Ask once per build, before the first submission, for balance and slots; a bad answer changes nothing."""
        from anyio import CapacityLimiter, Event  # noqa: PLC0415 - a warm build needs no event loop

        provider = candidate.provider
        if not isinstance(provider, ReportsAccount) or await self._why_not(candidate):
            return
        if provider.name in self._accounts:
            await self._accounts[provider.name].wait()
            return
        asked = self._accounts[provider.name] = Event()
        try:
            account = await provider.account()
        except ProviderError as error:
            # The create call will say it with authority.
            self._tell(logging.DEBUG, f"{provider.name}: the account could not be read ({error})")
            return
        finally:
            asked.set()
        if account.slots is not None and account.slots > 0:
            self._slots[provider.name] = CapacityLimiter(account.slots)
        if self._credit_alert is not None and account.credits is not None and account.credits < self._credit_alert:
            self._tell(
                logging.WARNING,
                f"{provider.name} has {account.credits:g} credits left, below the alert at {self._credit_alert:g}; "
                "top the account up",
            )

    @asynccontextmanager
    async def _paced(self, candidate: Candidate) -> AsyncIterator[None]:
        """Inside, the request limit has room for this job and for the polls of those in flight.

        A job whose polls must wait for the limit is late without being late, and the next provider would be paid.
        """
        from anyio import Lock  # noqa: PLC0415 - a warm build needs no event loop

        name = candidate.provider.name
        async with self._gates.setdefault(name, Lock()):
            waited = False
            while not await self._why_not(candidate):
                wait_s = await _thread(self._room_s, name, REQUESTS_PER_JOB * (self._in_flight[name] + 1))
                if wait_s <= 0:
                    break
                if not waited:
                    self._tell(logging.DEBUG, f"{name}: waiting for room under requests_per_minute")
                waited = True
                await self._clock.sleep(min(wait_s, PACE_S))
            self._in_flight[name] += 1
        try:
            yield
        finally:
            self._in_flight[name] -= 1

    @asynccontextmanager
    async def _slot(self, provider: Provider) -> AsyncIterator[Callable[[], None]]:
        """One of the account's slots, if it says how many there are; the function gives it back early."""
        limiter = self._slots.get(provider.name)
        if limiter is None:
            yield _nothing
            return
        async with turn(limiter) as free:
            yield free


def waiting_for(names: Sequence[str]) -> str:
    """What whoever stops a program should know while it waits for `awaited` providers."""
    return f"waiting for {' and '.join(names)}, whose answer is paid for; Ctrl-C again gives it up"


def given_up(names: Sequence[str]) -> str:
    """What came of it when somebody did not want to wait."""
    return f"gave {' and '.join(names)} up: what had not come yet is lost and may have been charged"


def lost_answer(page: str, provider: str) -> str:
    """What the owner should know of a create call whose answer was the picture and never came."""
    return f"{page}: an earlier run never got {provider}'s answer; that picture is lost and may have been charged"


def _nothing() -> None:
    """Nothing is held."""


@asynccontextmanager
async def turn(limiter: anyio.CapacityLimiter) -> AsyncIterator[Callable[[], None]]:
    """One place of `limiter` for the length of the block, or until the function is called."""
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


async def _thread(function: Callable[..., T], *arguments: object) -> T:
    from anyio import to_thread  # noqa: PLC0415 - a warm build needs no event loop

    return await to_thread.run_sync(function, *arguments)
