"""The table of Leonardo's models. Create calls, prices and messages are made from it.

Unless a line has a note, its source is one of the vendor's documents. These are the guides and the OpenAPI file of v2
(July to October 2026), and the schema of v1 (June 2026). Prices come from the vendor's calculator (2026-08-01), in
credits. The formulas fit each of its figures. Its largest pictures have 1.25 megapixels for Phoenix and FLUX, and 2.1
for Lucid.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from mkdocs_leonardo.providers.interface import MAX_SEED, STYLES

Mode = Literal["", "FAST", "QUALITY", "ULTRA", "LOW", "MEDIUM", "HIGH"]
Size = tuple[int, int]

PHOENIX_1_0 = "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3"
#: One credit in USD, derived in November 2026 from seven published or charged amounts; 299 USD for 200 000.
CREDIT_USD = 0.001495
#: The assumed cost of a picture of an unknown model at 1536x864, with Alchemy and without.
_UNKNOWN_USD = MappingProxyType({True: 0.03, False: 0.015})
_UNKNOWN_PIXELS = 1536 * 864

NAME = "leonardo"

#: The longest side in v1 for every model (schema). A sample of Lucid Origin with 1920x1080 contradicts the schema, so
#: larger pictures go by v2.
V1_MAX_SIDE_PX = 1536
V1_MIN_SIDE_PX = 32
#: The longest prompt, and negative prompt, that v1 takes, in characters (vendor's error page, January 2026). It refuses
#: or cuts longer ones.
V1_MAX_PROMPT = 1500
#: Characters of a negative prompt in v2, of every model that takes one.
V2_MAX_NEGATIVE_PROMPT = 1000
#: The longest prompt that v2 takes, unless the model's `prompt_max` says otherwise.
V2_MAX_PROMPT = 2000

#: The contrasts of v2, which has names for them, and those of Lucid in v1 (the same numbers).
CONTRAST_NAMES: Mapping[float, str] = MappingProxyType({3.0: "LOW", 3.5: "MEDIUM", 4.0: "HIGH"})
#: The contrasts of v1's schema, for Phoenix and FLUX.
CONTRASTS = (1.0, 1.3, 1.8, 2.5, 3.0, 3.5, 4.0, 4.5)
#: The least contrast that v1 takes with Alchemy (API's schema, June 2026).
MIN_ALCHEMY_CONTRAST = 2.5


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """Any size within these limits, in pixels."""

    low: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Credits:
    """A price in credits: the sum of three parts, rounded to whole credits.

    `flat`: for each picture.
    `per_megapixel`: for 10^6 pixels.
    `per_size_class`: added once for 2K, twice for 4K.
    """

    flat: float = 0.0
    per_megapixel: float = 0.0
    per_size_class: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Several fields have different values for the versions v1 and v2 of the API.

    `name`: v2's name, which authors write. `model_id`: v1's id, "" for a model of v2 alone.
    `sizes`: limits, or a list of all sizes; a picture of another size gets the nearest one, and is cropped.
    `modes`: the first one is the default; Alchemy is QUALITY. `mode_field`: v2's parameter for the mode.
    `contrasts`: those of v1. `has_v2_contrast`: v2 takes a contrast as well.
    `seed_max`: None for a model without seeds.
    `style_preprocessor`: v1's number of a style reference. `reference_kind`: v2's name of it.
    `reference_has_strength`: v2 takes a strength of the reference.
    """

    name: str
    model_id: str
    styles: Mapping[str, str]
    sizes: SizeLimits | tuple[Size, ...]
    modes: tuple[Mode, ...]
    prices: Mapping[Mode, Credits]
    mode_field: str = ""
    contrasts: tuple[float, ...] = ()
    has_v2_contrast: bool = False
    has_preset_style: bool = False
    prompt_max: int = V2_MAX_PROMPT
    negative_prompt_max: int = 0
    seed_max: int | None = None
    style_preprocessor: int | None = None
    reference_kind: str = "style"
    reference_has_strength: bool = True
    #: Whether keys contain the model's id instead of its name.
    key_is_id: bool = False
    aliases: tuple[str, ...] = ()
    #: Whether it stands in the table.
    is_known: bool = True


# Styles --------------------------------------------------------------------------------------------------------------

