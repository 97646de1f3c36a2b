"""The table of promises has every promise of the documentation, and names existing tests."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import reference_tables as tables
from documents import DOCS, README, ROOT, prose, table_below, text_of

from mkdocs_leonardo import cli, front_matter

TESTS = Path(__file__).parent
FAILURES = "money/failures.md"
#: The documents by the names that the rows of the section `[sentences]` begin with.
DOCUMENTS = {
    "README.md": README,
    "SECURITY.md": ROOT / ".github/SECURITY.md",
    **{path.relative_to(DOCS).as_posix(): path for path in DOCS.rglob("*.md")},
}
PROMISES: dict[str, dict[str, list[str]]] = tomllib.loads((TESTS / "promises.toml").read_text(encoding="utf-8"))


def first_cells(document: str, heading: str) -> set[str]:
    """The first cell of every row of the first table below a heading."""
    return {row[0] for row in table_below(heading, text_of(DOCS / document))}


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*`]", "", text).split())


def sentences(prose: str) -> list[str]:
    """The sentences of paragraphs, list items and the last cells of tables, without marks of emphasis and code."""
    prose = re.sub(r"^\|.*\|\n\|(?:-+\|)+$", "", prose, flags=re.MULTILINE)
    prose = re.sub(r"^\|.*\| (.*) \|$", r"\n\1\n", prose, flags=re.MULTILINE)
    paragraphs = [_plain(text) for text in re.split(r"\n(?:\s*\n)?- |\n\s*\n", prose)]
    return [line for text in paragraphs for line in re.split(r"(?<=[.:]) (?=[A-Z])", text) if line]


def promises_of(document: str) -> set[str]:
    """The sentences of the README before its first heading, or those of `index.md` that promise something."""
    text = prose(DOCUMENTS[document])
    if document == "README.md":
        return set(sentences(text.partition("\n")[2].partition("\n## ")[0]))
    listed = text.partition("## What does it promise?")[2].partition("\n## ")[0]
    return {*sentences(listed), *(cells[1] for cells in table_below("## Why not write a short hook?", text))}


def report_fields() -> set[str]:
    """The fields of the report that the documentation shows."""
    text = (DOCS / "money/paid-when.md").read_text(encoding="utf-8")
    shown = re.search(r"^### report\.json$.*?^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert shown is not None
    report = json.loads(shown[1])
    return {*(f"heroes.{name}" for name in report["heroes"][0]), *(f"totals.{name}" for name in report["totals"])}


@cache
def functions(file: str) -> dict[str, str]:
    """The tests of a file, and the text of each."""
    text = (TESTS / file).read_text(encoding="utf-8")
    return {
        each.name: ast.get_source_segment(text, each) or ""
        for each in ast.parse(text).body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize(
    ("section", "declared"),
    [
        ("options", tables.option_names()),
        ("front_matter", set(front_matter.KEYS)),
        ("commands", set(cli.main.commands)),
        ("exit_codes", {code.strip("`") for code in first_cells("reference/command-line.md", "## Exit codes")}),
        ("report", report_fields()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_table_of_promises_has_a_row_for_everything_that_is_declared(section: str, declared: set[str]) -> None:
    """The table has a row for every option, key, command, exit code and report field, and no other."""
    assert {row.partition(":")[0] for row in PROMISES[section]} == declared


def test_table_of_promises_has_a_row_for_each_failure_that_is_documented() -> None:
    """The table has a row for each documented failure in its own words."""
    headings = re.findall(r"^## .*$", (DOCS / FAILURES).read_text(encoding="utf-8"), re.MULTILINE)
    documented = set.union(*(first_cells(FAILURES, heading) for heading in headings[:2]))
    assert set(PROMISES["failures"]) == documented


@pytest.mark.parametrize("document", ["README.md", "index.md"])
def test_table_of_promises_has_a_row_for_each_sentence_that_promises(document: str) -> None:
    """The table has a row for each sentence that promises something in the README and on the first page."""
    rows = {row.partition(": ")[2] for row in PROMISES["sentences"] if row.startswith(f"{document}: ")}
    assert rows == promises_of(document)


@pytest.mark.parametrize("row", PROMISES["sentences"])
def test_table_of_promises_quotes_its_documents(row: str) -> None:
    """A row of the section `[sentences]` is a document's name and words that stand in that document."""
    document, _, quoted = row.partition(": ")
    assert quoted in _plain(prose(DOCUMENTS[document]))


@pytest.mark.parametrize(
    "test", sorted({test for section in PROMISES.values() for row in section.values() for test in row})
)
def test_table_of_promises_names_tests_that_are_there(test: str) -> None:
    """Each test of the table is a function of its file, and each case in brackets is a golden file."""
    file, name, case = re.fullmatch(r"(.+)::(\w+)(?:\[([\w-]+)\])?", test).groups()  # type: ignore[union-attr]  # another form fails the test
    assert name in functions(file)
    assert (case is not None) == (file == "test_goldens.py")
    assert case is None or (TESTS / f"goldens/{case}.yml").is_file()


@pytest.mark.parametrize("section", PROMISES)
def test_table_of_promises_leaves_no_row_without_a_test(section: str) -> None:
    """Every row of the table names at least one test."""
    assert [row for row, tests in PROMISES[section].items() if not tests] == []
