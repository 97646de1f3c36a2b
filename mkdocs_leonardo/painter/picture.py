"""From a picture's specification to its pixels."""

import math

from PIL import Image

from mkdocs_leonardo.painter.abstract import FAMILIES, family_of
from mkdocs_leonardo.painter.colour import WHITE, Colour, mix, rgb
from mkdocs_leonardo.painter.finish import Grade, developed
from mkdocs_leonardo.painter.scenes import paint_scene
from mkdocs_leonardo.painter.sky import has_disc
from mkdocs_leonardo.painter.stage import Stage, set_stage
from mkdocs_leonardo.painter.treatments import TREATMENTS, paper_scene
from mkdocs_leonardo.painter.words import read, table
from mkdocs_leonardo.spec import JsonValue, PictureSpec, canonical_json, clean_text, digest_of

#: Raised whenever the same specification gives other pixels.
PAINTER_VERSION = 2

#: Shapes keep their edges at this share of the final size, and grain is laid on in full.
_WORKING_SHARE = 0.75
_SMALLEST_SIDE_PX, _LARGEST_SIDE_PX = 128, 3072


def paint(picture: PictureSpec) -> Image.Image:
    """An RGB picture of exactly the asked size; the same specification gives the same picture, always."""
    width, height = max(1, picture.width_px), max(1, picture.height_px)
    # Small pictures are painted larger: every brush has room, and the reduction is clean.
    factor = max(_WORKING_SHARE, min(_SMALLEST_SIDE_PX / min(width, height), _LARGEST_SIDE_PX / max(width, height)))
    size = max(8, math.ceil(width * factor)), max(8, math.ceil(height * factor))
    prompt, negative = clean_text(_encodable(picture.prompt)), clean_text(_encodable(picture.negative_prompt))
    asked = {"prompt": prompt, "negative_prompt": negative}
    fields: dict[str, JsonValue] = {"painter": PAINTER_VERSION, "seed": picture.seed, **asked}
    seed = bytes.fromhex(digest_of(canonical_json(fields)))
    styles = table("styles")
    style = dict(styles.get(picture.style, styles["CINEMATIC"]))
    treatment, sheets, lift = style.pop("treatment"), style.pop("sheets", 0), style.pop("lift")
    stage = set_stage(read(prompt, negative), size, seed, lift)
    if stage.land:
        image = paper_scene(stage, sheets) if sheets else paint_scene(stage)
    else:
        image = FAMILIES[family_of(stage.said, seed)](stage)
    image = TREATMENTS[treatment](stage, image)
    lamp = stage.light if stage.land and has_disc(stage) and not sheets else None
    image = developed(image, Grade(**style), (width, height), stage.rng("grain"), _tint(stage), lamp)
    return image.convert("L").convert("RGB") if style.get("saturation") == 0.0 else image


def _tint(stage: Stage) -> Colour:
    palette, veiled = stage.palette, stage.has("fog", "rain") and not stage.night
    if not stage.land:
        return stage.tones[3]
    hues = {"night": WHITE, "day": palette.middle, "golden": mix(palette.low, palette.horizon, 0.4)}
    hue = hues.get(stage.hour, mix(palette.low, rgb("ffc080"), 0.45))
    return mix(palette.haze, palette.low, 0.5) if veiled else hue


def _encodable(text: str) -> str:
    """The text without lone surrogates, which no encoding takes."""
    return text.encode("utf-8", "replace").decode()
