"""Writes to the plugin's own folders that are safe against a kill, a second process and a planted link."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

#: Flags with which the system waits for no pipe and, if it has such a flag, follows no link.
OPEN_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
#: Pauses between attempts to replace a file that another process has open (seconds).
_PAUSES_S = (0.02, 0.08, 0.2)
#: The largest file of a picture that is read, downloaded or stored.
MAX_PICTURE_BYTES = 64 * 2**20
#: A name that `name_draft` returns. The group holds the file's name.
DRAFT_NAME = re.compile(r"\.(.+)\.[0-9a-f]{4,16}\.tmp")


def write_atomically(path: Path, data: bytes, *, is_durable: bool = False, keeps_mode: bool = False) -> None:
    """Replace the file at `path` as a whole. After an OSError, the file is as before, with no file beside it.

    `is_durable` waits until `data` is on the disk, so that the file survives a power cut. With `keeps_mode`, the file
    keeps its permissions, and a link at `path` stays.
    """
    if keeps_mode:
        path = path.resolve()
    temporary = name_draft(path)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        if keeps_mode:
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        rename_over(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def name_draft(path: Path) -> Path:
    """Return a new path beside `path`, for a file that takes the name `path` when it is complete."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


def write_if_changed(path: Path, data: bytes) -> None:
    """Replace the file at `path` unless the file holds `data`. Servers and caches compare a file's time."""
    try:
        if path.read_bytes() == data:
            return
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)


def rename_over(temporary: Path, path: Path) -> None:
    """Give `temporary` the name `path`. Tries again on Windows, which refuses while a process reads the old file."""
    for pause_s in _PAUSES_S:
        try:
            temporary.replace(path)
        except PermissionError:
            time.sleep(pause_s)
        else:
            return
    temporary.replace(path)


def make_writable_folder(folder: Path) -> None:
    """Create the folder if it is missing, and try to write a file into the folder; OSError if that fails."""
    import tempfile

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def link_or_copy(source: str, target: str) -> None:
    """Make `target` a hard link to `source`, or a copy on another disk or on a file system without links.

    A file of that name is replaced and not written to, since it may be a link to another file.
    """
    try:
        _link_over(source, target)
    except OSError:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _link_over(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    except FileExistsError:
        if not os.path.samestat(os.lstat(source), os.lstat(target)):
            Path(target).unlink()
            os.link(source, target)


def read_identity(path: Path | str) -> tuple[int, int] | None:
    """Return device and inode of a file, or of a link, which is not followed; None without either."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_below(path: Path, folder: Path) -> bool:
    """Return whether `path` is `folder` or lies in it, by any name: through a link, or in another case."""
    real_path = path.resolve()
    return any(_are_same(ancestor, folder) for ancestor in (real_path, *real_path.parents))


def _are_same(path: Path, other_path: Path) -> bool:
    with suppress(OSError):
        return path.samefile(other_path)
    return path == other_path


def write_plain_file(path: Path, data: bytes, *, is_added: bool = False) -> None:
    """Write a regular file in place, or add to the file; OSError for a link or a special file."""
    append_flag = os.O_APPEND if is_added else 0
    if path.is_symlink():
        # Some systems have no flag against links.
        raise OSError(errno.ELOOP, "is a symbolic link", str(path))
    descriptor = os.open(path, OPEN_FLAGS | os.O_WRONLY | os.O_CREAT | append_flag, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is not a plain file", str(path))
        if not is_added:
            file.truncate(0)
        file.write(data)
