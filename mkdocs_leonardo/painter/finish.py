"""The last steps of every picture: bloom, grade, vignette, room for a title, grain."""

import math
import random
from typing import Any

from PIL import Image, ImageChops, ImageEnhance

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import Colour, luma
from mkdocs_leonardo.painter.light import Point

# White text under a shade of 35 % reaches 4.5:1 on greys up to 178 (WCAG 2.2, 1.4.3); grain, rounding and the shade's
# own hue take some.
_CEILING, _KNEE = 139, 102


def developed(
    image: Image.Image, grade: dict[str, Any], size: light.Size, rng: random.Random, tint: Colour, lamp: Point | None
) -> Image.Image:
    """Return the image in its final size; lights held back take the hue of `tint`, one at `lamp` (fractions) stays."""
    if grade["saturation"] != 1.0:
        image = ImageEnhance.Color(image).enhance(grade["saturation"])
    image = _graded(_bloom(image, grade["bloom"]) if grade["bloom"] else image, grade)
    image = _vignette(image, grade["vignette"]) if grade["vignette"] else image
    image = _with_title_room(image, tint, lamp).resize(size, Image.Resampling.BICUBIC)
    return _grained(image, rng, grade["grain"])


def _bloom(image: Image.Image, strength: float) -> Image.Image:
    small = image.reduce(4) if min(image.size) >= 64 else image
    lights = ImageChops.multiply(small, small.convert("L").point(light.ramp(170, 255, 255 * strength)).convert("RGB"))
    radius = small.height / 60
    return light.shine(image, ImageChops.add(light.blurred(lights, radius), light.blurred(lights, radius * 4)))


def _graded(image: Image.Image, grade: dict[str, Any]) -> Image.Image:
    table: list[int] = []
    for dark, bright in zip(grade["shadows"], grade["lights"], strict=True):
        for level in range(256):
            share = level / 255
            value = share ** grade["gamma"]
            value += (value * value * (3.0 - 2.0 * value) - value) * grade["contrast"]
            offset = dark * (1.0 - share) ** 2 * min(1.0, share * 8 + 0.25) + bright * share * share
            table.append(max(0, min(255, round(255 * (grade["black"] + value * (1.0 - grade["black"])) + offset))))
    return image.point(table)


def _vignette(image: Image.Image, strength: float) -> Image.Image:
    small = (max(8, image.width // 8), max(8, image.height // 8))
    mask = light.halo(small, (0.56 * small[0], 0.44 * small[1]), (small[0] * 1.05, small[1] * 1.15), power=0.9)
    table = [round(255 * (1.0 - strength * (1.0 - min(1.0, level / 150.0)) ** 1.4)) for level in range(256)]
    return ImageChops.multiply(image, mask.point(table).resize(image.size, Image.Resampling.BICUBIC).convert("RGB"))


def _with_title_room(image: Image.Image, tint: Colour, lamp: Point | None) -> Image.Image:
    """Return the image with lights held back to the ceiling for titles, everywhere but at the top."""
    small = (max(4, image.width // 8), max(4, image.height // 8))
    across = light.slope(small, ((0.0, 255), (0.8, 255), (1.0, 190)), across=True)
    room = ImageChops.multiply(light.slope(small, ((0.0, 0), (0.08, 0), (0.3, 255), (1.0, 255))), across)
    if lamp is not None:  # a small part of what lies behind text may be brighter
        reach = small[1] * 0.038
        core = light.halo(small, (lamp[0] * small[0], lamp[1] * small[1]), (reach, reach), 0.7)
        room = ImageChops.subtract(room, core)
    table, span = [], _CEILING - _KNEE
    for level in range(256):
        held = min(level, _KNEE) + span * (1.0 - math.exp(-max(0, level - _KNEE) / span))
        table.append(round(255 - 255 * held / max(1, level)))
    room = room.resize(image.size, Image.Resampling.BICUBIC)
    # Luminance counts green for more than Pillow's mode L does.
    peak = ImageChops.lighter(image.convert("L"), image.getchannel("G"))
    excess = ImageChops.multiply(peak.point(table), room)
    # A grey light would look dull: what is held back is taken from the bands that the tint has least of.
    red, green, blue = (1.3 - part / max(1.0, *tint) for part in tint)
    scale = 1.0 / luma((red, green, blue))
    holds = [excess.point(light.linear(-min(2.5, share * scale), 255)) for share in (red, green, blue)]
    return ImageChops.multiply(image, Image.merge("RGB", holds))


def _grained(image: Image.Image, rng: random.Random, strength: float) -> Image.Image:
    """Return the image with film grain, partly in colour, which also hides the steps of 8-bit gradients."""
    size = (min(512, image.width), min(512, image.height))

    def tile(share: float) -> Image.Image:
        scale, plain = strength * share / 52.0, Image.blend(light.specks(rng, size), light.specks(rng, size), 0.5)
        return plain.point(light.linear(scale, 128.0 - 127.5 * scale))

    plain, tint = tile(1.0), tile(0.5)
    bands = (ImageChops.add(plain, tint, 1, -128), plain, ImageChops.subtract(plain, tint, 1, 128))
    return ImageChops.add(image, light.repeated(Image.merge("RGB", bands), image.size), 1, -128)
