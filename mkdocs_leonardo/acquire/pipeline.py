"""The pipeline of one build: resolves each page's request to a picture, by a look-up, a paid job, or a new job.

`resolve` runs in the event loop, any number of pages at once. The pipeline imports no concrete service or store:
`runtime` passes them in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from anyio import CapacityLimiter, Event

from mkdocs_leonardo.acquire.jobs import Jobs
from mkdocs_leonardo.acquire.leases import Leases
from mkdocs_leonardo.acquire.request import Attempts, BuildContext, PictureRequest
from mkdocs_leonardo.acquire.runner import JobRunner
from mkdocs_leonardo.concurrency import hold_slot, to_thread
from mkdocs_leonardo.errors import (
    BrokenEntry,
    LeasedElsewhere,
    LeaseTakenOver,
    LookupOutdated,
    PictureError,
    PictureUnavailable,
    PromptRefused,
    ProviderError,
    StorageError,
    StoreUnavailable,
)
from mkdocs_leonardo.lookup import Hit, LookupResult, Miss, get_own_path, list_damaged_records, make_asset
from mkdocs_leonardo.resolution import Failure, FailureKind, Resolution, unexpected_failure
from mkdocs_leonardo.spec import (
    FocalPoint,
    HeroAsset,
    HeroSpec,
    PictureRecord,
    PictureSpec,
    Rendering,
    Source,
    lease_name,
)
from mkdocs_leonardo.storage.base import StoredPicture

#: The failure of a page whose picture another machine may have paid for.
IN_DOUBT = (
    "the team's store cannot say whether another machine has paid for it; it is made once the store answers, or with "
    "`on_store_failure: generate`"
)
#: The fix for a picture whose entry in the team's store cannot be shown.
_RESTORE = (
    "it is not paid for again while that entry is there: restore the object or delete it, or build once with "
    "`on_store_failure: generate`"
)


@dataclass(slots=True)
class InFlight:
    """The work for one picture, shared by all pages that ask for it. `done` is None once the work has ended."""

    done: Event | None
    stored: StoredPicture | None = None
    failure: Failure | None = None
    attempts: Attempts = field(default_factory=Attempts)


class Pipeline:
    """The pipeline of one build, from requests to resolutions."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._lookup, self._renderer = context.lookup, context.renderer
        self._jobs, self.leases = Jobs(context), Leases(context)
        self._runner = JobRunner(context, self._jobs)
        self._flights: dict[PictureSpec, InFlight] = {}
        self._renderings: dict[tuple[str, FocalPoint], Event] = {}
        self._slots = CapacityLimiter(context.concurrency)
        self._workers = CapacityLimiter(context.renderer.threads)

    @property
    def awaited(self) -> tuple[str, ...]:
        """The names of providers with a request in flight whose response is the only copy of the image."""
        return tuple(sorted({provider.name for provider in self._jobs.providers_in_call if not provider.keeps_jobs}))

    async def aclose(self) -> None:
        """Close every provider's connections, and the team's store."""
        try:
            for provider in self._lookup.chain:
                try:
                    await provider.aclose()
                except Exception as error:  # noqa: BLE001 - another package's code may raise anything
                    name = type(error).__name__
                    self._context.notify(logging.DEBUG, f"{provider.name} could not close its connections ({name})")
        finally:
            if self._context.team is not None:
                await self._context.team.aclose()

    # Pages ------------------------------------------------------------------------------------------------------------

    async def resolve(
        self, hero: HeroSpec, result: LookupResult | None = None, start_next: Callable[[], None] = lambda: None
    ) -> Resolution:
        """Resolve the page's hero: the picture, made if it is missing, or a substitute with the reason. May pay.

        `result` comes from the look-up, if that was made. `start_next` is called before each wait for the work of
        another page or machine.
        """
        if hero.picture is None:
            return await self._resolve_own(hero, result)
        if result is None:
            result = await to_thread(self._lookup.find, hero)
        resolution = await self.acquire_picture(hero, result, start_next)
        stored = resolution.stored
        if stored is None:
            failure = resolution.failure or self._lookup.explain_miss(result)
            return await self.resolve_substitute(resolution, hero, failure)
        try:
            asset = await self._add_files(stored, hero)
        except (PictureError, StorageError, OSError) as error:
            return await self.resolve_substitute(resolution, hero, Failure(f"its files could not be made ({error})"))
        self._lookup.warn_of_damage(hero.page, result)
        await to_thread(self._lookup.remember, hero.page, stored)
        return replace(resolution, asset=asset)

    async def acquire_picture(
        self, hero: HeroSpec, result: LookupResult | None = None, start_next: Callable[[], None] = lambda: None
    ) -> Resolution:
        """Acquire the page's picture as `resolve` does, without files for pages and without a substitute."""
        assert hero.picture is not None  # noqa: S101 - an author's own picture is not bought
        began_at = self._context.clock.now()
        if result is None:
            result = await to_thread(self._lookup.find, hero)
        is_first = hero.picture not in self._flights
        flight = await self._acquire_once(hero.picture, hero.page, result, start_next)
        stored, attempts = flight.stored, flight.attempts
        if stored is not None and not is_first:
            stored = replace(stored, source=_source_of_later_page(stored.source))
        return Resolution(
            hero,
            stored=stored,
            attempts=tuple(attempts.made),
            cost_usd=self._context.budget.sum_costs(attempts.reservations) if is_first else 0.0,
            seconds=self._context.clock.now() - began_at,
            failure=flight.failure,
            capped_usd=attempts.capped_usd,
        )

    async def _resolve_own(self, hero: HeroSpec, result: LookupResult | None) -> Resolution:
        try:
            hit = result or await to_thread(self._lookup.find, hero)
            assert isinstance(hit, Hit)  # noqa: S101 - a file of the author's is read, or is an error
            return Resolution(hero, await self._add_files(hit.stored, hero))
        except (PictureError, StorageError, OSError) as error:
            return Resolution(hero, failure=Failure(f"hero_image {get_own_path(hero).name} {_describe_error(error)}"))

    async def resolve_substitute(self, resolution: Resolution, hero: HeroSpec, failure: Failure | None) -> Resolution:
        """Resolve the page to its substitute: its last hero, or the placeholder."""
        stored = await to_thread(self._lookup.choose_substitute, hero)
        try:
            asset = await self._add_files(stored, hero)
        except (PictureError, StorageError, OSError) as error:
            reason = failure.text if failure else ""
            return replace(resolution, failure=Failure(f"{reason}; and no placeholder could be written ({error})"))
        return replace(resolution, asset=asset, failure=failure)

    async def _add_files(self, stored: StoredPicture, hero: HeroSpec) -> HeroAsset:
        def render() -> Rendering:
            if stored.store is None:
                return self._renderer.paint(stored.record, hero)
            return self._renderer.render(stored.store.read(stored.record), stored.record, hero)

        return make_asset(stored, await self._render_once(stored.record, hero, render))

    async def _render_once(self, record: PictureRecord, hero: HeroSpec, make: Callable[[], Rendering]) -> Rendering:
        """Load or make the files of one picture; pages that ask at the same time share the work."""
        files = (record.key, hero.focus)
        while files in self._renderings:
            await self._renderings[files].wait()
        done = self._renderings[files] = Event()
        try:
            ready = await to_thread(self._renderer.load, record, hero)
            if ready is not None:
                return ready
            return await to_thread(make, limiter=self._workers)
        finally:
            del self._renderings[files]
            done.set()

    # Pictures ---------------------------------------------------------------------------------------------------------

    async def _acquire_once(
        self, picture: PictureSpec, page: str, result: LookupResult, start_next: Callable[[], None]
    ) -> InFlight:
        """Acquire a picture once in this process: later pages wait for the first page's work."""
        if picture in self._flights:
            flight = self._flights[picture]
            if flight.done is not None:
                start_next()
                await flight.done.wait()
            return flight
        done = Event()
        flight = self._flights[picture] = InFlight(done)
        try:
            stored = await self._acquire_under_leases(picture, page, result, flight.attempts, start_next)
            # The result is kept until the build ends. The request is dropped to save memory; the store has it.
            flight.stored = stored and replace(stored, record=stored.record.without_request())
        except (ProviderError, PictureUnavailable, StorageError) as error:
            kind = FailureKind.REFUSED if isinstance(error, PromptRefused) else FailureKind.OTHER
            flight.failure = Failure(str(error), kind)
        except Exception as error:  # noqa: BLE001 - an error of this package costs a page its picture, never the build
            self._context.notify(logging.DEBUG, f"{page}: {error!r}")
            flight.failure = unexpected_failure(error)
        finally:
            done.set()
            flight.done = None
        return flight

    async def _acquire_under_leases(
        self, picture: PictureSpec, page: str, result: LookupResult, attempts: Attempts, start_next: Callable[[], None]
    ) -> StoredPicture | None:
        """Collect or create the picture under the leases of this machine and of the team; PictureUnavailable if not.

        Looks again after each wait for a lease, since its holder may have stored the picture.
        """
        lease = lease_name(picture)
        while True:
            result, reason = await self._download_from_team(page, result)
            stored = result.stored if isinstance(result, Hit) else None
            if (stored is not None and not result.has_open_job) or not any(
                candidate.may_be_asked for candidate in result.candidates
            ):
                return stored
            if reason is not None and not result.has_open_job:
                raise PictureUnavailable(reason)
            keys = [candidate.key for candidate in result.candidates]
            try:
                async with (
                    hold_slot(self._slots) as release_slot,
                    self.leases.hold(lease),
                    self.leases.hold_in_team(lease, keys) as team_lease,
                ):
                    return await self._collect_or_create(
                        PictureRequest(picture, page, release_slot, attempts, team_lease)
                    )
            except LeaseTakenOver:
                self._context.notify(
                    logging.INFO,
                    f"{page}: this build was suspended, or cut off from its store; "
                    f"checking what other builds did meanwhile",
                )
            except LeasedElsewhere:
                # Meanwhile this build makes other pictures.
                start_next()
                await self.leases.wait(lease)
            except LookupOutdated as error:
                # After a failure of the team's store, the next look-up decides whether the site pays in doubt.
                self._context.notify(logging.DEBUG, f"{page}: no call was sent ({type(error).__name__})")
            result = await to_thread(self._lookup.find, HeroSpec(page, picture))

    async def _collect_or_create(self, request: PictureRequest) -> StoredPicture:
        """Collect an earlier job for the picture, or create a new one; both leases are held."""
        # Another process or machine may have made the picture while this one waited.
        result = await to_thread(self._lookup.find, HeroSpec(request.page, request.picture))
        result, reason = await self._download_from_team(request.page, result)
        candidates = result.candidates
        stored = result.stored if isinstance(result, Hit) else None
        # Only providers earlier in the chain can have a better picture.
        rank = len(candidates) if stored is None else stored.rank
        try:
            new_picture = await self._runner.collect_earlier_jobs(
                request, candidates[:rank], list_damaged_records(result.faults)
            )
        except (ProviderError, StorageError) as error:
            if stored is None:
                raise
            # The page keeps its picture, since the better one cannot be collected.
            self._context.notify(logging.INFO, f"{request.page}: keeps its hero from {stored.record.provider}: {error}")
            return stored
        if new_picture is None and stored is not None:
            await self._runner.collect_duplicates(request.address_to(candidates[rank]), stored.record)
            return stored
        if new_picture is None:
            reason = self._find_reason_not_to_pay(request, result, reason)
            if reason is not None:
                raise PictureUnavailable(reason)
            new_picture = await self._runner.acquire_new(request, candidates)
        return await self._share(new_picture, request)

    def _find_reason_not_to_pay(self, request: PictureRequest, result: LookupResult, reason: str | None) -> str | None:
        """Find why the missing picture is not bought, or None. `reason` is the reason of the team's store."""
        if isinstance(result, Miss) and result.damage is not None:
            return result.damage
        is_in_doubt = request.team_lease is not None and request.team_lease.doubt is not None
        return IN_DOUBT if reason is None and is_in_doubt and not self._context.pays_in_doubt else reason

    # The team's store -------------------------------------------------------------------------------------------------

    async def _download_from_team(self, page: str, result: LookupResult) -> tuple[LookupResult, str | None]:
        """Download the team's picture after a miss; returns the result of the look-up, and a reason not to pay.

        The reason is None if the team certainly has no picture, or if the site pays in doubt.
        """
        team = self._context.team
        if isinstance(result, Hit) or team is None:
            return result, None
        try:
            keys = [(candidate.key, candidate.provider.name) for candidate in result.candidates]
            stored = await team.download_first(keys, partial(self._jobs.store_and_close, page, is_new=False))
        except BrokenEntry as error:
            return result, None if self._context.pays_in_doubt else f"{error}; {_RESTORE}"
        except StoreUnavailable:
            # The store has logged the reason once for all pages.
            return result, None if self._context.pays_in_doubt else IN_DOUBT
        return result if stored is None else self._lookup.make_hit(result.candidates, stored, result.faults), None

    async def _share(self, stored: StoredPicture, request: PictureRequest) -> StoredPicture:
        """Upload the picture to the team's store; returns the picture in the store, which may be an earlier one."""
        team = self._context.team
        if team is None or stored.store is None:
            return stored
        with suppress(StorageError):
            data = await to_thread(stored.store.read, stored.record)
            if not await team.share(stored.record, data):
                keys = [(stored.record.key, stored.record.provider)]
                team_picture = await team.download_first(
                    keys, partial(self._jobs.store_and_close, request.page, is_new=False)
                )
                if team_picture is None:
                    return stored
                stored = replace(stored, record=team_picture.record, store=team_picture.store)
            if request.team_lease is not None:
                await request.team_lease.delete_job(stored.record.key)
        return stored


def _source_of_later_page(source: Source) -> Source:
    """Return the source that later pages report for a picture that the first page acquired."""
    return Source.CACHED if source in {Source.GENERATED, Source.COLLECTED} else source


def _describe_error(error: Exception) -> str:
    return f"could not be opened ({error.strerror})" if isinstance(error, OSError) else str(error)
