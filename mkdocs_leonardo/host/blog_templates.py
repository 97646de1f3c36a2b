"""Templates of blog views on which no post's cover can stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, nodes


def find_templates_without_excerpts(env: Environment, view: str) -> tuple[str, ...]:
    """Return the files of a blog view that shows no excerpt's content, since covers stand at the head of excerpts.

    The view's own file comes first. Returns () for a view that shows the content, or may show it because it chooses
    parts of a post while a page is built. It also returns () for a template with an error, which the build reports.
    """
    from jinja2 import TemplateError, meta

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
        if _is_content_shown(tree) or (None in others and _is_about_posts(tree)):
            return ()
        files[name] = path or name
        waiting += [other for other in others if other is not None]
    return tuple(files.values())


def _is_about_posts(tree: nodes.Template) -> bool:
    """Whether the template names posts. A template that names none may only choose icons while a page is built."""
    from jinja2 import nodes

    return any(each.name in {"post", "posts", "excerpt"} for each in tree.find_all(nodes.Name))


def _is_content_shown(tree: nodes.Template) -> bool:
    """Whether the template shows, as HTML, the content of an object other than the page."""
    from jinja2 import nodes

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
