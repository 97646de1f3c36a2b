from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers_rig import gemini_at, shows_no_secret
from services import (
    GEMINI_KEY,
    Answer,
    Answer429,
    Answer500,
    BadBase64,
    Behaviour,
    CutAfterRead,
    CutMidAnswer,
    DailyQuotaUsedUp,
    FinishesWithoutPicture,
    HalfPicture,
    Held,
    KeyBlocked,
    LostAnswer,
    ModelShutDown,
    NoImageQuota,
    NotAPicture,
    PromptBlocked,
    Services,
    ThinksAloud,
    Unparsable,
    shows,
)
from services.gemini import MODELS

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobFailed,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServiceFailed,
)
from mkdocs_leonardo.imaging.normalise import inspect
from mkdocs_leonardo.providers.gemini.provider import picture_usd, ratio_for, usage_usd
from mkdocs_leonardo.providers.wording import worded
from mkdocs_leonardo.spec import PictureSpec, Submission

pytestmark = pytest.mark.anyio

PICTURE = PictureSpec(prompt="a lighthouse in a storm")


async def make(services: Services, picture: PictureSpec = PICTURE, **options: Any) -> Submission:  # noqa: ANN401 - chosen by tests
    """A finished, paid picture."""
    provider = gemini_at(services, **options)
    try:
        return await provider.submit(picture)
    finally:
        await provider.aclose()


async def refusal(services: Services, *behaviours: Behaviour, timeout_s: float = 30.0) -> ProviderError:
    """The error of a create call."""
    services.gemini.on_create(*behaviours)
    with pytest.raises(ProviderError) as caught:
        await make(services, timeout_s=timeout_s)
    assert caught.value.provider == "gemini"
    assert shows_no_secret(caught.value)
    return caught.value


async def test_submit_brings_the_picture_with_its_cost(services: Services) -> None:
    """One call gives a finished submission in the service's size, with the cost of the picture's tokens."""
    provider = gemini_at(services)
    submission = await provider.submit(PICTURE)
    assert submission.image is not None
    assert shows(submission.image.data, worded(PICTURE))
    assert inspect(submission.image.data).width_px == 1376
    assert submission.cost_usd == services.ledger.jobs_of("gemini")[0].charged_usd == 0.0336
    assert await provider.fetch(submission, give_up_at=0.0) == submission.image
    await provider.aclose()
    assert services.ledger.authorization_leaks == ()


async def test_submit_sends_these_fields_and_no_others(services: Services) -> None:
    """The request has exactly these fields, and the key in a header."""
    await make(services, replace(PICTURE, negative_prompt="people", seed=7, style="MINIMALIST"))
    text = (
        "a lighthouse in a storm\n\nStyle: minimalist, few elements, much empty space.\n\n"
        "Keep out of the picture: people."
    )
    assert services.ledger.jobs[0].request == {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"},
        },
    }
    assert services.ledger.requests[0].path == "/v1beta/models/gemini-nano-banana-2.1:generateContent"
    assert services.ledger.requests[0].headers["x-goog-api-key"] == "(hidden)"


@pytest.mark.parametrize("model", sorted(MODELS))
async def test_submit_every_model_takes_the_request(services: Services, model: str) -> None:
    """Every model accepts the request; a model with one size gets none."""
    assert (await make(services, model=model)).image is not None


async def test_submit_picture_among_drafts_is_the_last_that_is_none(services: Services) -> None:
    """The picture is the last one that is no thought of the model."""
    services.gemini.on_create(ThinksAloud())
    submission = await make(services)
    assert submission.image is not None
    assert shows(submission.image.data, worded(PICTURE))


