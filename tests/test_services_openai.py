from __future__ import annotations

import base64
import io
import ssl
from collections.abc import Mapping

import httpx
import pytest
from PIL import Image
from services import (
    OPENAI_KEY,
    Answer429,
    Answer500,
    BadBase64,
    Behaviour,
    BillingLimitReached,
    CutAfterRead,
    HalfPicture,
    ModelNotFound,
    ModerationBlocked,
    NoPicture,
    OrganisationNotVerified,
    Picture,
    QuotaUsedUp,
    Services,
    shows,
)

#: One connection for each request, and no certificates to read: there is no TLS here.
HTTP = httpx.Client(
    verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), limits=httpx.Limits(max_keepalive_connections=0), timeout=10
)

GOOD: dict[str, object] = {
    "model": "gpt-image-2",
    "prompt": "harbour at dusk",
    "size": "1536x864",
    "quality": "medium",
    "output_format": "jpeg",
}


def create(services: Services, changes: Mapping[str, object] | None = None, *, key: str = OPENAI_KEY) -> httpx.Response:
    """The answer to one create call."""
    return HTTP.post(
        f"{services.openai.base_url}/images/generations",
        json={name: value for name, value in {**GOOD, **(changes or {})}.items() if value is not None},
        headers={"Authorization": f"Bearer {key}"},
    )


def test_create_answers_with_the_picture_and_its_usage(services: Services) -> None:
    """The answer has the picture in base64, and the charge follows from its usage."""
    answer = create(services).json()
    picture = base64.b64decode(answer["data"][0]["b64_json"], validate=True)
    assert shows(picture, "harbour at dusk")
    assert Image.open(io.BytesIO(picture)).size == (1536, 864)
    usage = answer["usage"]
    charged = usage["input_tokens"] * 5e-6 + usage["output_tokens"] * 30e-6
    assert services.ledger.paid_usd == pytest.approx(charged)


@pytest.mark.parametrize(("output_format", "found"), [("png", "PNG"), ("webp", "WEBP"), (None, "PNG")])
def test_create_delivers_the_format_asked_for(services: Services, output_format: str | None, found: str) -> None:
    """The picture has the requested format, PNG by default."""
    answer = create(services, {"output_format": output_format}).json()
    picture = base64.b64decode(answer["data"][0]["b64_json"])
    assert Image.open(io.BytesIO(picture)).format == found


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"model": "gpt-image-1"}, 404, "model_not_found"),
        ({"model": None}, 404, "model_not_found"),
        ({"model": "gpt-image-1.5"}, 400, "invalid_value"),
        ({"size": "1530x864"}, 400, "invalid_value"),
        ({"size": "1600x400"}, 400, "invalid_value"),
        ({"size": "3856x2160"}, 400, "invalid_value"),
        ({"size": "512x512"}, 400, "invalid_value"),
        ({"size": "wide"}, 400, "invalid_value"),
        ({"quality": "xhigh"}, 400, "invalid_value"),
        ({"output_format": "gif"}, 400, "invalid_value"),
        ({"response_format": "b64_json"}, 400, "unknown_parameter"),
        ({"n": 11}, 400, "invalid_value"),
        ({"prompt": None}, 400, "missing_required_parameter"),
        ({"output_format": "png", "output_compression": 50}, 400, "invalid_value"),
    ],
)
def test_create_wrong_is_refused_and_free(
    services: Services, change: dict[str, object], status: int, code: str
) -> None:
    """A wrong field is refused with all four keys of the error body and without a charge."""
    answer = create(services, change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert services.ledger.jobs == ()


@pytest.mark.parametrize(
    "change", [{"model": "gpt-image-1.5", "size": "1536x1024"}, {"model": "gpt-image-2.6-flare", "quality": "max"}]
)
def test_create_takes_what_other_models_take(services: Services, change: dict[str, object]) -> None:
    """The older model has three sizes, and the newest more qualities."""
    assert create(services, change).status_code == 200


def test_key_wrong_is_401_and_not_repeated(services: Services) -> None:
    """A wrong key is a 401 with a masked key, and the ledger does not hold the key."""
    answer = create(services, key="sk-wrong-key")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert "sk-wrong-key" not in answer.text + repr(services.ledger)


@pytest.mark.parametrize(
    ("behaviour", "status", "kind", "code"),
    [
        (Answer429(7), 429, "requests", "rate_limit_exceeded"),
        (QuotaUsedUp(), 429, "insufficient_quota", "insufficient_quota"),
        (ModerationBlocked(), 400, "image_generation_user_error", "moderation_blocked"),
        (BillingLimitReached(), 400, "image_generation_user_error", "billing_hard_limit_reached"),
        (OrganisationNotVerified(), 403, "invalid_request_error", None),
        (ModelNotFound(), 404, "invalid_request_error", "model_not_found"),
        (Answer500(), 500, "server_error", None),
    ],
)
def test_create_refused_by_script_is_free(
    services: Services, behaviour: Behaviour, status: int, kind: str, code: str | None
) -> None:
    """A scripted refusal has the service's error body and no charge."""
    services.openai.on_create(behaviour)
    answer = create(services)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (status, kind, code)
    assert answer.headers.get("retry-after") == ("7" if status == 429 and code != "insufficient_quota" else None)
    assert services.ledger.jobs == ()


def test_create_without_a_usable_picture_is_charged(services: Services) -> None:
    """An absent picture, broken base64 and half a picture cost the full price."""
    services.openai.on_create(NoPicture(), BadBase64())
    assert create(services).json()["data"] == []
    broken = create(services).json()["data"][0]["b64_json"]
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(broken, validate=True)
    services.openai.on_create(HalfPicture())
    half = base64.b64decode(create(services).json()["data"][0]["b64_json"], validate=True)
    with Image.open(io.BytesIO(half)) as image, pytest.raises(OSError, match="truncated"):
        image.load()
    assert services.ledger.paid_jobs == 3


def test_create_delivers_another_size_by_script(services: Services) -> None:
    """The picture has the scripted size."""
    services.openai.on_create(Picture(width_px=1024, height_px=1024))
    picture = base64.b64decode(create(services).json()["data"][0]["b64_json"])
    assert Image.open(io.BytesIO(picture)).size == (1024, 1024)


def test_create_cut_is_charged(services: Services) -> None:
    """A create call whose answer is cut is charged."""
    services.openai.on_create(CutAfterRead())
    with pytest.raises(httpx.TransportError):
        create(services)
    assert services.ledger.paid_jobs == 1
    assert services.ledger.requests[0].status == 0


def test_models_tells_shutdown_dates(services: Services) -> None:
    """The list of models has the dates of shutdowns."""
    url = f"{services.openai.base_url}/models"
    models = HTTP.get(url, headers={"Authorization": f"Bearer {OPENAI_KEY}"}).json()["data"]
    assert {model["id"]: model["shutdown_date"] for model in models}["gpt-image-1.5"] == "2026-12-01"
