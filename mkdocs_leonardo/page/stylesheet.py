"""The one stylesheet of heroes and cards: `hero.css`, made small, with the rules that a site's pictures need."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from mkdocs_leonardo.page.manifest import STYLESHEET, Manifest
from mkdocs_leonardo.page.markup import SCRIM_LIMIT, SCRIM_STEP, focus_name
from mkdocs_leonardo.spec import CENTER, FocalPoint
from mkdocs_leonardo.tint import TINTS

_COMMENT = re.compile(r"""(?P<kept>"[^"]*"|'[^']*')|/\*.*?\*/""", re.DOTALL)
#: White space has no meaning beside these signs, and after a colon; elsewhere it counts once.
_SPACE = re.compile(r"""(?P<kept>"[^"]*"|'[^']*')|\s*(?P<sign>[{};,>/])\s*|:\s+|\s+""")

_NO_CARDS = ".md-post--excerpt .leonardo-hero .leonardo-hero__picture{display:none}"


def build_stylesheet(focuses: Iterable[FocalPoint] = ()) -> tuple[str, bytes]:
    """File name, with a digest so that caches may keep it without a limit, and content of the stylesheet.

    `focuses` are those of the site's pictures, in any order: the same pictures give the same file.
    """
    content = (_source("hero.css") + _source("themes.css") + _rules(focuses)).encode()
    return f"hero.{hashlib.sha256(content).hexdigest()[:8]}.css", content


def build_foreign_stylesheet(focuses: Iterable[FocalPoint] = (), *, cards: bool = True) -> bytes:
    """Content of the stylesheet for a builder that knows no plugin: blog excerpts hold heroes, which become cards."""
    content = _source("hero.css") + _source("zensical.css") + _rules(focuses)
    return f"{content}{'' if cards else _NO_CARDS}".encode()


def published_stylesheet(manifest: Manifest) -> bytes:
    """Content of the stylesheet beside a manifest, as this version writes it."""
    return build_foreign_stylesheet([shown.focus for shown in manifest.heroes.values()], cards=manifest.cards)


def is_outdated(manifest: Manifest, folder: Path) -> bool:
    """Whether the stylesheet in `folder` is not the one that this version writes beside the manifest, or is missing."""
    try:
        return (folder / STYLESHEET).read_bytes() != published_stylesheet(manifest)
    except OSError:
        return True


def _rules(focuses: Iterable[FocalPoint]) -> str:
    """The rules, one for each value of an attribute."""
    return "".join([*_tint_rules(), *_scrim_rules(), *_focus_rules(focuses)])


def _source(name: str) -> str:
    return _minified(resources.files("mkdocs_leonardo.page").joinpath(name).read_text(encoding="utf-8"))


def _minified(source: str) -> str:
    """The same rules without comments and without white space that has no meaning."""
    without_comments = _COMMENT.sub(lambda match: match["kept"] or "", source)
    return _SPACE.sub(_shortest, without_comments).strip().replace(";}", "}")


def _shortest(match: re.Match[str]) -> str:
    if match["kept"]:
        return match["kept"]
    return match["sign"] or (":" if match[0].startswith(":") else " ")


def _tint_rules() -> list[str]:
    """One rule for each dark colour that a picture may have."""
    return [f'[data-tint="{place}"]{{--_tint:{" ".join(map(str, tint))}}}' for place, tint in enumerate(TINTS)]


def _scrim_rules() -> list[str]:
    """One rule for each digit: a measured number of two digits becomes an alpha without any inline style."""
    tens, ones = range(10, SCRIM_LIMIT + 1, 10), range(SCRIM_STEP, 10, SCRIM_STEP)
    return [
        rule
        for where in ("narrow", "wide", "wide-rtl")
        for rule in (
            *(f'[data-scrim-{where}^="{percent // 10}"]{{--_{where}:.{percent // 10}}}' for percent in tens),
            *(f'[data-scrim-{where}$="{percent}"]{{--_{where}-1:.0{percent}}}' for percent in ones),
        )
    ]


def _focus_rules(focuses: Iterable[FocalPoint]) -> list[str]:
    names = sorted({focus_name(focus) for focus in focuses} - {focus_name(CENTER)})
    return [f'[data-focus="{name}"] img{{object-position:{"% ".join(name.split("-"))}%}}' for name in names]