#: Ids by name, as messages list them. Those of `STYLES` come from the guide to Phoenix (July 2026), the rest from the
#: guides to Lucid, FLUX and Nano Banana 2 (March to July 2026).
_STYLE_IDS: Mapping[str, str] = {
    "CINEMATIC": "a5632c7c-ddbb-4e2f-ba34-8456ab3ac436",
    "CREATIVE": "6fedbf1f-4a17-45ec-84fb-92fe524a29ef",
    "DYNAMIC": "111dc692-d470-4eec-b791-3475abac4c46",
    "3D_RENDER": "debdf72a-91a4-467b-bf61-cc02bdeb69c6",
    "BOKEH": "9fdc5e8c-4d13-49b4-9ce6-5a74cbb19177",
    "CINEMATIC_CONCEPT": "33abbb99-03b9-4dd7-9761-ee98650b2c88",
    "FASHION": "594c4a08-a522-4e0e-b7ff-e4dac4b6b622",
    "GRAPHIC_DESIGN_POP_ART": "2e74ec31-f3a4-4825-b08b-2894f6d13941",
    "GRAPHIC_DESIGN_VECTOR": "1fbb6a68-9319-44d2-8d56-2957ca0ece6a",
    "ILLUSTRATION": "645e4195-f63d-4715-a3f2-3fb1e6eb8c70",
    "MACRO": "30c1d34f-e3a9-479a-b56f-c018bbc9c02a",
    "MINIMALIST": "cadc8cd6-7838-4c99-b645-df76be8ba8d8",
    "MOODY": "621e1c9a-6319-4bee-a12d-ae40659162fa",
    "NONE": "556c1ee5-ec38-42e8-955a-1e82dad0ffa1",
    "PORTRAIT": "ab5a4220-7c42-41e5-a578-eddb9fed3d75",
    "PRO_BW_PHOTOGRAPHY": "22a9a7d2-2166-4d86-80ff-22e2643adbcf",
    "PRO_COLOR_PHOTOGRAPHY": "7c3f932b-a572-47cb-9b9b-f20211e63b5b",
    "PRO_FILM_PHOTOGRAPHY": "581ba6d6-5aac-4492-bebe-54c424a0d46e",
    "RAY_TRACED": "b504f83c-3326-4947-82e1-7fe9e839ec0f",
    "SKETCH_BW": "be8c6b58-739c-4d44-b9c1-b032ed308b61",
    "SKETCH_COLOR": "093accc3-7633-4ffd-82da-d34000dfc0d6",
    "STOCK_PHOTO": "5bdc3f2a-1be6-4d1c-8e77-992a30824a2c",
    "VIBRANT": "dee282d3-891f-4f73-ba02-7f8131e5541b",
    "ACRYLIC": "3cbb655a-7ca4-463f-b697-8a03ad67327c",
    "ANIME_GENERAL": "b2a54a51-230b-4d4f-ad4e-8409bf58645f",
    "CINEMATIC_CLOSE_UP": "cc53f935-884c-40a0-b7eb-1f5c42821fb5",
    "FILM": "85da2dcc-c373-464c-9a7a-5624359be859",
    "FOOD": "d574325d-1278-4fe2-974b-768525f253c3",
    "GAME_CONCEPT": "09d2b5b5-d7c5-4c02-905d-9f84051640f4",
    "GRAPHIC_DESIGN_2D": "703d6fe5-7f1c-4a9e-8da0-5331f214d5cf",
    "GRAPHIC_DESIGN_3D": "7d7c2bc5-4b12-4ac3-81a9-630057e9e89f",
    "HDR": "97c20e5c-1af6-4d42-b227-54d03d8f0727",
    "LONG_EXPOSURE": "335e6010-a75c-45d9-afc5-032c65e9180e",
    "MONOCHROME": "a2f7ea66-959b-4bbe-b508-6133238b76b6",
    "NEUTRAL": "0d914779-c822-430a-b976-30075033f1c4",
    "PORTRAIT_CINEMATIC": "4edb03c9-8a26-4041-9d01-f85b5d4abd71",
    "PORTRAIT_FASHION": "0d34f8e1-46d4-428f-8ddd-4b11811fa7c9",
    "RETRO": "6105baa2-851b-446e-9db5-08a671a8c42f",
    "UNPROCESSED": "62736842-6e4b-4028-b79a-4f1a1606e893",
    "WATERCOLOR": "1db308ce-c7ad-4d10-96fd-592fa6b75cc4",
}
#: The styles of all models.
ALL_STYLES = tuple(_STYLE_IDS)


def _map_styles(*names: str, **ids: str) -> Mapping[str, str]:
    return MappingProxyType({**{name: _STYLE_IDS[name] for name in names}, **ids})


