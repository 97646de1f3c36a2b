"""The event loop between MkDocs and the services."""

import platform
import subprocess
import sys
import threading

import pytest
from anyio import to_thread

from mkdocs_leonardo.bridge import THREADS, Bridge


def test_bridge_blocking_calls_share_few_threads() -> None:
    """However many pages wait for the disk at a time, the threads that keep memory for pictures stay few."""
    together = threading.Barrier(THREADS)

    def block() -> int:
        # Goes on when so many calls are in it: fewer threads would never end, more would leave more names.
        together.wait(timeout=30)
        return threading.get_ident()

    async def call() -> int:
        return await to_thread.run_sync(block)

    bridge = Bridge()
    futures = [bridge.start(call) for _ in range(THREADS * 12)]
    threads = {future.result(timeout=60) for future in futures}
    bridge.close()

    assert len(threads) == THREADS


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts itself as a terminal does elsewhere")
def test_bridge_that_is_interrupted_while_it_waits_for_a_paid_answer_gives_it_up() -> None:
    """The first Ctrl-C waits for what is paid for; the second one ends it, by closing the connections."""
    program = """
import os, signal
from anyio import CancelScope, Event
from mkdocs_leonardo.bridge import Bridge
closed = Event()
async def answer():
    with CancelScope(shield=True):
        os.kill(os.getpid(), signal.SIGINT)
        await closed.wait()
async def close():
    closed.set()
bridge = Bridge()
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    try:
        bridge.start(answer)
        bridge.start(Event().wait).result()
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        bridge.close(close)
except KeyboardInterrupt:
    print("given up")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert ended.stdout == "given up\n"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries look after it themselves, or not")
def test_bridge_freed_pictures_go_back_to_the_system() -> None:
    """What a picture took in a thread is not kept there, however large the one before it was."""
    program = """
import platform
import subprocess
import sys
import threading
from mkdocs_leonardo.bridge import Bridge

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
bridge = Bridge()
before = rss()
threads = [threading.Thread(target=lambda: kept.append(take())) for _ in range(2)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(rss() - before)
bridge.close()
"""
    kept_bytes = int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)

    assert kept_bytes < 9_000_000
