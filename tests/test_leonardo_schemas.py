"""Orders of every model against the vendor's JSON schemas, and prices against the vendor's figures.

The schemas are typed in from the vendor's OpenAPI files and guides (June to September 2026), apart from the table of
models. The orders are not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from services import KNOWN, STYLE_IDS
from services.leonardo_orders import OTHER_STYLE_IDS

from mkdocs_leonardo.errors import ProviderError
from mkdocs_leonardo.providers.leonardo.create_requests import (
    CreateRequest,
    build_create_request,
    estimate_usd,
    problems,
)
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.spec import PictureSpec, Reference

ApiVersion = Literal["auto", "v1", "v2"]
Size = tuple[int, int]
CREDIT_USD = 0.001495
REFERENCE = "3f2b8c1e-5a77-4c1d-9a40-0f7c6d1e2b3a"
LOOK = Reference("0" * 64, "high")
PROMPT = "a lighthouse in a storm"
PRESETS = (
    *("ANIME", "BOKEH", "CINEMATIC", "CINEMATIC_CLOSEUP", "CREATIVE", "DYNAMIC", "ENVIRONMENT", "FASHION"),
    *("FILM", "FOOD", "GENERAL", "HDR", "ILLUSTRATION", "LEONARDO", "LONG_EXPOSURE", "MACRO"),
    *("MINIMALISTIC", "MONOCHROME", "MOODY", "NONE", "NEUTRAL", "PHOTOGRAPHY", "PORTRAIT", "RAYTRACED"),
    *("RENDER_3D", "RETRO", "SKETCH_BW", "SKETCH_COLOR", "STOCK_PHOTO", "VIBRANT", "UNPROCESSED"),
)


@dataclass(frozen=True)
class Model:
    """The vendor's limits of one model. `seed` is its largest, `sizes` the ends of v2's sizes."""

    model_id: str
    sizes: tuple[Size, Size]
    #: In credits, by mode and megapixels.
    prices: Mapping[str, Callable[[float], float]]
    prompt: int = 2000
    seed: int | None = 2_147_483_647
    negative: int = 0
    contrasts_v1: tuple[float, ...] = ()
    style_processor: int = 0
    #: Of v2, beside what all models take.
    extra: Mapping[str, Any] | None = None
    guidance: str = "style"


def _enum(*words: str) -> dict[str, Any]:
    return {"enum": [*words]}


_ALL_CONTRASTS = (1.0, 1.3, 1.8, 2.5, 3.0, 3.5, 4.0, 4.5)
_PHOENIX = Model(
    "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3",
    ((32, 32), (2048, 2048)),
    {"fast": lambda _: 10, "quality": lambda _: 15, "ultra": lambda megapixels: 10 + 32 * megapixels},
    seed=9_999_999_998,
    negative=1000,
    contrasts_v1=_ALL_CONTRASTS,
    style_processor=166,
    extra={
        "mode": _enum("FAST", "QUALITY", "ULTRA"),
        "contrast": _enum("LOW", "MEDIUM", "HIGH"),
        "tiling": {"type": "boolean"},
        "negative_prompt": {"type": "string", "maxLength": 1000},
    },
)
_LUCID = Model(
    "7b592283-e8a7-4c5a-9ba6-d18c31f258b9",
    ((16, 16), (3840, 3616)),
    {"fast": lambda megapixels: 8 * megapixels, "ultra": lambda megapixels: 40 * megapixels},
    contrasts_v1=(3.0, 3.5, 4.0),
    style_processor=431,
    extra={"mode": _enum("FAST", "ULTRA")},
)
_FLUX = Model(
    "b2614463-296c-462a-9586-aafdb8f00e36",
    ((480, 480), (2048, 2048)),
    {"": lambda megapixels: 8 * megapixels},
    seed=2_147_483_637,
    contrasts_v1=_ALL_CONTRASTS,
    style_processor=299,
)
MODELS: Mapping[str, Model] = {
    "phoenix-v1.0": _PHOENIX,
    "phoenix-v0.9": replace(_PHOENIX, model_id="6b645e3a-d64f-4341-a6d8-7a3690fbf042"),
    "lucid-origin": _LUCID,
    "lucid-realism": replace(
        _LUCID, model_id="05ce0082-2d80-4a2d-8653-4d1c85e2418e", sizes=((16, 16), (2496, 2496)), prompt=9999
    ),
    "flux-dev": _FLUX,
    "flux-schnell": replace(
        _FLUX,
        model_id="1dd50843-d653-4516-a8e3-f0238ee453ff",
        sizes=((32, 32), (2048, 2048)),
        prices={"": lambda megapixels: 2 * megapixels},
        style_processor=298,
    ),
    # What is asked for is the nearest of the listed sizes. Their prices: three figures a quality, and one a class.
    "gpt-image-2": Model(
        "",
        ((768, 1024), (3584, 2016)),
        {},
        prompt=9999,
        seed=None,
        extra={"quality": _enum("LOW", "MEDIUM", "HIGH")},
        guidance="image_reference",
    ),
    # The limit of its prompt is not published; this is the lowest one of all models.
    "nano-banana-2": Model("", ((848, 1264), (6336, 2688)), {}, seed=4_294_967_295, guidance="image_reference"),
}


# The vendor's schemas ------------------------------------------------------------------------------------------------


def _styles(name: str) -> list[str]:
    ids = {**STYLE_IDS, **OTHER_STYLE_IDS}
    own_portrait = "8e2bc543-6ee2-45f9-bcd9-594b6ce84dcd"
    named = [style_id for style_id, style in ids.items() if style in KNOWN[name].styles]
    foreign = STYLE_IDS.keys() & {"ab5a4220-7c42-41e5-a578-eddb9fed3d75"} if name == "nano-banana-2" else {own_portrait}
    return [style_id for style_id in named if style_id not in foreign]


def _object(required: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "properties": {**properties},
        "additionalProperties": False,
    }


def _side(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high, "multipleOf": 8}


def schema_v1(model: Model, name: str) -> dict[str, Any]:
    """The schema of v1's create call for a model, with the guide's rules on Alchemy, ultra and contrast."""
    net = _object(
        "initImageId initImageType preprocessorId strengthType",
        {
            "initImageId": {"const": REFERENCE},
            "initImageType": _enum("UPLOADED", "GENERATED"),
            "preprocessorId": {"const": model.style_processor},
            "strengthType": _enum("Low", "Mid", "High", "Ultra", "Max"),
        },
    )
    fields: dict[str, Any] = {
        "modelId": {"const": model.model_id},
        "prompt": {"type": "string", "minLength": 1, "maxLength": 1500},
        "width": _side(32, 1536),
        "height": _side(32, 1536),
        "num_images": {"type": "integer", "minimum": 1, "maximum": 8},
        # Lucid refuses it, and FLUX is not to be sent it.
        "alchemy": {"type": "boolean"} if name.startswith("phoenix") else {"const": False},
        "ultra": {"type": "boolean"},
        "contrast": {"enum": [*model.contrasts_v1]},
        "styleUUID": {"enum": _styles(name)},
        "enhancePrompt": {"type": "boolean"},
        "public": {"type": "boolean"},
        "seed": {"type": "integer", "minimum": 0, "maximum": model.seed},
        "controlnets": {"type": "array", "minItems": 1, "maxItems": 4, "items": net},
    }
    if name.startswith("phoenix"):
        fields |= {"presetStyle": _enum(*PRESETS), "negative_prompt": {"type": "string"}}
    schema = _object("modelId prompt width height num_images alchemy contrast styleUUID", fields)
    with_alchemy = {"properties": {"alchemy": {"const": True}}}
    rules = {"properties": {"contrast": {"minimum": 2.5}, "ultra": {"const": False}}}
    nets_of_flux = {"if": {"required": ["controlnets"]}, "then": {"required": ["ultra"]}}
    return schema | {
        "if": with_alchemy,
        "then": rules,
        "allOf": [nets_of_flux] if name.startswith("flux") else [],
    }


def schema_v2(model: Model, name: str) -> dict[str, Any]:
    """The schema of v2's create call for a model."""
    (low, _), (width, height) = model.sizes
    known = KNOWN[name].sides
    listed = len(known) == 2
    image = _object("id type", {"id": {"const": REFERENCE}, "type": _enum("UPLOADED", "GENERATED")})
    strength = {"strength": _enum("LOW", "MID", "HIGH")} if name != "gpt-image-2" else {}
    guidance = _object("image strength" if model.guidance == "style" else "image", {"image": image, **strength})
    parameters: dict[str, Any] = {
        "prompt": {"type": "string", "minLength": 1, "maxLength": model.prompt},
        "width": {"enum": sorted(known[0])} if listed else _side(low, width),  # type: ignore[arg-type]  # two sets
        "height": {"enum": sorted(known[1])} if listed else _side(low, height),  # type: ignore[arg-type]  # two sets
        "quantity": {"type": "integer", "minimum": 1, "maximum": 8},
        "prompt_enhance": _enum("AUTO", "ON", "OFF"),
        "style_ids": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"enum": _styles(name)}},
        "guidances": _object(
            model.guidance, {model.guidance: {"type": "array", "minItems": 1, "maxItems": 1, "items": guidance}}
        ),
        **(model.extra or {}),
    }
    if model.seed is not None:
        parameters["seed"] = {"type": "integer", "minimum": 0}
        if not name.startswith("phoenix"):
            parameters["seed"]["maximum"] = model.seed
    return _object(
        "model parameters public",
        {
            "model": {"const": name},
            "public": {"type": "boolean"},
            "parameters": _object("prompt width height quantity prompt_enhance style_ids", parameters),
        },
    )