@pytest.mark.parametrize(
    ("behaviour", "kind", "charged"),
    [
        (NoImageQuota(), AccountRefused, Charged.NO),
        (DailyQuotaUsedUp(), AccountRefused, Charged.NO),
        (KeyBlocked(), AccountRefused, Charged.NO),
        (ModelShutDown(), AccountRefused, Charged.NO),
        (Answer(404, "<html>not here</html>"), AccountRefused, Charged.NO),
        (Answer(301, "", {"Location": "https://elsewhere.example/"}), AccountRefused, Charged.NO),
        (Answer(400, {"error": {"message": "x", "status": "FAILED_PRECONDITION"}}), AccountRefused, Charged.NO),
        (PromptBlocked(), PromptRefused, Charged.NO),
        (PromptBlocked("OTHER"), PromptRefused, Charged.NO),
        (FinishesWithoutPicture("SAFETY", charged=False), PromptRefused, Charged.UNKNOWN),
        (FinishesWithoutPicture("IMAGE_SAFETY"), PromptRefused, Charged.YES),
        (FinishesWithoutPicture("IMAGE_RECITATION"), PromptRefused, Charged.YES),
        (FinishesWithoutPicture("NO_IMAGE", charged=False), JobFailed, Charged.UNKNOWN),
        (FinishesWithoutPicture("STOP", "A lighthouse is a tower."), JobFailed, Charged.YES),
        (FinishesWithoutPicture("MAX_TOKENS"), JobFailed, Charged.YES),
        (Answer(200, {}), JobFailed, Charged.UNKNOWN),
        (Answer(200, {"candidates": [{"content": None}], "usageMetadata": 5}), JobFailed, Charged.UNKNOWN),
        (BadBase64(), JobFailed, Charged.YES),
        (NotAPicture(), JobFailed, Charged.YES),
        (HalfPicture(), JobFailed, Charged.YES),
        (Answer429(), RateLimited, Charged.NO),
        (Answer(429, "slow down"), RateLimited, Charged.NO),
        (Answer(400, {"error": {"message": "image_size: 512", "status": "INVALID_ARGUMENT"}}), RequestRefused, "no"),
        (Answer500(status=503), ServiceFailed, Charged.NO),
        (Answer(503, "<html>a gateway's own</html>"), ServiceFailed, Charged.UNKNOWN),
        (Answer500(), ServiceFailed, Charged.UNKNOWN),
        (LostAnswer(), ServiceFailed, Charged.UNKNOWN),
        (CutAfterRead(), ServiceFailed, Charged.UNKNOWN),
        (CutMidAnswer(0.5), ServiceFailed, Charged.UNKNOWN),
        (Unparsable(), ServiceFailed, Charged.UNKNOWN),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_submit_failed_says_what_it_means_and_who_pays(
    services: Services, behaviour: Behaviour, kind: type[ProviderError], charged: str
) -> None:
    """Each failure of the service becomes a provider error, after one create call."""
    error = await refusal(services, behaviour)
    assert (type(error), error.charged) == (kind, charged)
    assert len(services.ledger.requests_to("gemini", "create")) == 1


async def test_submit_refused_names_the_reason(services: Services) -> None:
    """The refusal of a prompt quotes the service's reason and text."""
    services.gemini.on_create(
        PromptBlocked("PROHIBITED_CONTENT"), FinishesWithoutPicture("STOP", "I would\nrather not.")
    )
    for words in ("refuses the prompt (PROHIBITED_CONTENT)", "without an image (STOP: I would rather not.)"):
        with pytest.raises(ProviderError) as caught:
            await make(services)
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("delay", "rest_s"), [("7s", 7.0), ("1.5s", 1.5), ("99999s", 600.0), ("-3s", 0.0), ("soon", None), (7, None)]
)
async def test_submit_asked_too_often_says_how_long(services: Services, delay: object, rest_s: float | None) -> None:
    """The delay of a 429 is passed on, up to a limit."""
    error = {"message": "Quota exceeded, limit: 10", "details": [{"retryDelay": delay}, {"violations": "none"}]}
    services.gemini.on_create(Answer(429, {"error": error}))
    with pytest.raises(RateLimited) as caught:
        await make(services)
    assert caught.value.retry_after_s == rest_s


async def test_submit_no_quota_is_not_waited_for(services: Services) -> None:
    """A quota of 0 is a refused account, whatever delay the answer names."""
    error = await refusal(services, NoImageQuota())
    assert "paid plan" in str(error)
    assert error.retry_after_s is None


async def test_submit_cancelled_waits_for_the_picture_that_is_paid(services: Services) -> None:
    """A cancelled call still waits for its paid picture."""
    services.gemini.on_create(Held())
    provider = gemini_at(services)
    kept: list[Submission] = []

    async def ask() -> None:
        kept.append(await provider.submit(PICTURE))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.to_thread.run_sync(services.wait_until, lambda ledger: ledger.creates == 1)
        tasks.cancel_scope.cancel()
        services.release()
    await provider.aclose()
    assert kept[0].image is not None
    assert services.ledger.paid_jobs == 1


@pytest.mark.parametrize("model", ["../files", "a b", "x?key=1", "x:predict", ""])
async def test_submit_model_that_is_no_name_is_not_sent(services: Services, model: str) -> None:
    """A model that is no plain name is not sent, since it is a part of the address."""
    with pytest.raises(AccountRefused, match=r"gemini\.model"):
        await make(services, model=model)
    assert services.ledger.requests == ()


@pytest.mark.parametrize(
    ("model", "size", "ratio"),
    [
        ("gemini-nano-banana-2.1", (1536, 864), "16:9"),
        ("gemini-nano-banana-2.1", (864, 1536), "9:16"),
        ("gemini-nano-banana-2.1", (1000, 1000), "1:1"),
        ("gemini-nano-banana-2.1", (1536, 192), "8:1"),
        ("gemini-3-pro-image", (1536, 192), "21:9"),
    ],
)
def test_ratio_for_is_the_nearest_the_model_draws(model: str, size: tuple[int, int], ratio: str) -> None:
    """The ratio is the nearest one of the model; later models have more."""
    assert ratio_for(model, *size) == ratio


@given(st.integers(32, 1536), st.integers(32, 1536), st.sampled_from(sorted(MODELS)))
def test_ratio_for_any_size_is_one_that_the_service_takes(width_px: int, height_px: int, model: str) -> None:
    """Any size gives a ratio that the service accepts."""
    assert ratio_for(model, width_px, height_px) in MODELS[model].ratios


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gemini-nano-banana-2.1", 0.0336),
        ("gemini-3.1-flash-image", 0.0672),
        ("gemini-3.1-flash-lite-image", 0.034),
        ("gemini-3-pro-image-preview", 0.134),
        ("gemini-of-next-year", 0.134),
    ],
)
def test_gemini_usd_is_by_model(model: str, usd: float) -> None:
    """The estimate is the model's in the table, for an unknown model the highest."""
    assert picture_usd(model) == usd


def test_gemini_usage_usd_counts_tokens_of_known_rates_only() -> None:
    """The cost counts the tokens of models with known rates."""
    assert usage_usd("gemini-nano-banana-2.1", image_out=1120) == 0.0336
    assert usage_usd("gemini-3-pro-image", image_out=1120) is None
    assert usage_usd("gemini-nano-banana-2.1", image_out=None) is None


def test_provider_key_holds_what_changes_the_picture(services: Services) -> None:
    """Size and wording are in the key; address and time limit are not."""
    assert gemini_at(services, timeout_s=9.0).options == {"image_size": "1K", "wording": 1}
    assert GEMINI_KEY not in repr(vars(gemini_at(services)))
