"""Rendering: the files and measurements of a delivered picture that pages need.

The files are a ladder of widths in each format, and the social picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import astuple, dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from PIL import Image, features

from mkdocs_leonardo.errors import PictureError, StoreUnavailable
from mkdocs_leonardo.files import name_draft, rename_over
from mkdocs_leonardo.imaging import contrast
from mkdocs_leonardo.imaging.formats import EXTENSIONS
from mkdocs_leonardo.imaging.memory import return_free_memory
from mkdocs_leonardo.imaging.normalise import compute_crop_box, fit, normalise, read_upright_size
from mkdocs_leonardo.imaging.provenance import detect, make_xmp_packet
from mkdocs_leonardo.spec import (
    FORMATS,
    NO_AI,
    OWN,
    PAINTER,
    Encoding,
    FocalPoint,
    Format,
    JsonValue,
    PictureRecord,
    Rendering,
    Role,
    Variant,
    digest_of,
    focus_suffix,
    short_key,
    social_name,
)
from mkdocs_leonardo.tint import TINTS

#: Increase this when equal inputs give other files or measurements: every rendering is then made anew.
ENCODER_VERSION = 2

#: Facebook's and X's size for a large link preview (2026).
SOCIAL_SIZE_PX = (1200, 630)

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
#: Used where `full` adds a width: one JPEG replaces the two, so that a hero still has nine files.
FEWER_FALLBACK_WIDTHS_PX = (960,)

#: Above this width, encoding an AVIF takes 12 to 35 MB, which is most of what a build needs at its peak.
AVIF_SMALL_WIDTH_PX = 768


def list_available_formats() -> tuple[Format, ...]:
    """Return the formats that this installation of Pillow can write, the smallest files first."""
    # Pillow knows its encoders by these extensions as well.
    return tuple(name for name in FORMATS if features.check(EXTENSIONS[name]))


def split_formats(
    formats: Iterable[Format], available: Iterable[Format] | None = None
) -> tuple[tuple[Format, ...], tuple[Format, ...]]:
    """Return the formats that will be written, and those that Pillow cannot write.

    If none would remain, WebP is written, or else JPEG, so that a page has a picture in any case.
    """
    able = list_available_formats() if available is None else tuple(available)
    formats = tuple(dict.fromkeys(formats))
    usable = tuple(name for name in formats if name in able)
    unusable = tuple(name for name in formats if name not in able)
    return usable or (("webp",) if "webp" in able else ("jpeg",)), unusable


class FilePlan(NamedTuple):
    """One file of a hero that is to be written. `options` are Pillow's."""

    width_px: int
    format: Format
    options: EncoderOptions


def choose_encoder_options(picture_format: Format, width_px: int, *, is_placeholder: bool = False) -> EncoderOptions:
    """Return Pillow's options for a file of this format and width."""
    if picture_format == "avif" and is_placeholder:
        return PLACEHOLDER_AVIF
    if picture_format == "avif" and width_px > AVIF_THOROUGH_WIDTH_PX:
        return {**ENCODER_OPTIONS["avif"], "speed": AVIF_FAST_SPEED}
    return ENCODER_OPTIONS[picture_format]


def choose_widths(widths_px: Iterable[int], width_px: int) -> tuple[int, ...]:
    """Return the widths to write, ascending: `width_px` and the smaller ones of `widths_px`."""
    return tuple(sorted({width for width in widths_px if 0 < width < width_px} | {width_px}))


def plan_files(encoding: Encoding, *, is_placeholder: bool = False) -> tuple[FilePlan, ...]:
    """Return the files of a hero, widths ascending, with the options for the rendering's key and the encoder."""
    formats, _ = split_formats(encoding.formats)
    widths_px = choose_widths(encoding.widths, encoding.width_px)
    fallback_px = set(widths_px)
    if encoding.spares_fallback and formats != ("jpeg",):
        wanted_px = FALLBACK_WIDTHS_PX if len(widths_px) <= len(Encoding().widths) else FEWER_FALLBACK_WIDTHS_PX
        nearest = (min(widths_px, key=lambda width: abs(width - target_px)) for target_px in wanted_px)
        fallback_px = {*nearest, encoding.width_px}
    return tuple(
        FilePlan(width, kind, choose_encoder_options(kind, width, is_placeholder=is_placeholder))
        for width in widths_px
        for kind in formats
        if kind != "jpeg" or width in fallback_px
    )


