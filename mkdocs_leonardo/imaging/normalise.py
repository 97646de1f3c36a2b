"""Normalises delivered bytes to one kind of picture: RGB, sRGB, upright, of exactly the requested size.

The bytes come from a service or an author and are not trusted. Their first bytes decide on the format, the size is
checked before anything is decoded, and a file that is cut short is refused.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator
from io import BytesIO

from PIL import (
    AvifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
    features,
)

from mkdocs_leonardo.errors import PictureError
from mkdocs_leonardo.imaging.formats import BRANDS, EXTENSIONS, DeliveredFormat, format_of
from mkdocs_leonardo.spec import CENTER, FocalPoint, ImageInfo, replace_unprintable

#: A 40 megapixel picture takes 160 MB decoded; the largest that any of the services makes has 35.
MAX_PIXELS = 40_000_000
#: A JPEG may have more, since it is decoded at half its size or less: phones make 48, 50 and 108 megapixels.
MAX_JPEG_PIXELS = 110_000_000
#: A JPEG of several scans is held in memory as a whole, at up to 6 bytes a pixel.
MAX_PROGRESSIVE_PIXELS = 51_000_000
#: Each scan goes over all pixels again. Encoders write about ten; the limit of libjpeg's own programs is 100 to 500.
MAX_SCANS = 100
MAX_SCANNED_PIXELS = 1_200_000_000

#: The most segments or chunks of a file that are read. The longest files of cameras and services have thousands.
MAX_PARTS = 50_000

#: The colour behind transparent pixels: dark for the white text on them, and neutral beside any colour.
BACKGROUND = (32, 32, 32)

#: Aspects that differ by less are stretched rather than cropped: half a percent is not visible.
ASPECT_TOLERANCE = 0.005

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
#: A marker outside the scans: no stuffing, no fill byte and no restart.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_ORIENTATION = 0x0112
_FIRST_TURNED_ORIENTATION = 5

Box = tuple[float, float, float, float]

#: Formats that not all browsers and services take, by their first bytes.
_OTHERS = {
    "HEIC": re.compile(BRANDS + rb"(?:hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL),
    "SVG": re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml.{0,1000}?|<!--.{0,1000}?)?<svg[\s>]", re.DOTALL),
    "GIF": re.compile(rb"GIF8"),
    "TIFF": re.compile(rb"II\*\0|MM\0\*"),
    "BMP": re.compile(rb"BM.{4}\0{4}", re.DOTALL),
    "PDF": re.compile(rb"%PDF-"),
}

# The plugins are called directly. Every other plugin of the site can change the formats and the size of pictures that
# `Image.open` accepts, which are global state.
_OPENERS: dict[DeliveredFormat, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
}


def inspect(data: bytes) -> ImageInfo:
    """Decode all bytes, and return their format and size; PictureError if they are no picture within the limits."""
    width, height = read_upright_size(data)
    # A reduced picture takes little memory, and the decoder still reads every byte.
    kind, _ = _decode(data, at_least_px=1)
    return ImageInfo(EXTENSIONS[kind], width, height)


def read_upright_size(data: bytes) -> tuple[int, int]:
    """Return width and height of the upright picture, by its header alone. Raises PictureError as `inspect` does."""
    _, image = _open(data)
    width, height = image.size
    return (height, width) if _read_orientation(image) >= _FIRST_TURNED_ORIENTATION else (width, height)


def is_animated(data: bytes) -> bool:
    """Return whether the picture's header states more than one frame. Raises PictureError as `inspect` does."""
    _, image = _open(data)
    return bool(getattr(image, "is_animated", False))


def normalise(data: bytes, *, width_px: int, height_px: int, focus: FocalPoint = CENTER) -> Image.Image:
    """Return the picture upright, in sRGB, and exactly `width_px` x `height_px`.

    A picture of another aspect is cropped around `focus`. Raises PictureError if pages cannot show the bytes.
    """
    _, image = _decode(data, at_least_px=2 * max(width_px, height_px))
    turn = _UPRIGHT.get(_read_orientation(image))
    try:
        upright = image.transpose(turn) if turn is not None else image
        return fit(_convert_to_rgb(upright), width_px=width_px, height_px=height_px, focus=focus)
    except (OSError, ValueError, MemoryError) as error:
        raise PictureError(f"cannot be converted to RGB (mode {image.mode}): {error}") from error


