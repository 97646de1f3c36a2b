"""Seeded noise, gradients, glows, masks with clean edges, and how layers lie on each other."""

import hashlib
import itertools
import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from mkdocs_leonardo.painter.colour import Colour, blend, whole

Size = tuple[int, int]
Point = tuple[float, float]
Box = tuple[int, int, int, int]
Stops = Sequence[tuple[float, Colour]]

_CUBIC = Image.Resampling.BICUBIC
_LINEAR = Image.Resampling.BILINEAR
_GRADIENT_STEPS = 96
_EDGE_LEVEL = 179.0  # what Pillow's radial gradient reaches in the middle of its sides


def source(seed: bytes, name: str) -> random.Random:
    """Return a stream of numbers of its own for `name`, so that a change of one part does not change another."""
    digest = hashlib.sha256(seed + b"\0" + name.encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - paints, guards nothing


def pick(rng: random.Random, choices: Sequence[str]) -> str:
    """Return one of the choices, by a single number of the stream."""
    return choices[int(rng.random() * len(choices)) % len(choices)]


def ramp(low: float, high: float, top: float = 255.0, power: float = 1.0) -> list[int]:
    """Return a look-up table: 0 up to `low`, `top` from `high` on, a smooth step between."""
    shares = [max(0.0, min(1.0, (level - low) / max(1e-6, high - low))) for level in range(256)]
    return [round(top * (share * share * (3.0 - 2.0 * share)) ** power) for share in shares]


def linear(scale: float, offset: float = 0.0) -> list[int]:
    """Return a look-up table: level times `scale` plus `offset`, kept within 0 to 255."""
    return [max(0, min(255, int(level * scale + offset + 0.5))) for level in range(256)]


def specks(rng: random.Random, size: Size) -> Image.Image:
    """Return white noise, mode L."""
    return Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))


def shifted(image: Image.Image, right: int, down: int) -> Image.Image:
    """Return the image moved by whole pixels; the margin that becomes free keeps its levels."""
    moved = image.copy()
    moved.paste(image, (right, down))
    return moved


def fractal(rng: random.Random, size: Size, cells: Point, octaves: int = 5, gain: float = 0.5) -> Image.Image:
    """Return cloud-like noise over the whole range of mode L. `cells` counts the largest blots across and down."""
    total, result = 0.0, Image.new("L", (2, 2), 128)
    for octave in range(octaves):
        across = min(size[0], max(2, round(cells[0] * 2**octave) + 1))
        down = min(size[1], max(2, round(cells[1] * 2**octave) + 1))
        # Coarse octaves are summed small: only the finest is as large as the result.
        canvas = size if octave == octaves - 1 else (min(size[0], across * 4), min(size[1], down * 4))
        how = _LINEAR if canvas[0] < across * 3 else _CUBIC
        layer = specks(rng, (across, down)).resize(canvas, how)
        total += gain**octave
        result = Image.blend(result.resize(canvas, how), layer, gain**octave / total)
    return ImageOps.autocontrast(result.resize(size, _CUBIC), cutoff=1)


def profile(
    rng: random.Random, count: int, waves: float, octaves: int = 6, gain: float = 0.5, *, sharp: bool = False
) -> list[float]:
    """Return a line of `count` heights from 0 to 1 with about `waves` rises; `sharp` gives peaks instead of hills."""
    heights = [0.0] * count
    for octave in range(octaves):
        frequency, phase = waves * 2**octave, rng.random()
        knots = [rng.random() for _ in range(math.ceil(frequency) + 3)]
        for index in range(count):
            knot, share = divmod(frequency * index / max(1, count - 1) + phase, 1.0)
            share *= share * (3.0 - 2.0 * share)
            value = knots[int(knot)] * (1.0 - share) + knots[int(knot) + 1] * share
            heights[index] += gain**octave * (1.0 - abs(2.0 * value - 1.0) if sharp else value)
    low, span = min(heights), max(1e-9, max(heights) - min(heights))
    return [(height - low) / span for height in heights]


