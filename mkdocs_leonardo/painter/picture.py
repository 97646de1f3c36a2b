"""From a picture's specification to its pixels."""

import math

from PIL import Image

from mkdocs_leonardo.painter.abstract import FAMILIES, family_of
from mkdocs_leonardo.painter.colour import mix
from mkdocs_leonardo.painter.finish import developed
from mkdocs_leonardo.painter.scenes import paint_scene
from mkdocs_leonardo.painter.sky import has_disc
from mkdocs_leonardo.painter.stage import set_stage
from mkdocs_leonardo.painter.treatments import TREATMENTS, paper_scene
from mkdocs_leonardo.painter.words import Reading, read, table
from mkdocs_leonardo.spec import JsonValue, PictureSpec, canonical_json, clean_text, digest_of

#: Raised whenever the same specification gives other pixels.
PAINTER_VERSION = 3

#: Shapes keep their edges at this share of the final size, and grain is laid on in full.
_WORKING_SHARE = 0.75
_SMALLEST_SIDE_PX, _LARGEST_SIDE_PX = 128, 3072


def asked_of(picture: PictureSpec) -> tuple[Reading, bytes]:
    """Return what the words of a picture say, and the seed of what they leave open."""
    texts = (picture.prompt, picture.negative_prompt)  # lone surrogates, which no encoding takes, are replaced
    prompt, negative = (clean_text(text.encode("utf-8", "replace").decode()) for text in texts)
    asked = {"prompt": prompt, "negative_prompt": negative}
    fields: dict[str, JsonValue] = {"painter": PAINTER_VERSION, "seed": picture.seed, **asked}
    return read(prompt, negative), bytes.fromhex(digest_of(canonical_json(fields)))


def paint(picture: PictureSpec) -> Image.Image:
    """Return an RGB picture of exactly the asked size; the same specification gives the same picture, always."""
    width, height = max(1, picture.width_px), max(1, picture.height_px)
    # Small pictures are painted larger: every brush has room, and the reduction is clean.
    factor = max(_WORKING_SHARE, min(_SMALLEST_SIDE_PX / min(width, height), _LARGEST_SIDE_PX / max(width, height)))
    size = max(8, math.ceil(width * factor)), max(8, math.ceil(height * factor))
    said, seed = asked_of(picture)
    styles = table("styles")
    style = styles["usual"] | styles.get(picture.style, styles["CINEMATIC"])
    stage, sheets = set_stage(said, size, seed, style["lift"]), style["sheets"]
    if stage.land:
        image = paper_scene(stage, sheets) if sheets else paint_scene(stage)
    else:
        image = FAMILIES[family_of(stage.said, seed)](stage)
    image = TREATMENTS[style["treatment"]](stage, image)
    lamp = stage.light if stage.land and has_disc(stage) and not sheets and style["treatment"] != "in_motion" else None
    pale = stage.palette.middle if stage.hour == "day" or stage.has("fog") else stage.palette.low
    tint = mix(pale, stage.palette.horizon, 0.3) if stage.land else stage.tones[3]
    image = developed(image, style, (width, height), stage.rng("grain"), tint, lamp)
    return image.convert("L").convert("RGB") if style["saturation"] == 0.0 else image
