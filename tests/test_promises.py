"""The table of promises leaves nothing out that the documentation promises, and names tests that are there."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import reference_tables as tables

from mkdocs_leonardo import cli, front_matter

TESTS = Path(__file__).parent
DOCS = tables.ROOT / "example-site/docs"
FAILURES = "money/failures.md"
PROMISES: dict[str, dict[str, list[str]]] = tomllib.loads((TESTS / "promises.toml").read_text(encoding="utf-8"))


def first_cells(document: str, heading: str) -> set[str]:
    """The first cell of every row of the first table below a heading."""
    text = (DOCS / document).read_text(encoding="utf-8")
    table = re.search(rf"^{re.escape(heading)}\n(?:.*\n)*?\|(?:[ :-]+\|)+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table is not None, heading
    return {row.split("|")[1].strip() for row in table[1].splitlines()}


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
    """No option, key, command, exit code or field of the report is without a test, and none that is gone has one."""
    assert {row.partition(":")[0] for row in PROMISES[section]} == declared


def test_table_of_promises_has_a_row_for_each_failure_that_is_documented() -> None:
    """What the documentation says of a failure is held by the tests of the row with the same words."""
    headings = re.findall(r"^## .*$", (DOCS / FAILURES).read_text(encoding="utf-8"), re.MULTILINE)
    documented = set.union(*(first_cells(FAILURES, heading) for heading in headings[:2]))
    assert set(PROMISES["failures"]) == documented


@pytest.mark.parametrize(
    "test", sorted({test for section in PROMISES.values() for row in section.values() for test in row})
)
def test_table_of_promises_names_tests_that_are_there(test: str) -> None:
    """A test that is renamed or removed takes its promises along."""
    file, _, name = test.partition("::")
    assert name in functions(file)


@pytest.mark.parametrize("section", PROMISES)
def test_table_of_promises_leaves_no_row_without_a_test(section: str) -> None:
    """A row says who holds it."""
    assert [row for row, tests in PROMISES[section].items() if not tests] == []
