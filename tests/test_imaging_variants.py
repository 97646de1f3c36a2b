"""Single files of a hero: choice, size and content."""

import base64
import colorsys
from contextlib import AbstractContextManager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from mkdocs_leonardo.imaging.contrast import encode_blur_up, find_dominant_colour
from mkdocs_leonardo.imaging.render import (
    choose_widths,
    list_available_formats,
    open_draft,
    plan_files,
    split_formats,
    write_ladder,
)
from mkdocs_leonardo.spec import Encoding, FocalPoint, Format, focus_suffix


def noise(width_px: int = 1536, height_px: int = 864) -> Image.Image:
    """The picture that compresses worst."""
    return Image.merge("RGB", [Image.effect_noise((width_px, height_px), 120) for _ in "rgb"])


@given(st.lists(st.integers(-10, 4000)), st.integers(1, 3000))
def test_ladder_has_its_own_width_and_no_larger_one(widths: list[int], width: int) -> None:
    """Widths are ascending and different, and the last one is the picture's own."""
    steps = choose_widths(widths, width)

    assert steps[-1] == width
    assert list(steps) == sorted(set(steps))
    assert set(steps) - {width} == {step for step in widths if 0 < step < width}


def test_usable_formats_without_avif_falls_to_the_others() -> None:
    """A Pillow without AVIF uses the other formats and names the missing one."""
    assert split_formats(("avif", "webp", "jpeg"), ("webp", "jpeg")) == (("webp", "jpeg"), ("avif",))


def test_usable_formats_with_nothing_left_writes_webp_or_jpeg() -> None:
    """Without a usable format, WebP or JPEG is written."""
    assert split_formats(("avif",), ("webp", "jpeg")) == (("webp",), ("avif",))
    assert split_formats(("avif",), ("jpeg",)) == (("jpeg",), ("avif",))


def test_usable_formats_names_each_once_in_the_configured_order() -> None:
    """A format that is listed twice is used once, in the configured order."""
    assert split_formats(("jpeg", "webp", "jpeg"), ("avif", "webp", "jpeg")) == (("jpeg", "webp"), ())


@pytest.mark.parametrize(
    ("widths", "width_px", "jpeg"),
    [
        ((480, 768, 960, 1200, 1536), 1536, [768, 1200, 1536]),
        ((480, 960, 1536), 1536, [960, 1536]),
        ((320, 640), 640, [640]),
        ((), 1536, [1536]),
    ],
)
def test_plan_files_spare_the_fallback_beside_a_better_format(
    widths: tuple[int, ...], width_px: int, jpeg: list[int]
) -> None:
    """Beside AVIF, JPEG has the widths that fallbacks need; alone it has every width."""
    encoding = Encoding(widths=widths, width_px=width_px)

    def widths_of(kind: Format, *formats: Format) -> list[int]:
        return [width for width, each, _ in plan_files(replace(encoding, formats=formats)) if each == kind]

    assert widths_of("avif", "avif", "jpeg") == list(choose_widths(widths, width_px))
    assert widths_of("jpeg", "avif", "jpeg") == jpeg
    assert widths_of("jpeg", "jpeg") == list(choose_widths(widths, width_px))


def test_available_formats_can_all_be_written(tmp_path: Path) -> None:
    """Pillow writes every format that is available."""
    for name in list_available_formats():
        Image.new("RGB", (8, 8)).save(tmp_path / "x", format=name)

        assert Image.open(tmp_path / "x").format == name.upper()


def test_focus_suffix_names_percent_and_nothing_for_the_centre() -> None:
    """The suffix of a focal point has its percentages, and the centre's is empty."""
    assert focus_suffix(FocalPoint(0.3, 0.6)) == "-30x60"
    assert focus_suffix(FocalPoint(0.5, 0.5)) == ""


