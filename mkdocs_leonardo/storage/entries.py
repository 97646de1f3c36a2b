"""Journal entries: the create calls for a picture, with the state of each, and their form as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from mkdocs_leonardo.spec import JsonValue, Submission
from mkdocs_leonardo.storage.checked_json import amount, amount_or_none, mapping, text_in, whole

#: Wall clocks of two processes, or machines, are taken to differ by up to this (seconds).
CLOCKS_APART_S = 3600.0
#: A job that an earlier build asked for in vain is asked for again after this time at the least (seconds).
LEAST_INTERVAL_S = 60.0
#: And after this part of the age that it had then, so that the intervals grow.
INTERVAL_PART = 0.5

#: A job whose picture cannot be had is given up after this time (seconds).
GIVE_UP_S = 30 * 86400.0
#: How long the job id of a closed entry is remembered, so that it is not taken for a lost one (seconds): longer than
#: a lost one of the same prompt is looked for.
CLOSED_S = GIVE_UP_S + 5 * 86400.0
#: And one that the service does not know, if it has said nothing else for so long (seconds).
UNKNOWN_S = 6 * 3600.0

_MOST_CALLS = 100
#: The stored word for the state "intended" of one call.
_STORED_INTENDED = "sent"


@dataclass(frozen=True, slots=True)
class CreateCall:
    """One create call. Times in Unix seconds, 0 where the event did not happen.

    `number` counts the calls for one key, from 1. `seed` is the seed it was sent with; None: the provider takes none,
    or an earlier version of this package sent none. `ended_at`: the call failed, and nothing says whether it made a
    job. `asked_at`: a later build asked for the job in vain, and `vain_since` was the first time; `unknown_since`:
    since then every answer was that there is no such job.
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
        """Whether a build may ask for the job: the intervals grow with its age."""
        if not self.asked_at or now < self.asked_at - CLOCKS_APART_S:
            return True
        age_s = self.asked_at - self.began_at
        # An old job is asked for once more before it is given up: one question may meet a bad moment.
        interval_s = UNKNOWN_S + CLOCKS_APART_S if age_s > GIVE_UP_S else INTERVAL_PART * age_s
        return now - self.asked_at >= max(LEAST_INTERVAL_S, interval_s)

    def is_over(self, now: float) -> bool:
        """Whether a job that was asked for in vain at `now` is given up."""
        is_unknown = bool(self.unknown_since) and now - self.unknown_since >= UNKNOWN_S + CLOCKS_APART_S
        is_vain = bool(self.vain_since) and now - self.vain_since >= UNKNOWN_S + CLOCKS_APART_S
        return is_unknown or (is_vain and now - self.began_at > GIVE_UP_S)


@dataclass(frozen=True, slots=True)
class Entry:
    """The create calls for one picture whose outcome is open, or whose job is not collected: one or more, in order."""

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

    def due_jobs(self, now: float) -> tuple[Submission, ...]:
        """The known jobs that may be asked for now."""
        return tuple(
            Submission(self.provider, self.model, call.job_id, call.accepted_at, call.cost_usd)
            for call in self.accepted
            if call.is_due(now)
        )

    @property
    def intended(self) -> tuple[CreateCall, ...]:
        """The calls whose outcome is unknown: sent, or about to be."""
        return tuple(call for call in self.calls if call.state == "intended")

    def is_due(self, now: float) -> bool:
        """Whether a build may ask for any of the jobs."""
        return any(call.is_due(now) for call in self.calls)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A prompt that is not sent again: refused, or, if it `is_empty`, its job ended without a picture."""

    key: str
    reason: str
    page: str = ""
    provider: str = ""
    job_id: str = ""
    refused_at: float = 0.0
    is_empty: bool = False


def entry_value(entry: Entry) -> JsonValue:
    """The entry as JSON. Beside `tries`, its calls, it has the fields of earlier versions, which know of one call."""
    known = entry.accepted[0] if entry.accepted else entry.calls[-1]
    return {
        "key": entry.key,
        "provider": entry.provider,
        "model": entry.model,
        "page": entry.page,
        "state": "accepted" if entry.accepted else "intended",
        "request": dict(entry.request),
        "estimate_usd": amount_or_none(known.estimate_usd) or 0.0,
        "intended_at": entry.calls[0].sent_at,
        "creates": len(entry.calls),
        "job_id": known.job_id,
        "accepted_at": known.accepted_at,
        "cost_usd": known.cost_usd,
        "tries": [_call_value(call) for call in entry.calls],
    }


def _call_value(call: CreateCall) -> JsonValue:
    state = _STORED_INTENDED if call.state == "intended" else call.state
    return {**asdict(call), "state": state, "estimate_usd": amount_or_none(call.estimate_usd) or 0.0}


def entry_from(key: str, value: JsonValue | None) -> Entry | None:
    """The entry in `value`; None if it is not one that `entry_value` of some version wrote for `key`."""
    try:
        entry = mapping(value)
        if entry.get("key") != key:
            return None
        provider, model, page = (text_in(entry, name) for name in ("provider", "model", "page"))
        calls = _calls_in(entry["tries"]) if "tries" in entry else (_only_call_in(entry),)
        return Entry(key, provider, model, page, calls, mapping(entry.get("request")))
    except ValueError:
        return None


def _calls_in(value: JsonValue) -> tuple[CreateCall, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_CALLS:
        raise ValueError("the calls differ from those that were written")
    return tuple(map(_call_in, value))


def _call_in(value: JsonValue) -> CreateCall:
    call = mapping(value)
    names = ("estimate_usd", "sent_at", "ended_at", "accepted_at", "asked_at", "vain_since", "unknown_since")
    seed = call.get("seed")
    return CreateCall(
        whole(call.get("number")),
        _state_in(call, _STORED_INTENDED),
        None if seed is None else whole(seed),
        job_id=text_in(call, "job_id"),
        cost_usd=amount_or_none(call.get("cost_usd")),
        **{name: amount(call.get(name)) for name in names},
    )


def _only_call_in(entry: dict[str, JsonValue]) -> CreateCall:
    """The one create call that an earlier version noted, without a seed."""
    return CreateCall(
        max(1, whole(entry.get("creates"))),
        _state_in(entry, "intended"),
        estimate_usd=amount(entry.get("estimate_usd")),
        sent_at=amount(entry.get("intended_at")),
        job_id=text_in(entry, "job_id"),
        accepted_at=amount(entry.get("accepted_at")),
        cost_usd=amount_or_none(entry.get("cost_usd")),
    )


def _state_in(value: Mapping[str, JsonValue], intended: str) -> Literal["intended", "accepted"]:
    """The state of a call; `intended` is the stored word for a call whose outcome is unknown."""
    state = value.get("state")
    if state not in (intended, "accepted"):
        raise ValueError("not the state that was written")
    return "accepted" if state == "accepted" else "intended"
