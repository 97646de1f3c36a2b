"""Fixtures: one environment for each row of the table, made when a test asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from .environments import ALL, NEIGHBOURS
from .rig import Place, build_wheel, make


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out unless its mark or its path is asked for, since its tests install packages."""
    return None if "matrix" in str(config.getoption("markexpr")) else True


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test of this folder, keep each host's tests in one process, and leave only chosen rows.

    The neighbours' tests are too many for one process; every process makes that environment for itself.
    """
    chosen = os.environ.get("MKDOCS_LEONARDO_MATRIX", "").split() or [*ALL]
    left_out = []
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        callspec = getattr(item, "callspec", None)
        environment = callspec.params.get("environment", NEIGHBOURS) if callspec is not None else NEIGHBOURS
        item.add_marker("matrix")
        if environment is not NEIGHBOURS:
            item.add_marker(pytest.mark.xdist_group(environment.name))
        if environment.name not in chosen:
            left_out.append(item)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def python_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of an environment's Python, by the environment's name."""

    @cache
    def wheel() -> Path:
        return build_wheel(tmp_path_factory.mktemp("wheel"))

    @cache
    def python_of(name: str) -> Path:
        return make(ALL[name], tmp_path_factory.mktemp(name), wheel())

    return python_of


@pytest.fixture
def beside(python_of: Callable[[str], Path], tmp_path: Path) -> Place:
    """A site folder in the environment of all neighbours."""
    return Place(ALL["neighbours"], python_of("neighbours"), tmp_path)
