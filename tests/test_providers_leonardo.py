from __future__ import annotations

import re
import time
from dataclasses import replace
from email.utils import formatdate

import anyio
import pytest
from providers_rig import FastClock, Memory, RealClock, SteppedClock, leonardo_at, shows_no_secret
from services import (
    CREDIT_USD,
    LEONARDO_KEY,
    SIGNATURE,
    STYLE_IDS,
    TO_FOREIGN_HOST,
    TO_METADATA_ADDRESS,
    TO_OTHER_PORT,
    TO_PRIVATE_ADDRESS,
    UNKNOWN_LEONARDO_KEY,
    Answer,
    Answer429,
    Answer500,
    Behaviour,
    CompletesWithoutImages,
    CompletesWithUrl,
    CutAfterRead,
    CutBeforeRead,
    CutMidAnswer,
    Drip,
    Fails,
    HalfPicture,
    Held,
    HugeBody,
    LostAnswer,
    MarkedNsfw,
    ModelWithdrawn,
    NeverFinishes,
    Normally,
    NotAPicture,
    NotEnoughTokens,
    PendingQueueFull,
    Picture,
    PromptModerated,
    Redirect,
    RendersIn,
    Services,
    Unparsable,
    Vanishes,
    shows,
)

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobEmpty,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    NoAnswer,
    PictureElsewhere,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServiceFailed,
)
from mkdocs_leonardo.picture_rules import STYLES
from mkdocs_leonardo.providers.base import Account, Provider
from mkdocs_leonardo.providers.declaration import Alert
from mkdocs_leonardo.providers.leonardo import models, poller
from mkdocs_leonardo.providers.leonardo.provider import LeonardoProvider
from mkdocs_leonardo.spec import GeneratedImage, PictureSpec, Submission

pytestmark = pytest.mark.anyio

PICTURE = PictureSpec(prompt="a lighthouse in a storm")


async def make(provider: LeonardoProvider, picture: PictureSpec = PICTURE, *, timeout_s: float | None = None) -> bytes:
    """A picture, created and fetched within the provider's timeout."""
    submission = await provider.submit(picture)
    give_up_at = submission.accepted_at + (provider.timeout_s if timeout_s is None else timeout_s)
    return (await provider.fetch(submission, give_up_at=give_up_at)).data


async def create_error(provider: LeonardoProvider, picture: PictureSpec = PICTURE) -> ProviderError:
    """The error of a create call."""
    try:
        with pytest.raises(ProviderError) as caught:
            await provider.submit(picture)
    finally:
        await provider.aclose()
    assert shows_no_secret(caught.value)
    return caught.value


async def fetch_error(provider: LeonardoProvider, *, timeout_s: float | None = None) -> ProviderError:
    """The error of a wait for an accepted job."""
    try:
        with anyio.fail_after(60), pytest.raises(ProviderError) as caught:
            await make(provider, timeout_s=timeout_s)
    finally:
        await provider.aclose()
    assert shows_no_secret(caught.value)
    return caught.value


# Create --------------------------------------------------------------------------------------------------------------


async def test_submit_and_fetch_bring_the_picture(services: Services) -> None:
    """A picture needs one create call and one paid job, and the picture host gets no key."""
    provider = leonardo_at(services)
    data = await make(provider)
    await provider.aclose()
    assert shows(data, PICTURE.prompt)
    assert services.ledger.paid_jobs == 1
    assert services.ledger.authorization_leaks == ()


async def test_submit_sends_these_fields_and_no_others(services: Services) -> None:
    """The v1 request has exactly these fields."""
    provider = leonardo_at(services)
    await provider.submit(PICTURE)
    await provider.submit(replace(PICTURE, negative_prompt=" people ", seed=0, style="3D_RENDER", prompt="a\n b"))
    await provider.aclose()
    first, second = (job.request for job in services.ledger.jobs)
    assert first == {
        "modelId": "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3",
        "prompt": "a lighthouse in a storm",
        "width": 1536,
        "height": 864,
        "num_images": 1,
        "alchemy": True,
        "contrast": 3.5,
        "presetStyle": "CINEMATIC",
        "styleUUID": "a5632c7c-ddbb-4e2f-ba34-8456ab3ac436",
        "enhancePrompt": False,
        "public": False,
    }
    assert second == {
        **first,
        "prompt": "a b",
        "presetStyle": "RENDER_3D",
        "styleUUID": "debdf72a-91a4-467b-bf61-cc02bdeb69c6",
        "negative_prompt": "people",
        "seed": 0,
    }


async def test_submit_every_style_is_taken(services: Services) -> None:
    """The service accepts the id and the preset of each style of Phoenix."""
    provider = leonardo_at(services)
    for style in STYLES:
        await provider.submit(replace(PICTURE, style=style))
    await provider.aclose()
    assert {job.request["styleUUID"] for job in services.ledger.jobs} == set(STYLE_IDS)


