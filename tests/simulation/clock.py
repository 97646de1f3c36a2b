"""Virtual time: one scheduler runs the event loops of all processes, and draws the next step from the seed.

A history of hours takes milliseconds, since time jumps to the next timer as soon as every process waits.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from asyncio.events import _set_running_loop
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from random import Random
from typing import Any, TypeVar, cast
from unittest.mock import patch

import anyio.to_thread

T = TypeVar("T")

#: A history has a few thousand steps; one with this many has a fault, such as a loop that waits for nothing.
MOST_STEPS = 400_000


class Stuck(Exception):
    """The exception for a history that does not end."""


class Scheduler:
    """Time, timers and ready callbacks of every process and of the world."""

    def __init__(self, random: Random, *, is_drawn: bool) -> None:
        """With `is_drawn` the seed chooses among ready callbacks; without it the oldest comes first, as in asyncio."""
        self.now = 0.0
        self.steps = 0
        # The number of things that `run` waits for.
        self.awaited = 0
        self._random = random
        self._is_drawn = is_drawn
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.Handle]] = []
        self._serial = itertools.count()
        self._world = new_loop(self)

    def at(self, when: float, callback: Callable[[], object]) -> None:
        """Call `callback` at that time, whatever happens to any process."""
        self.add_timer(when, asyncio.Handle(callback, (), self._world))

    def add_timer(self, when: float, handle: asyncio.Handle) -> None:
        """Run `handle` at that time."""
        heapq.heappush(self._timers, (when, next(self._serial), handle))

    def add_ready(self, handle: asyncio.Handle) -> None:
        """Run `handle` in its turn."""
        self._ready.append(handle)

    def wait(self, seconds: float) -> None:
        """Let time pass, and drop the callbacks of dead processes."""
        self.at(self.now + seconds, self._stop)
        self.awaited += 1
        self.run()

    def _stop(self) -> None:
        self.awaited -= 1

    def run(self, until: float = math.inf) -> None:
        """Run until every awaited process has ended, or until that time; Stuck if neither comes."""
        ready, timers = self._ready, self._timers
        running: ProcessLoop | None = None
        try:
            while self.awaited and self.now < until:
                if not ready:
                    if not timers:
                        raise Stuck("every process waits, and nothing will ever happen")
                    when, _, handle = heapq.heappop(timers)
                    self.now = max(self.now, when)
                elif self._is_drawn and len(ready) > 1:
                    handle = ready.pop(int(self._random.random() * len(ready)))
                else:
                    handle = ready.pop(0)
                if handle._cancelled:
                    continue
                loop: ProcessLoop = handle._loop  # type: ignore[attr-defined]  # asyncio's own
                if loop.is_frozen:
                    loop.held.append(handle)
                    continue
                self.steps += 1
                if self.steps > MOST_STEPS:
                    raise Stuck(f"{MOST_STEPS} steps, and no end")
                if loop is not running:
                    _set_running_loop(loop)
                    running = loop
                handle._run()
        finally:
            _set_running_loop(None)


class _Task(asyncio.Task[T]):
    """A task whose hash does not depend on its address in memory."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], number: int, **options: Any) -> None:  # noqa: ANN401 - asyncio's
        # Before asyncio puts it into a set.
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number

    __eq__ = object.__eq__


class ProcessLoop(asyncio.AbstractEventLoop):
    """The event loop of one simulated process, with the methods that asyncio's tasks and anyio call."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._numbers = itertools.count()
        self.tasks: list[asyncio.Task[Any]] = []
        self.is_frozen = False
        self.held: list[asyncio.Handle] = []

    def freeze(self, seconds: float) -> None:
        """Stop the process for this time, as SIGSTOP or a closed laptop does."""
        if not self.is_frozen:
            self.is_frozen = True
            self._scheduler.at(self._scheduler.now + seconds, self._thaw)

    def _thaw(self) -> None:
        self.is_frozen = False
        held, self.held = self.held, []
        # Timers first, as the real loop has them.
        for handle in sorted(held, key=lambda handle: not isinstance(handle, asyncio.TimerHandle)):
            self._scheduler.add_ready(handle)

    def time(self) -> float:
        """Seconds since the history began, as a process's monotonic clock shows them."""
        return self._scheduler.now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]  # noqa: ANN401 - asyncio's
        """Run the callback in its turn, as asyncio does."""
        handle = asyncio.Handle(callback, args, self, context)
        self._scheduler.add_ready(handle)
        return handle

    def call_later(  # type: ignore[override]  # asyncio's has typed arguments
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - asyncio's
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run the callback after `delay`, as asyncio does."""
        return self.call_at(self._scheduler.now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # asyncio's has typed arguments
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - asyncio's
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run the callback at `when`, as asyncio does."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._scheduler.add_timer(when, handle)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Do nothing, since the scheduler skips cancelled handles."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:  # noqa: ANN401 - asyncio's
        """A task of this loop."""
        task: _Task[Any] = _Task(coro, next(self._numbers), loop=self, name=name or "task", context=context)
        self.tasks.append(task)
        return task

    def get_task_factory(self) -> None:
        """None, since `create_task` makes tasks."""
        return

    def get_debug(self) -> bool:
        """False."""
        return False

    def is_running(self) -> bool:
        """True until the history ends."""
        return True

    def is_closed(self) -> bool:
        """False."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Drop the report, since a dying process may leave exceptions behind."""


def new_loop(scheduler: Scheduler) -> ProcessLoop:
    """A loop for one process, without the abstract methods of asyncio that the simulation never calls."""
    loop: ProcessLoop = cast("Any", ProcessLoop)(scheduler)
    return loop


async def _in_this_thread(function: Callable[..., T], *arguments: object, limiter: object = None) -> T:  # noqa: ARG001 - anyio's
    """Run a worker thread's function at once, with awaits before and after it that let other tasks run."""
    await asyncio.sleep(0)
    return function(*arguments)


@contextmanager
def without_threads() -> Iterator[None]:
    """Run functions for worker threads in the simulation's one thread inside the block."""
    with patch.object(anyio.to_thread, "run_sync", _in_this_thread):
        yield
