"""The number of searches for a picture: one for a page, and one more under the lease before paying."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import anyio
import pytest
from simulation.no_files import NoFiles

from mkdocs_leonardo.acquire.access import Access
from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.acquire.pipeline import Pipeline
from mkdocs_leonardo.acquire.request import BuildContext
from mkdocs_leonardo.clock import SystemClock
from mkdocs_leonardo.lookup import Hit, Lookup, Miss
from mkdocs_leonardo.providers.base import Provider
from mkdocs_leonardo.spec import (
    GeneratedImage,
    HeroSpec,
    ImageInfo,
    JsonValue,
    PictureRecord,
    PictureSpec,
    Source,
    Submission,
    digest_of,
)
from mkdocs_leonardo.storage.fallbacks import InMemoryPictures
from mkdocs_leonardo.storage.journal import Journal
from mkdocs_leonardo.storage.limits import Cooldowns
from mkdocs_leonardo.storage.process_leases import Owner
from mkdocs_leonardo.storage.text_store import InMemoryStore

HERO = HeroSpec("a.md", PictureSpec("a harbour at dusk"))
PROVIDERS = ("first", "second")


class CountingStore(InMemoryPictures):
    """A store that counts the searches for each key."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def get_verified(self, key: str) -> PictureRecord | None:
        """The record of `key`; counts one more search."""
        self.asked[key] += 1
        return super().get_verified(key)


class PictureProvider(Provider):
    """A provider that answers with the picture."""

    model = "model"
    timeout_s = 30.0
    options: Mapping[str, JsonValue] = {}

    def __init__(self, name: str) -> None:
        self.name = name

    def estimate_usd(self, picture: PictureSpec) -> float:
        """The estimate of any picture, always the same."""
        del picture
        return 0.03

    async def submit(self, picture: PictureSpec) -> Submission:
        """A job that is done."""
        return Submission(self.name, self.model, picture.prompt, 0.0, image=GeneratedImage(b"a picture"))

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """The picture that came with the answer."""
        del give_up_at
        assert submission.image is not None
        return submission.image

    async def aclose(self) -> None:
        """Do nothing, since the provider holds no resource."""


def parts(store: InMemoryPictures, *, generate: bool = True) -> tuple[Lookup, Pipeline]:
    """The look-up and the pipeline of one build."""
    clock, notify = SystemClock(), logging.getLogger(__name__).log
    journal = Journal(InMemoryStore(), Owner.of_this_process(), clock.now)
    renderer = NoFiles(threads=1)
    lookup = Lookup(
        chain=[PictureProvider(name) for name in PROVIDERS],
        providers_with_api_key=frozenset(PROVIDERS),
        stores=[(Source.CACHED, store)],
        journal=journal,
        renderer=renderer,
        clock=clock,
        notify=notify,
        generate=generate,
    )
    context = BuildContext(
        lookup=lookup,
        renderer=renderer,
        journal=journal,
        budget=Budget(max_new_images=1, max_cost_usd=None),
        access=Access(
            cooldowns=Cooldowns(InMemoryStore(), clock.now), clock=clock, notify=notify, alerts={}, rate_limiters={}
        ),
        clock=clock,
        notify=notify,
        inspect=lambda _: ImageInfo("jpg", 1536, 864),
        reject=lambda *_: None,
        concurrency=1,
    )
    return lookup, Pipeline(context)


def keep(store: InMemoryPictures, lookup: Lookup, rank: int) -> None:
    """Put the picture of the provider with that rank into the store."""
    key = lookup.find(HERO).candidates[rank].key
    store.save(PictureRecord(key, digest_of(b"x"), "jpg", PROVIDERS[rank], "model"), b"x")


def test_missing_picture_is_looked_for_once_and_once_more_under_the_lease() -> None:
    """A build searches twice for every key of a missing picture: for the page, and under the lease."""
    store = CountingStore()
    lookup, pipeline = parts(store)

    answer = lookup.find(HERO)
    at_hand = lookup.resolve_stored(HERO, answer)
    expected_key = lookup.predict_key(HERO, answer)
    resolution = anyio.run(pipeline.resolve, HERO, answer)

    assert isinstance(answer, Miss)
    assert at_hand is None
    assert resolution.asset is not None
    assert resolution.asset.source is Source.GENERATED
    assert expected_key == resolution.asset.key
    assert store.asked == dict.fromkeys([candidate.key for candidate in answer.candidates], 2)


@pytest.mark.parametrize("rank", range(len(PROVIDERS)))
def test_stored_picture_is_looked_for_once(rank: int) -> None:
    """A build searches once for every key of a stored picture, of any provider."""
    store = CountingStore()
    lookup, _ = parts(store)
    keep(store, lookup, rank)
    store.asked.clear()

    answer = lookup.find(HERO)
    resolution = lookup.resolve_stored(HERO, answer)

    assert isinstance(answer, Hit)
    assert answer.stored.rank == rank
    assert resolution is not None
    assert set(store.asked.values()) == {1}


def test_look_up_without_permission_to_generate_shows_a_placeholder_at_once() -> None:
    """Without permission to generate, a missing picture has a substitute without the event loop."""
    lookup, _ = parts(CountingStore(), generate=False)
    hero = replace(HERO, page="b.md")

    answer = lookup.find(hero)

    assert [candidate.may_be_asked for candidate in answer.candidates] == [False, False]
    assert all(candidate.has_api_key for candidate in answer.candidates)
    resolution = lookup.resolve_stored(hero, answer)
    assert resolution is not None
    assert resolution.asset is not None
    assert resolution.asset.source is Source.PAINTED
    assert resolution.failure is not None
