"""Light and shape on a canvas: gradients, glows, clean-edged masks, bloom and the final grade."""

# Proportions stand where they are used, and a picture is painted in one go.
# ruff: noqa: PLR2004

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from mkdocs_leonardo.painter import noise
from mkdocs_leonardo.painter.colour import BLACK, Colour, mix, whole

Point = tuple[float, float]
Box = tuple[int, int, int, int]
Stops = Sequence[tuple[float, Colour]]

_GRADIENT_ROWS = 96
#: What Pillow's radial gradient reaches in the middle of its sides.
_EDGE_LEVEL = 179.0


def at(stops: Stops, place: float) -> Colour:
    """The colour at `place` (0 to 1) of a gradient."""
    before = stops[0]
    for stop in stops:
        if place <= stop[0]:
            span = stop[0] - before[0]
            return mix(before[1], stop[1], (place - before[0]) / span) if span > 0 else stop[1]
        before = stop
    return before[1]


def vertical(size: noise.Size, stops: Stops) -> Image.Image:
    """An RGB gradient from the top (0) to the bottom (1)."""
    rows = max(2, min(_GRADIENT_ROWS, size[1]))
    column = Image.new("RGB", (1, rows))
    column.putdata([whole(at(stops, row / (rows - 1))) for row in range(rows)])
    return column.resize(size, Image.Resampling.BICUBIC)


def slope(size: noise.Size, levels: Sequence[tuple[float, float]], *, across: bool = False) -> Image.Image:
    """An L gradient through the given (place, level) pairs, downwards or across, without a kink at any of them."""
    count = max(2, min(_GRADIENT_ROWS, size[0] if across else size[1]))
    values = bytearray()
    for index in range(count):
        place = index / (count - 1)
        before = levels[0]
        level = levels[-1][1]
        for stop in levels:
            if place <= stop[0]:
                share = (place - before[0]) / (stop[0] - before[0]) if stop[0] > before[0] else 1.0
                level = before[1] + (stop[1] - before[1]) * share * share * (3.0 - 2.0 * share)
                break
            before = stop
        values.append(max(0, min(255, round(level))))
    strip = Image.frombytes("L", (count, 1) if across else (1, count), bytes(values))
    return strip.resize(size, Image.Resampling.BICUBIC)


def halo(
    size: noise.Size, center: Point, radius: tuple[float, float], power: float = 2.0, top: float = 255
) -> Image.Image:
    """An L image, `top` bright at `center` (pixels), falling to 0 at `radius` (pixels across and down)."""
    table = [round(top * max(0.0, 1.0 - level / _EDGE_LEVEL) ** power) for level in range(256)]
    disc = Image.radial_gradient("L").point(table)
    width, height = max(1, round(radius[0] * 2)), max(1, round(radius[1] * 2))
    left, upper = round(center[0] - radius[0]), round(center[1] - radius[1])
    canvas = Image.new("L", size)
    # Only the visible part is enlarged: a halo may be many times the canvas.
    x0, y0, x1, y1 = max(0, left), max(0, upper), min(size[0], left + width), min(size[1], upper + height)
    if x1 <= x0 or y1 <= y0:
        return canvas
    box = (
        (x0 - left) / width * 256,
        (y0 - upper) / height * 256,
        (x1 - left) / width * 256,
        (y1 - upper) / height * 256,
    )
    canvas.paste(disc.resize((x1 - x0, y1 - y0), Image.Resampling.BICUBIC, box=box), (x0, y0))
    return canvas


def gain(image: Image.Image, factor: float) -> Image.Image:
    """The image (any number of bands), brighter or darker by `factor`."""
    return image.point(noise.linear(factor) * len(image.getbands()))


def coloured(mask: Image.Image, colour: Colour) -> Image.Image:
    """`colour` on black, as bright as the L image says."""
    return Image.merge("RGB", [mask.point(noise.linear(part / 255.0)) for part in colour])


def part(image: Image.Image, size: noise.Size, box: Box) -> Image.Image:
    """The part `box` (pixels of a canvas of `size`) of an image that is spread over the whole canvas."""
    if image.size == size:
        return image.crop(box)
    across, down = image.width / size[0], image.height / size[1]
    where = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
    return image.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BILINEAR, box=where)


