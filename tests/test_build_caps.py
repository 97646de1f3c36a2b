"""The caps of builds under every order of failures, and the warning about the account's balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from pathlib import Path
from typing import Literal

import anyio
import anyio.lowlevel
import pytest
from builds import Site
from hypothesis import given, settings
from hypothesis import strategies as st
from kill_harness import LEONARDO_ONLY, pages
from services import Answer, Behaviour, CutBeforeRead, Services
from simulation.no_files import NoFiles

from mkdocs_leonardo.acquire.access import Access
from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.acquire.pipeline import Pipeline
from mkdocs_leonardo.acquire.request import BuildContext
from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    PromptRefused,
    RateLimited,
    RequestRefused,
    ServiceFailed,
)
from mkdocs_leonardo.lookup import Lookup
from mkdocs_leonardo.providers.base import Provider
from mkdocs_leonardo.resolution import FailureKind, Resolution
from mkdocs_leonardo.spec import (
    GeneratedImage,
    HeroSpec,
    ImageInfo,
    JsonValue,
    PictureSpec,
    Source,
    Submission,
    generation_key,
)
from mkdocs_leonardo.storage.entries import Entry
from mkdocs_leonardo.storage.fallbacks import InMemoryPictures
from mkdocs_leonardo.storage.journal import Journal
from mkdocs_leonardo.storage.limits import Cooldowns
from mkdocs_leonardo.storage.process_leases import Owner
from mkdocs_leonardo.storage.text_store import InMemoryStore

# Services that fail in any order --------------------------------------------------------------------------------------

#: What a create call comes to. `lost`: a job was made and charged, the answer did not come. `broken`: neither did.
Creation = Literal[
    "made", "lost", "broken", "not sent", "rate limited", "no credit", "prompt refused", "request refused"
]
#: What becomes of a job. `late`: done when the next build asks. `gone`: paid, and the service knows nothing of it.
Fate = Literal["done", "failed", "late", "gone", "unsafe"]

CREATIONS: tuple[Creation, ...] = (
    *("made",) * 6,
    "lost",
    "lost",
    "broken",
    "not sent",
    "rate limited",
    "no credit",
    "prompt refused",
    "request refused",
)
FATES: tuple[Fate, ...] = (*("done",) * 4, "failed", "late", "gone", "unsafe")
#: Estimates that are no multiple of each other, the second provider's the dearer one.
ESTIMATES_USD = {"first": 0.03, "second": 0.041}
DUST_USD = 1e-6


@dataclass
class Charge:
    """One charge: the estimate, until the service has stated a cost."""

    provider: str
    key: str
    prompt: str
    build: int
    fate: Fate
    cost_usd: float
    job_id: str
    seed: int | None = None
    refunded: bool = False


@dataclass
class ScriptedWorld:
    """The services' state and the clock; `wrong` collects violations, since a pipeline survives exceptions."""

    journal_store: InMemoryStore
    creations: Iterator[Creation]
    fates: Iterator[Fate]
    turns: Iterator[int]
    lists: Iterator[bool]
    stated: Iterator[float | None]
    now_s: float = 1_790_000_000.0
    build: int = 0
    max_new_images: int = 0
    max_cost_usd: float | None = None
    unlisted_until_s: float = 0.0
    jobs: list[Charge] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    #: Pictures for which the list could not be read when it was asked.
    unread: set[tuple[str, str]] = field(default_factory=set)

    def now(self) -> float:
        """Unix seconds, advanced by sleeping builds."""
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        """Let time pass for all builds."""
        self.now_s += seconds
        await anyio.lowlevel.checkpoint()

    async def give_way(self) -> None:
        """Let other tasks run as many times as drawn."""
        for _ in range(next(self.turns)):
            await anyio.lowlevel.checkpoint()

    def journal(self) -> Journal:
        """A journal of one more process."""
        return Journal(self.journal_store, Owner.of_this_process(), self.now)

    def charge(self, provider: str, key: str, prompt: str, fate: Fate, seed: int | None = None) -> Charge:
        """Add a paid job; a second one for a picture is a violation unless the first was hidden."""
        if self.alive(provider, key) and (provider, key) not in self.unread:
            self.wrong.append(f"{prompt} is paid for twice at {provider}")
        job = Charge(provider, key, prompt, self.build, fate, ESTIMATES_USD[provider], f"job-{len(self.jobs)}", seed)
        self.jobs.append(job)
        mine = [each for each in self.jobs if each.build == self.build]
        if len(mine) > self.max_new_images:
            self.wrong.append(f"{len(mine)} jobs are more than {self.max_new_images}")
        standing_usd = sum(each.cost_usd for each in mine if not each.refunded)
        if self.max_cost_usd is not None and standing_usd > self.max_cost_usd + DUST_USD:
            self.wrong.append(f"{standing_usd} dollars are more than {self.max_cost_usd}")
        return job

    def alive(self, provider: str, key: str) -> list[Charge]:
        """The jobs that bought that picture, or will."""
        return [job for job in self.jobs if (job.provider, job.key) == (provider, key) and job.fate in {"done", "late"}]


