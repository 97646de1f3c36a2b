"""The state of the last build whose heroes are all stored. With it, the next build need not read each page."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mkdocs_leonardo import __version__
from mkdocs_leonardo.files import write_if_changed

if TYPE_CHECKING:
    from mkdocs_leonardo.commands.zensical.project import Project

_STATE = "state.json"
_ENVIRONMENT = re.compile(r"!ENV\s+\[?([^\]\n]+)")


class PublishedFile(NamedTuple):
    """A verified file for the site, with its name there, its path, its size and its time."""

    name: str
    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, name: str, path: Path) -> PublishedFile:
        """Describe the file as it is now."""
        found = path.stat()
        return cls(name, str(path), found.st_size, found.st_mtime_ns)

    @property
    def identity(self) -> tuple[int, int] | None:
        """The file's device and inode; None if it has changed."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - slower, and called for each picture on every build
        except OSError:
            return None
        is_unchanged = (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)
        return (found.st_dev, found.st_ino) if is_unchanged else None


@dataclass(frozen=True, slots=True)
class BuildState:
    """The heroes of all pages. `warnings` are repeated by every build; `stops` is why no site is built, else `""`.

    `own` are authors' images on pages. `seen` are device and inode of the files that were just verified.
    """

    warnings: tuple[str, ...] = ()
    files: tuple[PublishedFile, ...] = ()
    own: tuple[PublishedFile, ...] = ()
    stops: str = ""
    seen: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def compute_fingerprint(project: Project) -> str:
    """Return the digest of everything on which heroes depend: version, day, set API keys, configuration, pages."""
    keys = sorted(name for name, value in os.environ.items() if name.endswith("_API_KEY") and value.strip())
    digest = hashlib.sha256(f"{__version__} {time.strftime('%Y-%m-%d')} {keys}".encode())
    for path in project.files:
        data = path.read_bytes()
        digest.update(data)
        for names in _ENVIRONMENT.findall(data.decode("utf-8", "replace")):
            digest.update(repr([os.environ.get(name.strip(" '\"")) for name in names.split(",")]).encode())
    for name, place in sorted(list_sources(project)):
        with open(place, "rb") as file:  # noqa: PTH123 - slower, and called for each page on every build
            digest.update(name.encode("utf-8", "surrogatepass") + b"\0" + file.read() + b"\0")
    return digest.hexdigest()


def list_sources(project: Project) -> Iterator[tuple[str, str]]:
    """Yield names and paths of pages, and of files of metadata."""
    docs_dir = str(project.docs_dir)
    for folder, _, files in os.walk(docs_dir, followlinks=True):
        for name in files:
            if name.endswith((".md", ".yml", ".yaml")):
                path = os.path.join(folder, name)  # noqa: PTH118 - as above
                yield path[len(docs_dir) :], path


def read_state(folder: Path, project: Project) -> BuildState | None:
    """Read the state of the last build; None if a file has changed since."""
    try:
        value: dict[str, Any] = json.loads((folder / _STATE).read_bytes())
        state = BuildState(
            warnings=tuple(map(str, value["warnings"])),
            files=tuple(PublishedFile(*each) for each in value["files"]),
            own=tuple(PublishedFile(*each) for each in value["own"]),
        )
        is_current = value["fingerprint"] == compute_fingerprint(project)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if not is_current:
        return None
    seen = {file.path: file.identity for file in (*state.files, *state.own)}
    known = {path: identity for path, identity in seen.items() if identity is not None}
    return replace(state, seen=known) if len(known) == len(seen) else None


def write_state(folder: Path, state: BuildState, fingerprint: str) -> None:
    """Write the state for the next build; OSError if that cannot be done."""
    value = {
        "fingerprint": fingerprint,
        "warnings": state.warnings,
        "files": state.files,
        "own": state.own,
    }
    write_if_changed(folder / _STATE, json.dumps(value).encode())


def forget_state(folder: Path) -> None:
    """Delete the state, so that the next build reads every page."""
    (folder / _STATE).unlink(missing_ok=True)
