"""A real `mkdocs serve` on loopback: a preview shows heroes, spends nothing and does not rebuild by itself."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from builds import Site, page
from services import Services

#: How long anything may take here (seconds); a preview that never comes is a failure, not a stopped run.
PATIENCE_S = 60.0


class Preview:
    """A running `mkdocs serve`."""

    def __init__(self, url: str, log: Path) -> None:
        self._url = url
        self._log = log

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8")

    @property
    def builds(self) -> int:
        """How many times it has built the site."""
        return len(re.findall(r"Documentation built in", self.log))

    def html(self, place: str = "") -> str:
        """A page as a browser gets it."""
        with urllib.request.urlopen(f"{self._url}{place}", timeout=PATIENCE_S) as answer:  # noqa: S310 - on loopback
            text: str = answer.read().decode()
        return text

    def wait_until(self, is_true: Callable[[], bool]) -> None:
        """Return when `is_true`; AssertionError with the log if it never is."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                if is_true():
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.1)
        raise AssertionError(self.log)


@contextmanager
def serving(site: Site, services: Services) -> Iterator[Preview]:
    """Preview `site` until the end of the block."""
    site.configure(services, {})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = site.folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mkdocs", "serve", "--livereload", "--dev-addr", f"127.0.0.1:{port}"],
            cwd=site.folder,
            env=site.environ(services),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Preview(f"http://127.0.0.1:{port}/", log)
    finally:
        process.terminate()
        process.wait()


def test_preview_spends_nothing_and_keeps_the_last_hero(tmp_path: Path, services: Services) -> None:
    """A prompt changed while previewing shows the page's last hero; nobody is asked, and nothing loops."""
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a harbour at dusk")},
        config={"site_url": ""},
    )
    bought = site.build(services)
    key = bought.hero("index.md")["key"]
    asked = len(services.ledger.requests)

    with serving(site, services) as preview:
        preview.wait_until(lambda: f'data-key="{key}"' in preview.html())
        site.write({"index.md": page("Home", "Changed.", hero_prompt="another harbour, half typ")})
        preview.wait_until(lambda: "Changed." in preview.html())
        shown, builds = preview.html(), preview.builds
        site.write({"new.md": page("New", hero_prompt="a desert at noon")})
        preview.wait_until(lambda: 'data-provider="local"' in preview.html("new/"))
        settled = preview.builds

    assert f'data-key="{key}"' in shown, "the previous hero is gone"
    assert len(services.ledger.requests) == asked, "a preview asked a service"
    assert services.ledger.paid_jobs == 1
    assert builds == 2, preview.log
    assert settled == 3, preview.log
    assert not re.findall(r"WARNING -\s+leonardo", preview.log)
    assert "Traceback" not in preview.log