@pytest.mark.parametrize("shape", ["sdGenerationJob", "generate", ""])
async def test_submit_answer_in_any_known_shape_is_understood(services: Services, shape: str) -> None:
    """The job's id is read from every known shape of answer, also an id that is not of version 4."""
    services.leonardo.answer_shape = shape
    provider = leonardo_at(services)
    submission = await provider.submit(PICTURE)
    await provider.aclose()
    assert submission.job_id == services.ledger.jobs[0].job_id
    assert submission.cost_usd == 0.0224


@pytest.mark.parametrize(("unit", "usd"), [("DOLLARS", 0.0224), ("CREDITS", 15 * CREDIT_USD), (None, None)])
async def test_submit_cost_is_what_the_answer_states(services: Services, unit: str | None, usd: float | None) -> None:
    """The cost is the stated amount in dollars or credits, else unknown."""
    services.leonardo.cost_unit = unit
    provider = leonardo_at(services)
    submission = await provider.submit(PICTURE)
    await provider.aclose()
    assert submission.cost_usd == (None if usd is None else pytest.approx(usd, abs=1e-6))


@pytest.mark.parametrize(
    ("job", "usd"),
    [
        ({"cost": {"amount": 0.03, "unit": "DOLLARS"}}, 0.03),
        ({"cost": {"amount": "0", "unit": "DOLLARS"}, "apiCreditCost": 20}, 0.0299),
        ({"cost": {"amount": "nan", "unit": "DOLLARS"}}, None),
        ({"cost": None, "apiCreditCost": 0}, None),
        ({"cost": "free"}, None),
    ],
)
async def test_submit_cost_is_read_leniently(services: Services, job: dict[str, object], usd: float | None) -> None:
    """The cost is read from a number, from text and from the older field; other values are unknown."""
    body = {"sdGenerationJob": {"generationId": "1f197fd2-30f6-6e90-a026-b7ff00000001", **job}}
    services.leonardo.on_create(Answer(200, body))
    provider = leonardo_at(services)
    assert (await provider.submit(PICTURE)).cost_usd == usd
    await provider.aclose()


@pytest.mark.parametrize(
    ("behaviour", "kind", "charged"),
    [
        (Answer429(), RateLimited, Charged.NO),
        (PendingQueueFull(), RateLimited, Charged.NO),
        (Answer500(), ServiceFailed, Charged.UNKNOWN),
        (Answer500(message="content moderation service unavailable"), ServiceFailed, Charged.UNKNOWN),
        (Answer500(message="not enough api tokens in the pool", status=502), ServiceFailed, Charged.UNKNOWN),
        (Answer500(status=503), ServiceFailed, Charged.UNKNOWN),
        (Answer500(status=502), ServiceFailed, Charged.UNKNOWN),
        (LostAnswer(), ServiceFailed, Charged.UNKNOWN),
        (CutBeforeRead(), NoAnswer, Charged.UNKNOWN),
        (CutAfterRead(), NoAnswer, Charged.UNKNOWN),
        (CutMidAnswer(0.5), NoAnswer, Charged.UNKNOWN),
        (Unparsable(), NoAnswer, Charged.UNKNOWN),
        (Answer(200, {"sdGenerationJob": None}), NoAnswer, Charged.UNKNOWN),
        (Answer(200, {"sdGenerationJob": {"generationId": "../me?x"}}), NoAnswer, Charged.UNKNOWN),
        (Answer500(message="Invalid response from authorization hook"), AccountRefused, Charged.NO),
        (NotEnoughTokens(), AccountRefused, Charged.NO),
        (Answer(402, {"error": "payment required"}), AccountRefused, Charged.NO),
        (Answer(403, "<html>Forbidden</html>"), AccountRefused, Charged.NO),
        (ModelWithdrawn(), AccountRefused, Charged.NO),
        (Answer(404, {"error": "Endpoint not found"}), AccountRefused, Charged.NO),
        (Redirect(), AccountRefused, Charged.NO),
        (PromptModerated(), PromptRefused, Charged.NO),
        (PromptModerated(status=403), PromptRefused, Charged.NO),
        (
            PromptModerated(status=403, text="Your prompt appears to contain inappropriate content: x"),
            PromptRefused,
            Charged.NO,
        ),
        (Answer(400, {"error": "invalid dimensions", "code": "unexpected"}), RequestRefused, Charged.NO),
    ],
    ids=lambda value: repr(value)[:48],
)
async def test_submit_failed_says_what_it_means_and_who_pays(
    services: Services, behaviour: Behaviour, kind: type[ProviderError], charged: Charged
) -> None:
    """Each failure of the service becomes a provider error, after one create call."""
    services.leonardo.on_create(behaviour)
    error = await create_error(leonardo_at(services))
    assert (type(error), error.charged, error.provider) == (kind, charged, "leonardo")
    assert len(services.ledger.requests_to("leonardo", "create")) == 1
    assert services.leonardo.user_id() not in str(error)


