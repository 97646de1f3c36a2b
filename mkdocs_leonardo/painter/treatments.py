"""The styles: what is painted for each, and how it is developed."""

from __future__ import annotations

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004
import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from mkdocs_leonardo.painter import abstract, land, light, noise, weather
from mkdocs_leonardo.painter.colour import BLACK, WHITE, Colour, mix, rgb, saturate, times, turn, whole
from mkdocs_leonardo.painter.landscape import land_of, paint_landscape
from mkdocs_leonardo.painter.motion import paint_motion
from mkdocs_leonardo.painter.stage import Stage


def develop(stage: Stage, style: str) -> Image.Image:
    """The finished picture in a style; a style nobody knows is cinematic."""
    return _STYLES.get(style, _cinematic)(stage)


def _finish(
    stage: Stage,
    image: Image.Image,
    *,
    bloom: float = 0.3,
    contrast: float = 0.32,
    gamma: float = 1.0,
    shadows: Colour = (-3, 0, 7),
    lights: Colour = (7, 2, -6),
    vignette: float = 0.34,
    grain: float = 5.0,
    room: float = 1.0,
) -> Image.Image:
    """Bloom, grade, vignette, room for a title, grain."""
    if bloom > 0:
        image = light.bloom(image, 170, bloom, stage.height_px / 60)
    image = light.graded(image, shadows, lights, contrast, gamma)
    image = light.vignette(image, vignette)
    if room > 0:
        image = _title_room(image, room)
    return light.grained(image, stage.rng("grain"), grain)