def covered(mask: Image.Image, size: noise.Size) -> Box | None:
    """Where on a canvas of `size` a mask or layer, spread over it, is not black."""
    box = mask.getbbox()
    if box is None or mask.size == size:
        return box
    across, down = size[0] / mask.width, size[1] / mask.height
    return (
        max(0, math.floor((box[0] - 1) * across)),
        max(0, math.floor((box[1] - 1) * down)),
        min(size[0], math.ceil((box[2] + 1) * across)),
        min(size[1], math.ceil((box[3] + 1) * down)),
    )


def lay(image: Image.Image, colour: Image.Image | Colour, mask: Image.Image) -> Image.Image:
    """The image with `colour` laid on where `mask` is bright (in place); both may be smaller, they are spread."""
    box = covered(mask, image.size)
    if box is not None:
        paint = part(colour, image.size, box) if isinstance(colour, Image.Image) else whole(colour)
        image.paste(paint, box, part(mask, image.size, box))
    return image


def shine(image: Image.Image, layer: Image.Image) -> Image.Image:
    """The image with the light of an RGB layer added, as a lens sees it (screen, in place); the layer is spread."""
    box = covered(layer, image.size)
    if box is not None:
        image.paste(ImageChops.screen(image.crop(box), part(layer, image.size, box)), box)
    return image


def textured(field: Image.Image, texture: Image.Image) -> Image.Image:
    """An RGB field at the size of an L texture, brighter and darker with it (128 changes nothing)."""
    if field.size != texture.size:
        field = field.resize(texture.size, Image.Resampling.BILINEAR)
    return ImageChops.overlay(field, texture.convert("RGB"))


