"""Land and water: ridges, peaks with snow, dunes, meadows, woods, mirrors, seas; painted from far to near."""

import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, times, under, whole
from mkdocs_leonardo.painter.sky import has_disc
from mkdocs_leonardo.painter.stage import Stage

Line = list[tuple[float, float]]
_FINE = 240  # points of an outline
Spot = tuple[float, float, float]  # x, foot and height of a tree


def wash(stage: Stage, top: Colour, bottom: Colour, span_px: tuple[float, float], sun: float = 0.4) -> Image.Image:
    """Return a field from `top` at the first height to `bottom` at the second, brighter towards the light."""
    size, height = stage.part(4), stage.size[1]
    first, last = span_px[0] / height, max(span_px[0] / height + 0.01, span_px[1] / height)
    field = light.vertical(size, ((min(0.0, first), top), (first, top), (last, bottom), (max(1.0, last), bottom)))
    center = (stage.light[0] * size[0], stage.light[1] * size[1])
    return light.glow(field, stage.palette.light, center, (size[0] * 0.36, size[1] * 0.6), sun, 2.2)


def outline(stage: Stage, heights: Sequence[float], base_px: float, rise_px: float) -> Line:
    """Return the points of a ridge: `heights` (0 to 1) spread over the width, standing on `base_px`."""
    last, width = len(heights) - 1, stage.size[0]
    return [(width * (i / last * 1.04 - 0.02), base_px - rise_px * value) for i, value in enumerate(heights)]


def mask_below(stage: Stage, line: Line) -> Image.Image:
    """Return the L mask of everything under a line."""
    bottom = stage.size[1] + 4.0
    return light.polygons(stage.size, [[(line[0][0], bottom), *line, (line[-1][0], bottom)]])


def mist(stage: Stage, image: Image.Image, y_px: float, thick_px: float, strength: float) -> Image.Image:
    """Paint a bank of mist lying around `y_px`, torn by light."""
    middle, reach = y_px / stage.size[1], max(0.01, thick_px / stage.size[1])
    shape = ((-1.0, 0), (-0.25, 190), (0.0, 235), (0.35, 120), (1.0, 0))
    stops = [(min(0.0, middle - reach), 0.0), *((middle + reach * place, level) for place, level in shape)]
    bank = light.slope(stage.part(4), [*stops, (max(1.0, middle + reach), 0)])
    texture = light.fractal(stage.rng(f"mist{y_px:.0f}"), stage.part(4), (4, 7), 4, 0.5)
    bank = ImageChops.multiply(bank, texture.point(light.linear(0.75, 64))).point(light.linear(strength))
    tone = mix(stage.palette.haze, stage.palette.horizon, 0.35)
    return light.lay(image, wash(stage, tone, tone, (0, stage.size[1]), 0.3), bank)


def ground_plane(texture: Image.Image, stage: Stage, ratio: float, size: light.Size) -> Image.Image:
    """Return an L texture laid on the ground from the horizon to the viewer; above the horizon it is level 128."""
    horizon, canvas = min(size[1] - 1, max(0, round(stage.horizon * size[1]))), Image.new("L", size, 128)
    ground = light.receding(texture, (size[0], size[1] - horizon), ratio)
    canvas.paste(ground.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (0, horizon))
    return canvas


def ridges(stage: Stage, image: Image.Image, material: Colour, rise: float, base: float, nearest: float) -> Image.Image:
    """Paint two lines of hills, the farther one paler, from `base` below the horizon (fractions of the height)."""
    height, rng = stage.size[1], stage.rng(f"ridges{rise}")
    for near in (0, 1):
        distance = 1.0 - (near * (1.0 - nearest) + (1 - near) * 0.12)
        y = stage.horizon_px + height * (base + (1.0 - base - stage.horizon) * 0.62 * near)
        lift = height * rise * (0.75 + 0.5 * rng.random()) * (1.0 - 0.25 * near)
        line = outline(stage, light.profile(rng, _FINE, 2.2 + 1.6 * near + rng.random(), 7, 0.46), y, lift)
        colour = stage.air(material, distance)
        foot = mix(colour, stage.palette.haze, 0.55 * distance + 0.12)
        field = wash(stage, colour, foot, (y - lift, y + height * 0.08), 0.5 * distance)
        image = light.lay(image, field, mask_below(stage, line))
        if not near:
            image = mist(stage, image, y + height * 0.02, height * 0.07, 0.5)
    return image


