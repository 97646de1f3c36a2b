"""The console of commands: results on standard output, messages on standard error, colours on a terminal only."""

from __future__ import annotations

import json
import logging
import re
import shutil
import sys
import unicodedata
from collections.abc import Sequence

import click

from mkdocs_leonardo.spec import JsonValue, printable

_BAR_CHARACTERS = 24
#: The gap between two columns of a table.
_GAP = "  "
#: A narrower last column is left out.
_LEAST_COLUMNS = 10
_UNSEEN_IN_JSON = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class CommandError(click.ClickException):
    """The command cannot run as given (exit code 2). The message holds the fix."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(map(printable, message.split("\n"))))


class Console:
    """Standard output and standard error of a command. `for_program`: standard output is for JSON alone."""

    def __init__(self, *, verbose: bool, for_program: bool = False) -> None:
        self._verbose = verbose
        self.for_program = for_program
        self._line = False
        self._warned: set[str] = set()

    # Standard output -------------------------------------------------------------------------------------------------

    def say(self, text: str = "", *, start: str = "", is_bold: bool = False) -> None:
        """Print a line of the result; on standard error if the result is JSON. `start` may be coloured."""
        self._clear()
        line = printable(text)
        click.echo(start + (click.style(line, bold=True) if is_bold else line), err=self.for_program)

    def print_json(self, value: JsonValue) -> None:
        """Print the result as JSON if it is for a program. For a person, the lines were printed already."""
        if not self.for_program:
            return
        self._clear()
        is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
        text = json.dumps(value, indent=2, ensure_ascii=not is_unicode)
        # JSON leaves these characters as they are, and a terminal obeys some of them.
        click.echo(_UNSEEN_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text))

    def print_table(self, rows: Sequence[Sequence[str]], *, heads: Sequence[str]) -> None:
        """Print rows in aligned columns; on a terminal, the last column is cut to the width."""
        cells = [[printable(cell) for cell in row] for row in (heads, *rows)]
        widths = [max(count_columns(row[index]) for row in cells) for index in range(len(heads))]
        # Without a terminal, a program may read the table, so no column is cut.
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
        room = columns - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
        if room < widths[-1]:
            cells = [[*row[:-1], shorten(row[-1], room)] if room >= _LEAST_COLUMNS else row[:-1] for row in cells]
        for number, row in enumerate(cells):
            line = _GAP.join(
                cell + " " * (width - count_columns(cell)) for cell, width in zip(row, widths, strict=False)
            )
            self.say(line.rstrip(), is_bold=number == 0)

    # Standard error --------------------------------------------------------------------------------------------------

    def note(self, text: str, *, start: str = "") -> None:
        """Print a line on standard error. `start` may be coloured."""
        self._clear()
        click.echo(start + printable(text), err=True)

    def warn(self, *texts: str) -> None:
        """Print lines on standard error that begin with `warning:`."""
        for text in texts:
            self._warned.add(text)
            self.note(text, start=f"{click.style('warning:', fg='yellow')} ")

    def notify(self, level: int, text: str) -> None:
        """Print a message of the pipeline: a warning once, any other message only with --verbose."""
        if level >= logging.WARNING:
            if text not in self._warned:
                self.warn(text)
        elif self._verbose and level >= logging.INFO:
            self.note(text)

    @property
    def can_ask(self) -> bool:
        """Whether standard input is a terminal."""
        return sys.stdin.isatty()

    def is_agreed(self, question: str, *, yes: bool, otherwise: str) -> bool:
        """Return whether `yes`, or the answer to the question, agrees. Without consent, `otherwise` is printed.

        CommandError if there is no terminal to ask on.
        """
        if yes:
            return True
        if not self.can_ask:
            raise CommandError("nothing was done, since there is no terminal to ask on; add --yes to agree beforehand")
        if click.confirm(question, err=True):
            return True
        self.note(otherwise)
        return False

    # Progress --------------------------------------------------------------------------------------------------------

    def draw_progress(self, done: int, total: int, text: str) -> None:
        """Draw the progress line again, if standard error is a terminal."""
        if sys.stderr.isatty():
            filled = _BAR_CHARACTERS * done // max(1, total)
            bar = "#" * filled + "-" * (_BAR_CHARACTERS - filled)
            # Written raw, since click takes a line with a carriage return for several.
            sys.stderr.write(f"\r\x1b[K[{bar}] {done}/{total}  {printable(text)}")
            sys.stderr.flush()
            self._line = True

    def _clear(self) -> None:
        if self._line:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._line = False


def describe_error(error: Exception) -> str:
    """Return the words of an error. Those of a system error begin with the file's name."""
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)


def shorten(text: str, width: int) -> str:
    """Return the text in one line of at most `width` columns."""
    line = " ".join(text.split())
    if count_columns(line) <= width:
        return line
    while count_columns(line) > width - 1:
        line = line[:-1]
    return f"{line}…"


def count_columns(text: str) -> int:
    """Count the columns of a terminal that the text takes: two for a wide character, none for a combining character."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
