"""The sky: gradient, sun or moon, clouds lit from one side, stars, aurora, galaxy, lightning."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004, PLR0911

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light, noise
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, saturate, times, turn, whole
from mkdocs_leonardo.painter.stage import Stage


def paint_sky(stage: Stage) -> Image.Image:
    """The whole sky at full size; below the horizon it fades into the haze."""
    size = stage.half
    image = _air(stage, size)
    said = stage.said
    if stage.night:
        density = 1.6 if stage.has("stars", "galaxy", "space") else 0.8
        if stage.has("galaxy", "space") or (stage.has("stars") and "moon" not in said.sky):
            image = _milky_way(stage, image)
        image = _stars(stage, image, density)
    if "aurora" in said.sky:
        image = _aurora(stage, image)
    image = _disc(stage, image)
    cover = _cover(stage)
    if cover > 0:
        image = _clouds(stage, image, cover)
    if "rainbow" in said.sky:
        image = _rainbow(stage, image)
    if "lightning" in said.sky:
        image = _lightning(stage, image)
    return image.resize(stage.size, Image.Resampling.BILINEAR)


def has_disc(stage: Stage) -> bool:
    """Whether a sun or a moon is to be seen."""
    if "rocket" in stage.said.thing:
        return False
    if stage.night:
        hidden = "aurora" in stage.said.sky or "galaxy" in stage.said.sky or "rain" in stage.said.weather
        return "moon" in stage.said.sky or (not hidden and not stage.has("stars", "volcano", "city", "storm"))
    return not stage.has("storm", "rain", "fog") and stage.hour != "dusk"


def _air(stage: Stage, size: noise.Size) -> Image.Image:
    palette = stage.palette
    low = stage.horizon
    stops = (
        (0.0, palette.zenith),
        (low * 0.42, palette.middle),
        (low * 0.8, palette.low),
        (low, palette.horizon),
        (min(1.0, low + 0.1), palette.haze),
        (1.0, palette.haze),
    )
    image = light.vertical(size, stops)
    x, y = stage.light[0] * size[0], stage.light[1] * size[1]
    if stage.night:
        if has_disc(stage):
            image = light.glow(image, palette.horizon, (x, y), (size[0] * 0.5, size[0] * 0.42), 0.55, 2.6)
        return image
    strength = 0.55 if stage.has("storm", "rain") else 0.62
    image = light.glow(image, palette.horizon, (x, y), (size[0] * 0.75, size[1] * 0.62), strength * 0.7, 2.0)
    image = light.glow(image, palette.light, (x, y), (size[0] * 0.32, size[1] * 0.34), strength, 2.4)
    # The side away from the light is deeper, which gives the eye a direction.
    away = light.slope(size, ((0.0, 255), (1.0, 0)) if x > size[0] / 2 else ((0.0, 0), (1.0, 255)), across=True)
    return light.shaded(image, palette.zenith, away, 0.3)


def _disc(stage: Stage, image: Image.Image) -> Image.Image:
    if not has_disc(stage):
        return image
    width, height = image.size
    x, y = stage.light[0] * width, stage.light[1] * height
    palette = stage.palette
    rng = stage.rng("disc")
    if stage.night:
        radius = height * (0.04 + 0.018 * rng.random()) * (1.25 if "moon" in stage.said.sky else 1.0)
        image = light.glow(image, mix(palette.light, palette.horizon, 0.5), (x, y), (radius * 9, radius * 9), 0.6, 3.0)
        image = light.glow(image, palette.light, (x, y), (radius * 2.6, radius * 2.6), 0.5, 2.0)
        return _moon(image, rng, (x, y), radius, palette.light)
    radius = height * (0.03 + 0.02 * rng.random())
    warm = mix(palette.light, WHITE, 0.5)
    image = light.glow(image, palette.light, (x, y), (radius * 7, radius * 7), 0.75, 2.6)
    mask = light.halo(image.size, (x, y), (radius * 1.25, radius * 1.25), 1.0).point(noise.ramp(20, 90))
    return light.shaded(image, warm, mask)


def _moon(
    image: Image.Image, rng: random.Random, center: tuple[float, float], radius: float, colour: Colour
) -> Image.Image:
    side = max(8, round(radius * 2))
    face = noise.fractal(rng, (side, side), (3, 3), 4, 0.55).point(noise.linear(0.32, 168))
    mask = light.shape(
        (side, side), lambda pencil, s: pencil.ellipse((s, s, (side - 1) * s, (side - 1) * s), fill=255), scale=4
    )
    shade = light.halo((side, side), (side * 0.62, side * 0.42), (side * 0.95, side * 0.95), 0.55)
    face = ImageChops.multiply(face.point(noise.linear(1.05)), shade.point(noise.linear(0.5, 140)))
    image.paste(light.coloured(face, colour), (round(center[0] - side / 2), round(center[1] - side / 2)), mask)
    return image


def _cover(stage: Stage) -> float:
    """How much of the sky is under clouds, 0 to 1."""
    rng = stage.rng("cover")
    if stage.has("storm", "lightning"):
        return 0.86
    if stage.has("rain"):
        return 0.72
    if stage.has("fog"):
        return 0.2
    if stage.has("stars", "aurora", "galaxy", "space"):
        return 0.0
    if "clouds" in stage.said.sky:
        return 0.62
    if stage.has("soft"):
        return 0.28 + 0.15 * rng.random()
    if stage.night:
        return 0.22 + 0.2 * rng.random()
    return 0.3 + 0.34 * rng.random()


def cloud_density(rng: random.Random, size: noise.Size, height_px: float, *, heavy: bool) -> Image.Image:
    """Noise on a ceiling that runs to the horizon at `height_px`, mode L."""
    texture_size = (1024, 512)
    stretch = 2.4 if heavy else 3.6
    texture = noise.fractal(rng, texture_size, (9, 4.5 * stretch / 2.4), 6, 0.53 if heavy else 0.56)
    ratio = 4.6
    width = size[0]
    depth = height_px * ratio / (ratio - 1.0)
    margin = depth - height_px
    scale = (texture_size[0] - 4) * margin / width
    middle_u, middle_x = texture_size[0] / 2, width / 2
    # v runs from the texture's top (above us) to its bottom (at the horizon).
    reach = (texture_size[1] - 4) / (1.0 / margin - 1.0 / depth)
    start = -reach / depth + 2
    coefficients = (
        scale / depth,
        -middle_u / depth,
        (middle_u * depth - middle_x * scale) / depth,
        0.0,
        -start / depth,
        (start * depth + reach) / depth,
        0.0,
        -1.0 / depth,
    )
    top = texture.transform(
        (width, max(1, min(size[1], math.ceil(height_px)))),
        Image.Transform.PERSPECTIVE,
        coefficients,
        Image.Resampling.BILINEAR,
    )
    canvas = Image.new("L", size)
    canvas.paste(top, (0, 0))
    return canvas


def _clouds(stage: Stage, image: Image.Image, cover: float) -> Image.Image:
    size = image.size
    rng = stage.rng("clouds")
    heavy = stage.has("storm", "rain")
    horizon = stage.horizon * size[1]
    density = cloud_density(rng, size, horizon, heavy=heavy)
    threshold = 208 - 190 * cover
    mask = density.point(noise.ramp(threshold, threshold + (95 if heavy else 120), 255, 0.9))
    fade = light.slope(size, ((0.0, 255), (stage.horizon * 0.72, 255), (stage.horizon * 0.98, 40), (1.0, 0)))
    mask = ImageChops.multiply(mask, fade)

    palette = stage.palette
    to_left = 1 if stage.light[0] > 0.5 else -1  # the middle
    shift = max(2, size[0] // 110)
    soft = light.blurred(density, max(1.0, size[0] / 500))
    moved = noise.shifted(soft, -to_left * shift, -max(1, shift // 2))
    relief = ImageChops.subtract(soft, moved, 1.0, 128).point(noise.ramp(70, 186))
    near = light.halo(size, (stage.light[0] * size[0], stage.light[1] * size[1]), (size[0] * 0.7, size[1] * 0.75), 1.1)
    relief = ImageChops.multiply(relief, near.point(noise.linear(0.72, 72)))
    # Thick parts let no light through.
    thick = density.point(noise.ramp(threshold + 30, 255, 165))
    relief = ImageChops.subtract(relief, thick.point(noise.linear(0.55 if heavy else 0.3)))

    if stage.night:
        shadow, lit = mix(palette.zenith, palette.middle, 0.5), mix(palette.low, palette.light, 0.42)
    elif heavy:
        shadow, lit = mix(palette.zenith, palette.middle, 0.35), mix(palette.low, palette.light, 0.55)
    else:
        shadow = mix(palette.middle, palette.haze, 0.4)
        lit = mix(palette.horizon, palette.light, 0.55)
    shadow_layer = light.vertical(
        size, ((0.0, times(shadow, 0.82)), (stage.horizon, mix(shadow, palette.low, 0.55)), (1.0, shadow))
    )
    lit_layer = light.vertical(size, ((0.0, mix(lit, palette.low, 0.35)), (stage.horizon, lit), (1.0, lit)))
    layer = Image.composite(lit_layer, shadow_layer, relief)
    return Image.composite(layer, image, mask.point(noise.linear(0.96 if heavy else 0.86)))


def _stars(stage: Stage, image: Image.Image, density: float) -> Image.Image:
    width, height = image.size
    rng = stage.rng("stars")
    layer = Image.new("RGB", image.size)
    pencil = ImageDraw.Draw(layer)
    count = round(width * height / 500 * density)
    bright: list[tuple[float, float, Colour]] = []
    for _ in range(count):
        x, y = rng.random() * width, rng.random() ** 1.15 * height * stage.horizon * 1.04
        level = rng.random() ** 7
        tone = mix(rgb("ffd9b0"), rgb("bcd4ff"), rng.random())
        value = times(mix(tone, WHITE, 0.4), 0.16 + 0.84 * level)
        pencil.point((x, y), fill=whole(value))
        if level > 0.9:  # the few brightest
            bright.append((x, y, tone))
    for x, y, tone in bright:
        radius = height / 700 * (0.5 + 0.9 * rng.random() ** 2)
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=whole(mix(tone, WHITE, 0.6)))
    layer = light.blurred(layer, max(0.3, height / 900))
    halo = light.gain(light.blurred(layer, max(1.0, height / 220)), 1.7)
    fade = light.slope(image.size, ((0.0, 255), (stage.horizon * 0.55, 230), (stage.horizon, 30), (1.0, 0)))
    layer = ImageChops.multiply(ImageChops.add(layer, halo), fade.convert("RGB"))
    return ImageChops.screen(image, layer)


def _milky_way(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = image.size
    rng = stage.rng("milky")
    long_side = round(math.hypot(width, height) * 1.1)
    band_size = (max(8, long_side // 2), max(8, height // 2))
    body = light.slope(band_size, ((0.0, 0), (0.25, 20), (0.42, 120), (0.5, 170), (0.6, 110), (0.78, 18), (1.0, 0)))
    texture = noise.fractal(rng, band_size, (9, 3), 6, 0.6)
    dust = noise.fractal(rng, band_size, (7, 4), 6, 0.58)
    lane = light.slope(band_size, ((0.0, 0), (0.4, 30), (0.52, 255), (0.63, 40), (1.0, 0)))
    dust = ImageChops.multiply(dust.point(noise.ramp(90, 190)), lane)
    body = ImageChops.multiply(body, texture.point(noise.linear(0.85, 38)))
    body = ImageChops.subtract(body, dust.point(noise.linear(0.62)))
    along = light.slope(band_size, ((0.0, 40), (0.55, 255), (0.75, 230), (1.0, 60)), across=True)
    body = ImageChops.multiply(body, along)
    core = mix(rgb("ffd8b8"), stage.palette.horizon, 0.25)
    edge = mix(rgb("7f9be0"), stage.palette.horizon, 0.5)
    tone = light.vertical(
        band_size, ((0.0, edge), (0.45, core), (0.55, core), (0.8, mix(edge, rgb("c07ad0"), 0.35)), (1.0, edge))
    )
    band = ImageChops.multiply(tone, body.convert("RGB"))
    band = band.resize((long_side, height), Image.Resampling.BICUBIC)
    angle = 28 + 26 * rng.random()
    band = band.rotate(angle, Image.Resampling.BILINEAR, expand=True)
    layer = Image.new("RGB", image.size)
    center = (width * (0.56 + 0.12 * rng.random()), height * stage.horizon * 0.45)
    layer.paste(band, (round(center[0] - band.width / 2), round(center[1] - band.height / 2)))
    fade = light.slope(image.size, ((0.0, 255), (stage.horizon * 0.6, 235), (stage.horizon, 60), (1.0, 0)))
    layer = ImageChops.multiply(layer, fade.convert("RGB"))
    strength = 1.15 if stage.has("galaxy", "space") else 0.85
    return ImageChops.screen(image, light.gain(layer, strength))


def _aurora(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = image.size
    rng = stage.rng("aurora")
    result = image
    green, other = rgb("3dffa0"), (rgb("7a5cff") if rng.random() < 0.6 else rgb("ff5cb8"))
    if stage.said.colour:
        green = mix(green, rgb(stage.said.colour[0]), 0.75)
        other = turn(green, 60)
    columns = max(24, width // 4)
    for curtain in range(3):
        base = noise.profile(rng, columns, 1.5, 3, 0.5)
        power = noise.profile(rng, columns, 7.0, 4, 0.7)
        rays = noise.profile(rng, columns, 60.0, 3, 0.7)
        tall = noise.profile(rng, columns, 5.0, 3, 0.6)
        rows = 108
        # One column per ray: bright at the lower hem, long and faint upwards.
        data = bytearray(columns * rows)
        for column in range(columns):
            hem = (0.42 + 0.44 * base[column] - 0.1 * curtain) * rows
            reach = (0.25 + 0.45 * tall[column] + 0.12 * rays[column]) * rows
            level = (0.12 + 0.88 * power[column] ** 1.6) * (0.5 + 0.5 * rays[column]) * 255
            for row in range(max(0, int(hem - reach)), min(rows, int(hem) + 16)):
                up = (hem - row) / reach
                share = max(0.0, 1.0 - up) ** 1.7 if up >= 0 else max(0.0, 1.0 + up * reach / 16.0) ** 2
                data[row * columns + column] = int(level * share)
        mask = Image.frombytes("L", (columns, rows), bytes(data))
        mask = mask.resize((width, max(1, round(height * stage.horizon))), Image.Resampling.BICUBIC)
        canvas = Image.new("L", image.size)
        canvas.paste(mask, (0, 0))
        canvas = canvas.point(noise.linear(0.85 - 0.2 * curtain))
        tone = light.vertical(
            image.size,
            ((0.0, other), (stage.horizon * 0.35, mix(other, green, 0.55)), (stage.horizon * 0.7, green), (1.0, green)),
        )
        result = ImageChops.screen(result, ImageChops.multiply(tone, canvas.convert("RGB")))
        result = ImageChops.screen(
            result, light.coloured(light.blurred(canvas, width / 40).point(noise.linear(0.45)), green)
        )
    return result


def _rainbow(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = image.size
    layer = Image.new("RGB", image.size)
    pencil = ImageDraw.Draw(layer)
    radius, thick = width * 0.42, max(6, width // 26)
    x, y = width * 0.62, height * (stage.horizon + 0.12)
    for step in range(thick):
        hue = turn(rgb("ff3030"), 275 * step / thick)
        edge = math.sin(math.pi * step / thick)
        reach = radius - step
        pencil.arc((x - reach, y - reach, x + reach, y + reach), 180, 360, fill=whole(times(hue, 0.4 * edge)), width=2)
    return ImageChops.screen(image, light.blurred(layer, 2))


def _lightning(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = image.size
    rng = stage.rng("lightning")
    start = (width * (0.5 + 0.35 * rng.random()), 0.0)
    layer = Image.new("L", image.size)
    pencil = ImageDraw.Draw(layer)

    def bolt(x: float, y: float, bottom: float, thick: float, depth: int) -> None:
        while y < bottom:
            following = (x + (rng.random() - 0.5) * height * 0.075, y + height * (0.012 + 0.03 * rng.random()))
            pencil.line((x, y, *following), fill=255, width=max(1, round(thick)))
            if depth and rng.random() < 0.2:  # one joint in five forks
                bolt(*following, following[1] + height * 0.16 * rng.random(), thick * 0.5, depth - 1)
            x, y = following

    bolt(*start, height * stage.horizon, max(1.0, height / 200), 2)
    flash = mix(stage.palette.light, rgb("c9d8ff"), 0.7)
    wide = light.blurred(layer, height / 30).point(noise.linear(2.6))
    image = light.glow(image, saturate(flash, 0.7), (start[0], height * 0.1), (width * 0.4, height * 0.5), 0.5)
    image = ImageChops.screen(image, light.coloured(wide, flash))
    return ImageChops.screen(image, light.coloured(light.blurred(layer, 0.6).point(noise.linear(1.5)), WHITE))
