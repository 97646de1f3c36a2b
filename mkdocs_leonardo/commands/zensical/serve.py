"""`zensical serve`: runs Zensical's server, and watches prompts, so that a new picture appears without a restart."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.commands.terminal import CommandError, Console
from mkdocs_leonardo.commands.zensical.build import is_plugin_used
from mkdocs_leonardo.commands.zensical.heroes import build_heroes, list_files, save_heroes
from mkdocs_leonardo.commands.zensical.launch import Addition, make_command, run_zensical
from mkdocs_leonardo.commands.zensical.project import Project, find_project, read_project
from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.host.preview import Preview
from mkdocs_leonardo.host.stamp import STAMP
from mkdocs_leonardo.log import PREFIX
from mkdocs_leonardo.spec import MANIFEST

if TYPE_CHECKING:
    from types import FrameType

#: The interval between two looks at the files (seconds).
_WATCH_S = 0.3
#: Names of files on which heroes may depend: pages, their folders' metadata, and images.
_WATCHED = re.compile(r"\.(?:md|ya?ml|jpe?g|png|webp|avif)$", re.IGNORECASE)
#: The time that the server has to end (seconds).
_END_S = 5.0


def serve(config_file: str | None, console: Console, *, rest: Sequence[str]) -> int:
    """Serve the site until Ctrl-C; return the exit code of Zensical's server."""
    project = find_project(config_file)
    arguments = ["serve", "--config-file", str(project.path), *rest]
    if not is_plugin_used(project, console):
        return run_zensical(arguments, None)
    theme = project.build_folder / "theme"
    shutil.rmtree(theme, ignore_errors=True)
    watch = _ManifestUpdater(project.path, console, theme)
    watch.refresh()
    addition = Addition(str(project.build_folder / MANIFEST), theme=str(theme))
    try:
        with _run_server(make_command(arguments, addition)) as server:
            while server.poll() is None:
                time.sleep(_WATCH_S)
                watch.look_for_changes()
            return server.returncode
    except KeyboardInterrupt:
        return 0
    finally:
        watch.close()


@contextmanager
def _run_server(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server until the end of the block, or until this process is asked to end."""

    def end(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous_handler = signal.signal(signal.SIGTERM, end)
    server = subprocess.Popen(command)  # noqa: S603 - this very Python, and the caller's own options
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(_END_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        signal.signal(signal.SIGTERM, previous_handler)


class _ManifestUpdater:
    """A watcher of documentation and configuration that updates the manifest when a page's hero changes."""

    def __init__(self, config_file: Path, console: Console, theme: Path) -> None:
        self._config_file = config_file
        self._console = console
        self._theme = theme
        self._preview = Preview(
            environ=os.environ,
            notify=lambda level, text: console.note(f"{PREFIX}{text}") if level >= logging.INFO else None,
            command=("mkdocs-leonardo",),
        )
        self._file_states: object = None
        self._stamp = Path()
        self._project: Project | None = None
        self._own: tuple[str, ...] = ()

    def look_for_changes(self) -> None:
        """Refresh if a file has changed. After an error, which is logged, the previous state stays."""
        if self._measure_files() != self._file_states:
            try:
                self.refresh()
            except (CommandError, HeroError) as error:
                self._console.notify(logging.WARNING, str(error))

    def refresh(self) -> None:
        """Write the manifest from stored pictures. `on_serve` decides whether missing ones are made."""
        from mkdocs_leonardo.commands.site import read_project_pages

        self._file_states = self._measure_files()
        self._preview.pause()
        project = self._project = read_project(self._config_file)
        site = read_project_pages(project, self._console, with_drafts=True)
        for problem in site.problem_lines:
            self._console.notify(logging.WARNING, problem)
        settings = site.settings
        self._stamp = settings.cache_dir / STAMP
        with build_heroes(site, settings.for_preview(), self._console) as heroes:
            state = save_heroes(project, heroes, self._console, theme=self._theme)
            self._own = tuple(file.path for file in state.own)
            missing = [resolution for resolution in heroes.resolutions if resolution.is_not_allowed]
            self._preview.take(settings, missing, docs_dir=site.config.docs_dir, reason=heroes.build.no_provider_reason)
        self._file_states = self._measure_files()

    def close(self) -> None:
        """End running work; the next build collects paid jobs."""
        self._preview.close()

    def _measure_files(self) -> object:
        """Return sizes and times of the configuration, of pages, of images beside them, and of references elsewhere."""
        project = self._project
        files: list[str] = []
        if project is not None:
            files += map(str, project.files)
            files += (path for name, path in list_files(project) if _is_watched(name))
        # A reference may be outside of the documentation folder.
        return [_describe_file(path) for path in (*files, *self._own, str(self._stamp))]


def _is_watched(name: str) -> bool:
    """Return whether heroes may depend on a file. Editors have files in hidden folders, and some named ``.#page``."""
    folder, _, file = name.rpartition(os.sep)
    return f"{os.sep}." not in folder and not file.startswith(".#") and _WATCHED.search(file) is not None


def _describe_file(path: str) -> object:
    with suppress(OSError):
        status = os.stat(path)  # noqa: PTH116 - slower, and called for each file three times a second
        return path, status.st_size, status.st_mtime_ns
    return path
