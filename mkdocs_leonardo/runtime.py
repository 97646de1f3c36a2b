"""The composition root: builds stores, providers and pipeline from the settings. Slow imports wait for first use."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mkdocs_leonardo.clock import Clock, SystemClock
from mkdocs_leonardo.errors import BrokenEntry, HeroError, StoreUnavailable
from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.lookup import Lookup
from mkdocs_leonardo.providers.base import Provider, ProviderContext
from mkdocs_leonardo.providers.declaration import declaration_of, declared_names, explain_errors, key_variable
from mkdocs_leonardo.renderer import Renderer, inspect_image
from mkdocs_leonardo.report import Spending, append_json_line
from mkdocs_leonardo.resolution import unwritable_journal_message
from mkdocs_leonardo.spec import PAINTER, Source
from mkdocs_leonardo.storage.cache_move import hide_from_git
from mkdocs_leonardo.storage.fallbacks import InMemoryPictures, PrivateFolder, find_rescue_folder
from mkdocs_leonardo.storage.pictures import PictureFolder

if TYPE_CHECKING:
    from mkdocs_leonardo.acquire.budget import Budget
    from mkdocs_leonardo.acquire.pipeline import Pipeline
    from mkdocs_leonardo.acquire.request import PictureRequest
    from mkdocs_leonardo.concurrency import EventLoop
    from mkdocs_leonardo.providers.declaration import Alert, Declaration
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.storage.base import PictureStore, StoreStats
    from mkdocs_leonardo.storage.limits import RateLimiter
    from mkdocs_leonardo.storage.text_store import TextStore
    from mkdocs_leonardo.team.leases import TeamLeases
    from mkdocs_leonardo.team.object_store import ObjectStore
    from mkdocs_leonardo.team.pictures import TeamPictures

T = TypeVar("T")

#: The consequence of a failing team store for a build that may pay, by `on_store_failure`.
_STORE_FAILURES = {
    "cached": "makes nothing that another machine may have paid for",
    "generate": "pays for what other machines may have paid for",
}
#: The time for a picture on top of its providers' timeouts (seconds): retries, downloads, another build's lease.
SLACK_S = 180.0
#: Why a pictures folder that is a symbolic link is not used, and the fix.
_IS_A_LINK = "is a symbolic link; put a folder in its place, or name the other folder in cache_dir"
#: The cache's file of rejected prompts, for the author to read.
REJECTED = "rejected.jsonl"


class Runtime:
    """The objects of one build: stores, providers, the look-up, and the pipeline that acquires missing pictures."""

    def __init__(
        self, settings: Settings, *, environ: Mapping[str, str], notify: Notify, budget: Budget | None = None
    ) -> None:
        """Open the stores below `settings.cache_dir`; a store that cannot be opened is reported and left out.

        `budget` is shared with other runtimes; without it, the caps of `settings` hold for this runtime alone.
        """
        self._settings = settings
        self._environ = environ
        self._budget = budget
        self._clock: Clock = SystemClock()
        self._notify = notify
        self._stack, self._scratch = ExitStack(), ExitStack()
        self._rate_limiters: dict[str, RateLimiter] = {}
        self._alerts: dict[str, Alert | None] = {}
        self._loop: EventLoop | None = None
        names = [name for name in settings.providers if name != PAINTER]
        self.providers_with_api_key = frozenset(filter(self.get_api_key, names))
        self.unset_key_variables = tuple(
            key_variable(name) for name in names if name not in self.providers_with_api_key
        )
        try:
            self._open_stores()
            self.chain = tuple(map(self.make_provider, names))
            self.lookup = self._make_lookup()
        except BaseException:
            self.close()
            self.discard()
            raise

    def end_loop(self, waiting: Callable[[], object] = lambda: None) -> None:
        """End the event loop with its work. Calls `waiting` in the loop before it waits for paid answers."""
        if self._loop is not None:
            self._loop.close(self.pipeline.aclose, waiting=waiting)

    def close(self) -> None:
        """End the event loop with its work, and close the stores."""
        try:
            self.end_loop()
        finally:
            self._stack.close()

    def discard(self) -> None:
        """Delete this build's scratch files; call after MkDocs has copied them."""
        self._scratch.close()

    @property
    def spending(self) -> Spending:
        """The jobs, dollars and requests of this build so far."""
        return self._read(self._sum_spending)

    def _sum_spending(self) -> Spending:
        budget = self._budget
        requests = sum(limiter.granted for limiter in self._rate_limiters.values())
        if budget is None:
            return Spending(requests=requests)
        return Spending(budget.new_images, budget.uncertain, max(0.0, budget.cost_usd), requests)

    @property
    def store_stats(self) -> StoreStats | None:
        """The counts of the team's store so far; None without one."""
        if self._settings.shared_store is None:
            return None
        from mkdocs_leonardo.storage.base import StoreStats

        # Without an event loop, the store was not used.
        team = self.team if self._loop is not None else None
        return self._read(lambda: team.stats) if team is not None else StoreStats()

    def _read(self, function: Callable[[], T]) -> T:
        """Call a function that reads what coroutines change."""
        return function() if self._loop is None else self._loop.call(function)

    # Acquiring -------------------------------------------------------------------------------------------------------

    @property
    def loop(self) -> EventLoop:
        """The event loop of this build; started by the first use."""
        return self._loop or self.start_loop()

    def start_loop(self, loop: EventLoop | None = None) -> EventLoop:
        """Start the event loop, or use another runtime's `loop`, with a heartbeat for this runtime's leases."""
        from mkdocs_leonardo.concurrency import MOST_QUEUED, EventLoop

        heartbeat = self.pipeline.leases.heartbeat
        # Half of the running coroutines are in flight, and half store and encode.
        self._loop = loop or EventLoop(max(MOST_QUEUED, 2 * self._settings.concurrency))
        self._loop.start_background(self._notify, heartbeat)
        return self._loop

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline that acquires missing pictures."""
        from mkdocs_leonardo.acquire.access import Access
        from mkdocs_leonardo.acquire.budget import Budget
        from mkdocs_leonardo.acquire.pipeline import Pipeline
        from mkdocs_leonardo.acquire.request import BuildContext
        from mkdocs_leonardo.storage.limits import Cooldowns

        settings = self._settings
        if self._budget is None:
            self._budget = Budget(max_new_images=settings.max_new_images, max_cost_usd=settings.max_cost_usd)
        access = Access(
            cooldowns=Cooldowns(self._shared_values, self._clock.now),
            clock=self._clock,
            notify=self._notify,
            alerts=self._alerts,
            rate_limiters=self._rate_limiters,
        )
        context = BuildContext(
            lookup=self.lookup,
            renderer=self.renderer,
            journal=self.journal,
            budget=self._budget,
            access=access,
            clock=self._clock,
            notify=self._notify,
            inspect=inspect_image,
            reject=partial(_log_rejection, settings.cache_dir / REJECTED, self._clock.now),
            concurrency=settings.concurrency,
            team=self.team,
            team_leases=self._team_leases,
            pays_in_doubt=settings.on_store_failure == "generate",
        )
        return Pipeline(context)

    def _make_lookup(self) -> Lookup:
        stores: tuple[tuple[Source, PictureStore], ...] = (
            (Source.PINNED, self.gallery),
            (Source.CACHED, self.cache),
            (Source.CACHED, self._rescue),
            (Source.CACHED, self._memory),
        )
        return Lookup(
            chain=self.chain,
            providers_with_api_key=self.providers_with_api_key,
            stores=stores,
            journal=self.journal,
            renderer=self.renderer,
            clock=self._clock,
            notify=self._notify,
            generate=self._settings.generate,
            is_shared=self._settings.shared_store is not None,
            unrecorded_pictures=self._find_unrecorded_pictures,
        )

    def _find_unrecorded_pictures(self) -> tuple[Path, ...]:
        """Return the pictures in gallery and cache that have no record beside them."""
        paths = (*self.gallery.find_incomplete_pairs(), *self.cache.find_incomplete_pairs())
        return tuple(path for path in paths if path.suffix != ".json")

    @cached_property
    def team(self) -> TeamPictures | None:
        """The pictures that machines share, if the site has a store for them."""
        if self._settings.shared_store is None:
            return None
        from mkdocs_leonardo.team.pictures import StoreRights, TeamPictures

        return TeamPictures(self._object_store, StoreRights.of(self._environ))

    @cached_property
    def _team_leases(self) -> TeamLeases | None:
        """The leases of a machine that may write to the team's store and may pay; None for any other machine."""
        if self._settings.shared_store is None or not self.providers_with_api_key:
            return None
        from mkdocs_leonardo.team.leases import TeamLeases
        from mkdocs_leonardo.team.pictures import StoreRights

        rights = StoreRights.of(self._environ)
        if not rights.is_writer:
            return None
        return TeamLeases(self._object_store, now=self._clock.now, sleep=self._clock.sleep, secret=rights.secret)

    @cached_property
    def _object_store(self) -> ObjectStore:
        """The team's store, which does not connect yet."""
        from mkdocs_leonardo.team.object_store import NOTHING_PAID, ObjectStore

        address = self._settings.shared_store
        assert address is not None  # noqa: S101 - only the team's pictures and leases use the store
        may_pay = self._settings.generate and self.providers_with_api_key
        consequence = _STORE_FAILURES[self._settings.on_store_failure] if may_pay else NOTHING_PAID
        return ObjectStore(address, self._environ, notify=self._notify, consequence=consequence)

    # Stores ----------------------------------------------------------------------------------------------------------

    def _open_stores(self) -> None:
        """Open the caches and the journal, or their substitutes in memory if `cache_dir` cannot be used."""
        from mkdocs_leonardo.storage.journal import Journal
        from mkdocs_leonardo.storage.process_leases import Owner
        from mkdocs_leonardo.storage.text_store import SealedStore

        settings = self._settings
        hide_from_git(settings.cache_dir)
        pictures = settings.cache_dir / "pictures"
        reason = f"{pictures}: {_IS_A_LINK}" if pictures.is_symlink() else ""
        if reason:
            self._notify(logging.WARNING, f"{reason}; no image is paid for until then")
        journal_store = SealedStore(reason) if reason else self._open(settings.cache_dir / "journal", durable=True)
        self.journal_problem = journal_store.reason if isinstance(journal_store, SealedStore) else ""
        self._shared_values = self._open(settings.cache_dir / "index", durable=False)
        self.journal = Journal(journal_store, Owner.of_this_process(), self._clock.now, settings.config_name)
        self.cache = PictureFolder(
            pictures, self._shared_values, config_name=settings.config_name, reason_unused=reason
        )
        self.gallery = PictureFolder(
            settings.gallery_dir,
            self._shared_values,
            config_name=settings.config_name,
            links_within=_find_link_root(settings.gallery_dir),
        )
        self._rescue, self._memory = PrivateFolder(find_rescue_folder(settings.cache_dir)), InMemoryPictures()
        self._move_rescued_pictures()
        self.renderer = Renderer(settings.encoding, settings.cache_dir / "variants", self._shared_values, self._notify)
        self._scratch.callback(self.renderer.discard)

    def _open(self, folder: Path, *, durable: bool) -> TextStore:
        """Open the database in `folder`; if that fails, a store in memory, or a sealed one if `durable`."""
        from mkdocs_leonardo.storage.text_store import InMemoryStore, SealedStore, TextStore

        try:
            store = TextStore.open(folder, durable=durable)
        except StoreUnavailable as error:
            if durable:
                # INFO, since each page that needs the journal logs a warning. Pages whose heroes are cached need none.
                self._notify(logging.INFO, f"{error}; nothing new can be made in this build")
                return SealedStore(f"{unwritable_journal_message(error)}, or choose another one")
            self._notify(logging.INFO, f"{error}; going on without it")
            store = InMemoryStore()
        self._stack.callback(store.close)
        if store.set_aside_note:
            self._notify(logging.INFO, store.set_aside_note)
        return store

    def _move_rescued_pictures(self) -> None:
        """Move into the cache the pictures that an earlier build stored elsewhere."""
        for record in list(self._rescue.read_records()):
            try:
                self.cache.save(record, self._rescue.read(record))
                self.journal.delete_job(record.key, record.job_id)
                self._rescue.remove(record.key)
            except (BrokenEntry, StoreUnavailable) as error:
                self._notify(logging.DEBUG, f"{error}; left where it is")

    # Providers -------------------------------------------------------------------------------------------------------

    def get_api_key(self, name: str) -> str | None:
        """Return the provider's API key from the environment; None without one."""
        return self._environ.get(key_variable(name), "").strip() or None

    def make_provider(self, name: str) -> Provider:
        """Make a provider; raises HeroError if that fails."""
        declaration = declaration_of(name)
        with explain_errors(name):
            provider = self._make_provider(name, declaration)
            own_name = getattr(provider, "name", None)
        if not isinstance(provider, Provider):
            raise HeroError(f"the provider {name!r} cannot be used: its class does not inherit Provider")
        if own_name != name:
            # Its request limit and its alert are kept under the entry point's name.
            raise HeroError(f"the provider {name!r} calls itself {own_name!r}; give its entry point that name")
        return provider

    def _make_provider(self, name: str, declaration: Declaration[Any]) -> object:
        from mkdocs_leonardo.storage import limits

        options = self._settings.options.get(name) or declaration.options()
        provider_limits = declaration.limits(options)
        limiter = limits.RateLimiter(self._shared_values, name, provider_limits.requests_per_minute)
        limiter = self._rate_limiters.setdefault(name, limiter)
        self._alerts[name] = provider_limits.credit_alert
        context = ProviderContext(
            key=self.get_api_key(name),
            options=options,
            clock=self._clock,
            rate_limiter=limiter.reserve,
            memory=limits.SharedValues(self._shared_values),
            key_variable=key_variable(name),
        )
        return declaration.make(context)

    def make_unlisted_providers(self) -> Iterator[Provider]:
        """Make the installed providers that the site does not list; a provider that cannot be used is left out."""
        chain_names = {provider.name for provider in self.chain}
        for name in declared_names():
            if name not in chain_names:
                with suppress(HeroError):
                    yield self.make_provider(name)

    def compute_timeout_s(self, pictures: int) -> float:
        """Return the longest wait for `pictures` (seconds): each provider may be asked twice for each picture."""
        a_picture_s = sum(2 * provider.timeout_s for provider in self.chain) + SLACK_S
        return -(-pictures // self._settings.concurrency) * a_picture_s


def _log_rejection(file: Path, now: Callable[[], float], request: PictureRequest, provider: str, reason: str) -> None:
    """Add a rejected prompt to `file`, for the author's analysis; the message is in log and report as well."""
    line = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now())),
        "page": request.page,
        "provider": provider,
        "reason": reason,
        "prompt": request.picture.prompt,
        "style": request.picture.style,
    }
    with suppress(OSError):
        append_json_line(file, {**line})


def _find_link_root(gallery_dir: Path) -> Path:
    """Return the folder of the gallery's Git repository, or, outside of one, the folder that contains the gallery.

    An exported copy of a repository has no `.git`.
    """
    folders = (gallery_dir, *gallery_dir.parents)
    return next((folder for folder in folders if (folder / ".git").exists()), gallery_dir.parent)
