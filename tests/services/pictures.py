"""The pictures of the loopback services: eight coloured fields that identify their prompt."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import zlib
from functools import lru_cache

from PIL import Image, ImageCms

from .behaviours import HalfPicture, NotAPicture, Picture, PictureBehaviour, PixelBomb

_COLUMNS, _ROWS = 4, 2
_LEVELS = (24, 92, 160, 228)
#: Fields of two prompts differ by 85 on average; encoding, resizing and mild cropping move them by less than 10.
_TOLERANCE = 20.0
_CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
#: The turn of upright pixels that a reader undoes by the orientation (EXIF 2.3, 4.6.4).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_EXIF_ORIENTATION = 0x0112

Colour = tuple[int, int, int]


def _fields(prompt: str) -> list[Colour]:
    digest = hashlib.sha256(prompt.encode()).digest()
    levels = [_LEVELS[byte % len(_LEVELS)] for byte in digest]
    return [(levels[3 * i], levels[3 * i + 1], levels[3 * i + 2]) for i in range(_COLUMNS * _ROWS)]


def shows(picture: bytes, prompt: str) -> bool:
    """Whether the picture (of any format and size, about 16:9) is the one drawn for `prompt`."""
    with Image.open(io.BytesIO(picture)) as opened:
        image = opened.convert("RGB")
    width, height = image.width / _COLUMNS, image.height / _ROWS
    error = 0.0
    for index, wanted in enumerate(_fields(prompt)):
        left, top = index % _COLUMNS * width, index // _COLUMNS * height
        box = (left + width / 4, top + height / 4, left + 3 * width / 4, top + 3 * height / 4)
        found = image.resize((1, 1), Image.Resampling.BOX, box=box).getpixel((0, 0))
        assert isinstance(found, tuple)
        error += sum(abs(a - b) for a, b in zip(found, wanted, strict=True))
    return error / (3 * _COLUMNS * _ROWS) < _TOLERANCE


def _paint(prompt: str, mark: str, width_px: int, height_px: int) -> Image.Image:
    small = Image.new("RGB", (_COLUMNS, _ROWS))
    for index, colour in enumerate(_fields(prompt)):
        small.putpixel((index % _COLUMNS, index // _COLUMNS), colour)
    image = small.resize((width_px, height_px), Image.Resampling.NEAREST)
    # A small field in the middle, off the places that `shows` looks at, so that seeds and styles differ in their bytes.
    side_px = max(1, height_px // 16)
    middle = Image.new("RGB", (side_px, side_px), _fields(mark)[0])
    image.paste(middle, ((width_px - side_px) // 2, (height_px - side_px) // 2))
    return image


@lru_cache(maxsize=1)
def _profile_with_red_and_green_swapped() -> bytes:
    """An sRGB profile with its first two primaries exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = entries[b"rXYZ"] + 4, entries[b"gXYZ"] + 4
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    return bytes(profile)


@lru_cache(maxsize=256)
def draw(prompt: str, mark: str, width_px: int, height_px: int, form: Picture) -> bytes:
    """Draw and encode the prompt's picture; `mark` is for other properties of a picture (seed, style)."""
    width_px = form.width_px or round(width_px * form.scale)
    height_px = form.height_px or round(height_px * form.scale)
    image = _paint(prompt, mark, width_px, height_px)
    profile = None
    if form.swapped_profile:
        red, green, blue = image.split()
        image, profile = Image.merge("RGB", (green, red, blue)), _profile_with_red_and_green_swapped()
    if form.orientation in _TURNS:
        image = image.transpose(_TURNS[form.orientation])
    exif = Image.Exif()
    if form.orientation != 1:
        exif[_EXIF_ORIENTATION] = form.orientation
    file = io.BytesIO()
    image = image.convert(form.mode)
    # PNG at level 1: the service's speed matters, its file sizes do not.
    image.save(file, form.format, quality=85, compress_level=1, exif=exif, icc_profile=profile)
    return _with_marks(file.getvalue()) if form.with_marks else file.getvalue()


def _with_marks(jpeg: bytes) -> bytes:
    """The JPEG with an XMP packet (APP1) and a JUMBF box named c2pa (APP11), as C2PA 2.1, appendix A, places it."""
    packet = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><note>theirs</note></x:xmpmeta>"
    description = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x008\x9bq\x03c2pa\x00"
    description = struct.pack(">I", len(description) + 4) + description
    box = struct.pack(">I", len(description) + 8) + b"jumb" + description
    manifest = b"JP\x00\x01\x00\x00\x00\x01" + box
    parts = ((b"\xff\xe1", packet), (b"\xff\xeb", manifest))
    segments = [marker + struct.pack(">H", len(body) + 2) + body for marker, body in parts]
    return b"".join([jpeg[:2], *segments, jpeg[2:]])


@lru_cache(maxsize=2)
def pixel_bomb(side_px: int) -> bytes:
    """A black one-bit PNG of that size, with about a thousandth of its decoded bytes."""
    packer = zlib.compressobj(9)
    row = bytes(1 + math.ceil(side_px / 8))
    body = b"".join(packer.compress(row) for _ in range(side_px)) + packer.flush()
    header = struct.pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def deliver(prompt: str, mark: str, width_px: int, height_px: int, form: PictureBehaviour | None) -> tuple[bytes, str]:
    """The bytes and their content type by the behaviour; without one, a JPEG of the requested size."""
    match form:
        case PixelBomb():
            return pixel_bomb(form.side_px), "image/png"
        case NotAPicture():
            return b"<!doctype html><title>Sorry</title><p>This is not an image.</p>", form.content_type
        case HalfPicture():
            whole = draw(prompt, mark, width_px, height_px, Picture())
            return whole[: len(whole) // 2], "image/jpeg"
        case Picture():
            content_type = form.content_type or _CONTENT_TYPES[form.format]
            return draw(prompt, mark, width_px, height_px, form), content_type
        case _:
            return draw(prompt, mark, width_px, height_px, Picture()), "image/jpeg"
