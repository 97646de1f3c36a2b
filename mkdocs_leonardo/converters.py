"""Converters of option values from what authors write. A refusal's message is the fix."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from mkdocs_leonardo.addresses import ENCRYPTION_FIX, keeps_secrets
from mkdocs_leonardo.author_text import MUST_BE_TEXT, describe_value, did_you_mean
from mkdocs_leonardo.clock import DAY_S
from mkdocs_leonardo.spec import JsonValue

FROM_ENVIRONMENT = "keys come from the environment only"

#: Values of switches from YAML and, through `!ENV`, from shells and workflows; 1 and 0 equal True and False.
_ON, OFF = frozenset({True, "true", "yes", "on", "1"}), frozenset({False, "false", "no", "off", "0"})

T = TypeVar("T")
S = TypeVar("S", bound=str)


class CompleteValueError(ValueError):
    """A refusal whose message gets no value added: it has the value, or the value may be a secret."""


@dataclass(frozen=True, slots=True)
class Converter(Generic[T]):
    """A function that converts an option's value, and the JSON schema of the values that it takes."""

    convert: Callable[[object], T]
    schema: Mapping[str, JsonValue]

    def __call__(self, value: object) -> T:
        """Return the converted value; TypeError or ValueError with the fix as its message."""
        return self.convert(value)


def convert_value(convert: Callable[[object], T], value: object) -> T:
    """Return the converted value; CompleteValueError, with the value and the fix, for a refused one."""
    try:
        return convert(value)
    except CompleteValueError:
        raise
    except (TypeError, ValueError) as error:
        if value is None:
            raise CompleteValueError(
                "it is empty, as an unset !ENV variable is; give it a value, or leave the line out"
            ) from None
        raise CompleteValueError(f"it is {describe_value(value)}; {error}") from None


def unknown_option(name: str, options: tuple[str, ...], *variables: str) -> str:
    """Return the message on an unknown option; `variables` are the environment variables that hold keys."""
    if re.search(r"key|token|secret|password", name.lower()):
        return f"there is no such option; {FROM_ENVIRONMENT} ({', '.join(variables)})"
    return f"there is no such option; {did_you_mean(name, options) if options else 'leave it out'}"


def schema_of(convert: Callable[[object], object]) -> dict[str, JsonValue]:
    """Return the JSON schema of the values that `convert` accepts; by default that of a string."""
    return dict(convert.schema) if isinstance(convert, Converter) else {"type": "string"}


# Numbers and switches ------------------------------------------------------------------------------------------------


def whole_number(low: int | None = None, high: int | None = None, *, step: int = 1, why: str = "") -> Converter[int]:
    """Make the converter of multiples of `step` from `low` to `high`; `why` ends the message on a wrong number."""
    kind = "a whole number" if step == 1 else f"a multiple of {step}"
    limits = "" if low is None else f", {low} or more" if high is None else f", from {low} to {high}"
    fix = f"it must be {kind}{limits}{why}"

    def convert(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(fix)
        if (low is not None and value < low) or (high is not None and value > high) or value % step:
            raise ValueError(fix)
        return value

    schema: dict[str, JsonValue] = {"type": "integer"}
    schema |= {} if low is None else {"minimum": low}
    schema |= {} if high is None else {"maximum": high}
    return Converter(convert, schema if step == 1 else {**schema, "multipleOf": step})


def number(
    fix: str = "it must be a number", *, fits: Callable[[float], bool] = lambda _: True, **limits: JsonValue
) -> Converter[float]:
    """Make the converter of finite numbers that `fits` accepts; `limits` are added to the schema."""

    def convert(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise TypeError(fix)
        try:
            converted = float(value)
        except OverflowError:
            converted = math.inf
        if not (math.isfinite(converted) and fits(converted)):
            raise ValueError(fix)
        return converted

    return Converter(convert, {"type": "number", **limits})


seconds = number(
    f"it must be seconds, more than 0 and at most {DAY_S} (a day)",
    fits=lambda x: 0 < x <= DAY_S,
    exclusiveMinimum=0,
    maximum=DAY_S,
)
usd_amount = number("it must be US dollars, 0 or more; leave the line out for no cap", fits=lambda x: x >= 0, minimum=0)


def _is_on(value: object) -> bool:
    word = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(word, bool | int | str) or word not in _ON | OFF:
        raise ValueError("it must be true or false")
    return word in _ON


#: A switch, also in the spelling of an environment variable or a workflow's input.
switch = Converter(_is_on, {"type": "boolean"})

# Texts ---------------------------------------------------------------------------------------------------------------


def plain_text(value: object) -> str:
    """Convert a text of at least one character; white space at its ends is removed."""
    if not isinstance(value, str):
        raise TypeError(MUST_BE_TEXT)
    if not value.strip():
        raise ValueError("write some text, or leave the line out")
    return value.strip()


def visible_text(value: object) -> str:
    """Convert a text without invisible characters."""
    converted = plain_text(value)
    if not converted.isprintable():
        raise ValueError("it holds characters that cannot be seen; write it anew")
    return converted


def one_of(choices: tuple[S, ...]) -> Converter[S]:
    """Make the converter of values that are one of `choices`."""

    def convert(value: object) -> S:
        for choice in choices:
            if value == choice:
                return choice
        raise ValueError(did_you_mean(value if isinstance(value, str) else "", choices))

    return Converter(convert, {"enum": [*choices]})


def service_address(value: object) -> str:
    """Convert a service's address. Messages do not repeat the address, which may contain a key."""
    address = plain_text(value).rstrip("/")
    if re.search(r"[@?#]", address):
        raise CompleteValueError(f"it must hold no credentials and no ? or #; {FROM_ENVIRONMENT}")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if port == 0 or not re.fullmatch(r"[\w.:-]+", host) or not address.isprintable() or " " in address:
        raise CompleteValueError("it cannot be read as an address; it must look like https://api.example.com/v1")
    if not keeps_secrets(parts.scheme, host):
        raise CompleteValueError(ENCRYPTION_FIX)
    return address


def host_name(value: object) -> str:
    """Convert the name of a host to lower case, without the dot that may end it."""
    converted = plain_text(value).lower().removesuffix(".")
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", converted):
        raise CompleteValueError(
            "it must hold names of hosts such as cdn.leonardo.ai, without scheme, port, path and *"
        )
    return converted


# Converters that use a converter -----------------------------------------------------------------------------------


def optional(convert: Callable[[object], T]) -> Converter[T | None]:
    """Return a converter that accepts None, and the values that `convert` accepts."""
    return Converter(
        lambda value: None if value is None else convert(value), {"anyOf": [schema_of(convert), {"type": "null"}]}
    )


def list_of(convert: Callable[[object], T], *, such_as: str) -> Converter[tuple[T, ...]]:
    """Make the converter of a list that is not empty, without duplicates; `such_as` is an example for the message."""

    def convert_one(item: object) -> T:
        try:
            return convert(item)
        except CompleteValueError:
            raise
        except (TypeError, ValueError) as error:
            subject = "an empty entry" if item is None else describe_value(item)
            raise CompleteValueError(f"it holds {subject}; {error}") from None

    def convert_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f"it must be a list of at least one, such as {such_as}")
        return tuple(dict.fromkeys(convert_one(item) for item in value))

    return Converter(convert_all, {"type": "array", "minItems": 1, "items": schema_of(convert)})
