"""Pictures that give others their look: read, checked and named before anything is paid that needs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mkdocs_leonardo.errors import PictureError
from mkdocs_leonardo.spec import Look, Strength, digest_of

#: What all services take inside of one request (Gemini: 20 MB as base64).
MAX_BYTES = 10 * 2**20
#: What all services take.
_EXTENSIONS = frozenset({"jpg", "png", "webp"})


def read_look(path: Path, strength: Strength) -> Look:
    """The picture at `path` as a look; PictureError, with the cure, if no service could take it."""
    from mkdocs_leonardo.imaging.normalise import inspect

    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureError(f"cannot be opened ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise PictureError(f"has more than {MAX_BYTES // 2**20} MB; save a smaller copy, which gives the same look")
    kind = inspect(data).extension
    if kind not in _EXTENSIONS:
        raise PictureError(f"is {kind}, which services do not take as a reference; save it as JPEG, PNG or WebP")
    return Look(digest_of(data), strength, path)


class Looks:
    """The looks of one build: each file is read once, however many pages name it."""

    def __init__(self) -> None:
        self._known: dict[Path, Look | PictureError] = {}

    def first(self, paths: Sequence[Path], strength: Strength) -> Look:
        """The first of `paths` that is a file, as a look; PictureError, with the cure, if none is or it cannot be."""
        path = next((each for each in paths if each.is_file()), None)
        if path is None:
            raise PictureError("is not there; write its path relative to the page, or to the documentation folder")
        if path not in self._known:
            try:
                self._known[path] = read_look(path, strength)
            except PictureError as error:
                self._known[path] = error
        known = self._known[path]
        if isinstance(known, PictureError):
            raise known
        return known
