"""Delivered pictures: one kind of picture, or a plain refusal."""

import resource
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import encode
from PIL import Image, ImageChops, ImageCms, ImageFile, ImageStat, features

from mkdocs_leonardo.errors import PictureError
from mkdocs_leonardo.imaging.normalise import (
    BACKGROUND,
    compute_crop_box,
    fit,
    inspect,
    normalise,
    read_upright_size,
)
from mkdocs_leonardo.spec import FocalPoint, ImageInfo

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot read AVIF")
FORMATS = ["jpeg", "png", "webp", pytest.param("avif", marks=needs_avif)]


def scene(width_px: int = 320, height_px: int = 180, mode: str = "RGB") -> Image.Image:
    """A smooth picture with a different colour in each corner."""
    corners = Image.new("RGB", (2, 2))
    corners.putdata([(220, 40, 40), (40, 200, 60), (40, 60, 220), (230, 220, 90)])
    return corners.resize((width_px, height_px), Image.Resampling.BILINEAR).convert(mode)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures in steps of 0 to 255."""
    assert one.mode == other.mode == "RGB"
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with a valid checksum."""
    """A chunk with a checksum that holds."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def rgb_profile(description: str, primaries: list[tuple[float, float, float]]) -> bytes:
    """An ICC version 2 profile with a gamma of 2.2 and the given red, green and blue (XYZ, adapted to D50)."""

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    text = description.encode() + b"\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": xyz((0.9642, 1.0, 0.8249)),
        b"rXYZ": xyz(primaries[0]),
        b"gXYZ": xyz(primaries[1]),
        b"bXYZ": xyz(primaries[2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, bodies, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, body in tags.items():
        padded = body + bytes(-len(body) % 4)
        table += name + struct.pack(">II", offset + len(bodies), len(body))
        bodies += padded
    header = struct.pack(">I4sI4s4s4s", offset + len(bodies), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + xyz((0.9642, 1.0, 0.8249))[8:] + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + bodies


#: Display P3's primaries, adapted to D50 (as in Apple's profile).
DISPLAY_P3 = rgb_profile("Display P3", [(0.5151, 0.2412, -0.0011), (0.292, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)])


@pytest.mark.parametrize("picture_format", FORMATS)
def test_inspect_good_picture_tells_extension_and_size(picture_format: str) -> None:
    """The format of a picture is recognised by its bytes."""
    extension = "jpg" if picture_format == "jpeg" else picture_format
    assert ImageInfo(extension, 320, 180) == inspect(encode(scene(), picture_format))


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("picture_format", FORMATS)
def test_inspect_truncated_file_is_refused(picture_format: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncated picture is refused, even if Pillow was set to be lenient."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    noise = Image.merge("RGB", [Image.effect_noise((320, 180), 60)] * 3)
    data = encode(noise, picture_format)

    with pytest.raises(PictureError):
        inspect(data[: int(len(data) * share)])


def test_inspect_half_jpeg_with_whole_thumbnail_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of an embedded thumbnail is not taken for the end of the picture."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encode(scene(1536, 864), "jpeg")
    thumbnail = encode(scene(64, 36), "jpeg")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]

    assert inspect(whole).width_px == 1536
    with pytest.raises(PictureError, match="cut short"):
        inspect(whole[: len(whole) // 2])


@pytest.mark.parametrize("tail", [b"\0\0\0", b"trailer of a camera", encode(scene(64, 36), "jpeg")])
def test_inspect_bytes_behind_a_jpeg_are_ignored(tail: bytes) -> None:
    """Bytes after the end of a JPEG are ignored."""
    assert inspect(encode(scene(), "jpeg") + tail) == ImageInfo("jpg", 320, 180)


def test_inspect_png_with_a_changed_byte_is_refused() -> None:
    """A PNG with a wrong checksum is refused."""
    data = bytearray(encode(scene(), "png"))
    data[len(data) // 2] ^= 1

    with pytest.raises(PictureError, match="damaged"):
        inspect(bytes(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html><body>502", "is not a .* image: it begins with '<!DOCTYPE html><'"),
        (b'\n {"error": "x"}', 'it begins with \'{"error": "x"}\''),
        (b"\x00\x1b[31m\xff\xff", "it begins with '\\?\\?\\[31m\\?\\?'"),
        (encode(scene(mode="P"), "gif"), "is not a JPEG, PNG, WebP or AVIF image but GIF; save it as JPEG"),
        (encode(scene(), "bmp"), "image but BMP; save it as JPEG"),
        (encode(scene(), "tiff"), "image but TIFF; save it as JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(2000), "image but HEIC; save it as JPEG"),
        (b"<svg viewBox='0 0 1 1'/>", "image but SVG; save it as JPEG"),
        (b"%PDF-1.7", "image but PDF; save it as JPEG"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif" + bytes(2000), "avif image"),
        (b"\xff\xd8\xff\xe0" + bytes(2000), "jpeg image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), "png image"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(2000), "webp image"),
        (b"\0\0\0\x18ftypavif" + bytes(2000), "avif"),
    ],
)
def test_inspect_something_else_is_refused_with_plain_words(data: bytes, message: str) -> None:
    """The refusal of a file that is no picture quotes its first bytes in printable characters."""
    with pytest.raises(PictureError, match=message):
        inspect(data)


def bomb(picture_format: str) -> bytes:
    """A few KiB that claim to hold more than 40 megapixels."""
    if picture_format == "png":
        rows = zlib.compress(bytes(1 + 30_000 // 8) * 30_000, 9)
        header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
    if picture_format == "jpeg":
        data = bytearray(encode(Image.new("L", (16, 16)), "jpeg"))
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
        return bytes(data)
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16_000).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def peak_kib() -> int:
    """The peak memory of this process in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("picture_format", ["png", "jpeg", "webp"])