def peaks(stage: Stage, image: Image.Image, base_px: float, rise_px: float, far: float, snow: float) -> Image.Image:
    """Paint one mountain chain with lit and shaded faces. `far` is the distance, `snow` the snow line (1: the foot)."""
    rng, height, palette, count = stage.rng(f"peaks{far:.2f}"), stage.size[1], stage.palette, _FINE
    focus = stage.light[0] * 0.55 + 0.3 * rng.random()
    heights = light.profile(rng, count, 3.6 - 1.4 * far + rng.random(), 7, 0.47, sharp=True)
    # The chain culminates off the centre and leaves room for the title.
    bell = [v * (0.5 + 0.5 * math.exp(-(((k / count - focus) / 0.34) ** 2))) for k, v in enumerate(heights)]
    line, far = outline(stage, [(value / max(bell)) ** 1.12 for value in bell], base_px, rise_px), 0.35 * far
    faces = _faces(stage, rng, line, base_px, -1.0 if stage.light[0] < focus else 1.0)
    lamp = mix(palette.horizon, palette.light, 0.35 if stage.night else 0.55)
    body = light.two_tone(stage.air(rgb("252529"), far), mix(stage.air(rgb("4a4a52"), far), lamp, 0.16), faces)
    dark = mix(mix(palette.middle, palette.zenith, 0.3), palette.haze, 0.2 + 0.35 * far)
    dark = mix(dark, WHITE, 0.0 if stage.night else 0.08)
    bright = mix(mix(lamp, WHITE, 0.1 if stage.night else 0.4), palette.haze, 0.55 * far)
    edge = (base_px - rise_px * (1.0 - snow)) / height
    # Snow ends along a ragged line and lies thinner on steep, shaded faces.
    lie = light.slope(faces.size, ((0.0, 255), (max(0.0, edge - 0.22), 235), (min(1.0, edge + 0.12), 40), (1.0, 0)))
    lie = ImageChops.add(lie, light.fractal(rng, faces.size, (34, 26), 4, 0.7), 2.0).point(light.ramp(122, 144))
    body = Image.composite(light.two_tone(dark, bright, faces), body, lie)
    top = (max(0.0, (base_px - rise_px) / height), 64 * far)
    veil = light.slope(faces.size, ((0.0, 0), top, (base_px / height, 255 * (0.45 + 0.5 * far)), (1.0, 255)))
    return light.lay(image, light.lay(body, mix(palette.haze, palette.horizon, 0.3), veil), mask_below(stage, line))


def _faces(stage: Stage, rng: random.Random, line: Line, base_px: float, side: float) -> Image.Image:
    """Return the light on each place of a chain (half size, L); spines from the summits part light from shade."""
    width, height = stage.part(2)
    canvas, pencil = light.canvas("L", (width, height), 40)
    tops = [i for i in range(2, len(line) - 2) if line[i][1] <= min(y for _, y in line[max(0, i - 4) : i + 5])]
    foot = base_px / 2 + height * 0.05
    for index in sorted(tops, key=lambda summit: line[summit][1]):  # low summits stand in front of high ones
        spine = [(line[index][0] / 2, line[index][1] / 2)]
        reach, lean = foot - spine[0][1], (rng.random() - 0.5) * 0.5
        while spine[-1][1] < foot:
            step = reach * (0.05 + 0.06 * rng.random()) + 0.5
            spine.append((spine[-1][0] + step * (lean + (rng.random() - 0.5) * 1.1), spine[-1][1] + step))
        broad = reach * (0.9 + 0.5 * rng.random())
        pencil.polygon([*spine, (spine[-1][0] + side * broad, foot)], fill=round(150 + 90 * rng.random()))
        pencil.polygon([*spine, (spine[-1][0] - side * broad, foot)], fill=round(28 + 40 * rng.random()))
        for x, y in spine[1:-1]:  # ribs break the large faces
            for way, level in ((side, 70), (-side, 135)):
                out, fall = reach * (0.12 + 0.2 * rng.random()), round(level + 45 * (rng.random() - 0.5))
                rib = [(x, y), (x + way * out * 0.85, y + out * 1.15), (x + way * out * 0.22, y + out * 1.28)]
                pencil.polygon(rib, fill=fall)
    soft = light.blurred(canvas, max(0.6, height / 260))
    crags = light.fractal(rng, (width, height), (30, 14), 5, 0.66)
    mixed = ImageChops.add(soft, crags.point(light.linear(0.55, -70)))
    return ImageChops.subtract(mixed, crags.point(light.linear(-0.5, 64))).point(light.ramp(35, 205))


