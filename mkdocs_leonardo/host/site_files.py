"""Files of the site that MkDocs copies: hard links to the cache's files, and those that are in their place already."""

from __future__ import annotations

import os
from pathlib import Path

from mkdocs.structure.files import File


class PictureFile(File):
    """One of our files on its way into the site: a hard link to the cache's, where there can be one.

    A thousand heroes are nine thousand files; copying them costs a warm build more than everything else we do. The
    cache's files are never written to again, only replaced, and their digests are checked before they are linked.
    """

    @property
    def src_path(self) -> str:
        """The place in the site, as this system writes paths."""
        return os.path.normpath(self.src_uri)

    @src_path.setter
    def src_path(self, value: str) -> None:
        # The host makes a `Path` of it first, which for the names that we give changes nothing.
        self.src_uri = value

    def copy_file(self, dirty: bool = False) -> None:  # noqa: FBT001, FBT002 - the host's signature
        """Put the file into the site."""
        source, target = self.abs_src_path, self.abs_dest_path
        if source is None or (dirty and not self.is_modified()):
            super().copy_file(dirty)
            return
        try:
            _link(source, target)
        except OSError:
            # Another disk, or a file system without links.
            super().copy_file(dirty)


class KeptFile(PictureFile):
    """One that the last build has put into the site, where it still is."""

    def copy_file(self, dirty: bool = False) -> None:  # noqa: FBT001, FBT002 - the host's signature
        """Do nothing, unless somebody has chosen another place for the file."""
        if self.dest_uri != self.src_uri:
            super().copy_file(dirty)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    except FileExistsError:
        # Writing into it might write into another picture of the cache.
        Path(target).unlink()
        os.link(source, target)
