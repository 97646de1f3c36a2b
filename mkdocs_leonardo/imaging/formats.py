"""The format of an image by its first bytes. Imports no decoder."""

from __future__ import annotations

import re
from typing import Literal

DeliveredFormat = Literal["jpeg", "png", "webp", "avif"]
EXTENSIONS: dict[DeliveredFormat, str] = {"jpeg": "jpg", "png": "png", "webp": "webp", "avif": "avif"}

#: The brands of an ISO file, four bytes each. The first one may be general (ISO/IEC 23008-12).
BRANDS = rb".{4}ftyp(?:.{4}){0,16}?"
_AVIF = re.compile(BRANDS + rb"avi[fs]", re.DOTALL)


def format_of(data: bytes) -> DeliveredFormat | None:
    """Return the format of a JPEG, PNG, WebP or AVIF; None for any other data."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return "avif" if _AVIF.match(data) else None


def is_whole_picture(data: bytes) -> bool:
    """Return whether the bytes begin like a JPEG, PNG, WebP or AVIF, and do not show that they are cut short.

    The declared type does not count, since services and CDNs state wrong ones. The caller decodes the picture.
    """
    match format_of(data):
        case "jpeg":
            return b"\xff\xd9" in data[-4096:]
        case "png":
            return b"IEND" in data[-4096:]
        case "webp":
            return int.from_bytes(data[4:8], "little") + 8 <= len(data)
        case "avif":
            return True
    # The general brand of AVIF, and of formats that the decoder refuses.
    return data[4:12] == b"ftypmif1"
