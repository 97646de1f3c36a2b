"""An editor of a page's front matter that adds lines and keeps every other byte of the file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

#: A file's front matter as MkDocs finds it: a line of three hyphens, lines, a line of three hyphens or dots.
_BLOCK = re.compile(
    rb"""\A (?P<bom>\xef\xbb\xbf)? -{3} [ \t]* (?P<end>\r\n|\n|\r)
         (?P<lines> .*? (?:\r\n|\n|\r))
         (?= (?:-{3}|\.{3}) [ \t]* (?:\r\n|\n|\r))""",
    re.DOTALL | re.VERBOSE,
)
#: Metadata without the hyphens (MultiMarkdown), which MkDocs also reads; quotes there are part of the value.
_BARE = re.compile(rb"\A(?:\xef\xbb\xbf)?[A-Za-z0-9_-]+:\s")
_INDENT = re.compile(rb"(?m)^([ ]*)[^\s#]")
#: The largest number that YAML's short escape holds.
_LARGEST_SHORT = 0xFFFF
_FIRST_END = re.compile(rb"\r\n|\n|\r")


class Uneditable(ValueError):
    """The file cannot be edited safely; the text has the reason and the fix."""


def split_page(data: bytes) -> tuple[dict[str, object], str]:
    """Return a page's metadata and the text behind it, as MkDocs reads them; Uneditable if the YAML is broken."""
    import yaml

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Uneditable("is not in UTF-8; save it as UTF-8 first") from error
    found = _BLOCK.match(data)
    if found is None:
        if _BARE.match(data):
            raise Uneditable("has metadata without lines of three hyphens around it; put them there first")
        return {}, text
    try:
        meta = yaml.safe_load(found["lines"].decode())
    except (yaml.YAMLError, ValueError) as error:
        raise Uneditable("has front matter that is no YAML; fix it first") from error
    if not isinstance(meta, dict | None):
        raise Uneditable("has front matter that holds no keys; fix it first")
    rest = data[found.end() :].decode()
    return {str(key): value for key, value in (meta or {}).items()}, rest.partition("\n")[2]


def add_lines(data: bytes, values: Mapping[str, str]) -> bytes:
    """Return the file with a line for each of `values` at the end of its front matter; Uneditable if that is not safe.

    Values are always quoted, so that YAML in them has no effect. The result is parsed, and must hold the earlier
    metadata and `values`.
    """
    before, _ = split_page(data)
    present = [key for key in values if key in before]
    if present:
        raise Uneditable(f"has {present[0]} already; it is left as it is")
    found = _BLOCK.match(data)
    if found is None:
        bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
        end_found = _FIRST_END.search(data)
        end = end_found[0] if end_found is not None else b"\n"
        edited = bom + b"---" + end + _format_lines(values, b"", end) + b"---" + end + end + data[len(bom) :]
    else:
        indent = _INDENT.search(found["lines"])
        added = _format_lines(values, indent[1] if indent is not None else b"", found["end"])
        place = found.end()
        edited = data[:place] + added + data[place:]
    try:
        after, _ = split_page(edited)
    except Uneditable:
        after = {}
    if after != {**before, **values}:
        raise Uneditable("has front matter to which lines cannot be added safely; add them by hand")
    return edited


def _format_lines(values: Mapping[str, str], indent: bytes, end: bytes) -> bytes:
    # A text of JSON is a quoted text of YAML.
    return b"".join(indent + f"{key}: {_quote(value)}".encode() + end for key, value in values.items())


def _quote(value: str) -> str:
    """Return the text in double quotes. Unprintable characters are escaped, since some break lines in YAML."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(character if character.isprintable() else _escape(ord(character)) for character in text)


def _escape(number: int) -> str:
    return f"\\u{number:04x}" if number <= _LARGEST_SHORT else f"\\U{number:08x}"
