"""OpenAI's and Gemini's providers: services without jobs, whose answer to a create call is the picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image
from providers_rig import gemini_at, openai_at, shows_no_secret
from services import Held, Picture, Services
from services.fronts import PictureService

from mkdocs_leonardo.errors import AccountRefused, Charged, JobUnknown, RequestRefused, ServiceFailed
from mkdocs_leonardo.providers.base import Provider
from mkdocs_leonardo.spec import PictureSpec

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("make_provider", [openai_at, gemini_at], ids=["openai", "gemini"]),
]

MakeProvider = Callable[..., Provider]
PICTURE = PictureSpec(prompt="a lighthouse in a storm")


def service_of(provider: Provider, services: Services) -> PictureService:
    """The loopback service of the provider."""
    return services.openai if provider.name == "openai" else services.gemini


async def test_submit_usage_not_stated_leaves_the_cost_open(make_provider: MakeProvider, services: Services) -> None:
    """Without usage in the answer, the cost is unknown."""
    provider = make_provider(services)
    service_of(provider, services).states_usage = False
    assert (await provider.submit(PICTURE)).cost_usd is None
    await provider.aclose()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
async def test_submit_picture_in_any_format_is_taken(
    make_provider: MakeProvider, services: Services, form: str
) -> None:
    """The picture's format is recognised by its bytes, whatever its label."""
    provider = make_provider(services)
    behaviour = Picture(form, content_type="image/x-other")  # type: ignore[arg-type]  # one of the three
    service_of(provider, services).on_create(behaviour)
    submission = await provider.submit(PICTURE)
    await provider.aclose()
    assert submission.image is not None
    assert Image.open(io.BytesIO(submission.image.data)).format == form


async def test_submit_wrong_key_is_an_account_refused_that_hides_it(
    make_provider: MakeProvider, services: Services
) -> None:
    """A wrong key is a refused account, whose message names the variable and has no part of the key."""
    provider = make_provider(services, key="AIzaSy-proj-unissued-key-9876")
    with pytest.raises(AccountRefused, match=f"{provider.name.upper()}_API_KEY") as caught:
        await provider.submit(PICTURE)
    await provider.aclose()
    assert shows_no_secret(caught.value, "unissued-key", "9876")


async def test_submit_slower_than_the_timeout_is_uncertain(make_provider: MakeProvider, services: Services) -> None:
    """A call without an answer in time may have been charged."""
    provider = make_provider(services, timeout_s=2)
    service_of(provider, services).on_create(Held())
    with pytest.raises(ServiceFailed) as caught:
        await provider.submit(PICTURE)
    await provider.aclose()
    assert (caught.value.charged, caught.value.provider) == (Charged.UNKNOWN, provider.name)
    assert shows_no_secret(caught.value)
    assert services.ledger.paid_jobs == 1


async def test_submit_refused_connection_costs_nothing(make_provider: MakeProvider, services: Services) -> None:
    """A refused connection is no charge."""
    provider = make_provider(services, base_url=services.refusing_url)
    with pytest.raises(ServiceFailed) as caught:
        await provider.submit(PICTURE)
    await provider.aclose()
    assert caught.value.charged is Charged.NO


@pytest.mark.parametrize("prompt", ["", " \n ", "x" * 32_001])
async def test_submit_prompt_that_would_be_refused_is_not_sent(
    make_provider: MakeProvider, services: Services, prompt: str
) -> None:
    """An empty prompt or one that is too long is not sent."""
    provider = make_provider(services)
    with pytest.raises(RequestRefused):
        await provider.submit(replace(PICTURE, prompt=prompt))
    await provider.aclose()
    assert services.ledger.requests == ()


async def test_fetch_answer_lost_is_a_job_unknown(make_provider: MakeProvider, services: Services) -> None:
    """A lost answer is an unknown job, since the service keeps no jobs."""
    provider = make_provider(services)
    submission = await provider.submit(PICTURE)
    with pytest.raises(JobUnknown):
        await provider.fetch(replace(submission, image=None), give_up_at=0.0)
    await provider.aclose()
