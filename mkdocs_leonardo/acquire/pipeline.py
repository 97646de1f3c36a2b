"""From wishes to pictures: look up, collect what is paid, and only then pay, within the caps, at one line.

One `Pipeline` serves one build. `at_hand` is synchronous and opens no connection; `resolve` runs in the event loop,
any number of pages side by side. Knows protocols only: which services and stores there are is `runtime`'s business.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mkdocs_leonardo.acquire.orders import (
    Candidate,
    LeaseLost,
    Log,
    NobodyCould,
    NoTeamLease,
    Tell,
    Wish,
    turn,
)
from mkdocs_leonardo.acquire.runner import Buyer
from mkdocs_leonardo.errors import (
    BrokenEntry,
    PictureError,
    PromptRefused,
    ProviderError,
    StorageError,
    StoreUnavailable,
)
from mkdocs_leonardo.providers.base import Clock, FindsLostJobs, Provider
from mkdocs_leonardo.resolution import NOT_GENERATED, Attempt, Failure, FailureKind, Resolution, unexpected
from mkdocs_leonardo.spec import (
    FocalPoint,
    HeroAsset,
    HeroSpec,
    PictureRecord,
    PictureSpec,
    Rendering,
    Source,
    canonical_json,
    digest_of,
    generation_request,
    request_key,
)

if TYPE_CHECKING:
    import anyio

    from mkdocs_leonardo.renderer import Renderer
    from mkdocs_leonardo.storage.base import JobJournal, PictureStore
    from mkdocs_leonardo.storage.entries import Entry
    from mkdocs_leonardo.team.leases import TeamLease, TeamLeases
    from mkdocs_leonardo.team.pictures import TeamPictures

#: Between two attempts to take over what another process works on (seconds).
LEASE_POLL_S = 0.25
#: Between two signs of life (seconds).
BEAT_S = 2.0
#: Work on a wish stops when its lease was not renewed for so long (seconds): soon others may take it over.
HOLD_S = 8.0

#: Why a page shows a stand-in where another machine may have paid for its picture.
IN_DOUBT = (
    "the team's store cannot say whether another machine has paid for it; it is made when the store can, or with "
    "`on_store_failure: generate`"
)
#: How to have a picture whose entry in the team's store cannot be shown.
_RESTORE = (
    "it is not paid for again while that entry is there: restore the object or delete it, or build once with "
    "`on_store_failure: generate`"
)

#: How to have a picture of which a file is there that cannot be used.
_NOT_AGAIN = "; it is not paid for again while that file is there: restore it, or delete it and its other half"

#: Where pictures were before this build.
_AT_HAND = frozenset({Source.PINNED, Source.CACHED})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Link:
    """A provider in the chain. `available`: there is a key for it."""

    provider: Provider
    available: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that is at hand, and who would be asked before it: candidates in front of it may hold paid jobs."""

    record: PictureRecord
    store: PictureStore
    source: Source
    rank: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """A picture without anything made from it. `failure` says why there is none. Pages that share it pay once."""

    hero: HeroSpec
    found: Found | None
    attempts: tuple[Attempt, ...]
    cost_usd: float
    failure: Failure | None


@dataclass(slots=True)
class Flight:
    """The one way in which a wish is being fulfilled, for all the pages that share it. `done` is None when it is."""

    done: anyio.Event | None
    found: Found | None = None
    failure: Failure | None = None
    log: Log = field(default_factory=Log)
    seconds: float = 0.0


