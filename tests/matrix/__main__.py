"""``python -m tests.matrix [ENVIRONMENT…] [-- PYTEST'S OWN…]``: runs the whole matrix, or some rows of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from .environments import ALL

arguments = sys.argv[1:]
end = arguments.index("--") if "--" in arguments else len(arguments)
names, rest = arguments[:end], arguments[end + 1 :]
unknown = set(names) - set(ALL)
if unknown:
    sys.exit(f"no such environment: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
if names:
    os.environ["MKDOCS_LEONARDO_MATRIX"] = " ".join(names)
here = str(Path(__file__).parent)
sys.exit(pytest.main([here, "-m", "matrix", "-n", "2", "--dist", "loadgroup", *rest]))
