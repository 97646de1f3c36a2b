"""Settings become a wired pipeline. The only module that knows every concrete class; what is slow to import waits."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.acquire.orders import Tell, Wish
from mkdocs_leonardo.acquire.pipeline import Link, Pipeline, Toolbox
from mkdocs_leonardo.acquire.runner import Buyer
from mkdocs_leonardo.errors import BrokenEntry, HeroError, PictureError, StoreUnavailable
from mkdocs_leonardo.providers.base import Clock, Provider, ProviderContext, RenderTimes
from mkdocs_leonardo.providers.options import BUILT_IN, PROVIDER_GROUP, key_variable
from mkdocs_leonardo.report import Spending, append_json_line
from mkdocs_leonardo.spec import (
    Encoding,
    FocalPoint,
    HeroSpec,
    ImageInfo,
    JsonValue,
    PictureRecord,
    PictureSpec,
    Rendering,
    Source,
    Variant,
    canonical_json,
    digest_of,
    generation_key,
    variant_key,
)
from mkdocs_leonardo.storage.adoption import hide_from_git
from mkdocs_leonardo.storage.fallbacks import PictureMemory, PrivateFolder, RefusedFolder, SealedStore, rescue_folder
from mkdocs_leonardo.storage.pictures import PictureFolder, read_plain_file

if TYPE_CHECKING:
    from mkdocs_leonardo.config import Settings
    from mkdocs_leonardo.storage.base import PictureStore
    from mkdocs_leonardo.storage.cache import Store
    from mkdocs_leonardo.storage.journal import Journal
    from mkdocs_leonardo.storage.limits import RequestWindow
    from mkdocs_leonardo.team.leases import TeamLeases
    from mkdocs_leonardo.team.pictures import StoreStats, TeamPictures

#: Our own, without a search through everything that is installed: a warm build has no time for that.
ENTRY_POINTS = {name: EntryPoint(name, f"mkdocs_leonardo.providers.{name}:create", PROVIDER_GROUP) for name in BUILT_IN}
#: What a failure of the team's store means for a build, by what the site decided; "" where nothing is paid for anyway.
STORE_FAILURES = {
    "cached": "makes nothing that another machine may have paid for",
    "generate": "pays for what other machines may have paid for",
    "": "what is only there counts as missing",
}
#: An author's own picture may be this large.
MAX_OWN_BYTES = 64 * 2**20
#: Rejected prompts are kept for the author in this file of the cache.
REJECTED = "rejected.jsonl"


class SystemClock:
    """Real time: the system's when the process began, and a stopwatch since."""

    def __init__(self) -> None:
        self._began_at = time.time() - _stopwatch_s()

    def now(self) -> float:
        """Unix seconds; setting the system's clock moves nothing."""
        return self._began_at + _stopwatch_s()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        from anyio import sleep  # noqa: PLC0415 - a warm build needs no event loop

        await sleep(seconds)


