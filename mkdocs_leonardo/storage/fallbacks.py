"""Folders for pictures where the cache cannot be used: a paid picture is never lost."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mkdocs_leonardo.errors import StoreUnavailable
from mkdocs_leonardo.spec import PictureRecord
from mkdocs_leonardo.storage.pictures import PictureFolder


class PictureMemory:
    """Pictures in the memory of this process: the last resort for a paid picture that no disk takes."""

    def __init__(self) -> None:
        self._pairs: dict[str, tuple[PictureRecord, bytes]] = {}

    def get_verified(self, key: str) -> PictureRecord | None:
        """The record of `key`; pictures in memory are not verified."""
        return self._pairs[key][0] if key in self._pairs else None

    def get_record(self, key: str) -> PictureRecord | None:
        """The record of `key`."""
        return self.get_verified(key)

    def read(self, record: PictureRecord) -> bytes:
        """The bytes as delivered."""
        return self._pairs[record.key][1]

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Keep the pair as long as the process lives."""
        self._pairs[record.key] = (record, data)

    def records(self) -> Iterator[PictureRecord]:
        """Every record."""
        return iter([record for record, _ in self._pairs.values()])


class RefusedFolder(PictureFolder):
    """A folder that is a symbolic link, as a restored cache may hold: it is neither read nor written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reason = f"{folder}: is a symbolic link; put a folder in its place, or name the other folder in cache_dir"

    def find(self, key: str) -> PictureRecord | None:  # noqa: ARG002 - the interface of a folder
        """Nothing is there."""
        return None

    def get_verified(self, key: str) -> PictureRecord | None:  # noqa: ARG002 - same
        """Nothing is there."""
        return None

    def get_record(self, key: str) -> PictureRecord | None:  # noqa: ARG002 - same
        """Nothing is there."""
        return None

    def save(self, record: PictureRecord, data: bytes) -> None:  # noqa: ARG002 - same
        """StoreUnavailable."""
        raise StoreUnavailable(self.reason)

    def records(self) -> Iterator[PictureRecord]:
        """Nothing is there."""
        return iter(())

    def incomplete_pairs(self) -> tuple[Path, ...]:
        """Nothing is there."""
        return ()


class PrivateFolder(PictureFolder):
    """Pairs in a folder below the system's temporary one: trusted only if it belongs to this user alone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._private = folder

    def find(self, key: str) -> PictureRecord | None:
        """The record of `key`; nothing is read from a folder that is not this user's own."""
        return super().find(key) if self._is_ours() else None

    def get_record(self, key: str) -> PictureRecord | None:
        """The record of `key`, from a folder that is this user's own."""
        return super().get_record(key) if self._is_ours() else None

    def save(self, record: PictureRecord, data: bytes) -> None:
        """Keep the pair; StoreUnavailable if the folder cannot be made, or belongs to another user."""
        try:
            for folder in (self._private.parent, self._private):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self._private}: {error.strerror or error}") from error
        if not self._is_ours():
            raise StoreUnavailable(f"{self._private}: belongs to another user")
        super().save(record, data)

    def records(self) -> Iterator[PictureRecord]:
        """Every sound record, if the folder is this user's own."""
        return super().records() if self._is_ours() else iter(())

    def _is_ours(self) -> bool:
        for folder in (self._private.parent, self._private):
            try:
                found = folder.lstat()
            except OSError:
                return False
            if not stat.S_ISDIR(found.st_mode):
                return False
            if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
                return False
        return True


def rescue_folder(cache_dir: Path) -> Path:
    """The folder for pictures that `cache_dir` does not take, below the system's temporary one."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    name = hashlib.sha256(str(cache_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mkdocs-leonardo-{user}" / name
