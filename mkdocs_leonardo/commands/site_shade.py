"""The shade behind heroes' text in a site's own stylesheets. Pure: text in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
#: Rules for print: printed pages show the text without the picture.
_PRINT = re.compile(r"@media\s+print\s*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{};]*)\{([^{}]*)\}")
#: Selectors whose custom properties hold for every hero: those of the documentation, and their ancestors.
_EVERYWHERE = frozenset({":root", "html", "body", ".leonardo-hero"})
_ALPHA = re.compile(r"--leonardo-hero-scrim\s*:\s*(\d*\.?\d+)(%?)\s*(?:!\s*important\s*)?(?:;|$)")
_COLOUR = re.compile(r"--leonardo-hero-(?:color|scrim-color)\s*:")


def find_shade_alpha(stylesheets: Iterable[str]) -> float | None:
    """Find the alpha, 0 to 1, that a site's own stylesheets lay behind every hero's text; None if they set none.

    None as well if they give the text or the shade another colour, since the contrast cannot be measured then.
    """
    alpha = None
    for stylesheet in stylesheets:
        text = _PRINT.sub("", _COMMENT.sub("", stylesheet))
        for selectors, declarations in _RULE.findall(text):
            if _EVERYWHERE.isdisjoint(selector.strip() for selector in selectors.split(",")):
                continue
            if _COLOUR.search(declarations):
                return None
            for number, percent in _ALPHA.findall(declarations):
                alpha = float(number) / (100 if percent else 1)
    return alpha