def list_rendering_inputs(encoding: Encoding, record: PictureRecord) -> dict[str, JsonValue]:
    """Return the values that a rendering depends on besides the picture; `spec.variant_key` makes a key of them.

    Formats that Pillow cannot write are left out, so that a better Pillow writes them later. The date in the XMP packet
    is left out: it belongs to the picture.
    """
    beyond = [width for width in encoding.widths if width > encoding.width_px]
    # Add a value only where it has an effect; otherwise every rendering is encoded again.
    extra: dict[str, JsonValue] = {"beyond": [*beyond]} if beyond else {}
    if record.provider == OWN:
        extra["enlarged"] = False
    if record.has_reference:
        extra["reference"] = True
    return {
        **extra,
        "encoder": ENCODER_VERSION,
        "files": [
            [file.format, file.width_px, dict(file.options)]
            for file in plan_files(encoding, is_placeholder=record.provider == PAINTER)
        ],
        "size": [encoding.width_px, encoding.height_px],
        "social": [*SOCIAL_SIZE_PX, dict(SOCIAL_ENCODER_OPTIONS)] if encoding.social else None,
        "focus": [round(encoding.focus.x, 4), round(encoding.focus.y, 4)],
        "views": [[*astuple(view)] for view in contrast.VIEWS],
        "tints": [list(tint) for tint in TINTS],
        "blur": [
            *(contrast.BLUR_SHARE, contrast.BRIGHT_SHARE),
            *(contrast.SHARP_BRIGHT_SHARE, contrast.SHARP_MARGIN, contrast.MOST_SHARP),
        ],
        "provider": record.provider,
        "model": record.model,
    }


def fit_encoding(encoding: Encoding, delivered_px: tuple[int, int], *, may_enlarge: bool) -> Encoding:
    """Return `encoding` with the size and widths that are made of a picture of `delivered_px`.

    The size of `encoding` is made in one step from the picture, and so is each larger width that the picture has.
    Without `may_enlarge` a smaller picture keeps its own width, in the aspect that pages show.
    """
    size_px = encoding.width_px, encoding.height_px
    left, _, right, _ = compute_crop_box(delivered_px, size_px, encoding.focus)
    part_px = max(1, int(right - left))
    width = max((width for width in encoding.widths if encoding.width_px < width <= part_px), default=encoding.width_px)
    if not may_enlarge:
        width = min(width, part_px)
    if width == encoding.width_px:
        return encoding
    height = max(1, round(width * encoding.height_px / encoding.width_px))
    widths = tuple(sorted({*encoding.widths, min(width, encoding.width_px)}))
    return replace(encoding, width_px=width, height_px=height, widths=widths)


def render(
    picture: bytes | Image.Image,
    record: PictureRecord,
    *,
    variant_key: str,
    encoding: Encoding,
    folder: Path,
    known_files: Sequence[Variant] = (),
    memory_slots: AbstractContextManager[object] | None = None,
) -> Rendering:
    """Write the picture's files into `folder` and measure it. All files are there afterwards, or no new one.

    The record's key names the files in the site, `variant_key` in the folder. `known_files` are of the same picture
    that need not be encoded again. `memory_slots` is as in `write_ladder`. Raises PictureError if the bytes are not a
    picture we may show, and StoreUnavailable if the folder cannot be written.
    """
    delivered_size = read_upright_size(picture) if isinstance(picture, bytes) else picture.size
    encoding = fit_encoding(encoding, delivered_size, may_enlarge=record.provider != OWN)
    size = (encoding.width_px, encoding.height_px)
    focus = encoding.focus
    image, source_type = _normalise(picture, encoding, is_generated=record.provider not in NO_AI)
    # A cropped file is different for each focal point, and pages with different ones may share the picture.
    cropped = compute_crop_box(delivered_size, size, focus) != (0.0, 0.0, *delivered_size)
    name = short_key(record.key) + (focus_suffix(focus) if cropped else "")
    with _translate_errors(), open_draft(folder, short_key(variant_key), make_xmp_packet(record, source_type)) as draft:
        variants = write_ladder(
            draft,
            image,
            files=plan_files(encoding, is_placeholder=record.provider == PAINTER),
            name=name,
            known_files={
                (variant.width_px, variant.format): variant for variant in known_files if variant.role == "hero"
            },
            memory_slots=memory_slots,
        )
        if encoding.social:
            variants.append(
                next((variant for variant in known_files if variant.role == "social"), None)
                or write_social(draft, image, focus=focus, name=social_name(record.key, focus))
            )
    rendering = _measure(image, focus, variants, source_type)
    return_free_memory()
    return rendering


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn errors of encoding into PictureError, and errors of writing into StoreUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # Pillow's encoders report their own failures as OSError, too
            raise PictureError(f"cannot be encoded: {error}") from error
        raise StoreUnavailable(f"the hero's files cannot be written: {error.strerror}") from error


