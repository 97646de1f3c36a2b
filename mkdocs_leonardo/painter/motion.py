"""The dynamic picture: the scene in motion, tilted, with streaks and arcs of light."""

from __future__ import annotations

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004
import math

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light, noise
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, saturate, times, turn, whole
from mkdocs_leonardo.painter.stage import Stage


def paint_motion(stage: Stage, scene: Image.Image) -> Image.Image:
    """The scene in motion, before the final grade."""
    rng = stage.rng("motion")
    center = (stage.width_px * (0.62 + 0.1 * rng.random()), stage.height_px * (0.4 + 0.12 * rng.random()))
    image = _tilted(scene, (-1.0 if rng.random() < 0.7 else 1.0) * (4.0 + 4.5 * rng.random()))
    image = _rushing(stage, image, center)
    tones = _tones(stage)
    image = _streaks(stage, image, center, tones)
    motif = rng.random()
    if motif < 0.4:
        return _arcs(stage, image, center, tones)
    if motif < 0.7:
        return _sweep(stage, image, center, tones)
    return _comets(stage, image, center, tones)


def _tones(stage: Stage) -> list[Colour]:
    palette = stage.palette
    base = saturate(mix(palette.low, palette.horizon, 0.6), 1.9)
    if stage.has("neon"):
        return [rgb("ff3d8b"), rgb("27e0ff"), rgb("ffd27a")]
    return [mix(palette.light, WHITE, 0.3), base, turn(base, 150 if not stage.night else 40)]


def _tilted(image: Image.Image, degrees: float) -> Image.Image:
    """The image turned and enlarged until no corner shows."""
    width, height = image.size
    angle = math.radians(degrees)
    ratio = width / height
    grow = abs(math.cos(angle)) + abs(math.sin(angle)) * max(ratio, 1 / ratio)
    cos, sin = math.cos(angle) / grow, math.sin(angle) / grow
    cx, cy = width / 2, height / 2
    return image.transform(
        image.size,
        Image.Transform.AFFINE,
        (cos, sin, cx - cos * cx - sin * cy, -sin, cos, cy + sin * cx - cos * cy),
        Image.Resampling.BILINEAR,
    )


def _rushing(stage: Stage, image: Image.Image, center: tuple[float, float]) -> Image.Image:
    """Blurred outwards from `center`, sharp at the centre itself."""
    half = stage.half
    rushed = image.resize(half, Image.Resampling.BILINEAR)
    x, y = center[0] / 2, center[1] / 2
    step = 1.007
    for _ in range(5):
        keep = 1.0 / step
        moved = rushed.transform(
            half,
            Image.Transform.AFFINE,
            (keep, 0.0, x * (1 - keep), 0.0, keep, y * (1 - keep)),
            Image.Resampling.BILINEAR,
        )
        rushed = Image.blend(rushed, moved, 0.5)
        step = step * step
    calm = light.halo(half, (x, y), (half[0] * 0.52, half[1] * 0.72), 0.9).point(noise.ramp(30, 200))
    return light.lay(rushed.resize(stage.size, Image.Resampling.BILINEAR), image, calm)


def _streaks(stage: Stage, image: Image.Image, center: tuple[float, float], tones: list[Colour]) -> Image.Image:
    """Lines of light that run towards the centre, longer and wider outside."""
    rng = stage.rng("streaks")
    half = stage.half
    layer = Image.new("RGB", half)
    pencil = ImageDraw.Draw(layer)
    x, y = center[0] / 2, center[1] / 2
    reach = math.hypot(*half)
    for _ in range(150):
        angle = rng.random() * 2 * math.pi
        near = reach * (0.14 + 0.5 * rng.random())
        far = near * (1.15 + 0.55 * rng.random())
        thick = half[1] * 0.0009 * (0.6 + 2.6 * rng.random() ** 3) * far / reach * 2.4
        tone = times(tones[int(rng.random() * 3) % 3], 0.12 + 0.5 * rng.random() ** 2)
        cos, sin = math.cos(angle), math.sin(angle)
        pencil.polygon(
            [
                (x + cos * near, y + sin * near),
                (x + cos * far - sin * thick, y + sin * far + cos * thick),
                (x + cos * far + sin * thick, y + sin * far - cos * thick),
            ],
            fill=whole(tone),
        )
    layer = light.blurred(layer, 0.8)
    return light.shine(image, ImageChops.add(layer, light.gain(light.blurred(layer, half[1] / 90), 0.9)))


