"""The stage a picture is painted on: size, seed, what the words said, colours, horizon and light."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import Colour, blend, mix
from mkdocs_leonardo.painter.light import Point, Size
from mkdocs_leonardo.painter.palette import Palette, hour_of, palette_of, tones_of, tones_of_scene
from mkdocs_leonardo.painter.words import Reading, land_of, table

_TALL = frozenset(("mountains", "lake", "river", "forest", "city", "harbour"))  # they would hide a low sun
_HEIGHTS = {"dawn": 0.03, "sunset": 0.03, "golden": 0.13, "dusk": -0.01, "night": 0.36, "day": 0.4}


@dataclass(frozen=True, slots=True)
class Stage:
    """What the brushes share: places in fractions of the size, tones from dark to light, how light the ground is."""

    size: Size
    seed: bytes
    said: Reading
    land: str
    hour: str
    palette: Palette
    horizon: float
    light: Point
    tones: Sequence[Colour]
    lamp: Point
    lift: float

    def rng(self, name: str) -> random.Random:
        """Return a stream of numbers of its own for one part of the picture."""
        return light.source(self.seed, name)

    def part(self, share: int) -> Size:
        """Return the size divided by `share`, for what is soft anyway."""
        return max(2, self.size[0] // share), max(2, self.size[1] // share)

    @property
    def horizon_px(self) -> float:
        """The horizon's distance from the top."""
        return self.horizon * self.size[1]

    @property
    def night(self) -> bool:
        """Whether it is night."""
        return self.hour == "night"

    def has(self, *values: str) -> bool:
        """Return whether the words asked for any of these, in any facet that a scene shows."""
        said = self.said
        return any(value in (*said.sky, *said.weather, *said.season, *said.thing) for value in values)

    def air(self, material: Colour, distance: float) -> Colour:
        """Return `material` seen under this sky from `distance` (0 here, 1 at the horizon)."""
        palette = self.palette
        day = mix(mix(palette.middle, palette.low, 0.5), palette.light, 0.35)
        ambient = mix(palette.low, palette.horizon, 0.4) if self.night else day
        lit = (material[0] * ambient[0] / 255, material[1] * ambient[1] / 255, material[2] * ambient[2] / 255)
        return mix(mix(palette.ground, lit, 0.35 + 0.4 * distance), palette.haze, distance**0.85)

    def tone(self, place: float) -> Colour:
        """Return the colour at `place` (0 the darkest, 1 the lightest) of the row of tones."""
        place = max(0.0, min(1.0, place)) * 4
        index = min(3, int(place))
        return blend(self.tones[index], self.tones[index + 1], place - index)

    def lamplight(self, reach: float = 1.0, power: float = 1.3, top: float = 255) -> Image.Image:
        """Return the strength of the lamp's light on each place (a quarter of the size, L)."""
        width, height = self.part(4)
        radius = reach * (width + height) * 0.62
        center = (self.lamp[0] * width, self.lamp[1] * height)
        return light.halo((width, height), center, (radius, radius * 0.8), power, top)


def set_stage(said: Reading, size: Size, seed: bytes, lift: float) -> Stage:
    """Return the stage for a reading: words decide what they name, the seed everything else."""
    rng = light.source(seed, "stage")
    hour, land = hour_of(said, rng), land_of(said)
    palette = palette_of(said, hour, light.source(seed, "palette"))
    low, high = table("palettes")["horizons"].get(land, (0.56, 0.68))
    horizon = low + (high - low) * rng.random()
    across, up = 0.58 + 0.24 * rng.random(), rng.random()
    sun = horizon - _HEIGHTS[hour] - up * (0.12 if hour == "night" else 0.05)
    sun -= 0.13 + 0.05 * up if hour in {"dawn", "sunset", "golden"} and land in _TALL else 0.0
    tones = tones_of_scene(land, palette, hour, rng) if land else tones_of(said, light.source(seed, "tones"))
    lamp = (0.74 + 0.2 * rng.random(), 0.02 + 0.14 * rng.random())
    return Stage(size, seed, said, land, hour, palette, horizon, (across, max(0.08, min(0.7, sun))), tones, lamp, lift)
