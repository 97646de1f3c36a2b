"""Colours as three floats from 0 to 255 (sRGB), and how they mix."""

from __future__ import annotations

import colorsys

Colour = tuple[float, float, float]

BLACK: Colour = (0.0, 0.0, 0.0)
WHITE: Colour = (255.0, 255.0, 255.0)


def rgb(text: str) -> Colour:
    """The colour written as six hex digits."""
    return (float(int(text[0:2], 16)), float(int(text[2:4], 16)), float(int(text[4:6], 16)))


def whole(colour: Colour) -> tuple[int, int, int]:
    """The colour as Pillow takes it: three integers within 0 to 255."""
    red, green, blue = (max(0, min(255, round(part))) for part in colour)
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way to `second`, mixed as light is (squares), so that the middle is not muddy."""
    share = max(0.0, min(1.0, share))
    red, green, blue = ((a * a * (1.0 - share) + b * b * share) ** 0.5 for a, b in zip(first, second, strict=True))
    return red, green, blue


def times(colour: Colour, factor: float) -> Colour:
    """The colour, brighter or darker by `factor`."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def under(material: Colour, light: Colour) -> Colour:
    """What `material` looks like under coloured `light`."""
    red, green, blue = (a * b / 255.0 for a, b in zip(material, light, strict=True))
    return red, green, blue


def luma(colour: Colour) -> float:
    """Perceived brightness from 0 to 255 (Rec. 601 weights, the ones of Pillow's mode L)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def saturate(colour: Colour, factor: float) -> Colour:
    """The colour with its distance from grey multiplied by `factor`."""
    grey = luma(colour)
    red, green, blue = (max(0.0, min(255.0, grey + (part - grey) * factor)) for part in colour)
    return red, green, blue


def turn(colour: Colour, degrees: float) -> Colour:
    """The colour with its hue turned by `degrees`."""
    hue, light, strength = colorsys.rgb_to_hls(colour[0] / 255, colour[1] / 255, colour[2] / 255)
    red, green, blue = colorsys.hls_to_rgb((hue + degrees / 360) % 1.0, light, strength)
    return red * 255, green * 255, blue * 255


def tinted(colour: Colour, hue: Colour, share: float) -> Colour:
    """The colour drawn towards `hue` by `share`, its brightness kept."""
    level = luma(colour) / max(1.0, luma(hue))
    toned = times(hue, level)
    # A strong hue cannot be bright: what does not fit below 255 goes to white.
    over = max(0.0, max(toned) - 255.0) / 255.0
    return mix(colour, mix(times(hue, min(level, 255.0 / max(1.0, *hue))), WHITE, min(1.0, over)), share)
