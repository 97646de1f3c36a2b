"""The return of freed memory to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from mkdocs_leonardo.imaging.memory import configure_malloc, return_free_memory

FRAGMENTED = """
import re, pathlib
from mkdocs_leonardo.imaging.memory import return_free_memory

def resident_kib():
    return int(re.search(r"VmRSS:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

blocks = [b"x" * 65_536 for _ in range(800)]
kept = blocks[::40]
del blocks
before = resident_kib()
return_free_memory()
print(before - resident_kib())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries decide for themselves")
def test_freed_memory_between_blocks_in_use_is_given_back() -> None:
    """Most of 50 MB returns to the system, although one block in forty is in use."""
    found = subprocess.run([sys.executable, "-c", FRAGMENTED], check=True, capture_output=True, text=True)
    assert int(found.stdout) > 40_000


def test_other_systems_have_nothing_to_give_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without glibc, both functions do nothing."""
    monkeypatch.setattr(sys, "platform", "darwin")
    configure_malloc()
    return_free_memory()
