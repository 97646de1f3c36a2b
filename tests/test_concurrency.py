"""The event loop between MkDocs and the services."""

import gc
import logging
import platform
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from anyio import CancelScope, Event, sleep, sleep_forever, to_thread
from anyio.lowlevel import checkpoint

from mkdocs_leonardo.concurrency import MOST_QUEUED, THREADS, EventLoop


def test_loop_blocking_calls_share_few_threads() -> None:
    """Blocking calls of many pages share few threads, each of which keeps memory for pictures."""
    together = threading.Barrier(THREADS)

    def block() -> int:
        # Goes on when this many calls are in it: fewer threads would never end, more would leave more names.
        together.wait(timeout=30)
        return threading.get_ident()

    async def call() -> int:
        return await to_thread.run_sync(block)

    loop = EventLoop()
    futures = [loop.start(call) for _ in range(THREADS * 12)]
    threads = {future.result(timeout=60) for future in futures}
    loop.close()

    assert len(threads) == THREADS


class HeldCoroutines:
    """Counts running coroutines, and holds each until the gate opens."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.most = 0
        self._now = 0
        self._gate: Event | None = None

    async def work(self, number: int, start_next: Callable[[], None]) -> int:
        """Wait for the gate; return the number, or raise ValueError for a negative one."""
        self.order.append(number)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            if number % 2:
                start_next()
            await self.gate().wait()
            if number < 0:
                raise ValueError(number)
            return number
        finally:
            self._now -= 1

    def gate(self) -> Event:
        """The event that all coroutines wait for."""
        self._gate = self._gate or Event()
        return self._gate

    async def open(self) -> None:
        """Let the coroutines end."""
        self.gate().set()

    async def settled(self) -> int:
        """The number of running coroutines once it no longer changes."""
        for _ in range(100):
            await checkpoint()
        return self._now


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    """An event loop that ends with the test."""
    loop = EventLoop()
    yield loop
    loop.close()


def test_loop_runs_those_in_line_a_few_at_a_time_and_in_order(loop: EventLoop) -> None:
    """The loop starts few of many queued coroutines at a time, in order, and each gets its result or error."""
    line = HeldCoroutines()
    numbers = [2 * number for number in range(3 * MOST_QUEUED)]
    futures = [loop.start_queued(line.work, number) for number in numbers]
    wrong = loop.start_queued(line.work, -2)

    assert loop.start(line.settled).result(30) == MOST_QUEUED
    loop.start(line.open)

    assert [future.result(30) for future in futures] == numbers
    with pytest.raises(ValueError, match="-2"):
        wrong.result(30)
    assert line.most == MOST_QUEUED
    assert line.order == [*numbers, -2]


def test_loop_who_steps_aside_lets_the_next_one_start(loop: EventLoop) -> None:
    """A page that waits for another page's picture gives its slot to the next page."""
    line = HeldCoroutines()
    futures = [loop.start_queued(line.work, 1) for _ in range(MOST_QUEUED + 10)]
    futures += [loop.start_queued(line.work, 2) for _ in range(MOST_QUEUED + 10)]

    assert loop.start(line.settled).result(30) == 2 * MOST_QUEUED + 10
    loop.start(line.open)

    assert sum(future.result(30) for future in futures) == 3 * (MOST_QUEUED + 10)


def test_loop_in_line_who_is_cancelled_gives_way(loop: EventLoop) -> None:
    """A cancelled coroutine ends if it runs, and never starts if it is queued."""
    line = HeldCoroutines()
    running = loop.start_queued(line.work, 0)
    others = [loop.start_queued(line.work, 2) for _ in range(MOST_QUEUED)]
    waiting = loop.start_queued(line.work, 4)
    last = loop.start_queued(line.work, 6)
    assert loop.start(line.settled).result(30) == MOST_QUEUED

    assert waiting.cancel()
    assert running.cancel()

    assert loop.start(line.settled).result(30) == MOST_QUEUED
    loop.start(line.open)
    assert last.result(30) == 6
    assert [future.result(30) for future in others] == [2] * MOST_QUEUED
    assert 4 not in line.order


def test_loop_keeps_no_future_of_an_ended_coroutine(loop: EventLoop) -> None:
    """The loop forgets each coroutine that ends, so a preview's many rebuilds take no more memory."""
    line = HeldCoroutines()
    loop.start(line.open).result(30)
    futures = [weakref.ref(start(line.work, 0)) for start in [loop.start_queued] * 3]
    futures += [weakref.ref(loop.start(line.settled)) for _ in range(3)]

    loop.start(line.settled).result(30)
    gc.collect()

    assert [future() for future in futures] == [None] * 6


