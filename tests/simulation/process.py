"""One build as a process: the package's pipeline, purchase line, journal and caps, connected to the world."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio

from mkdocs_leonardo.acquire.access import Access
from mkdocs_leonardo.acquire.budget import Budget, Reservation
from mkdocs_leonardo.acquire.pipeline import Pipeline
from mkdocs_leonardo.acquire.request import BuildContext
from mkdocs_leonardo.errors import HeroError, PictureError
from mkdocs_leonardo.lookup import Lookup
from mkdocs_leonardo.providers.base import Connection, ProcessMemory, ProviderContext
from mkdocs_leonardo.providers.leonardo.models import PHOENIX_STYLES
from mkdocs_leonardo.providers.leonardo.options import ApiVersion, LeonardoOptions
from mkdocs_leonardo.providers.leonardo.provider import LeonardoProvider
from mkdocs_leonardo.providers.openai import OpenAIOptions
from mkdocs_leonardo.providers.openai.provider import OpenAIProvider
from mkdocs_leonardo.providers.wording import worded
from mkdocs_leonardo.report import Spending, make_report
from mkdocs_leonardo.resolution import FailureKind, Resolution
from mkdocs_leonardo.spec import (
    HeroSpec,
    ImageInfo,
    JsonValue,
    PictureSpec,
    Source,
    generation_key,
)
from mkdocs_leonardo.storage.journal import Journal
from mkdocs_leonardo.storage.limits import Cooldowns, SharedValues
from mkdocs_leonardo.storage.process_leases import Owner

from .clock import new_loop
from .disk import Disk, Hands, Killed, Pairs, TransactionalStore
from .ledger import BuildRecord, Order
from .no_files import NoFiles
from .services import EPOCH, parameters_of, reference_of
from .wire import Wire

if TYPE_CHECKING:
    from mkdocs_leonardo.clock import Clock
    from mkdocs_leonardo.providers.base import Memory, Provider
    from mkdocs_leonardo.providers.http import Api

    from .wire import Service
    from .world import World

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Machine:
    """A computer: its cache, its wall clock and its processes."""

    name: str
    disk: Disk
    clock_error_s: float = 0.0
    processes: list[Process] = field(default_factory=list)
    #: The number of disk operations until the power fails; 0: the power stays.
    power_left: int = 0


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """The configuration of a site: pages, providers in their order, caps."""

    heroes: Sequence[HeroSpec]
    providers: Sequence[str]
    max_new_images: int
    max_cost_usd: float | None
    concurrency: int
    api_version: ApiVersion


class _TimedBudget(Budget):
    """A build's caps that note when each task's last order was allowed."""

    def __init__(self, world: World, site: SiteConfig) -> None:
        super().__init__(max_new_images=site.max_new_images, max_cost_usd=site.max_cost_usd)
        self._world = world
        self.reserved_at: dict[asyncio.Task[Any] | None, float] = {}

    def reserve(self, estimate_usd: float, provider: str = "") -> Reservation | None:
        """Reserve as the package does, and note the time."""
        self.reserved_at[asyncio.current_task()] = self._world.now
        return super().reserve(estimate_usd, provider)


class Process:
    """One run of `mkdocs build`, from its start to its end or its death; the process is its own `Clock`.

    `touches_left` counts the operations before its death; with 0, its operations do not end it.
    """

    def __init__(self, world: World, machine: Machine, site: SiteConfig, *, touches_left: int = 0) -> None:
        self.world = world
        self.machine = machine
        self.number = len(world.ledger.builds) + 1
        self.record = BuildRecord(self.number, machine.disk, site.max_new_images, site.max_cost_usd, world.now)
        self.record.is_calm = world.is_calm
        self.loop = new_loop(world.scheduler)
        self.is_dead = False
        self._site = site
        self._touches_left = touches_left
        self._scopes: list[anyio.CancelScope] = []
        self._is_interrupted = False
        self._clock_error_s = 0.0
        world.ledger.builds.append(self.record)
        machine.processes.append(self)
        world.scheduler.awaited += 1

    # The process's life ----------------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether the process has ended in any way."""
        return self.record.end != "running"

    def start(self) -> None:
        """Begin the build."""
        if self.is_over:
            return
        self.record.started_at = self.world.now
        self._clock_error_s = self.machine.clock_error_s
        self.world.note("build begins", self.number)
        self.loop.create_task(self._run())

    def touch(self) -> None:
        """Raise Killed if the process is dead, or dies at this operation on the world."""
        if self.is_dead:
            raise Killed
        if self._touches_left:
            self._touches_left -= 1
            if not self._touches_left:
                self.kill("at an await")
                raise Killed
        machine = self.machine
        if machine.power_left:
            machine.power_left -= 1
            if not machine.power_left:
                for process in tuple(machine.processes):
                    process.kill("power cut")
                raise Killed

    def freeze(self, seconds: float) -> None:
        """Stop the process for this time, as SIGSTOP or a closed laptop does."""
        if not self.is_over:
            self.world.note("asleep", self.number)
            self.record.has_slept = True
            self.loop.freeze(seconds)

    def _hinder(self) -> None:
        self.record.was_hindered = True

    def kill(self, how: str) -> None:
        """Kill the process; its tasks reach nothing any more."""
        if self.is_over:
            return
        self.world.note(f"killed {how}", self.number)
        self.is_dead = True
        self._end("killed")
        for task in self.loop.tasks:
            # One that has not begun will notice by itself.
            if inspect.getcoroutinestate(cast("Any", task.get_coro())) != inspect.CORO_CREATED:
                task.cancel()

    def interrupt(self) -> None:
        """Act as Ctrl-C: cancel every page's work, and wait for what is paid for."""
        self.loop.call_soon(self._cancel_pages)

    def _cancel_pages(self) -> None:
        if not self.is_over and not self._is_interrupted:
            self.world.note("interrupted", self.number)
            self._is_interrupted = True
            self.record.interrupted_at = self.world.now
            for scope in reversed(self._scopes):
                scope.cancel()

    def _end(self, how: Any) -> None:  # noqa: ANN401 - one of BuildRecord's words
        self.record.end = how
        self.record.ended_at = self.world.now
        self.machine.processes.remove(self)
        self.world.scheduler.awaited -= 1

    async def _run(self) -> None:
        try:
            self._wire()
            await self._main()
        except (Killed, asyncio.CancelledError):
            if not self.is_dead:
                self._fail("cancelled")
        except BaseException as error:
            # A build that ends in a traceback is a violation; the history is judged after it.
            self._fail(repr(error))
            raise

    def _fail(self, why: str) -> None:
        self.record.fault = why
        self._end("broken")

    async def _main(self) -> None:
        beat = self.loop.create_task(self._pipeline.leases.heartbeat())
        pages = [self.loop.create_task(self._page(hero)) for hero in self._site.heroes]
        resolutions = [await page for page in pages]
        beat.cancel()
        await self._pipeline.aclose()
        self.touch()
        if not self._is_interrupted:
            made = [resolution for resolution in resolutions if resolution is not None]
            self.record.fault = next(
                (why.text for each in made if (why := each.failure) and why.kind is FailureKind.FAULT), ""
            )
            content = cast("dict[str, Any]", make_report(made, self._spending()))
            self.record.totals, self.record.heroes = content["totals"], content["heroes"]
        self._end("interrupted" if self._is_interrupted else "finished")
        self.world.note("build ends", (self.number, self.record.totals))

    async def _page(self, hero: HeroSpec) -> Resolution | None:
        answer = None
        with suppress(HeroError, OSError):
            answer = self._lookup.find(hero)
            at_hand = self._lookup.resolve_stored(hero, answer)
            if at_hand is not None:
                return at_hand
        with anyio.CancelScope() as scope:
            self._scopes.append(scope)
            if self._is_interrupted:
                scope.cancel()
            return await self._pipeline.resolve(hero, answer)
        return None

    def _spending(self) -> Spending:
        budget = self._budget
        return Spending(budget.new_images, budget.uncertain, max(0.0, budget.cost_usd), self.record.requests)

    # Clock -----------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The machine's time at the start of the build plus the time since."""
        return EPOCH + self.world.now + self._clock_error_s

    def _wall(self) -> float:
        return EPOCH + self.world.now + self.machine.clock_error_s

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await self.pause(seconds)

    async def pause(self, seconds: float) -> None:
        """Let time pass; the process may die before or after the pause."""
        self.touch()
        await asyncio.sleep(seconds)
        self.touch()

    # What leaves it --------------------------------------------------------------------------------------------------

    def order(self, service: str, json: JsonValue) -> Order:
        """Note a create call that leaves now."""
        asked = parameters_of(json)
        reference = reference_of(asked)
        what, seed = (service, asked["prompt"], asked.get("styleUUID"), bool(reference)), asked.get("seed")
        product = self._products.get((*what, seed)) or self._products[*what, None]
        ledger = self.world.ledger
        order = Order(len(ledger.orders) + 1, self.record, service, product.key, product.estimate_usd, self.world.now)
        order.reference, order.seed = reference, seed
        order.reserved_at = self._budget.reserved_at.get(asyncio.current_task(), self.world.now)
        ledger.orders.append(order)
        self.record.orders.append(order)
        self.machine.disk.orders.append(order)
        self.world.note("order", (self.number, service, product.key[:8], seed))
        return order

    def tell(self, level: int, message: str) -> None:
        """Note a log message."""
        self.record.told.append(message)
        self.record.has_begun_anew |= "this build was suspended" in message
        self.record.asked += message.endswith(" is asked for an image")
        if " is given up " in message:
            for order in self.world.ledger.orders:
                self._give_up(order, message)
        self.world.note("tells", (self.number, level, message))

    def _give_up(self, order: Order, message: str) -> None:
        """Note that a job is given up, whether the build knows its number or not."""
        if order.job is None:
            return
        pages = [hero.page for hero in self._site.heroes if product_of(order.service, hero.picture).key == order.key]
        has_no_number = order.heard != "accepted" or order.build.end == "killed" or order.build.was_hindered
        is_nameless = " without a number " in message and has_no_number
        is_nameless &= message.partition(":")[0] in pages
        if is_nameless:
            # Builds ask for it by reading the list.
            order.job.asked_at += [at for build in self.world.ledger.builds for at, _ in build.looks]
        if is_nameless or f" {order.job.id} " in message:
            order.job.given_up_at = min(order.job.given_up_at, self.world.now)

    # Wiring ----------------------------------------------------------------------------------------------------------

    def _wire(self) -> None:
        site, disk = self._site, self.machine.disk
        hands = Hands(self.touch, self._hinder, self.world.chance, self._wall)
        journal = Journal(
            TransactionalStore(disk, "journal", hands),
            Owner(f"owner-{self.number}", self.machine.name, self.number),
            self.now,
            stopwatch=self.loop.time,
        )
        cache, rescue = Pairs(disk, disk.files, hands), Pairs(disk, disk.rescued, hands)
        memory = Pairs(disk, {}, hands, can_fail=False)
        self._budget = _TimedBudget(self.world, site)
        services: dict[str, Service] = {"leonardo": self.world.jobs, "openai": self.world.images}
        memories = _Memory(TransactionalStore(disk, "index", hands))
        version = site.api_version
        chain = [_provider(name, self._api(services[name]), self, version, memories) for name in site.providers]
        self._products: dict[tuple[object, ...], Product] = {
            (product.provider, product.prompt, product.style, product.has_reference, product.seed): product
            for name in site.providers
            for hero in site.heroes
            for product in (product_of(name, hero.picture),)
        }
        renderer = NoFiles(threads=2)
        self._lookup = Lookup(
            chain=chain,
            providers_with_api_key=frozenset(site.providers),
            stores=((Source.CACHED, cache), (Source.CACHED, rescue), (Source.CACHED, memory)),
            journal=journal,
            renderer=renderer,
            clock=self,
            notify=self.tell,
            generate=True,
        )
        context = BuildContext(
            lookup=self._lookup,
            renderer=renderer,
            journal=journal,
            budget=self._budget,
            access=Access(
                cooldowns=Cooldowns(TransactionalStore(disk, "index", hands), self.now),
                clock=self,
                notify=self.tell,
                alerts={},
                rate_limiters={},
            ),
            clock=self,
            notify=self.tell,
            inspect=_inspect,
            reject=lambda _request, _provider, _reason: None,
            concurrency=site.concurrency,
        )
        self._pipeline = Pipeline(context)

    def _api(self, service: Service) -> Callable[[], Api]:
        return lambda: cast("Api", Wire(self, service))


