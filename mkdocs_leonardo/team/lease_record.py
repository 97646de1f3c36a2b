"""The record of a lease: owner, open jobs and refused prompts, as JSON that may be signed with the team's secret."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace

from mkdocs_leonardo.spec import JsonValue, canonical_json
from mkdocs_leonardo.storage.checked_json import mapping, text_in, whole
from mkdocs_leonardo.storage.entries import CLOCKS_APART_S, CreateCall, Entry, encode_entry, parse_entry
from mkdocs_leonardo.team.signing import is_signature_of, sign

#: The age that another machine's recent create call is given, whatever its clock says (seconds).
INTENT_AGE_S = 590.0
#: The most bytes of a record.
MAX_BYTES = 2**18

_VERSION = 1
_MOST_REASON = 4096
#: The ids of jobs that are fit for an address.
_JOB_ID = re.compile(r"(?=.*[^.])[A-Za-z0-9._:~+=-]{1,256}")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class LeaseRecord:
    """The content of one numbered object of a lease.

    `is_whole`: it includes the jobs and refusals of all lower numbers. `refusals` are the reasons, by key. A record
    without `owner` is not of this team.
    """

    owner: str = ""
    heartbeats: int = 0
    is_whole: bool = False
    jobs: dict[str, Entry] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    def add(self, earlier: LeaseRecord) -> None:
        """Add the jobs and refusals of the record with a lower number."""
        self.is_whole = earlier.is_whole
        self.jobs = earlier.jobs | self.jobs
        self.refusals = earlier.refusals | self.refusals

    def encode(self, name: str, secret: bytes | None) -> bytes:
        """Return the content of the object `name`, signed if there is a secret."""
        said: dict[str, JsonValue] = {
            "version": _VERSION,
            "owner": self.owner,
            "beat": self.heartbeats,
            "is_whole": self.is_whole,
            "jobs": {key: encode_entry(entry) for key, entry in self.jobs.items()},
            "refusals": {key: _keep_printable(reason) for key, reason in self.refusals.items()},
        }
        value: dict[str, JsonValue] = {"claim": said}
        if secret is not None:
            value["signature"] = sign({"name": name, "claim": said}, secret)
        return canonical_json(value)

    @classmethod
    def decode(cls, name: str, data: bytes, secret: bytes | None) -> LeaseRecord:
        """Parse the object `name`; raises ValueError if `encode` did not write it with this secret."""
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
        entries = {key: parse_entry(key, entry) for key, entry in jobs.items() if _KEY.fullmatch(key)}
        return cls(
            owner=text_in(said, "owner"),
            heartbeats=whole(said.get("beat")),
            is_whole=said.get("is_whole") is True,
            jobs={
                key: entry
                for key, entry in entries.items()
                if entry is not None and all(_JOB_ID.fullmatch(call.job_id) for call in entry.accepted)
            },
            refusals={
                key: _keep_printable(reason)
                for key, reason in refusals.items()
                if _KEY.fullmatch(key) and isinstance(reason, str)
            },
        )


def fit_to_clock(entry: Entry, now: float) -> Entry:
    """Return another machine's entry, with its times made plausible for this machine's clock."""
    return replace(entry, calls=tuple(_fit_call_to_clock(call, now) for call in entry.calls))


def _fit_call_to_clock(call: CreateCall, now: float) -> CreateCall:
    sent_at = call.sent_at
    if sent_at > now - CLOCKS_APART_S:
        # Young enough for a search that waits, and old enough to include every job that may be the call's.
        sent_at = now - INTENT_AGE_S
    accepted_at = now if call.accepted_at > now - CLOCKS_APART_S else call.accepted_at
    return replace(call, sent_at=sent_at, ended_at=0.0, accepted_at=accepted_at)


def _keep_printable(text: str) -> str:
    """Return the printable part of a text from another machine."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_MOST_REASON])