@pytest.mark.parametrize("key", ["not-a-uuid-but-a-secret", UNKNOWN_LEONARDO_KEY])
async def test_submit_wrong_key_is_an_account_refused(services: Services, key: str) -> None:
    """A malformed key (500) and an unknown key (401) are a refused account."""
    error = await create_error(leonardo_at(services, key=key))
    assert isinstance(error, AccountRefused)
    assert "LEONARDO_API_KEY" in str(error)
    assert shows_no_secret(error, key)


@pytest.mark.parametrize("path", ["", "/v9"])
async def test_submit_wrong_address_names_the_setting(services: Services, path: str) -> None:
    """A 404 of the create call is an error that names `base_url`."""
    base_url = services.leonardo.base_url.removesuffix("/api/rest/v1") + path
    error = await create_error(leonardo_at(services, base_url=base_url))
    assert isinstance(error, AccountRefused)
    assert "leonardo.base_url" in str(error)


async def test_submit_refused_connection_costs_nothing(services: Services) -> None:
    """A refused connection is no charge."""
    error = await create_error(leonardo_at(services, base_url=services.refusing_url))
    assert (type(error), error.charged) == (ServiceFailed, Charged.NO)


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("7", 7), ("0", 0), ("-3", 0), ("99999999", 600), ("nan", None), ("soon", None), ("", None)],
)
async def test_submit_rate_limited_says_how_long(services: Services, header: str, wait_s: float | None) -> None:
    """The delay of a 429 is `Retry-After`, up to a limit."""
    services.leonardo.on_create(Answer(429, "slow down", {"Retry-After": header}))
    assert (await create_error(leonardo_at(services))).retry_after_s == wait_s


async def test_submit_rate_limited_until_a_date_counts_from_the_services_clock(services: Services) -> None:
    """A date in `Retry-After` is compared with the service's own `Date`."""
    dates = {"Retry-After": "Sun, 22 Nov 2026 10:00:09 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}
    services.leonardo.on_create(Answer(429, "slow down", dates))
    assert (await create_error(leonardo_at(services))).retry_after_s == 9


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (replace(PICTURE, prompt="x" * 1501), "1501 characters, 1500"),
        (replace(PICTURE, prompt=" \n "), "empty"),
        (replace(PICTURE, style="CINEMTIC"), "CINEMTIC"),
    ],
)
async def test_submit_request_that_would_be_refused_is_not_sent(
    services: Services, picture: PictureSpec, words: str
) -> None:
    """A request that the service would refuse or cut is not sent."""
    error = await create_error(leonardo_at(services, options={"api_version": "v1"}), picture)
    assert isinstance(error, RequestRefused)
    assert words in str(error)
    assert services.ledger.requests == ()


async def test_submit_model_that_v1_has_no_id_for_is_not_sent(services: Services) -> None:
    """A model without an id for v1 is not sent, since the service would answer 500."""
    error = await create_error(leonardo_at(services, options={"model": "gpt-image-2", "api_version": "v1"}))
    assert isinstance(error, AccountRefused)
    assert services.ledger.requests == ()


# Fetch ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        Answer500(),
        Answer429(retry_after_s=1),
        Answer429(),
        CutBeforeRead(),
        CutMidAnswer(0.3),
        Unparsable(),
        Answer(200, []),
        Answer(200, {"generations_by_pk": None}),
        Answer(408, ""),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_fetch_failed_poll_is_asked_again(services: Services, trouble: Behaviour) -> None:
    """A failed poll is repeated, and no create call."""
    services.leonardo.on_poll(trouble, Normally())
    provider = leonardo_at(services)
    assert shows(await make(provider), PICTURE.prompt)
    await provider.aclose()
    assert len(services.ledger.requests_to("leonardo", "create")) == 1


async def test_fetch_unknown_status_is_pending(services: Services) -> None:
    """An unknown status of a job is pending."""
    services.leonardo.on_poll(Answer(200, {"generations_by_pk": {"status": "UPSCALING"}}), Normally())
    provider = leonardo_at(services)
    assert shows(await make(provider), PICTURE.prompt)
    await provider.aclose()


@pytest.mark.parametrize(
    ("fate", "kind", "charged"),
    [
        (Fails(), JobFailed, Charged.NO),
        (MarkedNsfw(), PromptRefused, Charged.YES),
        (Vanishes(), JobUnknown, Charged.UNKNOWN),
        (CompletesWithoutImages(), JobEmpty, Charged.UNKNOWN),
        (CompletesWithUrl(), JobEmpty, Charged.UNKNOWN),
        (NeverFinishes(), JobUnfinished, Charged.YES),
        (CompletesWithUrl(url=TO_FOREIGN_HOST), PictureElsewhere, Charged.YES),
        (CompletesWithUrl(url=TO_PRIVATE_ADDRESS), JobUnfinished, Charged.YES),
        (CompletesWithUrl(url=TO_METADATA_ADDRESS), JobUnfinished, Charged.YES),
    ],
    ids=lambda value: repr(value)[:48],
)
async def test_fetch_job_that_ends_badly_says_so(
    services: Services, fate: Behaviour, kind: type[ProviderError], charged: Charged
) -> None:
    """Each end of a job without a picture has its own error."""
    services.leonardo.on_create(fate)
    error = await fetch_error(leonardo_at(services), timeout_s=8.0)
    assert (type(error), error.charged) == (kind, charged)
    assert services.ledger.downloads == 0


