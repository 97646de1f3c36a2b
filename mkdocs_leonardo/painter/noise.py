"""Seeded randomness: numbers, profiles, clouds and grain that are the same on every platform."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004

from __future__ import annotations

import hashlib
import math
import random

from PIL import Image

Size = tuple[int, int]

_CUBIC = Image.Resampling.BICUBIC
_LINEAR = Image.Resampling.BILINEAR


def source(seed: bytes, name: str) -> random.Random:
    """A stream of numbers of its own for `name`, so that one part's changes leave the others as they are."""
    digest = hashlib.sha256(seed + b"\0" + name.encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - paints, guards nothing


def ramp(low: float, high: float, top: float = 255.0, power: float = 1.0) -> list[int]:
    """A look-up table: 0 up to `low`, `top` from `high` on, a smooth step between."""
    table = []
    span = max(1e-6, high - low)
    for level in range(256):
        share = max(0.0, min(1.0, (level - low) / span))
        table.append(round(top * (share * share * (3.0 - 2.0 * share)) ** power))
    return table


def linear(scale: float, offset: float = 0.0) -> list[int]:
    """A look-up table: level times `scale` plus `offset`, kept within 0 to 255."""
    shift = offset + 0.5
    return [0 if (value := int(level * scale + shift)) < 0 else min(value, 255) for level in range(256)]


def specks(rng: random.Random, size: Size) -> Image.Image:
    """White noise, mode L."""
    width, height = size
    return Image.frombytes("L", size, rng.randbytes(width * height))


def stretched(image: Image.Image, cut: float = 0.01) -> Image.Image:
    """The L image with its darkest and brightest `cut` shares pulled to 0 and 255."""
    histogram = image.histogram()
    limit = cut * image.width * image.height
    low, high, below, above = 0, 255, 0.0, 0.0
    while low < 254 and below + histogram[low] <= limit:  # the last level but one of a byte
        below += histogram[low]
        low += 1
    while high > low + 1 and above + histogram[high] <= limit:
        above += histogram[high]
        high -= 1
    scale = 255.0 / (high - low)
    return image.point(linear(scale, -low * scale))


def shifted(image: Image.Image, right: int, down: int) -> Image.Image:
    """The image moved by whole pixels; what comes free keeps its old levels."""
    moved = image.copy()
    moved.paste(image, (right, down))
    return moved


def fractal(
    rng: random.Random, size: Size, cells: tuple[float, float], octaves: int = 5, gain: float = 0.5
) -> Image.Image:
    """Cloud-like noise over the whole range of mode L. `cells` counts the largest blots across and down."""
    weight, total = 1.0, 0.0
    result = Image.new("L", (2, 2), 128)
    for octave in range(octaves):
        across = min(size[0], max(2, round(cells[0] * 2**octave) + 1))
        down = min(size[1], max(2, round(cells[1] * 2**octave) + 1))
        # Coarse octaves are summed small: only the finest is as large as the result.
        last = octave == octaves - 1
        canvas = size if last else (min(size[0], across * 4), min(size[1], down * 4))
        fine = canvas[0] < across * 3
        layer = specks(rng, (across, down)).resize(canvas, _LINEAR if fine else _CUBIC)
        total += weight
        result = Image.blend(result.resize(canvas, _LINEAR if fine else _CUBIC), layer, weight / total)
        weight *= gain
    return stretched(result.resize(size, _CUBIC))


def profile(
    rng: random.Random, count: int, waves: float, octaves: int = 6, gain: float = 0.5, *, sharp: bool = False
) -> list[float]:
    """A line of `count` heights from 0 to 1 with about `waves` rises; `sharp` gives peaks instead of hills."""
    heights = [0.0] * count
    weight = 1.0
    frequency = waves
    for _ in range(octaves):
        phase = rng.random()
        knots = [rng.random() for _ in range(math.ceil(frequency) + 3)]
        for index in range(count):
            place = frequency * index / max(1, count - 1) + phase
            knot = int(place)
            share = place - knot
            share = share * share * (3.0 - 2.0 * share)
            value = knots[knot] * (1.0 - share) + knots[knot + 1] * share
            if sharp:
                value = 1.0 - abs(2.0 * value - 1.0)
            heights[index] += weight * value
        weight *= gain
        frequency *= 2.0
    low, high = min(heights), max(heights)
    span = max(1e-9, high - low)
    return [(height - low) / span for height in heights]


def grain(rng: random.Random, size: Size, strength: float, tile_px: int = 512) -> Image.Image:
    """Film grain around level 128, mode L, `strength` levels strong; a tile is repeated beyond `tile_px`."""
    tile_size = (min(tile_px, size[0]), min(tile_px, size[1]))
    tile = Image.blend(specks(rng, tile_size), specks(rng, tile_size), 0.5)
    tile = tile.point(linear(strength / 52.0, 128.0 - 127.5 * strength / 52.0))
    if tile_size == size:
        return tile
    result = Image.new("L", size)
    for left in range(0, size[0], tile_size[0]):
        for top in range(0, size[1], tile_size[1]):
            result.paste(tile, (left, top))
    return result