def _stopwatch_s() -> float:
    """Seconds that go on while the machine sleeps, where the system can tell."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


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
        self._stack = ExitStack()
        self._requests = 0
        self._counting = Lock()
        self._windows: dict[str, RequestWindow] = {}
        self._rendering_settings: dict[tuple[Encoding, FocalPoint, str, str], str] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._scratching = Lock()
        # The largest files take turns: a core more would save less time than it takes memory.
        self._heavy = BoundedSemaphore(max(1, _cores() // 2))
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
        """Remove files that no cache took; the host must have copied them."""
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

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
        from mkdocs_leonardo.storage.renderings import RenderingShelf  # noqa: PLC0415 - same

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
        self._variants = self._variants_folder()
        self.shelf = RenderingShelf(self._variants, index)
        buyer = self.buyer = Buyer(
            journal=journal,
            rests=Rests(index, self._clock.now),
            keep=(cache, rescue, memory),
            budget=self.budget,
            inspect=inspected,
            clock=self._clock,
            tell=self._tell,
            reject=self._reject,
            credit_alert=settings.leonardo.credit_alert,
            room_s=lambda provider, requests: self._windows[provider].room_s(self._clock.now(), requests),
        )
        self.chain = tuple(self._link(name, environ) for name in settings.providers if name != "local")
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
        self.tools = Toolbox(
            render=self._render,
            rendered=self.rendered,
            paint=self._paint,
            painted=_painted,
            own=_own,
            threads=_cores(),
        )
        self.pipeline = Pipeline(
            chain=self.chain,
            lookup=self.lookup,
            journal=journal,
            buyer=buyer,
            tools=self.tools,
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
                    f"no job is paid for that cannot be noted down ({error}); make cache_dir writable, "
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

    def _variants_folder(self) -> Path:
        """Where encoded files go: the cache, or a folder that ends with this build."""
        folder = self._settings.cache_dir / "variants"
        if folder.is_symlink():
            self._tell(logging.INFO, f"{folder}: is a symbolic link; put a folder in its place, or every build encodes")
            return self._scratch_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            return self._scratch_folder()

    def _scratch_folder(self) -> Path:
        """A folder for this build's files alone."""
        with self._scratching:
            if self._scratch is None:
                self._scratch = tempfile.TemporaryDirectory(prefix="mkdocs-leonardo-", ignore_cleanup_errors=True)
            return Path(self._scratch.name)

    # Providers -------------------------------------------------------------------------------------------------------

    def _link(self, name: str, environ: Mapping[str, str]) -> Link:
        from mkdocs_leonardo.storage import limits  # noqa: PLC0415 - see `_wire`

        entry_point = ENTRY_POINTS.get(name) or _registered(name)
        variable = key_variable(name)
        key = environ.get(variable, "").strip() or None
        if key is None:
            self.missing_keys.append(variable)
        times = limits.RenderTimes(self._index)
        per_minute = self._settings.leonardo.requests_per_minute
        window = self._windows[name] = limits.RequestWindow(self._index, name, per_minute)
        context = ProviderContext(
            key=key,
            options=self._options_of(name),
            clock=self._clock,
            window=self._counted(window.reserve),
            render_times=RenderTimes(times.seen, times.observe),
            uploads=limits.UploadIds(self._index, name),
        )
        provider: Provider
        if name in BUILT_IN:
            provider = entry_point.load()(context)
        else:
            try:
                provider = entry_point.load()(context)
            except Exception as error:
                # Another package's code, which may raise anything: the author needs its words, not its inside.
                raise HeroError(f"the provider {name!r} cannot be used: {error}") from error
        return Link(provider, available=key is not None)

    def _options_of(self, name: str) -> object:
        """What is set for a provider: an object of its own for ours, what the section holds for others."""
        settings = self._settings
        own = {"leonardo": settings.leonardo, "openai": settings.openai, "gemini": settings.gemini}
        return own[name] if name in own else dict(settings.foreign.get(name, {}))

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

    # Pictures --------------------------------------------------------------------------------------------------------

    def _variant_key(self, record: PictureRecord, hero: HeroSpec) -> str:
        kind = (self._encoding(hero), hero.focus, record.provider, record.model)
        if kind not in self._rendering_settings:
            # Some kilobytes, which a warm build need not hash for each of a thousand heroes.
            self._rendering_settings[kind] = digest_of(canonical_json({**self._settings_of_rendering(*kind)}))
        # Files are named after the picture's key, so two keys with equal bytes are two renderings.
        return variant_key(record.digest, {"settings": self._rendering_settings[kind], "key": record.key})

    def _encoding(self, hero: HeroSpec) -> Encoding:
        return self._settings.encoding.across(hero.layout)

    def _settings_of_rendering(
        self, encoding: Encoding, focus: FocalPoint, provider: str, model: str
    ) -> Mapping[str, JsonValue]:
        from mkdocs_leonardo.imaging.render import settings  # noqa: PLC0415 - Pillow is slow to import
        from mkdocs_leonardo.imaging.variants import usable_formats  # noqa: PLC0415 - same

        kept, dropped = usable_formats(encoding.formats)
        if dropped and not self._rendering_settings:
            self._tell(
                logging.INFO,
                f"this Pillow cannot write {' or '.join(dropped)}; heroes are written as {' and '.join(kept)}",
            )
        return settings(encoding, focus, provider=provider, model=model)

    def rendered(self, record: PictureRecord, hero: HeroSpec) -> Rendering | None:
        """The files of a picture for pages, if they are made already."""
        try:
            return self.shelf.load(self._variant_key(record, hero))
        except BrokenEntry as error:
            self._tell(logging.INFO, f"{error}; it is made anew")
        except StoreUnavailable as error:
            self._tell(logging.DEBUG, str(error))
        return None

    def _earlier_files(self, record: PictureRecord, hero: HeroSpec) -> Sequence[Variant]:
        """The files that an earlier version encoded of the picture."""
        from mkdocs_leonardo.imaging.render import superseded  # noqa: PLC0415 - Pillow is slow to import

        kind = superseded(self._encoding(hero), hero.focus, provider=record.provider, model=record.model)
        for settings in kind:
            facts: dict[str, JsonValue] = {"settings": digest_of(canonical_json({**settings})), "key": record.key}
            with suppress(BrokenEntry, StoreUnavailable):
                rendering = self.shelf.load(variant_key(record.digest, facts))
                if rendering is not None:
                    return rendering.variants
        return ()

    def _render(self, data: bytes, record: PictureRecord, hero: HeroSpec) -> Rendering:
        return self._write(data, record, hero)

    def _paint(self, record: PictureRecord, hero: HeroSpec) -> Rendering:
        from mkdocs_leonardo.providers.local import paint  # noqa: PLC0415 - Pillow is slow to import

        assert hero.picture is not None  # noqa: S101 - own pictures are never painted
        return self._write(paint(hero.picture), record, hero)

    def _write(self, picture: bytes | object, record: PictureRecord, hero: HeroSpec) -> Rendering:
        from mkdocs_leonardo.imaging.render import render  # noqa: PLC0415 - Pillow is slow to import

        key = self._variant_key(record, hero)
        known = self._earlier_files(record, hero)

        def write(folder: Path) -> Rendering:
            return render(
                picture,  # type: ignore[arg-type]  # bytes, or the painter's image; Pillow would be imported here
                key=record.key,
                variant_key=key,
                encoding=self._encoding(hero),
                folder=folder,
                provider=record.provider,
                model=record.model,
                created_at=record.created_at,
                focus=hero.focus,
                known=known,
                heavy=self._heavy,
            )

        try:
            rendering = write(self._variants)
        except StoreUnavailable as error:
            # Full, or deleted and not to be made again: the page has its picture all the same.
            self._tell(logging.INFO, f"{hero.page}: {error}; they are made again by the next build")
            return write(self._scratch_folder())
        try:
            self.shelf.save(key, rendering)
        except StoreUnavailable as error:
            # The files are there for this build; the next one makes them again.
            self._tell(logging.DEBUG, str(error))
        return rendering


