"""Checks of Leonardo's two create calls, by model.

The rules are typed in from the vendor's guides and schemas, apart from the client's table. So a mistake in either of
them fails a test.
"""

from __future__ import annotations

import math
import random
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .backend import Refused, text_of

PHOENIX_1_0 = "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3"
PHOENIX_0_9 = "6b645e3a-d64f-4341-a6d8-7a3690fbf042"
#: What draws when a request names no model.
LIGHTNING_XL = "b24e16ff-06e3-43eb-8d33-4416c2d75876"
LUCID_ORIGIN = "7b592283-e8a7-4c5a-9ba6-d18c31f258b9"
LUCID_REALISM = "05ce0082-2d80-4a2d-8653-4d1c85e2418e"
FLUX_DEV = "b2614463-296c-462a-9586-aafdb8f00e36"
FLUX_SCHNELL = "1dd50843-d653-4516-a8e3-f0238ee453ff"
#: A model that a user has trained.
CUSTOM = "0f0e4e7c-6c1d-4f5a-9a5c-2d1f9b7c8a66"
_PHOENIX = (PHOENIX_1_0, PHOENIX_0_9)
_LUCID = {LUCID_REALISM: "2.0", LUCID_ORIGIN: "2.1"}

#: 299 dollars for 200 000 credits.
CREDIT_USD = 0.001495

STYLE_IDS = {
    "debdf72a-91a4-467b-bf61-cc02bdeb69c6": "3D_RENDER",
    "9fdc5e8c-4d13-49b4-9ce6-5a74cbb19177": "BOKEH",
    "a5632c7c-ddbb-4e2f-ba34-8456ab3ac436": "CINEMATIC",
    "33abbb99-03b9-4dd7-9761-ee98650b2c88": "CINEMATIC_CONCEPT",
    "6fedbf1f-4a17-45ec-84fb-92fe524a29ef": "CREATIVE",
    "111dc692-d470-4eec-b791-3475abac4c46": "DYNAMIC",
    "594c4a08-a522-4e0e-b7ff-e4dac4b6b622": "FASHION",
    "2e74ec31-f3a4-4825-b08b-2894f6d13941": "GRAPHIC_DESIGN_POP_ART",
    "1fbb6a68-9319-44d2-8d56-2957ca0ece6a": "GRAPHIC_DESIGN_VECTOR",
    "645e4195-f63d-4715-a3f2-3fb1e6eb8c70": "ILLUSTRATION",
    "30c1d34f-e3a9-479a-b56f-c018bbc9c02a": "MACRO",
    "cadc8cd6-7838-4c99-b645-df76be8ba8d8": "MINIMALIST",
    "621e1c9a-6319-4bee-a12d-ae40659162fa": "MOODY",
    "556c1ee5-ec38-42e8-955a-1e82dad0ffa1": "NONE",
    "ab5a4220-7c42-41e5-a578-eddb9fed3d75": "PORTRAIT",
    "22a9a7d2-2166-4d86-80ff-22e2643adbcf": "PRO_BW_PHOTOGRAPHY",
    "7c3f932b-a572-47cb-9b9b-f20211e63b5b": "PRO_COLOR_PHOTOGRAPHY",
    "581ba6d6-5aac-4492-bebe-54c424a0d46e": "PRO_FILM_PHOTOGRAPHY",
    "b504f83c-3326-4947-82e1-7fe9e839ec0f": "RAY_TRACED",
    "be8c6b58-739c-4d44-b9c1-b032ed308b61": "SKETCH_BW",
    "093accc3-7633-4ffd-82da-d34000dfc0d6": "SKETCH_COLOR",
    "5bdc3f2a-1be6-4d1c-8e77-992a30824a2c": "STOCK_PHOTO",
    "dee282d3-891f-4f73-ba02-7f8131e5541b": "VIBRANT",
}

