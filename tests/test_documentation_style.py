"""The documents are in plain English, as far as a machine can tell: words of the trade, and short sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import reference_tables as tables

DOCS = tables.ROOT / "example-site/docs"
DOCUMENTS = [tables.ROOT / "README.md", tables.ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
GUIDES = sorted((DOCS / "guide").glob("*.md"))

#: Words of the house, and the words that readers know: stored or cached, placeholder, fix, an image in a folder.
FORBIDDEN = re.compile(
    r"\b(at hand|stand-ins?|stands? in|stood in|cured?|cures|(?:is|are) told|lies? (?:in|at|below|beside)|"
    r"nobody|somebody|whoever|for ever|on its way|never (?:un)?noticed)\b",
    re.IGNORECASE,
)
MAX_WORDS = 25


def prose(path: Path) -> str:
    """A document without front matter, code and comments; links are their texts."""
    text = re.sub(r"\A---\n.*?^---$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^( *)```\w*.*?^\1```$", "\n", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"!\[[^]]*\]\S*.*|\[([^]]*)\]\([^)]*\)", r"\1", text)


def sentences(path: Path) -> Iterator[str]:
    """Each sentence of the paragraphs and lists; tables and headings have none."""
    lines = [line for line in prose(path).splitlines() if not re.match(r"[|#]", line.strip())]
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", "\n".join(lines)):
        words = " ".join(re.sub(r"`[^`]*`", "code", paragraph).split())
        yield from re.split(r"(?<=[.!?:;])\**\s+(?=\W*[A-Z]|code)", words)


def _name(path: Path) -> str:
    return path.relative_to(tables.ROOT).as_posix()


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_document_uses_the_words_of_the_trade(path: Path) -> None:
    """A reader who knows MkDocs needs no glossary."""
    assert FORBIDDEN.findall(prose(path)) == []


@pytest.mark.parametrize("path", GUIDES, ids=_name)
def test_sentence_of_a_guide_has_at_most_25_words(path: Path) -> None:
    """A reader who is doing something reads each sentence once."""
    assert [line for line in sentences(path) if len(re.findall(r"[\w']+", line)) > MAX_WORDS] == []
