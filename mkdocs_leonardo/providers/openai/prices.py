"""The expected cost of a picture of OpenAI's, for the caps. The tokens in an answer take precedence.

List prices in USD at 1536x1024, gathered in November 2026 from the vendor's pages and its forum. For gpt-image-2 only
the high quality is known at that size: 5488 output tokens at 30 USD a million, which is 0.165. Low and medium are
derived from the square's prices (0.006, 0.053, and 0.211 for high), times 0.165/0.211. Smaller pictures are not always
cheaper there, so 1536x864 has the same price: a cap should rather hold back too early.
"""

from __future__ import annotations

from types import MappingProxyType

_PIXELS = 1536 * 1024
#: `xhigh` and `max` (2.5 and later) have no published price; each step is taken to be as large as the one before.
_USD = MappingProxyType(
    {
        "gpt-image-1-mini": {"low": 0.006, "medium": 0.015, "high": 0.052},
        "gpt-image-1.5": {"low": 0.013, "medium": 0.050, "high": 0.20},
        "gpt-image-1": {"low": 0.016, "medium": 0.063, "high": 0.25},
        "": {"low": 0.005, "medium": 0.042, "high": 0.165, "xhigh": 0.66, "max": 2.6},
    }
)
#: USD for a reference: about 3050 tokens of gpt-image-1.5 at 8 USD a million (a reseller, 2026); unknown for
#: gpt-image-2.
REFERENCE_USD = 0.025
#: USD for a token, gpt-image-2, 2.5 and 2.6 (November 2026).
_TEXT_IN_USD = 5 / 1_000_000
_IMAGE_IN_USD = 8 / 1_000_000
_IMAGE_OUT_USD = 30 / 1_000_000


def picture_usd(model: str, quality: str, *, width_px: int, height_px: int) -> float:
    """The expected cost of one picture of the model; an unknown quality counts as high."""
    family = next(family for family in _USD if model.startswith(family))
    prices = _USD[family]
    scale = max(1.0, width_px * height_px / _PIXELS)
    return round(prices.get(quality, prices["high"]) * scale, 6)


def usage_usd(model: str, *, text_in: float, image_in: float, out: float) -> float | None:
    """The cost of the tokens of one answer; None for the models of 2025, whose rates differ and which end in 2026."""
    if model.startswith(("gpt-image-1", "chatgpt-image", "dall-e")):
        return None
    return round(text_in * _TEXT_IN_USD + image_in * _IMAGE_IN_USD + out * _IMAGE_OUT_USD, 6)
