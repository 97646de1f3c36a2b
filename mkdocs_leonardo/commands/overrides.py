"""What a site's own stylesheets and templates take away from heroes and covers. Text in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
#: Paper shows the text without the picture.
_PRINT = re.compile(r"@media\s+print\s*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{};]*)\{([^{}]*)\}")
#: Where custom properties hold for every hero: the places that the documentation names, and those above them.
_EVERYWHERE = frozenset({":root", "html", "body", ".leonardo-hero"})
_ALPHA = re.compile(r"--leonardo-hero-scrim\s*:\s*(\d*\.?\d+)(%?)\s*(?:!\s*important\s*)?(?:;|$)")
_COLOUR = re.compile(r"--leonardo-hero-(?:color|scrim-color)\s*:")


def shade_alpha(stylesheets: Iterable[str]) -> float | None:
    """The alpha, 0 to 1, that a site's own stylesheets lay behind every hero's text; None if they leave it to us.

    None as well where they give text or shade another colour: then nobody here knows what can be read.
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


def templates_without_excerpts(env: Environment, view: str) -> tuple[str, ...]:
    """The files that make up a blog view on which no excerpt's content is shown, at the head of which covers stand.

    Nothing if it is shown, or if that cannot be told: parts of a post that are chosen while a page is built, or a
    template that the build itself will stumble over. The view's own file comes first.
    """
    from jinja2 import TemplateError, meta  # noqa: PLC0415 - `--help` needs no templates

    loader = env.loader
    if loader is None:
        return ()
    waiting, files = [view], dict[str, str]()
    while waiting:
        name = waiting.pop(0)
        if name in files:
            continue
        try:
            text, path, _ = loader.get_source(env, name)
            tree = env.parse(text)
        except TemplateError:
            return ()
        others = list(meta.find_referenced_templates(tree))
        if _shows_content(tree) or (None in others and _is_about_posts(tree)):
            return ()
        files[name] = path or name
        waiting += [other for other in others if other is not None]
    return tuple(files.values())


def _is_about_posts(tree: nodes.Template) -> bool:
    """Whether the template speaks of posts; others choose icons and the like while a page is built."""
    from jinja2 import nodes  # noqa: PLC0415 - `--help` needs no templates

    return any(each.name in {"post", "posts", "excerpt"} for each in tree.find_all(nodes.Name))


def _shows_content(tree: nodes.Template) -> bool:
    """Whether something else than the page has its content shown, and not as plain text."""
    from jinja2 import nodes  # noqa: PLC0415 - `--help` needs no templates

    plain = {
        id(each)
        for stripped in tree.find_all(nodes.Filter)
        if stripped.name == "striptags"
        for each in stripped.find_all(nodes.Getattr)
    }
    return any(
        each.attr == "content" and id(each) not in plain
        for each in tree.find_all(nodes.Getattr)
        if not (isinstance(each.node, nodes.Name) and each.node.name == "page")
    )
