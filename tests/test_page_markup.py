"""The HTML of heroes and cards: exact, with true sizes, and safe for any text."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.page.markup import (
    TargetPage,
    choose_layout,
    format_focus,
    insert_card,
    place_full,
    render_card,
    render_hero,
)
from mkdocs_leonardo.page.themes import THEMES, compute_sizes, find_full_width_place
from mkdocs_leonardo.providers.declaration import creator_of
from mkdocs_leonardo.spec import (
    FocalPoint,
    Format,
    HeroAsset,
    HeroSpec,
    Layout,
    MarkupOptions,
    PictureSpec,
    Rendering,
    Scrim,
    Source,
    Variant,
)

PAGE = TargetPage("p.md", "p/", "P")
HEADING = '<h1 id="storm">A storm<a class="headerlink" href="#storm" title="Permanent link">&para;</a></h1>'


def variant(picture_format: Format, width_px: int) -> Variant:
    """One file of the ladder."""
    name = f"0123456789abcdef-{width_px}.{picture_format}"
    return Variant("hero", picture_format, width_px, width_px * 9 // 16, name, Path(), name, "0" * 64, 1)


def asset(*formats: Format, provider: str = "leonardo", creator: str = "Leonardo AI") -> HeroAsset:
    """A picture in these formats, with its picture for sharing."""
    social = Variant("social", "jpeg", 1200, 630, "social.jpg", Path(), "social.jpg", "0" * 64, 1)
    ladder = tuple(variant(each, width_px) for each in formats for width_px in (1536, 480, 768))
    return HeroAsset(
        key="0123456789abcdef" + "f" * 48,
        provider=provider,
        model="phoenix",
        source=Source.CACHED,
        rendering=Rendering(
            (*ladder, social), "data:image/webp;base64,AAAA", "#203040", Scrim(31, 20, 21, 31, 20, 21), 1536, 864
        ),
        creator=creator,
    )


def spec(**changes: object) -> HeroSpec:
    """A page's hero keys."""
    return replace(HeroSpec(page="storm.md", picture=PictureSpec("a storm")), **changes)  # type: ignore[arg-type]  # fields of HeroSpec


def url(name: str) -> str:
    """An address that works one folder down."""
    return f"../assets/leonardo/{name}"


class Outline(HTMLParser):
    """The tags of a text with their attributes, and the text between them, as a browser would understand it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag and its attributes."""
        self.tags.append(tag)
        values = dict(attrs)
        self.attributes[values.get("class") or tag] = values

    def handle_endtag(self, tag: str) -> None:
        """Remember the tag."""
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        """Remember the text."""
        self.text.append(data)


@pytest.mark.parametrize("layout", ["stacked", "split"])
def test_header_with_text_apart_is_text_and_figure(layout: Layout) -> None:
    """A header with the text apart is the text, then a figure of picture, blur-up image and credit, without a shade."""
    html = render_hero(
        asset("jpeg"), spec(tagline="Dawn", layout=layout), HEADING, PAGE, url=url, markup=MarkupOptions(credit=True)
    )
    outline = Outline(html)
    names = [name for name in outline.attributes if name.startswith("leonardo")]
    assert names == [
        f"leonardo-hero leonardo-hero--{layout}",
        "leonardo-hero__text",
        "leonardo-hero__tagline",
        "leonardo-hero__figure",
        "leonardo-hero__picture",
        "leonardo-hero__image",
        "leonardo-hero__placeholder",
        "leonardo-hero__credit",
    ]
    assert outline.tags[-3:] == ["/figcaption", "/figure", "/header"]
    assert "data-scrim" not in html


@pytest.mark.parametrize(
    ("title", "tagline", "scrim", "layout"),
    [
        ("A storm", "", Scrim(45, 45, 60, 60, 60, 60), "content"),
        ("A storm", "", Scrim(50, 0, 0, 50, 0, 0), "stacked"),
        ("A storm", "", Scrim(0, 50, 0, 0, 50, 0), "stacked"),
        ("A storm", "when the wind turns north, " * 6, Scrim(0, 0, 0, 50, 0, 0), "stacked"),
        ("m" * 100, "", Scrim(0, 0, 0, 0, 0, 0), "content"),
        ("m" * 101, "", Scrim(0, 0, 0, 0, 0, 0), "stacked"),
    ],
)
def test_final_layout_of_auto_covers_no_picture_with_much(
    title: str, tagline: str, scrim: Scrim, layout: Layout
) -> None:
    """`auto` puts titles of more than 100 letters, and those that need half a shade, above the picture."""
    made = asset("jpeg")
    shown = replace(made, rendering=replace(made.rendering, scrim=scrim))
    heading = f"<h1>{title}</h1>"
    assert choose_layout(spec(layout="auto", tagline=tagline), shown, heading) == layout
    assert choose_layout(spec(layout="split", tagline=tagline), shown, heading) == "split"


