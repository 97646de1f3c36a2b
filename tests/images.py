"""Pictures of the tests as files."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def encode(image: Image.Image, picture_format: str = "JPEG", **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """The image as a file of that format."""
    file = io.BytesIO()
    image.save(file, picture_format, **options)
    return file.getvalue()


def plain(colour: str | tuple[int, int, int], size: tuple[int, int], picture_format: str = "JPEG") -> bytes:
    """A picture of one colour."""
    return encode(Image.new("RGB", size, colour), picture_format)


def bright() -> bytes:
    """A picture that is hard on white text: a light grey gradient."""
    return encode(Image.linear_gradient("L").resize((1536, 864)).point(lambda value: 255 - value // 4), "PNG")
