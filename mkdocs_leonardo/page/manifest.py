"""The manifest of published heroes: a file beside the pictures, which Zensical's build reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

from mkdocs_leonardo.errors import BrokenEntry
from mkdocs_leonardo.front_matter import HeroDefaults
from mkdocs_leonardo.picture_rules import STYLES, PictureRules
from mkdocs_leonardo.spec import (
    FORMATS,
    ROLES,
    FocalPoint,
    HeroAsset,
    HeroSpec,
    JsonValue,
    MarkupOptions,
    PictureSpec,
    Reference,
    Rendering,
    Scrim,
    Source,
    Variant,
    canonical_json,
    digest_of,
    short_key,
)

_VERSION = 1
#: The folder of files beside the manifest; one object, since a site has thousands of files.
_HERE = Path()
#: Names of files become parts of addresses as they are.
_PLAIN_NAME = re.compile(r"[\w-][\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ShownHero:
    """One page's picture. `request_digest` is that of the request for the picture, "" for a previous hero."""

    request_digest: str
    focus: FocalPoint
    asset: HeroAsset


@dataclass(frozen=True, slots=True)
class Manifest:
    """The heroes of a site by the source path of their page, and the options for their HTML."""

    defaults: HeroDefaults = field(default_factory=HeroDefaults)
    markup: MarkupOptions = MarkupOptions()
    heroes: Mapping[str, ShownHero] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The names of all picture files."""
        return frozenset(variant.name for hero in self.heroes.values() for variant in hero.asset.rendering.variants)


def digest_request(hero: HeroSpec, own_digest: str = "") -> str:
    """Return the digest of all that changes the hero's files. `own_digest` is the digest of the author's own image."""
    picture = hero.picture
    request: dict[str, JsonValue] = {"focus": [hero.focus.x, hero.focus.y]}
    if picture is None:
        request["own"] = own_digest
    else:
        request |= {"prompt": picture.prompt, "seed": picture.seed, **_settings_to_json(picture)}
        if picture.reference is not None:
            request["reference"] = _reference_to_json(picture.reference)
    return short_key(digest_of(canonical_json(request)))


def write_manifest(manifest: Manifest) -> bytes:
    """Return the content of the manifest's file, with a line for each hero. Equal heroes give equal bytes."""
    defaults = manifest.defaults
    reference = manifest.defaults.picture.reference
    value: dict[str, JsonValue] = {
        "version": _VERSION,
        "defaults": {
            **_settings_to_json(defaults.picture),
            "prompt_template": defaults.prompt_template,
            "layout": defaults.layout,
            **({"look": _reference_to_json(reference)} if reference is not None else {}),
            **(
                {}
                if defaults.rules.is_unlimited
                else {"rules": {**asdict(defaults.rules), "styles": [*defaults.rules.styles]}}
            ),
            **({"strength": defaults.strength} if defaults.strength != "mid" else {}),
        },
        **asdict(manifest.markup),
    }
    lines = [f"{_dump(name)}: {_dump(value[name])}" for name in value]
    heroes = (f"{_dump(page)}: {_dump(_hero_to_json(manifest.heroes[page]))}" for page in sorted(manifest.heroes))
    lines.append('"heroes": {\n' + ",\n".join(heroes) + "\n}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest in the content of a file; BrokenEntry if there is none."""
    try:
        value = json.loads(data)
        _check_version(value["version"])
        defaults = value["defaults"]
        return Manifest(
            defaults=HeroDefaults(
                PictureSpec(
                    "",
                    style=str(defaults["style"]),
                    width_px=int(defaults["width"]),
                    height_px=int(defaults["height"]),
                    negative_prompt=str(defaults["negative_prompt"]),
                    reference=Reference(*defaults["look"]) if "look" in defaults else None,
                ),
                prompt_template=str(defaults["prompt_template"]),
                layout=defaults["layout"],
                strength=defaults.get("strength", "mid"),
                rules=_rules_from_json({"styles": defaults.get("styles", STYLES), **defaults.get("rules", {})}),
            ),
            markup=MarkupOptions(**{item.name: value.get(item.name, item.default) for item in fields(MarkupOptions)}),
            heroes={str(page): _hero_from_json(hero) for page, hero in value["heroes"].items()},
        )
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise BrokenEntry("it is damaged") from error


def _rules_from_json(value: Mapping[str, Any]) -> PictureRules:
    """Return the rules in a manifest; one of an earlier version has the styles alone."""
    limits = {name: int(value[name]) for name in ("prompt_max", "negative_prompt_max", "seed_max") if name in value}
    return PictureRules(str(value.get("model", "")), tuple(map(str, value["styles"])), **limits)


def _dump(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _check_version(version: object) -> None:
    if version != _VERSION:
        raise BrokenEntry("it comes from another version of mkdocs-leonardo")


def _settings_to_json(picture: PictureSpec) -> dict[str, JsonValue]:
    """Return the settings of a picture for which a site may have defaults."""
    return {
        "style": picture.style,
        "width": picture.width_px,
        "height": picture.height_px,
        "negative_prompt": picture.negative_prompt,
    }


def _reference_to_json(reference: Reference) -> list[JsonValue]:
    return [reference.digest, reference.strength]


def _hero_to_json(hero: ShownHero) -> dict[str, JsonValue]:
    asset, rendering = hero.asset, hero.asset.rendering
    return {
        "asked": hero.request_digest,
        "focus": [hero.focus.x, hero.focus.y],
        "key": short_key(asset.key),
        "provider": asset.provider,
        "source": asset.source.value,
        # The name is that of earlier manifests, for the blur-up image.
        "placeholder": rendering.blur_up,
        "dominant": rendering.dominant,
        "scrim": list(astuple(rendering.scrim)),
        "size": [rendering.width_px, rendering.height_px],
        "source_type": rendering.source_type,
        "files": [
            [variant.role, variant.format, variant.width_px, variant.height_px, variant.name]
            for variant in rendering.variants
        ],
    }


def _hero_from_json(value: Any) -> ShownHero:  # noqa: ANN401 - anything may be in the file
    width, height = value["size"]
    x, y = value["focus"]
    rendering = Rendering(
        variants=tuple(_variant_from_json(file) for file in value["files"]),
        blur_up=str(value["placeholder"]),
        dominant=str(value["dominant"]),
        scrim=Scrim(*map(int, value["scrim"])),
        width_px=int(width),
        height_px=int(height),
        source_type=str(value.get("source_type", "")),
    )
    if not any(variant.role == "hero" for variant in rendering.variants):
        raise BrokenEntry("it is damaged")
    asset = HeroAsset(
        key=str(value["key"]),
        provider=str(value["provider"]),
        model="",
        source=Source(value["source"]),
        rendering=rendering,
    )
    return ShownHero(str(value["asked"]), FocalPoint(float(x), float(y)), asset)


def _variant_from_json(value: Any) -> Variant:  # noqa: ANN401 - anything may be in the file
    role, kind, width, height, name = value
    if not _PLAIN_NAME.fullmatch(name) or role not in ROLES or kind not in FORMATS:
        raise BrokenEntry("it is damaged")
    return Variant(role, kind, int(width), int(height), name, folder=_HERE, file=name, digest="", size_bytes=0)