def dunes(stage: Stage, image: Image.Image, material: Colour) -> Image.Image:
    """Paint dunes with sharp crests: the side that faces the light glows, the other lies in long shadow."""
    height, rng, palette = stage.size[1], stage.rng("dunes"), stage.palette
    warm = mix(palette.light, palette.horizon, 0.35)
    for index in range(5):
        near = index / 4
        distance = (1.0 - near) ** 1.4 * 0.82
        y = stage.horizon_px + height * (1.02 - stage.horizon) * 0.7 * near**1.35
        lift = height * (0.06 + 0.17 * near * (0.75 + 0.5 * rng.random()))
        heights = light.profile(rng, _FINE, 1.1 + 1.8 * (1.0 - near) + 0.5 * rng.random(), 3, 0.3)
        line = outline(stage, heights, y, lift)
        lit = mix(mix(under(material, warm), warm, 0.1 + 0.14 * near), palette.haze, distance * 0.8)
        shade = mix(times(under(material, palette.middle), 0.55), palette.ground, 0.3 * near + 0.1)
        shade = mix(shade, palette.haze, distance * 0.8)
        body, top = mask_below(stage, line), y - lift
        field = wash(stage, mix(lit, warm, 0.25), mix(lit, shade, 0.55), (top, y + height * 0.3), 0.25)
        if near > 0.3:  # ripples would only flicker far away
            tile = light.fractal(rng, (256, 256), (6, 60), 2, 0.5)
            ripples = ground_plane(tile, stage, 2.0 + 2.5 * near, stage.part(2)).point(light.linear(0.16, 108))
            field = light.textured(field, ripples)
        image = light.lay(image, field, body)
        shadow = wash(stage, shade, mix(shade, lit, 0.25), (top, y + height * 0.2), 0.06)
        for face, wider in _slip_faces(rng, line, lift, y + height * 0.4):
            # Sharp at the crest that runs down to us, soft where the next slope begins.
            soft = light.polygons(stage.part(2), [[(px / 2, py / 2) for px, py in wider]], scale=1)
            soft = light.blurred(soft, lift * 0.12).resize(stage.size, Image.Resampling.BILINEAR)
            sharp = ImageChops.multiply(light.polygons(stage.size, [face]), ImageChops.multiply(soft, body))
            image = light.lay(image, shadow, sharp)
    return image


