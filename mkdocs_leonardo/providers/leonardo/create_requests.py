"""Leonardo's create calls, made from the table of models, and messages on settings that a model does not take.

Pure: sends no request and logs nothing. A call that the service would refuse is an error of the configuration, or at
the latest a `ProviderError` before the request.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mkdocs_leonardo.providers.interface import (
    MAX_SEED,
    MIN_SIDE_PX,
    SIDE_STEP_PX,
    STYLES,
    AccountRefused,
    Charged,
    JsonValue,
    PictureRules,
    PictureSpec,
    ProviderError,
    RequestRefused,
)
from mkdocs_leonardo.providers.leonardo.models import (
    CONTRAST_NAMES,
    CREDIT_USD,
    MIN_ALCHEMY_CONTRAST,
    MODELS,
    NAME,
    V1_MAX_PROMPT,
    V1_MAX_SIDE_PX,
    V1_MIN_SIDE_PX,
    Mode,
    Model,
    Size,
    SizeLimits,
    credits_for,
    find_model,
    is_uuid,
    size_for,
    unknown_usd,
)
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.toolkit import clean_text, look_words

Version = Literal["v1", "v2"]

#: Values of the older field `presetStyle`, which calls for Phoenix contain as well (API's schema, June 2026).
PRESETS: Mapping[str, str] = {
    **{style: style for style in STYLES},
    "3D_RENDER": "RENDER_3D",
    "CINEMATIC_CONCEPT": "CINEMATIC",
    "GRAPHIC_DESIGN_POP_ART": "NONE",
    "GRAPHIC_DESIGN_VECTOR": "NONE",
    "MINIMALIST": "MINIMALISTIC",
    "PRO_BW_PHOTOGRAPHY": "MONOCHROME",
    "PRO_COLOR_PHOTOGRAPHY": "PHOTOGRAPHY",
    "PRO_FILM_PHOTOGRAPHY": "FILM",
    "RAY_TRACED": "RAYTRACED",
}

_NAMES = tuple(model.name for model in MODELS)


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """A create call, with the values that the account's list of jobs repeats."""

    version: Version
    body: Mapping[str, JsonValue]
    prompt: str
    negative_prompt: str
    size: Size
    seed: int | None
    models: frozenset[str]
    preset: str = ""


def rules_for(options: LeonardoOptions, picture: PictureSpec) -> PictureRules:
    """Return what pages may ask for, given the options; `picture` holds the site's settings for all pictures."""
    model = find_model(options.model)
    version = version_of(options, size_for(model, picture.width_px, picture.height_px))
    # A long prompt is sent by v2, unless the model takes negative prompts, which are shorter in v2.
    goes_by_v2 = not model.negative_prompt_max and options.api_version == "auto"
    return PictureRules(
        model.name,
        styles=tuple(model.styles) or STYLES,
        prompt_max=_prompt_max(model, "v2" if goes_by_v2 else version),
        negative_prompt_max=_negative_max(model, version),
        seed_max=MAX_SEED if model.seed_max is None else model.seed_max,
    )


def _prompt_max(model: Model, version: Version) -> int:
    """Return the longest prompt that the model takes in this version of the API, in characters."""
    return V1_MAX_PROMPT if version == "v1" else model.prompt_max


def _negative_max(model: Model, version: Version) -> int:
    """Return the longest negative prompt that the model takes in this version of the API, in characters; 0 for none."""
    max_characters = model.negative_prompt_max
    return V1_MAX_PROMPT if max_characters and version == "v1" else max_characters


def key_model(options: LeonardoOptions) -> str:
    """Return the model's name or id, as keys contain it.

    An id stays as it is. A name becomes the id, except for names under which v2 drew pictures before the table had
    names: those pictures keep their keys.
    """
    model = find_model(options.model)
    if is_uuid(options.model):
        return options.model
    return model.model_id if model.key_is_id else model.name


def key_options(options: LeonardoOptions) -> dict[str, JsonValue]:
    """Return the options in the key: Alchemy and contrast as in all versions, and the mode if it is not the default."""
    model, mode = find_model(options.model), mode_of(options)
    # Keys of FLUX and the hosted models have either value, though those models have no Alchemy.
    alchemy = mode == "QUALITY" if "FAST" in model.modes else options.alchemy
    key: dict[str, JsonValue] = {"alchemy": alchemy, "contrast": options.contrast}
    if mode not in {model.modes[0], "QUALITY", "FAST"}:
        key["mode"] = mode
    return key


