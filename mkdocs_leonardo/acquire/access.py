"""Access of one build to its providers: switched off, cooling down, slots, request limit, breaker."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, Event, Lock

from mkdocs_leonardo.clock import Clock
from mkdocs_leonardo.concurrency import hold_slot, to_thread
from mkdocs_leonardo.errors import ProviderError
from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.providers.base import Provider

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.declaration import Alert
    from mkdocs_leonardo.storage.limits import Cooldowns, RateLimiter

#: The requests of one job, from create call to last poll; Leonardo's jobs take 2.9 to 4.0 (see `leonardo/schedule.py`).
REQUESTS_PER_JOB = 5
#: The interval between two checks of the request limit (seconds).
PACE_S = 1.0
#: The most pages with create calls in flight at a provider that has accepted no call yet.
MOST_PROBES = 2
#: A provider is down when the create calls of this many pages in a row have all failed.
PAGES_OF_AN_OUTAGE = 2


class Access:
    """The state of each provider in one build, and the limits of requests to it."""

    def __init__(
        self,
        *,
        cooldowns: Cooldowns,
        clock: Clock,
        notify: Notify,
        alerts: Mapping[str, Alert | None],
        rate_limiters: Mapping[str, RateLimiter],
    ) -> None:
        """A provider without one of the `rate_limiters` has no request limit."""
        self._cooldowns = cooldowns
        self._clock = clock
        self._notify = notify
        self._alerts = alerts
        self._rate_limiters = rate_limiters
        self._off: dict[str, str] = {}
        self._cooling: dict[str, str] = {}
        self._breakers: dict[str, ProviderBreaker] = {}
        self._accounts: dict[str, Event] = {}
        self._slots: dict[str, CapacityLimiter] = {}
        self._gates: dict[str, Lock] = {}
        self._in_flight: Counter[str] = Counter()

    def is_off(self, name: str) -> bool:
        """Return whether the provider gets no more requests in this build."""
        return name in self._off

    def switch_off(self, name: str, reason: str, level: int) -> None:
        """Send the provider no more requests in this build; logs the first reason."""
        if name not in self._off:
            self._off[name] = reason
            self._notify(level, f"{name} is off for this build: {reason}")
            self.get_breaker(name).wake()

    async def cool_down(self, name: str, reason: str, cooldown_s: float) -> None:
        """Send the provider no create call for `cooldown_s`, from any process on the cache."""
        self._cooling[name] = reason
        await to_thread(self._cooldowns.cool_down, name, self._clock.now() + cooldown_s)
        self.get_breaker(name).wake()

    async def find_reason_not_to_call(self, name: str) -> str | None:
        """Return why the provider gets no create call now; None if a call may be sent."""
        if name in self._off:
            return self._off[name]
        if await to_thread(self._cooldowns.get_end, name) > self._clock.now():
            # One text for all callers, so that one warning names all their pages.
            return self._cooling.get(name, "is paused: a short while ago it was down, or refused too many requests")
        return None

    def get_breaker(self, name: str) -> ProviderBreaker:
        """Return the provider's circuit breaker."""
        return self._breakers.setdefault(name, ProviderBreaker())

    async def wait_to_call(self, name: str, caller: object) -> str | None:
        """Wait until the caller may send a create call. Returns None then, or the reason why it may not."""
        breaker = self.get_breaker(name)
        while (reason := await self.find_reason_not_to_call(name)) is None and not breaker.admit(caller):
            await breaker.wait_for_change()
        return reason

    async def check_account(self, provider: Provider) -> None:
        """Read balance and slots of the account once per build; a failed request changes nothing."""
        if not provider.reports_account or await self.find_reason_not_to_call(provider.name) is not None:
            return
        if provider.name in self._accounts:
            await self._accounts[provider.name].wait()
            return
        answered = self._accounts[provider.name] = Event()
        try:
            account = await provider.account()
        except ProviderError as error:
            # The create call goes ahead; its answer shows whether the account can pay.
            self._notify(logging.DEBUG, f"{provider.name}: the account could not be read ({error})")
            return
        finally:
            answered.set()
        if account.slots is not None and account.slots > 0:
            self._slots[provider.name] = CapacityLimiter(account.slots)
        alert = self._alerts.get(provider.name)
        if alert is not None and alert.is_below(account):
            balance = account.describe()
            self._notify(logging.WARNING, f"{provider.name}: {balance}, below the alert at {alert}; top the account up")

    @asynccontextmanager
    async def throttle(self, name: str) -> AsyncIterator[None]:
        """Wait until the request limit has room for all requests of this job and of the jobs in flight.

        Otherwise polls would wait for the limit, the job would seem late, and the next provider would be paid.
        """
        async with self._gates.setdefault(name, Lock()):
            waited = False
            limiter = self._rate_limiters.get(name)
            while limiter is not None and await self.find_reason_not_to_call(name) is None:
                requests = REQUESTS_PER_JOB * (self._in_flight[name] + 1)
                wait_s = await to_thread(limiter.compute_wait_s, self._clock.now(), requests)
                if wait_s <= 0:
                    break
                if not waited:
                    self._notify(logging.DEBUG, f"{name}: waiting for room under requests_per_minute")
                waited = True
                await self._clock.sleep(min(wait_s, PACE_S))
            self._in_flight[name] += 1
        try:
            yield
        finally:
            self._in_flight[name] -= 1

    @asynccontextmanager
    async def hold_account_slot(self, name: str) -> AsyncIterator[Callable[[], None]]:
        """Hold one of the account's slots, if their number is known; the yielded function releases it early."""
        limiter = self._slots.get(name)
        if limiter is None:
            yield lambda: None
            return
        async with hold_slot(limiter) as release:
            yield release