PHOENIX_STYLES = _map_styles(*STYLES)
_LUCID = ("CINEMATIC", "CREATIVE", "DYNAMIC", "FASHION", "NONE", "PORTRAIT", "STOCK_PHOTO", "VIBRANT")
_LUCID_REALISM = (
    *(*_LUCID, "BOKEH", "CINEMATIC_CLOSE_UP", "FILM", "FOOD", "HDR", "LONG_EXPOSURE", "MACRO", "MINIMALIST"),
    *("MONOCHROME", "MOODY", "NEUTRAL", "RETRO", "UNPROCESSED"),
)
_SHARED = (
    *("CREATIVE", "DYNAMIC", "3D_RENDER", "ACRYLIC", "FASHION", "GAME_CONCEPT", "GRAPHIC_DESIGN_3D", "ILLUSTRATION"),
    *("NONE", "PORTRAIT", "PORTRAIT_CINEMATIC", "PORTRAIT_FASHION", "RAY_TRACED", "STOCK_PHOTO", "WATERCOLOR"),
)
_PRO = ("GRAPHIC_DESIGN_2D", "PRO_BW_PHOTOGRAPHY", "PRO_COLOR_PHOTOGRAPHY", "PRO_FILM_PHOTOGRAPHY")

# Sizes ---------------------------------------------------------------------------------------------------------------

#: Nano Banana 2 checks the two sides separately, and draws a pair that is not listed as a square, in silence (guide,
#: March 2026). These are the pairs at 1K; 2K and 4K are twice and four times as large.
_NANO_1K: tuple[Size, ...] = (
    *((1024, 1024), (848, 1264), (1264, 848), (896, 1200), (1200, 896)),
    *((928, 1152), (1152, 928), (768, 1376), (1376, 768), (1584, 672)),
)
_NANO = tuple((width * k, height * k) for k in (1, 2, 4) for width, height in _NANO_1K)

#: GPT Image 2: sides from two lists (OpenAPI file), which together keep the rules of the guide (July 2026).
_GPT_WIDTHS = (
    *(768, 832, 848, 864, 896, 928, 1024, 1088, 1136, 1152, 1184, 1200, 1248, 1264, 1344, 1376, 1536, 1584, 1648, 1696),
    *(1792, 1856, 2016, 2048, 2336, 2448, 2560, 2880, 3200, 3264, 3504, 3584, 3808),
)
_GPT_HEIGHTS = (
    *(640, 672, 768, 832, 848, 864, 896, 928, 1024, 1136, 1152, 1184, 1200, 1248, 1264, 1280, 1344, 1376, 1536, 1584),
    *(1632, 1648, 1696, 1792, 1824, 1856, 1920, 2016, 2048, 2336, 2448, 2560, 2880, 3200, 3264, 3504, 3584),
)
_GPT_LEAST_PIXELS, _GPT_MOST_PIXELS, _GPT_WIDEST = 655_360, 8_294_400, 3
_GPT = tuple(
    (width, height)
    for width in _GPT_WIDTHS
    for height in _GPT_HEIGHTS
    if _GPT_LEAST_PIXELS <= width * height <= _GPT_MOST_PIXELS
    and max(width, height) <= _GPT_WIDEST * min(width, height)
)

# The table -----------------------------------------------------------------------------------------------------------

