"""What people have built: a lighthouse on its rock, towns by day and by night, wet streets."""

import math
import random

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, times, under, whole
from mkdocs_leonardo.painter.land import Line, wash
from mkdocs_leonardo.painter.stage import Stage

NEON = tuple(rgb(part) for part in ("ff3d8b", "27e0ff", "a04dff", "ff8a3d", "35ffb0"))
_WINDOWS = tuple(rgb(part) for part in ("ffd08a", "ffe3b0", "ffbf6b", "d8e6ff"))
_WARM = rgb("ffd28a")

Box = tuple[float, float, float, float]
Pencil = ImageDraw.ImageDraw


def headland(stage: Stage, image: Image.Image, x: float, top: float, base: float) -> Image.Image:
    """Paint rock rising out of the water under (x, top) and running off to the right, a ledge at its top."""
    (width, height), rng, rock = stage.size, stage.rng("headland"), rgb("3a3836")
    left = x - width * (0.16 + 0.05 * rng.random())
    line = [(left, base + height * 0.03)]
    for index, jag in enumerate(light.profile(rng, 90, 9.0, 5, 0.6)):
        px = left + (width * 1.04 - left) * index / 89
        beside = max(0.0, x - width * 0.03 - px, px - x - width * 0.105) / (width * 0.04)
        fall = 0.3 * max(0.0, (px - x - width * 0.105) / max(1.0, width - x)) ** 0.8
        rise = max(0.0, (px - left) / (x - left)) ** 0.75 if px < x else 1.0 - fall
        rise = rise if beside > 0 else 1.0
        line.append((px, base - (base - top) * (rise + (jag - 0.5) * 0.32 * min(1.0, beside, rise * 2))))
    dark = times(mix(stage.air(rock, 0.1), stage.palette.ground, 0.35), 0.75)
    crags = light.fractal(rng, stage.part(2), (30, 16), 5, 0.68)
    relief = ImageChops.subtract(crags, light.shifted(crags, -2, 2), 0.45, 118).point(light.ramp(80, 190))
    high, low = top / height, base / height
    foot = ((0.0, 0), (high, 0), (high + (low - high) * 0.4, 70), (low, 215), (1.0, 215))
    lit = mix(stage.air(rock, 0.1), under(rock, stage.palette.light), 0.09 if stage.night else 0.35)
    field = light.two_tone(dark, lit, relief)
    field = light.lay(field, stage.palette.ground, light.slope(field.size, foot))
    return light.lay(image, field, light.polygons(stage.size, [[*line, (width * 1.04, base + height * 0.03)]]))


