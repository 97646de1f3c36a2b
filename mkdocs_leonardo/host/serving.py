"""A run of `mkdocs serve`: its preview of missing heroes, and the stamp that its server watches."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from mkdocs.exceptions import PluginError

from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.host.configuration import CONFIGURATIONS, find_config_file
from mkdocs_leonardo.log import PREFIX, log

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.livereload import LiveReloadServer

    from mkdocs_leonardo.config import LeonardoConfig
    from mkdocs_leonardo.host.preview import Preview
    from mkdocs_leonardo.host.site_build import SiteBuild
    from mkdocs_leonardo.host.stamp import StampWatcher


class Serving:
    """A run of `mkdocs serve`. In a run of another command, `is_on` is False and the methods do nothing."""

    def __init__(self) -> None:
        self.is_on = False
        self._preview: Preview | None = None
        self._watcher: StampWatcher | None = None

    def start(self, command: str, options: LeonardoConfig) -> None:
        """Detect whether the site is served. The `command` of `mkdocs serve --clean` is "build"."""
        serve_options = _serve_options()
        self.is_on = command == "serve" or serve_options is not None
        is_reloading = serve_options is None or bool(serve_options.get("livereload", True))
        if self.is_on and not is_reloading and options.enabled and options.on_serve == "generate":
            log.info("live reload is off, so a new hero is shown after a restart; `mkdocs serve --livereload` shows it")

    def before_build(self, options: LeonardoConfig, config: MkDocsConfig) -> None:
        """Pause the preview while a build runs, or make it for the first build of a server."""
        if self._preview is not None:
            self._preview.pause()
        elif self.is_on and options.enabled:
            self._preview = make_preview(config)

    def after_build(self, build: SiteBuild, config: MkDocsConfig) -> None:
        """Leave the heroes that the build lacks to the preview."""
        if not self.is_on or build.settings is None:
            return
        if self._watcher is not None:
            self._watcher.follow(build.settings.cache_dir)
        if self._preview is not None:
            heroes, docs_dir = build.heroes, Path(config.docs_dir)
            try:
                self._preview.take(build.settings, heroes.missing, docs_dir=docs_dir, reason=heroes.no_provider_reason)
            except HeroError as error:
                raise PluginError(f"{PREFIX}{error}") from None

    def watch(self, server: LiveReloadServer, build: SiteBuild) -> None:
        """Have the server watch the stamp, and so rebuild when a new hero is ready."""
        from mkdocs_leonardo.host.stamp import StampWatcher

        self._watcher = StampWatcher(server)
        if build.settings is not None:
            self._watcher.follow(build.settings.cache_dir)

    def close(self) -> None:
        """End the preview."""
        if self._preview is not None:
            preview, self._preview = self._preview, None
            preview.close()


def make_preview(config: MkDocsConfig) -> Preview:
    """Make the preview of a site that is being served."""
    from mkdocs_leonardo.host.preview import Preview

    # Under `--strict`, a warning from the background would stop an unrelated rebuild.
    loudest = logging.INFO if config.strict else logging.CRITICAL
    file = find_config_file(config).resolve()
    folder = Path.cwd()
    is_found = file.parent == folder and file.name in CONFIGURATIONS["mkdocs"]
    name = str(file.relative_to(folder) if file.is_relative_to(folder) else file)
    return Preview(
        environ=os.environ,
        notify=lambda level, message: log.log(min(level, loudest), "%s", message),
        command=("mkdocs-leonardo",) if is_found else ("mkdocs-leonardo", "-f", name),
    )


def _serve_options() -> Mapping[str, Any] | None:
    """Return the options of the running `mkdocs serve`; None in another command, and outside of a command."""
    context = click.get_current_context(silent=True)
    is_serve = context is not None and context.info_name == "serve"
    return context.params if context is not None and is_serve else None
