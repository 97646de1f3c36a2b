"""Gateways with dialects of a service's API: paid pictures are read, and refusals are recognised."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builds import Built, Site, page
from gateway import Gateway, Reply, gateway, png
from providers_rig import FastClock, Memory, shows_no_secret
from services import GEMINI_KEY, OPENAI_KEY

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobFailed,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
)
from mkdocs_leonardo.providers.answers import quote
from mkdocs_leonardo.providers.base import ProviderContext
from mkdocs_leonardo.providers.gemini import GeminiOptions
from mkdocs_leonardo.providers.gemini.provider import GeminiProvider
from mkdocs_leonardo.providers.openai import OpenAIOptions
from mkdocs_leonardo.providers.openai.provider import OpenAIProvider
from mkdocs_leonardo.spec import PictureSpec, Submission

pytestmark = pytest.mark.anyio

PICTURE = PictureSpec(prompt="a lighthouse in a storm")
PNG = png()
B64 = base64.b64encode(PNG).decode()
DATA_URI = f"data:image/png;base64,{B64}"


@pytest.fixture
def gate() -> Iterator[Gateway]:
    """A gateway, new for each test."""
    with gateway() as running:
        yield running


async def submit(gate: Gateway, service: str = "openai") -> Submission:
    """Submit one picture to the gateway."""
    key, options = {
        "openai": (OPENAI_KEY, OpenAIOptions(base_url=f"{gate.url}/v1")),
        "gemini": (GEMINI_KEY, GeminiOptions(base_url=f"{gate.url}/v1beta")),
    }[service]
    memory = Memory()
    context: ProviderContext[Any] = ProviderContext(
        key=key,
        options=options,
        clock=FastClock(60),
        rate_limiter=memory.rate_limiter,
    )
    provider = OpenAIProvider(context) if service == "openai" else GeminiProvider(context)
    try:
        return await provider.submit(PICTURE)
    finally:
        await provider.aclose()


async def refusal(gate: Gateway, service: str = "openai") -> ProviderError:
    """The error of a create call."""
    with pytest.raises(ProviderError) as caught:
        await submit(gate, service)
    assert shows_no_secret(caught.value)
    assert gate.creates == 1
    return caught.value


def parts(*entries: dict[str, object]) -> dict[str, object]:
    """Gemini's answer with these parts."""
    return {"candidates": [{"content": {"parts": list(entries)}, "finishReason": "STOP"}]}


# Pictures -------------------------------------------------------------------------------------------------------------