class Pipeline:
    """Resolves the wishes of one build."""

    def __init__(
        self,
        *,
        chain: Sequence[Link],
        lookup: Sequence[tuple[Source, PictureStore]],
        journal: JobJournal,
        buyer: Buyer,
        renderer: Renderer,
        clock: Clock,
        tell: Tell,
        generate: bool,
        concurrency: int,
        team: TeamPictures | None = None,
        leases: TeamLeases | None = None,
        pays_in_doubt: bool = False,
        lone_pictures: Callable[[], Sequence[Path]] = tuple,
    ) -> None:
        """`pays_in_doubt`: also for what another machine may have paid for, where `team` or `leases` cannot tell."""
        self._chain = tuple(chain)
        self._lookup = tuple(lookup)
        self._journal = journal
        self._buyer = buyer
        self._renderer = renderer
        self._clock = clock
        self._tell = tell
        self._generate = generate
        self._concurrency = concurrency
        self._team = team
        self._team_leases = leases
        self._pays_in_doubt = pays_in_doubt
        self._told: set[str] = set()
        self._flights: dict[PictureSpec, Flight] = {}
        self._renderings: dict[tuple[str, FocalPoint], anyio.Event] = {}
        self._slots: anyio.CapacityLimiter | None = None
        self._workers: anyio.CapacityLimiter | None = None
        self._damaged: dict[str, PictureRecord] = {}
        # Where it is that a key's pair cannot be used, and why.
        self._damage: dict[str, tuple[Source, str]] = {}
        self._lone_pictures = lone_pictures
        self._halves: Mapping[str, Path] | None = None
        self._leases: dict[str, anyio.CancelScope] = {}
        self._open_jobs = self._read_open_jobs()
        self._last_heroes: dict[str, str] | None = None

    # What is at hand -------------------------------------------------------------------------------------------------

    def at_hand(self, hero: HeroSpec) -> Resolution | None:
        """The page's hero if all its files are there and nothing is left to collect for it; opens no connection."""
        if hero.picture is None:
            return self._own_at_hand(hero)
        candidates = self._candidates(hero.picture)
        found = self._find(candidates)
        if found is None:
            if self._team is not None or self._may_ask(candidates):
                return None
            return self._stand_in_at_hand(hero, self._why_nobody(candidates))
        self._tell_of_damage(hero.page, candidates)
        if self._is_open(candidates, found):
            return None
        rendering = self._renderer.load(found.record, hero)
        if rendering is None:
            return None
        self._remember(hero.page, found)
        return Resolution(hero, _asset(found.record, found.source, rendering))

    def likely_key(self, hero: HeroSpec) -> str:
        """The key of the picture that the page will probably show: of the provider that is asked first."""
        if hero.picture is None:
            return self._renderer.read_own(_own_path(hero))[0].key
        candidates = self._candidates(hero.picture)
        asked = (candidate.key for candidate in candidates if candidate.available)
        return next(asked, None) or self._renderer.painted_record(hero.picture).key

    def is_missing(self, hero: HeroSpec) -> bool:
        """Whether there is no picture on this machine yet, so that somebody has to be waited for, or it is painted."""
        return hero.picture is not None and self._find(self._candidates(hero.picture)) is None

    def _own_at_hand(self, hero: HeroSpec) -> Resolution | None:
        record, _ = self._renderer.read_own(_own_path(hero))
        rendering = self._renderer.load(record, hero)
        return None if rendering is None else Resolution(hero, _asset(record, Source.OWN, rendering))

    def _stand_in_at_hand(self, hero: HeroSpec, failure: Failure | None) -> Resolution | None:
        record, source, _ = self._stand_in(hero)
        rendering = self._renderer.load(record, hero)
        if rendering is None:
            return None
        return Resolution(hero, _asset(record, source, rendering), failure=failure)

    def _candidates(self, picture: PictureSpec) -> tuple[Candidate, ...]:
        requests = (
            generation_request(link.provider.name, link.provider.model, picture, link.provider.options)
            for link in self._chain
        )
        return tuple(
            Candidate(
                link.provider,
                link.available and self._generate and self._takes(link.provider, picture),
                request_key(request),
                request,
            )
            for link, request in zip(self._chain, requests, strict=True)
        )

    def _takes(self, provider: Provider, picture: PictureSpec) -> bool:
        """Whether the provider takes the picture's reference; without it, the picture is not ordered."""
        takes = picture.look is None or bool(getattr(provider, "takes_references", False))
        if not takes:
            self._tell_once(
                logging.WARNING,
                f"{provider.name} takes no reference with the model {provider.model}, so it draws no page that has "
                "one; leave style_reference and hero_reference out, or choose another model",
            )
        return takes

    def _find(self, candidates: Sequence[Candidate]) -> Found | None:
        for source, store in self._lookup:
            for rank, candidate in enumerate(candidates):
                with self._broken_is_a_miss():
                    try:
                        record = store.sound(candidate.key)
                        if record is not None:
                            return Found(record, store, source, rank)
                    except BrokenEntry as error:
                        self._damage.setdefault(candidate.key, (source, str(error)))
                        remains = store.remains(candidate.key)
                        if remains is not None:
                            # Its job can be fetched once more, which costs nothing.
                            self._damaged[candidate.key] = remains
                        raise
        return None

    def damage(self, picture: PictureSpec) -> str:
        """Why the picture is neither shown nor paid for: it is there, and cannot be used; empty for any other."""
        candidates = self._candidates(picture)
        return "" if self._find(candidates) is not None else self._damage_of(candidates)

    def _damage_of(self, candidates: Sequence[Candidate]) -> str:
        """Which file of a picture that is there cannot be used, and the fix; empty if there is none.

        Not readable is not "missing": the picture may be paid for.
        """
        for candidate in candidates:
            if candidate.key in self._damage:
                return f"{self._damage[candidate.key][1]}{_NOT_AGAIN}"
        if self._halves is None:
            self._halves = {path.name[:16]: path for path in self._lone_pictures()}
        for candidate in candidates:
            half = self._halves.get(candidate.key[:16])
            if half is not None and half.exists() and not half.with_suffix(".json").exists():
                return f"{half} has no {half.stem}.json beside it{_NOT_AGAIN}"
        return ""

    def _tell_of_damage(self, page: str, candidates: Sequence[Candidate]) -> None:
        """A damaged picture in the gallery is a warning even where the page has another copy of it."""
        for candidate in candidates if self._damage else ():
            source, message = self._damage.get(candidate.key, (Source.CACHED, ""))
            if source is Source.PINNED:
                self._tell_once(logging.WARNING, f"{page}: {message}")

    def _open_before(self, candidates: Sequence[Candidate], rank: int) -> bool:
        now = self._clock.now()
        asked = [candidate for candidate in candidates[:rank] if candidate.available]
        entries = (self._open_jobs.get(candidate.key) for candidate in asked)
        return any(entry is not None and entry.is_due(now) for entry in entries) or any(map(self._is_lost, asked))

    def _is_lost(self, candidate: Candidate) -> bool:
        """Whether the stored picture is damaged, and its job can be fetched once more."""
        record = self._damaged.get(candidate.key)
        return record is not None and bool(record.job_id) and isinstance(candidate.provider, FindsLostJobs)

    def _is_open(self, candidates: Sequence[Candidate], found: Found) -> bool:
        """Whether there is something to ask for, better than what is at hand, or paid for beside it."""
        own = self._open_jobs.get(found.record.key)
        others = [one for one in own.tries if one.job_id != found.record.job_id] if own is not None else []
        is_spare_due = any(one.is_due(self._clock.now()) for one in others)
        return self._open_before(candidates, found.rank) or (is_spare_due and candidates[found.rank].available)

    def _may_ask(self, candidates: Sequence[Candidate]) -> bool:
        return any(candidate.available for candidate in candidates)

    def _why_nobody(self, candidates: Sequence[Candidate]) -> Failure | None:
        """Why no provider is asked at all; None if a stand-in is simply what a site without keys gets."""
        damage = self._damage_of(candidates)
        if damage:
            return Failure(damage)
        return None if self._generate else NOT_GENERATED

    def _read_open_jobs(self) -> Mapping[str, Entry]:
        try:
            return self._journal.entries()
        except StoreUnavailable as error:
            self._tell_once(
                logging.WARNING, f"the journal of paid jobs cannot be read ({error}); make cache_dir writable"
            )
            return {}

    def _remember(self, page: str, found: Found) -> None:
        try:
            if found.record.key in self._open_jobs and found.source in _AT_HAND and self._is_kept(found):
                # A build died between storing the picture and closing its entry.
                self._journal.close(found.record.key, found.record.job_id)
            if self._last_heroes is None:
                self._last_heroes = self._journal.last_heroes()
            if self._last_heroes.get(page) != found.record.key:
                self._journal.accept_hero(page, found.record.key)
                self._last_heroes[page] = found.record.key
        except StoreUnavailable as error:
            # Only a later stand-in would be poorer for it.
            self._tell(logging.DEBUG, f"{page}: its last hero could not be noted ({error})")

    def _is_kept(self, found: Found) -> bool:
        return found.source is Source.PINNED or self._buyer.is_home(found.store)

    # The picture alone ------------------------------------------------------------------------------------------------

    async def picture(self, hero: HeroSpec) -> Purchase:
        """The picture that `resolve` would show, made if need be; no files for pages, and no stand-in."""
        assert hero.picture is not None  # noqa: S101 - nobody buys an author's own picture
        flight = await self._fly(hero.picture, hero.page, self._candidates(hero.picture), lambda: None)
        failure = flight.failure or (None if flight.found else Failure("no provider could be asked"))
        return Purchase(
            hero, flight.found, tuple(flight.log.attempts), self._buyer.budget.cost_of(flight.log.paid), failure
        )

    # The way of one page ---------------------------------------------------------------------------------------------

    async def resolve(self, hero: HeroSpec, step_aside: Callable[[], None] = lambda: None) -> Resolution:
        """The page's hero, made if need be; a stand-in with the reason otherwise. May open connections and pay.

        `step_aside` is called before it waits for what another page or another machine is making.
        """
        started = self._clock.now()
        if hero.picture is None:
            return await self._resolve_own(hero)
        candidates = self._candidates(hero.picture)
        first = hero.picture not in self._flights
        flight = await self._fly(hero.picture, hero.page, candidates, step_aside)
        log = flight.log if first else Log(attempts=flight.log.attempts, capped_usd=flight.log.capped_usd)
        resolution = Resolution(
            hero,
            None,
            tuple(log.attempts),
            self._buyer.budget.cost_of(log.paid),
            self._clock.now() - started,
            capped_usd=log.capped_usd,
        )
        if flight.found is not None:
            found = flight.found if first else replace(flight.found, source=_shared(flight.found.source))
            try:
                asset = await self._show(found, hero)
            except (PictureError, StorageError, OSError) as error:
                return await self._stand(resolution, hero, Failure(f"its files could not be made ({error})"))
            self._tell_of_damage(hero.page, candidates)
            await self._disk(self._remember, hero.page, found)
            return replace(resolution, asset=asset)
        return await self._stand(resolution, hero, flight.failure or self._why_nobody(candidates))

    async def _resolve_own(self, hero: HeroSpec) -> Resolution:
        path = _own_path(hero)
        try:
            record, data = await self._disk(self._renderer.read_own, path)
            rendering = await self._render(record, hero, lambda: self._renderer.render(data, record, hero))
        except (PictureError, StorageError, OSError) as error:
            return Resolution(hero, None, failure=Failure(f"hero_image {path.name} {_reason(error)}"))
        return Resolution(hero, _asset(record, Source.OWN, rendering))

    async def _stand(self, resolution: Resolution, hero: HeroSpec, failure: Failure | None) -> Resolution:
        """The page's last accepted hero, else the painter's picture; None only if even that cannot be written."""
        record, source, store = await self._disk(self._stand_in, hero)
        try:
            if store is not None:
                asset = await self._show(Found(record, store, source, 0), hero)
            else:
                rendering = await self._render(record, hero, lambda: self._renderer.paint(record, hero))
                asset = _asset(record, source, rendering)
        except (PictureError, StorageError, OSError) as error:
            reason = failure.text if failure else ""
            return replace(resolution, failure=Failure(f"{reason}; and no placeholder could be written ({error})"))
        return replace(resolution, asset=asset, failure=failure)

    def _stand_in(self, hero: HeroSpec) -> tuple[PictureRecord, Source, PictureStore | None]:
        picture = hero.picture
        assert picture is not None  # noqa: S101 - own pictures need no stand-in
        with suppress(StoreUnavailable):
            last = self._journal.last_hero(hero.page)
            for _, store in self._lookup if last else ():
                with self._broken_is_a_miss():
                    record = store.sound(last or "")
                    if record is not None:
                        return record, Source.LAST, store
        return self._renderer.painted_record(picture), Source.LOCAL, None

    async def _show(self, found: Found, hero: HeroSpec) -> HeroAsset:
        def render() -> Rendering:
            return self._renderer.render(found.store.read(found.record), found.record, hero)

        rendering = await self._render(found.record, hero, render)
        return _asset(found.record, found.source, rendering)

    async def _render(self, record: PictureRecord, hero: HeroSpec, make: Callable[[], Rendering]) -> Rendering:
        """The files of one picture, made once however many pages show it, on as many threads as there are cores."""
        from anyio import Event, to_thread  # noqa: PLC0415 - a warm build needs no event loop

        flight = (record.key, hero.focus)
        while flight in self._renderings:
            await self._renderings[flight].wait()
        done = self._renderings[flight] = Event()
        try:
            ready = await self._disk(self._renderer.load, record, hero)
            if ready is not None:
                return ready
            return await to_thread.run_sync(make, limiter=self._limits()[1])
        finally:
            del self._renderings[flight]
            done.set()

    # The way of one picture ------------------------------------------------------------------------------------------

    async def _fly(
        self, picture: PictureSpec, page: str, candidates: Sequence[Candidate], step_aside: Callable[[], None]
    ) -> Flight:
        """One submission per wish in this process: the first page flies, the others wait for it to land."""
        from anyio import Event  # noqa: PLC0415 - see `_render`

        if picture in self._flights:
            flight = self._flights[picture]
            if flight.done is not None:
                step_aside()
                await flight.done.wait()
            return flight
        done = Event()
        flight = self._flights[picture] = Flight(done)
        try:
            found = await self._obtain(picture, page, candidates, flight.log, step_aside)
            # Kept for as long as the build: what was sent to the service is in the store by now.
            flight.found = found and replace(found, record=replace(found.record, request={}))
        except (ProviderError, NobodyCould, StorageError) as error:
            kind = FailureKind.REFUSED if isinstance(error, PromptRefused) else FailureKind.OTHER
            flight.failure = Failure(str(error), kind)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs a page its picture, never the build
            self._tell(logging.DEBUG, f"{page}: {error!r}")
            flight.failure = unexpected(error)
        finally:
            done.set()
            flight.done = None
        return flight

    async def _obtain(
        self,
        picture: PictureSpec,
        page: str,
        candidates: Sequence[Candidate],
        log: Log,
        step_aside: Callable[[], None],
    ) -> Found | None:
        while True:
            found, doubt = await self._look_up(page, candidates)
            if found is not None and not self._is_open(candidates, found):
                return found
            if not self._may_ask(candidates):
                return found
            if doubt and not self._open_before(candidates, len(candidates)):
                raise NobodyCould(doubt)
            is_mine = True
            async with turn(self._limits()[0]) as landed, self._lease(picture) as lease:
                with suppress(LeaseLost):
                    async with self._team_lease(lease, candidates) as team_lease:
                        is_mine = team_lease is not None
                        if team_lease is not None:
                            return await self._obtain_alone(
                                Wish(picture, page, lease, landed, team_lease), candidates, log
                            )
            if is_mine:
                # This process was asleep for so long that others took it for dead: what they did comes first.
                self._tell(logging.INFO, f"{page}: this build was asleep or cut off; looking what others did meanwhile")
            else:
                # Meanwhile this build makes what nobody else is making.
                step_aside()
                await self._wait_for_others(lease_name(picture))

    async def _obtain_alone(self, wish: Wish, candidates: Sequence[Candidate], log: Log) -> Found:
        """The picture of a wish whose lease is held."""
        # Another process, or another machine, may have been faster while this one waited.
        found, doubt = await self._look_up(wish.page, candidates)
        rank = len(candidates) if found is None else found.rank
        try:
            obtained = await self._buyer.collect(wish, candidates[:rank], log, self._damaged)
        except (ProviderError, StorageError) as error:
            if found is None:
                raise
            # What the page has is good; only the better one that was waited for will never come.
            self._tell(logging.INFO, f"{wish.page}: keeps its hero from {found.record.provider}: {error}")
            return found
        if obtained is None and found is not None:
            await self._buyer.collect_spares(wish, candidates[rank], log, found.record)
            return found
        if obtained is None:
            damage = await self._disk(self._damage_of, candidates)
            if damage:
                raise NobodyCould(damage)
            if doubt or (wish.team_lease.doubt and not self._pays_in_doubt):
                raise NobodyCould(doubt or IN_DOUBT)
            obtained = await self._buyer.create(wish, candidates, log)
        return await self._share(Found(obtained.record, obtained.store, obtained.source, rank), wish)

    async def _look_up(self, page: str, candidates: Sequence[Candidate]) -> tuple[Found | None, str]:
        """The picture that is on this machine, or else the team's, which is on this machine then.

        Where there is none, also why nothing is paid for it; empty if the team has none, or the site pays anyhow.
        """
        found = await self._disk(self._find, candidates)
        if found is not None:
            return found, ""
        try:
            wanted = [(candidate.key, candidate.provider.name) for candidate in candidates]
            return await self._fetch(page, wanted), ""
        except BrokenEntry as error:
            return None, "" if self._pays_in_doubt else f"{error}; {_RESTORE}"
        except StoreUnavailable:
            # The reason is told once, for all pages.
            return None, "" if self._pays_in_doubt else IN_DOUBT

    async def _fetch(self, page: str, wanted: Sequence[tuple[str, str]]) -> Found | None:
        if self._team is None:
            return None

        def keep(record: PictureRecord, data: bytes) -> Found:
            return Found(record, self._buyer.keep(page, record, data, is_new=False), Source.CACHED, 0)

        fetched = await self._team.fetch(wanted, keep)
        return replace(fetched[1], rank=fetched[0]) if fetched else None

    async def _share(self, found: Found, wish: Wish) -> Found:
        """What the team shows from now on: the picture, or the one that somebody else had put there first."""
        if self._team is None:
            return found
        with suppress(StorageError):
            data = await self._disk(found.store.read, found.record)
            if await self._team.share(found.record, data):
                await wish.team_lease.close(found.record.key)
                return found
            theirs = await self._fetch(wish.page, [(found.record.key, found.record.provider)])
            if theirs is not None:
                await wish.team_lease.close(found.record.key)
                return replace(found, record=theirs.record, store=theirs.store)
        return found

    def _limits(self) -> tuple[anyio.CapacityLimiter, anyio.CapacityLimiter]:
        from anyio import CapacityLimiter  # noqa: PLC0415 - see `_render`

        if self._slots is None or self._workers is None:
            self._slots = CapacityLimiter(self._concurrency)
            self._workers = CapacityLimiter(self._renderer.threads)
        return self._slots, self._workers

    @asynccontextmanager
    async def _lease(self, picture: PictureSpec) -> AsyncIterator[str]:
        """Only one process on the cache works on a wish; the next one waits, and takes over from a dead one.

        The block is left early, without an exception, when the lease is lost.
        """
        from anyio import CancelScope, current_time  # noqa: PLC0415 - see `_render`

        name = lease_name(picture)
        while not await self._disk(self._journal.claim, name):
            await self._clock.sleep(LEASE_POLL_S)
        # A process that was stopped and goes on has its timers first of all: no request leaves after the deadline.
        with CancelScope(deadline=current_time() + HOLD_S) as scope:
            self._leases[name] = scope
            try:
                yield name
            finally:
                del self._leases[name]
                self._release(name)

    @asynccontextmanager
    async def _team_lease(
        self, lease: str, candidates: Sequence[Candidate]
    ) -> AsyncIterator[TeamLease | NoTeamLease | None]:
        """Only one of the machines that share a store works on a wish; None while that is another one."""
        if self._team_leases is None:
            yield NoTeamLease()
            return
        team_lease = await self._team_leases.acquire(lease, {candidate.key for candidate in candidates})
        try:
            yield team_lease
        finally:
            if team_lease is not None:
                await team_lease.release()

    async def _wait_for_others(self, lease: str) -> None:
        assert self._team_leases is not None  # noqa: S101 - there is no other machine without team leases
        if not await self._team_leases.wait(lease):
            raise NobodyCould("another machine has been making it for too long; it is not paid for a second time")

    def _release(self, lease: str) -> None:
        # Synchronous, so that a cancelled build releases as well.
        with suppress(StoreUnavailable):
            self._journal.release(lease)

    async def beat(self) -> None:
        """Tell other processes and machines that this one lives, for as long as the build runs."""
        from anyio import create_task_group  # noqa: PLC0415 - see `_render`

        async with create_task_group() as group:
            group.start_soon(self._beat)
            if self._team_leases is not None:
                group.start_soon(self._team_leases.heartbeat)

    async def _beat(self) -> None:
        from anyio import current_time  # noqa: PLC0415 - see `_render`

        while True:
            await self._clock.sleep(BEAT_S)
            asked_at = current_time()
            asked_for = dict(self._leases)
            if not asked_for:
                continue
            # If the journal cannot be written now, the leases' scopes run out.
            with suppress(StoreUnavailable):
                mine = await self._disk(self._journal.beat)
                for name, scope in asked_for.items():
                    if name in mine:
                        scope.deadline = asked_at + HOLD_S
                    else:
                        scope.cancel()

    async def aclose(self) -> None:
        """Close every provider's connections, and let go of the team's store."""
        try:
            for link in self._chain:
                await link.provider.aclose()
        finally:
            if self._team is not None:
                await self._team.aclose()

    async def _disk(self, function: Callable[..., T], *arguments: object) -> T:
        from anyio import to_thread  # noqa: PLC0415 - see `_render`

        return await to_thread.run_sync(function, *arguments)

    @contextmanager
    def _broken_is_a_miss(self) -> Iterator[None]:
        try:
            yield
        except BrokenEntry as error:
            self._tell_once(logging.INFO, str(error))
        except StoreUnavailable as error:
            self._tell_once(logging.INFO, f"{error}; going on without it")

    def _tell_once(self, level: int, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._tell(level, message)


def lease_name(picture: PictureSpec) -> str:
    """The name under which processes keep each other out; the same for all providers of one wish."""
    return digest_of(canonical_json({"wish": dict(generation_request("", "", picture, {}))}))


def _asset(record: PictureRecord, source: Source, rendering: Rendering) -> HeroAsset:
    return HeroAsset(record.key, record.provider, record.model, source, rendering, record.created_at, record.marks)


def _shared(source: Source) -> Source:
    """What a second page's report says of a picture that the first one had made."""
    return Source.CACHED if source in {Source.GENERATED, Source.RESUMED} else source


def _own_path(hero: HeroSpec) -> Path:
    assert hero.own_image is not None  # noqa: S101 - a hero has a wish or a file, by construction
    return hero.own_image


def _reason(error: Exception) -> str:
    return f"could not be opened ({error.strerror})" if isinstance(error, OSError) else str(error)
