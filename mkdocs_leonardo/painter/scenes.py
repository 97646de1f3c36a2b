"""The scenes: painters of each land with its sky and its weather."""

import math
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops

from mkdocs_leonardo.painter import built, land, light
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, times, turn, under
from mkdocs_leonardo.painter.sky import paint_sky
from mkdocs_leonardo.painter.stage import Stage


def paint_scene(stage: Stage) -> Image.Image:
    """Paint the scene that the words name, before the final grade."""
    sky = paint_sky(stage)
    image = _LANDS[stage.land](stage, sky) if stage.land in _LANDS else sky
    if stage.has("fog") and stage.land != "forest":
        image = land.mist(stage, image, stage.horizon_px, stage.size[1] * 0.2, 0.6)
    if stage.has("snow"):
        return _falling(stage, image, ((420, 0.0018, 0.0), (130, 0.0035, 0.0), (26, 0.01, 0.0)), 0.7)
    if stage.has("rain", "storm"):
        image = _falling(stage, image, ((900, 0.035, 0.2), (230, 0.09, 0.2)), 0.75 if stage.has("rain") else 0.45)
    return image


# Each depth is a count, a length as a share of the height, and a slant. What does not slant is round.
def _falling(
    stage: Stage, image: Image.Image, depths: Sequence[tuple[int, float, float]], strength: float
) -> Image.Image:
    rng, (width, height) = stage.rng("falling"), stage.part(2)
    for depth, (count, long, slant) in enumerate(depths):
        layer, pencil = light.canvas("L", (width, height))
        for _ in range(count):
            x, y = rng.random() * width * 1.2 - width * 0.1, rng.random() * height * 1.1
            reach = height * long * (0.6 + 0.8 * rng.random())
            level = round((22 + 48 * rng.random() + 22 * depth) * strength)
            if slant:
                pencil.line((x, y, x - reach * slant, y + reach), fill=level)
            else:
                radius = max(0.6, reach / 2)
                pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=level * (3 - depth))
        layer = light.blurred(layer, 0.5 + 0.3 * depth)
        image = light.shine(image, light.coloured(layer, mix(stage.palette.light, WHITE, 0.5)))
    return image


def _backdrop(stage: Stage, image: Image.Image, rise: float, rows: int = 2) -> Image.Image:
    height, base = stage.size[1], stage.horizon_px + stage.size[1] * 0.01
    snow = 0.95 if stage.has("winter") else 0.35 + 0.3 * stage.rng("backdrop").random()
    for near in range(rows):
        tall = height * rise * (1.0 - 0.42 * near)
        image = land.peaks(stage, image, base, tall, 0.62 - 0.3 * near, snow * (1 - near / 4))
        image = land.mist(stage, image, base - height * 0.01, height * 0.07, 0.5)
    return image


def _mountains(stage: Stage, image: Image.Image) -> Image.Image:
    height, rng = stage.size[1], stage.rng("mountains")
    for row in range(3):
        near, base = row / 2, stage.horizon_px + height * 0.06
        rise = height * (0.46 - 0.12 * near) * (0.85 + 0.25 * rng.random())
        snow = (0.98 if stage.has("winter") else 0.5) * (1.0 - 0.2 * near)
        image = land.peaks(stage, image, base + height * 0.16 * near, rise, 0.66 * (1.0 - near) + 0.12, snow)
        image = land.mist(stage, image, base + height * (0.15 * near - 0.04), height * 0.09, 0.62)
    image = land.pines(stage, image, height * 0.9, height * 0.1, 0.34)
    image = land.mist(stage, image, height * 0.9, height * 0.06, 0.5)
    return land.pines(stage, image, height * 0.985, height * 0.2, 0.05)


