"""Names in braces in prompts, such as `{title}`, and the values that a page gives them. Pure text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mkdocs_leonardo.author_text import find_nearest

#: The names; `prompt` is the page's own prompt, for the site's template alone.
NAMES = ("title", "description", "category", "tags", "site_name")
TEMPLATE_NAMES = ("prompt", *NAMES)

#: An escaped brace, or braces with text between them. A single brace is a plain character.
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_LONGEST_SHOWN = 40


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each name in braces by its value; `{{` and `}}` are braces.

    Values are not filled in again: braces in a title are characters of the title.
    """
    return _BRACES.sub(lambda found: found[0][0] if found[1] is None else values[found[1]], text)


def fill_problem(text: str, names: tuple[str, ...] = NAMES) -> str:
    """Return the message on a name in braces that cannot be filled in, with the fix; "" if all can."""
    for found in _BRACES.finditer(text):
        name = found[1]
        if name is None or name in names:
            continue
        near = find_nearest(name, names)
        all_names = ", ".join(f"{{{each}}}" for each in names[:-1]) + f" and {{{names[-1]}}}"
        fix = f"did you mean {{{near}}}?" if near else f"{all_names} can, and {{{{ is a brace"
        shown = found[0] if len(found[0]) <= _LONGEST_SHOWN else f"{found[0][:_LONGEST_SHOWN]}…"
        return f"{shown} cannot be filled in; {fix}"
    return ""


def page_values(meta: Mapping[str, object], *, title: str, site_name: str) -> dict[str, str]:
    """Return the value of each name for one page; "" if the page has none."""
    categories = _list_words(meta.get("categories")) or _list_words(meta.get("category"))
    return {
        "title": title,
        "description": ", ".join(_list_words(meta.get("description"))),
        "category": categories[0] if categories else "",
        "tags": ", ".join(_list_words(meta.get("tags"))),
        "site_name": site_name,
    }


def _list_words(value: object) -> list[str]:
    """List the words of YAML's text, number or list of those. Other values are left out."""
    listed = value if isinstance(value, list | tuple) else [value]
    words = [str(each).strip() for each in listed if isinstance(each, str | int | float) and not isinstance(each, bool)]
    return [word for word in words if word]