def test_header_without_jpeg_falls_back_to_webp() -> None:
    """Without JPEG, the plain image is the WebP."""
    html = render_hero(asset("avif", "webp"), spec(), HEADING, PAGE, url=url)
    assert "-768.webp" in (Outline(html).attributes["leonardo-hero__image"]["src"] or "")
    assert html.count("<source") == 1


def test_credit_in_the_sites_own_words_is_the_line() -> None:
    """A credit text has the AI's name filled in, is escaped, and has no other meaning of braces."""
    html = render_hero(
        asset("jpeg"), spec(), HEADING, PAGE, url=url, markup=MarkupOptions(credit="<b>{0} Bild von {creator} & KI")
    )
    assert '<p class="leonardo-hero__credit">&lt;b&gt;{0} Bild von Leonardo AI &amp; KI</p>' in html
    assert "Bild" not in render_hero(
        asset("jpeg", creator=""), spec(), HEADING, PAGE, url=url, markup=MarkupOptions(credit="Bild: {creator}")
    )


def test_credit_of_a_picture_no_ai_made_is_absent() -> None:
    """Placeholders and own pictures have no credit line."""
    assert "AI" not in render_hero(
        asset("jpeg", creator=""), spec(), HEADING, PAGE, url=url, markup=MarkupOptions(credit=True)
    )
    assert [creator_of(name) for name in ("local", "own", "someone")] == ["", "", "someone"]


def test_srcset_with_a_comma_in_the_path_keeps_its_candidates() -> None:
    """Commas and spaces in URLs of `srcset` are encoded."""
    html = render_hero(asset("jpeg"), spec(), HEADING, PAGE, url=lambda name: f"/a, b/{name}")
    srcset = Outline(html).attributes["leonardo-hero__image"]["srcset"] or ""
    assert srcset.startswith("/a%2C%20b/0123456789abcdef-480.jpeg 480w, /a%2C%20b/")


@given(st.text(), st.text(min_size=1))
def test_author_text_in_a_header_never_becomes_markup(alt: str, tagline: str) -> None:
    """Any text leaves the header's tags the same, and alternative text and tagline as written."""
    outline = Outline(render_hero(asset("jpeg"), spec(alt=alt, tagline=tagline), "<h1>T</h1>", PAGE, url=url))
    plain = Outline(render_hero(asset("jpeg"), spec(alt="a", tagline="b"), "<h1>T</h1>", PAGE, url=url))
    assert outline.tags == plain.tags
    assert outline.attributes["leonardo-hero__image"]["alt"] == alt
    assert tagline in "".join(outline.text)


@given(st.text(), st.text())
def test_author_text_in_a_card_never_becomes_markup(alt: str, href: str) -> None:
    """Any text leaves a card one link and one picture."""
    outline = Outline(render_card(asset("jpeg"), spec(alt=alt), href=href, url=url))
    assert outline.tags == ["a", "picture", "img", "/picture", "/a"]
    assert outline.attributes["leonardo-card__image"]["alt"] == alt
    assert outline.attributes["leonardo-card"]["href"] == href


@pytest.mark.parametrize("text", ['"><script>alert(1)</script>', "' onload='x", "<!--", "</p></header>", "&lt;b&gt;"])
def test_hostile_alternative_text_stays_text(text: str) -> None:
    """Quotes, tags, comments and entities in an alternative text stay text."""
    outline = Outline(render_hero(asset("jpeg"), spec(alt=text, tagline=text), "<h1>T</h1>", PAGE, url=url))
    assert outline.attributes["leonardo-hero__image"]["alt"] == text
    assert text in "".join(outline.text)


def test_card_that_is_eager_is_fetched_first() -> None:
    """The first card of a view is eager, and the later ones are lazy."""
    eager = Outline(render_card(asset("jpeg"), spec(), href="p/", url=url, sizes="50vw", is_eager=True))
    lazy = Outline(render_card(asset("jpeg"), spec(), href="p/", url=url, sizes="50vw"))
    assert eager.attributes["leonardo-card__image"]["fetchpriority"] == "high"
    assert "loading" not in eager.attributes["leonardo-card__image"]
    assert eager.attributes["leonardo-card__image"]["sizes"] == "50vw"
    assert lazy.attributes["leonardo-card__image"]["loading"] == "lazy"
    assert lazy.attributes["leonardo-card__image"]["sizes"] == "auto, 50vw"