@dataclass(frozen=True, slots=True)
class Product:
    """A picture of one provider.

    `prompt`, `style`, an author's `seed`, and whether there is a reference are in its create call.
    """

    provider: str
    prompt: str
    style: str | None
    seed: int | None
    key: str
    estimate_usd: float
    has_reference: bool = False


@functools.cache
def product_of(name: str, picture: PictureSpec | None) -> Product:
    """The product of the provider `name` for `picture`."""
    assert picture is not None  # every simulated page has a prompt
    provider = _provider(name, cast("Any", None), cast("Any", None))
    key = generation_key(name, provider.model, picture, provider.options)
    estimate_usd = provider.estimate_usd(picture)
    if name == "openai":
        return Product(name, worded(picture), None, None, key, estimate_usd)
    style, has_reference = PHOENIX_STYLES[picture.style], picture.reference is not None
    return Product(name, picture.prompt, style, picture.seed, key, estimate_usd, has_reference=has_reference)


class _Memory(SharedValues):
    """A provider's memory with render times that earlier builds saw.

    Without them a first job is asked for many times a second.
    """

    def get(self, key: str) -> JsonValue | None:
        """The value of `key`."""
        return [6.0] * 6 if key.startswith("times:") else super().get(key)

    def update(self, key: str, change: Callable[[JsonValue | None], tuple[T, JsonValue]], *, expire_s: float) -> T:
        """Apply `change` to the value of `key`, unless it is a render time."""
        return change(None)[0] if key.startswith("times:") else super().update(key, change, expire_s=expire_s)


def _provider(
    name: str, api: Callable[[], Api], clock: Clock, version: ApiVersion = "v1", memory: Memory | None = None
) -> Provider:
    context = _Context(
        key=None,
        options=OpenAIOptions() if name == "openai" else LeonardoOptions(api_version=version),
        clock=clock,
        rate_limiter=lambda _now: 0.0,
        memory=memory or ProcessMemory(),
        api=api,
    )
    return OpenAIProvider(context) if name == "openai" else LeonardoProvider(context)


@dataclass(frozen=True, kw_only=True)
class _Context(ProviderContext[Any]):
    """A provider context whose connections lead to the world's services."""

    api: Callable[[], Api]

    def connection(
        self,
        provider: str,  # noqa: ARG002 - the context's
        *,
        base_url: str,  # noqa: ARG002 - the context's
        secret_headers: Callable[[str], Mapping[str, str]],  # noqa: ARG002 - the context's
    ) -> Connection:
        """The connection to one service of the world."""
        return Connection(self.api)


def _inspect(data: bytes) -> ImageInfo:
    if b"sound" not in data:
        raise PictureError("cannot be decoded")
    return ImageInfo("jpg", 1536, 864)
