"""Front matter as text. Finds its borders, and explains why the host shows some front matter as text of the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mkdocs_leonardo.author_text import describe_value
from mkdocs_leonardo.errors import InputError

if TYPE_CHECKING:
    import yaml

#: The file that holds the metadata of a whole folder, by the default of Material's `meta` plugin.
FOLDER_METADATA = ".meta.yml"
#: The line that ends front matter.
_CLOSING = r"^(?:---|\.\.\.)[ \t]*$"
#: The front matter of a page's text; the first group has its lines without the borders.
FRONT_MATTER = re.compile(rf"\ufeff?---[ \t]*\r?\n(.*?){_CLOSING}", re.DOTALL | re.MULTILINE)
_EMPTY_LINE = r"\n[ \t]*\n"

#: The first line of dashes, and the spaces and comments that an author may have put before it.
_OPENING = re.compile(
    r"(?P<before>(?:[\s\ufeff]|<!--(?:(?!-->).)*-->)*)(?P<fence>-{3,}|\+{3})(?P<rest>[^\n]*)\n", re.DOTALL
)
# The patterns below are compiled when a page is malformed: few builds have such a page.
#: A line with one of the plugin's keys in any spelling, with a colon (YAML) or an equals sign (TOML).
_OURS = r"(?im)^\s*[\"']?(?P<key>hero(?=[-_]|prompt|image)[\w-]{1,60})[\"']?\s*[:=\uff1a]"
#: A line that cannot belong to front matter. Front matter without a closing line ends before it.
_TEXT = r"(?m)^(?:\s*|#.*|```.*|~~~.*)$"
_NO_SPACE = r"(?m)^\s*[\w-]+:(?=[^ \t\n/])"
#: The other kind of quotes for each of YAML's.
_STRAIGHT = {"'": '"', '"': "'"}
_CURLY = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
#: A quoted text of YAML with its end.
_QUOTED = r"(?s)\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'"
#: A plain prompt, and the comment behind it.
_COMMENT = r"(?m)^hero_prompt:[ \t]+(?![ \t\"'|>])[^\n]*?[ \t](#[^\n]*)"
_NO_END = "has no end; close it with a line of three dashes, ---"
#: Characters that mean something to YAML at the beginning of a value.
_INDICATOR = r"[^:]*:\s+(?P<character>[@`%*&!|>{\[\],?])"


def extract_metadata(text: str) -> str:
    """Return the beginning of `text`, up to the end of its metadata.

    The host also reads metadata without borders, which ends at the first empty line.
    """
    block = FRONT_MATTER.match(text)
    return re.split(_EMPTY_LINE, text, maxsplit=1)[0] if block is None else block[0]


def find_malformed(text: str, page: str) -> InputError | None:
    """Return the reason why `hero_*` lines at the beginning of `text` were not read; None without such lines."""
    opening = _OPENING.match(text)
    if opening is None:
        return None
    inside = text[opening.end() :]
    closing = re.search(_CLOSING, inside, re.MULTILINE)
    end = closing or re.search(_TEXT, inside)
    block = inside[: end.start()] if end is not None else inside
    hero_line = re.search(_OURS, block)
    if hero_line is None:
        return None
    fault = _describe_fault(opening, block, closing)
    return InputError(page, hero_line["key"], f"is not read, since the front matter {fault}")


def find_prompt_comment(text: str) -> str:
    """Return a note on a prompt that YAML cuts at `` #``; "" for any other. `text` is the whole file."""
    block = FRONT_MATTER.match(text)
    cut = re.search(_COMMENT, block[1]) if block is not None else None
    if cut is None:
        return ""
    return (
        f"hero_prompt ends before {describe_value(cut[1].strip())}, which YAML takes for a comment; "
        "put quotes around the prompt if that belongs to it"
    )


