"""Land: ridges in the haze, peaks with snow, dunes, mesas, meadows, woods; each painted from far to near."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light, noise
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, saturate, times, whole
from mkdocs_leonardo.painter.stage import Stage

Line = list[tuple[float, float]]


def wash(
    stage: Stage, top: Colour, bottom: Colour, upper_px: float, lower_px: float, *, sun: float = 0.4
) -> Image.Image:
    """A field at a quarter of the size: `top` at `upper_px` to `bottom` at `lower_px`, brighter towards the light."""
    width, height = stage.size
    small = (max(2, width // 4), max(2, height // 4))
    first, last = upper_px / height, max(upper_px / height + 0.01, lower_px / height)
    field = light.vertical(small, ((min(0.0, first), top), (first, top), (last, bottom), (max(1.0, last), bottom)))
    if sun > 0:
        center = (stage.light[0] * small[0], stage.light[1] * small[1])
        field = light.glow(field, stage.palette.light, center, (small[0] * 0.36, small[1] * 0.6), sun, 2.2)
    return field


def outline(stage: Stage, heights: Sequence[float], base_px: float, rise_px: float) -> Line:
    """The points of a ridge: `heights` (0 to 1) spread over the width, standing on `base_px`."""
    last = len(heights) - 1
    return [
        (stage.width_px * (index / last * 1.04 - 0.02), base_px - rise_px * value)
        for index, value in enumerate(heights)
    ]


def mask_below(stage: Stage, line: Line) -> Image.Image:
    """The L mask of everything under a line."""
    bottom = stage.height_px + 4.0
    return light.polygons(stage.size, [[(line[0][0], bottom), *line, (line[-1][0], bottom)]])


def points_for(stage: Stage, spacing_px: float = 5.0) -> int:
    """How many points a fine outline takes."""
    return max(24, min(420, round(stage.width_px / spacing_px)))


def mist(stage: Stage, image: Image.Image, y_px: float, thick_px: float, strength: float, name: str) -> Image.Image:
    """A bank of mist lying around `y_px`, torn by noise."""
    small = (max(2, stage.width_px // 4), max(2, stage.height_px // 4))
    height = stage.height_px
    middle, reach = y_px / height, max(0.01, thick_px / height)
    bank = light.slope(
        small,
        (
            (min(0.0, middle - reach), 0),
            (middle - reach, 0),
            (middle - reach * 0.25, 190),
            (middle, 235),
            (middle + reach * 0.35, 120),
            (middle + reach, 0),
            (max(1.0, middle + reach), 0),
        ),
    )
    texture = noise.fractal(stage.rng("mist" + name), small, (4, 7), 4, 0.5)
    bank = ImageChops.multiply(bank, texture.point(noise.linear(0.75, 64)))
    bank = bank.point(noise.linear(strength))
    tone = mix(stage.palette.haze, stage.palette.horizon, 0.35)
    return light.lay(image, wash(stage, tone, tone, 0, height, sun=0.2 if stage.night else 0.35), bank)


# --- ridges and peaks -----------------------------------------------------------------------------------------------


def ridges(
    stage: Stage,
    image: Image.Image,
    *,
    count: int,
    material: Colour,
    first: float = 0.12,
    rise: float = 0.2,
    base: float = 0.0,
    nearest: float = 0.1,
    name: str = "ridges",
) -> Image.Image:
    """Hills one behind the other, paler with distance; the nearest stand lowest."""
    height = stage.height_px
    rng = stage.rng(name)
    for index in range(count):
        near = index / max(1, count - 1)
        distance = 1.0 - (near * (1.0 - nearest) + (1.0 - near) * first)
        y = stage.horizon_px + height * (base + (1.0 - base - stage.horizon) * 0.62 * near**1.3)
        lift = height * rise * (0.75 + 0.5 * rng.random()) * (1.0 - 0.25 * near)
        heights = noise.profile(rng, points_for(stage), 2.2 + 1.6 * near + rng.random(), 7, 0.46)
        line = outline(stage, heights, y, lift)
        colour = stage.air(material, distance)
        foot = mix(colour, stage.palette.haze, 0.55 * distance + 0.12)
        top = min(point[1] for point in line)
        field = wash(stage, colour, foot, top, y + height * 0.08, sun=0.5 * distance)
        image = light.lay(image, field, mask_below(stage, line))
        if index < count - 1:
            image = mist(stage, image, y + height * 0.02, height * 0.07, 0.5, f"{name}{index}")
    return image


def peaks(
    stage: Stage,
    image: Image.Image,
    *,
    base_px: float,
    rise_px: float,
    distance: float,
    snow: float,
    name: str,
    waves: float = 2.6,
) -> Image.Image:
    """One mountain chain with lit and shaded faces; `snow` is how far down it lies (0 none, 1 to the foot)."""
    rng = stage.rng(name)
    height = stage.height_px
    count = points_for(stage, 4.0)
    heights = noise.profile(rng, count, waves, 7, 0.47, sharp=True)
    focus = stage.light[0] * 0.55 + 0.3 * rng.random()
    # The chain culminates off the centre and leaves room for the title.
    heights = [
        value * (0.5 + 0.5 * math.exp(-(((index / count - focus) / 0.34) ** 2))) for index, value in enumerate(heights)
    ]
    top_value = max(heights)
    heights = [(value / top_value) ** 1.12 for value in heights]
    line = outline(stage, heights, base_px, rise_px)
    mask = mask_below(stage, line)

    from_left = stage.light[0] < focus
    faces = _faces(stage, rng, line, base_px, from_left=from_left)
    palette = stage.palette
    rock = rgb("4a4a52")
    lit_light = (
        mix(palette.light, palette.horizon, 0.45) if not stage.night else mix(palette.horizon, palette.light, 0.35)
    )
    rock_dark = stage.air(times(rock, 0.5), distance)
    rock_lit = mix(stage.air(rock, distance), lit_light, 0.16)
    snow_dark = mix(mix(palette.middle, palette.zenith, 0.3), palette.haze, 0.2 + 0.6 * distance)
    snow_dark = mix(snow_dark, WHITE, 0.08 if not stage.night else 0.0)
    snow_lit = mix(mix(lit_light, WHITE, 0.4 if not stage.night else 0.1), palette.haze, 0.55 * distance)
    small = faces.size
    rocks = Image.composite(Image.new("RGB", small, whole(rock_lit)), Image.new("RGB", small, whole(rock_dark)), faces)
    if snow > 0:
        snows = Image.composite(
            Image.new("RGB", small, whole(snow_lit)), Image.new("RGB", small, whole(snow_dark)), faces
        )
        rough = noise.fractal(rng, small, (34, 26), 4, 0.7)
        edge = (base_px - rise_px * (1.0 - snow)) / height
        # Snow ends along a ragged line and lies thinner on steep, shaded faces.
        lie = light.slope(small, ((0.0, 255), (max(0.0, edge - 0.22), 235), (min(1.0, edge + 0.12), 40), (1.0, 0)))
        lie = ImageChops.add(lie, rough, 2.0).point(noise.ramp(122, 144))
        rocks = Image.composite(snows, rocks, lie)
    foot = mix(palette.haze, palette.horizon, 0.3)
    veil = light.slope(
        small,
        (
            (0.0, 0),
            (max(0.0, (base_px - rise_px) / height), 255 * 0.25 * distance),
            (base_px / height, 255 * (0.45 + 0.5 * distance)),
            (1.0, 255),
        ),
    )
    rocks = light.shaded(rocks, foot, veil)
    return light.lay(image, rocks, mask)


def _faces(stage: Stage, rng: random.Random, line: Line, base_px: float, *, from_left: bool) -> Image.Image:
    """How lit each place of a chain is (half size, L): spines run down from the summits and part light from shade."""
    width, height = stage.half
    canvas = Image.new("L", (width, height), 40)
    pencil = ImageDraw.Draw(canvas)
    summits = [
        index
        for index in range(2, len(line) - 2)
        if line[index][1] <= min(point[1] for point in line[max(0, index - 4) : index + 5])
    ]
    # Low summits stand in front of high ones.
    side = -1.0 if from_left else 1.0
    for index in sorted(summits, key=lambda summit: line[summit][1]):
        x, y = line[index][0] / 2, line[index][1] / 2
        foot = base_px / 2 + height * 0.05
        reach = foot - y
        spine = [(x, y)]
        lean = (rng.random() - 0.5) * 0.5
        while spine[-1][1] < foot:
            step = reach * (0.05 + 0.06 * rng.random())
            spine.append((spine[-1][0] + step * (lean + (rng.random() - 0.5) * 1.1), spine[-1][1] + step))
        broad = reach * (0.9 + 0.5 * rng.random())
        level = round(150 + 90 * rng.random())
        pencil.polygon([*spine, (spine[-1][0] + side * broad, foot)], fill=level)
        pencil.polygon([*spine, (spine[-1][0] - side * broad, foot)], fill=round(28 + 40 * rng.random()))
        # Ribs break the large faces.
        for joint in spine[1:-1]:
            if rng.random() < 0.75:  # most joints
                span = reach * (0.12 + 0.2 * rng.random())
                tip = (joint[0] + side * span * 0.9, joint[1] + span * 1.1)
                pencil.polygon(
                    [joint, tip, (joint[0] + side * span * 0.25, joint[1] + span * 1.25)],
                    fill=round(40 + 60 * rng.random()),
                )
                tip = (joint[0] - side * span * 0.8, joint[1] + span * 1.2)
                pencil.polygon(
                    [joint, tip, (joint[0] - side * span * 0.2, joint[1] + span * 1.3)],
                    fill=round(90 + 90 * rng.random()),
                )
    soft = light.blurred(canvas, max(0.6, height / 260))
    crags = noise.fractal(rng, (width, height), (30, 14), 5, 0.66)
    mixed = ImageChops.add(soft.point(noise.linear(1.0)), crags.point(noise.linear(0.55, -70)))
    mixed = ImageChops.subtract(mixed, crags.point(noise.linear(-0.5, 64)))
    return mixed.point(noise.ramp(35, 205))


# --- sand, stone, grass ---------------------------------------------------------------------------------------------


def dunes(stage: Stage, image: Image.Image, material: Colour) -> Image.Image:
    """Dunes with sharp crests: the side that faces the light glows, the other lies in long shadow."""
    height = stage.height_px
    rng = stage.rng("dunes")
    palette = stage.palette
    warm = mix(palette.light, palette.horizon, 0.35)
    count = 5
    for index in range(count):
        near = index / (count - 1)
        distance = (1.0 - near) ** 1.4 * 0.82
        y = stage.horizon_px + height * (0.0 + (1.02 - stage.horizon) * 0.7 * near**1.35)
        lift = height * (0.06 + 0.17 * near * (0.75 + 0.5 * rng.random()))
        heights = noise.profile(rng, points_for(stage, 8.0), 1.1 + 1.8 * (1.0 - near) + 0.5 * rng.random(), 3, 0.3)
        line = outline(stage, heights, y, lift)
        lit = mix(mix(under_light(material, warm), warm, 0.1 + 0.14 * near), palette.haze, distance * 0.8)
        shade = mix(
            mix(times(under_light(material, palette.middle), 0.55), palette.ground, 0.3 * near + 0.1),
            palette.haze,
            distance * 0.8,
        )
        body = mask_below(stage, line)
        top = min(point[1] for point in line)
        field = wash(stage, mix(lit, warm, 0.25), mix(lit, shade, 0.55), top, y + height * 0.3, sun=0.25)
        if near > 0.3:  # ripples would only flicker far away
            field = _ripples(stage, rng, field, near)
        image = light.lay(image, field, body)
        # The slip faces: sharp at the crest that runs down to us, soft where the next slope begins.
        away = -1.0 if stage.light[0] > 0.5 else 1.0
        shadow = wash(stage, shade, mix(shade, lit, 0.25), top, y + height * 0.2, sun=0.06)
        for face, wider in _slip_faces(rng, line, lift, y + height * 0.4, away=away):
            sharp = light.polygons(stage.size, [face])
            box = sharp.getbbox()
            if box is not None:
                soft = light.blurred(
                    light.polygons(stage.half, [[(px / 2, py / 2) for px, py in wider]], scale=1), lift * 0.12
                )
                sharp = ImageChops.multiply(
                    sharp, ImageChops.multiply(soft.resize(stage.size, Image.Resampling.BILINEAR), body)
                )
                image = light.lay(image, shadow, sharp)
    return image


def under_light(material: Colour, lamp: Colour) -> Colour:
    """Material under a lamp, never darker than half the material."""
    red, green, blue = (max(0.5 * m, m * (0.35 + 0.65 * part / 255)) for m, part in zip(material, lamp, strict=True))
    return red, green, blue


def _slip_faces(rng: random.Random, line: Line, lift: float, bottom: float, *, away: float) -> list[tuple[Line, Line]]:
    """Each summit's shaded side, and the same side grown past its crest."""
    faces: list[tuple[Line, Line]] = []
    reach = max(3, len(line) // 14)
    last = len(line) - 1
    for top in range(1, last):
        around = line[max(0, top - reach) : top + reach + 1]
        if line[top][1] > min(point[1] for point in around) or (
            faces and abs(line[top][0] - faces[-1][0][0][0]) < lift
        ):
            continue
        step = 1 if away > 0 else -1
        valley = top
        while 0 < valley + step < last and line[valley + step][1] >= line[valley][1] - lift * 0.002:
            valley += step
        if abs(valley - top) < 2:
            continue
        skyline = line[top : valley + 1] if step > 0 else line[valley : top + 1][::-1]
        x, y = line[top]
        sway = lift * (2.6 + 1.8 * rng.random())
        spine = []
        for part in range(25):
            t = part / 24
            wander = t + 0.07 * math.sin(6.3 * t)
            spine.append((x - away * sway * wander, y + sway * (0.5 * t**0.85 + 0.06 * math.sin(5.0 * t))))
        spine.append((spine[-1][0], bottom))
        end = skyline[-1]
        far = [
            (end[0] + away * lift * 0.9 * part / 8, end[1] + (bottom - end[1]) * (part / 8) ** 1.3) for part in range(9)
        ]
        face = [*skyline, *far, *spine[::-1]]
        grown = [
            (x - away * lift * 2, y - lift),
            *[(px, py - lift) for px, py in skyline],
            *far,
            (x - away * lift * 4, bottom),
        ]
        faces.append((face, grown))
    return faces


def _ripples(stage: Stage, rng: random.Random, field: Image.Image, near: float) -> Image.Image:
    tile = noise.fractal(rng, (256, 256), (6, 60), 2, 0.5)
    lines = plane(tile, stage, 2.0 + 2.5 * near, size=stage.half).point(noise.linear(0.16, 108))
    return light.textured(field, lines)


def plane(texture: Image.Image, stage: Stage, ratio: float, *, size: noise.Size | None = None) -> Image.Image:
    """An L texture laid on the ground from the horizon to the viewer; above the horizon it is level 128."""
    width, height = size or stage.size
    horizon = min(height - 1, max(0, round(stage.horizon * height)))
    depth = height - horizon
    canvas = Image.new("L", (width, height), 128)
    margin = depth / (ratio - 1.0)
    total = depth + margin
    across = texture.width - 4
    scale = across * margin / width
    reach = (texture.height - 4) / (1.0 / margin - 1.0 / total)
    start = texture.height - 2 + reach / total - reach / margin
    # y counts from the horizon; the denominator y + margin is scaled to end in + 1.
    coefficients = (
        scale / margin,
        texture.width / 2 / margin,
        (texture.width / 2 * margin - width / 2 * scale) / margin,
        0.0,
        start / margin,
        (start * margin + reach) / margin,
        0.0,
        1.0 / margin,
    )
    ground = texture.transform((width, depth), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
    canvas.paste(ground, (0, horizon))
    return canvas


def mesas(stage: Stage, image: Image.Image, material: Colour) -> Image.Image:
    """Table mountains with layered walls in several distances."""
    width, height = stage.size
    rng = stage.rng("mesas")
    for index in range(4):
        near = index / 3
        distance = (1.0 - near) * 0.78
        y = stage.horizon_px + height * (0.02 + 0.2 * near**1.4)
        line: Line = [(-4.0, y)]
        x = -width * 0.05
        while x < width * 1.05:
            gap = width * (0.05 + 0.16 * rng.random())
            broad = width * (0.04 + 0.12 * rng.random()) * (0.6 + 0.7 * near)
            tall = height * (0.08 + 0.2 * rng.random()) * (0.75 + 0.5 * near)
            if near > 0.9 and x < width * 0.5:  # room for the title
                tall *= 0.25
            x += gap * 0.6
            foot = tall * 0.4
            rough = [(rng.random() - 0.5) * tall * 0.05 for _ in range(4)]
            line += [
                (x - foot * 1.2, y),
                (x - foot * 0.35, y - tall * 0.42),
                (x, y - tall * 0.46),
                (x + tall * 0.05, y - tall * 0.93 + rough[0]),
            ]
            line += [
                (x + broad * 0.3, y - tall + rough[1]),
                (x + broad * 0.7, y - tall * 0.98 + rough[2]),
                (x + broad, y - tall * 0.94 + rough[3]),
            ]
            line += [
                (x + broad + tall * 0.04, y - tall * 0.47),
                (x + broad + foot * 0.4, y - tall * 0.42),
                (x + broad + foot * 1.3, y),
            ]
            x += broad + foot * 1.3
        line.append((width + 4.0, y))
        fine = _roughened(rng, line, height * 0.004)
        colour = stage.air(material, distance)
        lit = mix(colour, under_light(material, stage.palette.light), 0.45)
        top = min(point[1] for point in fine)
        field = wash(stage, lit, mix(colour, stage.palette.haze, 0.35 * distance), top, y, sun=0.35 * distance)
        small = (max(2, width // 2), max(2, height // 2))
        strata = noise.fractal(rng, small, (2, 46), 3, 0.6)
        flutes = noise.fractal(rng, small, (90, 3), 3, 0.6)
        texture = Image.blend(strata, flutes, 0.25).point(noise.linear(0.34 - 0.2 * distance, 84 + 26 * distance))
        field = light.textured(field, texture)
        image = light.lay(image, field, mask_below(stage, fine))
        image = mist(stage, image, y + height * 0.03, height * 0.06, 0.35 * distance + 0.08, f"mesa{index}")
    return image


def _roughened(rng: random.Random, line: Line, amount: float) -> Line:
    fine: Line = []
    for (x0, y0), (x1, y1) in itertools.pairwise(line):
        parts = max(1, min(14, int(math.hypot(x1 - x0, y1 - y0) / max(1.0, amount * 3))))
        fine += [
            (
                x0 + (x1 - x0) * part / parts + (rng.random() - 0.5) * amount,
                y0 + (y1 - y0) * part / parts + (rng.random() - 0.5) * amount,
            )
            for part in range(parts)
        ]
    return [*fine, line[-1]]


def meadow(stage: Stage, image: Image.Image, material: Colour, *, flowers: Sequence[Colour] = ()) -> Image.Image:
    """Rolling grass to the horizon with a light wind in it, blades and flowers in front."""
    height = stage.height_px
    rng = stage.rng("meadow")
    palette = stage.palette
    count = 5
    for index in range(count):
        near = index / (count - 1)
        distance = (1.0 - near) ** 1.2 * 0.75
        y = stage.horizon_px + height * (0.02 + (0.96 - stage.horizon) * 0.6 * near**1.3)
        lift = height * (0.075 + 0.045 * near)
        heights = noise.profile(rng, points_for(stage, 8.0), 1.3 + 1.6 * (1.0 - near) + rng.random(), 2, 0.3)
        line = outline(stage, heights, y, lift)
        hue = mix(material, rgb("8a9a3c"), 0.5 * rng.random())
        lit = mix(stage.air(hue, distance), under_light(hue, palette.light), 0.5 if not stage.night else 0.1)
        top = min(point[1] for point in line)
        field = wash(
            stage,
            mix(lit, palette.light, 0.12),
            mix(stage.air(times(hue, 0.55), distance), palette.ground, 0.25 + 0.3 * near),
            top,
            y + height * (0.1 + 0.2 * near),
            sun=0.3,
        )
        texture = plane(noise.fractal(rng, (1024, 512), (130, 30), 3, 0.7), stage, 6.0, size=stage.half).point(
            noise.linear(0.17, 106)
        )
        field = light.textured(field, texture)
        image = light.lay(image, field, mask_below(stage, line))
        if index == 1 or (index == 2 and rng.random() < 0.6):  # woods stand in the middle distance
            image = copse(stage, image, rng, line, distance)
    return blades(stage, image, rng, material, flowers)


def _refined(line: Line, parts: int) -> Line:
    """The line with `parts` points for each."""
    return [
        (x0 + (x1 - x0) * part / parts, y0 + (y1 - y0) * part / parts)
        for (x0, y0), (x1, y1) in itertools.pairwise(line)
        for part in range(parts)
    ]


def copse(stage: Stage, image: Image.Image, rng: random.Random, line: Line, distance: float) -> Image.Image:
    """Round tree tops along parts of a line."""
    height = stage.height_px
    spots: list[tuple[float, float, float]] = []
    run = 0.0
    for x, y in _refined(line, 3):
        if run <= 0 and rng.random() < 0.03:
            run = 12 + 50 * rng.random()
        if run > 0:
            spots.append((x, y + height * 0.004, height * (0.018 + 0.02 * rng.random()) * (1.25 - distance)))
            run -= 1
    spots.sort(key=lambda spot: spot[1])
    return crowns(stage, image, rng, spots, leaves(stage)[:4], distance)


def blades(
    stage: Stage, image: Image.Image, rng: random.Random, material: Colour, flowers: Sequence[Colour]
) -> Image.Image:
    """Grass standing up against the picture's lower edge, flowers in it."""
    width, height = stage.size
    shapes: list[tuple[Line, float]] = []
    for _ in range(max(40, min(420, width // 4))):
        x = rng.random() * width
        depth = rng.random()
        tall = height * (0.05 + 0.1 * rng.random()) * (0.55 + 0.45 * depth)
        root = height * (1.03 - 0.035 * (1.0 - depth))
        lean = (rng.random() - 0.4) * tall * 0.6
        thick = max(0.8, height * 0.0022)
        shapes.append(
            (
                [
                    (x - thick, root),
                    (x + lean * 0.4, root - tall * 0.6),
                    (x + lean, root - tall),
                    (x + lean * 0.4 + thick, root - tall * 0.55),
                    (x + thick, root),
                ],
                depth,
            )
        )
    dark = mix(stage.palette.ground, under_light(times(material, 0.45), stage.palette.low), 0.35)
    for low, high, tone in ((0.0, 0.5, mix(dark, stage.palette.haze, 0.12)), (0.5, 1.01, times(dark, 0.7))):
        mask = light.polygons(stage.size, [points for points, depth in shapes if low <= depth < high])
        image = light.lay(image, tone, mask)
    if flowers:
        image = _petals(stage, image, rng, flowers)
    return image


def _petals(stage: Stage, image: Image.Image, rng: random.Random, flowers: Sequence[Colour]) -> Image.Image:
    width, height = stage.size
    by_colour: list[list[tuple[float, float, float]]] = [[] for _ in flowers]
    for _ in range(520):
        near = rng.random() ** 0.7
        y = height * (stage.horizon + 0.12 + (0.97 - stage.horizon - 0.12) * near)
        x = rng.random() * width
        if x < width * 0.5 and rng.random() < 0.6:  # fewer where the title stands
            continue
        by_colour[int(rng.random() * len(flowers)) % len(flowers)].append(
            (x, y, height * (0.0012 + 0.0048 * near**2.2))
        )
    for tone, spots in zip(flowers, by_colour, strict=True):

        def draw(pencil: ImageDraw.ImageDraw, scale: int, spots: list[tuple[float, float, float]] = spots) -> None:
            for x, y, radius in spots:
                pencil.ellipse(
                    (
                        (x - radius) * scale,
                        (y - radius * 0.75) * scale,
                        (x + radius) * scale,
                        (y + radius * 0.75) * scale,
                    ),
                    fill=225,
                )

        image = light.lay(
            image, mix(under_light(tone, stage.palette.light), stage.palette.light, 0.15), light.shape(stage.size, draw)
        )
    return image


# --- woods ----------------------------------------------------------------------------------------------------------


def conifer(rng: random.Random, x: float, root: float, tall: float) -> Line:
    """The outline of one pine, `tall` pixels high."""
    tiers = 9 + int(rng.random() * 5)
    broad = tall * (0.16 + 0.07 * rng.random())
    left: Line = []
    right: Line = []
    for tier in range(1, tiers + 1):
        share = tier / tiers
        y = root - tall * (1.0 - 0.9 * share)
        out = broad * share**0.85
        for side, points in ((-1.0, left), (1.0, right)):
            tip = out * (0.75 + 0.5 * rng.random())
            points.append((x + side * tip, y + tall * 0.018 * rng.random()))
            points.append((x + side * tip * 0.38, y - tall * 0.014))
    trunk = tall * 0.014
    return [
        (x, root - tall),
        *right,
        (x + trunk, root - tall * 0.06),
        (x + trunk, root),
        (x - trunk, root),
        (x - trunk, root - tall * 0.06),
        *left[::-1],
    ]


def pines(
    stage: Stage,
    image: Image.Image,
    *,
    y_px: float,
    tall_px: float,
    distance: float,
    name: str,
    density: float = 1.0,
    clearing: tuple[float, float] | None = None,
    material: Colour | None = None,
) -> Image.Image:
    """A row of pines on a rolling line. Between the fractions of `clearing` they stay small."""
    width, height = stage.size
    rng = stage.rng("pines" + name)
    heights = noise.profile(rng, 48, 1.6 + rng.random(), 3, 0.4)
    clumps = noise.profile(rng, 48, 6.0, 3, 0.6)
    count = min(150, round(width / max(3.0, tall_px * 0.13) * density))
    shapes: list[Line] = []
    for index in range(count):
        place = (index + rng.random()) / count
        slot = min(47, int(place * 48))
        root = y_px - tall_px * 0.35 * (heights[slot] - 0.5) + tall_px * 0.1 * rng.random()
        tall = tall_px * (0.45 + 0.35 * rng.random() + 0.35 * clumps[slot])
        if clearing and clearing[0] < place < clearing[1]:
            inside = math.sin(math.pi * (place - clearing[0]) / (clearing[1] - clearing[0]))
            tall *= 1.0 - 0.62 * inside
        shapes.append(conifer(rng, place * width * 1.04 - width * 0.02, root, tall))
    ground = [
        (width * (index / 47 * 1.04 - 0.02), y_px - tall_px * 0.35 * (value - 0.5) - tall_px * 0.02)
        for index, value in enumerate(heights)
    ]
    mask = light.polygons(stage.size, [[(ground[0][0], height + 4.0), *ground, (ground[-1][0], height + 4.0)], *shapes])
    tone = stage.air(material or rgb("20382c"), distance)
    foot = mix(tone, stage.palette.haze, 0.25 + 0.55 * distance)
    field = wash(stage, tone, foot, y_px - tall_px * 0.7, y_px + tall_px * 0.35, sun=0.45 * distance)
    return light.lay(image, field, mask)


def leafy(
    stage: Stage,
    image: Image.Image,
    *,
    y_px: float,
    tall_px: float,
    distance: float,
    name: str,
    tones: Sequence[Colour],
    density: float = 1.0,
) -> Image.Image:
    """A row of broad-leaved trees: many small tufts, lit from the side of the light."""
    width = stage.width_px
    rng = stage.rng("leafy" + name)
    palette = stage.palette
    heights = noise.profile(rng, 64, 2.0 + rng.random(), 3, 0.45)
    count = min(90, round(width / max(4.0, tall_px * 0.32) * density))
    ground_line = [
        (width * (index / 63 * 1.04 - 0.02), y_px - tall_px * 0.3 * (value - 0.5))
        for index, value in enumerate(heights)
    ]
    base = mix(stage.air(times(tones[0], 0.35), distance), palette.ground, 0.4 * (1 - distance))
    image = light.lay(
        image,
        wash(stage, base, mix(base, palette.haze, 0.6 * distance), y_px, y_px + tall_px, sun=0.1),
        mask_below(stage, ground_line),
    )
    spots = []
    for index in range(count):
        place = (index + rng.random()) / count
        slot = min(63, int(place * 64))
        size = tall_px * (0.45 + 0.4 * rng.random())
        spots.append((place * width * 1.04 - width * 0.02, y_px - tall_px * 0.3 * (heights[slot] - 0.5), size))
    return crowns(stage, image, rng, spots, tones, distance)


def crowns(
    stage: Stage,
    image: Image.Image,
    rng: random.Random,
    spots: Sequence[tuple[float, float, float]],
    tones: Sequence[Colour],
    distance: float,
) -> Image.Image:
    """Broad trees, lit from the light's side; each spot is (x, foot, height) in pixels, far ones first."""
    if not spots:
        return image
    # A few trees are painted large and stamped in all sizes.
    side_px = max(12, min(400, round(max(size for _, _, size in spots))))
    kinds = 6 if distance < 0.3 else 4
    stamps = [_stamp(stage, rng, tone, distance, side_px) for tone in tones[:kinds]]
    for x, foot, size in spots:
        colours, mask = stamps[int(rng.random() * len(stamps)) % len(stamps)]
        wide = max(2, round(size * (0.85 + 0.3 * rng.random())))
        tall = max(2, round(size))
        if rng.random() < 0.5 and stage.night:
            colours, mask = (part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for part in (colours, mask))
        sized = colours.resize((wide, tall), Image.Resampling.BILINEAR)
        image.paste(
            sized, (round(x - wide / 2), round(foot - tall)), mask.resize((wide, tall), Image.Resampling.BILINEAR)
        )
    return image


def _stamp(
    stage: Stage, rng: random.Random, hue: Colour, distance: float, side_px: int
) -> tuple[Image.Image, Image.Image]:
    """One tree as colours and mask, `side_px` square: trunk, heaps of leaves, the lit ones on top."""
    palette = stage.palette
    scale = 2
    full = side_px * scale
    side = 1.0 if stage.light[0] > 0.5 else -1.0
    dark = mix(stage.air(times(hue, 0.2), distance), palette.ground, 0.4 * (1 - distance))
    canvas = Image.new("RGBA", (full, full), (*whole(dark), 0))
    pencil = ImageDraw.Draw(canvas)
    trunk = full * 0.022
    pencil.polygon(
        [
            (full / 2 - trunk * 1.5, full),
            (full / 2 - trunk, full * 0.5),
            (full / 2 + trunk, full * 0.5),
            (full / 2 + trunk * 1.5, full),
        ],
        fill=(*whole(dark), 255),
    )
    heaps = [(0.5, 0.36, 0.27)]
    for _ in range(7):
        angle = rng.random() * 2 * math.pi
        heaps.append((0.5 + math.cos(angle) * 0.21, 0.44 + math.sin(angle) * 0.17, 0.12 + 0.07 * rng.random()))
    tufts = []
    for x, y, reach in heaps:
        for _ in range(round((170 + 2.6 * side_px) * reach)):
            angle, out = rng.random() * 2 * math.pi, math.sqrt(rng.random())
            px, py = x + math.cos(angle) * out * reach, y + math.sin(angle) * out * reach * 0.85
            local = (math.cos(angle) * side * 0.55 - math.sin(angle) * 0.85) * out
            wider = (px - 0.5) * side * 0.9 - (py - 0.44) * 1.3
            tufts.append((max(0.0, min(1.0, 0.36 + 0.3 * local + 0.75 * wider + 0.22 * (rng.random() - 0.5))), px, py))
    tufts.sort()
    warm = 0.75 * (0.15 if stage.night else 1.0)
    shades = []
    for step in range(12):
        facing = step / 11
        tone = mix(times(hue, 0.24), hue, facing**0.9)
        tone = mix(stage.air(tone, distance), under_light(tone, palette.light), warm * facing)
        shades.append(whole(mix(mix(tone, palette.light, 0.16 * facing * warm), palette.haze, 0.42 * distance)))
    for facing, px, py in tufts:
        radius = full * (0.016 + 0.02 * rng.random()) * (1.0 if side_px < 200 else 0.75)
        x, y = px * full, py * full
        box = (x - radius * 1.25, y - radius * 0.85, x + radius * 1.25, y + radius * 0.85)
        pencil.ellipse(box, fill=(*shades[min(11, int(facing * 12))], 255))
    small = canvas.reduce(scale)
    return small.convert("RGB"), small.getchannel("A")


AUTUMN: tuple[Colour, ...] = tuple(rgb(part) for part in ("c8541c", "d98a22", "a83a1a", "e0b030", "8a5a22", "6a6a2a"))
GREENS: tuple[Colour, ...] = tuple(rgb(part) for part in ("3c6a34", "4f7a30", "2c5a3a", "6a8a38"))


def leaves(stage: Stage) -> tuple[Colour, ...]:
    """The colours of the season's trees."""
    if "autumn" in stage.said.season:
        return AUTUMN
    if "spring" in stage.said.season:
        return (*GREENS, rgb("e8a8b8"), rgb("a8c060"))
    if "winter" in stage.said.season:
        return (rgb("6a7078"), rgb("868c96"))
    return tuple(saturate(tone, 0.9) for tone in GREENS)
