"""The creative picture: the scene's colours and rhythm as layered sheets, silk ribbons, discs."""

from __future__ import annotations

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004
import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light, noise
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, saturate, times, turn, whole
from mkdocs_leonardo.painter.landscape import land_of
from mkdocs_leonardo.painter.stage import Stage, pick

Line = list[tuple[float, float]]

_FORMS = {
    "mountains": "peaks",
    "volcano": "peaks",
    "canyon": "steps",
    "city": "bars",
    "harbour": "bars",
    "forest": "blades",
    "jungle": "blades",
    "ocean": "waves",
    "coast": "waves",
    "island": "waves",
    "lake": "waves",
    "waterfall": "ribbons",
    "river": "ribbons",
    "road": "ribbons",
    "desert": "waves",
    "meadow": "blades",
    "clouds": "ribbons",
    "space": "orbits",
}


def colours_of(stage: Stage) -> list[Colour]:
    """Seven colours from the darkest to the lightest, livelier than the sky they come from."""
    palette = stage.palette
    swing = (-1.0 if stage.rng("accent").random() < 0.5 else 1.0) * (18 + 30 * stage.rng("swing").random())
    vivid = 1.75 if stage.night else 1.5
    middle, low, horizon = (saturate(tone, vivid) for tone in (palette.middle, palette.low, palette.horizon))
    if stage.night or stage.hour == "dusk":
        middle, low, horizon = times(middle, 1.5), times(low, 1.45), times(horizon, 1.25)
    bridge = turn(mix(middle, low, 0.5), swing)
    return [
        saturate(palette.ground, 1.4),
        saturate(palette.zenith, 1.5),
        turn(middle, -swing * 0.4),
        bridge,
        low,
        turn(horizon, swing * 0.3),
        palette.light,
    ]


def paint_abstract(stage: Stage, *, muted: bool = False) -> Image.Image:
    """Abstract forms before the final grade; `muted` keeps them pale and few."""
    tones = colours_of(stage)
    if muted:
        tones = [mix(saturate(tone, 0.45), rgb("d8cabd"), 0.12) for tone in tones]
    rng = stage.rng("form")
    named = bool(stage.said.land or stage.said.thing)
    drawn = pick(rng, ("ribbons", "waves", "orbits", "ribbons", "peaks"))
    form = _FORMS.get(land_of(stage), "ribbons") if named else drawn
    if form in {"waves", "peaks", "steps"} and rng.random() < 0.3:
        form = "ribbons"
    image = _ground(stage, tones)
    image = _great_disc(stage, image, tones)
    if form == "ribbons" or muted:
        image = ribbons(stage, image, tones, 3 if muted else 4)
    elif form == "orbits":
        image = _orbits(stage, image, tones)
    else:
        image = _sheets(stage, image, tones, form)
        if stage.rng("silk").random() < 0.6:
            image = strands(stage, image, tones[-2])
    return _motes(stage, image, tones)


