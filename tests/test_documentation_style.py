"""Documents, docstrings and messages are in plain English, as far as a machine can tell."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import DOCS, README, ROOT, name_of, prose, text_of

DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
GUIDES = sorted((DOCS / "guide").glob("*.md"))

#: Words of the house, and the words that readers know: stored or cached, placeholder, fix, an image in a folder.
FORBIDDEN = re.compile(
    r"\b(at hand|stand-ins?|stands? in|stood in|cured?|cures|(?:is|are) told|lies? (?:in|at|below|beside)|"
    r"nobody|somebody|whoever|for ever|on its way|never (?:un)?noticed)\b",
    re.IGNORECASE,
)
MAX_WORDS = 25

SOURCES = sorted((ROOT / "mkdocs_leonardo").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
#: Subjects without a name, and words of the house, in docstrings, comments and messages.
FORBIDDEN_IN_CODE = re.compile(
    r"\b(nobody|somebody|anybody|everybody|whoever|others|at hand|stand-ins?|stands? in for|cured?|cures|"
    r"for ever|(?:is|are) told|so many|so long)\b",
    re.IGNORECASE,
)
#: The same words in the name of a test, and words that earlier versions had for the request of a picture.
FORBIDDEN_IN_NAMES = re.compile(
    r"_(nobodys?|somebodys?|anybody|everybody|whoever|at_hand|stand_in|cure|for_ever|(?:is|are)_told|wish(?:es|ed)?)(?=_|$)"
)
#: Openings of a sentence without a subject, and three stacked relative clauses.
FORBIDDEN_FORMS = re.compile(
    r"^(?:Nothing|Never|Not|No|Only|Again|Once more|The same|That|How)\b|"
    r"(?:\b(?:where|what|which|whose|who|that)\b[^.;:]*){2}\b(?:where|what|which|whose|who|that)\b",
    re.IGNORECASE,
)
#: A comment that silences a tool, and the same with its reason. Mypy wants a second comment for the reason.
SILENCED = re.compile(r"# (?:noqa|type: ignore)\b.*")
REASONED = re.compile(r"# (?:type: ignore\[[\w, -]+\]  # )?(?:noqa: [A-Z\d, ]+ - |(?<=\]  # )(?!noqa))\S")
#: The first words of a function's docstring: an imperative verb, such as "Return".
IMPERATIVE = re.compile(
    r"(?!(?:The|A|An|One|Two|Every|Each|All|Whether|What|Why|Where|When|How|If|It|This|Its)\b)"
    r"[A-Z][a-z]*(?:[a-rt-z]|ss)(?:[ ,.:;]|$)"
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


def documented(path: Path) -> Iterator[tuple[str, str]]:
    """The name and the docstring of the module, of each class and of each function; `""` without a docstring."""
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "name", "module"), ast.get_docstring(node) or ""


def docstring_sentences(docstring: str) -> Iterator[str]:
    """Each sentence and each list item of a docstring, without its literal blocks and tables."""
    text = re.sub(r"^(?: {4}|\|).*$", "", docstring, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n|\n(?=- )", text):
        yield from re.split(r"(?<=[.!?]) (?=[A-Z`\"])", " ".join(paragraph.split()))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_module_speaks_of_things_with_a_name(path: Path) -> None:
    """Docstrings, comments and messages of the package name their subject, and use the documents' words."""
    found: list[str] = []
    with tokenize.open(path) as source:
        for token in tokenize.generate_tokens(io.StringIO(source.read()).readline):
            if token.type == tokenize.COMMENT or tokenize.tok_name[token.type] in {"STRING", "FSTRING_MIDDLE"}:
                found += (f"line {token.start[0]}: {word}" for word in FORBIDDEN_IN_CODE.findall(token.string))
    assert found == []


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_speak_of_things_with_a_name(path: Path) -> None:
    """Docstrings, comments and names of the tests name their subject, and use the documents' words."""
    comments = [line for _, _, line in (each.partition("# ") for each in text_of(path).splitlines())]
    texts = [*comments, *(docstring for _, docstring in documented(path))]
    assert [word for text in texts for word in FORBIDDEN_IN_CODE.findall(text)] == []
    assert [name for name, _ in documented(path) if FORBIDDEN_IN_NAMES.search(name)] == []


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name_of)
def test_docstring_is_read_once(path: Path) -> None:
    """A sentence of a docstring has a subject, at most 25 words and at most two relative clauses."""
    found = [
        f"{name}: {line}"
        for name, docstring in documented(path)
        for line in docstring_sentences(docstring)
        if len(line.split()) > MAX_WORDS or FORBIDDEN_FORMS.search(line)
    ]
    assert found == []


def test_comment_that_silences_a_tool_gives_its_reason() -> None:
    """A `noqa` or a `type: ignore` names the rule, and then its reason, in one form."""
    comments = [(name_of(path), each) for path in [*SOURCES, *TESTS] for each in SILENCED.findall(text_of(path))]
    assert comments, "the form of the comments is known"
    assert [(name, comment) for name, comment in comments if not REASONED.match(comment)] == []


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the function is the getter of a property."""
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_docstring_has_the_form_of_its_kind(path: Path) -> None:
    """The docstring of a function begins with an imperative verb; that of a class or property is a noun phrase."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node) or ""
            is_noun = isinstance(node, ast.ClassDef) or is_property(node)
            # The contract's tests state what is true of a provider; `__init__` describes its parameters.
            if docstring and not node.name.startswith(("__init__", "test_")):
                is_wrong = docstring.startswith(("Return", "Yield")) if is_noun else not IMPERATIVE.match(docstring)
                found += [f"{node.name}: {docstring.splitlines()[0]}"] * is_wrong
    assert found == []