def test_inspect_bomb_is_refused_before_decoding(
    picture_format: str,
    lenient: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A picture of hundreds of megapixels is refused before decoding, whatever Pillow's limit in the process."""
    if lenient:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    data = bomb(picture_format)
    before = peak_kib()

    with pytest.raises(PictureError, match=r"has \d+ x \d+ pixels, more than the (?:40|110) megapixels allowed"):
        inspect(data)

    assert peak_kib() - before < 50_000


def test_inspect_good_picture_is_not_refused_by_another_plugins_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another plugin's limit in Pillow does not refuse a picture."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    assert inspect(encode(scene(), "png")).width_px == 320


@pytest.mark.parametrize("picture_format", FORMATS)
def test_normalise_any_size_gives_exactly_the_requested_one(picture_format: str) -> None:
    """A picture of any delivered size becomes the requested size."""
    data = encode(scene(2304, 1296), picture_format, quality=90)

    image = normalise(data, width_px=1536, height_px=864)

    assert (image.mode, image.size) == ("RGB", (1536, 864))
    assert difference(image, scene(1536, 864)) < 3


def test_normalise_right_size_changes_no_pixel() -> None:
    """A picture of the right size keeps its pixels."""
    noise = Image.merge("RGB", [Image.effect_noise((320, 180), 60) for _ in "rgb"])

    assert normalise(encode(noise, "png"), width_px=320, height_px=180).tobytes() == noise.tobytes()


def test_normalise_almost_the_aspect_is_not_cropped() -> None:
    """A picture of almost the right aspect (1472 x 832 for 16:9) is not cropped."""
    framed = Image.new("RGB", (1472, 832), "blue")
    framed.paste("black", (4, 4, 1468, 828))

    image = normalise(encode(framed, "png"), width_px=1536, height_px=864)

    # A crop to 16:9 would have taken two rows at the top and at the bottom.
    assert all(image.getpixel((768, y)) == (0, 0, 255) for y in (0, 1, 862, 863))


@pytest.mark.parametrize(("focus", "colour"), [(0.0, (255, 0, 0)), (1.0, (0, 0, 255))])
def test_normalise_crop_keeps_the_focal_point(focus: float, colour: tuple[int, int, int]) -> None:
    """The crop of a picture that is too wide contains the focal point."""
    wide = Image.new("RGB", (3200, 864), "white")
    wide.paste((255, 0, 0), (0, 0, 300, 864))
    wide.paste((0, 0, 255), (2900, 0, 3200, 864))

    image = normalise(encode(wide, "png"), width_px=1536, height_px=864, focus=FocalPoint(focus, 0.5))

    assert image.getpixel((10 if focus == 0 else 1525, 400)) == colour


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("picture_format", FORMATS)
def test_normalise_orientation_is_applied(picture_format: str, orientation: int) -> None:
    """Each of EXIF's eight orientations gives an upright picture."""
    backwards = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = scene().transpose(backwards[orientation]) if orientation > 1 else scene()
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(stored, picture_format, exif=exif, quality=95)

    assert read_upright_size(data) == (inspect(data).width_px, inspect(data).height_px) == (320, 180)
    assert difference(normalise(data, width_px=320, height_px=180), scene()) < 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_normalise_broken_exif_is_ignored() -> None:
    """A picture with broken EXIF is accepted."""
    data = encode(scene(), "jpeg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\0\1\1\x12")

    assert normalise(data, width_px=320, height_px=180).size == (320, 180)


def test_normalise_wide_gamut_is_converted() -> None:
    """Colours in Display P3 become the same colours in sRGB."""
    data = encode(Image.new("RGB", (64, 36), (200, 100, 100)), "png", icc_profile=DISPLAY_P3)

    red, green, blue = normalise(data, width_px=64, height_px=36).getpixel((10, 10))  # type: ignore[misc]  # RGB has three values

    # By hand, with the matrices of CSS Color 4, and gamma 2.2 for the source: 213, 94, 97.
    assert abs(red - 213) <= 3
    assert abs(green - 94) <= 3
    assert abs(blue - 97) <= 3


@pytest.mark.parametrize("profile", [b"no profile", DISPLAY_P3[:200], DISPLAY_P3.replace(b"RGB ", b"GRAY", 1)])
def test_normalise_broken_profile_is_ignored(profile: bytes) -> None:
    """A broken colour profile changes no pixel."""
    data = encode(scene(), "png", icc_profile=profile)

    assert difference(normalise(data, width_px=320, height_px=180), scene()) == 0


def test_normalise_srgb_profile_changes_nothing() -> None:
    """An sRGB profile changes no pixel."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    image = normalise(encode(scene(), "png", icc_profile=profile), width_px=320, height_px=180)

    assert difference(image, scene()) == 0


def test_normalise_cmyk_becomes_rgb() -> None:
    """A CMYK JPEG becomes RGB in the same colours."""
    image = normalise(encode(scene(mode="CMYK"), "jpeg", quality=95), width_px=320, height_px=180)

    assert image.mode == "RGB"
    assert difference(image, scene()) < 6


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA"])
def test_normalise_png_of_any_mode_becomes_rgb(mode: str) -> None:
    """Grey, bilevel, palette and alpha pictures become RGB in the same colours."""
    source = scene().convert("L" if mode == "LA" else "RGB").convert(mode)

    image = normalise(encode(source, "png"), width_px=320, height_px=180)

    assert difference(image, source.convert("RGB")) == 0


def test_normalise_sixteen_bits_are_scaled() -> None:
    """A picture with 65,536 greys keeps its brightness."""
    data = encode(Image.new("I;16", (64, 36), 257 * 100), "png")

    assert normalise(data, width_px=64, height_px=36).getpixel((5, 5)) == (100, 100, 100)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_normalise_see_through_pixels_show_the_background(mode: str) -> None:
    """Transparent pixels show a dark neutral background, since white text stands on the picture."""
    base = Image.new("RGBA", (64, 36), (255, 255, 255, 0))
    base.paste((255, 255, 255, 255), (0, 0, 32, 36))
    data = encode(base.quantize() if mode == "PA" else base.convert(mode), "png")

    image = normalise(data, width_px=64, height_px=36)

    assert (image.getpixel((5, 5)), image.getpixel((60, 5))) == ((255, 255, 255), BACKGROUND)


@pytest.mark.parametrize("picture_format", ["webp", "png", pytest.param("avif", marks=needs_avif)])
def test_normalise_animation_gives_its_first_frame(picture_format: str) -> None:
    """An animation gives its first frame."""
    frames = [Image.new("RGB", (64, 36), colour) for colour in ("red", "lime", "blue")]
    data = encode(frames[0], picture_format, save_all=True, append_images=frames[1:], duration=100)

    red, green, blue = normalise(data, width_px=64, height_px=36).getpixel((5, 5))  # type: ignore[misc]  # RGB has three values

    assert red > 240
    assert max(green, blue) < 15


@given(
    st.binary(max_size=400), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x60\0\0\0WEBPVP8X", b""])
)
@settings(max_examples=100, deadline=None)
def test_inspect_arbitrary_bytes_raise_nothing_but_picture_error(data: bytes, magic: bytes) -> None:
    """Any bytes give a picture or PictureError."""
    with pytest.raises(PictureError):
        inspect(magic + data)


sizes = st.integers(min_value=1, max_value=6000)
fractions = st.floats(min_value=0, max_value=1)


@given(sizes, sizes, sizes, sizes, fractions, fractions)
def test_crop_box_is_the_largest_part_with_the_aspect_around_the_focus(
    width: int, height: int, aspect_width: int, aspect_height: int, x: float, y: float
) -> None:
    """The crop box is the largest one with the aspect, and keeps the focal point's relative place."""
    left, top, right, bottom = compute_crop_box((width, height), (aspect_width, aspect_height), FocalPoint(x, y))

    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == pytest.approx(width) or bottom - top == pytest.approx(height)
    assert (right - left) / (bottom - top) == pytest.approx(aspect_width / aspect_height, rel=0.0051)
    assert left + x * (right - left) == pytest.approx(x * width, abs=1e-6 * width)
    assert top + y * (bottom - top) == pytest.approx(y * height, abs=1e-6 * height)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200), st.integers(1, 200), fractions, fractions)
