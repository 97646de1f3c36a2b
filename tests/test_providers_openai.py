from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from providers_rig import openai_at, shows_no_secret
from services import (
    OPENAI_KEY,
    Answer,
    Answer429,
    Answer500,
    BadBase64,
    Behaviour,
    BillingLimitReached,
    CutAfterRead,
    CutMidAnswer,
    HalfPicture,
    ModelNotFound,
    ModerationBlocked,
    NoPicture,
    NotAPicture,
    OrganisationNotVerified,
    QuotaUsedUp,
    Services,
    Unparsable,
    shows,
)

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobFailed,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServerError,
    ServiceFailed,
)
from mkdocs_leonardo.picture_rules import STYLES
from mkdocs_leonardo.providers.openai.provider import picture_usd, size_for, usage_usd
from mkdocs_leonardo.providers.wording import STYLE_WORDS, worded
from mkdocs_leonardo.spec import PictureSpec

pytestmark = pytest.mark.anyio

PICTURE = PictureSpec(prompt="a lighthouse in a storm")


async def refusal(services: Services, *behaviours: Behaviour, timeout_s: float = 30.0) -> ProviderError:
    """The error of a create call."""
    if behaviours:
        services.openai.on_create(*behaviours)
    provider = openai_at(services, timeout_s=timeout_s)
    try:
        with pytest.raises(ProviderError) as caught:
            await provider.submit(PICTURE)
    finally:
        await provider.aclose()
    assert caught.value.provider == "openai"
    assert shows_no_secret(caught.value)
    return caught.value


async def test_submit_brings_the_picture_with_its_cost(services: Services) -> None:
    """One call gives a finished submission with the cost of its tokens."""
    provider = openai_at(services)
    submission = await provider.submit(PICTURE)
    assert submission.image is not None
    assert shows(submission.image.data, worded(PICTURE)) or shows(submission.image.data, PICTURE.prompt)
    assert submission.cost_usd == pytest.approx(services.ledger.jobs_of("openai")[0].charged_usd, abs=0.001)
    assert await provider.fetch(submission, give_up_at=0.0) == submission.image
    await provider.aclose()


async def test_submit_sends_these_fields_and_no_others(services: Services) -> None:
    """The request has exactly these fields."""
    provider = openai_at(services)
    await provider.submit(replace(PICTURE, negative_prompt="people", seed=7, style="MINIMALIST"))
    await provider.aclose()
    assert services.ledger.jobs_of("openai")[0].request == {
        "model": "gpt-image-2",
        "prompt": "a lighthouse in a storm\n\nStyle: minimalist, few elements, much empty space.\n\n"
        "Keep out of the picture: people.",
        "n": 1,
        "size": "1536x864",
        "quality": "medium",
        "output_format": "jpeg",
        "output_compression": 95,
    }


