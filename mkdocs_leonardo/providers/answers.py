"""An API's answer as a value, and functions that read it without trusting it. Imports no network library."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from mkdocs_leonardo.spec import JsonValue, replace_unprintable

#: The longest wait that a service may ask for (seconds). Services count in minutes.
LONGEST_WAIT_S = 600.0

_LONGEST_QUOTE = 200
#: The words that ask for a wait in the text of an answer (OpenAI's and Gemini's, 2025 and 2026).
_WAIT = re.compile(
    r"""\b(?:try\ again|retry)\s+(?:in|after)\s+
        ((?:[0-9]{1,9}(?:\.[0-9]{1,9})?\s*(?:milliseconds?|ms|seconds?|sec|s|minutes?|min|m|hours?|h)\s*)+)""",
    re.IGNORECASE | re.VERBOSE,
)
_DURATION = re.compile(r"([0-9.]+)\s*(ms|mil|h|m|s)", re.IGNORECASE)
_UNITS_S = {"ms": 0.001, "mil": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
#: The forms of keys and accounts in messages. The key of a request is hidden in its answer, whatever its form.
_SECRETS = re.compile(
    r"""https?://[^\s"'<>]+                                                  # may be signed
      | \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b     # UUIDs
      | \b(?:sk|org|proj|user)[-_](?=[\w*.-]*(?:[0-9*]|\.\.)|[\w*.-]{16})[\w*.-]{4,}  # names that begin with their kind
      | \bAIza[\w-]{20,}                                                    # keys of Google's interfaces
      | \bBearer\s+\S+
    """,
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `headers` have lower-case names, `body` is None if it is no JSON, `text` is the body's start."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: JsonValue | None = field(repr=False)
    text: str = field(repr=False)


def member(value: JsonValue | None, *path: str | int) -> JsonValue | None:
    """Return the value at `path`; None if a part of the path is missing or of another type."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def text_at(value: JsonValue | None, *path: str | int) -> str:
    """Return the text at `path`; "" without one."""
    text = member(value, *path)
    return text if isinstance(text, str) else ""


def number_at(value: JsonValue | None, *path: str | int) -> float | None:
    """Return the finite number at `path`, which may be written as text; None without one."""
    content = member(value, *path)
    if isinstance(content, bool) or not isinstance(content, int | float | str):
        return None
    try:
        number = float(content)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def list_at(value: JsonValue | None, *path: str | int) -> list[JsonValue]:
    """Return the list at `path`; an empty one without it."""
    items = member(value, *path)
    return items if isinstance(items, list) else []


def quote(text: str) -> str:
    """Return the service's words as one short line for a log, without addresses, keys and ids."""
    line = replace_unprintable(" ".join(_SECRETS.sub("(hidden)", text).split()))
    return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 1]}…"


def says(meaning: StrEnum, *texts: str) -> bool:
    """Return whether one of a service's texts has the meaning, a pattern for texts in any case with single spaces."""
    return any(re.search(meaning, " ".join(text.split()), re.IGNORECASE) for text in texts)


def status_and(words: str, answer: Answer) -> str:
    """Return the clause of a message with the status and the service's words."""
    quoted = quote(words)
    return f"answered {answer.status}: {quoted}" if quoted else f"answered {answer.status}"


def answered_at(answer: Answer) -> float | None:
    """Return the time of the answer by the service's clock (Unix seconds); None if the answer has no date."""
    return _http_date(answer.headers.get("date", ""))


def retry_after_s(answer: Answer, now: float) -> float | None:
    """Return the wait that headers or text ask for, 0 to `LONGEST_WAIT_S` seconds; None if neither asks for one."""
    value = answer.headers.get("retry-after", "").strip()
    milliseconds = number_at(answer.headers.get("retry-after-ms", "").strip())
    seconds = number_at(value)
    if milliseconds is not None:
        seconds = milliseconds / 1000
    elif seconds is None:
        until = _http_date(value)
        # By the service's own clock if it shows one, since this machine's may be wrong.
        seconds = _seconds_in(answer.text) if until is None else until - (answered_at(answer) or now)
    return None if seconds is None else min(max(0.0, seconds), LONGEST_WAIT_S)


def _seconds_in(text: str) -> float | None:
    """Return the seconds in a text such as ``try again in 1m30.5s`` or ``retry after 20 seconds``; None without any."""
    match = _WAIT.search(text)
    if match is None:
        return None
    return sum(float(number) * _UNITS_S[unit.lower()] for number, unit in _DURATION.findall(match[1]))


def firewall(answer: Answer) -> str:
    """Return the clause on a firewall or proxy that refused in the service's place; "" for the service's own answer.

    The services refuse in JSON. A refusal that is a web page comes from a firewall or a proxy on the way.
    """
    if (
        answer.status not in {401, 403}
        or answer.body is not None
        or not answer.text.lstrip("\ufeff \t\r\n").startswith("<")
    ):
        return ""
    is_cloudflare = "cf-ray" in answer.headers or "cloudflare" in answer.text.lower()
    return (
        f"was not reached: {'Cloudflare' if is_cloudflare else 'a firewall or proxy'} in front of it refuses this "
        f"machine (answered {answer.status} with a web page), which says nothing of the key; try from another network, "
        "or later"
    )


def utc_seconds(text: str) -> float | None:
    """Return the Unix seconds of an ISO 8601 time, taken as UTC if it names no zone; None for any other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