# Orders --------------------------------------------------------------------------------------------------------------

ALL: list[tuple[str, ApiVersion]] = [
    *((name, "auto") for name in MODELS),
    *((name, "v2") for name in MODELS),
    *((name, "v1") for name, model in MODELS.items() if model.model_id),
]


def accepted_requests(name: str, version: ApiVersion) -> Iterator[tuple[str, float, PictureSpec]]:
    """Mode, contrast and picture of each order that the model accepts."""
    model = MODELS[name]
    least, largest = model.sizes
    sizes = [least, (1536, 864), largest]
    if version == "v1":
        sizes = [(max(32, least[0]), max(32, least[1])), (1536, 864), (1536, 1536)]
    negatives = ["", "x" * (1500 if version == "v1" else model.negative)] if model.negative else [""]
    plain = PictureSpec(PROMPT, style="DYNAMIC")
    for mode, size, negative, look in product(modes_of(name), sizes, negatives, (None, LOOK)):
        yield mode, 3.5, replace(plain, width_px=size[0], height_px=size[1], negative_prompt=negative, reference=look)
    for style in sorted(KNOWN[name].styles):
        yield modes_of(name)[0], 3.5, replace(plain, style=style)
    words = model.prompt if version == "v2" else 1500
    longest = words - 200 if model.guidance == "image_reference" else words
    for seed, look in product((0, model.seed or 1), (None, LOOK)):
        yield (
            modes_of(name)[0],
            3.5,
            replace(plain, prompt="y" * longest, seed=min(seed, 2_147_483_637), reference=look),
        )
    yield modes_of(name)[0], 3.5, replace(plain, prompt="y" * words)
    if model.contrasts_v1 and version == "v1":
        for mode, contrast in product(modes_of(name), model.contrasts_v1):
            if mode != "quality" or contrast >= 2.5:
                yield mode, contrast, plain