async def test_fetch_deadline_is_met_with_one_last_poll(services: Services) -> None:
    """A job is polled once at the deadline and never later."""
    services.leonardo.on_create(NeverFinishes())
    memory = Memory()
    provider = leonardo_at(services, clock=SteppedClock(), memory=memory)
    submission = await provider.submit(PICTURE)
    with pytest.raises(JobUnfinished):
        await provider.fetch(submission, give_up_at=submission.accepted_at + 0.6)
    await provider.aclose()
    assert len(services.ledger.requests_to("leonardo", "poll")) == len(memory.requests) - 1
    assert memory.requests[-1] == pytest.approx(submission.accepted_at + 0.6, abs=1e-3)


async def test_fetch_silent_service_does_not_hold_the_build(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polls without an answer end soon after the deadline."""
    monkeypatch.setattr(poller, "_READ_TIMEOUT_S", 3600.0)
    services.leonardo.on_poll(Held())
    error = await fetch_error(leonardo_at(services, clock=RealClock(), options={"timeout_s": 0.5}))
    assert isinstance(error, JobUnfinished)
    services.release()


@pytest.mark.parametrize("trouble", [Answer(401, {"error": "no"}), Answer(403, {"error": "no"}), Answer(404, "")])
async def test_fetch_refused_by_the_account_keeps_the_job(services: Services, trouble: Behaviour) -> None:
    """A refused key while polling keeps the job."""
    services.leonardo.on_poll(trouble)
    error = await fetch_error(leonardo_at(services))
    assert isinstance(error, JobUnfinished)
    assert len(services.ledger.requests_to("leonardo", "poll")) == 1


@pytest.mark.parametrize("ago_s", [1.0, 100_000.0])
async def test_fetch_job_of_an_earlier_process_is_collected(services: Services, ago_s: float) -> None:
    """A later process collects a finished job with the submission alone and one poll."""
    first = leonardo_at(services)
    submission = await first.submit(PICTURE)
    await first.aclose()
    services.finish_jobs()
    clock = FastClock()
    provider = leonardo_at(services, clock=clock)
    earlier = replace(submission, accepted_at=clock.now() - ago_s)
    image = await provider.fetch(earlier, give_up_at=clock.now() - 1.0)
    await provider.aclose()
    assert shows(image.data, PICTURE.prompt)
    assert len(services.ledger.requests_to("leonardo", "poll")) == 1


async def test_fetch_job_of_an_earlier_process_still_at_work_is_waited_for(services: Services) -> None:
    """A later process polls an unfinished job until it is done."""
    services.leonardo.on_create(RendersIn(600.0))
    clock = FastClock()

    def finish_after_three_polls() -> None:
        services.wait_until(lambda ledger: len(ledger.requests_to("leonardo", "poll")) >= 3)
        services.finish_jobs()

    first = leonardo_at(services, clock=clock)
    submission = await first.submit(PICTURE)
    await first.aclose()
    provider = leonardo_at(services, clock=clock)
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, finish_after_three_polls)
        image = await provider.fetch(submission, give_up_at=clock.now() + 10_000.0)
    await provider.aclose()
    assert shows(image.data, PICTURE.prompt)


async def test_fetch_unknown_job_of_long_ago_is_asked_for_until_the_end(services: Services) -> None:
    """An old unknown job is polled until the deadline."""
    clock = FastClock()
    provider = leonardo_at(services, clock=clock)
    lost = Submission("leonardo", provider.model, "1f197fd2-30f6-6e90-a026-b7ff00000001", clock.now() - 9999)
    with pytest.raises(JobUnknown):
        await provider.fetch(lost, give_up_at=clock.now() + 40)
    await provider.aclose()
    assert len(services.ledger.requests_to("leonardo", "poll")) > 2


@pytest.mark.parametrize("answer", [Answer(200, {"generations_by_pk": None}), Answer(404, {"error": "not found"})])
@pytest.mark.parametrize("is_pending_first", [True, False])
async def test_fetch_job_that_is_unknown_for_a_while_is_waited_for(
    services: Services, answer: Answer, *, is_pending_first: bool
) -> None:
    """A job that was accepted or seen, and is unknown for seconds, is polled further."""
    services.leonardo.render_s = 0.02
    pending = Answer(200, {"generations_by_pk": {"status": "PENDING", "generated_images": []}})
    services.leonardo.on_poll(*[pending] * is_pending_first, *[answer] * 8)
    provider = leonardo_at(services)
    submission = await provider.submit(PICTURE)

    image = await provider.fetch(submission, give_up_at=submission.accepted_at + 100)

    await provider.aclose()
    assert shows(image.data, PICTURE.prompt)


# Download ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(403, "<html>Forbidden</html>"),
        Answer500(),
        CutBeforeRead(),
        CutMidAnswer(0.5),
        HalfPicture(),
        NotAPicture(),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_fetch_spoilt_download_is_tried_again(services: Services, trouble: Behaviour) -> None:
    """A spoilt download is repeated at the address of a fresh poll, without a create call."""
    services.leonardo.on_download(trouble, Normally())
    provider = leonardo_at(services)
    assert shows(await make(provider), PICTURE.prompt)
    await provider.aclose()
    assert services.ledger.paid_jobs == 1
    assert len(services.ledger.requests_to("leonardo", "poll")) >= 2


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Answer(403, ""), "answered 403"),
        (NotAPicture(), "no whole image"),
        (HalfPicture(), "no whole image"),
        (HugeBody(), "more than 64 MiB"),
        (Redirect(TO_OTHER_PORT), "another port"),
        (Redirect(TO_FOREIGN_HOST), "image_hosts"),
        (Redirect(TO_PRIVATE_ADDRESS), "not https"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_fetch_download_that_never_works_keeps_the_job(
    services: Services, trouble: Behaviour, words: str
) -> None:
    """A picture that cannot be downloaded keeps its job, and no forbidden address is called."""
    services.leonardo.sign_urls = True
    services.leonardo.on_download(trouble)
    error = await fetch_error(leonardo_at(services), timeout_s=5.0)
    assert isinstance(error, JobUnfinished)
    assert words in str(error)
    assert SIGNATURE not in str(error)
    assert services.ledger.trespasses == ()


async def test_fetch_dripping_download_ends_after_the_deadline(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download without an end is given up soon after the deadline."""
    monkeypatch.setattr(poller, "_DOWNLOAD_TIMEOUT_S", 3600.0)
    services.leonardo.on_download(Drip(every_s=0.02))
    error = await fetch_error(leonardo_at(services, clock=RealClock(), options={"timeout_s": 0.5}))
    assert isinstance(error, JobUnfinished)


async def test_fetch_enlarged_picture_is_passed_on_as_it_is(services: Services) -> None:
    """A picture of another size is passed on unchanged."""
    services.leonardo.on_download(Picture(scale=1.5))
    provider = leonardo_at(services)
    submission = await provider.submit(PICTURE)
    image = await provider.fetch(submission, give_up_at=submission.accepted_at + 12)
    await provider.aclose()
    assert isinstance(image, GeneratedImage)
    assert image.cost_usd == submission.cost_usd == 0.0224
    assert shows(image.data, PICTURE.prompt)


# Lost jobs -----------------------------------------------------------------------------------------------------------


async def lose_answer(services: Services, provider: LeonardoProvider, picture: PictureSpec = PICTURE) -> float:
    """Submit, and lose the answer; return the time of the call."""
    since = time.time()
    rule = services.leonardo.on_create(LostAnswer())
    with pytest.raises(ServiceFailed):
        await provider.submit(picture)
    rule.drop()
    return since


@pytest.mark.parametrize("newest_first", [True, False])
async def test_find_lost_job_is_found_and_collected(services: Services, *, newest_first: bool) -> None:
    """The job of a lost answer is found and collected without a second payment."""
    services.leonardo.newest_first = newest_first
    provider = leonardo_at(services, clock=RealClock())
    known = await provider.submit(PICTURE)
    since = await lose_answer(services, provider)
    await provider.submit(replace(PICTURE, prompt="another"))
    found = await provider.find(PICTURE, since=since, known=frozenset({known.job_id}))
    assert found is not None
    assert found.job_id == services.ledger.jobs[1].job_id
    assert found.accepted_at == pytest.approx(since, abs=1.5)
    image = await provider.fetch(found, give_up_at=time.time() + 5)
    await provider.aclose()
    assert shows(image.data, PICTURE.prompt)
    assert services.ledger.creates == 3


@pytest.mark.parametrize(
    "other",
    [
        replace(PICTURE, prompt="a lighthouse"),
        replace(PICTURE, width_px=1024),
        replace(PICTURE, height_px=512),
        replace(PICTURE, seed=5),
    ],
)
async def test_find_job_of_another_request_is_not_taken(services: Services, other: PictureSpec) -> None:
    """A job is adopted only if every field that both request and list have is equal."""
    wanted = replace(PICTURE, seed=4, negative_prompt="people")
    provider = leonardo_at(services, clock=RealClock())
    since = await lose_answer(services, provider, other)
    assert await provider.find(wanted, since=since, known=frozenset()) is None
    await provider.aclose()


async def test_find_failed_known_and_older_jobs_are_not_taken(services: Services) -> None:
    """Failed jobs, known jobs and jobs from before the call are not adopted."""
    provider = leonardo_at(services, clock=RealClock())
    submission = await provider.submit(PICTURE)
    now = time.time()
    assert await provider.find(PICTURE, since=now, known=frozenset({submission.job_id})) is None
    assert await provider.find(PICTURE, since=now + 4000, known=frozenset()) is None
    services.leonardo.on_create(Fails()).when_prompt("doomed")
    doomed = replace(PICTURE, prompt="doomed")
    await provider.submit(doomed)
    services.finish_jobs()
    assert await provider.find(doomed, since=now, known=frozenset()) is None
    await provider.aclose()


async def test_find_pages_through_a_long_list(services: Services) -> None:
    """A job on the list's second page is found, and the user's id is asked for once."""
    services.leonardo.newest_first = True
    provider = leonardo_at(services, clock=RealClock())
    since = await lose_answer(services, provider)
    for number in range(60):
        await provider.submit(replace(PICTURE, prompt=f"another {number}"))
    for _ in range(2):
        found = await provider.find(PICTURE, since=since, known=frozenset())
        assert found is not None
    await provider.aclose()
    assert len(services.ledger.requests_to("leonardo", "list")) == 4
    assert len(services.ledger.requests_to("leonardo", "me")) == 1


def list_entry(number: int, *, prompt: str, seed: int | None, age_s: float, **other: object) -> dict[str, object]:
    """A job as the list shows it."""
    created = time.strftime("%Y-%m-%dT%H:%M:%S.000", time.gmtime(time.time() - age_s))
    return {
        "id": f"1f197fd2-30f6-6e90-a026-{number:012x}",
        "createdAt": created,
        "modelId": "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3",
        "prompt": prompt,
        "imageWidth": PICTURE.width_px,
        "imageHeight": PICTURE.height_px,
        "seed": seed,
        "status": "PENDING",
        "presetStyle": "DYNAMIC",
        **other,
    }


OURS = list_entry(1, prompt=PICTURE.prompt, seed=7, age_s=5)


def newer(number: int) -> list[dict[str, object]]:
    """Foreign jobs from after the call, newest first."""
    return [list_entry(100 + place, prompt="x", seed=place, age_s=place / 100) for place in range(number)]


def older(number: int) -> list[dict[str, object]]:
    """Foreign jobs from hours before the call, newest first."""
    return [list_entry(900 + place, prompt="x", seed=place, age_s=9000 + place) for place in range(number)]


LISTS: dict[str, tuple[list[dict[str, object]], bool]] = {
    "another preset": ([OURS], True),
    "another style with another seed": ([{**OURS, "seed": 8}], False),
    "250 newer ones": ([*newer(250), OURS, *older(200)], True),
    "oldest first": ([*reversed(older(60)), OURS], True),
    "in no order": ([*older(3), *newer(3), *older(55), OURS], True),
    "none": ([*newer(3), *older(60)], False),
    "empty": ([], False),
    "failed": ([{**OURS, "status": "FAILED"}], False),
    "model and size not shown": ([{**OURS, "modelId": None, "imageWidth": None, "imageHeight": None}], True),
    "another prompt with the seed": ([{**OURS, "prompt": "another"}], False),
}


def serve_list(services: Services, jobs: list[dict[str, object]], *, page: int = 50) -> None:
    """Let the service list these jobs, `page` at a time."""
    answers = [Answer(200, {"generations": jobs[at : at + page]}) for at in range(0, len(jobs) + page, page)]
    services.leonardo.on_list(*answers)


@pytest.mark.parametrize("name", LISTS)
async def test_find_reads_the_list_until_it_is_past_the_call(services: Services, name: str) -> None:
    """A job is found by seed, prompt, size and model, wherever the list has it."""
    jobs, is_there = LISTS[name]
    serve_list(services, jobs)
    provider = leonardo_at(services, clock=RealClock())

    found = await provider.find(replace(PICTURE, seed=7), since=time.time() - 10, known=frozenset())

    await provider.aclose()
    assert (found.job_id if found else None) == (OURS["id"] if is_there else None)
    assert len(services.ledger.requests_to("leonardo", "list")) <= 2 + len(jobs) // 50


async def test_find_stops_where_the_list_is_seen_to_be_past_the_call(services: Services) -> None:
    """A long list is read no further than to jobs from before the call."""
    serve_list(services, [*newer(20), *older(500)])
    provider = leonardo_at(services, clock=RealClock())

    assert await provider.find(replace(PICTURE, seed=7), since=time.time() - 10, known=frozenset()) is None

    await provider.aclose()
    assert len(services.ledger.requests_to("leonardo", "list")) == 1


@pytest.mark.parametrize(
    "jobs",
    [
        newer(2001),
        [{**OURS, "seed": None}],
        [{**OURS, "seed": None, "createdAt": None}],
        [{**OURS, "prompt": None}],
        [{**OURS, "prompt": f"{PICTURE.prompt[:5]}..."}],
        [{**OURS, "imageWidth": 2304, "imageHeight": 1296}],
        [{**OURS, "modelId": "00000000-0000-4000-8000-000000000000"}],
    ],
    ids=[
        "a list without an end",
        "the seed is not shown",
        "neither seed nor time are shown",
        "the prompt is not shown",
        "the prompt is cut",
        "the size is the finished image's",
        "the model has another id",
    ],
)
async def test_find_list_that_cannot_tell_is_an_error(services: Services, jobs: list[dict[str, object]]) -> None:
    """A list without a clear answer is an error, also one with the call's seed beside other values."""
    serve_list(services, jobs)
    provider = leonardo_at(services, clock=RealClock())

    with pytest.raises(ServiceFailed):
        await provider.find(replace(PICTURE, seed=7), since=time.time() - 10, known=frozenset())

    await provider.aclose()


async def test_find_list_that_repeats_its_first_page_is_an_error_soon(services: Services) -> None:
    """A list that repeats its first page is an error after few requests."""
    serve_list(services, newer(50) * 45)
    provider = leonardo_at(services, clock=RealClock())

    with pytest.raises(ServiceFailed):
        await provider.find(replace(PICTURE, seed=7), since=time.time() - 10, known=frozenset())

    await provider.aclose()
    assert len(services.ledger.requests_to("leonardo", "list")) == 4


async def test_find_list_that_moves_while_it_is_read_is_read_to_its_end(services: Services) -> None:
    """A list that gets new jobs while it is read is read to its end."""
    seen = older(1)
    services.leonardo.on_list(*(Answer(200, {"generations": page}) for page in (seen, seen, [])))
    provider = leonardo_at(services, clock=RealClock())

    assert await provider.find(replace(PICTURE, seed=7), since=time.time() - 10, known=frozenset()) is None

    await provider.aclose()


class Ahead(RealClock):
    """A clock that is an hour ahead."""

    def now(self) -> float:
        """Unix seconds and an hour."""
        return super().now() + 3600


async def test_find_wrong_clock_is_corrected_by_the_services(services: Services) -> None:
    """A machine whose clock is an hour ahead finds its job by the service's time."""
    now = time.time()
    entry = {
        "id": "1f197fd2-30f6-6e90-a026-b7ff00000001",
        "createdAt": time.strftime("%Y-%m-%dT%H:%M:%S.000", time.gmtime(now)),
        "modelId": "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3",
        "prompt": PICTURE.prompt,
        "imageWidth": 1536,
        "imageHeight": 864,
        "status": "PENDING",
    }
    services.leonardo.on_list(Answer(200, {"generations": [entry]}, {"Date": formatdate(now, usegmt=True)}))
    provider = leonardo_at(services, clock=Ahead())
    found = await provider.find(PICTURE, since=now + 3600, known=frozenset())
    await provider.aclose()
    assert found is not None
    assert found.accepted_at == pytest.approx(now + 3600, abs=3)


@pytest.mark.parametrize("endpoint", ["list", "me"])
async def test_find_unreadable_list_is_an_error_and_not_an_empty_one(services: Services, endpoint: str) -> None:
    """An unreadable list, read three times, is an error, so that the caller does not pay again."""
    services.leonardo.on(endpoint, Answer500())
    provider = leonardo_at(services)
    with pytest.raises(ServiceFailed) as caught:
        await provider.find(PICTURE, since=time.time(), known=frozenset())
    await provider.aclose()
    assert caught.value.charged is Charged.NO
    assert len(services.ledger.requests_to("leonardo", endpoint)) == 3


async def test_find_user_without_an_id_is_an_error(services: Services) -> None:
    """An account without a user's id is an error."""
    services.leonardo.on_me(Answer(200, {"user_details": [{"user": None}]}))
    provider = leonardo_at(services)
    with pytest.raises(ServiceFailed):
        await provider.find(PICTURE, since=time.time(), known=frozenset())
    await provider.aclose()


# The account ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "credits_left", "usd", "slots"),
    [
        ({"apiPaidTokens": 100, "apiSubscriptionTokens": 13, "apiConcurrencySlots": 10}, 113.0, None, 10),
        ({"apiPaidTokens": 0, "apiSubscriptionTokens": 0}, 0.0, None, None),
        ({"apiPaidTokens": -3, "apiConcurrencySlots": 0}, -3.0, None, None),
        ({"apiPaidTokens": "12.4567", "apiSubscriptionTokens": None, "apiConcurrencySlots": None}, None, 12.4567, None),
        ({"apiPaidTokens": 12.4567, "apiSubscriptionTokens": 0}, None, 12.4567, None),
        ({"apiPaidTokens": 12.4567, "apiSubscriptionTokens": 13}, 13.0, 12.4567, None),
        ({"apiPaidTokens": None, "paidTokens": 9}, None, None, None),
        ({"apiPaidTokens": None, "apiSubscriptionTokens": 0}, None, None, None),
        ({"apiPaidTokens": None, "apiSubscriptionTokens": 500}, 500.0, None, None),
        ({"apiPaidTokens": 7, "apiSubscriptionTokens": None}, 7.0, None, None),
    ],
)
async def test_account_is_read_leniently(
    services: Services, details: dict[str, object], credits_left: float | None, usd: float | None, slots: int | None
) -> None:
    """Null or missing amounts of the account are unknown, and a fraction is an amount in dollars."""
    services.leonardo.on_me(Answer(200, {"user_details": [details]}))
    provider = leonardo_at(services)
    account = await provider.account()
    await provider.aclose()
    assert (account.credits, account.usd, account.slots) == (credits_left, usd, slots)


