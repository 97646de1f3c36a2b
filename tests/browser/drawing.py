"""Test pictures: some that are hard on white text, and a landscape."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw, ImageFilter

SIZE = (1536, 864)


def draw(name: str) -> Image.Image:
    """Draw the picture called `name`, always with the same pixels."""
    drawers = {
        "landscape": _landscape,
        "white": _white,
        "black": _black,
        "noise": _noise,
        "halves": _halves,
        "beside": _beside,
        "sky": _sky,
    }
    return drawers[name]()


def _white() -> Image.Image:
    return Image.new("RGB", SIZE, "white")


def _black() -> Image.Image:
    return Image.new("RGB", SIZE, "black")


def _noise() -> Image.Image:
    dice = random.Random(1)
    small = Image.frombytes("RGB", (384, 216), dice.randbytes(384 * 216 * 3))
    return small.resize(SIZE, Image.Resampling.NEAREST)


def _halves() -> Image.Image:
    picture = _black()
    picture.paste("white", (0, 0, SIZE[0] // 3, SIZE[1]))
    return picture


def _beside() -> Image.Image:
    picture = _black()
    picture.paste("white", (SIZE[0] * 4 // 5, 0, *SIZE))
    return picture


def _sky() -> Image.Image:
    picture = _black()
    picture.paste("white", (0, 0, SIZE[0], 250))
    return picture


def _landscape() -> Image.Image:
    """An evening sky over a sea, with hills."""
    width, height = SIZE
    column = Image.new("RGB", (1, height))
    top, low = (38, 44, 92), (250, 178, 120)
    for y in range(height):
        share = min(1.0, y / (height * 0.62)) ** 1.4
        column.putpixel((0, y), tuple(round(a + (b - a) * share) for a, b in zip(top, low, strict=True)))
    picture = column.resize(SIZE)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((980, 360, 1120, 500), fill=(255, 240, 205))
    picture = picture.filter(ImageFilter.GaussianBlur(6))
    pen = ImageDraw.Draw(picture)
    dice = random.Random(7)
    for layer, colour in enumerate([(120, 88, 116), (78, 62, 98), (44, 42, 74), (22, 24, 46)]):
        base = height * (0.56 + layer * 0.1)
        points = [(x, base + dice.uniform(-46, 46)) for x in range(0, width + 97, 96)]
        pen.polygon([(0, height), *points, (width, height)], fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(1.2))
