"""Abstract pictures: paper, glass, cloth, threads, stones and walls, lit from the upper right."""

import itertools
import math
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import mix, times, whole
from mkdocs_leonardo.painter.light import Point, Size
from mkdocs_leonardo.painter.material import cast, ground, opening, rimmed, rounded, sheet, solid, sunk
from mkdocs_leonardo.painter.stage import Stage
from mkdocs_leonardo.painter.words import Reading, table

Knot = tuple[int, Point, float]

_CUBIC = Image.Resampling.BICUBIC
#: The corners of a block that is seen from one of them: left, back, right, front, and the feet of three.
_BLOCK = ((-1, 0.0), (0, -0.5), (1, 0.0), (0, 0.5), (-1, 3.0), (0, 3.5), (1, 3.0))


def papercut(stage: Stage, form: str) -> Image.Image:
    """Paint layers of paper: openings one in the other, strata that climb to one corner, or outlines alone."""
    rng, grid, lined = stage.rng("papercut"), (64, 36), form == "contours"
    image = ground(stage, 0.45, 0.45) if lined else ground(stage, 0.2)
    rough, bumps = light.fractal(rng, grid, (3.2, 2.2), 2, 0.35).tobytes(), 0.14 if form == "strata" else 0.62
    x0, y0, rising = 0.7 + 0.14 * rng.random(), 0.26 + 0.28 * rng.random(), form != "hollows" or rng.random() < 0.4
    flat, slant = 1.3 + 0.6 * rng.random(), (rng.random() - 0.5) * 1.2
    field = Image.new("F", grid)
    for index, value in enumerate(rough):
        u, v = (index % 64) / 63 - x0, ((index // 64) / 35 - y0) * 0.56
        bow = math.hypot(u - 0.6 + 0.3 * slant, 1.6 * v + 0.5)  # from beyond the upper right
        far = bow * 0.72 - 0.1 if form == "strata" else math.hypot(u + slant * v, v * flat)
        field.putpixel((index % 64, index // 64), 215.0 - 255.0 * far + bumps * (value - 128))
    count = 13 if lined else 6 + int(rng.random() * 3) + 3 * (form == "strata")
    for index in range(count):
        share = index / (count - 1)
        mask = light.above(field, stage.size, 40.0 + 165.0 * share, 500.0 / stage.size[0])
        tone = 0.16 + 0.72 * share if rising else (0.62 - 0.5 * share if share < 1 else 0.95)
        if lined:
            image = light.lay(image, stage.tone(tone), mask.point(light.linear(0.1)))
            line = ImageChops.lighter(light.edge(mask, 2, -2), light.edge(mask, -1, 1))
            image = light.lay(image, stage.tone(0.6 + 0.4 * share), line.point(light.linear(0.85)))
        else:
            image = opening(stage, image, mask, tone, 0.012 if rising else 0.026)
    return image


def fan(stage: Stage, leaves: int, plump: float, long: float) -> Image.Image:
    """Paint leaves about one point, each lying on the next: plump ones, or slim ones that reach beyond the picture."""
    rng, (width, height), image = stage.rng("fan"), stage.size, ground(stage, 0.5)
    # Rising from below, reaching in from the right, hanging from above: pivot, first and last angle in degrees.
    kinds = ((0.66, 1.12, 165, 20), (1.04, 0.75, 200, 80), (0.74, -0.14, -160, -35))
    px, py, first, last = kinds[int(rng.random() * 3) % 3]
    pivot = (width * (px + 0.1 * rng.random()), height * (py + 0.1 * rng.random()))
    count, long = leaves + int(rng.random() * 5), height * long * (1.0 + 0.2 * rng.random())
    plump, tip = plump * (0.8 + 0.4 * rng.random()), 0.7 + 0.8 * rng.random()
    for index in range(count):
        share = index / (count - 1)
        angle = math.radians(first + (last - first) * share)
        reach = long * (0.72 + 0.28 * math.sin(math.pi * (0.15 + 0.7 * share)))
        cos, sin = math.cos(angle), -math.sin(angle)
        sides: tuple[list[Point], list[Point]] = ([], [])
        for part in range(33):
            t = part / 32
            wide, aside = reach * plump * math.sin(math.pi * t**tip) ** 0.8, 0.1 * reach * t * t
            x, y = pivot[0] + cos * reach * t - sin * aside, pivot[1] + sin * reach * t + cos * aside
            sides[0].append((x - sin * wide, y + cos * wide))
            sides[1].append((x + sin * wide, y - cos * wide))
        image = sheet(stage, image, [*sides[0], *sides[1][::-1]], 0.2 + 0.6 * share, 0.02, 0.17, 0.35)
    return image


def folds(stage: Stage, grid: Size, slant: Point, angle: float) -> Image.Image:
    """Paint a sheet of paper folded along a grid into facets, long pleats or chevrons, lit from one side."""
    rng, (width, height) = stage.rng("folds"), stage.size
    columns, rows = (count + int(rng.random() * count * 0.6) for count in grid)
    reach = math.hypot(width, height) * 1.16
    across, down = reach / columns, reach / rows * (1 if slant[0] else 3)
    slide, zig = across * slant[0] * (0.6 + 0.8 * rng.random()), down * slant[1] * (0.6 + 0.8 * rng.random())
    turned = math.radians(angle + 50 * (rng.random() - 0.5))
    drift = light.profile(rng, columns + 3, 2.5, 2), light.profile(rng, rows + 3, 2.5, 2)

    def corner(i: int, j: int) -> Point:
        x = (i - columns / 2 + 0.7 * (drift[0][i + 1] - 0.5)) * across + (j % 2) * slide
        y = (j - rows / 2 + 0.7 * (drift[1][j + 1] - 0.5)) * down + (i % 2) * zig
        cos, sin = math.cos(turned), math.sin(turned)
        return width + (x * cos - y * sin) * 2, height + (x * sin + y * cos) * 2

    canvas, pencil = light.canvas("RGB", (width * 2, height * 2))
    for i in range(-1, columns + 1):
        for j in range(-1, rows + 1):
            points = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)]
            x, y = sum(p[0] for p in points) / 8, sum(p[1] for p in points) / 8
            far = math.hypot(x - stage.lamp[0] * width, (y - stage.lamp[1] * height) * 1.25)
            near = max(0.0, 1.0 - far / (width * 0.95)) if slant[0] else 0.35
            facing = ((0.34, 0.22), (0.1, 0.0))[i % 2][j % 2 if slant[0] else 0] * (0.5 + 0.8 * near)
            level = 0.06 + 0.22 * stage.lift + facing + 0.46 * near**1.3 + 0.05 * rng.random()
            pencil.polygon(points, fill=whole(stage.tone(level)))
    image = canvas.reduce(2)
    veil = light.fractal(rng, stage.part(4), (4, 3), 2, 0.4) if slant[1] else stage.lamplight(1.15, 1.1)
    veil = veil.point(light.linear(0.35, 84) if slant[1] else light.linear(0.6, 40))
    image = light.textured(image, veil.resize(stage.size, _CUBIC))
    # A crease takes the light on one side and keeps the other dark.
    return Image.blend(light.blurred(image, height / (90 if slant[0] else 16)), image, 1.28 if slant[0] else 1.7)


def panes(stage: Stage, form: str) -> Image.Image:
    """Paint sheets or shards of frosted glass in front of lights that are out of focus."""
    rng, (width, height), image = stage.rng("panes"), stage.size, ground(stage, 0.85)
    for _ in range(5):
        x, y, far = width * (0.125 + rng.random() / 8), height * rng.random() / 5, height * (0.06 + rng.random() / 10)
        lamp = light.halo(stage.part(4), (x, y), (far, far), 0.8)
        image = light.lay(image, stage.tone(0.5 + 0.45 * rng.random()), lamp)
    lean, count, is_upright = height * (rng.random() - 0.35) * 0.7, 4 + int(rng.random() * 3), rng.random() < 0.6
    for index in range(count):
        share, odd, (a, b, c) = (index + 0.6 * rng.random()) / count, index % 2, (rng.random() for _ in range(3))
        x, y, wide = width * (0.36 + 0.62 * share), height * (0.1 + 0.8 * share), width * (0.09 + 0.12 * b)
        if form == "shards":
            places = [(6.3 * b + angle, height * (0.3 + 0.3 * c)) for angle in (0, 2.5, 4.5)]
            shape = [(x + math.cos(k) * far, height * (0.2 + 0.6 * a) + math.sin(k) * far * 1.2) for k, far in places]
        elif is_upright:
            top, foot = height * (0.5 * a * odd - 0.1), height * (1.1 - 0.3 * c * (1 - odd))
            shape = [(x, top), (x + wide, top), (x + wide - lean, foot), (x - lean, foot)]
        else:
            x, right = width * (0.3 + 0.3 * a), width * 1.1
            shape = [(x, y), (right, y - lean), (right, y - lean + wide * 0.7), (x - lean * 0.3, y + wide * 0.7)]
        image = cast(stage, image, [shape], 0.03)
        frosted = light.blurred(image.reduce(4), height / 110)
        frosted = Image.blend(frosted, Image.new("RGB", frosted.size, whole(stage.tone(0.45 + 0.3 * share))), 0.26)
        frosted = light.lay(frosted, stage.tones[4], light.slope(frosted.size, ((0.0, 96), (0.5, 22), (1.0, 0))))
        mask = light.polygons(stage.size, [shape])
        image = rimmed(stage, light.lay(image, frosted, mask), mask, 1.0)
    return image


def silk(stage: Stage, bands: int, *, hanging: bool) -> Image.Image:
    """Paint bands of cloth that flow across the picture, or hang from above, and twist."""
    rng, image = stage.rng("silk"), ground(stage, 0.6)
    rise = 0.15 + 0.5 * rng.random()
    for index in range(bands + int(rng.random() * 2)):
        rows, twists = _band(stage, index, rise)
        if hanging:
            ratio = stage.size[0] / stage.size[1]
            rows = [[((y * 0.75 + stage.size[1] * 0.1) * ratio, x / ratio) for x, y in row] for row in rows]
        low, steps, strips = 0.3 + 0.12 * index, len(rows) - 1, len(rows[0]) - 1
        colours, pencil = light.canvas("RGB", stage.part(4), whole(stage.tone(low)))
        for step in range(steps):
            along = stage.tone(low + 0.16 * step / steps)
            for strip in range(strips):
                bend = math.sin(twists[step] + 3.4 * strip / strips)
                away, share = (stage.tones[4], 0.6 * bend**3) if bend > 0 else (stage.tones[0], -0.68 * bend)
                corners = (*rows[step][strip : strip + 2], *rows[step + 1][strip : strip + 2][::-1])
                pencil.polygon([(x / 4, y / 4) for x, y in corners], fill=whole(mix(along, away, share)))
        outline = [row[0] for row in rows] + [row[-1] for row in rows[::-1]]
        mask, cloth = light.polygons(stage.size, [outline]), light.blurred(colours, max(0.8, stage.size[0] / 700))
        image = light.lay(cast(stage, image, [outline], 0.03), cloth, mask)
        image = rimmed(stage, image, mask, 0.95)
    return image


def _band(stage: Stage, index: int, rise: float) -> tuple[list[list[Point]], list[float]]:
    rng, (width, height) = stage.rng(f"band{index}"), stage.size
    start, broad = 0.58 + 0.15 * index + 0.1 * rng.random(), height * (0.1 + 0.1 * rng.random()) * (0.85 + 0.3 * index)
    slow, fast, twist = 0.5 + 0.8 * rng.random(), 1.4 + 1.2 * rng.random(), 3 + 5.5 * rng.random()
    phase, begin = rng.random() * 6.3, rng.random() * 6.3
    rows, twists = [], []
    for step in range(91):
        t = step / 90
        sway = 0.15 * math.sin(6.3 * slow * t + phase) + 0.05 * math.sin(6.3 * fast * t + begin)
        x, y, angle = width * (t * 1.16 - 0.08), height * (start - rise * t**1.3 + sway), twist * t + begin
        reach = broad * (0.28 + 0.72 * abs(math.cos(angle / 2)))
        skew = reach * 0.25 * math.sin(angle)
        rows.append([(x - skew * (1 - s / 5), y + reach * (0.155 * s - 1)) for s in range(11)])
        twists.append(angle)
    return rows, twists


def flutes(stage: Stage, count: int, *, upright: bool) -> Image.Image:
    """Paint lights behind slats or fluted glass; each slat or flute has its own small view of the lights."""
    rng, small = stage.rng("flutes"), stage.part(2)
    image = ground(stage, 0.5).resize(small, Image.Resampling.BILINEAR)
    for index in range(5):
        x, y = small[0] * (0.42 + 0.55 * rng.random()), small[1] * (-0.1 + 0.9 * rng.random())
        radii = (small[0] * (0.06 + 0.14 * rng.random()), small[1] * (0.3 + 0.5 * rng.random()))
        image = light.lay(image, stage.tone(0.35 + 0.15 * index), light.halo(small, (x, y), radii, 0.7, 230))
    image = image.rotate(-12 + 24 * rng.random(), Image.Resampling.BILINEAR, fillcolor=whole(stage.tone(0.1)))
    image = image if upright else image.transpose(Image.Transpose.ROTATE_270)
    count, (long, tall), result = count + int(rng.random() * count), image.size, Image.new("RGB", image.size)
    for flute in range(count):
        left, right = round(long * flute / count), round(long * (flute + 1) / count)
        reach = (right - left) * 2.3
        box = (max(0.0, left - reach), 0.0, min(float(long), right + reach), float(tall))
        strip = image.resize((max(1, right - left), tall), Image.Resampling.BOX, box=box)
        result.paste(strip.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (left, 0))
    relief = Image.frombytes("L", (count * 8, 1), bytes((70, 104, 124, 132, 138, 148, 166, 120)) * count)
    relief = relief.resize(stage.size if upright else stage.size[::-1], _CUBIC)
    result = light.textured(result.resize(relief.size, _CUBIC), relief)
    return result if upright else result.transpose(Image.Transpose.ROTATE_90)


def weave(stage: Stage, share: float, open_share: float) -> Image.Image:
    """Paint bands woven over and under each other, leaning back into the picture."""
    rng, (width, height) = stage.rng("weave"), stage.size
    pitch, period = round(height * share * (0.6 + 0.8 * rng.random())) + 1, 2 + int(rng.random() * 2)  # plain, or twill
    tile = Image.new("RGB", (pitch * period, pitch * period), whole(times(stage.tones[0], 0.5)))
    gap, tones = max(1, round(pitch * open_share)), (0.3 + 0.12 * rng.random(), 0.58 + 0.16 * rng.random())
    for i in range(period):
        for j in range(period):
            # Across a band light falls as on a low vault, and along it the ends dip under the next one.
            on_top = (i + j) % period != 0
            vault = light.slope((pitch, pitch), ((0.0, 40), (0.3, 235), (0.55, 190), (1.0, 30)), across=not on_top)
            dip = light.slope((pitch, pitch), ((0.0, 110), (0.3, 255), (0.7, 255), (1.0, 110)), across=on_top)
            dark, lit = stage.tone(tones[on_top] - 0.28), stage.tone(tones[on_top] + 0.2)
            face = light.two_tone(dark, lit, ImageChops.multiply(vault, dip))
            box = (0, gap, pitch, pitch - gap) if on_top else (gap, 0, pitch - gap, pitch)
            tile.paste(face.crop(box), (i * pitch + box[0], j * pitch + box[1]))
    reach = round(math.hypot(width, height) * 1.5)
    cloth = light.repeated(tile, (reach, reach))
    turned, bend, middle = math.radians(-50 + 75 * rng.random()), (-0.25 - 0.4 * rng.random()) / height, reach / 2
    cos, sin, x0, y0, scale = math.cos(turned), math.sin(turned), width / 2, height / 2, 1.0 - bend * height / 2
    # The plane's own coordinates are those of the picture, turned about the middle and divided by the distance.
    first = (cos, middle * bend - sin, middle - cos * x0 + sin * y0 - middle * bend * y0)
    second = (sin, middle * bend + cos, middle - sin * x0 - cos * y0 - middle * bend * y0)
    plane = [value / scale for value in (*first, *second, 0.0, bend)]
    image = cloth.transform(stage.size, Image.Transform.PERSPECTIVE, plane, _CUBIC)
    return sunk(stage, image, 1.0, 0.9)


def flow(stage: Stage, slope: float, sway: float) -> Image.Image:
    """Paint many fine threads that follow one current, or hang and swing."""
    rng, (width, height), image = stage.rng("flow"), stage.size, ground(stage, 0.5, 0.45)
    draws = [[rng.random() for _ in range(4)] for _ in range(3)]
    waves = [(a * 6.3, 2 + 4 * b, 1.6 + 3.5 * c, sway * (0.5 + d)) for a, b, c, d in draws]
    slope += 0.7 * (rng.random() - 0.5)
    for depth, count, thick in ((0, 60, 0.02), (1, 260, 0.002)):
        layer, pencil = light.canvas("RGB", stage.size)
        for _ in range(count):
            x, y, points = 0.15 + 1.0 * rng.random(), -0.2 + 1.3 * rng.random(), []
            level = (0.25 + 0.75 * rng.random() ** 2) * (1.0 if depth else 0.4) * max(0.12, min(1.0, x - 0.1))
            fill = whole(times(stage.tone(0.3 + 0.65 * rng.random()), level))
            for _ in range(34):
                angle = slope + sum(weight * math.sin(u * x + v * y + phase) for phase, u, v, weight in waves)
                x, y = x - 0.018 * math.cos(angle), y - 0.03 * math.sin(angle)
                points.append((x * width, y * height))
            pencil.line(points, fill=fill, width=max(1, round(height * thick * (0.5 + rng.random()))), joint="curve")
        fine = ImageChops.screen(light.blurred(layer, 0.6), light.blurred(layer, height / 80)) if depth else layer
        image = light.shine(image, fine if depth else light.blurred(layer, height / 60))
    return image


def sweep(stage: Stage) -> Image.Image:
    """Paint broad arcs of light that gather speed towards the upper right."""
    rng, (width, height), image = stage.rng("sweep"), stage.size, ground(stage, 0.6)
    source = (width * (0.3 * rng.random() - 0.25), height * (0.45 + 0.6 * rng.random()))
    knee = (width * (0.3 + 0.4 * rng.random()), height * (0.35 + 0.75 * rng.random()))
    far = (width * (0.85 + 0.3 * rng.random()), height * (0.5 * rng.random() - 0.3))
    for count, thick, gain in ((9, 0.11, 0.24), (13, 0.05, 0.28), (44, 0.006, 0.68)):
        layer, pencil = light.canvas("RGB", stage.size)
        for strand in range(count):  # thin where they begin, broad and further apart where they end
            spread, reach = strand / (count - 1) - 0.5, height * thick * (0.25 + 0.75 * rng.random() ** 2)
            tone = times(stage.tone(0.35 + 0.6 * rng.random()), gain * (0.2 + 0.75 * rng.random() ** 1.6))
            lift, curve = height * (0.05 * rng.random() - 0.3 * spread), []
            for t in (step / 40 for step in range(41)):
                a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t  # a quadratic Bézier curve
                x = a * source[0] + b * (knee[0] + width * 0.16 * spread) + c * (far[0] + width * 0.05 * spread)
                y = a * source[1] + b * (knee[1] + lift) + c * (far[1] - height * 0.5 * spread)
                curve.append((x, y, reach * (0.06 + 1.1 * t)))
            edges = [(x, y - half) for x, y, half in curve] + [(x, y + half) for x, y, half in curve[::-1]]
            pencil.polygon(edges, fill=whole(tone))
        image = light.shine(image, light.blurred(layer.reduce(2), 0.6))
        image = light.shine(image, light.gain(light.blurred(layer.reduce(4), height / 280), 1.25))
    return image


def orbits(stage: Stage) -> Image.Image:
    """Paint lines of light on their ways about one point."""
    rng, (width, height), image = stage.rng("orbits"), stage.size, ground(stage, 0.6)
    x, y, flat = width * (0.72 + 0.14 * rng.random()), height * (0.3 + 0.3 * rng.random()), 0.35 + 0.5 * rng.random()
    layer, pencil = light.canvas("RGB", (width * 2, height * 2))
    for ring in range(46):
        radius = height * (0.1 + (ring / 46) ** 1.2)
        tone, begin = times(stage.tone(0.35 + 0.6 * rng.random()), 0.44 + 0.48 * rng.random()), 360 * rng.random()
        box = [2 * (x - radius), 2 * (y - radius * flat), 2 * (x + radius), 2 * (y + radius * flat)]
        broad = max(2, round(height * 0.016 * rng.random() ** 2))
        pencil.arc(box, begin, begin + 60 + 240 * rng.random(), whole(tone), broad)
    layer = layer.reduce(2).rotate(-24 + 48 * rng.random(), Image.Resampling.BILINEAR, center=(x, y))
    image = light.shine(light.shine(image, layer), light.gain(light.blurred(layer.reduce(4), height / 240), 1.3))
    return light.glow(image, stage.tones[4], (x, y), (height * 0.5, height * 0.4), 0.5, 2.2)


def gather(stage: Stage, *, is_clear: bool) -> Image.Image:
    """Paint large rounded forms that lean on each other, or clear discs that overlap."""
    rng, (width, height), image = stage.rng("gather"), stage.size, ground(stage, 0.6)
    center = (width * (0.7 + 0.1 * rng.random()), height * (0.4 + 0.2 * rng.random()))
    count, begin, spots = 5 + int(rng.random() * 4), rng.random() * 6.3, []
    for index in range(count):
        angle, out = begin + index * 2.4, height * (0.16 + 0.44 * math.sqrt((index + 0.3) / count))  # the golden angle
        radius = height * (0.36 - 0.22 * ((index * 0.618 + 0.3 * rng.random()) % 1.0))
        spots.append((-radius, center[0] + math.cos(angle) * out * 1.2, center[1] + math.sin(angle) * out * 0.9, angle))
    for order, (size, x, y, angle) in enumerate(sorted(spots)):
        if is_clear:
            mask = light.polygons(stage.size, [rounded((x, y), (size * -1.3, size * -1.3))])
            clear = ImageChops.multiply(mask, light.slope(stage.size, ((0.0, 150), (1.0, 40))))
            image = rimmed(stage, light.lay(image, stage.tone(0.35 + 0.07 * order), clear), mask, 1.0)
            continue
        shape = rounded((x, y), (-size, -size * (0.72 + 0.35 * rng.random())), 2.0 + 0.9 * rng.random(), angle)
        tone = 0.22 + 0.5 * ((order * 0.382 + 0.2 * rng.random()) % 1.0)
        tone *= 0.55 + 0.5 * min(1.0, max(0.0, x / width * 1.3 - 0.2))
        image = solid(stage, image, shape, tone, 0.06)
    return light.lay(image, stage.tones[4], stage.lamplight(0.5, 2.2, 70))


def still(stage: Stage, form: str) -> Image.Image:
    """Paint masses that stand together on a plane, lit from one side: blocks and domes, or slabs in a pile."""
    rng, (width, height), image = stage.rng("still"), stage.size, ground(stage, 0.7)
    line, base = 0.66 + 0.08 * rng.random(), 0.12 + 0.2 * stage.lift
    plane = light.two_tone(stage.tone(base), stage.tone(base + 0.3), stage.lamplight(1.0, 1.1))
    front = light.slope(stage.part(4), ((0.0, 0), (line - 0.012, 0), (line + 0.012, 255), (1.0, 255)))
    image = light.lay(image, plane, front)
    count, spots, pile = 4 + int(rng.random() * 3), [], height * line + height * 0.1
    for index in range(count):
        tall = height * (0.18 + 0.4 * rng.random())
        wide = height * (0.11 + 0.14 * rng.random()) * (1.0 if tall > height * 0.3 else 1.4)
        x = width * (0.47 + 0.5 * (index + 0.5 * rng.random()) / count)
        foot, power = height * (line + 0.02 + 0.13 * rng.random()), (2.0, 2.4, 3.4, 5.0)[int(rng.random() * 4) % 4]
        if form == "pile":
            x, foot, tall, power = width * (0.72 + 0.06 * (rng.random() - 0.5)), pile, tall * 0.3, 4.0
            wide, pile = height * (0.4 - 0.04 * index) * (0.75 + 0.5 * rng.random()), pile - tall * 0.98
        spots.append((foot, x, wide, tall, 0.28 + 0.5 * rng.random(), power))
    for foot, x, wide, tall, tone, power in spots if form == "pile" else sorted(spots):
        shape = rounded((x, foot - tall * 0.5), (wide, tall * 0.5), power)
        if power < 3:  # a dome with a flat foot
            shape = [point for point in rounded((x, foot), (wide, tall), power + 0.3) if point[1] <= foot + 0.5]
        pool = light.halo(stage.part(4), ((x - wide * 1.5) / 4, foot / 4), (wide * 0.75, height * 0.016), 0.8, 150)
        image = image if foot < height * line else light.lay(image, times(stage.tones[0], 0.5), pool)
        image = solid(stage, image, shape, tone, 0.04)
    return image


def walls(stage: Stage, power: float, foot: float) -> Image.Image:
    """Paint nested walls around a light, each further back; with a `foot`, each wall is an arch, open below."""
    rng, (width, height), image = stage.rng("walls"), stage.size, ground(stage, 0.3)
    center = (width * (0.68 + 0.07 * rng.random()), height * (0.42 + 0.14 * rng.random()))
    count = 5 + int(rng.random() * 3)
    turned, twist = rng.random() * 1.5, (rng.random() - 0.5) * 0.5
    for index in range(count):
        share = index / (count - 1)
        radius = height * (0.78 * (1.0 - share) ** 1.15 + 0.07)
        shape = rounded(center, (radius * 1.08, radius), power, 0.0 if foot else turned + twist * index)
        if foot:  # the lower half runs straight down
            shape = [(px, min(py, center[1])) for px, py in shape]
            shape = [(px, height * 1.1 if py == center[1] else py) for px, py in shape]
        tone = 0.2 + 0.25 * (index % 2) + 0.12 * share if share < 1 else 0.97
        mask = light.polygons(stage.size, [shape])
        image = opening(stage, image, mask, tone, 0.05 * (1 - 0.65 * share) if share < 1 else 0.01)
    return light.glow(image, stage.tones[4], center, (height * 0.5, height * 0.45), 0.4, 2.2)


def _lattice(stage: Stage, rng: random.Random, step: Point, lean: float, aside: float = 0.5) -> Iterator[Knot]:
    """Yield row, place and height (0 to 1) of each point of a leaning grid; every second row is moved `aside`."""
    (width, height), cos, sin = stage.size, math.cos(lean), math.sin(lean)
    columns, rows = (math.ceil(math.hypot(width, height) / 2 / part) + 1 for part in step)
    warp = light.fractal(rng, (columns * 2 + 1, rows * 2 + 1), (4, 4), 2, 0.5).tobytes()
    for place, value in enumerate(warp):
        row, column = divmod(place, columns * 2 + 1)
        x, y = (column - columns + aside * (row % 2)) * step[0], (row - rows) * step[1]
        yield row, (width / 2 + x * cos - y * sin, height / 2 + x * sin + y * cos), value / 255


def tiles(stage: Stage, form: str, share: float) -> Image.Image:
    """Paint a relief of many small pieces in three heights: tiles, studs that grow as they rise, or needles."""
    rng, pitch = stage.rng("tiles"), stage.size[1] * share * (0.8 + 0.5 * stage.rng("pitch").random())
    lean, image = math.radians(-34 + 50 * rng.random()), ground(stage, 0.25)
    layers: list[list[tuple[list[Point], float]]] = [[], [], []]
    for _, at, height in _lattice(stage, rng, (pitch, pitch), lean, 0.0):
        rise = max(0.0, min(1.0, height + 0.3 * (rng.random() - 0.5)))
        half = pitch * (0.13 + 0.33 * height if form == "studs" else 0.44)
        shape = rounded(at, (half, half), 5.0 if form == "tiles" else 2.0, lean, 28)
        if form == "needles":
            shape = rounded(at, (half * 1.1, half * 0.3), 3.0, lean + 4.0 * height, 20)
        tone = 0.14 + 0.55 * rise + (0.3 if rng.random() < 0.12 else 0.12) * (rng.random() - 0.3)
        layers[min(2, int(rise * 3))].append((shape, tone))
    for level, pieces in enumerate(layers):
        colours, pencil = light.canvas("RGB", stage.size)
        for shape, tone in pieces:
            pencil.polygon(shape, whole(stage.tone(tone)), whole(stage.tone(tone)), 3)
        shapes = [shape for shape, _ in pieces]
        mask = light.polygons(stage.size, shapes)
        image = rimmed(stage, light.lay(cast(stage, image, shapes, 0.012 + 0.02 * level), colours, mask), mask, 1.0)
    return sunk(stage, image, 1.15, 0.75)


def scales(stage: Stage) -> Image.Image:
    """Paint rows of round scales, each row lying on the one above it."""
    rng, image = stage.rng("scales"), ground(stage, 0.4)
    radius, lean = stage.size[1] * (0.11 + 0.06 * rng.random()), math.radians(-26 + 40 * rng.random())
    knots = _lattice(stage, rng, (radius * 2, radius), lean)
    for _, row in itertools.groupby(knots, operator.itemgetter(0)):
        pieces = [(rounded(at, (radius, radius * 1.12), 2.0, lean, 40), 0.08 + 0.7 * rise) for _, at, rise in row]
        image = cast(stage, image, [shape for shape, _ in pieces], 0.016)
        for shape, rise in pieces:
            tone = rise + 0.14 * rng.random()
            ImageDraw.Draw(image).polygon(shape, whole(stage.tone(tone)), whole(stage.tone(tone + 0.2)), 2)
    return sunk(stage, image, 1.15, 0.8)


def beads(stage: Stage) -> Image.Image:
    """Paint beads in a spiral that opens outwards, the larger the further out."""
    rng, (width, height), image = stage.rng("beads"), stage.size, ground(stage, 0.55)
    x, y, begin = width * (0.7 + 0.1 * rng.random()), height * (0.4 + 0.2 * rng.random()), 6.3 * rng.random()
    side, tight = round(height * 0.3), 0.58 + 0.3 * rng.random()
    small, disc = replace(stage, size=(side, side)), rounded((side / 2, side / 2), (side / 2, side / 2))
    stamps = [solid(small, Image.new("RGB", small.size), disc, 0.18 + 0.09 * step, 0.0) for step in range(7)]
    mask, spots = light.polygons(small.size, [disc]), []
    for index in range(2, 130):
        angle, out = begin + index * 2.39996, height * 0.026 * index**0.78
        spots.append((x + math.cos(angle) * out, y + math.sin(angle) * out, tight * out / math.sqrt(index)))
    image = cast(stage, image, [rounded((px, py), (radius, radius), count=24) for px, py, radius in spots], 0.035)
    for px, py, radius in spots:
        size, stamp = (max(2, round(radius * 2)),) * 2, stamps[int(rng.random() * 7) % 7]
        image.paste(stamp.resize(size), (round(px - radius), round(py - radius)), mask.resize(size))
    return sunk(stage, image, 1.15, 0.8)


def bars(stage: Stage) -> Image.Image:
    """Paint bars with round ends that lie askew, one over the other."""
    rng, (width, height), image = stage.rng("bars"), stage.size, ground(stage, 0.5)
    angle = math.radians(-52 + 30 * rng.random())
    for index in range(13):
        x, y = width * (0.38 + 0.62 * ((index * 0.618) % 1.0)), height * (0.05 + 0.9 * rng.random())
        half = (height * (0.2 + 0.4 * rng.random()), height * (0.03 + 0.05 * rng.random()))
        image = sheet(stage, image, rounded((x, y), half, 7.0, angle), 0.2 + 0.55 * rng.random(), 0.035, 0.2, 0.3)
    return image


def mosaic(stage: Stage, *, is_lined: bool) -> Image.Image:
    """Paint a flat pattern of quarters and halves of discs, or of ways that wind through it."""
    rng, (width, height), columns = stage.rng("mosaic"), stage.size, 8 + int(stage.rng("columns").random() * 4)
    cell, (canvas, pencil) = width * 2 / columns, light.canvas("RGB", (width * 2, height * 2))
    for place in range(columns * math.ceil(height * 2 / cell)):
        j, i = divmod(place, columns)
        x, y, kind, turn = i * cell, j * cell, rng.random(), int(rng.random() * 4) % 4
        near = min(1.0, max(0.0, (i * 1.5 - j * 0.1) / columns - 0.25))
        back, front = (whole(stage.tone(0.06 + (0.2 + 0.62 * rng.random()) * near)) for _ in range(2))
        pencil.rectangle((x, y, x + cell, y + cell), back)
        if is_lined:
            near, thick = min(1.0, near + 0.15), round(cell * 0.3)
            pencil.rectangle((x, y, x + cell, y + cell), whole(stage.tone(0.05 + 0.12 * near)))
            for a, b, begin in (
                ((x, y, 0), (x + cell, y + cell, 180)) if turn % 2 else ((x + cell, y, 90), (x, y + cell, 270))
            ):
                box = (a - cell * 0.65, b - cell * 0.65, a + cell * 0.65, b + cell * 0.65)
                pencil.arc(box, begin, begin + 90, whole(stage.tone(0.15 + 0.62 * near)), thick)
            continue
        left, top = x - cell * (turn in {0, 3}), y - cell * (turn < 2)
        if kind < 0.6:  # a quarter about one of the cell's corners
            pencil.pieslice((left, top, left + cell * 2, top + cell * 2), turn * 90, turn * 90 + 90, front)
        elif kind < 0.85:
            pencil.pieslice((x, y, x + cell, y + cell), turn * 90, turn * 90 + 180, front)
    return canvas.reduce(2)


def rhombs(stage: Stage) -> Image.Image:
    """Paint a field of blocks at many heights, seen from a corner."""
    rng, half = stage.rng("rhombs"), stage.size[1] * (0.075 + 0.05 * stage.rng("pitch").random())
    canvas, pencil = light.canvas("RGB", (stage.size[0] * 2, stage.size[1] * 2), whole(stage.tone(0.05)))
    for _, (x, y), height in _lattice(stage, rng, (half * 1.732, half * 0.5), 0.0):
        rise = height * 0.7 + 0.3 * rng.random()
        tone = 0.06 + 0.5 * rise + 0.16 * rng.random() ** 2
        ends = [(2 * (x + half * a * 0.866), 2 * (y + half * (b + 1.2 - 2.4 * rise))) for a, b in _BLOCK]
        for corners, lit in (((0, 1, 2, 3), 0.2), ((0, 3, 5, 4), -0.05), ((2, 3, 5, 6), 0.06)):
            pencil.polygon([ends[corner] for corner in corners], whole(stage.tone(tone + lit)))
    return sunk(stage, canvas.reduce(2), 1.15, 0.8)


_ALL = (bars, beads, fan, flow, flutes, folds, gather, mosaic, orbits, panes, papercut, rhombs, scales, silk, still)
_BRUSHES = {brush.__name__: brush for brush in (*_ALL, sweep, tiles, walls, weave)}
#: Every composition, by its name.
FAMILIES: dict[str, Callable[[Stage], Image.Image]] = {
    name: partial(_BRUSHES[row["brush"]], **{key: value for key, value in row.items() if key != "brush"})
    for name, row in table("families")["compositions"].items()
}


def family_of(said: Reading, seed: bytes) -> str:
    """Return the composition for a reading: of a kin that a word of material or subject names, else any."""
    rng, kin = light.source(seed, "pattern"), table("families")["kin"]
    for word in (*said.material, *said.subject):
        if word in kin:
            return light.pick(rng, kin[word].split())
    return light.pick(rng, tuple(FAMILIES))