URL = "http://gate/picture"
SHAPES: dict[str, tuple[str, Any]] = {
    "null beside url": ("openai", {"data": [{"b64_json": None, "url": URL}]}),
    "empty beside url": ("openai", {"data": [{"b64_json": "", "url": URL}]}),
    "url alone": ("openai", {"data": [{"url": URL}]}),
    "url without a host": ("openai", {"data": [{"url": "/picture"}]}),
    "url that is the image": ("openai", {"data": [{"url": DATA_URI}]}),
    "address for base64": ("openai", {"data": [{"b64_json": URL}]}),
    "damaged beside url": ("openai", {"data": [{"b64_json": B64[: len(B64) // 2], "url": URL}]}),
    "data uri": ("openai", {"data": [{"b64_json": DATA_URI}]}),
    "line breaks": ("openai", {"data": [{"b64_json": base64.encodebytes(PNG).decode()}]}),
    "no padding": ("openai", {"data": [{"b64_json": B64.rstrip("=")}]}),
    "other alphabet": ("openai", {"data": [{"b64_json": base64.urlsafe_b64encode(PNG).decode()}]}),
    "second entry": ("openai", {"data": [{"b64_json": None, "url": None}, {"b64_json": B64}]}),
    "object for a list": ("openai", {"data": {"b64_json": B64}}),
    "gemini data uri": ("gemini", parts({"text": "Here"}, {"inlineData": {"data": DATA_URI}})),
    "gemini line breaks": ("gemini", parts({"inlineData": {"data": base64.encodebytes(PNG).decode()}})),
    "gemini no padding": ("gemini", parts({"inlineData": {"data": B64.rstrip("=")}})),
    "gemini other spelling": ("gemini", parts({"inline_data": {"mime_type": "image/png", "data": B64}})),
    "gemini file": ("gemini", parts({"fileData": {"mimeType": "image/png", "fileUri": URL}})),
    "gemini empty beside file": ("gemini", parts({"inlineData": {"data": ""}, "fileData": {"fileUri": URL}})),
}


def place(value: Any, url: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON with the gateway's own address in it."""
    if isinstance(value, dict):
        return {name: place(part, url) for name, part in value.items()}
    if isinstance(value, list):
        return [place(part, url) for part in value]
    return value.replace("http://gate", url) if isinstance(value, str) else value


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("has_mark", [False, True], ids=["plain", "byte order mark"])
async def test_picture_is_read_however_a_gateway_writes_it(gate: Gateway, shape: str, has_mark: bool) -> None:  # noqa: FBT001 - a column
    """A paid picture is read from every form of answer, and from an address without sending the key."""
    service, value = SHAPES[shape]
    gate.answer(place(value, gate.url))
    if has_mark:
        gate.default = Reply(b"\xef\xbb\xbf" + gate.default.body, headers=gate.default.headers)
    gate.replies["/picture"] = Reply(PNG, headers={"content-type": "image/png"})

    submission = await submit(gate, service)

    assert submission.image is not None
    assert submission.image.data == PNG
    for path, headers in gate.asked:
        if path == "/picture":
            assert not {"authorization", "x-goog-api-key"} & headers.keys()


async def test_picture_that_is_late_at_its_address_is_asked_for_again(gate: Gateway) -> None:
    """A download that answers 404 is tried again."""
    gate.answer({"data": [{"url": f"{gate.url}/picture"}]})
    found = Reply(PNG)

    class Late(dict[str, Reply]):
        def get(self, path: str, default: Any = None) -> Any:  # noqa: ANN401 - of a mapping
            tries = sum(asked == path for asked, _ in gate.asked)
            return default if path != "/picture" else found if tries else Reply(b"not yet", 404)

    gate.replies = Late()

    submission = await submit(gate)

    assert submission.image is not None
    assert submission.image.data == PNG


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/a.png",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://user@example.org/a.png",
    ],
)
async def test_address_that_breaks_a_rule_is_paid_and_not_fetched(gate: Gateway, url: str) -> None:
    """An address that breaks the rules for downloads is not fetched, and the lost picture counts as paid."""
    gate.answer({"data": [{"b64_json": None, "url": url}]})

    error = await refusal(gate)

    assert (type(error), error.charged) == (JobFailed, Charged.YES)
    assert "cannot be fetched" in str(error)
    assert "10.0.0.1/a.png" not in str(error)


async def test_answer_in_gzip_is_read_and_a_bomb_is_not(gate: Gateway) -> None:
    """An answer in gzip is read, and a gzip bomb is refused."""
    gate.answer({"data": [{"b64_json": B64}]})
    gate.default = Reply(gzip.compress(gate.default.body), headers={"content-encoding": "gzip"})
    submission = await submit(gate)
    assert submission.image is not None

    gate.default = Reply(gzip.compress(gzip.compress(bytes(2**27))), headers={"content-encoding": "gzip, gzip"})
    with pytest.raises(ProviderError, match="not asked for"):
        await submit(gate)


# Refusals -------------------------------------------------------------------------------------------------------------


def openai_error(message: str, kind: str | None, code: str | None) -> dict[str, object]:
    """OpenAI's error body."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


SAFETY = "Your request was rejected as a result of our safety system."


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (openai_error(SAFETY, "invalid_request_error", "content_policy_violation"), PromptRefused),
        (openai_error("No.", "content_policy_violation", None), PromptRefused),
        (openai_error(SAFETY, "image_generation_user_error", None), PromptRefused),
        (openai_error("It violates our content policy.", "image_generation_user_error", ""), PromptRefused),
        (openai_error("Your task failed.", None, "contentFilter"), PromptRefused),
        (openai_error(SAFETY, None, None), PromptRefused),
        (openai_error("Invalid size.", "image_generation_user_error", "invalid_value"), RequestRefused),
        (openai_error("Billing hard limit has been reached", "image_generation_user_error", None), AccountRefused),
    ],
)
async def test_refused_prompt_is_distinguished_from_a_refused_request(
    gate: Gateway, body: object, kind: type[ProviderError]
) -> None:
    """A prompt refused by a content check is not offered elsewhere; a malformed request is."""
    gate.answer(body, 400)

    error = await refusal(gate)

    assert (type(error), error.charged) == (kind, Charged.NO)


async def test_gemini_prompt_refused_with_400_is_a_refused_prompt(gate: Gateway) -> None:
    """Gemini's 400 is a refused prompt or a refused request, by its text."""
    message = "The prompt contains sensitive words that violate Google's Responsible AI practices."
    gate.answer({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": message}}, 400)

    assert type(await refusal(gate, "gemini")) is PromptRefused


@pytest.mark.parametrize(
    ("message", "headers", "seconds"),
    [
        ("Rate limit reached. Please try again in 12s.", {}, 12.0),
        ("Please try again in 1m30.5s. Visit", {}, 90.5),
        ("Please try again after 20 seconds.", {}, 20.0),
        ("Please retry in 250ms.", {}, 0.25),
        ("Slow down.", {"retry_after_ms": "1500"}, 1.5),
        ("Please try again in 12s.", {"retry_after": "3"}, 3.0),
        ("Please try again in 9 hours.", {}, 600.0),
        ("Please try again later.", {}, None),
    ],
)
@pytest.mark.parametrize("service", ["openai", "gemini"])
async def test_rest_is_read_from_headers_and_words(
    gate: Gateway, service: str, message: str, headers: dict[str, str], seconds: float | None
) -> None:
    """The delay of a 429 is read from headers and from the text."""
    gate.answer({"error": {"message": message, "status": "RESOURCE_EXHAUSTED"}}, 429, **headers)

    error = await refusal(gate, service)

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("service", ["openai", "gemini"])
@pytest.mark.parametrize("status", [401, 403])
async def test_firewall_that_answers_with_a_web_page_says_nothing_of_the_key(
    gate: Gateway, service: str, status: int
) -> None:
    """A firewall's web page switches the provider off without calling the key wrong."""
    gate.default = Reply(
        b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title>",
        status,
        {"cf-ray": "8a", "server": "cloudflare"},
    )

    error = await refusal(gate, service)

    assert (type(error), error.charged) == (AccountRefused, Charged.NO)
    assert "Cloudflare" in str(error)
    assert "nothing of the key" in str(error)
    assert "_API_KEY" not in str(error)


# In a build -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def built_with(tmp_path: Path, gate: Gateway) -> Callable[[], Built]:
    """Builds of one site with OpenAI's gateway before a working Gemini."""
    options = {
        "providers": ["openai", "gemini"],
        "openai": {"base_url": f"{gate.url}/v1"},
        "gemini": {"base_url": f"{gate.url}/v1beta"},
    }
    site = Site(tmp_path, {"index.md": page("Home", hero_prompt=PICTURE.prompt)}, options)
    environ = {"OPENAI_API_KEY": OPENAI_KEY, "GEMINI_API_KEY": GEMINI_KEY}
    return lambda: site.build(environ=environ)


def test_build_keeps_what_a_gateway_gives_by_address(gate: Gateway, built_with: Callable[[], Built]) -> None:
    """A picture behind an address is paid for once, and the second build sends no request."""
    gate.answer({"data": [{"b64_json": None, "url": f"{gate.url}/picture"}]})
    gate.replies["/picture"] = Reply(PNG)

    assert built_with().sources == {"index.md": "generated"}
    assert built_with().sources == {"index.md": "cached"}
    assert [path for path, _ in gate.asked] == ["/v1/images/generations", "/picture"]


def test_build_remembers_a_refused_prompt_and_offers_it_to_no_other(
    gate: Gateway, built_with: Callable[[], Built]
) -> None:
    """A refused prompt is one call in two builds, and a warning in both."""
    gate.answer(openai_error(SAFETY, "invalid_request_error", "content_policy_violation"), 400)

    builds = [built_with(), built_with()]

    assert [path for path, _ in gate.asked] == ["/v1/images/generations"]
    for built in builds:
        assert built.sources == {"index.md": "local"}
        assert "describe another image" in "\n".join(built.warnings)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("key sk-proj-ab***12 of org-Ab12cd", "key (hidden) of (hidden)"),
        ("user_abcdefghijklmnopqrst", "(hidden)"),
        ("a user-supplied image at org-level", "a user-supplied image at org-level"),
    ],
)
def test_quote_hides_names_of_accounts_and_no_words(text: str, quoted: str) -> None:
    """A quoted answer hides keys and accounts, and no word that begins like one."""
    assert quote(text) == quoted
