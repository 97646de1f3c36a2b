"""The plugin's log, below MkDocs's own, and the progress of a build's heroes in it."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from mkdocs_leonardo.spec import printable

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")

#: A function that logs a message: one of `logging`'s levels, and the text.
Notify = Callable[[int, str], None]

#: The beginning of each message.
PREFIX = "leonardo: "
#: A shorter wait shows no progress (seconds).
QUIET_S = 2.0
#: The time between two lines that cannot be rewritten (seconds).
LINE_S = 10.0
#: The least time between two rewritten lines (seconds).
_REDRAW_S = 0.2
_CLEAR = "\r\x1b[K"


class _PrefixedLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that puts the prefix before each message."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[str, MutableMapping[str, Any]]:  # noqa: ANN401 - the base class's signature
        """Return the message with the prefix."""
        return f"{PREFIX}{msg}", kwargs


class _OneLineFilter(logging.Filter):
    """A log filter that escapes control characters, since the text of a page or service could command a terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape the control characters of the record, which passes in any case."""
        text = record.getMessage()
        line = printable(text)
        if line != text:
            record.msg, record.args = line, ()
        return True


log = _PrefixedLogger(logging.getLogger("mkdocs.plugins.leonardo"))
log.logger.addFilter(_OneLineFilter())


def notify(level: int, message: object) -> None:
    """Log a message. The log's handlers get the object itself, such as a `Complaint` with its pages."""
    log.log(level, "%s", message)


def is_read_by_github(environ: Mapping[str, str]) -> bool:
    """Return whether GitHub Actions runs this process, and so reads workflow commands in its output."""
    return environ.get("GITHUB_ACTIONS") == "true"


def watch(futures: Collection[Future[T]], *, timeout_s: float) -> Iterator[tuple[Collection[Future[T]], float]]:
    """Yield newly done futures, maybe none, and the seconds so far; until all are done, or for `timeout_s`."""
    # Not imported by builds without heroes.
    from concurrent.futures import FIRST_COMPLETED, wait

    pending = {*futures}
    began_at = time.monotonic()
    seconds = 0.0
    while pending and seconds <= timeout_s:
        done, pending = wait(pending, timeout=_REDRAW_S, return_when=FIRST_COMPLETED)
        seconds = time.monotonic() - began_at
        yield done, seconds


class Progress:
    """A wait for futures, with a line on how many are done, which is rewritten on a terminal.

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

    def wait(self, futures: Collection[Future[Any]], *, timeout_s: float) -> None:
        """Return when every future is done, or after `timeout_s` seconds."""
        ready = 0
        logged_s = 0.0
        try:
            for done, seconds in watch(futures, timeout_s=timeout_s):
                ready += len(done)
                words = f"{ready} of {len(futures)} heroes ready after {seconds:.0f} s"
                if ready == len(futures) or seconds < self._quiet_s:
                    continue
                if self._stream.isatty():
                    self._stream.write(f"{_CLEAR}{PREFIX}{words}")
                    self._stream.flush()
                    self._is_drawn = True
                elif seconds - logged_s >= self._line_s:
                    logged_s = seconds
                    self._notify(logging.INFO, words)
        finally:
            self._clear()

    def _clear(self) -> None:
        if self._is_drawn:
            self._is_drawn = False
            self._stream.write(_CLEAR)
            self._stream.flush()
