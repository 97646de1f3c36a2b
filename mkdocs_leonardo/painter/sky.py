"""The sky: gradient, sun or moon, clouds lit from one side, stars, aurora."""

import math

from PIL import Image, ImageChops

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import WHITE, mix, rgb, times, turn, whole
from mkdocs_leonardo.painter.stage import Stage
from mkdocs_leonardo.painter.words import table


def paint_sky(stage: Stage) -> Image.Image:
    """Paint the whole sky at full size; below the horizon it fades into the haze."""
    image = _air(stage)
    if stage.night:
        if stage.has("galaxy") or (stage.has("stars") and not stage.has("moon")):
            image = _milky_way(stage, image)
        image = _stars(stage, image)
    image = _aurora(stage, image) if stage.has("aurora") else image
    image = _disc(stage, image) if has_disc(stage) else image
    if (cover := _cover(stage)) > 0:
        image = _clouds(stage, image, cover)
    return image.resize(stage.size, Image.Resampling.BILINEAR)


def has_disc(stage: Stage) -> bool:
    """Return whether a sun or a moon is to be seen; a moon only where the words name it."""
    veiled = stage.has("storm", "rain", "fog") or stage.hour == "dusk"
    return stage.has("moon") if stage.night else not veiled


def _air(stage: Stage) -> Image.Image:
    palette, low, size = stage.palette, stage.horizon, stage.part(2)
    stops = [(0.0, palette.zenith), (low * 0.42, palette.middle), (low * 0.8, palette.low), (low, palette.horizon)]
    image = light.vertical(size, [*stops, (min(1.0, low + 0.1), palette.haze), (1.0, palette.haze)])
    x, y = stage.light[0] * size[0], stage.light[1] * size[1]
    if stage.night:
        strength = 0.55 if has_disc(stage) else 0.25
        return light.glow(image, palette.horizon, (x, y), (size[0] * 0.5, size[0] * 0.42), strength, 2.6)
    image = light.glow(image, palette.horizon, (x, y), (size[0] * 0.75, size[1] * 0.62), 0.4)
    image = light.glow(image, palette.light, (x, y), (size[0] * 0.32, size[1] * 0.34), 0.6, 2.4)
    # The side away from the light is deeper, which gives the eye a direction.
    return light.lay(image, palette.zenith, light.slope(size, ((0.0, 76), (1.0, 0)), across=True))


def _disc(stage: Stage, image: Image.Image) -> Image.Image:
    (width, height), tone, rng = image.size, stage.palette.light, stage.rng("disc")
    center = (stage.light[0] * width, stage.light[1] * height)
    radius = height * (0.03 + 0.02 * rng.random()) * (1.5 if stage.night else 1.0)
    image = light.glow(image, tone, center, (radius * 7, radius * 7), 0.7, 2.8)
    soft = (2, 22) if stage.night else (20, 90)
    mask = light.halo(image.size, center, (radius * 1.1, radius * 1.1), 1.0).point(light.ramp(*soft))
    face = Image.new("RGB", image.size, whole(mix(tone, WHITE, 0.5)))
    if stage.night:
        spots = light.fractal(rng, image.size, (width / radius * 1.5, height / radius * 1.5), 4, 0.55)
        face = light.coloured(spots.point(light.linear(0.36, 150)), tone)
    return light.lay(image, face, mask)


def _cover(stage: Stage) -> float:
    named: list[float] = [cover for word, cover in table("palettes")["cover"].items() if stage.has(word)]
    low, span = (0.22, 0.2) if stage.night or stage.has("soft") else (0.3, 0.34)
    return named[0] if named else low + span * stage.rng("cover").random()