@pytest.mark.parametrize(
    ("account", "alert", "is_below", "words"),
    [
        (Account(credits=499), 500, True, "499 credits left (about $0.75)"),
        (Account(credits=500), 500, False, "500 credits left (about $0.75)"),
        (Account(credits=45_677), "$100", True, "45,677 credits left (about $68.29)"),
        (Account(credits=45_677), "$5", False, "45,677 credits left (about $68.29)"),
        (Account(usd=4.99), "$5", True, "$4.99 left"),
        (Account(usd=12.4567), "$5", False, "$12.46 left"),
        (Account(usd=2.5), 2000, True, "$2.50 left"),
        (Account(usd=12.4567), 2000, False, "$12.46 left"),
        (Account(credits=13, usd=4.99), "$5", False, "$4.99 and 13 credits left"),
        (Account(credits=-3), 0, True, "-3 credits left (about -$0.004)"),
        (Account(), 10_000, False, ""),
        (Account(), "$10", False, ""),
    ],
)
def test_balance_is_compared_in_either_unit(account: Account, alert: object, words: str, *, is_below: bool) -> None:
    """Balance and alert are compared by the price of a credit, and an unknown balance is not low."""
    account = replace(account, credit_usd=models.CREDIT_USD)
    assert Alert.of(alert).is_below(account) is is_below
    assert account.describe() == words