def _ground(stage: Stage, tones: Sequence[Colour]) -> Image.Image:
    """A soft mesh of colours: large warped blots over a diagonal gradient."""
    small = (max(8, stage.width_px // 8), max(8, stage.height_px // 8))
    rng = stage.rng("mesh")
    field = light.vertical(small, ((0.0, tones[1]), (0.5, mix(tones[2], tones[1], 0.35)), (1.0, tones[0])))
    for index in range(6):
        tone = tones[1 + int(rng.random() * 4) % 4]
        center = (small[0] * (0.25 + 0.85 * rng.random()), small[1] * (0.85 * rng.random() - 0.1))
        reach = small[0] * (0.22 + 0.26 * rng.random())
        mask = light.halo(small, center, (reach, reach * (0.6 + 0.6 * rng.random())), 1.3, 200 - 14 * index)
        field = light.shaded(field, tone, mask)
    field = light.glow(
        field, tones[5], (stage.light[0] * small[0], stage.light[1] * small[1]), (small[0] * 0.4, small[0] * 0.4), 0.55
    )
    return field.resize(stage.size, Image.Resampling.BICUBIC)


def _great_disc(stage: Stage, image: Image.Image, tones: Sequence[Colour]) -> Image.Image:
    width, height = stage.size
    rng = stage.rng("disc")
    x, y = width * (0.6 + 0.16 * rng.random()), height * (0.3 + 0.16 * rng.random())
    radius = height * (0.17 + 0.12 * rng.random())
    warm, cool = tones[6], mix(tones[4], tones[3], 0.3)
    mask = light.shape(
        stage.size,
        lambda pencil, s: pencil.ellipse(
            [part * s for part in (x - radius, y - radius, x + radius, y + radius)], fill=255
        ),
    )
    top, bottom = (y - radius) / height, (y + radius) / height
    body = light.vertical(stage.half, ((min(0.0, top), warm), (top, warm), (bottom, cool), (max(1.0, bottom), cool)))
    # The disc dissolves downwards, as a sun does in haze.
    fade = light.slope(
        stage.half, ((min(0.0, top), 255), (top, 255), (y / height, 240), (bottom, 60), (max(1.0, bottom), 60))
    )
    image = light.glow(image, warm, (x, y), (radius * 2.6, radius * 2.6), 0.42)
    return light.lay(image, body, ImageChops.multiply(mask, fade.resize(stage.size, Image.Resampling.BILINEAR)))


def _edge(rng: random.Random, form: str, near: float) -> list[float]:
    """The upper edge of one sheet as heights from 0 to 1 (160 places)."""
    count = 160
    if form == "peaks":
        knots = noise.profile(rng, 7 + int(3 * rng.random()), 3.5, 2, 0.5)
        values = []
        for index in range(count):
            place = index / (count - 1) * (len(knots) - 1)
            knot = min(len(knots) - 2, int(place))
            values.append(knots[knot] + (knots[knot + 1] - knots[knot]) * (place - knot))
        return values
    if form in {"bars", "steps"}:
        values = []
        while len(values) < count:
            level = rng.random() * (0.35 + 0.65 * math.sin(math.pi * min(1.0, len(values) / count * 1.15)) ** 2)
            values += [level] * (3 + int(rng.random() * (7 if form == "bars" else 22)))
        return values[:count]
    waves = [
        (0.6 + 1.8 * rng.random(), rng.random() * 6.3, 1.0),
        (2.0 + 2.0 * rng.random(), rng.random() * 6.3, 0.38 * (1 - 0.5 * near)),
    ]
    raw = [
        sum(weight * math.sin(frequency * 6.3 * index / count + phase) for frequency, phase, weight in waves)
        for index in range(count)
    ]
    low, high = min(raw), max(raw)
    return [(value - low) / max(1e-9, high - low) for value in raw]


def _sheets(stage: Stage, image: Image.Image, tones: Sequence[Colour], form: str) -> Image.Image:
    """Translucent sheets, each casting a soft shadow on the one behind."""
    width, height = stage.size
    rng = stage.rng("sheets")
    half = stage.half
    count = 6
    ramp_stops = [
        (index / 5, tone) for index, tone in enumerate((tones[5], tones[4], tones[3], tones[2], tones[1], tones[0]))
    ]
    for index in range(count):
        near = index / (count - 1)
        base = height * (0.5 + 0.5 * near)
        lift = height * (0.34 - 0.16 * near) * (0.7 + 0.5 * rng.random()) * (0.8 if form == "bars" else 1.0)
        line: Line = []
        if form == "blades":
            shapes = _blades(stage, rng, base, lift, near)
        else:
            edge = _edge(rng, form, near)
            if form in {"bars", "steps"}:
                for place, value in enumerate(edge):
                    x0, x1 = width * place / len(edge), width * (place + 1) / len(edge)
                    line += [(x0, base - lift * value), (x1, base - lift * value)]
            else:
                line = [
                    (width * (place / (len(edge) - 1) * 1.02 - 0.01), base - lift * value)
                    for place, value in enumerate(edge)
                ]
            shapes = [[(line[0][0], height + 4.0), *line, (line[-1][0], height + 4.0)]]
        mask = light.polygons(stage.size, shapes)
        shadow = light.blurred(
            light.polygons(half, [[(x / 2, y / 2 - height * 0.006) for x, y in points] for points in shapes], scale=1),
            height / 70,
        )
        image = light.lay(image, times(tones[0], 0.6), shadow.point(noise.linear(0.42)))
        tone = light.at(ramp_stops, near)
        bright = mix(tone, tones[6], 0.32 * (1.0 - near) + 0.08)
        deep = mix(tone, tones[0], 0.35 + 0.35 * near)
        body = light.vertical(
            half,
            (
                (0.0, bright),
                (max(0.0, (base - lift) / height), bright),
                (min(0.99, (base + lift * 0.5) / height), deep),
                (1.0, deep),
            ),
        )
        body = light.glow(
            body,
            tones[6],
            (stage.light[0] * half[0], (base - lift) / 2),
            (half[0] * 0.34, half[1] * 0.5),
            0.3 * (1 - 0.6 * near),
        )
        image = light.lay(image, body, mask.point(noise.linear(0.84 + 0.14 * near)))
        if form not in {"blades", "bars"}:
            image = _rim(stage, image, line, mix(bright, WHITE, 0.35))
    return image


def _rim(stage: Stage, image: Image.Image, line: Line, tone: Colour) -> Image.Image:
    thick = max(1, round(stage.height_px / 430))
    mask = light.shape(
        stage.size, lambda pencil, s: pencil.line([(x * s, y * s) for x, y in line], fill=150, width=thick * s // 2 + 1)
    )
    return light.lay(image, tone, mask)


def _blades(stage: Stage, rng: random.Random, base: float, lift: float, near: float) -> list[Line]:
    width, height = stage.size
    shapes: list[Line] = [
        [(-4.0, height + 4.0), (-4.0, base + lift * 0.3), (width + 4.0, base + lift * 0.3), (width + 4.0, height + 4.0)]
    ]
    count = round(46 - 18 * near)
    for index in range(count):
        x = width * (index + rng.random()) / count
        left = x < width * 0.45
        tall = lift * (0.5 + 1.0 * rng.random()) * (0.6 if left else 1.0)
        broad = height * (0.008 + 0.02 * rng.random()) * (0.7 + near)
        lean = (rng.random() - 0.4) * tall * 0.35
        right = [
            (
                x + broad * math.sin(math.pi * (0.5 + 0.5 * t)) + lean * t * t,
                base + lift * 0.4 - (tall + lift * 0.4) * t,
            )
            for t in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
        ]
        leftward = [(2 * (x + lean * (k / 5) ** 2) - px, py) for k, (px, py) in enumerate(right)]
        shapes.append([*right, *leftward[::-1]])
    return shapes


def ribbons(stage: Stage, image: Image.Image, tones: Sequence[Colour], count: int) -> Image.Image:
    """Silk bands that flow across the picture and twist."""
    width, height = stage.size
    rng = stage.rng("ribbons")
    quarter = (max(4, width // 4), max(4, height // 4))
    for index in range(count):
        steps = 110
        start, rise = height * (0.55 + 0.16 * index + 0.1 * rng.random()), height * (0.2 + 0.4 * rng.random())
        waves = [
            (0.5 + 0.8 * rng.random(), rng.random() * 6.3, 0.16),
            (1.4 + 1.2 * rng.random(), rng.random() * 6.3, 0.06),
        ]
        twist, turn_at = 0.8 + 1.4 * rng.random(), rng.random() * 6.3
        broad = height * (0.13 + 0.1 * rng.random()) * (0.8 + 0.25 * index)
        middle: list[tuple[float, float, float]] = []
        for step in range(steps):
            t = step / (steps - 1)
            y = (
                start
                - rise * t**1.3
                + height * sum(weight * math.sin(6.3 * frequency * t + phase) for frequency, phase, weight in waves)
            )
            middle.append((width * (t * 1.16 - 0.08), y, 6.3 * twist * t / 1.6 + turn_at))
        one: Line = []
        two: Line = []
        for x, y, angle in middle:
            reach = broad * (0.3 + 0.7 * abs(math.cos(angle / 2)))
            one.append((x - reach * 0.25 * math.sin(angle), y - reach))
            two.append((x + reach * 0.25 * math.sin(angle), y + reach * 0.55))
        first, second = tones[2 + (index + 1) % 3], tones[3 + index % 3]
        colours = Image.new("RGB", quarter, whole(first))
        pencil = ImageDraw.Draw(colours)
        strips = 12
        for step in range(steps - 1):
            t = step / (steps - 1)
            along = mix(first, second, t)
            for strip in range(strips):
                u0, u1 = strip / strips, (strip + 1) / strips
                bend = math.sin(middle[step][2] + 3.4 * u0)
                tone = (
                    mix(along, tones[6], 0.55 * max(0.0, bend) ** 3) if bend > 0 else mix(along, tones[0], 0.62 * -bend)
                )
                a, b, c, d = one[step], one[step + 1], two[step + 1], two[step]
                points = [
                    (a[0] + (d[0] - a[0]) * u0, a[1] + (d[1] - a[1]) * u0),
                    (b[0] + (c[0] - b[0]) * u0, b[1] + (c[1] - b[1]) * u0),
                    (b[0] + (c[0] - b[0]) * u1, b[1] + (c[1] - b[1]) * u1),
                    (a[0] + (d[0] - a[0]) * u1, a[1] + (d[1] - a[1]) * u1),
                ]
                pencil.polygon([(x / 4, y / 4) for x, y in points], fill=whole(tone))
        outline = [*one, *two[::-1]]
        mask = light.polygons(stage.size, [outline])
        shadow = light.blurred(
            light.polygons(quarter, [[(x / 4, y / 4 + height * 0.008) for x, y in outline]], scale=1), height / 130
        )
        image = light.lay(image, times(tones[0], 0.5), shadow.point(noise.linear(0.5)))
        image = light.lay(image, light.blurred(colours, max(0.8, quarter[0] / 220)), mask.point(noise.linear(0.93)))
        image = _rim(stage, image, one, mix(second, WHITE, 0.5))
    return image


def strands(stage: Stage, image: Image.Image, tone: Colour, count: int = 42) -> Image.Image:
    """Fine parallel threads that open and close."""
    width, height = stage.size
    rng = stage.rng("strands")
    y0, y1 = height * (0.3 + 0.3 * rng.random()), height * (0.25 + 0.4 * rng.random())
    phases = [rng.random() * 6.3 for _ in range(4)]
    speeds = [0.5 + 0.9 * rng.random() for _ in range(4)]

    def draw(pencil: ImageDraw.ImageDraw, scale: int) -> None:
        for strand in range(count):
            u = strand / (count - 1)
            points = []
            for step in range(61):
                t = step / 60
                a = (
                    y0
                    + height * 0.16 * math.sin(6.3 * speeds[0] * t + phases[0])
                    + height * 0.05 * math.sin(12 * speeds[1] * t + phases[1])
                )
                b = (
                    y1
                    + height * 0.2 * math.sin(6.3 * speeds[2] * t + phases[2])
                    + height * 0.04 * math.sin(11 * speeds[3] * t + phases[3])
                )
                points.append((width * (t * 1.04 - 0.02) * scale, (a + (b - a) * u) * scale))
            pencil.line(
                points, fill=round(40 + 130 * math.sin(math.pi * u)), width=max(1, round(scale * height / 1000))
            )

    layer = light.shape(stage.size, draw)
    fade = light.slope(stage.size, ((0.0, 0), (0.3, 90), (0.6, 255), (0.9, 200), (1.0, 80)), across=True)
    return light.shine(image, light.coloured(ImageChops.multiply(layer, fade), tone))


def _orbits(stage: Stage, image: Image.Image, tones: Sequence[Colour]) -> Image.Image:
    """Rings about a common centre with spheres on them."""
    width, height = stage.size
    rng = stage.rng("orbits")
    cx, cy = width * (0.62 + 0.1 * rng.random()), height * (0.42 + 0.1 * rng.random())
    flat = 0.3 + 0.3 * rng.random()
    reaches = [height * (0.26 + 0.15 * index + 0.04 * rng.random()) for index in range(6)]

    def draw(pencil: ImageDraw.ImageDraw, scale: int) -> None:
        for index, reach in enumerate(reaches):
            box = [
                part * scale
                for part in (cx - reach * 1.5, cy - reach * flat * 1.5, cx + reach * 1.5, cy + reach * flat * 1.5)
            ]
            pencil.ellipse(box, outline=200 - 22 * index, width=max(1, round(scale * height / 620)))

    image = light.shine(image, light.coloured(light.shape(stage.size, draw), mix(tones[5], WHITE, 0.2)))
    balls = [(cx, cy, height * 0.15, tones[4])]
    for index, reach in enumerate(reaches):
        angle = rng.random() * 6.3
        tone = tones[2 + index % 4]
        balls.append(
            (
                cx + math.cos(angle) * reach * 1.5,
                cy + math.sin(angle) * reach * flat * 1.5,
                height * (0.018 + 0.05 * rng.random()),
                tone,
            )
        )
    for x, y, radius, tone in sorted(balls, key=lambda ball: ball[1]):
        image = ball(stage, image, (x, y), radius, tone, tones)
    return strands(stage, image, tones[3], 26)


def ball(
    stage: Stage, image: Image.Image, center: tuple[float, float], radius: float, tone: Colour, tones: Sequence[Colour]
) -> Image.Image:
    """A matt sphere lit from above on the side of the light."""
    side = max(6, round(radius * 2))
    facing = 0.34 if stage.light[0] * stage.width_px < center[0] else 0.64
    shade = light.halo((side, side), (side * facing, side * 0.3), (side * 0.85, side * 0.85), 1.0)
    face = Image.merge(
        "RGB",
        [
            shade.point([round(low + (high - low) * level / 255) for level in range(256)])
            for low, high in zip(mix(tones[0], tone, 0.15), mix(tone, tones[6], 0.5), strict=True)
        ],
    )
    face = light.glow(face, WHITE, (side * facing, side * 0.28), (side * 0.2, side * 0.2), 0.55)
    mask = light.shape(
        (side, side), lambda pencil, s: pencil.ellipse((s, s, (side - 1) * s, (side - 1) * s), fill=255), scale=2
    )
    image = light.glow(image, tone, center, (radius * 2.2, radius * 2.2), 0.2)
    image.paste(face, (round(center[0] - side / 2), round(center[1] - side / 2)), mask)
    return image


def _motes(stage: Stage, image: Image.Image, tones: Sequence[Colour]) -> Image.Image:
    """A little dust in the light."""
    rng = stage.rng("motes")
    half = stage.half
    layer = Image.new("L", half)
    pencil = ImageDraw.Draw(layer)
    for _ in range(60):
        x, y = half[0] * (0.35 + 0.65 * rng.random()), half[1] * 0.75 * rng.random()
        radius = half[1] / 500 * (0.4 + 1.6 * rng.random() ** 3)
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=round(60 + 150 * rng.random()))
    return light.shine(image, light.coloured(layer, tones[6]))