def modes_of(name: str) -> tuple[str, ...]:
    """The modes of a model, as authors write them."""
    return tuple(mode.lower() for mode in KNOWN[name].modes) or ("",)


def order_for(name: str, version: ApiVersion, mode: str, contrast: float, picture: PictureSpec) -> CreateRequest:
    """The order for a picture that the configuration allows."""
    given = frozenset({"model", "api_version", "mode"} | ({"contrast"} if contrast != 3.5 else set()))
    options = LeonardoOptions(model=name, api_version=version, mode=mode, contrast=contrast)
    site = replace(picture, negative_prompt=picture.negative_prompt[:1000])
    assert [*problems(options, given, site)] == [], (name, version, mode, contrast)
    return build_create_request(options, picture, REFERENCE if picture.reference else "")


@pytest.mark.parametrize(("name", "version"), ALL)
def test_order_of_every_model_keeps_the_vendors_schema(name: str, version: ApiVersion) -> None:
    """An order of every model fits the schema in every mode, size, style, reference, seed and contrast."""
    model = MODELS[name]
    schemas = {"v2": Draft202012Validator(schema_v2(model, name))}
    if model.model_id:
        schemas["v1"] = Draft202012Validator(schema_v1(model, name))

    for mode, contrast, picture in accepted_requests(name, version):
        order = order_for(name, version, mode, contrast, picture)
        wrong = [
            f"{'/'.join(map(str, one.path))}: {one.message}" for one in schemas[order.version].iter_errors(order.body)
        ]
        assert wrong == [], (name, version, mode, picture)
        fields: Any = order.body if order.version == "v1" else order.body["parameters"]
        assert fields["num_images" if order.version == "v1" else "quantity"] == 1
        assert ("guidances" in fields or "controlnets" in fields) == (picture.reference is not None)
        assert fields.get("negative_prompt", "") == picture.negative_prompt
        assert fields.get("seed") == (picture.seed if model.seed is not None else None)
        assert version in {"auto", order.version}