def test_loop_runs_coroutines_for_results_in_order_and_cancels_one_that_takes_too_long(loop: EventLoop) -> None:
    """Results of coroutines that run at once keep their order; a coroutine ends when its time is over."""
    gate, ended = loop.call(Event), threading.Event()

    async def wait_for_gate(number: int) -> int:
        if number == 3:
            gate.set()
        await gate.wait()
        return number

    async def never() -> None:
        try:
            await sleep_forever()
        finally:
            ended.set()

    assert list(loop.map(wait_for_gate, [1, 2, 3])) == [1, 2, 3]
    with pytest.raises(TimeoutError):
        loop.run(never, timeout_s=0.1)
    assert ended.wait(30)


def test_loop_calls_a_function_where_no_coroutine_changes_what_it_reads(loop: EventLoop) -> None:
    """The loop's thread calls the function; after its end, no coroutine runs beside this thread."""

    async def name_thread() -> int:
        return threading.get_ident()

    assert loop.call(threading.get_ident) == loop.run(name_thread)
    loop.close()
    assert loop.call(threading.get_ident) == threading.get_ident()


def test_loop_that_closes_starts_no_queued_coroutine_and_awaits_what_is_paid_for() -> None:
    """A closing loop cancels running coroutines, awaits paid answers, and runs `last` after them."""
    events: list[str] = []
    line = HeldCoroutines()

    async def paid(start_next: Callable[[], None]) -> None:  # noqa: ARG001 - the line's signature
        try:
            await sleep_forever()
        finally:
            with CancelScope(shield=True):
                await sleep(0.1)
            events.append("answer")

    async def last() -> None:
        events.append("last")

    loop = EventLoop()
    futures: list[Future[Any]] = [loop.start_queued(paid)]
    futures += [loop.start_queued(line.work, 0) for _ in range(3 * MOST_QUEUED)]
    assert loop.start(line.settled).result(30) == MOST_QUEUED - 1

    loop.close(last)

    assert events == ["answer", "last"]
    assert all(future.cancelled() for future in futures)
    assert len(line.order) == MOST_QUEUED - 1
    loop.close(last)
    assert events == ["answer", "last"]


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts itself as a terminal does elsewhere")
def test_loop_that_is_interrupted_while_it_waits_for_a_paid_answer_gives_it_up() -> None:
    """The first Ctrl-C waits for a paid answer; the second one closes the connections and ends the wait."""
    program = """
import os, signal
from anyio import CancelScope, Event
from mkdocs_leonardo.concurrency import EventLoop
closed = Event()
async def answer():
    with CancelScope(shield=True):
        os.kill(os.getpid(), signal.SIGINT)
        await closed.wait()
async def close():
    closed.set()
loop = EventLoop()
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    try:
        loop.start(answer)
        loop.start(Event().wait).result()
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        loop.close(close)
except KeyboardInterrupt:
    print("given up")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert ended.stdout == "given up\n"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries look after it themselves, or not")
def test_loop_freed_pictures_go_back_to_the_system() -> None:
    """Memory of a freed picture returns to the system, also after a larger picture in the same thread."""
    program = """
import platform
import subprocess
import sys
import threading
from mkdocs_leonardo.concurrency import EventLoop

def rss():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def take():
    for size in (20_000_000, 9_000_000):
        del blocks[:]
        blocks.extend(bytearray(b"x") * size for _ in range(3))
    kept = bytearray(b"y") * 100_000
    del blocks[:]
    return kept

blocks, kept = [], []
loop = EventLoop()
before = rss()
threads = [threading.Thread(target=lambda: kept.append(take())) for _ in range(2)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(rss() - before)
loop.close()
"""
    kept_bytes = int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)

    assert kept_bytes < 9_000_000


def test_background_work_that_fails_is_logged() -> None:
    """An exception of work that nothing waits for is a warning, and its text is at DEBUG; a cancelled one is none."""
    lines: list[tuple[int, str]] = []

    async def fail(key: str) -> None:
        raise LookupError(key)

    loop = EventLoop()
    loop.start_background(lambda level, text: lines.append((level, text)), fail, "secret")
    loop.start_background(lambda level, text: lines.append((level, text)), sleep_forever)
    loop.run(checkpoint)
    loop.close()

    assert lines == [
        (logging.DEBUG, "LookupError('secret')"),
        (logging.WARNING, "background work has failed (LookupError); run the command again"),
    ]
