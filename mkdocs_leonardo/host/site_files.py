"""Images as files of MkDocs's site: hard links to the cache's files, or kept from the previous build."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

from mkdocs_leonardo.files import link_or_copy

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


class PictureFile(File):
    """A picture of the site: a hard link to the cache's file, or a copy where there can be no link.

    A thousand heroes are nine thousand files; copying them takes longer than all other work of a warm build. The
    cache's files are never written to again, only replaced, and their digests are checked before they are linked.
    `copy_file` is the one method of the host's class that differs.
    """

    def copy_file(self, dirty: bool = False) -> None:  # noqa: FBT001, FBT002 - the host's signature
        """Put the file into the site."""
        source, target = self.abs_src_path, self.abs_dest_path
        if source is None or (dirty and not self.is_modified()):
            super().copy_file(dirty)
            return
        link_or_copy(source, target)


class KeptFile(PictureFile):
    """A picture that the previous build left in the site. It is not copied again."""

    def copy_file(self, dirty: bool = False) -> None:  # noqa: FBT001, FBT002 - the host's signature
        """Copy the file only if another plugin has changed its place."""
        if self.dest_uri != self.src_uri:
            super().copy_file(dirty)


def add_pictures(pictures: Mapping[str, str], files: Files, config: MkDocsConfig, *, kept: Collection[str]) -> None:
    """Add the pictures to the site's files.

    `pictures` maps each path in the site to a cache file. Paths in `kept` are not copied again.
    """
    for site_path, source in pictures.items():
        kind = KeptFile if site_path in kept else PictureFile
        files.append(kind.generated(config, site_path, abs_src_path=source))
    known = getattr(config.plugins.get("htmlproofer"), "files", None)
    if isinstance(known, list):
        # mkdocs-htmlproofer has listed the site's files before these were made.
        known += filter(None, map(files.get_file_from_path, pictures))
