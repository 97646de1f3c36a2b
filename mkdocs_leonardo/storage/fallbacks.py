"""Stores for paid pictures while the cache cannot be used."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from mkdocs_leonardo.errors import StoreUnavailable
from mkdocs_leonardo.spec import PictureRecord, digest_of, short_key
from mkdocs_leonardo.storage.pictures import PictureFolder


class InMemoryPictures:
    """Pictures in the memory of this process: the last resort for a paid picture that no disk takes."""

    def __init__(self) -> None:
        self._pairs: dict[str, tuple[PictureRecord, bytes]] = {}

    def get_verified(self, key: str) -> PictureRecord | None:
        """Return the record of `key`; pictures in memory are not verified."""
        return self._pairs[key][0] if key in self._pairs else None

    def get_record(self, key: str) -> PictureRecord | None:
        """Return the record of `key`."""
        return self.get_verified(key)

    def read(self, record: PictureRecord) -> bytes:
        """Return the bytes as delivered."""
        return self._pairs[record.key][1]

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Keep the pair as long as the process lives."""
        self._pairs[record.key] = (record, data)


class PrivateFolder(PictureFolder):
    """A pictures folder below the system's temporary one, used only if the folder belongs to this user alone."""

    def explain_unused(self) -> str:
        """Return why the folder is not used: another user owns it, or it is missing. "" for a folder in use."""
        return "" if self._is_own() else f"{self._folder}: belongs to another user"

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Store the pair; StoreUnavailable if the folder cannot be made, or belongs to another user."""
        try:
            for folder in (self._folder.parent, self._folder):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder}: {error.strerror or error}") from error
        super().save(record, data)

    def _is_own(self) -> bool:
        for folder in (self._folder.parent, self._folder):
            try:
                status = folder.lstat()
            except OSError:
                return False
            if not stat.S_ISDIR(status.st_mode):
                return False
            if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
                return False
        return True


def find_rescue_folder(cache_dir: Path) -> Path:
    """Return the folder for pictures that `cache_dir` does not take, below the system's temporary one."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    name = short_key(digest_of(str(cache_dir).encode()))
    return Path(tempfile.gettempdir()) / f"mkdocs-leonardo-{user}" / name
