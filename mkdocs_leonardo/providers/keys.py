"""API keys: the names of their variables, keys that were copied wrongly, and the words that are never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mkdocs_leonardo.errors import NotSetUp

_SHORTEST_SECRET = 8
_QUOTES = "\"'`"
_ASSIGNED = re.compile(r"(?:(?:export|set|setx)\s+|\$env:)?\w*(?:KEY|TOKEN|SECRET)\w*\s*[=:]\s*\S", re.IGNORECASE)


def named_key_variable(name: str) -> str:
    """The environment variable that is named after the provider."""
    return f"{name.upper().replace('-', '_')}_API_KEY"


def wrong_key(value: str, variable: str) -> str:
    """The clause on a wrongly copied API key, with the fix; empty if the key may be right.

    The clause repeats no part of the key.
    """
    wrong = ""
    if value and (value[0] in _QUOTES or value[-1] in _QUOTES):
        wrong = "is in quotes"
    elif value.lower().startswith(("bearer ", "authorization:", "x-goog-api-key:")):
        wrong = "begins with Bearer or the name of a header"
    elif _ASSIGNED.match(value):
        wrong = "begins with the name of a variable (NAME=)"
    elif value.startswith(("$", "%", "<", "{")):
        wrong = "is the name of a key and not its value"
    elif not value.isascii() or not value.isprintable() or " " in value:
        wrong = "holds a space, a line break or a letter that no key has"
    return wrong and f"the key in {variable} {wrong}; put nothing but the key itself into {variable}"


def secret_words(headers: Mapping[str, str], provider: str, variable: str) -> tuple[str, ...]:
    """The words of secret headers that must never be shown, longest first.

    NotSetUp for a wrongly copied key, which h11 would quote in its error.
    """
    for name, value in headers.items():
        key = value.removeprefix("Bearer ") if name.lower() == "authorization" else value
        wrong = wrong_key(key, variable)
        if wrong:
            raise NotSetUp(wrong, provider=provider)
    words = {word for value in headers.values() for word in (value, value.rpartition(" ")[2])}
    return tuple(sorted((word for word in words if len(word) >= _SHORTEST_SECRET), key=len, reverse=True))