#: Those that other models than Phoenix know.
OTHER_STYLE_IDS = {
    "3cbb655a-7ca4-463f-b697-8a03ad67327c": "ACRYLIC",
    "b2a54a51-230b-4d4f-ad4e-8409bf58645f": "ANIME_GENERAL",
    "cc53f935-884c-40a0-b7eb-1f5c42821fb5": "CINEMATIC_CLOSE_UP",
    "85da2dcc-c373-464c-9a7a-5624359be859": "FILM",
    "d574325d-1278-4fe2-974b-768525f253c3": "FOOD",
    "09d2b5b5-d7c5-4c02-905d-9f84051640f4": "GAME_CONCEPT",
    "703d6fe5-7f1c-4a9e-8da0-5331f214d5cf": "GRAPHIC_DESIGN_2D",
    "7d7c2bc5-4b12-4ac3-81a9-630057e9e89f": "GRAPHIC_DESIGN_3D",
    "97c20e5c-1af6-4d42-b227-54d03d8f0727": "HDR",
    "335e6010-a75c-45d9-afc5-032c65e9180e": "LONG_EXPOSURE",
    "a2f7ea66-959b-4bbe-b508-6133238b76b6": "MONOCHROME",
    "0d914779-c822-430a-b976-30075033f1c4": "NEUTRAL",
    "8e2bc543-6ee2-45f9-bcd9-594b6ce84dcd": "PORTRAIT",
    "4edb03c9-8a26-4041-9d01-f85b5d4abd71": "PORTRAIT_CINEMATIC",
    "0d34f8e1-46d4-428f-8ddd-4b11811fa7c9": "PORTRAIT_FASHION",
    "6105baa2-851b-446e-9db5-08a671a8c42f": "RETRO",
    "62736842-6e4b-4028-b79a-4f1a1606e893": "UNPROCESSED",
    "1db308ce-c7ad-4d10-96fd-592fa6b75cc4": "WATERCOLOR",
}
_STYLE_NAMES = {**STYLE_IDS, **OTHER_STYLE_IDS}
_LUCID_ORIGIN_STYLES = {"CINEMATIC", "CREATIVE", "DYNAMIC", "FASHION", "NONE", "PORTRAIT", "STOCK_PHOTO", "VIBRANT"}
_LUCID_REALISM_STYLES = _LUCID_ORIGIN_STYLES | {
    *("BOKEH", "MACRO", "MINIMALIST", "MOODY", "CINEMATIC_CLOSE_UP", "FILM", "FOOD", "HDR", "LONG_EXPOSURE"),
    *("MONOCHROME", "NEUTRAL", "RETRO", "UNPROCESSED"),
}
_FLUX_STYLES = {
    *("3D_RENDER", "ACRYLIC", "ANIME_GENERAL", "CREATIVE", "DYNAMIC", "FASHION", "GAME_CONCEPT", "GRAPHIC_DESIGN_3D"),
    *("ILLUSTRATION", "NONE", "PORTRAIT", "PORTRAIT_CINEMATIC", "RAY_TRACED", "STOCK_PHOTO", "WATERCOLOR"),
    "PORTRAIT_FASHION",
}
_PRO_STYLES = {"GRAPHIC_DESIGN_2D", "PRO_BW_PHOTOGRAPHY", "PRO_COLOR_PHOTOGRAPHY", "PRO_FILM_PHOTOGRAPHY"}
_NANO_STYLES = (_FLUX_STYLES | _PRO_STYLES) - {"ANIME_GENERAL"}
_NANO_WIDTHS = {
    *(
        768,
        848,
        896,
        928,
        1024,
        1152,
        1200,
        1264,
        1376,
        1536,
        1584,
        1696,
        1792,
        1856,
        2048,
        2304,
        2400,
        2528,
        2752,
        3072,
    ),
    *(3168, 3392, 3584, 3712, 4096, 4608, 4800, 5056, 5504, 6336),
}
_NANO_HEIGHTS = {
    *(
        672,
        768,
        848,
        896,
        928,
        1024,
        1152,
        1200,
        1264,
        1344,
        1376,
        1536,
        1696,
        1792,
        1856,
        2048,
        2304,
        2400,
        2528,
        2688,
    ),
    *(2752, 3072, 3392, 3584, 3712, 4096, 4608, 4800, 5056, 5504),
}
_GPT_WIDTHS = {
    *(768, 832, 848, 864, 896, 928, 1024, 1088, 1136, 1152, 1184, 1200, 1248, 1264, 1344, 1376, 1536, 1584, 1648, 1696),
    *(1792, 1856, 2016, 2048, 2336, 2448, 2560, 2880, 3200, 3264, 3504, 3584, 3808),
}
_GPT_HEIGHTS = {
    *(640, 672, 768, 832, 848, 864, 896, 928, 1024, 1136, 1152, 1184, 1200, 1248, 1264, 1280, 1344, 1376, 1536, 1584),
    *(1632, 1648, 1696, 1792, 1824, 1856, 1920, 2016, 2048, 2336, 2448, 2560, 2880, 3200, 3264, 3504, 3584),
}


