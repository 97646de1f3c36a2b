"""Settings become a wired pipeline. The only module that knows every concrete class; what is slow to import waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.acquire.orders import Tell, Wish
from mkdocs_leonardo.acquire.pipeline import Link, Pipeline
from mkdocs_leonardo.acquire.runner import Buyer
from mkdocs_leonardo.clock import Clock, SystemClock
from mkdocs_leonardo.errors import BrokenEntry, HeroError, StoreUnavailable
from mkdocs_leonardo.providers.base import ProviderContext, RenderTimes
from mkdocs_leonardo.providers.declaration import BUILT_IN, PAINTER, declaration_of, named_key_variable
from mkdocs_leonardo.renderer import Renderer, inspected
from mkdocs_leonardo.report import Spending, append_json_line
from mkdocs_leonardo.spec import (
    Source,
)
from mkdocs_leonardo.storage.adoption import hide_from_git
from mkdocs_leonardo.storage.fallbacks import PictureMemory, PrivateFolder, RefusedFolder, SealedStore, rescue_folder
from mkdocs_leonardo.storage.pictures import PictureFolder

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.balance import Alert
    from mkdocs_leonardo.settings import Settings
    from mkdocs_leonardo.storage.base import PictureStore
    from mkdocs_leonardo.storage.cache import Store
    from mkdocs_leonardo.storage.journal import Journal
    from mkdocs_leonardo.storage.limits import RequestWindow
    from mkdocs_leonardo.team.leases import TeamLeases
    from mkdocs_leonardo.team.pictures import StoreStats, TeamPictures

#: What a failure of the team's store means for a build, by what the site decided; "" where nothing is paid for anyway.
STORE_FAILURES = {
    "cached": "makes nothing that another machine may have paid for",
    "generate": "pays for what other machines may have paid for",
    "": "what is only there counts as missing",
}
#: Rejected prompts are kept for the author in this file of the cache.
REJECTED = "rejected.jsonl"


class Workshop:
    """Everything one build works with: the pipeline, and what must be closed after it."""

    def __init__(
        self, settings: Settings, *, environ: Mapping[str, str], tell: Tell, budget: Budget | None = None
    ) -> None:
        """Open the stores below `settings.cache_dir`; what cannot be opened is told and done without.

        `budget` is one that more than this workshop spends from; without it, the caps of `settings` hold for it alone.
        """
        self._settings = settings
        self.budget = budget or Budget(max_new_images=settings.max_new_images, max_cost_usd=settings.max_cost_usd)
        self._clock: Clock = SystemClock()
        self._tell = tell
        self._stack, self._scratch = ExitStack(), ExitStack()
        self._requests = 0
        self._counting = Lock()
        self._windows: dict[str, RequestWindow] = {}
        self.missing_keys: list[str] = []
        try:
            self._wire(environ)
        except BaseException:
            self.close()
            self.discard()
            raise

    def close(self) -> None:
        """Close the stores."""
        self._stack.close()

    def discard(self) -> None:
        """Delete this build's scratch files; call after MkDocs has copied them."""
        self._scratch.close()

    @property
    def spending(self) -> Spending:
        """What has been submitted so far."""
        budget = self.budget
        return Spending(budget.new_images, budget.uncertain, max(0.0, budget.cost_usd), self._requests)

    @property
    def store_stats(self) -> StoreStats | None:
        """What came of the team's store so far; None without one."""
        return self.team.stats if self.team is not None else None

    def _wire(self, environ: Mapping[str, str]) -> None:
        from mkdocs_leonardo.storage.journal import Journal, Owner  # noqa: PLC0415 - diskcache is slow to import
        from mkdocs_leonardo.storage.limits import Rests  # noqa: PLC0415 - same

        settings = self._settings
        hide_from_git(settings.cache_dir)
        pictures = settings.cache_dir / "pictures"
        refused = RefusedFolder(pictures) if pictures.is_symlink() else None
        if refused is not None:
            self._tell(logging.WARNING, f"{refused.reason}; nothing is paid for until then")
        journal_store = (
            self._open(settings.cache_dir / "journal", durable=True) if refused is None else SealedStore(refused.reason)
        )
        index = self._open(settings.cache_dir / "index", durable=False)
        self._index = index
        journal = self.journal = Journal(journal_store, Owner.of_this_process(), self._clock.now, settings.site)
        cache = refused or PictureFolder(pictures, index, site=settings.site)
        rescue, memory = PrivateFolder(rescue_folder(settings.cache_dir)), PictureMemory()
        self._bring_home(rescue, cache, journal)
        self.renderer = Renderer(settings.encoding, settings.cache_dir / "variants", index, self._tell)
        self._scratch.callback(self.renderer.discard)
        buyer = self.buyer = Buyer(
            journal=journal,
            rests=Rests(index, self._clock.now),
            keep=(cache, rescue, memory),
            budget=self.budget,
            inspect=inspected,
            clock=self._clock,
            tell=self._tell,
            reject=self._reject,
            alert_of=self._alert_of,
            room_s=lambda provider, requests: self._windows[provider].room_s(self._clock.now(), requests),
        )
        self.chain = tuple(self._link(name, environ) for name in settings.providers if name != PAINTER)
        self.team, leases = self._team(environ)
        self.gallery = PictureFolder(
            settings.gallery_dir, index, site=settings.site, links_within=_repository(settings.gallery_dir)
        )
        self.cache = cache
        self.lookup: tuple[tuple[Source, PictureStore], ...] = (
            (Source.PINNED, self.gallery),
            (Source.CACHED, cache),
            (Source.CACHED, rescue),
            (Source.CACHED, memory),
        )
        self.pipeline = Pipeline(
            chain=self.chain,
            lookup=self.lookup,
            journal=journal,
            buyer=buyer,
            renderer=self.renderer,
            clock=self._clock,
            tell=self._tell,
            generate=settings.generate,
            concurrency=settings.concurrency,
            team=self.team,
            leases=leases,
            lone_pictures=self._lone_pictures,
            pays_in_doubt=settings.on_store_failure == "generate",
        )

    def _lone_pictures(self) -> tuple[Path, ...]:
        """Pictures in gallery and cache that have no record beside them."""
        halves = (*self.gallery.halves(), *self.cache.halves())
        return tuple(path for path in halves if path.suffix != ".json")

    def _team(self, environ: Mapping[str, str]) -> tuple[TeamPictures | None, TeamLeases | None]:
        """The pictures that machines share, if there is a store for them; nothing is connected yet.

        And the leases that keep others from paying for the same: of a machine that may write, and may pay.
        """
        address = self._settings.shared_store
        if address is None:
            return None, None
        from mkdocs_leonardo.team.leases import TeamLeases  # noqa: PLC0415 - few sites have one
        from mkdocs_leonardo.team.object_store import ObjectStore  # noqa: PLC0415 - few sites have one
        from mkdocs_leonardo.team.pictures import StoreRights, TeamPictures  # noqa: PLC0415 - same

        may_pay = self._settings.generate and any(link.available for link in self.chain)
        consequence = STORE_FAILURES[self._settings.on_store_failure if may_pay else ""]
        objects = ObjectStore(address, environ, tell=self._tell, consequence=consequence)
        rights = StoreRights.of(environ)
        team = TeamPictures(objects, rights, inspect=inspected, tell=self._tell)
        if not rights.is_writer or not any(link.available for link in self.chain):
            return team, None
        leases = TeamLeases(
            objects,
            now=self._clock.now,
            sleep=self._clock.sleep,
            tell=self._tell,
            secret=rights.secret,
            may_cross=address.scheme in {"http", "https"},
        )
        return team, leases

    # Stores ----------------------------------------------------------------------------------------------------------

    def _open(self, folder: Path, *, durable: bool) -> Store:
        """The database in `folder`; without one, a memory for what may be lost, and nothing for what may not."""
        from mkdocs_leonardo.storage.cache import MemoryStore, TextStore  # noqa: PLC0415 - see `_wire`

        try:
            store = TextStore.open(folder, durable=durable)
        except StoreUnavailable as error:
            if durable:
                # Told as a warning beside each page that needed it; where all heroes are at hand, nobody does.
                self._tell(logging.INFO, f"{error}; nothing new can be made in this build")
                return SealedStore(
                    f"nothing is bought, since the journal cannot be written ({error}); make cache_dir writable, "
                    "or choose another one"
                )
            self._tell(logging.INFO, f"{error}; going on without it")
            return MemoryStore()
        self._stack.callback(store.close)
        if store.trouble:
            self._tell(logging.INFO, store.trouble)
        return store

    def _bring_home(self, rescue: PrivateFolder, cache: PictureFolder, journal: Journal) -> None:
        """Move pictures that an earlier build could not keep into the cache, now that it may take them."""
        for record in list(rescue.records()):
            try:
                cache.save(record, rescue.read(record))
                journal.close(record.key, record.job_id)
                rescue.remove(record.key)
            except (BrokenEntry, StoreUnavailable) as error:
                self._tell(logging.DEBUG, f"{error}; left where it is")

    # Providers -------------------------------------------------------------------------------------------------------

    def _link(self, name: str, environ: Mapping[str, str]) -> Link:
        from mkdocs_leonardo.storage import limits  # noqa: PLC0415 - see `_wire`

        declaration, options = declaration_of(name), self._settings.options[name]
        variable = declaration.key_variable or named_key_variable(name)
        key = environ.get(variable, "").strip() or None
        if key is None:
            self.missing_keys.append(variable)
        times = limits.RenderTimes(self._index)
        window = limits.RequestWindow(self._index, name, declaration.limits(options).requests_per_minute)
        self._windows[name] = window
        context = ProviderContext(
            key=key,
            options=options,
            clock=self._clock,
            window=self._counted(window.reserve),
            render_times=RenderTimes(times.seen, times.observe),
            uploads=limits.UploadIds(self._index, name),
            key_variable=variable,
        )
        try:
            provider = declaration.make(context)
        except Exception as error:
            if name in BUILT_IN:
                raise
            # Another package's code, which may raise anything: the author needs its words, not its inside.
            raise HeroError(f"the provider {name!r} cannot be used: {error}") from error
        return Link(provider, available=key is not None)

    def _alert_of(self, provider: str) -> Alert | None:
        return declaration_of(provider).limits(self._settings.options[provider]).credit_alert

    @property
    def longest_wait_s(self) -> float:
        """How long the services may take for one picture: each may be asked twice."""
        return sum(2 * link.provider.timeout_s for link in self.chain)

    def _counted(self, reserve: Callable[[float], float]) -> Callable[[float], float]:
        def window(now: float) -> float:
            wait_s = reserve(now)
            if wait_s <= 0:
                with self._counting:
                    self._requests += 1
            return wait_s

        return window

    def _reject(self, wish: Wish, provider: str, reason: str) -> None:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock.now())),
            "page": wish.page,
            "provider": provider,
            "reason": reason,
            "prompt": wish.picture.prompt,
            "style": wish.picture.style,
        }
        with suppress(OSError):
            # For the author's analysis only; the message is in the log and in the report as well.
            append_json_line(self._settings.cache_dir / REJECTED, {**line})


def _repository(gallery_dir: Path) -> Path:
    """The folder of the Git repository that the gallery is committed to, else the gallery itself."""
    folders = (gallery_dir, *gallery_dir.parents)
    return next((folder for folder in folders if (folder / ".git").exists()), gallery_dir)