def test_card_link_is_neither_focused_nor_read_twice() -> None:
    """The card's link is hidden from keyboard and screen readers, since the linked title follows."""
    link = Outline(render_card(asset("jpeg"), spec(), href="p/", url=url)).attributes["leonardo-card"]
    assert link["tabindex"] == "-1"
    assert link["aria-hidden"] == "true"


def test_insert_card_twice_inserts_it_once() -> None:
    """An excerpt that begins with its card gets no second one."""
    html = render_card(asset("jpeg"), spec(), href="p/", url=url)
    once = insert_card('<h2 id="a">T</h2>', html)
    assert once == f'{html}\n<h2 id="a">T</h2>'
    assert insert_card(once, html) == once


@pytest.mark.parametrize(
    ("focus", "expected"),
    [(FocalPoint(), "50-50"), (FocalPoint(0.333, 1.0), "33-100"), (FocalPoint(-1.0, 2.0), "0-100")],
)
def test_focus_name_is_whole_percent_within_the_picture(focus: FocalPoint, expected: str) -> None:
    """The name of a focal point is two whole numbers from 0 to 100."""
    assert format_focus(focus) == expected


@pytest.mark.parametrize(("letters", "size"), [(40, None), (41, "2"), (66, "2"), (67, "3"), (100, "3"), (101, "4")])
def test_title_has_a_size_by_its_length(letters: int, size: str | None) -> None:
    """Longer titles have smaller sizes, which the stylesheet has."""
    header = render_hero(asset("jpeg"), spec(), f"<h1><em>{'m' * letters}</em></h1>", PAGE, url=url)
    assert Outline(header).attributes["leonardo-hero leonardo-hero--content"].get("data-title") == size


@pytest.mark.parametrize(
    ("measured", "step"), [(0, "00"), (1, "02"), (20, "20"), (31, "32"), (58, "58"), (90, "58"), (-3, "00")]
)
def test_scrim_is_the_next_step_upwards(measured: int, step: str) -> None:
    """The scrim is rounded up to a step of the stylesheet."""
    made = asset("jpeg")
    darker = replace(made, rendering=replace(made.rendering, scrim=Scrim(measured, 0, 0, 0, 0, 0)))
    header = Outline(render_hero(darker, spec(), HEADING, PAGE, url=url)).attributes[
        "leonardo-hero leonardo-hero--content"
    ]
    assert header["data-scrim-narrow"] == step


@pytest.mark.parametrize("blur", [0, 1])
def test_text_stands_on_the_blur_up_image_where_the_shade_is_measured_for_it(blur: int) -> None:
    """The blur-up image is behind the text only if the scrim was measured for it."""
    made = asset("jpeg")
    measured = replace(made, rendering=replace(made.rendering, scrim=replace(made.rendering.scrim, blur=blur)))
    header = render_hero(measured, spec(), HEADING, PAGE, url=url)
    assert (header.count("leonardo-hero__blur"), header.count("leonardo-hero__ground")) == (blur, 1)


@pytest.mark.parametrize(
    ("title", "tagline", "step"),
    [
        ("A lighthouse in a storm", "", "06"),
        ("A lighthouse in a storm", "What a keeper sees when the wind turns north, and how the lamp is kept", "06"),
        ("Everything that the keepers of the northern lighthouses wrote about", "", "54"),
        ("A lighthouse in a storm", f"What a keeper sees {'when the wind turns north, ' * 3}", "54"),
        ("Wie wir &amp; die anderen &lt;em&gt; &amp;amp; &lt;strong&gt; schreiben, und warum", "", "06"),
        ("灯台守が嵐の夜に書き残したすべてのことについて、そしてその後のことについて", "", "54"),
    ],
    ids=["short", "tagline", "long", "long tagline", "markup is not read", "wide letters"],
)
def test_scrim_is_that_of_long_texts_where_text_climbs_higher(title: str, tagline: str, step: str) -> None:
    """A hero with a long title or a long tagline has the scrim of long texts; the credit does not count."""
    made = asset("jpeg")
    darker = replace(made, rendering=replace(made.rendering, scrim=Scrim(6, 6, 6, 54, 54, 54)))
    heading = f'<h1 id="a-very-long-name-that-nobody-reads-and-that-takes-no-room-at-all"><em>{title}</em></h1>'
    header = render_hero(
        darker, replace(spec(), tagline=tagline), heading, PAGE, url=url, markup=MarkupOptions(credit=True)
    )
    shades = Outline(header).attributes["leonardo-hero leonardo-hero--content"]
    assert [shades[f"data-scrim-{where}"] for where in ("narrow", "wide", "wide-rtl")] == [step] * 3