@dataclass(frozen=True)
class Known:
    """One model of v2. `sides` are the least side and the largest width and height, or the two lists."""

    model_id: str
    styles: set[str]
    sides: tuple[int, int, int] | tuple[set[int], set[int]]
    keys: set[str] = field(default_factory=set)
    modes: tuple[str, ...] = ()
    prompt: int = 2000
    seed: int | None = None
    references: tuple[str, int] = ("style", 1)
    #: Of v1, for style, character and content.
    preprocessors: tuple[int, ...] = ()


_COMMON = {"prompt", "width", "height", "quantity", "prompt_enhance", "style_ids", "guidances"}
_OF_PHOENIX = {"mode", "contrast", "tiling", "negative_prompt", "seed"}
_UNBOUNDED = 10**15


def _phoenix(model_id: str) -> Known:
    return Known(
        model_id,
        set(STYLE_IDS.values()),
        (32, 2048, 2048),
        _OF_PHOENIX,
        ("FAST", "QUALITY", "ULTRA"),
        seed=_UNBOUNDED,
        references=("style", 4),
        preprocessors=(166, 397, 364),
    )


KNOWN = {
    "phoenix-v1.0": _phoenix(PHOENIX_1_0),
    "phoenix-v0.9": _phoenix(PHOENIX_0_9),
    "lucid-origin": Known(
        LUCID_ORIGIN,
        _LUCID_ORIGIN_STYLES,
        (16, 3840, 3616),
        {"mode", "seed"},
        ("FAST", "ULTRA"),
        seed=2147483647,
        preprocessors=(431, 430),
    ),
    "lucid-realism": Known(
        LUCID_REALISM,
        _LUCID_REALISM_STYLES,
        (16, 2496, 2496),
        {"mode", "seed"},
        ("FAST", "ULTRA"),
        9999,
        2147483647,
        preprocessors=(431, 430),
    ),
    "flux-dev": Known(FLUX_DEV, _FLUX_STYLES, (480, 2048, 2048), {"seed"}, seed=2147483637, preprocessors=(299, 233)),
    "flux-schnell": Known(
        FLUX_SCHNELL, _FLUX_STYLES, (32, 2048, 2048), {"seed"}, seed=2147483637, preprocessors=(298, 232)
    ),
    "gpt-image-2": Known(
        "",
        _NANO_STYLES | {"CINEMATIC", "VIBRANT"},
        (_GPT_WIDTHS, _GPT_HEIGHTS),
        {"quality", "transparency"},
        ("LOW", "MEDIUM", "HIGH"),
        9999,
        references=("image_reference", 6),
    ),
    "nano-banana-2": Known(
        "",
        _NANO_STYLES,
        (_NANO_WIDTHS, _NANO_HEIGHTS),
        {"seed"},
        prompt=9999,
        seed=4294967295,
        references=("image_reference", 6),
    ),
}
_BY_ID = {known.model_id: known for known in KNOWN.values() if known.model_id}
_V1_MODELS = (*_BY_ID, LIGHTNING_XL, CUSTOM)

_PRESETS = frozenset(
    (
        "ANIME",
        "BOKEH",
        "CINEMATIC",
        "CINEMATIC_CLOSEUP",
        "CREATIVE",
        "DYNAMIC",
        "ENVIRONMENT",
        "FASHION",
        "FILM",
        "FOOD",
        "GENERAL",
        "HDR",
        "ILLUSTRATION",
        "LEONARDO",
        "LONG_EXPOSURE",
        "MACRO",
        "MINIMALISTIC",
        "MONOCHROME",
        "MOODY",
        "NONE",
        "NEUTRAL",
        "PHOTOGRAPHY",
        "PORTRAIT",
        "RAYTRACED",
        "RENDER_3D",
        "RETRO",
        "SKETCH_BW",
        "SKETCH_COLOR",
        "STOCK_PHOTO",
        "VIBRANT",
        "UNPROCESSED",
    )
)
_CONTRASTS = (1.0, 1.3, 1.8, 2.5, 3.0, 3.5, 4.0, 4.5)
_LEAST_CONTRAST_WITH_ALCHEMY = 2.5
_LARGEST_SEED = 9_999_999_998
_LARGE_SIDE_PX = 768

