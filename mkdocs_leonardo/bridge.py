"""The one place where synchronous MkDocs meets asynchronous services: an event loop in a thread of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any, TypeVar

from anyio import Event, to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from mkdocs_leonardo.imaging.memory import keep_little

#: Worker threads for what blocks: reading, writing, decoding (encoding has as many again as there are cores). Each
#: thread may keep what its largest picture took, so anyio's 40 hold on to 75 MB more than these do.
THREADS = 4

T = TypeVar("T")


class Bridge:
    """An event loop in a thread, from construction to `close`."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._portal: BlockingPortal = self._stack.enter_context(start_blocking_portal())
        self._started: list[Future[Any]] = []
        self._running = 0
        self._ended: Event | None = None
        self._portal.call(_set_threads, THREADS)
        keep_little()

    def start(self, function: Callable[..., Awaitable[T]], *arguments: object) -> Future[T]:
        """Run a coroutine function in the loop; the future gives its result to this thread."""
        future = self._portal.start_task_soon(self._run, function, *arguments)
        self._started.append(future)
        return future

    def close(
        self,
        last: Callable[[], Awaitable[object]] | None = None,
        *,
        waiting: Callable[[], object] = lambda: None,
    ) -> None:
        """Cancel what still runs, await `last` in the loop, and end the thread. May be called twice.

        `waiting` is called as the wait for what cannot be cancelled begins; KeyboardInterrupt from then on gives it up.
        """
        with self._stack.pop_all():
            try:
                for future in self._started:
                    future.cancel()
                self._started.clear()
                if last is None:
                    return
                waiting()
                self._portal.call(self._finish, last)
            except KeyboardInterrupt:
                # Whoever interrupts the wait gives the answers up: without its connection no request can go on.
                if last is not None:
                    self._portal.call(last)
                raise

    async def _run(self, function: Callable[..., Awaitable[T]], *arguments: object) -> T:
        self._running += 1
        try:
            return await function(*arguments)
        finally:
            self._running -= 1
            if self._ended is not None and not self._running:
                self._ended.set()

    async def _finish(self, last: Callable[[], Awaitable[object]]) -> None:
        # What was cancelled may still wait for an answer that is paid for, on the connections that `last` closes.
        if self._running:
            self._ended = Event()
            await self._ended.wait()
        await last()


def _set_threads(number: int) -> None:
    to_thread.current_default_thread_limiter().total_tokens = number
