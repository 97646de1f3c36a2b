"""Folders that a command writes for its user: empty folders, or folders that it has written before."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from mkdocs_leonardo.commands.terminal import CommandError

#: The file that marks a folder as written by a command.
MARK = ".mkdocs-leonardo"
_MARK_TEXT = "mkdocs-leonardo writes into this folder, and replaces what is in it.\n"
#: Files of a hero in a site, whatever its size, crop and format.
VARIANT_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-z-]{1,40}\.(?:avif|webp|jpg|png)")
#: Files of a contact sheet of takes, and of any contact sheet.
TAKE_NAME = re.compile(r"(?:now|seed-[0-9]{1,10})\.(?:avif|webp|jpg|png)|index\.html|sheet\.jpg")
_SHEET_NAME = re.compile(rf"{TAKE_NAME.pattern}|[a-z0-9-]{{1,60}}-[0-9]{{1,2}}(?:-no-alchemy)?\.(?:avif|webp|jpg|png)")
_SIGNATURE = '<dialog aria-label="Picture">'


def is_sheet(entries: list[Path]) -> bool:
    """Whether an earlier version, which left no mark, has made a contact sheet of these files."""
    page = next((path for path in entries if path.name == "index.html"), None)
    if page is None or not all(_SHEET_NAME.fullmatch(path.name) for path in entries):
        return False
    return _SIGNATURE in page.read_text(encoding="utf-8", errors="replace")


def check_room(folder: Path, option: str, *, is_earlier: Callable[[list[Path]], bool]) -> None:
    """CommandError, before anything is spent, if the folder holds files of another origin."""
    try:
        _refuse_foreign(folder, option, is_earlier)
    except CommandError as error:
        raise CommandError(f"{error}; nothing was spent") from error


def make_writable(folder: Path, option: str) -> None:
    """Make the folder before anything is spent; CommandError if it cannot be written."""
    try:
        _make(folder)
    except OSError as error:
        raise CommandError(f"{_unwritable(folder, option, error)}; nothing was spent") from error


def make_room(folder: Path, option: str, *, is_earlier: Callable[[list[Path]], bool]) -> None:
    """Create and mark `folder`; CommandError, with no file changed, if that cannot be done.

    `is_earlier` says of the files in a folder without the mark whether an earlier version of the command wrote them.
    """
    _refuse_foreign(folder, option, is_earlier)
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


def _refuse_foreign(folder: Path, option: str, is_earlier: Callable[[list[Path]], bool]) -> None:
    try:
        entries = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise CommandError(f"{option}: {folder} cannot be read ({error.strerror or error})") from error
    names = {entry.name for entry in entries}
    if entries and MARK not in names and not is_earlier(entries):
        raise CommandError(
            f"{option}: {folder} holds files that this command did not make, and writing there might replace them; "
            f"name an empty folder, or put an empty file called {MARK} into this one"
        )
