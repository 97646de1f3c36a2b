"""The look-up of a page's picture: stored, paid for, or missing. Synchronous; opens no connection.

`Lookup.find` runs once for a page. Its result, a `Hit` or `Miss`, goes to the code that shows, makes or counts the
picture.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mkdocs_leonardo.clock import Clock
from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.providers.base import Provider
from mkdocs_leonardo.providers.declaration import creator_of
from mkdocs_leonardo.renderer import OwnFile
from mkdocs_leonardo.resolution import GENERATION_OFF, Complaint, Failure, Resolution, unreadable_journal_message
from mkdocs_leonardo.spec import (
    HeroAsset,
    HeroSpec,
    JsonValue,
    PictureRecord,
    PictureSpec,
    Rendering,
    Source,
    generation_key,
    generation_request,
    short_key,
)
from mkdocs_leonardo.storage.base import PictureStore, StoredPicture

if TYPE_CHECKING:
    from mkdocs_leonardo.renderer import Renderer
    from mkdocs_leonardo.storage.entries import Entry
    from mkdocs_leonardo.storage.journal import Journal

#: The end of a message on a damaged file: why the picture is not bought again, and the fix.
_NOT_AGAIN = "; it is not paid for again while that file is there: restore it, or delete it and its other half"

#: Sources of pictures that existed before this build.
_STORED_EARLIER = frozenset({Source.PINNED, Source.CACHED})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider of the chain with its generation key for a picture.

    `has_api_key`: the provider has an API key.
    `takes_picture`: the provider takes the picture's reference, or the picture has none.
    `may_be_asked`: both are true, and the site allows to generate.
    """

    provider: Provider
    has_api_key: bool
    takes_picture: bool
    may_be_asked: bool
    key: str
    picture: PictureSpec

    @property
    def generation_request(self) -> dict[str, JsonValue]:
        """The generation request, whose digest is the key."""
        provider = self.provider
        return generation_request(provider.name, provider.model, self.picture, provider.options)


