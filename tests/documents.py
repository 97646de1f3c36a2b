"""The documents of the project, and the parts of their Markdown that the tests compare with the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import reference_tables as tables

ROOT = tables.ROOT
SITE = ROOT / "example-site"
DOCS = SITE / "docs"
README = ROOT / "README.md"


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    title: str
    text: str


def name_of(value: object) -> str:
    """A path below the project as the id of a parametrised test; `""` for a value that is no path."""
    return value.relative_to(ROOT).as_posix() if isinstance(value, Path) else ""


def text_of(path: Path) -> str:
    """The source of a document."""
    return path.read_text(encoding="utf-8")


def blocks(path: Path) -> Iterator[Block]:
    """Every fenced block of a document, its indentation taken away."""
    for match in re.finditer(
        r"^( *)```(\w+)(?: title=\"([^\"]*)\")?\n(.*?)^\1```$", text_of(path), re.MULTILINE | re.DOTALL
    ):
        lines = [line.removeprefix(match[1]) for line in match[4].splitlines()]
        yield Block(match[2], match[3] or "", "\n".join(lines) + "\n")


def without_blocks(path: Path) -> str:
    """The source of a document without its fenced blocks."""
    return re.sub(r"^( *)```\w*.*?^\1```$", "\n", text_of(path), flags=re.MULTILINE | re.DOTALL)


def prose(path: Path) -> str:
    """A document without front matter, fenced blocks and comments; links are their texts."""
    text = re.sub(r"\A---\n.*?^---$", "", without_blocks(path), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"!\[[^]]*\]\S*.*|\[([^]]*)\]\([^)]*\)", r"\1", text)


def table_below(heading: str, text: str) -> list[list[str]]:
    """The cells of each row of the first table below a heading, without the table's head."""
    table = re.search(rf"^{re.escape(heading)}\n(?:.*\n)*?\|(?:[ :-]+\|)+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table is not None, heading
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table[1].splitlines()]
