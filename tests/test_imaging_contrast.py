"""The measured scrim: enough for white text on any picture, and no more."""

import base64
from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from mkdocs_leonardo.imaging.contrast import (
    CONTRAST_RATIO,
    LONG_NARROW_VIEWS,
    LONG_WIDE_VIEWS,
    NARROW_VIEWS,
    WIDE_VIEWS,
    View,
    encode_blur_up,
    find_dominant_colour,
    measure,
)
from mkdocs_leonardo.imaging.normalise import compute_crop_box
from mkdocs_leonardo.spec import CENTER, FocalPoint, Scrim
from mkdocs_leonardo.tint import SCRIM_LIMIT, SCRIM_STEP, TINTS, find_tint

SIZE = (1536, 864)


def scrim_of(image: Image.Image, focus: FocalPoint = CENTER) -> Scrim:
    """The scrim of the picture in its own tint."""
    return measure(image, encode_blur_up(image), focus, dominant=find_dominant_colour(image))


def noise(sigma: float = 60) -> Image.Image:
    """Grain in three independent channels."""
    return Image.merge("RGB", [Image.effect_noise(SIZE, sigma) for _ in "rgb"])


def dotted(side_px: int, background: tuple[int, int, int] = (20, 20, 40)) -> Image.Image:
    """White squares, one in each 37 x 37 pixels."""
    image = Image.new("RGB", SIZE, background)
    draw = ImageDraw.Draw(image)
    for x in range(0, SIZE[0], 37):
        for y in range(0, SIZE[1], 37):
            draw.rectangle((x, y, x + side_px - 1, y + side_px - 1), fill="white")
    return image