def _describe_fault(opening: re.Match[str], block: str, closing: re.Match[str] | None) -> str:
    fence = opening["fence"]
    if fence == "+++":
        return "is TOML; write it as YAML, `hero_prompt: …`, between two lines of three dashes"
    if fence != "---" or opening["rest"].strip():
        return f"begins with {describe_value(fence + opening['rest'])}; write three dashes alone, ---"
    if closing is None:
        return _NO_END
    if closing.end() == len(closing.string):
        return "ends with the file; add an empty line after the closing ---"
    if opening["before"].strip():
        return "does not begin on the first line; move what stands before --- below the front matter"
    return _find_yaml_fault(block) or "does not begin on the first line; remove the empty lines or spaces before ---"


def _find_yaml_fault(block: str) -> str:
    """Return the reason why the block is no YAML mapping, with the fix; "" if it is one."""
    import yaml

    try:
        value = yaml.safe_load(block)
    except yaml.MarkedYAMLError as error:
        text = re.search(_TEXT, block)
        is_text_inside = text is not None and text.start() > 0 and not _find_yaml_fault(block[: text.start()])
        return _NO_END if is_text_inside else _describe_yaml_error(block, error)
    except Exception as error:  # noqa: BLE001 - the host lets everything pass here, and dates that do not exist raise much
        return f"cannot be read; correct it ({' '.join(str(error).split())[:200]})"
    if isinstance(value, dict):
        return ""
    return f"has no `key: value` lines; {_find_space_fix(block)}"


def _describe_yaml_error(block: str, error: yaml.MarkedYAMLError) -> str:
    lines = block.splitlines()
    number = min(error.problem_mark.line, len(lines) - 1) if error.problem_mark is not None else 0
    if number > 0 and re.match(_NO_SPACE, lines[number - 1]):
        number -= 1
    # An address may be signed.
    line = re.sub(r"(https?://)\S*", r"\1…", lines[number].strip())
    return f"is no YAML at line {number + 2}, {describe_value(line)}; {_find_fix(lines, number, block, error)}"


def _find_fix(lines: list[str], number: int, block: str, error: yaml.MarkedYAMLError) -> str:
    """Return the fix for the YAML error in line `number`."""
    line = lines[number]
    if "\t" in line[: len(line) - len(line.lstrip())] or _is_at_tab(block, error):
        return "replace the tab by spaces"
    if _is_in_open_quotes(block, error):
        return "close the quotes"
    if re.match(_NO_SPACE, line):
        return _find_space_fix(line)
    if fix := _find_quotes_fix(line):
        return fix
    if line[:1] == " " or (number > 0 and lines[number - 1][:1] == " "):
        return "begin each line at the left margin"
    return "put quotes around a text that holds a colon"


def _find_quotes_fix(line: str) -> str:
    """Return the fix for the first character of the line's value; "" if it is allowed there."""
    if (indicator := re.match(_INDICATOR, line)) is not None:
        return f"put quotes around a text that begins with {indicator['character']}"
    character = line.partition(":")[2].strip()[:1]
    if character in _STRAIGHT:
        return f"the text goes on after its quotes; put {_STRAIGHT[character]} around all of it"
    if character and character in _CURLY:
        return 'write straight quotes, ", which are the only ones that YAML knows'
    return ""


def _is_at_tab(block: str, error: yaml.MarkedYAMLError) -> bool:
    mark = error.problem_mark
    return mark is not None and block[mark.index : mark.index + 1] == "\t"


def _is_in_open_quotes(block: str, error: yaml.MarkedYAMLError) -> bool:
    """Return whether the YAML error lies in a quoted text without a closing quote."""
    begin, end = error.context_mark, error.problem_mark
    if begin is None or end is None or block[begin.index : begin.index + 1] not in {'"', "'"}:
        return False
    return re.match(_QUOTED, block[begin.index : end.index]) is None


def _find_space_fix(block: str) -> str:
    if "\N{NO-BREAK SPACE}" in block:
        return "replace the no-break space after the colon by a space"
    if re.search(_NO_SPACE, block) is None:
        return "write a colon and a space after the key"
    return "write a space after the colon"
