"""A real `mkdocs serve` on loopback, in a process of its own.

with serving(site, services) as preview:
    preview.wait_until(lambda: 'data-provider="leonardo"' in preview.html())
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from builds import TRACEBACK, Site
from fork_server import Process, start
from ports import reserved_port
from services import AnyServices

#: The time limit of every wait (seconds); a preview that never comes is a failure, not a stopped run.
PATIENCE_S = 60.0


class Preview:
    """A running preview."""

    def __init__(self, url: str, log: Path, process: Process) -> None:
        self.url = url
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """Everything that the preview has printed."""
        return self._log.read_text(encoding="utf-8")

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Level and text of every message of the plugin."""
        return re.findall(r"^(\w+) +-\s+leonardo: (.*)$", self.log, re.MULTILINE)

    @property
    def builds(self) -> int:
        """The number of builds.

        The count goes by the line after a build, since no sentence of a build itself is certain to appear twice.
        """
        return len(re.findall(r"Serving on |Reloading browsers", self.log))

    @property
    def has_traceback(self) -> bool:
        """Whether the log contains a traceback."""
        return TRACEBACK.search(self.log) is not None

    def html(self, place: str = "") -> str:
        """The text of a page as served."""
        with urllib.request.urlopen(f"{self.url}{place}", timeout=PATIENCE_S) as answer:  # noqa: S310 - on loopback
            text: str = answer.read().decode()
        return text

    def wait_until(self, is_true: Callable[[], bool]) -> None:
        """Wait until the condition is true; AssertionError with the log after a time limit."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                if is_true():
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.05)
        raise AssertionError(self.log)

    def end(self, number: signal.Signals) -> None:
        """Send a signal and wait for the end, which must come within PATIENCE_S."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)


@contextmanager
def serving(
    site: Site,
    services: AnyServices,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    livereload: bool = True,
) -> Iterator[Preview]:
    """Run a preview of `site` until the end of the block."""
    site.configure(services, {})
    if livereload:
        # Newer releases of click leave it off unless it is asked for.
        arguments = (*arguments, "--livereload")
    log = site.folder / "serve.log"
    with reserved_port() as port, log.open("wb") as output:
        process = start(
            ["-m", "mkdocs", "serve", "--dev-addr", f"127.0.0.1:{port}", *arguments],
            cwd=site.folder,
            env=site.environ(services, environ),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Preview(f"http://127.0.0.1:{port}/", log, process)
        finally:
            process.terminate()
            process.wait()