def halves(left: str, right: str) -> Image.Image:
    """Two colours side by side."""
    image = Image.new("RGB", SIZE, left)
    image.paste(right, (SIZE[0] // 2, 0, *SIZE))
    return image


def contrast_with_white(red: int, green: int, blue: int) -> float:
    """WCAG 2.2's contrast ratio of white text on a colour, computed apart from the code under test."""

    def light(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return 1.05 / (0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue) + 0.05)


class Screens:
    """A picture as browsers show it, in views of different sizes, around a focal point."""

    def __init__(self, image: Image.Image, focus: FocalPoint = CENTER) -> None:
        uri = encode_blur_up(image)
        self._files = (image, Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB"))
        self._tint = TINTS[find_tint(find_dominant_colour(image))]
        self._focus = focus
        self._shown: dict[tuple[tuple[int, int], int], Image.Image] = {}

    def shown(self, size: tuple[int, int], blur: int) -> Image.Image:
        """The picture, or its blur-up image with the stylesheet's blur, cropped to a size."""
        if (size, blur) not in self._shown:
            file = self._files[blur]
            image = file.resize(size, Image.Resampling.BILINEAR, box=compute_crop_box(file.size, size, self._focus))
            self._shown[size, blur] = image.filter(ImageFilter.GaussianBlur(0.02 * size[0] * blur))
        return self._shown[size, blur]

    def worst_contrast(
        self, view: View, percent: int, scale: float = 1.0, *, blur: int = 1, is_rtl: bool = False
    ) -> float:
        """The contrast that 995 of 1000 pixels behind the text reach, under `percent` of the picture's tint.

        The screen has `scale` pixels to each of CSS's.
        """
        size = (round(view.width_px * scale), round(view.height_px * scale))
        column_px = size[0] * view.column_share
        left, right = (size[0] - column_px, size[0]) if is_rtl else (0, column_px)
        box = (round(left), round(size[1] * (1 - view.text_share)), round(right), size[1])
        shown = self.shown(size, blur).crop(box)
        # Some 30,000 of the pixels tell as much as a million of them.
        shown = shown.resize((min(shown.width, 317), min(shown.height, 101)), Image.Resampling.NEAREST)
        blended = Image.blend(shown, Image.new("RGB", shown.size, self._tint), percent / 100)
        colours = blended.getcolors(shown.width * shown.height) or []
        ratios = sorted((contrast_with_white(*colour), count) for count, colour in colours if isinstance(colour, tuple))
        allowed = 0.005 * shown.width * shown.height
        for ratio, count in ratios:
            allowed -= count
            if allowed < 0:
                return ratio
        raise AssertionError("no pixels")


@pytest.mark.parametrize(
    ("image", "scrim"),
    [
        (Image.new("RGB", SIZE, "white"), Scrim(58, 58, 58, 58, 58, 58)),
        (Image.new("RGB", SIZE, "black"), Scrim(0, 0, 0, 0, 0, 0, 0)),
        (Image.new("RGB", SIZE, (110, 110, 110)), Scrim(0, 0, 0, 0, 0, 0, 0)),
        (Image.new("RGB", SIZE, (0, 0, 255)), Scrim(0, 0, 0, 0, 0, 0, 0)),
        (Image.new("RGB", SIZE, (130, 130, 130)), Scrim(16, 16, 16, 16, 16, 16, 0)),
        (halves("white", "black"), Scrim(58, 58, 58, 58, 58, 58)),
        (halves("black", "white"), Scrim(58, 58, 58, 58, 58, 58)),
    ],
)
def test_measure_plain_pictures_give_known_scrims(image: Image.Image, scrim: Scrim) -> None:
    """White needs the strongest scrim, black and deep colours none, and half a white picture as much as a whole one.

    The grey one needs 12, and has the margin of sharp pictures.
    """
    assert scrim == scrim_of(image)


@pytest.mark.parametrize(
    ("rows", "scrim"),
    [
        (90, Scrim(0, 0, 0, 0, 0, 0, 0)),
        (200, Scrim(0, 0, 0, 54, 0, 0)),
        (300, Scrim(50, 0, 0, 58, 50, 50)),
        (500, Scrim(*[58] * 6)),
    ],
)
def test_measure_bright_sky_above_the_text_costs_nothing(rows: int, scrim: Scrim) -> None:
    """A bright sky above the text needs no scrim, and long texts reach higher than short ones."""
    image = Image.new("RGB", SIZE, (20, 30, 40))
    image.paste("white", (0, 0, SIZE[0], rows))

    assert scrim == scrim_of(image)


@pytest.mark.parametrize(("left_px", "scrim"), [(0, Scrim(56, 58, 0, 56, 58, 0)), (1236, Scrim(56, 0, 58, 56, 0, 58))])
def test_measure_light_beside_the_text_costs_nothing(left_px: int, scrim: Scrim) -> None:
    """On desktops, light on the side where lines end needs no scrim, for either direction of script."""
    image = Image.new("RGB", SIZE, (20, 30, 40))
    image.paste("white", (left_px, 0, left_px + 300, SIZE[1]))

    assert scrim == scrim_of(image)


def test_measure_focus_moves_what_a_phone_shows() -> None:
    """On phones, only the part around the focal point is measured."""
    image = Image.new("RGB", SIZE, "black")
    image.paste("white", (0, 0, 250, 864))

    assert scrim_of(image, FocalPoint(0.0, 0.5)).narrow == 58
    assert scrim_of(image, FocalPoint(1.0, 0.5)).narrow == 0


@pytest.mark.parametrize(("side_px", "scrim"), [(8, Scrim(0, 0, 0, 0, 0, 0)), (24, Scrim(18, 18, 16, 18, 18, 16))])
def test_measure_small_lights_count_by_what_the_blur_up_image_keeps_of_them(side_px: int, scrim: Scrim) -> None:
    """Stars on 5 % of the picture vanish in the blur-up image; lamps on 42 % brighten it."""
    assert scrim == scrim_of(dotted(side_px))


def test_measure_picture_that_needs_little_shade_stays_sharp() -> None:
    """A picture is blurred behind its text only if glints or a pattern would need a dark scrim."""
    calm = Image.new("RGB", SIZE, (150, 150, 150))

    assert (scrim_of(calm).blur, scrim_of(dotted(5)).blur, scrim_of(noise()).blur) == (0, 1, 1)


STRUCTURED = [
    pytest.param(noise(), id="noise"),
    pytest.param(noise(25).point(lambda value: value // 2 + 40), id="soft noise"),
    pytest.param(halves("#d0c0a0", "#203040"), id="halves"),
    pytest.param(Image.linear_gradient("L").resize(SIZE).convert("RGB"), id="gradient"),
    pytest.param(dotted(5, (110, 110, 110)), id="dots on grey"),
    pytest.param(dotted(5), id="dots on night"),
]
PLAIN = [
    *[pytest.param(Image.new("RGB", SIZE, (grey, grey, grey)), id=f"grey {grey}") for grey in range(118, 256, 12)],
    pytest.param(Image.new("RGB", SIZE, (255, 220, 0)), id="yellow"),
]


#: Each picture with each focal point that makes a difference.
VIEWED = [
    *(
        pytest.param(*picture.values, focus, id=f"{picture.id} at {focus.x} {focus.y}")
        for picture in STRUCTURED
        for focus in (CENTER, FocalPoint(0.0, 1.0), FocalPoint(0.8, 0.3))
    ),
    *(pytest.param(*picture.values, CENTER, id=picture.id) for picture in PLAIN),
]


@pytest.mark.parametrize(("image", "focus"), VIEWED)
def test_measure_scrim_reaches_the_contrast_on_every_screen(image: Image.Image, focus: FocalPoint) -> None:
    """With the measured scrim, 995 of 1000 pixels behind the text give white 4.5:1 on every screen."""
    scrim, screens = scrim_of(image, focus), Screens(image, focus)

    for views, percent, is_rtl in (
        (NARROW_VIEWS, scrim.narrow, False),
        (WIDE_VIEWS[:4], scrim.wide, False),
        (WIDE_VIEWS[:4], scrim.wide_rtl, True),
        (LONG_NARROW_VIEWS, scrim.long_narrow, False),
        (LONG_WIDE_VIEWS[:4], scrim.long_wide, False),
        (LONG_WIDE_VIEWS[:4], scrim.long_wide_rtl, True),
    ):
        for view in views:
            for scale in (1.0,) if scrim.blur or view.width_px >= 1000 else (1.0, 2.0):
                worst = screens.worst_contrast(view, percent, scale, blur=scrim.blur, is_rtl=is_rtl)
                # Five hundredths of the ratio are one step of 256 in a grey: what rounding may do.
                assert worst >= CONTRAST_RATIO - 0.05


@pytest.mark.parametrize("image", [*STRUCTURED, *PLAIN])
def test_measure_darkens_no_more_than_it_takes(image: Image.Image) -> None:
    """With four steps less, a view falls short; three steps are the margin for rounding, four for sharp pictures."""
    scrim, screens = scrim_of(image), Screens(image)
    less = (4 if scrim.blur else 5) * SCRIM_STEP

    for views, percent, is_rtl in (
        (NARROW_VIEWS, scrim.narrow, False),
        (WIDE_VIEWS, scrim.wide, False),
        (WIDE_VIEWS, scrim.wide_rtl, True),
        (NARROW_VIEWS + LONG_NARROW_VIEWS, scrim.long_narrow, False),
        (WIDE_VIEWS + LONG_WIDE_VIEWS, scrim.long_wide, False),
        (WIDE_VIEWS + LONG_WIDE_VIEWS, scrim.long_wide_rtl, True),
    ):
        if percent >= less:
            assert any(
                screens.worst_contrast(view, percent - less, scale, blur=scrim.blur, is_rtl=is_rtl) < CONTRAST_RATIO
                for view in views
                for scale in {1.0, 1.0 if scrim.blur else min(SIZE[0] / view.width_px, SIZE[1] / view.height_px)}
            )


def test_most_scrim_suffices_for_white() -> None:
    """The darkest step suffices for white, and two steps less do not."""
    white = Screens(Image.new("RGB", SIZE, "white"))

    assert white.worst_contrast(WIDE_VIEWS[0], SCRIM_LIMIT) >= CONTRAST_RATIO
    assert white.worst_contrast(WIDE_VIEWS[0], SCRIM_LIMIT - 2 * SCRIM_STEP) < CONTRAST_RATIO


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
@example(1, 1, 0, 0)
@example(60, 1, 1, 0.5)
@example(1, 60, 0.5, 1)
@settings(max_examples=15, deadline=None)
def test_measure_any_size_gives_a_step_between_none_and_most(width: int, height: int, x: float, y: float) -> None:
    """A picture of any size, down to one pixel, gives a scrim within its range."""
    scrim = scrim_of(Image.new("RGB", (width, height), (180, 180, 180)), FocalPoint(x, y))

    assert scrim == Scrim(38, 38, 38, 38, 38, 38, 1)