def lighthouse(stage: Stage, image: Image.Image, x: float, foot: float, tall: float) -> Image.Image:
    """Paint a lighthouse with its foot at (x, foot), a lit lamp, beams through the air and the keeper's house."""
    broad, palette = tall * 0.115, stage.palette
    dark = stage.hour != "day" or stage.has("storm", "fog", "rain")
    lamp = (x, foot - tall * 0.9)
    image = _beams(stage, image, lamp) if dark else image
    white = mix(stage.air(rgb("e8e4da"), 0.1), under(rgb("efe9dc"), palette.light), 0.5)
    white = times(white, 0.42 if stage.night else 0.8)
    red = mix(times(under(rgb("a8322a"), palette.light), 0.5 if stage.night else 0.85), palette.haze, 0.1)
    night = mix(palette.ground, palette.middle, 0.1)
    pane = _WARM if dark else night
    left, top = round(x - broad * 2), round(foot - tall * 1.1)
    canvas, pencil = light.canvas("RGBA", (round(broad * 6.5) * 4, round(tall * 1.13) * 4), (*whole(night), 0))

    def part(tone: Colour, low: float, high: float, w0: float, w1: float, aside: float = 0.0) -> None:
        corners = ((aside - w0, low), (aside + w0, low), (aside + w1, high), (aside - w1, high))
        points = [((x + u * broad - left) * 4, (foot - v * tall - top) * 4) for u, v in corners]
        pencil.polygon(points, fill=(*whole(tone), 255))

    part(times(white, 0.62), 0.0, 0.13, 1.4, 1.4, 2.4)
    part(times(red, 0.6), 0.125, 0.21, 1.6, 1.0, 2.4)
    for place in (1.7, 2.6, 3.3):
        part(pane, 0.05, 0.095, 0.11, 0.11, place)
    side = 0.062 if stage.light[0] * stage.size[0] > x else -0.062
    for band in range(5):
        low, tone = 0.16 * band, (white, red)[band % 2]
        for strip in range(9):  # round: ever narrower strips towards the lit side
            facing, w0, w1 = 0.34 + 0.66 * strip / 8, 1.0 - 0.525 * low, 0.916 - 0.525 * low
            shrink = 1.0 - strip / 9
            part(mix(night, tone, facing), low, low + 0.16, w0 * shrink, w1 * shrink, side * strip * w0)
    for window in (0.2, 0.4, 0.6):
        part(times(pane, 0.8), window, window + 0.035, 0.09, 0.09)
    part(night, 0.79, 0.825, 0.88, 0.88)
    part(mix(_WARM if dark else palette.low, WHITE, 0.4), 0.825, 0.93, 0.42, 0.42)
    for post in (-0.42, -0.14, 0.14, 0.42):
        part(night, 0.825, 0.93, 0.025, 0.025, post)
    part(red, 0.93, 1.0, 0.58, 0.02)
    part(night, 0.99, 1.05, 0.03, 0.0)
    tower = canvas.reduce(4)
    image.paste(tower, (left, top), tower)
    if dark:
        image = light.glow(image, mix(_WARM, WHITE, 0.3), lamp, (tall * 0.9, tall * 0.9), 0.62, 3.2)
        image = light.glow(image, WHITE, lamp, (tall * 0.13, tall * 0.13), 0.95, 1.6)
    return image


def _beams(stage: Stage, image: Image.Image, lamp: tuple[float, float]) -> Image.Image:
    half, rng = stage.part(2), stage.rng("lighthouse")
    layer, pencil = light.canvas("L", half)
    x, y, far = lamp[0] / 2, lamp[1] / 2, stage.size[0] * 0.75
    tilt = math.radians(172 + 14 * rng.random())
    for angle, spread, level in ((tilt, 0.075, 215), (tilt + math.pi * (0.93 + 0.1 * rng.random()), 0.1, 150)):
        for step in range(6):
            ends = [angle + way * spread * (1.0 - step / 7) for way in (-1, 1)]
            points = [(x, y), *((x + math.cos(end) * far, y + math.sin(end) * far) for end in ends)]
            pencil.polygon(points, fill=round(level * (0.35 + 0.65 * (step + 1) / 6)))
    layer = light.blurred(layer, max(1.0, half[0] / 240))
    layer = ImageChops.multiply(layer, light.halo(half, (x, y), (half[0] * 0.78, half[0] * 0.78), 1.35))
    drift = light.fractal(rng, half, (7, 5), 4, 0.5).point(light.linear(0.34, 130))
    return light.shine(image, light.coloured(ImageChops.multiply(layer, drift), mix(_WARM, WHITE, 0.45)))


def skyline(stage: Stage, image: Image.Image, *, low: bool = False) -> Image.Image:
    """Paint rows of towers on the horizon, paler with distance, lit windows after sunset; `low` makes a small town."""
    height, rng, base, rows = stage.size[1], stage.rng("skyline"), stage.horizon_px, 2 if low else 4
    dark = stage.hour in {"night", "dusk"} or (low and stage.hour != "day")
    center, lamps = 0.6 + 0.2 * rng.random(), Image.new("RGB", stage.size)
    pencil = ImageDraw.Draw(lamps)
    for index in range(rows):
        near = index / (rows - 1)
        distance = (1.0 - near) * (0.45 if low else 0.74) + 0.03
        boxes, roofs = _towers(stage, rng, near, center, low=low)
        mask = light.polygons(stage.size, [*roofs, *([(a, b), (c, b), (c, d), (a, d)] for a, b, c, d in boxes)])
        tone = stage.air(rgb("4a3f44" if low else "3a4250"), distance)
        tone = mix(tone, stage.palette.ground, 0.25 if dark else 0.0)
        foot = mix(tone, stage.palette.haze, 0.25 + 0.4 * distance)
        image = light.lay(image, wash(stage, tone, foot, (base - height * 0.5, base), 0.45 * distance), mask)
        lamps.paste((0, 0, 0), (0, 0), mask)  # a nearer row hides the lights behind it
        for box in boxes:
            _windows(stage, rng, pencil, box, near * (0.4 if low else 1.0), 0.3 if dark else 0.05)
    level = 1.0 if dark else 0.35
    image = light.shine(image, light.gain(lamps, level))
    return light.shine(image, light.gain(light.blurred(lamps.reduce(4), height / 360), 1.7 * level))