@settings(max_examples=50, deadline=None)
def test_fit_any_size_gives_the_requested_one(
    width: int, height: int, to_width: int, to_height: int, x: float, y: float
) -> None:
    """A picture of any size becomes the requested one with any focal point, and a plain colour stays the same."""
    image = fit(
        Image.new("RGB", (width, height), (10, 200, 30)),
        width_px=to_width,
        height_px=to_height,
        focus=FocalPoint(x, y),
    )

    assert ((to_width, to_height), [(to_width * to_height, (10, 200, 30))]) == (image.size, image.getcolors())


# Work ----------------------------------------------------------------------------------------------------------------


def many_scans(image: Image.Image, scans: int) -> bytes:
    """A progressive JPEG that repeats its last scan, as a decoder accepts it."""
    data = encode(image, "jpeg", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


@pytest.mark.parametrize("read", [inspect, lambda data: normalise(data, width_px=64, height_px=36)])
def test_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded(read: Callable[[bytes], object]) -> None:
    """A JPEG with thousands of scans is refused before decoding; one with a few more than usual is accepted."""
    with pytest.raises(PictureError, match=r"has 50\d\d scans, more than is allowed for its size"):
        read(many_scans(scene(2000, 1500), 5000))

    read(many_scans(scene(), 20))


def test_picture_of_more_parts_than_any_encoder_writes_is_refused() -> None:
    """A picture with millions of empty segments or chunks is refused."""
    jpeg, png = encode(scene(), "jpeg"), encode(scene(), "png")

    for data in (
        jpeg[:2] + b"\xff\xe5\0\2" * 60_000 + jpeg[2:],
        png[:33] + png_chunk(b"teSt", b"") * 60_000 + png[33:],
    ):
        with pytest.raises(PictureError, match="cut short or damaged"):
            inspect(data)


def test_photograph_of_a_phone_is_taken() -> None:
    """A photograph of 48 megapixels is decoded at half its size and looks the same."""
    data = encode(scene(8064, 6048), "jpeg", quality=60)

    found = inspect(data)
    shown = normalise(data, width_px=768, height_px=576)

    assert (found.width_px, found.height_px) == (8064, 6048)
    assert difference(shown, scene(768, 576)) < 4


def test_largest_progressive_jpeg_is_smaller_than_the_largest_plain_one() -> None:
    """The limit of pixels is lower for progressive JPEGs, and is checked before decoding."""
    data = bytearray(encode(scene(64, 64), "jpeg", progressive=True))
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 8000, 8000)

    with pytest.raises(PictureError, match="has 8000 x 8000 pixels, more than the 51 megapixels allowed"):
        inspect(bytes(data))
