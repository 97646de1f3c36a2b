"""The files of a hero: a ladder of widths in each format, the social picture, the blur-up image, the main colour."""

from __future__ import annotations

import base64
import colorsys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image, ImageFilter, features

from mkdocs_leonardo.files import name_draft, rename_over
from mkdocs_leonardo.imaging.normalise import crop_box, fit
from mkdocs_leonardo.spec import Encoding, FocalPoint, Format, Variant, digest_of

#: Increase this when equal inputs give other files or measurements: every rendering is then made anew.
ENCODER_VERSION = 2

#: Facebook's and X's size for a large link preview (2026).
SOCIAL_SIZE_PX = (1200, 630)

MAX_BLUR_UP_CHARS = 199

#: The extensions of the formats, by which Pillow knows its encoders as well.
EXTENSIONS: dict[Format, str] = {"avif": "avif", "webp": "webp", "jpeg": "jpg"}

EncoderOptions = dict[str, int | str | bool]

#: Pillow's options for each format (Pillow 13, libavif 1.4, libwebp 1.6; `bench_encoding.py` measures it again).
#:
#: The qualities give about the same SSIM (luminance, blocks of 8 x 8). Seven photographs, mean at 1536 and at 768:
#: AVIF 55 0.976 in 74 KiB and 0.961 in 26, WebP 75 0.967 in 80 and 0.959 in 31, JPEG 70 0.980 in 119 and 0.964 in 40.
#:
#: One number rather than a floor of SSIM for each picture: over 15 photographs, a floor that costs the same bytes as
#: AVIF 55 has a mean SSIM of 0.954 where the number has 0.956 (WebP 75: 0.968 and 0.965). The floor lifts the worst
#: picture from 0.915 to 0.953, but takes two or three encodes for one, and takes the bytes from smooth pictures,
#: where bands in a sky are seen first and SSIM sees them least.
ENCODER_OPTIONS: dict[Format, EncoderOptions] = {
    # One thread: two pictures side by side use two cores better than one picture with two threads does.
    # Speed 6 is 5 times as fast as 5 for 0.003 less SSIM; 7 and 8 make files 7 % and 10 % larger at equal SSIM.
    "avif": {"quality": 55, "speed": 6, "subsampling": "4:2:0", "max_threads": 1},
    # Method 6 takes twice the time of 4 for no smaller file at equal SSIM.
    "webp": {"quality": 75, "method": 4},
    "jpeg": {"quality": 70, "progressive": True, "optimize": True, "subsampling": "4:2:0"},
}
#: The options of the social picture: services encode previews once more, so its quality is higher.
SOCIAL_ENCODER_OPTIONS: EncoderOptions = {**ENCODER_OPTIONS["jpeg"], "quality": 80}

#: Above this width AVIF is encoded at speed 7, in two thirds of the time: phones load the smaller files.
AVIF_THOROUGH_WIDTH_PX = 768
AVIF_FAST_SPEED = 7

#: The painter's pictures, until a service's come: encoded in a quarter of the time, into no more bytes. (Quality 49 and
#: speed 9: 6.2, 12.6 and 63 KiB at 480, 768 and 1536 px, mean of five; quality 55 and speed 6 or 7: 6.1, 13.8 and 94.)
PLACEHOLDER_AVIF: EncoderOptions = {**ENCODER_OPTIONS["avif"], "quality": 49, "speed": 9}

#: The widths of a JPEG for browsers without AVIF, 5 of 100 (2026); the picture's own width comes with them.
#: A phone of two or three pixels a point and a column of documentation need about 768; a wide column,
#: and a phone of three pixels a point, 1200; a picture across the window, a template and a search engine the widest.
FALLBACK_WIDTHS_PX = (768, 1200)
#: These widths if the ladder has one step more than the default's: one JPEG serves for both, so a hero has nine files.
FEWER_FALLBACK_WIDTHS_PX = (960,)

#: Above this width, encoding an AVIF takes 12 to 35 MB, which is most of what a build needs at its peak.
AVIF_SMALL_WIDTH_PX = 768

_BLUR_UP_WIDTH_PX = 16


def available_formats() -> tuple[Format, ...]:
    """The formats that this installation of Pillow can write, the smallest files first."""
    return tuple(name for name, feature in EXTENSIONS.items() if features.check(feature))


