"""The cinematic picture: sky, land by land, things, weather."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004, PLR0911, PLR0915, C901, PERF401

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw

from mkdocs_leonardo.painter import city, land, light, noise, things, water, weather
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb, times, turn, whole
from mkdocs_leonardo.painter.sky import paint_sky
from mkdocs_leonardo.painter.stage import Stage, pick

_STUDIES = ("mountains", "lake", "ocean", "desert", "meadow", "forest", "clouds", "river")

#: A thing named without its land stands in this one.
_HOMES = {
    "lighthouse": "coast",
    "ship": "ocean",
    "sailboat": "ocean",
    "bridge": "lake",
    "castle": "mountains",
    "tree": "meadow",
    "house": "meadow",
    "windmill": "meadow",
    "balloon": "clouds",
    "birds": "ocean",
    "person": "mountains",
    "rocket": "clouds",
    "planet": "space",
    "tent": "lake",
    "crane": "harbour",
    "fire": "forest",
    "train": "mountains",
    "flowers": "meadow",
    "neon": "city",
    "traffic": "road",
    "palms": "coast",
}
#: Where two lands are named, the one that makes the picture.
_STRONGER = ("space", "volcano", "waterfall", "harbour", "city", "canyon", "jungle", "island")


def land_of(stage: Stage) -> str:
    """The land to paint."""
    said = stage.said
    for strong in _STRONGER:
        if strong in said.land:
            return strong
    if "lighthouse" in said.thing:
        return "coast"
    if said.land:
        # "A mountain lake" is a lake, "a forest river" a river: water carries the composition.
        wet = [land for land in said.land if land in {"lake", "river"}]
        if wet and "ocean" not in said.land:
            return wet[0]
        return said.land[0]
    for thing in said.thing:
        if thing in _HOMES:
            return _HOMES[thing]
    if stage.has("galaxy"):
        return "space"
    if "winter" in said.season or "aurora" in said.sky:
        return "lake"
    if "autumn" in said.season:
        return "forest"
    if "spring" in said.season or "summer" in said.season:
        return "meadow"
    return pick(stage.rng("land"), _STUDIES)


def paint_landscape(stage: Stage) -> Image.Image:
    """The scene before the final grade."""
    kind = land_of(stage)
    image = _space(stage) if kind == "space" else _LANDS[kind](stage, paint_sky(stage))
    return _weather(stage, image, kind)


def _weather(stage: Stage, image: Image.Image, kind: str) -> Image.Image:
    said = stage.said
    if "fog" in said.weather and kind != "forest":
        image = weather.veil(stage, image, 0.85)
    if "birds" in said.thing or (
        kind in {"coast", "harbour"} and not stage.night and stage.rng("gulls").random() < 0.7
    ):
        image = weather.birds(stage, image, 12 if "birds" in said.thing else 6)
    if "rain" in said.weather or ("storm" in said.weather and "snow" not in said.weather):
        image = weather.rain(stage, image, 1.0 if "rain" in said.weather else 0.6)
    if "snow" in said.weather:
        image = weather.snow(stage, image)
    return image


def _mountain_backdrop(
    stage: Stage, image: Image.Image, *, rise: float = 0.3, snow: float | None = None, rows: int = 2
) -> Image.Image:
    height = stage.height_px
    rng = stage.rng("backdrop")
    winter = "winter" in stage.said.season
    cover = snow if snow is not None else (0.95 if winter else 0.35 + 0.3 * rng.random())
    base = stage.horizon_px + height * 0.01
    for row in range(rows):
        near = row / max(1, rows - 1) if rows > 1 else 1.0
        image = land.peaks(
            stage,
            image,
            base_px=base,
            rise_px=height * rise * (1.0 - 0.42 * near) * (0.9 + 0.25 * rng.random()),
            distance=0.62 - 0.3 * near,
            snow=cover * (1.0 - 0.25 * near),
            name=f"backdrop{row}",
            waves=2.2 + 1.6 * near + rng.random(),
        )
        image = land.mist(stage, image, base - height * 0.01, height * 0.07, 0.5, f"backdrop{row}")
    return image


def _mountains(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    rng = stage.rng("mountains")
    winter = "winter" in stage.said.season
    base = stage.horizon_px + height * 0.06
    if stage.has("sun") or not (stage.night or stage.has("storm", "fog", "rain")):
        image = weather.rays(stage, image, 0.22)
    rows = 3
    for row in range(rows):
        near = row / (rows - 1)
        image = land.peaks(
            stage,
            image,
            base_px=base + height * 0.16 * near,
            rise_px=height * (0.46 - 0.12 * near) * (0.85 + 0.25 * rng.random()),
            distance=0.66 * (1.0 - near) + 0.12,
            snow=(0.98 if winter else 0.5) * (1.0 - 0.2 * near),
            name=f"peaks{row}",
            waves=2.0 + 1.3 * near + rng.random(),
        )
        image = land.mist(stage, image, base + height * (0.02 + 0.15 * near), height * 0.09, 0.62, f"peaks{row}")
    material = rgb("8c9aa8") if winter else rgb("2c4034")
    image = land.pines(
        stage,
        image,
        y_px=height * 0.9,
        tall_px=height * 0.1,
        distance=0.34,
        name="far",
        density=0.8,
        material=material if not winter else rgb("3a4a52"),
    )
    image = land.mist(stage, image, height * 0.9, height * 0.06, 0.5, "pines")
    if "castle" in stage.said.thing:
        image = things.castle(stage, image, width * 0.68, height * 0.76, height * 0.3)
    image = land.pines(
        stage,
        image,
        y_px=height * 0.985,
        tall_px=height * 0.2,
        distance=0.05,
        name="near",
        density=0.8,
        clearing=(0.16, 0.72),
    )
    return _people(stage, image, width * 0.66, height * 0.93)


def _people(stage: Stage, image: Image.Image, x: float, foot: float) -> Image.Image:
    said = stage.said
    height = stage.height_px
    if stage.has("house", "tent", "fire", "person"):
        image = _knoll(stage, image, x, foot)
    if "house" in said.thing:
        image = things.house(stage, image, x + height * 0.16, foot, height * 0.05)
    if "tent" in said.thing:
        image = things.tent(stage, image, x + height * 0.1, foot + height * 0.01, height * 0.06)
    if "fire" in said.thing:
        fx = x - height * 0.12
        image = things.bonfire(stage, image, fx, foot + height * 0.02, height * 0.07)
        image = weather.embers(stage, image, fx, foot, height * 0.5)
    if "person" in said.thing:
        image = things.person(stage, image, x, foot + height * 0.004, height * 0.13)
    return image


def _knoll(stage: Stage, image: Image.Image, x: float, top: float) -> Image.Image:
    """A dark rise for somebody to stand on."""
    width, height = stage.size
    rough = noise.profile(stage.rng("knoll"), 60, 7, 4, 0.55)
    line = []
    for index, value in enumerate(rough):
        px = width * (index / 59 * 1.04 - 0.02)
        flat = math.exp(-(((px - x) / (width * 0.12)) ** 2))
        hill = math.exp(-(((px - x) / (width * 0.34)) ** 2))
        line.append((px, top + (height * 1.0 - top) * (1.0 - hill) - (value - 0.5) * height * 0.03 * (1.0 - flat)))
    return light.lay(image, mix(stage.palette.ground, stage.palette.middle, 0.04), land.mask_below(stage, line))


def _hills_around(stage: Stage, image: Image.Image, name: str, rise: float = 0.13) -> Image.Image:
    """Low wooded shores behind water."""
    height = stage.height_px
    base = stage.horizon_px
    material = rgb("2f4a3a") if "autumn" not in stage.said.season else rgb("7a4a2a")
    rng = stage.rng(name)
    for row in range(2):
        heights = noise.profile(rng, land.points_for(stage), 2.4 + row, 6, 0.46)
        shaped = [value * (0.45 + 0.55 * abs(index / len(heights) - 0.42) * 1.9) for index, value in enumerate(heights)]
        line = land.outline(stage, shaped, base + 2, height * rise * (1.0 - 0.35 * row))
        tone = stage.air(material, 0.55 - 0.3 * row)
        foot = mix(tone, stage.palette.haze, 0.45)
        image = light.lay(
            image, land.wash(stage, tone, foot, base - height * rise, base, sun=0.35), land.mask_below(stage, line)
        )
        image = land.mist(stage, image, base - height * 0.004, height * 0.035, 0.55, f"{name}{row}")
    return image


def _lake(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    frozen = "winter" in stage.said.season
    image = _mountain_backdrop(stage, image, rise=0.36 if not stage.has("aurora") else 0.24)
    image = _hills_around(stage, image, "shore", 0.07)
    tall = height * 0.085
    image = land.pines(
        stage,
        image,
        y_px=stage.horizon_px + 1,
        tall_px=tall,
        distance=0.24,
        name="shore",
        density=0.9,
        clearing=(0.12, 0.75),
    )
    image = (
        water.ice(stage, image)
        if frozen
        else water.mirror(stage, image, rough=0.12 if "wind" not in stage.said.weather else 0.7)
    )
    if "bridge" in stage.said.thing:
        image = things.bridge(stage, image, stage.horizon_px - height * 0.06, height * 0.3)
    if stage.has("sailboat", "ship"):
        image = things.sailboat(stage, image, width * 0.7, stage.horizon_px + height * 0.08, height * 0.05)
    if not stage.has("bridge"):
        image = land.mist(stage, image, stage.horizon_px + height * 0.01, height * 0.04, 0.55, "lake")
    if stage.has("person", "tent", "house", "fire"):
        return _people(stage, image, width * 0.7, height * 0.95)
    return _reeds(stage, image) if not frozen else image


def _reeds(stage: Stage, image: Image.Image) -> Image.Image:
    """Reeds and stones at the near shore, lower right."""
    width, height = stage.size
    rng = stage.rng("reeds")
    shapes: list[list[tuple[float, float]]] = []
    for _ in range(130):
        place = rng.random() ** 0.8
        x = width * (0.62 + 0.4 * place)
        tall = height * (0.05 + 0.2 * rng.random()) * (0.25 + 0.85 * place)
        lean = (rng.random() - 0.35) * tall * 0.4
        thick = height * 0.0016
        root = height * 1.02
        shapes.append(
            [
                (x - thick, root),
                (x + lean * 0.35, root - tall * 0.6),
                (x + lean, root - tall),
                (x + lean * 0.35 + thick * 1.2, root - tall * 0.58),
                (x + thick, root),
            ]
        )
        if rng.random() < 0.16:  # some carry a head
            hx, hy = x + lean * 0.9, root - tall * 0.93
            shapes.append(
                [
                    (hx - thick * 1.5, hy),
                    (hx - thick, hy - tall * 0.12),
                    (hx + thick, hy - tall * 0.12),
                    (hx + thick * 1.5, hy),
                ]
            )
    line = [
        (width * (0.5 + 0.55 * index / 30), height * (1.02 - 0.075 * (index / 30) ** 0.9 - 0.012 * rng.random()))
        for index in range(31)
    ]
    shapes.append([(width * 0.5, height * 1.05), *line, (width * 1.06, height * 1.05)])
    return light.lay(image, mix(stage.palette.ground, stage.palette.middle, 0.05), light.polygons(stage.size, shapes))


def _ocean(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    stormy = stage.has("storm", "lightning")
    rng = stage.rng("ocean")
    if stormy:
        image = water.storm_waves(stage, image)
        if stage.has("ship", "sailboat"):
            image = things.sailboat(stage, image, width * 0.68, stage.horizon_px + height * 0.07, height * 0.07)
        return image
    if not stage.night and rng.random() < 0.5 and not stage.has("ship", "sailboat"):  # land in sight on half of them
        image = _far_coast(stage, image)
    image = water.sea(stage, image)
    if "sailboat" in stage.said.thing:
        image = things.sailboat(stage, image, width * 0.66, stage.horizon_px + height * 0.07, height * 0.07)
    elif "ship" in stage.said.thing:
        image = things.ship(stage, image, width * 0.64, stage.horizon_px + height * 0.03, height * 0.13)
    if "bridge" in stage.said.thing:
        image = things.bridge(stage, image, stage.horizon_px - height * 0.06, height * 0.3)
    return image


def _far_coast(stage: Stage, image: Image.Image) -> Image.Image:
    height = stage.height_px
    rng = stage.rng("farcoast")
    for row in range(2):
        heights = noise.profile(rng, land.points_for(stage), 2.5 + row, 6, 0.48)
        side = 1.0 if stage.light[0] < 0.66 else 0.0  # the land stands clear of the light
        shaped = [
            value * max(0.0, 1.0 - abs(index / len(heights) - side) * (1.9 + row))
            for index, value in enumerate(heights)
        ]
        line = land.outline(stage, shaped, stage.horizon_px + 2, height * (0.16 - 0.05 * row))
        tone = stage.air(rgb("3a4450"), 0.72 - 0.2 * row)
        image = light.lay(
            image,
            land.wash(
                stage,
                tone,
                mix(tone, stage.palette.haze, 0.5),
                stage.horizon_px - height * 0.12,
                stage.horizon_px,
                sun=0.4,
            ),
            land.mask_below(stage, line),
        )
    return image


def _coast(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    rng = stage.rng("coast")
    stormy = stage.has("storm", "lightning", "rain")
    x = width * (0.7 + 0.06 * rng.random())
    top = stage.horizon_px - height * (0.02 + 0.05 * rng.random())
    foot = height * 0.93
    image = water.storm_waves(stage, image, last=4) if stormy else water.sea(stage, _far_coast(stage, image))
    if stage.has("lighthouse") or not stage.has("palms", "house", "person", "castle"):
        image = things.lighthouse(stage, image, x, top + height * 0.012, height * 0.4)
    image = things.headland(stage, image, x, top, foot)
    if "castle" in stage.said.thing:
        image = things.castle(stage, image, x + width * 0.05, top, height * 0.26)
    if "house" in stage.said.thing and "lighthouse" not in stage.said.thing:
        image = things.house(stage, image, x + height * 0.05, top + height * 0.004, height * 0.05)
    if "palms" in stage.said.thing:
        image = palms(stage, image, x, top + height * 0.01)
    if "person" in stage.said.thing:
        image = things.person(stage, image, x + width * 0.1, top + height * 0.01, height * 0.08)
    if stage.has("sailboat", "ship"):
        image = things.sailboat(stage, image, width * 0.42, stage.horizon_px + height * 0.05, height * 0.045)
    left = x - width * 0.14
    if stormy:
        image = water.spray(stage, image, left, height * 0.9, height * 0.3, "one")
        image = water.spray(stage, image, left + width * 0.14, height * 0.95, height * 0.2, "two")
        return water.storm_waves(stage, image, first=4)
    return _surf(stage, image, left, foot)


def _surf(stage: Stage, image: Image.Image, left: float, foot: float) -> Image.Image:
    """White water along the foot of the rocks."""
    width, height = stage.size
    half = stage.half
    rng = stage.rng("surf")
    canvas = Image.new("L", half)
    pencil = ImageDraw.Draw(canvas)
    for _ in range(130):
        x = (left + (width * 1.02 - left) * rng.random()) / 2
        y = (foot + height * 0.012 + (rng.random() - 0.4) * height * 0.05) / 2
        a, b = half[0] * (0.01 + 0.03 * rng.random()), half[1] * 0.006 * (0.5 + rng.random())
        pencil.ellipse((x - a, y - b, x + a, y + b), fill=round(90 + 130 * rng.random()))
    tear = noise.fractal(rng, half, (50, 60), 4, 0.7).point(noise.ramp(80, 190))
    foam = ImageChops.multiply(light.blurred(canvas, height / 260), tear)
    foam = ImageChops.add(foam, light.blurred(foam, height / 60).point(noise.linear(0.7)))
    tone = mix(mix(WHITE, stage.palette.low, 0.35), stage.palette.ground, 0.1 if not stage.night else 0.5)
    return light.lay(image, tone, foam)


def palms(stage: Stage, image: Image.Image, x: float, foot: float, count: int = 3, tall: float = 0.34) -> Image.Image:
    """Palms leaning in the wind."""
    height = stage.height_px
    rng = stage.rng("palms")
    shapes: list[list[tuple[float, float]]] = []
    for index in range(count):
        px, size = (
            x + height * 0.12 * (index - 1) + height * 0.05 * rng.random(),
            height * tall * (0.7 + 0.4 * rng.random()),
        )
        lean = (rng.random() - 0.3) * 0.5
        trunk = [(px + size * lean * (t / 10) ** 1.8, foot - size * (t / 10)) for t in range(11)]
        thick = size * 0.022
        shapes.append(
            [(tx - thick * (1.2 - 0.06 * k), ty) for k, (tx, ty) in enumerate(trunk)]
            + [(tx + thick * (1.2 - 0.06 * k), ty) for k, (tx, ty) in reversed(list(enumerate(trunk)))]
        )
        cx, cy = trunk[-1]
        for frond in range(11):
            angle = math.pi * (-0.15 + 1.3 * frond / 10) + (rng.random() - 0.5) * 0.2
            reach = size * (0.34 + 0.12 * rng.random())
            upper, lower = [], []
            for part in range(25):
                t = part / 24
                fx = cx + math.cos(angle) * reach * t
                fy = cy - math.sin(angle) * reach * t * (1 - 0.25 * t) + reach * 0.62 * t * t
                wide = size * 0.034 * math.sin(math.pi * min(1.0, t * 0.92 + 0.06))
                upper.append((fx, fy - wide * 0.4))
                lower.append((fx - wide * 0.5 * math.cos(angle), fy + wide * (1.9 if part % 2 else 0.7)))
            shapes.append([*upper, *lower[::-1]])
    tone = mix(stage.palette.ground, rgb("1c3024"), 0.25)
    return light.lay(image, tone, light.polygons(stage.size, shapes, scale=3))


def _island(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    rng = stage.rng("island")
    heights = []
    center, broad = 0.7 + 0.05 * rng.random(), 0.15 + 0.05 * rng.random()
    rough = noise.profile(rng, land.points_for(stage), 9, 6, 0.5)
    for index, value in enumerate(rough):
        share = index / len(rough)
        bell = math.exp(-(((share - center) / broad) ** 2))
        heights.append(
            bell**0.8 * (0.55 + 0.5 * value)
            + (0.22 * math.exp(-(((share - center + 0.24) / 0.05) ** 2))) * (0.6 + 0.6 * value)
        )
    line = land.outline(stage, heights, stage.horizon_px + 3, height * 0.24)
    tone = stage.air(rgb("34503c"), 0.28)
    image = light.lay(
        image,
        land.wash(
            stage,
            tone,
            mix(tone, stage.palette.haze, 0.35),
            stage.horizon_px - height * 0.22,
            stage.horizon_px,
            sun=0.3,
        ),
        land.mask_below(stage, line),
    )
    image = water.mirror(stage, image, rough=0.7, deep=0.6)
    image = (
        palms(stage, image, width * (center - 0.1), stage.horizon_px, 3, 0.2) if stage.has("palms", "summer") else image
    )
    if stage.has("sailboat", "ship"):
        image = things.sailboat(stage, image, width * 0.44, stage.horizon_px + height * 0.06, height * 0.05)
    return image


def _harbour(stage: Stage, image: Image.Image) -> Image.Image:
    height = stage.height_px
    image = _hills_around(stage, image, "behind", 0.16)
    if "crane" in stage.said.thing:
        image = things.cranes(stage, image, stage.horizon_px, height * 0.36)
    image = city.harbour(stage, image)
    image = water.mirror(stage, image, rough=0.35, deep=0.7)
    if stage.has("ship") and "sailboat" not in stage.said.thing:
        image = things.ship(stage, image, stage.width_px * 0.58, stage.horizon_px + height * 0.05, height * 0.16)
    return city.masts(stage, image)


def _city(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    base = stage.horizon_px
    if stage.night:
        # The town's own light on the clouds.
        sky_light = city.NEON[int(stage.rng("neon").random() * 3)] if "neon" in stage.said.thing else rgb("d8a070")
        image = light.glow(image, sky_light, (width * 0.66, base), (width * 0.75, height * 0.5), 0.42, 2.0)
    image = city.skyline(stage, image, base)
    haze = mix(stage.palette.haze, city.NEON[0], 0.25) if "neon" in stage.said.thing else stage.palette.haze
    image = light.glow(
        image, haze, (width * 0.66, base), (width * 0.6, height * 0.3), 0.4 if stage.night else 0.25, 2.0
    )
    if "bridge" in stage.said.thing:
        image = things.bridge(stage, image, base - height * 0.05, height * 0.28)
    if stage.night or stage.has("rain", "neon"):
        return city.wet_ground(stage, image, base)
    return water.mirror(stage, image, rough=0.5)


def _forest(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    said = stage.said
    foggy = "fog" in said.weather
    rng = stage.rng("forest")
    leafy = "autumn" in said.season or "spring" in said.season
    if not stage.night and not stage.has("storm", "rain"):
        image = weather.rays(stage, image, 0.3)
    image = land.ridges(
        stage, image, count=2, material=rgb("2a4438"), rise=0.2, base=-0.12, nearest=0.45, name="behind"
    )
    rows = 5
    for row in range(rows):
        near = row / (rows - 1)
        distance = (1.0 - near) ** 1.15 * (0.84 if foggy else 0.62) + 0.01
        y = height * (stage.horizon + 0.02 + (1.0 - stage.horizon) * 0.92 * near**1.2)
        tall = height * (0.13 + 0.42 * near**1.5)
        clearing = (
            (0.1, 0.56 + 0.14 * rng.random()) if near > 0.45 else None
        )  # the nearest rows leave room for the title
        density = (1.0 - 0.25 * near) * (0.8 if row == rows - 1 else 1.0)
        if leafy and row < rows - 1:
            image = land.leafy(
                stage,
                image,
                y_px=y,
                tall_px=tall * 0.62,
                distance=distance,
                name=str(row),
                tones=land.leaves(stage),
                density=1.1,
            )
        else:
            image = land.pines(
                stage, image, y_px=y, tall_px=tall, distance=distance, name=str(row), density=density, clearing=clearing
            )
        if row < rows - 1:
            image = land.mist(
                stage,
                image,
                y + height * 0.01,
                height * (0.08 + 0.05 * near),
                (0.9 if foggy else 0.5) * (1.0 - 0.35 * near),
                f"forest{row}",
            )
    return _people(stage, image, width * 0.62, height * 0.96)


def _jungle(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    image = weather.rays(stage, image, 0.4)
    image = land.ridges(stage, image, count=3, material=rgb("2a5a3a"), rise=0.24, base=-0.1, nearest=0.3, name="hills")
    greens = tuple(rgb(part) for part in ("2f6a34", "4a8a3a", "1f5a40", "6a9a3c"))
    for row, (y, tall, distance) in enumerate(((0.74, 0.2, 0.5), (0.86, 0.28, 0.24))):
        image = land.leafy(
            stage,
            image,
            y_px=height * y,
            tall_px=height * tall,
            distance=distance,
            name=str(row),
            tones=greens,
            density=1.4,
        )
        image = land.mist(stage, image, height * (y + 0.03), height * 0.09, 0.6, f"jungle{row}")
    image = palms(stage, image, width * 0.72, height * 0.97, 4, 0.6)
    return _fronds(stage, image)


def _fronds(stage: Stage, image: Image.Image) -> Image.Image:
    """Long leaves that frame the view, close and dark."""
    width, height = stage.size
    rng = stage.rng("fronds")
    shapes: list[list[tuple[float, float]]] = []
    for root_x, root_y, count, low, high in (
        (-0.03, 1.04, 9, 0.15, 1.2),
        (1.03, 1.02, 11, 1.7, 3.0),
        (1.05, -0.03, 7, 3.4, 4.4),
    ):
        for leaf in range(count):
            aim = low + (high - low) * (leaf + rng.random()) / count
            reach = height * (0.3 + 0.28 * rng.random())
            sag = reach * (0.1 + 0.35 * rng.random())
            upper, lower = [], []
            for part in range(21):
                t = part / 20
                px = root_x * width + math.cos(aim) * reach * t
                py = root_y * height - math.sin(aim) * reach * t + sag * t * t
                wide = reach * 0.055 * math.sin(math.pi * min(1.0, t + 0.04)) ** 0.7
                upper.append((px + math.sin(aim) * wide, py + math.cos(aim) * wide))
                lower.append((px - math.sin(aim) * wide, py - math.cos(aim) * wide))
            shapes.append([*upper, *lower[::-1]])
    return light.lay(image, mix(stage.palette.ground, rgb("0f2a1c"), 0.5), light.polygons(stage.size, shapes))


def _desert(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    material = rgb("d89a5a") if stage.hour != "night" else rgb("5a5468")
    image = land.dunes(stage, image, material)
    if stage.has("person"):
        image = things.person(stage, image, width * 0.62, height * 0.62, height * 0.09)
    if stage.has("palms"):
        image = palms(stage, image, width * 0.72, height * 0.66, 3, 0.26)
    return image


def _canyon(stage: Stage, image: Image.Image) -> Image.Image:
    height = stage.height_px
    image = land.mesas(stage, image, rgb("a8492a"))
    y = stage.horizon_px + height * 0.26
    line = land.outline(
        stage, noise.profile(stage.rng("scrub"), land.points_for(stage), 6, 5, 0.5), y + height * 0.05, height * 0.05
    )
    tone = mix(stage.air(rgb("6a3a24"), 0.05), stage.palette.ground, 0.35)
    field = land.wash(stage, mix(tone, stage.palette.light, 0.12), stage.palette.ground, y, height, sun=0.2)
    return light.lay(image, field, land.mask_below(stage, line))


def _meadow(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    said = stage.said
    rng = stage.rng("fields")
    image = land.ridges(stage, image, count=2, material=rgb("4a6a58"), rise=0.13, base=-0.06, nearest=0.5, name="far")
    green = rgb("6f9440")
    if "autumn" in said.season:
        green = rgb("b08a3c")
    elif "winter" in said.season:
        green = rgb("c8d4e0")
    elif "summer" in said.season or rng.random() < 0.3:  # some fields are ripe
        green = rgb("b8a044")
    bloom: tuple[Colour, ...] = ()
    if stage.has("spring", "flowers", "summer"):
        bloom = tuple(rgb(part) for part in ("f4f0e8", "f2cf4a", "e87a9a", "b08ad8"))
        if said.colour:
            bloom = (rgb(said.colour[0]), turn(rgb(said.colour[0]), 20), rgb("f4f0e8"))
    image = land.meadow(stage, image, green, flowers=bloom)
    x, foot = width * (0.68 + 0.06 * rng.random()), stage.horizon_px + height * 0.13
    if "windmill" in said.thing:
        image = things.windmill(stage, image, x, foot, height * 0.3)
    elif "castle" in said.thing:
        image = things.castle(stage, image, x, foot, height * 0.3)
    elif "house" in said.thing:
        image = things.house(stage, image, x, foot, height * 0.05)
    elif not stage.has("person", "tent", "fire"):
        image = things.tree(stage, image, x, foot, height * (0.3 + 0.08 * rng.random()), land.leaves(stage))
    return _people_on_grass(stage, image, x - width * 0.08, foot + height * 0.05)


def _people_on_grass(stage: Stage, image: Image.Image, x: float, foot: float) -> Image.Image:
    if "person" in stage.said.thing:
        image = things.person(stage, image, x, foot, stage.height_px * 0.1)
    if "tent" in stage.said.thing:
        image = things.tent(stage, image, x + stage.height_px * 0.12, foot, stage.height_px * 0.06)
    return image


def _river(stage: Stage, image: Image.Image) -> Image.Image:
    """A river that winds between wooded spurs."""
    width, height = stage.size
    rng = stage.rng("river")
    autumn, spring = "autumn" in stage.said.season, "spring" in stage.said.season
    floor = stage.horizon_px + height * 0.02
    image = _mountain_backdrop(stage, image, rise=0.32, rows=1)
    hue = rgb("8a5a30") if autumn else rgb("3f5f42")
    image = land.ridges(
        stage, image, count=2, material=hue, rise=0.2, base=-0.03, first=0.2, nearest=0.5, name="valley"
    )
    image = water.mirror(stage, image, rough=0.2, deep=0.6, level_px=floor)
    if "bridge" in stage.said.thing:
        image = things.bridge(stage, image, floor - height * 0.04, height * 0.26)
    # Spurs reach in from both sides in turn; the river winds between them.
    count = 6
    first = 0 if rng.random() < 0.5 else 1
    for index in range(count):
        near = index / (count - 1)
        left = (index + first) % 2 == 0
        y = floor + (height * 0.97 - floor) * near**1.5
        middle = width * (0.6 + 0.05 * math.sin(index * 2.1))
        gap = width * (0.006 + 0.13 * near)
        past = width * (0.1 - 0.05 * near) * (1 - near)
        tip = middle - gap + past if left else middle + gap - past
        image = _spur(stage, image, tip, y, left=left, near=near, hue=hue, leafy=autumn or spring)
    return image


def _spur(
    stage: Stage, image: Image.Image, tip: float, y: float, *, left: bool, near: float, hue: Colour, leafy: bool
) -> Image.Image:
    """A wooded tongue of land from one side, its point at (tip, y) on the water."""
    width, height = stage.size
    rng = stage.rng(f"spur{round(near * 100)}")
    edge = -4.0 if left else width + 4.0
    tall = height * (0.1 + 0.1 * near) * (0.75 if left else 1.15)
    rough = noise.profile(rng, 60, 4, 4, 0.5)
    top = [
        (tip + (edge - tip) * index / 59, y - tall * ((index / 59) ** 0.8) * (0.7 + 0.4 * value))
        for index, value in enumerate(rough)
    ]
    shore = [
        (tip + (edge - tip) * t / 8, y + height * (0.016 * (t / 8) * (1 + near) + 0.004 * rng.random() * near))
        for t in range(9)
    ]
    distance = 0.6 * (1.0 - near) ** 1.1
    tone = mix(stage.air(times(hue, 0.6), distance), stage.palette.ground, 0.25 + 0.3 * near)
    mirrored = [(px / 2, (2 * y - py + height * 0.01) / 2) for px, py in top]
    below = [(px / 2, py / 2) for px, py in shore]
    ghost = light.blurred(light.polygons(stage.half, [[*mirrored, *below[::-1]]], scale=1), height / 150)
    image = light.lay(image, mix(tone, stage.palette.haze, 0.15), ghost.point(noise.linear(0.62)))
    grass = mix(tone, land.under_light(hue, stage.palette.light), 0.22 * (0.3 if stage.night else 1.0))
    field = land.wash(stage, tone, grass, y - tall, y, sun=0.3 * distance)
    image = light.lay(image, field, light.polygons(stage.size, [[*top, *shore[::-1]]]))
    spots = []
    for _ in range(58 if leafy else 34):
        t = rng.random() ** 0.85
        px, crest = top[min(59, int(t * 60))]
        foot = crest + (y - crest) * 0.8 * rng.random() ** 1.6 + height * 0.008
        size = height * (0.036 + 0.085 * near) * (0.7 + 0.6 * rng.random()) * min(1.0, 0.3 + t * 4)
        spots.append((px, foot, size))
    spots.sort(key=lambda spot: spot[1])
    if leafy:
        return land.crowns(stage, image, rng, spots, land.leaves(stage), distance)
    for low, high, pine in ((0, 12, "3a5a40"), (12, 24, "2c4a36"), (24, 34, "1f3828")):
        trees = [land.conifer(rng, px, foot, size * 1.5) for px, foot, size in spots[low:high]]
        tree_tone = mix(stage.air(rgb(pine), distance), stage.palette.haze, 0.3 * distance)
        image = light.lay(image, tree_tone, light.polygons(stage.size, trees))
    return image


def _road(stage: Stage, image: Image.Image) -> Image.Image:
    """A road running to the horizon through open land."""
    width, height = stage.size
    rng = stage.rng("road")
    image = _mountain_backdrop(stage, image, rise=0.24, rows=2)
    base = stage.horizon_px
    green = rgb("8a8048") if "autumn" not in stage.said.season else rgb("a87a3a")
    near = mix(stage.air(times(green, 0.5), 0.0), stage.palette.ground, 0.4)
    far = mix(stage.air(green, 0.6), stage.palette.haze, 0.3)
    field = land.wash(stage, far, near, base, height, sun=0.35)
    texture = land.plane(noise.fractal(rng, (1024, 512), (110, 26), 3, 0.7), stage, 6.0, size=stage.half).point(
        noise.linear(0.5, 64)
    )
    field = light.textured(field, texture)
    image = light.lay(image, field, land.mask_below(stage, [(-4.0, base), (width + 4.0, base)]))
    gone = stage.light[0] * width
    sway = (rng.random() - 0.5) * 0.4

    def edge(offset: float, depth: float) -> tuple[float, float]:
        y = base + (height * 1.02 - base) * depth**2.2
        scale = (y - base) / (height - base)
        middle = gone + (width * 0.55 - gone) * scale + width * 0.1 * sway * math.sin(depth * 6.0) * (1 - depth)
        return middle + offset * width * (0.002 + 0.3 * scale), y

    steps = [part / 60 for part in range(61)]
    asphalt = light.polygons(
        stage.size, [[edge(-1, step) for step in steps] + [edge(1, step) for step in reversed(steps)]]
    )
    tone = mix(stage.air(rgb("4a4a50"), 0.3), stage.palette.ground, 0.3)
    shine = mix(tone, stage.palette.horizon, 0.45)
    image = light.lay(
        image, land.wash(stage, shine, mix(tone, stage.palette.ground, 0.4), base, height, sun=0.5), asphalt
    )
    marks = []
    for first in range(0, 58, 4):
        a, b = steps[first], steps[first + 2]
        marks.append([edge(-0.022, a), edge(0.022, a), edge(0.022, b), edge(-0.022, b)])
    for side in (-0.9, 0.9):
        marks.append(
            [edge(side - 0.014, step) for step in steps] + [edge(side + 0.014, step) for step in reversed(steps)]
        )
    paint = mix(stage.air(rgb("e8dcc0"), 0.2), stage.palette.light, 0.3)
    image = light.lay(image, paint, light.polygons(stage.size, marks).point(noise.linear(0.72)))
    if "traffic" in stage.said.thing or stage.night:
        image = _trails(stage, image, edge, steps)
    return image


def _trails(
    stage: Stage, image: Image.Image, edge: Callable[[float, float], tuple[float, float]], steps: list[float]
) -> Image.Image:
    """Long-exposure lights of cars, white coming, red going."""
    layer = Image.new("RGB", stage.half)
    pencil = ImageDraw.Draw(layer)
    rng = stage.rng("trails")
    for _ in range(14):
        going = rng.random() < 0.5  # both ways alike
        lane = (0.25 + 0.45 * rng.random()) * (1 if going else -1)
        tone = (
            mix(rgb("ff2a1a"), rgb("ff7a30"), rng.random())
            if going
            else mix(rgb("fff2d0"), rgb("ffc870"), rng.random())
        )
        lift = 0.02 + 0.05 * rng.random()
        points = []
        for step in steps:
            x, y = edge(lane, step)
            points.append((x / 2, y / 2 - stage.half[1] * lift * step**2))
        pencil.line(points, fill=whole(times(tone, 0.5 + 0.5 * rng.random())), width=max(1, stage.half[1] // 240))
    layer = ImageChops.add(light.blurred(layer, 0.7), light.gain(light.blurred(layer, stage.half[1] / 70), 1.3))
    return light.shine(image, layer)


def _volcano(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    rng = stage.rng("volcano")
    palette = stage.palette
    x = width * (0.62 + 0.06 * rng.random())
    top, base = stage.horizon_px - height * 0.33, stage.horizon_px + height * 0.12
    crater = width * 0.035
    fire, hot = rgb("ff4a12"), rgb("ffd27a")
    half = stage.half
    # Smoke, lit from below.
    smoke = Image.new("L", half)
    pencil = ImageDraw.Draw(smoke)
    drift = 0.25 + 0.5 * rng.random()
    for part in range(90):
        share = part / 89
        wide = height * (0.025 + 0.17 * share)
        px = x + width * 0.2 * drift * share**1.6 + (rng.random() - 0.5) * wide * 0.9
        py = top - (top + height * 0.12) * share + (rng.random() - 0.5) * wide * 0.6
        pencil.ellipse(
            ((px - wide) / 2, (py - wide * 0.8) / 2, (px + wide) / 2, (py + wide * 0.8) / 2),
            fill=round(225 - 60 * share),
        )
    billow = noise.fractal(rng, half, (15, 11), 6, 0.58)
    smoke = ImageChops.multiply(light.blurred(smoke, height / 90), billow.point(noise.ramp(30, 170)))
    relief = ImageChops.subtract(billow, noise.shifted(billow, 0, -4), 0.5, 110)
    heat = light.halo(half, (x / 2, top / 2), (half[0] * 0.3, half[1] * 0.62), 1.3)
    lit = ImageChops.multiply(relief.point(noise.ramp(60, 190)), heat)
    dark = mix(mix(palette.zenith, palette.low, 0.5), fire, 0.12)
    layer = Image.composite(
        Image.new("RGB", half, whole(mix(fire, hot, 0.2))), Image.new("RGB", half, whole(dark)), lit
    )
    image = light.glow(image, fire, (x, top), (width * 0.42, height * 0.5), 0.5, 2.4)
    image = light.lay(image, layer, smoke)
    image = land.ridges(
        stage, image, count=1, material=rgb("3a3038"), rise=0.12, base=-0.06, first=0.55, nearest=0.6, name="far"
    )
    # The cone.
    count = 120
    rough = noise.profile(rng, count, 14, 5, 0.6)
    line = []
    for index, value in enumerate(rough):
        px = width * (index / (count - 1) * 1.1 - 0.05)
        away = max(0.0, abs(px - x) - crater) / (width * 0.4)
        y = top + (base - top) * min(1.2, 1.0 - math.exp(-1.9 * away) + 0.12 * away)
        if abs(px - x) < crater:
            y += height * 0.02 * (1 - abs(px - x) / crater)
        line.append((px, y - (value - 0.5) * height * 0.02))
    cone = land.mask_below(stage, line)
    rock = mix(palette.ground, rgb("3a2a2c"), 0.5)
    field = land.wash(stage, mix(rock, fire, 0.12), mix(rock, palette.haze, 0.3), top, base, sun=0.0)
    ribs = noise.fractal(rng, half, (26, 5), 5, 0.64).point(noise.linear(0.5, 62))
    field = light.textured(field, ribs)
    image = light.lay(image, field, cone)
    image = _lava(stage, image, x, top, base, crater)
    # A fountain of fire.
    fountain = Image.new("RGB", half)
    pencil = ImageDraw.Draw(fountain)
    for _ in range(150):
        angle = math.pi / 2 + (rng.random() - 0.5) * 1.0
        force = height * (0.06 + 0.2 * rng.random())
        last = (x, top)
        for part in range(1, 9):
            t = part / 8 * 1.5
            now = (x + math.cos(angle) * force * t * 0.9, top - math.sin(angle) * force * t + force * 0.55 * t * t)
            tone = mix(hot, fire, part / 8)
            pencil.line(
                (last[0] / 2, last[1] / 2, now[0] / 2, now[1] / 2), fill=whole(times(tone, 0.9 - 0.07 * part)), width=1
            )
            last = now
    fountain = ImageChops.add(fountain, light.gain(light.blurred(fountain, height / 140), 1.5))
    image = light.shine(image, fountain)
    image = light.glow(image, hot, (x, top), (height * 0.16, height * 0.16), 0.85, 2.0)
    image = land.mist(stage, image, base, height * 0.08, 0.4, "volcano")
    image = land.pines(stage, image, y_px=height * 0.93, tall_px=height * 0.07, distance=0.16, name="far", density=0.7)
    image = land.pines(
        stage,
        image,
        y_px=height * 1.0,
        tall_px=height * 0.15,
        distance=0.0,
        name="near",
        density=0.7,
        clearing=(0.1, 0.8),
    )
    return weather.embers(stage, image, x, top, height * 0.45)


def _lava(stage: Stage, image: Image.Image, x: float, top: float, base: float, crater: float) -> Image.Image:
    half = stage.half
    rng = stage.rng("lava")
    height = stage.height_px
    layer = Image.new("L", half)
    pencil = ImageDraw.Draw(layer)

    def flow(px: float, py: float, thick: float, lean: float, depth: int) -> None:
        while py < base and thick > 0.35:  # thinner than this it has cooled
            step = height * 0.012
            lean += (rng.random() - 0.5) * 0.5
            lean = max(-1.3, min(1.3, lean))
            following = (px + step * lean, py + step)
            pencil.line((px / 2, py / 2, following[0] / 2, following[1] / 2), fill=255, width=max(1, round(thick / 2)))
            if depth and rng.random() < 0.07:  # a fork every dozen steps
                flow(*following, thick * 0.7, lean + (rng.random() - 0.5) * 2.0, depth - 1)
            px, py = following
            thick *= 0.985

    for start in (-0.5, 0.1, 0.6):
        flow(x + crater * start, top + height * 0.012, height * 0.011, start * 1.1, 2)
    # It cools and darkens on its way down.
    span = (base - top) / height
    first = top / height
    cooling = light.slope(half, ((0.0, 255), (first + span * 0.35, 255), (first + span * 0.95, 0), (1.0, 0)))
    layer = ImageChops.multiply(layer, cooling)
    body = light.blurred(layer, 0.8)
    wide = light.blurred(layer, height / 45).point(noise.linear(1.5))
    image = light.shine(image, light.coloured(wide, rgb("d83a10")))
    return light.lay(image, rgb("ffb84a"), body.point(noise.linear(1.0)))


def _waterfall(stage: Stage, image: Image.Image) -> Image.Image:
    width, height = stage.size
    rng = stage.rng("waterfall")
    half = stage.half
    image = _mountain_backdrop(stage, image, rise=0.34, rows=1)
    x = width * (0.62 + 0.08 * rng.random())
    lip, pool = height * 0.36, height * 0.86
    rough = noise.profile(rng, land.points_for(stage), 7, 6, 0.55)
    line = []
    for index, value in enumerate(rough):
        px = width * (index / (len(rough) - 1) * 1.04 - 0.02)
        dip = math.exp(-(((px - x) / (width * 0.05)) ** 2))
        line.append((px, lip - height * (0.16 * value + 0.1 * abs(px - x) / width) * (1 - dip)))
    rock = stage.air(rgb("4a4a44"), 0.25)
    field = land.wash(stage, rock, mix(rock, stage.palette.ground, 0.45), lip - height * 0.1, pool, sun=0.25)
    walls = noise.fractal(rng, half, (60, 5), 4, 0.6)
    relief = ImageChops.subtract(walls, noise.shifted(walls, 2, 2), 1.6, 126)
    field = light.textured(field, relief)
    image = light.lay(image, field, land.mask_below(stage, line))
    image = (
        land.pines(
            stage,
            image,
            y_px=lip - height * 0.02,
            tall_px=height * 0.09,
            distance=0.24,
            name="rim",
            density=0.5,
            clearing=(x / width - 0.09, x / width + 0.09),
        )
        if False
        else image
    )
    # The fall: streaks of noise drawn out downwards.
    broad = width * (0.045 + 0.02 * rng.random())
    fall = light.polygons(
        half,
        [
            [
                ((x - broad * 0.8) / 2, lip / 2),
                ((x + broad * 0.8) / 2, lip / 2),
                ((x + broad * 1.15) / 2, pool / 2),
                ((x - broad * 1.15) / 2, pool / 2),
            ]
        ],
        scale=1,
    )
    streaks = noise.fractal(rng, half, (170, 3), 3, 0.7).point(noise.ramp(60, 190))
    fall = ImageChops.multiply(light.blurred(fall, half[0] / 220), streaks.point(noise.linear(0.8, 50)))
    water_tone = mix(mix(WHITE, stage.palette.low, 0.25), stage.palette.haze, 0.15)
    water_tone = times(water_tone, 0.6 if stage.night else 1.0)
    image = light.lay(image, water_tone, fall)
    flipped = image.crop((0, round(pool - (height - pool) * 2), width, round(pool))).transpose(
        Image.Transpose.FLIP_TOP_BOTTOM
    )
    pond = light.blurred(flipped.resize((width, height - round(pool)), Image.Resampling.BILINEAR), height / 120)
    pond = light.shaded(pond, stage.palette.ground, light.slope(pond.size, ((0.0, 40), (1.0, 190))))
    image.paste(pond, (0, round(pool)))
    mist = light.halo(half, (x / 2, pool / 2), (half[0] * 0.24, half[1] * 0.22), 1.4)
    mist = ImageChops.multiply(mist, noise.fractal(rng, half, (7, 6), 4, 0.55).point(noise.linear(0.6, 110)))
    image = light.lay(image, water_tone, mist)
    green = land.leaves(stage)
    return land.leafy(
        stage, image, y_px=height * 1.0, tall_px=height * 0.16, distance=0.06, name="front", tones=green, density=1.3
    )


def _clouds(stage: Stage, image: Image.Image) -> Image.Image:
    """Above a sea of clouds, a few summits breaking through."""
    width, height = stage.size
    rng = stage.rng("cloudsea")
    palette = stage.palette
    half = stage.half
    image = land.peaks(
        stage,
        image,
        base_px=stage.horizon_px + height * 0.06,
        rise_px=height * 0.2,
        distance=0.66,
        snow=0.7,
        name="far",
        waves=3.2,
    )
    rows = 6
    for row in range(rows):
        near = row / (rows - 1)
        y = stage.horizon_px + height * (0.0 + (1.0 - stage.horizon) * 0.92 * near**1.3)
        lift = height * (0.03 + 0.09 * near)
        heights = noise.profile(rng, land.points_for(stage, 8.0), 3.0 + 4.0 * (1 - near), 5, 0.5)
        puffed = [1.0 - abs(2.0 * value - 1.0) ** 1.7 for value in heights]
        line = [(px / 2, py / 2) for px, py in land.outline(stage, puffed, y, lift)]
        mask = light.polygons(half, [[(line[0][0], half[1] + 2.0), *line, (line[-1][0], half[1] + 2.0)]], scale=1)
        mask = light.blurred(mask, height * (0.004 + 0.008 * near))
        billow = noise.fractal(rng, half, (9 - 4 * near, 16 - 8 * near), 5, 0.55)
        relief = ImageChops.subtract(
            billow, noise.shifted(billow, -3 if stage.light[0] > 0.5 else 3, -3), 0.6, 122
        )  # the middle
        lit = mix(mix(palette.light, palette.horizon, 0.6), palette.haze, 0.2 + 0.2 * near)
        if stage.night:
            lit = mix(palette.horizon, palette.light, 0.12)
        shade = mix(mix(palette.middle, palette.haze, 0.5), palette.zenith, 0.2 + 0.5 * near)
        body = light.slope(
            half,
            (
                (0.0, 255),
                (max(0.0, (y - lift) / height), 235),
                (min(0.98, (y + lift * 1.1) / height), 60 - 30 * near),
                (1.0, 10),
            ),
        )
        tone = Image.composite(
            Image.new("RGB", half, whole(lit)),
            Image.new("RGB", half, whole(shade)),
            ImageChops.multiply(body, relief.point(noise.linear(1.25, -10))),
        )
        image = light.lay(image, tone, mask)
        if row == 1 and stage.rng("summit").random() < 0.75:  # mostly a summit breaks through
            image = land.peaks(
                stage,
                image,
                base_px=y + height * 0.1,
                rise_px=height * 0.26,
                distance=0.34,
                snow=0.6,
                name="through",
                waves=1.7,
            )
    if "balloon" in stage.said.thing:
        image = things.balloons(stage, image)
    if "rocket" in stage.said.thing:
        image = things.rocket(stage, image, width * 0.68, height * 0.14, height * 0.34)
    return image


def _space(stage: Stage) -> Image.Image:
    width, height = stage.size
    rng = stage.rng("space")
    palette = stage.palette
    half = stage.half
    night = (rgb("03040a"), rgb("070a18"))
    sky = light.vertical(half, ((0.0, night[0]), (1.0, night[1])))
    base = rng.random() * 360
    hues = [turn(rgb("4a6ae0"), base + 40 * index) for index in range(3)]
    if stage.said.colour:
        hues = [rgb(stage.said.colour[0]), turn(rgb(stage.said.colour[0]), 35), rgb(stage.said.colour[-1])]
    for index, hue in enumerate(hues):
        cloud = noise.fractal(rng, half, (3.2, 2.2), 6, 0.56).point(noise.ramp(120, 250))
        center = (half[0] * (0.3 + 0.5 * rng.random()), half[1] * (0.2 + 0.5 * rng.random()))
        cloud = ImageChops.multiply(cloud, light.halo(half, center, (half[0] * 0.62, half[1] * 0.85), 0.8))
        sky = ImageChops.screen(sky, light.coloured(cloud.point(noise.linear(0.75 - 0.15 * index)), hue))
    dust = noise.fractal(rng, half, (4, 3), 6, 0.6).point(noise.ramp(130, 230, 190))
    sky = light.shaded(sky, night[0], dust, 0.8)
    stars = Image.new("RGB", half)
    pencil = ImageDraw.Draw(stars)
    for _ in range(round(half[0] * half[1] / 330)):
        level = rng.random() ** 6
        tone = times(mix(rgb("ffd8b8"), rgb("b8d0ff"), rng.random()), 0.2 + 0.8 * level)
        x, y = rng.random() * half[0], rng.random() * half[1]
        pencil.point((x, y), fill=whole(tone))
        if level > 0.93:  # the few brightest
            radius = half[1] / 700 * (0.6 + rng.random())
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=whole(mix(tone, WHITE, 0.7)))
    sky = ImageChops.screen(sky, ImageChops.add(stars, light.gain(light.blurred(stars, max(1.0, half[1] / 230)), 1.6)))
    image = sky.resize(stage.size, Image.Resampling.BICUBIC)
    del palette
    sets = (
        ("1c2a4a", "3a6a9a", "a8c8d8", "f0f4f0"),
        ("4a2418", "a85a34", "d89a68", "f0d0a8"),
        ("241a3a", "5a3a7a", "a878b8", "e8c8e0"),
        ("12322e", "2f6a5e", "7ab89a", "e0f0d8"),
    )
    tones = [rgb(part) for part in sets[int(rng.random() * 4) % 4]]
    if stage.said.colour:
        hue = rgb(stage.said.colour[0])
        tones = [times(hue, 0.25), times(hue, 0.65), hue, mix(hue, WHITE, 0.6)]
    ringed = rng.random() < 0.65  # half of them
    radius = height * (0.24 + 0.1 * rng.random())
    px, py = width * (0.68 + 0.04 * rng.random()), height * (0.42 + 0.08 * rng.random())
    image = things.planet(stage, image, px, py, radius, tones, ringed=ringed)
    moon = [rgb(part) for part in ("2a2a30", "6a6a70", "a8a8a8", "d8d8d0")]
    image = things.planet(
        stage,
        image,
        px - radius * (1.7 + 0.5 * rng.random()),
        py - radius * 0.75,
        radius * 0.14,
        moon,
        ringed=False,
        name="moon",
    )
    if "rocket" in stage.said.thing:
        image = things.rocket(stage, image, width * 0.42, height * 0.3, height * 0.26)
    return image


_LANDS: dict[str, Callable[[Stage, Image.Image], Image.Image]] = {
    "mountains": _mountains,
    "lake": _lake,
    "ocean": _ocean,
    "coast": _coast,
    "island": _island,
    "harbour": _harbour,
    "city": _city,
    "forest": _forest,
    "jungle": _jungle,
    "desert": _desert,
    "canyon": _canyon,
    "meadow": _meadow,
    "river": _river,
    "road": _road,
    "volcano": _volcano,
    "waterfall": _waterfall,
    "clouds": _clouds,
}
