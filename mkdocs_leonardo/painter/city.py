"""Cities: skylines in several distances, lit windows, wet streets, harbours."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004

from __future__ import annotations

import random

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light, noise
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, times, whole
from mkdocs_leonardo.painter.land import wash
from mkdocs_leonardo.painter.stage import Stage

NEON: tuple[Colour, ...] = tuple(rgb(part) for part in ("ff3d8b", "27e0ff", "a04dff", "ff8a3d", "35ffb0"))
WINDOWS: tuple[Colour, ...] = tuple(rgb(part) for part in ("ffd08a", "ffe3b0", "ffbf6b", "d8e6ff"))

Box = tuple[float, float, float, float]


def skyline(stage: Stage, image: Image.Image, base_px: float, *, rows: int = 4) -> Image.Image:
    """Rows of towers on `base_px`, paler with distance, with lit windows after sunset."""
    height = stage.height_px
    rng = stage.rng("skyline")
    dark = stage.hour in {"night", "dusk"}
    center = 0.6 + 0.2 * rng.random()
    lamps = Image.new("RGB", stage.size)
    pencil = ImageDraw.Draw(lamps)
    for index in range(rows):
        near = index / max(1, rows - 1)
        distance = (1.0 - near) * 0.74 + 0.03
        boxes, spires = _towers(stage, rng, base_px, near, center)
        shapes = [[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, y0, x1, y1 in boxes] + spires
        mask = light.polygons(stage.size, shapes)
        tone = stage.air(rgb("3a4250"), distance)
        if dark:
            tone = mix(tone, stage.palette.ground, 0.25)
        foot = mix(tone, stage.palette.haze, 0.25 + 0.4 * distance)
        field = wash(stage, tone, foot, base_px - height * 0.5, base_px, sun=0.45 * distance)
        image = light.lay(image, field, mask)
        # A nearer row hides the lights behind it.
        lamps.paste((0, 0, 0), (0, 0), mask)
        share = 0.34 if dark else 0.05
        for box in boxes:
            _windows(stage, rng, pencil, box, near, share)
        if "neon" in stage.said.thing and near > 0.3:  # far signs would be dots
            _signs(stage, rng, pencil, boxes, near)
    level = 1.0 if dark else 0.35
    image = light.shine(image, light.gain(lamps, level))
    return light.shine(image, light.gain(light.softened(lamps, height / 90), 1.7 * level))


def _towers(
    stage: Stage, rng: random.Random, base: float, near: float, center: float
) -> tuple[list[Box], list[list[tuple[float, float]]]]:
    width, height = stage.size
    boxes: list[Box] = []
    spires: list[list[tuple[float, float]]] = []
    x = -width * 0.02
    while x < width * 1.02:
        broad = width * (0.018 + 0.026 * rng.random()) * (0.75 + 0.65 * near)
        place = (x + broad / 2) / width
        bulk = max(0.0, 1.0 - abs(place - center) / 0.62)
        tall = height * (0.06 + (0.1 + 0.42 * bulk**1.5) * rng.random() ** 1.2) * (1.05 - 0.28 * near)
        if near > 0.9:  # the nearest row is low and leaves the view free
            tall *= 0.75
        top = base - tall
        boxes.append((x, top, x + broad, base + 2))
        kind = rng.random()
        middle = x + broad / 2
        if kind < 0.28:  # set back
            boxes.append((x + broad * 0.2, top - tall * 0.12, x + broad * 0.8, top))
            if rng.random() < 0.6:  # most of them with a mast
                spires.append([(middle - broad * 0.03, top), (middle, top - tall * 0.4), (middle + broad * 0.03, top)])
        elif kind < 0.4:  # sloping roof
            spires.append([(x, top), (x + broad, top - tall * 0.14), (x + broad, top)])
        elif kind < 0.5:  # pointed
            spires.append([(x, top), (middle, top - tall * 0.2), (x + broad, top)])
        elif kind < 0.75:  # plant on the roof
            boxes.append((x + broad * 0.15, top - height * 0.012, x + broad * 0.45, top))
        x += broad * (0.92 + 0.5 * rng.random() * (1.0 if near < 0.5 else 0.6))  # gaps close with nearness
    return boxes, spires


def _windows(
    stage: Stage, rng: random.Random, pencil: ImageDraw.ImageDraw, box: Box, near: float, share: float
) -> None:
    height = stage.height_px
    x0, y0, x1, y1 = box
    unit = max(2.0, height * (0.0042 + 0.0052 * near))
    columns, floors = int((x1 - x0 - unit) / (unit * 1.5)), int((y1 - y0 - unit) / (unit * 1.9))
    if columns < 1 or floors < 1:
        return
    tone = WINDOWS[int(rng.random() * len(WINDOWS))]
    busy = share * (0.35 + 1.3 * rng.random())
    level = 0.4 + 0.5 * near
    for floor in range(floors):
        whole_floor = rng.random() < 0.04  # cleaners
        for column in range(columns):
            if whole_floor or rng.random() < busy:
                left, top = x0 + unit * (0.75 + column * 1.5), y0 + unit * (0.9 + floor * 1.9)
                value = times(tone, level * (0.35 + 0.65 * rng.random()))
                pencil.rectangle((left, top, left + unit * 0.85, top + unit * 0.95), fill=whole(value))


def _signs(stage: Stage, rng: random.Random, pencil: ImageDraw.ImageDraw, boxes: list[Box], near: float) -> None:
    height = stage.height_px
    for x0, y0, x1, y1 in boxes:
        if y1 - y0 < height * 0.08 or rng.random() > 0.42:  # not every house
            continue
        tone = whole(NEON[int(rng.random() * len(NEON)) % len(NEON)])
        broad = (x1 - x0) * (0.1 + 0.12 * rng.random())
        left = x0 + (x1 - x0) * (0.1 + 0.6 * rng.random())
        top = y0 + (y1 - y0) * (0.12 + 0.35 * rng.random())
        tall = (y1 - y0) * (0.14 + 0.26 * rng.random())
        thick = max(1, round(height / 360 * (0.6 + near)))
        if rng.random() < 0.5:  # upright signs or edges of light
            pencil.rectangle((left, top, left + broad, top + tall), outline=tone, width=thick)
            for bar in range(4):
                y = top + tall * (bar + 0.6) / 4.6
                pencil.line((left + broad * 0.25, y, left + broad * 0.75, y), fill=tone, width=thick)
        else:
            # A crown of light around the roof.
            deep = (y1 - y0) * (0.02 + 0.04 * rng.random())
            for floor in range(1 + int(rng.random() * 3)):
                pencil.line((x0, y0 + deep * floor * 1.6, x1, y0 + deep * floor * 1.6), fill=tone, width=thick)


def wet_ground(stage: Stage, image: Image.Image, line_px: float) -> Image.Image:
    """A wet street below `line_px`: the town upside down, drawn out downwards."""
    width, height = stage.size
    line = min(height - 2, max(2, round(line_px)))
    depth = height - line
    rng = stage.rng("wet")
    above = image.crop((0, max(0, line - depth * 2), width, line)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    small = (max(2, width // 4), max(2, depth // 4))
    near = above.resize(small, Image.Resampling.BOX)
    long = light.gain(
        above.resize((small[0], max(2, small[1] // 6)), Image.Resampling.BOX).resize(small, Image.Resampling.BICUBIC),
        1.9,
    )
    puddles = noise.fractal(rng, small, (5, 14), 5, 0.6)
    mixed = Image.composite(near, long, puddles.point(noise.ramp(135, 175)))
    mixed = light.shaded(mixed, stage.palette.ground, light.slope(small, ((0.0, 50), (0.4, 80), (1.0, 190))))
    rough = noise.fractal(rng, (max(2, width // 2), max(2, depth // 2)), (40, 60), 3, 0.7).point(noise.linear(0.3, 88))
    full = mixed.resize((width, depth), Image.Resampling.BICUBIC)
    full = ImageChops.overlay(full, rough.resize((width, depth), Image.Resampling.BILINEAR).convert("RGB"))
    image.paste(full, (0, line))
    seam = light.slope((width, max(4, height // 40)), ((0.0, 0), (0.5, 130), (1.0, 0)))
    image.paste(whole(stage.palette.ground), (0, line - seam.height // 2), seam)
    return image


def harbour(stage: Stage, image: Image.Image) -> Image.Image:
    """A town along the water with warm lamps, masts in front; the water is painted afterwards."""
    width, height = stage.size
    rng = stage.rng("harbour")
    base = stage.horizon_px
    lamps = Image.new("RGB", stage.size)
    pencil = ImageDraw.Draw(lamps)
    dark = stage.hour in {"night", "dusk", "sunset", "dawn"}
    for row in range(2):
        distance = 0.4 - 0.28 * row
        shapes: list[list[tuple[float, float]]] = []
        boxes: list[Box] = []
        x = -width * 0.01
        while x < width * 1.01:
            broad = width * (0.018 + 0.024 * rng.random())
            bulk = 0.6 + 0.8 * max(0.0, 1.0 - abs(x / width - 0.72) / 0.5)
            tall = height * (0.035 + 0.04 * rng.random()) * bulk * (1.25 - 0.45 * row)
            top = base - tall - (1 - row) * height * 0.02
            shapes.append(
                [(x, base + 2), (x, top), (x + broad / 2, top - broad * 0.34), (x + broad, top), (x + broad, base + 2)]
            )
            boxes.append((x, top, x + broad, base))
            if rng.random() < 0.05:  # a church here and there
                shapes.append(
                    [
                        (x + broad * 0.3, top),
                        (x + broad * 0.3, top - tall * 1.0),
                        (x + broad * 0.5, top - tall * 1.9),
                        (x + broad * 0.7, top - tall * 1.0),
                        (x + broad * 0.7, top),
                    ]
                )
            x += broad * (0.9 + 0.25 * rng.random())
        mask = light.polygons(stage.size, shapes)
        tone = stage.air(rgb("4a3f44"), distance)
        image = light.lay(
            image,
            wash(stage, tone, mix(tone, stage.palette.haze, 0.2), base - height * 0.15, base, sun=0.35 * distance),
            mask,
        )
        lamps.paste((0, 0, 0), (0, 0), mask)
        for box in boxes:
            _windows(stage, rng, pencil, box, 0.15 + 0.3 * row, 0.2 if dark else 0.04)
    for _ in range(26):
        x = width * rng.random()
        y = base - height * (0.004 + 0.012 * rng.random())
        radius = height * 0.0028
        pencil.ellipse(
            (x - radius, y - radius, x + radius, y + radius),
            fill=whole(times(WINDOWS[int(rng.random() * 3)], 1.0 if dark else 0.2)),
        )
    level = 1.0 if dark else 0.4
    image = light.shine(image, light.gain(lamps, level))
    return light.shine(image, light.gain(light.softened(lamps, height / 70), level))


def masts(stage: Stage, image: Image.Image) -> Image.Image:
    """Sailing boats at anchor in front of the town, sails furled, with their own reflections."""
    width, height = stage.size
    rng = stage.rng("masts")
    base = stage.horizon_px
    spots = sorted(base + height * (0.012 + 0.16 * rng.random() ** 1.5) for _ in range(9))

    tone = mix(stage.palette.ground, stage.palette.middle, 0.12)
    for y in spots:
        near = (y - base) / (height * 0.18)
        x = width * (0.44 + 0.54 * rng.random())
        size = height * (0.05 + 0.11 * near)
        shapes = boat(x, y, size, rng.random() < 0.5, tall=2.1 + 0.6 * rng.random())  # either way round
        mirrored = [
            [(px / 2, (y - size * 0.1 - (py - y) * 0.75 + size * 0.2) / 2) for px, py in points] for points in shapes
        ]
        ghost = light.blurred(light.polygons(stage.half, mirrored, scale=1), max(0.6, size * 0.01)).point(
            noise.linear(0.5)
        )
        image = light.lay(image, mix(tone, stage.palette.haze, 0.3), ghost)
        image = light.lay(image, mix(tone, stage.palette.haze, 0.3 * (1 - near)), light.polygons(stage.size, shapes))
    glow_at = (width * 0.7, base)
    return light.glow(image, mix(WINDOWS[0], WHITE, 0.1), glow_at, (width * 0.4, height * 0.1), 0.16)


def boat(x: float, y: float, size: float, turned: bool, *, tall: float = 2.3) -> list[list[tuple[float, float]]]:  # noqa: FBT001 - one flag of a drawing
    """A sailing boat at anchor: hull, mast, boom, stays. `size` is half its length."""
    side = -1.0 if turned else 1.0
    thin = max(0.7, size * 0.018)

    def stroke(x0: float, y0: float, x1: float, y1: float, thick: float) -> list[tuple[float, float]]:
        return [(x0 - thick, y0), (x0 + thick, y0), (x1 + thick * 0.6, y1), (x1 - thick * 0.6, y1)]

    hull = [
        (x - side * size, y - size * 0.2),
        (x + side * size * 1.1, y - size * 0.3),
        (x + side * size * 0.75, y + size * 0.1),
        (x - side * size * 0.85, y + size * 0.1),
    ]
    cabin = [
        (x - side * size * 0.5, y - size * 0.2),
        (x - side * size * 0.4, y - size * 0.4),
        (x + side * size * 0.2, y - size * 0.38),
        (x + side * size * 0.35, y - size * 0.22),
    ]
    mast = stroke(x + side * size * 0.15, y - size * 0.2, x + side * size * 0.12, y - size * tall, thin)
    boom = [
        (x + side * size * 0.14, y - size * 0.52),
        (x - side * size * 0.8, y - size * 0.5),
        (x - side * size * 0.8, y - size * 0.4),
        (x + side * size * 0.14, y - size * 0.42),
    ]
    stay = stroke(x + side * size * 1.05, y - size * 0.3, x + side * size * 0.12, y - size * tall, thin * 0.35)
    back = stroke(x - side * size * 0.95, y - size * 0.2, x + side * size * 0.12, y - size * tall, thin * 0.35)
    return [hull, cabin, mast, boom, stay, back]
