"""Google's Gemini image models: one call that waits, and answers with the picture, or with the reason for none.

There is no job to come back to. `submit` returns a finished `Submission` with the picture in it; once that is lost it
is lost, and `fetch` says so. A refusal comes under status 200, as an answer without a picture. There is no seed:
`hero_seed` changes the key, so that another seed is another request, but the same seed does not draw the same picture
again. The services' pictures have their own sizes (1376x768 for 16:9); cropping and scaling is left to who shows them.
"""

from __future__ import annotations

import binascii
import math
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
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
    LONGEST_REST_S,
    Answer,
    is_whole_picture,
    member,
    number_at,
    quote,
    retry_after_s,
    text_at,
)
from mkdocs_leonardo.providers.base import Clock
from mkdocs_leonardo.providers.options import GeminiOptions
from mkdocs_leonardo.providers.prices import gemini_usage_usd, gemini_usd
from mkdocs_leonardo.providers.wording import WORDING, worded
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission, clean_text

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.base import ProviderContext
    from mkdocs_leonardo.providers.http import Api

NAME = "gemini"
#: The header that holds the key. In the address, where it is taken as well, it would be in every log on the way.
KEY_HEADER = "x-goog-api-key"
#: No limit of the image models is published; longer texts than this are a mistake.
MAX_PROMPT = 32_000
MAX_ANSWER_BYTES = 64 * 2**20

#: Shapes that every model draws, and those that came with 2.1 (vendor's SDKs, August and October 2026).
_RATIOS = ((1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 5), (5, 4), (9, 16), (16, 9), (21, 9))
_MORE_RATIOS = ((1, 4), (4, 1), (1, 8), (8, 1))
#: 1376x768 for 16:9. The next size has no published price.
_IMAGE_SIZE = "1K"
#: These know one size and refuse to be asked for it (a reseller's guide, 2026).
_ONE_SIZE = ("gemini-2.5-flash-image", "gemini-3.1-flash-lite-image")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

