"""The measurements of a picture: the least shade for white text on it, its blur-up image and its dominant colour.

The stylesheet puts title and tagline at the foot of the hero. Behind this text it lays the picture's dark tint, at the
measured alpha. Where the tint would be too dark, the blur-up image, which has no details, covers the picture behind the
text. The tint spans the whole width of a phone. On a desktop it spans three quarters of the width, from the side where
lines start.

The part of the picture behind the text depends on the window and on the length of the text. The views below are
examples of phones and desktops, and the most demanding view decides. A short text is measured in the views with short
texts, so that a bright sky far above the text has no effect. A long text is measured in all views.
"""

from __future__ import annotations

import base64
import colorsys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from io import BytesIO

from PIL import Image, ImageFilter

from mkdocs_leonardo.imaging.normalise import Box, compute_crop_box
from mkdocs_leonardo.spec import CENTER, FocalPoint, Scrim
from mkdocs_leonardo.tint import SCRIM_LIMIT, SCRIM_STEP, TINTS, Colour, find_tint, to_light

#: WCAG 2.2, 1.4.3 (level AA) for text of any size.
CONTRAST_RATIO = 4.5
#: The luminance on which white reaches that ratio: (1 + 0.05) / (0.1833 + 0.05) = 4.5.
MAX_LUMINANCE = 1.05 / CONTRAST_RATIO - 0.05
#: The share of pixels behind the text that may be brighter than `MAX_LUMINANCE`: behind blur.
BRIGHT_SHARE = 0.005
#: The share of pixels behind the text that may be brighter than `MAX_LUMINANCE`: on the sharp picture.
SHARP_BRIGHT_SHARE = 0.002
#: The addition to the scrim on a sharp picture (percent), since one line may be on brighter pixels than the rest.
SHARP_MARGIN = 4
#: The measured scrim (percent) up to which text stands on the sharp picture.
MOST_SHARP = 34
#: The standard deviation of the stylesheet's blur, as a share of the hero's width.
BLUR_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class View:
    """A hero as a screen shows it, in CSS pixels.

    Text may stand in the lower `text_share` of the height, and in `column_share` of the width from the lines' start.
    """

    width_px: int
    height_px: int
    text_share: float
    column_share: float = 1.0

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return (self.width_px, self.height_px)

    def text_box(self, size_px: tuple[int, int], focus: FocalPoint = CENTER, *, is_rtl: bool = False) -> Box:
        """Return the text's part of a picture of `size_px`, shown with `object-fit: cover` around `focus`."""
        left, top, right, bottom = compute_crop_box(size_px, self.size_px, focus)
        column = (right - left) * self.column_share
        left, right = (right - column, right) if is_rtl else (left, left + column)
        return (left, bottom - (bottom - top) * self.text_share, right, bottom)


# The height of texts was measured in the three themes, with titles of 12 to 140 letters, with and without a tagline. A
# short text (`markup.is_long`) takes at most 0.57 of a phone's hero (0.66 at a width of 320 px), and 0.58 of a wider
# hero, less the wider it is. A long text takes at most 0.79 and 0.69. On a phone in landscape they take 0.65 and 0.71.
#: Phones, with a short text.
NARROW_VIEWS = (View(390, 312, text_share=0.6), View(320, 272, text_share=0.7))
#: With a short text: a small window, a phone in landscape, `content` layout, `full` layout, also in a very wide window.
WIDE_VIEWS = (
    View(640, 300, text_share=0.6, column_share=0.75),
    View(844, 287, text_share=0.66, column_share=0.75),
    View(880, 440, text_share=0.52, column_share=0.75),
    View(1440, 544, text_share=0.46, column_share=0.75),
    View(2560, 653, text_share=0.35, column_share=0.75),
)
#: Phones, with a long text, which makes the hero grow; a long title makes it a square.
LONG_NARROW_VIEWS = (
    View(390, 344, text_share=0.78),
    View(320, 418, text_share=0.82),
    View(360, 360, text_share=0.66),
)
#: The windows of `WIDE_VIEWS`, with a long text.
LONG_WIDE_VIEWS = (
    View(640, 345, text_share=0.72, column_share=0.75),
    View(844, 346, text_share=0.74, column_share=0.75),
    View(880, 440, text_share=0.68, column_share=0.75),
    View(1440, 544, text_share=0.6, column_share=0.75),
    View(2560, 653, text_share=0.5, column_share=0.75),
)
VIEWS = (*NARROW_VIEWS, *WIDE_VIEWS, *LONG_NARROW_VIEWS, *LONG_WIDE_VIEWS)

