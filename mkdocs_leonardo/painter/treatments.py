"""What a style does to the painted picture before it is developed: lenses, prints, drawings."""

import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image, ImageChops, ImageFilter, ImageOps

from mkdocs_leonardo.painter import built, light
from mkdocs_leonardo.painter.abstract import FAMILIES
from mkdocs_leonardo.painter.colour import WHITE, Colour, blend, lightened, luma, mix, rgb, saturate, times, turn, whole
from mkdocs_leonardo.painter.light import Point
from mkdocs_leonardo.painter.material import rounded, sheet
from mkdocs_leonardo.painter.sky import has_disc
from mkdocs_leonardo.painter.stage import Stage
from mkdocs_leonardo.painter.words import table

_CUBIC = Image.Resampling.BICUBIC


def _lens(stage: Stage, image: Image.Image, reach: float, blur: float, discs: tuple[int, float]) -> Image.Image:
    """Return the image sharp right of the middle as far as `reach`, elsewhere blurred, with blurred lights in front."""
    rng, half = stage.rng("discs"), stage.part(2)
    keep = light.halo(half, (half[0] * 0.68, half[1] * 0.5), (half[1] * reach, half[1] * reach), 0.8)
    image = light.lay(light.blurred(image, image.height * blur), image, keep.point(light.ramp(10, 130)))
    layer, pencil = light.canvas("RGB", half)
    for _ in range(discs[0]):
        radius = half[1] * discs[1] * (0.35 + 0.8 * rng.random())
        x, y = half[0] * (0.3 + 0.8 * rng.random() ** 0.8), half[1] * (0.05 + 0.8 * rng.random())
        tone = times(stage.tones[2 + int(rng.random() * 3) % 3], 0.12 + 0.5 * rng.random() ** 2)
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), whole(tone), whole(times(tone, 1.35)))
    return light.shine(image, light.blurred(layer, max(0.7, half[1] / 300)))


def paper_scene(stage: Stage, count: int) -> Image.Image:
    """Return the silhouettes of a scene as `count` sheets of paper, with sun or moon behind the sheets."""
    if stage.land == "sky":
        return FAMILIES["hollows"](stage)
    width, height = stage.size
    # What is bright would be held back for a title: paper is strong in colour instead.
    tones = [lightened(saturate(tone, 1.2), min(1.0, 165 / luma(tone)) ** 0.6) for tone in stage.tones]
    stage = replace(stage, lamp=stage.light, tones=tones)
    rng, forms = stage.rng("paper"), table("palettes")["paper"].get(stage.land, "waves").split()
    sky = ((0.0, stage.tone(0.24)), (0.45, stage.tone(0.4)), (0.8, stage.tone(0.6)), (1.0, stage.tones[2]))
    image = light.lay(light.vertical(stage.part(4), sky), stage.tones[3], stage.lamplight(0.6, 1.8, 150))
    image = image.resize(stage.size, Image.Resampling.BICUBIC)
    if has_disc(stage):
        radius = height * (0.12 + 0.05 * rng.random())
        disc = rounded((width * stage.light[0], height * min(0.42, stage.light[1])), (radius, radius))
        image = sheet(stage, image, disc, 0.9, 0.0, 0.08, 1.0)
    for index in range(count):
        form, near = forms[min(index, len(forms) - 1)], index / max(1, count - 1)
        base, lift = height * (0.55 + 0.45 * near), height * (0.32 - 0.14 * near) * (0.7 + 0.5 * rng.random())
        if form != "peaks":
            share = {"waves": 0.7, "bars": 1.0, "trees": 0.9}.get(form, 0.2 + 0.3 * near)
            base, lift = base + height * 0.02, lift * share
        if stage.has("lighthouse") and index == max(0, count - 3):
            top = base - height * 0.1
            image = built.lighthouse(stage, image, width * 0.72, top, height * 0.45)
            image = built.headland(stage, image, width * 0.72, top, height * 1.02)
        edge = _edge(rng, form)
        line: list[Point] = [(-4.0, height + 4.0)]
        for place, value in enumerate(edge):
            x, y = width * (place / (len(edge) - 1) * 1.02 - 0.01), base - lift * value
            line += [(x, line[-1][1]), (x, y)] if form in {"bars", "houses"} and place else [(x, y)]
        line.append((width + 4.0, height + 4.0))
        image = sheet(stage, image, line, 0.54 - 0.4 * near, 0.026, 0.17, 0.75)
    return image