def at(stops: Stops, place: float) -> Colour:
    """Return the colour at `place` (0 to 1) of a gradient."""
    for (low, one), (high, two) in itertools.pairwise(stops):
        if place <= high:
            return blend(one, two, (place - low) / (high - low)) if high > low else two
    return stops[-1][1]


def vertical(size: Size, stops: Stops) -> Image.Image:
    """Return an RGB gradient from the top (0) to the bottom (1)."""
    rows = max(2, min(_GRADIENT_STEPS, size[1]))
    column = Image.new("RGB", (1, rows))
    column.putdata([whole(at(stops, row / (rows - 1))) for row in range(rows)])
    return column.resize(size, _CUBIC)


def slope(size: Size, levels: Sequence[tuple[float, float]], *, across: bool = False) -> Image.Image:
    """Return an L gradient through (place, level) pairs, downwards or across, without a kink at any of them."""
    count, values = max(2, min(_GRADIENT_STEPS, size[0] if across else size[1])), bytearray()
    for index in range(count):
        place, level = index / (count - 1), levels[-1][1]
        for (low, first), (high, last) in itertools.pairwise(levels):
            if place <= high:
                share = max(0.0, place - low) / (high - low) if high > low else 1.0
                level = first + (last - first) * share * share * (3.0 - 2.0 * share)
                break
        values.append(max(0, min(255, round(level))))
    return Image.frombytes("L", (count, 1) if across else (1, count), bytes(values)).resize(size, _CUBIC)


def halo(size: Size, center: Point, radius: Point, power: float = 2.0, top: float = 255) -> Image.Image:
    """Return an L image, `top` bright at `center` (pixels), falling to 0 at `radius` (pixels across and down)."""
    table = [round(top * max(0.0, 1.0 - level / _EDGE_LEVEL) ** power) for level in range(256)]
    wide, tall = max(1, round(radius[0] * 2)), max(1, round(radius[1] * 2))
    left, upper = round(center[0] - radius[0]), round(center[1] - radius[1])
    canvas = Image.new("L", size)
    # Only the visible part is enlarged: a halo may be many times the canvas.
    x0, y0, x1, y1 = max(0, left), max(0, upper), min(size[0], left + wide), min(size[1], upper + tall)
    if x1 > x0 and y1 > y0:
        box = ((x0 - left) / wide * 256, (y0 - upper) / tall * 256, (x1 - left) / wide * 256, (y1 - upper) / tall * 256)
        disc = Image.radial_gradient("L").point(table)
        canvas.paste(disc.resize((x1 - x0, y1 - y0), _CUBIC, box=box), (x0, y0))
    return canvas


def gain(image: Image.Image, factor: float) -> Image.Image:
    """Return the image (any number of bands), brighter or darker by `factor`."""
    return image.point(linear(factor) * len(image.getbands()))


def two_tone(dark: Colour, bright: Colour, mask: Image.Image) -> Image.Image:
    """Return an RGB image from `dark` to `bright` as the L image says."""
    pairs = zip(dark, bright, strict=True)
    return Image.merge("RGB", [mask.point(linear((high - low) / 255, low)) for low, high in pairs])


def coloured(mask: Image.Image, colour: Colour) -> Image.Image:
    """Return `colour` on black, as bright as the L image says."""
    return two_tone((0.0, 0.0, 0.0), colour, mask)


def mapped(image: Image.Image, stops: Stops) -> Image.Image:
    """Return an L image in the colours of a gradient."""
    tones = [whole(at(stops, level / 255)) for level in range(256)]
    return Image.merge("RGB", [image.point([tone[band] for tone in tones]) for band in range(3)])


def lay(image: Image.Image, colour: Image.Image | Colour, mask: Image.Image) -> Image.Image:
    """Lay `colour` on the image where `mask` is bright, in place; a smaller colour or mask is enlarged."""
    paint = colour.resize(image.size, _LINEAR) if isinstance(colour, Image.Image) else whole(colour)
    image.paste(paint, (0, 0, *image.size), mask.resize(image.size, _LINEAR))
    return image


