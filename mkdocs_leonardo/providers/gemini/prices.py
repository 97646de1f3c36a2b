"""The expected cost of a picture of Gemini's, for the caps. The tokens in an answer take precedence.

USD for one 1K picture, gathered in November 2026. The price of gemini-nano-banana-2.1 is 1120 tokens at 30 USD a
million (one source, October 2026). The model gemini-3.1-flash-image has as many tokens at 60 USD a million. The other
prices are list prices that two sources share. A model that is not in the table has the highest price.
"""

from __future__ import annotations

from types import MappingProxyType

#: By the beginning of the model's name.
_USD = MappingProxyType(
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
#: USD for a reference: the largest amount that a ledger shows for 2.1 (October 2026).
REFERENCE_USD = 0.004


def picture_usd(model: str) -> float:
    """The expected cost of one picture of the model."""
    return next(usd for name, usd in _USD.items() if model.startswith(name))


def usage_usd(model: str, *, image_out: float | None) -> float | None:
    """The cost of the picture's tokens; None if they are not stated, or their price is not known.

    The few dozen tokens of the prompt are left out, since their price is not published.
    """
    rate = next((usd for name, usd in _IMAGE_OUT_USD.items() if model.startswith(name)), None)
    if rate is None or image_out is None or image_out <= 0:
        return None
    return round(image_out * rate, 6)
