"""The plugin's options as MkDocs reads them, and the frozen `Settings` that the rest of the package sees."""

from __future__ import annotations

import math
import os
import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args
from urllib.parse import urlsplit

from mkdocs.config import Config
from mkdocs.config import config_options as c
from mkdocs.config.base import BaseConfigOption, ConfigErrors, ConfigWarnings, ValidationError

from mkdocs_leonardo.addresses import is_loopback
from mkdocs_leonardo.errors import PictureError
from mkdocs_leonardo.front_matter import (
    LAYOUTS,
    MAX_PROMPT_CHARACTERS,
    HeroDefaults,
    did_you_mean,
    shown,
    style_named,
)
from mkdocs_leonardo.imaging.reference import read_look
from mkdocs_leonardo.placeholders import TEMPLATE_NAMES
from mkdocs_leonardo.providers.balance import Alert
from mkdocs_leonardo.providers.leonardo.models import (
    ALL_STYLES,
    CONTRASTS,
    MAX_HEIGHT_PX,
    MAX_WIDTH_PX,
    MIN_SIDE_PX,
    MODES,
    SIDE_STEP_PX,
)
from mkdocs_leonardo.providers.leonardo.orders import picture_problems, rules_for, service_problems
from mkdocs_leonardo.providers.options import (
    BUILT_IN,
    PROVIDER_GROUP,
    ApiVersion,
    GeminiOptions,
    LeonardoOptions,
    OpenAIOptions,
    key_variable,
)
from mkdocs_leonardo.spec import ANY_PICTURE, STYLES, Encoding, Format, JsonValue, Layout, Look, Strength
from mkdocs_leonardo.team.address import StoreAddress

FORMATS: tuple[Format, ...] = get_args(Format)
STRENGTHS: tuple[Strength, ...] = get_args(Strength)
API_VERSIONS: tuple[ApiVersion, ...] = get_args(ApiVersion)
MAX_CONCURRENCY = 200
DAY_S = 86_400
#: Where Zensical's `build --clean` leaves the cache alone: that command removes the whole `.cache`.
ZENSICAL_CACHE = ".leonardo/cache"
DEFAULT_CACHE = ".cache/plugin/leonardo"
#: Our Markdown extension: only Zensical has a use for it.
EXTENSION = "mkdocs_leonardo.markdown"

_LEONARDO, _OPENAI, _GEMINI, _ENCODING = LeonardoOptions(), OpenAIOptions(), GeminiOptions(), Encoding()

T = TypeVar("T")
S = TypeVar("S", bound=str)
SomeConfig = TypeVar("SomeConfig", bound=Config)

_FROM_ENVIRONMENT = "keys come from the environment only"

