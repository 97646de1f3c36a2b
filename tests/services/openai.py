"""OpenAI's image API: one call returns the picture."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .backend import Backend, Call, Refused, SharedState, bearer, text_of
from .behaviours import (
    BadBase64,
    BillingLimitReached,
    Instead,
    ModelNotFound,
    ModerationBlocked,
    NoPicture,
    OrganisationNotVerified,
    Picture,
    PictureBehaviour,
    QuotaUsedUp,
)
from .fronts import OpenAI
from .ledger import Job
from .pictures import deliver
from .script import Chosen
from .wire import Reply, Request, json_reply, multipart

_THREE_SIZES = ("1024x1024", "1536x1024", "1024x1536", "auto")
_BASE_QUALITIES = ("low", "medium", "high", "auto")
_MORE_QUALITIES = (*_BASE_QUALITIES, "xhigh", "max")


@dataclass(frozen=True)
class Model:
    """The sizes that a model takes; with `any_size`, every multiple of 16 within limits, else one of three."""

    any_size: bool
    qualities: tuple[str, ...] = _BASE_QUALITIES
    shutdown_date: str | None = None


#: November 2026; what was shut down (dall-e-2, dall-e-3, gpt-image-1) is not there.
MODELS = {
    "gpt-image-1-mini": Model(any_size=False, shutdown_date="2026-12-01"),
    "gpt-image-1.5": Model(any_size=False, shutdown_date="2026-12-01"),
    "gpt-image-2": Model(any_size=True),
    "gpt-image-2-2026-04-21": Model(any_size=True),
    **dict.fromkeys(
        ("gpt-image-2.5-flare", "gpt-image-2.5-sunburst", "gpt-image-2.6-flare", "gpt-image-2.6-sunburst"),
        Model(any_size=True, qualities=_MORE_QUALITIES),
    ),
}
_CHOICES = {
    "output_format": ("png", "jpeg", "webp"),
    "background": ("transparent", "opaque", "auto"),
    "moderation": ("auto", "low"),
}
_FIELDS = frozenset(
    (*_CHOICES, "model", "prompt", "n", "size", "quality", "output_compression", "user", "stream", "partial_images")
)
_LONGEST_PROMPT = 32_000
_MOST_PIXELS, _FEWEST_PIXELS = 8_294_400, 655_360
_LONGEST_SIDE_PX = 3840
#: Output tokens of 1536x1024; high is published, the other ones are in the proportion of the published square prices.
_TOKENS = {"low": 156, "medium": 1378, "high": 5488, "xhigh": 7000, "max": 9000, "auto": 1378}
_TEXT_TOKEN_USD, _IMAGE_TOKEN_USD = 5e-6, 30e-6


def envelope(message: str, kind: str | None, code: str | None, param: str | None = None) -> dict[str, object]:
    """The service's error body, always with all four keys."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _invalid(message: str, param: str, code: str = "invalid_value") -> Refused:
    return Refused(400, envelope(message, "invalid_request_error", code, param))


def _not_found(model: str) -> Refused:
    message = f"The model '{model}' does not exist or you do not have access to it."
    return Refused(404, envelope(message, "invalid_request_error", "model_not_found", "model"))


def _check_size(size: str, model: Model) -> tuple[int, int]:
    if not model.any_size and size not in _THREE_SIZES:
        supported = ", ".join(f"'{each}'" for each in _THREE_SIZES)
        raise _invalid(f"Invalid value: '{size}'. Supported values are: {supported}.", "size")
    if size == "auto":
        return 1024, 1024
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    if found is None:
        raise _invalid(f"Invalid size '{size}'.", "size")
    width_px, height_px = int(found[1]), int(found[2])
    if width_px % 16 or height_px % 16:
        raise _invalid(f"Invalid size '{size}'. Width and height must be divisible by 16.", "size")
    too_long = max(width_px, height_px) > _LONGEST_SIDE_PX or max(width_px, height_px) > 3 * min(width_px, height_px)
    if too_long or not _FEWEST_PIXELS <= width_px * height_px <= _MOST_PIXELS:
        raise _invalid(f"Invalid size '{size}'. Requested resolution is out of range.", "size")
    return width_px, height_px


@dataclass(frozen=True)
class Order:
    """A checked create request."""

    model: str
    prompt: str
    width_px: int
    height_px: int
    quality: str
    output_format: str
    images: int


