"""The dark tint of a picture: the colour of the scrim behind its text, and of its area until it is loaded."""

from __future__ import annotations

import math

Colour = tuple[int, int, int]

#: Twelve hues, in steps of 30 degrees, and a neutral one, in sRGB. Each has lightness 0.17 and chroma 0.04 in OKLCH
#: (Ottosson 2020), dark enough for white text on pure white at the alpha of `SCRIM_LIMIT`.
TINTS: tuple[Colour, ...] = (
    (29, 7, 15),
    (30, 8, 5),
    (28, 10, 0),
    (22, 14, 0),
    (13, 18, 0),
    (2, 20, 6),
    (0, 21, 16),
    (0, 20, 25),
    (0, 17, 31),
    (9, 14, 33),
    (18, 11, 30),
    (25, 8, 24),
    (14, 15, 19),
)
NEUTRAL = len(TINTS) - 1
#: The scrim comes in these steps (percent), for each of which the stylesheet has rules.
SCRIM_STEP = 2
#: The largest scrim (percent): with it in any tint, white text reaches 4.5:1 on pure white. Black would need 54.
SCRIM_LIMIT = 58
#: Colours below this chroma look grey.
_LEAST_CHROMA = 0.03


def find_tint(dominant: str) -> int:
    """Return the index in `TINTS` for the hue of a colour, given as ``#rrggbb``."""
    red, green, blue = (to_light(int(dominant[index : index + 2], 16) / 255) for index in (1, 3, 5))
    # From linear sRGB to OKLab: matrices M1 (with the primaries of sRGB) and M2 of its definition.
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    if math.hypot(a, b) < _LEAST_CHROMA:
        return NEUTRAL
    return round(math.degrees(math.atan2(b, a)) / 30) % NEUTRAL


def to_light(value: float) -> float:
    """Convert an sRGB value, 0 to 1, to linear light (IEC 61966-2-1; WCAG 2.2, "relative luminance")."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - the definition
