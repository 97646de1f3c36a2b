"""Reference images: read, checked and identified by their digest."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from mkdocs_leonardo.errors import PictureError
from mkdocs_leonardo.spec import Reference, Strength, digest_of

#: Every build reads the file for its digest.
MAX_REFERENCE_BYTES = 10 * 2**20
#: The longest side of the copy for services: each of them draws images of this size.
_MAX_SIDE_PX = 1536
#: The copy's JPEG quality, visually lossless.
_QUALITY = 95


def read_reference(path: Path, strength: Strength) -> Reference:
    """Read the reference image at `path`; PictureError, with the fix, if no service could take it."""
    from mkdocs_leonardo.imaging.normalise import inspect, is_animated

    try:
        with path.open("rb") as file:
            data = file.read(MAX_REFERENCE_BYTES + 1)
    except OSError as error:
        raise PictureError(f"cannot be opened ({error.strerror})") from error
    if len(data) > MAX_REFERENCE_BYTES:
        raise PictureError(
            f"has more than {MAX_REFERENCE_BYTES // 2**20} MB; save a smaller copy, which gives the same look"
        )
    if is_animated(data):
        raise PictureError("is animated; save one frame of it as JPEG")
    inspect(data)
    return Reference(digest_of(data), strength, path)


def copy_without_metadata(data: bytes) -> bytes:
    """Copy a picture for services: an upright JPEG in sRGB of at most 1536 pixels, without metadata.

    A camera's metadata include place and time. PictureError as for `normalise`.
    """
    from mkdocs_leonardo.imaging.normalise import normalise, read_upright_size

    width, height = read_upright_size(data)
    shrink = min(1.0, _MAX_SIDE_PX / max(width, height))
    image = normalise(data, width_px=max(1, round(width * shrink)), height_px=max(1, round(height * shrink)))
    # Pillow writes a comment, and more in other versions, of what it has read.
    image.info.clear()
    file = BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


class References:
    """The reference images of one build; each file is read once."""

    def __init__(self) -> None:
        self._references: dict[Path, Reference | PictureError] = {}

    def first(self, paths: Sequence[Path], strength: Strength) -> Reference:
        """Return the reference at the first of `paths` that is a file; PictureError, with the fix, if there is none."""
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise PictureError("is not there; write its path relative to the page, or to a folder above it")
        if path not in self._references:
            try:
                self._references[path] = read_reference(path, strength)
            except PictureError as error:
                self._references[path] = error
        reference = self._references[path]
        if isinstance(reference, PictureError):
            raise reference
        return reference
