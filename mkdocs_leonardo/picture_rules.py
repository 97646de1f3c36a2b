"""The settings of pictures that authors may write: styles, sides, seeds and lengths of prompts."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The styles of every provider, which draws them by name or in words. The default and its two alternatives come first.
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

#: The smallest side of a picture that any model draws, the largest, and the step that all share.
MIN_SIDE_PX, MAX_WIDTH_PX, MAX_HEIGHT_PX, SIDE_STEP_PX = 16, 6336, 5504, 8

#: The largest seed that a model documents.
MAX_SEED = 9_999_999_998

#: The limit of a prompt, and of a negative prompt, in characters: every service takes as many.
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

    @property
    def is_unlimited(self) -> bool:
        """Whether these are the rules of a provider without rules of its own."""
        return not self.model and self == ANY_PICTURE


ANY_PICTURE = PictureRules()
