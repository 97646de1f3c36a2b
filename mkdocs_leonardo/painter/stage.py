"""The stage a picture is painted on: size, seed, what the words said, palette, horizon and light."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004, PLR0911, C901

from __future__ import annotations

import random
from dataclasses import dataclass

from mkdocs_leonardo.painter import noise
from mkdocs_leonardo.painter.colour import Colour, mix, rgb, saturate, times, tinted, turn, under
from mkdocs_leonardo.painter.words import Reading, read


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one hour: the sky from the top down, the light, the air in between and the darkest ground."""

    zenith: Colour
    middle: Colour
    low: Colour
    horizon: Colour
    light: Colour
    haze: Colour
    ground: Colour


#: zenith, middle, low, horizon, light, haze, ground
_HOURS: dict[str, tuple[str, ...]] = {
    "dawn": (
        "1d2b53 565c94 d98c94 ffd1a1 ffe6c0 b98f9d 121729",
        "17384e 44818f dba79a ffe0b4 fff0d2 9db0b1 0d1c24",
        "2a2150 6a4d8c e08190 ffc592 ffdfae a881a2 171230",
        "24406b 7c93b8 e9b9a8 ffe9c6 fff4da b9b3bd 151f30",
    ),
    "golden": (
        "33507a 8c92a0 efb678 ffe0a0 fff2c6 dcae84 2a1c18",
        "2a4a5f 7e9c97 e8b973 ffeaab fff5d2 d2b48a 1e1c15",
        "4b3b60 a97070 f2a75c ffd98c fff0b8 d3966c 2a1620",
    ),
    "sunset": (
        "1b1f4b 6b2f6d e5525c ffa149 ffd885 b2546a 150d25",
        "12304a 5a4c7a df666d ffb36b ffe0a0 a8687c 0d1420",
        "2d1b3d 8a3150 ee6540 ffb84b ffe089 b5553f 1c0d1b",
    ),
    "dusk": (
        "0c1633 23396c 6a6ca5 e6a592 ffcfa8 52608f 080d1f",
        "0b1d2e 1f4e64 5f9097 f0c59d ffdfb5 4a7381 07141c",
        "150f2e 3e306c 8c5c91 f2a38b ffc9a2 5d4a7e 0c0820",
    ),
    "night": (
        "04070f 0a1834 173560 37618f e4eeff 1c3a66 03060d",
        "050911 0e2134 1f4851 467f80 e6f6f2 20505a 03090c",
        "08061a 18133f 322d6e 5d5698 efe9ff 302b66 060414",
    ),
    "day": (
        "245f9c 5897c8 a9cfe2 eaf2ee fffbe8 b2cad8 16303a",
        "2c6a86 6aa7b5 b7d6d3 f3f1df fffae0 b5ccc8 17302c",
    ),
}
_UNSAID_HOURS = ("dawn", "golden", "dusk", "sunset", "dawn", "night", "golden", "dusk")


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything the painters share. `horizon` and `light` are fractions of the height and of both sides."""

    width_px: int
    height_px: int
    seed: bytes
    said: Reading
    hour: str
    palette: Palette
    horizon: float
    light: tuple[float, float]

    def rng(self, name: str) -> random.Random:
        """A stream of numbers of its own for one part of the picture."""
        return noise.source(self.seed, name)

    @property
    def size(self) -> noise.Size:
        """Width and height in pixels."""
        return self.width_px, self.height_px

    @property
    def half(self) -> noise.Size:
        """Half of both sides, for what is soft anyway."""
        return max(1, self.width_px // 2), max(1, self.height_px // 2)

    @property
    def horizon_px(self) -> float:
        """The horizon's distance from the top."""
        return self.horizon * self.height_px

    @property
    def light_px(self) -> tuple[float, float]:
        """The sun's or the moon's place."""
        return self.light[0] * self.width_px, self.light[1] * self.height_px

    @property
    def night(self) -> bool:
        """Whether it is night."""
        return self.hour == "night"

    def has(self, *values: str) -> bool:
        """Whether the words asked for any of these, in any facet."""
        said = self.said
        return any(
            value in facet for value in values for facet in (said.sky, said.weather, said.season, said.land, said.thing)
        )

    def air(self, material: Colour, distance: float) -> Colour:
        """`material` seen under this sky from `distance` (0 here, 1 at the horizon)."""
        palette = self.palette
        ambient = mix(mix(palette.middle, palette.low, 0.5), palette.light, 0.35)
        if self.night:
            ambient = mix(palette.low, palette.horizon, 0.4)
        lit = mix(palette.ground, under(material, ambient), 0.35 + 0.4 * distance)
        return mix(lit, palette.haze, distance**0.85)


def pick(rng: random.Random, choices: tuple[str, ...]) -> str:
    """One of the choices, by a single number of the stream."""
    return choices[int(rng.random() * len(choices)) % len(choices)]


