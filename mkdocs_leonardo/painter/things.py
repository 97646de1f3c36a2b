"""Things a prompt may name, drawn as silhouettes with a little light of their own. All stand right of the middle."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004, PERF401

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light, noise
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, times, whole
from mkdocs_leonardo.painter.land import Line, crowns, under_light, wash
from mkdocs_leonardo.painter.stage import Stage

_WARM = rgb("ffd28a")


def patch(
    image: Image.Image,
    box: tuple[float, float, float, float],
    shapes: Sequence[tuple[Sequence[tuple[float, float]], Colour]],
) -> Image.Image:
    """Coloured polygons in image pixels, drawn at four times the size within `box` for clean edges (in place)."""
    x0, y0 = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
    x1, y1 = min(image.width, math.ceil(box[2])), min(image.height, math.ceil(box[3]))
    if x1 <= x0 or y1 <= y0:
        return image
    scale = 4
    size = ((x1 - x0) * scale, (y1 - y0) * scale)
    colours = image.crop((x0, y0, x1, y1)).resize(size, Image.Resampling.NEAREST)
    mask = Image.new("L", size)
    paint, cover = ImageDraw.Draw(colours), ImageDraw.Draw(mask)
    for points, tone in shapes:
        outline = [((x - x0) * scale, (y - y0) * scale) for x, y in points]
        paint.polygon(outline, fill=whole(tone))
        cover.polygon(outline, fill=255)
    image.paste(colours.reduce(scale), (x0, y0), mask.reduce(scale))
    return image


def headland(
    stage: Stage, image: Image.Image, x: float, top: float, base: float, *, material: Colour | None = None
) -> Image.Image:
    """Rock rising out of the water under (x, top) and running off to the right."""
    width, height = stage.size
    rng = stage.rng("headland")
    line: Line = []
    count = 90
    left = x - width * (0.16 + 0.05 * rng.random())
    jag = noise.profile(rng, count, 9.0, 5, 0.6)
    for index in range(count):
        share = index / (count - 1)
        px = left + (width * 1.04 - left) * share
        rise = (
            ((px - left) / (x - left)) ** 0.75
            if px < x
            else 1.0 - 0.3 * max(0.0, (px - x - width * 0.105) / max(1.0, width - x)) ** 0.8
        )
        # A ledge for what stands on the rock.
        beside = max(0.0, x - width * 0.03 - px, px - x - width * 0.105) / (width * 0.04)
        if beside <= 0:
            rise = 1.0
        rough = (jag[index] - 0.5) * (base - top) * 0.32 * min(1.0, beside)
        line.append((px, base - (base - top) * rise - rough * min(1.0, rise * 2)))
    mask = light.polygons(stage.size, [[(left, base + height * 0.03), *line, (width * 1.04, base + height * 0.03)]])
    rock = material or rgb("3a3836")
    tone = mix(stage.air(rock, 0.1), stage.palette.ground, 0.35)
    lit = mix(stage.air(rock, 0.2), under_light(rock, stage.palette.light), 0.35 if not stage.night else 0.08)
    box = (
        max(0, round(left) - 2),
        max(0, round(min(p[1] for p in line)) - 2),
        width,
        min(height, round(base + height * 0.03) + 2),
    )
    size = (max(2, (box[2] - box[0]) // 2), max(2, (box[3] - box[1]) // 2))
    crags = noise.fractal(rng, size, (16, 7), 5, 0.68)
    relief = ImageChops.subtract(
        crags, noise.shifted(crags, 2 if stage.light[0] * width < x else -2, 2), 0.45, 118
    ).point(noise.ramp(80, 190))
    field = Image.composite(
        Image.new("RGB", size, whole(lit)), Image.new("RGB", size, whole(times(tone, 0.75))), relief
    )
    field = light.shaded(field, stage.palette.ground, light.slope(size, ((0.0, 0), (0.4, 70), (1.0, 215))))
    sized = field.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC)
    image.paste(sized, box[:2], mask.crop(box))
    return image


def lighthouse(stage: Stage, image: Image.Image, x: float, foot: float, tall: float) -> Image.Image:
    """A lighthouse whose foot stands at (x, foot), lamp lit, beams through the air."""
    width = stage.width_px
    rng = stage.rng("lighthouse")
    broad = tall * 0.115
    lamp = (x, foot - tall * 0.9)
    palette = stage.palette
    dark = stage.hour != "day" or stage.has("storm", "fog", "rain")
    if dark:
        image = _beams(stage, image, rng, lamp)
    white = mix(stage.air(rgb("e8e4da"), 0.1), under_light(rgb("efe9dc"), mix(palette.low, palette.light, 0.5)), 0.55)
    white = times(white, 0.42 if stage.night else 0.8)
    red = mix(
        times(under_light(rgb("a8322a"), mix(palette.low, palette.light, 0.4)), 0.5 if stage.night else 0.85),
        palette.haze,
        0.1,
    )
    night = mix(palette.ground, palette.middle, 0.1)
    side = 1.0 if stage.light[0] * width > x else -1.0

    def ring(
        low: float, high: float, w0: float, w1: float, tone: Colour
    ) -> list[tuple[list[tuple[float, float]], Colour]]:
        """A band of the round tower: strips from the shaded to the lit side."""
        strips = []
        parts = 9
        y0, y1 = foot - tall * low, foot - tall * high
        for part in range(parts):
            a, b = -1 + 2 * part / parts, -1 + 2 * (part + 1) / parts
            facing = 0.5 + 0.5 * math.sin((a + b) / 2 * side * 1.25)
            strips.append(
                (
                    [(x + a * w0, y0), (x + b * w0 + 0.4, y0), (x + b * w1 + 0.4, y1), (x + a * w1, y1)],
                    mix(mix(night, tone, 0.34), tone, facing),
                )
            )
        return strips

    shapes: list[tuple[list[tuple[float, float]], Colour]] = []
    bands = 5
    for band in range(bands):
        low, high = 0.8 * band / bands, 0.8 * (band + 1) / bands
        w0, w1 = broad * (1.0 - 0.42 * low / 0.8), broad * (1.0 - 0.42 * high / 0.8)
        shapes += ring(low, high, w0, w1, white if band % 2 == 0 else red)
    shapes += ring(0.79, 0.815, broad * 0.86, broad * 0.86, night)
    rail = [
        (x - broad * 0.9, foot - tall * 0.815),
        (x + broad * 0.9, foot - tall * 0.815),
        (x + broad * 0.9, foot - tall * 0.825),
        (x - broad * 0.9, foot - tall * 0.825),
    ]
    shapes.append((rail, night))
    glass = mix(_WARM, WHITE, 0.45) if dark else mix(palette.low, WHITE, 0.2)
    shapes.append(
        (
            [
                (x - broad * 0.42, foot - tall * 0.825),
                (x + broad * 0.42, foot - tall * 0.825),
                (x + broad * 0.42, foot - tall * 0.93),
                (x - broad * 0.42, foot - tall * 0.93),
            ],
            glass,
        )
    )
    for post in (-0.42, -0.14, 0.14, 0.42):
        shapes.append(
            (
                [
                    (x + broad * (post - 0.025), foot - tall * 0.825),
                    (x + broad * (post + 0.025), foot - tall * 0.825),
                    (x + broad * (post + 0.025), foot - tall * 0.93),
                    (x + broad * (post - 0.025), foot - tall * 0.93),
                ],
                night,
            )
        )
    shapes.append(
        ([(x - broad * 0.58, foot - tall * 0.93), (x, foot - tall * 1.0), (x + broad * 0.58, foot - tall * 0.93)], red)
    )
    shapes.append(
        (
            [(x - broad * 0.03, foot - tall * 0.99), (x + broad * 0.03, foot - tall * 0.99), (x, foot - tall * 1.05)],
            night,
        )
    )
    for window in range(3):
        wy = foot - tall * (0.2 + 0.2 * window)
        shapes.append(
            (
                [
                    (x - broad * 0.09, wy),
                    (x + broad * 0.09, wy),
                    (x + broad * 0.09, wy - tall * 0.035),
                    (x - broad * 0.09, wy - tall * 0.035),
                ],
                times(_WARM, 0.8) if dark else night,
            )
        )
    # The keeper's house leans against the tower.
    hx = x + broad * 2.3
    shapes.append(
        (
            [
                (hx - broad * 1.3, foot),
                (hx - broad * 1.3, foot - tall * 0.13),
                (hx + broad * 1.5, foot - tall * 0.13),
                (hx + broad * 1.5, foot),
            ],
            times(white, 0.62),
        )
    )
    shapes.append(
        (
            [
                (hx - broad * 1.5, foot - tall * 0.125),
                (hx - broad * 0.9, foot - tall * 0.21),
                (hx + broad * 1.1, foot - tall * 0.21),
                (hx + broad * 1.7, foot - tall * 0.125),
            ],
            times(red, 0.6),
        )
    )
    for pane in (-0.7, 0.2, 0.9):
        shapes.append(
            (
                [
                    (hx + broad * pane, foot - tall * 0.05),
                    (hx + broad * (pane + 0.22), foot - tall * 0.05),
                    (hx + broad * (pane + 0.22), foot - tall * 0.095),
                    (hx + broad * pane, foot - tall * 0.095),
                ],
                _WARM if dark else night,
            )
        )
    image = patch(image, (x - broad * 2, foot - tall * 1.1, hx + broad * 2.2, foot + tall * 0.03), shapes)
    if dark:
        image = light.glow(image, mix(_WARM, WHITE, 0.3), lamp, (tall * 0.9, tall * 0.9), 0.62, 3.2)
        image = light.glow(image, WHITE, lamp, (tall * 0.13, tall * 0.13), 0.95, 1.6)
    return image


def _beams(stage: Stage, image: Image.Image, rng: random.Random, lamp: tuple[float, float]) -> Image.Image:
    width = stage.width_px
    half = stage.half
    layer = Image.new("L", half)
    pencil = ImageDraw.Draw(layer)
    x, y = lamp[0] / 2, lamp[1] / 2
    tilt = math.radians(172 + 14 * rng.random())
    for angle, spread, level in ((tilt, 0.075, 215), (tilt + math.pi * (0.93 + 0.1 * rng.random()), 0.1, 150)):
        for part in range(6):
            open_by = spread * (1.0 - part / 7)
            far = width * 0.75
            points = [(x, y)] + [
                (x + math.cos(angle + turn) * far, y + math.sin(angle + turn) * far) for turn in (-open_by, open_by)
            ]
            pencil.polygon(points, fill=round(level * (0.35 + 0.65 * (part + 1) / 6)))
    layer = light.blurred(layer, max(1.0, half[0] / 240))
    reach = half[0] * 0.78
    layer = ImageChops.multiply(layer, light.halo(half, (x, y), (reach, reach), 1.35))
    drift = noise.fractal(rng, half, (7, 5), 4, 0.5).point(noise.linear(0.4, 150))
    layer = ImageChops.multiply(layer, drift)
    return light.shine(image, light.coloured(layer.point(noise.linear(0.86)), mix(_WARM, WHITE, 0.45)))


def tree(stage: Stage, image: Image.Image, x: float, foot: float, tall: float, tones: Sequence[Colour]) -> Image.Image:
    """One broad tree; in winter its bare branches."""
    rng = stage.rng("tree")
    if "winter" not in stage.said.season:
        hue = tones[int(rng.random() * len(tones)) % len(tones)]
        shade = light.halo(stage.half, (x / 2, foot / 2), (tall * 0.3, tall * 0.035), 1.0, 150)
        image = light.lay(image, stage.palette.ground, shade)
        return crowns(stage, image, rng, [(x, foot + tall * 0.01, tall)], [hue], 0.02)
    trunk = mix(stage.palette.ground, under_light(rgb("3a2a20"), stage.palette.low), 0.35)
    shapes: list[tuple[Line, Colour]] = []

    def branch(bx: float, by: float, angle: float, length: float, thick: float, depth: int) -> None:
        ex, ey = bx + math.cos(angle) * length, by - math.sin(angle) * length
        nx, ny = math.sin(angle) * thick, math.cos(angle) * thick
        wood = [
            (bx - nx, by - ny),
            (bx + nx, by + ny),
            (ex + nx * 0.6, ey + ny * 0.6),
            (ex - nx * 0.6, ey - ny * 0.6),
        ]
        shapes.append((wood, trunk))
        if depth == 0:
            return
        for part in range(2 + (rng.random() < 0.4)):
            turn = (part - 0.5) * 0.7 + (rng.random() - 0.5) * 0.5
            branch(ex, ey, angle + turn, length * (0.66 + 0.16 * rng.random()), thick * 0.6, depth - 1)

    branch(x, foot, math.pi / 2, tall * 0.25, tall * 0.028, 6)
    return patch(image, (x - tall * 0.9, foot - tall * 1.2, x + tall * 0.9, foot + tall * 0.05), shapes)


def sailboat(stage: Stage, image: Image.Image, x: float, y: float, size: float) -> Image.Image:
    """A boat under sail with its reflection."""
    palette = stage.palette
    dark = mix(palette.ground, palette.middle, 0.12)
    cloth = mix(under_light(rgb("f2ead8"), mix(palette.light, palette.low, 0.4)), palette.haze, 0.15)
    cloth = times(cloth, 0.5) if stage.night else cloth
    hull = [
        (x - size, y - size * 0.16),
        (x + size * 1.1, y - size * 0.24),
        (x + size * 0.8, y + size * 0.1),
        (x - size * 0.8, y + size * 0.1),
    ]
    main = (
        [(x + size * 0.08, y - size * 2.5)]
        + [
            (x + size * (0.08 - 0.92 * t - 0.16 * math.sin(math.pi * t)), y - size * (2.5 - 2.16 * t))
            for t in (0.25, 0.5, 0.75, 1.0)
        ]
        + [(x + size * 0.08, y - size * 0.32)]
    )
    jib = (
        [(x + size * 0.16, y - size * 2.2)]
        + [
            (x + size * (0.16 + 0.84 * t + 0.1 * math.sin(math.pi * t)), y - size * (2.2 - 1.84 * t))
            for t in (0.3, 0.6, 1.0)
        ]
        + [(x + size * 0.22, y - size * 0.38)]
    )
    mast = [
        (x + size * 0.09, y - size * 0.2),
        (x + size * 0.14, y - size * 0.2),
        (x + size * 0.125, y - size * 2.6),
        (x + size * 0.1, y - size * 2.6),
    ]
    ghost = [[(px, 2 * y - py + size * 0.16) for px, py in points] for points in (main, jib, hull)]
    mask = light.blurred(light.polygons(stage.size, ghost), max(0.7, size * 0.05)).point(noise.linear(0.4))
    image = light.lay(image, mix(dark, palette.haze, 0.25), mask)
    return patch(
        image,
        (x - size * 1.5, y - size * 2.8, x + size * 1.5, y + size * 0.3),
        [(main, cloth), (jib, mix(cloth, dark, 0.22)), (mast, dark), (hull, dark)],
    )


def ship(stage: Stage, image: Image.Image, x: float, y: float, size: float) -> Image.Image:
    """A cargo ship with its lights; `size` is half its length."""
    palette = stage.palette
    dark = mix(palette.ground, palette.haze, 0.12)
    shapes: list[tuple[Line, Colour]] = [
        (
            [
                (x - size, y - size * 0.15),
                (x + size * 0.7, y - size * 0.15),
                (x + size * 1.05, y - size * 0.26),
                (x + size * 0.88, y + size * 0.03),
                (x - size * 0.94, y + size * 0.03),
            ],
            dark,
        ),
        (
            [
                (x - size * 0.9, y - size * 0.14),
                (x - size * 0.9, y - size * 0.5),
                (x - size * 0.62, y - size * 0.5),
                (x - size * 0.6, y - size * 0.14),
            ],
            mix(dark, palette.low, 0.12),
        ),
        (
            [
                (x - size * 0.84, y - size * 0.5),
                (x - size * 0.84, y - size * 0.62),
                (x - size * 0.74, y - size * 0.62),
                (x - size * 0.74, y - size * 0.5),
            ],
            dark,
        ),
    ]
    rng = stage.rng("ship")
    bays = 7
    for bay in range(bays):
        left = x - size * 0.54 + size * 1.22 * bay / bays
        high = 1 + int(rng.random() * 3)
        for row in range(high):
            hue = (rgb("8a3a2e"), rgb("2f5a7a"), rgb("8a6a2e"), rgb("3f6a4a"))[int(rng.random() * 4) % 4]
            tone = mix(dark, stage.air(hue, 0.15), 0.7)
            top = y - size * (0.15 + 0.1 * (row + 1))
            shapes.append(
                (
                    [
                        (left, top),
                        (left + size * 0.16, top),
                        (left + size * 0.16, top + size * 0.095),
                        (left, top + size * 0.095),
                    ],
                    tone,
                )
            )
    image = patch(image, (x - size * 1.1, y - size * 0.9, x + size * 1.2, y + size * 0.1), shapes)
    for lamp in ((-0.76, -0.56), (0.9, -0.28), (-0.6, -0.4)):
        at = (x + size * lamp[0], y + size * lamp[1])
        image = light.glow(image, _WARM, at, (size * 0.12, size * 0.12), 0.9, 2.2)
    return image


def bridge(stage: Stage, image: Image.Image, y: float, rise: float) -> Image.Image:
    """A suspension bridge across the view, its deck at `y`, towers `rise` high above it."""
    width, height = stage.size
    rng = stage.rng("bridge")
    tone = mix(mix(stage.palette.ground, under_light(rgb("7a3028"), stage.palette.low), 0.4), stage.palette.haze, 0.18)
    first, second = width * (0.3 + 0.06 * rng.random()), width * (0.8 + 0.06 * rng.random())
    deck = height * 0.012

    def draw(pencil: ImageDraw.ImageDraw, scale: int) -> None:
        def box(x0: float, y0: float, x1: float, y1: float) -> None:
            pencil.rectangle((x0 * scale, y0 * scale, x1 * scale, y1 * scale), fill=255)

        box(-4, y, width + 4, y + deck)
        box(-4, y + deck * 1.9, width + 4, y + deck * 2.2)
        step = height * 0.022
        x = 0.0
        while x < width:
            pencil.line(
                (x * scale, (y + deck) * scale, (x + step / 2) * scale, (y + deck * 2) * scale), fill=255, width=scale
            )
            pencil.line(
                ((x + step / 2) * scale, (y + deck * 2) * scale, (x + step) * scale, (y + deck) * scale),
                fill=255,
                width=scale,
            )
            x += step
        legs = height * 0.0075
        for tower in (first, second):
            for leg in (-1.0, 1.0):
                middle = tower + leg * height * 0.017
                box(middle - legs, y - rise, middle + legs, y + height * 0.5)
            for bar in (0.97, 0.68, 0.36):
                box(tower - height * 0.02, y - rise * bar, tower + height * 0.02, y - rise * (bar - 0.05))
        spans = ((first - (second - first), first), (first, second), (second, second + (second - first)))
        for start, end in spans:
            points = []
            for part in range(61):
                share = part / 60
                points.append(
                    (
                        (start + (end - start) * share) * scale,
                        (y - rise * (0.98 - 0.92 * (1.0 - (2 * share - 1) ** 2))) * scale,
                    )
                )
            pencil.line(points, fill=255, width=max(2, round(height * 0.0032 * scale)))
            for px, py in points[::1]:
                pencil.line((px, py, px, y * scale), fill=200, width=max(1, scale // 2))

    mask = light.shape(stage.size, draw)
    return light.lay(
        image, wash(stage, tone, mix(tone, stage.palette.haze, 0.35), y - rise, y + height * 0.25, sun=0.3), mask
    )


def castle(stage: Stage, image: Image.Image, x: float, foot: float, tall: float) -> Image.Image:
    """A castle on its rock, windows lit at night."""
    rng = stage.rng("castle")
    palette = stage.palette
    wall = mix(mix(palette.ground, stage.air(rgb("5a5048"), 0.15), 0.7), palette.haze, 0.12)
    roof = mix(mix(palette.ground, under_light(rgb("4a3038"), palette.low), 0.4), palette.haze, 0.1)
    side = 1.0 if stage.light[0] * stage.width_px > x else -1.0
    rough = noise.profile(rng, 40, 7, 4, 0.55)
    rock: Line = [(x - tall * 3.0, foot + tall * 1.6)]
    for index, value in enumerate(rough):
        share = -2.4 + 4.8 * index / 39
        fall = max(0.0, abs(share) - 0.62) ** 0.8
        rock.append(
            (x + share * tall, foot - tall * 0.03 + tall * (0.62 * fall + 0.12 * (value - 0.5) * min(1.0, fall * 3)))
        )
    rock.append((x + tall * 3.0, foot + tall * 1.6))
    shapes: list[tuple[Line, Colour]] = [(rock, mix(wall, palette.ground, 0.45))]
    lamps: list[tuple[float, float]] = []
    towers = [(-0.5, 0.11, 0.55), (-0.24, 0.09, 0.75), (0.02, 0.13, 1.0), (0.3, 0.08, 0.7), (0.52, 0.12, 0.5)]
    shapes.append(
        (
            [
                (x - tall * 0.5, foot),
                (x - tall * 0.5, foot - tall * 0.3),
                (x + tall * 0.52, foot - tall * 0.3),
                (x + tall * 0.52, foot),
            ],
            wall,
        )
    )
    for battlement in range(14):
        left = x - tall * 0.5 + tall * 1.02 * battlement / 14
        shapes.append(
            (
                [
                    (left, foot - tall * 0.29),
                    (left, foot - tall * 0.335),
                    (left + tall * 0.04, foot - tall * 0.335),
                    (left + tall * 0.04, foot - tall * 0.29),
                ],
                wall,
            )
        )
    for offset, broad, high in towers:
        top = high * (0.62 + 0.12 * rng.random())
        tx = x + offset * tall
        w = broad * tall * 0.6
        lit = mix(wall, under_light(rgb("8a7a68"), palette.light), 0.0 if stage.night else 0.4)
        shapes.append(
            ([(tx - w, foot), (tx - w, foot - tall * top), (tx + w, foot - tall * top), (tx + w, foot)], wall)
        )
        shapes.append(
            (
                [
                    (tx + side * w * 0.25, foot),
                    (tx + side * w * 0.25, foot - tall * top),
                    (tx + side * w, foot - tall * top),
                    (tx + side * w, foot),
                ],
                mix(wall, lit, 0.7),
            )
        )
        shapes.append(
            (
                [
                    (tx - w * 1.25, foot - tall * top),
                    (tx, foot - tall * (top + broad * 2.4)),
                    (tx + w * 1.25, foot - tall * top),
                ],
                roof,
            )
        )
        lamps.append((tx, foot - tall * (top - 0.1)))
    image = patch(image, (x - tall * 2.6, foot - tall * 1.2, x + tall * 2.6, foot + tall * 1.7), shapes)
    for lx, ly in lamps:
        size = tall * 0.016
        image = patch(
            image,
            (lx - size, ly - size * 2, lx + size, ly + size * 2),
            [
                (
                    [
                        (lx - size, ly - size * 1.5),
                        (lx + size, ly - size * 1.5),
                        (lx + size, ly + size * 1.5),
                        (lx - size, ly + size * 1.5),
                    ],
                    _WARM,
                )
            ],
        )
        image = light.glow(image, _WARM, (lx, ly), (tall * 0.1, tall * 0.1), 0.5)
    return image


def house(stage: Stage, image: Image.Image, x: float, foot: float, size: float) -> Image.Image:
    """A cabin with light in its windows and smoke from its chimney."""
    palette = stage.palette
    wall = mix(palette.ground, under_light(rgb("4a3426"), palette.low), 0.5)
    roof = (
        mix(palette.ground, palette.middle, 0.12)
        if "winter" not in stage.said.season
        else mix(palette.middle, WHITE, 0.35)
    )
    shapes: list[tuple[Line, Colour]] = [
        ([(x - size, foot), (x - size, foot - size * 0.75), (x + size, foot - size * 0.75), (x + size, foot)], wall),
        (
            [
                (x + size * 0.5, foot - size),
                (x + size * 0.5, foot - size * 1.55),
                (x + size * 0.68, foot - size * 1.55),
                (x + size * 0.68, foot - size),
            ],
            wall,
        ),
        (
            [
                (x - size * 1.22, foot - size * 0.7),
                (x - size * 0.75, foot - size * 1.4),
                (x + size * 0.75, foot - size * 1.4),
                (x + size * 1.22, foot - size * 0.7),
            ],
            roof,
        ),
    ]
    for window in (-0.62, 0.32):
        shapes.append(
            (
                [
                    (x + size * window, foot - size * 0.22),
                    (x + size * (window + 0.3), foot - size * 0.22),
                    (x + size * (window + 0.3), foot - size * 0.55),
                    (x + size * window, foot - size * 0.55),
                ],
                _WARM,
            )
        )
    image = patch(image, (x - size * 1.4, foot - size * 1.7, x + size * 1.4, foot + 1), shapes)
    return light.glow(image, _WARM, (x, foot - size * 0.3), (size * 3.2, size * 2.4), 0.42, 2.4)


def windmill(stage: Stage, image: Image.Image, x: float, foot: float, tall: float) -> Image.Image:
    """A Dutch windmill, its sails turned by the seed."""
    rng = stage.rng("windmill")
    palette = stage.palette
    body = mix(palette.ground, under_light(rgb("5a4638"), palette.low), 0.45)
    broad = tall * 0.16
    hub = (x, foot - tall * 0.72)
    shapes: list[tuple[Line, Colour]] = [
        (
            [
                (x - broad * 1.2, foot),
                (x - broad * 0.7, foot - tall * 0.62),
                (x + broad * 0.7, foot - tall * 0.62),
                (x + broad * 1.2, foot),
            ],
            body,
        ),
        (
            [
                (x - broad * 0.85, foot - tall * 0.61),
                (x - broad * 0.5, foot - tall * 0.78),
                (x + broad * 0.5, foot - tall * 0.78),
                (x + broad * 0.85, foot - tall * 0.61),
            ],
            palette.ground,
        ),
    ]
    start = rng.random() * math.pi / 2
    for sail in range(4):
        angle = start + sail * math.pi / 2
        dx, dy = math.cos(angle), math.sin(angle)
        nx, ny = -dy, dx
        reach, wide = tall * 0.52, tall * 0.075
        thin = tall * 0.006
        shapes.append(
            (
                [
                    (hub[0] + nx * thin, hub[1] + ny * thin),
                    (hub[0] + dx * reach + nx * thin, hub[1] + dy * reach + ny * thin),
                    (hub[0] + dx * reach - nx * thin, hub[1] + dy * reach - ny * thin),
                    (hub[0] - nx * thin, hub[1] - ny * thin),
                ],
                palette.ground,
            )
        )
        shapes.append(
            (
                [
                    (hub[0] + dx * reach * 0.2, hub[1] + dy * reach * 0.2),
                    (hub[0] + dx * reach, hub[1] + dy * reach),
                    (hub[0] + dx * reach + nx * wide, hub[1] + dy * reach + ny * wide),
                    (hub[0] + dx * reach * 0.2 + nx * wide, hub[1] + dy * reach * 0.2 + ny * wide),
                ],
                mix(body, palette.haze, 0.2),
            )
        )
    return patch(image, (x - tall * 0.6, foot - tall * 1.3, x + tall * 0.6, foot + 1), shapes)


def balloons(stage: Stage, image: Image.Image) -> Image.Image:
    """Hot-air balloons drifting at several distances."""
    width, height = stage.size
    rng = stage.rng("balloons")
    hues = ("c8402e", "e8a030", "3a6a9a", "8a4a8a", "3a8a6a")
    spots = [(0.7, 0.34, 0.15), (0.48, 0.24, 0.07), (0.86, 0.2, 0.055), (0.58, 0.48, 0.04), (0.36, 0.38, 0.035)]
    for index, (fx, fy, fr) in enumerate(spots):
        x, y, r = width * (fx + 0.05 * (rng.random() - 0.5)), height * (fy + 0.06 * (rng.random() - 0.5)), height * fr
        distance = 1.0 - min(1.0, fr / 0.15)
        hue, other = rgb(hues[int(rng.random() * 5) % 5]), rgb("f0dcb8")
        shapes: list[tuple[Line, Colour]] = []
        gores = 10
        for gore in range(gores):
            a, b = -1 + 2 * gore / gores, -1 + 2 * (gore + 1) / gores
            points: Line = []
            for edge, order in ((a, range(13)), (b, range(12, -1, -1))):
                for part in order:
                    t = part / 12
                    wide = math.sin(math.pi * (0.5 * t + 0.5)) if t > 0.5 else 1.0  # round above, tapering below
                    angle = -math.pi / 2 + math.pi * 0.5 * min(1.0, t * 2)
                    wide = math.cos(angle) if t <= 0.5 else 1.0 - 0.82 * ((t - 0.5) * 2) ** 1.6  # same
                    py = y + r * math.sin(angle) if t <= 0.5 else y + r * 1.25 * (t - 0.5) * 2  # same
                    points.append((x + math.sin(edge * math.pi / 2) * r * wide, py))
            side = 1.0 if stage.light[0] * width > x else -1.0
            facing = 0.5 + 0.5 * math.sin((a + b) / 2 * side * 1.3)
            tone = under_light(hue if gore % 2 else other, stage.palette.light)
            tone = mix(mix(times(tone, 0.35), stage.palette.ground, 0.15), tone, facing)
            shapes.append((points, mix(tone, stage.palette.haze, 0.6 * distance)))
        basket = mix(stage.palette.ground, stage.palette.haze, 0.6 * distance)
        shapes.append(
            (
                [
                    (x - r * 0.13, y + r * 1.5),
                    (x + r * 0.13, y + r * 1.5),
                    (x + r * 0.11, y + r * 1.72),
                    (x - r * 0.11, y + r * 1.72),
                ],
                basket,
            )
        )
        for rope in (-1, 1):
            shapes.append(
                (
                    [
                        (x + rope * r * 0.17, y + r * 1.24),
                        (x + rope * r * 0.19, y + r * 1.24),
                        (x + rope * r * 0.12, y + r * 1.5),
                        (x + rope * r * 0.1, y + r * 1.5),
                    ],
                    basket,
                )
            )
        image = patch(image, (x - r * 1.1, y - r * 1.1, x + r * 1.1, y + r * 1.8), shapes)
        del index
    return image


def person(stage: Stage, image: Image.Image, x: float, foot: float, tall: float) -> Image.Image:
    """A figure seen from behind, coat in the wind."""
    tone = mix(stage.palette.ground, stage.palette.middle, 0.06)
    body = [
        (-0.11, -0.82),
        (0.11, -0.82),
        (0.15, -0.6),
        (0.2, -0.34),
        (0.13, -0.32),
        (0.09, 0.0),
        (0.02, 0.0),
        (0.0, -0.3),
        (-0.02, 0.0),
        (-0.1, 0.0),
        (-0.12, -0.32),
        (-0.17, -0.34),
        (-0.14, -0.6),
    ]
    head = [(math.cos(k * 0.63) * 0.065, -0.91 + math.sin(k * 0.63) * 0.08) for k in range(10)]
    shapes: list[tuple[Line, Colour]] = [
        ([(x + px * tall, foot + py * tall) for px, py in part], tone)
        for part in (body, head, [(-0.03, -0.86), (0.03, -0.86), (0.04, -0.8), (-0.04, -0.8)])
    ]
    return patch(image, (x - tall * 0.3, foot - tall * 1.05, x + tall * 0.3, foot + 2), shapes)


def tent(stage: Stage, image: Image.Image, x: float, foot: float, size: float) -> Image.Image:
    """A tent lit from within."""
    glow_tone = rgb("ffab4a")
    dark = mix(glow_tone, stage.palette.ground, 0.55)
    shapes: list[tuple[Line, Colour]] = [
        ([(x - size, foot), (x - size * 0.1, foot - size), (x + size * 1.1, foot)], dark),
        (
            [(x - size, foot), (x - size * 0.1, foot - size), (x + size * 0.35, foot)],
            mix(glow_tone, stage.palette.ground, 0.2),
        ),
        ([(x - size * 0.42, foot), (x - size * 0.1, foot - size * 0.8), (x + size * 0.04, foot)], rgb("ffe0a0")),
    ]
    image = patch(image, (x - size * 1.1, foot - size * 1.1, x + size * 1.2, foot + 1), shapes)
    return light.glow(image, glow_tone, (x, foot - size * 0.3), (size * 3.4, size * 2.4), 0.6, 2.2)


def cranes(stage: Stage, image: Image.Image, base: float, tall: float, count: int = 3) -> Image.Image:
    """Harbour cranes against the sky."""
    width = stage.width_px
    rng = stage.rng("cranes")
    shapes: list[Line] = []
    for index in range(count):
        x = width * (0.56 + 0.15 * index + 0.04 * rng.random())
        t = tall * (0.8 + 0.35 * rng.random())
        w = t * 0.018
        side = -1.0 if rng.random() < 0.7 else 1.0  # most face the water

        def bar(x0: float, y0: float, x1: float, y1: float, thick: float) -> None:
            length = max(1e-6, math.hypot(x1 - x0, y1 - y0))
            nx, ny = (y1 - y0) / length * thick, -(x1 - x0) / length * thick
            shapes.append([(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)])

        for leg in (-0.13, 0.13):
            bar(x + t * leg, base, x + t * leg * 0.75, base - t * 0.62, w)
        bar(x - t * 0.13, base - t * 0.3, x + t * 0.13, base - t * 0.3, w)
        bar(x - t * 0.12, base - t * 0.3, x + t * 0.1, base - t * 0.6, w * 0.5)
        bar(x - side * t * 0.4, base - t * 0.62, x + side * t * 0.85, base - t * 0.62, w * 1.4)
        bar(x, base - t * 0.62, x, base - t * 0.95, w)
        bar(x, base - t * 0.95, x + side * t * 0.8, base - t * 0.63, w * 0.45)
        bar(x, base - t * 0.95, x - side * t * 0.38, base - t * 0.63, w * 0.45)
        hook = x + side * t * (0.3 + 0.4 * rng.random())
        bar(hook, base - t * 0.62, hook, base - t * 0.36, w * 0.3)
        shapes.append(
            [
                (hook - t * 0.06, base - t * 0.36),
                (hook + t * 0.06, base - t * 0.36),
                (hook + t * 0.06, base - t * 0.31),
                (hook - t * 0.06, base - t * 0.31),
            ]
        )
    tone = mix(stage.palette.ground, stage.palette.haze, 0.24)
    return light.lay(
        image,
        wash(stage, tone, mix(tone, stage.palette.haze, 0.3), base - tall, base, sun=0.3),
        light.polygons(stage.size, shapes, scale=3),
    )


def rocket(stage: Stage, image: Image.Image, x: float, top: float, tall: float) -> Image.Image:
    """A rocket climbing on its plume."""
    width, height = stage.size
    palette = stage.palette
    half = stage.half
    plume = Image.new("L", half)
    pencil = ImageDraw.Draw(plume)
    tail = top + tall
    rng = stage.rng("rocket")
    for part in range(60):
        share = part / 59
        y = tail + (height * 1.02 - tail) * share
        wide = tall * (0.07 + 0.5 * share**1.6)
        pencil.ellipse(
            (
                (x - wide) / 2 + (rng.random() - 0.5) * wide * 0.5,
                y / 2 - wide / 3,
                (x + wide) / 2 + (rng.random() - 0.5) * wide * 0.5,
                y / 2 + wide / 3,
            ),
            fill=round(255 - 120 * share),
        )
    puff = noise.fractal(rng, half, (26, 18), 5, 0.6)
    plume = ImageChops.multiply(light.blurred(plume, tall * 0.02), puff.point(noise.linear(0.7, 90)))
    tone = light.vertical(
        stage.size,
        (
            (0.0, rgb("fff0c8")),
            (min(0.98, tail / height), rgb("fff0c8")),
            (min(0.99, tail / height + 0.16), mix(rgb("ffb060"), palette.low, 0.3)),
            (1.0, mix(palette.haze, palette.low, 0.5)),
        ),
    )
    image = light.lay(image, tone, plume)
    w = tall * 0.075
    white, shade = mix(rgb("f4f2ee"), palette.light, 0.25), mix(rgb("6a7078"), palette.ground, 0.3)
    nose = [
        (x + w * math.sin(math.pi * t / 2), top + tall * 0.26 * (1 - math.cos(math.pi * t / 2)))
        for t in (0, 0.3, 0.6, 1.0)
    ]
    left = [(2 * x - px, py) for px, py in nose]
    body = [*nose, (x + w, tail - tall * 0.04), (x - w, tail - tall * 0.04), *left[::-1]]
    shapes: list[tuple[Line, Colour]] = [
        ([(x - w, tail - tall * 0.24), (x - w * 2.2, tail), (x - w * 0.8, tail - tall * 0.05)], shade),
        ([(x + w, tail - tall * 0.24), (x + w * 2.2, tail), (x + w * 0.8, tail - tall * 0.05)], shade),
        (body, white),
        (
            [*left, (x - w, tail - tall * 0.04), (x - w * 0.2, tail - tall * 0.04), (x - w * 0.2, top + tall * 0.1)],
            mix(white, shade, 0.6),
        ),
        (
            [
                (x - w, top + tall * 0.46),
                (x + w, top + tall * 0.46),
                (x + w, top + tall * 0.5),
                (x - w, top + tall * 0.5),
            ],
            rgb("c8402e"),
        ),
    ]
    image = patch(image, (x - w * 2.6, top - 2, x + w * 2.6, tail + 2), shapes)
    image = light.glow(image, rgb("ffb050"), (x, tail + tall * 0.1), (width * 0.3, width * 0.3), 0.7, 2.6)
    return light.glow(image, rgb("fff4d8"), (x, tail + tall * 0.06), (tall * 0.3, tall * 0.5), 1.0, 1.6)


def bonfire(stage: Stage, image: Image.Image, x: float, foot: float, size: float) -> Image.Image:
    """Flames over crossed logs."""
    rng = stage.rng("bonfire")
    image = light.glow(image, rgb("ff8a30"), (x, foot - size * 0.5), (size * 5, size * 4), 0.6, 2.4)
    shapes: list[tuple[Line, Colour]] = []
    for tone, share in ((rgb("d8401a"), 1.0), (rgb("ff8a24"), 0.74), (rgb("ffd868"), 0.45)):
        for _ in range(5):
            fx = x + (rng.random() - 0.5) * size * 0.7 * share
            tall = size * share * (0.8 + 0.6 * rng.random())
            sway = (rng.random() - 0.5) * size * 0.3
            shapes.append(
                (
                    [
                        (fx - size * 0.16 * share, foot),
                        (fx - size * 0.2 * share, foot - tall * 0.35),
                        (fx + sway, foot - tall),
                        (fx + size * 0.18 * share, foot - tall * 0.3),
                        (fx + size * 0.14 * share, foot),
                    ],
                    tone,
                )
            )
    for lean in (-1, 1):
        shapes.append(
            (
                [
                    (x - lean * size * 0.6, foot + size * 0.08),
                    (x - lean * size * 0.56, foot - size * 0.02),
                    (x + lean * size * 0.55, foot - size * 0.16),
                    (x + lean * size * 0.55, foot - size * 0.04),
                ],
                mix(stage.palette.ground, rgb("3a2014"), 0.4),
            )
        )
    image = patch(image, (x - size, foot - size * 1.6, x + size, foot + size * 0.2), shapes)
    return light.glow(image, rgb("ffd070"), (x, foot - size * 0.4), (size * 1.3, size * 1.4), 0.75, 1.8)


def planet(
    stage: Stage,
    image: Image.Image,
    x: float,
    y: float,
    radius: float,
    hues: Sequence[Colour],
    *,
    ringed: bool,
    name: str = "planet",
) -> Image.Image:
    """A globe with bands or continents, lit from the side, air around its edge, perhaps a ring."""
    rng = stage.rng(name)
    side = max(8, round(radius * 2))
    box = (round(x - radius), round(y - radius))
    gas = rng.random() < 0.5 or ringed  # half are gas
    texture = noise.fractal(rng, (side, side), (1.6, 13) if gas else (4, 4), 5, 0.55)
    lut_r, lut_g, lut_b = [], [], []
    for level in range(256):
        share = level / 255 * (len(hues) - 1)
        index = min(len(hues) - 2, int(share))
        tone = mix(hues[index], hues[index + 1], share - index)
        lut_r.append(round(tone[0]))
        lut_g.append(round(tone[1]))
        lut_b.append(round(tone[2]))
    if gas:
        texture = texture.rotate(-14, Image.Resampling.BICUBIC)
    face = Image.merge("RGB", (texture.point(lut_r), texture.point(lut_g), texture.point(lut_b)))
    lx, ly = (0.22, 0.24) if stage.light[0] * stage.width_px < x else (0.8, 0.24)
    shade = light.halo((side, side), (side * lx, side * ly), (side * 0.98, side * 0.98), 0.9).point(noise.linear(1.25))
    face = ImageChops.multiply(face, shade.convert("RGB"))
    rim = light.halo((side, side), (side / 2, side / 2), (side / 2, side / 2), 1.0).point(
        [round(255 * max(0.0, 1 - level / 46) ** 2) for level in range(256)]
    )
    rim = ImageChops.multiply(rim, shade)
    air = mix(hues[-1], rgb("a8d0ff"), 0.6)
    face = ImageChops.screen(face, light.coloured(rim.point(noise.linear(0.8)), air))
    mask = light.shape(
        (side, side), lambda pencil, s: pencil.ellipse((s, s, (side - 1) * s, (side - 1) * s), fill=255), scale=2
    )
    image = light.glow(
        image, air, (x + radius * (lx - 0.5), y + radius * (ly - 0.5)), (radius * 1.7, radius * 1.7), 0.34, 2.0
    )
    if ringed:
        back, front = _ring(stage, rng, x, y, radius)
        tone = mix(hues[-1], rgb("e8d8c0"), 0.5)
        image = light.lay(image, tone, back)
        image.paste(face, box, mask)
        return light.lay(image, tone, front)
    image.paste(face, box, mask)
    return image


def _ring(stage: Stage, rng: random.Random, x: float, y: float, radius: float) -> tuple[Image.Image, Image.Image]:
    tilt = -14 - 8 * rng.random()
    wide, flat = radius * 2.1, radius * 0.5
    size = (max(4, round(wide * 2)), max(4, round(flat * 2)))
    ring = Image.new("L", (size[0] * 2, size[1] * 2))
    pencil = ImageDraw.Draw(ring)
    for part in range(30):
        share = 1.0 - 0.42 * part / 30
        level = round(40 + 150 * rng.random())
        level = 0 if part == 11 else level  # the gap
        a, b = wide * share * 2, flat * share * 2
        pencil.ellipse((wide * 2 - a, flat * 2 - b, wide * 2 + a, flat * 2 + b), fill=level)
    a, b = wide * 0.58 * 2, flat * 0.58 * 2
    pencil.ellipse((wide * 2 - a, flat * 2 - b, wide * 2 + a, flat * 2 + b), fill=0)
    ring = ring.reduce(2)
    results = []
    for part in (0, 1):
        piece = ring.copy()
        blank = (0, ring.height // 2, ring.width, ring.height) if part == 0 else (0, 0, ring.width, ring.height // 2)
        piece.paste(0, blank)
        piece = piece.rotate(-tilt, Image.Resampling.BICUBIC, expand=True)
        canvas = Image.new("L", stage.size)
        canvas.paste(piece, (round(x - piece.width / 2), round(y - piece.height / 2)))
        results.append(canvas)
    return results[0], results[1]
