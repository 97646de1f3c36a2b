"""The themes whose layout is known: the width of the article, and the width and place of the layout `full`.

A theme is one row of `THEMES` and one file in ``css`` with its rules. A page has the first theme whose place is in its
HTML, so a theme stands before those whose HTML it contains.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from mkdocs_leonardo.spec import Layout


class Width(NamedTuple):
    """The article's width in windows of at least `window_px`: `share_vw` hundredths of the window plus `width_px`."""

    window_px: int
    share_vw: int
    width_px: int

    def __str__(self) -> str:
        if not self.share_vw:
            width = f"{self.width_px}px"
        elif not self.width_px:
            width = f"{self.share_vw}vw"
        else:
            width = f"calc({self.share_vw}vw - {-self.width_px}px)"
        return f"(min-width: {self.window_px}px) {width}" if self.window_px else width


#: Bootstrap 5.3 containers (1320, 1140, 960, 720, 540 px), three quarters of them, without 24 px of gutter.
_MKDOCS_ARTICLE = (Width(1400, 0, 966), Width(1200, 0, 831), Width(992, 0, 696), Width(576, 0, 516), Width(0, 100, -24))
#: MkDocs 1.6: a column of 300 px, text of at most 800 px with a padding of 3.236em (1.618em below 769 px).
_READTHEDOCS_ARTICLE = (Width(1100, 0, 696), Width(769, 100, -404), Width(0, 100, -52))
_UNKNOWN_ARTICLE = (Width(960, 0, 960), Width(0, 100, 0))
#: 8 px less than the window, so that a 390 px phone (2x = 780) takes the 768 px file.
_FROM_EDGE_TO_EDGE = Width(0, 100, -8)


class BesideText(NamedTuple):
    """A picture beside the text, in articles of at least `article_px`: two fifths of the article without the gap."""

    article_px: int
    gap_px: int = 0


#: 5/12 of 96 % is 40 %; the gap is the other 4 %.
_SPLIT = BesideText(article_px=720)
_CARD = BesideText(article_px=686, gap_px=24)


class Columns(NamedTuple):
    """The side columns of a page."""

    left: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Theme:
    """The layout of one theme.

    `rules` is its file in ``css``, which every theme of `THEMES` has. `article` gives the widths of the article beside
    the page's columns. `full_sizes` is the `sizes` of a hero in the layout `full`. `full_place` finds the hero's place
    in the start of a page, -1 in the HTML of another theme. `is_in_main` says whether the place is in the main part of
    the page.
    """

    rules: str
    article: Callable[[Columns], tuple[Width, ...]]
    full_sizes: str = "100vw"
    full_place: Callable[[str], int] = lambda _start: -1
    is_in_main: bool = False


@cache
def compute_sizes(
    theme: str,
    layout: Layout,
    *,
    hidden: frozenset[str] = frozenset(),
    is_post: bool = False,
    is_card: bool = False,
) -> str:
    """Return the `sizes` of a hero or a card: its width at every width of the window.

    `theme` is MkDocs's name of the theme, "" for a custom one. `hidden` comes from `list_hidden_parts`. `is_post` is
    true on Material's blog posts, whose own side column replaces the navigation. A hero is as wide as the article, and
    as the window on phones. In `split`, and on a card, the picture stands beside the text if there is room.
    """
    theme_layout = THEMES.get(theme, _UNKNOWN)
    if layout == "full" and not is_card:
        return theme_layout.full_sizes
    steps = theme_layout.article(Columns(left="navigation" not in hidden or is_post, right="toc" not in hidden))
    if is_card or layout == "split":
        steps = tuple(_narrow_beside_text(steps, _CARD if is_card else _SPLIT))
    if not is_card and layout != "stacked":
        steps = (*steps[:-1], _FROM_EDGE_TO_EDGE)
    return ", ".join(map(str, steps))


