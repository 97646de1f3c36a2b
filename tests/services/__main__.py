"""``python -m services``: runs the services in a process of their own."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .server import run

parser = argparse.ArgumentParser(prog="python -m services", description="Image services on loopback, for tests.")
parser.add_argument("--ready-file", type=Path, help="written, as JSON, when every port listens: site name -> base URL")
parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
arguments = parser.parse_args()
run(arguments.ready_file, until_stdin_closes=arguments.until_stdin_closes)
sys.stdout.flush()
# The usual way out would hang: the watching thread may still read standard input, which shutdown cannot end.
os._exit(0)
