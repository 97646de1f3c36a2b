"""The tests' own rigs: speed of builds in every shell."""

from __future__ import annotations

from pathlib import Path

import pytest
from builds import Site, page
from fork_server import Forked


@pytest.mark.parametrize("variable", ["PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"])
def test_build_in_a_shell_that_sets_python_variables_is_still_a_fork(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Builds in a shell with Python's variables, as containers set them, are forks and no new interpreters."""
    monkeypatch.setenv(variable, "1")

    with Site(tmp_path, pages={"index.md": page()}).building() as process:
        assert isinstance(process, Forked)
