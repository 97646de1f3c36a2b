"""Helpers for anyio: a call in a worker thread, and a slot of a limiter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from anyio import CapacityLimiter

T = TypeVar("T")


async def to_thread(function: Callable[..., T], *arguments: object, limiter: CapacityLimiter | None = None) -> T:
    """Call the function in a worker thread, of those that `limiter` counts or of the event loop's own."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=limiter)


@asynccontextmanager
async def hold_slot(limiter: CapacityLimiter) -> AsyncIterator[Callable[[], None]]:
    """Hold one token of the limiter during the block, or until the yielded function is called."""
    holder = object()
    await limiter.acquire_on_behalf_of(holder)
    is_held = True

    def release() -> None:
        nonlocal is_held
        if is_held:
            is_held = False
            limiter.release_on_behalf_of(holder)

    try:
        yield release
    finally:
        release()
