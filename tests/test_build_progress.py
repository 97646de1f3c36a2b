"""Messages of a build while it waits for its heroes, and after Ctrl-C."""

from __future__ import annotations

import logging
import os
import pty
import signal
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from builds import BUILD_TIMEOUT_S, Site, page
from fork_server import start
from services import Services

from mkdocs_leonardo.log import Progress

PAGES = {"index.md": page("Home", hero_prompt="a harbour at dusk")}


def read_until(descriptor: int, words: str) -> str:
    """The output of a terminal up to these words."""
    shown, give_up_at = "", time.monotonic() + BUILD_TIMEOUT_S
    while words not in shown:
        assert time.monotonic() < give_up_at, shown
        shown += os.read(descriptor, 4096).decode(errors="replace")
    return shown


def test_build_on_a_terminal_says_how_far_it_is_and_takes_the_line_back(tmp_path: Path, services: Services) -> None:
    """On a terminal, one progress line is rewritten during the wait and removed before the next log line."""
    services.leonardo.render_s = None
    site = Site(tmp_path, PAGES, {"leonardo": {"timeout": 600}})
    site.configure(services)
    ours, theirs = pty.openpty()
    process = start(
        site.command()[1:], cwd=tmp_path, env=site.environ(services), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        read_until(ours, "leonardo: 0 of 1 heroes ready after 2 s")
        services.finish_jobs()
        rest = read_until(ours, "1 hero: 1 generated")
        read_until(ours, "Documentation built")
        assert process.wait(timeout=BUILD_TIMEOUT_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)

    assert "\r\x1b[K" in rest.partition("INFO")[0]


def test_build_that_is_interrupted_says_what_the_next_one_collects(tmp_path: Path, services: Services) -> None:
    """Ctrl-C ends the wait and names open jobs, which the next build collects without paying."""
    services.leonardo.render_s = None
    site = Site(tmp_path, PAGES, {"leonardo": {"timeout": 600}})

    with site.building(services) as process:
        services.wait_until(lambda ledger: ledger.polls > 0, timeout_s=BUILD_TIMEOUT_S)
        process.send_signal(signal.SIGINT)
        log, _ = process.communicate(timeout=BUILD_TIMEOUT_S)
    services.finish_jobs()
    again = site.build(services)

    assert process.returncode != 0
    assert "1 hero was being made; the next build collects what the services keep" in log
    assert again.sources == {"index.md": "resumed"}
    assert services.ledger.paid_jobs == 1


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys: object) -> None:
    """Without a terminal, a long wait logs whole lines, and a short wait none."""
    del capsys  # standard error is no terminal while it is captured
    lines: list[tuple[int, str]] = []
    waiting: Future[None] = Future()

    def notify(level: int, text: str) -> None:
        lines.append((level, text))
        if not waiting.done():
            waiting.set_result(None)

    Progress(notify).wait([], timeout_s=60)
    assert lines == []
    Progress(notify, quiet_s=0, line_s=0).wait([waiting], timeout_s=60)

    assert lines == [(logging.INFO, "0 of 1 heroes ready after 0 s")]


def test_progress_gives_up_after_the_patience() -> None:
    """A wait for a job that never ends gives up after its time limit."""
    waiting: Future[None] = Future()
    thread = threading.Thread(target=lambda: Progress(lambda *_: None).wait([waiting], timeout_s=0.1), daemon=True)
    thread.start()
    thread.join(timeout=30)

    assert not thread.is_alive()
