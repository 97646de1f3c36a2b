"""Values that the processes on one cache share, such as request windows and cooldowns.

Without a usable store, each process has limits of its own, in memory.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from mkdocs_leonardo.errors import StoreUnavailable
from mkdocs_leonardo.spec import JsonValue
from mkdocs_leonardo.storage.checked_json import numbers_in
from mkdocs_leonardo.storage.text_store import TextStore

#: A minute, and a second for requests that arrive late: the service counts by its own clock.
WINDOW_S = 61.0
#: The longest cooldown (seconds): longer than a build, and short where a wrong clock asks for years. A longer one in a
#: store is ignored.
LONGEST_COOLDOWN_S = 3600.0

_LEAST_WAIT_S = 0.001

T = TypeVar("T")


class SharedValues:
    """Values by key, in a store until it fails, and from then on in the memory of this process."""

    def __init__(self, store: TextStore) -> None:
        self._is_shared = True
        self._store = store
        self._memory: dict[str, JsonValue] = {}
        self._lock = threading.Lock()

    def update(self, key: str, change: Callable[[JsonValue | None], tuple[T, JsonValue]], *, expire_s: float) -> T:
        """Replace the value of `key` and return a result; `change` returns (result, new value)."""
        with self._lock:
            if self._is_shared:
                try:
                    with self._store.transaction():
                        result, value = change(self._store.get(key))
                        self._store.set(key, value, expire_s)
                except StoreUnavailable:
                    # A locked file would delay every request, so the store is not used again.
                    self._is_shared = False
            if not self._is_shared:
                result, value = change(self._memory.get(key))
            self._memory[key] = value
            return result

    def get(self, key: str) -> JsonValue | None:
        """Return the value of `key`, if there is one."""
        with self._lock:
            if self._is_shared:
                try:
                    return self._store.get(key)
                except StoreUnavailable:
                    self._is_shared = False
            return self._memory.get(key)


class RateLimiter:
    """The limit of `per_minute` requests to `provider` in any 60 s, for all processes on the store together.

    `granted` counts this process's requests.
    """

    def __init__(self, store: TextStore, provider: str, per_minute: int) -> None:
        self.granted = 0
        self._counting = threading.Lock()
        self._values = SharedValues(store)
        self._key = f"window:{provider}"
        self._per_minute = max(1, per_minute)

    def reserve(self, now: float) -> float:
        """Count a request at `now` (Unix seconds) and return 0.0, or return how many seconds to wait."""

        def change(value: JsonValue | None) -> tuple[float, JsonValue]:
            wait_s, times = admit(numbers_in(value), now, self._per_minute)
            return wait_s, list(times)

        wait_s = self._values.update(self._key, change, expire_s=2 * WINDOW_S)
        if wait_s <= 0:
            with self._counting:
                self.granted += 1
        return wait_s

    def compute_wait_s(self, now: float, requests: int) -> float:
        """Return the wait until the window has room for `requests` (seconds), or is empty; 0.0 if it has room now."""
        spare = min(requests, self._per_minute) - 1
        return admit(numbers_in(self._values.get(self._key)), now, self._per_minute - spare)[0]


class Cooldowns:
    """The cooldowns of providers. During its cooldown, a provider gets no create call."""

    def __init__(self, store: TextStore, now: Callable[[], float]) -> None:
        self._values = SharedValues(store)
        self._now = now

    def cool_down(self, provider: str, until: float) -> None:
        """Start a cooldown until a Unix time, an hour from now at most. A longer cooldown stays."""
        latest = self._now() + LONGEST_COOLDOWN_S
        end = min(until, latest) if math.isfinite(until) else latest

        def change(value: JsonValue | None) -> tuple[None, JsonValue]:
            return None, max(end, self._limit_end(value))

        self._values.update(f"rest:{provider}", change, expire_s=LONGEST_COOLDOWN_S)

    def get_end(self, provider: str) -> float:
        """Return the Unix time at which the cooldown ends, an hour ahead at most; a past time without a cooldown."""
        return self._limit_end(self._values.get(f"rest:{provider}"))

    def _limit_end(self, value: JsonValue | None) -> float:
        """Return a stored time; 0.0 for a foreign time, and for one from before the clock was put back."""
        (until,) = numbers_in([value]) or (0.0,)
        return until if until <= self._now() + LONGEST_COOLDOWN_S else 0.0


def admit(times: Iterable[float], now: float, per_minute: int) -> tuple[float, tuple[float, ...]]:
    """Return the wait of a request at `now` after requests at `times` (seconds), and the times to keep.

    A time ahead of `now` by up to a window counts as it is: another process read the clock a moment later. A time
    further ahead counts as `now`: it was written before the clock was put back. So no request waits for more than two
    windows. The newest `per_minute` times are kept even if they are too old to count, for processes whose clock is
    behind.
    """
    recent = sorted(min(time, now) if time > now + WINDOW_S else time for time in times if now - time < 2 * WINDOW_S)
    counted = [time for time in recent if now - time < WINDOW_S]
    if len(counted) < per_minute:
        return 0.0, (*recent[max(0, len(recent) - per_minute + 1) :], now)
    wait_s = counted[len(counted) - per_minute] + WINDOW_S - now
    return max(_LEAST_WAIT_S, wait_s), tuple(counted)
