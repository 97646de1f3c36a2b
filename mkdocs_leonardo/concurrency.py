"""The one place where synchronous and asynchronous code meet.

`EventLoop` runs coroutines for synchronous code. `to_thread` runs blocking calls for coroutines: each call that reads
or writes a file or a database. A database may be locked for ten seconds. Ruff refuses other ways in the package.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio.to_thread
from anyio import CancelScope, CapacityLimiter, Event, create_task_group, sleep_forever
from anyio.abc import TaskGroup, TaskStatus
from anyio.from_thread import BlockingPortal, start_blocking_portal

from mkdocs_leonardo.imaging.memory import configure_malloc
from mkdocs_leonardo.log import Notify

#: Worker threads for calls that block: reading, writing, decoding. Encoding has its own, one for each core. A thread
#: may keep the memory of its largest picture: anyio's 40 threads would keep 75 MB more.
THREADS = 4

#: Queued coroutines that run at once by default. Each takes about 14 KB of memory while it waits. This many keep the
#: cores busy while services work.
#: A queued call takes 1.9 KB of memory. A task that waits for a token of a limiter takes 10.5 KB.
MOST_QUEUED = 64

A = TypeVar("A")
T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class EventLoop:
    """An event loop in a thread, from construction to `close`."""

    def __init__(self, most_queued: int = MOST_QUEUED) -> None:
        self._stack = ExitStack()
        self._portal: BlockingPortal = self._stack.enter_context(start_blocking_portal())
        self._started: dict[Future[Any], None] = {}
        self._running = 0
        self._is_closed = False
        self._ended: Event | None = None
        self._queue: deque[tuple[Future[Any], Callable[..., Awaitable[Any]], tuple[object, ...]]] = deque()
        self._queued_running = 0
        self._most_queued = most_queued
        self._group: TaskGroup | None = None
        self._thread = self._portal.call(threading.get_ident)
        self._portal.call(_set_threads, THREADS)
        configure_malloc()

    def start(self, function: Callable[[Unpack[Arguments]], Awaitable[T]], *arguments: *Arguments) -> Future[T]:
        """Run a coroutine function in the loop; the future gives its result to this thread."""
        return self._track(self._portal.start_task_soon(self._run, function, *arguments))

    def run(
        self,
        function: Callable[[Unpack[Arguments]], Awaitable[T]],
        *arguments: *Arguments,
        timeout_s: float | None = None,
    ) -> T:
        """Run a coroutine function in the loop and return its result; TimeoutError after `timeout_s`."""
        future = self.start(function, *arguments)
        try:
            return future.result(timeout_s)
        finally:
            future.cancel()

    def start_background(
        self, notify: Notify, function: Callable[[Unpack[Arguments]], Awaitable[object]], *arguments: *Arguments
    ) -> None:
        """Run a coroutine function whose result nothing waits for; logs a warning if it fails."""

        def report(work: Future[object]) -> None:
            error = None if work.cancelled() else work.exception()
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            if error is not None:
                notify(logging.DEBUG, repr(error))
                notify(logging.WARNING, f"background work has failed ({type(error).__name__}); run the command again")

        self.start(function, *arguments).add_done_callback(report)

    def map(self, function: Callable[[A], Awaitable[T]], arguments: Iterable[A]) -> Iterator[T]:
        """Run a coroutine function for all arguments at once; the results have the arguments' order."""
        futures = [self.start(function, argument) for argument in arguments]
        return (future.result() for future in futures)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in the loop's thread, so that no coroutine changes the values that the function reads.

        A loop that is closed or closing takes no call: then this thread calls the function.
        """
        return function() if self._is_closed else self._portal.call(function)

    def start_queued(
        self,
        function: Callable[[Unpack[Arguments], Callable[[], None]], Awaitable[T]],
        *arguments: *Arguments,
    ) -> Future[T]:
        """Queue a coroutine function; `most_queued` of them run at once, in the order of the calls.

        `function` gets one more argument: a function that starts the next coroutine, to be called before a wait.
        """
        if self._group is None:
            keeper, self._group = self._portal.start_task(self._hold_group)
            self._track(keeper)
        future: Future[T] = self._track(Future())
        self._queue.append((future, function, arguments))
        self._portal.start_task_soon(self._start_waiting)
        return future

    def close(
        self,
        cleanup: Callable[[], Awaitable[object]] | None = None,
        *,
        waiting: Callable[[], object] = lambda: None,
    ) -> None:
        """Cancel the coroutines, await `cleanup` in the loop, and end the thread; a second call does nothing.

        Calls `waiting` in the loop before it waits for requests that cannot be cancelled. KeyboardInterrupt ends that
        wait.
        """
        if self._is_closed:
            return
        self._is_closed = True
        with self._stack.pop_all():
            try:
                # From the end of the queue, so that no coroutine starts.
                for future in reversed(list(self._started)):
                    future.cancel()
                self._started.clear()
                if cleanup is None:
                    return
                self._portal.call(self._finish, cleanup, waiting)
            except KeyboardInterrupt:
                # `cleanup` closes the connections, which ends the requests that are still running.
                if cleanup is not None:
                    self._portal.call(cleanup)
                raise

    def _track(self, future: Future[T]) -> Future[T]:
        """Make `close` cancel the future if it is not done then."""
        self._started[future] = None
        future.add_done_callback(lambda done: self._started.pop(done, None))
        return future

    async def _hold_group(self, *, task_status: TaskStatus[TaskGroup]) -> None:
        async with create_task_group() as group:
            task_status.started(group)
            await sleep_forever()

    def _start_waiting(self) -> None:
        while self._queue and self._queued_running < self._most_queued:
            future, function, arguments = self._queue.popleft()
            if not future.cancelled():
                assert self._group is not None  # noqa: S101 - `start_queued` has made it
                self._queued_running += 1
                self._group.start_soon(self._run_queued, future, function, arguments)

    async def _run_queued(
        self, future: Future[T], function: Callable[..., Awaitable[T]], arguments: tuple[object, ...]
    ) -> None:
        is_counted = True

        def start_next() -> None:
            nonlocal is_counted
            if is_counted:
                is_counted = False
                self._queued_running -= 1
                self._start_waiting()

        with CancelScope() as scope:
            future.add_done_callback(partial(self._cancel_with, scope))
            try:
                result = await self._run(function, *arguments, start_next)
            except Exception as error:  # noqa: BLE001 - the future holds it
                if future.set_running_or_notify_cancel():
                    future.set_exception(error)
            else:
                if future.set_running_or_notify_cancel():
                    future.set_result(result)
            finally:
                start_next()

    def _cancel_with(self, scope: CancelScope, future: Future[Any]) -> None:
        """Cancel the scope if the future was cancelled. Any thread may call it."""
        if not future.cancelled():
            return
        if threading.get_ident() == self._thread:
            scope.cancel()
        else:
            self._portal.start_task_soon(scope.cancel)

    async def _run(self, function: Callable[..., Awaitable[T]], *arguments: object) -> T:
        self._running += 1
        try:
            return await function(*arguments)
        finally:
            self._running -= 1
            if self._ended is not None and not self._running:
                self._ended.set()

    async def _finish(self, cleanup: Callable[[], Awaitable[object]], waiting: Callable[[], object]) -> None:
        waiting()
        # Cancelled coroutines may still wait for paid answers, on connections that `cleanup` closes.
        if self._running:
            self._ended = Event()
            await self._ended.wait()
        await cleanup()


def _set_threads(number: int) -> None:
    anyio.to_thread.current_default_thread_limiter().total_tokens = number


async def to_thread(
    function: Callable[[Unpack[Arguments]], T],
    *arguments: *Arguments,
    limiter: CapacityLimiter | None = None,
    is_shielded: bool = False,
) -> T:
    """Call the function in a worker thread, counted by `limiter` or by the event loop's own limiter.

    A coroutine that is cancelled makes a shielded call all the same, and goes on to its next await.
    """
    with CancelScope(shield=is_shielded):
        result = await anyio.to_thread.run_sync(function, *arguments, limiter=limiter)
    return result  # noqa: RET504 - mypy: the scope could have ended the block


def start_daemon(function: Callable[[], T]) -> Future[T]:
    """Call the function in a thread that neither the event loop nor the end of the process waits for."""
    future: Future[T] = Future()
    # Without this, a cancelled future would refuse the result.
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is waited for
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


async def to_daemon(function: Callable[[], T]) -> T:
    """Call a function that may never return: a network folder can hang."""
    return await asyncio.wrap_future(start_daemon(function))


@asynccontextmanager
async def hold_slot(limiter: CapacityLimiter) -> AsyncIterator[Callable[[], None]]:
    """Hold one token of the limiter during the block, or until the yielded function is called."""
    holder = object()
    await limiter.acquire_on_behalf_of(holder)
    is_held = True

    def release() -> None:
        nonlocal is_held
        if is_held:
            is_held = False
            limiter.release_on_behalf_of(holder)

    try:
        yield release
    finally:
        release()