@pytest.mark.parametrize(
    "value", [10**400, "", "five", "$", "$-5", "-1", -1, True, None, float("nan"), float("inf"), "nan"]
)
def test_alert_that_is_no_amount_is_refused_with_the_fix(value: object) -> None:
    """An alert that is no amount is an error with the fix."""
    with pytest.raises(ValueError, match="credits, 0 or more, or US dollars"):
        Alert.of(value)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Answer(200, {"user_details": []}), ServiceFailed),
        (Answer(401, {"error": "no"}), AccountRefused),
        (Answer429(), RateLimited),
        (Answer(404, ""), RequestRefused),
        (Unparsable(), ServiceFailed),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_account_unreadable_is_a_provider_error(
    services: Services, behaviour: Behaviour, kind: type[ProviderError]
) -> None:
    """Every failure to read the account is a provider error."""
    services.leonardo.on_me(behaviour)
    provider = leonardo_at(services)
    with pytest.raises(kind):
        await provider.account()
    await provider.aclose()


# The whole -----------------------------------------------------------------------------------------------------------


async def test_wave_of_quick_jobs_is_collected_soon_after_the_first(services: Services) -> None:
    """Ten jobs of 2 s are collected soon, although an hour was expected."""
    services.leonardo.render_s = 0.4
    clock = FastClock(5.0)
    provider = leonardo_at(services, clock=clock, options={"generation_estimate_s": 3600.0, "timeout_s": 7200.0})

    async def one(number: int) -> None:
        submission = await provider.submit(replace(PICTURE, prompt=f"number {number}"))
        await provider.fetch(submission, give_up_at=submission.accepted_at + 7200)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(one, number)
    await provider.aclose()
    assert services.ledger.polls <= 40


