"""The declaration of a provider: its options, limits and key. Imports no network library.

    @dataclass(frozen=True)
    class Options:
        model: str = "oil-2"
        timeout: float = 60.0


    easel = Declaration(make=Easel, options=Options)

An entry point of the group `mkdocs_leonardo.providers` names the declaration.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from mkdocs_leonardo import converters
from mkdocs_leonardo.author_text import describe_value
from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.picture_rules import ANY_PICTURE, STYLES, PictureRules
from mkdocs_leonardo.providers import BUILT_IN, named_key_variable
from mkdocs_leonardo.spec import NO_AI, PictureSpec, dollars

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.base import Account, Provider, ProviderContext

#: The entry point group in which providers register.
PROVIDER_GROUP = "mkdocs_leonardo.providers"

OptionsT = TypeVar("OptionsT")

#: The author's choice of the images to compare: with Alchemy, without, or both.
Alchemy = Literal["on", "off", "both"]

_METADATA = "mkdocs_leonardo"
_DOLLARS = re.compile(r"\$\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)")


# Options -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Option:
    """An option: the `field` of the dataclass that it sets, its converter and its default."""

    field: str
    convert: Callable[[object], object]
    default: object


def option(convert: Callable[[object], object], *, name: str = "") -> Mapping[str, object]:
    """Return field metadata with the converter `convert`; `name` is the option's name, "" for the field's name."""
    return {_METADATA: (name, convert)}


#: The metadata of a field that authors cannot set.
INTERNAL: Mapping[str, object] = {_METADATA: None}


def options_in(kind: type[object]) -> dict[str, Option]:
    """Return the options that a dataclass declares, by name; TypeError for a field without a default or a converter."""
    declared: dict[str, Option] = {}
    hints: Mapping[str, object] = {}
    for item in fields(cast("Any", kind)):
        metadata = item.metadata.get(_METADATA, ("", None))
        if metadata is None:
            continue
        if item.default is MISSING and item.default_factory is MISSING:
            raise TypeError(f"{item.name} has no default")
        name, convert = metadata
        if convert is None:
            hints = hints or get_type_hints(kind)
            convert = _converter_of(hints[item.name], item.name)
        default = item.default if item.default_factory is MISSING else item.default_factory()
        declared[name or item.name] = Option(item.name, convert, default)
    return declared


def options_from(kind: type[OptionsT], value: object, *variables: str) -> OptionsT:
    """Convert a section of the configuration to options; ValueError with option, value and fix for a refused one.

    An empty section, such as one whose lines are all commented out, gives the defaults.
    """
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"it is {describe_value(value)}; write its settings below it, one a line, as name: value")
    declared = options_in(kind)
    arguments = {}
    for name, content in (value or {}).items():
        if name not in declared:
            problem = converters.unknown_option(str(name), tuple(declared), *variables)
            raise ValueError(f"Sub-option {str(name)!r}: {problem}")
        try:
            arguments[declared[name].field] = converters.convert_value(declared[name].convert, content)
        except ValueError as error:
            raise ValueError(f"Sub-option {name!r}: {error}") from None
    return kind(**arguments)


def _converter_of(hint: object, name: str) -> Callable[[object], object]:
    """Return the converter for the type of a field; TypeError for a type without a converter."""
    plain: Mapping[object, Callable[[object], object]] = {
        bool: converters.switch,
        int: converters.whole_number(),
        float: converters.number(),
        str: converters.plain_text,
    }
    if isinstance(hint, type) and hint in plain:
        return plain[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return converters.one_of(parts)
    if origin is tuple and len(parts) == 2 and parts[1] is ...:  # a type, and any number of it
        return converters.list_of(_converter_of(parts[0], name), such_as="[one, two]")
    members = [part for part in parts if part is not type(None)]
    if origin in {Union, types.UnionType} and len(members) == 1 < len(parts):
        return converters.optional(_converter_of(members[0], name))
    raise TypeError(f"{name} is a {hint}; declare its converter with option()")


# The declaration -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alert:
    """The amount below which an account is low, in credits or in US dollars."""

    amount: float
    is_usd: bool = False

    @classmethod
    def of(cls, value: object) -> Alert:
        """Return the alert that a configuration or a command line gives; ValueError with the fix for anything else."""
        in_usd = _DOLLARS.fullmatch(value.strip()) if isinstance(value, str) else None
        amount = math.nan
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            with suppress(ValueError, OverflowError):
                amount = float(in_usd[1] if in_usd else value)
        if not 0 <= amount < math.inf:
            raise ValueError("it must be credits, 0 or more, or US dollars, such as '$5'")
        return cls(amount, is_usd=in_usd is not None)

    def __str__(self) -> str:
        return dollars(self.amount) if self.is_usd else f"{self.amount:,.10g} credits"

    def is_below(self, account: Account) -> bool:
        """Return whether the balance is known, and lower than this alert."""
        if not self.is_usd and account.usd is None:
            return account.credits is not None and account.credits < self.amount
        left_usd = account.worth_usd
        rate = account.credit_usd
        alert_usd = self.amount if self.is_usd else None if rate is None else self.amount * rate
        return left_usd is not None and alert_usd is not None and left_usd < alert_usd


#: An amount in either unit, as an option.
ALERT: converters.Converter[Alert] = converters.Converter(
    Alert.of, {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\$ *[0-9]+(\.[0-9]+)?$"}]}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a provider: requests to the API per minute, over all builds that share the cache.

    A build that will pay logs a warning if less than `credit_alert` is left.
    """

    requests_per_minute: int = 150
    credit_alert: Alert | None = None


