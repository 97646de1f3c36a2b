"""The page's own heading moves into the hero, and nothing else changes."""

from __future__ import annotations

import pytest
from endless import ending
from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.page.markup import insert_hero


def header(heading: str) -> str:
    """A header that shows the heading."""
    return f"[{heading}]"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<h1>T</h1>\n<p>x</p>", "[<h1>T</h1>]\n\n<p>x</p>"),
        ('<p>a</p>\n<h1 id="t">T</h1>\n<p>b</p>', '[<h1 id="t">T</h1>]\n<p>a</p>\n\n<p>b</p>'),
        ('<h1 title="a > b">T</h1>x', '[<h1 title="a > b">T</h1>]\nx'),
        ("<h1 title='\"' class=c\n>T</h1 >x", "[<h1 title='\"' class=c\n>T</h1 >]\nx"),
        ("<H1>T</H1>x", "[<H1>T</H1>]\nx"),
        ("<h1>A <em>b</em> <code>&lt;h1&gt;</code></h1>x", "[<h1>A <em>b</em> <code>&lt;h1&gt;</code></h1>]\nx"),
        ("<h1>A</h1><h1>B</h1>", "[<h1>A</h1>]\n<h1>B</h1>"),
        ("<!-- <h1>no</h1> --><h1>T</h1>x", "[<h1>T</h1>]\n<!-- <h1>no</h1> -->x"),
        ("<pre><h1>no</h1></pre><h1>T</h1>", "[<h1>T</h1>]\n<pre><h1>no</h1></pre>"),
        ("<pre><span></span><code><h1>no</h1></code></pre><h1>T</h1>", None),
        ("<template><h1>no</h1></template><h1>T</h1>", None),
        ("<script>'<h1>no</h1>'</script><h1>T</h1>", None),
        ("<blockquote><blockquote></blockquote><h1>no</h1></blockquote><h1>T</h1>", None),
        ("<ul><li><h1>no</h1></ul><h1>T</h1>", None),
        ('<p title="<h1>no</h1>">a</p><h1>T</h1>', None),
        ('<p>a</p><div class="result"><h1>no</h1></div><h1>T</h1>', None),
        ("<p>1 < 2 <br/> it's</p><h1>T</h1>", None),
        ("<h10>no</h10><h1>T</h1>", None),
        (
            '<div align="center">\n<img src="a.png">\n<h1>T</h1>\n</div>\n<p>x</p>',
            '[<h1>T</h1>]\n<div align="center">\n<img src="a.png">\n\n</div>\n<p>x</p>',
        ),
    ],
)
def test_heading_of_the_page_moves_into_the_hero(content: str, expected: str | None) -> None:
    """The first heading of the page moves; headings in examples, comments and quotations stay."""
    if expected is None:
        expected = "[<h1>T</h1>]\n" + content.replace("<h1>T</h1>", "")
    assert insert_hero(content, header, "unused") == expected


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<p>x</p>",
        "<!-- <h1>no</h1>",
        "<pre><h1>no</h1></pre>",
        "<script><h1>no</h1>",
        "<h1>never closed",
        "<p>a</p><div><h1>an example</h1></div>",
        "&lt;h1&gt;no&lt;/h1&gt;",
    ],
)
def test_content_without_a_heading_gets_one_from_the_title(content: str) -> None:
    """Content without a heading stays the same, and the hero's heading is the escaped title."""
    assert insert_hero(content, header, 'R&D <b>"x"') == f'[<h1>R&amp;D &lt;b&gt;"x"</h1>]\n{content}'
    assert insert_hero(content, header, "R&amp;D") == f"[<h1>R&amp;D</h1>]\n{content}"


@given(st.text(alphabet="<>/h1!-='\" apredivc\n"), st.text(alphabet="<>/h1!-='\" apredivc\n"))
def test_every_byte_of_the_content_survives(before: str, after: str) -> None:
    """Hero and rest together contain every byte of the content, in order."""
    content = f"{before}<h1>T</h1>{after}"
    taken: list[str] = []

    def remember(heading: str) -> str:
        taken.append(heading)
        return ""

    rest = insert_hero(content, remember, "made from the title").removeprefix("\n")
    heading = "" if "made from the title" in taken[0] else taken[0]
    assert content in {rest[:at] + heading + rest[at:] for at in range(len(rest) + 1)}


@pytest.mark.parametrize(
    "piece", ["<a '", '<a b="', "<a b='", "<a b", "<", "<!--", "<div>", "<pre><h1>", "<h1 '", "<script>"]
)
def test_search_in_broken_markup_takes_no_time(piece: str) -> None:
    """A search in a megabyte of broken markup takes linear time."""
    content = piece * (1_000_000 // len(piece)) + "<h1 "
    with ending():
        insert_hero(content, header, "T")