def glow(
    image: Image.Image, colour: Colour, center: Point, radius: tuple[float, float], strength: float, power: float = 2.0
) -> Image.Image:
    """The image with light of `colour` added around `center` (pixels), in place."""
    box = (
        max(0, round(center[0] - radius[0])),
        max(0, round(center[1] - radius[1])),
        min(image.width, round(center[0] + radius[0]) + 1),
        min(image.height, round(center[1] + radius[1]) + 1),
    )
    if box[2] <= box[0] or box[3] <= box[1]:
        return image
    shrink = 4 if max(radius) > 160 else 1
    size = (max(1, (box[2] - box[0]) // shrink), max(1, (box[3] - box[1]) // shrink))
    middle = ((center[0] - box[0]) / shrink, (center[1] - box[1]) / shrink)
    reach = (radius[0] / shrink, radius[1] / shrink)
    lamp = coloured(halo(size, middle, reach, power, 255 * strength), colour)
    lamp = lamp.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BILINEAR)
    image.paste(ImageChops.screen(image.crop(box), lamp), box)
    return image


def shape(
    size: noise.Size, draw: Callable[[ImageDraw.ImageDraw, int], None], *, scale: int = 2, mode: str = "L"
) -> Image.Image:
    """What `draw(pencil, scale)` draws on a canvas `scale` times as large, brought down to `size` with smooth edges."""
    canvas = Image.new(mode, (size[0] * scale, size[1] * scale))
    draw(ImageDraw.Draw(canvas), scale)
    return canvas.reduce(scale) if scale > 1 else canvas


def polygons(size: noise.Size, shapes: Sequence[Sequence[Point]], *, scale: int = 2) -> Image.Image:
    """An L mask of filled polygons given in pixels."""

    def draw(pencil: ImageDraw.ImageDraw, factor: int) -> None:
        for points in shapes:
            pencil.polygon([(x * factor, y * factor) for x, y in points], fill=255)

    return shape(size, draw, scale=scale)


def blurred(image: Image.Image, radius_px: float) -> Image.Image:
    """The image, softly out of focus; large radii are computed on a smaller copy."""
    shrink = 1
    while radius_px / shrink > 4 and min(image.size) // (shrink * 2) >= 8:  # enough for a smooth result
        shrink *= 2
    if shrink == 1:
        return image.filter(ImageFilter.GaussianBlur(radius_px))
    small = image.reduce(shrink).filter(ImageFilter.GaussianBlur(radius_px / shrink))
    return small.resize(image.size, Image.Resampling.BICUBIC)


def softened(image: Image.Image, radius_px: float) -> Image.Image:
    """A quarter-size copy, out of focus by `radius_px` of the original."""
    small = image.reduce(4) if min(image.size) >= 64 else image
    return blurred(small, max(0.5, radius_px * small.width / image.width))


def bloom(image: Image.Image, threshold: float, strength: float, radius_px: float) -> Image.Image:
    """The image with its lights spilling over: what is above `threshold` (0 to 255) is blurred and added."""
    shrink = 4 if min(image.size) >= 64 else 1  # below this there is nothing to save
    small = image.reduce(shrink) if shrink > 1 else image
    table = noise.ramp(threshold, 255, 255 * strength)
    lights = ImageChops.multiply(small, small.convert("L").point(table).convert("RGB"))
    near = blurred(lights, radius_px / shrink)
    far = blurred(lights, radius_px * 4 / shrink)
    return shine(image, ImageChops.add(near, far))


def curve(contrast: float, lift: float = 0.0, gamma: float = 1.0) -> list[int]:
    """A look-up table in the shape of a film's: an S around the middle, soft toe and shoulder."""
    table = []
    for level in range(256):
        value = (level / 255.0) ** gamma
        bent = value * value * (3.0 - 2.0 * value)
        value = value + (bent - value) * contrast
        table.append(max(0, min(255, round(lift * 255 + value * (1.0 - lift) * 255))))
    return table


def graded(image: Image.Image, shadows: Colour, lights: Colour, contrast: float, gamma: float = 1.0) -> Image.Image:
    """The RGB image with a film curve, its dark parts leaning to `shadows`, its bright parts to `lights`.

    Both are offsets in levels.
    """
    table: list[int] = []
    base = curve(contrast, gamma=gamma)
    for dark, bright in zip(shadows, lights, strict=True):
        for level in range(256):
            share = level / 255.0
            offset = dark * (1.0 - share) ** 2 * min(1.0, share * 8 + 0.25) + bright * share * share
            table.append(max(0, min(255, round(base[level] + offset))))
    return image.point(table)


def vignette(image: Image.Image, strength: float, center: Point = (0.56, 0.44)) -> Image.Image:
    """The image, darker towards its corners; `center` in fractions."""
    small = (max(8, image.width // 8), max(8, image.height // 8))
    middle = (center[0] * small[0], center[1] * small[1])
    mask = halo(small, middle, (small[0] * 1.05, small[1] * 1.15), power=0.9)
    table = [round(255 * (1.0 - strength * (1.0 - min(1.0, level / 150.0)) ** 1.4)) for level in range(256)]
    mask = mask.point(table).resize(image.size, Image.Resampling.BICUBIC)
    return ImageChops.multiply(image, mask.convert("RGB"))


def grained(image: Image.Image, rng: random.Random, strength: float) -> Image.Image:
    """The image with film grain, a little of it in colour; it also hides the steps of 8-bit gradients."""
    plain = noise.grain(rng, image.size, strength)
    red = noise.grain(rng, image.size, strength * 0.5, tile_px=256)
    red = ImageChops.add(plain, red, 1, -128)
    blue = ImageChops.subtract(plain, noise.grain(rng, image.size, strength * 0.5, tile_px=192), 1, 128)
    return ImageChops.add(image, Image.merge("RGB", (red, plain, blue)), 1, -128)


def shaded(image: Image.Image, colour: Colour, mask: Image.Image, strength: float = 1.0) -> Image.Image:
    """The image with `colour` painted over where `mask` is bright, at most by `strength`."""
    if strength < 1.0:
        mask = mask.point(noise.linear(strength))
    image.paste(whole(colour), (0, 0), mask)
    return image


def darkened(image: Image.Image, mask: Image.Image, strength: float) -> Image.Image:
    """The image, black by `strength` where `mask` is bright."""
    return shaded(image, BLACK, mask, strength)
