"""Folders that a command writes for its user: empty folders, or folders that it has written before."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mkdocs_leonardo.commands.terminal import CommandError

#: The file that marks a folder as written by a command.
MARK = ".mkdocs-leonardo"
_MARK_TEXT = "mkdocs-leonardo writes into this folder, and replaces what is in it.\n"
#: Files of a hero in a site, whatever its size, crop and format.
VARIANT_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-z-]{1,40}\.(?:avif|webp|jpg|png)")
#: Files of a contact sheet of takes.
TAKE_NAME = re.compile(r"(?:now|seed-[0-9]{1,10})\.(?:avif|webp|jpg|png)|index\.html|sheet\.jpg")


def is_marked(entries: Sequence[Path]) -> bool:
    """Whether a command has filled the folder of these files."""
    return any(path.name == MARK for path in entries)


def check_room(folder: Path, option: str, *, is_own: Callable[[Sequence[Path]], bool] = is_marked) -> None:
    """CommandError, before anything is spent, if the folder holds files that are not the command's own."""
    try:
        _refuse_foreign(folder, option, is_own)
    except CommandError as error:
        raise CommandError(f"{error}; nothing was spent") from error


def make_writable(folder: Path, option: str) -> None:
    """Make the folder before anything is spent; CommandError if it cannot be written."""
    try:
        _make(folder)
    except OSError as error:
        raise CommandError(f"{_unwritable(folder, option, error)}; nothing was spent") from error


def make_room(folder: Path, option: str) -> None:
    """Create and mark `folder`; CommandError, with no file changed, if that cannot be done."""
    _refuse_foreign(folder, option, is_marked)
    try:
        _make(folder)
        if not (folder / MARK).exists():
            (folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")
    except OSError as error:
        raise CommandError(_unwritable(folder, option, error)) from error


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _unwritable(folder: Path, option: str, error: OSError) -> str:
    return f"{option}: {folder} cannot be written ({error.strerror or error})"


def _refuse_foreign(folder: Path, option: str, is_own: Callable[[Sequence[Path]], bool]) -> None:
    try:
        entries = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise CommandError(f"{option}: {folder} cannot be read ({error.strerror or error})") from error
    if entries and not is_own(entries):
        raise CommandError(
            f"{option}: {folder} holds files that this command did not make, and writing there might replace them; "
            f"name an empty folder, or put an empty file called {MARK} into this one"
        )
