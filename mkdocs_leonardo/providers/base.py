"""The provider contract. Every provider inherits `Provider`, and an entry point registers its declaration.

`submit` may cost money; a build calls it at most once for each create call in the journal. `fetch` is free and never
submits; a later process may call it again, with nothing but the `Submission`. Both raise only `ProviderError`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from mkdocs_leonardo.clock import Clock
from mkdocs_leonardo.errors import ListUnclear
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission, dollars

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.http import Api

T = TypeVar("T")
OptionsT_co = TypeVar("OptionsT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Account:
    """The account as the service states it; None for each value that it leaves out. `usd` are dollars, not credits.

    `credit_usd` is the price of one credit, if the provider knows it.
    """

    credits: float | None = None
    usd: float | None = None
    slots: int | None = None
    credit_usd: float | None = None

    @property
    def worth_usd(self) -> float | None:
        """The balance in US dollars; None if it is not stated, or if a credit's price is not known."""
        if self.credits is None:
            return self.usd
        return None if self.credit_usd is None else self.credits * self.credit_usd + (self.usd or 0.0)

    def describe(self) -> str:
        """Return a text such as ``45,677 credits left (about $68.29)``; "" if the service states nothing."""
        parts = [] if self.usd is None else [dollars(self.usd)]
        if self.credits is not None:
            parts.append(f"{self.credits:,.0f} credits")
        if not parts:
            return ""
        about = self.worth_usd if self.usd is None else None
        return f"{' and '.join(parts)} left{'' if about is None else f' (about {dollars(about)})'}"


class Memory(Protocol):
    """A provider's memory across builds, for values whose loss costs nothing, such as the ids of uploaded files."""

    def get(self, key: str) -> JsonValue | None:
        """Return the value of `key`, if there is one."""
        ...

    def update(self, key: str, change: Callable[[JsonValue | None], tuple[T, JsonValue]], *, expire_s: float) -> T:
        """Replace the value of `key` and return a result; `change` returns (result, new value)."""
        ...


class ProcessMemory:
    """A memory that ends with the process."""

    def __init__(self) -> None:
        self._values: dict[str, JsonValue] = {}

    def get(self, key: str) -> JsonValue | None:
        """Return the value of `key`, if there is one."""
        return self._values.get(key)

    def update(self, key: str, change: Callable[[JsonValue | None], tuple[T, JsonValue]], *, expire_s: float) -> T:  # noqa: ARG002 - a process ends before
        """Replace the value of `key` and return a result; `change` returns (result, new value)."""
        result, self._values[key] = change(self._values.get(key))
        return result


@dataclass(frozen=True)
class ProviderContext(Generic[OptionsT_co]):
    """The values that a provider is made from.

    `key`: the API key from the environment. Without one it is None, and the provider only computes keys of pictures.
    `options`: the provider's own settings, an object of the declared dataclass.
    `rate_limiter`: called before every API request; counts the request and returns 0.0, or returns the seconds to wait.
    `memory`: values for later builds; each key contains the provider's name.
    `key_variable`: the name of the API key's environment variable.
    """

    key: str | None = field(repr=False)
    options: OptionsT_co
    clock: Clock
    rate_limiter: Callable[[float], float]
    memory: Memory = field(default_factory=ProcessMemory)
    key_variable: str = ""

    def connection(
        self, provider: str, *, base_url: str, secret_headers: Callable[[str], Mapping[str, str]]
    ) -> Connection:
        """Return the API under `base_url`, with the headers that `secret_headers` makes of the key."""

        def connect() -> Api:
            from mkdocs_leonardo.providers.http import Api

            return Api(
                provider=provider,
                base_url=base_url,
                secret_headers=secret_headers(self.key or ""),
                rate_limiter=self.rate_limiter,
                clock=self.clock,
                key_variable=self.key_variable,
            )

        return Connection(connect)


