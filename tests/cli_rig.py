"""The installed command `mkdocs-leonardo`, run in a process of its own, in the site's folder.

shell = Shell(Site(tmp_path, pages={...}), services)
ran = shell("generate", "--yes")
assert ran.exit_code == 0
"""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builds import TRACEBACK, Site
from fork_server import Process, start
from services import API_KEYS, SIGNATURE, AnyServices

COMMAND = str(Path(sys.executable).with_name("mkdocs-leonardo"))
#: The time limit of a command (seconds).
TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of one command. `out` and `err` are apart, as a script sees them."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command printed
        """Standard output parsed as JSON."""
        return json.loads(self.out)

    def check(self) -> Ran:
        """Return this result; AssertionError if an output contains a secret or a traceback."""
        for text in (self.out, self.err):
            assert not TRACEBACK.search(text), text
            for secret in (*API_KEYS.values(), SIGNATURE):
                assert secret not in text
        return self


@dataclass
class Shell:
    """A prompt in the folder of `site`. Without `services`, no key is set."""

    site: Site
    services: AnyServices | None = None
    environ: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        self.site.configure(self.services)

    def __call__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """Run the command to its end, without a terminal."""
        with self.running(*arguments, environ=environ) as process:
            out, err = process.communicate(timeout=TIMEOUT_S)
        return Ran(process.returncode, out, err).check()

    @contextmanager
    def running(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[Process]:
        """Start the command; kill it at the end of the block if it still runs."""
        process = start(
            [COMMAND, *arguments],
            cwd=self.site.folder,
            env=self.site.environ(self.services, {**(self.environ or {}), **(environ or {})}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def on_terminal(self, *arguments: str, typed: str = "", environ: Mapping[str, str] | None = None) -> Ran:
        """Run the command on a terminal of its own, with `typed` as the answer to questions; all output is in `out`."""
        ours, theirs = pty.openpty()
        process = start(
            [COMMAND, *arguments],
            cwd=self.site.folder,
            env={**self.site.environ(self.services, environ), "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown, give_up_at, is_typed = b"", time.monotonic() + TIMEOUT_S, not typed
        try:
            while time.monotonic() < give_up_at:
                if select.select([ours], [], [], 0.1)[0]:
                    try:
                        part = os.read(ours, 4096)
                    except OSError:  # the other end is closed
                        break
                    if not part:
                        break
                    shown += part
                if not is_typed and b"[y/N]" in shown:
                    os.write(ours, typed.encode())
                    is_typed = True
            process.wait(timeout=TIMEOUT_S)
        finally:
            os.close(ours)
            if process.poll() is None:
                process.kill()
                process.wait()
        return Ran(process.returncode, shown.decode("utf-8", "replace"), "").check()

    def pages(self) -> dict[str, dict[str, Any]]:
        """The pages in the output of `status --json`."""
        return {page["page"]: page for page in self("status", "--json").json["pages"]}
