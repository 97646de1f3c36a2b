"""The stamp: the one file of the plugin that `mkdocs serve` watches, written when a page has something new to show."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.files import write_plain_file

if TYPE_CHECKING:
    from mkdocs.livereload import LiveReloadServer

#: The name of the stamp below `cache_dir`.
STAMP = "preview.stamp"


class StampWatcher:
    """The server's watch on the stamp, renewed when the cache moves or the stamp is deleted."""

    def __init__(self, server: LiveReloadServer) -> None:
        self._server = server
        self._path: Path | None = None

    def follow(self, cache_dir: Path) -> None:
        """Watch the stamp in `cache_dir` instead of the previous one. A deleted file is watched anew."""
        path = cache_dir / STAMP
        if path == self._path and path.exists():
            return
        if self._path is not None:
            self._server.unwatch(str(self._path))
        self._path = make_stamp(cache_dir)
        if self._path is not None:
            self._server.watch(str(self._path))


def make_stamp(cache_dir: Path) -> Path | None:
    """Make the stamp if it is missing, and return its path; None if it cannot be made."""
    path = cache_dir / STAMP
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        write_plain_file(path, b"", is_added=True)
    except OSError:
        return None
    return path


def write_stamp(cache_dir: Path) -> None:
    """Have a running preview rebuild, since the cache has a new picture. OSError if the stamp cannot be written."""
    write_plain_file(cache_dir / STAMP, f"{time.time_ns()}\n".encode())


def wake_previews(cache_dir: Path) -> None:
    """Make previews show new pictures of the cache, by its stamp. A cache without a stamp stays as it is."""
    with suppress(OSError):
        if (cache_dir / STAMP).exists():
            write_stamp(cache_dir)