class ScriptedProvider(Provider):
    """A service with scripted answers. Its list of jobs, if it can be read, is right."""

    model = "model"
    timeout_s = 30.0
    options: Mapping[str, JsonValue] = {}

    def __init__(self, name: str, world: ScriptedWorld) -> None:
        self.name = name
        self._world = world

    def estimate_usd(self, picture: PictureSpec) -> float:
        """The estimate of any picture, always the same."""
        del picture
        return ESTIMATES_USD[self.name]

    async def submit(self, picture: PictureSpec) -> Submission:
        """Answer as scripted; a missing intent is a violation."""
        world = self._world
        key = generation_key(self.name, self.model, replace(picture, seed=None), self.options)
        entry = world.journal().get_entry(key)
        if entry is None or [one.seed for one in entry.intended][-1:] != [picture.seed]:
            world.wrong.append(f"a create call with {entry} in the journal")
        creation = next(world.creations)
        await world.give_way()
        refusals = {
            "rate limited": RateLimited("429", provider=self.name, retry_after_s=5.0),
            "no credit": AccountRefused("no credit", provider=self.name),
            "prompt refused": PromptRefused("no such image", provider=self.name),
            "request refused": RequestRefused("no such size", provider=self.name),
            "not sent": ServiceFailed("no connection", provider=self.name, charged=Charged.NO),
            "broken": ServiceFailed("500", provider=self.name, charged=Charged.UNKNOWN),
        }
        if creation in refusals:
            raise refusals[creation]
        fate = next(world.fates)
        if creation == "lost" and fate in {"failed", "gone"}:
            # The list hides failed jobs, which are not charged.
            raise refusals["broken"]
        job = world.charge(self.name, key, picture.prompt, fate, picture.seed)
        await world.give_way()
        if creation == "lost":
            raise refusals["broken"]
        stated_usd = next(world.stated)
        job.cost_usd = job.cost_usd if stated_usd is None else stated_usd
        return Submission(self.name, self.model, job.job_id, world.now_s, stated_usd)

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """Deliver or fail by the job's fate."""
        world = self._world
        await world.give_way()
        job = next(each for each in world.jobs if each.job_id == submission.job_id)
        if job.fate == "failed":
            job.refunded = True
            raise JobFailed("failed", provider=self.name)
        if job.fate == "gone":
            raise JobUnknown("unknown", provider=self.name, charged=Charged.UNKNOWN)
        if job.fate == "unsafe":
            raise PromptRefused("not safe", provider=self.name, charged=Charged.YES)
        if job.fate == "late" and job.build == world.build:
            world.now_s = max(world.now_s, give_up_at)
            raise JobUnfinished("late", provider=self.name, charged=Charged.YES)
        return GeneratedImage(f"image of {job.prompt} by {self.name}".encode())

    async def find(self, picture: PictureSpec, *, since: float, known: frozenset[str]) -> Submission | None:
        """The unknown job with that prompt and seed."""
        del since
        world = self._world
        await world.give_way()
        key = generation_key(self.name, self.model, replace(picture, seed=None), self.options)
        if not next(world.lists):
            world.unread.add((self.name, key))
            raise ServiceFailed("the list cannot be read", provider=self.name)
        if world.now_s < world.unlisted_until_s:
            return None
        for job in reversed(world.jobs):
            listed = job.fate not in {"failed", "gone"} and job.job_id not in known
            if listed and (job.provider, job.key, job.seed) == (self.name, key, picture.seed):
                return Submission(self.name, self.model, job.job_id, world.now_s)
        return None

    async def aclose(self) -> None:
        """Do nothing, since the provider holds no resource."""


