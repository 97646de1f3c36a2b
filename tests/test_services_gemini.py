from __future__ import annotations

import base64
import io
import ssl
from collections.abc import Mapping

import httpx
import pytest
from PIL import Image
from services import (
    GEMINI_KEY,
    Answer429,
    Answer500,
    BadBase64,
    Behaviour,
    CutAfterRead,
    DailyQuotaUsedUp,
    FinishesWithoutPicture,
    KeyBlocked,
    ModelShutDown,
    NoImageQuota,
    PromptBlocked,
    Services,
    ThinksAloud,
    shows,
)

#: One connection for each request, and no certificates to read: there is no TLS here.
HTTP = httpx.Client(
    verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), limits=httpx.Limits(max_keepalive_connections=0), timeout=10
)
MODEL = "gemini-nano-banana-2.1"


def create(
    services: Services,
    *,
    shape: Mapping[str, object] | None = None,
    change: Mapping[str, object] | None = None,
    model: str = MODEL,
    key: str | None = GEMINI_KEY,
) -> httpx.Response:
    """The answer to one create call; `shape` is its imageConfig, `change` is merged over its body."""
    body = {
        "contents": [{"role": "user", "parts": [{"text": "harbour at dusk"}]}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"} if shape is None else shape,
        },
        **(change or {}),
    }
    headers = {} if key is None else {"x-goog-api-key": key}
    return HTTP.post(f"{services.gemini.base_url}/models/{model}:generateContent", json=body, headers=headers)


def test_create_answers_with_the_picture_and_its_usage(services: Services) -> None:
    """The answer has a PNG of 1376x768 in base64, and the charge follows from its tokens."""
    answer = create(services).json()
    (part,) = answer["candidates"][0]["content"]["parts"]
    picture = base64.b64decode(part["inlineData"]["data"], validate=True)
    assert shows(picture, "harbour at dusk")
    assert (Image.open(io.BytesIO(picture)).size, part["inlineData"]["mimeType"]) == ((1376, 768), "image/png")
    assert services.ledger.paid_usd == answer["usageMetadata"]["candidatesTokenCount"] * 30e-6 == pytest.approx(0.0336)


@pytest.mark.parametrize(
    ("shape", "size"),
    [({"aspectRatio": "16:9", "imageSize": "2K"}, (2752, 1536)), ({}, (1024, 1024)), ({"aspectRatio": "9:16"}, None)],
)
def test_create_draws_the_shape_asked_for(
    services: Services, shape: dict[str, object], size: tuple[int, int] | None
) -> None:
    """The picture has the requested shape, and is a square without one."""
    part = create(services, shape=shape).json()["candidates"][0]["content"]["parts"][0]
    width, height = Image.open(io.BytesIO(base64.b64decode(part["inlineData"]["data"]))).size
    assert (width, height) == size or (size is None and width < height)


@pytest.mark.parametrize(
    ("shape", "change", "model", "status"),
    [
        ({"imageSize": "512"}, {}, MODEL, 400),
        ({"imageSize": "1k"}, {}, MODEL, 400),
        ({"aspectRatio": "7:3"}, {}, MODEL, 400),
        ({"aspectRatio": "1:8"}, {}, "gemini-3-pro-image", 400),
        ({"imageSize": "1K"}, {}, "gemini-3.1-flash-lite-image", 400),
        ({"size": "1K"}, {}, MODEL, 400),
        ({}, {"prompt": "x"}, MODEL, 400),
        ({}, {"contents": []}, MODEL, 400),
        ({}, {"generationConfig": {"responseModalities": ["TEXT"]}}, MODEL, 400),
        ({}, {}, "gemini-2.5-flash-image", 404),
        ({}, {}, "imagen-4", 404),
    ],
)
def test_create_wrong_is_refused_and_free(
    services: Services, shape: dict[str, object], change: dict[str, object], model: str, status: int
) -> None:
    """A wrong field is refused in the service's error body without a charge."""
    answer = create(services, shape=shape, change=change, model=model)
    assert answer.status_code == answer.json()["error"]["code"] == status
    assert services.ledger.jobs == ()