_BOOLEAN = ("a boolean", "Boolean", (bool,))
_INTEGER = ("a 32-bit integer", "Int", (int,))
_FLOAT = ("a float", "Float", (int, float))
_STRING = ("a string", "String", (str,))
_ANYTHING = ("anything", "Any", (object,))
_V1_FIELDS = {
    "prompt": _STRING,
    "modelId": _STRING,
    "width": _INTEGER,
    "height": _INTEGER,
    "num_images": _INTEGER,
    "alchemy": _BOOLEAN,
    "ultra": _BOOLEAN,
    "contrast": _FLOAT,
    "styleUUID": _STRING,
    "presetStyle": _STRING,
    "enhancePrompt": _BOOLEAN,
    "enhancePromptInstruction": _STRING,
    "negative_prompt": _STRING,
    "seed": _INTEGER,
    "public": _BOOLEAN,
    "sd_version": _STRING,
    "guidance_scale": _FLOAT,
    "num_inference_steps": _INTEGER,
    "scheduler": _STRING,
    "tiling": _BOOLEAN,
    "transparency": _STRING,
    **dict.fromkeys(("photoReal", "promptMagic", "highContrast", "highResolution", "fantasyAvatar"), _BOOLEAN),
    **dict.fromkeys(("photoRealStrength", "promptMagicStrength", "init_strength"), _FLOAT),
    **dict.fromkeys(("photoRealVersion", "promptMagicVersion", "init_image_id", "init_generation_image_id"), _STRING),
    **dict.fromkeys(("controlnets", "elements", "userElements", "imagePrompts", "imagePromptWeight"), _ANYTHING),
}
_V2_ROOT = {"model": _STRING, "parameters": ("an object", "Object", (dict,)), "public": _BOOLEAN}
_V2_PARAMETERS = {
    "prompt": _STRING,
    "mode": _STRING,
    "quality": _STRING,
    "contrast": _STRING,
    "width": _INTEGER,
    "height": _INTEGER,
    "quantity": _INTEGER,
    "prompt_enhance": _STRING,
    "style_ids": ("a list", "List", (list,)),
    "negative_prompt": _STRING,
    "seed": _INTEGER,
    "tiling": _BOOLEAN,
    "transparency": _BOOLEAN,
    "guidances": ("an object", "Object", (dict,)),
}
_V2_ENHANCE = ("AUTO", "ON", "OFF")
_V2_CONTRASTS = ("LOW", "MEDIUM", "HIGH")
_STRENGTHS = ("Low", "Mid", "High", "Ultra", "Max")
_JSON_NAMES = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}

Fields = Mapping[str, tuple[str, str, tuple[type, ...]]]


def refuse(status: int, text: str, code: str = "unexpected", path: str = "$") -> Refused:
    """The service's error as an exception."""
    return Refused(status, {"error": text, "path": path, "code": code})


def uuid6() -> str:
    """A new version 6 UUID (RFC 9562, 5.6), whose version differs from the published pattern."""
    ticks = time.time_ns() // 100 + 0x01B2_1DD2_1381_4000
    high, low = ticks >> 12, ticks & 0xFFF
    return str(uuid.UUID(int=high << 80 | 6 << 76 | low << 64 | 2 << 62 | random.getrandbits(62)))


def is_uuid(text: str) -> bool:
    """Whether the text is an id."""
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def _check_fields(body: Mapping[str, object], fields: Fields, path: str) -> None:
    for name, value in body.items():
        if name not in fields:
            raise refuse(400, f"Unexpected variable {name}", "bad-request")
        expected, kind, types = fields[name]
        # bool is an int to Python and not to the service.
        wrong = not isinstance(value, types) or (isinstance(value, bool) and types in ((int,), (int, float)))
        if value is not None and wrong:
            found = _JSON_NAMES.get(type(value), "an object")
            text = f"expected {expected} for type '{kind}', but found {found}"
            raise refuse(400, text, "validation-failed", f"{path}.{name}")


def integer(value: object, default: int) -> int:
    """The value if it is a number, else the default."""
    return value if isinstance(value, int) else default


#: What an id of a picture is: ``UPLOADED``, ``GENERATED``, or nothing if there is no such picture.
KindOf = Callable[[str], str]