def pipeline_of(world: ScriptedWorld, home: InMemoryPictures, cooldowns: InMemoryStore) -> tuple[Pipeline, Budget]:
    """One build's pipeline over the stores of all builds."""
    budget = Budget(max_new_images=world.max_new_images, max_cost_usd=world.max_cost_usd)
    journal = world.journal()
    renderer = NoFiles(threads=1)
    lookup = Lookup(
        chain=[ScriptedProvider(name, world) for name in ESTIMATES_USD],
        providers_with_api_key=frozenset(ESTIMATES_USD),
        stores=[(Source.CACHED, home)],
        journal=journal,
        renderer=renderer,
        clock=world,
        notify=lambda *_: None,
        generate=True,
    )
    context = BuildContext(
        lookup=lookup,
        renderer=renderer,
        journal=journal,
        budget=budget,
        access=Access(
            cooldowns=Cooldowns(cooldowns, world.now), clock=world, notify=lambda *_: None, alerts={}, rate_limiters={}
        ),
        clock=world,
        notify=lambda *_: None,
        inspect=lambda _: ImageInfo("jpg", 1536, 864),
        reject=lambda *_: None,
        concurrency=4,
    )
    return Pipeline(context), budget


def well_behaved_world() -> ScriptedWorld:
    """A world whose services do what they are asked."""
    return ScriptedWorld(
        journal_store=InMemoryStore(),
        creations=repeat("made"),
        fates=repeat("done"),
        turns=repeat(0),
        lists=repeat(True),  # noqa: FBT003 - a value
        stated=repeat(None),
        max_new_images=1,
    )


async def build(pipeline: Pipeline, heroes: Sequence[HeroSpec]) -> list[Resolution]:
    """Resolve every page, all pages side by side."""
    done: list[Resolution] = []

    async def resolve(hero: HeroSpec) -> None:
        done.append(await pipeline.resolve(hero))

    async with anyio.create_task_group() as tasks:
        for hero in heroes:
            tasks.start_soon(resolve, hero)
    return done


@settings(max_examples=60)
@given(
    creations=st.lists(st.sampled_from(CREATIONS), max_size=30),
    fates=st.lists(st.sampled_from(FATES), max_size=30),
    turns=st.lists(st.integers(0, 3), max_size=40),
    lists=st.lists(st.booleans(), max_size=10),
    stated=st.lists(st.sampled_from([None, 0.02, 0.03]), max_size=10),
    builds=st.lists(
        st.tuples(st.integers(1, 7), st.integers(0, 6), st.none() | st.floats(0, 0.2)), min_size=1, max_size=3
    ),
)
def test_caps_hold_and_nothing_is_paid_twice_in_any_interleaving_of_failures(
    creations: list[Creation],
    fates: list[Fate],
    turns: list[int],
    lists: list[bool],
    stated: list[float | None],
    builds: list[tuple[int, int, float | None]],
) -> None:
    """The caps bound every charge, each charge has an intent, and each picture is bought once.

    After two good builds without caps, each living job is collected, and the journal holds only second choices.
    """
    world = ScriptedWorld(
        journal_store=InMemoryStore(),
        creations=chain(creations, repeat("made")),
        fates=chain(fates, repeat("done")),
        turns=chain(turns, repeat(0)),
        lists=chain(lists, repeat(True)),  # noqa: FBT003 - a value
        stated=chain(stated, repeat(None)),
    )
    home, cooldowns = InMemoryPictures(), InMemoryStore()
    heroes = [HeroSpec(f"page{number}.md", PictureSpec(f"view {number // 2}")) for number in range(7)]

    for number_of_pages, max_new_images, max_cost_usd in builds:
        world.build += 1
        world.max_new_images, world.max_cost_usd = max_new_images, max_cost_usd
        pipeline, budget = pipeline_of(world, home, cooldowns)
        done = anyio.run(build, pipeline, heroes[:number_of_pages])
        assert world.wrong == []
        assert not any(resolution.failure and resolution.failure.kind is FailureKind.FAULT for resolution in done)
        assert len(done) == number_of_pages
        assert all(resolution.asset is not None for resolution in done)
        assert budget.new_images >= sum(job.build == world.build for job in world.jobs), "a paid job is not counted"
        stored = {record.job_id for record, _ in home._pairs.values()}
        for entry in world.journal().get_entries().values():
            assert stored.isdisjoint(call.job_id for call in entry.accepted), "a job is open though its image is stored"

    world.build += 1
    world.now_s += 4000
    world.creations, world.fates, world.lists = repeat("made"), repeat("done"), repeat(True)  # noqa: FBT003 - a value
    world.max_new_images, world.max_cost_usd = 99, None
    for _ in range(4):
        # The first may end a page's way at a refusal, with the second choice still to be collected. A job that the
        # service does not know is given up when that lasts for hours.
        world.now_s += 40_000
        pipeline, _budget = pipeline_of(world, home, cooldowns)
        done = anyio.run(build, pipeline, heroes)

    assert world.wrong == []
    assert all(
        (resolution.asset is not None and not resolution.failure) or resolution.is_refused for resolution in done
    )
    left = world.journal().get_entries()
    for entry in left.values():
        # Late at both: the first one's picture is shown, and the second one's is not needed.
        assert entry.provider == "second"
        assert (
            home.get_verified(generation_key("first", "model", PictureSpec(str(entry.request["prompt"])), {}))
            is not None
        )
    alive = {job.job_id for job in world.jobs if job.fate in {"done", "late"}}
    open_ids = {call.job_id for entry in left.values() for call in entry.accepted}
    assert alive - open_ids == {record.job_id for record, _ in home._pairs.values()}