def _normalise(picture: bytes | Image.Image, encoding: Encoding, *, is_generated: bool) -> tuple[Image.Image, str]:
    """Return the picture in the size that pages show, and the digital source type in an author's own picture."""
    width, height, focus = encoding.width_px, encoding.height_px, encoding.focus
    if not isinstance(picture, bytes):
        return fit(picture.convert("RGB"), width_px=width, height_px=height, focus=focus), ""
    source_type = "" if is_generated else detect(picture).source_type
    return normalise(picture, width_px=width, height_px=height, focus=focus), source_type


def _measure(image: Image.Image, focus: FocalPoint, variants: Sequence[Variant], source_type: str) -> Rendering:
    """Return the files with the measurements of the picture that they show."""
    colour = contrast.find_dominant_colour(image)
    small = contrast.encode_blur_up(image)
    return Rendering(
        variants=tuple(variants),
        blur_up=small,
        dominant=colour,
        scrim=contrast.measure(image, small, focus, dominant=colour),
        width_px=image.width,
        height_px=image.height,
        source_type=source_type,
    )


# Writing --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Draft:
    """Files that are written into `folder`. Their names begin with `stem`, and each has the packet `xmp`.

    `files` are pairs of a temporary name and the name that replaces it at last.
    """

    folder: Path
    stem: str
    xmp: bytes = b""
    files: list[tuple[Path, Path]] = field(default_factory=list)

    def add(self, image: Image.Image, file: FilePlan, *, role: Role, name: str) -> Variant:
        """Encode `image` as one file, which has `name` in the site."""
        file_name = f"{self.stem}-{image.width if role == 'hero' else role}.{EXTENSIONS[file.format]}"
        path = self.folder / file_name
        temporary = name_draft(path)
        self.files.append((temporary, path))
        # A real file: into a BytesIO, Pillow's JPEG encoder writes while it holds the interpreter, so that two threads
        # together are slower than one.
        with temporary.open("xb") as output:
            image.save(output, format=file.format, xmp=self.xmp, **file.options)
        data = temporary.read_bytes()
        return Variant(
            role=role,
            format=file.format,
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
    """Open a draft. After the block, the files get their own names; after an exception, they are deleted."""
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
    known_files: Mapping[tuple[int, Format], Variant] | None = None,
    memory_slots: AbstractContextManager[object] | None = None,
) -> list[Variant]:
    """Write the hero's `files` and return them in their order. One resized copy is alive at a time.

    Files in `known_files`, by width and format, exist already. `memory_slots` is entered for each file whose encoding
    takes much memory, so that threads take turns with these files. They are written last: one thread can write its
    small files while another has a slot.
    """
    variants = dict(known_files or {})
    missing = [file for file in files if (file.width_px, file.format) not in variants]
    missing.sort(key=lambda file: (_needs_memory(file), file.width_px))
    for width, group in groupby(missing, key=attrgetter("width_px")):
        height = max(1, round(image.height * width / image.width))
        # From the full picture each time: a copy of a copy gets softer with every step.
        copy = fit(image, width_px=width, height_px=height)
        for file in group:
            with memory_slots if memory_slots is not None and _needs_memory(file) else nullcontext():
                variants[width, file.format] = draft.add(
                    copy, file, role="hero", name=f"{name}-{width}.{EXTENSIONS[file.format]}"
                )
    return [variants[file.width_px, file.format] for file in files]


def _needs_memory(file: FilePlan) -> bool:
    """Return whether encoding the file takes much memory."""
    return file.format == "avif" and file.width_px > AVIF_SMALL_WIDTH_PX


def write_social(draft: Draft, image: Image.Image, *, focus: FocalPoint, name: str) -> Variant:
    """Return the picture for link previews: a JPEG, which every service reads, cropped around `focus`."""
    width, height = SOCIAL_SIZE_PX
    left, _, right, _ = compute_crop_box(image.size, SOCIAL_SIZE_PX, focus)
    if right - left < width:
        # Enlarging would add no detail.
        width, height = max(1, int(right - left)), max(1, round((right - left) * height / width))
    copy = fit(image, width_px=width, height_px=height, focus=focus)
    return draft.add(copy, FilePlan(width, "jpeg", SOCIAL_ENCODER_OPTIONS), role="social", name=name)
