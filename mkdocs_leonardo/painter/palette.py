"""Colours that go together: those of an hour for scenes, those of a set for abstract pictures."""

import random
from dataclasses import dataclass

from mkdocs_leonardo.painter import light
from mkdocs_leonardo.painter.colour import Colour, lightened, mix, rgb, saturate, times, tinted, turn
from mkdocs_leonardo.painter.words import Reading, table

_UNSAID_HOURS = ("dawn", "golden", "dusk", "sunset", "dawn", "golden", "dusk", "night")


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


def hour_of(said: Reading, rng: random.Random) -> str:
    """Return the time of day that the words name or imply, else one by chance."""
    drawn = light.pick(rng, _UNSAID_HOURS)
    implied: dict[str, str] = {**table("palettes")["implied"]}
    implied |= {"spring": drawn, "summer": drawn} if drawn in {"golden", "sunset"} else {}
    words = (*said.sky, *said.thing, *said.weather, *said.season)
    return (*said.time, *(implied[word] for word in words if word in implied), drawn)[0]


def palette_of(said: Reading, hour: str, rng: random.Random) -> Palette:
    """Return the colours of a scene at an hour, under its weather, in its season, in the colours that are named."""
    turned = (rng.random() - 0.5) * 22.0
    colours = [turn(rgb(part), turned) for part in light.pick(rng, table("palettes")["hours"][hour]).split()]
    dark = hour in {"night", "dusk"}

    def towards(tones: list[Colour], shares: str) -> list[Colour]:
        return [mix(c, tone, int(share) / 100) for c, tone, share in zip(colours, tones, shares.split(), strict=True)]

    if "storm" in said.weather:
        storm, low = table("palettes")["storm"], hour in {"dawn", "sunset", "golden"}
        slate = [times(rgb(part), 0.7 if dark else 1.0) for part in storm["slate"].split()]
        # The break of light under the clouds is what such a picture lives on.
        colours[2:4] = [saturate(colour, 1.25 if low else 1.0) for colour in colours[2:4]]
        colours = towards(slate, storm["low" if low else "else"])
    elif "rain" in said.weather:
        colours = [mix(saturate(c, 0.75), rgb("3c4852"), 0.25) for c in colours]
    if "fog" in said.weather:
        veil = mix(mix(colours[3], colours[5], 0.5), rgb("4a5560" if dark else "cbb9bc"), 0.25 if dark else 0.6)
        colours = [times(c, 0.72) for c in colours[:3]] + colours[3:]  # a bank of fog is paler than the sky above it
        colours = towards([veil] * 7, "10 15 30 45 0 55 0")
    if "winter" in said.season or "snow" in said.weather:
        colours = [tinted(c, rgb("a8c4de"), 0.25) if index != 3 else c for index, c in enumerate(colours)]
    if "autumn" in said.season:
        colours[5] = tinted(colours[5], rgb("d08a4a"), 0.35)
    if "soft" in said.weather:
        colours = [mix(saturate(c, 0.85), colours[3], 0.14) for c in colours[:-1]] + colours[-1:]
    for text, shares in zip(said.colour, ("85 85 70 50 35 80 70", "0 0 40 60 45 20 0"), strict=False):
        colours = towards([tinted(c, rgb(text), 1.0) for c in colours], shares)
    return Palette(*colours)


def tones_of(said: Reading, rng: random.Random) -> list[Colour]:
    """Return five colours for an abstract picture, the darkest first: ground, deep, body, accent, light."""
    tables = table("palettes")
    leanings = [name for word in said.subject for name, kin in tables["leanings"].items() if word in kin.split()]
    leaning = leanings[0] if leanings and rng.random() > 0.2 else ""  # one page in five steps out of the row
    sets = tables["sets"][leaning] if leaning else [one for group in tables["sets"].values() for one in group]
    turned = (rng.random() - 0.5) * 16.0
    tones = [turn(rgb(part), turned) for part in light.pick(rng, sets).split()]
    for word in (*said.mood, *said.weather, *said.season, *said.time[:1]):
        tint, share, lightness, strength = tables["lit"].get(word, ("808080", 0.0, 1.0, 1.0))
        tones = [lightened(saturate(tinted(tone, rgb(tint), share), strength), lightness) for tone in tones]
    if said.colour:
        first, last = rgb(said.colour[0]), rgb(said.colour[1 % len(said.colour)])
        shares = (0.8, 0.95, 0.95, 0.95 if len(said.colour) > 1 else 0.45, 0.4)
        pairs = zip(tones, (first, first, first, last, last), shares, strict=True)
        tones = [tinted(tone, hue, share) for tone, hue, share in pairs]
    return tones


def tones_of_scene(land: str, palette: Palette, hour: str, rng: random.Random) -> list[Colour]:
    """Return five tones from the darkest to the lightest, livelier than the sky that they come from."""
    own, swing = table("palettes")["own"], (10 + 20 * rng.random()) * (-1 if rng.random() < 0.5 else 1)
    vivid, lift = (1.7, 1.2) if hour == "night" else (1.5, 0.97)
    brightness = 1.2 if hour in {"night", "dusk"} else 0.95
    middle = lightened(turn(mix(palette.zenith, palette.middle, 0.6), -swing), brightness)
    row = [palette.ground, middle, lightened(turn(palette.low, swing), lift), lightened(palette.horizon, lift)]
    if land in own:
        row = [tinted(tone, rgb(own[land]), share) for tone, share in zip(row, (0.4, 0.45, 0.35, 0.1), strict=True)]
    return [*(saturate(tone, vivid) for tone in row), palette.light]
