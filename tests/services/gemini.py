"""Google's Gemini image API: one call returns the picture, or the reason for its absence under status 200."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .backend import Backend, Call, Refused, SharedState, text_of
from .behaviours import (
    BadBase64,
    DailyQuotaUsedUp,
    FinishesWithoutPicture,
    Instead,
    KeyBlocked,
    ModelShutDown,
    NoImageQuota,
    Picture,
    PictureBehaviour,
    PromptBlocked,
    ThinksAloud,
)
from .fronts import Gemini
from .ledger import Job
from .openai import proposal
from .pictures import deliver
from .script import Chosen
from .wire import Reply, Request, json_reply

KEY_HEADER = "x-goog-api-key"
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_MORE_RATIOS = (*_RATIOS, "1:4", "4:1", "1:8", "8:1")
_SIDES_PX = {"1K": 1024, "2K": 2048, "4K": 4096}
#: Tokens of a 1K picture: 0.0336 dollars at 30 a million.
IMAGE_TOKENS = 1120


@dataclass(frozen=True)
class Model:
    """The inputs that a model takes, and its price of a token. Empty `sizes`: the model takes no size."""

    token_usd: float
    sizes: tuple[str, ...] = ("1K", "2K", "4K")
    ratios: tuple[str, ...] = _RATIOS


#: November 2026; what was shut down (Imagen, 2.5-flash-image, 3.1-flash-image) is not there.
MODELS = {
    "gemini-nano-banana-2.1": Model(30e-6, ("1K", "2K"), _MORE_RATIOS),
    "gemini-3.1-flash-lite-image": Model(30e-6, ()),
    "gemini-3-pro-image": Model(120e-6),
}
#: What Google calls its failures.
_STATUSES = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
TEXT_MODEL = "gemini-3.5-flash-lite"
_CREATE_PATH = re.compile(r"/v1beta/models/([^/:]+):generateContent")
_MODEL_PATH = re.compile(r"/v1beta/models/([^/:]+)")
_FREE_QUOTA = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"


def envelope(code: int, message: str, *details: Mapping[str, object]) -> dict[str, object]:
    """The service's error body."""
    error: dict[str, object] = {"code": code, "message": message, "status": _STATUSES.get(code, "UNKNOWN")}
    return {"error": {**error, "details": list(details)} if details else error}