def _slip_faces(rng: random.Random, line: Line, lift: float, bottom: float) -> list[tuple[Line, Line]]:
    faces: list[tuple[Line, Line]] = []
    reach = max(3, len(line) // 14)
    for top in range(1, len(line) - 1):
        (x, y), around, valley = line[top], line[max(0, top - reach) : top + reach + 1], top
        if y > min(py for _, py in around) or (faces and abs(x - faces[-1][0][0][0]) < lift):
            continue
        while valley > 1 and line[valley - 1][1] >= line[valley][1] - lift * 0.002:
            valley -= 1
        if top - valley < 2:
            continue
        skyline, sway = line[valley : top + 1][::-1], lift * (2.6 + 1.8 * rng.random())
        spine = []
        for part in range(25):
            t = part / 24
            fall = 0.5 * t**0.85 + 0.06 * math.sin(5.0 * t)
            spine.append((x + sway * (t + 0.07 * math.sin(6.3 * t)), y + sway * fall))
        spine.append((spine[-1][0] + (bottom - spine[-1][1]) * 2.0, bottom))
        far = [(skyline[-1][0] - lift * 0.9 * k / 8, y + (bottom - y) * (k / 8) ** 1.3) for k in range(9)]
        far[0] = skyline[-1]
        grown = [(x + lift * 2, y - lift), *((px, py - lift) for px, py in skyline), *far, (x + lift * 4, bottom)]
        faces.append(([*skyline, *far, *spine[::-1]], grown))
    return faces


def meadow(stage: Stage, image: Image.Image, material: Colour, flowers: Sequence[Colour] = ()) -> Image.Image:
    """Paint rolling grass to the horizon with a light wind in it, flowers towards the viewer."""
    height, rng, palette = stage.size[1], stage.rng("meadow"), stage.palette
    for index in range(5):
        near = index / 4
        distance = (1.0 - near) ** 1.3 * 0.6
        y = stage.horizon_px + height * (0.02 + (0.96 - stage.horizon) * 0.62 * near**1.2)
        lift = height * (0.085 + 0.06 * near)
        heights = light.profile(rng, _FINE, 1.2 + 1.2 * (1.0 - near) + rng.random(), 2, 0.25)
        hue = mix(material, rgb("93a03c"), 0.6 * (index % 2) + 0.25 * rng.random())
        lit = mix(stage.air(hue, distance), under(hue, palette.light), 0.1 if stage.night else 0.55)
        lit = mix(lit, palette.light, 0.1)
        foot = mix(stage.air(times(hue, 0.42), distance * 0.7), palette.ground, 0.2 + 0.35 * near)
        field = wash(stage, lit, foot, (y - lift, y + height * (0.03 + 0.17 * near)), 0.3)
        blades = ground_plane(light.fractal(rng, (1024, 512), (150, 40), 3, 0.7), stage, 6.0, stage.part(2))
        field = light.textured(field, blades.point(light.linear(0.13, 111)))
        mask = mask_below(stage, outline(stage, heights, y, lift))
        image = light.lay(image, field, mask)
        rim = light.edge(mask, 1, -max(2, round(height / 260))).point(light.linear(0.1 if stage.night else 0.4))
        image = light.lay(image, mix(lit, palette.light, 0.4), rim)
    for tone in flowers:
        canvas, pencil = light.canvas("L", (stage.size[0] * 2, stage.size[1] * 2))
        for _ in range(240):
            near = rng.random() ** 0.7
            x, y = rng.random() ** 0.7, stage.horizon + 0.1 + (0.9 - stage.horizon) * near
            x, y = x * canvas.width, y * canvas.height
            r = height * (0.003 + 0.011 * near**2.2)
            pencil.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=round(150 + 90 * rng.random()))
        image = light.lay(image, mix(under(tone, palette.light), palette.light, 0.15), canvas.reduce(2))
    return image


def conifer(rng: random.Random, x: float, root: float, tall: float) -> Line:
    """Return the outline of one pine, `tall` pixels high."""
    tiers, broad, trunk = 9 + int(rng.random() * 5), tall * (0.16 + 0.07 * rng.random()), tall * 0.014
    sides: tuple[Line, Line] = ([], [])
    for tier in range(1, tiers + 1):
        y, out = root - tall * (1.0 - 0.9 * tier / tiers), broad * (tier / tiers) ** 0.85
        for side, points in zip((-1.0, 1.0), sides, strict=True):
            tip = out * (0.75 + 0.5 * rng.random())
            points += [(x + side * tip, y + tall * 0.018 * rng.random()), (x + side * tip * 0.38, y - tall * 0.014)]
    return [(x, root - tall), *sides[1], (x + trunk, root), (x - trunk, root), *sides[0][::-1]]


