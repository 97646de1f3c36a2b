"""Leonardo's v2 create call: the order in another form, with the journal, key, polls and downloads of v1."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builds import Site, page
from providers_rig import leonardo_at, shows_no_secret
from services import (
    CREDIT_USD,
    PHOENIX_1_0,
    STYLE_IDS,
    UNKNOWN_LEONARDO_KEY,
    Answer,
    Answer429,
    Answer500,
    Behaviour,
    CutAfterRead,
    CutMidAnswer,
    Fails,
    LostAnswer,
    MarkedNsfw,
    ModelWithdrawn,
    NeverFinishes,
    NotEnoughTokens,
    PromptModerated,
    Services,
    Unparsable,
    Vanishes,
    shows,
)

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    NoAnswer,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServiceFailed,
)
from mkdocs_leonardo.picture_rules import STYLES
from mkdocs_leonardo.providers.leonardo.provider import LeonardoProvider
from mkdocs_leonardo.spec import PictureSpec, generation_key

pytestmark = pytest.mark.anyio

PICTURE = PictureSpec(prompt="a lighthouse in a storm")


def v2_at(services: Services, **settings: Any) -> LeonardoProvider:  # noqa: ANN401 - chosen by tests
    """Leonardo's provider with `api_version: v2`."""
    options = settings.pop("options", {})
    return leonardo_at(services, options={"api_version": "v2", **options}, **settings)


async def error_of(provider: LeonardoProvider, picture: PictureSpec = PICTURE, *, timeout_s: float = 8.0) -> Any:  # noqa: ANN401 - its kind is what is tested
    """The error of a picture."""

    async def make() -> None:
        submission = await provider.submit(picture)
        await provider.fetch(submission, give_up_at=submission.accepted_at + timeout_s)

    with pytest.raises(ProviderError) as caught:
        await make()
    await provider.aclose()
    assert shows_no_secret(caught.value)
    return caught.value


def key_of(provider: LeonardoProvider) -> str:
    """The key of the provider's picture."""
    return generation_key(provider.name, provider.model, PICTURE, provider.options)


async def test_submit_and_fetch_bring_the_picture(services: Services) -> None:
    """A picture is created under v2, polled under v1, and downloaded without a key."""
    provider = v2_at(services)
    submission = await provider.submit(PICTURE)
    image = await provider.fetch(submission, give_up_at=submission.accepted_at + 12)
    await provider.aclose()
    assert shows(image.data, PICTURE.prompt)
    assert submission.cost_usd == 0.0224
    paths = [re.sub(r"[0-9a-f-]{36}", "ID", entry.path) for entry in services.ledger.requests_to("leonardo")]
    assert paths[0] == "/api/rest/v2/generations"
    assert set(paths[1:]) == {"/api/rest/v1/generations/ID"}
    assert services.ledger.authorization_leaks == ()


async def test_submit_sends_these_fields_and_no_others(services: Services) -> None:
    """The v2 request has exactly these fields."""
    provider = v2_at(services)
    await provider.submit(PICTURE)
    await provider.submit(replace(PICTURE, negative_prompt=" people ", seed=0, style="3D_RENDER", prompt="a\n b"))
    await provider.aclose()
    first, second = (job.request for job in services.ledger.jobs)
    assert first == {
        "model": "phoenix-v1.0",
        "public": False,
        "parameters": {
            "prompt": "a lighthouse in a storm",
            "mode": "QUALITY",
            "contrast": "MEDIUM",
            "width": 1536,
            "height": 864,
            "quantity": 1,
            "prompt_enhance": "OFF",
            "style_ids": ["a5632c7c-ddbb-4e2f-ba34-8456ab3ac436"],
        },
    }
    assert second["parameters"] == {
        **first["parameters"],  # type: ignore[dict-item]  # compared above
        "prompt": "a b",
        "style_ids": ["debdf72a-91a4-467b-bf61-cc02bdeb69c6"],
        "negative_prompt": "people",
        "seed": 0,
    }


async def test_submit_every_style_is_taken(services: Services) -> None:
    """v2 accepts v1's ids of styles."""
    provider = v2_at(services)
    for style in STYLES:
        await provider.submit(replace(PICTURE, style=style))
    await provider.aclose()
    assert {job.style for job in services.ledger.jobs} == set(STYLE_IDS.values())


@pytest.mark.parametrize(
    ("options", "mode", "contrast"),
    [
        ({"alchemy": False, "contrast": 3.0}, "FAST", "LOW"),
        ({"contrast": 4.0}, "QUALITY", "HIGH"),
    ],
)
async def test_submit_settings_are_said_in_words(
    services: Services, options: dict[str, object], mode: str, contrast: str
) -> None:
    """v2 has names for v1's switches and numbers."""
    provider = v2_at(services, options=options)
    await provider.submit(PICTURE)
    await provider.aclose()
    parameters: Any = services.ledger.jobs[0].request["parameters"]
    assert (parameters["mode"], parameters["contrast"]) == (mode, contrast)


