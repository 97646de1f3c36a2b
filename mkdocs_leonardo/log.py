"""The plugin's log, below MkDocs's own, which annotates a job of GitHub Actions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from mkdocs_leonardo.spec import printable

#: The beginning of each message.
PREFIX = "leonardo: "


class _PrefixedLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that puts the prefix before each message."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[str, MutableMapping[str, Any]]:  # noqa: ANN401 - the base class's signature
        """Return the message with the prefix."""
        return f"{PREFIX}{msg}", kwargs


class _OneLineFilter(logging.Filter):
    """A log filter that escapes control characters, with which text of a page or service could command a terminal."""

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
    """Whether GitHub Actions runs this process, and so reads workflow commands in what it prints."""
    return environ.get("GITHUB_ACTIONS") == "true"