def check(body: Mapping[str, object]) -> Order:
    """Check a create body and return its order; raises `Refused`."""
    for name in body:
        if name not in _FIELDS:
            raise _invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    prompt = text_of(body.get("prompt"))
    if not prompt:
        raise _invalid("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    if len(prompt) > _LONGEST_PROMPT:
        raise _invalid("Invalid 'prompt': string too long.", "prompt", "string_above_max_length")
    name = text_of(body.get("model")) or "dall-e-2"
    if name not in MODELS:
        raise _not_found(name)
    model = MODELS[name]
    for field, choices in (*_CHOICES.items(), ("quality", model.qualities)):
        if body.get(field) not in (None, *choices):
            supported = ", ".join(f"'{each}'" for each in choices)
            raise _invalid(f"Invalid value: '{body[field]}'. Supported values are: {supported}.", field)
    images = body.get("n", 1)
    if not isinstance(images, int) or not 1 <= images <= 10:
        raise _invalid("Invalid 'n'.", "n")
    output_format = text_of(body.get("output_format")) or "png"
    compression = body.get("output_compression", 100)
    if (
        not isinstance(compression, int)
        or not 0 <= compression <= 100
        or (compression < 100 and output_format == "png")
    ):
        raise _invalid("Invalid 'output_compression'.", "output_compression")
    width_px, height_px = _check_size(text_of(body.get("size")) or "auto", model)
    return Order(name, prompt, width_px, height_px, text_of(body.get("quality")) or "auto", output_format, images)


TEXT_MODELS = ("gpt-5.6-luna",)
LONG_PAGE_WORDS = 900


def proposal(facts: Mapping[str, str]) -> dict[str, str]:
    """The proposal of the text models, made of the page's own words."""
    words = facts["text"].split()
    # Of a long page, what has arrived of it.
    read = f", {facts['description']}: {len(words)} words up to {words[-1]}" if len(words) >= LONG_PAGE_WORDS else ""
    return {"prompt": f"a still life about {facts['title']}, soft light", "alt": f"Things about {facts['title']}{read}"}


def _form_of(request: Request) -> dict[str, object]:
    """The fields of a form, numbers as such; ValueError if the body is no form."""
    parts = multipart(request)
    if not parts:
        raise ValueError("no form")
    fields = {name: value.decode() for name, value in parts if name not in {"image", "image[]"}}
    return {name: int(text) if text.isdecimal() else text for name, text in fields.items()}


def _reference_of(request: Request, body: Mapping[str, object]) -> str:
    """The SHA-256 of an edit's one picture; raises `Refused` for a form that the service does not take."""
    if "input_fidelity" in body:
        raise _invalid("input_fidelity is not supported", "input_fidelity", "invalid_input_fidelity_model")
    files = [value for name, value in multipart(request) if name in {"image", "image[]"}]
    if len(files) != 1 or not files[0].startswith((b"\xff\xd8\xff", b"\x89PNG", b"RIFF")):
        raise _invalid("Invalid image file or mode for image.", "image")
    return hashlib.sha256(files[0]).hexdigest()


class OpenAIBackend(Backend):
    """The API behind one port."""

    def __init__(self, world: SharedState, front: OpenAI) -> None:
        super().__init__(world, front)
        self._front = front

    def error(self, status: int, text: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """The service's error body."""
        return json_reply(status, envelope(text, "server_error", None), headers)

    def too_many(self, retry_after_s: float | None, *, as_date: bool = False) -> Reply:
        """A 429 with the service's text."""
        headers = super().too_many(retry_after_s, as_date=as_date).headers
        message = "Rate limit reached for images per minute. Please try again later."
        reply = json_reply(429, envelope(message, "requests", "rate_limit_exceeded"))
        return replace(reply, headers={**headers, **reply.headers})

    def scripted(self, call: Call, answer: Instead) -> Reply:  # noqa: PLR0911 - one return for each behaviour
        """The refusals of a create call, and the answers that hold no picture."""
        match answer:
            case QuotaUsedUp():
                text = "You exceeded your current quota, please check your plan and billing details."
                return json_reply(429, envelope(text, "insufficient_quota", "insufficient_quota"))
            case ModerationBlocked():
                text = (
                    f"Your request was rejected by the safety system. If you believe this is an error, include the "
                    f"request ID {uuid.uuid4().hex}. safety_violations=[violence]."
                )
                return json_reply(400, envelope(text, "image_generation_user_error", "moderation_blocked", ""))
            case BillingLimitReached():
                text = "Billing hard limit has been reached"
                return json_reply(400, envelope(text, "image_generation_user_error", "billing_hard_limit_reached"))
            case OrganisationNotVerified():
                text = "Your organization must be verified to use the model `gpt-image-2`."
                return json_reply(403, envelope(text, "invalid_request_error", None))
            case ModelNotFound():
                return _not_found("gpt-image-2").reply
            case NoPicture() | BadBase64():
                try:
                    return self._create(call, answer, None)
                except Refused as refused:
                    return refused.reply
        return super().scripted(call, answer)

    def route(self, request: Request) -> Call:
        """The meaning of the request."""
        endpoints = {
            ("POST", "/v1/images/generations"): "create",
            ("POST", "/v1/images/edits"): "create",
            ("POST", "/v1/chat/completions"): "text",
            ("GET", "/v1/models"): "models",
        }
        body: object = None
        with contextlib.suppress(ValueError):  # refused later, in the service's words
            body = _form_of(request) if request.path.endswith("/edits") else request.json()
        return Call(
            request,
            endpoints.get((request.method, request.path), "unknown"),
            prompt=text_of(body.get("prompt")) if isinstance(body, dict) else "",
            key_ok=None if bearer(request) is None else bearer(request) in self._front.keys,
        )

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:
        """Draw, or list the models."""
        if call.endpoint == "create":
            return self._create(call, None, chosen.picture)
        if call.endpoint == "unknown":
            text = f"Invalid URL ({call.request.method} {call.request.path})"
            raise Refused(404, envelope(text, "invalid_request_error", None))
        self._check_key(call)
        if call.endpoint == "text":
            return self._text(call)
        models = [
            {"id": name, "object": "model", "owned_by": "system", "shutdown_date": model.shutdown_date}
            for name, model in MODELS.items()
        ]
        return json_reply(200, {"object": "list", "data": models})

    def _text(self, call: Call) -> Reply:
        """A proposal for the page that the last message describes."""
        body: Any = call.request.json()
        if set(body) != {"model", "messages", "response_format", "max_completion_tokens"}:
            raise _invalid("Unknown parameter.", "", "unknown_parameter")
        if "json" not in body["messages"][0]["content"].lower() or body["model"] not in TEXT_MODELS:
            raise _not_found(body["model"])
        facts = json.loads(body["messages"][1]["content"])
        message = {"role": "assistant", "content": json.dumps(proposal(facts))}
        return json_reply(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def _check_key(self, call: Call) -> None:
        key = bearer(call.request)
        if key not in self._front.keys:
            # The real service repeats the key, masked.
            text = f"Incorrect API key provided: {(key or '')[:3]}****. You can find your API key in your account."
            raise Refused(401, envelope(text, "invalid_request_error", "invalid_api_key"))

    def _create(self, call: Call, answer: Instead | None, form: PictureBehaviour | None) -> Reply:
        self._check_key(call)
        is_edit = call.request.path.endswith("/edits")
        try:
            body = _form_of(call.request) if is_edit else call.request.json()
        except ValueError:
            raise _invalid("We could not parse the JSON body of your request.", "", "invalid_json") from None
        if not isinstance(body, dict):
            raise _invalid("The body of your request must be an object.", "", "invalid_json")
        reference = _reference_of(call.request, body) if is_edit else ""
        order = check(body)
        input_tokens = 1 + len(order.prompt) // 4
        output_tokens = round(order.images * _TOKENS[order.quality] * order.width_px * order.height_px / (1536 * 1024))
        render_s = self._front.render_s
        job = self._world.ledger.admit(
            Job(
                provider="openai",
                job_id=f"img-{uuid.uuid4().hex}",
                model=order.model,
                prompt=order.prompt,
                width_px=order.width_px,
                height_px=order.height_px,
                charged_usd=round(input_tokens * _TEXT_TOKEN_USD + output_tokens * _IMAGE_TOKEN_USD, 6),
                created_s=0.0,
                quality=order.quality,
                reference=reference,
                images=order.images,
                request=body,
            ),
            render_s,
            slots=1_000_000,
            pending_limit=0,
        )
        assert job is not None
        picture = self._picture(order, form)
        data: list[dict[str, str]] = [{"b64_json": picture} for _ in range(order.images)]
        if isinstance(answer, NoPicture):
            data = []
        elif isinstance(answer, BadBase64):
            data = [{"b64_json": "!" + picture[:1001]}]
        value: dict[str, object] = {
            "created": int(job.created_s),
            "background": "opaque",
            "output_format": order.output_format,
            "size": f"{order.width_px}x{order.height_px}",
            "quality": order.quality,
            "data": data,
        }
        if self._front.states_usage:
            value["usage"] = {
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "total_tokens": input_tokens + output_tokens,
                "input_tokens_details": {"text_tokens": input_tokens, "image_tokens": 0},
                "output_tokens_details": {"image_tokens": output_tokens, "text_tokens": 0},
            }
        return replace(json_reply(200, value), delay_s=render_s)

    def _picture(self, order: Order, form: PictureBehaviour | None) -> str:
        if form is None:
            formats = {"png": Picture(format="PNG"), "webp": Picture(format="WEBP")}
            form = formats.get(order.output_format, Picture())
        body, _ = deliver(order.prompt, order.quality, order.width_px, order.height_px, form)
        return base64.b64encode(body).decode()
