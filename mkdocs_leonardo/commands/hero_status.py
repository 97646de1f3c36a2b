"""The status of each page's hero, for every command: the place of its picture, its jobs and its price."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.errors import HeroError, StoreUnavailable
from mkdocs_leonardo.lookup import Candidate, Hit, Miss, can_fetch_again, list_damaged_records
from mkdocs_leonardo.resolution import not_again_message, unanswered_message, unreadable_journal_message
from mkdocs_leonardo.runtime import Runtime
from mkdocs_leonardo.spec import PictureRecord, Rendering, Source, lease_name

if TYPE_CHECKING:
    from mkdocs_leonardo.acquire.budget import Budget
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.spec import HeroSpec, PictureSpec
    from mkdocs_leonardo.storage.base import PictureSource
    from mkdocs_leonardo.storage.entries import Entry, Refusal

HeroState = Literal["own", "pinned", "cached", "paid", "uncertain", "damaged", "refused", "empty", "missing"]
JobState = Literal["accepted", "intended", "lost"]

#: States of pictures without a usable copy, a job or a refusal.
ABSENT_STATES = frozenset[HeroState]({"missing", "damaged"})
#: States of pictures that no provider is asked for until their author changes something.
BLOCKED_STATES = frozenset[HeroState]({"refused", "empty", "damaged"})
#: States of pictures that are, or may be, paid for and are not collected.
PAID_STATES = frozenset[HeroState]({"paid", "uncertain"})


@dataclass(frozen=True, slots=True)
class Offer:
    """One provider's offer of a picture: the key, the price and the state of a job.

    `is_able`: the provider takes the picture, and has not ended a job for it without an image.
    `is_allowed`: the site allows to generate.
    `job`: the state of a job to collect, or of a job to fetch again since its stored picture is damaged.
    "intended": the create call has no answer so far. "lost": the answer was the picture, and never arrived; it may have
    been charged.
    `is_due`: a build asks for the job now.
    `refusal`: the reason why the prompt is not sent again.
    """

    provider: str
    key: str
    estimate_usd: float
    has_api_key: bool
    is_able: bool
    is_allowed: bool
    job: JobState | None = None
    is_due: bool = False
    refusal: Refusal | None = None

    @property
    def can_be_bought(self) -> bool:
        """Whether a build may order the picture from the provider."""
        return self.has_api_key and self.is_able and self.is_allowed

    @property
    def is_collectable(self) -> bool:
        """Whether a job is, or may be, paid for and can be collected."""
        return self.has_api_key and self.job in {"accepted", "intended"}


@dataclass(frozen=True, slots=True)
class HeroStatus:
    """The status of one page's hero. `offers` are in the order of the providers.

    `record`, `store`: of the picture that a build would show.
    `rendering`: None until the picture's files are made.
    `fault`: describes a damaged stored copy, even if another copy is sound.
    `is_pin_faulty`: the damaged copy is in the gallery.
    `reason`: why the picture is not bought: a refused prompt, a job without a picture or a damaged file.
    `last`: the earlier picture that the page shows while its own is missing; None if the page shows a placeholder.
    """

    hero: HeroSpec
    state: HeroState
    offers: tuple[Offer, ...] = ()
    record: PictureRecord | None = None
    store: PictureSource | None = None
    rendering: Rendering | None = None
    fault: str = ""
    is_pin_faulty: bool = False
    reason: str = ""
    last: PictureRecord | None = None

    @property
    def key(self) -> str:
        """The key of the stored picture, else of the picture at the first provider to be asked."""
        if self.record is not None:
            return self.record.key
        return self._first.key if self._first is not None else ""

    @property
    def _first(self) -> Offer | None:
        """The offer of the first able provider with a key, else of the first able one, else the first offer.

        Able is a provider that can make the picture.
        """
        able = (offer for offer in self.offers if offer.has_api_key and offer.is_able)
        return next(able, next((offer for offer in self.offers if offer.is_able), next(iter(self.offers), None)))

    def read_picture(self) -> bytes:
        """Read the stored picture as delivered; BrokenEntry or StoreUnavailable if the file cannot be read."""
        assert self.record is not None  # noqa: S101 - callers look whether there is one
        assert self.store is not None  # noqa: S101 - found together with the record
        return self.store.read(self.record)

    @property
    def jobs(self) -> tuple[Offer, ...]:
        """The open jobs that come before the stored picture, or before a payment."""
        jobs: list[Offer] = []
        for offer in self.offers:
            if self.record is not None and offer.key == self.record.key:
                break
            if offer.is_collectable:
                jobs.append(offer)
        return tuple(jobs)

    @property
    def is_due(self) -> bool:
        """Whether a build collects, or looks for, one of the jobs now."""
        return any(offer.is_due for offer in self.jobs)

    @property
    def is_certain(self) -> bool:
        """Whether one of the jobs is certainly paid for."""
        return any(offer.job == "accepted" for offer in self.jobs)

    @property
    def losses(self) -> tuple[str, ...]:
        """Warnings of lost answers of earlier builds; empty once the picture is stored."""
        is_absent = self.state in ABSENT_STATES
        gone = [offer.provider for offer in self.offers if offer.job == "lost" and is_absent]
        return tuple(unanswered_message(self.hero.page, provider) for provider in gone)

    @property
    def must_be_bought(self) -> bool:
        """Whether a build would pay for the picture."""
        return self.state == "missing" and any(offer.can_be_bought for offer in self.offers)

    @property
    def has_price(self) -> bool:
        """Whether a build would pay for the picture, now or once the site has an API key."""
        is_keyless = not any(offer.has_api_key for offer in self.offers)
        could_be_asked = any(offer.is_able and offer.is_allowed for offer in self.offers)
        return self.must_be_bought or (self.state == "missing" and is_keyless and could_be_asked)

    @property
    def estimate_usd(self) -> float:
        """The price at the first provider that may be asked; 0 without a price."""
        return self._first.estimate_usd if self._first is not None and self.has_price else 0.0

    @property
    def problem(self) -> str:
        """The problem of the picture; `""` if there is none."""
        problem = self.reason if self.state == "damaged" else self.fault or self.reason
        return problem or "; ".join(self.losses)

    @property
    def most_usd(self) -> float:
        """The highest possible cost: the sum of all providers' prices, as if each charged and delivered nothing."""
        if not self.must_be_bought:
            return 0.0
        return sum(offer.estimate_usd for offer in self.offers if offer.can_be_bought)