async def test_render_times_are_kept_by_kind(services: Services) -> None:
    """Render times are stored by model, size and quality, and used by the next process."""
    services.leonardo.on_create(NeverFinishes())
    started = time.time()

    class DoneAfterTen(SteppedClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if self.now() - started >= 10.0:
                services.finish_jobs()

    memory = Memory()
    provider = leonardo_at(services, clock=DoneAfterTen(), memory=memory, options={"generation_estimate_s": 6.0})
    await make(provider)
    await provider.aclose()
    (kind,) = memory.times
    assert re.fullmatch(r"leonardo/[0-9a-f-]{36}/1536x864/alchemy", kind)
    assert memory.times[kind][0] == pytest.approx(10.0, rel=0.2)


async def test_every_request_passes_the_rate_limiter(services: Services) -> None:
    """Creates, polls, lists and account calls pass the limiter; downloads do not."""
    memory = Memory()
    provider = leonardo_at(services, memory=memory)
    await provider.account()
    await make(provider)
    await provider.find(PICTURE, since=time.time(), known=frozenset())
    await provider.aclose()
    assert len(memory.requests) == len(services.ledger.requests_to("leonardo"))


def test_provider_says_what_its_service_can_do(services: Services) -> None:
    """Leonardo's provider keeps jobs and reports the account; making it neither connects nor shows the key."""
    provider = leonardo_at(services)
    typed: Provider = provider
    assert provider.keeps_jobs
    assert provider.reports_account
    assert typed.options == {"alchemy": True, "contrast": 3.5}
    assert typed.estimate_usd(PICTURE) == 0.022425
    assert leonardo_at(services, options={"alchemy": False}).estimate_usd(PICTURE) == 0.015
    assert services.ledger.requests == ()
    assert LEONARDO_KEY not in repr(vars(provider))
