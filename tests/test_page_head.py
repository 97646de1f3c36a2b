"""The head of a page: stylesheet, picture for sharing, and origin of the picture."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.page.head import SocialTags, insert_head, locate_image, make_linked_data
from mkdocs_leonardo.spec import MADE_BY_AI, HeroAsset, Rendering, Scrim, Source, Variant

LINK = '<link rel="stylesheet" href="../hero.css">\n'
SOCIAL = SocialTags(
    image_url="https://example.org/a.jpg",
    image_type="image/jpeg",
    width_px=1200,
    height_px=630,
    alt='A "tower"',
    page_url="https://example.org/a/",
    title="Storm & wind",
)


def with_head(head: str, *, social: SocialTags | None = None, origin: str = "") -> str:
    """The lines added to a head; asserts that nothing else of the page changes."""
    page = f"<!doctype html><html><head>{head}</head><body><p>&lt;/head&gt;</p></body></html>"
    changed = insert_head(page, stylesheet_url="../hero.css", social=social, origin=origin)
    start, end = f"<!doctype html><html><head>{head}", "</head><body><p>&lt;/head&gt;</p></body></html>"
    assert changed.startswith(start)
    assert changed.endswith(end)
    return changed[len(start) : -len(end)]


def test_head_without_social_picture_gets_the_stylesheet_alone() -> None:
    """Without the site's address, the head gets the stylesheet alone."""
    assert with_head("<title>x</title>") == LINK


def test_head_of_a_page_that_shows_nothing_gets_no_stylesheet() -> None:
    """With `layout: none`, the head gets properties and no stylesheet."""
    page = "<head></head>"
    assert insert_head(page) == page
    assert "stylesheet" not in insert_head(page, social=SOCIAL)


def test_title_with_references_is_escaped_once() -> None:
    """A title with character references is escaped once."""
    social = SOCIAL._replace(title="R&amp;D <b>")
    assert '"og:title" content="R&amp;D &lt;b&gt;"' in with_head("", social=social)


def test_head_with_social_picture_equals_the_golden() -> None:
    """A head without Open Graph gets its required properties, and the picture with size, type and text."""
    assert with_head("<title>x</title>", social=SOCIAL) == LINK + (
        '<meta property="og:type" content="article">\n'
        '<meta property="og:title" content="Storm &amp; wind">\n'
        '<meta property="og:url" content="https://example.org/a/">\n'
        '<meta property="og:image" content="https://example.org/a.jpg">\n'
        '<meta property="og:image:type" content="image/jpeg">\n'
        '<meta property="og:image:width" content="1200">\n'
        '<meta property="og:image:height" content="630">\n'
        '<meta property="og:image:alt" content="A &quot;tower&quot;">\n'
        '<meta name="twitter:card" content="summary_large_image">\n'
        '<meta name="twitter:image" content="https://example.org/a.jpg">\n'
        '<meta name="twitter:image:alt" content="A &quot;tower&quot;">\n'
    )


@pytest.mark.parametrize(
    "own",
    [
        '<meta property="og:image" content="b.png">',
        "<META content='b.png' PROPERTY='og:image'/>",
        "<meta property=og:image content=b.png>",
        '<meta  name="twitter:image"\n content="a > b">',
    ],
)
def test_head_with_a_social_picture_of_its_own_keeps_it(own: str) -> None:
    """A head with a picture for sharing gets no second one."""
    assert with_head(own, social=SOCIAL) == LINK


@pytest.mark.parametrize(
    "inert",
    [
        '<!-- <meta property="og:image" content="b.png"> -->',
        "<script>var a = '<meta property=\"og:image\">'</script>",
        '<noscript><meta property="og:image"></noscript>',
        '<meta property="og:image:width" content="1">',
        '<meta name="description" content="og:image">',
    ],
)
def test_head_that_only_mentions_a_social_picture_gets_one(inert: str) -> None:
    """Comments, scripts and other properties do not count as a picture for sharing."""
    assert '"og:image" content="https://example.org/a.jpg"' in with_head(inert, social=SOCIAL)


def test_head_with_a_title_of_its_own_keeps_it() -> None:
    """Each property is added only if the page has none."""
    added = with_head('<meta property="og:title" content="Mine">', social=SOCIAL)
    assert "og:title" not in added
    assert "og:image" in added


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<HEAD><TITLE></head></TITLE></HEAD ><body>", "<HEAD><TITLE></head></TITLE>@</HEAD ><body>"),
        ("<head><!-- </head> --></head>", "<head><!-- </head> -->@</head>"),
        ("<head><script>'</head>'</script></head>", "<head><script>'</head>'</script>@</head>"),
        ("<title>x</title><body class=a><header>", "<title>x</title>@<body class=a><header>"),
        ("<p>no head at all", "<p>no head at all"),
        ("", ""),
    ],
)
def test_end_of_the_head_is_found_however_it_is_written(page: str, expected: str) -> None:
    """The end of the head is found despite capitals, comments, scripts and omitted tags."""
    assert insert_head(page, stylesheet_url="../hero.css") == expected.replace("@", LINK)


class _Scripts(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.script = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's own
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.script += data


@given(st.text())
def test_caption_in_linked_data_never_ends_the_script(caption: str) -> None:
    """Any alternative text leaves the linked data one element that reads back the same."""
    file = Variant("hero", "jpeg", 480, 270, "a.jpg", Path(), "a.jpg", "", 0)
    rendering = Rendering((file,), "", "", Scrim(0, 0, 0, 0, 0, 0), 480, 270)
    asset = HeroAsset("key", "leonardo", "phoenix", Source.CACHED, rendering, creator="Leonardo AI")
    html = with_head("", origin=make_linked_data(asset, "https://example.org/", caption=f"</script><b>{caption}"))
    parsed = _Scripts(html)
    assert parsed.tags == ["link", "script"]
    data = json.loads(parsed.script)
    assert data["caption"] == f"</script><b>{caption}"
    assert data["digitalSourceType"] == MADE_BY_AI
    assert data["creditText"] == "Leonardo AI"


@given(st.text())
def test_texts_in_properties_never_become_markup(text: str) -> None:
    """Title and alternative text stay inside their attributes."""
    social = SocialTags("https://example.org/a.jpg", "image/jpeg", 1200, 630, alt=f'"><b>{text}', title=f'"><b>{text}')
    assert set(_Scripts(with_head("", social=social)).tags) == {"link", "meta"}


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("https://cdn.example/a.png?sign=x", "https://cdn.example/a.png?sign=x"),
        ("/assets/a.png", "/assets/a.png"),
        ("cover.png", "/guide/cover.png"),
        ("../logo.png", "/logo.png"),
        ("logo.png", "/logo.png"),
        ("missing.png", ""),
        ("https://[cdn]/a.png", ""),
    ],
)
def test_image_for_sharing_is_an_address_or_a_file_of_the_site(image: str, url: str) -> None:
    """A page's `image` is an address, or a file beside the page, or one below the site's root."""
    files = {name: f"/{name}" for name in ("guide/cover.png", "logo.png")}

    assert locate_image(image, "guide/page.md", files.get) == url
    readable = "" if "[" in image else image
    assert locate_image(image, "guide/page.md", files.get, default=image) == (url or readable)