def _edge(rng: random.Random, form: str) -> list[float]:
    if form == "peaks":
        knots = light.profile(rng, 7 + int(3 * rng.random()), 3.5, 2, 0.5)
        return [v + (w - v) * k / 12 for v, w in itertools.pairwise(knots) for k in range(12)]
    if form in {"bars", "houses", "trees"}:
        values: list[float] = []
        while len(values) < 160:
            tall, wide = 0.3 + 0.7 * rng.random(), 4 + int(rng.random() * 7)
            bulk = rng.random() * math.sin(math.pi * min(1.0, len(values) / 139)) ** 2
            tree = [tall * (1 - abs(2 * (k + 0.5) / wide - 1)) ** 0.9 for k in range(wide)]
            values += tree if form == "trees" else [0.4 * tall + 0.6 * bulk] * wide
        return values[:160]
    slow, fast = (2.5, 6.0) if form == "swell" else (0.6, 2.0)
    waves = [(slow + 1.8 * rng.random(), rng.random() * 6.3, 1.0), (fast + 2 * rng.random(), rng.random() * 6.3, 0.25)]
    raw = [sum(weight * math.sin(f * 6.3 * k / 160 + phase) for f, phase, weight in waves) for k in range(160)]
    return [(value - min(raw)) / max(1e-9, max(raw) - min(raw)) for value in raw]


def _minimalist(stage: Stage, image: Image.Image) -> Image.Image:
    if stage.land:
        return image
    field = light.vertical(stage.part(4), ((0.0, stage.tone(0.3)), (1.0, stage.tone(0.46))))
    (width, height), rng = stage.size, stage.rng("minimal")
    center, reach = (width * (0.68 + 0.1 * rng.random()), height * (0.36 + 0.1 * rng.random())), height * 0.19
    form = rounded(center, (reach, reach * (0.6 + 0.4 * rng.random())), 2.0 + 4.0 * rng.random() ** 2, rng.random())
    return sheet(stage, field.resize(stage.size, _CUBIC), form, 0.74, lean=1.0)


def _grey(image: Image.Image) -> Image.Image:
    small = image.convert("L").reduce(2).filter(ImageFilter.MedianFilter(5))
    small = ImageOps.autocontrast(light.blurred(small, max(0.6, image.height / 700)), cutoff=2)
    return small.resize(image.size, _CUBIC)


