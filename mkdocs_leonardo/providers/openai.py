"""OpenAI's image models: one call that waits, and answers with the picture.

There is no job to come back to. `submit` returns a finished `Submission` with the picture in it; once that is lost it
is lost, and `fetch` says so. There is no seed either: `hero_seed` changes the key, so that another seed is another
request, and so another picture, but the same seed does not draw the same picture again.
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mkdocs_leonardo.errors import (
    AccountRefused,
    AnswerLost,
    Charged,
    JobFailed,
    JobUnknown,
    NotSent,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServiceFailed,
)
from mkdocs_leonardo.providers.answers import (
    Answer,
    is_whole_picture,
    member,
    number_at,
    quote,
    retry_after_s,
    text_at,
)
from mkdocs_leonardo.providers.base import Clock
from mkdocs_leonardo.providers.options import OpenAIOptions
from mkdocs_leonardo.providers.prices import openai_usage_usd, openai_usd
from mkdocs_leonardo.providers.wording import WORDING, worded
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission, clean_text

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.base import ProviderContext
    from mkdocs_leonardo.providers.http import Api

NAME = "openai"
MAX_PROMPT = 32_000
MAX_ANSWER_BYTES = 64 * 2**20

#: Visually lossless for the smaller encodings that are made from it, at half the bytes of 100 (the service's default).
_COMPRESSION = 95
#: Sizes of the models of 2025 (vendor's reference, August 2026).
_OLD_SIZES = ((1536, 1024), (1024, 1024), (1024, 1536))
_OLD_MODELS = ("gpt-image-1", "chatgpt-image", "dall-e")
#: gpt-image-2 and later (same, and the announcement of April 2026).
_SIDE_STEP = 16
_LONGEST_SIDE = 3840
_WIDEST = 3.0
_LEAST_PIXELS = 655_360
_MOST_PIXELS = 3840 * 2160


def create(context: ProviderContext) -> OpenAIProvider:
    """The provider as the entry point makes it."""
    options = context.options if isinstance(context.options, OpenAIOptions) else OpenAIOptions()

    def api() -> Api:
        from mkdocs_leonardo.providers.http import Api  # noqa: PLC0415 - httpx is slow to import

        return Api(
            provider=NAME,
            base_url=options.base_url,
            secret_headers={"authorization": f"Bearer {context.key or ''}"},
            window=context.window,
            clock=context.clock,
        )

    return OpenAIProvider(options, api=api, clock=context.clock)


class OpenAIProvider:
    """`submit` costs money and brings the picture; nothing can be fetched or found afterwards."""

    name = NAME

    def __init__(self, options: OpenAIOptions, *, api: Callable[[], Api], clock: Clock) -> None:
        """Make the provider; `api` is called on first use."""
        self._options = options
        self._make_api = api
        self._api: Api | None = None
        self._clock = clock

    @property
    def model(self) -> str:
        """The model that draws; part of the key."""
        return self._options.model

    @property
    def options(self) -> Mapping[str, JsonValue]:
        """What else changes the pixels; part of the key."""
        return {"quality": self._options.quality, "wording": WORDING}

    @property
    def timeout_s(self) -> float:
        """How long the one call may take."""
        return self._options.timeout_s

    def estimate_usd(self, picture: PictureSpec) -> float:
        """What one picture is expected to cost."""
        width_px, height_px = size_for(self.model, picture.width_px, picture.height_px)
        return openai_usd(self.model, self._options.quality, width_px=width_px, height_px=height_px)

    async def submit(self, picture: PictureSpec) -> Submission:
        """The picture, paid for; the service keeps no copy. The create request is sent exactly once."""
        prompt = worded(picture)
        if not clean_text(picture.prompt):
            raise self._error(RequestRefused, "was not asked: the prompt is empty")
        if len(prompt) > MAX_PROMPT:
            raise self._error(
                RequestRefused, f"was not asked: the prompt has {len(prompt)} characters, {MAX_PROMPT} are allowed"
            )
        width_px, height_px = size_for(self.model, picture.width_px, picture.height_px)
        request: dict[str, JsonValue] = {
            "model": self.model,
            "prompt": prompt,
            "n": 1,
            "size": f"{width_px}x{height_px}",
            "quality": self._options.quality,
            "output_format": "jpeg",
            "output_compression": _COMPRESSION,
        }
        answer: Answer | None = None
        try:
            answer = await self._connected().request(
                "POST",
                "/images/generations",
                json=request,
                timeout_s=self._options.timeout_s,
                max_bytes=MAX_ANSWER_BYTES,
                keep_once_sent=True,
            )
        except NotSent as error:
            raise self._error(ServiceFailed, str(error)) from error
        except AnswerLost as error:
            raise self._error(ServiceFailed, str(error), charged=Charged.UNKNOWN) from error
        return self._submission(answer)

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:  # noqa: ARG002 - the protocol's
        """The picture that `submit` brought. JobUnknown without it: its answer is gone, and nothing can ask for it."""
        if submission.image is None:
            raise self._error(
                JobUnknown, "keeps no pictures: this one's answer was lost with an earlier build", charged=Charged.YES
            )
        return submission.image

    async def aclose(self) -> None:
        """Close connections."""
        if self._api is not None:
            await self._api.aclose()

    # Answers -----------------------------------------------------------------------------------------------------

    def _submission(self, answer: Answer) -> Submission:
        if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
            raise self._refusal(answer)
        if not isinstance(answer.body, dict):
            raise self._error(ServiceFailed, "answered with something unreadable", charged=Charged.UNKNOWN)
        cost_usd = self._cost_usd(answer.body)
        encoded = text_at(answer.body, "data", 0, "b64_json")
        try:
            data = b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if not is_whole_picture(data):
            reason = "a picture that cannot be read" if encoded else "no picture"
            raise self._error(JobFailed, f"answered with {reason}", charged=Charged.YES)
        return Submission(
            provider=NAME,
            model=self.model,
            job_id=answer.headers.get("x-request-id", ""),
            accepted_at=self._clock.now(),
            cost_usd=cost_usd,
            image=GeneratedImage(data, cost_usd),
        )

    def _cost_usd(self, body: JsonValue) -> float | None:
        out = number_at(body, "usage", "output_tokens")
        if out is None or out <= 0:
            return None
        image_in = number_at(body, "usage", "input_tokens_details", "image_tokens") or 0.0
        text_in = number_at(body, "usage", "input_tokens_details", "text_tokens")
        if text_in is None:
            text_in = max(0.0, (number_at(body, "usage", "input_tokens") or 0.0) - image_in)
        return openai_usage_usd(self.model, text_in=max(0.0, text_in), image_in=max(0.0, image_in), out=out)

    def _refusal(self, answer: Answer) -> ProviderError:  # noqa: C901, PLR0911 - one return for each of its failures
        error = member(answer.body, "error")
        words = text_at(error, "message") or answer.text
        code = text_at(error, "code") or text_at(error, "type")
        lower = words.lower()
        status = answer.status
        said = f"answered {status}: {quote(words)}" if words.strip() else f"answered {status}"
        if code == "moderation_blocked" or "safety_violations" in lower:
            return self._error(PromptRefused, f"refuses the prompt ({said})")
        if "insufficient_quota" in {code, text_at(error, "type")} or code == "billing_hard_limit_reached":
            return self._error(AccountRefused, f"has no credit left on this account ({said})")
        if "billing hard limit" in lower or "exceeded your current quota" in lower:
            return self._error(AccountRefused, f"has no credit left on this account ({said})")
        if code == "model_not_found":
            return self._error(AccountRefused, f"does not know the model {self.model!r}; set openai.model ({said})")
        if status == 429:  # noqa: PLR2004 - HTTP's own number
            if "0/1min" in lower.replace(" ", ""):
                return self._error(AccountRefused, f"gives this account no access to {self.model!r} ({said})")
            return self._error(RateLimited, said, retry_after_s=retry_after_s(answer, self._clock.now()))
        if status == 403:  # noqa: PLR2004 - same
            return self._error(AccountRefused, f"does not let this account use {self.model!r} ({said})")
        if status in {401, 402}:
            return self._error(AccountRefused, f"does not accept OPENAI_API_KEY ({said})")
        if status == 404 or 300 <= status < 400:  # noqa: PLR2004 - same
            return self._error(AccountRefused, f"has nothing there; check openai.base_url and openai.model ({said})")
        if status in {500, 503}:
            # An answered failure is not billed; where a gateway stands in between, nobody knows.
            return self._error(ServiceFailed, said, retry_after_s=retry_after_s(answer, self._clock.now()))
        if status >= 500 or status < 300 or status in {408, 409}:  # noqa: PLR2004 - same
            return self._error(ServiceFailed, said, charged=Charged.UNKNOWN)
        return self._error(RequestRefused, f"does not take the request ({said})")

    def _connected(self) -> Api:
        if self._api is None:
            self._api = self._make_api()
        return self._api

    @staticmethod
    def _error(
        kind: type[ProviderError],
        message: str,
        *,
        charged: Charged = Charged.NO,
        retry_after_s: float | None = None,
    ) -> ProviderError:
        return kind(message, provider=NAME, charged=charged, retry_after_s=retry_after_s)


def size_for(model: str, width_px: int, height_px: int) -> tuple[int, int]:
    """The size to ask `model` for: the very one where it is taken, else the nearest that is (cropped here later)."""
    ratio = width_px / height_px
    if model.startswith(_OLD_MODELS):
        return min(_OLD_SIZES, key=lambda size: abs(math.log(size[0] / size[1] / ratio)))
    if _is_valid(width_px, height_px):
        return width_px, height_px
    ratio = min(max(ratio, 1 / _WIDEST), _WIDEST)
    pixels = min(max(width_px * height_px, _LEAST_PIXELS), _MOST_PIXELS)
    exact = math.sqrt(pixels * ratio), math.sqrt(pixels / ratio)
    near = [(wide, high) for wide in _steps_near(exact[0]) for high in _steps_near(exact[1]) if _is_valid(wide, high)]
    # The shape counts most: what has another shape loses an edge.
    return min(near, key=lambda size: (round(abs(math.log(size[0] / size[1] / ratio)), 3), abs(size[0] - exact[0])))


def _is_valid(width_px: int, height_px: int) -> bool:
    return (
        width_px % _SIDE_STEP == 0
        and height_px % _SIDE_STEP == 0
        and max(width_px, height_px) <= _LONGEST_SIDE
        and max(width_px, height_px) <= _WIDEST * min(width_px, height_px)
        and _LEAST_PIXELS <= width_px * height_px <= _MOST_PIXELS
    )


def _steps_near(exact: float) -> range:
    """Sides within four steps of the exact one."""
    middle = round(exact / _SIDE_STEP) * _SIDE_STEP
    return range(max(_SIDE_STEP, middle - 4 * _SIDE_STEP), min(_LONGEST_SIDE, middle + 4 * _SIDE_STEP) + 1, _SIDE_STEP)
