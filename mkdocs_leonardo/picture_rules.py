"""The settings of pictures that authors may write: styles, sides, seeds and lengths of prompts."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The styles of Phoenix 1.0 (vendor's guide, July 2026), the three of the main job first.
STYLES = (
    "CINEMATIC",
    "CREATIVE",
    "DYNAMIC",
    "3D_RENDER",
    "BOKEH",
    "CINEMATIC_CONCEPT",
    "FASHION",
    "GRAPHIC_DESIGN_POP_ART",
    "GRAPHIC_DESIGN_VECTOR",
    "ILLUSTRATION",
    "MACRO",
    "MINIMALIST",
    "MOODY",
    "NONE",
    "PORTRAIT",
    "PRO_BW_PHOTOGRAPHY",
    "PRO_COLOR_PHOTOGRAPHY",
    "PRO_FILM_PHOTOGRAPHY",
    "RAY_TRACED",
    "SKETCH_BW",
    "SKETCH_COLOR",
    "STOCK_PHOTO",
    "VIBRANT",
)

#: The styles of all models. Those beyond `STYLES` are known to some models of Leonardo alone.
ALL_STYLES = (
    *STYLES,
    *("ACRYLIC", "ANIME_GENERAL", "CINEMATIC_CLOSE_UP", "FILM", "FOOD", "GAME_CONCEPT", "GRAPHIC_DESIGN_2D"),
    *("GRAPHIC_DESIGN_3D", "HDR", "LONG_EXPOSURE", "MONOCHROME", "NEUTRAL", "PORTRAIT_CINEMATIC", "PORTRAIT_FASHION"),
    *("RETRO", "UNPROCESSED", "WATERCOLOR"),
)

#: The smallest side of a picture that any model draws, the largest, and the step that all share.
MIN_SIDE_PX, MAX_WIDTH_PX, MAX_HEIGHT_PX, SIDE_STEP_PX = 16, 6336, 5504, 8

#: The largest seed that a model documents: that of Phoenix in the v1 create call.
MAX_SEED = 9_999_999_998

#: The limit of a prompt, and of a negative prompt, in characters: that of Leonardo's v1 (vendor's error page, January
#: 2026), which refuses or cuts longer ones.
MAX_PROMPT_CHARACTERS = 1500


@dataclass(frozen=True, slots=True)
class PictureRules:
    """The settings that a model takes: styles, seeds and lengths of prompts. The defaults allow every setting.

    `prompt_max` and `negative_prompt_max` count characters. `negative_prompt_max` is 0 if the model takes no negative
    prompt.
    """

    model: str = field(default="", compare=False)
    styles: tuple[str, ...] = STYLES
    prompt_max: int = MAX_PROMPT_CHARACTERS
    negative_prompt_max: int = MAX_PROMPT_CHARACTERS
    seed_max: int = MAX_SEED


ANY_PICTURE = PictureRules()