def pines(stage: Stage, image: Image.Image, y_px: float, tall_px: float, distance: float) -> Image.Image:
    """Paint a row of pines on a rolling line; near ones stay small left of the middle, where a title stands."""
    (width, height), rng = stage.size, stage.rng(f"pines{distance:.2f}")
    heights, clumps = light.profile(rng, 48, 1.6 + rng.random(), 3, 0.4), light.profile(rng, 48, 6.0, 3, 0.6)
    first, last, count = 0.1, 0.6 + 0.14 * rng.random(), min(150, round(width / max(3.0, tall_px * 0.14)))
    hill = outline(stage, heights, y_px + tall_px * 0.16, tall_px * 0.35)
    shapes: list[Line] = [[(-4.0, height + 4.0), *hill, (width + 4.0, height + 4.0)]]
    for index in range(count):
        place = (index + rng.random()) / count
        slot = min(47, int(place * 48))
        tall = tall_px * (0.45 + 0.35 * rng.random() + 0.35 * clumps[slot])
        if distance < 0.4 and first < place < last:
            tall *= 1.0 - 0.62 * math.sin(math.pi * (place - first) / (last - first))
        root = y_px - tall_px * 0.35 * (heights[slot] - 0.5) + tall_px * 0.1 * rng.random()
        shapes.append(conifer(rng, place * width * 1.04 - width * 0.02, root, tall))
    needles = {"autumn": "7a4424", "winter": "3a4a52"}
    tone = stage.air(rgb(next((hue for word, hue in needles.items() if stage.has(word)), "20382c")), distance)
    foot = mix(tone, stage.palette.haze, 0.25 + 0.55 * distance)
    field = wash(stage, tone, foot, (y_px - tall_px * 0.7, y_px + tall_px * 0.35), 0.45 * distance)
    return light.lay(image, field, light.polygons(stage.size, shapes))


def leafy(stage: Stage, image: Image.Image, spots: Sequence[Spot], distance: float) -> Image.Image:
    """Paint broad trees in the season's colours, lit from the light's side; far ones first."""
    rng, autumn = stage.rng(f"leafy{distance:.2f}"), "c8541c d98a22 a83a1a e0b030 8a5a22"
    hues = autumn if stage.has("autumn") else "3c6a34 4f7a30 2c5a3a 6a8a38" + (" d8a0b0" if stage.has("spring") else "")
    side = max(12, min(200, round(max(size for _, _, size in spots))))
    stamps = [_tree(stage, rng, rgb(hue), distance, side) for hue in hues.split()]
    for x, foot, size in spots:
        stamp = stamps[int(rng.random() * len(stamps)) % len(stamps)]
        wide, tall = max(2, round(size * (0.85 + 0.3 * rng.random()))), max(2, round(size))
        sized = stamp.resize((wide, tall), Image.Resampling.BILINEAR)
        image.paste(sized, (round(x - wide / 2), round(foot - tall)), sized)
    return image


def _tree(stage: Stage, rng: random.Random, hue: Colour, distance: float, side_px: int) -> Image.Image:
    full, palette = side_px * 2, stage.palette
    canvas = Image.new("RGBA", (full, full), (*whole(times(stage.air(hue, distance), 0.6)), 0))
    pencil = ImageDraw.Draw(canvas)
    wood = [(full * x, full * y) for x, y in ((0.47, 0.5), (0.53, 0.5), (0.55, 1), (0.45, 1))]
    pencil.polygon(wood, fill=(*whole(mix(palette.ground, palette.haze, 0.5 * distance + 0.1)), 255))
    tufts = []
    for _ in range(9):
        cx, cy, reach = 0.5 + 0.5 * (rng.random() - 0.5), 0.24 + 0.4 * rng.random(), 0.13 + 0.08 * rng.random()
        for _ in range(46):
            angle, out = rng.random() * 2 * math.pi, math.sqrt(rng.random())
            px, py = cx + math.cos(angle) * out * reach, cy + math.sin(angle) * out * reach * 0.85
            facing = 0.36 + 0.3 * out * (math.cos(angle) * 0.55 - math.sin(angle) * 0.85)
            facing += 0.75 * ((px - 0.5) * 0.9 - (py - 0.44) * 1.3) + 0.22 * (rng.random() - 0.5)
            tufts.append((max(0.0, min(1.0, facing)), px * full, py * full))
    warm, shades = 0.11 if stage.night else 0.75, []
    for step in range(12):
        facing = step / 11
        tone = mix(times(hue, 0.24), hue, facing**0.9)
        tone = mix(stage.air(tone, distance), under(tone, palette.light), warm * facing)
        shades.append(whole(mix(mix(tone, palette.light, 0.16 * facing * warm), palette.haze, 0.42 * distance)))
    for facing, x, y in sorted(tufts):
        radius = full * (0.016 + 0.02 * rng.random())
        box = (x - radius * 1.25, y - radius * 0.85, x + radius * 1.25, y + radius * 0.85)
        pencil.ellipse(box, fill=(*shades[min(11, int(facing * 12))], 255))
    return canvas.reduce(2)