def _arcs(stage: Stage, image: Image.Image, center: tuple[float, float], tones: list[Colour]) -> Image.Image:
    """Sweeping trails of light through the picture, thin far away, broad close by."""
    width, height = stage.size
    rng = stage.rng("arcs")
    layer = Image.new("RGB", (width, height))
    pencil = ImageDraw.Draw(layer)
    bundle = (width * (0.95 + 0.2 * rng.random()), height * (0.98 + 0.2 * rng.random()))
    knee = (width * (0.12 + 0.3 * rng.random()), height * (0.86 + 0.25 * rng.random()))
    for strand in range(26):
        tone = tones[int(rng.random() * 3) % 3]
        spread = strand / 25 - 0.5
        start = (center[0] + width * 0.01 * spread, center[1] + height * 0.01 * spread)
        bend = (knee[0] + width * 0.16 * spread, knee[1] - height * 0.3 * spread + height * 0.05 * rng.random())
        end = (bundle[0] + width * 0.05 * spread, bundle[1] - height * 0.5 * spread)
        level = 0.2 + 0.75 * rng.random() ** 1.6
        thick = height * (0.0007 + 0.0026 * rng.random() ** 2)
        left, right = [], []
        for part in range(49):
            t = part / 48
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
            px, py = a * start[0] + b * bend[0] + c * end[0], a * start[1] + b * bend[1] + c * end[1]
            dx = 2 * (1 - t) * (bend[0] - start[0]) + 2 * t * (end[0] - bend[0])
            dy = 2 * (1 - t) * (bend[1] - start[1]) + 2 * t * (end[1] - bend[1])
            norm = max(1e-6, math.hypot(dx, dy))
            reach = thick * (0.15 + 2.4 * t)
            left.append((px - dy / norm * reach, py + dx / norm * reach))
            right.append((px + dy / norm * reach, py - dx / norm * reach))
        pencil.polygon([*left, *right[::-1]], fill=whole(times(tone, level)))
    return _lit(stage, image, layer, center, tones)


def _lit(
    stage: Stage, image: Image.Image, layer: Image.Image, center: tuple[float, float], tones: list[Colour]
) -> Image.Image:
    """The image with trails of light, their glow, and the place they come from."""
    height = stage.height_px
    small = layer.reduce(2)
    image = light.shine(image, light.blurred(small, 0.6))
    image = light.shine(image, light.gain(light.softened(layer, height / 70), 1.25))
    return light.glow(image, tones[0], center, (height * 0.3, height * 0.3), 0.5, 2.6)


def _tapered(points: list[tuple[float, float]], first: float, last: float) -> list[tuple[float, float]]:
    """The outline of a stroke along `points` whose half width runs from `first` to `last` pixels."""
    left, right = [], []
    final = len(points) - 1
    for index, (x, y) in enumerate(points):
        x0, y0 = points[max(0, index - 1)]
        x1, y1 = points[min(final, index + 1)]
        norm = max(1e-6, math.hypot(x1 - x0, y1 - y0))
        reach = first + (last - first) * index / final
        nx, ny = -(y1 - y0) / norm * reach, (x1 - x0) / norm * reach
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return [*left, *right[::-1]]


def _sweep(stage: Stage, image: Image.Image, center: tuple[float, float], tones: list[Colour]) -> Image.Image:
    """Great circles of light about the centre, as of stars or a turning wheel."""
    width, height = stage.size
    rng = stage.rng("sweep")
    layer = Image.new("RGB", (width, height))
    pencil = ImageDraw.Draw(layer)
    lean = 0.55 + 0.4 * rng.random()
    begin = rng.random() * 6.3
    for ring in range(30):
        reach = height * (0.2 + 1.05 * (ring + rng.random()) / 30)
        start = begin + 1.6 * rng.random() - ring * 0.035
        span = 0.5 + 1.5 * rng.random()
        points = []
        for part in range(41):
            angle = start + span * part / 40
            points.append((center[0] + math.cos(angle) * reach * 1.25, center[1] + math.sin(angle) * reach * lean))
        tone = times(tones[int(rng.random() * 3) % 3], 0.14 + 0.62 * rng.random() ** 1.8)
        pencil.polygon(
            _tapered(points, height * 0.0004, height * (0.0009 + 0.003 * rng.random() ** 2)), fill=whole(tone)
        )
    return _lit(stage, image, layer, center, tones)


def _comets(stage: Stage, image: Image.Image, center: tuple[float, float], tones: list[Colour]) -> Image.Image:
    """Parallel streaks across the picture, bright at the head, with long tails."""
    width, height = stage.size
    rng = stage.rng("comets")
    layer = Image.new("RGB", (width, height))
    pencil = ImageDraw.Draw(layer)
    angle = math.radians(18 + 20 * rng.random()) * (-1 if rng.random() < 0.75 else 1)
    dx, dy = math.cos(angle), math.sin(angle)
    for _ in range(30):
        along, aside = rng.random(), (rng.random() + rng.random() - 1.0)
        x = center[0] + (along - 0.45) * width * 0.9 * dx - dy * aside * height * 0.75
        y = center[1] + (along - 0.45) * width * 0.9 * dy + dx * aside * height * 0.75
        reach = width * (0.08 + 0.42 * rng.random() ** 1.5)
        thick = height * (0.0009 + 0.0046 * rng.random() ** 2)
        tone = tones[int(rng.random() * 3) % 3]
        level = 0.35 + 0.65 * rng.random() ** 1.2
        # The tail fades in steps that the blur melts together.
        for part in range(12):
            near, far = part / 12, (part + 1) / 12
            fade = (1.0 - near) ** 1.7 * level
            points = [(x - dx * reach * near, y - dy * reach * near), (x - dx * reach * far, y - dy * reach * far)]
            pencil.polygon(_tapered(points, thick * (1 - near), thick * (1 - far)), fill=whole(times(tone, fade)))
    return _lit(stage, image, layer, center, tones)