@pytest.mark.parametrize(("key", "status"), [("AIza-nobody-issued-this", 400), (None, 403)])
def test_key_wrong_is_400_and_not_repeated(services: Services, key: str | None, status: int) -> None:
    """An unknown key is a 400, and the ledger does not hold the key."""
    answer = create(services, key=key)
    assert answer.status_code == status
    assert ("API_KEY_INVALID" in answer.text) is (status == 400)
    assert "nobody-issued" not in answer.text + repr(services.ledger)


def test_key_in_the_address_is_written_down_as_a_leak(services: Services) -> None:
    """A key in the address is accepted and noted as a leak."""
    url = f"{services.gemini.base_url}/models/{MODEL}:generateContent?key={GEMINI_KEY}"
    assert HTTP.post(url, json={}).status_code == 403
    assert len(services.ledger.authorization_leaks) == 1


@pytest.mark.parametrize(
    ("behaviour", "status", "kind", "words"),
    [
        (Answer429(7), 429, "RESOURCE_EXHAUSTED", '"retryDelay": "7s"'),
        (NoImageQuota(), 429, "RESOURCE_EXHAUSTED", "limit: 0"),
        (DailyQuotaUsedUp(), 429, "RESOURCE_EXHAUSTED", "PerDay"),
        (KeyBlocked(), 403, "PERMISSION_DENIED", "leaked"),
        (ModelShutDown(), 404, "NOT_FOUND", ""),
        (Answer500(), 500, "INTERNAL", ""),
        (Answer500(status=503), 503, "UNAVAILABLE", ""),
    ],
)
def test_create_refused_by_script_is_free(
    services: Services, behaviour: Behaviour, status: int, kind: str, words: str
) -> None:
    """A scripted refusal has the service's error body and no charge."""
    services.gemini.on_create(behaviour)
    answer = create(services)
    assert (answer.status_code, answer.json()["error"]["status"]) == (status, kind)
    assert words in answer.text
    assert services.ledger.jobs == ()


def test_prompt_blocked_is_a_200_without_candidates_and_free(services: Services) -> None:
    """A blocked prompt is a 200 without candidates and without a charge."""
    services.gemini.on_create(PromptBlocked("PROHIBITED_CONTENT"))
    answer = create(services)
    assert (answer.status_code, answer.json()["promptFeedback"]["blockReason"]) == (200, "PROHIBITED_CONTENT")
    assert "candidates" not in answer.json()
    assert services.ledger.jobs == ()


def test_picture_withheld_is_a_200_and_charged(services: Services) -> None:
    """A withheld picture is a 200 with a finish reason, charged unless the rule says otherwise."""
    services.gemini.on_create(FinishesWithoutPicture(), FinishesWithoutPicture("NO_IMAGE", "Sorry.", charged=False))
    first, second = create(services).json(), create(services).json()
    assert (first["candidates"][0]["finishReason"], first["candidates"][0]["content"]["parts"]) == ("IMAGE_SAFETY", [])
    assert second["candidates"][0]["content"]["parts"] == [{"text": "Sorry."}]
    assert services.ledger.paid_jobs == 1


def test_picture_among_drafts_is_the_only_one_not_thought(services: Services) -> None:
    """Among the drafts of a thinking model, one picture is no thought."""
    services.gemini.on_create(ThinksAloud(), BadBase64())
    parts = create(services).json()["candidates"][0]["content"]["parts"]
    pictures = [part for part in parts if "inlineData" in part]
    assert [part.get("thought", False) for part in pictures] == [True, False, True]
    broken = create(services).json()["candidates"][0]["content"]["parts"][0]["inlineData"]["data"]
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(broken, validate=True)


def test_create_cut_is_charged(services: Services) -> None:
    """A create call whose answer is cut is charged."""
    services.gemini.on_create(CutAfterRead())
    with pytest.raises(httpx.TransportError):
        create(services)
    assert services.ledger.paid_jobs == 1


def test_model_is_described_without_a_charge(services: Services) -> None:
    """A request for a model costs nothing."""
    headers = {"x-goog-api-key": GEMINI_KEY}
    found, gone = (
        HTTP.get(f"{services.gemini.base_url}/models/{name}", headers=headers) for name in (MODEL, "imagen-4")
    )
    assert (found.status_code, found.json()["name"], gone.status_code) == (200, f"models/{MODEL}", 404)
    assert services.ledger.jobs == ()
