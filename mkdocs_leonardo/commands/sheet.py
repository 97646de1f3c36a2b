"""Contact sheets: pictures side by side, as a self-contained web page and as one JPEG."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from io import BytesIO
from pathlib import Path
from string import Template

from PIL import Image, ImageDraw, ImageFont, features

from mkdocs_leonardo.commands.terminal import CommandError, shorten
from mkdocs_leonardo.errors import PictureError
from mkdocs_leonardo.files import write_atomically
from mkdocs_leonardo.imaging.normalise import inspect, normalise
from mkdocs_leonardo.imaging.provenance import make_xmp_packet
from mkdocs_leonardo.spec import PictureRecord

#: The size of pictures inside the page; the delivered files lie beside it.
_PREVIEW_WIDTH_PX = 1152
_PREVIEW_QUALITY = 78
_THUMB_WIDTH_PX = 480
_SHEET_QUALITY = 85
_GAP_PX = 16
_CAPTION_PX = 44
_TITLE_PX = 64
_BACKGROUND, _INK, _FAINT = (24, 24, 27), (244, 244, 245), (161, 161, 170)
_TITLE_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class SheetItem:
    """One picture of a sheet. `name` is its file's name without extension; `label` and `details` are its caption."""

    name: str
    label: str
    details: str
    data: bytes
    record: PictureRecord


def write_sheet(folder: Path, *, title: str, subtitle: str, items: Sequence[SheetItem], columns: int) -> None:
    """Write `index.html`, `sheet.jpg` and the delivered pictures into `folder`; CommandError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        previews = [_make_preview(item) for item in items]
        for item in items:
            write_atomically(folder / _name_file(item), item.data)
        write_atomically(folder / "index.html", _render_page(title, subtitle, items, previews).encode())
        write_atomically(folder / "sheet.jpg", _draw_sheet(title, subtitle, items, previews, columns))
    except OSError as error:
        raise CommandError(f"{folder} cannot be written ({error.strerror or error})") from error


def _name_file(item: SheetItem) -> str:
    return f"{item.name}.{item.record.extension}"


def _make_preview(item: SheetItem) -> Image.Image:
    try:
        info = inspect(item.data)
        width = min(_PREVIEW_WIDTH_PX, info.width_px)
        return normalise(item.data, width_px=width, height_px=max(1, info.height_px * width // info.width_px))
    except PictureError as error:
        raise CommandError(f"the image {item.label!r} {error}") from error


# The JPEG ------------------------------------------------------------------------------------------------------------


def _draw_sheet(
    title: str, subtitle: str, items: Sequence[SheetItem], previews: Sequence[Image.Image], columns: int
) -> bytes:
    thumbs = [
        preview.resize((_THUMB_WIDTH_PX, max(1, preview.height * _THUMB_WIDTH_PX // preview.width)))
        for preview in previews
    ]
    columns = max(1, min(columns, len(thumbs)))
    height = max(thumb.height for thumb in thumbs)
    rows = -(-len(thumbs) // columns)
    step = (_THUMB_WIDTH_PX + _GAP_PX, height + _CAPTION_PX + _GAP_PX)
    sheet = Image.new("RGB", (_GAP_PX + columns * step[0], _TITLE_PX + rows * step[1] + _GAP_PX), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    large = _load_font(20)
    small = _load_font(14)
    _draw_text(draw, (_GAP_PX, 12), shorten(title, _TITLE_CHARACTERS), _INK, large)
    _draw_text(draw, (_GAP_PX, 38), shorten(subtitle, _TITLE_CHARACTERS + _TITLE_CHARACTERS // 4), _FAINT, small)
    for index, (item, thumb) in enumerate(zip(items, thumbs, strict=True)):
        left, top = _GAP_PX + index % columns * step[0], _TITLE_PX + index // columns * step[1]
        sheet.paste(thumb, (left, top))
        _draw_text(draw, (left, top + height + 4), item.label, _INK, small)
        _draw_text(draw, (left, top + height + 22), item.details, _FAINT, small)
    return _encode_jpeg(sheet, items[0].record, _SHEET_QUALITY)


def _draw_text(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    # The font that comes with Pillow knows no other letters; without FreeType, not even these.
    draw.text(at, text.encode("latin-1", "replace").decode("latin-1"), fill=colour, font=font)


def _load_font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px) if features.check("freetype2") else ImageFont.load_default()


def _encode_jpeg(image: Image.Image, record: PictureRecord, quality: int) -> bytes:
    """Encode the picture with the mark that says that an AI made it."""
    file = BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True, xmp=make_xmp_packet(record))
    return file.getvalue()


# The page ------------------------------------------------------------------------------------------------------------


def _render_page(title: str, subtitle: str, items: Sequence[SheetItem], previews: Sequence[Image.Image]) -> str:
    """Render the web page. Without its script, each picture is a link to its file."""
    template = Template(resources.files("mkdocs_leonardo.commands").joinpath("sheet.html").read_text(encoding="utf-8"))
    figures = "\n".join(_render_figure(item, preview) for item, preview in zip(items, previews, strict=True))
    return template.substitute(title=html.escape(title), subtitle=html.escape(subtitle), figures=figures)


def _render_figure(item: SheetItem, preview: Image.Image) -> str:
    data = base64.b64encode(_encode_jpeg(preview, item.record, _PREVIEW_QUALITY)).decode("ascii")
    label, details, file = (html.escape(text) for text in (item.label, item.details, _name_file(item)))
    return (
        f'<figure><a href="{file}"><img src="data:image/jpeg;base64,{data}" width="{preview.width}" '
        f'height="{preview.height}" alt="{label}"></a><figcaption><b>{label}</b> <span>{details}</span></figcaption>'
        "</figure>"
    )