_PHOENIX = Model(
    name="phoenix-v1.0",
    model_id=PHOENIX_1_0,
    styles=PHOENIX_STYLES,
    sizes=SizeLimits(32, 2048, 2048),
    modes=("QUALITY", "FAST", "ULTRA"),
    # Flat for FAST and QUALITY over the listed sizes, of which the largest has 1.25 megapixels.
    prices={"FAST": Credits(10), "QUALITY": Credits(15), "ULTRA": Credits(10, 32)},
    mode_field="mode",
    contrasts=CONTRASTS,
    has_v2_contrast=True,
    has_preset_style=True,
    negative_prompt_max=V2_MAX_NEGATIVE_PROMPT,
    # Of v1's create call.
    seed_max=9_999_999_998,
    style_preprocessor=166,
    key_is_id=True,
    aliases=("phoenix", "phoenix-1.0"),
)
_LUCID_ORIGIN = Model(
    name="lucid-origin",
    model_id="7b592283-e8a7-4c5a-9ba6-d18c31f258b9",
    styles=_map_styles(*_LUCID),
    sizes=SizeLimits(16, 3840, 3616),
    modes=("FAST", "ULTRA"),
    prices={"FAST": Credits(0, 8), "ULTRA": Credits(0, 40)},
    mode_field="mode",
    # Required in v1's guide, unknown to v2.
    contrasts=tuple(CONTRAST_NAMES),
    seed_max=2_147_483_647,
    style_preprocessor=431,
    key_is_id=True,
)
_FLUX_DEV = Model(
    name="flux-dev",
    model_id="b2614463-296c-462a-9586-aafdb8f00e36",
    styles=_map_styles(*_SHARED, "ANIME_GENERAL"),
    sizes=SizeLimits(480, 2048, 2048),
    modes=("",),
    prices={"": Credits(0, 8)},
    contrasts=CONTRASTS,
    seed_max=2_147_483_637,
    style_preprocessor=299,
)
MODELS: tuple[Model, ...] = (
    _PHOENIX,
    replace(
        _PHOENIX,
        name="phoenix-v0.9",
        model_id="6b645e3a-d64f-4341-a6d8-7a3690fbf042",
        key_is_id=False,
        aliases=("phoenix-0.9",),
    ),
    _LUCID_ORIGIN,
    replace(
        _LUCID_ORIGIN,
        name="lucid-realism",
        model_id="05ce0082-2d80-4a2d-8653-4d1c85e2418e",
        styles=_map_styles(*_LUCID_REALISM),
        sizes=SizeLimits(16, 2496, 2496),
        prompt_max=9999,
    ),
    _FLUX_DEV,
    replace(
        _FLUX_DEV,
        name="flux-schnell",
        model_id="1dd50843-d653-4516-a8e3-f0238ee453ff",
        sizes=SizeLimits(32, 2048, 2048),
        prices={"": Credits(0, 2)},
        style_preprocessor=298,
    ),
    Model(
        name="gpt-image-2",
        model_id="",
        styles=_map_styles("CINEMATIC", *_SHARED, *_PRO, "VIBRANT"),
        sizes=_GPT,
        modes=("MEDIUM", "LOW", "HIGH"),
        # Lines through the calculator's nine figures: three qualities at 1376x768, 2048x1136 and 3584x2016.
        prices={"MEDIUM": Credits(0.7, 61.77), "LOW": Credits(0.5, 7), "HIGH": Credits(1, 246.05)},
        mode_field="quality",
        prompt_max=9999,
        reference_kind="image_reference",
        reference_has_strength=False,
    ),
    Model(
        name="nano-banana-2",
        model_id="",
        styles=_map_styles(*_SHARED, *_PRO, PORTRAIT="8e2bc543-6ee2-45f9-bcd9-594b6ce84dcd"),
        sizes=_NANO,
        modes=("",),
        prices={"": Credits(26, per_size_class=13)},
        # No limit is published for the seed; this is the lowest limit of all models.
        seed_max=2_147_483_637,
        reference_kind="image_reference",
    ),
)

#: The modes of all models.
MODES = ("fast", "quality", "ultra", "low", "medium", "high")


def find_model(name: str) -> Model:
    """Return the model with this name, in any spelling, or with this id.

    A model that is not in the table gets the limits of API v1 for sizes, and those of v2 for texts.
    """
    plain = re.sub(r"[\s_]+", "-", name.strip().lower())
    model = next((model for model in MODELS if plain in {model.name, model.model_id, *model.aliases} - {""}), None)
    return model or Model(
        name=name,
        model_id=name if is_uuid(name) else "",
        styles={},
        sizes=SizeLimits(V1_MIN_SIDE_PX, V1_MAX_SIDE_PX, V1_MAX_SIDE_PX),
        modes=("",),
        prices={},
        negative_prompt_max=V2_MAX_NEGATIVE_PROMPT,
        seed_max=MAX_SEED,
        is_known=False,
    )


def is_uuid(text: str) -> bool:
    """Return whether the text is a UUID, as the ids of models in API v1 are."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def size_for(model: Model, width_px: int, height_px: int) -> Size:
    """Return the size to request from the model: the picture's own, or the nearest aspect that is large enough.

    A picture that is at most a quarter smaller than wanted is enlarged rather than bought at twice the size.
    """
    sizes = model.sizes
    if isinstance(sizes, SizeLimits) or (width_px, height_px) in sizes:
        return width_px, height_px

    def unlike(size: Size) -> tuple[float, bool, float]:
        shape = round(abs(math.log(size[0] / size[1] / (width_px / height_px))), 2)
        scale = max(width_px / size[0], height_px / size[1])
        return shape, scale > 1.25, abs(math.log(scale))

    return min(sizes, key=unlike)


def credits_for(model: Model, mode: Mode, size: Size) -> int:
    """Return the cost of one picture in credits, by the model's formula."""
    width_px, height_px = size
    price = model.prices[mode]
    size_class = _NANO.index(size) // len(_NANO_1K) if price.per_size_class else 0
    megapixels = width_px * height_px / 1_000_000
    return round(price.flat + price.per_megapixel * megapixels + price.per_size_class * size_class)


def unknown_usd(size: Size, *, alchemy: bool) -> float:
    """Return the assumed cost of one picture of a model that is not in the table."""
    return round(_UNKNOWN_USD[alchemy] * size[0] * size[1] / _UNKNOWN_PIXELS, 6)
