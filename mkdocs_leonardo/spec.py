"""The values of a hero: the page's request, its key, the stored picture, its renderings.

A *picture* is what a page asks for, a provider makes and a store keeps; an *image* is its bytes or pixels. Documents
and messages say "image" for both.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn, Union, get_args

#: Reads the width of a variant, for sorting.
get_width_px = attrgetter("width_px")

JsonValue = Union[None, bool, int, float, str, "list[JsonValue]", "dict[str, JsonValue]"]

# Requests -------------------------------------------------------------------------------------------------------------

#: What a build does about a page without its hero: a warning, an error, or nothing but a line.
OnMissing = Literal["warn", "error", "ignore"]
#: Whether only stored images are shown, or missing ones are bought as well.
Origin = Literal["cached", "generate"]
Layout = Literal["content", "full", "stacked", "split", "auto", "none"]
Format = Literal["avif", "webp", "jpeg"]
FORMATS: tuple[Format, ...] = get_args(Format)

#: The name of the local painter, the last provider of every chain, in lists of providers and in records.
PAINTER = "local"
#: The provider in the record of an author's own picture.
OWN = "own"
#: Providers whose pictures no AI made: they carry no AI mark.
NO_AI = frozenset({PAINTER, OWN})
#: The AI mark: IPTC NewsCodes, Digital Source Type, "created using generative AI" (as of 2026-07).
MADE_BY_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


class Source(StrEnum):
    """The source of a page's picture in this build. Reports and manifests hold the values, which therefore stay."""

    CACHED = "cached"
    GENERATED = "generated"
    COLLECTED = "resumed"
    PINNED = "pinned"
    LAST = "last"
    PAINTED = "local"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class FocalPoint:
    """The point to keep in view when the picture is cropped, as fractions of width and height (0 to 1)."""

    x: float = 0.5
    y: float = 0.5


CENTER = FocalPoint()


