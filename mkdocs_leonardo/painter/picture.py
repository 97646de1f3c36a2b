"""From a picture's specification to its pixels."""

# Proportions stand where they are used, and a picture is painted in one go.

from __future__ import annotations

import math

from PIL import Image

from mkdocs_leonardo.painter.stage import set_stage
from mkdocs_leonardo.painter.treatments import develop
from mkdocs_leonardo.spec import PictureSpec, canonical_json, clean_text, digest_of

#: Raised whenever the same specification gives other pixels.
PAINTER_VERSION = 1

_SMALLEST_SIDE_PX = 128
_LARGEST_SIDE_PX = 3072


def paint(picture: PictureSpec) -> Image.Image:
    """An RGB picture of exactly the asked size; the same specification gives the same picture, always."""
    width, height = max(1, picture.width_px), max(1, picture.height_px)
    # Small pictures are painted larger: every brush has room, and the reduction is clean.
    factor = max(1, min(math.ceil(_SMALLEST_SIDE_PX / min(width, height)), _LARGEST_SIDE_PX // max(width, height)))
    prompt, negative = clean_text(_encodable(picture.prompt)), clean_text(_encodable(picture.negative_prompt))
    seed = bytes.fromhex(
        digest_of(
            canonical_json(
                {"painter": PAINTER_VERSION, "prompt": prompt, "negative_prompt": negative, "seed": picture.seed}
            )
        )
    )
    stage = set_stage(prompt, negative, (width * factor, height * factor), seed)
    image = develop(stage, picture.style)
    return image if factor == 1 else image.reduce(factor)


def _encodable(text: str) -> str:
    """The text without lone surrogates, which no encoding takes."""
    return text.encode("utf-8", "replace").decode()
