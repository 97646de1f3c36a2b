"""Histories of the simulation: thousands of builds with faults, whose invariants hold and which can be replayed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from .__main__ import play_some
from .mutations import MUTATIONS, histories_until_found

ROOT = Path(__file__).parents[2]

#: Histories of one test, and tests of each kind: 500 fixed seeds, and 500 that no day has had before.
CHUNK, CHUNKS = 125, 4
TODAY = datetime.now(UTC).date().toordinal() * 1000

FIXED = [pytest.param(CHUNK * number, id=f"fixed-{number}") for number in range(CHUNKS)]
OF_THE_DAY = [pytest.param(TODAY + CHUNK * number, id=f"day-{number}") for number in range(CHUNKS)]


@pytest.mark.parametrize("first", FIXED + OF_THE_DAY)
def test_histories_whatever_goes_wrong_violate_no_invariant(first: int) -> None:
    """The invariants hold in every history; `python -m tests.simulation --replay SEED` shows a failing one."""
    violations = play_some(range(first, first + CHUNK)).violations
    assert not violations


def test_history_of_a_seed_is_the_same_in_every_process() -> None:
    """A seed leads to the same events in two processes that hash and allocate differently."""
    program = "from tests.simulation.histories import play\nfor seed in range(40): print(play(seed).ledger.digest())"
    traces = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for hash_seed in ("1", "2")
    ]
    assert len(set(traces[0])) == 40
    assert traces[0] == traces[1]


def test_mutations_fit_the_package(tmp_path: Path) -> None:
    """The code of each guard that a mutation removes is in the package."""
    assert len(MUTATIONS) >= 12
    for name, mutation in MUTATIONS.items():
        module = tmp_path / name / mutation.module
        module.parent.mkdir(parents=True)
        shutil.copy(ROOT / "mkdocs_leonardo" / mutation.module, module)
        mutation.apply(tmp_path / name)


def test_histories_without_a_guard_violate_an_invariant(tmp_path: Path) -> None:
    """The simulation finds a purchase line that sends its create call before the intent is on disk."""
    assert histories_until_found(MUTATIONS["intent"], tmp_path, most=1000) is not None
