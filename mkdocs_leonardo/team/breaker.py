"""A circuit breaker for a service that fails."""

from __future__ import annotations

import time
from collections.abc import Callable

#: A service that is left alone is asked again after this time, by one call (seconds). Shorter than `leases.HOLD_S`, so
#: that a machine whose line was broken for a moment still has its leases.
REST_S = 6.0


class CircuitBreaker:
    """Counts failures in a row. A call that fails counts unless another one has failed or succeeded since it began.

    `begin` before a call, `failed` or `succeeded` after it, all in one thread.
    """

    def __init__(self, most: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._failures = 0
        self._ended = 0
        self._asked_again_at = 0.0

    def allows(self) -> bool:
        """Whether a call may be made now; while the breaker is open, one in `REST_S` may."""
        if self._failures < self._most:
            return True
        now = self._monotonic()
        if now < self._asked_again_at:
            return False
        self._asked_again_at = now + REST_S
        return True

    def begin(self) -> int:
        """The number of calls that have ended so far, for `failed` of the call that begins."""
        return self._ended

    def failed(self, begun: int) -> bool:
        """Count a failure; returns False for a call that does not count."""
        if begun != self._ended:
            return False
        self._ended += 1
        self._failures += 1
        self._asked_again_at = self._monotonic() + REST_S
        return True

    def succeeded(self) -> None:
        """Close the breaker: a call succeeded."""
        self._ended += 1
        self._failures = 0