@contextmanager
def open_runtime(
    settings: Settings, console: Console, budget: Budget | None = None, *, asks_providers: bool = True
) -> Iterator[Runtime]:
    """Open the stores and the chain of a build, and close them after the block. `budget` is as for `Runtime`.

    With `asks_providers=False`, no provider is asked, as in a build with `generate: false`.
    """
    settings = settings if asks_providers else replace(settings, generate=False)
    runtime = Runtime(settings, environ=os.environ, notify=console.notify, budget=budget)
    try:
        yield runtime
    finally:
        runtime.close()
        runtime.discard()


def find_statuses(runtime: Runtime, heroes: Iterable[HeroSpec]) -> tuple[HeroStatus, ...]:
    """Find the status of every hero, in their order."""
    jobs = read_open_jobs(runtime)
    return tuple(_find_status(runtime, hero, jobs) for hero in heroes)


def read_open_jobs(runtime: Runtime) -> Mapping[str, Entry]:
    """Read the journal's entries of jobs that are, or may be, paid for and not collected, by key."""
    try:
        return runtime.journal.get_entries()
    except StoreUnavailable as error:
        raise CommandError(unreadable_journal_message(error)) from error


def drop_repeats(statuses: Iterable[HeroStatus]) -> tuple[HeroStatus, ...]:
    """Keep one status for each picture: the status of the first page with the picture."""
    statuses_by_picture: dict[PictureSpec | None, HeroStatus] = {}
    for status in statuses:
        statuses_by_picture.setdefault(status.hero.picture, status)
    return tuple(statuses_by_picture.values())


