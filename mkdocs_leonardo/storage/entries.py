"""Journal entries: the create calls for a picture, with the state of each, and their form as JSON.

Stored words stay as the first version wrote them. These differ from the words of the code:

| stored                          | in the code                                                      |
|---------------------------------|------------------------------------------------------------------|
| `tries`, an entry's `creates`   | the create calls, and their number                               |
| `sent`, a call's state          | `intended`                                                       |
| `intended_at`                   | `sent_at`, when the first create call was sent                   |
| `beat_at`, `beat`, `claim`      | the last heartbeat, the number of heartbeats, a lease            |
| `rest:` and a provider          | the provider's cooldown                                          |
| `resumed`, `local`              | `Source.COLLECTED`, `Source.PAINTED` and the painter             |
| `look`                          | the default reference in Zensical's manifest                     |
| `site`                          | `config_name`, the name of a configuration                       |
| `placeholder`                   | `blur_up`, the copy of 16 pixels shown while an image loads      |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from mkdocs_leonardo.clock import DAY_S
from mkdocs_leonardo.spec import JsonValue, Submission
from mkdocs_leonardo.storage.checked_json import (
    check_amount,
    check_amount_or_none,
    check_integer,
    check_mapping,
    check_text,
)

#: The largest difference between two machines' clocks that the code tolerates (seconds).
CLOCKS_APART_S = 3600.0
#: The age from which one search for an earlier process's call is enough (seconds): the service carried it out long
#: ago, or never. A younger call may have waited for the request limit for minutes before it was sent.
FRESH_S = 600.0
#: The shortest interval between two attempts to collect a job (seconds).
LEAST_INTERVAL_S = 60.0
#: The interval as a part of the job's age, if that is longer: intervals grow with the age.
INTERVAL_PART = 0.5

#: A job whose picture cannot be collected is given up at this age (seconds).
GIVE_UP_S = 30 * DAY_S
#: How long the id of a deleted job is kept (seconds): longer than the job of any unanswered call is searched for, so
#: that no search adopts it.
CLOSED_S = GIVE_UP_S + 5 * DAY_S
#: A job that the service has not known for this time is given up as well (seconds).
UNKNOWN_S = 6 * 3600.0

_MOST_CALLS = 100
#: The stored word for the state "intended" of one call.
_STORED_INTENDED = "sent"


@dataclass(frozen=True, slots=True)
class CreateCall:
    """One create call. Times are in Unix seconds, 0 for an event that did not happen.

    `number`: counts the calls for one key, from 1.
    `seed`: the seed of the call. None: the provider takes none, or an earlier version of this package sent none.
    `ended_at`: when the call failed without a word on a job.
    `asked_at`: when a later build last failed to collect the job.
    `vain_since`: the first of those failures that counts against the job.
    `unknown_since`: since when every answer says that the service does not know the job.
    """

    number: int
    state: Literal["intended", "accepted"] = "intended"
    seed: int | None = None
    estimate_usd: float = 0.0
    sent_at: float = 0.0
    ended_at: float = 0.0
    job_id: str = ""
    accepted_at: float = 0.0
    cost_usd: float | None = None
    asked_at: float = 0.0
    vain_since: float = 0.0
    unknown_since: float = 0.0

    @property
    def began_at(self) -> float:
        """The time from which the job's age counts."""
        return self.accepted_at if self.state == "accepted" else self.sent_at

    def is_due(self, now: float) -> bool:
        """Return whether a build may ask for the job now: the intervals grow with its age."""
        if not self.asked_at or now < self.asked_at - CLOCKS_APART_S:
            return True
        age_s = self.asked_at - self.began_at
        # An old job gets a second attempt before it is given up, since the first may meet an outage.
        interval_s = UNKNOWN_S + CLOCKS_APART_S if age_s > GIVE_UP_S else INTERVAL_PART * age_s
        return now - self.asked_at >= max(LEAST_INTERVAL_S, interval_s)

    def is_over(self, now: float) -> bool:
        """Return whether a job that could not be collected at `now` is given up."""
        is_unknown = bool(self.unknown_since) and now - self.unknown_since >= UNKNOWN_S + CLOCKS_APART_S
        is_vain = bool(self.vain_since) and now - self.vain_since >= UNKNOWN_S + CLOCKS_APART_S
        return is_unknown or (is_vain and now - self.began_at > GIVE_UP_S)


