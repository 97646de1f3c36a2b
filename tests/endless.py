"""A limit for what would never end: a hang is a failure with its place, not a stopped run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds of processor time: thousands of times what is expected, so that no busy machine reaches it.
LIMIT_S = 60.0


@contextmanager
def ending() -> Iterator[None]:
    """A block that ends; AssertionError in the middle of one that has used LIMIT_S."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"not at its end after {LIMIT_S:g} s of processor time")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