def find_used_records(runtime: Runtime, status: HeroStatus) -> tuple[PictureRecord, ...]:
    """Find the records of the pictures that the page shows, or may show while its own picture is missing."""
    hero = status.hero
    if hero.picture is None:
        if hero.own_image is None:
            return ()
        with suppress(HeroError, OSError):
            return (runtime.renderer.read_own(hero.own_image)[0],)
        return ()
    records = [record for record in (status.record, status.last) if record is not None]
    return (*records, runtime.renderer.make_placeholder_record(hero.picture))


def _find_status(runtime: Runtime, hero: HeroSpec, jobs: Mapping[str, Entry]) -> HeroStatus:
    if hero.picture is None:
        return HeroStatus(hero, "own")
    result = runtime.lookup.find(hero)
    damaged = list_damaged_records(result.faults)
    offers = tuple(_make_offer(runtime, candidate, damaged, jobs.get(candidate.key)) for candidate in result.candidates)
    fault = "; ".join(copy.text for copy in result.faults)
    is_pin_faulty = any(copy.source is Source.PINNED for copy in result.faults)
    if isinstance(result, Hit):
        stored = result.stored
        rendering = runtime.renderer.load(stored.record, hero)
        state: HeroState = "pinned" if stored.source is Source.PINNED else "cached"
        return HeroStatus(hero, state, offers, stored.record, stored.store, rendering, fault, is_pin_faulty)
    state, reason = _find_state(result, offers)
    paid = [offer for offer in offers if offer.is_collectable]
    if paid:
        state = "paid" if any(offer.job == "accepted" for offer in paid) else "uncertain"
    last_hero = runtime.lookup.get_last_shown(hero.page)
    record = last_hero.record if last_hero is not None else None
    return HeroStatus(hero, state, offers, fault=fault, is_pin_faulty=is_pin_faulty, reason=reason, last=record)


def _make_offer(
    runtime: Runtime, candidate: Candidate, damaged: Mapping[str, PictureRecord], entry: Entry | None
) -> Offer:
    """Describe what one provider has, or would make, for a page."""
    provider = candidate.provider
    picture = candidate.picture
    job: JobState | None = None
    if entry is None:
        job = "accepted" if can_fetch_again(candidate, damaged) else None
    else:
        job = "accepted" if entry.accepted else "intended"
        # While another process waits for the answer, it is not lost.
        if job == "intended" and not provider.keeps_jobs:
            holder = runtime.journal.get_lease_holder(lease_name(picture))
            job = "lost" if holder is None else job
    refusal = runtime.journal.get_refusal(candidate.key)
    return Offer(
        provider.name,
        candidate.key,
        provider.estimate_usd(picture),
        candidate.has_api_key,
        is_able=candidate.takes_picture and (refusal is None or refusal.stops_chain),
        is_allowed=runtime.lookup.generate,
        job=job,
        is_due=runtime.lookup.may_collect(candidate, entry, damaged),
        refusal=refusal,
    )


def _find_state(miss: Miss, offers: Sequence[Offer]) -> tuple[HeroState, str]:
    """Find the state of a missing picture, apart from jobs, and the reason why the picture is not bought."""
    if miss.damage:
        return "damaged", miss.damage
    for offer in offers:
        if offer.refusal is not None and offer.refusal.stops_chain:
            return "refused", offer.refusal.reason
        if offer.has_api_key and offer.is_able:
            return "missing", ""
    for offer in offers:
        if offer.refusal is not None:
            return "empty", not_again_message(offer.refusal.reason, offer.key)
    return "missing", ""
