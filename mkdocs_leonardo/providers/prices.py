"""What a picture is expected to cost, for the caps. One table, with sources and dates; answers that state a cost win.

Leonardo: the formulas of `models.py`, in credits. They fit every figure of the vendor's calculator of 2026-08-01; the
largest pictures in it have 1.25 megapixels for Phoenix and FLUX, and 2.1 for Lucid. What a model costs that is not in
that table is not known: 0.03 USD with Alchemy and 0.015 USD without are taken, and scaled with the pixels.

OpenAI: list prices in USD at 1536x1024, gathered in November 2026 from the vendor's pages and its forum. For
gpt-image-2 only the high quality is known at that size (5488 output tokens at 30 USD a million: 0.165); low and medium
are those of the square (0.006 and 0.053, where high is 0.211), each times 0.165/0.211. Smaller pictures are not always
cheaper there, so nothing is taken off for 1536x864: a cap should rather hold back too early.

Gemini: USD for one 1K picture, gathered in November 2026. gemini-nano-banana-2.1: 0.0336, which is 1120 tokens at 30
USD a million (one source, October 2026); gemini-3.1-flash-image: the same tokens at 60 USD a million; the other
prices are list prices that two sources share. A model that is not in the table is taken for the dearest.
"""

from __future__ import annotations

from types import MappingProxyType

#: One credit in USD, derived in November 2026 from seven published or charged amounts; 299 USD for 200 000.
LEONARDO_CREDIT_USD = 0.001495

_LEONARDO_USD = MappingProxyType({True: 0.03, False: 0.015})
_LEONARDO_PIXELS = 1536 * 864

_OPENAI_PIXELS = 1536 * 1024
#: `xhigh` and `max` (2.5 and later) have no published price; each step is taken to be as large as the one before.
_OPENAI_USD = MappingProxyType(
    {
        "gpt-image-1-mini": {"low": 0.006, "medium": 0.015, "high": 0.052},
        "gpt-image-1.5": {"low": 0.013, "medium": 0.050, "high": 0.20},
        "gpt-image-1": {"low": 0.016, "medium": 0.063, "high": 0.25},
        "": {"low": 0.005, "medium": 0.042, "high": 0.165, "xhigh": 0.66, "max": 2.6},
    }
)
#: By the beginning of the model's name.
_GEMINI_USD = MappingProxyType(
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
_GEMINI_IMAGE_OUT_USD = MappingProxyType(
    {"gemini-nano-banana-2.1": 30 / 1_000_000, "gemini-3.1-flash-image": 60 / 1_000_000}
)
#: USD for a reference: about 3050 tokens for gpt-image-1.5 at 8 USD a million (a reseller, 2026), of gpt-image-2
#: unknown; for Gemini the largest that a ledger shows for 2.1 (October 2026). The tokens that an answer states win.
OPENAI_REFERENCE_USD = 0.025
GEMINI_REFERENCE_USD = 0.004
#: USD for a token, gpt-image-2, 2.5 and 2.6 (November 2026).
_TEXT_IN_USD = 5 / 1_000_000
_IMAGE_IN_USD = 8 / 1_000_000
_IMAGE_OUT_USD = 30 / 1_000_000


def unknown_leonardo_usd(*, alchemy: bool, width_px: int, height_px: int) -> float:
    """What one picture of a model that is not in the table is taken to cost."""
    return round(_LEONARDO_USD[alchemy] * width_px * height_px / _LEONARDO_PIXELS, 6)


def openai_usd(model: str, quality: str, *, width_px: int, height_px: int) -> float:
    """The expected cost of one picture of the model; an unknown quality counts as high."""
    family = next(family for family in _OPENAI_USD if model.startswith(family))
    prices = _OPENAI_USD[family]
    scale = max(1.0, width_px * height_px / _OPENAI_PIXELS)
    return round(prices.get(quality, prices["high"]) * scale, 6)


def openai_usage_usd(model: str, *, text_in: float, image_in: float, out: float) -> float | None:
    """What the tokens of one answer cost; None for the models of 2025, whose rates differ and which end in 2026."""
    if model.startswith(("gpt-image-1", "chatgpt-image", "dall-e")):
        return None
    return round(text_in * _TEXT_IN_USD + image_in * _IMAGE_IN_USD + out * _IMAGE_OUT_USD, 6)


def gemini_usd(model: str) -> float:
    """The expected cost of one picture of the model."""
    return next(usd for name, usd in _GEMINI_USD.items() if model.startswith(name))


def gemini_usage_usd(model: str, *, image_out: float | None) -> float | None:
    """What the picture's tokens cost; None where they are not stated, or their price is not known.

    The words of the prompt are left out: their price is not published here, and they are a few dozen tokens.
    """
    rate = next((usd for name, usd in _GEMINI_IMAGE_OUT_USD.items() if model.startswith(name)), None)
    if rate is None or image_out is None or image_out <= 0:
        return None
    return round(image_out * rate, 6)
