"""Google's Gemini image models: one call that waits, and answers with the picture, or with the reason for none.

The service keeps no job. `submit` returns a `Submission` with the picture in it. Once the picture is lost, `fetch`
raises JobUnknown. A refusal comes under status 200, as an answer without a picture. The service has no seeds: another
`hero_seed` is another key and another request, but an equal one does not draw an equal picture. Pictures have the
service's sizes (1376x768 for 16:9); renderings crop and scale them.
"""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote as quote_path

from mkdocs_leonardo.providers.interface import (
    AccountRefused,
    Charged,
    JobFailed,
    JsonValue,
    PictureSpec,
    PromptRefused,
    ProviderError,
    RateLimited,
    ServiceFailed,
    Submission,
)
from mkdocs_leonardo.providers.toolkit import (
    FREE_TIMEOUT_S,
    LONGEST_WAIT_S,
    MIME_TYPE,
    WORDING,
    Answer,
    ImageAndTextProvider,
    copy_for_service,
    firewall,
    list_at,
    member,
    number_at,
    quote,
    retry_after_s,
    says,
    text_at,
)

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.gemini import GeminiOptions
    from mkdocs_leonardo.providers.interface import ProviderContext

NAME = "gemini"
#: The header that holds the key. The service takes the key in the address as well, but logs on the way would hold it.
KEY_HEADER = "x-goog-api-key"

#: The aspect ratios of all models, and those that came with 2.1 (vendor's SDKs, August and October 2026).
_RATIOS = ((1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 5), (5, 4), (9, 16), (16, 9), (21, 9))
_MORE_RATIOS = ((1, 4), (4, 1), (1, 8), (8, 1))
#: The image size, which is 1376x768 for 16:9. The next one has no published price.
_IMAGE_SIZE = "1K"
#: Models of one size, which refuse `imageSize` (a reseller's guide, 2026).
_ONE_SIZE = ("gemini-2.5-flash-image", "gemini-3.1-flash-lite-image")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Meaning(StrEnum):
    """The meanings of the service's names and sentences, each with their pattern. `says` alone reads a sentence."""

    # AccountRefused: a detail's reason, with a 400 (an answer of 2026-10-03).
    KEY_REFUSED = "^API_KEY_INVALID$"
    # AccountRefused: the error's status (clients' tests, 2026).
    NO_ACCESS = "^(PERMISSION_DENIED|FAILED_PRECONDITION)$"
    # AccountRefused with a 429: no quota for images (github.com/googleapis/js-genai/issues/1322, February 2026).
    NO_QUOTA = r"\blimit: 0\b(?!\.[0-9])"
    # AccountRefused with a 429: the day's quota, in its id (github.com/google-gemini/gemini-cli/issues/8437, 2025).
    DAILY_QUOTA = "PerDay"
    # ServiceFailed without a charge, with a 503: the service was too busy to begin (vendor's SDK, August 2026).
    BUSY = "^UNAVAILABLE$"
    # PromptRefused: why a prompt or a picture is refused under status 200 (`finishReason`, vendor's SDK, August 2026).
    IMAGE_REFUSED = "^(BLOCKLIST|SPII|IMAGE_RECITATION|(IMAGE_)?(SAFETY|PROHIBITED_CONTENT))$"
    # PromptRefused with a 4xx: resellers and older image models refuse a prompt as if it were malformed.
    PROMPT_REFUSED = "responsible ai|sensitive words|prohibited use|safety"


# Prices, for the caps; the tokens in an answer take precedence. USD for one 1K picture, gathered in November 2026. The
# price of gemini-nano-banana-2.1 is 1120 tokens at 30 USD a million (one source, October 2026). The model
# gemini-3.1-flash-image has as many tokens at 60 USD a million. The other prices are list prices that two sources
# share. A model that is not in the table has the highest price.

#: The price of one picture (USD), by the beginning of the model's name.
_PICTURE_USD = MappingProxyType(
    {
        "gemini-nano-banana-2.1": 0.0336,
        "gemini-3.1-flash-image": 0.0672,
        "gemini-3.1-flash-lite-image": 0.034,
        "gemini-3-pro-image": 0.134,
        "gemini-2.5-flash-image": 0.039,
        "": 0.134,
    }
)
#: USD for a token of the picture, where it is known.
_IMAGE_OUT_USD = MappingProxyType({"gemini-nano-banana-2.1": 30 / 1_000_000, "gemini-3.1-flash-image": 60 / 1_000_000})
#: USD for a million tokens to a text model, and from it (a client's table, 2026-07-21).
_TEXT_USD_A_MILLION = MappingProxyType({"gemini-3.5-flash-lite": (0.3, 2.5)})
#: USD for a reference: the largest amount that a ledger shows for 2.1 (October 2026).
_REFERENCE_USD = 0.004


