"""Abstract pictures: paper, glass, cloth, threads, stones and walls, lit from the upper right."""

import math
from collections.abc import Callable

from PIL import Image, ImageChops

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import mix, times, whole
from mkdocs_leonardo.painter.light import Point
from mkdocs_leonardo.painter.material import cast, ground, opening, rimmed, rounded, sheet, solid, sunk, trails
from mkdocs_leonardo.painter.stage import Stage
from mkdocs_leonardo.painter.words import Reading, table

_CUBIC = Image.Resampling.BICUBIC


def papercut(stage: Stage) -> Image.Image:
    """Layers of paper with openings one in the other, darker into the depth or lighter towards the viewer."""
    rng, image, grid = stage.rng("papercut"), ground(stage, 0.2), (64, 36)
    rough = light.fractal(rng, grid, (3.2, 2.2), 2, 0.35).tobytes()
    x0, y0, rising = 0.7 + 0.14 * rng.random(), 0.26 + 0.28 * rng.random(), rng.random() < 0.5
    flat, slant = 1.3 + 0.6 * rng.random(), (rng.random() - 0.5) * 1.2
    field = Image.new("F", grid)
    for index, value in enumerate(rough):
        u, v = (index % 64) / 63 - x0, ((index // 64) / 35 - y0) * 0.56
        far = math.hypot(u + slant * v, v * flat)
        field.putpixel((index % 64, index // 64), 215.0 - 255.0 * far + 0.62 * (value - 128))
    count = 6 + int(rng.random() * 3)
    for index in range(count):
        share = index / (count - 1)
        level, soft = 40.0 + 165.0 * share, 500.0 / stage.size[0]
        masks = light.above(field, stage.size, level, soft), light.above(field, stage.part(4), level, soft * 4)
        tone = 0.16 + 0.72 * share if rising else (0.62 - 0.5 * share if share < 1 else 0.95)
        image = opening(stage, image, masks, tone, 0.012 if rising else 0.026)
    return image


def fan(stage: Stage) -> Image.Image:
    """Long leaves about one point, each lying on the next."""
    rng, (width, height), image = stage.rng("fan"), stage.size, ground(stage, 0.5)
    # Rising from below, reaching in from the right, hanging from above: pivot, first and last angle in degrees.
    kinds = ((0.66, 1.12, 165, 20), (1.04, 0.75, 200, 80), (0.74, -0.14, -160, -35))
    px, py, first, last = kinds[int(rng.random() * 3) % 3]
    pivot = (width * (px + 0.1 * rng.random()), height * (py + 0.1 * rng.random()))
    count, long = 10 + int(rng.random() * 5), height * (1.0 + 0.2 * rng.random())
    plump, tip = 0.13 + 0.07 * rng.random(), 0.7 + 0.8 * rng.random()
    for index in range(count):
        share = index / (count - 1)
        angle = math.radians(first + (last - first) * share)
        reach = long * (0.72 + 0.28 * math.sin(math.pi * (0.15 + 0.7 * share)))
        cos, sin = math.cos(angle), -math.sin(angle)
        sides: tuple[list[Point], list[Point]] = ([], [])
        for part in range(33):
            t = part / 32
            wide, bend = reach * plump * math.sin(math.pi * t**tip) ** 0.8, 0.1 * reach * t * t
            x, y = pivot[0] + cos * reach * t - sin * bend, pivot[1] + sin * reach * t + cos * bend
            sides[0].append((x - sin * wide, y + cos * wide))
            sides[1].append((x + sin * wide, y - cos * wide))
        image = sheet(stage, image, [*sides[0], *sides[1][::-1]], 0.2 + 0.6 * share, 0.02, 0.17, 0.35)
    return image


def folds(stage: Stage) -> Image.Image:
    """A sheet of paper folded into a relief of facets, lit from one side."""
    rng, (width, height) = stage.rng("folds"), stage.size
    columns, rows = 8 + int(rng.random() * 5), 5 + int(rng.random() * 3)
    reach = math.hypot(width, height) * 1.16
    across, down = reach / columns, reach / rows
    slide, zig = across * (0.3 + 0.5 * rng.random()), down * (0.18 + 0.28 * rng.random())
    turned = math.radians(-40 + 50 * rng.random())
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
            near = max(0.0, 1.0 - far / (width * 0.95))
            facing = ((0.34, 0.22), (0.1, 0.0))[i % 2][j % 2] * (0.5 + 0.8 * near)
            level = 0.06 + 0.22 * stage.lift + facing + 0.46 * near**1.3 + 0.05 * rng.random()
            pencil.polygon(points, fill=whole(stage.tone(level)))
    image = canvas.reduce(2)
    veil = light.fractal(rng, stage.part(4), (4, 3), 2, 0.4).point(light.linear(0.35, 84))
    image = light.textured(image, veil.resize(stage.size, _CUBIC))
    # A crease takes the light on one side and keeps the other dark.
    return Image.blend(light.blurred(image, height / 90), image, 1.28)


def panes(stage: Stage) -> Image.Image:
    """Sheets of frosted glass in front of lights that are out of focus."""
    rng, (width, height), image = stage.rng("panes"), stage.size, ground(stage, 0.85)
    for _ in range(5):
        at = (width * (0.125 + 0.125 * rng.random()), height * (0.0125 + 0.2 * rng.random()))
        radius = height * (0.06 + 0.1 * rng.random())
        lamp = light.halo(stage.part(4), at, (radius, radius), 0.8, 235)
        image = light.lay(image, stage.tone(0.5 + 0.45 * rng.random()), lamp)
    lean, count, upright = height * (rng.random() - 0.35) * 0.7, 4 + int(rng.random() * 3), rng.random() < 0.65
    for index in range(count):
        share, odd = (index + 0.6 * rng.random()) / count, index % 2
        if upright:
            x, wide = width * (0.36 + 0.62 * share), width * (0.09 + 0.12 * rng.random())
            top, foot = height * (0.5 * rng.random() * odd - 0.1), height * (1.1 - 0.3 * rng.random() * (1 - odd))
            shape = [(x, top), (x + wide, top), (x + wide - lean, foot), (x - lean, foot)]
        else:
            left, middle = width * (0.3 + 0.3 * rng.random()), height * (0.1 + 0.8 * share)
            tall, right = height * (0.12 + 0.14 * rng.random()), (width * 1.1, middle - lean)
            shape = [(left, middle), right, (right[0], right[1] + tall), (left - lean * 0.3, middle + tall)]
        image = cast(stage, image, [shape], 0.03)
        frosted = light.blurred(image.reduce(4), height / 110)
        frosted = Image.blend(frosted, Image.new("RGB", frosted.size, whole(stage.tone(0.45 + 0.3 * share))), 0.26)
        frosted = light.lay(frosted, stage.tones[4], light.slope(frosted.size, ((0.0, 96), (0.5, 22), (1.0, 0))))
        mask = light.polygons(stage.size, [shape])
        image = rimmed(stage, light.lay(image, frosted, mask), mask, 1.0)
    return image


def silk(stage: Stage) -> Image.Image:
    """Bands of cloth that flow across the picture and twist."""
    rng, image = stage.rng("silk"), ground(stage, 0.6)
    rise = 0.15 + 0.5 * rng.random()
    for index in range(3 + int(rng.random() * 2)):
        rows, twists = _band(stage, index, rise)
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


def flutes(stage: Stage) -> Image.Image:
    """Lights behind a pane of fluted glass, each flute with its own small view of them."""
    rng, small = stage.rng("flutes"), stage.part(2)
    image = ground(stage, 0.5).resize(small, Image.Resampling.BILINEAR)
    for index in range(5):
        x, y = small[0] * (0.42 + 0.55 * rng.random()), small[1] * (-0.1 + 0.9 * rng.random())
        radii = (small[0] * (0.06 + 0.14 * rng.random()), small[1] * (0.3 + 0.5 * rng.random()))
        image = light.lay(image, stage.tone(0.35 + 0.15 * index), light.halo(small, (x, y), radii, 0.7, 230))
    image = image.rotate(-12 + 24 * rng.random(), Image.Resampling.BILINEAR, fillcolor=whole(stage.tone(0.1)))
    count, result = 18 + int(rng.random() * 26), Image.new("RGB", small)
    for flute in range(count):
        left, right = round(small[0] * flute / count), round(small[0] * (flute + 1) / count)
        reach = (right - left) * 2.3
        box = (max(0.0, left - reach), 0.0, min(float(small[0]), right + reach), float(small[1]))
        strip = image.resize((max(1, right - left), small[1]), Image.Resampling.BOX, box=box)
        result.paste(strip.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (left, 0))
    relief = Image.frombytes("L", (count * 8, 1), bytes((70, 104, 124, 132, 138, 148, 166, 120)) * count)
    return light.textured(result.resize(stage.size, _CUBIC), relief.resize(stage.size, _CUBIC))


def weave(stage: Stage) -> Image.Image:
    """Bands woven over and under each other, leaning back into the picture."""
    rng, (width, height) = stage.rng("weave"), stage.size
    pitch, period = round(height * (0.055 + 0.075 * rng.random())) + 1, 2 + int(rng.random() * 2)  # plain, or twill
    tile = Image.new("RGB", (pitch * period, pitch * period), whole(times(stage.tones[0], 0.5)))
    gap, tones = max(1, round(pitch * 0.07)), (0.3 + 0.12 * rng.random(), 0.58 + 0.16 * rng.random())
    for i in range(period):
        for j in range(period):
            # Across a band light falls as on a low vault, and along it the ends dip under the next one.
            on_top = (i + j) % period != 0
            vault = light.slope((pitch, pitch), ((0.0, 40), (0.3, 235), (0.55, 190), (1.0, 30)), across=not on_top)
            dip = light.slope((pitch, pitch), ((0.0, 110), (0.3, 255), (0.7, 255), (1.0, 110)), across=on_top)
            tone = tones[on_top] + 0.025 * ((i * 3 + j * 5) % 4 - 1.5)
            face = light.two_tone(stage.tone(tone - 0.28), stage.tone(tone + 0.2), ImageChops.multiply(vault, dip))
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
    image = cloth.transform(stage.size, Image.Transform.PERSPECTIVE, plane, Image.Resampling.BICUBIC)
    return sunk(stage, image, 1.0, 0.9)


def flow(stage: Stage) -> Image.Image:
    """Many fine threads that follow one current."""
    rng, (width, height), image = stage.rng("flow"), stage.size, ground(stage, 0.5)
    draws = [[rng.random() for _ in range(4)] for _ in range(3)]
    waves = [(a * 6.3, 2 + 4 * b, 1.6 + 3.5 * c, 0.2 + 0.4 * d) for a, b, c, d in draws]
    slope = -0.5 + 0.7 * rng.random()
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
    """Broad arcs of light that gather speed towards the upper right."""
    rng, (width, height), image = stage.rng("sweep"), stage.size, ground(stage, 0.6)
    source = (width * (0.3 * rng.random() - 0.25), height * (0.45 + 0.6 * rng.random()))
    knee = (width * (0.3 + 0.4 * rng.random()), height * (0.35 + 0.75 * rng.random()))
    far = (width * (0.85 + 0.3 * rng.random()), height * (0.5 * rng.random() - 0.3))
    tones = [times(stage.tone(0.35 + 0.1 * step), 0.4) for step in range(7)]
    for count, thick, gain in ((9, 0.11, 0.6), (13, 0.05, 0.7), (44, 0.006, 1.7)):
        image = trails(stage, image, (source, knee, far), [times(tone, gain) for tone in tones], count, thick)
    return image


def gather(stage: Stage) -> Image.Image:
    """A few large rounded forms that lean on each other, flat or solid."""
    rng, (width, height), image = stage.rng("gather"), stage.size, ground(stage, 0.6)
    center = (width * (0.7 + 0.1 * rng.random()), height * (0.4 + 0.2 * rng.random()))
    count, begin, is_flat = 5 + int(rng.random() * 4), rng.random() * 6.3, rng.random() < 0.5
    spots = []
    for index in range(count):
        angle, out = begin + index * 2.4, height * (0.16 + 0.44 * math.sqrt((index + 0.3) / count))  # the golden angle
        radius = height * (0.36 - 0.22 * ((index * 0.618 + 0.3 * rng.random()) % 1.0))
        spots.append((-radius, center[0] + math.cos(angle) * out * 1.2, center[1] + math.sin(angle) * out * 0.9, angle))
    for order, (size, x, y, angle) in enumerate(sorted(spots)):
        form = rounded((0.0, 0.0), (-size, -size * (0.72 + 0.35 * rng.random())), 2.0 + 0.9 * rng.random(), angle)
        dent, phase = 0.06 * rng.random(), rng.random() * 6.3
        dents = [1 + dent * math.sin(k * math.pi / 18 + phase) for k in range(len(form))]
        shape = [(x + px * f, y + py * f) for (px, py), f in zip(form, dents, strict=True)]
        tone = 0.22 + 0.5 * ((order * 0.382 + 0.2 * rng.random()) % 1.0)
        tone *= 0.55 + 0.5 * min(1.0, max(0.0, x / width * 1.3 - 0.2))
        image = sheet(stage, image, shape, tone, 0.04, 0.22, 0.4) if is_flat else solid(stage, image, shape, tone, 0.06)
    return light.lay(image, stage.tones[4], stage.lamplight(0.5, 2.2, 70))


def still(stage: Stage) -> Image.Image:
    """Warm masses that stand together on a plane, lit from one side."""
    rng, (width, height), image = stage.rng("still"), stage.size, ground(stage, 0.7)
    table, base = height * (0.66 + 0.08 * rng.random()), 0.12 + 0.2 * stage.lift
    plane = light.two_tone(stage.tone(base), stage.tone(base + 0.3), stage.lamplight(1.0, 1.1))
    line = table / height
    front = light.slope(stage.part(4), ((0.0, 0), (line - 0.012, 0), (line + 0.012, 255), (1.0, 255)))
    image = light.lay(image, plane, front)
    count, spots = 4 + int(rng.random() * 3), []
    for index in range(count):
        tall = height * (0.18 + 0.4 * rng.random())
        wide = height * (0.11 + 0.14 * rng.random()) * (1.0 if tall > height * 0.3 else 1.4)
        x = width * (0.47 + 0.5 * (index + 0.5 * rng.random()) / count)
        foot = table + height * (0.02 + 0.13 * rng.random())
        spots.append((foot, x, wide, tall, 0.28 + 0.5 * rng.random(), (2.0, 2.4, 3.4, 5.0)[int(rng.random() * 4) % 4]))
    for foot, x, wide, tall, tone, power in sorted(spots):
        # A rounded block, or a dome with a flat foot.
        shape = rounded((x, foot - tall * 0.5), (wide, tall * 0.5), power)
        if power < 3:
            shape = [point for point in rounded((x, foot), (wide, tall), power + 0.3) if point[1] <= foot + 0.5]
        pool = light.halo(stage.part(4), ((x - wide * 1.5) / 4, foot / 4), (wide * 0.75, height * 0.016), 0.8, 150)
        image = solid(stage, light.lay(image, times(stage.tones[0], 0.5), pool), shape, tone, 0.04)
    return image


def walls(stage: Stage) -> Image.Image:
    """Walls about a centre, each one a step deeper, to a light within."""
    rng, (width, height), image = stage.rng("walls"), stage.size, ground(stage, 0.3)
    center = (width * (0.68 + 0.07 * rng.random()), height * (0.42 + 0.14 * rng.random()))
    power, count = (2.0, 3.0, 5.0)[int(rng.random() * 3) % 3], 5 + int(rng.random() * 3)
    turned, twist = rng.random() * 1.5, (rng.random() - 0.5) * 0.5
    for index in range(count):
        share = index / (count - 1)
        radius = height * (0.78 * (1.0 - share) ** 1.15 + 0.07)
        shape = rounded(center, (radius * 1.08, radius), power, turned + twist * index)
        small = light.polygons(stage.part(4), [[(x / 4, y / 4) for x, y in shape]])
        tone = 0.2 + 0.25 * (index % 2) + 0.12 * share if share < 1 else 0.97
        masks = light.polygons(stage.size, [shape]), small
        image = opening(stage, image, masks, tone, 0.05 * (1 - 0.65 * share) if share < 1 else 0.01)
    return light.glow(image, stage.tones[4], center, (height * 0.5, height * 0.45), 0.4, 2.2)


def tiles(stage: Stage) -> Image.Image:
    """A relief of rounded tiles in three heights."""
    rng, (width, height) = stage.rng("tiles"), stage.size
    pitch, turned = height * (0.1 + 0.07 * rng.random()), math.radians(-34 + 50 * rng.random())
    cos, sin, power = math.cos(turned), math.sin(turned), 5.0 if rng.random() < 0.6 else 2.6
    reach = round(math.hypot(width, height) / pitch / 2) + 1
    warp = light.fractal(rng, (reach * 2, reach * 2), (3, 3), 2, 0.5).tobytes()
    layers: list[list[tuple[list[Point], float]]] = [[], [], []]
    taken: set[tuple[int, int]] = set()
    for i in range(-reach, reach):
        for j in range(-reach, reach):
            if (i, j) in taken or rng.random() < 0.1:
                continue
            span = 2 if rng.random() < 0.16 else 1
            taken |= {(i + a, j + b) for a in range(span) for b in range(span)}
            x, y, half = (i + span / 2) * pitch, (j + span / 2) * pitch, pitch * (span / 2 - 0.06)
            rise = warp[(i + reach) * reach * 2 + j + reach] / 255
            at = (width / 2 + x * cos - y * sin, height / 2 + x * sin + y * cos)
            shape = rounded(at, (half, half), power, turned, 28)
            tone = 0.14 + 0.55 * rise + (0.3 if rng.random() < 0.12 else 0.12) * (rng.random() - 0.3)
            layers[min(2, int(rise * 3))].append((shape, tone))
    image = ground(stage, 0.25)
    for level, pieces in enumerate(layers):
        colours, pencil = light.canvas("RGB", stage.size)
        for shape, tone in pieces:
            pencil.polygon(shape, whole(stage.tone(tone)), whole(stage.tone(tone)), 3)
        shapes = [shape for shape, _ in pieces]
        mask = light.polygons(stage.size, shapes)
        image = rimmed(stage, light.lay(cast(stage, image, shapes, 0.012 + 0.02 * level), colours, mask), mask, 1.0)
    return sunk(stage, image, 1.15, 0.75)


_ALL = (fan, flow, flutes, folds, gather, panes, papercut, silk, still, sweep, tiles, walls, weave)
#: Every composition, by its name.
FAMILIES: dict[str, Callable[[Stage], Image.Image]] = {family.__name__: family for family in _ALL}


def family_of(said: Reading, seed: bytes) -> str:
    """The composition for a reading: of its kin where a word of material or subject names any, else any."""
    rng, kin = light.source(seed, "family"), table("families")
    for word in (*said.material, *said.subject):
        if word in kin:
            return light.pick(rng, kin[word].split())
    return light.pick(rng, tuple(FAMILIES))