def test_open_draft_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A rendering that fails leaves no file."""
    (tmp_path / "other").write_text("stays")

    def fail_at_the_end() -> None:
        with open_draft(tmp_path, "s", b"") as draft:
            small = Encoding(formats=("webp", "jpeg"), widths=(32,), width_px=64)
            write_ladder(draft, noise(64, 36), files=plan_files(small), name="n")
            assert len(list(tmp_path.iterdir())) == 4
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_at_the_end()

    assert [path.name for path in tmp_path.iterdir()] == ["other"]


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot write AVIF")
def test_write_ladder_takes_a_turn_for_each_file_that_takes_memory(tmp_path: Path) -> None:
    """A wide AVIF is encoded in a memory slot, after every other file was written without one."""
    events: list[str] = []

    class Turns(AbstractContextManager[None]):
        """Notes the written files at each begin and end of a slot."""

        def __enter__(self) -> None:
            events.append(f"from {len(list(tmp_path.iterdir()))}")

        def __exit__(self, *_: object) -> None:
            events.append(f"to {len(list(tmp_path.iterdir()))}")

    with open_draft(tmp_path, "s", b"") as draft:
        picture = Image.new("RGB", (1536, 864), "navy")
        files = plan_files(Encoding(widths=(768, 1200)))
        written = write_ladder(draft, picture, files=files, name="n", memory_slots=Turns())

    assert events == ["from 4", "to 5", "from 5", "to 6"]
    assert [variant.name for variant in written] == [
        f"n-{width}.{extension}" for width in (768, 1200, 1536) for extension in ("avif", "jpg")
    ]


@pytest.mark.parametrize(
    "image",
    [
        noise(),
        noise(160, 90).resize((1536, 864), Image.Resampling.NEAREST),
        noise(16, 9).resize((1536, 864), Image.Resampling.NEAREST),
        Image.new("RGB", (1536, 864), "white"),
        Image.linear_gradient("L").resize((1536, 864)).convert("RGB"),
        noise(8, 300),
        noise(300, 2),
    ],
    ids=["noise", "coarse", "coarsest", "white", "gradient", "tall", "flat"],
)
def test_blur_up_image_of_any_picture_stays_below_200_bytes(image: Image.Image) -> None:
    """The blur-up image of any picture is a WebP 16 pixels wide of less than 200 bytes."""
    uri = encode_blur_up(image)

    assert len(uri) < 200
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    decoded = Image.open(BytesIO(base64.b64decode(data)))
    assert (decoded.format, decoded.width) == ("WEBP", 16)


def test_blur_up_image_looks_like_the_picture() -> None:
    """The blur-up image has the picture's dark and light places."""
    image = Image.new("RGB", (1536, 864), (20, 20, 60))
    image.paste((250, 200, 120), (768, 0, 1536, 864))

    decoded = Image.open(BytesIO(base64.b64decode(encode_blur_up(image).partition(",")[2]))).convert("L")

    assert isinstance(dark := decoded.getpixel((3, 4)), int)
    assert isinstance(light := decoded.getpixel((12, 4)), int)
    assert dark < 60
    assert light > 180


def test_dominant_plain_colour_is_that_colour() -> None:
    """A picture of one colour has that colour."""
    assert find_dominant_colour(Image.new("RGB", (1536, 864), (18, 52, 86))) == "#123456"


def test_dominant_is_a_colour_of_the_picture_rather_than_its_grey_mean() -> None:
    """The dominant colour is the larger of orange and blue and not their grey mean."""
    image = Image.new("RGB", (1536, 864), (240, 120, 20))
    image.paste((20, 90, 200), (1000, 0, 1536, 864))

    assert find_dominant_colour(image) == "#f07814"


def test_dominant_prefers_vivid_to_dull() -> None:
    """A sunset over grey rocks is orange."""
    image = Image.new("RGB", (1536, 864), (90, 90, 92))
    image.paste((250, 130, 40), (0, 0, 1536, 350))

    colour = find_dominant_colour(image)

    hue, saturation, _ = colorsys.rgb_to_hsv(*(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)))
    assert saturation > 0.7
    assert 0.03 < hue < 0.12
