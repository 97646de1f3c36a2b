"""A circuit breaker for a service that fails."""

from __future__ import annotations

import time
from collections.abc import Callable

#: An open breaker lets one call through after this time (seconds). It is shorter than `leases.TEAM_HOLD_S`, so that a
#: machine keeps its leases through a short interruption.
OPEN_S = 6.0


class CircuitBreaker:
    """Counts failures in a row. A call that fails counts unless another one has failed or succeeded since it began.

    The failure of a service that has never answered opens the breaker for good.

    `begin` before a call, `record_failure` or `record_success` after it, all in one thread.
    """

    def __init__(self, most: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        #: Whether the service has answered at all, also with a failure.
        self.has_answered = False
        self._failures = 0
        self._ended = 0
        self._asked_again_at = 0.0

    def may_call(self) -> bool:
        """Whether a call may be made now; while the breaker is open, one in `OPEN_S` may."""
        if not self.has_answered:
            return not self._failures
        if self._failures < self._most:
            return True
        now = self._monotonic()
        if now < self._asked_again_at:
            return False
        self._asked_again_at = now + OPEN_S
        return True

    def begin(self) -> int:
        """Begin a call; returns the argument of `record_failure`, the number of calls that have ended."""
        return self._ended

    def record_failure(self, begun: int) -> None:
        """Count a failure."""
        if begun == self._ended:
            self._ended += 1
            self._failures += 1
            self._asked_again_at = self._monotonic() + OPEN_S

    def record_success(self) -> None:
        """Close the breaker: a call succeeded."""
        self.has_answered = True
        self._ended += 1
        self._failures = 0
