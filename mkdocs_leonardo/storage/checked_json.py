"""Type checks for stored JSON, which may be damaged, foreign, or of another version.

The checks return the value or raise ValueError; those that end in `_or_none` return None instead.
"""

from __future__ import annotations

import math
import re

from mkdocs_leonardo.spec import JsonValue

#: The longest text of a journal's entry (characters).
MOST_TEXT = 4096
_LARGEST = 1e12


def check_mapping(value: JsonValue | None) -> dict[str, JsonValue]:
    """Check for a JSON object."""
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one kind of error for all checks
    return value


def check_pattern(value: JsonValue | None, pattern: re.Pattern[str]) -> str:
    """Check for a text that matches the pattern as a whole."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError("not the text that was written")
    return value


def check_integer(value: JsonValue | None, minimum: float = -math.inf, maximum: float = math.inf) -> int:
    """Check for an integer between two bounds; a boolean is none."""
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise ValueError("not the number that was written")
    return value


def check_amount(value: object) -> float:
    """Check for a finite time, cost or duration, not below 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
        raise ValueError("not the amount that was written")
    return value


def check_amount_or_none(value: object) -> float | None:
    """Check for a finite time, cost or duration, not below 0; returns None for any other value."""
    try:
        return check_amount(value)
    except ValueError:
        return None


def check_text(value: JsonValue | None, name: str) -> str:
    """Check for a JSON object with a text in field `name`, of at most `MOST_TEXT` characters; returns the text."""
    text = check_mapping(value).get(name)
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise ValueError(f"no text in {name}")
    return text


def check_text_or_none(value: JsonValue | None, name: str) -> str | None:
    """Return the text in field `name` of a JSON object, of at most `MOST_TEXT` characters; None without one."""
    try:
        return check_text(value, name)
    except ValueError:
        return None


def numbers_in(value: JsonValue | None) -> list[float]:
    """Return the finite numbers of a list; an empty list for any other value."""
    if not isinstance(value, list):
        return []
    return [
        float(item)
        for item in value
        if isinstance(item, int | float) and not isinstance(item, bool) and abs(item) < 1e15  # noqa: PLR2004 - finite, and fit for a clock
    ]
