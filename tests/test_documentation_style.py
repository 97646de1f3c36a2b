"""Documents, docstrings and messages are in plain English, as far as a machine can tell."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import DOCS, README, ROOT, name_of, prose

DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
GUIDES = sorted((DOCS / "guide").glob("*.md"))

#: Words of the house, and the words that readers know: stored or cached, placeholder, fix, an image in a folder.
FORBIDDEN = re.compile(
    r"\b(at hand|stand-ins?|stands? in|stood in|cured?|cures|(?:is|are) told|lies? (?:in|at|below|beside)|"
    r"nobody|somebody|whoever|for ever|on its way|never (?:un)?noticed)\b",
    re.IGNORECASE,
)
MAX_WORDS = 25

SOURCES = sorted((ROOT / "mkdocs_leonardo").rglob("*.py"))
#: Subjects without a name, and words of the house, in docstrings, comments and messages.
FORBIDDEN_IN_CODE = re.compile(
    r"\b(nobody|somebody|anybody|everybody|whoever|others|at hand|stand-ins?|stands? in for|cured?|cures|"
    r"for ever|(?:is|are) told)\b",
    re.IGNORECASE,
)


def sentences(path: Path) -> Iterator[str]:
    """Each sentence of the paragraphs and lists; tables and headings have none."""
    lines = [line for line in prose(path).splitlines() if not re.match(r"[|#]", line.strip())]
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", "\n".join(lines)):
        words = " ".join(re.sub(r"`[^`]*`", "code", paragraph).split())
        yield from re.split(r"(?<=[.!?:;])\**\s+(?=\W*[A-Z]|code)", words)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_document_uses_the_words_of_the_trade(path: Path) -> None:
    """A document has no word that readers of MkDocs do not know in that meaning."""
    assert FORBIDDEN.findall(prose(path)) == []


@pytest.mark.parametrize("path", GUIDES, ids=name_of)
def test_sentence_of_a_guide_has_at_most_25_words(path: Path) -> None:
    """A sentence of a guide has at most 25 words."""
    assert [line for line in sentences(path) if len(re.findall(r"[\w']+", line)) > MAX_WORDS] == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_module_speaks_of_things_with_a_name(path: Path) -> None:
    """Docstrings, comments and messages name their subject, and use the documents' words."""
    found: list[str] = []
    with tokenize.open(path) as source:
        for token in tokenize.generate_tokens(io.StringIO(source.read()).readline):
            if token.type == tokenize.COMMENT or tokenize.tok_name[token.type] in {"STRING", "FSTRING_MIDDLE"}:
                found += (f"line {token.start[0]}: {word}" for word in FORBIDDEN_IN_CODE.findall(token.string))
    assert found == []