#: The most characters of a blur-up image's data URI.
MAX_BLUR_UP_CHARS = 199
_BLUR_UP_WIDTH_PX = 16

# 400 x 225 pixels of the picture, or of the blur-up image enlarged as browsers do it.
_SAMPLE_WIDTH_PX = 400
# A luminance is counted in steps of MAX_LUMINANCE / 200, rounded up, so that the sum of three channels fits a byte
# where it matters and errors are on the dark side (at most 3 steps: 0.0028).
_THRESHOLD = 200


def measure(image: Image.Image, blur_up: str, focus: FocalPoint = CENTER, *, dominant: str) -> Scrim:
    """Return the least scrim, in steps of 2 percent up to 58, with which white text on the RGB picture reaches 4.5:1.

    Text stands on the picture, or on its blur-up image, a data URI, where the picture needs more than `MOST_SHARP`.
    `dominant` is the picture's dominant colour, ``#rrggbb``, whose hue the scrim has. "Reaches" means for 995 of 1000
    pixels behind the text.
    """
    sharp = measure_sharp(image, focus, dominant=dominant)
    if max(sharp.long_narrow, sharp.long_wide, sharp.long_wide_rtl) <= MOST_SHARP + SHARP_MARGIN:
        return sharp
    return measure_blurred(blur_up, focus, dominant=dominant)


def measure_sharp(image: Image.Image, focus: FocalPoint, *, dominant: str) -> Scrim:
    """Return the scrim for text on the picture itself, with `SHARP_MARGIN` added to any value but 0."""
    width, height = image.size
    size = (min(width, _SAMPLE_WIDTH_PX), max(1, round(height * min(width, _SAMPLE_WIDTH_PX) / width)))
    # A dense screen shows the file's own pixels, a plain one shows averages. Either alone can miss bright pixels.
    copies = (image.resize(size, Image.Resampling.NEAREST), image.resize(size, Image.Resampling.BOX))
    tint = TINTS[find_tint(dominant)]
    sharp = replace(_measure_views(copies, focus, tint, blur_share=0), blur=0)
    percentages = {name: percent for name, percent in asdict(sharp).items() if percent}
    return replace(sharp, **{name: percent + SHARP_MARGIN for name, percent in percentages.items()})


def measure_blurred(blur_up: str, focus: FocalPoint, *, dominant: str) -> Scrim:
    """Return the scrim for text on the blurred blur-up image, a data URI."""
    with Image.open(BytesIO(base64.b64decode(blur_up.partition(",")[2]))) as small:
        size = (_SAMPLE_WIDTH_PX, max(1, round(small.height * _SAMPLE_WIDTH_PX / small.width)))
        sample = small.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    return _measure_views((sample,), focus, TINTS[find_tint(dominant)], blur_share=BLUR_SHARE)


def _measure_views(copies: tuple[Image.Image, ...], focus: FocalPoint, tint: Colour, *, blur_share: float) -> Scrim:
    heroes: dict[tuple[int, int], list[Image.Image]] = {}

    def find_least(views: tuple[View, ...], at_least: int = 0, *, is_rtl: bool = False) -> int:
        parts = []
        for view in views:
            # Short and long texts, and both directions of script, share what a view shows: the blur is what takes time.
            if view.size_px not in heroes:
                heroes[view.size_px] = [_crop_hero(copy, view, focus, blur_share) for copy in copies]
            parts += [
                _crop_text_area(hero, copy.size, view, focus, is_rtl=is_rtl)
                for hero, copy in zip(heroes[view.size_px], copies, strict=True)
            ]
        return _find_least_scrim(parts, tint, BRIGHT_SHARE if blur_share else SHARP_BRIGHT_SHARE, at_least)

    narrow, wide, wide_rtl = find_least(NARROW_VIEWS), find_least(WIDE_VIEWS), find_least(WIDE_VIEWS, is_rtl=True)
    return Scrim(
        narrow=narrow,
        wide=wide,
        wide_rtl=wide_rtl,
        long_narrow=find_least(LONG_NARROW_VIEWS, narrow),
        long_wide=find_least(LONG_WIDE_VIEWS, wide),
        long_wide_rtl=find_least(LONG_WIDE_VIEWS, wide_rtl, is_rtl=True),
    )


