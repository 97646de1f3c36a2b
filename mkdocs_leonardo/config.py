"""The plugin's options as MkDocs reads them. Each provider declares the options below its own name."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, get_args

from mkdocs.config import Config
from mkdocs.config.base import BaseConfigOption, ConfigErrors, ConfigWarnings, ValidationError

from mkdocs_leonardo.author_text import TEMPLATE_NAMES, describe_value, did_you_mean, find_style
from mkdocs_leonardo.converters import (
    CompleteValueError,
    Converter,
    convert_value,
    list_of,
    one_of,
    optional,
    plain_text,
    schema_of,
    switch,
    unknown_option,
    usd_amount,
    visible_text,
    whole_number,
)
from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.front_matter import LAYOUTS, HeroDefaults
from mkdocs_leonardo.picture_rules import (
    MAX_HEIGHT_PX,
    MAX_PROMPT_CHARACTERS,
    MAX_WIDTH_PX,
    MIN_SIDE_PX,
    SIDE_STEP_PX,
    STYLES,
    PictureRules,
)
from mkdocs_leonardo.providers import BUILT_IN, named_key_variable
from mkdocs_leonardo.providers.declaration import (
    Declaration,
    built_in_styles,
    declaration_of,
    explain_errors,
    is_declared,
    options_from,
)
from mkdocs_leonardo.spec import (
    FORMATS,
    PAINTER,
    Encoding,
    JsonValue,
    Layout,
    MarkupOptions,
    OnMissing,
    Origin,
    PictureSpec,
    Strength,
)
from mkdocs_leonardo.team.address import StoreAddress

MAX_CONCURRENCY = 200
DEFAULT_CACHE = ".cache/plugin/leonardo"

#: The defaults of pages, files and HTML, which some options have as well.
_PAGES, _ENCODING, _MARKUP = HeroDefaults(), Encoding(), MarkupOptions()

T = TypeVar("T")


class Checked(BaseConfigOption[T], Generic[T]):
    """An option with a converter. The converter refuses a value by a TypeError or ValueError, which gives the fix."""

    def __init__(self, convert: Callable[[object], T], default: T) -> None:
        super().__init__()
        self.default = default
        self._convert = convert

    @property
    def schema(self) -> Mapping[str, JsonValue]:
        """The JSON schema of the values that an author may write; any text if the converter has no schema."""
        return schema_of(self._convert)

    def run_validation(self, value: object) -> T:
        """Return the converted value; MkDocs's ValidationError, which names value and fix, for a refused one."""
        try:
            return convert_value(self._convert, value)
        except CompleteValueError as error:
            raise ValidationError(str(error)) from None


def _convert_credit(value: object) -> bool | str:
    """Convert a switch, or the site's own words for the line."""
    if isinstance(value, str) and "{creator}" in value:
        return plain_text(value)
    try:
        return switch(value)
    except ValueError:
        raise ValueError("it must be true, false, or the line in your words, with {creator} in it") from None


_credit = Converter(_convert_credit, {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "\\{creator\\}"}]})


def _convert_negative_prompt(value: object) -> str | None:
    if value is None or value == "":
        return None
    text = plain_text(value)
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise ValueError(f"it has {len(text):,} characters, and services take at most {MAX_PROMPT_CHARACTERS:,}")
    return text