def fit(image: Image.Image, *, width_px: int, height_px: int, focus: FocalPoint = CENTER) -> Image.Image:
    """Return the RGB picture at exactly that size, cropped to its aspect around `focus`."""
    if image.size == (width_px, height_px):
        return image
    box = compute_crop_box(image.size, (width_px, height_px), focus)
    # A reducing gap of 3 is indistinguishable from plain LANCZOS (Pillow's documentation of `resize`), and faster.
    return image.resize((width_px, height_px), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def compute_crop_box(size_px: tuple[int, int], aspect: tuple[int, int], focus: FocalPoint = CENTER) -> Box:
    """Return the largest part of a picture with the aspect width:height, in fractional pixels.

    The part is that of CSS's `object-fit: cover` with `object-position` at `focus`, so that files and pages crop alike.
    The focal point keeps its relative position: 30 % of the whole is 30 % of the part.
    """
    width, height = size_px
    target = aspect[0] / aspect[1]
    ratio = width / height / target
    if abs(math.log(ratio)) <= ASPECT_TOLERANCE:
        return (0.0, 0.0, float(width), float(height))
    part_width = min(float(width), height * target)
    part_height = min(float(height), width / target)
    left = (width - part_width) * min(max(focus.x, 0.0), 1.0)
    top = (height - part_height) * min(max(focus.y, 0.0), 1.0)
    return (left, top, min(left + part_width, float(width)), min(top + part_height, float(height)))


def read_png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield at most `MAX_PARTS` whole chunks of a PNG as (type, body, whether the checksum holds)."""
    position = 8
    for _ in range(MAX_PARTS):
        if position + 12 > len(data):
            return
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            return
        checksum = int.from_bytes(data[end : end + 4], "big")
        yield kind, data[position + 8 : end], zlib.crc32(memoryview(data)[position + 4 : end]) == checksum
        position = end + 4


def _check_format(data: bytes) -> DeliveredFormat:
    """Return the format of the image. Raises PictureError, which names the format, unless pages can show it."""
    kind = format_of(data)
    if kind is not None:
        return kind
    if not data:
        raise PictureError("is not an image: it is empty")
    format_name = next((name for name, beginning in _OTHERS.items() if beginning.match(data)), None)
    if format_name is not None:
        raise PictureError(f"is not a JPEG, PNG, WebP or AVIF image but {format_name}; save it as JPEG")
    # The start is shown because an error page says what went wrong; it is short, so that no secret fits in.
    beginning = replace_unprintable(data.lstrip()[:16].decode("ascii", "replace").replace("\ufffd", "?"), "?")
    raise PictureError(f"is not a JPEG, PNG, WebP or AVIF image: it begins with '{beginning}'")


def _decode(data: bytes, *, at_least_px: int) -> tuple[DeliveredFormat, ImageFile.ImageFile]:
    """Return the decoded first frame. A JPEG may come out smaller by a power of two, but not below `at_least_px`."""
    kind, image = _open(data)
    width, height = image.size
    try:
        # The shorter side must stay large enough too, whichever way the picture is turned and cropped.
        shrink = min(1.0, at_least_px / min(width, height))
        if width * height > MAX_PIXELS:
            shrink = min(shrink, 0.5)
        image.draft(image.mode, (round(width * shrink), round(height * shrink)))
        image.load()
    except Exception as error:  # decoders raise whatever a broken file leads them to
        raise PictureError(f"is a broken {kind} image: {error}") from error
    return kind, image


def _open(data: bytes) -> tuple[DeliveredFormat, ImageFile.ImageFile]:
    """Open the picture and check the size in its header; nothing is decoded."""
    kind = _check_format(data)
    if not features.check("zlib" if kind == "png" else EXTENSIONS[kind]):
        raise PictureError(f"is {kind} data, which this installation of Pillow cannot read")
    if not _is_complete(kind, data):
        raise PictureError(f"is a {kind} image that is cut short or damaged ({len(data)} bytes)")
    if kind == "webp":
        # Its decoder allocates the whole canvas before it tells the size.
        _check_size(_read_webp_size(data))
    try:
        image = _OPENERS[kind](BytesIO(data))
    except Exception as error:  # a format's plugin raises whatever a broken file leads it to
        raise PictureError(f"is a broken {kind} image: {error}") from error
    if kind == "jpeg":
        _check_jpeg(data, image.size)
    else:
        _check_size(image.size)
    return kind, image


def _check_size(size_px: tuple[int, int], max_pixels: int = MAX_PIXELS) -> None:
    width, height = size_px
    if width * height > max_pixels:
        raise PictureError(f"has {width} x {height} pixels, more than the {max_pixels // 1_000_000} megapixels allowed")


def _check_jpeg(data: bytes, size_px: tuple[int, int]) -> None:
    """Raise PictureError for a picture whose decoding takes too much memory or work."""
    scans = sum(marker == _START_OF_SCAN for marker in _list_jpeg_markers(data))
    _check_size(size_px, MAX_JPEG_PIXELS if scans == 1 else MAX_PROGRESSIVE_PIXELS)
    if scans > MAX_SCANS or scans * size_px[0] * size_px[1] > MAX_SCANNED_PIXELS:
        raise PictureError(f"has {scans} scans, more than is allowed for its size; save it anew with another program")


def _read_webp_size(data: bytes) -> tuple[int, int]:
    """Return the canvas size in the first chunk (WebP container specification, RFC 9649); (0, 0) without one."""
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return 0, 0


def _is_complete(kind: DeliveredFormat, data: bytes) -> bool:
    """Return whether the file is complete by its own markers. WebP and AVIF count as complete.

    Pillow finds a truncated JPEG or PNG only if other code in the process has not set
    `ImageFile.LOAD_TRUNCATED_IMAGES`. It always finds a truncated WebP or AVIF.
    """
    if kind == "jpeg":
        return _END_OF_IMAGE in _list_jpeg_markers(data)
    if kind == "png":
        chunks = [(name, intact) for name, _, intact in read_png_chunks(data)]
        # Upper case in the first letter: a chunk without which the picture cannot be shown.
        return any(name == b"IEND" for name, _ in chunks) and all(ok for name, ok in chunks if name[:1].isupper())
    return True


def _list_jpeg_markers(data: bytes) -> Iterator[int]:
    """Yield the markers of a JPEG's segments, up to the end of image if there is one.

    The compressed scans are stepped over, so that an end of image inside an embedded thumbnail does not count. A file
    of more than `MAX_PARTS` has no end here.
    """
    position = 2
    for _ in range(MAX_PARTS):
        match = _JPEG_MARKER.search(data, position)
        if match is None:
            return
        marker, position = match[1][0], match.end()
        yield marker
        if marker == _END_OF_IMAGE:
            return
        position += max(int.from_bytes(data[position : position + 2], "big"), 2)


def _read_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - EXIF is read by hand-written parsers; a broken one must not cost the picture
        return 1


def _convert_to_rgb(image: Image.Image) -> Image.Image:
    """Return the picture in sRGB without alpha."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        # 16 bits a sample; Pillow's own conversion clips at 255 instead of scaling.
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    elif image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    flat = (_convert_to_srgb(image, profile) if profile else None) or image.convert("RGB")
    if alpha is None:
        return flat
    return Image.composite(flat, Image.new("RGB", flat.size, BACKGROUND), alpha)


def _convert_to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the picture converted from its profile; None if the profile is broken or does not fit the picture."""
    if not features.check("littlecms2"):
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        # Also if the profile calls itself sRGB: 60 ms a picture are better than wrong colours.
        return ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