def _hour(said: Reading, rng: random.Random) -> str:
    drawn = pick(rng, _UNSAID_HOURS)
    if said.time:
        return said.time[0]
    if {"stars", "aurora", "galaxy", "moon"} & set(said.sky) or "space" in said.land:
        return "night"
    if "storm" in said.weather or "lightning" in said.sky:
        return "dusk"
    if "fog" in said.weather:
        return "dawn"
    if "neon" in said.thing:
        return "night"
    if "spring" in said.season or "summer" in said.season:
        return "golden" if drawn in {"golden", "sunset"} else "day"
    if "autumn" in said.season:
        return "golden"
    return drawn


def _palette(said: Reading, hour: str, rng: random.Random) -> Palette:
    colours = [rgb(part) for part in pick(rng, _HOURS[hour]).split()]
    degrees = (rng.random() - 0.5) * 22.0
    colours = [turn(colour, degrees) for colour in colours]
    dark = hour in {"night", "dusk"}
    if "storm" in said.weather:
        slate = [rgb(part) for part in ("10161d", "27323b", "4d5a62", "a9aaa4", "f3efe2", "55626a", "070b10")]
        shares = (0.75, 0.7, 0.55, 0.3, 0.2, 0.55, 0.6)
        if hour in {"dawn", "sunset", "golden"}:
            # The break of light under the clouds is what such a picture lives on.
            shares = (0.75, 0.66, 0.42, 0.0, 0.0, 0.5, 0.6)
            colours[2:4] = [saturate(colour, 1.25) for colour in colours[2:4]]
        if dark:
            slate = [times(colour, 0.7) for colour in slate]
        colours = [mix(c, s, share) for c, s, share in zip(colours, slate, shares, strict=True)]
    elif "rain" in said.weather:
        colours = [mix(saturate(c, 0.75), rgb("3c4852"), 0.25) for c in colours]
    if "fog" in said.weather:
        veil = mix(colours[3], colours[5], 0.5)
        veil = mix(veil, rgb("c9cdcc") if not dark else rgb("4a5560"), 0.25)
        shares = (0.35, 0.45, 0.5, 0.3, 0.0, 0.55, 0.0)
        colours = [mix(saturate(c, 0.8), veil, share) for c, share in zip(colours, shares, strict=True)]
    if "winter" in said.season or "snow" in said.weather:
        cold = rgb("a8c4de")
        colours = [tinted(c, cold, 0.25) if index != 3 else c for index, c in enumerate(colours)]
    if "autumn" in said.season:
        colours[5] = tinted(colours[5], rgb("d08a4a"), 0.35)
    if "soft" in said.weather:
        colours = [mix(saturate(c, 0.85), colours[3], 0.14) for c in colours[:-1]] + colours[-1:]
    if {"volcano"} & set(said.land):
        colours[3] = mix(colours[3], rgb("ff5a1f"), 0.5)
        colours[2] = mix(colours[2], rgb("7a2418"), 0.45)
        colours[5] = mix(colours[5], rgb("5a2a24"), 0.5)
    for position, text in enumerate(said.colour[:2]):
        hue = rgb(text)
        shares = (0.7, 0.7, 0.55, 0.35, 0.25, 0.65, 0.6) if position == 0 else (0.0, 0.0, 0.4, 0.6, 0.45, 0.2, 0.0)
        colours = [tinted(c, hue, share) for c, share in zip(colours, shares, strict=True)]
    return Palette(*colours)


_HORIZONS = {
    "ocean": (0.56, 0.64),
    "coast": (0.6, 0.66),
    "island": (0.56, 0.62),
    "lake": (0.58, 0.64),
    "harbour": (0.58, 0.64),
    "desert": (0.46, 0.54),
    "meadow": (0.5, 0.58),
    "road": (0.52, 0.58),
    "river": (0.46, 0.52),
    "city": (0.66, 0.72),
    "mountains": (0.62, 0.72),
    "clouds": (0.56, 0.64),
}

#: Lands that would hide a low sun.
_TALL = ("mountains", "lake", "river", "forest", "city", "waterfall", "jungle", "canyon", "harbour", "road")


def set_stage(prompt: str, negative_prompt: str, size: noise.Size, seed: bytes) -> Stage:
    """The stage for a prompt: words decide what they name, the seed everything else."""
    said = read(prompt, negative_prompt)
    rng = noise.source(seed, "stage")
    hour = _hour(said, rng)
    palette = _palette(said, hour, noise.source(seed, "palette"))
    low, high = _HORIZONS.get(said.land[0] if said.land else "", (0.56, 0.68))
    horizon = low + (high - low) * rng.random()
    across = 0.58 + 0.24 * rng.random()
    lift = rng.random()
    heights = {"dawn": 0.03, "sunset": 0.03, "golden": 0.13, "dusk": -0.01, "night": 0.36, "day": 0.4}
    height = horizon - heights[hour] - lift * (0.05 if hour != "night" else 0.12)
    if hour in {"dawn", "sunset", "golden"} and (not said.land or said.land[0] in _TALL):
        height -= 0.13 + 0.05 * lift
    return Stage(
        width_px=size[0],
        height_px=size[1],
        seed=seed,
        said=said,
        hour=hour,
        palette=palette,
        horizon=horizon,
        light=(across, max(0.08, height)),
    )
