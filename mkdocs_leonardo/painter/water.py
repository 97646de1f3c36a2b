"""Water: mirrors with ripples, open sea with glitter, storm waves with foam, ice."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004

from __future__ import annotations

import itertools
import math

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light, noise
from mkdocs_leonardo.painter.colour import WHITE, mix, rgb, times
from mkdocs_leonardo.painter.land import outline, plane, points_for, wash
from mkdocs_leonardo.painter.sky import has_disc
from mkdocs_leonardo.painter.stage import Stage


def mirror(
    stage: Stage, image: Image.Image, *, rough: float, deep: float = 0.75, level_px: float | None = None
) -> Image.Image:
    """Everything above the water line upside down in the water; `rough` is 0 (glass) to 1 (a breeze)."""
    width, height = stage.size
    line = min(height - 2, max(2, round(stage.horizon_px if level_px is None else level_px)))
    depth = height - line
    rng = stage.rng("mirror")
    small = (max(2, width // 2), max(2, depth // 2))
    above = image.crop((0, max(0, line - round(depth * 1.35)), width, line)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    near = above.resize(small, Image.Resampling.BILINEAR)
    # Far from the shore the same ripple moves the mirrored point further.
    longer = above.resize(
        (small[0], max(2, round(small[1] * (1.0 + 0.1 + 0.22 * rough)))), Image.Resampling.BILINEAR
    ).crop((0, 0, *small))
    near = light.blurred(near, 0.6 + rough)
    texture = noise.fractal(rng, (512, 512), (10 + 8 * rough, 70), 4, 0.62)
    ripples = (
        plane(texture, stage, 5.0).crop((0, line, width, height))
        if level_px is None
        else _plane_below(texture, stage, line)
    )
    ripples = ripples.resize(small, Image.Resampling.BILINEAR)
    broken = Image.composite(near, longer, ripples.point(noise.ramp(96, 160)))
    tone = mix(stage.palette.ground, mix(stage.palette.middle, rgb("1d4a5a"), 0.35), 0.4)
    depths = light.slope(small, ((0.0, 255 * 0.06), (0.3, 255 * 0.3 * deep), (1.0, 255 * deep)))
    broken = light.shaded(broken, tone, depths)
    relief = ripples.point(noise.linear(0.22 * (0.4 + rough), 128 - 28 * (0.4 + rough)))
    broken = ImageChops.overlay(broken, relief.convert("RGB"))
    image.paste(broken.resize((width, depth), Image.Resampling.BICUBIC), (0, line))
    image = glitter(stage, image, line, 0.5 + 0.5 * rough)
    return _shore_light(stage, image, line)


def _plane_below(texture: Image.Image, stage: Stage, line: int) -> Image.Image:
    whole_plane = plane(texture, stage, 5.0)
    ground = whole_plane.crop((0, round(stage.horizon_px), stage.width_px, stage.height_px))
    return ground.resize((stage.width_px, stage.height_px - line), Image.Resampling.BILINEAR)


def _shore_light(stage: Stage, image: Image.Image, line: int) -> Image.Image:
    thick = max(1, stage.height_px // 260)
    strip = light.slope((stage.width_px, thick * 4), ((0.0, 0), (0.3, 110), (1.0, 0)))
    image.paste(
        tuple(round(part) for part in mix(stage.palette.haze, stage.palette.horizon, 0.6)), (0, line - thick), strip
    )
    return image


def glitter(stage: Stage, image: Image.Image, line: int, strength: float) -> Image.Image:
    """The path of light that the sun or moon draws on water."""
    if stage.has("storm", "rain", "fog") or (stage.night and not has_disc(stage)):
        return image
    half = stage.half
    rng = stage.rng("glitter")
    x = stage.light[0] * half[0]
    top = line / 2
    depth = half[1] - top
    path = Image.new("L", half)
    spread = 0.035 if has_disc(stage) else 0.1
    ImageDraw.Draw(path).polygon(
        [
            (x - half[0] * spread * 0.5, top),
            (x + half[0] * spread * 0.5, top),
            (x + half[0] * spread * 2.4, half[1]),
            (x - half[0] * spread * 2.4, half[1]),
        ],
        fill=255,
    )
    path = light.blurred(path, half[0] * 0.022)
    fade = light.slope(
        half,
        (
            (0.0, 0),
            (max(0.0, top / half[1] - 0.004), 0),
            (min(0.99, top / half[1] + 0.004), 255),
            (min(0.995, (top + depth * 0.6) / half[1]), 190),
            (1.0, 70),
        ),
    )
    path = ImageChops.multiply(path, fade)
    waves = plane(noise.fractal(rng, (768, 512), (40, 120), 3, 0.7), stage, 6.0, size=half)
    # Where the path is strong more of the waves catch the light.
    sparks = ImageChops.add(waves, path, 2.0).point(noise.ramp(150, 205))
    sparks = ImageChops.multiply(sparks, path)
    body = path.point(noise.linear(0.32 if not stage.night else 0.18))
    tone = mix(stage.palette.light, WHITE, 0.2)
    lit = ImageChops.add(sparks, body).point(noise.linear(strength))
    return light.shine(image, light.coloured(lit, tone))


def sea(stage: Stage, image: Image.Image) -> Image.Image:
    """Open water to the horizon, swell on it, lit by the sky."""
    width, height = stage.size
    half = stage.half
    line = min(height - 2, max(2, round(stage.horizon_px)))
    rng = stage.rng("sea")
    palette = stage.palette
    far = mix(palette.horizon, palette.middle, 0.5)
    middle = mix(mix(palette.middle, rgb("1f5a6a"), 0.3), palette.ground, 0.25)
    deep = mix(palette.ground, mix(palette.zenith, rgb("103a48"), 0.4), 0.5)
    body = light.vertical(
        half, ((0.0, far), (stage.horizon, far), (stage.horizon + (1 - stage.horizon) * 0.28, middle), (1.0, deep))
    )
    center = (stage.light[0] * half[0], stage.horizon * half[1])
    body = light.glow(
        body,
        mix(palette.horizon, palette.light, 0.4),
        center,
        (half[0] * 0.5, half[1] * 0.42),
        0.34 if not stage.night else 0.22,
        2.0,
    )
    swell = plane(noise.fractal(rng, (768, 512), (9, 26), 6, 0.6), stage, 7.0, size=half)
    crest = ImageChops.subtract(swell, noise.shifted(swell, 1, -2), 0.35, 128)
    body = ImageChops.overlay(body, swell.point(noise.linear(0.5, 62)).convert("RGB"))
    body = ImageChops.overlay(body, crest.point(noise.linear(0.6, 50)).convert("RGB"))
    full = body.resize(stage.size, Image.Resampling.BILINEAR)
    image.paste(full.crop((0, line, width, height)), (0, line))
    image = glitter(stage, image, line, 0.95)
    return _shore_light(stage, image, line)


def storm_waves(stage: Stage, image: Image.Image, *, first: int = 0, last: int = 6) -> Image.Image:
    """Steep seas one behind the other with foam on their crests: rows `first` up to `last` of six."""
    width, height = stage.size
    palette = stage.palette
    count = 6
    line_px = stage.horizon_px
    torn = stage.rng("torn")
    tears = [noise.fractal(torn, stage.half, (52 - 18 * part, 54 - 14 * part), 3, 0.75) for part in range(2)]
    for index in range(first, last):
        rng = stage.rng(f"wave{index}")
        near = index / (count - 1)
        distance = (1.0 - near) ** 1.3 * 0.72
        y = line_px + height * (0.015 + (1.0 - stage.horizon) * 0.86 * near**1.25)
        lift = height * (0.016 + 0.085 * near)
        points = points_for(stage, 5.0)
        swell = noise.profile(rng, points, 2.6 + 5.5 * (1.0 - near), 5, 0.5)
        # Crests are sharp, troughs are broad.
        heights = [(1.0 - abs(2.0 * value - 1.0)) ** 1.6 * 0.7 + 0.3 * value for value in swell]
        line = outline(stage, heights, y, lift)
        water = mix(mix(rgb("1d4a52"), palette.middle, 0.45), palette.ground, 0.25 + 0.4 * near)
        top_tone = mix(mix(water, rgb("5f9a94"), 0.35), mix(palette.low, palette.horizon, 0.5), 0.25 + 0.4 * distance)
        low_tone = mix(times(water, 0.55), palette.ground, 0.5 * near)
        body = light.polygons(stage.size, [[(line[0][0], height + 4.0), *line, (line[-1][0], height + 4.0)]])
        field = wash(
            stage,
            mix(top_tone, palette.haze, distance * 0.5),
            mix(low_tone, palette.haze, distance * 0.5),
            y - lift,
            y + lift * 1.1,
            sun=0.22,
        )
        grid = (max(4, width // 4), max(4, height // 4))
        texture = noise.fractal(rng, grid, (7 + 12 * (1 - near), 24), 4, 0.66)
        field = light.textured(field, texture.point(noise.linear(0.5, 60)))
        image = light.lay(image, field, body)
        image = _foam(stage, image, line, lift, near, f"foam{index}", tears[index % 2])
    return image


def _foam(
    stage: Stage,
    image: Image.Image,
    line: list[tuple[float, float]],
    lift: float,
    near: float,
    name: str,
    tear: Image.Image,
) -> Image.Image:
    rng = stage.rng(name)
    half = stage.half
    canvas = Image.new("L", half)
    pencil = ImageDraw.Draw(canvas)
    lowest, highest = max(point[1] for point in line), min(point[1] for point in line)
    span = max(1.0, lowest - highest)
    for (x0, y0), (x1, y1) in itertools.pairwise(line):
        power = ((lowest - (y0 + y1) / 2) / span) ** 1.6
        if power > 0.25:  # only the upper part of a wave breaks
            pencil.line(
                (x0 / 2, y0 / 2 + lift * 0.03, x1 / 2, y1 / 2 + lift * 0.03),
                fill=round(255 * power),
                width=max(1, round(lift * 0.11 * power)),
            )
            if near > 0.15:  # streaks run down the nearer waves
                drop = lift * 0.36 * power * rng.random()
                pencil.line(
                    (x0 / 2, y0 / 2, x0 / 2 + drop * (rng.random() - 0.3) * 1.6, y0 / 2 + drop),
                    fill=round(120 * power),
                    width=1,
                )
    spread = light.blurred(canvas, max(0.6, lift * 0.05))
    foam = ImageChops.multiply(
        ImageChops.add(canvas.point(noise.linear(0.75)), spread), tear.point(noise.ramp(70, 170))
    )
    tone = mix(mix(WHITE, stage.palette.low, 0.35), stage.palette.haze, 0.5 * (1.0 - near))
    if stage.night:
        tone = times(tone, 0.55)
    full = foam.point(noise.linear(0.95))
    return light.lay(image, tone, full)


def spray(stage: Stage, image: Image.Image, x: float, y: float, reach: float, name: str) -> Image.Image:
    """Water bursting up where a wave meets rock: jets, torn by noise, and fine drops."""
    half = stage.half
    rng = stage.rng("spray" + name)
    canvas, drops = Image.new("L", half), Image.new("L", half)
    pencil, fine = ImageDraw.Draw(canvas), ImageDraw.Draw(drops)
    for _ in range(30):
        angle = math.pi * (0.2 + 0.62 * rng.random())
        out = reach * (0.35 + 0.65 * rng.random()) * (0.35 + 0.65 * math.sin(angle) ** 3)
        tip = ((x + math.cos(angle) * out * 0.8) / 2, (y - math.sin(angle) * out) / 2)
        wide = reach * (0.02 + 0.05 * rng.random())
        pencil.polygon([(x / 2 - wide, y / 2), tip, (x / 2 + wide, y / 2)], fill=round(120 + 110 * rng.random()))
        for _ in range(14):
            share = 0.5 + 0.75 * rng.random()
            px = x / 2 + (tip[0] - x / 2) * share + (rng.random() - 0.5) * reach * 0.12
            py = y / 2 + (tip[1] - y / 2) * share + (rng.random() - 0.5) * reach * 0.08
            radius = max(0.3, reach * 0.0035 * rng.random())
            fine.ellipse((px - radius, py - radius, px + radius, py + radius), fill=round(50 + 90 * rng.random()))
    tear = noise.fractal(rng, half, (70, 46), 4, 0.68)
    body = light.blurred(canvas, max(1.0, reach * 0.022))
    body = ImageChops.add(body, tear, 2.0).point(noise.ramp(92, 190, 235))
    body = ImageChops.multiply(body, light.blurred(canvas, max(1.0, reach * 0.05)).point(noise.ramp(4, 90)))
    body = ImageChops.add(body, drops)
    tone = mix(WHITE, stage.palette.low, 0.3)
    return light.lay(image, times(tone, 0.55 if stage.night else 0.95), body)


def ice(stage: Stage, image: Image.Image) -> Image.Image:
    """A frozen lake: a dull mirror with cracks and drifts of snow."""
    image = mirror(stage, image, rough=0.0, deep=0.35)
    half = stage.half
    rng = stage.rng("ice")
    drift = plane(noise.fractal(rng, (512, 512), (7, 9), 5, 0.55), stage, 4.0, size=half)
    near = light.slope(half, ((0.0, 0), (stage.horizon, 0), (stage.horizon + 0.02, 120), (1.0, 215)))
    drift = ImageChops.multiply(drift.point(noise.ramp(118, 175, 235)), near)
    tone = mix(mix(stage.palette.middle, stage.palette.horizon, 0.55), WHITE, 0.12)
    image = light.lay(image, tone, drift.point(noise.linear(0.62)))
    texture = Image.new("L", (1024, 1024))
    pencil = ImageDraw.Draw(texture)
    for _ in range(16):
        x, y = rng.random() * 1024, rng.random() * 1024
        angle = rng.random() * math.pi
        for _ in range(24):
            angle += (rng.random() - 0.5) * 0.9
            step = 18 + 30 * rng.random()
            following = (x + math.cos(angle) * step, y + math.sin(angle) * step)
            pencil.line((x, y, *following), fill=round(150 + 100 * rng.random()), width=2)
            x, y = following
    cracks = plane(texture, stage, 4.0, size=stage.size)
    sky_part = light.slope(
        stage.size, ((0.0, 0), (stage.horizon, 0), (min(0.99, stage.horizon + 0.03), 255), (1.0, 255))
    )
    cracks = ImageChops.multiply(cracks, sky_part)
    return light.shine(image, light.coloured(cracks.point(noise.linear(0.5)), mix(stage.palette.horizon, WHITE, 0.4)))
