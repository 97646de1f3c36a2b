"""The clock, which is passed in so that tests can set it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A clock, and a way to wait."""

    def now(self) -> float:
        """Unix seconds, as steady as a stopwatch: within a process, setting the system's clock does not change them."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """Real time: the system's when the process began, and a stopwatch since."""

    def __init__(self) -> None:
        self._began_at = time.time() - _stopwatch_s()

    def now(self) -> float:
        """Unix seconds; setting the system's clock does not change them."""
        return self._began_at + _stopwatch_s()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        from anyio import sleep

        await sleep(seconds)


def _stopwatch_s() -> float:
    """Seconds of a stopwatch that runs on while the machine sleeps, where the system has one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
