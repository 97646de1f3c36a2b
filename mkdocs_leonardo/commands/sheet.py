"""Contact sheets: pictures side by side, as a self-contained web page and as one JPEG."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from mkdocs_leonardo.commands.terminal import CommandError, shortened
from mkdocs_leonardo.errors import PictureError
from mkdocs_leonardo.files import write_atomically
from mkdocs_leonardo.imaging.normalise import inspect, normalise
from mkdocs_leonardo.imaging.provenance import xmp_packet
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
    """One picture. `name` is its file's name without extension; `label` and `facts` are its caption."""

    name: str
    label: str
    facts: str
    data: bytes
    record: PictureRecord


def write_sheet(folder: Path, *, title: str, subtitle: str, items: Sequence[SheetItem], columns: int) -> None:
    """Write `index.html`, `sheet.jpg` and the delivered pictures into `folder`; CommandError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        previews = [_preview(item) for item in items]
        for item in items:
            write_atomically(folder / _file_name(item), item.data)
        write_atomically(folder / "index.html", _page(title, subtitle, items, previews).encode())
        write_atomically(folder / "sheet.jpg", _sheet(title, subtitle, items, previews, columns))
    except OSError as error:
        raise CommandError(f"{folder} cannot be written ({error.strerror or error})") from error


def _file_name(item: SheetItem) -> str:
    return f"{item.name}.{item.record.extension}"


def _preview(item: SheetItem) -> Image.Image:
    try:
        found = inspect(item.data)
        width = min(_PREVIEW_WIDTH_PX, found.width_px)
        return normalise(item.data, width_px=width, height_px=max(1, found.height_px * width // found.width_px))
    except PictureError as error:
        raise CommandError(f"the image {item.label!r} {error}") from error


# The JPEG ------------------------------------------------------------------------------------------------------------


def _sheet(
    title: str, subtitle: str, items: Sequence[SheetItem], previews: Sequence[Image.Image], columns: int
) -> bytes:
    thumbs = [
        preview.resize((_THUMB_WIDTH_PX, max(1, preview.height * _THUMB_WIDTH_PX // preview.width)))
        for preview in previews
    ]
    columns = max(1, min(columns, len(thumbs)))
    high = max(thumb.height for thumb in thumbs)
    rows = -(-len(thumbs) // columns)
    step = (_THUMB_WIDTH_PX + _GAP_PX, high + _CAPTION_PX + _GAP_PX)
    sheet = Image.new("RGB", (_GAP_PX + columns * step[0], _TITLE_PX + rows * step[1] + _GAP_PX), _BACKGROUND)
    draw, large, small = ImageDraw.Draw(sheet), _font(20), _font(14)
    _write(draw, (_GAP_PX, 12), shortened(title, _TITLE_CHARACTERS), _INK, large)
    _write(draw, (_GAP_PX, 38), shortened(subtitle, _TITLE_CHARACTERS + _TITLE_CHARACTERS // 4), _FAINT, small)
    for place, (item, thumb) in enumerate(zip(items, thumbs, strict=True)):
        left, top = _GAP_PX + place % columns * step[0], _TITLE_PX + place // columns * step[1]
        sheet.paste(thumb, (left, top))
        _write(draw, (left, top + high + 4), item.label, _INK, small)
        _write(draw, (left, top + high + 22), item.facts, _FAINT, small)
    return _jpeg(sheet, items[0].record, _SHEET_QUALITY)


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    # The font that comes with Pillow knows no other letters; without FreeType, not even these.
    draw.text(at, text.encode("latin-1", "replace").decode("latin-1"), fill=colour, font=font)


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px) if features.check("freetype2") else ImageFont.load_default()


def _jpeg(image: Image.Image, record: PictureRecord, quality: int) -> bytes:
    """The picture with the mark that says that an AI made it."""
    mark = xmp_packet(
        provider=record.provider,
        model=record.model,
        created_at=record.created_at,
        has_reference=record.has_reference,
    )
    file = BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True, xmp=mark)
    return file.getvalue()


# The page ------------------------------------------------------------------------------------------------------------


def _page(title: str, subtitle: str, items: Sequence[SheetItem], previews: Sequence[Image.Image]) -> str:
    figures = "\n".join(_figure(item, preview) for item, preview in zip(items, previews, strict=True))
    return _PAGE.format(title=html.escape(title), subtitle=html.escape(subtitle), figures=figures)


def _figure(item: SheetItem, preview: Image.Image) -> str:
    data = base64.b64encode(_jpeg(preview, item.record, _PREVIEW_QUALITY)).decode("ascii")
    label, facts, file = (html.escape(text) for text in (item.label, item.facts, _file_name(item)))
    return (
        f'<figure><a href="{file}"><img src="data:image/jpeg;base64,{data}" width="{preview.width}" '
        f'height="{preview.height}" alt="{label}"></a><figcaption><b>{label}</b> <span>{facts}</span></figcaption>'
        "</figure>"
    )


# Without the script, each picture is a link to its file.
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: dark }}
body {{ margin: 0 auto; max-width: 110rem; padding: 1.5rem; background: #18181b; color: #f4f4f5;
  font: 1rem/1.5 system-ui, sans-serif }}
h1 {{ font-size: 1.4rem; margin: 0 }}
p {{ color: #a1a1aa; margin: .25rem 0 1.5rem }}
main {{ display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)) }}
figure {{ margin: 0 }}
img {{ display: block; width: 100%; height: auto; border-radius: .4rem }}
a:focus-visible {{ outline: 3px solid #60a5fa; outline-offset: 3px; border-radius: .4rem; display: block }}
figcaption span {{ color: #a1a1aa }}
dialog {{ border: 0; padding: 0; background: none; color: inherit; max-width: 100vw; max-height: 100vh }}
dialog::backdrop {{ background: rgb(0 0 0 / .92) }}
dialog img {{ width: auto; max-width: 96vw; max-height: 86vh; margin: auto }}
dialog div {{ display: flex; gap: 1rem; justify-content: center; align-items: center; padding: .75rem }}
button {{ font: inherit; color: inherit; background: #3f3f46; border: 0; border-radius: .4rem; padding: .4rem .9rem }}
</style>
<h1>{title}</h1>
<p>{subtitle}</p>
<main>
{figures}
</main>
<dialog aria-label="Picture">
<img alt="">
<div><button type="button" value="-1" aria-label="Previous">&larr;</button> <span aria-live="polite"></span>
<a>file</a> <button type="button" value="1" aria-label="Next">&rarr;</button>
<button type="button" value="0">Close</button></div>
</dialog>
<script>
const figures = [...document.querySelectorAll("figure")], box = document.querySelector("dialog");
let at = 0;
function show(place) {{
  at = (place + figures.length) % figures.length;
  const picture = figures[at].querySelector("img");
  box.querySelector("img").src = picture.src;
  box.querySelector("img").alt = picture.alt;
  box.querySelector("span").textContent = figures[at].querySelector("figcaption").textContent;
  box.querySelector("a").href = figures[at].querySelector("a").href;
  if (!box.open) box.showModal();
}}
figures.forEach((figure, place) => figure.querySelector("a").addEventListener("click", event => {{
  event.preventDefault();
  show(place);
}}));
box.addEventListener("click", event => {{
  if (event.target.value === "0" || event.target === box) box.close();
  else if (event.target.value) show(at + Number(event.target.value));
}});
box.addEventListener("keydown", event => {{
  if (event.key === "ArrowRight") show(at + 1);
  if (event.key === "ArrowLeft") show(at - 1);
}});
box.addEventListener("close", () => figures[at].querySelector("a").focus());
</script>
</html>
"""