@pytest.mark.parametrize("ending", ["/v1", "/v2"])
async def test_submit_address_of_either_version_is_the_same_service(services: Services, ending: str) -> None:
    """Jobs are created under v2's path and polled under v1's, with either `base_url`."""
    provider = v2_at(services, base_url=services.leonardo.base_url.removesuffix("/v1") + ending)
    submission = await provider.submit(PICTURE)
    await provider.fetch(submission, give_up_at=submission.accepted_at + 12)
    assert (await provider.account()).credits == 45677
    await provider.aclose()


@pytest.mark.parametrize("shape", ["sdGenerationJob", "generate", ""])
async def test_submit_answer_in_any_known_shape_is_understood(services: Services, shape: str) -> None:
    """The job's id is read from the documented shape and from the wrapped one."""
    services.leonardo.answer_shape = shape
    provider = v2_at(services)
    assert (await provider.submit(PICTURE)).job_id == services.ledger.jobs[0].job_id
    await provider.aclose()


async def test_submit_cost_in_credits_is_turned_into_dollars(services: Services) -> None:
    """A cost in credits becomes dollars."""
    services.leonardo.cost_unit = "CREDITS"
    provider = v2_at(services)
    assert (await provider.submit(PICTURE)).cost_usd == pytest.approx(15 * CREDIT_USD, abs=1e-6)
    await provider.aclose()


@pytest.mark.parametrize(
    ("behaviour", "kind", "charged"),
    [
        (Answer429(), RateLimited, Charged.NO),
        (Answer500(), ServiceFailed, Charged.UNKNOWN),
        (Answer500(status=503), ServiceFailed, Charged.UNKNOWN),
        (LostAnswer(), ServiceFailed, Charged.UNKNOWN),
        (CutAfterRead(), NoAnswer, Charged.UNKNOWN),
        (CutMidAnswer(0.5), NoAnswer, Charged.UNKNOWN),
        (Unparsable(), NoAnswer, Charged.UNKNOWN),
        (Answer(200, {"generate": None}), NoAnswer, Charged.UNKNOWN),
        (Answer(200, []), NoAnswer, Charged.UNKNOWN),
        (Answer(200, [{"message": "Internal\nserver  error"}]), NoAnswer, Charged.UNKNOWN),
        (Answer(200, [{"message": "Too\tmany  requests"}]), RateLimited, Charged.NO),
        (Answer500(message="Invalid response from authorization hook"), AccountRefused, Charged.NO),
        (NotEnoughTokens(), AccountRefused, Charged.NO),
        (ModelWithdrawn(), AccountRefused, Charged.NO),
        (Answer(404, {"error": "Endpoint not found"}), AccountRefused, Charged.NO),
        (PromptModerated(), PromptRefused, Charged.NO),
        (PromptModerated(status=403), PromptRefused, Charged.NO),
        (Answer(400, {"error": "invalid dimensions", "code": "unexpected"}), RequestRefused, Charged.NO),
    ],
    ids=lambda value: repr(value)[:48],
)
async def test_submit_failed_says_what_it_means_and_who_pays(
    services: Services, behaviour: Behaviour, kind: type[ProviderError], charged: Charged
) -> None:
    """Each failure of v2 becomes the provider error of v1, after one create call."""
    services.leonardo.on_create(behaviour)
    error = await error_of(v2_at(services))
    assert (type(error), error.charged, error.provider) == (kind, charged, "leonardo")
    assert len(services.ledger.requests_to("leonardo", "create")) == 1


@pytest.mark.parametrize("key", ["not-a-uuid-but-a-secret", UNKNOWN_LEONARDO_KEY])
async def test_submit_wrong_key_is_an_account_refused(services: Services, key: str) -> None:
    """A wrong key is a refused account."""
    error = await error_of(v2_at(services, key=key))
    assert isinstance(error, AccountRefused)
    assert shows_no_secret(error, key)


@pytest.mark.parametrize(
    ("picture", "options", "words"),
    [
        (replace(PICTURE, prompt="x" * 2001), {}, "2001 characters, 2000"),
        (
            replace(PICTURE, negative_prompt="x" * 1001),
            {},
            "it has 1,001 characters, and v2 takes 1,000",
        ),
        (PICTURE, {"model": "0f0e4e7c-6c1d-4f5a-9a5c-2d1f9b7c8a66"}, "which takes models by name"),
        (PICTURE, {"contrast": 4.5}, "it is 4.5; phoenix-v1.0 takes 3, 3.5, 4 by v2"),
    ],
)
async def test_submit_request_that_would_be_refused_is_not_sent(
    services: Services, picture: PictureSpec, options: dict[str, object], words: str
) -> None:
    """A request that v2 cannot express is not sent."""
    assert words in str(await error_of(v2_at(services, options=options), picture))
    assert services.ledger.requests == ()


