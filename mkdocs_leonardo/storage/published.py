"""The files that the last build put into the site, spared from the host's cleaning: most are wanted again."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

#: Beside the site's files while a build runs. A host leaves names that begin with a dot alone when it cleans.
_ASIDE = ".mkdocs-leonardo"


class PublishedFolder:
    """One folder of the site that holds links to files of the cache.

    Removing and linking sixteen thousand files costs a warm build more than reading what its heroes are. So the folder
    steps aside while the host empties the site, and comes back as a whole. Nothing is lost where that cannot be done:
    the files are linked anew. What a killed build left aside is found by the next one.
    """

    def __init__(self, site_dir: Path, place: str) -> None:
        """`place` is the folder's path in the site, with slashes."""
        self._place = place
        self._folder = site_dir / place
        self._aside = site_dir / _ASIDE

    def set_aside(self) -> None:
        """The folder, if there is one, is where the host does not clean."""
        if _is_folder(self._folder):
            self.discard()
            with suppress(OSError):
                self._folder.rename(self._aside)

    def put_back(self, files: Mapping[str, str]) -> frozenset[str]:
        """The folder is in its place again, and holds of `files` those that are there already; their places.

        `files` are the places in the site of all that are wanted, and where the cache has them. To be called after the
        host has cleaned and before it copies.
        """
        # What cannot be cleared, or has something in its place by now, is made anew.
        with suppress(OSError):
            if _is_folder(self._aside):
                there = self._sorted_out(files)
                self._folder.parent.mkdir(parents=True, exist_ok=True)
                self._aside.rename(self._folder)
                return there
        self.discard()
        return frozenset()

    def _sorted_out(self, files: Mapping[str, str]) -> frozenset[str]:
        device = self._aside.stat().st_dev
        with os.scandir(self._aside) as entries:
            found = list(entries)
        there = set()
        for entry in found:
            place = f"{self._place}/{entry.name}"
            if _is_link(entry, files.get(place), device):
                there.add(place)
            else:
                _remove(entry)
        return frozenset(there)

    def discard(self) -> None:
        """Nothing is aside any more."""
        shutil.rmtree(self._aside, ignore_errors=True)
        with suppress(OSError):
            # A link, which is not followed.
            self._aside.unlink()


def _is_folder(path: Path) -> bool:
    """Whether `path` is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _is_link(entry: os.DirEntry[str], source: str | None, device: int) -> bool:
    """Whether `entry`, on `device`, is the file `source` under a second name."""
    if source is None or not entry.is_file(follow_symlinks=False):
        return False
    try:
        found = os.lstat(source)
    except OSError:
        return False
    return found.st_ino == entry.inode() and found.st_dev == device


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)  # noqa: PTH108 - after a redesign these are thousands
