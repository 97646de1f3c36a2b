"""The records in a team's store, of pictures and of leases, as JSON that may be signed with the team's secret."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from mkdocs_leonardo.errors import BrokenEntry
from mkdocs_leonardo.spec import JsonValue, PictureRecord, canonical_json, replace_unprintable
from mkdocs_leonardo.storage.checked_json import check_integer, check_mapping, check_text
from mkdocs_leonardo.storage.entries import CLOCKS_APART_S, FRESH_S, CreateCall, Entry, encode_entry, parse_entry
from mkdocs_leonardo.storage.pictures import encode_record

#: The assumed age of another machine's recent create call, whose clock may be wrong (seconds). The search for a call of
#: this age waits, and includes every job that the call may have made.
INTENT_AGE_S = FRESH_S - 10.0
#: The most bytes of a lease's record.
MAX_BYTES = 2**18

_VERSION = 1
_MOST_REASON = 4096
#: Job ids that may be put into a URL.
_JOB_ID = re.compile(r"(?=.*[^.])[A-Za-z0-9._:~+=-]{1,256}")
#: The form of a key, and of a signature.
_HEX = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = "signature"


class SignedOtherwise(BrokenEntry):
    """The record is signed with another secret."""


@dataclass(slots=True)
class LeaseRecord:
    """The content of one numbered object of a lease.

    `is_whole`: the record includes the jobs and refusals of all lower numbers. `refusals` holds the reasons, by key. A
    record without `owner` is not of this team.
    """

    owner: str = ""
    heartbeats: int = 0
    is_whole: bool = False
    jobs: dict[str, Entry] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    def add(self, earlier_record: LeaseRecord) -> None:
        """Add the jobs and refusals of the record with a lower number."""
        self.is_whole = earlier_record.is_whole
        self.jobs = earlier_record.jobs | self.jobs
        self.refusals = earlier_record.refusals | self.refusals

    def encode(self, name: str, secret: bytes | None) -> bytes:
        """Return the content of the object `name`, signed if there is a secret."""
        content: dict[str, JsonValue] = {
            "version": _VERSION,
            "owner": self.owner,
            "beat": self.heartbeats,
            "is_whole": self.is_whole,
            "jobs": {key: encode_entry(entry) for key, entry in self.jobs.items()},
            "refusals": {key: replace_unprintable(reason[:_MOST_REASON], " ") for key, reason in self.refusals.items()},
        }
        value: dict[str, JsonValue] = {"claim": content}
        if secret is not None:
            value[_SIGNATURE] = _sign({"name": name, "claim": content}, secret)
        return canonical_json(value)

    @classmethod
    def decode(cls, name: str, data: bytes, secret: bytes | None) -> LeaseRecord:
        """Parse the object `name`; raises ValueError unless `encode` wrote the object with this secret."""
        try:
            value = check_mapping(json.loads(data))
        except RecursionError as error:
            raise ValueError("too deep") from error
        content = check_mapping(value.get("claim"))
        if content.get("version") != _VERSION:
            raise ValueError("no lease of this version")
        if secret is not None and not _is_signed(value.get(_SIGNATURE), {"name": name, "claim": content}, secret):
            raise ValueError("not signed with our secret")
        jobs, refusals = check_mapping(content.get("jobs")), check_mapping(content.get("refusals"))
        entries = {key: parse_entry(key, entry) for key, entry in jobs.items() if _HEX.fullmatch(key)}
        return cls(
            owner=check_text(content, "owner"),
            heartbeats=check_integer(content.get("beat")),
            is_whole=content.get("is_whole") is True,
            jobs={
                key: entry
                for key, entry in entries.items()
                if entry is not None and all(_JOB_ID.fullmatch(call.job_id) for call in entry.accepted)
            },
            refusals={
                key: replace_unprintable(reason[:_MOST_REASON], " ")
                for key, reason in refusals.items()
                if _HEX.fullmatch(key) and isinstance(reason, str)
            },
        )


def fit_to_clock(entry: Entry, now: float) -> Entry:
    """Return another machine's entry, with its times made plausible for this machine's clock."""
    return replace(entry, calls=tuple(_fit_call_to_clock(call, now) for call in entry.calls))


def _fit_call_to_clock(call: CreateCall, now: float) -> CreateCall:
    sent_at = call.sent_at
    if sent_at > now - CLOCKS_APART_S:
        sent_at = now - INTENT_AGE_S
    accepted_at = now if call.accepted_at > now - CLOCKS_APART_S else call.accepted_at
    return replace(call, sent_at=sent_at, ended_at=0.0, accepted_at=accepted_at)


# Pictures -------------------------------------------------------------------------------------------------------------


def sign_record(record: PictureRecord, secret: bytes | None) -> bytes:
    """Return the text of a record for the store, signed if there is a secret."""
    text = encode_record(record)
    if secret is None:
        return text
    values: dict[str, JsonValue] = json.loads(text)
    values[_SIGNATURE] = _sign(_select_signed_values(values), secret)
    return (json.dumps(values, indent=2) + "\n").encode()


def check_signature(location: str, text: bytes, secret: bytes | None) -> None:
    """Check the signature of a picture's record, parsed already; BrokenEntry unless this secret signed it."""
    if secret is None:
        return
    values: dict[str, JsonValue] = json.loads(text)
    if not _is_signature(values.get(_SIGNATURE)):
        raise BrokenEntry(f"{location}: is not signed")
    try:
        is_signed_here = _is_signed(values[_SIGNATURE], _select_signed_values(values), secret)
    except (ValueError, RecursionError) as error:
        raise BrokenEntry(f"{location}: has a signature that cannot be checked") from error
    if not is_signed_here:
        raise SignedOtherwise(f"{location}: is signed with another secret, or was changed")


def _select_signed_values(values: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Return the values that are signed: the record without its signature."""
    signed = {name: value for name, value in values.items() if name != _SIGNATURE}
    return {"key": signed.get("key"), "digest": signed.get("digest"), "record": signed}


# Signatures: HMAC-SHA256 ----------------------------------------------------------------------------------------------


def _sign(value: Mapping[str, JsonValue], secret: bytes) -> str:
    """Return the signature of a value; raises ValueError or RecursionError for a value that is no JSON."""
    return hmac.new(secret, canonical_json(dict(value)), "sha256").hexdigest()


def _is_signature(value: JsonValue) -> TypeGuard[str]:
    """Return whether the value has the form of a signature."""
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def _is_signed(signature: JsonValue, signed_value: Mapping[str, JsonValue], secret: bytes) -> bool:
    """Return whether `signature` is that of a value."""
    return _is_signature(signature) and hmac.compare_digest(signature, _sign(signed_value, secret))
