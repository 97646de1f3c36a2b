"""The stylesheet of heroes and cards, with the rules that a site's layouts, covers, theme and pictures need."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from importlib import resources
from pathlib import Path

from mkdocs_leonardo.page.manifest import Manifest
from mkdocs_leonardo.page.markup import format_focus
from mkdocs_leonardo.page.themes import THEMES, ZENSICALS_THEME
from mkdocs_leonardo.spec import CENTER, STYLESHEET, FocalPoint, HeroSpec, Layout, MarkupOptions, digest_of
from mkdocs_leonardo.tint import SCRIM_LIMIT, SCRIM_STEP, TINTS

_COMMENT = re.compile(r"""(?P<kept>"[^"]*"|'[^']*')|/\*.*?\*/""", re.DOTALL)
#: White space has no meaning beside these signs, and after a colon; elsewhere it counts once.
_SPACE = re.compile(r"""(?P<kept>"[^"]*"|'[^']*')|\s*(?P<sign>[{};,>/])\s*|:\s+|\s+""")

#: The files in ``css`` that belong to no theme, in the order of the cascade. Themes' files follow by their names.
_PARTS = ("common", "title", "over", "full", "apart", "stacked", "split", "credit", "cards")

#: A hero in full layout is in the content where its theme has no place for it.
_LAYOUT_FILES: Mapping[Layout, Collection[str]] = {
    "content": ("common", "title", "over"),
    "full": ("common", "title", "over", "full"),
    "stacked": ("common", "apart", "stacked"),
    "split": ("common", "title", "apart", "split"),
    "auto": ("common", "title", "over", "apart", "stacked"),
    "none": (),
}

_NO_CARDS = ".md-post--excerpt .leonardo-hero .leonardo-hero__picture{display:none}"


def build_stylesheet(
    specs: Collection[HeroSpec], theme: str, markup: MarkupOptions = MarkupOptions()
) -> tuple[str, bytes]:
    """Return the stylesheet's file name and content. The name has a digest, so that caches may keep the file.

    `specs` are the site's heroes, in any order: the same layouts and focal points give the same file. `theme` is
    MkDocs's name of the theme, "" for the site's own templates, to which no theme's rules apply.
    """
    layouts = {spec.layout for spec in specs}
    files = {name for layout in layouts for name in _LAYOUT_FILES[layout]} | _list_theme_files(theme)
    files |= {name for name, is_used in {"cards": markup.cards, "credit": markup.credit}.items() if is_used}
    content = _join_rules(files, (spec.focus for spec in specs)).encode()
    return f"hero.{digest_of(content)[:8]}.css", content


def build_zensical_stylesheet(manifest: Manifest) -> bytes:
    """Return the content of the stylesheet beside a manifest, as this version writes it.

    The stylesheet has all layouts, since Zensical reads a page's layout when it renders the page. The stylesheet has no
    covers: in excerpts, the posts' heroes look like cards.
    """
    files = {*_PARTS, THEMES[ZENSICALS_THEME].rules, "zensical"} - {"cards"}
    content = _join_rules(files, (hero.focus for hero in manifest.heroes.values()))
    return f"{content}{'' if manifest.markup.cards else _NO_CARDS}".encode()


def is_outdated(manifest: Manifest, folder: Path) -> bool:
    """Return whether the stylesheet in `folder` is missing or differs from this version's."""
    try:
        return (folder / STYLESHEET).read_bytes() != build_zensical_stylesheet(manifest)
    except OSError:
        return True


def _list_theme_files(theme: str) -> set[str]:
    """Return the files of the theme's rules. An unknown theme may build on any theme, so it gets the rules of all."""
    if theme in THEMES:
        return {THEMES[theme].rules}
    return {layout.rules for layout in THEMES.values()} if theme else set()


def _join_rules(files: Collection[str], focuses: Iterable[FocalPoint]) -> str:
    """Join the files' rules, and one rule for each value of an attribute."""
    folder = resources.files("mkdocs_leonardo.page") / "css"
    names = [*(name for name in _PARTS if name in files), *sorted(set(files).difference(_PARTS))]
    sources = [(folder / f"{name}.css").read_text(encoding="utf-8") for name in names]
    scrims = _make_scrim_rules() if "over" in files else ()
    return "".join([*map(_minify, sources), *_make_tint_rules(), *scrims, *_make_focus_rules(focuses)])


def _minify(source: str) -> str:
    """Remove comments, and white space that has no meaning."""
    without_comments = _COMMENT.sub(lambda match: match["kept"] or "", source)
    return _SPACE.sub(_shorten, without_comments).strip().replace(";}", "}")


def _shorten(match: re.Match[str]) -> str:
    if match["kept"]:
        return match["kept"]
    return match["sign"] or (":" if match[0].startswith(":") else " ")


def _make_tint_rules() -> list[str]:
    """List one rule for each tint that a picture may have."""
    return [f'[data-tint="{index}"]{{--_tint:{" ".join(map(str, tint))}}}' for index, tint in enumerate(TINTS)]


def _make_scrim_rules() -> list[str]:
    """List a rule for each digit of a scrim attribute. The rules of its two digits add up to the alpha."""
    tens, ones = range(10, SCRIM_LIMIT + 1, 10), range(SCRIM_STEP, 10, SCRIM_STEP)
    return [
        rule
        for view in ("narrow", "wide", "wide-rtl")
        for rule in (
            *(f'[data-scrim-{view}^="{percent // 10}"]{{--_{view}:.{percent // 10}}}' for percent in tens),
            *(f'[data-scrim-{view}$="{percent}"]{{--_{view}-1:.0{percent}}}' for percent in ones),
        )
    ]


def _make_focus_rules(focuses: Iterable[FocalPoint]) -> list[str]:
    names = sorted({format_focus(focus) for focus in focuses} - {format_focus(CENTER)})
    return [f'[data-focus="{name}"] img{{object-position:{"% ".join(name.split("-"))}%}}' for name in names]
