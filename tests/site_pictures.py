"""Writes the sheets of pictures in the documentation: ``python tests/site_pictures.py [NAME…]``.

Run it after a change of the painter or of the page; it takes some minutes, and needs a Chromium for the sheet of pages.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from benchmarks.contact_sheet import CELL_PX, GAP_PX, PROMPTS, STYLES, sheet
from browser.conftest import FLAGS, find_browser
from browser.sites import TEXT
from builds import Site, page
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import sync_playwright

from mkdocs_leonardo.painter.picture import paint
from mkdocs_leonardo.picture_rules import STYLES as ALL_STYLES
from mkdocs_leonardo.spec import PictureSpec

IMAGES = Path(__file__).resolve().parent.parent / "example-site/docs/images"
#: Of a sheet in the documentation; the article is at most 688 CSS pixels wide there.
SHEET_WIDTH_PX = 1200
#: The prompt of the sheet that shows every style.
STYLE_PROMPT = "a lighthouse in a storm, dawn"
TILE_PX = (384, 216)
COLUMNS = 3
SHOWN_LAYOUTS = ("content", "full", "stacked", "split")
#: All pages of the sheet of layouts have it.
LAYOUT_TITLE = "Notes from the north coast"
THEMES: dict[str, dict[str, object]] = {
    "material": {"name": "material", "font": False},
    "mkdocs": {"name": "mkdocs", "highlightjs": False},
    "readthedocs": {"name": "readthedocs", "highlightjs": False},
}
CAPTION_PX = 26
TILE_GAP_PX = 8
#: What an author might write above each of the twelve prompts.
TITLES = (
    ("Notes from the north coast", "Forty winters in the lantern room"),
    ("Walking before breakfast", "Six paths that start at the station"),
    ("Night shift", "Which services we restart, and when"),
    ("Caching, explained with sand", ""),
    ("Release 4.0", "The largest change since the first one"),
    ("Getting started", "From an empty folder to a site in five minutes"),
    ("How our search index stays small without losing a single word that anybody ever looked for", ""),
    ("How we cut our build time in half", "Three measurements, two wrong guesses, one cache"),
    ("The river guide", "Locks, moorings, and where to get bread"),
    ("Incident report", "What erupted on the ninth, and what we changed"),
    ("Observability", ""),
    ("About us", "Four people and a tree"),
)


def style_sheet() -> Image.Image:
    """One prompt in every style, with the style's name below each picture."""
    rows = -(-len(ALL_STYLES) // COLUMNS)
    pitch_x, pitch_y = TILE_PX[0] + TILE_GAP_PX, TILE_PX[1] + CAPTION_PX + TILE_GAP_PX
    canvas = Image.new("RGB", (TILE_GAP_PX + COLUMNS * pitch_x, TILE_GAP_PX + rows * pitch_y), (18, 19, 22))
    pencil = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(16)
    for place, style in enumerate(ALL_STYLES):
        x, y = TILE_GAP_PX + place % COLUMNS * pitch_x, TILE_GAP_PX + place // COLUMNS * pitch_y
        picture = paint(PictureSpec(STYLE_PROMPT, style=style))
        canvas.paste(picture.resize(TILE_PX, Image.Resampling.LANCZOS), (x, y))
        pencil.text((x + 2, y + TILE_PX[1] + 4), style, fill=(226, 226, 230), font=font)
    return canvas


def page_sheet() -> Image.Image:
    """Twelve prompts in three styles as heroes of Material's pages, with title and tagline."""
    width = GAP_PX + len(STYLES) * (CELL_PX[0] + GAP_PX)
    canvas = Image.new("RGB", (width, GAP_PX + len(PROMPTS) * (CELL_PX[1] + GAP_PX)), (18, 19, 22))
    pages = {
        f"{row}-{style}.md": page(
            title, hero_prompt=prompt, hero_style=style, **({"hero_tagline": line} if line else {})
        )
        for row, (prompt, (title, line)) in enumerate(zip(PROMPTS, TITLES, strict=True))
        for style in STYLES
    }
    # Dark, as the sheet is, so that rounded corners show no white.
    palette = {"scheme": "slate"}
    theme = {"theme": {"name": "material", "font": False, "palette": palette}, "use_directory_urls": False}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        built = Site(Path(folder), pages, {"widths": [1536]}, theme).build()
        assert built.exit_code == 0, built.log
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        reader = chromium.new_page(viewport={"width": 1440, "height": 900})
        for row in range(len(PROMPTS)):
            for column, style in enumerate(STYLES):
                reader.goto((built.site / f"{row}-{style}.html").as_uri(), wait_until="load")
                reader.evaluate("Promise.all([...document.images].map(image => image.decode()))")
                shot = Image.open(io.BytesIO(reader.locator(".leonardo-hero").screenshot())).convert("RGB")
                place = (GAP_PX + column * (CELL_PX[0] + GAP_PX), GAP_PX + row * (CELL_PX[1] + GAP_PX))
                canvas.paste(shot.resize(CELL_PX, Image.Resampling.LANCZOS), place)
        chromium.close()
    return canvas


def layout_sheet() -> Image.Image:
    """A row for each layout: every theme on a desktop of 1440 pixels and on a phone of 390."""
    pages = {
        f"{layout}.md": page(
            LAYOUT_TITLE,
            TEXT,
            hero_prompt=STYLE_PROMPT,
            hero_layout=layout,
            hero_tagline=TITLES[0][1],
            **({"hide": ["navigation", "toc"]} if layout == "split" else {}),
        )
        for layout in SHOWN_LAYOUTS
    }
    cells = {1440: (480, 300), 390: (138, 300)}
    pitch_x = sum(width + GAP_PX for width, _ in cells.values())
    canvas = Image.new("RGB", (GAP_PX + len(THEMES) * pitch_x, GAP_PX + len(pages) * (300 + GAP_PX)), (18, 19, 22))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        reader = chromium.new_page()
        for column, (name, theme) in enumerate(THEMES.items()):
            config = {"theme": theme, "use_directory_urls": False, "nav": [f"{layout}.md" for layout in SHOWN_LAYOUTS]}
            built = Site(Path(folder, name), pages, {"widths": [1536]}, config).build()
            assert built.exit_code == 0, built.log
            for row, layout in enumerate(SHOWN_LAYOUTS):
                x = GAP_PX + column * pitch_x
                for window_px, size_px in cells.items():
                    reader.set_viewport_size({"width": window_px, "height": round(window_px * size_px[1] / size_px[0])})
                    reader.goto((built.site / f"{layout}.html").as_uri(), wait_until="load")
                    reader.evaluate("Promise.all([...document.images].map(image => image.decode()))")
                    shot = Image.open(io.BytesIO(reader.screenshot())).convert("RGB")
                    canvas.paste(shot.resize(size_px, Image.Resampling.LANCZOS), (x, GAP_PX + row * (300 + GAP_PX)))
                    x += size_px[0] + GAP_PX
        chromium.close()
    return canvas


def main(*names: str) -> None:
    """Write the sheets of these names, by default all."""
    sheets = {
        "contact-sheet": sheet,
        "style-sheet": style_sheet,
        "page-sheet": page_sheet,
        "layout-sheet": layout_sheet,
    }
    for name, make in sheets.items():
        if names and name not in names:
            continue
        picture = make()
        height_px = round(picture.height * SHEET_WIDTH_PX / picture.width)
        small = picture.resize((SHEET_WIDTH_PX, height_px), Image.Resampling.LANCZOS)
        path = IMAGES / f"{name}.webp"
        small.save(path, quality=62, method=6)
        print(f"{path.name}: {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(*sys.argv[1:])
