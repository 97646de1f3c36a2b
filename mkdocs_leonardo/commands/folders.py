"""Folders that a command writes for its user: empty ones, or ones that it has written before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from mkdocs_leonardo.commands.terminal import CommandError
from mkdocs_leonardo.files import make_writable_folder

#: The file that marks a folder as written by a command.
MARK = ".mkdocs-leonardo"
_MARK_TEXT = "mkdocs-leonardo writes into this folder, and replaces what is in it.\n"
_UNSPENT = "; nothing was spent"
#: Files of a hero in a site, whatever its size, crop and format.
VARIANT_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-z-]{1,40}\.(?:avif|webp|jpg|png)")
#: Files of a contact sheet of takes.
TAKE_NAME = re.compile(r"(?:now|seed-[0-9]{1,10})\.(?:avif|webp|jpg|png)|index\.html|sheet\.jpg")


def is_marked(entries: Sequence[Path]) -> bool:
    """Whether a file of the folder marks it as a command's own."""
    return any(path.name == MARK for path in entries)


def require_own_folder(folder: Path, option: str, *, is_own: Callable[[Sequence[Path]], bool] = is_marked) -> None:
    """Raise CommandError, before anything is spent, if the folder holds files that are not the command's own."""
    try:
        entries = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise CommandError(f"{option}: {folder} cannot be read ({error.strerror or error}){_UNSPENT}") from error
    if entries and not is_own(entries):
        raise CommandError(
            f"{option}: {folder} holds files that this command did not make, and writing there might replace them; "
            f"name an empty folder, or put an empty file called {MARK} into this one{_UNSPENT}"
        )


def prepare_folder(folder: Path, option: str, *, gets_mark: bool = True) -> None:
    """Create the folder, and mark it; CommandError, before anything is spent, if it cannot be written."""
    try:
        make_writable_folder(folder)
        if gets_mark and not (folder / MARK).exists():
            (folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{option}: {folder} cannot be written ({error.strerror or error}){_UNSPENT}") from error