def shine(image: Image.Image, layer: Image.Image) -> Image.Image:
    """Add the light of an RGB layer to the image, as a lens sees light (screen), in place; the layer is spread."""
    image.paste(ImageChops.screen(image, layer.resize(image.size, _LINEAR)))
    return image


def glow(
    image: Image.Image, colour: Colour, center: Point, radius: Point, strength: float, power: float = 2.0
) -> Image.Image:
    """Add light of `colour` to the image around `center` (pixels), in place."""
    share = 4 if max(radius) > 160 else 1
    size = (max(1, image.width // share), max(1, image.height // share))
    center, radius = (center[0] / share, center[1] / share), (radius[0] / share, radius[1] / share)
    return shine(image, coloured(halo(size, center, radius, power, 255 * strength), colour))


def textured(field: Image.Image, texture: Image.Image) -> Image.Image:
    """Return an RGB field at the size of an L texture, brighter and darker with it (128 changes nothing)."""
    field = field if field.size == texture.size else field.resize(texture.size, _LINEAR)
    return ImageChops.overlay(field, texture.convert("RGB"))


def canvas(mode: str, size: Size, ground: float | tuple[int, ...] = 0) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return an empty image and a pencil to draw on it."""
    image = Image.new(mode, size, ground)
    return image, ImageDraw.Draw(image)


def polygons(size: Size, shapes: Sequence[Sequence[Point]], *, scale: int = 2) -> Image.Image:
    """Return an L mask of polygons given in pixels, drawn `scale` times as large for smooth edges."""
    image, pencil = canvas("L", (size[0] * scale, size[1] * scale))
    for points in shapes:
        pencil.polygon([(x * scale, y * scale) for x, y in points], fill=255)
    return image.reduce(scale) if scale > 1 else image


def blurred(image: Image.Image, radius_px: float) -> Image.Image:
    """Return the image, softly out of focus; large radii are computed on a smaller copy."""
    shrink = 1
    while radius_px / shrink > 4 and min(image.size) // (shrink * 2) >= 8:  # enough for a smooth result
        shrink *= 2
    if shrink == 1:
        return image.filter(ImageFilter.GaussianBlur(radius_px))
    return image.reduce(shrink).filter(ImageFilter.GaussianBlur(radius_px / shrink)).resize(image.size, _CUBIC)


def edge(mask: Image.Image, right: int, down: int) -> Image.Image:
    """Return the rim of an L mask on the side where the light stands, `right` and `down` pixels broad (signed)."""
    return ImageChops.subtract(mask, shifted(mask, -right, -down))


def above(field: Image.Image, size: Size, level: float, soft: float) -> Image.Image:
    """Return an L mask of the places where an F image, spread to `size`, is above `level`; `soft` levels blend."""
    return field.resize(size, _CUBIC).point(lambda v: v * (255 / soft) - level * 255 / soft).convert("L")


def receding(texture: Image.Image, size: Size, ratio: float) -> Image.Image:
    """Return the texture (L) as a ceiling that recedes to the lower edge, where its grain is `ratio` times finer."""
    width, height = size
    depth = height * ratio / (ratio - 1.0)
    margin, middle = depth - height, texture.width / 2
    scale, reach = (texture.width - 4) * margin / width, (texture.height - 4) / (1.0 / margin - 1.0 / depth)
    start = 2 - reach / depth
    first = (scale / depth, -middle / depth, (middle * depth - width / 2 * scale) / depth)
    second = (0.0, -start / depth, (start * depth + reach) / depth)
    return texture.transform(size, Image.Transform.PERSPECTIVE, (*first, *second, 0.0, -1.0 / depth), _LINEAR)


def repeated(tile: Image.Image, size: Size) -> Image.Image:
    """Return the tile, repeated until the size is filled."""
    canvas = Image.new(tile.mode, size)
    for left in range(0, size[0], tile.width):
        canvas.paste(tile, (left, 0))
    row = canvas.crop((0, 0, size[0], tile.height))
    for top in range(tile.height, size[1], tile.height):
        canvas.paste(row, (0, top))
    return canvas
