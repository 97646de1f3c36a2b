"""Pages and log of whole builds by front matter, each case in one file of tests/goldens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from goldens.rig import FOLDER, build_case, cases

from mkdocs_leonardo.front_matter import KEYS


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_build_of_a_golden_file_gives_its_pages_and_its_log(path: Path, tmp_path: Path) -> None:
    """The build of a golden file has the exit code, messages and pages that the file states."""
    case: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))

    found = build_case(case, tmp_path)

    assert {name: case[name] for name in ("exit_code", "log", "site")} == found


def test_golden_file_of_every_key_holds_every_key() -> None:
    """The golden file `every-key` has every key of the front matter."""
    text = (FOLDER / "every-key.yml").read_text(encoding="utf-8")

    assert set(KEYS) == set(re.findall(r"^ +(hero_\w+):", text, re.MULTILINE))