def mode_of(options: LeonardoOptions) -> Mode:
    """Return the mode that the model draws in; "" if it has only one, or is not known."""
    model = find_model(options.model)
    mode = next((mode for mode in model.modes if mode and mode == (options.mode or "").upper()), None)
    if mode is not None:
        return mode
    if "QUALITY" in model.modes:
        return "QUALITY" if options.alchemy else "FAST"
    return model.modes[0]


def version_of(options: LeonardoOptions, size: Size, prompt: str = "") -> Version:
    """Return the API's version for the create call: the configured one, else v1 if v1 can make the call, else v2."""
    if options.api_version != "auto":
        return options.api_version
    model = find_model(options.model)
    if not model.is_known:
        return "v1" if model.model_id else "v2"
    fits = all(V1_MIN_SIDE_PX <= side <= V1_MAX_SIDE_PX for side in size)
    return "v1" if model.model_id and fits and len(prompt) <= V1_MAX_PROMPT else "v2"


def estimate_usd(options: LeonardoOptions, picture: PictureSpec) -> float:
    """Return the expected cost of one picture in US dollars."""
    model = find_model(options.model)
    size = size_for(model, picture.width_px, picture.height_px)
    if not model.is_known:
        return unknown_usd(size, alchemy=options.alchemy)
    # A reference costs one credit in the vendor's table of 2024, the latest figure; the answer states the real cost.
    credits_ = credits_for(model, mode_of(options), size) + (picture.reference is not None)
    exact_usd = round(credits_ * CREDIT_USD, 6)
    # The cost in an answer has four digits, halves rounded up, so it may exceed the exact cost. A cap must allow it.
    return max(exact_usd, int(exact_usd * 10_000 + 0.5 + 1e-6) / 10_000)


# Create calls --------------------------------------------------------------------------------------------------------


def build_create_request(options: LeonardoOptions, picture: PictureSpec, reference_id: str = "") -> CreateRequest:
    """Build the create call for `picture`, with its uploaded reference.

    ProviderError for a call that the service would refuse, or would draw with other settings.
    """
    model = find_model(options.model)
    prompt, negative = clean_text(picture.prompt), clean_text(picture.negative_prompt)
    if prompt and picture.reference is not None and model.reference_kind == "image_reference":
        # The service would draw such a reference again; the prompt asks for its look alone.
        prompt = f"{prompt} {look_words(picture.reference)}"
    size = size_for(model, picture.width_px, picture.height_px)
    version = version_of(options, size, prompt)
    _check(model, options, picture, version, prompt)
    seed = None if model.seed_max is None else picture.seed
    if version == "v1":
        body = _v1_body(model, options, picture.style, prompt, size)
        fields = body
    else:
        body = _v2_body(model, options, picture.style, prompt, size)
        fields = body["parameters"]  # type: ignore[assignment]  # made below
    if negative:
        fields["negative_prompt"] = negative
    if seed is not None:
        fields["seed"] = seed
    if picture.reference is not None and reference_id:
        fields |= _reference(model, version, picture.reference.strength, reference_id)
    return CreateRequest(
        version=version,
        body=body,
        prompt=prompt,
        negative_prompt=negative,
        size=size,
        seed=seed,
        # The name of a job made under v2 is not documented.
        models=frozenset({model.model_id.lower(), model.name.lower()}),
        # It is not sent in v2, so the list's value of it tells nothing.
        preset=PRESETS[picture.style] if version == "v1" and model.has_preset_style else "",
    )


def _reference(model: Model, version: Version, strength: str, reference_id: str) -> dict[str, JsonValue]:
    """Return the fields for a reference, in the form of the model; the service ignores other forms without an error."""
    if version == "v1":
        net: dict[str, JsonValue] = {
            "initImageId": reference_id,
            "initImageType": "UPLOADED",
            "preprocessorId": model.style_preprocessor,
            "strengthType": strength.title(),
        }
        # FLUX takes one without ultra alone (a client's note), and has no such mode here.
        return {"controlnets": [net], **({} if model.mode_field else {"ultra": False})}
    entry: dict[str, JsonValue] = {"image": {"id": reference_id, "type": "UPLOADED"}}
    if model.reference_has_strength:
        entry["strength"] = strength.upper()
    return {"guidances": {model.reference_kind: [entry]}}


