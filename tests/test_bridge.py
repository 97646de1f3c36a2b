"""The event loop between MkDocs and the services."""

import threading

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
