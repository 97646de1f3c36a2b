"""The tree of errors, as drawn and as declared."""

import inspect
import re

from mkdocs_leonardo import errors
from mkdocs_leonardo.host.dry_build import SiteUnreadable
from mkdocs_leonardo.team.records import SignedOtherwise


def test_drawn_tree_is_that_of_the_classes() -> None:
    """The tree in the module's docstring has every class, each below its base."""
    drawn: dict[str, str] = {}
    path: list[str] = []
    for indent, name in re.findall(r"^ {4}([│├└─ ]*)(\w+)", inspect.getdoc(errors) or "", re.MULTILINE):
        depth = len(indent) // 4
        path[depth:] = [name]
        drawn[name] = path[depth - 1] if depth else "Exception"

    classes = {kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.HeroError)}
    assert drawn == {kind.__name__: kind.__mro__[1].__name__ for kind in {*classes, SiteUnreadable, SignedOtherwise}}