@dataclass(frozen=True, slots=True)
class FaultyCopy:
    """A store's copy of a picture that cannot be used or read.

    `is_broken`: the copy is there and damaged; else the store cannot be read. `record`: the copy's record, if the
    record is whole; with it, the job can be fetched again free of charge.
    """

    key: str
    source: Source
    text: str
    is_broken: bool = False
    record: PictureRecord | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored picture. `has_open_job`: another job for it is paid for and may be complete."""

    candidates: tuple[Candidate, ...]
    stored: StoredPicture
    has_open_job: bool = False
    faults: tuple[FaultyCopy, ...] = ()


@dataclass(frozen=True, slots=True)
class Miss:
    """A picture without a usable stored copy. `damage` names a damaged file of it, and the fix; None without one."""

    candidates: tuple[Candidate, ...]
    has_open_job: bool = False
    faults: tuple[FaultyCopy, ...] = ()
    damage: str | None = None


LookupResult: TypeAlias = Hit | Miss


class Lookup:
    """The look-up of pictures for one build. Thread-safe."""

    def __init__(
        self,
        *,
        chain: Sequence[Provider],
        providers_with_api_key: frozenset[str],
        stores: Sequence[tuple[Source, PictureStore]],
        journal: Journal,
        renderer: Renderer,
        clock: Clock,
        notify: Notify,
        generate: bool,
        is_shared: bool = False,
        unrecorded_pictures: Callable[[], Sequence[Path]] = tuple,
    ) -> None:
        """`providers_with_api_key` are names of providers; `is_shared`: the site has a team's store."""
        self.chain = tuple(chain)
        self._providers_with_api_key = providers_with_api_key
        self.stores = tuple(stores)
        #: The stores for new pictures, in the order in which they are tried.
        self.writable = tuple(store for source, store in stores if source is Source.CACHED)
        self._journal = journal
        self._renderer = renderer
        self._clock = clock
        self._notify = notify
        self.generate = generate
        self._is_shared = is_shared
        self._unrecorded_pictures = unrecorded_pictures
        self._unrecorded: Mapping[str, Path] | None = None
        self._logged: set[str] = set()
        self._open_jobs = self._read_open_jobs()
        self._last_heroes: dict[str, str] | None = None

    # Search -----------------------------------------------------------------------------------------------------------

    def find(self, hero: HeroSpec) -> LookupResult:
        """Search every store for the page's picture; PictureError if the author's own file cannot be read."""
        if hero.picture is None:
            path = get_own_path(hero)
            record, _ = self._renderer.read_own(path)
            return Hit((), StoredPicture(record, OwnFile(path), Source.OWN))
        candidates = self._make_candidates(hero.picture)
        faults: list[FaultyCopy] = []
        stored = self._search(candidates, faults)
        if stored is not None:
            return self.make_hit(candidates, stored, faults)
        damage = self._find_damage(candidates, faults)
        return Miss(candidates, self._has_open_job(candidates, faults), tuple(faults), damage)

    def make_hit(
        self, candidates: tuple[Candidate, ...], stored: StoredPicture, faults: Sequence[FaultyCopy] = ()
    ) -> Hit:
        """Return the result of the look-up for a stored picture."""
        has_open_job = self._has_open_job(candidates[: stored.rank], faults) or self._has_duplicate_job(
            candidates, stored
        )
        return Hit(candidates, stored, has_open_job, tuple(faults))

    def _make_candidates(self, picture: PictureSpec) -> tuple[Candidate, ...]:
        candidates: list[Candidate] = []
        for provider in self.chain:
            key = generation_key(provider.name, provider.model, picture, provider.options)
            has_api_key = provider.name in self._providers_with_api_key
            takes_picture = picture.reference is None or provider.takes_references
            may_be_asked = has_api_key and takes_picture and self.generate
            if has_api_key and self.generate and not takes_picture:
                self._log_no_reference(provider)
            candidates.append(Candidate(provider, has_api_key, takes_picture, may_be_asked, key, picture))
        return tuple(candidates)

    def _log_no_reference(self, provider: Provider) -> None:
        """Warn of a provider that is not asked for pictures with a reference."""
        self._log_once(
            logging.WARNING,
            f"{provider.name} takes no reference with the model {provider.model}, so it draws no page that has "
            "one; leave style_reference and hero_reference out, or choose another model",
        )

    def _search(self, candidates: Sequence[Candidate], faults: list[FaultyCopy]) -> StoredPicture | None:
        for source, store in self.stores:
            for rank, candidate in enumerate(candidates):
                record = self._get_verified(store, source, candidate.key, faults)
                if record is not None:
                    return StoredPicture(record, store, source, rank)
        return None

    def _get_verified(
        self, store: PictureStore, source: Source, key: str, faults: list[FaultyCopy]
    ) -> PictureRecord | None:
        """Return the record of an intact pair, or None. Adds a damaged or unreadable pair to `faults`."""
        try:
            return store.get_verified(key)
        except BrokenEntry as error:
            faults.append(FaultyCopy(key, source, str(error), is_broken=True))
            self._log_once(logging.INFO, str(error))
            with suppress(StoreUnavailable):
                faults[-1] = FaultyCopy(key, source, str(error), is_broken=True, record=store.get_record(key))
        except StoreUnavailable as error:
            faults.append(FaultyCopy(key, source, str(error)))
            self._log_once(logging.INFO, f"{error}; going on without it")
        return None

    def _find_damage(self, candidates: Sequence[Candidate], faults: Sequence[FaultyCopy]) -> str | None:
        """Return the message on a damaged file of a picture, with the fix; None if there is none.

        An unreadable picture is not a missing one, since it may be paid for.
        """
        keys = {candidate.key for candidate in candidates}
        broken = [fault.text for fault in faults if fault.is_broken and fault.key in keys]
        if broken:
            return f"{'; '.join(broken)}{_NOT_AGAIN}"
        if self._unrecorded is None:
            self._unrecorded = {path.stem: path for path in self._unrecorded_pictures()}
        for candidate in candidates:
            picture = self._unrecorded.get(short_key(candidate.key))
            if picture is not None and picture.exists() and not picture.with_suffix(".json").exists():
                return f"{picture} has no {picture.stem}.json beside it{_NOT_AGAIN}"
        return None

    # Paid jobs --------------------------------------------------------------------------------------------------------

    def _has_open_job(self, candidates: Sequence[Candidate], faults: Sequence[FaultyCopy]) -> bool:
        """Return whether one of `candidates` has a job that is paid for and can be asked for now."""
        if not self._open_jobs and not faults:
            return False
        damaged = list_damaged_records(faults)
        return any(self.may_collect(candidate, self._open_jobs.get(candidate.key), damaged) for candidate in candidates)

    def may_collect(self, candidate: Candidate, entry: Entry | None, damaged: Mapping[str, PictureRecord]) -> bool:
        """Return whether a build asks the candidate now for the job of `entry`, or else of a damaged picture."""
        if not candidate.may_be_asked:
            return False
        return can_fetch_again(candidate, damaged) if entry is None else entry.is_due(self._clock.now())

    def _has_duplicate_job(self, candidates: Sequence[Candidate], stored: StoredPicture) -> bool:
        """Return whether a duplicate job of a stored picture can be asked for now."""
        entry = self._open_jobs.get(stored.record.key)
        if entry is None or not candidates[stored.rank].may_be_asked:
            return False
        return entry.is_due(self._clock.now(), besides=stored.record.job_id)

    def _read_open_jobs(self) -> Mapping[str, Entry]:
        try:
            return self._journal.get_entries()
        except StoreUnavailable as error:
            self._log_once(logging.WARNING, unreadable_journal_message(error))
            return {}

    # Heroes of pages --------------------------------------------------------------------------------------------------

    def resolve_stored(self, hero: HeroSpec, result: LookupResult) -> Resolution | None:
        """Resolve the page from cached files alone; None if files are missing or a job is open.

        Records the picture as the page's last hero, and deletes its collected job from the journal.
        """
        if isinstance(result, Miss):
            if self._is_shared or any(candidate.may_be_asked for candidate in result.candidates):
                return None
            stored = self.choose_substitute(hero)
            rendering = self._renderer.load(stored.record, hero)
            failure = self.explain_miss(result)
            return None if rendering is None else Resolution(hero, make_asset(stored, rendering), failure=failure)
        self.warn_of_damage(hero.page, result)
        if result.has_open_job:
            return None
        rendering = self._renderer.load(result.stored.record, hero)
        if rendering is None:
            return None
        if hero.picture is not None:
            self.remember(hero.page, result.stored)
        return Resolution(hero, make_asset(result.stored, rendering))

    def predict_key(self, hero: HeroSpec, result: LookupResult) -> str:
        """Return the key of the picture at the first provider that may be asked; the page will probably show it."""
        if hero.picture is None and isinstance(result, Hit):
            return result.stored.record.key
        keys = (candidate.key for candidate in result.candidates if candidate.may_be_asked)
        return next(keys, None) or self.get_placeholder(hero).record.key

    def explain_miss(self, result: LookupResult) -> Failure | None:
        """Return why no provider is asked; None if the site has no key, and there is no other reason."""
        if isinstance(result, Miss) and result.damage is not None:
            return Failure(result.damage)
        return None if self.generate else GENERATION_OFF

    def choose_substitute(self, hero: HeroSpec) -> StoredPicture:
        """Return the substitute for a missing picture: the page's last hero, or the placeholder."""
        return self.get_last_shown(hero.page) or self.get_placeholder(hero)

    def get_placeholder(self, hero: HeroSpec) -> StoredPicture:
        """Return the placeholder of the page: the painter's picture."""
        assert hero.picture is not None  # noqa: S101 - own pictures need no placeholder
        return StoredPicture(self._renderer.make_placeholder_record(hero.picture), None, Source.PAINTED)

    def get_last_shown(self, page: str) -> StoredPicture | None:
        """Return the picture that the page showed last, if it is still stored."""
        with suppress(StoreUnavailable):
            key = self._journal.get_last_hero(page)
            for source, store in self.stores if key else ():
                record = self._get_verified(store, source, key or "", [])
                if record is not None:
                    return StoredPicture(record, store, Source.LAST)
        return None

    def warn_of_damage(self, page: str, result: LookupResult) -> None:
        """Warn of a damaged picture in the gallery, even if the page has another copy of the picture."""
        for fault in result.faults:
            if fault.is_broken and fault.source is Source.PINNED:
                self._log_once(logging.WARNING, Complaint([page], fault.text))

    def remember(self, page: str, stored: StoredPicture) -> None:
        """Record the picture as the page's last hero, and delete its collected job from the journal."""
        key = stored.record.key
        try:
            is_kept = stored.source is Source.PINNED or stored.store is self.writable[0]
            if key in self._open_jobs and stored.source in _STORED_EARLIER and is_kept:
                # A build died between storing the picture and deleting its job.
                self._journal.delete_job(key, stored.record.job_id)
            if self._last_heroes is None:
                self._last_heroes = self._journal.get_last_heroes()
            if self._last_heroes.get(page) != key:
                self._journal.remember_hero(page, key)
                self._last_heroes[page] = key
        except StoreUnavailable as error:
            # The page may then get a placeholder instead of its last hero.
            self._notify(logging.DEBUG, f"{page}: its last hero could not be recorded ({error})")

    def _log_once(self, level: int, message: str) -> None:
        if message not in self._logged:
            self._logged.add(message)
            self._notify(level, message)


def list_damaged_records(faults: Sequence[FaultyCopy]) -> dict[str, PictureRecord]:
    """Return the records of damaged pictures, by key."""
    return {fault.key: fault.record for fault in faults if fault.record is not None}


def can_fetch_again(candidate: Candidate, damaged: Mapping[str, PictureRecord]) -> bool:
    """Return whether the stored picture is damaged, and its job can be fetched once more."""
    record = damaged.get(candidate.key)
    return record is not None and bool(record.job_id) and candidate.provider.keeps_jobs


def get_own_path(hero: HeroSpec) -> Path:
    """Return the author's own picture of a page."""
    assert hero.own_image is not None  # noqa: S101 - a hero has a picture to make or a file, by construction
    return hero.own_image


def make_asset(stored: StoredPicture, rendering: Rendering) -> HeroAsset:
    """Return a picture with its files, as a page shows it."""
    record = stored.record
    return HeroAsset(
        record.key,
        record.provider,
        record.model,
        stored.source,
        rendering,
        record.created_at,
        record.marks,
        creator_of(record.provider),
    )
