"""What every abstract picture is made with: a ground, sheets that cast shadows, openings, solid bodies."""

import math
from collections.abc import Sequence

from PIL import Image, ImageChops

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import mix, times
from mkdocs_leonardo.painter.light import Point
from mkdocs_leonardo.painter.stage import Stage

Shape = Sequence[Point]

_DARK = light.linear(0.6)


def ground(stage: Stage, glow: float = 0.55, pale: float = 1.0) -> Image.Image:
    """Return a calm field of colour, deep at the left and below, with a soft light at the lamp."""
    rng, size, base = stage.rng("ground"), stage.part(4), 0.05 + 0.3 * stage.lift * pale
    tones = ((0.0, stage.tone(base + 0.13)), (0.55, stage.tone(base + 0.08)), (1.0, stage.tone(base)))
    image = light.vertical(size, tones)
    for _ in range(3):
        center = (size[0] * (0.35 + 0.6 * rng.random()), size[1] * (0.9 * rng.random()))
        reach = size[0] * (0.25 + 0.25 * rng.random())
        blot = light.halo(size, center, (reach, reach * 0.8), 1.4, 150)
        image = light.lay(image, stage.tone(base + 0.1 + 0.22 * rng.random()), blot)
    image = light.lay(image, stage.tone(0.62), stage.lamplight(0.75, 1.7, 255 * glow))
    image = light.lay(image, stage.tone(0.92), stage.lamplight(0.42, 2.2, 220 * glow))
    return image.resize(stage.size, Image.Resampling.BICUBIC)


def cast(stage: Stage, image: Image.Image, shapes: Sequence[Shape], drop: float) -> Image.Image:
    """Return the image with the soft shadow of shapes that stand `drop` (of the height) above it."""
    far = drop * stage.size[1] / 4
    moved = [[(x / 4 - far * 0.6, y / 4 + far) for x, y in points] for points in shapes]
    shadow = light.blurred(light.polygons(stage.part(4), moved, scale=1), max(0.6, far * 0.9))
    return light.lay(image, times(stage.tones[0], 0.45), shadow.point(_DARK))


def sheet(
    stage: Stage,
    image: Image.Image,
    form: Shape,
    tone: float,
    drop: float = 0.03,
    span: float = 0.2,
    lean: float = 0.5,
) -> Image.Image:
    """Return a shape of thin material with `span` of tones: downwards for `lean` 1, away from the lamp for 0."""
    mask, height = light.polygons(stage.size, [form]), stage.size[1]
    top = max(0.0, min(0.98, min(y for _, y in form) / height))
    foot = max(top + 0.01, min(1.0, max(y for _, y in form) / height))
    image = cast(stage, image, [form], drop) if drop else image
    slope = light.slope(stage.part(4), ((0.0, 255), (top, 255), (foot, 0), (1.0, 0)))
    shade = Image.blend(stage.lamplight(1.0, 1.0), slope, lean)
    body = light.two_tone(stage.tone(tone - span), stage.tone(tone + span), shade)
    image = light.lay(image, body, mask.point(light.linear(0.95)))
    return rimmed(stage, image, mask, tone + 0.4)


def rimmed(stage: Stage, image: Image.Image, mask: Image.Image, tone: float, side: int = 1) -> Image.Image:
    """Return the image with the edge of a mask catching the lamp; with `side` -1 its other edge, as of an opening."""
    wide = side * max(1, round(stage.size[1] / 430))
    return light.lay(image, stage.tone(tone), light.edge(mask, wide, -wide).point(light.linear(0.42)))


def opening(stage: Stage, image: Image.Image, mask: Image.Image, tone: float, deep: float) -> Image.Image:
    """Return an opening onto the next layer, `deep` (of the height) below."""
    body = light.two_tone(stage.tone(tone - 0.08), stage.tone(tone + 0.13), stage.lamplight(0.9, 1.0))
    image, far, small = light.lay(image, body, mask), deep * stage.size[1] / 4, mask.resize(stage.part(4))
    inner = light.blurred(light.shifted(small, round(-far * 0.8), round(far)), max(0.7, far * 0.7))
    inner = ImageChops.multiply(ImageChops.invert(inner), small).resize(stage.size, Image.Resampling.BILINEAR)
    image = light.lay(image, times(stage.tones[0], 0.45), ImageChops.multiply(inner, mask).point(light.linear(0.75)))
    return rimmed(stage, image, mask, tone + 0.35, -1)


def rounded(center: Point, radii: Point, power: float = 2.0, turned: float = 0.0, count: int = 72) -> list[Point]:
    """Return a superellipse: `power` 2 is an ellipse, 4 a rounded rectangle; `turned` in radians."""
    cos, sin, points = math.cos(turned), math.sin(turned), []
    for index in range(count):
        angle = 2 * math.pi * index / count
        x = radii[0] * math.copysign(abs(math.cos(angle)) ** (2 / power), math.cos(angle))
        y = radii[1] * math.copysign(abs(math.sin(angle)) ** (2 / power), math.sin(angle))
        points.append((center[0] + x * cos - y * sin, center[1] + x * sin + y * cos))
    return points


def solid(stage: Stage, image: Image.Image, shape: Shape, tone: float, drop: float) -> Image.Image:
    """Return a rounded body, lit on the lamp's side, with a little light thrown back at the lower edge."""
    image, mask = cast(stage, image, [shape], drop), light.polygons(stage.size, [shape])
    box = mask.getbbox() or (0, 0, 4, 4)
    size = (max(2, (box[2] - box[0]) // 2), max(2, (box[3] - box[1]) // 2))
    facing = light.halo(size, (size[0] * 0.68, size[1] * 0.26), (size[0] * 1.02, size[1] * 1.02), 0.85)
    bounce = light.halo(size, (size[0] * 0.2, size[1] * 1.05), (size[0] * 0.7, size[1] * 0.5), 1.2, 60)
    lit = mix(stage.tone(tone + 0.18), stage.tones[4], 0.2)
    tones = (stage.tone(tone - 0.24), stage.tone(tone - 0.04), stage.tone(tone + 0.1), lit)
    body = light.mapped(ImageChops.add(facing, bounce), [*zip((0.0, 0.45, 0.8, 1.0), tones, strict=True)])
    image.paste(body.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC), box, mask.crop(box))
    return image


def sunk(stage: Stage, image: Image.Image, reach: float, dim: float) -> Image.Image:
    """Return the image, out of focus and sinking into the ground's colour away from the lamp."""
    dark = ImageChops.invert(stage.lamplight(reach, 1.0).point(light.ramp(10, 190)))
    image = light.lay(image, light.blurred(image.reduce(4), image.height / 240), dark.point(light.ramp(90, 230)))
    return light.lay(image, stage.tone(0.05 + 0.25 * stage.lift), dark.point(light.linear(dim)))
