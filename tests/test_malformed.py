"""Malformed front matter: each form gets a message with its fix."""

from __future__ import annotations

import pytest
from endless import ending
from hypothesis import given
from hypothesis import strategies as st
from mkdocs.utils.meta import get_data

from mkdocs_leonardo.host.front_matter_text import find_malformed, find_prompt_comment

#: The file's text, and how the message ends.
SPOILT = {
    "no space": ("---\nhero_prompt:a lake\n---\n# T\n", "no `key: value` lines; write a space after the colon"),
    "no space, more keys": (
        "---\nhero_prompt:a lake\ntitle: T\n---\n# T\n",
        "is no YAML at line 2, 'hero_prompt:a lake'; write a space after the colon",
    ),
    "no-break space": (
        "---\ntitle: T\nhero_prompt:\u00a0a lake\n---\n# T\n",
        "replace the no-break space after the colon by a space",
    ),
    "tab": ("---\ntitle: T\n\thero_prompt: a lake\n---\n# T\n", "'hero_prompt: a lake'; replace the tab by spaces"),
    "empty line": ("\n---\nhero_prompt: a lake\n---\n# T\n", "remove the empty lines or spaces before ---"),
    "space": (" ---\nhero_prompt: a lake\n---\n# T\n", "remove the empty lines or spaces before ---"),
    "comment": (
        "<!-- draft -->\n---\nhero_prompt: a lake\n---\n# T\n",
        "does not begin on the first line; move what stands before --- below the front matter",
    ),
    "no end": ("---\nhero_prompt: a lake\n\n# T\n", "has no end; close it with a line of three dashes, ---"),
    "no end before a rule": (
        "---\nhero_prompt: a lake\n# T\n\nText\n\n---\n",
        "has no end; close it with a line of three dashes, ---",
    ),
    "end of the file": ("---\nhero_prompt: a lake\n---", "add an empty line after the closing ---"),
    "four dashes": ("----\nhero_prompt: a lake\n----\n# T\n", "begins with '----'; write three dashes alone, ---"),
    "four dashes at the end": ("---\nhero_prompt: a lake\n----\n# T\n", "has no end"),
    "TOML": ('+++\nhero_prompt = "a lake"\n+++\n# T\n', "is TOML; write it as YAML"),
    "@": ("---\nhero_prompt: @home\n---\n# T\n", "put quotes around a text that begins with @"),
    "*": ("---\nhero_prompt: *bold* sea\n---\n# T\n", "put quotes around a text that begins with *"),
    "%": ("---\nhero_prompt: %x\n---\n# T\n", "put quotes around a text that begins with %"),
    "indentation": ("---\ntitle: T\n  hero_prompt: a lake\n---\n# T\n", "begin each line at the left margin"),
    "colon": ("---\nhero_prompt: dawn: first light\n---\n# T\n", "put quotes around a text that holds a colon"),
    "open quotes": ('---\nhero_prompt: "a lake\n---\n# T\n', "close the quotes"),
    "apostrophe": (
        "---\nhero_prompt: 'the fisher's lake'\n---\n# T\n",
        'the text goes on after its quotes; put " around all of it',
    ),
    "quotes inside": (
        '---\nhero_prompt: "a "calm" lake"\n---\n# T\n',
        "the text goes on after its quotes; put ' around all of it",
    ),
    "curly quotes": ("---\nhero_prompt: “dawn: a lake”\n---\n# T\n", 'write straight quotes, "'),
    "equals sign": ("---\nhero_prompt = a lake\n---\n# T\n", "write a colon and a space after the key"),
    "wide colon": ("---\nhero_prompt\uff1aa lake\n---\n# T\n", "write a colon and a space after the key"),
    "date": ("---\ndate: 2026-02-30\nhero_prompt: a lake\n---\n# T\n", "(day "),
}


@pytest.mark.parametrize("case", SPOILT)
def test_malformed_front_matter_is_reported_with_its_fix(case: str) -> None:
    """The message about malformed front matter has the key, the reason and the fix."""
    text, ending = SPOILT[case]
    shown, meta = get_data(text)

    message = str(find_malformed(shown, "a.md"))

    assert "hero_prompt" not in meta
    assert message.startswith("a.md: hero_prompt is not read, since the front matter ")
    assert ending in message


@pytest.mark.parametrize(
    "text",
    [
        "# Title\n\nText\n",
        "---\n\nText below a rule\n\n---\n\n```yaml\n---\nhero_prompt: a lake\n---\n```\n",
        "```yaml\nhero_prompt:a lake\n```\n",
        "---\ntitle: dawn: first\n---\n# T\n",
        "<!-- hero_prompt: a lake -->\n# T\n",
        "---\nheroes: 3\n\nText\n",
    ],
)
def test_text_that_only_looks_alike_is_left_alone(text: str) -> None:
    """A rule, an example and front matter without hero keys give no message."""
    assert find_malformed(get_data(text)[0], "a.md") is None


@pytest.mark.parametrize("piece", ["<!-- -->", "<!--", "hero_", " ", "hero_a_", "---\n", "\t"])
def test_search_in_any_repetition_takes_no_time(piece: str) -> None:
    """The search in a long repetition takes linear time."""
    with ending():
        for text in (piece * 2_000, f"---\n{piece * 2_000}"):
            find_malformed(text, "a.md")
            find_prompt_comment(text)


@given(st.text(alphabet=st.sampled_from("-+# \n\t:hero_prompt\"'@*\u00a0|[]{}<!>"), max_size=120))
def test_any_text_has_one_line_or_nothing(text: str) -> None:
    """Any text gives one short line or none."""
    problem = find_malformed(text, "a.md")
    assert problem is None or (str(problem).isprintable() and len(str(problem)) < 600)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("hero_prompt: a lake # at dawn", "'# at dawn'"),
        ("hero_prompt: a lake\t#1", "'#1'"),
        ("hero_prompt: 'a lake # at dawn'", ""),
        ('hero_prompt: "a lake" # a note', ""),
        ("hero_prompt: a lake#1", ""),
        ("hero_alt: a lake # at dawn", ""),
    ],
)
def test_prompt_that_yaml_cuts_is_reported(line: str, part: str) -> None:
    """A plain text with ` #`, which YAML cuts there, gives a message; a quoted one does not."""
    message = find_prompt_comment(f"---\ntitle: T\n{line}\n---\n# T\n\nhero_prompt: a # b\n")

    assert bool(message) is bool(part)
    assert part in message
