"""Providers connected to the loopback services, and a clock that runs fast."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import anyio
from services import API_KEYS, GEMINI_KEY, LEONARDO_KEY, OPENAI_KEY, SIGNATURE, AnyServices

from mkdocs_leonardo.providers.base import ProcessMemory, ProviderContext
from mkdocs_leonardo.providers.gemini import GeminiOptions
from mkdocs_leonardo.providers.gemini.provider import GeminiProvider
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.leonardo.provider import LeonardoProvider
from mkdocs_leonardo.providers.openai import OpenAIOptions
from mkdocs_leonardo.providers.openai.provider import OpenAIProvider

OptionsT = TypeVar("OptionsT")


class FastClock:
    """A clock that advances only in `sleep`, which takes one `speed`-th of the time.

    Requests take no time on this clock, so that a busy machine makes no test miss a deadline.
    """

    def __init__(self, speed: float = 20.0) -> None:
        self._speed = speed
        self._now = time.time()

    def now(self) -> float:
        """Unix seconds: the start time and all sleeps."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""
        wakes_at = self._now + seconds
        await anyio.sleep(seconds / self._speed)
        self._now = max(self._now, wakes_at)


class SteppedClock(FastClock):
    """A clock whose `sleep` returns at once."""

    def __init__(self) -> None:
        super().__init__(math.inf)


class RealClock(FastClock):
    """The system's clock."""

    def __init__(self) -> None:
        super().__init__(1.0)

    def now(self) -> float:
        """Unix seconds."""
        return time.time()


class Memory(ProcessMemory):
    """A provider's memory, and the times of its requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[float] = []

    @property
    def times(self) -> dict[str, list[float]]:
        """The stored render times by kind."""
        stored: dict[str, Any] = self._values
        return {key.removeprefix("times:"): value for key, value in stored.items() if key.startswith("times:")}

    def rate_limiter(self, now: float) -> float:
        """A limiter that counts every request and delays none."""
        self.requests.append(now)
        return 0.0


def leonardo_at(
    services: AnyServices,
    *,
    clock: FastClock | None = None,
    key: str = LEONARDO_KEY,
    memory: Memory | None = None,
    rate_limiter: Callable[[float], float] | None = None,
    base_url: str | None = None,
    options: Mapping[str, object] | None = None,
) -> LeonardoProvider:
    """Leonardo's provider, made by its entry point's function and connected to the loopback services."""
    memory = memory or Memory()
    settings = {"timeout_s": 120.0, "generation_estimate_s": 1.0, **(options or {})}
    return LeonardoProvider(
        ProviderContext(
            key=key,
            options=LeonardoOptions(base_url=base_url or services.leonardo.base_url, **settings),  # type: ignore[arg-type]  # chosen by tests
            clock=clock or FastClock(),
            rate_limiter=rate_limiter or memory.rate_limiter,
            memory=memory,
        )
    )


def openai_at(
    services: AnyServices, *, key: str = OPENAI_KEY, base_url: str | None = None, **options: object
) -> OpenAIProvider:
    """OpenAI's provider, connected to the loopback services."""
    return OpenAIProvider(
        _context(key, OpenAIOptions(base_url=base_url or services.openai.base_url, **options))  # type: ignore[arg-type]  # chosen by tests
    )


def gemini_at(
    services: AnyServices, *, key: str = GEMINI_KEY, base_url: str | None = None, **options: object
) -> GeminiProvider:
    """Gemini's provider, connected to the loopback services."""
    return GeminiProvider(
        _context(key, GeminiOptions(base_url=base_url or services.gemini.base_url, **options))  # type: ignore[arg-type]  # chosen by tests
    )


def _context(key: str, options: OptionsT) -> ProviderContext[OptionsT]:
    memory = Memory()
    return ProviderContext(
        key=key,
        options=options,
        clock=FastClock(),
        rate_limiter=memory.rate_limiter,
        memory=memory,
    )


def shows_no_secret(error: BaseException, *more: str) -> bool:
    """Whether neither the error nor its causes contain a key, a signature or one of `more`."""
    texts = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        texts.extend([str(link), repr(link), repr(vars(link)), repr(link.args)])
        # The raw context as well: some reporters show what `from None` hides.
        link = link.__cause__ or link.__context__
        if link is not None and type(link).__module__.startswith(("httpx", "httpcore")):
            return False
    return not any(secret in text for secret in (*API_KEYS.values(), SIGNATURE, *more) for text in texts)
