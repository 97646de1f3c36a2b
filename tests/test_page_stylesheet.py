"""The stylesheet is small, the same for the same pictures, and means what its source says."""

from __future__ import annotations

import gzip
import re
from importlib import resources

import pytest

from mkdocs_leonardo.imaging import contrast
from mkdocs_leonardo.page.markup import SCRIM_LIMIT, SCRIM_STEP
from mkdocs_leonardo.page.stylesheet import _minified, build_foreign_stylesheet, build_stylesheet
from mkdocs_leonardo.spec import CENTER, FocalPoint


def test_stylesheet_is_a_few_kibibytes() -> None:
    """All of it, with the rules for the scrim, costs a reader less than 4 KiB, and 16 before compression."""
    _, content = build_stylesheet([])
    assert len(content) < 16 * 1024
    assert len(gzip.compress(content)) < 4 * 1024


def test_stylesheet_name_changes_with_its_content_only() -> None:
    """The name may be cached for ever; the order of pages does not matter."""
    left, low = FocalPoint(0.1, 0.5), FocalPoint(0.5, 0.9)
    assert build_stylesheet([left, low, left]) == build_stylesheet([low, left, CENTER])
    assert build_stylesheet([left])[0] != build_stylesheet([low])[0]
    assert re.fullmatch(r"hero\.[0-9a-f]{8}\.css", build_stylesheet([])[0])


def test_stylesheet_has_rules_for_the_focal_points_in_use_only() -> None:
    """The centre is where browsers crop anyway; every other point has one rule."""
    content = build_stylesheet([FocalPoint(0.3, 0.6), CENTER])[1].decode()
    assert content.count("object-position") == 1
    assert content.endswith('[data-focus="30-60"] img{object-position:30% 60%}')


def test_stylesheet_has_a_rule_for_every_digit_of_the_scrim() -> None:
    """Tens up to 50 and even ones, for narrow and wide heroes and for both directions of script."""
    content = build_stylesheet([])[1].decode()
    assert '[data-scrim-narrow^="3"]{--_narrow:.3}' in content
    assert '[data-scrim-wide$="8"]{--_wide-1:.08}' in content
    assert '[data-scrim-wide-rtl^="5"]{--_wide-rtl:.5}' in content
    assert len(re.findall(r"\[data-scrim-(?:narrow|wide|wide-rtl).=", content)) == 27


def test_stylesheet_blurs_as_the_shade_is_measured() -> None:
    """The measurement and the rules have the same blur and the same steps."""
    content = build_stylesheet([])[1].decode()
    assert f"filter:blur({contrast.BLUR_SHARE * 100:g}cqi)" in content
    assert (SCRIM_STEP, SCRIM_LIMIT) == (contrast.STEP, contrast.MOST)


def test_stylesheet_has_the_tints_that_the_shade_is_measured_with() -> None:
    """Twelve hues and a neutral one, as the attribute of a hero names them."""
    content = build_stylesheet([])[1].decode()
    assert '[data-tint="0"]{--_tint:29 7 15}' in content
    assert re.findall(r'\[data-tint="(\d+)"\]', content) == [str(place) for place in range(13)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a { color : red ; }\n\nb{}", "a{color :red}b{}"),
        ("/* a { } */ a > b , c { margin: calc(1px + 2px) }", "a>b,c{margin:calc(1px + 2px)}"),
        ('a { content: "/* a  ;  } */" ; }', 'a{content:"/* a  ;  } */"}'),
        ("a :hover { b: c }", "a :hover{b:c}"),
        ("a { b: 2 / 1; c: rgb(0 0 0 / .5) }", "a{b:2/1;c:rgb(0 0 0/.5)}"),
        ("@media (min-width: 1px) and (b) { a { c: d; } }", "@media (min-width:1px) and (b){a{c:d}}"),
    ],
)
def test_minified_source_means_the_same(source: str, expected: str) -> None:
    """Comments and idle white space go; strings, sums and descendant selectors keep theirs."""
    assert _minified(source) == expected


def test_every_custom_property_is_documented() -> None:
    """The comment at the top of the source names each property that a site can set, and no other."""
    source = resources.files("mkdocs_leonardo.page").joinpath("hero.css").read_text(encoding="utf-8")
    comment, rules = source.split("*/", 1)
    assert set(re.findall(r"--leonardo-[a-z-]+", comment)) == set(re.findall(r"var\((--leonardo-[a-z-]+)", rules))


def test_stylesheet_for_other_builders_adds_cards_and_sets_nothing_new() -> None:
    """The same rules, and those that make cards of excerpts, in no larger file; `cards: false` hides their pictures."""
    _, content = build_stylesheet([FocalPoint(0.1, 0.5)])
    foreign = build_foreign_stylesheet([FocalPoint(0.1, 0.5)])
    assert foreign.startswith(content[:8192])
    assert len(foreign) < 16 * 1024
    properties = {*re.findall(rb"var\((--leonardo-[a-z-]+)", content)}
    assert properties.issuperset(re.findall(rb"var\((--leonardo-[a-z-]+)", foreign))
    hidden = build_foreign_stylesheet([FocalPoint(0.1, 0.5)], cards=False).removeprefix(foreign)
    assert re.fullmatch(rb"\.md-post--excerpt .*__picture\{display:none\}", hidden)
