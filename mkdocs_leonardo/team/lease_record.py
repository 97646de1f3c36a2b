"""The record of a lease: owner, open jobs and paid refusals, as JSON that may be signed with the team's secret."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace

from mkdocs_leonardo.spec import JsonValue, canonical_json
from mkdocs_leonardo.storage.checked_json import mapping, text_in, whole
from mkdocs_leonardo.storage.entries import CLOCKS_APART_S, CreateCall, Entry, entry_from, entry_value
from mkdocs_leonardo.team.signing import is_signature_of, sign

#: The intent of another machine is looked for among jobs of this age (seconds), by whatever clock they were made.
INTENT_AGE_S = 590.0
#: No record is larger.
MAX_BYTES = 2**18

_VERSION = 1
_MOST_REASON = 4096
_JOB_ID = re.compile(r"(?=.*[^.])[A-Za-z0-9._:~+=-]{1,256}")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class LeaseRecord:
    """The content of one numbered object of a lease.

    `is_whole`: jobs and refusals of lower numbers are in it. `refusals` were paid for, by key. Without an `owner` it is
    of no machine of the team.
    """

    owner: str = ""
    heartbeats: int = 0
    is_whole: bool = False
    jobs: dict[str, Entry] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    def add(self, earlier: LeaseRecord) -> None:
        """Add what the record of a lower number has and this one does not."""
        self.is_whole = earlier.is_whole
        self.jobs = earlier.jobs | self.jobs
        self.refusals = earlier.refusals | self.refusals

    def encode(self, name: str, secret: bytes | None) -> bytes:
        """The text of the object `name`, signed if there is a secret."""
        said: dict[str, JsonValue] = {
            "version": _VERSION,
            "owner": self.owner,
            "beat": self.heartbeats,
            "is_whole": self.is_whole,
            "jobs": {key: entry_value(entry) for key, entry in self.jobs.items()},
            "refusals": {key: _line(reason) for key, reason in self.refusals.items()},
        }
        value: dict[str, JsonValue] = {"claim": said}
        if secret is not None:
            value["signature"] = sign({"name": name, "claim": said}, secret)
        return canonical_json(value)

    @classmethod
    def decode(cls, name: str, data: bytes, secret: bytes | None) -> LeaseRecord:
        """The record in the object `name`; ValueError for what `encode` did not write with this secret."""
        try:
            value = mapping(json.loads(data))
        except RecursionError as error:
            raise ValueError("too deep") from error
        said = mapping(value.get("claim"))
        if said.get("version") != _VERSION:
            raise ValueError("no lease of this version")
        if secret is not None and not is_signature_of(value.get("signature"), {"name": name, "claim": said}, secret):
            raise ValueError("not signed with our secret")
        jobs, refusals = mapping(said.get("jobs")), mapping(said.get("refusals"))
        entries = {key: entry_from(key, entry) for key, entry in jobs.items() if _KEY.fullmatch(key)}
        return cls(
            owner=text_in(said, "owner"),
            heartbeats=whole(said.get("beat")),
            is_whole=said.get("is_whole") is True,
            jobs={key: entry for key, entry in entries.items() if entry is not None and _is_plausible(entry)},
            refusals={
                key: _line(reason)
                for key, reason in refusals.items()
                if _KEY.fullmatch(key) and isinstance(reason, str)
            },
        )


def fit_to_clock(entry: Entry, now: float) -> Entry:
    """The entry with times that another machine's wrong clock cannot make too old, or later than now."""
    return replace(entry, calls=tuple(_fit_call_to_clock(call, now) for call in entry.calls))


def _fit_call_to_clock(call: CreateCall, now: float) -> CreateCall:
    sent_at = call.sent_at
    if sent_at > now - CLOCKS_APART_S:
        # Young enough to be waited for, and old enough to be looked for among all jobs that may be meant.
        sent_at = now - INTENT_AGE_S
    accepted_at = now if call.accepted_at > now - CLOCKS_APART_S else call.accepted_at
    return replace(call, sent_at=sent_at, ended_at=0.0, accepted_at=accepted_at)


def _is_plausible(entry: Entry) -> bool:
    """Whether each job id is fit for an address."""
    return all(_JOB_ID.fullmatch(call.job_id) is not None for call in entry.accepted)


def _line(text: str) -> str:
    """The printable part of a text from another machine."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_MOST_REASON])
