"""Leaving a service alone that fails, and finding out when it does so no more (a circuit breaker)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

#: A service that is left alone is asked again after this time, by one call (seconds). Shorter than `claims.HOLD_S`, so
#: that a runner whose line was broken for a moment still has its claims.
REST_S = 6.0


class Alarm:
    """How loud to be about one service: whoever is first to find it wanting warns, and further words are not heard."""

    def __init__(self) -> None:
        self._has_rung = False

    def level(self, otherwise: int = logging.DEBUG) -> int:
        """WARNING the first time, and `otherwise` from then on."""
        if self._has_rung:
            return otherwise
        self._has_rung = True
        return logging.WARNING


class CircuitBreaker:
    """Counts failures in a row. Calls that were under way together and fail together are one.

    A service that has never answered well is not asked again once it has failed so often. `begin` before a call,
    `failed` or `succeeded` after it, all in one thread.
    """

    def __init__(self, most: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._failures = 0
        self._asked_again_at = 0.0
        self._has_succeeded = False

    def allows(self) -> bool:
        """Whether to make a call now; of those that ask while the service is left alone, one in `REST_S` may."""
        if self._failures < self._most:
            return True
        now = self._monotonic()
        if not self._has_succeeded or now < self._asked_again_at:
            return False
        self._asked_again_at = now + REST_S
        return True

    def begin(self) -> int:
        """What `failed` wants to know of the call that begins."""
        return self._failures

    def failed(self, begun: int) -> None:
        """One more failure, unless the call began before another one was known."""
        if begun == self._failures:
            self._failures += 1
            self._asked_again_at = self._monotonic() + REST_S

    def succeeded(self) -> None:
        """All is well again."""
        self._failures = 0
        self._has_succeeded = True
