"""The provider contract. Third parties implement `Provider` and register it as ``mkdocs_leonardo.providers``.

`submit` may cost money and is called at most once per journalled intent. `fetch` is free, may be called again by a
later process with nothing but the `Submission`, and never submits. Both raise only `ProviderError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from mkdocs_leonardo.clock import Clock
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.http import Api

T = TypeVar("T")

__all__ = [
    "Account",
    "ChecksAccess",
    "Clock",
    "FindsLostJobs",
    "GeneratedImage",
    "Prepares",
    "Provider",
    "ProviderContext",
    "RenderTimes",
    "ReportsAccount",
    "Submission",
    "TakesReferences",
]


@dataclass(frozen=True, slots=True)
class Account:
    """The account as the service states it; None for a value that it does not state. `usd` are dollars, not credits.

    `credit_usd` is the price of one credit, if the provider knows it.
    """

    credits: float | None = None
    usd: float | None = None
    slots: int | None = None
    credit_usd: float | None = None


@dataclass(frozen=True, slots=True)
class RenderTimes:
    """Render times seen by earlier jobs, by kind (model, size, quality), in seconds; kept across builds."""

    seen: Callable[[str], tuple[float, ...]]
    observe: Callable[[str, float], None]


class Uploads(Protocol):
    """Values about files that were uploaded to the service. Those that are lost are found out again, which is free."""

    def get(self, key: str) -> JsonValue | None:
        """The value of `key`, if there is one."""
        ...

    def update(self, key: str, change: Callable[[JsonValue | None], tuple[T, JsonValue]], *, expire_s: float) -> T:
        """Apply `change` to the value of `key`; it returns a result, which is returned, and the new value."""
        ...


class OwnUploads:
    """Values about uploads that are kept as long as the process lives."""

    def __init__(self) -> None:
        self._values: dict[str, JsonValue] = {}

    def get(self, key: str) -> JsonValue | None:
        """The value of `key`, if there is one."""
        return self._values.get(key)

    def update(self, key: str, change: Callable[[JsonValue | None], tuple[T, JsonValue]], *, expire_s: float) -> T:  # noqa: ARG002 - no process lives so long
        """Apply `change` to the value of `key`."""
        result, self._values[key] = change(self._values.get(key))
        return result


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """The values that a provider is made from.

    `key` is the API key from the environment, None if there is none: the provider then only names pictures, and is
    never asked for one. `uploads` remembers what was uploaded. `key_variable` names the variable that holds the key.
    `options` are the provider's own settings. `rate_limiter` is asked before every API request: it returns 0.0 and has
    counted the request, or the seconds to wait.
    """

    key: str | None = field(repr=False)
    options: object
    clock: Clock
    rate_limiter: Callable[[float], float]
    render_times: RenderTimes
    uploads: Uploads = field(default_factory=OwnUploads)
    key_variable: str = ""

    def connection(
        self, provider: str, *, base_url: str, secret_headers: Callable[[str], Mapping[str, str]]
    ) -> Connection:
        """The API under `base_url`, with the headers that `secret_headers` makes of the key."""

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
        """The API; NotSetUp if its address or key cannot be used at all."""
        if self._api is None:
            self._api = self._connect()
        return self._api

    async def aclose(self) -> None:
        """Close the connection, if it is open."""
        if self._api is not None:
            await self._api.aclose()


class Provider(Protocol):
    """One image service, configured. Cheap to make: connects on first use."""

    @property
    def name(self) -> str:
        """The name in `providers:` and in every record."""
        ...

    @property
    def model(self) -> str:
        """The model that draws; part of the key."""
        ...

    @property
    def options(self) -> Mapping[str, JsonValue]:
        """The provider's own settings that change pixels; part of the key."""
        ...

    @property
    def timeout_s(self) -> float:
        """The time for which a page waits for an accepted job, counted from acceptance (seconds)."""
        ...

    def estimate_usd(self, picture: PictureSpec) -> float:
        """The expected cost of one picture, for the cap."""
        ...

    async def submit(self, picture: PictureSpec) -> Submission:
        """The one call that may cost money; sends the create request exactly once."""
        ...

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """The picture of an accepted job; free and repeatable.

        Failed polls and downloads are tried again until `give_up_at` (Unix seconds), then `JobUnfinished`.
        """
        ...

    async def aclose(self) -> None:
        """Close connections; nothing may be used afterwards."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A provider that brings something to its service before it can order."""

    async def prepare(self, picture: PictureSpec) -> None:
        """Upload what the create call for `picture` names, which costs nothing; ProviderError if that fails.

        It may take minutes, so it comes before the call is capped and journalled.
        """
        ...


@runtime_checkable
class TakesReferences(Protocol):
    """A provider whose service takes a reference image with some of its models."""

    @property
    def takes_references(self) -> bool:
        """Whether the model in use takes one; if not, the provider is asked for no page that has a reference."""
        ...


@runtime_checkable
class FindsLostJobs(Protocol):
    """A provider whose account lists recent jobs, so that a lost answer can be made good."""

    async def find(self, picture: PictureSpec, *, since: float, known: frozenset[str]) -> Submission | None:
        """The accepted, not failed job for `picture` made after `since` (Unix seconds) and not in `known`.

        None says that there is certainly none: the list was read until it was past `since`. `ProviderError` where
        that could not be done. Every create call is sent with a `picture.seed` of its own, which tells its job from
        every other one; without a seed (a call of an earlier version) the newest job that fits is meant.
        """
        ...


@runtime_checkable
class ReportsAccount(Protocol):
    """A provider that can tell balance and slots, and so whether the service accepts the key."""

    async def account(self) -> Account:
        """Balance and slots; raises `ProviderError` when refused or unreadable."""
        ...


@runtime_checkable
class ChecksAccess(Protocol):
    """A provider that cannot tell a balance, and can find out without paying whether a picture could be asked for."""

    async def check_access(self) -> str:
        """The words of `doctor` once the service has accepted the key, such as the model; else `ProviderError`."""
        ...
