"""The plugin's log, below MkDocs's own."""

from __future__ import annotations

import logging

from mkdocs.plugins import PrefixedLogger

from mkdocs_leonardo.spec import printable


class _OneLine(logging.Filter):
    """A log filter that shows control characters, so that text of a page or service gives a terminal no commands."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record on."""
        text = record.getMessage()
        line = printable(text)
        if line != text:
            record.msg, record.args = line, ()
        return True


def notify(level: int, message: object) -> None:
    """Log a message; the log's handlers get the object, such as a `Complaint` with the pages that it is about."""
    log.log(level, "%s", message)


log = PrefixedLogger("leonardo", logging.getLogger("mkdocs.plugins.leonardo"))
log.logger.addFilter(_OneLine())
#: The beginning of the plugin's messages in MkDocs's log.
PREFIX = f"{log.prefix}: "
