"""What becomes of front matter: pages and log of whole builds, each case in one file of tests/goldens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from goldens.rig import FOLDER, carried_out, cases

from mkdocs_leonardo.front_matter import KEYS


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_build_of_a_golden_file_gives_its_pages_and_its_log(path: Path, tmp_path: Path) -> None:
    """The file says what goes in, what comes out and what is said of it."""
    case: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))

    found = carried_out(case, tmp_path)

    assert {name: case[name] for name in ("exit_code", "log", "site")} == found


def test_golden_file_of_every_key_holds_every_key() -> None:
    """A new key of front matter is shown in a whole build."""
    text = (FOLDER / "every-key.yml").read_text(encoding="utf-8")

    assert set(KEYS) == set(re.findall(r"^ +(hero_\w+):", text, re.MULTILINE))
