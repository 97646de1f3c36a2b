"""Finds the heading that is the title of a page, in HTML that authors may have written by hand."""

from __future__ import annotations

import re

#: A comment, or a tag whose attribute values may hold ">". As in browsers, a quotation mark means something only after
#: "=", and what is never closed reaches to the end. Possessive, so that the time is proportional to the text.
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-z][^\s/>]*+)"
    r"(?:[^=>]++|=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))?+)*+(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_HEADING_START = re.compile(r"<h1[\s/>]", re.IGNORECASE)
_HEADING_END = re.compile(r"</h1\s*>", re.IGNORECASE)

#: Elements whose content is no markup of the page.
_OPAQUE = frozenset({"iframe", "noembed", "noscript", "script", "style", "template", "textarea", "title", "xmp"})

#: A heading in one of these is the page's title only if no text precedes it (`<div align="center"><h1>`).
_WRAPPERS = frozenset({"article", "center", "div", "header", "hgroup", "main", "section"})

#: A heading in one of these is an example, a quotation or part of something else.
_ENCLOSURES = frozenset(
    {
        "aside",
        "blockquote",
        "button",
        "code",
        "details",
        "dialog",
        "dl",
        "fieldset",
        "figure",
        "form",
        "math",
        "nav",
        "object",
        "ol",
        "pre",
        "svg",
        "table",
        "ul",
    }
)


def find_title_heading(content: str) -> tuple[int, int] | None:
    """Return the start and end of the page's own `<h1>…</h1>` in `content`; None if there is none.

    Headings in comments, code, quotations, lists and tables do not count, nor do headings in a box after other text.
    """
    if _HEADING_START.search(content) is None:
        return None
    position = 0
    text_was_seen = False
    still_open: list[str] = []
    while (token := _TOKEN.search(content, position)) is not None:
        text_was_seen = text_was_seen or not _is_blank(content, position, token.start())
        position = token.end()
        name = (token["name"] or "").lower()
        if token["close"]:
            if name in still_open:
                del still_open[len(still_open) - 1 - still_open[::-1].index(name) :]
        elif name == "h1":
            end = _HEADING_END.search(content, position)
            if end is None:
                return None
            if not still_open or (not text_was_seen and _WRAPPERS.issuperset(still_open)):
                return token.start(), end.end()
            position = end.end()
        elif name in _OPAQUE:
            position = _find_end(name, content, position)
        elif name in _ENCLOSURES or name in _WRAPPERS:
            still_open.append(name)
    return None


def _is_blank(content: str, start: int, end: int) -> bool:
    return start == end or content[start:end].isspace()


def _find_end(name: str, content: str, position: int) -> int:
    """Return the start of the element's closing tag, or the end of the text, as browsers read it."""
    closing = re.compile(rf"</{name}[\s/>]", re.IGNORECASE).search(content, position)
    return len(content) if closing is None else closing.start()
