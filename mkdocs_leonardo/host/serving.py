"""`mkdocs serve`: its options, and the preview of heroes that are not at hand."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mkdocs_leonardo.host.log import log

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

    from mkdocs_leonardo.host.preview import Preview


def serve_options() -> Mapping[str, Any] | None:
    """The options of the `mkdocs serve` that is running; None in anything else, and where it was not a command."""
    context = click.get_current_context(silent=True)
    is_serve = context is not None and context.info_name == "serve"
    return context.params if context is not None and is_serve else None


def preview_of(config: MkDocsConfig) -> Preview:
    """The preview of a site that is being served."""
    from mkdocs_leonardo.host.preview import Preview  # noqa: PLC0415 - only a preview needs it

    # A warning from the background would stop some rebuild of `--strict`, whichever happens to be under way.
    loudest = logging.INFO if config.strict else logging.CRITICAL
    file, here = Path(config.config_file_path or "mkdocs.yml").resolve(), Path.cwd()
    is_found = file.parent == here and file.name in {"mkdocs.yml", "mkdocs.yaml"}
    name = str(file.relative_to(here) if file.is_relative_to(here) else file)
    return Preview(
        environ=os.environ,
        tell=lambda level, message: log.log(min(level, loudest), "%s", message),
        command=("mkdocs-leonardo",) if is_found else ("mkdocs-leonardo", "-f", name),
    )
