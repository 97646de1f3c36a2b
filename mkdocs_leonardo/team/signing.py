"""Signatures of objects in a team's store: HMAC-SHA256 with the team's secret."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from mkdocs_leonardo.spec import JsonValue, canonical_json

_HEX = re.compile(r"[0-9a-f]{64}")


def sign(value: Mapping[str, JsonValue], secret: bytes) -> str:
    """Return the signature of a value; raises ValueError or RecursionError if it cannot be written as JSON."""
    return hmac.new(secret, canonical_json(dict(value)), "sha256").hexdigest()


def has_signature_form(found: JsonValue) -> bool:
    """Whether something looks like a signature."""
    return isinstance(found, str) and _HEX.fullmatch(found) is not None


def is_signature_of(found: JsonValue, value: Mapping[str, JsonValue], secret: bytes) -> bool:
    """Whether `found` is the signature of a value."""
    return isinstance(found, str) and has_signature_form(found) and hmac.compare_digest(found, sign(value, secret))