def _lake(stage: Stage, image: Image.Image) -> Image.Image:
    height, frozen, line = stage.size[1], stage.has("winter"), stage.horizon
    image = _backdrop(stage, image, 0.24 if stage.has("aurora") else 0.36)
    image = land.pines(stage, image, stage.horizon_px + 1, height * 0.085, 0.24)
    image = land.mirror(stage, image, 0.7 if stage.has("wind") else 0.1, 0.35 if frozen else 0.75)
    if frozen:  # snow lies in drifts on the ice
        drift = light.fractal(stage.rng("ice"), (512, 512), (7, 9), 5, 0.55)
        drift = land.ground_plane(drift, stage, 4.0, stage.part(2))
        near = light.slope(drift.size, ((0.0, 0), (line, 0), (line + 0.02, 90), (1.0, 150)))
        drift = ImageChops.multiply(drift.point(light.ramp(118, 175, 235)), near)
        image = light.lay(image, mix(mix(stage.palette.middle, stage.palette.horizon, 0.55), WHITE, 0.12), drift)
    return land.mist(stage, image, stage.horizon_px + height * 0.01, height * 0.04, 0.55)


def _coast(stage: Stage, image: Image.Image) -> Image.Image:
    (width, height), rng = stage.size, stage.rng("coast")
    stormy = stage.has("storm", "lightning", "rain")
    x, drop = width * (0.7 + 0.06 * rng.random()), 0.02 + 0.05 * rng.random()
    top = stage.horizon_px - height * drop * (1 if stage.has("lighthouse") else 4)
    image = land.storm_waves(stage, image, last=4) if stormy else land.sea(stage, image)
    if stage.has("lighthouse"):
        image = built.lighthouse(stage, image, x, top + height * 0.012, height * 0.4)
    image = built.headland(stage, image, x, top, height * 0.93)
    return land.storm_waves(stage, image, first=4) if stormy else image


def _city(stage: Stage, image: Image.Image) -> Image.Image:
    at, reach = (stage.size[0] * 0.66, stage.horizon_px), (stage.size[0] * 0.75, stage.size[1] * 0.5)
    neon = stage.has("neon")
    if stage.night:  # the town's own light on the clouds
        image = light.glow(image, built.NEON[0] if neon else rgb("d8a070"), at, reach, 0.42)
    haze = mix(stage.palette.haze, built.NEON[0], 0.25 if neon else 0.0)
    image = light.glow(built.skyline(stage, image), haze, at, (reach[0] * 0.8, reach[1] * 0.6), 0.35)
    return land.mirror(stage, image, 0.9 if stage.has("rain") else 0.5)


def _forest(stage: Stage, image: Image.Image) -> Image.Image:
    (width, height), foggy, rng = stage.size, stage.has("fog"), stage.rng("forest")
    image = land.ridges(stage, image, rgb("2a4438"), 0.2, -0.12, 0.45)
    for row in range(5):
        near = row / 4
        distance = (1.0 - near) ** 1.15 * (0.84 if foggy else 0.62) + 0.01
        y = height * (stage.horizon + 0.02 + (1.0 - stage.horizon) * 0.92 * near**1.2)
        tall = height * (0.13 + 0.42 * near**1.5)
        if row < 4 and stage.has("autumn", "spring"):
            steps, size = round(width / (tall * 0.2)), tall * 0.4
            spots = [(width * k / steps, y + size * rng.random() / 2, size * (1 + rng.random())) for k in range(steps)]
            image = land.leafy(stage, image, spots, distance)
        else:
            image = land.pines(stage, image, y, tall, distance)
        if row < 4:
            thick = (0.9 if foggy else 0.5) * (1.0 - 0.35 * near)
            image = land.mist(stage, image, y + height * 0.01, height * (0.08 + 0.05 * near), thick)
    return image


def _meadow(stage: Stage, image: Image.Image) -> Image.Image:
    grass = {"autumn": "b08a3c", "winter": "c8d4e0", "summer": "b8a044"}
    image = land.ridges(stage, image, rgb("4a6a58"), 0.13, -0.06, 0.5)
    bloom: tuple[Colour, ...] = ()
    if stage.has("spring", "flowers", "summer"):
        hue = rgb(stage.said.colour[0]) if stage.said.colour else rgb("e87a9a")
        bloom = (rgb("f4f0e8"), hue, turn(hue, 70))
    green = rgb(next((tone for word, tone in grass.items() if stage.has(word)), "6f9440"))
    image = land.meadow(stage, image, green, bloom)
    if stage.has("tree"):
        spot = (stage.size[0] * 0.72, stage.horizon_px + stage.size[1] * 0.15, stage.size[1] * 0.32)
        image = land.leafy(stage, image, [spot], 0.02)
    return image