def beyond(name: str, version: ApiVersion) -> Iterator[tuple[dict[str, Any], str]]:
    """Each picture one step beyond the model's limits, with the option or field to report."""
    model = MODELS[name]
    least, largest = model.sizes
    listed = len(KNOWN[name].sides) == 2
    if listed:
        largest = max(KNOWN[name].sides[0]), max(KNOWN[name].sides[1])  # type: ignore[arg-type]  # two sets
    elif version == "v1":
        least, largest = (32, 32), (1536, 1536)
    elif version == "auto":
        # What v2 finds too small goes by v1.
        least = min(least, (32, 32))
    if least[0] > 16 and not listed:
        yield {"width_px": least[0] - 8}, "width"
        yield {"height_px": least[1] - 8}, "height"
    yield {"width_px": largest[0] + 8}, "width"
    yield {"height_px": largest[1] + 8}, "height"
    if not model.negative:
        yield {"negative_prompt": "people"}, "negative_prompt"
    elif version == "v2":
        yield {"negative_prompt": "x" * 1001}, "negative_prompt"
    foreign = ({*STYLE_IDS.values(), *OTHER_STYLE_IDS.values()} - KNOWN[name].styles) or {"WATERCOLOUR"}
    yield {"style": min(foreign)}, "style"


@pytest.mark.parametrize(("name", "version"), ALL)
def test_order_one_step_beyond_the_model_is_reported_and_not_made(name: str, version: ApiVersion) -> None:
    """An order one step beyond a limit is refused by the option's name and the allowed values."""
    options = LeonardoOptions(model=name, api_version=version)
    plain = PictureSpec(PROMPT, style="DYNAMIC", width_px=1024, height_px=1024)

    for change, option in beyond(name, version):
        picture = replace(plain, **change)
        told = dict(problems(options, frozenset({"model"}), picture))
        assert [*told] == [option], (name, version, change)
        assert len(told[option]) > 20
        with pytest.raises(ProviderError, match="was not asked: "):
            build_create_request(options, picture)
    longest = 1500 if version == "v1" else MODELS[name].prompt
    with pytest.raises(ProviderError, match=f"{longest} are allowed"):
        build_create_request(options, replace(plain, prompt="x" * (longest + 1)))
    seed = MODELS[name].seed
    if seed is not None:
        with pytest.raises(ProviderError, match="takes seeds up to"):
            build_create_request(options, replace(plain, seed=seed + 1))


# Prices --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "mode"), [(name, mode) for name, model in MODELS.items() for mode in model.prices])
def test_price_at_both_ends_follows_the_formula_of_the_vendors_figures(name: str, mode: str) -> None:
    """Estimates at both ends of the sizes are the whole credits of the calculator of 2026-08-01."""
    model = MODELS[name]
    for width_px, height_px in (*model.sizes, (1536, 864)):
        picture = PictureSpec(PROMPT, width_px=width_px, height_px=height_px)
        usd = round(model.prices[mode](width_px * height_px / 1_000_000)) * CREDIT_USD

        assert estimate_usd(LeonardoOptions(model=name, mode=mode or None), picture) == pytest.approx(usd, abs=6e-5)
        assert estimate_usd(LeonardoOptions(model=name, mode=mode or None), picture) >= usd - 1e-9