@dataclass(frozen=True)
class Order:
    """A checked create request. `reference` is the picture whose look is taken over."""

    model: str
    prompt: str
    width_px: int
    height_px: int
    images: int
    quality: str
    style: str
    negative_prompt: str
    seed: int | None
    reference: str = ""
    reference_strength: str = ""
    #: Drawn as a square, since the pair of sides is none of the listed ones.
    is_square: bool = False

    def price_usd(self, *, quality_usd: float, fast_usd: float) -> float:
        """The price by the calculator of August 2026; two modes of Phoenix have the test's price."""
        megapixels = self.width_px * self.height_px / 1_000_000
        per_megapixel = {
            LUCID_ORIGIN: {"fast": 8, "ultra": 40},
            LUCID_REALISM: {"fast": 8, "ultra": 40},
            FLUX_DEV: {"fast": 8},
            FLUX_SCHNELL: {"fast": 2},
            "gpt-image-2": {"low": 7, "medium": 62, "high": 246},
        }.get(self.model)
        if self.model in _PHOENIX and self.quality == "ultra":
            one = round(10 + 32 * megapixels) * CREDIT_USD
        elif self.model == "nano-banana-2":
            one = {1: 26, 2: 39, 4: 52}[2 ** max(0, round(math.log(megapixels, 4)))] * CREDIT_USD
        elif per_megapixel is not None:
            one = round(per_megapixel[self.quality] * megapixels) * CREDIT_USD
        else:
            one = fast_usd if self.quality == "fast" else quality_usd
        return round(self.images * one, 6)


def _check_prompt(body: Mapping[str, object], longest: int) -> str:
    prompt = body.get("prompt")
    if prompt is None:
        raise refuse(400, 'expecting a value for non-nullable variable: "prompt"', "validation-failed")
    text = text_of(prompt)
    if not text:
        raise refuse(400, "Invalid prompt, must not be empty.")
    if len(text) > longest:
        raise refuse(400, f"Invalid prompt, maximum length of {longest} characters exceeded.")
    return text


def _check_sides(
    body: Mapping[str, object], limits: tuple[int, int, int], defaults: tuple[int, int]
) -> tuple[int, int]:
    width_px, height_px = integer(body.get("width"), defaults[0]), integer(body.get("height"), defaults[1])
    for side_px, largest_px in ((width_px, limits[1]), (height_px, limits[2])):
        if side_px % 8 or not limits[0] <= side_px <= largest_px:
            raise refuse(400, "invalid dimensions")
    return width_px, height_px


def _check_seed(body: Mapping[str, object], largest: int) -> int | None:
    seed = body.get("seed")
    if isinstance(seed, int) and not 0 <= seed <= largest:
        raise refuse(400, "invalid seed")
    return seed if isinstance(seed, int) else None


def _check_contrast(body: Mapping[str, object], *, alchemy: bool, required: bool) -> None:
    contrast = body.get("contrast")
    if contrast is None:
        if required:
            raise refuse(400, "contrast is required")
    elif contrast not in _CONTRASTS:
        raise refuse(400, "invalid contrast", "validation-failed", "$.selectionSet.sdGenerationJob.args.arg1.contrast")
    elif alchemy and isinstance(contrast, int | float) and contrast < _LEAST_CONTRAST_WITH_ALCHEMY:
        raise refuse(400, "contrast must be at least 2.5 with alchemy")


def _check_modes(body: Mapping[str, object], model: str, *, contrast_required: bool) -> str:
    """Check alchemy, ultra and dependent options; return the quality of the job."""
    alchemy, ultra = body.get("alchemy") is not False, body.get("ultra") is True
    if ultra and alchemy:
        raise refuse(400, "ultra cannot be combined with alchemy")
    if alchemy and model in _LUCID:
        raise refuse(400, f"Alchemy is not enabled with Kino {_LUCID[model]}")
    if model in _PHOENIX and body.get("sd_version") not in (None, "PHOENIX"):
        raise refuse(400, "Phoenix request requires sd_version to be PHOENIX.")
    required = contrast_required and (model in _PHOENIX or model in _LUCID)
    _check_contrast(body, alchemy=alchemy, required=required)
    return "ultra" if ultra else "alchemy" if alchemy else "fast"


def _check_preset(body: Mapping[str, object]) -> str:
    preset = text_of(body.get("presetStyle"))
    if preset and preset not in _PRESETS:
        path = "$.selectionSet.sdGenerationJob.args.arg1.presetStyle"
        text = f"expected one of the values {sorted(_PRESETS)} for type 'sd_generation_style', but found '{preset}'"
        raise refuse(400, text, "validation-failed", path)
    return preset


