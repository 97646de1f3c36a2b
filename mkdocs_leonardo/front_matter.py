"""Reads a page's metadata into a `HeroSpec` and a list of problems. Pure: opens no file, logs nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TypeGuard, TypeVar, get_args

from mkdocs_leonardo.author_text import (
    MUST_BE_TEXT,
    describe_key,
    describe_unknown_name,
    describe_value,
    did_you_mean,
    fill_in,
    find_nearest,
    find_page_values,
    find_style,
    has_ink,
    make_legible,
)
from mkdocs_leonardo.errors import InputError
from mkdocs_leonardo.picture_rules import ANY_PICTURE, MAX_PROMPT_CHARACTERS, MAX_SEED, PictureRules
from mkdocs_leonardo.spec import CENTER, FocalPoint, HeroSpec, Layout, PictureSpec, Strength

KEYS = (
    "hero_prompt",
    "hero_style",
    "hero_negative_prompt",
    "hero_seed",
    "hero_alt",
    "hero_tagline",
    "hero_focus",
    "hero_layout",
    "hero_image",
    "hero_reference",
)
#: The keys of which a page with a hero has one.
DECIDING_KEYS = ("hero_prompt", "hero_image")
#: The plugin's keys by their spelling without underscores, in which a misspelt key is looked up.
_BARE = {key.replace("_", ""): key for key in KEYS}
#: Endings that authors write for the right ones.
_MEANT = {"title": "tagline", "subtitle": "tagline", "picture": "image", "photo": "image", "position": "focus"}
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

#: A tagline is one line; a longer text is a mistake in the file.
MAX_TAGLINE_CHARACTERS = 300
MAX_ALT_CHARACTERS = 1000

_FOCAL_POINTS = {
    "left": FocalPoint(0.0, 0.5),
    "right": FocalPoint(1.0, 0.5),
    "top": FocalPoint(0.5, 0.0),
    "bottom": FocalPoint(0.5, 1.0),
    "center": CENTER,
}
_PERCENTAGES = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)%\s+([0-9]{1,3}(?:\.[0-9]+)?)%")
_DIGITS = re.compile(r"\s*[0-9]{1,20}\s*")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
#: A macro that was not rendered. `{{word}}`, without spaces, is a brace that is written twice, and no macro.
_MACRO = re.compile(
    r"""\{\{ -? \s+ (?!and\b|or\b) [A-Za-z_]\w* \s* (?: [-.|(\[~+*/%<>=!] .* )? \}\}
      | \{\{ -? [A-Za-z_]\w* \s* [.|(\[] [^{}]* \}\}
      | \{% .* %\}""",
    re.DOTALL | re.VERBOSE,
)
_MACRO_FIX = "no plugin has rendered this macro; write the words themselves, or define the variable in it"
#: Single words that authors mean as a switch, and not as a prompt.
_SWITCH_WORDS = frozenset({"true", "yes", "on", "no", "off", "none", "null", "~"})
#: The longest name of a file or folder on the usual file systems.
_MAX_NAME_BYTES = 255


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HeroDefaults:
    """The site's defaults for pages. `picture` is a page's picture without prompt and seed."""

    picture: PictureSpec = field(default_factory=lambda: PictureSpec(""))
    prompt_template: str = "{prompt}"
    layout: Layout = "content"
    strength: Strength = "mid"
    rules: PictureRules = ANY_PICTURE


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """One page's hero and problems. With any wrong value, `hero` is None, so that no misunderstanding costs money.

    `image` is the path of the author's own picture, relative to the documentation folder. `reference` has the possible
    paths of the page's reference: beside the page, and in each folder above, since a folder's metadata may name the
    reference. The caller opens these files.
    """

    hero: HeroSpec | None
    problems: tuple[InputError, ...] = ()
    image: PurePosixPath | None = None
    reference: tuple[PurePosixPath, ...] = ()


def read(
    meta: Mapping[str, object], *, page: str, title: str, site_name: str = "", defaults: HeroDefaults
) -> FrontMatter:
    """Read the page's hero and every problem in its ``hero_*`` lines. `page` is the source path, for messages.

    `title` and `site_name` are values for prompts, besides those of `meta`.
    """
    if not mentions_hero(meta):
        return FrontMatter(None)
    return _Reader(meta, page, title, site_name, defaults).read()


def decides_hero(meta: Mapping[str, object]) -> bool:
    """Return whether a page, or its folder, has one of the keys that decide on a hero: with or without one."""
    return any(key in meta for key in DECIDING_KEYS)


def mentions_hero(meta: Mapping[str, object]) -> bool:
    """Return whether a key may be one of the plugin's, in any spelling."""
    return any(isinstance(key, str) and "hero" in key.lower() for key in meta)


def resolve_path(page: PurePosixPath, path: str) -> PurePosixPath | None:
    """Resolve `path` relative to `page`; None for a path out of the documentation folder."""
    parts: list[str] = []
    for part in (page.parent / path).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return PurePosixPath(*parts)


class _Refused(Exception):
    """A wrong value. The message is the fix; `legible_value` replaces the value in messages, where it is given."""

    def __init__(self, fix: str, legible_value: str | None = None) -> None:
        super().__init__(fix)
        self.legible_value = legible_value


@dataclass(frozen=True, slots=True)
class _Reader:
    """The reader of one page's keys, with the problems that it found."""

    meta: Mapping[str, object]
    page: str
    title: str
    site_name: str
    defaults: HeroDefaults
    problems: list[InputError] = field(default_factory=list)

    def read(self) -> FrontMatter:
        unknown = self._find_unknown_keys()
        if _is_opt_out(self.meta.get("hero_prompt")):
            return FrontMatter(None, unknown)
        site = self.defaults.picture
        prompt = self._convert_key("hero_prompt", self._convert_prompt, None)
        image = self._convert_key("hero_image", partial(self._convert_path, "the image"), None)
        reference: tuple[PurePosixPath, ...] = self._convert_key("hero_reference", self._convert_references, ())
        style = self._convert_key("hero_style", self._convert_style, site.style)
        negative = self._convert_key(
            "hero_negative_prompt", self._convert_negative_prompt, make_legible(site.negative_prompt)
        )
        seed = self._convert_key("hero_seed", self._convert_seed, None)
        alt = self._convert_key("hero_alt", partial(_convert_text, MAX_ALT_CHARACTERS), "")
        tagline = self._convert_key("hero_tagline", partial(_convert_text, MAX_TAGLINE_CHARACTERS), "")
        focus = self._convert_key("hero_focus", _convert_focus, CENTER)
        layout = self._convert_key("hero_layout", _convert_layout, self.defaults.layout)
        problems = (*self.problems, *unknown)
        if self.problems or (prompt is None and image is None):
            return FrontMatter(None, problems)
        picture = None
        if image is None and prompt is not None:
            picture = replace(site, prompt=prompt, style=style, negative_prompt=negative, seed=seed)
        hero = HeroSpec(page=self.page, picture=picture, alt=alt, tagline=tagline, focus=focus, layout=layout)
        return FrontMatter(hero, problems, image, reference if picture is not None else ())

    def _convert_key(self, key: str, convert: Callable[[object], T], default: T) -> T:
        """Return the converted value of `key`, or `default` without a right one; a wrong value is a problem."""
        if key in self.meta:
            try:
                return convert(self.meta[key])
            except _Refused as refused:
                value = describe_value(self.meta[key] if refused.legible_value is None else refused.legible_value)
                self.problems.append(InputError(self.page, key, f"is {value}; {refused}"))
        return default

    def _find_unknown_keys(self) -> tuple[InputError, ...]:
        endings = tuple(key.removeprefix("hero_") for key in KEYS)
        problems = []
        for key in self.meta:
            if not _is_ours(key) or key in KEYS:
                continue
            # Names are compared without the common prefix, which would make all names similar.
            word = key[len("hero_") :].strip().lower()
            nearest = _MEANT.get(word) or find_nearest(word, endings)
            fix = did_you_mean("", KEYS) if nearest is None else f"did you mean hero_{nearest}?"
            problems.append(InputError(self.page, describe_key(key), f"is not a known key; {fix}"))
        return (*problems, *self._find_misspelt_keys())

    def _find_misspelt_keys(self) -> list[InputError]:
        """List keys without the underscore, such as `heroPrompt`. `heroImage` alone may be a theme's own."""
        misspelt = {key: _BARE.get(_strip_key(key)) for key in self.meta if isinstance(key, str) and not _is_ours(key)}
        wants_hero = "hero_prompt" in misspelt.values() or any(_is_ours(key) for key in self.meta)
        problems = [
            InputError(self.page, describe_key(key), f"is not a known key; did you mean {meant}?")
            for key, meant in misspelt.items()
            if meant is not None and wants_hero
        ]
        group = self.meta.get("hero")
        if isinstance(group, Mapping):
            inside = {_BARE.get(f"hero{_strip_key(key)}"): key for key in group if isinstance(key, str)}
            if "hero_prompt" in inside:
                fix = "write hero_prompt: … on a line of its own, not below hero"
                problems.append(
                    InputError(self.page, f"hero: {describe_key(inside['hero_prompt'])}", f"is not read; {fix}")
                )
        return problems

    def _convert_prompt(self, value: object) -> str:
        if value is not None and not isinstance(value, str):
            raise _Refused("describe the image in words (put quotes around them), or write false for no hero")
        prompt = make_legible(value or "")
        if not has_ink(prompt) or prompt.lower() in _SWITCH_WORDS:
            raise _Refused("describe the image in a few words, or write false for no hero")
        fix = _MACRO_FIX if _MACRO.search(prompt) else describe_unknown_name(prompt)
        if fix:
            raise _Refused(fix)
        return self._fill_prompt(prompt)

    def _fill_prompt(self, prompt: str) -> str:
        """Return the prompt inside the site's template, with the page's values filled in."""
        values = find_page_values(self.meta, title=self.title, site_name=self.site_name)
        filled = make_legible(fill_in(prompt, values))
        if not has_ink(filled):
            raise _Refused("the page has no values for its names; add them to the front matter, or add words")
        full = make_legible(fill_in(self.defaults.prompt_template, {**values, "prompt": filled}))
        max_characters = self.defaults.rules.prompt_max
        _check_length(filled, max_characters, "" if filled == prompt else " once it is filled in")
        _check_length(full, max_characters, " with the site's prompt_template")
        return full

    def _convert_negative_prompt(self, value: object) -> str:
        """Return the site's negative prompt joined with the page's."""
        text = _convert_text(MAX_PROMPT_CHARACTERS, value)
        both = ", ".join(filter(None, (make_legible(self.defaults.picture.negative_prompt), text)))
        rules = self.defaults.rules
        if text and not rules.negative_prompt_max:
            raise _Refused(f"{rules.model} takes none; say in hero_prompt what the image shows instead")
        if text:
            _check_length(both, rules.negative_prompt_max, " with the site's negative_prompt" if both != text else "")
        return both

    def _convert_style(self, value: object) -> str:
        rules = self.defaults.rules
        text = value if isinstance(value, str) else ""
        style = find_style(text, rules.styles)
        if style is None and find_style(text) is not None:
            raise _Refused(f"{rules.model} does not have it; {did_you_mean('', rules.styles)}")
        if style is None:
            raise _Refused(did_you_mean(text, rules.styles))
        return style

    def _convert_seed(self, value: object) -> int:
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            # Metadata without the --- lines holds texts only.
            value = int(value)
        rules = self.defaults.rules
        if not _is_whole(value) or not 0 <= value <= rules.seed_max:
            reason = f", as {rules.model} takes no other" if rules.seed_max < MAX_SEED else ""
            raise _Refused(f"it must be a whole number from 0 to {rules.seed_max}{reason}")
        return value

    def _convert_references(self, value: object) -> tuple[PurePosixPath, ...]:
        """List the possible paths of the page's reference: beside the page, or in a folder above the page."""
        beside = self._convert_path("the reference", value)
        below = PurePosixPath(str(value).strip())
        folders = PurePosixPath(self.page).parents
        return (beside,) if ".." in below.parts else tuple(folder / below for folder in folders)

    def _convert_path(self, subject: str, value: object) -> PurePosixPath:
        """Return the path that the value names, relative to the documentation folder."""
        text = value.strip() if isinstance(value, str) else ""
        if _ADDRESS.match(text):
            # The address may be signed, or hold a password: the log shows its plain part only.
            plain = re.sub(r"[?#].*|(?<=//)[^/]*@", "…", text, flags=re.DOTALL)
            fix = f"copy {subject} into the documentation folder and write its path, such as images/harbour.jpg"
            raise _Refused(fix, legible_value=plain)
        _check_path(text)
        path = resolve_path(PurePosixPath(self.page), text)
        if path is None:
            raise _Refused("it must stay inside the documentation folder")
        return path


def _convert_text(max_characters: int, value: object) -> str:
    """Return the text of at most `max_characters` characters."""
    if not isinstance(value, str):
        raise _Refused("write some text, or remove the line" if value is None else MUST_BE_TEXT)
    text = make_legible(value)
    _check_length(text, max_characters)
    return text


def _check_length(text: str, max_characters: int, addition: str = "") -> None:
    if len(text) > max_characters:
        raise _Refused(f"it has {len(text):,} characters{addition}, and at most {max_characters:,} are allowed")


def _convert_focus(value: object) -> FocalPoint:
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in _FOCAL_POINTS:
        return _FOCAL_POINTS[text]
    match = _PERCENTAGES.fullmatch(text)
    if match:
        x, y = (float(part) / 100 for part in match.groups())
        if x <= 1 and y <= 1:
            # Names of files hold whole percents, so two crops of an image never share a name.
            return FocalPoint(round(x * 100) / 100, round(y * 100) / 100)
    raise _Refused('it may be left, right, top, bottom, center or two percentages such as "30% 60%"')


def _convert_layout(value: object) -> Layout:
    for layout in LAYOUTS:
        if isinstance(value, str) and value.strip().lower() == layout:
            return layout
    raise _Refused(did_you_mean(value if isinstance(value, str) else "", LAYOUTS))


def _is_ours(key: object) -> TypeGuard[str]:
    # YAML takes numbers and dates for keys as well.
    return isinstance(key, str) and key.lower().startswith("hero_")


def _strip_key(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_opt_out(value: object) -> bool:
    """Return whether the prompt is `false`, also as text, as in metadata without the --- lines."""
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def _check_path(text: str) -> None:
    """Refuse a path that cannot name a file beside the page."""
    if not text or text.startswith(("/", "\\")):
        raise _Refused(
            "it must be an image's path relative to the page, such as images/harbour.jpg or ../images/harbour.jpg"
        )
    if "\\" in text:
        raise _Refused("write / between the folders, as in images/harbour.jpg")
    if text.rsplit("/", 1)[-1] in {"", ".", ".."}:
        raise _Refused("it names a folder; add the image's name, as in images/harbour.jpg")
    if any(character == ":" or unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        # On Windows "./C:/x" joined to a folder is C:/x.
        raise _Refused("leave out the colon or invisible character, which not every system can have in a path")
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in text.split("/")):
        raise _Refused(f"it holds a name of more than {_MAX_NAME_BYTES} bytes, longer than any file's")