class ProviderBreaker:
    """A circuit breaker for create calls to one provider. A caller is the acquisition of one page's picture.

    Before the first accepted call, and after each failed one, at most `MOST_PROBES` callers call the provider until it
    accepts a call. The provider is down when `PAGES_OF_AN_OUTAGE` callers in a row have failed.
    """

    def __init__(self) -> None:
        self._is_up = False
        self._accepts = 0
        self._failures = 0
        self._probes: set[object] = set()
        self._accepts_before: dict[object, int] = {}
        self._event: Event | None = None

    def admit(self, caller: object) -> bool:
        """Count the caller until `leave`, if a call may be sent now; returns whether it may."""
        if not self._is_up and caller not in self._probes:
            # After one failed caller, one more decides.
            if len(self._probes) >= max(1, MOST_PROBES - self._failures):
                return False
            self._probes.add(caller)
        self._accepts_before.setdefault(caller, self._accepts)
        return True

    def record_acceptance(self, caller: object) -> None:
        """Record an accepted call."""
        self._accepts += 1
        self._failures = 0
        self._is_up = True
        self.leave(caller)

    def record_failure(self) -> None:
        """Record a failed call or a missing answer."""
        self._is_up = False

    def reset(self) -> None:
        """Record a refusal: the provider has answered, so earlier failures do not count."""
        self._failures = 0

    def record_failed_caller(self, caller: object) -> bool:
        """Record that every call of the caller has failed; returns whether the provider is down."""
        # If the provider has accepted a call since this caller began, it is up, and the count starts again.
        self._failures = self._failures + 1 if self._accepts_before.get(caller) == self._accepts else 0
        return self._failures >= PAGES_OF_AN_OUTAGE

    def leave(self, caller: object) -> None:
        """Stop counting the caller, which sends no more calls."""
        self._accepts_before.pop(caller, None)
        self._probes.discard(caller)
        self.wake()

    def wake(self) -> None:
        """Wake the callers that wait."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait_for_change(self) -> None:
        """Wait until `wake` is called."""
        if self._event is None:
            self._event = Event()
        await self._event.wait()