def check_v1(body: Mapping[str, object], *, contrast_required: bool, kind_of: KindOf) -> Order:
    """Check a v1 create body and return its order; raises `Refused`."""
    _check_fields(body, _V1_FIELDS, "$.selectionSet.sdGenerationJob.args.arg1")
    prompt = _check_prompt(body, 1500)
    model = text_of(body.get("modelId")) or LIGHTNING_XL
    if not is_uuid(model):
        raise refuse(500, "internal error")
    if model not in _V1_MODELS:
        raise refuse(400, f"{model} is not supported within the Production API. Please use another model.")
    width_px, height_px = _check_sides(body, (32, 1536, 1536), (1024, 768))
    images = integer(body.get("num_images"), 4)
    if not 1 <= images <= (4 if max(width_px, height_px) > _LARGE_SIDE_PX else 8):
        # A request that leaves the number out gets the four of the default.
        raise refuse(400, "too many images for this size")
    quality = _check_modes(body, model, contrast_required=contrast_required)
    preset, style_id = _check_preset(body), text_of(body.get("styleUUID"))
    known = _BY_ID.get(model)
    if style_id and (style_id not in _STYLE_NAMES or (known and _STYLE_NAMES[style_id] not in known.styles)):
        raise refuse(400, "invalid style")
    reference, strength = _v1_reference(body, known, kind_of)
    return Order(
        model=model,
        prompt=prompt,
        width_px=width_px,
        height_px=height_px,
        images=images,
        quality="fast" if quality == "alchemy" and model in {FLUX_DEV, FLUX_SCHNELL} else quality,
        # Phoenix honours the id; what it makes of the preset is not known.
        style=_STYLE_NAMES[style_id] if style_id else preset or "DYNAMIC",
        negative_prompt=text_of(body.get("negative_prompt")),
        seed=_check_seed(body, 2147483637 if model in {FLUX_DEV, FLUX_SCHNELL} else _LARGEST_SEED),
        reference=reference,
        reference_strength=strength,
    )


def _v1_reference(body: Mapping[str, object], known: Known | None, kind_of: KindOf) -> tuple[str, str]:
    nets = body.get("controlnets")
    if nets is None:
        return "", ""
    if not isinstance(nets, list) or not 1 <= len(nets) <= 4 or not all(isinstance(net, dict) for net in nets):
        raise refuse(400, "invalid controlnets")
    net = nets[0]
    if set(net) - {"initImageId", "initImageType", "preprocessorId", "strengthType", "weight", "influence"}:
        raise refuse(400, "Unexpected variable in controlnets", "bad-request")
    if ("strengthType" in net) == ("weight" in net) or net.get("strengthType", "Mid") not in _STRENGTHS:
        raise refuse(400, "invalid strengthType")
    if known is None or net.get("preprocessorId") not in known.preprocessors:
        raise refuse(400, f"preprocessor {net.get('preprocessorId')} is not supported for this model")
    if known.model_id in {FLUX_DEV, FLUX_SCHNELL} and body.get("ultra") is not False:
        raise refuse(400, "controlnets need ultra to be false")
    kind = kind_of(text_of(net.get("initImageId")))
    if not kind:
        raise refuse(400, "invalid init image id")
    if kind != net.get("initImageType"):
        # Dropped in silence; the job runs, and is charged.
        return "", ""
    return text_of(net["initImageId"]), text_of(net.get("strengthType")).upper()


def check_v2(body: Mapping[str, object], *, kind_of: KindOf) -> Order:
    """Check a v2 create body and return its order; raises `Refused`."""
    _check_fields(body, _V2_ROOT, "$")
    known = KNOWN.get(text_of(body.get("model")))
    if known is None:
        raise refuse(400, f"{body.get('model')} is not supported within the Production API.")
    parameters = body.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    _check_fields(parameters, {name: _V2_PARAMETERS[name] for name in _COMMON | known.keys}, "$.parameters")
    prompt = _check_prompt(parameters, known.prompt)
    if len(known.sides) == 2:
        width_px, height_px = integer(parameters.get("width"), 1024), integer(parameters.get("height"), 1024)
        if width_px not in known.sides[0] or height_px not in known.sides[1]:
            raise refuse(400, "width and height must be listed values")
    else:
        width_px, height_px = _check_sides(parameters, known.sides, (1024, 1024))
    images = integer(parameters.get("quantity"), 4)
    if not 1 <= images <= 8:
        raise refuse(400, "too many images")
    mode = _check_words(parameters, known)
    reference, strength = _v2_reference(parameters, known, kind_of)
    model = text_of(body["model"])
    return Order(
        model=known.model_id or model,
        prompt=prompt,
        width_px=width_px,
        height_px=height_px,
        images=images,
        quality={"QUALITY": "alchemy", "": "fast"}.get(mode, mode.lower()),
        style=_v2_style(parameters, known),
        negative_prompt=text_of(parameters.get("negative_prompt")),
        seed=_check_seed(parameters, known.seed or 0),
        reference=reference,
        reference_strength=strength,
        is_square=model == "nano-banana-2" and not _is_nano_pair(width_px, height_px),
    )


