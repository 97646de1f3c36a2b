"""Texts of authors: cleaned, filled in, shown in messages, and compared with the right spellings. Pure text."""

from __future__ import annotations

import difflib
import re
import reprlib
import unicodedata
from collections.abc import Mapping
from datetime import date

from mkdocs_leonardo.picture_rules import STYLES
from mkdocs_leonardo.spec import SURROGATE, clean_text

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
#: The names in braces that prompts may hold; `prompt` is the page's own prompt, for the site's template alone.
PROMPT_NAMES = ("title", "description", "category", "tags", "site_name")
TEMPLATE_NAMES = ("prompt", *PROMPT_NAMES)
#: An escaped brace, or braces with text between them. A single brace is a plain character.
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_LONGEST_NAME = 40
#: The refusal of a value that is no text, such as a number.
MUST_BE_TEXT = "it must be text; put quotes around it"
#: The most characters of a value in a message, so that the message fits a line of a terminal.
_SHOWN_CHARACTERS = 60


def make_legible(text: str) -> str:
    """Return the text without control characters and surrogates, which keys and services cannot hold."""
    if SURROGATE.search(text):
        # "\ud83c\udf0a" in YAML arrives as two halves of a wave. A half alone cannot be written as UTF-8.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        text = SURROGATE.sub(" ", text)
    return clean_text(_CONTROL.sub(" ", text))


def has_ink(text: str) -> bool:
    """Return whether the text has a visible character."""
    return any(unicodedata.category(character)[0] not in "CZ" for character in text)


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Replace each name in braces by its value; `{{` and `}}` are braces.

    Values are not filled in again: braces in a title are characters of the title.
    """
    return _BRACES.sub(lambda match: match[0][0] if match[1] is None else values[match[1]], text)


def describe_unknown_name(prompt: str) -> str:
    """Return the message on a name in braces that cannot be filled in, with the fix; "" without such a name."""
    unknown = (match for match in _BRACES.finditer(prompt) if match[1] is not None and match[1] not in PROMPT_NAMES)
    match = next(unknown, None)
    if match is None:
        return ""
    suggestion = find_nearest(match[1], PROMPT_NAMES)
    all_names = ", ".join(f"{{{name}}}" for name in PROMPT_NAMES[:-1]) + f" and {{{PROMPT_NAMES[-1]}}}"
    fix = f"did you mean {{{suggestion}}}?" if suggestion else f"{all_names} can, and {{{{ is a brace"
    excerpt = match[0] if len(match[0]) <= _LONGEST_NAME else f"{match[0][:_LONGEST_NAME]}…"
    return f"{excerpt} cannot be filled in; {fix}"


def find_page_values(meta: Mapping[str, object], *, title: str, site_name: str) -> dict[str, str]:
    """Return the value of each name in braces for one page; "" for a value that the page lacks."""
    categories = _list_words(meta.get("categories")) or _list_words(meta.get("category"))
    return {
        "title": title,
        "description": ", ".join(_list_words(meta.get("description"))),
        "category": categories[0] if categories else "",
        "tags": ", ".join(_list_words(meta.get("tags"))),
        "site_name": site_name,
    }


def _list_words(value: object) -> list[str]:
    """List the words in a value of YAML: a text, a number, or a list of these. Any other value has no words."""
    items = value if isinstance(value, list | tuple) else [value]
    words = [str(item).strip() for item in items if isinstance(item, str | int | float) and not isinstance(item, bool)]
    return [word for word in words if word]


def find_style(text: str, styles: tuple[str, ...] = STYLES) -> str | None:
    """Return the one of `styles` that `text` names, in any case and with any separators, else None."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper().replace("&", "")).strip("_")
    return name if name in styles else None


def find_nearest(word: str, choices: tuple[str, ...]) -> str | None:
    """Return the choice that `word` likely misspells, or None."""
    lower = {choice.lower(): choice for choice in choices}
    matches = difflib.get_close_matches(word[:_SHOWN_CHARACTERS].strip().lower(), lower, n=1, cutoff=0.6)
    return lower[matches[0]] if matches else None


def did_you_mean(word: str, choices: tuple[str, ...]) -> str:
    """Return ``did you mean X?`` for a likely misspelling, else all choices."""
    nearest = find_nearest(word, choices)
    if nearest is not None:
        return f"did you mean {nearest}?"
    return f"it may be {', '.join(choices[:-1])} or {choices[-1]}"


def describe_value(value: object) -> str:
    """Return the value in one short line that its author recognises."""
    if value is None or (isinstance(value, str) and not has_ink(value)):
        return "empty"
    if isinstance(value, bool):
        return "true (as YAML also reads yes and on)" if value else "false (as YAML also reads no and off)"
    text = _SHORT.repr(value)
    return text if len(text) <= 2 * _SHOWN_CHARACTERS else f"{text[: 2 * _SHOWN_CHARACTERS]}…"


def describe_key(key: str) -> str:
    """Return the key in one short line."""
    return key if key.isprintable() and len(key) <= _SHOWN_CHARACTERS else describe_value(key)


class _Short(reprlib.Repr):
    """Representations of YAML's values, cut at every level, so that nested aliases stay short."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = 3
        self.maxstring = self.maxlong = self.maxother = _SHOWN_CHARACTERS

    def repr_int(self, value: int, level: int) -> str:
        """Return the digits; for a number that Python refuses to write (4300 digits), words."""
        return super().repr_int(value, level) if abs(value) < 10**_SHOWN_CHARACTERS else "a very large number"

    def repr_bool(self, value: bool, _level: int) -> str:  # noqa: FBT001 - called by the base class
        """Return the value as YAML writes it."""
        return str(value).lower()

    def repr_NoneType(self, _value: None, _level: int) -> str:  # noqa: N802 - called by this name
        """Return the value as YAML writes it."""
        return "null"

    def repr_date(self, value: date, _level: int) -> str:
        """Return the date as in ISO 8601."""
        return value.isoformat()

    repr_datetime = repr_date


_SHORT = _Short()
