"""The move of the cache, with all paid pictures and jobs, to another folder.

The usual move is one renaming. Where both folders hold something, or lie on different disks, pictures and rows of the
journal are moved one by one. A move that was cut short is finished by the next call.
"""

from __future__ import annotations

import filecmp
import logging
import shutil
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.errors import BrokenEntry, StoreUnavailable
from mkdocs_leonardo.storage.fallbacks import PrivateFolder, find_rescue_folder
from mkdocs_leonardo.storage.pictures import PictureFolder

if TYPE_CHECKING:
    from mkdocs_leonardo.log import Notify
    from mkdocs_leonardo.storage.text_store import TextStore

_JOURNAL, _PICTURES = "journal", "pictures"
#: The folders that the next build makes again, so that they are not merged.
_REBUILDABLE = ("index", "variants")


def move_or_stay(former: Path, folder: Path, *, notify: Notify, is_carried: bool) -> tuple[Path, bool]:
    """Move the cache from `former` to `folder`; returns the folder to use, and whether a build may pay.

    If the move fails, `former` stays in use. If `folder` is in use as well, the build may not pay, since pictures and
    jobs in `former` could be paid for again. `is_carried`: a CI service keeps one of the folders between runs.
    """
    try:
        is_moved = move_cache(former, folder)
    except StoreUnavailable as error:
        if not is_in_use(folder):
            notify(logging.INFO, f"{error}; the cache stays where it is in this run")
            return former, True
        notify(logging.WARNING, f"{error}; nothing is bought until its content can be moved to {folder}")
        return folder, False
    if is_moved and is_carried:
        notify(
            logging.WARNING,
            f"the cache was moved from {former} to {folder}; let your CI carry the new folder from run to run, or it "
            "pays for the same images again",
        )
    elif is_moved:
        notify(
            logging.INFO, f"the cache was moved from {former} to {folder}, which `zensical build --clean` leaves alone"
        )
    return folder, True


def hide_from_git(folder: Path) -> None:
    """Write a `.gitignore` beside a cache in `.leonardo`. For a cache elsewhere, the author decides."""
    mark = folder.parent / ".gitignore"
    if folder.parent.name == ".leonardo" and not mark.exists():
        # The cache works without the file.
        with suppress(OSError):
            folder.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text("*\n", encoding="utf-8")


def move_cache(former: Path, folder: Path) -> bool:
    """Move all that is paid for from `former` to `folder`; returns whether anything was moved.

    StoreUnavailable if something cannot be moved, or if another process is about to pay for something in `former`.
    """
    is_moved = False
    if is_in_use(former):
        _refuse_leased(former)
        _move(former, folder)
        is_moved = True
    rescued = find_rescue_folder(former)
    if rescued.is_dir():
        pictures, target = PrivateFolder(rescued), PictureFolder(folder / _PICTURES)
        for record in list(pictures.read_records()):
            _move_pair(pictures, target, record.key)
            is_moved = True
    return is_moved


def is_in_use(folder: Path) -> bool:
    """Return whether a cache in `folder` may hold something that is paid for."""
    return any((folder / name).is_dir() for name in (_JOURNAL, _PICTURES))


def _refuse_leased(former: Path) -> None:
    """Raise StoreUnavailable while a living process, which may be about to pay, holds a lease in `former`."""
    from mkdocs_leonardo.storage.journal import Journal
    from mkdocs_leonardo.storage.process_leases import Owner

    if not (former / _JOURNAL).is_dir():
        return
    with closing(_open_store(former / _JOURNAL)) as store:
        if Journal(store, Owner.of_this_process(), time.time).is_leased():
            raise StoreUnavailable(f"{former}: another build makes images there")


def _open_store(folder: Path) -> TextStore:
    from mkdocs_leonardo.storage.text_store import TextStore

    return TextStore.open(folder, durable=True)


def _move(former: Path, folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if former.is_symlink() and not folder.exists():
            # The target stays where it is. The link may name it relative to its own place.
            folder.symlink_to(former.resolve(), target_is_directory=True)
            former.unlink()
            return
        with suppress(OSError):
            # This fails if the folder is not empty, or on another disk.
            former.rename(folder)
            return
        _merge(former, folder)
    except OSError as error:
        raise StoreUnavailable(f"{former}: cannot be moved ({error.strerror or error})") from error


def _merge(former: Path, folder: Path) -> None:
    if not former.exists():
        return  # another process has moved it
    if (former / _PICTURES).is_symlink():
        raise StoreUnavailable(f"{former / _PICTURES}: is a symbolic link; put a folder in its place")
    source, target = PictureFolder(former / _PICTURES), PictureFolder(folder / _PICTURES)
    for record in list(source.read_records()):
        with suppress(BrokenEntry):
            _move_pair(source, target, record.key)
    for path in source.find_incomplete_pairs():
        if (folder / _PICTURES / f"{path.stem}.json").exists():
            path.unlink()
    _move_files(former / _PICTURES, folder / _PICTURES)
    for name in _REBUILDABLE:
        if (folder / name).exists():
            shutil.rmtree(former / name, ignore_errors=True)
    _move_files(former, folder)
    # The journal comes last: a folder without journal and pictures counts as moved.
    if (former / _JOURNAL).is_dir():
        _merge_journals(former / _JOURNAL, folder / _JOURNAL)
    with suppress(OSError):
        former.rmdir()


def _move_pair(source: PictureFolder, target: PictureFolder, key: str) -> None:
    """Move the picture of `key` to `target`, unless `target` has a sound picture of this key."""
    record = source.get_unverified(key)
    if record is None:
        return
    data = source.read(record)
    try:
        is_there = target.get_verified(key) is not None
    except BrokenEntry:
        is_there = False
    if not is_there:
        target.save(record, data)
    source.remove(key)


def _move_files(former: Path, folder: Path) -> None:
    """Move each file whose name is free in `folder`, also of damaged pairs; records follow their pictures."""
    for path in sorted(former.glob("*"), key=lambda path: path.suffix == ".json"):
        target = folder / path.name
        if not path.is_symlink() and not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
        elif path.is_file() and target.is_file() and filecmp.cmp(path, target, shallow=False):
            path.unlink()
    with suppress(OSError):
        former.rmdir()


def _merge_journals(former: Path, folder: Path) -> None:
    from mkdocs_leonardo.storage.journal import copy_rows

    with closing(_open_store(former)) as source, closing(_open_store(folder)) as target:
        copy_rows(source, target)
    # The other journal has written every row to the disk.
    shutil.rmtree(former)