def _towers(stage: Stage, rng: random.Random, near: float, center: float, *, low: bool) -> tuple[list[Box], list[Line]]:
    (width, height), base = stage.size, stage.horizon_px
    boxes: list[Box] = []
    roofs: list[Line] = []
    x = -width * 0.02
    while x < width * 1.02:
        broad = width * (0.018 + 0.025 * rng.random()) * (1.0 if low else 0.75 + 0.65 * near)
        bulk = max(0.0, 1.0 - abs((x + broad / 2) / width - center) / 0.62)
        tall = height * (0.06 + (0.1 + 0.42 * bulk**1.5) * rng.random() ** 1.2) * (1.05 - 0.48 * near)
        tall = height * ((0.04 + 0.05 * rng.random()) * (0.6 + 0.6 * bulk) + 0.03 * (1 - near)) if low else tall
        top, middle, kind = base - tall, x + broad / 2, rng.random()
        boxes.append((x, top, x + broad, base + 2))
        if low:
            roofs.append([(x, top), (middle, top - broad * 0.34), (x + broad, top)])
        elif kind < 0.28:  # set back, most of them with a mast
            boxes.append((x + broad * 0.2, top - tall * 0.12, x + broad * 0.8, top))
            mast = top - tall * 0.4 * rng.random()
            roofs.append([(middle - broad * 0.03, top), (middle, mast), (middle + broad * 0.03, top)])
        elif kind < 0.5:  # sloping or pointed
            roofs.append([(x, top), (middle if kind < 0.38 else x + broad, top - tall * 0.16), (x + broad, top)])
        x += broad * (0.92 + 0.5 * rng.random() * (1.0 if near < 0.5 else 0.6))
    return boxes, roofs


def _windows(stage: Stage, rng: random.Random, pencil: Pencil, box: Box, near: float, share: float) -> None:
    """Paint lit windows in one tower, and on some towers of a neon city a sign or a crown of light."""
    x0, y0, x1, y1 = box
    unit = max(2.0, stage.size[1] * (0.0042 + 0.0052 * near))
    tone, busy = _WINDOWS[int(rng.random() * 4) % 4], share * (0.35 + 1.3 * rng.random())
    for floor in range(int((y1 - y0 - unit) / (unit * 1.9))):
        for column in range(int((x1 - x0 - unit) / (unit * 1.5))):
            if rng.random() < busy:
                left, top = x0 + unit * (0.75 + column * 1.5), y0 + unit * (0.9 + floor * 1.9)
                value = whole(times(tone, (0.4 + 0.5 * near) * (0.35 + 0.65 * rng.random())))
                pencil.rectangle((left, top, left + unit * 0.85, top + unit * 0.95), fill=value)
    if stage.has("neon") and near > 0.3 and y1 - y0 > stage.size[1] * 0.08 and rng.random() < 0.42:
        neon, thick = whole(NEON[int(rng.random() * 5) % 5]), max(1, round(stage.size[1] / 300))
        left, top = x0 + (x1 - x0) * (0.1 + 0.5 * rng.random()), y0 + (y1 - y0) * (0.1 + 0.3 * rng.random())
        sign = (left, top, left + (x1 - x0) * 0.16, top + (y1 - y0) * 0.25)
        pencil.rectangle(sign if rng.random() < 0.5 else (x0, y0, x1, y0 + thick), outline=neon, width=thick)
