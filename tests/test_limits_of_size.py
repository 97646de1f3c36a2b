"""The limits of size that CONTRIBUTING.md states: lines of a function, a class and a file of the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIMITS: dict[type[ast.AST], int] = {
    ast.Module: 500,
    ast.ClassDef: 300,
    ast.FunctionDef: 60,
    ast.AsyncFunctionDef: 60,
}


def too_long(source: str) -> Iterator[str]:
    """The name and length of everything in the source that is over its limit."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module):
            lines = len(source.splitlines())
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
        else:
            continue
        if lines > LIMITS[type(node)]:
            yield f"{getattr(node, 'name', 'file')}: {lines} lines"


def test_package_keeps_the_limits_of_size() -> None:
    """A file has at most 500 lines, a class 300, and a function 60."""
    found = {
        str(path.relative_to(ROOT)): over
        for path in (ROOT / "mkdocs_leonardo").rglob("*.py")
        if (over := list(too_long(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("head", "body", "limit"),
    [("def long():", "    1", 60), ("async def long():", "    1", 60), ("class long:", "    x = 1", 300)],
    ids=["function", "coroutine", "class"],
)
def test_one_line_too_many_is_found(head: str, body: str, limit: int) -> None:
    """A function, class or file at its limit passes, and one line more is found."""
    assert list(too_long("\n".join([head, *[body] * (limit - 1)]))) == []
    assert list(too_long("\n".join([head, *[body] * limit]))) == [f"long: {limit + 1} lines"]
