"""Makes a sheet of twelve prompts in three styles: `python tests/benchmarks/contact_sheet.py OUT.jpg`.

A small HTML page (`OUT.html`) beside the picture has the same grid and captions.
"""

from __future__ import annotations

import html
import sys
from pathlib import Path

from PIL import Image

from mkdocs_leonardo.painter.picture import paint
from mkdocs_leonardo.spec import PictureSpec

PROMPTS = (
    "a lighthouse in a storm, dawn",
    "pine forest in morning fog",
    "city skyline at night, neon rain",
    "desert dunes at golden hour",
    "snowy mountains under stars",
    "a harbour at dusk",
    "open ocean, moonlight",
    "how we cut our build time in half",
    "autumn river valley",
    "volcano at night",
    "aurora over a frozen lake",
    "spring meadow, soft light",
)
STYLES = ("CINEMATIC", "CREATIVE", "DYNAMIC")
CELL_PX = (480, 270)
GAP_PX = 12


def sheet() -> Image.Image:
    """The picture with a row for each prompt and a column for each style."""
    width = GAP_PX + len(STYLES) * (CELL_PX[0] + GAP_PX)
    height = GAP_PX + len(PROMPTS) * (CELL_PX[1] + GAP_PX)
    canvas = Image.new("RGB", (width, height), (18, 19, 22))
    for row, prompt in enumerate(PROMPTS):
        for column, style in enumerate(STYLES):
            image = paint(PictureSpec(prompt, style=style)).resize(CELL_PX, Image.Resampling.LANCZOS)
            canvas.paste(image, (GAP_PX + column * (CELL_PX[0] + GAP_PX), GAP_PX + row * (CELL_PX[1] + GAP_PX)))
    return canvas


def captions(picture: str) -> str:
    """The HTML page: the picture, and below it a table of prompts and styles."""
    head = "".join(f"<th>{style}</th>" for style in STYLES)
    rows = "".join(f"<tr><td>{html.escape(prompt)}</td></tr>" for prompt in PROMPTS)
    return (
        '<!doctype html><meta charset="utf-8"><title>The local painter</title>'
        f'<img src="{html.escape(picture)}" alt="Pictures of the local painter" style="max-width:100%">'
        f"<table><tr>{head}</tr></table><table>{rows}</table>"
    )


if __name__ == "__main__":
    out = Path(sys.argv[1])
    sheet().save(out, "JPEG", quality=86)
    out.with_suffix(".html").write_text(captions(out.name), encoding="utf-8")
    print(out)