@dataclass(frozen=True, slots=True)
class Entry:
    """The create calls for one picture, in order, whose outcome is open or whose job is to be collected."""

    key: str
    provider: str
    model: str
    page: str
    calls: tuple[CreateCall, ...]
    request: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def accepted(self) -> tuple[CreateCall, ...]:
        """The calls whose job is known."""
        return tuple(call for call in self.calls if call.state == "accepted")

    def get_due_jobs(self, now: float) -> tuple[Submission, ...]:
        """Return the known jobs that may be asked for now."""
        return tuple(
            Submission(self.provider, self.model, call.job_id, call.accepted_at, call.cost_usd)
            for call in self.accepted
            if call.is_due(now)
        )

    @property
    def intended(self) -> tuple[CreateCall, ...]:
        """The calls whose outcome is unknown: sent, or about to be."""
        return tuple(call for call in self.calls if call.state == "intended")

    def is_due(self, now: float, *, besides: str | None = None) -> bool:
        """Return whether a build may ask now for any of the jobs `besides` the one with that id."""
        return any(call.is_due(now) for call in self.calls if call.job_id != besides)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a prompt is not sent again.

    A content check refused the prompt, or (`is_empty`) the prompt's job ended without a picture.
    """

    key: str
    reason: str
    page: str = ""
    provider: str = ""
    job_id: str = ""
    refused_at: float = 0.0
    is_empty: bool = False

    @property
    def stops_chain(self) -> bool:
        """Whether no provider is asked for the picture; otherwise the other providers are."""
        return not self.is_empty


def encode_entry(entry: Entry) -> JsonValue:
    """Return the entry as JSON: its calls in `tries`, and fields for earlier versions, which read one call only."""
    call = entry.accepted[0] if entry.accepted else entry.calls[-1]
    return {
        "key": entry.key,
        "provider": entry.provider,
        "model": entry.model,
        "page": entry.page,
        "state": "accepted" if entry.accepted else "intended",
        "request": dict(entry.request),
        "estimate_usd": check_amount_or_none(call.estimate_usd) or 0.0,
        "intended_at": entry.calls[0].sent_at,
        "creates": len(entry.calls),
        "job_id": call.job_id,
        "accepted_at": call.accepted_at,
        "cost_usd": call.cost_usd,
        "tries": [_encode_call(call) for call in entry.calls],
    }


def _encode_call(call: CreateCall) -> JsonValue:
    state = _STORED_INTENDED if call.state == "intended" else call.state
    return {**asdict(call), "state": state, "estimate_usd": check_amount_or_none(call.estimate_usd) or 0.0}


def parse_entry(key: str, value: JsonValue | None) -> Entry | None:
    """Parse the entry of `key`; None if no version of `encode_entry` wrote it."""
    try:
        entry = check_mapping(value)
        if entry.get("key") != key:
            return None
        provider, model, page = (check_text(entry, name) for name in ("provider", "model", "page"))
        calls = _parse_calls(entry["tries"]) if "tries" in entry else (_parse_only_call(entry),)
        return Entry(key, provider, model, page, calls, check_mapping(entry.get("request")))
    except ValueError:
        return None


def _parse_calls(value: JsonValue) -> tuple[CreateCall, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_CALLS:
        raise ValueError("the calls differ from those that were written")
    return tuple(map(_parse_call, value))


def _parse_call(value: JsonValue) -> CreateCall:
    call = check_mapping(value)
    names = ("estimate_usd", "sent_at", "ended_at", "accepted_at", "asked_at", "vain_since", "unknown_since")
    seed = call.get("seed")
    return CreateCall(
        check_integer(call.get("number")),
        _parse_state(call, _STORED_INTENDED),
        None if seed is None else check_integer(seed),
        job_id=check_text(call, "job_id"),
        cost_usd=check_amount_or_none(call.get("cost_usd")),
        **{name: check_amount(call.get(name)) for name in names},
    )


def _parse_only_call(entry: dict[str, JsonValue]) -> CreateCall:
    """Parse the only create call of an entry by an earlier version, which sent no seed."""
    return CreateCall(
        max(1, check_integer(entry.get("creates"))),
        _parse_state(entry, "intended"),
        estimate_usd=check_amount(entry.get("estimate_usd")),
        sent_at=check_amount(entry.get("intended_at")),
        job_id=check_text(entry, "job_id"),
        accepted_at=check_amount(entry.get("accepted_at")),
        cost_usd=check_amount_or_none(entry.get("cost_usd")),
    )


def _parse_state(value: Mapping[str, JsonValue], intended: str) -> Literal["intended", "accepted"]:
    """Parse the state of a call; `intended` is the stored word for that state."""
    state = value.get("state")
    if state not in (intended, "accepted"):
        raise ValueError("not the state that was written")
    return "accepted" if state == "accepted" else "intended"