def _quota(quota_id: str, retry_delay_s: float | None) -> list[dict[str, object]]:
    """The details of a 429: the quota, a link and the delay."""
    kind = "type.googleapis.com/google.rpc"
    details: list[dict[str, object]] = [
        {"@type": f"{kind}.QuotaFailure", "violations": [{"quotaId": quota_id, "quotaMetric": "requests"}]},
        {"@type": f"{kind}.Help", "links": [{"url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]},
    ]
    if retry_delay_s is not None:
        details.append({"@type": f"{kind}.RetryInfo", "retryDelay": f"{retry_delay_s:g}s"})
    return details


def _invalid(message: str) -> Refused:
    return Refused(400, envelope(400, message))


@dataclass(frozen=True)
class Order:
    """A create request that passed every check."""

    model: str
    prompt: str
    width_px: int
    height_px: int
    size: str


def _only(body: Mapping[str, object], names: tuple[str, ...], path: str) -> None:
    for name in body:
        if name not in names:
            raise _invalid(f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field.")


def _object(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise _invalid(f"Invalid value at '{name}'")
    return value


def prompt_in(body: object) -> str:
    """The text of the request's first part."""
    value: object = body
    for step in ("contents", 0, "parts", 0, "text"):
        try:
            value = value[step]  # type: ignore[index]  # whatever it is, a wrong shape ends here
        except (LookupError, TypeError):
            return ""
    return text_of(value)


def _reference_in(body: Mapping[str, object]) -> str:
    """The SHA-256 of the picture in the request, `""` if there is none; raises `Refused` for an invalid one."""
    contents: Any = body["contents"]
    for part in contents[0]["parts"][1:]:
        data = base64.b64decode(part["inlineData"]["data"], validate=True)
        if part["inlineData"]["mimeType"] not in {"image/jpeg", "image/png", "image/webp"}:
            raise _invalid("Unsupported MIME type.")
        return hashlib.sha256(data).hexdigest()
    return ""


def check(name: str, body: Mapping[str, object]) -> Order:
    """Check a create body and return its order; raises `Refused`."""
    if name not in MODELS:
        text = f"models/{name} is not found for API version v1beta, or is not supported for generateContent."
        raise Refused(404, envelope(404, text))
    model = MODELS[name]
    _only(body, ("contents", "generationConfig", "safetySettings", "systemInstruction"), "")
    prompt = prompt_in(body)
    if not prompt:
        raise _invalid("* GenerateContentRequest.contents: contents is not specified")
    config = _object(body, "generationConfig")
    _only(config, ("responseModalities", "imageConfig", "seed", "temperature", "thinkingConfig"), "generation_config")
    if config.get("responseModalities") not in (["IMAGE"], ["TEXT", "IMAGE"]):
        raise _invalid("This stand-in draws; responseModalities must name IMAGE.")
    shape = _object(config, "imageConfig")
    _only(shape, ("aspectRatio", "imageSize"), "generation_config.image_config")
    ratio, size = shape.get("aspectRatio", "1:1"), shape.get("imageSize", "1K")
    if not isinstance(ratio, str) or ratio not in model.ratios:
        raise _invalid(f"aspect_ratio must be one of {', '.join(model.ratios)}.")
    if not isinstance(size, str) or ("imageSize" in shape and size not in model.sizes):
        raise _invalid(f"image_size is not supported: {size}.")
    return Order(name, prompt, *pixels(ratio, size), size)


def pixels(ratio: str, size: str) -> tuple[int, int]:
    """The size of the delivered picture: 1376x768 for 16:9 at 1K, other shapes with the same area in steps of 16."""
    if ratio == "16:9":
        return 1376 * _SIDES_PX[size] // 1024, 768 * _SIDES_PX[size] // 1024
    wide, high = map(int, ratio.split(":"))
    side = _SIDES_PX[size]
    return (
        round(side * math.sqrt(wide / high) / 16) * 16,
        round(side * math.sqrt(high / wide) / 16) * 16,
    )


class GeminiBackend(Backend):
    """The API behind one port."""

    def __init__(self, world: SharedState, front: Gemini) -> None:
        super().__init__(world, front)
        self._front = front

    def error(self, status: int, text: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """The service's error body."""
        return json_reply(status, envelope(status, text), headers)

    def too_many(self, retry_after_s: float | None, *, as_date: bool = False) -> Reply:  # noqa: ARG002 - it never is one here
        """A 429 with the service's text; the delay is in the body."""
        text = "You exceeded your current quota, please check your plan and billing details."
        details = _quota("GenerateRequestsPerMinutePerProjectPerModel", retry_after_s)
        return json_reply(429, envelope(429, text, *details))

    def scripted(self, call: Call, answer: Instead) -> Reply:  # noqa: PLR0911 - one return for each behaviour
        """The refusals of a create call, and the answers that hold no picture."""
        match answer:
            case NoImageQuota():
                text = (
                    "You exceeded your current quota. * Quota exceeded for metric: "
                    "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0\n"
                    "Please retry in 56.4s."
                )
                return json_reply(429, envelope(429, text, *_quota(_FREE_QUOTA, 56)))
            case DailyQuotaUsedUp():
                text = "You exceeded your current quota, please check your plan and billing details."
                quota = "GenerateRequestsPerDayPerProjectPerModel"
                return json_reply(429, envelope(429, text, *_quota(quota, 31)))
            case KeyBlocked():
                return self.error(403, "Your API key was reported as leaked. Please use another API key.")
            case ModelShutDown():
                return self.error(404, "This model is no longer available.")
            case PromptBlocked():
                return self._blocked(call, answer)
            case FinishesWithoutPicture() | BadBase64() | ThinksAloud():
                try:
                    return self._create(call, answer, None)
                except Refused as refused:
                    return refused.reply
        return super().scripted(call, answer)

    def route(self, request: Request) -> Call:
        """The meaning of the request. A key in the address is a leak, since addresses are logged on the way."""
        key = request.headers.get(KEY_HEADER)
        body: object = None
        with contextlib.suppress(ValueError):  # refused later, in the service's words
            body = request.json()
        endpoint = "unknown"
        if request.method == "POST" and _CREATE_PATH.fullmatch(request.path):
            endpoint = "text" if request.path.endswith(f"{TEXT_MODEL}:generateContent") else "create"
        elif request.method == "GET" and _MODEL_PATH.fullmatch(request.path):
            endpoint = "model"
        return Call(
            request,
            endpoint,
            prompt=prompt_in(body),
            key_ok=None if key is None else key in self._front.keys,
            leak="key" in request.query,
        )

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:
        """Draw, or describe a model."""
        if call.endpoint == "create":
            return self._create(call, None, chosen.picture)
        if call.endpoint == "text":
            self._check_key(call)
            body: Any = call.request.json()
            text = json.dumps(proposal(json.loads(body["contents"][0]["parts"][0]["text"])))
            parts = [{"text": "hm", "thought": True}, {"text": text}]
            return json_reply(200, {"candidates": [{"content": {"role": "model", "parts": parts}}]})
        if call.endpoint == "unknown":
            raise Refused(404, envelope(404, "Requested entity was not found."))
        self._check_key(call)
        name = call.request.path.rpartition("/")[2]
        if name not in MODELS:
            raise Refused(404, envelope(404, f"models/{name} is not found for API version v1beta."))
        return json_reply(200, {"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]})

    def _check_key(self, call: Call) -> None:
        if call.key_ok is None:
            raise Refused(403, envelope(403, "Method doesn't allow unregistered callers."))
        if not call.key_ok:
            detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
            raise Refused(400, envelope(400, "API key not valid. Please pass a valid API key.", detail))

    def _order(self, call: Call) -> tuple[Order, dict[str, object]]:
        self._check_key(call)
        try:
            body = call.request.json()
        except ValueError:
            raise _invalid("Invalid JSON payload received.") from None
        if not isinstance(body, dict):
            raise _invalid("Invalid JSON payload received.")
        found = _CREATE_PATH.fullmatch(call.request.path)
        return check(found[1] if found else "", body), body

    def _blocked(self, call: Call, answer: PromptBlocked) -> Reply:
        """A 200 without candidates for a prompt that is refused before drawing."""
        try:
            order, _ = self._order(call)
        except Refused as refused:
            return refused.reply
        tokens = 1 + len(order.prompt) // 4
        return json_reply(
            200,
            {
                "promptFeedback": {"blockReason": answer.reason},
                "usageMetadata": {"promptTokenCount": tokens, "totalTokenCount": tokens},
                "modelVersion": order.model,
            },
        )

    def _create(self, call: Call, answer: Instead | None, form: PictureBehaviour | None) -> Reply:
        order, body = self._order(call)
        drawn = IMAGE_TOKENS * (_SIDES_PX[order.size] // 1024)
        if isinstance(answer, FinishesWithoutPicture) and not answer.charged:
            drawn = 0
        render_s = self._front.render_s
        job = self._world.ledger.admit(
            Job(
                provider="gemini",
                job_id=uuid.uuid4().hex,
                model=order.model,
                prompt=order.prompt,
                width_px=order.width_px,
                height_px=order.height_px,
                charged_usd=round(drawn * MODELS[order.model].token_usd, 6),
                created_s=0.0,
                quality=order.size,
                reference=_reference_in(body),
                request=body,
            ),
            render_s,
            slots=1_000_000,
            pending_limit=0,
        )
        assert job is not None
        parts, reason = self._parts(order, answer, form)
        prompt_tokens = 1 + len(order.prompt) // 4
        value: dict[str, object] = {
            "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0}],
            "modelVersion": order.model,
            "responseId": job.job_id,
        }
        if self._front.states_usage:
            value["usageMetadata"] = {
                "promptTokenCount": prompt_tokens,
                "candidatesTokenCount": drawn,
                "totalTokenCount": prompt_tokens + drawn,
            }
        return replace(json_reply(200, value), delay_s=render_s)

    def _parts(
        self, order: Order, answer: Instead | None, form: PictureBehaviour | None
    ) -> tuple[list[dict[str, object]], str]:
        if isinstance(answer, FinishesWithoutPicture):
            return ([{"text": answer.text}] if answer.text else []), answer.reason
        body, mime_type = deliver(
            order.prompt, order.size, order.width_px, order.height_px, form or Picture(format="PNG")
        )
        data = base64.b64encode(body).decode()
        if isinstance(answer, BadBase64):
            data = "!" + data[:1001]
        picture: dict[str, object] = {"inlineData": {"mimeType": mime_type, "data": data}}
        if not isinstance(answer, ThinksAloud):
            return [picture], "STOP"
        draft, _ = deliver("a draft", "", order.width_px, order.height_px, Picture())
        thought = {"inlineData": {"mimeType": "image/jpeg", "data": base64.b64encode(draft).decode()}, "thought": True}
        return [
            {"text": "I will draw this.", "thought": True},
            thought,
            picture,
            {"text": "Here it is."},
            thought,
        ], "STOP"
