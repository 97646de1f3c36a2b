"""Rendering: the files and measurements of a delivered picture that pages need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, replace
from pathlib import Path

from PIL import Image

from mkdocs_leonardo.errors import PictureError, StoreUnavailable
from mkdocs_leonardo.imaging import contrast
from mkdocs_leonardo.imaging.memory import return_free_memory
from mkdocs_leonardo.imaging.normalise import crop_box, fit, normalise, upright_size
from mkdocs_leonardo.imaging.provenance import detect, xmp_packet
from mkdocs_leonardo.imaging.variants import (
    ENCODER_VERSION,
    SOCIAL_ENCODER_OPTIONS,
    SOCIAL_SIZE_PX,
    dominant,
    encode_blur_up,
    open_draft,
    plan_files,
    write_ladder,
    write_social,
)
from mkdocs_leonardo.spec import (
    NO_AI,
    OWN,
    PAINTER,
    Encoding,
    FocalPoint,
    Format,
    JsonValue,
    PictureRecord,
    Rendering,
    Variant,
    focus_suffix,
    short_key,
    social_name,
)
from mkdocs_leonardo.tint import TINTS


def rendering_inputs(
    encoding: Encoding, record: PictureRecord, available: Iterable[Format] | None = None
) -> dict[str, JsonValue]:
    """The values that a rendering depends on besides the picture; `spec.variant_key` makes a key of them.

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
            for file in plan_files(encoding, available, is_placeholder=record.provider == PAINTER)
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

    Its own size is always made, in one step from what was delivered, and each larger width that was delivered as well.
    Without `may_enlarge` a smaller picture keeps its own width, in the aspect that pages show.
    """
    wanted = encoding.width_px, encoding.height_px
    left, _, right, _ = crop_box(delivered_px, wanted, encoding.focus)
    part_px = max(1, int(right - left))
    width = max((each for each in encoding.widths if encoding.width_px < each <= part_px), default=encoding.width_px)
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
    available: Iterable[Format] | None = None,
    known: Sequence[Variant] = (),
    memory_slots: AbstractContextManager[object] | None = None,
) -> Rendering:
    """Write the picture's files into `folder` and measure it. All files are there afterwards, or no new one.

    The record's key names the files in the site, `variant_key` in the folder. `available` are the formats that can be
    written, by default those of this Pillow. `known` are files of the same picture that need not be encoded again.
    `memory_slots` is as in `write_ladder`. Raises PictureError if the bytes are not a picture we may show, and
    StoreUnavailable if the folder cannot be written.
    """
    delivered_size = upright_size(picture) if isinstance(picture, bytes) else picture.size
    encoding = fit_encoding(encoding, delivered_size, may_enlarge=record.provider != OWN)
    size, focus = (encoding.width_px, encoding.height_px), encoding.focus
    image, source_type = _normalise(picture, encoding, is_generated=record.provider not in NO_AI)
    # A picture that was cropped is another one for each focal point, and pages may share it.
    cropped = crop_box(delivered_size, size, focus) != (0.0, 0.0, *delivered_size)
    name = short_key(record.key) + (focus_suffix(focus) if cropped else "")
    with _failures(), open_draft(folder, short_key(variant_key), xmp_packet(record, source_type)) as draft:
        variants = write_ladder(
            draft,
            image,
            files=plan_files(encoding, available, is_placeholder=record.provider == PAINTER),
            name=name,
            known={(each.width_px, each.format): each for each in known if each.role == "hero"},
            memory_slots=memory_slots,
        )
        if encoding.social:
            variants.append(
                next((each for each in known if each.role == "social"), None)
                or write_social(draft, image, focus=focus, name=social_name(record.key, focus))
            )
    rendering = _measure(image, focus, variants, source_type)
    return_free_memory()
    return rendering


@contextmanager
def _failures() -> Iterator[None]:
    """Turn errors of encoding into PictureError, and errors of writing into StoreUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # Pillow's encoders report their own failures as OSError, too
            raise PictureError(f"cannot be encoded: {error}") from error
        raise StoreUnavailable(f"the hero's files cannot be written: {error.strerror}") from error


def _normalise(picture: bytes | Image.Image, encoding: Encoding, *, is_generated: bool) -> tuple[Image.Image, str]:
    """The picture in the size that pages show, and the digital source type that an author's own picture states."""
    width, height, focus = encoding.width_px, encoding.height_px, encoding.focus
    if not isinstance(picture, bytes):
        return fit(picture.convert("RGB"), width_px=width, height_px=height, focus=focus), ""
    source_type = "" if is_generated else detect(picture).source_type
    return normalise(picture, width_px=width, height_px=height, focus=focus), source_type


def _measure(image: Image.Image, focus: FocalPoint, variants: Sequence[Variant], source_type: str) -> Rendering:
    """The files with the measurements of the picture that they show."""
    colour, small = dominant(image), encode_blur_up(image)
    return Rendering(
        variants=tuple(variants),
        blur_up=small,
        dominant=colour,
        scrim=contrast.measure(image, small, focus, dominant=colour),
        width_px=image.width,
        height_px=image.height,
        source_type=source_type,
    )
