"""The painter's sheets in the documentation, painted anew: ``python tests/site_pictures.py``.

Run it after a change of the painter; it takes a minute or two.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.contact_sheet import sheet
from PIL import Image, ImageDraw, ImageFont

from mkdocs_leonardo.providers.local import paint
from mkdocs_leonardo.spec import STYLES, PictureSpec

IMAGES = Path(__file__).resolve().parent.parent / "example-site/docs/images"
#: Of a sheet in the documentation; the article is at most 688 CSS pixels wide there.
SHEET_WIDTH_PX = 1200
#: The prompt of the sheet that shows every style.
STYLE_PROMPT = "a lighthouse in a storm, dawn"
TILE_PX = (384, 216)
COLUMNS = 3
CAPTION_PX = 26
GAP_PX = 8


def style_sheet() -> Image.Image:
    """One prompt in every style, each with the style's name below it."""
    rows = -(-len(STYLES) // COLUMNS)
    pitch_x, pitch_y = TILE_PX[0] + GAP_PX, TILE_PX[1] + CAPTION_PX + GAP_PX
    canvas = Image.new("RGB", (GAP_PX + COLUMNS * pitch_x, GAP_PX + rows * pitch_y), (18, 19, 22))
    pencil = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(16)
    for place, style in enumerate(STYLES):
        x, y = GAP_PX + place % COLUMNS * pitch_x, GAP_PX + place // COLUMNS * pitch_y
        picture = paint(PictureSpec(STYLE_PROMPT, style=style))
        canvas.paste(picture.resize(TILE_PX, Image.Resampling.LANCZOS), (x, y))
        pencil.text((x + 2, y + TILE_PX[1] + 4), style, fill=(226, 226, 230), font=font)
    return canvas


def main() -> None:
    """Write both sheets."""
    for name, picture in (("contact-sheet", sheet()), ("style-sheet", style_sheet())):
        height_px = round(picture.height * SHEET_WIDTH_PX / picture.width)
        small = picture.resize((SHEET_WIDTH_PX, height_px), Image.Resampling.LANCZOS)
        path = IMAGES / f"{name}.webp"
        small.save(path, quality=62, method=6)
        print(f"{path.name}: {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
