"""OpenAI's image models: one call that waits, and answers with the picture.

The service keeps no job. `submit` returns a `Submission` with the picture in it. Once the picture is lost, `fetch`
raises JobUnknown. The service has no seeds: another `hero_seed` is another key and another request, but an equal one
does not draw an equal picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from mkdocs_leonardo.providers.interface import (
    AccountRefused,
    JsonValue,
    PictureSpec,
    PromptRefused,
    ProviderError,
    ServerError,
    Submission,
)
from mkdocs_leonardo.providers.toolkit import (
    EXTENSION,
    FREE_TIMEOUT_S,
    MIME_TYPE,
    WORDING,
    Answer,
    ImageAndTextProvider,
    copy_for_service,
    firewall,
    list_at,
    member,
    number_at,
    retry_after_s,
    says,
    text_at,
)

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.interface import ProviderContext
    from mkdocs_leonardo.providers.openai import OpenAIOptions

NAME = "openai"

#: Visually lossless for the smaller encodings that are made from it, at half the bytes of 100 (the service's default).
_COMPRESSION = 95
#: Sizes of the models of 2025 (vendor's reference, August 2026).
_OLD_SIZES = ((1536, 1024), (1024, 1024), (1024, 1536))
_OLD_MODELS = ("gpt-image-1", "chatgpt-image", "dall-e")
#: Sizes of gpt-image-2 and later (vendor's reference, and the announcement of April 2026).
_SIDE_STEP = 16
_LONGEST_SIDE = 3840
_WIDEST = 3.0
_LEAST_PIXELS = 655_360
_MOST_PIXELS = 3840 * 2160


class Meaning(StrEnum):
    """The meanings of the service's codes, types and sentences, each with their pattern for `<code> <type> message`.

    `says` alone reads a sentence. Some gateways write codes without their underscores.
    """

    # AccountRefused (github.com/continuedev/continue/issues/10410 and ollama/ollama/issues/14017, February 2026).
    NO_CREDIT = "<insufficient_?quota>|<billing_?hard_?limit_?reached>|billing hard limit|exceeded your current quota"
    # PromptRefused. The code of 2026 (github.com/jeffstric/ZJT/issues/480, July 2026), those of before, and Azure's.
    # The type alone may be about the size or the language.
    PROMPT_REFUSED = (
        "<(moderation_?blocked|content_?policy_?violation|content_?filter|responsible_?ai_?policy_?violation)>"
        "|safety_violations|safety system"
        "|<image_?generation_?user_?error>.{0,500}(safety|moderation|content[ _]filter|polic(y|ies))"
    )
    # AccountRefused (a note on the end of DALL-E, 2026).
    MODEL_NOT_FOUND = "<model_?not_?found>"
    # AccountRefused with a 429: the tier has no access (github.com/receptron/mulmocast-cli/issues/444, June 2025).
    NO_IMAGES_A_MINUTE = r"limit:? *0 */ *1 *min"


# Prices, for the caps; the tokens in an answer take precedence. List prices in USD at 1536x1024, gathered in November
# 2026 from the vendor's pages and its forum. For gpt-image-2 only the high quality is known at that size: 5488 output
# tokens at 30 USD a million, which is 0.165. Low and medium are derived from the square's prices (0.006, 0.053, and
# 0.211 for high), times 0.165/0.211. Smaller pictures are not always cheaper there, so 1536x864 has the same price: a
# cap should rather hold back too early.

_PRICED_PIXELS = 1536 * 1024
#: `xhigh` and `max` (2.5 and later) have no published price; each step is taken to be as large as the one before.
_PICTURE_USD = MappingProxyType(
    {
        "gpt-image-1-mini": {"low": 0.006, "medium": 0.015, "high": 0.052},
        "gpt-image-1.5": {"low": 0.013, "medium": 0.050, "high": 0.20},
        "gpt-image-1": {"low": 0.016, "medium": 0.063, "high": 0.25},
        "": {"low": 0.005, "medium": 0.042, "high": 0.165, "xhigh": 0.66, "max": 2.6},
    }
)
#: USD for a reference: about 3050 tokens of gpt-image-1.5 at 8 USD a million (a reseller, 2026); unknown for
#: gpt-image-2.
_REFERENCE_USD = 0.025
#: USD for a million tokens to a text model, and from it (a reseller's list, November 2026).
_TEXT_USD_A_MILLION = MappingProxyType({"gpt-5.6-luna": (0.2, 1.2)})
#: USD for a token, gpt-image-2, 2.5 and 2.6 (November 2026).
_TEXT_IN_USD = 5 / 1_000_000
_IMAGE_IN_USD = 8 / 1_000_000
_IMAGE_OUT_USD = 30 / 1_000_000


class OpenAIProvider(ImageAndTextProvider):
    """OpenAI as a provider. `submit` costs money and returns the picture."""

    name = NAME

    def __init__(self, context: ProviderContext[OpenAIOptions]) -> None:
        """Make the provider without connecting to the service."""
        super().__init__(context, secret_headers=lambda api_key: {"authorization": f"Bearer {api_key}"})
        self.text_model = context.options.text_model
        self.text_usd_a_million = _TEXT_USD_A_MILLION.get(self.text_model, self.text_usd_a_million)
        self._quality = context.options.quality
        self.options: Mapping[str, JsonValue] = {"quality": self._quality, "wording": WORDING}

    def estimate_usd(self, picture: PictureSpec) -> float:
        """Return the expected cost of one picture."""
        width_px, height_px = size_for(self.model, picture.width_px, picture.height_px)
        usd = picture_usd(self.model, self._quality, width_px=width_px, height_px=height_px)
        return round(usd + _REFERENCE_USD, 6) if picture.reference is not None else usd

    async def submit(self, picture: PictureSpec) -> Submission:
        """Create the picture, which costs money; the service keeps no copy. The create request is sent exactly once."""
        width_px, height_px = size_for(self.model, picture.width_px, picture.height_px)
        request: dict[str, JsonValue] = {
            "model": self.model,
            "prompt": self._prompt(picture),
            "n": 1,
            "size": f"{width_px}x{height_px}",
            "quality": self._quality,
            "output_format": "jpeg",
            "output_compression": _COMPRESSION,
        }
        if picture.reference is None:
            answer = await self._create("/images/generations", request)
        else:
            reference = await copy_for_service(picture.reference, NAME)
            # No `input_fidelity`, which gpt-image-2 refuses: its references are always taken in full.
            fields = [(name, str(value)) for name, value in request.items()]
            file = ("image[]", (f"reference.{EXTENSION}", reference, MIME_TYPE))
            answer = await self._create("/images/edits", None, parts=[*fields, file])
        entries = list_at(answer.body, "data") or [member(answer.body, "data")]
        data = await self._picture((text_at(entry, "b64_json"), text_at(entry, "url")) for entry in entries)
        return self._submission(answer.headers.get("x-request-id", ""), data, self._cost_usd(answer.body))

    async def check_access(self) -> str:
        """Check that the account may use the model; the list of models costs nothing and needs the key."""
        answer = await self._send("GET", "/models", timeout_s=FREE_TIMEOUT_S)
        if answer.status != 200:
            raise self._error_for(answer)
        names = {text_at(entry, "id") for entry in list_at(answer.body, "data")}
        if names and self.model not in names:
            raise self._error(AccountRefused, f"does not list the model {self.model!r}; set openai.model")
        return self.model

    # Texts -------------------------------------------------------------------------------------------------------

    def _question(self, role: str, message: str, most_tokens: int) -> tuple[str, JsonValue]:
        return "/chat/completions", {
            "model": self.text_model,
            "messages": [{"role": "system", "content": role}, {"role": "user", "content": message}],
            "response_format": {"type": "json_object"},
            "max_completion_tokens": most_tokens,
        }

    def _text_in(self, body: JsonValue | None) -> str:
        return text_at(body, "choices", 0, "message", "content")

    # Answers -----------------------------------------------------------------------------------------------------

    def _cost_usd(self, body: JsonValue | None) -> float | None:
        out = number_at(body, "usage", "output_tokens")
        if out is None or out <= 0:
            return None
        image_in = number_at(body, "usage", "input_tokens_details", "image_tokens") or 0.0
        text_in = number_at(body, "usage", "input_tokens_details", "text_tokens")
        if text_in is None:
            text_in = max(0.0, (number_at(body, "usage", "input_tokens") or 0.0) - image_in)
        return usage_usd(self.model, text_in=max(0.0, text_in), image_in=max(0.0, image_in), out=out)

    def _specific_error(self, answer: Answer, words: str, message: str) -> ProviderError | None:  # noqa: PLR0911 - one return for each failure
        status = answer.status
        code, kind = (text_at(answer.body, "error", name) for name in ("code", "type"))
        text = f"<{code}> <{kind}> {words}"
        if status >= 500:
            # The service may have made the image, whatever its sentence says.
            wait_s = retry_after_s(answer, self._clock.now())
            return self._error(ServerError, message, retry_after_s=wait_s) if status in {500, 503} else None
        if says(Meaning.NO_CREDIT, text):
            return self._error(AccountRefused, f"has no credit left on this account ({message})")
        if says(Meaning.PROMPT_REFUSED, text):
            return self._error(PromptRefused, f"refuses the prompt ({message})")
        if says(Meaning.MODEL_NOT_FOUND, text):
            return self._error(AccountRefused, f"does not know the model {self.model!r}; set openai.model ({message})")
        if status == 429 and says(Meaning.NO_IMAGES_A_MINUTE, text):
            return self._error(AccountRefused, f"gives this account no access to {self.model!r} ({message})")
        if status == 403:
            refuses = f"does not let this account use {self.model!r} ({message})"
            return self._error(AccountRefused, firewall(answer) or refuses)
        if status in {401, 402}:
            return self._error(AccountRefused, firewall(answer) or f"does not accept OPENAI_API_KEY ({message})")
        return None


def picture_usd(model: str, quality: str, *, width_px: int, height_px: int) -> float:
    """Return the expected cost of one picture of the model; an unknown quality counts as high."""
    family = next(family for family in _PICTURE_USD if model.startswith(family))
    prices = _PICTURE_USD[family]
    scale = max(1.0, width_px * height_px / _PRICED_PIXELS)
    return round(prices.get(quality, prices["high"]) * scale, 6)


def usage_usd(model: str, *, text_in: float, image_in: float, out: float) -> float | None:
    """Return the cost of the tokens of one answer; None for the models of 2025, which have other rates."""
    if model.startswith(_OLD_MODELS):
        return None
    return round(text_in * _TEXT_IN_USD + image_in * _IMAGE_IN_USD + out * _IMAGE_OUT_USD, 6)


def size_for(model: str, width_px: int, height_px: int) -> tuple[int, int]:
    """Return the size to request from `model`: the picture's own if it is valid, else the nearest valid one."""
    ratio = width_px / height_px
    if model.startswith(_OLD_MODELS):
        return min(_OLD_SIZES, key=lambda size: abs(math.log(size[0] / size[1] / ratio)))
    if _is_valid(width_px, height_px):
        return width_px, height_px
    ratio = min(max(ratio, 1 / _WIDEST), _WIDEST)
    # The aspect stays where the longest side leaves room for fewer pixels.
    most_pixels = min(_MOST_PIXELS, _LONGEST_SIDE**2 / max(ratio, 1 / ratio))
    pixels = min(max(width_px * height_px, _LEAST_PIXELS), most_pixels)
    exact = math.sqrt(pixels * ratio), math.sqrt(pixels / ratio)
    sizes = [(wide, high) for wide in _steps_near(exact[0]) for high in _steps_near(exact[1]) if _is_valid(wide, high)]
    # The aspect counts most: a picture of another aspect loses an edge.
    return min(sizes, key=lambda size: (round(abs(math.log(size[0] / size[1] / ratio)), 3), abs(size[0] - exact[0])))


def _is_valid(width_px: int, height_px: int) -> bool:
    return (
        width_px % _SIDE_STEP == 0
        and height_px % _SIDE_STEP == 0
        and max(width_px, height_px) <= _LONGEST_SIDE
        and max(width_px, height_px) <= _WIDEST * min(width_px, height_px)
        and _LEAST_PIXELS <= width_px * height_px <= _MOST_PIXELS
    )


def _steps_near(exact: float) -> range:
    """Return sides within four steps of the exact one."""
    middle = round(exact / _SIDE_STEP) * _SIDE_STEP
    return range(max(_SIDE_STEP, middle - 4 * _SIDE_STEP), min(_LONGEST_SIDE, middle + 4 * _SIDE_STEP) + 1, _SIDE_STEP)