async def test_submit_longer_prompt_than_v1_takes_is_sent(services: Services) -> None:
    """A prompt of 2000 characters is sent."""
    provider = v2_at(services)
    await provider.submit(replace(PICTURE, prompt="x" * 2000))
    await provider.aclose()
    assert services.ledger.paid_jobs == 1


@pytest.mark.parametrize(
    ("fate", "kind", "charged"),
    [
        (Fails(), JobFailed, Charged.NO),
        (MarkedNsfw(), PromptRefused, Charged.YES),
        (Vanishes(), JobUnknown, Charged.UNKNOWN),
        (NeverFinishes(), JobUnfinished, Charged.YES),
    ],
    ids=lambda value: repr(value)[:48],
)
async def test_fetch_job_that_ends_badly_says_so(
    services: Services, fate: Behaviour, kind: type[ProviderError], charged: Charged
) -> None:
    """Each end of a v2 job without a picture has the error of v1."""
    services.leonardo.on_create(fate)
    error = await error_of(v2_at(services))
    assert (type(error), error.charged) == (kind, charged)


# The same picture, whichever form asked for it -----------------------------------------------------------------------


@pytest.mark.parametrize("model", [PHOENIX_1_0, "phoenix-v1.0"])
def test_key_of_v2_is_that_of_v1(services: Services, model: str) -> None:
    """The keys of v2 are those of v1, which are unchanged."""
    first, second = leonardo_at(services), v2_at(services, options={"model": model})
    assert key_of(first) == key_of(second)
    assert first.options == {"alchemy": True, "contrast": 3.5}
    assert first.model == PHOENIX_1_0


@pytest.mark.parametrize(("made_with", "looked_for_with"), [("v1", "v2"), ("v2", "v1"), ("v2", "v2")])
async def test_find_lost_job_is_found_under_either_form(
    services: Services, made_with: str, looked_for_with: str
) -> None:
    """A lost job is found after a change of `api_version`."""
    services.leonardo.on_create(CutAfterRead())
    maker = leonardo_at(services, options={"api_version": made_with})
    with pytest.raises(ServiceFailed):
        await maker.submit(PICTURE)
    await maker.aclose()
    finder = leonardo_at(services, options={"api_version": looked_for_with})
    found = await finder.find(PICTURE, since=services.ledger.jobs[0].created_s, known=frozenset())
    other = await finder.find(replace(PICTURE, prompt="x"), since=services.ledger.jobs[0].created_s, known=frozenset())
    await finder.aclose()
    assert found is not None
    assert found.job_id == services.ledger.jobs[0].job_id
    assert other is None


@pytest.mark.parametrize("shown", [{"modelId": None}, {"modelId": "phoenix-v1.0"}, {"presetStyle": "DYNAMIC"}])
async def test_find_job_of_v2_is_known_by_what_it_shows(services: Services, shown: dict[str, object]) -> None:
    """Undocumented values of the list for fields that v2 lacks do not hide a job."""
    entry = {
        "id": "1f197fd2-30f6-6e90-a026-b7ff00000001",
        "status": "PENDING",
        "createdAt": "2100-01-01T00:00:00.000",
        "modelId": PHOENIX_1_0,
        "prompt": PICTURE.prompt,
        "imageWidth": 1536,
        "imageHeight": 864,
        **shown,
    }
    services.leonardo.on_list(Answer(200, {"generations": [entry]}))
    provider = v2_at(services)
    assert await provider.find(PICTURE, since=0.0, known=frozenset()) is not None
    await provider.aclose()


def test_build_after_a_change_of_the_form_collects_and_buys_nothing(tmp_path: Path, services: Services) -> None:
    """After a change of `api_version`, builds adopt lost answers, collect late jobs and show cached pictures."""
    services.leonardo.on_create(LostAnswer()).when_prompt("canyon").once()
    services.leonardo.on_create(NeverFinishes()).when_prompt("delta")
    pages = {f"{name}.md": page(name, hero_prompt=f"a {name}") for name in ("canyon", "delta", "moor")}
    quick = {"timeout": 3, "render_estimate": 0.2}
    site = Site(tmp_path, pages, options={"providers": ["leonardo"], "leonardo": quick, "on_missing": "ignore"})
    first = site.build(services, options={"leonardo": {"api_version": "v2"}})
    assert first.sources == {"canyon.md": "generated", "delta.md": "local", "moor.md": "generated"}, first.log
    services.finish_jobs()
    second = site.build(services, options={"leonardo": {"api_version": "v1"}})
    assert second.sources == {"canyon.md": "cached", "delta.md": "resumed", "moor.md": "cached"}, second.log
    assert services.ledger.paid_jobs == 3
    assert services.ledger.paid_twice() == ()
    created = services.ledger.requests_to("leonardo", "create")
    assert {entry.path for entry in created} == {"/api/rest/v2/generations"}
