"""What fills the air in front of everything: rain, snow, embers, drifting fog, birds."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004

from __future__ import annotations

import math

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light, noise
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb
from mkdocs_leonardo.painter.land import wash
from mkdocs_leonardo.painter.stage import Stage


def rain(stage: Stage, image: Image.Image, strength: float = 1.0) -> Image.Image:
    """Slanting streaks in two depths."""
    rng = stage.rng("rain")
    half = stage.half
    slant = 0.1 + 0.16 * rng.random()
    result = image
    for depth, count, length in ((0, 900, 0.035), (1, 230, 0.09)):
        layer = Image.new("L", half)
        pencil = ImageDraw.Draw(layer)
        for _ in range(count):
            x, y = rng.random() * half[0] * 1.2 - half[0] * 0.1, rng.random() * half[1] * 1.1
            reach = half[1] * length * (0.6 + 0.8 * rng.random())
            pencil.line((x, y, x - reach * slant, y + reach), fill=round(22 + 48 * rng.random() + 22 * depth), width=1)
        layer = light.blurred(layer, 0.5 + 0.3 * depth).point(noise.linear(0.75 * strength))
        tone = mix(stage.palette.light, WHITE, 0.4)
        result = light.shine(result, light.coloured(layer, tone))
    return result


def snow(stage: Stage, image: Image.Image) -> Image.Image:
    """Flakes in three depths, the nearest out of focus."""
    rng = stage.rng("snow")
    half = stage.half
    for radius, count, level in ((0.0011, 420, 150), (0.0022, 130, 150), (0.0065, 26, 85)):
        layer = Image.new("L", half)
        pencil = ImageDraw.Draw(layer)
        size = max(0.6, radius * half[1] * 1.6)
        for _ in range(count):
            x, y, r = rng.random() * half[0], rng.random() * half[1], size * (0.6 + 0.7 * rng.random())
            pencil.ellipse((x - r, y - r, x + r, y + r), fill=round(level * (0.5 + 0.5 * rng.random())))
        layer = light.blurred(layer, max(0.5, size * 0.35))
        image = light.shine(image, light.coloured(layer, mix(WHITE, stage.palette.horizon, 0.15)))
    return image


def embers(stage: Stage, image: Image.Image, x: float, y: float, reach: float) -> Image.Image:
    """Glowing specks rising from a fire at (x, y)."""
    rng = stage.rng("embers")
    layer = Image.new("RGB", stage.half)
    pencil = ImageDraw.Draw(layer)
    for _ in range(170):
        up = rng.random() ** 1.4
        px = (x + (rng.random() - 0.5) * reach * (0.25 + 1.1 * up)) / 2
        py = (y - reach * up) / 2
        radius = max(0.5, stage.height_px / 900 * (0.4 + rng.random()))
        tone = mix(rgb("ffd070"), rgb("ff4a10"), up)
        pencil.ellipse(
            (px - radius, py - radius, px + radius, py + radius), fill=(round(tone[0]), round(tone[1]), round(tone[2]))
        )
    layer = ImageChops.add(layer, light.gain(light.blurred(layer, 3), 1.2))
    return light.shine(image, layer)


def veil(stage: Stage, image: Image.Image, strength: float, name: str = "veil") -> Image.Image:
    """Thin drifting fog over the whole view, thicker about the horizon."""
    small = (max(2, stage.width_px // 4), max(2, stage.height_px // 4))
    texture = noise.fractal(stage.rng(name), small, (4, 5), 4, 0.5)
    band = light.slope(
        small,
        ((0.0, 40), (stage.horizon * 0.7, 150), (stage.horizon, 220), (min(1.0, stage.horizon + 0.2), 130), (1.0, 30)),
    )
    mask = ImageChops.multiply(texture.point(noise.linear(0.6, 95)), band).point(noise.linear(strength))
    tone = mix(stage.palette.haze, stage.palette.horizon, 0.4)
    return light.lay(image, wash(stage, tone, tone, 0, stage.height_px, sun=0.25), mask)


def birds(stage: Stage, image: Image.Image, count: int = 7) -> Image.Image:
    """A loose flock in the upper part of the picture."""
    width, height = stage.size
    rng = stage.rng("birds")
    x0, y0 = width * (0.3 + 0.25 * rng.random()), height * (0.16 + 0.2 * rng.random())
    shapes = []
    for _ in range(count):
        x, y = x0 + (rng.random() - 0.3) * width * 0.16, y0 + (rng.random() - 0.5) * height * 0.13
        span = height * (0.007 + 0.011 * rng.random())
        lift, tilt = span * (0.3 + 0.5 * rng.random()), (rng.random() - 0.5) * 0.4
        points = [
            (-1.0, -0.5),
            (-0.5, -1.0),
            (0.0, 0.0),
            (0.5, -1.0),
            (1.0, -0.4),
            (0.5, -0.72),
            (0.0, 0.28),
            (-0.5, -0.72),
        ]
        shapes.append([(x + px * span, y + py * lift + px * tilt * span) for px, py in points])
    tone = mix(stage.palette.ground, stage.palette.middle, 0.25)
    return light.lay(image, tone, light.polygons(stage.size, shapes, scale=2))


def rays(
    stage: Stage,
    image: Image.Image,
    strength: float,
    center: tuple[float, float] | None = None,
    tone: Colour | None = None,
) -> Image.Image:
    """Shafts of light fanning out from the light, soft and uneven."""
    rng = stage.rng("rays")
    small = (max(4, stage.width_px // 4), max(4, stage.height_px // 4))
    x, y = center or stage.light_px
    x, y = x / 4, y / 4
    layer = Image.new("L", small)
    pencil = ImageDraw.Draw(layer)
    reach = math.hypot(*small)
    angle = 0.0
    while angle < 2 * math.pi:
        broad = 0.015 + 0.07 * rng.random()
        if rng.random() < 0.55:  # about as much light as shade
            level = round(60 + 130 * rng.random())
            pencil.polygon(
                [
                    (x, y),
                    (x + math.cos(angle) * reach, y + math.sin(angle) * reach),
                    (x + math.cos(angle + broad) * reach, y + math.sin(angle + broad) * reach),
                ],
                fill=level,
            )
        angle += broad * (1.0 + rng.random())
    layer = light.blurred(layer, small[0] / 130)
    layer = ImageChops.multiply(layer, light.halo(small, (x, y), (small[0] * 0.62, small[0] * 0.62), 1.5))
    layer = layer.point(noise.linear(strength))
    return light.shine(image, light.coloured(layer, tone or stage.palette.light))
