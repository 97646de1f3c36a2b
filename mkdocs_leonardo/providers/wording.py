"""A picture as services take it: its prompt in plain words, and the copy of its reference."""

from __future__ import annotations

from collections.abc import Mapping

from mkdocs_leonardo.errors import Charged, PictureError, ProviderError, RequestRefused
from mkdocs_leonardo.spec import PictureSpec, Reference, clean_text, digest_of

#: Increase this when the words that `worded` adds change, since they change the pixels.
WORDING = 1

#: The words for each style, for models that know neither styles by name nor negative prompts.
STYLE_WORDS: Mapping[str, str] = {
    "CINEMATIC": "cinematic film still, dramatic natural light, shallow depth of field, rich colour grading",
    "CREATIVE": "imaginative and artistic interpretation, expressive shapes, unusual composition",
    "DYNAMIC": "dynamic composition, strong diagonals, motion and energy, vivid contrast",
    "3D_RENDER": "polished 3D render, soft global illumination",
    "BOKEH": "photograph with a wide aperture, soft bokeh in the background",
    "CINEMATIC_CONCEPT": "cinematic concept art, painterly, epic scale, atmospheric light",
    "FASHION": "fashion photograph, editorial lighting",
    "GRAPHIC_DESIGN_POP_ART": "pop art graphic design, bold flat colours, halftone",
    "GRAPHIC_DESIGN_VECTOR": "flat vector graphic design, clean shapes",
    "ILLUSTRATION": "detailed illustration, hand-drawn",
    "MACRO": "macro photograph, very close, fine detail",
    "MINIMALIST": "minimalist, few elements, much empty space",
    "MOODY": "moody, dark tones, low key light",
    "NONE": "",
    "PORTRAIT": "portrait photograph, flattering light",
    "PRO_BW_PHOTOGRAPHY": "professional black and white photograph",
    "PRO_COLOR_PHOTOGRAPHY": "professional colour photograph",
    "PRO_FILM_PHOTOGRAPHY": "professional photograph on analogue film, fine grain",
    "RAY_TRACED": "ray traced render, physically exact reflections",
    "SKETCH_BW": "black and white pencil sketch",
    "SKETCH_COLOR": "coloured pencil sketch",
    "STOCK_PHOTO": "clean stock photograph, even light",
    "VIBRANT": "vibrant, saturated colours",
}

#: The words for each strength of a reference.
_STRENGTHS = {"low": "a hint of its", "mid": "its", "high": "exactly its"}
#: The extension and media type of a copy of `copy_for_service`.
EXTENSION = "jpg"
MIME_TYPE = "image/jpeg"


def look_words(reference: Reference) -> str:
    """Return the instruction on a reference, for a model that takes any attached picture for a subject."""
    return (
        f"Give the picture the look of the attached one: take over {_STRENGTHS[reference.strength]} palette, light and "
        "manner, and nothing of what it shows."
    )


def worded(picture: PictureSpec) -> str:
    """Return the prompt with style and negative prompt in plain words, always the same for the same picture."""
    parts = [clean_text(picture.prompt)]
    style = STYLE_WORDS.get(picture.style, picture.style.replace("_", " ").lower())
    if style:
        parts.append(f"Style: {style}.")
    negative = clean_text(picture.negative_prompt)
    if negative:
        parts.append(f"Keep out of the picture: {negative}.")
    if picture.reference is not None:
        parts.append(look_words(picture.reference))
    return "\n\n".join(parts)


async def copy_for_service(reference: Reference, provider: str) -> bytes:
    """Copy the reference's file; RequestRefused if the file has changed since the build began."""
    from mkdocs_leonardo.concurrency import to_thread

    # A photograph takes a quarter of a second, in which other pages go on.
    return await to_thread(_copy, reference, provider)


def _copy(reference: Reference, provider: str) -> bytes:
    from mkdocs_leonardo.imaging.reference import copy_without_metadata

    name = reference.path.name
    try:
        data = reference.path.read_bytes()
    except OSError as error:
        raise _refusal(provider, f"the reference {name} cannot be read any more ({error.strerror})") from error
    if digest_of(data) != reference.digest:
        raise _refusal(provider, f"the reference {name} has changed since the build began; build again")
    try:
        return copy_without_metadata(data)
    except PictureError as error:
        raise _refusal(provider, f"the reference {name} {error}") from error


def _refusal(provider: str, reason: str) -> ProviderError:
    return RequestRefused(f"was not asked: {reason}", provider=provider, charged=Charged.NO)