class GeminiProvider(ImageAndTextProvider):
    """Google's Gemini as a provider. `submit` costs money and returns the picture."""

    name = NAME

    def __init__(self, context: ProviderContext[GeminiOptions]) -> None:
        """Make the provider without connecting to the service."""
        super().__init__(context, secret_headers=lambda api_key: {KEY_HEADER: api_key})
        self.text_model = context.options.text_model
        self.text_usd_a_million = _TEXT_USD_A_MILLION.get(self.text_model, self.text_usd_a_million)
        self.options: Mapping[str, JsonValue] = {"image_size": _IMAGE_SIZE, "wording": WORDING}

    def estimate_usd(self, picture: PictureSpec) -> float:
        """Return the expected cost of one picture; every one has the same size."""
        usd = picture_usd(self.model)
        return round(usd + _REFERENCE_USD, 6) if picture.reference is not None else usd

    async def submit(self, picture: PictureSpec) -> Submission:
        """Create the picture, which costs money; the service keeps no copy. The create request is sent exactly once."""
        reference = None if picture.reference is None else await copy_for_service(picture.reference, NAME)
        answer = await self._create(f"/models/{self.model}:generateContent", self._request(picture, reference))
        entries = _pictures_in(answer.body)
        if not entries:
            raise self._without_picture(answer.body)
        data = await self._picture(entries)
        cost_usd = usage_usd(self.model, image_out=_image_tokens(answer.body))
        return self._submission(text_at(answer.body, "responseId"), data, cost_usd)

    def _request(self, picture: PictureSpec, reference: bytes | None) -> dict[str, JsonValue]:
        """Return the body of the create call; ProviderError for a picture that the service would refuse."""
        prompt = self._prompt(picture)
        if not _MODEL.fullmatch(self.model):
            raise self._error(AccountRefused, f"was not asked: gemini.model cannot be {self.model!r}")
        shape: dict[str, JsonValue] = {"aspectRatio": ratio_for(self.model, picture.width_px, picture.height_px)}
        if not self.model.startswith(_ONE_SIZE):
            shape["imageSize"] = _IMAGE_SIZE
        parts: list[JsonValue] = [{"text": prompt}]
        if reference is not None:
            parts.append({"inlineData": {"mimeType": MIME_TYPE, "data": b64encode(reference).decode()}})
        return {
            "contents": [{"role": "user", "parts": parts}],
            "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": shape},
        }

    async def check_access(self) -> str:
        """Check that the service knows the model. A quota of the project shows in create calls alone."""
        answer = await self._send("GET", f"/models/{quote_path(self.model, safe='')}", timeout_s=FREE_TIMEOUT_S)
        if answer.status == 404:
            raise self._error(AccountRefused, f"does not know the model {self.model!r}; set gemini.model")
        if answer.status != 200:
            raise self._error_for(answer)
        return f"{self.model}; its quota is unknown"

    # Texts -------------------------------------------------------------------------------------------------------

    def _question(self, role: str, message: str, most_tokens: int) -> tuple[str, JsonValue]:
        return f"/models/{quote_path(self.text_model, safe='')}:generateContent", {
            "systemInstruction": {"parts": [{"text": role}]},
            "contents": [{"role": "user", "parts": [{"text": message}]}],
            "generationConfig": {"responseMimeType": "application/json", "maxOutputTokens": most_tokens},
        }

    def _text_in(self, body: JsonValue | None) -> str:
        parts = list_at(body, "candidates", 0, "content", "parts")
        return "".join(text_at(part, "text") for part in parts if member(part, "thought") is not True)

    # Answers -----------------------------------------------------------------------------------------------------

    def _without_picture(self, body: JsonValue | None) -> ProviderError:
        """Return the error for an answer of status 200 without a picture, which is charged if it counts tokens."""
        blocked = text_at(body, "promptFeedback", "blockReason")
        reason = text_at(body, "candidates", 0, "finishReason")
        if blocked and not list_at(body, "candidates"):
            return self._error(PromptRefused, f"refuses the prompt ({quote(blocked)})")
        tokens = number_at(body, "usageMetadata", "candidatesTokenCount")
        charged = Charged.YES if tokens is not None and tokens > 0 else Charged.UNKNOWN
        if blocked or says(Meaning.IMAGE_REFUSED, reason):
            return self._error(PromptRefused, f"refuses the image ({quote(blocked or reason)})", charged=charged)
        words = " ".join(text_at(part, "text") for part in list_at(body, "candidates", 0, "content", "parts")).strip()
        addition = f": {quote(words)}" if words else ""
        return self._error(
            JobFailed, f"answered without an image ({quote(reason) or 'no reason given'}{addition})", charged=charged
        )

    def _specific_error(self, answer: Answer, words: str, message: str) -> ProviderError | None:
        kind = text_at(answer.body, "error", "status")
        status = answer.status
        reasons = (text_at(detail, "reason") for detail in list_at(answer.body, "error", "details"))
        if says(Meaning.KEY_REFUSED, *reasons) or status == 401:
            return self._error(AccountRefused, firewall(answer) or f"does not accept GEMINI_API_KEY ({message})")
        if status in {402, 403} or says(Meaning.NO_ACCESS, kind):
            refuses = f"does not let this project use {self.model!r} ({message})"
            return self._error(AccountRefused, firewall(answer) or refuses)
        if status == 429:
            return self._too_many(answer, words, message)
        if status == 503 and says(Meaning.BUSY, kind):
            return self._error(ServiceFailed, message, charged=Charged.NO, retry_after_s=self._wait_s(answer))
        if 400 <= status < 500 and status not in {404, 408, 409} and says(Meaning.PROMPT_REFUSED, words):
            return self._error(PromptRefused, f"refuses the prompt ({message})")
        return None

    def _too_many(self, answer: Answer, words: str, message: str) -> ProviderError:
        """Return the error for status 429: too many requests, or no quota."""
        quotas = [
            text_at(violation, "quotaId") + text_at(violation, "quotaMetric")
            for detail in list_at(answer.body, "error", "details")
            for violation in list_at(detail, "violations")
        ]
        if says(Meaning.NO_QUOTA, words):
            return self._error(
                AccountRefused, f"gives this project no quota for images; they need a paid plan ({message})"
            )
        if says(Meaning.DAILY_QUOTA, *quotas):
            return self._error(AccountRefused, f"has used up this project's quota for today ({message})")
        return self._error(RateLimited, message, retry_after_s=self._wait_s(answer))

    def _wait_s(self, answer: Answer) -> float | None:
        """Return the wait that the answer asks for, in its body or its header; None if it asks for none."""
        for detail in list_at(answer.body, "error", "details"):
            seconds = number_at(text_at(detail, "retryDelay").removesuffix("s"))
            if seconds is not None:
                return min(max(0.0, seconds), LONGEST_WAIT_S)
        return retry_after_s(answer, self._clock.now())