def _repository(gallery_dir: Path) -> Path:
    """The folder of the Git repository that the gallery is committed to, else the gallery itself."""
    folders = (gallery_dir, *gallery_dir.parents)
    return next((folder for folder in folders if (folder / ".git").exists()), gallery_dir)


def _cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _registered(name: str) -> EntryPoint:
    """Somebody's provider; the configuration has been checked for names that nobody registered."""
    return next(iter(entry_points(group=PROVIDER_GROUP, name=name)))


def inspected(data: bytes) -> ImageInfo:
    """What the bytes are and say of their origin; PictureError if they are not a picture we may show."""
    from mkdocs_leonardo.imaging.normalise import inspect  # noqa: PLC0415 - Pillow is slow to import
    from mkdocs_leonardo.imaging.provenance import detect  # noqa: PLC0415 - same

    origin = detect(data)
    marks = [name for name, is_there in (("xmp", origin.xmp), ("c2pa", origin.c2pa)) if is_there]
    return replace(inspect(data), marks=" ".join(marks))


def _painted(picture: PictureSpec) -> PictureRecord:
    """The painter's picture as a record. Nothing was bought, so its digest is its name."""
    from mkdocs_leonardo.providers.local import MODEL, NAME, painter_key_options  # noqa: PLC0415 - Pillow is slow

    # The painter has a hand of its own, whatever look is wished.
    key = generation_key(NAME, MODEL, replace(picture, look=None), painter_key_options())
    return PictureRecord(key=key, digest=key, extension="png", provider=NAME, model=MODEL)


def _own(path: Path) -> tuple[PictureRecord, bytes]:
    """The author's own file as a record; PictureError if it cannot be read."""
    try:
        data = read_plain_file(path, max_bytes=MAX_OWN_BYTES)
    except BrokenEntry as error:
        raise PictureError(str(error)) from error
    except OSError as error:
        raise PictureError(f"cannot be opened ({error.strerror})") from error
    digest = digest_of(data)
    record = PictureRecord(key=digest, digest=digest, extension="", provider="own", model="")
    return record, data