class Connection:
    """One provider's API, which `connect` makes on first use."""

    def __init__(self, connect: Callable[[], Api]) -> None:
        self._connect = connect
        self._api: Api | None = None

    def __call__(self) -> Api:
        """Return the API; NotSetUp if its address or key cannot be used at all."""
        if self._api is None:
            self._api = self._connect()
        return self._api

    async def aclose(self) -> None:
        """Close the connection, if it is open."""
        if self._api is not None:
            await self._api.aclose()


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The facts of a page that a text model gets."""

    title: str
    description: str
    words: str

    @property
    def message(self) -> str:
        """The user's message to the model."""
        data = {"title": self.title, "description": self.description, "text": self.words}
        return json.dumps(data, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text model's proposal. Both texts are untrusted."""

    prompt: str
    alt: str


class Provider(ABC):
    """The interface of an image service, which every provider inherits.

    A provider connects on first use, so that every build can make it. The members from `takes_references` on are
    optional: a build uses those that the class sets or overrides.
    """

    name: str
    """The name in `providers:` and in every record."""
    model: str
    """The name of the model; part of the key."""
    options: Mapping[str, JsonValue]
    """The provider's own settings that change pixels; part of the key."""
    timeout_s: float
    """The time for which a page waits for an accepted job, counted from acceptance (seconds)."""
    takes_references: bool = False
    """Whether the model takes a reference image; if not, no page with one asks the provider."""

    @property
    def keeps_jobs(self) -> bool:
        """Whether the service lists its jobs: a class that overrides `find` says so.

        A later process can then fetch the image of a job, and search for the job of a lost answer.
        """
        return type(self).find is not Provider.find

    @property
    def reports_account(self) -> bool:
        """Whether the service states credits, dollars or slots: a class that overrides `account` says so."""
        return type(self).account is not Provider.account

    @abstractmethod
    def estimate_usd(self, picture: PictureSpec) -> float:
        """Return the expected cost of one picture, for the cap."""

    @abstractmethod
    async def submit(self, picture: PictureSpec) -> Submission:
        """Create a job, which may cost money; send the create request exactly once."""

    @abstractmethod
    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """Fetch the picture of an accepted job, which is free and repeatable.

        Failed polls and downloads are repeated until `give_up_at` (Unix seconds), then `JobUnfinished` is raised.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close connections. The provider gets no calls afterwards."""

    async def prepare(self, picture: PictureSpec) -> None:  # noqa: B027 - optional
        """Upload the files that the create call for `picture` names, free of charge; ProviderError if that fails.

        An upload may take minutes, so it precedes the reservation and the journal's entry.
        """

    async def find(self, picture: PictureSpec, *, since: float, known: frozenset[str]) -> Submission | None:  # noqa: ARG002 - the interface's
        """Find the accepted job for `picture` that was created after `since` (Unix seconds) and is not in `known`.

        A failed job does not count. None means that there is certainly no job: the list was read back to `since`.
        ProviderError if the list leaves that open. Each create call has a `picture.seed` of its own, by which its job
        is found. For a call without a seed (of an earlier version), the newest job that fits is returned.
        """
        raise ListUnclear("has no list of jobs", provider=self.name)

    async def account(self) -> Account:
        """Read balance and slots, which checks the key; ProviderError if they are refused or unreadable."""
        return Account()

    async def check_access(self) -> str:
        """Check the key free of charge; ProviderError if the service refuses.

        Returns the words for `doctor`, such as the model; "" if the key cannot be checked. It is for services that
        report no account.
        """
        return ""


class TextProvider(Provider):
    """The interface of an image service with a text model as well, which `suggest` asks."""

    text_model: str = ""
    """The name of the text model; "" without one."""
    text_usd_a_million: tuple[float, float] = (10.0, 50.0)
    """USD for a million tokens to the text model, and from it; by default above the known prices."""

    @abstractmethod
    async def suggest(self, facts: PageFacts) -> Suggestion:
        """Ask the text model for a proposal, exactly once and at a cost; ProviderError without one."""
