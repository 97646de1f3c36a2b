"""The clock, passed as an argument so that tests can set it."""

from __future__ import annotations

import time
from typing import Protocol

DAY_S = 86_400


class Clock(Protocol):
    """A clock that tells the time and waits."""

    def now(self) -> float:
        """Return Unix seconds. Setting the system's clock does not change them within a process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The system's time when the clock was made, plus a stopwatch's time since."""

    def __init__(self) -> None:
        self._began_at = time.time() - _stopwatch_s()

    def now(self) -> float:
        """Return Unix seconds. Setting the system's clock does not change them."""
        return self._began_at + _stopwatch_s()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        from anyio import sleep

        await sleep(seconds)


def _stopwatch_s() -> float:
    """Return the seconds of a stopwatch, which runs while the machine sleeps if the system can do that."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
