"""Annotations of GitHub Actions: warnings beside the lines of front matter that they are about.

Other services show no annotations that a program prints. Their log has every warning.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.front_matter import DECIDING_KEYS
from mkdocs_leonardo.host.front_matter_text import FOLDER_METADATA, extract_metadata
from mkdocs_leonardo.log import PREFIX, log
from mkdocs_leonardo.resolution import Complaint
from mkdocs_leonardo.spec import printable

#: GitHub shows this many of each kind in one step, and drops the rest (its staff in the community forum, 2020).
MOST_SHOWN = 10
_KINDS = {logging.WARNING: "warning", logging.ERROR: "error"}


@dataclass(frozen=True, slots=True)
class Annotation:
    """A message beside a line of a file. `level` is one of `logging`'s. Without a `file`, it is about the whole run."""

    level: int
    text: str
    title: str = "leonardo"
    file: str = ""
    line: int = 1

    def command(self) -> str:
        """Return the workflow command that shows the annotation."""
        properties = {"file": self.file, "line": str(self.line)} if self.file else {}
        properties["title"] = self.title
        parameters = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
        return printable(f"::{_KINDS[self.level]} {parameters}::{_escape(self.text)}")


class Annotations:
    """Annotations of one run, each at the line of front matter that it is about.

    GitHub shows ten of each level, so all annotations are printed together at the end.
    """

    def __init__(self, environ: Mapping[str, str], *, config_file: Path, docs_dir: Path) -> None:
        self._config_file = config_file
        self._docs_dir = docs_dir
        self._top = _find_repository(config_file, environ.get("GITHUB_WORKSPACE", ""))
        self._annotations: list[Annotation] = []

    def annotate_page(self, level: int, page: str, text: str, *, key: str = "") -> None:
        """Annotate the page's line that holds `key` with `text`."""
        file, line = self._locate_key(page, (key, *DECIDING_KEYS) if key else DECIDING_KEYS)
        # Without its file, the page must be named.
        self._add(level, text if file else f"{page}: {text}", title=key, file=file, line=line)

    def about_problem(self, level: int, problem: InputError) -> None:
        """Annotate the line of front matter that has the problem."""
        self.annotate_page(level, problem.page, problem.text, key=problem.key)

    def about_file(self, level: int, path: Path, text: str) -> None:
        """Annotate a file with `text`."""
        self._add(level, text, file=self._make_repository_path(path))

    def about_site(self, level: int, text: str) -> None:
        """Annotate the plugin's line in the configuration."""
        line = _line_of(r"[ \t]*-[ \t]*[\"']?leonardo[\"']?[ \t]*(:|$|#)", _read_text(self._config_file))
        self._add(level, text, file=self._make_repository_path(self._config_file), line=line or 1)

    def commands(self) -> tuple[str, ...]:
        """Return the workflow commands to print, at most `MOST_SHOWN` of each level.

        If there are more, each text is printed once before any is repeated. A last line counts the rest.
        """
        selected: list[Annotation] = []
        for level in (logging.ERROR, logging.WARNING):
            group = [annotation for annotation in self._annotations if annotation.level == level]
            if len(group) > MOST_SHOWN:
                firsts = {annotation.text: annotation for annotation in reversed(group)}
                news = [annotation for annotation in group if firsts[annotation.text] is annotation]
                repeats = [annotation for annotation in group if firsts[annotation.text] is not annotation]
                selection = [*news, *repeats][: MOST_SHOWN - 1]
                group = [
                    *selection,
                    Annotation(level, f"and {len(group) - len(selection)} more; the log names all of them"),
                ]
            selected += group
        return tuple(annotation.command() for annotation in selected)

    def flush(self, *, to_stderr: bool = False) -> None:
        """Print the annotations and delete them. GitHub reads standard output and standard error."""
        lines = self.commands()
        self._annotations.clear()
        if lines:
            # GitHub reads UTF-8 in any encoding of the console. A command must begin a line.
            click.echo("\n".join(("", *lines, "")).encode(), nl=False, err=to_stderr)

    def _add(self, level: int, text: str, *, title: str = "", file: str = "", line: int = 1) -> None:
        level = logging.ERROR if level >= logging.ERROR else logging.WARNING
        annotation = Annotation(level, text, f"{PREFIX}{title}" if title else "leonardo", file, line)
        if annotation not in self._annotations:
            self._annotations.append(annotation)

    def _locate_key(self, page: str, keys: Sequence[str]) -> tuple[str, int]:
        """Return file and line of the problem: in the page, or in a folder's metadata that holds the key."""
        page_path = self._docs_dir / page
        if not page_path.is_file():
            # Another plugin has made the page.
            return "", 1
        folders = [folder for folder in page_path.parents if folder.is_relative_to(self._docs_dir)]
        texts = {page_path: extract_metadata(_read_text(page_path))}
        texts |= {folder / FOLDER_METADATA: _read_text(folder / FOLDER_METADATA) for folder in folders}
        for key in keys:
            for path, text in texts.items():
                line = _line_of(rf"[\"']?{re.escape(key)}[\"']?[ \t]*:", text)
                if line:
                    return self._make_repository_path(path), line
        return self._make_repository_path(page_path), 1

    def _make_repository_path(self, path: Path) -> str:
        """Return the path as GitHub knows it; "" for a path outside of the repository."""
        path = path.resolve()
        return path.relative_to(self._top).as_posix() if path.is_relative_to(self._top) else ""


class AnnotationHandler(logging.Handler):
    """A handler of the plugin's logger that turns warnings into annotations until it is closed."""

    def __init__(self, annotations: Annotations) -> None:
        super().__init__(logging.WARNING)
        self.annotations = annotations
        log.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Add an annotation for the record, at the page that the record is about."""
        (about,) = record.args if isinstance(record.args, tuple) and len(record.args) == 1 else (None,)
        if isinstance(about, InputError):
            self.annotations.about_problem(record.levelno, about)
        elif isinstance(about, Complaint):
            for page in about.pages:
                self.annotations.annotate_page(record.levelno, page, about.text)
        else:
            self.annotations.about_site(record.levelno, record.getMessage().removeprefix(PREFIX))

    def close(self) -> None:
        """Remove the handler from the logger."""
        log.logger.removeHandler(self)
        super().close()


def _find_repository(config_file: Path, workspace: str) -> Path:
    """Return the folder to which GitHub's paths are relative.

    In a workspace, that is the repository, or else the workspace. Elsewhere, that is the nearest repository, or else
    the site's folder.
    """
    top = Path(workspace).resolve() if workspace else None
    if top is not None and (top / ".git").exists():
        return top
    folders = config_file.resolve().parents
    for folder in folders:
        if top is not None and not folder.is_relative_to(top):
            break
        if (folder / ".git").exists():
            return folder
    return top if top is not None else folders[0]


def _read_text(path: Path) -> str:
    """Return the file's text; "" if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def _line_of(pattern: str, text: str) -> int:
    """Return the number of the first line that begins with `pattern`; 0 if none does."""
    match = re.search(f"^{pattern}", text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match is not None else 0


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