def _flat(grey: Image.Image, tones: Sequence[Colour]) -> Image.Image:
    large = grey.resize((grey.width * 2, grey.height * 2), _CUBIC)
    steps = [whole(tones[level * len(tones) // 256]) for level in range(256)]
    return Image.merge("RGB", [large.point([step[band] for step in steps]) for band in range(3)]).reduce(2)


def _vector(stage: Stage, image: Image.Image) -> Image.Image:
    row = stage.tones
    tones = [saturate(blend(row[k // 2], row[min(4, (k + 1) // 2)], 0.5 * (k % 2)), 1.15) for k in range(9)]
    return _flat(_grey(image), tones)


def _screened(tone: Image.Image, cell: Image.Image, turned: float) -> Image.Image:
    """Return dots or lines that grow with the brightness of an L image: `cell` is repeated and turned."""
    width, height = tone.size
    reach = round((width**2 + height**2) ** 0.5) + cell.width
    screen = light.repeated(cell, (reach, reach)).rotate(turned, _CUBIC)
    left, top = (reach - width) // 2, (reach - height) // 2
    return ImageChops.add(screen.crop((left, top, left + width, top + height)), tone, 2.0).point(light.ramp(112, 146))


def _pop_art(stage: Stage, image: Image.Image) -> Image.Image:
    base, grey = stage.rng("pop").random() * 360, _grey(image)
    inks = [rgb("20143c"), *(turn(rgb(ink), base) for ink in ("a81e6a", "d8482e", "d89a2e"))]
    pitch = max(5, round(grey.height / 54))
    dot = ImageOps.autocontrast(ImageChops.invert(Image.radial_gradient("L")).resize((pitch, pitch), _CUBIC))
    dots = _screened(grey.point(light.linear(0.9)), dot, 24)
    return light.lay(_flat(grey, inks), mix(inks[3], WHITE, 0.25), dots.point(light.linear(0.6)))


def _sketch(stage: Stage, image: Image.Image) -> Image.Image:
    grey, pitch = _grey(image), max(4, round(image.height / 100))
    stroke = light.slope((pitch, pitch), ((0.0, 0), (0.5, 255), (1.0, 0)))
    strokes = _screened(grey.point(light.linear(0.86)), stroke, 34)
    strokes = ImageChops.lighter(strokes, _screened(grey.point(light.linear(1.0, -70)), stroke, -28))
    paper = Image.new("RGB", image.size, whole(mix(stage.tones[0], rgb("2a2622"), 0.5)))
    return Image.composite(light.gain(light.blurred(image, image.height / 200), 1.3), paper, strokes)


def _in_motion(stage: Stage, image: Image.Image) -> Image.Image:
    rng, (width, height) = stage.rng("motion"), stage.size
    center = (width * (0.64 + 0.1 * rng.random()), height * (0.38 + 0.12 * rng.random()))
    degrees = (-1.0 if rng.random() < 0.7 else 1.0) * ((4.0 if stage.land else 7.0) + 5.0 * rng.random())
    image = _rushing(_tilted(image, degrees), center)
    tones = [stage.tones[4], saturate(stage.tones[3], 1.3), turn(saturate(stage.tones[3], 1.2), 120)]
    return _streaks(stage, image, center, tones)


def _tilted(image: Image.Image, degrees: float) -> Image.Image:
    (width, height), angle = image.size, math.radians(degrees)
    grow = 2 * (abs(math.cos(angle)) + abs(math.sin(angle)) * max(width / height, height / width))
    box = (width / 2 - width / grow, height / 2 - height / grow, width / 2 + width / grow, height / 2 + height / grow)
    return image.rotate(degrees, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BILINEAR, box=box)


def _rushing(image: Image.Image, center: Point) -> Image.Image:
    half = (max(1, image.width // 2), max(1, image.height // 2))
    rushed = image.resize(half, Image.Resampling.BILINEAR)
    x, y, step = center[0] / 2, center[1] / 2, 1.008
    for _ in range(5):
        keep = 1.0 / step
        away = (keep, 0.0, x * (1 - keep), 0.0, keep, y * (1 - keep))
        moved = rushed.transform(half, Image.Transform.AFFINE, away, Image.Resampling.BILINEAR)
        rushed, step = Image.blend(rushed, moved, 0.5), step * step
    calm = light.halo(half, (x, y), (half[0] * 0.52, half[1] * 0.72), 0.9).point(light.ramp(30, 200))
    return light.lay(rushed.resize(image.size, Image.Resampling.BILINEAR), image, calm)


def _streaks(stage: Stage, image: Image.Image, center: Point, tones: Sequence[Colour]) -> Image.Image:
    rng, half = stage.rng("streaks"), stage.part(2)
    layer, pencil = light.canvas("RGB", half)
    x, y, reach = center[0] / 2, center[1] / 2, math.hypot(*half)
    for _ in range(150):
        angle, near = rng.random() * 2 * math.pi, reach * (0.14 + 0.5 * rng.random())
        far = near * (1.15 + 0.55 * rng.random())
        thick = half[1] * 0.0022 * (0.6 + 2.6 * rng.random() ** 3) * far / reach
        tone = times(tones[int(rng.random() * 3) % 3], 0.12 + 0.5 * rng.random() ** 2)
        cos, sin = math.cos(angle), math.sin(angle)
        ends = [(x + cos * far + way * sin * thick, y + sin * far - way * cos * thick) for way in (-1, 1)]
        pencil.polygon([(x + cos * near, y + sin * near), *ends], fill=whole(tone))
    layer = light.blurred(layer, 0.8)
    return light.shine(image, ImageChops.add(layer, light.gain(light.blurred(layer, half[1] / 90), 0.9)))


TREATMENTS: dict[str, Callable[[Stage, Image.Image], Image.Image]] = {
    "plain": lambda _, image: image,
    "bokeh": lambda stage, image: _lens(stage, image, 0.01, 0.038, (46, 0.11)),
    "in_motion": _in_motion,
    "minimalist": _minimalist,
    "pop_art": _pop_art,
    "macro": lambda stage, image: _lens(stage, image, 0.4, 0.03, (26, 0.18)),
    "portrait": lambda stage, image: _lens(stage, image, 0.55, 0.03, (14, 0.07)),
    "sketch": _sketch,
    "vector": _vector,
}