@pytest.mark.parametrize("intended_before_s", [0.0, 90.0])
def test_call_that_is_carried_out_seconds_after_its_build_died_is_not_paid_again(intended_before_s: float) -> None:
    """A create call that the limiter delayed is looked for as long after its departure as any other."""
    world = well_behaved_world()
    picture = PictureSpec("view 0")
    key = generation_key("first", "model", picture, {})
    world.journal().record_call(Entry(key, "first", "model", "a.md", calls=()), estimate_usd=0.03)
    world.now_s += intended_before_s
    world.build = 1
    world.charge("first", key, picture.prompt, "done")
    world.unlisted_until_s = world.now_s + 6.0
    home = InMemoryPictures()
    pipeline, budget = pipeline_of(world, home, InMemoryStore())

    (resolution,) = anyio.run(build, pipeline, [HeroSpec("a.md", picture)])

    assert resolution.asset is not None
    assert resolution.asset.source is Source.COLLECTED
    assert (len(world.jobs), budget.new_images) == (1, 0)
    assert world.journal().get_entries() == {}


# The account ----------------------------------------------------------------------------------------------------------


def questions(services: Services) -> int:
    """The number of calls to `/me`."""
    return len(services.ledger.requests_to("leonardo", "me"))


def test_account_is_asked_once_by_a_build_that_submits_and_by_no_other(tmp_path: Path, services: Services) -> None:
    """A build of two pages asks for the balance once; a cached or capped build does not ask."""
    site = Site(tmp_path, pages=pages(2), options=LEONARDO_ONLY)

    assert site.build(services, options={"max_new_images": 0}).totals["requests"] == 0
    assert site.build(services).totals["generated"] == 2
    assert questions(services) == 1
    assert site.build(services).totals["requests"] == 0
    assert questions(services) == 1


@pytest.mark.parametrize(
    ("tokens", "alert", "warning"),
    [
        (499.0, 500, "leonardo: 499 credits left (about $0.75), below the alert at 500 credits; top the account up"),
        (500.0, 500, None),
        (4.99, "$5", "leonardo: $4.99 left, below the alert at $5.00; top the account up"),
        (None, 500, None),
    ],
)
def test_credit_alert_warns_below_it(
    tmp_path: Path, services: Services, tokens: float | None, alert: object, warning: str | None
) -> None:
    """A balance below `credit_alert` is one warning with both amounts, and pictures are made anyway."""
    services.leonardo.on_me(Answer(200, {"user_details": [{"apiPaidTokens": tokens, "apiSubscriptionTokens": 0}]}))
    site = Site(tmp_path, pages=pages(2), options={**LEONARDO_ONLY, "leonardo": {"credit_alert": alert}})

    built = site.build(services)

    assert built.totals["generated"] == 2
    assert built.warnings == ([] if warning is None else [warning])


@pytest.mark.parametrize(
    "behaviour",
    [
        Answer(403, {"error": "no"}),
        Answer(200, {"user_details": [{"apiConcurrencySlots": "many", "apiPaidTokens": -1e400, "user": 3}]}),
        CutBeforeRead(),
    ],
    ids=["refused", "nonsense", "cut"],
)
def test_account_that_cannot_be_read_changes_nothing(tmp_path: Path, services: Services, behaviour: Behaviour) -> None:
    """An unreadable balance logs nothing, and the pictures are made."""
    services.leonardo.on_me(behaviour)
    site = Site(tmp_path, pages=pages(3), options={**LEONARDO_ONLY, "leonardo": {"credit_alert": 500}})

    built = site.build_held(services, 3)

    assert built.totals["generated"] == 3
    assert built.warnings == []
    assert services.ledger.peak_in_flight == 3