def _title_room(image: Image.Image, strength: float) -> Image.Image:
    """Burnt in at the lower left, where a white title stands, as far as the picture needs it."""
    small = image.resize((16, 9), Image.Resampling.BOX).convert("L").crop((0, 5, 9, 9))
    mean = sum(small.tobytes()) / len(small.tobytes())
    need = max(0.0, min(0.62, (mean - 62) / 130)) * strength
    if need <= 0:
        return image
    size = (max(4, image.width // 8), max(4, image.height // 8))
    down = light.slope(size, ((0.0, 0), (0.36, 0), (0.74, 200), (1.0, 255)))
    across = light.slope(size, ((0.0, 255), (0.42, 225), (0.8, 120), (1.0, 90)), across=True)
    mask = ImageChops.multiply(down, across).point([round(255 - level * need) for level in range(256)])
    return ImageChops.multiply(image, mask.resize(image.size, Image.Resampling.BICUBIC).convert("RGB"))


def _saturated(image: Image.Image, factor: float) -> Image.Image:
    return ImageEnhance.Color(image).enhance(factor)


def _mapped(image: Image.Image, stops: light.Stops) -> Image.Image:
    """An L image in the colours of a gradient."""
    tables: list[list[int]] = [[], [], []]
    for level in range(256):
        for table, value in zip(tables, whole(light.at(stops, level / 255)), strict=True):
            table.append(value)
    return Image.merge("RGB", [image.point(table) for table in tables])


# --- the three of the main job --------------------------------------------------------------------------------------


def _cinematic(stage: Stage) -> Image.Image:
    return _finish(stage, paint_landscape(stage))


def _creative(stage: Stage) -> Image.Image:
    image = abstract.paint_abstract(stage)
    return _finish(stage, image, bloom=0.2, contrast=0.25, vignette=0.25, grain=6.0)


def _dynamic(stage: Stage) -> Image.Image:
    image = paint_motion(stage, paint_landscape(stage))
    return _finish(stage, image, bloom=0.4, contrast=0.45, vignette=0.4)


# --- photographs ----------------------------------------------------------------------------------------------------


def _concept(stage: Stage) -> Image.Image:
    """Concept art: larger light, teal shadows and orange lights, painted rather than photographed."""
    image = weather.rays(stage, paint_landscape(stage), 0.55)
    small = image.resize(stage.half, Image.Resampling.BILINEAR).filter(ImageFilter.MedianFilter(5))
    image = Image.blend(image, small.resize(stage.size, Image.Resampling.BICUBIC), 0.75)
    canvas = noise.fractal(stage.rng("canvas"), stage.half, (170, 60), 2, 0.6).point(noise.linear(0.07, 119))
    image = light.textured(image, canvas.resize(stage.size, Image.Resampling.BILINEAR))
    return _finish(
        stage, image, bloom=0.42, contrast=0.5, shadows=(-12, 4, 16), lights=(18, 4, -16), vignette=0.45, grain=3.0
    )


def _moody(stage: Stage) -> Image.Image:
    image = _saturated(weather.veil(stage, paint_landscape(stage), 0.35, "mood"), 0.55)
    return _finish(
        stage,
        image,
        bloom=0.22,
        contrast=0.55,
        gamma=1.55,
        shadows=(-2, 3, 9),
        lights=(2, 0, -4),
        vignette=0.62,
        grain=7.0,
    )


def _vibrant(stage: Stage) -> Image.Image:
    return _finish(
        stage,
        _saturated(paint_landscape(stage), 1.85),
        bloom=0.34,
        contrast=0.5,
        shadows=(2, -2, 10),
        vignette=0.2,
        grain=3.0,
    )


def _plain(stage: Stage) -> Image.Image:
    """No look at all: the scene as it was painted."""
    return _finish(
        stage,
        paint_landscape(stage),
        bloom=0.0,
        contrast=0.0,
        shadows=BLACK,
        lights=BLACK,
        vignette=0.1,
        grain=2.5,
        room=0.6,
    )


def _pro_colour(stage: Stage) -> Image.Image:
    image = paint_landscape(stage)
    image = image.filter(ImageFilter.UnsharpMask(stage.height_px / 160, 70, 2))
    return _finish(
        stage,
        _saturated(image, 1.22),
        bloom=0.18,
        contrast=0.55,
        shadows=(0, 1, 3),
        lights=(3, 1, -1),
        vignette=0.22,
        grain=2.5,
    )


def _pro_bw(stage: Stage) -> Image.Image:
    """Panchromatic film behind a red filter: deep skies, bright warm lights."""
    image = paint_landscape(stage)
    red, green, blue = image.split()
    grey = Image.blend(Image.blend(red, green, 0.4), blue, 0.08)
    image = Image.merge("RGB", (grey, grey, grey)).filter(ImageFilter.UnsharpMask(stage.height_px / 120, 60, 2))
    return _monochrome(
        _finish(stage, image, contrast=0.85, gamma=1.12, shadows=BLACK, lights=BLACK, vignette=0.45, grain=9.0)
    )


def _monochrome(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _film(stage: Stage) -> Image.Image:
    """Negative film: lifted blacks, red halation around lights, visible grain."""
    image = paint_landscape(stage)
    lights = light.softened(ImageChops.multiply(image, image), stage.height_px / 28)
    red, green, _ = lights.split()
    image = light.shine(
        image,
        light.gain(Image.merge("RGB", (red, green.point(noise.linear(0.35)), green.point(noise.linear(0.08)))), 0.7),
    )
    image = _finish(
        stage,
        _saturated(image, 0.82),
        bloom=0.25,
        contrast=0.2,
        shadows=(10, 16, 14),
        lights=(10, 4, -18),
        vignette=0.4,
        grain=13.0,
    )
    return image.point([round(16 + level * 0.92) for level in range(256)] * 3)


def _stock(stage: Stage) -> Image.Image:
    """Bright and airy, with the sun in the lens."""
    image = paint_landscape(stage)
    width, height = stage.size
    x, y = stage.light_px
    image = light.glow(image, WHITE, (x, y), (width * 0.5, width * 0.4), 0.42, 2.0)
    for share, radius, level in ((0.55, 0.05, 0.16), (0.85, 0.09, 0.1), (1.3, 0.035, 0.18)):
        at = (x + (width * 0.45 - x) * share, y + (height * 0.62 - y) * share)
        image = light.glow(image, stage.palette.light, at, (height * radius, height * radius), level, 0.3)
    return _finish(
        stage,
        _saturated(image, 1.08),
        bloom=0.2,
        contrast=0.15,
        gamma=0.74,
        shadows=(4, 6, 8),
        lights=(4, 3, 0),
        vignette=0.08,
        grain=2.5,
        room=0.85,
    )


# --- lenses ---------------------------------------------------------------------------------------------------------


def discs(stage: Stage, image: Image.Image, count: int, size: float, name: str, *, level: float = 1.0) -> Image.Image:
    """Lights far out of focus: round, even, a little brighter at the rim."""
    width, height = stage.size
    rng = stage.rng(name)
    palette = stage.palette
    tones = [palette.light, saturate(palette.horizon, 1.4), saturate(palette.low, 1.5), mix(palette.light, WHITE, 0.5)]
    if stage.has("neon", "city"):
        tones += [rgb("ff5a9b"), rgb("4ae0ff"), rgb("ffb45a")]
    half = stage.half
    for depth in range(2):
        layer = Image.new("RGB", half)
        pencil = ImageDraw.Draw(layer)
        for _ in range(count // 2):
            radius = height * size * (0.35 + 0.8 * rng.random()) * (0.7 + 0.6 * depth) / 2
            x = half[0] * (0.25 + 0.8 * rng.random() ** 0.8)
            y = half[1] * (0.1 + 0.72 * rng.random())
            tone = tones[int(rng.random() * len(tones)) % len(tones)]
            power = (0.1 + 0.4 * rng.random() ** 2) * level
            pencil.ellipse(
                (x - radius, y - radius, x + radius, y + radius),
                fill=whole(times(tone, power)),
                outline=whole(times(tone, power * 1.5)),
                width=max(1, round(radius / 14)),
            )
        image = light.shine(image, light.blurred(layer, max(0.7, height / 700 * (1 + 2 * depth))))
    del width
    return image


def _bokeh(stage: Stage) -> Image.Image:
    image = light.blurred(paint_landscape(stage), stage.height_px / 26)
    image = discs(stage, image, 70, 0.075, "bokeh")
    return _finish(stage, _saturated(image, 1.2), bloom=0.3, contrast=0.4, vignette=0.35)


def _portrait(stage: Stage) -> Image.Image:
    """A long lens: what stands at the right third is sharp, all around melts away."""
    image = paint_landscape(stage)
    width, height = stage.size
    soft = light.blurred(image, height / 38)
    soft = discs(stage, soft, 26, 0.05, "portrait", level=0.7)
    keep = light.halo(stage.half, (width * 0.34, height * 0.28), (width * 0.13, height * 0.3), 0.8).point(
        noise.ramp(20, 150)
    )
    image = light.lay(soft, image, keep)
    image = light.glow(image, stage.palette.light, (width * 0.68, height * 0.5), (width * 0.34, height * 0.6), 0.22)
    return _finish(stage, image, bloom=0.25, contrast=0.3, shadows=(6, -1, 1), lights=(12, 4, -8), vignette=0.55)


def _macro(stage: Stage) -> Image.Image:
    """Dew drops close to the lens, the scene upside down in each of them."""
    scene = paint_landscape(stage)
    width, height = stage.size
    rng = stage.rng("macro")
    image = light.blurred(scene, height / 20)
    image = discs(stage, image, 20, 0.1, "macro", level=0.7)
    stem = mix(mix(stage.palette.ground, rgb("2f5a2c"), 0.55), stage.palette.low, 0.12)
    start, end = (
        (width * 0.3, height * 1.02),
        (width * (0.98 + 0.06 * rng.random()), height * (0.18 + 0.2 * rng.random())),
    )
    knee = (width * 0.74, height * (0.9 - 0.1 * rng.random()))

    def along(t: float) -> tuple[float, float]:
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        return a * start[0] + b * knee[0] + c * end[0], a * start[1] + b * knee[1] + c * end[1]

    upper = [along(part / 40) for part in range(41)]
    lower = [
        (x + height * 0.012 * (1.5 - k / 40), y + height * 0.034 * (1.3 - k / 40)) for k, (x, y) in enumerate(upper)
    ]
    image = light.lay(
        image,
        land.wash(stage, mix(stem, stage.palette.light, 0.3), stem, height * 0.2, height, sun=0.4),
        light.polygons(stage.size, [[*upper, *lower[::-1]]]),
    )
    for index, t in enumerate((0.42, 0.56, 0.68, 0.79, 0.9)):
        radius = height * (0.035 + 0.05 * rng.random()) * (1.25 if index == 2 else 1.0)
        x, y = along(t)
        image = glass_ball(stage, image, scene, (x, y + radius * 0.75), radius)
    return _finish(stage, _saturated(image, 1.25), bloom=0.35, contrast=0.4, vignette=0.4)


def glass_ball(
    stage: Stage, image: Image.Image, scene: Image.Image, center: tuple[float, float], radius: float
) -> Image.Image:
    """A ball of glass: the scene upside down in it, dark rim, a highlight."""
    side = max(12, round(radius * 2))
    view = scene.resize((side * 2, side * 2), Image.Resampling.BOX, box=_window(scene, center)).transpose(
        Image.Transpose.ROTATE_180
    )
    cells = 12
    mesh = []
    for row in range(cells):
        for column in range(cells):
            x0, y0, x1, y1 = (round(side * value / cells) for value in (column, row, column + 1, row + 1))
            corners = [_bent(px, py, side) for px, py in ((x0, y0), (x0, y1), (x1, y1), (x1, y0))]
            mesh.append(((x0, y0, x1, y1), tuple(value for corner in corners for value in corner)))
    face = view.transform((side, side), Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    rim = light.halo((side, side), (side / 2, side / 2), (side / 2, side / 2), 1.0)
    face = ImageChops.multiply(
        face, rim.point([min(255, round(70 + level * 3.4)) for level in range(256)]).convert("RGB")
    )
    face = light.glow(face, stage.palette.light, (side * 0.62, side * 0.84), (side * 0.42, side * 0.24), 0.55, 1.6)
    face = light.glow(face, WHITE, (side * 0.34, side * 0.24), (side * 0.14, side * 0.1), 0.95, 1.1)
    mask = light.shape(
        (side, side), lambda pencil, s: pencil.ellipse((s, s, (side - 1) * s, (side - 1) * s), fill=255), scale=3
    )
    image.paste(face, (round(center[0] - side / 2), round(center[1] - side / 2)), mask)
    return image


def _window(scene: Image.Image, center: tuple[float, float]) -> tuple[float, float, float, float]:
    reach = min(scene.width, scene.height) * 0.48
    x = max(reach, min(scene.width - reach, center[0]))
    return x - reach, scene.height / 2 - reach, x + reach, scene.height / 2 + reach


def _bent(x: float, y: float, side: int) -> tuple[float, float]:
    u, v = 2 * x / side - 1, 2 * y / side - 1
    out = min(1.0, math.hypot(u, v))
    factor = 0.55 + 0.45 * out**2
    return (u * factor + 1) * side, (v * factor + 1) * side


def _ray_traced(stage: Stage) -> Image.Image:
    """Glass spheres on a polished floor, the scene behind and in them."""
    scene = paint_landscape(stage)
    width, height = stage.size
    rng = stage.rng("spheres")
    floor = round(height * 0.7)
    image = light.blurred(scene, height / 40)
    glossy = light.blurred(
        image.crop((0, max(0, floor - (height - floor) * 2), width, floor))
        .transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        .resize((width, height - floor)),
        height / 120,
    )
    glossy = light.shaded(glossy, stage.palette.ground, light.slope(glossy.size, ((0.0, 120), (1.0, 225))))
    image.paste(glossy, (0, floor))
    spots = [(0.7, 0.25), (0.5, 0.11), (0.88, 0.13), (0.36, 0.06), (0.59, 0.055), (0.8, 0.045)]
    for share, size in sorted(spots, key=lambda spot: spot[1], reverse=True):
        radius = height * size * (0.9 + 0.2 * rng.random())
        x = width * (share + 0.03 * (rng.random() - 0.5))
        foot = floor + height * (0.05 + 0.2 * (1 - size / 0.25))
        shade = light.halo(stage.half, (x / 2, foot / 2), (radius * 0.75, radius * 0.13), 1.0, 230)
        image = light.lay(image, times(stage.palette.ground, 0.5), shade)
        image = light.glow(
            image, stage.palette.light, (x + radius * 0.3, foot + radius * 0.12), (radius * 0.8, radius * 0.12), 0.5
        )
        image = glass_ball(stage, image, scene, (x, foot - radius * 0.98), radius)
    return _finish(stage, image, bloom=0.4, contrast=0.45, vignette=0.3, grain=2.5)


# --- made things ----------------------------------------------------------------------------------------------------


def _render(stage: Stage) -> Image.Image:
    """A soft studio render: matt spheres and sheets under one lamp."""
    image = abstract.paint_abstract(stage)
    width, height = stage.size
    tones = abstract.colours_of(stage)
    rng = stage.rng("render")
    spots = [(0.78, 0.66, 0.17), (0.6, 0.8, 0.085), (0.9, 0.86, 0.07), (0.5, 0.9, 0.04), (0.68, 0.92, 0.05)]
    for index, (fx, fy, size) in enumerate(spots):
        radius = height * size * (0.9 + 0.25 * rng.random())
        center = (width * fx, height * fy)
        shade = light.halo(
            stage.half,
            (center[0] / 2 - radius * 0.1, (center[1] + radius * 0.95) / 2),
            (radius * 0.8, radius * 0.24),
            1.2,
            210,
        )
        image = light.lay(image, times(tones[0], 0.5), shade)
        image = abstract.ball(
            stage, image, center, radius, saturate(mix(tones[3 + index % 3], WHITE, 0.12), 1.15), tones
        )
    return _finish(stage, image, bloom=0.3, contrast=0.2, gamma=0.88, vignette=0.2, grain=2.0)


def _fashion(stage: Stage) -> Image.Image:
    """A studio: drapery and one great disc in muted tones."""
    image = abstract.paint_abstract(stage, muted=True)
    return _finish(
        stage,
        image,
        bloom=0.25,
        contrast=0.35,
        gamma=1.05,
        shadows=(6, -2, 2),
        lights=(10, 2, -2),
        vignette=0.45,
        grain=8.0,
    )


def _flat(stage: Stage, image: Image.Image, levels: int, stops: light.Stops) -> Image.Image:
    """The image in a few flat colours with clean borders."""
    grey = image.convert("L").resize(stage.half, Image.Resampling.BILINEAR).filter(ImageFilter.MedianFilter(7))
    grey = noise.stretched(light.blurred(grey, stage.height_px / 430), 0.02)
    grey = grey.resize((stage.width_px * 2, stage.height_px * 2), Image.Resampling.BICUBIC)
    step = 255 / (levels - 1)
    return _mapped(grey.point([round(round(level / step) * step) for level in range(256)]).reduce(2), stops)


def _vector(stage: Stage) -> Image.Image:
    tones = [saturate(tone, 1.1) for tone in abstract.colours_of(stage)]
    stops = [(index / 6, tone) for index, tone in enumerate(tones)]
    image = _flat(stage, paint_landscape(stage), 7, stops)
    return _finish(stage, image, bloom=0.0, contrast=0.1, shadows=BLACK, lights=BLACK, vignette=0.0, grain=1.2)


def _pop_art(stage: Stage) -> Image.Image:
    """Four loud colours and a screen of dots."""
    base = stage.rng("pop").random() * 360
    ink = [
        rgb("1a1030"),
        turn(rgb("d81e6a"), base),
        turn(rgb("ff7a1e"), base),
        turn(rgb("ffd91e"), base),
        rgb("fff6d8"),
    ]
    scene = paint_landscape(stage)
    image = _flat(stage, scene, 5, [(index / 4, tone) for index, tone in enumerate(ink)])
    pitch = max(4, round(stage.height_px / 62))
    scale = 2
    cell = Image.radial_gradient("L").resize((pitch * scale, pitch * scale), Image.Resampling.BICUBIC)
    screen = Image.new("L", (stage.width_px * scale, stage.height_px * scale))
    screen.paste(cell, (0, 0))
    across = pitch * scale
    while across < screen.width:
        screen.paste(screen.crop((0, 0, across, pitch * scale)), (across, 0))
        across *= 2
    down = pitch * scale
    while down < screen.height:
        screen.paste(screen.crop((0, 0, screen.width, down)), (0, down))
        down *= 2
    tone = noise.stretched(light.blurred(scene.convert("L"), pitch / 2), 0.02).resize(
        screen.size, Image.Resampling.BILINEAR
    )
    dots = ImageChops.add(screen, tone.point(noise.linear(0.8, -10)), 2.0).point(noise.ramp(104, 116)).reduce(scale)
    image = light.lay(image, ink[0], ImageChops.invert(dots).point(noise.linear(0.42)))
    return _finish(stage, image, bloom=0.0, contrast=0.15, shadows=BLACK, lights=BLACK, vignette=0.0, grain=2.0)


def _outlines(stage: Stage, image: Image.Image, strength: float) -> Image.Image:
    """Where the image changes, bright on black (L)."""
    grey = image.convert("L")
    fine = light.blurred(grey, max(0.7, stage.height_px / 860))
    wide = light.blurred(grey, stage.height_px / 260)
    return ImageChops.difference(fine, wide).point(noise.ramp(3, 30 / strength))


def _hatching(stage: Stage, name: str, slant: float) -> Image.Image:
    """Fine pencil strokes in one direction (L)."""
    width, height = stage.size
    reach = round(math.hypot(width, height)) + 2
    strokes = noise.fractal(stage.rng(name), (reach, reach), (reach / 44, reach / 2.6), 1)
    turned = strokes.rotate(slant, Image.Resampling.BILINEAR)
    left, top = (reach - width) // 2, (reach - height) // 2
    return turned.crop((left, top, left + width, top + height))


def _sketch_bw(stage: Stage) -> Image.Image:
    """White chalk on black paper."""
    scene = paint_landscape(stage)
    lines = _outlines(stage, scene, 1.4)
    grey = noise.stretched(scene.convert("L"), 0.02)
    one, two = _hatching(stage, "hatch", 32), _hatching(stage, "cross", -24)
    tone = ImageChops.multiply(grey.point(noise.linear(0.9)), one.point(noise.linear(0.75, 60)))
    bright = ImageChops.multiply(grey.point(noise.ramp(120, 255, 200)), two.point(noise.linear(0.8, 40)))
    chalk = ImageChops.add(
        ImageChops.add(tone.point(noise.linear(0.62)), bright.point(noise.linear(0.5))), lines.point(noise.linear(0.8))
    )
    tooth = noise.fractal(stage.rng("tooth"), stage.size, (stage.width_px / 3, stage.height_px / 3), 2, 0.7)
    chalk = ImageChops.multiply(chalk, tooth.point(noise.ramp(20, 150)))
    image = _mapped(chalk, ((0.0, rgb("17181b")), (0.5, rgb("7d7f82")), (1.0, rgb("f1f0ec"))))
    return _monochrome(
        _finish(stage, image, bloom=0.0, contrast=0.1, shadows=BLACK, lights=BLACK, vignette=0.25, grain=5.0)
    )


def _sketch_colour(stage: Stage) -> Image.Image:
    """Coloured pencils on toned paper."""
    scene = _saturated(light.blurred(paint_landscape(stage), max(0.7, stage.height_px / 430)), 1.7)
    paper = mix(mix(rgb("e6dcc8"), stage.palette.horizon, 0.2), stage.palette.ground, 0.06)
    one, two = _hatching(stage, "hatch", 38), _hatching(stage, "cross", -18)
    dark = ImageChops.invert(noise.stretched(scene.convert("L"), 0.02))
    cover = ImageChops.add(
        one.point(noise.linear(0.7, 80)), ImageChops.multiply(two.point(noise.linear(0.7, 30)), dark)
    )
    image = light.lay(Image.new("RGB", stage.size, whole(paper)), scene, cover.point(noise.linear(0.9)))
    image = light.lay(image, times(stage.palette.ground, 0.8), _outlines(stage, scene, 1.2).point(noise.linear(0.7)))
    tooth = noise.fractal(stage.rng("tooth"), stage.size, (stage.width_px / 3, stage.height_px / 3), 2, 0.7).point(
        noise.linear(0.3, 92)
    )
    return _finish(
        stage,
        light.textured(image, tooth),
        bloom=0.0,
        contrast=0.15,
        shadows=BLACK,
        lights=BLACK,
        vignette=0.15,
        grain=4.0,
    )


def _illustration(stage: Stage) -> Image.Image:
    """Gouache: flattened tones, fine dark outlines, paper."""
    scene = paint_landscape(stage)
    small = scene.resize(stage.half, Image.Resampling.BILINEAR).filter(ImageFilter.MedianFilter(5))
    tones = small.point([round(round(level / 20) * 20) for level in range(256)] * 3)
    image = Image.blend(small, tones, 0.4).resize(stage.size, Image.Resampling.BICUBIC)
    image = light.lay(
        _saturated(image, 1.4), times(stage.palette.ground, 0.7), _outlines(stage, scene, 0.9).point(noise.linear(0.6))
    )
    paper = noise.fractal(stage.rng("paper"), stage.half, (150, 90), 3, 0.6).point(noise.linear(0.09, 116))
    image = light.textured(image, paper.resize(stage.size, Image.Resampling.BILINEAR))
    return _finish(
        stage,
        image,
        bloom=0.0,
        contrast=0.2,
        gamma=0.92,
        shadows=(6, 2, 4),
        lights=(4, 2, -8),
        vignette=0.12,
        grain=3.0,
    )


def _minimalist(stage: Stage) -> Image.Image:
    """A wide calm field, one disc, one or two lines of land."""
    palette = stage.palette
    width, height = stage.size
    rng = stage.rng("minimal")
    image = light.vertical(
        stage.size,
        (
            (0.0, mix(palette.middle, palette.zenith, 0.4)),
            (0.75, mix(palette.low, palette.haze, 0.35)),
            (1.0, palette.haze),
        ),
    )
    radius = height * (0.07 + 0.07 * rng.random())
    x, y = width * (0.66 + 0.08 * rng.random()), height * (0.34 + 0.14 * rng.random())
    mask = light.shape(
        stage.size,
        lambda pencil, s: pencil.ellipse(
            [part * s for part in (x - radius, y - radius, x + radius, y + radius)], fill=255
        ),
    )
    image = light.lay(image, mix(palette.light, palette.horizon, 0.35), mask)
    kind = land_of(stage)
    sharp = kind in {"mountains", "volcano", "canyon"}
    still = kind in {"ocean", "lake", "coast", "harbour", "city", "island"}
    for row in range(2):
        octaves = 2 if sharp else 1
        heights = noise.profile(rng, 200, (1.6 if not still else 0.5) + 0.7 * rng.random(), octaves, 0.35, sharp=sharp)
        lift = height * (0.26 - 0.1 * row) * (0.12 if still else 1.0)
        line = land.outline(stage, heights, height * (0.8 + 0.1 * row), lift)
        tone = mix(mix(palette.middle, palette.ground, 0.45 + 0.45 * row), palette.haze, 0.2 * (1 - row))
        image = light.lay(image, tone, land.mask_below(stage, line))
    return _finish(stage, image, bloom=0.0, contrast=0.12, vignette=0.1, grain=4.0)


_STYLES: dict[str, Callable[[Stage], Image.Image]] = {
    "CINEMATIC": _cinematic,
    "CREATIVE": _creative,
    "DYNAMIC": _dynamic,
    "3D_RENDER": _render,
    "BOKEH": _bokeh,
    "CINEMATIC_CONCEPT": _concept,
    "FASHION": _fashion,
    "GRAPHIC_DESIGN_POP_ART": _pop_art,
    "GRAPHIC_DESIGN_VECTOR": _vector,
    "ILLUSTRATION": _illustration,
    "MACRO": _macro,
    "MINIMALIST": _minimalist,
    "MOODY": _moody,
    "NONE": _plain,
    "PORTRAIT": _portrait,
    "PRO_BW_PHOTOGRAPHY": _pro_bw,
    "PRO_COLOR_PHOTOGRAPHY": _pro_colour,
    "PRO_FILM_PHOTOGRAPHY": _film,
    "RAY_TRACED": _ray_traced,
    "SKETCH_BW": _sketch_bw,
    "SKETCH_COLOR": _sketch_colour,
    "STOCK_PHOTO": _stock,
    "VIBRANT": _vibrant,
}
