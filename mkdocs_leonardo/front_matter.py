"""Reads a page's metadata into a `HeroSpec` and a list of problems. Pure: opens no file, logs nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TypeGuard, get_args

from mkdocs_leonardo import prompt_fields
from mkdocs_leonardo.author_text import (
    describe_key,
    describe_value,
    did_you_mean,
    find_nearest,
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
_MUST_BE_TEXT = "it must be text; put quotes around it"
#: Single words that authors mean as a switch, and not as a prompt.
_SWITCH_WORDS = frozenset({"true", "yes", "on", "no", "off", "none", "null", "~"})
#: The longest name of a file or folder on the usual file systems.
_MAX_NAME_BYTES = 255


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
    paths of the page's reference: beside the page, and in the folders above, whose metadata may name it. The caller
    opens these files.
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
    if not any(isinstance(key, str) and "hero" in key.lower() for key in meta):
        return FrontMatter(None)
    return _Reader(meta, page, title, site_name, defaults).read()


def resolve_path(page: PurePosixPath, path: str) -> PurePosixPath | None:
    """Resolve `path` relative to `page`; None if it leads out of the documentation folder."""
    parts: list[str] = []
    for part in (page.parent / path).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return PurePosixPath(*parts)


class _Reader:
    """Reads the keys of one page and collects problems."""

    def __init__(
        self, meta: Mapping[str, object], page: str, title: str, site_name: str, defaults: HeroDefaults
    ) -> None:
        self._meta = meta
        self._page = page
        self._title = title
        self._site_name = site_name
        self._defaults = defaults
        self._problems: list[InputError] = []

    def read(self) -> FrontMatter:
        unknown = self._unknown_keys()
        if _is_opt_out(self._meta.get("hero_prompt")):
            return FrontMatter(None, unknown)
        prompt = self._prompt()
        image = self._path("hero_image", "the image")
        reference = self._references()
        style = self._style()
        negative = self._negative_prompt()
        seed = self._seed()
        alt = self._text("hero_alt", MAX_ALT_CHARACTERS)
        tagline = self._text("hero_tagline", MAX_TAGLINE_CHARACTERS)
        focus = self._focus()
        layout = self._layout()
        problems = (*self._problems, *unknown)
        if self._problems or (prompt is None and image is None):
            return FrontMatter(None, problems)
        picture = None
        if image is None and prompt is not None:
            defaults = self._defaults.picture
            picture = replace(defaults, prompt=prompt, style=style, negative_prompt=negative, seed=seed)
        hero = HeroSpec(page=self._page, picture=picture, alt=alt, tagline=tagline, focus=focus, layout=layout)
        return FrontMatter(hero, problems, image, reference if picture is not None else ())

    def _unknown_keys(self) -> tuple[InputError, ...]:
        endings = tuple(key.removeprefix("hero_") for key in KEYS)
        problems = []
        for key in self._meta:
            if not _is_ours(key) or key in KEYS:
                continue
            # Compared without the common prefix, which would make all names similar.
            word = key[len("hero_") :].strip().lower()
            near = _MEANT.get(word) or find_nearest(word, endings)
            fix = did_you_mean("", KEYS) if near is None else f"did you mean hero_{near}?"
            problems.append(InputError(self._page, describe_key(key), f"is not a known key; {fix}"))
        return (*problems, *self._misspelt_keys())

    def _misspelt_keys(self) -> list[InputError]:
        """List keys without the underscore, such as `heroPrompt`. `heroImage` alone may be a theme's own."""
        misspelt = {key: _BARE.get(_strip_key(key)) for key in self._meta if isinstance(key, str) and not _is_ours(key)}
        wants_hero = "hero_prompt" in misspelt.values() or any(_is_ours(key) for key in self._meta)
        problems = [
            InputError(self._page, describe_key(key), f"is not a known key; did you mean {meant}?")
            for key, meant in misspelt.items()
            if meant is not None and wants_hero
        ]
        group = self._meta.get("hero")
        if isinstance(group, Mapping):
            inside = {_BARE.get(f"hero{_strip_key(key)}"): key for key in group if isinstance(key, str)}
            if "hero_prompt" in inside:
                fix = "write hero_prompt: … on a line of its own, not below hero"
                problems.append(
                    InputError(self._page, f"hero: {describe_key(inside['hero_prompt'])}", f"is not read; {fix}")
                )
        return problems

    def _wrong(self, key: str, fix: str) -> None:
        self._problems.append(InputError(self._page, key, f"is {describe_value(self._meta[key])}; {fix}"))

    def _prompt(self) -> str | None:
        key = "hero_prompt"
        if key not in self._meta:
            return None
        value = self._meta[key]
        if value is not None and not isinstance(value, str):
            self._wrong(key, "describe the image in words (put quotes around them), or write false for no hero")
            return None
        prompt = make_legible(value or "")
        if not has_ink(prompt) or prompt.lower() in _SWITCH_WORDS:
            self._wrong(key, "describe the image in a few words, or write false for no hero")
            return None
        fix = _MACRO_FIX if _MACRO.search(prompt) else prompt_fields.fill_problem(prompt)
        if fix:
            self._wrong(key, fix)
            return None
        return self._fill_prompt(key, prompt)

    def _fill_prompt(self, key: str, prompt: str) -> str | None:
        """Return the prompt inside the site's template, with the page's values filled in."""
        values = prompt_fields.page_values(self._meta, title=self._title, site_name=self._site_name)
        own = make_legible(prompt_fields.fill(prompt, values))
        if not has_ink(own):
            self._wrong(key, "the page has no values for its names; add them to the front matter, or add words")
            return None
        full = make_legible(prompt_fields.fill(self._defaults.prompt_template, {**values, "prompt": own}))
        addition = "" if own == prompt else " once it is filled in"
        most = self._defaults.rules.prompt_max
        fits = self._fits(key, own, addition, most) and self._fits(key, full, " with the site's prompt_template", most)
        return full if fits else None

    def _negative_prompt(self) -> str:
        """Return the site's negative prompt joined with the page's."""
        key = "hero_negative_prompt"
        own = self._text(key, MAX_PROMPT_CHARACTERS)
        both = ", ".join(filter(None, (make_legible(self._defaults.picture.negative_prompt), own)))
        rules = self._defaults.rules
        if own and not rules.negative_prompt_max:
            self._wrong(key, f"{rules.model} takes none; say in hero_prompt what the image shows instead")
        elif own:
            addition = " with the site's negative_prompt" if both != own else ""
            self._fits(key, both, addition, rules.negative_prompt_max)
        return both

    def _fits(self, key: str, text: str, addition: str, most: int) -> bool:
        if len(text) > most:
            self._wrong(key, f"it has {len(text):,} characters{addition}, and at most {most:,} are allowed")
        return len(text) <= most

    def _style(self) -> str:
        if "hero_style" not in self._meta:
            return self._defaults.picture.style
        value, rules = self._meta["hero_style"], self._defaults.rules
        style = find_style(value, rules.styles) if isinstance(value, str) else None
        if style is None:
            elsewhere = isinstance(value, str) and find_style(value) is not None
            lead = f"{rules.model} does not have it; " if elsewhere else ""
            self._wrong(
                "hero_style", lead + did_you_mean(value if isinstance(value, str) and not lead else "", rules.styles)
            )
            return self._defaults.picture.style
        return style

    def _seed(self) -> int | None:
        if "hero_seed" not in self._meta:
            return None
        value = self._meta["hero_seed"]
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            # Metadata without the --- lines holds texts only.
            value = int(value)
        rules = self._defaults.rules
        if not _is_whole(value) or not 0 <= value <= rules.seed_max:
            why = f", as {rules.model} takes no other" if rules.seed_max < MAX_SEED else ""
            self._wrong("hero_seed", f"it must be a whole number from 0 to {rules.seed_max}{why}")
            return None
        return value

    def _text(self, key: str, most: int) -> str:
        if key not in self._meta:
            return ""
        value = self._meta[key]
        if not isinstance(value, str):
            self._wrong(key, "write some text, or remove the line" if value is None else _MUST_BE_TEXT)
            return ""
        text = make_legible(value)
        return text if self._fits(key, text, "", most) else ""

    def _focus(self) -> FocalPoint:
        if "hero_focus" not in self._meta:
            return CENTER
        value = self._meta["hero_focus"]
        text = value.strip().lower() if isinstance(value, str) else ""
        if text in _FOCAL_POINTS:
            return _FOCAL_POINTS[text]
        match = _PERCENTAGES.fullmatch(text)
        if match:
            x, y = (float(part) / 100 for part in match.groups())
            if x <= 1 and y <= 1:
                return FocalPoint(x, y)
        self._wrong("hero_focus", 'it may be left, right, top, bottom, center or two percentages such as "30% 60%"')
        return CENTER

    def _layout(self) -> Layout:
        if "hero_layout" not in self._meta:
            return self._defaults.layout
        value = self._meta["hero_layout"]
        for layout in LAYOUTS:
            if isinstance(value, str) and value.strip().lower() == layout:
                return layout
        self._wrong("hero_layout", did_you_mean(value if isinstance(value, str) else "", LAYOUTS))
        return self._defaults.layout

    def _references(self) -> tuple[PurePosixPath, ...]:
        """List the possible paths of the page's reference: beside the page, or in a folder above it."""
        key = "hero_reference"
        beside = self._path(key, "the reference")
        if beside is None:
            return ()
        below = PurePosixPath(str(self._meta[key]).strip())
        return (beside,) if ".." in below.parts else tuple(each / below for each in PurePosixPath(self._page).parents)

    def _path(self, key: str, what: str) -> PurePosixPath | None:
        """Return the path that `key` names, relative to the documentation folder."""
        if key not in self._meta:
            return None
        value = self._meta[key]
        text = value.strip() if isinstance(value, str) else ""
        if _ADDRESS.match(text):
            # The address may be signed, or hold a password: the log shows its plain part only.
            plain = re.sub(r"[?#].*|(?<=//)[^/]*@", "…", text, flags=re.DOTALL)
            fix = f"copy {what} into the documentation folder and write its path, such as images/harbour.jpg"
            self._problems.append(InputError(self._page, key, f"is {describe_value(plain)}; {fix}"))
            return None
        fix = _path_fix(text)
        if fix:
            self._wrong(key, fix)
            return None
        path = resolve_path(PurePosixPath(self._page), text)
        if path is None:
            self._wrong(key, "it must stay inside the documentation folder")
        return path


def _is_ours(key: object) -> TypeGuard[str]:
    # YAML takes numbers and dates for keys as well.
    return isinstance(key, str) and key.lower().startswith("hero_")


def _strip_key(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_opt_out(value: object) -> bool:
    """Whether the prompt is `false`, also as text, as in metadata without the --- lines."""
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def _path_fix(text: str) -> str:
    """Return the fix for a path that cannot name a file beside the page; "" if it can."""
    if not text or text.startswith(("/", "\\")):
        return "it must be an image's path relative to the page, such as images/harbour.jpg or ../images/harbour.jpg"
    if "\\" in text:
        return "write / between the folders, as in images/harbour.jpg"
    if text.rsplit("/", 1)[-1] in {"", ".", ".."}:
        return "it names a folder; add the image's name, as in images/harbour.jpg"
    if any(character == ":" or unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        # On Windows "./C:/x" joined to a folder is C:/x.
        return "leave out the colon or invisible character, which not every system can have in a path"
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in text.split("/")):
        return f"it holds a name of more than {_MAX_NAME_BYTES} bytes, longer than any file's"
    return ""
