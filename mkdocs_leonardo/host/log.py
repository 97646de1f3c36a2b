"""The plugin's log, below MkDocs's own."""

from __future__ import annotations

import logging

from mkdocs.plugins import PrefixedLogger

from mkdocs_leonardo.spec import printable


class _OneLineFilter(logging.Filter):
    """A log filter that escapes control characters, with which text of a page or service could command a terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record on."""
        text = record.getMessage()
        line = printable(text)
        if line != text:
            record.msg, record.args = line, ()
        return True


def notify(level: int, message: object) -> None:
    """Log a message. The log's handlers get the object itself, such as a `Complaint` with its pages."""
    log.log(level, "%s", message)


log = PrefixedLogger("leonardo", logging.getLogger("mkdocs.plugins.leonardo"))
log.logger.addFilter(_OneLineFilter())
#: The beginning of the plugin's messages in MkDocs's log.
PREFIX = f"{log.prefix}: "