@dataclass(frozen=True, slots=True)
class Declaration(Generic[OptionsT]):
    """The declaration of a provider.

    `make`: makes the configured provider.
    `options`: a dataclass whose fields are the options. The provider's context holds an object of this class.
    `key_variable`: the environment variable of the API key; "" if the variable is named after the provider.
    `problems`: checks the options together, given the names that the author wrote and the site's settings for pictures.
    Returns pairs of an option's full name, such as `easel.model` or `width`, and a text with the fix.
    `rules`: the settings that the model takes.
    `styles`: the styles of all its models.
    `notes`: the remarks on allowed options.
    `creator`: the name of the AI as pages show it; "" for the provider's own name.
    `comparison`: returns the options for each series of images of `compare`, by whether the series has Alchemy. The
    argument is the author's choice, or None. Raises ValueError with the fix. By default `compare` makes no series.
    """

    make: Callable[[ProviderContext[OptionsT]], Provider]
    options: type[OptionsT]
    key_variable: str = ""
    limits: Callable[[OptionsT], Limits] = lambda _: Limits()
    problems: Callable[[OptionsT, frozenset[str], PictureSpec], Iterable[tuple[str, str]]] = lambda *_: ()
    rules: Callable[[OptionsT, PictureSpec], PictureRules] = lambda *_: ANY_PICTURE
    styles: tuple[str, ...] = STYLES
    notes: Callable[[OptionsT], Iterable[str]] = lambda _: ()
    creator: str = ""
    comparison: Callable[[OptionsT, Alchemy | None], Mapping[bool, OptionsT]] = lambda *_: {}

    def variable_for(self, name: str) -> str:
        """Return the environment variable with the API key of the provider that is registered as `name`."""
        return self.key_variable or named_key_variable(name)


def lazy_import(name: str) -> Callable[[ProviderContext[Any]], Provider]:
    """Return a `make` that imports the provider's class on first use; `name` has the form of an entry point's value."""

    def make(context: ProviderContext[Any]) -> Provider:
        return cast("Provider", EntryPoint("", name, PROVIDER_GROUP).load()(context))

    return make


# Entry points --------------------------------------------------------------------------------------------------------


def is_declared(name: str) -> bool:
    """Return whether the plugin, or an installed package, has a provider of that name."""
    return _entry_point(name) is not None


def declared_names() -> tuple[str, ...]:
    """Return the names of all providers that are installed; those that come with the plugin are first."""
    return (*BUILT_IN, *sorted(entry_points(group=PROVIDER_GROUP).names - {*BUILT_IN}))


def declaration_of(name: str) -> Declaration[Any]:
    """Return the declaration of the provider; HeroError with the reason if it is not installed or cannot be used."""
    entry_point = _entry_point(name)
    if entry_point is None:
        raise HeroError(f"no provider {name!r} is installed")
    with explain_errors(name):
        declaration = entry_point.load()
        if not isinstance(declaration, Declaration):
            raise TypeError(f"{entry_point.value} is no Declaration")
        options_in(declaration.options)
    return declaration


@contextmanager
def explain_errors(name: str, but: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Raise HeroError, with its message for the author, for any exception `but` one in the code of the provider."""
    try:
        yield
    except but:
        raise
    except Exception as error:
        # The code may be another package's.
        raise HeroError(f"the provider {name!r} cannot be used: {error}") from error


@cache
def built_in_styles() -> tuple[str, ...]:
    """Return the styles of all models of the providers that come with the plugin."""
    installed = (declaration_of(name) for name in BUILT_IN if is_declared(name))
    return tuple(dict.fromkeys(style for declaration in installed for style in declaration.styles))


def _entry_point(name: str) -> EntryPoint | None:
    own_points = _own_entry_points()
    return own_points[name] if name in own_points else next(iter(entry_points(group=PROVIDER_GROUP, name=name)), None)


@cache
def _own_entry_points() -> Mapping[str, EntryPoint]:
    """Return the entry points of this plugin's package, which come before other packages' of the same name.

    A search through one package takes 0.2 ms, a search through all installed packages 2 ms and more.
    """
    try:
        registered = distribution("mkdocs-leonardo").entry_points
    except PackageNotFoundError:
        return {}
    return {entry_point.name: entry_point for entry_point in registered.select(group=PROVIDER_GROUP)}


def key_variable(name: str) -> str:
    """Return the environment variable that holds a provider's API key."""
    return declaration_of(name).variable_for(name) if is_declared(name) else named_key_variable(name)


@cache
def creator_of(provider: str) -> str:
    """Return the name of the AI that makes a provider's pictures; "" without an AI.

    An unknown provider's own name stands for the name of the AI.
    """
    if provider in NO_AI:
        return ""
    with suppress(HeroError):
        return declaration_of(provider).creator or provider
    return provider
