"""The stylesheet: small, the same for the same pictures, and equivalent to its source."""

from __future__ import annotations

import gzip
import re
from importlib import resources

import pytest

from mkdocs_leonardo.imaging import contrast
from mkdocs_leonardo.page.manifest import Manifest
from mkdocs_leonardo.page.stylesheet import _minify, build_stylesheet, build_zensical_stylesheet
from mkdocs_leonardo.spec import CENTER, FocalPoint, HeroSpec, Layout, MarkupOptions

LAYOUTS: tuple[Layout, ...] = ("content", "full", "stacked", "split")


def spec(layout: Layout = "content", focus: FocalPoint = CENTER) -> HeroSpec:
    """A hero with this layout and focal point."""
    return HeroSpec(page="page.md", layout=layout, focus=focus)


def everything() -> str:
    """The stylesheet of a site with all layouts, covers and credits, in an unknown theme."""
    return build_stylesheet([spec(layout) for layout in LAYOUTS], "another", MarkupOptions(credit=True))[1].decode()


def test_stylesheet_is_a_few_kibibytes() -> None:
    """The whole stylesheet has less than 4 KiB compressed and less than 16 before."""
    content = everything().encode()
    assert len(content) < 16 * 1024
    assert len(gzip.compress(content)) < 4 * 1024


@pytest.mark.parametrize(
    ("layout", "theme", "most_bytes"),
    [("content", "material", 2816), ("content", "", 2432), ("stacked", "material", 1664), ("split", "mkdocs", 1664)],
)
def test_stylesheet_of_one_layout_is_smaller(layout: Layout, theme: str, most_bytes: int) -> None:
    """The stylesheet of a site has only the rules that the site uses."""
    assert len(gzip.compress(build_stylesheet([spec(layout)], theme, MarkupOptions(cards=False))[1])) < most_bytes


@pytest.mark.parametrize(
    ("theme", "used"),
    [
        ("material", {".md-"}),
        ("materialx", {".md-"}),
        ("mkdocs", {"[role=main]"}),
        ("readthedocs", {".wy-"}),
        ("another", {".md-", "[role=main]", ".wy-"}),
        ("", set()),
    ],
)
def test_stylesheet_has_the_rules_of_its_theme(theme: str, used: set[str]) -> None:
    """The stylesheet has the rules of its theme, of all themes if it is unknown, and of none for own templates."""
    content = build_stylesheet([spec(layout) for layout in LAYOUTS], theme, MarkupOptions(cards=False))[1].decode()
    assert {mark for mark in (".md-", "[role=main]", ".wy-") if mark in content} == used


def test_every_file_of_rules_is_in_a_stylesheet() -> None:
    """A new theme's file needs a row of the table of themes, and nothing else."""
    written = everything() + build_zensical_stylesheet(Manifest()).decode()
    for file in (resources.files("mkdocs_leonardo.page") / "css").iterdir():
        assert _minify(file.read_text(encoding="utf-8")) in written, file.name


def test_zensicals_stylesheet_has_the_rules_of_its_theme_alone() -> None:
    """Zensical's themes build on Material; the rules of MkDocs's themes would be dead weight."""
    content = build_zensical_stylesheet(Manifest()).decode()
    assert {mark for mark in (".md-", "[role=main]", ".wy-") if mark in content} == {".md-"}


def test_stylesheet_name_changes_with_its_content_only() -> None:
    """The stylesheet's name changes with its content, and not with the order of pages."""
    left, low = spec(focus=FocalPoint(0.1, 0.5)), spec(focus=FocalPoint(0.5, 0.9))
    assert build_stylesheet([left, low, left], "") == build_stylesheet([low, left, spec()], "")
    names = [
        build_stylesheet([spec()], "")[0],
        build_stylesheet([left], "")[0],
        build_stylesheet([low], "")[0],
        build_stylesheet([spec("split")], "")[0],
        build_stylesheet([spec()], "material")[0],
    ]
    assert len({*names}) == len(names)
    assert all(re.fullmatch(r"hero\.[0-9a-f]{8}\.css", name) for name in names)


def test_stylesheet_has_rules_for_the_focal_points_in_use_only() -> None:
    """The stylesheet has one rule for each used focal point besides the centre."""
    content = build_stylesheet([spec(focus=FocalPoint(0.3, 0.6)), spec()], "")[1].decode()
    assert content.count("object-position") == 1
    assert content.endswith('[data-focus="30-60"] img{object-position:30% 60%}')


def test_stylesheet_has_a_rule_for_every_digit_of_the_scrim() -> None:
    """The stylesheet has a rule for every tens and ones digit of the scrim, for each width and direction."""
    content = everything()
    assert '[data-scrim-narrow^="3"]{--_narrow:.3}' in content
    assert '[data-scrim-wide$="8"]{--_wide-1:.08}' in content
    assert '[data-scrim-wide-rtl^="5"]{--_wide-rtl:.5}' in content
    assert len(re.findall(r"\[data-scrim-(?:narrow|wide|wide-rtl).=", content)) == 27


def test_stylesheet_blurs_as_the_shade_is_measured() -> None:
    """The stylesheet has the blur of the measurement."""
    content = everything()
    assert f"filter:blur({contrast.BLUR_SHARE * 100:g}cqi)" in content


def test_stylesheet_has_the_tints_that_the_shade_is_measured_with() -> None:
    """The stylesheet has the measurement's twelve hues and its neutral tint."""
    content = everything()
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
    """Minifying removes comments and unneeded white space, but not that of strings, sums and selectors."""
    assert _minify(source) == expected


def test_every_custom_property_is_documented() -> None:
    """The first source's comment names each property that a site can set, and no other."""
    folder = resources.files("mkdocs_leonardo.page") / "css"
    comment = (folder / "common.css").read_text(encoding="utf-8").partition("*/")[0]
    assert set(re.findall(r"--leonardo-[a-z-]+", comment)) == set(
        re.findall(r"var\((--leonardo-[a-z-]+)", everything())
    )


def test_stylesheet_for_other_builders_has_all_layouts_and_sets_nothing_new() -> None:
    """The stylesheet for Zensical has all layouts; `cards: false` hides the pictures of excerpts."""
    foreign = build_zensical_stylesheet(Manifest()).decode()
    assert len(foreign) < 16 * 1024
    assert all(f".leonardo-hero--{layout}" in foreign for layout in LAYOUTS)
    assert ".leonardo-card" not in foreign.replace("--leonardo-card", "")
    properties = set(re.findall(r"var\((--leonardo-[a-z-]+)", everything()))
    assert properties.issuperset(re.findall(r"var\((--leonardo-[a-z-]+)", foreign))
    hidden = build_zensical_stylesheet(Manifest(markup=MarkupOptions(cards=False))).decode().removeprefix(foreign)
    assert re.fullmatch(r"\.md-post--excerpt .*__picture\{display:none\}", hidden)
