"""The plugin's log, below MkDocs's own."""

from __future__ import annotations

import logging

from mkdocs.plugins import PrefixedLogger

from mkdocs_leonardo.spec import printable


class _OneLine(logging.Filter):
    """Names of pages and texts of services reach the log as they are shown, and give a terminal no commands."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record on."""
        text = record.getMessage()
        line = printable(text)
        if line != text:
            record.msg, record.args = line, ()
        return True


log = PrefixedLogger("leonardo", logging.getLogger("mkdocs.plugins.leonardo"))
log.logger.addFilter(_OneLine())