def _convert_style(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(did_you_mean("", STYLES))  # noqa: TRY004 - a wrong value, whatever its type
    return value


#: Whether a provider knows the style is checked once the providers' declarations are read.
_style = Converter(_convert_style, {"enum": [*built_in_styles()]})


def _convert_template(value: object) -> str:
    text = plain_text(value)
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        raise ValueError("it has a stray brace; write {{ or }} for a brace in the text") from None
    fields = [field for _, field, _, _ in parts if field is not None]
    for _, field, form, conversion in parts:
        if field is not None and (field not in TEMPLATE_NAMES or form or conversion):
            raise ValueError(
                f"{{{field}}} cannot be filled in; only {', '.join(f'{{{name}}}' for name in TEMPLATE_NAMES[:-1])} and "
                f"{{{TEMPLATE_NAMES[-1]}}}, in exactly this spelling, can"
            )
    if "prompt" not in fields:
        raise ValueError("it leaves the page's own words out; it must contain {prompt}")
    if len(text) >= MAX_PROMPT_CHARACTERS:
        raise ValueError(
            f"it has {len(text):,} characters, and with a page's own words services take at most "
            f"{MAX_PROMPT_CHARACTERS:,}"
        )
    return text


def _convert_store_address(value: object) -> StoreAddress:
    """Convert the address of a team's store. Messages do not repeat the address, since it may hold credentials."""
    try:
        return StoreAddress.parse(plain_text(value).strip())
    except ValueError as error:
        raise ValidationError(str(error)) from None


_WIDTH_WHY = ", as pages show images no narrower and no wider"


class LeonardoConfig(Config):
    """The options of the plugin `leonardo`. An unknown name is an error, since a misspelt cap would cap nothing."""

    enabled = Checked(switch, default=True)
    """Turns the plugin on or off, for example with `!ENV`."""
    providers: Checked[tuple[str, ...]] = Checked(
        list_of(visible_text, such_as="[leonardo, openai]; for the local painter alone, write generate: false"),
        ("leonardo", "openai"),
    )
    """The providers to ask, in this order. The local painter always comes last."""
    style = Checked(_style, _PAGES.picture.style)
    """The style of pages without `hero_style`."""
    width = Checked(whole_number(MIN_SIDE_PX, MAX_WIDTH_PX, step=SIDE_STEP_PX), _PAGES.picture.width_px)
    """Width of the generated image in pixels, up to the model's limit."""
    height = Checked(whole_number(MIN_SIDE_PX, MAX_HEIGHT_PX, step=SIDE_STEP_PX), _PAGES.picture.height_px)
    """Height of the generated image in pixels, up to the model's limit."""
    prompt_template = Checked(_convert_template, _PAGES.prompt_template)
    """Text around every `{prompt}`; `{title}` and the other names of prompts work, too."""
    negative_prompt = Checked(_convert_negative_prompt, None)
    """What to leave out of every image; a page's own words are added."""
    style_reference = Checked(optional(visible_text), None)
    """An image whose look all images of the site take over; relative to the configuration file or to `docs_dir`."""
    style_strength: Checked[Strength] = Checked(one_of(get_args(Strength)), _PAGES.strength)
    """How strongly a reference changes the look: `low`, `mid` or `high`."""
    generate = Checked(switch, default=True)
    """`false`: never call a provider; images that are not stored are missing."""
    max_new_images = Checked(whole_number(0, why=" (0 allows none)"), 25)
    """Cap on paid submissions in one build, fallbacks and retries included; 0 allows none."""
    max_cost_usd = Checked(optional(usd_amount), None)
    """Cap on the estimated cost of one build in US dollars, checked before every submission."""
    concurrency = Checked(whole_number(1, MAX_CONCURRENCY, why=", as services queue what goes beyond"), 10)
    """Number of images generated at the same time."""
    on_missing = Checked(one_of(get_args(OnMissing)), "warn")
    """A page falls back to a placeholder: `warn` (a warning after a failure), `error` (the build stops) or `ignore`."""
    on_serve = Checked(one_of(get_args(Origin)), "cached")
    """A missing image in `mkdocs serve`: `cached` (nothing is spent) or `generate` (made in the background)."""
    layout: Checked[Layout] = Checked(one_of(LAYOUTS), _PAGES.layout)
    """How pages show their hero: `content`, `full`, `stacked`, `split`, `auto` or `none`."""
    cards = Checked(switch, default=_MARKUP.cards)
    """Cover images on blog index, archive, category and author views."""
    social = Checked(switch, default=_MARKUP.social)
    """`og:image` and Twitter card for pages that have none."""
    credit: Checked[bool | str] = Checked(_credit, default=_MARKUP.credit)
    """A visible line that names the AI; a text with `{creator}` is your own line."""
    formats = Checked(list_of(one_of(FORMATS), such_as="[avif, webp, jpeg]"), _ENCODING.formats)
    """Formats of the files, best first. The default writes JPEG in at most three widths, your own list in all."""
    widths = Checked(list_of(whole_number(64, 4096, why=_WIDTH_WHY), such_as="[480, 960, 1536]"), _ENCODING.widths)
    """Widths of the files in pixels; widths beyond `width` only if the image has them."""
    cache_dir = Checked(visible_text, DEFAULT_CACHE)
    """Folder of images, encoded files, journal and report, beside the configuration. Zensical: `.leonardo/cache`."""
    gallery_dir = Checked(visible_text, "heroes")
    """Folder of committed images; relative to the configuration file, outside `docs_dir`."""
    shared_store = Checked(optional(_convert_store_address), None)
    """Address of a team's object store, such as `s3://bucket/prefix`; read-only by default."""
    on_store_failure = Checked(one_of(get_args(Origin)), "cached")
    """A missing image that a failing store may hold: `cached` (it is not paid for) or `generate` (it is paid for)."""
    written: frozenset[str] = frozenset()
    declared: dict[str, Declaration[Any]]
    provider_options: dict[str, Any]
    rules: list[PictureRules]
    notes: list[str]
    #: The styles that listed providers without rules declare.
    unlimited_styles: list[str]

    def load_dict(self, patch: Any) -> None:  # noqa: ANN401 - the host's signature
        """Load as the host does, and note the options that the author writes."""
        super().load_dict(patch)
        self.written |= frozenset(patch or ())

    def validate(self) -> tuple[ConfigErrors, ConfigWarnings]:
        """Validate as the host does; check unknown names, the providers' options, and settings that models ignore."""
        errors, warnings = super().validate()
        names = tuple(name for name, _ in self._schema)
        unknown = [name for name in self if name not in names]
        problems = ((name, self._describe_unknown(str(name), names)) for name in unknown)
        errors += [(name, ValidationError(problem)) for name, problem in problems if problem]
        section_errors = [*self._read_sections()]
        errors += section_errors or self._find_style()
        return errors or [*self._find_problems()], [(name, text) for name, text in warnings if name not in unknown]

    def _read_sections(self) -> Iterator[tuple[str, Exception]]:
        """Read the options of each provider that has a section, is in the list, or comes with the plugin."""
        providers = self.get("providers")
        options = {name for name, _ in self._schema}
        names = [
            *BUILT_IN,
            *(providers if isinstance(providers, tuple) else ()),
            *(str(name) for name in self if name not in options),
        ]
        self.declared, self.provider_options = {}, {}
        for name in dict.fromkeys(names):
            if name == PAINTER or not is_declared(name):
                continue
            try:
                declaration = declaration_of(name)
                variable = declaration.variable_for(name)
                with explain_errors(name, but=ValueError):
                    self.provider_options[name] = options_from(declaration.options, self.get(name), variable)
            except (HeroError, ValueError) as error:
                yield name, ValidationError(str(error))
            else:
                self.declared[name] = declaration

    @property
    def own_styles(self) -> tuple[str, ...]:
        """The styles that the listed providers declare."""
        providers = self.get("providers")
        listed = [self.declared.get(name) for name in providers] if isinstance(providers, tuple) else []
        return tuple(style for declaration in listed if declaration for style in declaration.styles)

    def _find_style(self) -> Iterator[tuple[str, Exception]]:
        """Spell `style` as the providers do; yield the message on a style that none of them knows."""
        if not isinstance(self.get("style"), str):
            return
        style = find_style(self.style, (*built_in_styles(), *self.own_styles))
        if style is None:
            message = f"it is {describe_value(self.style)}; {did_you_mean(self.style, STYLES)}"
            yield "style", ValidationError(message)
        else:
            self.style = style

    @property
    def picture(self) -> PictureSpec:
        """The site's settings for every picture."""
        return PictureSpec(
            "",
            style=self.style,
            negative_prompt=self.negative_prompt or "",
            width_px=self.width,
            height_px=self.height,
        )

    def _find_problems(self) -> Iterator[tuple[str, Exception]]:
        """Yield the messages on settings that the models ignore. Asks the providers for `rules` and `notes` as well."""
        picture = self.picture
        self.rules, self.notes, self.unlimited_styles = [], [], []
        for provider in filter(self.declared.__contains__, self.providers):
            declaration, options = self.declared[provider], self.provider_options[provider]
            names = frozenset(map(str, self.get(provider) or ()))
            try:
                with explain_errors(provider):
                    problems = [(str(name), text) for name, text in declaration.problems(options, names, picture)]
                    rules = declaration.rules(options, picture)
                    self.rules.append(rules)
                    self.unlimited_styles += declaration.styles if rules.is_unlimited else ()
                    self.notes += declaration.notes(options)
            except HeroError as error:
                yield provider, ValidationError(str(error))
                continue
            for name, text in problems:
                section, _, option = name.rpartition(".")
                message = f"Sub-option '{option}': {text}" if section else text
                yield section or option, ValidationError(message)
        is_unknown = self.style not in {*STYLES, *self.own_styles}
        if is_unknown and all(rules.is_unlimited for rules in self.rules):
            known_to = " or ".join(item.creator for item in self.declared.values() if self.style in item.styles)
            yield "style", ValidationError(f"it is {self.style}, which only models of {known_to} know")

    def _describe_unknown(self, name: str, options: tuple[str, ...]) -> str:
        """Return the message on an unknown option; "" for a provider's name, whose section has its own check."""
        if is_declared(name):
            return ""
        providers = self.get("providers")
        if name == PAINTER:
            return f"{name!r} has no options; remove the section"
        if isinstance(providers, list | tuple) and name in providers:
            return f"no provider {name!r} is installed; install its package, or remove the section"
        return unknown_option(name, (*options, *BUILT_IN), *map(named_key_variable, BUILT_IN))