def usable_formats(
    wanted: Iterable[Format], available: Iterable[Format] | None = None
) -> tuple[tuple[Format, ...], tuple[Format, ...]]:
    """The formats of `wanted` that will be written, and those that Pillow cannot write.

    If none would remain, WebP is written, or else JPEG, so that a page has a picture in any case.
    """
    able = available_formats() if available is None else tuple(available)
    wanted = tuple(dict.fromkeys(wanted))
    kept = tuple(name for name in wanted if name in able)
    dropped = tuple(name for name in wanted if name not in able)
    return kept or (("webp",) if "webp" in able else ("jpeg",)), dropped


class FilePlan(NamedTuple):
    """One file of a hero that is to be written. `options` are Pillow's."""

    width_px: int
    format: Format
    options: EncoderOptions


def options_for(picture_format: Format, width_px: int, *, is_placeholder: bool = False) -> EncoderOptions:
    """Pillow's options for a file of this format and width."""
    if picture_format == "avif" and is_placeholder:
        return PLACEHOLDER_AVIF
    if picture_format == "avif" and width_px > AVIF_THOROUGH_WIDTH_PX:
        return {**ENCODER_OPTIONS["avif"], "speed": AVIF_FAST_SPEED}
    return ENCODER_OPTIONS[picture_format]


def ladder(widths_px: Iterable[int], width_px: int) -> tuple[int, ...]:
    """The widths to write, ascending: `width_px` and the smaller ones of `widths_px`."""
    return tuple(sorted({width for width in widths_px if 0 < width < width_px} | {width_px}))


def plan_files(
    encoding: Encoding, available: Iterable[Format] | None = None, *, is_placeholder: bool = False
) -> tuple[FilePlan, ...]:
    """The files of a hero, widths ascending. `available` is as in `usable_formats`.

    The rendering's key and the encoder both take the options from here.
    """
    formats, _ = usable_formats(encoding.formats, available)
    widths_px = ladder(encoding.widths, encoding.width_px)
    fallback_px = set(widths_px)
    if encoding.spares_fallback and formats != ("jpeg",):
        wanted_px = FALLBACK_WIDTHS_PX if len(widths_px) <= len(Encoding().widths) else FEWER_FALLBACK_WIDTHS_PX
        nearest = (min(widths_px, key=lambda width: abs(width - wanted)) for wanted in wanted_px)
        fallback_px = {*nearest, encoding.width_px}
    return tuple(
        FilePlan(width, kind, options_for(kind, width, is_placeholder=is_placeholder))
        for width in widths_px
        for kind in formats
        if kind != "jpeg" or width in fallback_px
    )


@dataclass(slots=True)
class Draft:
    """Files that are written into `folder`. Their names begin with `stem`, and each has the packet `xmp`.

    `files` are pairs of a temporary name and the name that replaces it at last.
    """

    folder: Path
    stem: str
    xmp: bytes = b""
    files: list[tuple[Path, Path]] = field(default_factory=list)

    def add(
        self,
        image: Image.Image,
        *,
        role: Literal["hero", "social"],
        picture_format: Format,
        name: str,
        options: EncoderOptions,
    ) -> Variant:
        """Encode one file, which has `name` in the site."""
        file_name = f"{self.stem}-{image.width if role == 'hero' else role}.{EXTENSIONS[picture_format]}"
        path = self.folder / file_name
        temporary = name_draft(path)
        self.files.append((temporary, path))
        # A real file: into a BytesIO, Pillow's JPEG encoder writes while it holds the interpreter, so that two threads
        # together are slower than one.
        with temporary.open("xb") as file:
            image.save(file, format=picture_format, xmp=self.xmp, **options)
        data = temporary.read_bytes()
        return Variant(
            role=role,
            format=picture_format,
            width_px=image.width,
            height_px=image.height,
            name=name,
            folder=self.folder,
            # Not the path's own text, which pathlib interns for the life of the process.
            file=file_name,
            digest=digest_of(data),
            size_bytes=len(data),
        )


