"""Colours as three floats from 0 to 255 (sRGB), and how they mix."""

import math

Colour = tuple[float, float, float]

WHITE: Colour = (255.0, 255.0, 255.0)


def rgb(text: str) -> Colour:
    """Return the colour written as six hex digits."""
    return (float(int(text[0:2], 16)), float(int(text[2:4], 16)), float(int(text[4:6], 16)))


def whole(colour: Colour) -> tuple[int, int, int]:
    """Return the colour as Pillow takes it: three integers within 0 to 255."""
    red, green, blue = (max(0, min(255, round(part))) for part in colour)
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour `share` of the way to `second`, mixed like light (by squares), without a muddy middle."""
    share = max(0.0, min(1.0, share))
    red, green, blue = ((a * a * (1.0 - share) + b * b * share) ** 0.5 for a, b in zip(first, second, strict=True))
    return red, green, blue


def times(colour: Colour, factor: float) -> Colour:
    """Return the colour, brighter or darker by `factor`."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def under(material: Colour, light: Colour) -> Colour:
    """Return what `material` looks like under coloured `light`, never darker than half the material."""
    red, green, blue = (max(0.5 * m, m * (0.35 + 0.65 * part / 255)) for m, part in zip(material, light, strict=True))
    return red, green, blue


def luma(colour: Colour) -> float:
    """Return the perceived brightness from 0 to 255 (Rec. 601 weights, the ones of Pillow's mode L)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


# OKLab (Björn Ottosson, 2020): equal steps look equal, and a turned hue keeps its lightness.
def _lab(colour: Colour) -> Colour:
    r, g, b = ((max(0.0, part) / 255) ** 2.2 for part in colour)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _from_lab(lightness: float, a: float, b: float) -> Colour:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    light = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    red, green, blue = (255 * max(0.0, min(1.0, part)) ** (1 / 2.2) for part in light)
    return red, green, blue


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour `share` of the way to `second` as the eye counts it, for gradients of a material."""
    share = max(0.0, min(1.0, share))
    lightness, a, b = (one + (two - one) * share for one, two in zip(_lab(first), _lab(second), strict=True))
    return _from_lab(lightness, a, b)


def saturate(colour: Colour, factor: float) -> Colour:
    """Return the colour with its distance from grey multiplied by `factor`."""
    lightness, a, b = _lab(colour)
    return _from_lab(lightness, a * factor, b * factor)


def turn(colour: Colour, degrees: float) -> Colour:
    """Return the colour with its hue turned by `degrees`, as light as before."""
    lightness, a, b = _lab(colour)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _from_lab(lightness, a * cos - b * sin, a * sin + b * cos)


def tinted(colour: Colour, hue: Colour, share: float) -> Colour:
    """Return the colour drawn towards `hue` by `share`, as light as before; near black and white take less hue."""
    (lightness, *_), (_, a, b) = _lab(colour), _lab(hue)
    room = min(1.0, 4.8 * lightness * (1.08 - lightness))
    return mix(colour, _from_lab(lightness, a * room, b * room), share)


def lightened(colour: Colour, factor: float) -> Colour:
    """Return the colour with its lightness multiplied by `factor`, hue and strength kept."""
    lightness, a, b = _lab(colour)
    return _from_lab(max(0.0, min(1.0, lightness * factor)), a, b)