def _v1_body(model: Model, options: LeonardoOptions, style: str, prompt: str, size: Size) -> dict[str, JsonValue]:
    mode = mode_of(options)
    body: dict[str, JsonValue] = {
        "modelId": options.model if is_uuid(options.model) else model.model_id,
        "prompt": prompt,
        "width": size[0],
        "height": size[1],
        "num_images": 1,
        # The schema's default is true, which Lucid refuses.
        "alchemy": mode == "QUALITY" if model.is_known else options.alchemy,
        "public": False,
    }
    if not model.is_known:
        # The further settings of a model that is not in the table are unknown.
        return body
    body |= {"contrast": options.contrast, "styleUUID": model.styles[style], "enhancePrompt": False}
    if model.has_preset_style:
        body["presetStyle"] = PRESETS[style]
    if mode == "ULTRA":
        body["ultra"] = True
    return body


def _v2_body(model: Model, options: LeonardoOptions, style: str, prompt: str, size: Size) -> dict[str, JsonValue]:
    """Return the body for v2. It sets every value, since v2's defaults are four pictures and a rewritten prompt."""
    parameters: dict[str, JsonValue] = {
        "prompt": prompt,
        "width": size[0],
        "height": size[1],
        "quantity": 1,
        "prompt_enhance": "OFF",
    }
    if model.is_known:
        parameters["style_ids"] = [model.styles[style]]
    if model.mode_field:
        parameters[model.mode_field] = mode_of(options)
    if model.has_v2_contrast:
        parameters["contrast"] = CONTRAST_NAMES[options.contrast]
    return {"model": model.name, "public": False, "parameters": parameters}


def _check(model: Model, options: LeonardoOptions, picture: PictureSpec, version: Version, prompt: str) -> None:
    """Raise ProviderError for a call that the service would refuse, or would draw with other settings."""
    for option, problem in _service_problems(options, frozenset()):
        # The service answers some of these with a 500, which would look as if a job might have been made.
        raise _refusal(AccountRefused, f"{option}: {problem}")
    if not prompt:
        raise _refusal(RequestRefused, "the prompt is empty")
    max_characters = _prompt_max(model, version)
    if len(prompt) > max_characters:
        raise _refusal(RequestRefused, f"the prompt has {len(prompt)} characters, {max_characters} are allowed")
    if picture.seed is not None and model.seed_max is not None and picture.seed > model.seed_max:
        raise _refusal(RequestRefused, f"{model.name} takes seeds up to {model.seed_max}")
    has_contrast = options.contrast != LeonardoOptions().contrast
    for option, problem in _mismatches(model, options, picture, version, has_contrast=has_contrast):
        raise _refusal(RequestRefused, f"{option}: {problem}")


def _refusal(kind: type[ProviderError], reason: str) -> ProviderError:
    return kind(f"was not asked: {reason}", provider=NAME, charged=Charged.NO)


# The configuration ---------------------------------------------------------------------------------------------------


def problems(options: LeonardoOptions, given: frozenset[str], picture: PictureSpec) -> Iterator[tuple[str, str]]:
    """Yield the errors in Leonardo's options, or else the errors in the site's settings for Leonardo's pictures."""
    of_service = [*_service_problems(options, given)]
    yield from of_service or _picture_problems(options, given, picture)