@contextmanager
def open_draft(folder: Path, stem: str, xmp: bytes) -> Iterator[Draft]:
    """Open a draft. If the block ends well, its files get their own names, else they are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = Draft(folder, stem, xmp)
    try:
        yield draft
        for temporary, path in draft.files:
            rename_over(temporary, path)
    except BaseException:
        for temporary, _ in draft.files:
            temporary.unlink(missing_ok=True)
        raise


def write_ladder(
    draft: Draft,
    image: Image.Image,
    *,
    files: Sequence[FilePlan],
    name: str,
    known: Mapping[tuple[int, Format], Variant] | None = None,
    memory_slots: AbstractContextManager[object] | None = None,
) -> list[Variant]:
    """Write the hero's `files` and return them in their order. One resized copy is alive at a time.

    Files in `known`, by width and format, exist already. `memory_slots` is entered for each file whose encoding takes
    much memory, so that threads take turns with these files. They are written last: one thread can write its small
    files while another has a slot.
    """
    written = dict(known or {})
    missing = [file for file in files if (file.width_px, file.format) not in written]
    missing.sort(key=lambda file: (_needs_memory(file), file.width_px))
    for width, group in groupby(missing, key=attrgetter("width_px")):
        height = max(1, round(image.height * width / image.width))
        # From the full picture each time: a copy of a copy gets softer with every step.
        copy = fit(image, width_px=width, height_px=height)
        for file in group:
            with memory_slots if memory_slots is not None and _needs_memory(file) else nullcontext():
                written[width, file.format] = draft.add(
                    copy,
                    role="hero",
                    picture_format=file.format,
                    name=f"{name}-{width}.{EXTENSIONS[file.format]}",
                    options=file.options,
                )
    return [written[file.width_px, file.format] for file in files]


def _needs_memory(file: FilePlan) -> bool:
    """Whether encoding the file takes much memory."""
    return file.format == "avif" and file.width_px > AVIF_SMALL_WIDTH_PX


def write_social(draft: Draft, image: Image.Image, *, focus: FocalPoint, name: str) -> Variant:
    """The picture for link previews: a JPEG, which every service reads, cropped around `focus`."""
    width, height = SOCIAL_SIZE_PX
    left, _, right, _ = crop_box(image.size, SOCIAL_SIZE_PX, focus)
    if right - left < width:
        # Enlarging would add no detail.
        width, height = max(1, int(right - left)), max(1, round((right - left) * height / width))
    return draft.add(
        fit(image, width_px=width, height_px=height, focus=focus),
        role="social",
        picture_format="jpeg",
        name=name,
        options=SOCIAL_ENCODER_OPTIONS,
    )


def encode_blur_up(image: Image.Image) -> str:
    """Encode the picture 16 pixels wide as the data URI of a WebP, less than 200 characters for any picture."""
    height = max(1, min(_BLUR_UP_WIDTH_PX, round(image.height * _BLUR_UP_WIDTH_PX / image.width)))
    small = image.resize((_BLUR_UP_WIDTH_PX, height), Image.Resampling.BOX, reducing_gap=2.0)
    attempts: list[Callable[[Image.Image], Image.Image]] = [
        lambda picture: picture,
        lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(3)),
        lambda picture: picture.resize((1, 1), Image.Resampling.BOX).resize(picture.size),
    ]
    uri = ""
    for soften in attempts:
        for quality in (50, 35, 20, 10, 0):
            buffer = BytesIO()
            soften(small).save(buffer, format="webp", quality=quality, method=6)
            uri = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
            if len(uri) <= MAX_BLUR_UP_CHARS:
                return uri
    return uri


def dominant(image: Image.Image) -> str:
    """The picture's dominant colour as ``#rrggbb``: the most vivid of its large areas."""
    small = image.resize((64, 36), Image.Resampling.BOX, reducing_gap=2.0)
    reduced = small.quantize(8, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = reduced.getpalette() or [0, 0, 0]
    best, best_weight = (0, 0, 0), -1.0
    for count, index in reduced.getcolors() or []:
        assert isinstance(index, int)  # noqa: S101 -- a picture with a palette has one value a pixel
        red, green, blue = palette[3 * index : 3 * index + 3]
        _, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
        weight = count * (0.15 + saturation * value)
        if weight > best_weight:
            best, best_weight = (red, green, blue), weight
    return "#{:02x}{:02x}{:02x}".format(*best)