def _narrow_beside_text(steps: Iterable[Width], picture: BesideText) -> Iterator[Width]:
    """Yield the widths of a picture in articles of the given widths."""
    above_px = 10_000
    for step in steps:
        beside_px = round((step.width_px - picture.gap_px) * 0.4)
        if not step.share_vw:
            yield step if step.width_px < picture.article_px else step._replace(width_px=beside_px)
        elif (wide_from_px := max(step.window_px, picture.article_px - step.width_px)) < above_px:
            yield Width(wide_from_px, 40, beside_px)
            if wide_from_px > step.window_px:
                yield step
        else:
            yield step
        above_px = step.window_px


def list_hidden_parts(meta: Mapping[str, object], features: Collection[str]) -> frozenset[str]:
    """Return the parts that Material hides on a page: its ``hide``, and a table of contents inside the navigation."""
    hide = meta.get("hide")
    parts: Iterable[object] = hide if isinstance(hide, list) else [hide] if isinstance(hide, str) else []
    return frozenset(str(part) for part in parts) | ({"toc"} if "toc.integrate" in features else frozenset())


def is_blog_post(meta: Mapping[str, object]) -> bool:
    """Return whether a page is a post of Material's blog."""
    return meta.get("template") == "blog-post.html"


def find_full_width_place(start_of_page: str) -> tuple[int, bool]:
    """Find where a hero spans the window, below the theme's header, and whether this place is in the page's main part.

    Returns `(-1, False)` for an unknown theme. The HTML tells the theme, since themes of other names build on these.
    """
    for theme in THEMES.values():
        place = theme.full_place(start_of_page)
        if place >= 0:
            return place, theme.is_in_main
    return -1, False


def _compute_material_widths(columns: Columns) -> tuple[Width, ...]:
    """Return the widths of Material 9.

    The grid has 61rem, a side column 12.1rem, the margin beside a column 1.2rem, and any other margin 0.8rem.

    The root's font size is 20 px, 22 px from 1600 px on, 24 px from 2000 px on. The right column appears at 960 px, the
    left one at 1220 px. In `sizes` a rem is the reader's default font size instead, so everything is said in pixels.
    """
    columns_rem = 12.1 * (columns.left + columns.right)
    margins_rem = (1.2 if columns.left else 0.8) + (1.2 if columns.right else 0.8)
    return (
        *(
            Width(window_px, 0, round((61 - columns_rem - margins_rem) * root_px))
            for window_px, root_px in ((2000, 24), (1600, 22), (1220, 20))
        ),
        Width(960, 100, -274 if columns.right else -32),
        Width(0, 100, -32),
    )


def _find_material_place(start_of_page: str) -> int:
    """Return the head of `<main>`, above the grid with the side columns.

    Instant navigation replaces the hero there, and the side columns begin below it.
    """
    main = start_of_page.find('<main class="md-main"')
    return start_of_page.find(">", main) + 1 if main >= 0 else -1


def _find_mkdocs_place(start_of_page: str) -> int:
    """Return the start of the page's container, which is the first one with a row."""
    row = start_of_page.find('<div class="row">')
    return start_of_page.rfind('<div class="container">', 0, max(row, 0))


_MATERIAL = Theme("material", _compute_material_widths, full_place=_find_material_place, is_in_main=True)
_UNKNOWN = Theme("", lambda _columns: _UNKNOWN_ARTICLE)
#: The themes by MkDocs's names. The first one that fits a page's HTML wins.
THEMES = {
    "material": _MATERIAL,
    "materialx": _MATERIAL,
    "readthedocs": Theme(
        "readthedocs",
        lambda _columns: _READTHEDOCS_ARTICLE,
        # The side column of 300 px is always there.
        full_sizes="(min-width: 769px) calc(100vw - 300px), 100vw",
        full_place=lambda start: start.find('<div class="wy-nav-content">'),
    ),
    "mkdocs": Theme("mkdocs", lambda _columns: _MKDOCS_ARTICLE, full_place=_find_mkdocs_place),
}
#: The theme that Zensical's own themes build on.
ZENSICALS_THEME = "material"