#: The strengths of a reference.
Strength = Literal["low", "mid", "high"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference image: a new picture takes over its look.

    `digest` is the file's SHA-256 (64 hex digits). `path` is the file's path, which is not in the key.
    """

    digest: str
    strength: Strength = "mid"
    path: Path = field(default=Path(), compare=False)


@dataclass(frozen=True, slots=True)
class PictureSpec:
    """An author's settings that change the paid pixels. `prompt` is the text after the template."""

    prompt: str
    style: str = "CINEMATIC"
    negative_prompt: str = ""
    seed: int | None = None
    width_px: int = 1536
    height_px: int = 864
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class HeroSpec:
    """The hero that one page asks for. Exactly one of `picture` and `own_image` is set."""

    page: str
    picture: PictureSpec | None = None
    own_image: Path | None = None
    alt: str = ""
    tagline: str = ""
    focus: FocalPoint = CENTER
    layout: Layout = "content"


# Pictures -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """The bytes that a service delivered (JPEG, PNG or WebP of any size), not decoded yet.

    `cost_usd` is the cost that the service states, or None.
    """

    data: bytes
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Size, format and marks of a picture's bytes. Width and height are those of the upright picture.

    `extension` is jpg, png, webp or avif. `marks` are the marks of origin in the bytes: ``xmp``, ``c2pa``, both or
    nothing.
    """

    extension: str
    width_px: int
    height_px: int
    marks: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """The job that an accepted create call has made; it is paid for. `accepted_at` is in Unix seconds.

    A provider that answers at once puts the picture into `image`, which the journal does not store.
    """

    provider: str
    model: str
    job_id: str
    accepted_at: float
    cost_usd: float | None = None
    image: GeneratedImage | None = None


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """The record of a stored picture: the JSON file beside it.

    `digest` is the SHA-256 (64 hex digits) of the bytes beside it. `cost_usd` is the cost that the service stated, else
    None. `created_at` is in Unix seconds. `page` is the first page that asked for the picture. `marks` names the marks
    of origin in the delivered bytes: ``xmp``, ``c2pa``, both or nothing. `config_name` is the path of the
    asking configuration, relative to the configuration's folder or to the cache; "" in records of earlier versions.
    """

    key: str
    digest: str
    extension: str
    provider: str
    model: str
    job_id: str = ""
    cost_usd: float | None = None
    created_at: float = 0.0
    width_px: int = 0
    height_px: int = 0
    seconds: float | None = None
    page: str = ""
    marks: str = ""
    request: Mapping[str, JsonValue] = field(default_factory=dict)
    config_name: str = ""

    @property
    def has_reference(self) -> bool:
        """Whether the picture has a reference."""
        return "reference" in self.request

    def without_request(self) -> PictureRecord:
        """Return the record as pages need it: of the request, only the reference."""
        return replace(self, request={name: self.request[name] for name in ("reference",) if name in self.request})


# Renderings -----------------------------------------------------------------------------------------------------------


Role = Literal["hero", "social"]
ROLES: tuple[Role, ...] = get_args(Role)


class Variant(NamedTuple):
    """One encoded file of a hero. `name` is its file name in the site; the bytes lie in `folder`, as `file`.

    A tuple, since a warm build of a thousand heroes makes nine thousand, and a frozen dataclass takes four times as
    long to make.
    """

    role: Role
    format: Format
    width_px: int
    height_px: int
    name: str
    folder: Path
    file: str
    digest: str
    size_bytes: int

    @property
    def path(self) -> Path:
        """The file's path."""
        return self.folder / self.file

    @property
    def path_text(self) -> str:
        """The file's path as text, which costs less than a Path."""
        return f"{self.folder}{os.sep}{self.file}"


@dataclass(frozen=True, slots=True)
class Scrim:
    """The alpha (percent, 0 to 58) of the shade behind a hero's text, with which white text reaches 4.5:1 (WCAG 2.2).

    `narrow`: on a phone, which shows another crop of the picture than a desktop.
    `wide`: on a desktop, where text stands on the left.
    `wide_rtl`: on a desktop, in right-to-left scripts, where text stands on the right.
    `long_…`: the same for a long text, which covers more of the picture.
    `blur`: the ground behind the text: 1 for the blur-up image, 0 for the sharp picture.
    """

    narrow: int
    wide: int
    wide_rtl: int
    long_narrow: int
    long_wide: int
    long_wide_rtl: int
    blur: int = 1


@dataclass(frozen=True, slots=True)
class Rendering:
    """A picture's files for pages, its blur-up image and measurements. Pages with the same picture share a rendering.

    `blur_up` is a data URI of a WebP 16 pixels wide, `dominant` a colour as ``#rrggbb``. `source_type` is the IPTC
    digital source type (a URL) in an author's own picture, "" without one.
    """

    variants: Sequence[Variant]
    blur_up: str
    dominant: str
    scrim: Scrim
    width_px: int
    height_px: int
    source_type: str = ""

    @property
    def social(self) -> Variant | None:
        """The file for sharing; None without one."""
        return next((variant for variant in reversed(self.variants) if variant.role == "social"), None)

    @property
    def ladders(self) -> dict[Format, list[Variant]]:
        """The files for pages by format, from the narrowest to the widest."""
        ladders: dict[Format, list[Variant]] = {}
        for variant in self.variants:
            if variant.role == "hero":
                ladders.setdefault(variant.format, []).append(variant)
        for ladder in ladders.values():
            ladder.sort(key=get_width_px)
        return ladders


@dataclass(frozen=True, slots=True)
class HeroAsset:
    """A picture with its rendering and source, ready for a page. `created_at` and `marks` are those of the record.

    `creator` is the name of the AI as pages show it, "" for a picture that no AI made.
    """

    key: str
    provider: str
    model: str
    source: Source
    rendering: Rendering
    created_at: float = 0.0
    marks: str = ""
    creator: str = ""

    @property
    def is_substitute(self) -> bool:
        """Whether the page shows this picture instead of its own one."""
        return self.source in {Source.LAST, Source.PAINTED}


#: The width that the layout `full` adds. A larger one is hardly visible, even in a window of 1440 points at two pixels
#: a point.
FULL_WIDTH_PX = 2048


@dataclass(frozen=True, slots=True)
class Encoding:
    """The files that are made of a picture: formats, widths, size and crop, and whether there is one for sharing.

    A changed value encodes the files again, and buys no picture. With `spares_fallback`, JPEG beside a better format is
    written in the few widths that a fallback needs.
    """

    formats: tuple[Format, ...] = ("avif", "jpeg")
    widths: tuple[int, ...] = (480, 768, 960, 1200, 1536)
    width_px: int = 1536
    height_px: int = 864
    social: bool = True
    spares_fallback: bool = True
    focus: FocalPoint = CENTER

    def for_hero(self, hero: HeroSpec) -> Encoding:
        """Return the encoding for a hero: with the hero's focal point, and one more width for the layout `full`."""
        is_wider = hero.layout == "full" and self.widths == Encoding().widths
        if not is_wider and hero.focus == self.focus:
            return self
        return replace(self, widths=(*self.widths, *[FULL_WIDTH_PX] * is_wider), focus=hero.focus)


@dataclass(frozen=True, slots=True)
class MarkupOptions:
    """The site's options that change the HTML of heroes. A field has an option's name, and a value for JSON.

    Zensical's manifest holds each field under its name.
    """

    cards: bool = True
    social: bool = True
    credit: bool | str = False


# JSON and text --------------------------------------------------------------------------------------------------------


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Made once: a build with a thousand heroes writes and reads thousands of values.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_STRICT = json.JSONDecoder(parse_constant=_refuse_constant)


def canonical_json(value: JsonValue) -> bytes:
    """Return the JSON of a value, with sorted names and no spaces, in UTF-8 and NFC: equal values have equal bytes."""
    return unicodedata.normalize("NFC", _CANONICAL.encode(value)).encode()


def parse_json(text: str) -> JsonValue:
    """Return the value in `text`; ValueError unless that is JSON (NaN is not), RecursionError for deep nesting."""
    value: JsonValue = _STRICT.decode(text)
    return value


def digest_of(data: bytes) -> str:
    """Return SHA-256 as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


#: Halves of characters, which names of files may hold and no encoding can write.
SURROGATE = re.compile(r"[\ud800-\udfff]")
#: Control characters, on which a terminal acts, and halves of characters.
INVISIBLE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
#: Amounts below this (USD) are written with tenths of a cent.
_CENTS_FROM_USD = 0.1


def clean_text(text: str) -> str:
    """Return the text as keys contain it: in NFC, stripped, each run of white space as one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def printable(text: str) -> str:
    """Return the text as one line that is safe on a terminal, with control characters and surrogates escaped."""
    return _INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def replace_unprintable(text: str, by: str = "") -> str:
    """Return the text with `by` in place of each character that cannot be printed."""
    return "".join(character if character.isprintable() else by for character in text)


def dollars(amount_usd: float) -> str:
    """Return the amount in dollars and cents; below ten cents, with tenths of a cent."""
    sign, size = "-" if amount_usd < 0 else "", abs(amount_usd)
    return f"{sign}${size:.3f}" if 0 < size < _CENTS_FROM_USD else f"{sign}${size:.2f}"


# Keys -----------------------------------------------------------------------------------------------------------------

#: Increase this when a field of the key changes its meaning, and never without need: each increase buys every picture
#: anew.
KEY_VERSION = 1

#: The limit of the seeds of create calls: every model with seeds takes those below it.
SEED_LIMIT = 2_147_483_637


def generation_request(
    provider: str, model: str, picture: PictureSpec, options: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Return the generation request to one provider: every value that changes the paid pixels.

    API key, paths, and the formats and widths of files are left out.
    """
    request: dict[str, JsonValue] = {
        "version": KEY_VERSION,
        "provider": provider,
        "model": model,
        "prompt": clean_text(picture.prompt),
        "negative_prompt": clean_text(picture.negative_prompt),
        "width": picture.width_px,
        "height": picture.height_px,
        "style": picture.style,
        "seed": picture.seed,
        "options": dict(options),
    }
    if picture.reference is not None:
        request["reference"] = {"digest": picture.reference.digest, "strength": picture.reference.strength}
    return request


def generation_key(provider: str, model: str, picture: PictureSpec, options: Mapping[str, JsonValue]) -> str:
    """Return the generation key: SHA-256 (64 hex digits) of the canonical generation request."""
    return request_key(generation_request(provider, model, picture, options))


def request_key(request: Mapping[str, JsonValue]) -> str:
    """Return the generation key of a generation request."""
    return digest_of(canonical_json({**request}))


def short_key(key: str) -> str:
    """Return the first 16 hex digits of a key or digest: its short form in file names and messages."""
    return key[:16]


def lease_name(picture: PictureSpec) -> str:
    """Return the name of the lease on a picture; the same for all providers."""
    return digest_of(canonical_json({"wish": dict(generation_request("", "", picture, {}))}))


def create_call_seed(key: str, number: int) -> int:
    """Return the seed of create call `number` (from 1) for the picture of `key`, where the author gave none.

    It tells the call's job from every other job in the account. The key does not contain it.
    """
    return int(digest_of(f"{key} {number}".encode())[:16], 16) % SEED_LIMIT


def variant_key(digest: str, inputs: Mapping[str, JsonValue]) -> str:
    """Return the key of a rendering: SHA-256 (64 hex digits) of the picture's `digest` and of all other `inputs`."""
    return digest_of(canonical_json({"source": digest, **inputs}))


# File names -----------------------------------------------------------------------------------------------------------

#: The folder of our files in the site.
SITE_FOLDER = "assets/leonardo"
#: The files beside published pictures. Their names stay, since a site's configuration may contain them.
MANIFEST = "heroes.json"
STYLESHEET = "hero.css"
#: The configuration of a Zensical site, and the folder of our manifest beside that file.
ZENSICAL_TOML, ZENSICAL_FOLDER = "zensical.toml", ".leonardo/zensical"
#: The Markdown extension for Zensical.
MARKDOWN_EXTENSION = "mkdocs_leonardo.markdown"


_CROP = "(?:-[0-9]{1,3}x[0-9]{1,3})?"
#: Encoded files of a hero. The focal point stands before a width, and behind `social`.
VARIANT_NAME = re.compile(rf"[0-9a-f]{{16}}{_CROP}-(?:[0-9]{{1,5}}|social{_CROP})\.(?:avif|webp|jpg|jpeg|png)")


def focus_suffix(focus: FocalPoint) -> str:
    """Return the part of a crop's file name with its focal point in percent; empty for the centre."""
    return "" if focus == CENTER else f"-{round(focus.x * 100)}x{round(focus.y * 100)}"


def social_name(key: str, focus: FocalPoint) -> str:
    """Return the file name of the image for sharing, known before the image exists."""
    return f"{short_key(key)}-social{focus_suffix(focus)}.jpg"


def is_social_name(name: str) -> bool:
    """Return whether a name or path is that of an image for sharing, with or without a focal point."""
    return re.search(rf"-social{_CROP}\.jpg$", name) is not None