def _find_least_scrim(parts: list[Image.Image], tint: Colour, bright_share: float, at_least: int) -> int:
    low, high = at_least // SCRIM_STEP, SCRIM_LIMIT // SCRIM_STEP
    while low < high:
        middle = (low + high) // 2
        table = _compute_luminance(middle * SCRIM_STEP / 100, tint)
        if all(_is_dark_enough(part, table, bright_share) for part in parts):
            high = middle
        else:
            low = middle + 1
    return low * SCRIM_STEP


def _crop_hero(copy: Image.Image, view: View, focus: FocalPoint, blur_share: float) -> Image.Image:
    """Return the part of a picture that a view shows, blurred as in the view."""
    hero = copy.crop(_round_outward(compute_crop_box(copy.size, view.size_px, focus), copy.size))
    return hero.filter(ImageFilter.GaussianBlur(blur_share * hero.width)) if blur_share else hero


def _crop_text_area(
    hero: Image.Image, size_px: tuple[int, int], view: View, focus: FocalPoint, *, is_rtl: bool
) -> Image.Image:
    """Return the part of a view's hero on which the text stands; `size_px` is the whole picture's size."""
    hero_box = _round_outward(compute_crop_box(size_px, view.size_px, focus), size_px)
    left, top, right, bottom = _round_outward(view.text_box(size_px, focus, is_rtl=is_rtl), size_px)
    return hero.crop((left - hero_box[0], top - hero_box[1], right - hero_box[0], bottom - hero_box[1]))


def _round_outward(box: Box, size_px: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the smallest box of whole pixels around `box`, at least one pixel wide and high."""
    left, top, right, bottom = int(box[0]), int(box[1]), -int(-box[2] // 1), -int(-box[3] // 1)
    return (min(left, size_px[0] - 1), min(top, size_px[1] - 1), max(right, left + 1), max(bottom, top + 1))


def _is_dark_enough(part: Image.Image, table: list[int], bright_share: float) -> bool:
    luminance = part.point(table).convert("L", (1.0, 1.0, 1.0, 0.0))
    bright = sum(luminance.histogram()[_THRESHOLD + 1 :])
    return bright <= bright_share * luminance.width * luminance.height


@cache
def _compute_luminance(alpha: float, tint: Colour) -> list[int]:
    """Return tables of what each value of red, green and blue adds to the luminance under `tint` at `alpha`.

    Blending is done on the encoded values, as browsers do it. The luminance is WCAG 2.2's. Every value counts as the
    next brighter one, because encoders and blending round.
    """
    shares = (0.2126, 0.7152, 0.0722)
    return [
        min(
            255,
            -int(-to_light(((value + 1) * (1 - alpha) + dark * alpha) / 255) / MAX_LUMINANCE * _THRESHOLD * share // 1),
        )
        for share, dark in zip(shares, tint, strict=True)
        for value in range(256)
    ]


# Blur-up image and colour ---------------------------------------------------------------------------------------------


def encode_blur_up(image: Image.Image) -> str:
    """Encode the picture 16 pixels wide as the data URI of a WebP, less than 200 characters for any picture."""
    height = max(1, min(_BLUR_UP_WIDTH_PX, round(image.height * _BLUR_UP_WIDTH_PX / image.width)))
    small = image.resize((_BLUR_UP_WIDTH_PX, height), Image.Resampling.BOX, reducing_gap=2.0)
    attempts: list[Callable[[Image.Image], Image.Image]] = [
        lambda picture: picture,
        lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(3)),
        lambda picture: picture.resize((1, 1), Image.Resampling.BOX).resize(picture.size),
    ]
    uri = ""
    for soften in attempts:
        for quality in (50, 35, 20, 10, 0):
            buffer = BytesIO()
            soften(small).save(buffer, format="webp", quality=quality, method=6)
            uri = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
            if len(uri) <= MAX_BLUR_UP_CHARS:
                return uri
    return uri


def find_dominant_colour(image: Image.Image) -> str:
    """Find the picture's dominant colour, as ``#rrggbb``: the most vivid of its large areas."""
    small = image.resize((64, 36), Image.Resampling.BOX, reducing_gap=2.0)
    reduced = small.quantize(8, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = reduced.getpalette() or [0, 0, 0]
    best, best_weight = (0, 0, 0), -1.0
    for count, index in reduced.getcolors() or []:
        assert isinstance(index, int)  # noqa: S101 - a picture with a palette has one value a pixel
        red, green, blue = palette[3 * index : 3 * index + 3]
        _, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
        weight = count * (0.15 + saturation * value)
        if weight > best_weight:
            best, best_weight = (red, green, blue), weight
    return "#{:02x}{:02x}{:02x}".format(*best)