def _service_problems(options: LeonardoOptions, given: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the errors in Leonardo's own options, as `leonardo.…`. `given` names the options that the author wrote."""
    model = find_model(options.model)
    if not model.is_known and not model.model_id and options.api_version != "v2":
        names = difflib.get_close_matches(options.model.lower(), _NAMES, n=1)
        fix = f"did you mean {names[0]}?" if names else f"it may be {', '.join(_NAMES)}, or the UUID of another model"
        yield "leonardo.model", f"it is {options.model!r}; {fix}"
        return
    if not model.is_known:
        if model.model_id and options.api_version == "v2":
            yield (
                "leonardo.api_version",
                "it is v2, which takes models by name, and model is an id; leave api_version out",
            )
        if options.mode:
            yield (
                "leonardo.mode",
                f"it is {options.mode!r}; the modes of {options.model!r} are not known here, so leave it out",
            )
        return
    if options.api_version == "v1" and not model.model_id:
        yield "leonardo.api_version", f"it is v1, which does not know {model.name}; leave it out"
    modes = tuple(mode.lower() for mode in model.modes if mode)
    if options.mode and options.mode.lower() not in modes:
        possible = f"it may be {', '.join(modes)}" if modes else "leave it out"
        yield "leonardo.mode", f"it is {options.mode!r}, which {model.name} does not have; {possible}"
    elif options.mode and "alchemy" in given and options.alchemy != (options.mode.lower() == "quality"):
        yield "leonardo.mode", f"it is {options.mode!r}, and alchemy says another one; leave alchemy out"
    if "alchemy" in given and options.alchemy and "QUALITY" not in model.modes:
        instead = f"; mode may be {', '.join(modes)}" if modes else ""
        yield "leonardo.alchemy", f"it is true, and {model.name} draws without Alchemy; leave it out{instead}"


def _picture_problems(
    options: LeonardoOptions, given: Collection[str], picture: PictureSpec
) -> Iterator[tuple[str, str]]:
    """Yield (option, message) for each setting of the site that the model ignores."""
    model = find_model(options.model)
    version = version_of(options, size_for(model, picture.width_px, picture.height_px))
    if version == "v2" and options.base_url.rpartition("/")[2] not in {"v1", "v2"}:
        yield "leonardo.base_url", "with v2 it must end in /v1 or /v2: jobs are made under one and read under the other"
    yield from _mismatches(model, options, picture, version, has_contrast="contrast" in given)
    if not model.is_known and "contrast" in given:
        yield "leonardo.contrast", f"{options.model!r} may not know it, so it is not sent; leave it out"


def _mismatches(
    model: Model, options: LeonardoOptions, picture: PictureSpec, version: Version, *, has_contrast: bool
) -> Iterator[tuple[str, str]]:
    """Yield the settings of a picture that the model ignores in this version of the API, by the names of the options.

    `has_contrast`: the author has set a contrast.
    """
    yield from _side_problems(model, version, picture)
    negative_prompt, negative_max = clean_text(picture.negative_prompt), _negative_max(model, version)
    if negative_prompt and not negative_max:
        yield "negative_prompt", f"{options.model} takes none; say in prompt_template what images show instead"
    elif len(negative_prompt) > negative_max:
        yield "negative_prompt", f"it has {len(negative_prompt):,} characters, and {version} takes {negative_max:,}"
    if not model.is_known:
        return
    if picture.style not in model.styles:
        *styles, last_style = model.styles
        offered = f"it may be {', '.join(styles)} or {last_style}"
        yield "style", f"it is {picture.style}, which {model.name} does not have; {offered}"
    yield from _contrast_problems(model, options, version, is_given=has_contrast)


def notes(options: LeonardoOptions) -> Iterator[str]:
    """Yield remarks on allowed options, logged at INFO when a site is configured."""
    model = find_model(options.model)
    if not model.is_known:
        yield (
            f"leonardo.model {options.model!r} is not in the table of models: it is sent prompt, size, seed, negative "
            "prompt and Alchemy, and neither a style nor a contrast"
        )
    elif model.seed_max is None:
        yield (
            f"{model.name} draws without a seed: another hero_seed is another image, and the same one does not draw "
            "the same image again"
        )


def _side_problems(model: Model, version: Version, picture: PictureSpec) -> Iterator[tuple[str, str]]:
    """Yield the sides of the picture that the model cannot draw, each with the sides that it can draw."""
    if not model.is_known and version == "v2":
        return
    sizes = model.sizes
    if version == "v1":
        smallest, limits = V1_MIN_SIDE_PX, (V1_MAX_SIDE_PX, V1_MAX_SIDE_PX)
    elif isinstance(sizes, SizeLimits):
        smallest, limits = sizes.low, (sizes.width, sizes.height)
    else:
        smallest, limits = MIN_SIDE_PX, (max(width for width, _ in sizes), max(height for _, height in sizes))
    instead = "; without api_version: v1 it may be larger" if version == "v1" and model.is_known else ""
    for option, side, largest in (("width", picture.width_px, limits[0]), ("height", picture.height_px, limits[1])):
        if not smallest <= side <= largest or side % SIDE_STEP_PX:
            draws = f"{model.name} draws multiples of {SIDE_STEP_PX} from {smallest} to {largest}{instead}"
            yield option, f"it is {side}; {draws}"


def _contrast_problems(
    model: Model, options: LeonardoOptions, version: Version, *, is_given: bool
) -> Iterator[tuple[str, str]]:
    contrast = f"{options.contrast:g}"
    takes = model.contrasts if version == "v1" else tuple(CONTRAST_NAMES) if model.has_v2_contrast else ()
    if not takes and is_given:
        yield "leonardo.contrast", f"it is {contrast}, and {model.name} takes none by {version}; leave it out"
    elif takes and options.contrast not in takes:
        numbers = ", ".join(f"{value:g}" for value in takes)
        yield "leonardo.contrast", f"it is {contrast}; {model.name} takes {numbers} by {version}"
    elif takes and version == "v1" and mode_of(options) == "QUALITY" and options.contrast < MIN_ALCHEMY_CONTRAST:
        least = f"with alchemy the service asks for {MIN_ALCHEMY_CONTRAST:g} at least"
        yield "leonardo.contrast", f"it is {contrast}; {least}, so raise it or set alchemy: false"