def mirror(stage: Stage, image: Image.Image, rough: float, deep: float = 0.75) -> Image.Image:
    """Return everything above the horizon upside down in the water; `rough` is 0 (glass) to 1 (a breeze)."""
    width, height = stage.size
    line = min(height - 2, max(2, round(stage.horizon_px)))
    depth = height - line
    small = (max(2, width // 2), max(2, depth // 2))
    above = image.crop((0, max(0, line - round(depth * 1.35)), width, line)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    near = light.blurred(above.resize(small, Image.Resampling.BILINEAR), 0.6 + rough)
    # Far from the shore the same ripple moves the mirrored point further.
    longer = (small[0], max(2, round(small[1] * (1.1 + 0.22 * rough))))
    longest = above.resize(longer, Image.Resampling.BILINEAR).crop((0, 0, *small))
    texture = light.fractal(stage.rng("mirror"), (512, 512), (10 + 8 * rough, 70), 4, 0.62)
    ripples = ground_plane(texture, stage, 5.0, stage.part(2)).crop((0, stage.part(2)[1] - small[1], *stage.part(2)))
    ripples = ripples.resize(small, Image.Resampling.BILINEAR)
    broken = Image.composite(near, longest, ripples.point(light.ramp(96, 160)))
    tone = mix(stage.palette.ground, mix(stage.palette.middle, rgb("1d4a5a"), 0.35), 0.4)
    broken = light.lay(broken, tone, light.slope(small, ((0.0, 15), (0.3, 76 * deep), (1.0, 255 * deep))))
    broken = light.textured(broken, ripples.point(light.linear(0.22 * (0.4 + rough), 128 - 28 * (0.4 + rough))))
    image.paste(broken.resize((width, depth), Image.Resampling.BICUBIC), (0, line))
    return _glitter(stage, image, 0.5 + 0.5 * rough)


def _glitter(stage: Stage, image: Image.Image, strength: float) -> Image.Image:
    if stage.has("storm", "rain", "fog") or (stage.night and not has_disc(stage)):
        return image
    half, rng = stage.part(2), stage.rng("glitter")
    x, top = stage.light[0] * half[0], stage.horizon * half[1]
    spread, foot = half[0] * (0.035 if has_disc(stage) else 0.1), half[1]
    corners = [(x - spread * 0.5, top), (x + spread * 0.5, top), (x + spread * 2.4, foot), (x - spread * 2.4, foot)]
    path, line = light.blurred(light.polygons(half, [corners], scale=1), half[0] * 0.022), stage.horizon
    ends = [(0.0, 0), (line - 0.004, 0), (line + 0.004, 255), (line + (1 - line) * 0.6, 190), (1.0, 70)]
    path = ImageChops.multiply(path, light.slope(half, ends))
    waves = ground_plane(light.fractal(rng, (768, 512), (40, 120), 3, 0.7), stage, 6.0, half)
    # Where the path is strong more of the waves catch the light.
    sparks = ImageChops.multiply(ImageChops.add(waves, path, 2.0).point(light.ramp(150, 205)), path)
    lit = ImageChops.add(sparks, path.point(light.linear(0.18 if stage.night else 0.32))).point(light.linear(strength))
    return light.shine(image, light.coloured(lit, mix(stage.palette.light, WHITE, 0.2)))


def sea(stage: Stage, image: Image.Image) -> Image.Image:
    """Open water to the horizon, swell on it, lit by the sky."""
    half, palette, line = stage.part(2), stage.palette, stage.horizon
    far = mix(palette.horizon, palette.middle, 0.5)
    middle = mix(mix(palette.middle, rgb("1f5a6a"), 0.3), palette.ground, 0.25)
    deep = mix(palette.ground, mix(palette.zenith, rgb("103a48"), 0.4), 0.5)
    body = light.vertical(half, ((0.0, far), (line, far), (line + (1 - line) * 0.28, middle), (1.0, deep)))
    center, reach = (stage.light[0] * half[0], line * half[1]), (half[0] * 0.5, half[1] * 0.42)
    body = light.glow(body, mix(palette.horizon, palette.light, 0.4), center, reach, 0.22 if stage.night else 0.34)
    swell = ground_plane(light.fractal(stage.rng("sea"), (768, 512), (9, 26), 6, 0.6), stage, 7.0, half)
    crest = ImageChops.subtract(swell, light.shifted(swell, 1, -2), 0.35, 128)
    body = light.textured(light.textured(body, swell.point(light.linear(0.5, 62))), crest.point(light.linear(0.6, 50)))
    top = round(stage.horizon_px)
    image.paste(body.resize(stage.size, Image.Resampling.BILINEAR).crop((0, top, *stage.size)), (0, top))
    return _glitter(stage, image, 0.95)


def storm_waves(stage: Stage, image: Image.Image, first: int = 0, last: int = 6) -> Image.Image:
    """Paint steep seas one behind the other with foam on their crests: rows `first` up to `last` of six."""
    height, palette = stage.size[1], stage.palette
    for index in range(first, last):
        rng, near = stage.rng(f"wave{index}"), index / 5
        distance = (1.0 - near) ** 1.3 * 0.72
        y = stage.horizon_px + height * (0.015 + (1.0 - stage.horizon) * 0.86 * near**1.25)
        lift = height * (0.016 + 0.085 * near)
        swell = light.profile(rng, _FINE, 2.6 + 5.5 * (1.0 - near), 5, 0.5)
        # Crests are sharp, troughs are broad.
        heights = [(1.0 - abs(2.0 * value - 1.0)) ** 1.6 * 0.7 + 0.3 * value for value in swell]
        line = outline(stage, heights, y, lift)
        water = mix(mix(rgb("1d4a52"), palette.middle, 0.45), palette.ground, 0.25 + 0.4 * near)
        top = mix(mix(water, rgb("5f9a94"), 0.35), mix(palette.low, palette.horizon, 0.5), 0.25 + 0.4 * distance)
        low = mix(mix(times(water, 0.55), palette.ground, 0.5 * near), palette.haze, distance * 0.5)
        field = wash(stage, mix(top, palette.haze, distance * 0.5), low, (y - lift, y + lift * 1.1), 0.22)
        texture = light.fractal(rng, stage.part(4), (7 + 12 * (1 - near), 24), 4, 0.66)
        mask = mask_below(stage, line)
        image = light.lay(image, light.textured(field, texture.point(light.linear(0.5, 60))), mask)
        image = _foam(stage, image, mask, (y - lift, y), near)
    return image


def _foam(stage: Stage, image: Image.Image, mask: Image.Image, span: tuple[float, float], near: float) -> Image.Image:
    rng, height, half = stage.rng(f"foam{near:.1f}"), stage.size[1], stage.part(2)
    # Only the upper part of a wave breaks.
    upper = light.slope(half, ((0.0, 255), (span[0] / height, 255), (span[1] / height, 0), (1.0, 0)))
    rim = light.edge(mask.resize(half), 1, -max(1, round((span[1] - span[0]) * 0.14)))
    tear = light.fractal(rng, half, (40, 46), 3, 0.75).point(light.ramp(70, 170))
    foam = ImageChops.multiply(ImageChops.multiply(light.blurred(rim, 0.8), upper), tear)
    tone = mix(mix(WHITE, stage.palette.low, 0.35), stage.palette.haze, 0.5 * (1.0 - near))
    return light.lay(image, times(tone, 0.55 if stage.night else 1.0), foam.point(light.linear(0.95)))