def _river(stage: Stage, image: Image.Image) -> Image.Image:
    (width, height), hue = stage.size, rgb("8a5a30" if stage.has("autumn") else "3f5f42")
    image = land.ridges(stage, _backdrop(stage, image, 0.32, rows=1), hue, 0.2, -0.03, 0.5)
    image, first = land.mirror(stage, image, 0.2, 0.6), stage.rng("river").random() < 0.5
    for index in range(6):
        near, side = index / 5, -1.0 if (index + first) % 2 else 1.0
        y = stage.horizon_px + height * 0.02 + (height * 0.95 - stage.horizon_px) * near**1.5
        middle = width * (0.6 + 0.05 * math.sin(index * 2.1))
        tip = middle + side * width * (0.006 + 0.13 * near - (0.1 - 0.05 * near) * (1 - near))
        image = _spur(stage, image, (tip, y), side, near, hue)
    return image


def _spur(stage: Stage, image: Image.Image, tip: light.Point, side: float, near: float, hue: Colour) -> Image.Image:
    (width, height), (x, y), rng = stage.size, tip, stage.rng(f"spur{near:.1f}")
    edge, tall = (width + 4.0, height * 0.115) if side > 0 else (-4.0, height * 0.075)
    tall, distance = tall * (1 + near), 0.6 * (1.0 - near) ** 1.1
    rough = light.profile(rng, 60, 4, 4, 0.5)
    top = [(x + (edge - x) * k / 59, y - tall * (k / 59) ** 0.8 * (0.7 + 0.4 * v)) for k, v in enumerate(rough)]
    shore = [(edge, y + height * 0.016 * (1 + near)), (x, y)]
    tone = mix(stage.air(times(hue, 0.6), distance), stage.palette.ground, 0.25 + 0.3 * near)
    ghost = [(px / 2, (2 * y - py + height * 0.01) / 2) for px, py in top] + [(px / 2, py / 2) for px, py in shore]
    shade = light.blurred(light.polygons(stage.part(2), [ghost], scale=1), height / 150).point(light.linear(0.62))
    image = light.lay(image, mix(tone, stage.palette.haze, 0.15), shade)
    grass = mix(tone, under(hue, stage.palette.light), 0.06 if stage.night else 0.22)
    field = land.wash(stage, tone, grass, (y - tall, y), 0.3 * distance)
    image = light.lay(image, field, light.polygons(stage.size, [[*top, *shore]]))
    spots = []
    for _ in range(58):
        t = rng.random() ** 0.85
        px, crest = top[min(59, int(t * 60))]
        size = height * (0.036 + 0.085 * near) * (0.7 + 0.6 * rng.random()) * min(1.0, 0.3 + t * 4)
        spots.append((crest + (y - crest) * 0.8 * rng.random() ** 1.6 + height * 0.008, px, size))
    return land.leafy(stage, image, [(px, foot, size) for foot, px, size in sorted(spots)], distance)


_ALL = (_city, _coast, _forest, _lake, _meadow, _mountains, _river)
_LANDS: dict[str, Callable[[Stage, Image.Image], Image.Image]] = {
    "desert": lambda stage, image: land.dunes(stage, image, rgb("5a5468" if stage.night else "d89a5a")),
    "harbour": lambda stage, image: land.mirror(
        stage, built.skyline(stage, land.ridges(stage, image, rgb("2f4a3a"), 0.16, 0.0, 0.6), low=True), 0.35, 0.7
    ),
    "ocean": lambda stage, image: (land.storm_waves if stage.has("storm", "lightning") else land.sea)(stage, image),
    **{scene.__name__[1:]: scene for scene in _ALL},
}