def picture_usd(model: str) -> float:
    """Return the expected cost of one picture of the model."""
    return next(usd for name, usd in _PICTURE_USD.items() if model.startswith(name))


def usage_usd(model: str, *, image_out: float | None) -> float | None:
    """Return the cost of the picture's tokens; None if they are not stated, or their price is not known.

    The few dozen tokens of the prompt are left out, since their price is not published.
    """
    rate = next((usd for name, usd in _IMAGE_OUT_USD.items() if model.startswith(name)), None)
    if rate is None or image_out is None or image_out <= 0:
        return None
    return round(image_out * rate, 6)


def ratio_for(model: str, width_px: int, height_px: int) -> str:
    """Return the aspect ratio to request from `model`: the nearest to that of the size. Renderings crop the picture."""
    ratios = _RATIOS if model.startswith(("gemini-2.", "gemini-3")) else (*_RATIOS, *_MORE_RATIOS)
    wide, high = min(ratios, key=lambda ratio: abs(math.log(ratio[0] / ratio[1] / (width_px / height_px))))
    return f"{wide}:{high}"


def _pictures_in(body: JsonValue | None) -> list[tuple[str, str]]:
    """Return base64 text and address of each picture but drafts, the last picture first. Reads gateways' names too."""
    entries = [
        (
            text_at(part, "inlineData", "data") or text_at(part, "inline_data", "data"),
            text_at(part, "fileData", "fileUri") or text_at(part, "file_data", "file_uri"),
        )
        for part in list_at(body, "candidates", 0, "content", "parts")
        if member(part, "thought") is not True
    ]
    return [entry for entry in reversed(entries) if any(entry)]


def _image_tokens(body: JsonValue | None) -> float | None:
    """Return the tokens of the picture; those of the whole answer if it does not separate them."""
    for detail in list_at(body, "usageMetadata", "candidatesTokensDetails"):
        if text_at(detail, "modality") == "IMAGE":
            return number_at(detail, "tokenCount")
    return number_at(body, "usageMetadata", "candidatesTokenCount")
