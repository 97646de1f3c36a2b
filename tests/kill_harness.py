"""Tools for tests of killed and of simultaneous builds: a look into the stores, and a stop at a chosen moment.

A build stops at a state of its journal because something holds it there: an answer, a used-up limit, or a locked
database. So no test depends on lucky timing.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from builds import BUILD_TIMEOUT_S, Built, Site, page
from fork_server import Process, start
from services import AnyServices, LedgerView

from mkdocs_leonardo.errors import StoreUnavailable
from mkdocs_leonardo.spec import JsonValue, PictureRecord
from mkdocs_leonardo.storage.entries import Entry
from mkdocs_leonardo.storage.journal import Journal
from mkdocs_leonardo.storage.pictures import PictureFolder
from mkdocs_leonardo.storage.process_leases import Owner
from mkdocs_leonardo.storage.text_store import TextStore

#: Between two looks at something outside this process (seconds).
LOOK_S = 0.01
#: Leonardo alone: what is paid at OpenAI comes with its answer and is not there to be looked for afterwards.
LEONARDO_ONLY: Mapping[str, Any] = {"providers": ["leonardo"]}
#: The widest picture in the slowest format: seconds of encoding.
SLOW_TO_ENCODE: Mapping[str, Any] = {"formats": ["avif", "webp", "jpeg"], "widths": [480, 960, 1536]}


def pages(number: int) -> dict[str, str]:
    """Pages with different prompts."""
    names = ["index.md", *(f"page{place}.md" for place in range(1, number))]
    return {name: page(f"Page {place}", hero_prompt=f"view number {place}") for place, name in enumerate(names)}


# What is on disk ------------------------------------------------------------------------------------------------------


def entries(cache: Path) -> dict[str, Entry]:
    """The open jobs of the journal."""
    try:
        store = TextStore.open(cache / "journal", durable=False)
    except StoreUnavailable:
        return {}
    try:
        return Journal(store, Owner.of_this_process(), time.time).get_entries()
    finally:
        store.close()


def states(cache: Path) -> list[str]:
    """The state of each open job."""
    return sorted("accepted" if entry.accepted else "intended" for entry in entries(cache).values())


def records(cache: Path) -> list[PictureRecord]:
    """The records of every cached picture, each read and checked."""
    folder = PictureFolder(cache / "pictures")
    found = list(folder.read_records())
    for record in found:
        folder.read(record)
    return found


def age(cache: Path, seconds: float) -> None:
    """Move every time in the open jobs into the past by the given number of seconds."""
    store = TextStore.open(cache / "journal", durable=False)
    try:
        for name, value in list(store.items("job:")):
            assert isinstance(value, dict)
            tries = value["tries"]
            assert isinstance(tries, list)
            older = [
                {key: _earlier(part, seconds) if key.endswith(("_at", "_since")) else part for key, part in one.items()}
                for one in tries
                if isinstance(one, dict)
            ]
            store.set(name, {**value, "tries": [*older]})
    finally:
        store.close()


def _earlier(moment: JsonValue, seconds: float) -> JsonValue:
    return moment - seconds if isinstance(moment, float) and moment else moment


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Lock the database in `folder` against writing; builds wait for up to 10 s."""
    connection = sqlite3.connect(folder / "cache.db", timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def unread_bytes(url: str) -> list[int]:
    """The number of unread bytes in each connection to the server at `url` (Linux)."""
    port = f"{urlsplit(url).port:04X}"
    lines = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
    return [int(fields[4].split(":")[1], 16) for fields in lines if fields[1].endswith(f":{port}")]


# Builds ---------------------------------------------------------------------------------------------------------------


@contextmanager
def running(site: Site, services: AnyServices, *arguments: str) -> Iterator[Process]:
    """Start a build of a configured site; kill it at the end of the block if it still runs."""
    with (site.folder / f"log{time.monotonic_ns()}.txt").open("w+", encoding="utf-8") as log:
        process = start(
            site.command(*arguments)[1:],
            cwd=site.folder,
            env=site.environ(services),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            kill(process)


def kill(process: Process) -> None:
    """Kill the build without letting a handler run, as in a power cut."""
    process.kill()
    process.wait()


def kill_at_random(site: Site, services: AnyServices, dice: random.Random) -> bool:
    """Kill a build a random time after one of its requests; return False if the build ended first."""
    seen = len(services.ledger.requests)
    wanted, more_s = dice.randrange(0, 14), dice.uniform(0, 0.08)
    with running(site, services) as process:
        wait_until(
            lambda: process.poll() is not None or len(services.ledger.requests) >= seen + max(1, wanted),
            timeout_s=60,
        )
        if process.poll() is None:
            # The moment is the thing: whatever the build does in it is what the kill interrupts.
            time.sleep(more_s)
        was_running = process.poll() is None
        kill(process)
        return was_running


def stop(pid: int) -> None:
    """Stop every thread of the process until SIGCONT (Linux); a thread that waits for data gets none."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    wait_until(
        lambda: all(
            (thread / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"
            for thread in threads.iterdir()
        )
    )


def wait_until(is_true: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    """Wait until the condition is true; TimeoutError if that takes too long."""
    give_up_at = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"not true within {timeout_s} s")
        time.sleep(LOOK_S)


def all_at_once(builds: Sequence[tuple[Site, Sequence[str]]], services: AnyServices) -> list[int]:
    """Run builds side by side, and return their exit codes."""
    for site, _ in builds:
        site.configure(services)
    with ExitStack() as stack:
        processes = [stack.enter_context(running(site, services, *arguments)) for site, arguments in builds]
        return [process.wait(timeout=BUILD_TIMEOUT_S) for process in processes]


def build_until_done(site: Site, services: AnyServices, *, most: int = 6) -> list[Built]:
    """Build until every page has its real picture; AssertionError if `most` builds are not enough."""
    done: list[Built] = []
    for _ in range(most):
        built = site.build(services)
        assert built.exit_code == 0, built.log
        assert not built.has_traceback, built.log
        done.append(built)
        if set(built.sources.values()) <= {"generated", "resumed", "cached"} and not entries(site.cache):
            return done
    raise AssertionError(f"not done after {most} builds: {done[-1].report}\n{done[-1].log}\n{states(site.cache)}")


# The books ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Books:
    """Counts of what was asked for, paid and collected."""

    pages: int
    paid: int
    collected: int
    paid_twice: int
    lost: int
    open_entries: int

    @property
    def balance(self) -> bool:
        """Whether every page has one picture that was paid once, and every paid picture is there."""
        return (
            self.pages == self.paid == self.collected and self.paid_twice == self.lost == 0 and self.open_entries == 0
        )


def books(cache: Path, ledger: LedgerView, *, number_of_pages: int) -> Books:
    """The counts of the service's ledger and of the cache."""
    kept = {record.job_id for record in records(cache)}
    paid = {job.job_id for job in ledger.paid}
    return Books(
        pages=number_of_pages,
        paid=len(paid),
        collected=len(kept & paid),
        paid_twice=len(ledger.paid_twice()),
        lost=len(paid - kept),
        open_entries=len(entries(cache)),
    )