#: What was asked for, or drawn, may not be shown (`finishReason`, vendor's SDK, August 2026).
_REFUSALS = frozenset(
    (
        *("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    )
)
#: A quota of nothing, or of a whole day: no rest that a build could take would cure it.
_NO_QUOTA = re.compile(r"\blimit: 0\b(?!\.[0-9])")
_DAILY = re.compile(r"PerDay", re.IGNORECASE)


def create(context: ProviderContext) -> GeminiProvider:
    """The provider as the entry point makes it."""
    options = context.options if isinstance(context.options, GeminiOptions) else GeminiOptions()

    def api() -> Api:
        from mkdocs_leonardo.providers.http import Api  # noqa: PLC0415 - httpx is slow to import

        return Api(
            provider=NAME,
            base_url=options.base_url,
            secret_headers={KEY_HEADER: context.key or ""},
            window=context.window,
            clock=context.clock,
        )

    return GeminiProvider(options, api=api, clock=context.clock)


class GeminiProvider:
    """`submit` costs money and brings the picture; nothing can be fetched or found afterwards."""

    name = NAME

    def __init__(self, options: GeminiOptions, *, api: Callable[[], Api], clock: Clock) -> None:
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
        return {"image_size": _IMAGE_SIZE, "wording": WORDING}

    @property
    def timeout_s(self) -> float:
        """How long the one call may take."""
        return self._options.timeout_s

    def estimate_usd(self, picture: PictureSpec) -> float:  # noqa: ARG002 - every picture has the same size
        """What one picture is expected to cost."""
        return gemini_usd(self.model)

    async def submit(self, picture: PictureSpec) -> Submission:
        """The picture, paid for; the service keeps no copy. The create request is sent exactly once."""
        request = self._request(picture)
        answer: Answer | None = None
        try:
            answer = await self._connected().request(
                "POST",
                f"/models/{self.model}:generateContent",
                json=request,
                timeout_s=self._options.timeout_s,
                max_bytes=MAX_ANSWER_BYTES,
                keep_once_sent=True,
            )
        except NotSent as error:
            raise _error(ServiceFailed, str(error)) from error
        except AnswerLost as error:
            raise _error(ServiceFailed, str(error), charged=Charged.UNKNOWN) from error
        return self._submission(answer)

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:  # noqa: ARG002 - the protocol's
        """The picture that `submit` brought. JobUnknown without it: its answer is gone, and nothing can ask for it."""
        if submission.image is None:
            raise _error(
                JobUnknown, "keeps no pictures: this one's answer was lost with an earlier build", charged=Charged.YES
            )
        return submission.image

    async def aclose(self) -> None:
        """Close connections."""
        if self._api is not None:
            await self._api.aclose()

    def _request(self, picture: PictureSpec) -> dict[str, JsonValue]:
        """The body of the create call; ProviderError, before anything is sent, for what the service would refuse."""
        prompt = worded(picture)
        if not clean_text(picture.prompt):
            raise _error(RequestRefused, "was not asked: the prompt is empty")
        if len(prompt) > MAX_PROMPT:
            raise _error(
                RequestRefused, f"was not asked: the prompt has {len(prompt)} characters, {MAX_PROMPT} are allowed"
            )
        if not _MODEL.fullmatch(self.model):
            raise _error(AccountRefused, f"was not asked: gemini.model cannot be {self.model!r}")
        shape: dict[str, JsonValue] = {"aspectRatio": ratio_for(self.model, picture.width_px, picture.height_px)}
        if not self.model.startswith(_ONE_SIZE):
            shape["imageSize"] = _IMAGE_SIZE
        return {
            "contents": [{"role": "user", "parts": [{"text": prompt}]}],
            "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": shape},
        }

    # Answers -----------------------------------------------------------------------------------------------------

    def _submission(self, answer: Answer) -> Submission:
        if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
            raise self._refusal(answer)
        if not isinstance(answer.body, dict):
            raise _error(ServiceFailed, "answered with something unreadable", charged=Charged.UNKNOWN)
        encoded = _picture_in(answer.body)
        if not encoded:
            raise _without_picture(answer.body)
        try:
            data = b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if not is_whole_picture(data):
            raise _error(JobFailed, "answered with a picture that cannot be read", charged=Charged.YES)
        cost_usd = gemini_usage_usd(self.model, image_out=_image_tokens(answer.body))
        return Submission(
            provider=NAME,
            model=self.model,
            job_id=text_at(answer.body, "responseId"),
            accepted_at=self._clock.now(),
            cost_usd=cost_usd,
            image=GeneratedImage(data, cost_usd),
        )

    def _refusal(self, answer: Answer) -> ProviderError:  # noqa: PLR0911 - one return for each of its failures
        error = member(answer.body, "error")
        words = text_at(error, "message") or answer.text
        kind = text_at(error, "status")
        status = answer.status
        said = f"answered {status}: {quote(words)}" if words.strip() else f"answered {status}"
        reasons = {text_at(detail, "reason") for detail in _details(answer)}
        if "API_KEY_INVALID" in reasons or status == 401:  # noqa: PLR2004 - HTTP's own number
            return _error(AccountRefused, f"does not accept GEMINI_API_KEY ({said})")
        if status in {402, 403} or kind in {"PERMISSION_DENIED", "FAILED_PRECONDITION"}:
            return _error(AccountRefused, f"does not let this project use {self.model!r} ({said})")
        if status == 404 or 300 <= status < 400:  # noqa: PLR2004 - same
            return _error(AccountRefused, f"has nothing there; check gemini.model and gemini.base_url ({said})")
        if status == 429:  # noqa: PLR2004 - same
            return self._too_many(answer, words, said)
        if status == 503 and kind == "UNAVAILABLE":  # noqa: PLR2004 - same
            # Its own words for being too busy to begin.
            return _error(ServiceFailed, said, retry_after_s=self._rest_s(answer))
        if status >= 500 or status < 300 or status in {408, 409}:  # noqa: PLR2004 - same
            return _error(ServiceFailed, said, charged=Charged.UNKNOWN)
        return _error(RequestRefused, f"does not take the request ({said})")

    def _too_many(self, answer: Answer, words: str, said: str) -> ProviderError:
        """Asked too often, or no right to ask at all: the status is the same, and a delay may be named for both."""
        quotas = [
            text_at(violation, "quotaId") + text_at(violation, "quotaMetric")
            for detail in _details(answer)
            for violation in _listed(detail, "violations")
        ]
        if _NO_QUOTA.search(words):
            return _error(AccountRefused, f"gives this project no quota for pictures; they need a paid plan ({said})")
        if any(_DAILY.search(quota) for quota in quotas):
            return _error(AccountRefused, f"has used up this project's quota for today ({said})")
        return _error(RateLimited, said, retry_after_s=self._rest_s(answer))

    def _rest_s(self, answer: Answer) -> float | None:
        """The rest that the answer asks for, in its body or its header."""
        for detail in _details(answer):
            seconds = number_at(text_at(detail, "retryDelay").removesuffix("s"))
            if seconds is not None:
                return min(max(0.0, seconds), LONGEST_REST_S)
        return retry_after_s(answer, self._clock.now())

    def _connected(self) -> Api:
        if self._api is None:
            self._api = self._make_api()
        return self._api


def ratio_for(model: str, width_px: int, height_px: int) -> str:
    """The shape to ask `model` for: the nearest to the size's, which is cropped to it later."""
    ratios = _RATIOS if model.startswith(("gemini-2.", "gemini-3")) else (*_RATIOS, *_MORE_RATIOS)
    wide, high = min(ratios, key=lambda ratio: abs(math.log(ratio[0] / ratio[1] / (width_px / height_px))))
    return f"{wide}:{high}"


def _picture_in(body: JsonValue) -> str:
    """The last picture that is no draft, in base64; empty if there is none."""
    parts = [
        part
        for part in _listed(member(body, "candidates", 0, "content"), "parts")
        if member(part, "thought") is not True and text_at(part, "inlineData", "data")
    ]
    return text_at(parts[-1], "inlineData", "data") if parts else ""


def _without_picture(body: JsonValue) -> ProviderError:
    """What a 200 without a picture means, and who pays: tokens of an answer that was drawn are charged."""
    blocked = text_at(body, "promptFeedback", "blockReason")
    reason = text_at(body, "candidates", 0, "finishReason")
    if blocked and not _listed(body, "candidates"):
        return _error(PromptRefused, f"refuses the prompt ({quote(blocked)})")
    stated = number_at(body, "usageMetadata", "candidatesTokenCount")
    charged = Charged.YES if stated is not None and stated > 0 else Charged.UNKNOWN
    if blocked or reason in _REFUSALS:
        return _error(PromptRefused, f"refuses the picture ({quote(blocked or reason)})", charged=charged)
    words = " ".join(
        text_at(part, "text") for part in _listed(member(body, "candidates", 0, "content"), "parts")
    ).strip()
    said = f": {quote(words)}" if words else ""
    return _error(
        JobFailed, f"answered without a picture ({quote(reason) or 'no reason given'}{said})", charged=charged
    )


def _image_tokens(body: JsonValue) -> float | None:
    """The tokens of the picture; where they are not told apart, those of the whole answer."""
    for detail in _listed(member(body, "usageMetadata"), "candidatesTokensDetails"):
        if text_at(detail, "modality") == "IMAGE":
            return number_at(detail, "tokenCount")
    return number_at(body, "usageMetadata", "candidatesTokenCount")


def _details(answer: Answer) -> Iterator[JsonValue]:
    yield from _listed(member(answer.body, "error"), "details")


def _listed(value: JsonValue | None, name: str) -> list[JsonValue]:
    found = member(value, name)
    return found if isinstance(found, list) else []


def _error(
    kind: type[ProviderError], message: str, *, charged: Charged = Charged.NO, retry_after_s: float | None = None
) -> ProviderError:
    return kind(message, provider=NAME, charged=charged, retry_after_s=retry_after_s)