def test_sizes_in_material_follow_the_columns() -> None:
    """`sizes` in Material follows the side columns that a page hides, and a post's column."""
    both = compute_sizes("material", "content")
    columns = (
        "(min-width: 2000px) 826px, (min-width: 1600px) 757px, (min-width: 1220px) 688px,"
        " (min-width: 960px) calc(100vw - 274px), "
    )
    assert both == f"{columns}calc(100vw - 8px)", "from edge to edge on phones"
    assert compute_sizes("material", "content", is_card=True) == (
        "(min-width: 2000px) 321px, (min-width: 1600px) 293px, (min-width: 1220px) 266px,"
        " (min-width: 960px) calc(40vw - 119px), (min-width: 718px) calc(40vw - 22px), calc(100vw - 32px)"
    ), "beside the text where there is room"
    assert "(min-width: 1220px) 938px" in compute_sizes("material", "content", hidden=frozenset({"navigation"}))
    assert "(min-width: 1220px) 1188px, (min-width: 960px) calc(100vw - 32px), calc(100vw - 8px)" in compute_sizes(
        "material", "content", hidden=frozenset({"navigation", "toc"})
    )
    assert compute_sizes("material", "content", hidden=frozenset({"navigation"}), is_post=True) == both


def test_place_full_in_material_moves_the_hero_above_the_columns() -> None:
    """A full hero in Material moves from the article to the start of `<main>`."""
    header = render_hero(asset("jpeg"), spec(layout="full"), HEADING, PAGE, url=url)
    page = '<body><main class="md-main" data-md-component="main">\n<div class="md-main__inner">{}<p>x</p></div></main>'
    assert place_full(page.format(f"{header}\n"), header) == page.replace(
        'main">\n', f'main">\n{header}\n\n', 1
    ).format("")


def test_place_full_in_mkdocs_theme_moves_the_hero_before_the_page_container() -> None:
    """A full hero in the theme mkdocs moves before the page's container, not the navigation bar's."""
    header = render_hero(asset("jpeg"), spec(layout="full"), HEADING, PAGE, url=url)
    start = '<div class="navbar"><div class="container">nav</div></div>'
    rest = '<div class="container">\n<div class="row">'
    assert (
        place_full(f"{start}{rest}{header}\n<p>", header) == f"{start}\n{header.replace('none', 'banner')}\n{rest}<p>"
    )


def test_place_full_in_readthedocs_stays_beside_the_side_column() -> None:
    """A full hero in Read the Docs spans the space beside the side column."""
    header = render_hero(asset("jpeg"), spec(layout="full"), HEADING, PAGE, url=url)
    page = '<section><div class="wy-nav-content"><div class="rst-content">'
    banner = header.replace("none", "banner")
    assert place_full(f"{page}{header}\n<p>", header) == f"<section>\n{banner}\n{page.removeprefix('<section>')}<p>"


@pytest.mark.parametrize("theme", THEMES)
def test_each_theme_is_known_by_its_own_html(theme: str) -> None:
    """The first row of the table that fits a theme's template is the theme's own."""
    package, template = {
        "material": ("material", "templates/base.html"),
        "mkdocs": ("mkdocs", "themes/mkdocs/base.html"),
        "readthedocs": ("mkdocs", "themes/readthedocs/base.html"),
    }[THEMES[theme].rules]
    html = (resources.files(package) / template).read_text(encoding="utf-8")
    assert find_full_width_place(html) == (THEMES[theme].full_place(html), THEMES[theme].is_in_main)
    assert find_full_width_place(html)[0] > 0


def test_place_full_in_an_unknown_theme_becomes_the_content_layout() -> None:
    """A full hero in an unknown theme becomes a hero in the content."""
    header = render_hero(asset("jpeg"), spec(layout="full"), HEADING, PAGE, url=url)
    assert place_full(f"<body>{header}<p>leonardo-hero--full", header) == (
        f"<body>{header.replace('--full', '--content')}<p>leonardo-hero--full"
    )


def test_place_full_without_the_hero_changes_nothing() -> None:
    """A page whose template leaves the hero out stays the same."""
    assert place_full('<main class="md-main">', "<header>") == '<main class="md-main">'