def _clouds(stage: Stage, image: Image.Image, cover: float) -> Image.Image:
    size, palette, heavy = image.size, stage.palette, stage.has("storm", "rain")
    high = max(4, math.ceil(stage.horizon * size[1]))
    cells = (9, 4.5 if heavy else 6.75)
    density, ceiling = Image.new("L", size), light.fractal(stage.rng("clouds"), (1024, 512), cells, 6, 0.54)
    density.paste(light.receding(ceiling, (size[0], high), 4.6), (0, 0))
    threshold = 208 - 190 * cover
    mask = density.point(light.ramp(threshold, threshold + (95 if heavy else 120), 255, 0.9))
    fade = light.slope(size, ((0.0, 255), (stage.horizon * 0.72, 255), (stage.horizon * 0.98, 40), (1.0, 0)))
    mask, shift = ImageChops.multiply(mask, fade), max(2, size[0] // 110)
    soft = light.blurred(density, max(1.0, size[0] / 500))
    moved = light.shifted(soft, -shift, -max(1, shift // 2))
    relief = ImageChops.subtract(soft, moved, 1.0, 128).point(light.ramp(70, 186))
    near = light.halo(size, (stage.light[0] * size[0], stage.light[1] * size[1]), (size[0] * 0.7, size[1] * 0.75), 1.1)
    relief = ImageChops.multiply(relief, near.point(light.linear(0.72, 72)))
    # Thick parts let no light through.
    relief = ImageChops.subtract(relief, density.point(light.ramp(threshold + 30, 255, 90 if heavy else 50)))
    if heavy or stage.night:
        shadow, lit = mix(palette.zenith, palette.middle, 0.4), mix(palette.low, palette.light, 0.5)
    else:
        shadow, lit = mix(palette.middle, palette.haze, 0.4), mix(palette.horizon, palette.light, 0.55)
    low = (stage.horizon, mix(shadow, palette.low, 0.55))
    shadows = light.vertical(size, ((0.0, times(shadow, 0.82)), low, (1.0, shadow)))
    lights = light.vertical(size, ((0.0, mix(lit, palette.low, 0.35)), (stage.horizon, lit), (1.0, lit)))
    layer = Image.composite(lights, shadows, relief)
    return Image.composite(layer, image, mask.point(light.linear(0.96 if heavy else 0.86)))


def _stars(stage: Stage, image: Image.Image) -> Image.Image:
    (width, height), rng, line = image.size, stage.rng("stars"), stage.horizon
    layer, pencil = light.canvas("RGB", image.size)
    for _ in range(round(width * height / (310 if stage.has("stars", "galaxy") else 620))):
        x, y, level = rng.random() * width, rng.random() ** 1.15 * height * line * 1.04, rng.random() ** 7
        tone = mix(mix(rgb("ffd9b0"), rgb("bcd4ff"), rng.random()), WHITE, 0.4)
        radius = height / 700 * (0.5 + 0.9 * rng.random() ** 2) if level > 0.9 else 0.0  # the few brightest
        box = (x - radius, y - radius, x + radius, y + radius)
        pencil.rectangle(box, fill=whole(times(tone, 0.16 + 0.84 * level)))
    layer = light.blurred(layer, max(0.3, height / 900))
    layer = ImageChops.add(layer, light.gain(light.blurred(layer, max(1.0, height / 220)), 1.7))
    fade = light.slope(image.size, ((0.0, 255), (line * 0.55, 230), (line, 30), (1.0, 0)))
    return ImageChops.screen(image, ImageChops.multiply(layer, fade.convert("RGB")))


def _milky_way(stage: Stage, image: Image.Image) -> Image.Image:
    (width, height), rng = image.size, stage.rng("milky")
    size = (round(math.hypot(width, height) * 1.1), height)
    lane = light.slope(size, ((0.0, 0), (0.4, 30), (0.52, 255), (0.63, 40), (1.0, 0)))
    dust = ImageChops.multiply(light.fractal(rng, size, (7, 4), 6, 0.58).point(light.ramp(90, 190, 158)), lane)
    body = light.slope(size, ((0.0, 0), (0.25, 20), (0.42, 120), (0.5, 170), (0.6, 110), (0.78, 18), (1.0, 0)))
    body = ImageChops.multiply(body, light.fractal(rng, size, (9, 3), 6, 0.6).point(light.linear(0.85, 38)))
    along = light.slope(size, ((0.0, 40), (0.55, 255), (0.75, 230), (1.0, 60)), across=True)
    body = ImageChops.multiply(ImageChops.subtract(body, dust), along)
    core, rim = mix(rgb("ffd8b8"), stage.palette.horizon, 0.25), mix(rgb("7f9be0"), stage.palette.horizon, 0.5)
    band = ImageChops.multiply(light.vertical(size, ((0.0, rim), (0.5, core), (1.0, rim))), body.convert("RGB"))
    band = band.rotate(28 + 26 * rng.random(), Image.Resampling.BILINEAR, expand=True)
    left, top = width * (0.56 + 0.12 * rng.random()) - band.width / 2, height * stage.horizon * 0.45 - band.height / 2
    layer = band.crop((round(-left), round(-top), round(-left) + width, round(-top) + height))
    line = stage.horizon
    fade = light.slope(image.size, ((0.0, 255), (line * 0.6, 235), (line, 60), (1.0, 0)))
    return ImageChops.screen(image, ImageChops.multiply(layer, fade.convert("RGB")))


def _aurora(stage: Stage, image: Image.Image) -> Image.Image:
    (width, height), rng, line = image.size, stage.rng("aurora"), stage.horizon
    green, other = rgb("3dffa0"), rgb("7a5cff") if rng.random() < 0.6 else rgb("ff5cb8")
    if stage.said.colour:
        green, other = rgb(stage.said.colour[0]), turn(rgb(stage.said.colour[0]), 60)
    tone = light.vertical(image.size, ((0.0, other), (line * 0.7, green), (1.0, green)))
    columns, rows, ray = max(24, width // 4), 108, light.slope((1, 108), ((0.0, 0), (0.6, 90), (0.86, 255), (1.0, 0)))
    for curtain in range(3):
        waves = ((1.5, 3, 0.5), (7.0, 4, 0.7), (60.0, 3, 0.7), (5.0, 3, 0.6))
        mask, profiles = Image.new("L", (columns, rows)), [light.profile(rng, columns, *wave) for wave in waves]
        for column, (base, power, fine, tall) in enumerate(zip(*profiles, strict=True)):
            # One column per ray: bright at the lower hem, long and faint upwards.
            hem, reach = (0.42 + 0.44 * base - 0.1 * curtain) * rows, (0.3 + 0.5 * tall + 0.14 * fine) * rows
            level = (0.12 + 0.88 * power**1.6) * (0.5 + 0.5 * fine) * (0.85 - 0.2 * curtain)
            mask.paste(ray.resize((1, round(reach))).point(light.linear(level)), (column, round(hem + 10 - reach)))
        canvas = Image.new("L", image.size)
        canvas.paste(mask.resize((width, round(height * line) + 1), Image.Resampling.BICUBIC))
        image = ImageChops.screen(image, ImageChops.multiply(tone, canvas.convert("RGB")))
        haze = light.blurred(canvas, width / 40).point(light.linear(0.45))
        image = ImageChops.screen(image, light.coloured(haze, green))
    return image