#: How switches arrive from YAML and, through `!ENV`, from shells and workflows; 1 and 0 equal True and False.
_ON, _OFF = frozenset({True, "true", "yes", "on", "1"}), frozenset({False, "false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Converter(Generic[T]):
    """A function that converts an option's value, and the JSON schema of the values that it takes."""

    convert: Callable[[object], T]
    schema: Mapping[str, JsonValue]

    def __call__(self, value: object) -> T:
        """The converted value; TypeError or ValueError with the fix as its message."""
        return self.convert(value)


class Checked(BaseConfigOption[T], Generic[T]):
    """An option that a function converts, or refuses (TypeError, ValueError) with the cure as its message."""

    def __init__(self, convert: Callable[[object], T], default: T) -> None:
        super().__init__()
        self.default = default
        self._convert = convert

    @property
    def schema(self) -> Mapping[str, JsonValue]:
        """The JSON schema of the values that an author may write; text, unless the option's kind says otherwise."""
        return self._convert.schema if isinstance(self._convert, Converter) else {"type": "string"}

    def run_validation(self, value: object) -> T:
        """The converted value; a refusal becomes the host's own kind of error, which names value and cure."""
        try:
            return self._convert(value)
        except (TypeError, ValueError) as error:
            if value is None:
                message = "it is empty, as an unset !ENV variable is; give it a value, or leave the line out"
                raise ValidationError(message) from None
            raise ValidationError(f"it is {shown(value)}; {error}") from None


class StrictConfig(Config):
    """A configuration that refuses names it does not know: a misspelt cap must not be an absent cap."""

    def validate(self) -> tuple[ConfigErrors, ConfigWarnings]:
        """As the host validates, with an error and a suggestion for each unknown name."""
        errors, warnings = super().validate()
        known = tuple(name for name, _ in self._schema)
        unknown = [name for name in self if name not in known]
        told = ((name, self._problem_of(str(name), self[name], known)) for name in unknown)
        errors += [(name, ValidationError(problem)) for name, problem in told if problem]
        return errors, [(name, text) for name, text in warnings if name not in unknown]

    def _problem_of(self, name: str, value: object, known: tuple[str, ...]) -> str:  # noqa: ARG002 - for those who override it
        """What is wrong with a name that no option has; empty if it may stand there."""
        return _unknown(name, known)


class Section(c.SubConfig[SomeConfig], Generic[SomeConfig]):
    """Options below an option; left blank, with every line below it commented out, it is all defaults."""

    def run_validation(self, value: object) -> SomeConfig:
        """The options below, each validated."""
        if value is not None and not isinstance(value, dict):
            raise ValidationError(f"it is {shown(value)}; write its settings below it, one a line, as name: value")
        return super().run_validation(value or {})


def _unknown(name: str, known: tuple[str, ...]) -> str:
    if re.search(r"key|token|secret|password", name.lower()):
        return f"there is no such option; {_FROM_ENVIRONMENT} (LEONARDO_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY)"
    return f"there is no such option; {did_you_mean(name, known)}"


def _whole(low: int, high: int | None = None, *, step: int = 1, why: str = "") -> Converter[int]:
    kind = "a whole number" if step == 1 else f"a multiple of {step}"
    cure = f"it must be {kind}, {f'{low} or more' if high is None else f'from {low} to {high}'}{why}"

    def convert(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(cure)
        if value < low or (high is not None and value > high) or value % step:
            raise ValueError(cure)
        return value

    schema: dict[str, JsonValue] = {"type": "integer", "minimum": low}
    schema |= {} if high is None else {"maximum": high}
    return Converter(convert, schema if step == 1 else {**schema, "multipleOf": step})


def _number(cure: str, *, fits: Callable[[float], bool], **limits: JsonValue) -> Converter[float]:
    def convert(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise TypeError(cure)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not (math.isfinite(number) and fits(number)):
            raise ValueError(cure)
        return number

    return Converter(convert, {"type": "number", **limits})


_seconds = _number(
    f"it must be seconds, more than 0 and at most {DAY_S} (a day)",
    fits=lambda x: 0 < x <= DAY_S,
    exclusiveMinimum=0,
    maximum=DAY_S,
)
_dollars = _number("it must be US dollars, 0 or more; leave the line out for no cap", fits=lambda x: x >= 0, minimum=0)
#: An amount in either unit, which `Alert` reads.
_alert: Converter[Alert] = Converter(
    Alert.of, {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\$ *[0-9]+(\.[0-9]+)?$"}]}
)


def _optional(convert: Callable[[object], T]) -> Converter[T | None]:
    schema = convert.schema if isinstance(convert, Converter) else {"type": "string"}
    return Converter(
        lambda value: None if value is None else convert(value), {"anyOf": [dict(schema), {"type": "null"}]}
    )


def _is_on(value: object) -> bool:
    """A switch, also as an environment variable or a workflow's input has it."""
    word = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(word, bool | int | str) or word not in _ON | _OFF:
        raise ValueError("it must be true or false")
    return word in _ON


_truth = Converter(_is_on, {"type": "boolean"})


def _credit_line(value: object) -> bool | str:
    """A switch, or the site's own words for the line."""
    if isinstance(value, str) and "{creator}" in value:
        return _text(value)
    try:
        return _truth(value)
    except ValueError:
        raise ValueError("it must be true, false, or the line in your words, with {creator} in it") from None


_credit = Converter(_credit_line, {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "\\{creator\\}"}]})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("it must be text; put quotes around it")
    if not value.strip():
        raise ValueError("write some text, or leave the line out")
    return value.strip()


def _name(value: object) -> str:
    text = _text(value)
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be seen; write it anew")
    return text


def _negative_prompt(value: object) -> str | None:
    if value is None or value == "":
        return None
    text = _text(value)
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise ValueError(f"it has {len(text):,} characters, and services take at most {MAX_PROMPT_CHARACTERS:,}")
    return text


def _choice(choices: tuple[S, ...]) -> Converter[S]:
    def convert(value: object) -> S:
        for choice in choices:
            if value == choice:
                return choice
        raise ValueError(did_you_mean(value if isinstance(value, str) else "", choices))

    return Converter(convert, {"enum": [*choices]})


def _list_of(convert: Callable[[object], T], *, such_as: str) -> Converter[tuple[T, ...]]:
    def convert_one(item: object) -> T:
        try:
            return convert(item)
        except (TypeError, ValueError) as error:
            subject = "an empty entry" if item is None else shown(item)
            raise ValidationError(f"it holds {subject}; {error}") from None

    def convert_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f"it must be a list of at least one, such as {such_as}")
        return tuple(dict.fromkeys(convert_one(item) for item in value))

    items = convert.schema if isinstance(convert, Converter) else {"type": "string"}
    return Converter(convert_all, {"type": "array", "minItems": 1, "items": dict(items)})


_listed_formats = _list_of(_choice(FORMATS), such_as="[avif, webp, jpeg]")


def _formats_written(value: object) -> tuple[Format, ...]:
    """The formats of a list; the default is itself, so that a list with the same formats can be told from it."""
    return _ENCODING.formats if value is _ENCODING.formats else _listed_formats(value)


_formats = Converter(_formats_written, _listed_formats.schema)


def _known_style(value: object) -> str:
    text = value if isinstance(value, str) else ""
    style = style_named(text, ALL_STYLES)
    if style is None:
        raise ValueError(did_you_mean(text, STYLES))
    return style


_style = Converter(_known_style, {"enum": [*ALL_STYLES]})


def _template(value: object) -> str:
    text = _text(value)
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        raise ValueError("it has a stray brace; write {{ or }} for a brace in the text") from None
    fields = [field for _, field, _, _ in parts if field is not None]
    for _, field, form, conversion in parts:
        if field is not None and (field not in TEMPLATE_NAMES or form or conversion):
            raise ValueError(
                f"{{{field}}} cannot be filled in; only {', '.join(f'{{{name}}}' for name in TEMPLATE_NAMES[:-1])} and "
                f"{{{TEMPLATE_NAMES[-1]}}}, written just so, can"
            )
    if "prompt" not in fields:
        raise ValueError("it leaves the page's own words out; it must contain {prompt}")
    if len(text) >= MAX_PROMPT_CHARACTERS:
        raise ValueError(
            f"it has {len(text):,} characters, and with a page's own words services take at most "
            f"{MAX_PROMPT_CHARACTERS:,}"
        )
    return text


def _base_url(value: object) -> str:
    """An address. No message repeats it: what is written in the wrong place may be a key."""
    text = _text(value).rstrip("/")
    if re.search(r"[@?#]", text):
        raise ValidationError("it must hold no credentials and no ? or #; keys come from the environment only")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if port == 0 or not re.fullmatch(r"[\w.:-]+", host) or not text.isprintable() or " " in text:
        raise ValidationError("it cannot be read as an address; it must look like https://api.example.com/v1")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValidationError("it must begin with https:// (with http:// only for this machine itself)")
    return text


def _store_address(value: object) -> StoreAddress:
    """A team's store. No message repeats it, as with `_base_url`."""
    try:
        return StoreAddress.parse(_text(value).strip())
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _host(value: object) -> str:
    text = _text(value).lower()
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", text):
        raise ValidationError("it must hold names of hosts such as cdn.leonardo.ai, without scheme, port, path and *")
    return text


def _known_contrast(value: object) -> float:
    for contrast in CONTRASTS:
        if value == contrast and not isinstance(value, bool):
            return contrast
    raise ValueError(f"the service takes {', '.join(f'{contrast:g}' for contrast in CONTRASTS)} and nothing between")


_contrast = Converter(_known_contrast, {"enum": [*CONTRASTS]})


_WIDTH_WHY = ", as pages show pictures no narrower and no wider"


class LeonardoServiceConfig(StrictConfig):
    """Leonardo AI. The key comes from the environment: `LEONARDO_API_KEY`."""

    model = Checked(_name, _LEONARDO.model)
    """The model's name, as `lucid-origin`, or its id; the default is Phoenix 1.0. Another model is another picture."""
    api_version: Checked[ApiVersion] = Checked(_choice(API_VERSIONS), _LEONARDO.api_version)
    """The create call's form: `v1`, the newer `v2`, or with `auto` v1 where it can do the order. The same picture."""
    alchemy = Checked(_truth, _LEONARDO.alchemy)
    """Quality mode of Phoenix: slower, sharper. Off is another picture."""
    mode = Checked(_optional(_choice(MODES)), None)
    """A mode that Alchemy has no word for: `ultra` of Phoenix and Lucid; `low` or `high` of GPT Image 2."""
    contrast = Checked(_contrast, _LEONARDO.contrast)
    """1 to 4.5 in the service's steps; at least 2.5 with Alchemy. Another contrast is another picture."""
    timeout = Checked(_seconds, _LEONARDO.timeout_s)
    """Seconds from a job's acceptance until the next provider is asked; a later build collects the job all the same."""
    render_estimate = Checked(_seconds, _LEONARDO.render_estimate_s)
    """Seconds a picture is expected to take, until real times have been seen."""
    requests_per_minute = Checked(_whole(1), _LEONARDO.requests_per_minute)
    """Ceiling for all requests together, over all builds that share the cache."""
    base_url = Checked(_base_url, _LEONARDO.base_url)
    """Address of the API."""
    image_hosts = Checked(_list_of(_host, such_as="[cdn.leonardo.ai]"), _LEONARDO.image_hosts)
    """The only hosts that pictures are downloaded from."""
    credit_alert = Checked(_optional(_alert), None)
    """Warn before a build that will spend when less is left: credits, or dollars as in `$5`."""

    #: The options that the author wrote.
    given: frozenset[str] = frozenset()

    def load_dict(self, patch: dict[str, object]) -> None:
        """Take what the author wrote, and note what it was."""
        super().load_dict(patch)
        self.given |= frozenset(map(str, patch))

    def as_options(self) -> LeonardoOptions:
        """The options as a value."""
        return LeonardoOptions(
            model=self.model,
            api_version=self.api_version,
            mode=self.mode or "",
            alchemy=self.alchemy,
            contrast=self.contrast,
            timeout_s=self.timeout,
            render_estimate_s=self.render_estimate,
            requests_per_minute=self.requests_per_minute,
            base_url=self.base_url,
            image_hosts=self.image_hosts,
            credit_alert=self.credit_alert,
        )


class OpenAIServiceConfig(StrictConfig):
    """OpenAI's image model. The key comes from the environment: `OPENAI_API_KEY`."""

    model = Checked(_name, _OPENAI.model)
    """The model's name. Another model is another picture."""
    quality = Checked(_choice(("low", "medium", "high", "auto", "xhigh", "max")), _OPENAI.quality)
    """`low`, `medium`, `high` or `auto`; `xhigh` and `max` where the model knows them."""
    timeout = Checked(_seconds, _OPENAI.timeout_s)
    """Seconds to wait for the answer, which holds the picture."""
    base_url = Checked(_base_url, _OPENAI.base_url)
    """Address of the API."""
    text_model = Checked(_name, _OPENAI.text_model)
    """The text model that `mkdocs-leonardo suggest` asks; no picture comes from it."""


class GeminiServiceConfig(StrictConfig):
    """Google's Gemini image model. The key comes from the environment: `GEMINI_API_KEY`."""

    model = Checked(_name, _GEMINI.model)
    """The model's name. Another model is another picture."""
    timeout = Checked(_seconds, _GEMINI.timeout_s)
    """Seconds to wait for the answer, which holds the picture."""
    base_url = Checked(_base_url, _GEMINI.base_url)
    """Address of the API."""
    text_model = Checked(_name, _GEMINI.text_model)
    """The text model that `mkdocs-leonardo suggest` asks; no picture comes from it."""


class LeonardoConfig(StrictConfig):
    """The options of the plugin `leonardo`."""

    enabled = Checked(_truth, default=True)
    """Switch for the whole plugin, made for `!ENV`."""
    providers: Checked[tuple[str, ...]] = Checked(
        _list_of(_name, such_as="[leonardo, openai]; for the local painter alone, write generate: false"),
        ("leonardo", "openai"),
    )
    """Who is asked, in this order. The local painter always closes the chain."""
    style = Checked(_style, "CINEMATIC")
    """The style of pages that name none."""
    width = Checked(_whole(MIN_SIDE_PX, MAX_WIDTH_PX, step=SIDE_STEP_PX), 1536)
    """Width of the generated picture in pixels, up to what the model draws."""
    height = Checked(_whole(MIN_SIDE_PX, MAX_HEIGHT_PX, step=SIDE_STEP_PX), 864)
    """Height of the generated picture in pixels, up to what the model draws."""
    prompt_template = Checked(_template, "{prompt}")
    """The site's look, around every `{prompt}`; `{title}` and what else a page's prompt may name are filled in."""
    negative_prompt = Checked(_negative_prompt, None)
    """What to keep out of every picture; a page's own words are added."""
    style_reference = Checked(_optional(_name), None)
    """A picture whose look all pictures of the site take over; relative to the configuration file or to `docs_dir`."""
    style_strength: Checked[Strength] = Checked(_choice(STRENGTHS), "mid")
    """How much of a reference's look is taken over: `low`, `mid` or `high`."""
    generate = Checked(_truth, default=True)
    """`false`: no provider is ever called; what is not at hand is missing."""
    max_new_images = Checked(_whole(0, why=" (0 allows none)"), 25)
    """Cap on paid submissions in one build, fallbacks and retries counted; 0 allows none."""
    max_cost_usd = Checked(_optional(_dollars), None)
    """Cap on the estimated cost of one build in US dollars, checked before every submission."""
    concurrency = Checked(_whole(1, MAX_CONCURRENCY, why=", as services queue what goes beyond"), 10)
    """Generations in flight at once."""
    on_missing = Checked(_choice(("warn", "error", "ignore")), "warn")
    """A page falls back to a placeholder: `warn` (a warning after a failure), `error` (the build stops) or `ignore`."""
    on_serve = Checked(_choice(("cached", "generate")), "cached")
    """A hero missing in `mkdocs serve`: `cached` (a stand-in, nothing spent) or `generate` (made in the background)."""
    layout: Checked[Layout] = Checked(_choice(LAYOUTS), "content")
    """How pages show their hero: `content`, `full`, `stacked`, `split`, `auto` or `none` (Look and templates)."""
    cards = Checked(_truth, default=True)
    """Cover pictures on blog index, archive, category and author views."""
    social = Checked(_truth, default=True)
    """`og:image` and friends where a page has none."""
    credit: Checked[bool | str] = Checked(_credit, default=False)
    """A visible line that says which AI made the picture; a text with `{creator}` says it in your language."""
    formats: Checked[tuple[Format, ...]] = Checked(_formats, _ENCODING.formats)
    """What is written, best first. The default's JPEG comes in at most three widths, a list of yours in all."""
    widths = Checked(_list_of(_whole(64, 4096, why=_WIDTH_WHY), such_as="[480, 960, 1536]"), _ENCODING.widths)
    """Widths in pixels that are written of each picture; those beyond `width` where the picture has them."""
    cache_dir = Checked(_name, DEFAULT_CACHE)
    """Pictures, variants, journal and report; relative to the configuration file. With Zensical: `.leonardo/cache`."""
    gallery_dir = Checked(_name, "heroes")
    """Pictures committed to the repository; relative to the configuration file, outside `docs_dir`."""
    shared_store = Checked(_optional(_store_address), None)
    """Address of a team's object store, `s3://bucket/prefix` and the like; read-only unless the environment says so."""
    on_store_failure = Checked(_choice(("cached", "generate")), "cached")
    """A hero while the store cannot say if another machine paid: `cached` (a stand-in) or `generate` (paid for)."""
    leonardo = Section[LeonardoServiceConfig]()
    """Settings of Leonardo AI."""
    openai = Section[OpenAIServiceConfig]()
    """Settings of OpenAI."""
    gemini = Section[GeminiServiceConfig]()
    """Settings of Google's Gemini."""

    cache_is_default = True

    def load_dict(self, patch: Any) -> None:  # noqa: ANN401 - the host's signature
        """As the host does, and see whether the author chooses the cache's place."""
        super().load_dict(patch)
        self.cache_is_default = self.cache_is_default and "cache_dir" not in (patch or {})

    def validate(self) -> tuple[ConfigErrors, ConfigWarnings]:
        """As above, and what the model that draws does not take."""
        errors, warnings = super().validate()
        if not errors and "leonardo" in self.providers:
            options, given = self.leonardo.as_options(), self.leonardo.given
            problems = [*service_problems(options, given)] or picture_problems(
                options,
                given,
                size=(self.width, self.height),
                style=self.style,
                negative_prompt=self.negative_prompt or "",
            )
            for name, text in problems:
                section, _, option = name.rpartition(".")
                message = f"Sub-option '{option}': {text}" if section else text
                errors.append((section or option, ValidationError(message)))
        elif not errors and self.style not in STYLES:
            errors.append(("style", ValidationError(f"it is {self.style}, which a model of Leonardo's has alone")))
        return errors, warnings

    def _problem_of(self, name: str, value: object, known: tuple[str, ...]) -> str:
        """A provider of another package has a section of its own, whose lines that package checks."""
        if not _is_registered(name):
            providers = self.get("providers")
            if isinstance(providers, list | tuple) and name in providers:
                return f"no provider {name!r} is installed, so that nothing can be set for it"
            return super()._problem_of(name, value, known)
        if value is not None and not isinstance(value, dict):
            return f"it is {shown(value)}; write its settings below it, one a line, as name: value"
        secrets = [
            str(key) for key in value or () if re.search(r"(^|[_-])(key|token|secret|password)$", str(key).lower())
        ]
        return f"it holds {secrets[0]!r}; {_FROM_ENVIRONMENT} ({key_variable(name)})" if secrets else ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every option, checked. Paths are absolute."""

    providers: tuple[str, ...]
    defaults: HeroDefaults
    generate: bool
    max_new_images: int
    max_cost_usd: float | None
    concurrency: int
    on_missing: str
    on_serve: str
    cards: bool
    social: bool
    credit: bool | str
    encoding: Encoding
    cache_dir: Path
    gallery_dir: Path
    leonardo: LeonardoOptions
    openai: OpenAIOptions
    gemini: GeminiOptions
    foreign: Mapping[str, Mapping[str, object]]
    """What is set for providers of other packages, by their names; they check it themselves."""
    shared_store: StoreAddress | None = None
    on_store_failure: str = "cached"
    cache_is_default: bool = False
    """Whether the author leaves the cache's place to us."""
    former_cache_dir: Path | None = None
    """Where the cache may lie still; its content belongs into `cache_dir`."""
    site: str = ""
    """The configuration's name: its file, seen from its folder, or from a cache or gallery that others may share."""


def is_for_zensical(config_file: Path, extensions: Iterable[str]) -> bool:
    """Whether Zensical builds the site: it has a zensical.toml, or shows heroes by our Markdown extension."""
    return config_file.suffix == ".toml" or EXTENSION in extensions or (config_file.parent / "zensical.toml").is_file()


def settings_from(
    config: LeonardoConfig,
    *,
    root: Path,
    docs_dir: Path,
    site_dir: Path | None = None,
    config_name: str = "mkdocs.yml",
    for_zensical: bool = False,
) -> Settings:
    """`Settings` for a site whose configuration lies in `root`; ValidationError if a folder is in the wrong place.

    A cache that was moved for Zensical stays where it is, whoever builds the site.
    """
    _check_providers(config.providers)
    if config.shared_store is not None and find_spec("obstore") is None:
        raise ValidationError(
            "shared_store: its client is not installed; pip install 'mkdocs-leonardo[team]', or leave the line out"
        )
    names = {name: str(config[name]) for name in ("cache_dir", "gallery_dir")}
    former = None
    if config.cache_is_default and (for_zensical or (root / ZENSICAL_CACHE).is_dir()):
        former = Path(os.path.abspath(root / DEFAULT_CACHE))  # noqa: PTH100 - it may be a link, which has to go
        names["cache_dir"] = ZENSICAL_CACHE
    folders = {name: _place(root, name, folder) for name, folder in names.items()}
    taken = {"docs_dir": (docs_dir.resolve(), "where `mkdocs serve` would rebuild for ever")}
    if site_dir is not None:
        taken["site_dir"] = (site_dir.resolve(), "which every build empties, so that every picture would be paid again")
    for name, folder in folders.items():
        for other, (place, why) in taken.items():
            if folder.is_relative_to(place):
                raise ValidationError(f"{name}: {names[name]!r} lies inside {other}, {why}; choose a folder beside it")
            if place.is_relative_to(folder):
                raise ValidationError(f"{name}: {names[name]!r} holds {other}; choose a folder of its own")
    cache_dir, gallery_dir = folders.values()
    if cache_dir.is_relative_to(gallery_dir) or gallery_dir.is_relative_to(cache_dir):
        raise ValidationError(
            f"gallery_dir: {config.gallery_dir!r} and cache_dir {names['cache_dir']!r} lie in one another; "
            "a cache may be thrown away and a gallery may not, so choose two separate folders"
        )
    leonardo, openai, gemini = config.leonardo, config.openai, config.gemini
    own = {name for name, _ in LeonardoConfig._schema}  # noqa: SLF001 - the host's only list of what a class declares
    return Settings(
        providers=config.providers,
        defaults=HeroDefaults(
            style=config.style,
            width_px=config.width,
            height_px=config.height,
            prompt_template=config.prompt_template,
            negative_prompt=config.negative_prompt or "",
            layout=config.layout,
            look=_look(config, (root, docs_dir)),
            strength=config.style_strength,
            rules=rules_for(leonardo.as_options()) if "leonardo" in config.providers else ANY_PICTURE,
        ),
        generate=config.generate,
        max_new_images=config.max_new_images,
        max_cost_usd=config.max_cost_usd,
        concurrency=config.concurrency,
        on_missing=config.on_missing,
        on_serve=config.on_serve,
        cards=config.cards,
        social=config.social,
        credit=config.credit,
        encoding=Encoding(
            formats=config.formats,
            widths=tuple(sorted(config.widths)),
            width_px=config.width,
            height_px=config.height,
            social=config.social,
            spares_fallback=config.formats is _ENCODING.formats,
        ),
        cache_dir=folders["cache_dir"],
        cache_is_default=config.cache_is_default,
        former_cache_dir=former,
        site=_site_name(root / config_name, folders.values()),
        gallery_dir=folders["gallery_dir"],
        shared_store=config.shared_store,
        on_store_failure=config.on_store_failure,
        leonardo=leonardo.as_options(),
        openai=OpenAIOptions(
            model=openai.model,
            quality=openai.quality,
            timeout_s=openai.timeout,
            base_url=openai.base_url,
            text_model=openai.text_model,
        ),
        gemini=GeminiOptions(
            model=gemini.model, timeout_s=gemini.timeout, base_url=gemini.base_url, text_model=gemini.text_model
        ),
        foreign={str(name): dict(value or {}) for name, value in config.items() if name not in own},
    )


def settled(settings: Settings, tell: Callable[[int, str], None], environ: Mapping[str, str]) -> Settings:
    """The same, with the cache in its folder, after a move if need be."""
    former = settings.former_cache_dir
    if former is None:
        return settings
    from mkdocs_leonardo.storage.adoption import settle  # noqa: PLC0415 - few sites move their cache

    is_ci = environ.get("CI", "").strip().lower() not in {"", *_OFF}
    cache_dir, may_buy = settle(former, settings.cache_dir, tell=tell, is_carried=is_ci)
    return replace(settings, cache_dir=cache_dir, generate=settings.generate and may_buy)


def _site_name(config_file: Path, folders: Iterable[Path]) -> str:
    """What tells this configuration from others that use the same folders, on every machine alike."""
    folders = list(folders)
    if all(folder.is_relative_to(config_file.parent) for folder in folders):
        return config_file.name
    try:
        return Path(os.path.relpath(config_file, folders[0])).as_posix()
    except ValueError:
        # On another drive.
        return config_file.as_posix()


def _place(root: Path, option: str, name: str) -> Path:
    """The folder that an option names; ValidationError for one that only a shell would understand."""
    if (root / name).is_dir():
        # Also one called `~`, which earlier versions made.
        return (root / name).resolve()
    if re.search(r"^\$|\$\{|^%\w+%", name):
        raise ValidationError(f"{option}: it is {name!r}; a variable is filled in where !ENV stands before its name")
    try:
        return (root / Path(name).expanduser()).resolve()
    except RuntimeError:
        raise ValidationError(f"{option}: it is {name!r}; there is no such user, so write the whole path") from None


def _look(config: LeonardoConfig, folders: tuple[Path, ...]) -> Look | None:
    """The site's reference; ValidationError, with the cure, if it cannot be one."""
    if config.style_reference is None:
        return None
    name = config.style_reference
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        raise ValidationError(
            f"style_reference: there is no file {name!r}; write its path relative to mkdocs.yml or to docs_dir"
        )
    try:
        return read_look(path.resolve(), config.style_strength)
    except PictureError as error:
        raise ValidationError(f"style_reference: {name!r} {error}") from None


def _check_providers(names: tuple[str, ...]) -> None:
    """ValidationError for a name that nobody registered. Only foreign names cost a search of what is installed."""
    for name in names:
        if name not in BUILT_IN and not _is_registered(name):
            known = tuple(sorted({*BUILT_IN, *entry_points(group=PROVIDER_GROUP).names}))
            raise ValidationError(f"providers: no provider {name!r} is installed; {did_you_mean(name, known)}")


def _is_registered(name: str) -> bool:
    """Whether an installed package offers a provider of that name."""
    return bool(entry_points(group=PROVIDER_GROUP, name=name))
