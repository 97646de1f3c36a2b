"""A time limit that turns a hang into a failure at its place."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds of processor time: thousands of times what is expected, so that no busy machine reaches it.
LIMIT_S = 60.0


@contextmanager
def ending() -> Iterator[None]:
    """A block that may take LIMIT_S; AssertionError inside the block after that."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"not at its end after {LIMIT_S:g} s of processor time")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