def _check_words(parameters: Mapping[str, object], known: Known) -> str:
    """Check the parameters with words as values; return the mode, or the quality."""
    field_name = "quality" if "quality" in known.keys else "mode"
    choices = {field_name: known.modes, "contrast": _V2_CONTRASTS, "prompt_enhance": _V2_ENHANCE}
    for name, words in choices.items():
        if parameters.get(name) not in (None, *words):
            raise refuse(400, f"{name} must be one of {', '.join(words)}", "validation-failed", f"$.parameters.{name}")
    default = "MEDIUM" if field_name == "quality" else "FAST" if known.modes else ""
    if len(text_of(parameters.get("negative_prompt"))) > 1000:
        raise refuse(400, "negative_prompt must have at most 1000 characters")
    return text_of(parameters.get(field_name)) or default


def _v2_style(parameters: Mapping[str, object], known: Known) -> str:
    style_ids = parameters.get("style_ids") or []
    assert isinstance(style_ids, list)
    if len(style_ids) > 1:
        raise refuse(400, "style_ids takes one style", "validation-failed", "$.parameters.style_ids")
    if not style_ids:
        return "DYNAMIC"
    style = _STYLE_NAMES.get(text_of(style_ids[0]), "")
    # Nano Banana has an id of its own for portraits.
    own = "8e2bc543-6ee2-45f9-bcd9-594b6ce84dcd" if known is KNOWN["nano-banana-2"] else ""
    is_others = style == "PORTRAIT" and (style_ids[0] == "8e2bc543-6ee2-45f9-bcd9-594b6ce84dcd") != bool(own)
    if style not in known.styles or is_others:
        raise refuse(400, "style_ids holds a style that this model does not have", "validation-failed")
    return style


def _v2_reference(parameters: Mapping[str, object], known: Known, kind_of: KindOf) -> tuple[str, str]:
    guidances = parameters.get("guidances")
    if guidances is None:
        return "", ""
    assert isinstance(guidances, dict)
    name, most = known.references
    listed = guidances.get(name)
    if set(guidances) != {name} or not isinstance(listed, list) or not 1 <= len(listed) <= most:
        raise refuse(400, f"guidances takes {name}, at most {most}", "validation-failed")
    entry = listed[0]
    has_strength = "quality" not in known.keys
    words = {strength.upper() for strength in _STRENGTHS}
    if not isinstance(entry, dict) or set(entry) - {"image", "strength", "order"} or "image" not in entry:
        raise refuse(400, "a guidance needs an image", "validation-failed")
    if has_strength and name == "style" and entry.get("strength") not in words:
        raise refuse(400, "a guidance needs a strength", "validation-failed")
    if not has_strength and "strength" in entry:
        raise refuse(400, "unrecognized key: strength", "validation-failed")
    image = entry["image"]
    if not isinstance(image, dict) or image.get("type") not in {"UPLOADED", "GENERATED", "VARIATION", "URL", "BASE64"}:
        raise refuse(400, "an image needs a type", "validation-failed")
    kind = kind_of(text_of(image.get("id")))
    if not kind:
        raise refuse(400, "invalid init image id")
    return (text_of(image["id"]), text_of(entry.get("strength"))) if kind == image["type"] else ("", "")


def _is_nano_pair(width_px: int, height_px: int) -> bool:
    return (width_px, height_px) in {
        (k * wide, k * high)
        for k in (1, 2, 4)
        for wide, high in (
            *((1024, 1024), (848, 1264), (1264, 848), (896, 1200), (1200, 896)),
            *((928, 1152), (1152, 928), (768, 1376), (1376, 768), (1584, 672)),
        )
    }
