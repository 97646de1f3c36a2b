"""Progress of a build's heroes: a line that is rewritten on a terminal, a line each ten seconds elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TextIO, TypeVar

#: A shorter wait shows no progress (seconds).
QUIET_S = 2.0
#: The time between two lines that cannot be rewritten (seconds).
LINE_S = 10.0
#: The least time between two rewritten lines (seconds).
_REDRAW_S = 0.2

T = TypeVar("T")

#: A function that logs a message: one of `logging`'s levels, and the text.
Notify = Callable[[int, str], None]

_CLEAR = "\r\x1b[K"


class Progress:
    """A wait for futures, with lines on how many are done.

    `notify` takes the lines. Other lines pass through `pass_on`, which keeps them apart from the rewritten line.
    """

    def __init__(self, notify: Notify, *, quiet_s: float = QUIET_S, line_s: float = LINE_S) -> None:
        self._notify = notify
        self._quiet_s = quiet_s
        self._line_s = line_s
        self._stream: TextIO = sys.stderr
        self._is_drawn = False

    def pass_on(self, level: int, text: str) -> None:
        """Pass a line on, after clearing the rewritten line."""
        self._clear()
        self._notify(level, text)

    def wait(self, futures: Sequence[Future[T]], *, timeout_s: float) -> None:
        """Return when every future is done, or after `timeout_s` seconds."""
        total, pending, started_at = len(futures), {*futures}, time.monotonic()
        said_at = started_at
        try:
            while pending := wait(pending, timeout=_REDRAW_S, return_when=FIRST_COMPLETED).not_done:
                now = time.monotonic()
                words = f"{total - len(pending)} of {total} heroes ready after {now - started_at:.0f} s"
                if now - started_at > timeout_s:
                    return
                if now - started_at < self._quiet_s:
                    continue
                if self._stream.isatty():
                    self._stream.write(f"{_CLEAR}leonardo: {words}")
                    self._stream.flush()
                    self._is_drawn = True
                elif now - said_at >= self._line_s:
                    said_at = now
                    self._notify(logging.INFO, words)
        finally:
            self._clear()

    def _clear(self) -> None:
        if self._is_drawn:
            self._is_drawn = False
            self._stream.write(_CLEAR)
            self._stream.flush()
