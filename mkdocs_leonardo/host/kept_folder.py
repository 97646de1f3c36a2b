"""The site's folder of pictures, kept from the host's cleaning since most of its files are needed again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mkdocs_leonardo.files import read_identity

#: The folder's name while a build runs. A host's cleaning skips names that begin with a dot.
_ASIDE = ".mkdocs-leonardo"


class KeptFolder:
    """One folder of the site that holds links to files of the cache.

    Deleting and linking the files of a thousand heroes takes longer than reading what the heroes are. So the folder is
    renamed while the host empties the site, and then renamed back. If a rename fails, the files are linked anew. The
    next build finds the folder of a killed build.
    """

    def __init__(self, site_dir: Path, site_path: str) -> None:
        """`site_path` is the folder's path in the site, with slashes."""
        self._site_path = site_path
        self._folder = site_dir / site_path
        self._aside = site_dir / _ASIDE

    def set_aside(self) -> None:
        """Rename the folder, if there is one, to a name that the host does not clean."""
        with suppress(OSError):
            if _is_folder(self._folder):
                self.discard()
                self._folder.rename(self._aside)

    def put_back(self, files: Mapping[str, str], identities: Mapping[str, tuple[int, int]]) -> frozenset[str]:
        """Rename the folder back without outdated files. Returns the paths in the site of the files that stay.

        `files` maps paths in the site to the cache's files. `identities` has device and inode of cache files that were
        checked before. Call this after the host has cleaned its folder, and before the host copies.
        """
        # If a file cannot be deleted, or the place is taken, all files are linked anew.
        with suppress(OSError):
            if _is_folder(self._aside):
                kept_paths = self._delete_outdated(files, identities)
                self._folder.parent.mkdir(parents=True, exist_ok=True)
                self._aside.rename(self._folder)
                return kept_paths
        self.discard()
        return frozenset()

    def _delete_outdated(self, files: Mapping[str, str], identities: Mapping[str, tuple[int, int]]) -> frozenset[str]:
        """Delete the outdated files, and return the paths in the site of the files that stay."""
        device = self._aside.stat().st_dev
        with os.scandir(self._aside) as entries:
            entry_list = list(entries)
        kept_paths = set()
        for entry in entry_list:
            site_path = f"{self._site_path}/{entry.name}"
            path = files.get(site_path)
            if path is not None and _is_link(entry, device, identities.get(path) or read_identity(path)):
                kept_paths.add(site_path)
            else:
                _remove(entry)
        return frozenset(kept_paths)

    def discard(self) -> None:
        """Delete the folder that was set aside."""
        shutil.rmtree(self._aside, ignore_errors=True)
        with suppress(OSError):
            # A link of that name, which `rmtree` leaves.
            self._aside.unlink()


def _is_folder(path: Path) -> bool:
    """Return whether `path` is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def _is_link(entry: os.DirEntry[str], device: int, identity: tuple[int, int] | None) -> bool:
    """Return whether `entry`, on `device`, is a hard link to the file with the device and inode `identity`."""
    return (device, entry.inode()) == identity and entry.is_file(follow_symlinks=False)


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)  # noqa: PTH108 - after a redesign these are thousands