@pytest.mark.parametrize(
    ("behaviour", "kind", "charged"),
    [
        (QuotaUsedUp(), AccountRefused, Charged.NO),
        (BillingLimitReached(), AccountRefused, Charged.NO),
        (OrganisationNotVerified(), AccountRefused, Charged.NO),
        (ModelNotFound(), AccountRefused, Charged.NO),
        (Answer(404, "<html>not here</html>"), AccountRefused, Charged.NO),
        (Answer(301, "", {"Location": "https://elsewhere.example/"}), AccountRefused, Charged.NO),
        (Answer(429, {"error": {"message": "Limit: 0/1min.", "code": "rate_limit_exceeded"}}), AccountRefused, "no"),
        (Answer(429, {"error": {"message": "Limit: 50/1min. Current: 50/1min."}}), RateLimited, Charged.NO),
        (Answer(429, {"error": {"message": "Limit: 5/1min. Current: 0/1min."}}), RateLimited, Charged.NO),
        (ModerationBlocked(), PromptRefused, Charged.NO),
        (
            Answer(400, {"error": {"message": "Rejected by our\nsafety rules", "code": "image_generation_user_error"}}),
            PromptRefused,
            Charged.NO,
        ),
        (
            Answer(400, {"error": {"message": "<p>x</p> violates policy", "type": "image_generation_user_error"}}),
            PromptRefused,
            Charged.NO,
        ),
        (Answer429(), RateLimited, Charged.NO),
        (Answer(400, {"error": {"message": "bad size", "code": "invalid_value"}}), RequestRefused, Charged.NO),
        (Answer500(), ServerError, Charged.UNKNOWN),
        (
            Answer(500, {"error": {"message": "Our safety system is temporarily overloaded"}}),
            ServerError,
            Charged.UNKNOWN,
        ),
        (Answer500(status=503), ServerError, Charged.UNKNOWN),
        (Answer500(status=502), ServiceFailed, Charged.UNKNOWN),
        (Answer500(status=504), ServiceFailed, Charged.UNKNOWN),
        (CutAfterRead(), ServiceFailed, Charged.UNKNOWN),
        (CutMidAnswer(0.5), ServiceFailed, Charged.UNKNOWN),
        (Unparsable(), ServiceFailed, Charged.UNKNOWN),
        (NoPicture(), JobFailed, Charged.YES),
        (BadBase64(), JobFailed, Charged.YES),
        (NotAPicture(), JobFailed, Charged.YES),
        (HalfPicture(), JobFailed, Charged.YES),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_submit_failed_says_what_it_means_and_who_pays(
    services: Services, behaviour: Behaviour, kind: type[ProviderError], charged: str
) -> None:
    """Each failure of the service becomes a provider error, after one create call."""
    error = await refusal(services, behaviour)
    assert (type(error), error.charged) == (kind, charged)
    assert len(services.ledger.requests_to("openai", "create")) == 1


async def test_submit_rate_limited_says_how_long(services: Services) -> None:
    """The delay of a 429 is `Retry-After`."""
    assert (await refusal(services, Answer429(retry_after_s=7))).retry_after_s == pytest.approx(7, abs=1)


def test_worded_has_words_for_every_style() -> None:
    """Each style is worded in the prompt, and NONE with nothing."""
    assert set(STYLE_WORDS) == set(STYLES)
    assert worded(replace(PICTURE, style="NONE")) == PICTURE.prompt


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        ("gpt-image-2", (1536, 864), (1536, 864)),
        ("gpt-image-2.6-flare", (1536, 864), (1536, 864)),
        ("gpt-image-2", (1200, 672), (1200, 672)),
        ("gpt-image-2", (1000, 568), (1104, 624)),
        ("gpt-image-2", (3840, 2160), (3840, 2160)),
        ("gpt-image-1", (1536, 864), (1536, 1024)),
        ("gpt-image-1.5", (864, 1536), (1024, 1536)),
        ("gpt-image-1-mini", (900, 880), (1024, 1024)),
    ],
)
def test_size_for_takes_the_nearest_the_model_draws(
    model: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Later models draw any size within their rules, and those of 2025 the nearest of three."""
    assert size_for(model, *size) == expected


@given(st.integers(32, 6336), st.integers(32, 6336))
@example(6336, 2688)
def test_size_for_any_size_is_one_that_the_service_takes(width_px: int, height_px: int) -> None:
    """Any size gives a size that the service accepts."""
    wide, high = size_for("gpt-image-2", width_px, height_px)
    assert (wide % 16, high % 16) == (0, 0)
    assert max(wide, high) <= min(3 * min(wide, high), 3840)
    assert 655_360 <= wide * high <= 3840 * 2160


@pytest.mark.parametrize(
    ("model", "quality", "usd"),
    [
        ("gpt-image-2", "medium", 0.042),
        ("gpt-image-2.6-sunburst", "low", 0.005),
        ("gpt-image-2", "auto", 0.165),
        ("gpt-image-1-mini", "medium", 0.015),
        ("gpt-image-1", "high", 0.25),
    ],
)
def test_openai_usd_is_by_model_and_quality(model: str, quality: str, usd: float) -> None:
    """The estimate is that of model and quality at 1536x864."""
    assert picture_usd(model, quality, width_px=1536, height_px=864) == usd


def test_openai_usage_usd_counts_tokens_of_known_models_only() -> None:
    """The cost counts the tokens of models with known rates."""
    assert usage_usd("gpt-image-2", text_in=21, image_in=0, out=1300) == pytest.approx(0.039105)
    assert usage_usd("gpt-image-1", text_in=21, image_in=0, out=1300) is None


def test_provider_key_holds_what_changes_the_picture(services: Services) -> None:
    """Quality and wording are in the key; address and time limit are not."""
    assert openai_at(services, timeout_s=9.0).options == {"quality": "medium", "wording": 1}
    assert OPENAI_KEY not in repr(vars(openai_at(services)))
