"""The tests of the provider contract, each of one requirement."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import math
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import anyio

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobUnfinished,
    JobUnknown,
    ProviderError,
    RateLimited,
    ServiceFailed,
)
from mkdocs_leonardo.imaging.formats import is_whole_picture
from mkdocs_leonardo.providers.base import Provider
from mkdocs_leonardo.spec import Submission
from mkdocs_leonardo.testing.requirements import Requirement, Unmet, require, tests
from mkdocs_leonardo.testing.rig import (
    FETCH_TIMEOUT_S,
    SPEED,
    ProviderUnderTest,
    Rig,
    ask_new_process,
    open_rig,
)
from mkdocs_leonardo.testing.service import PICTURE_PATH, Fault, LoopbackService

#: The longest time in which a cancelled call may end (seconds).
_CANCEL_S = 2.0
_FREE = frozenset({Charged.NO})
_MAYBE_CHARGED = frozenset({Charged.YES, Charged.UNKNOWN})
#: For each failure: the kind of its error, and the values that `charged` may have.
_EXPECTED: Mapping[str, tuple[type[ProviderError], frozenset[Charged]]] = {
    "REFUSED_KEY": (AccountRefused, _FREE),
    "TOO_MANY": (RateLimited, _FREE),
    "FAILED": (ProviderError, _FREE | _MAYBE_CHARGED),
    "GARBLED": (ServiceFailed, _MAYBE_CHARGED),
    "CUT": (ServiceFailed, _MAYBE_CHARGED),
    "UNREACHABLE": (ServiceFailed, _FREE),
    "FETCH": (JobUnfinished, _MAYBE_CHARGED),
}


class ProviderContract(ProviderUnderTest):
    """Subclass it and fill in the service and the provider; each test below is one requirement."""

    # What the provider is --------------------------------------------------------------------------------------------

    @tests(Requirement.IS_COMPLETE)
    async def test_is_complete_with_and_without_a_key(self) -> None:
        """Name, model, options, time limit and estimate are there before a request is made."""
        async with open_rig(self) as rig:
            without_key = self.declaration.make(rig.context(None))
            for provider in (rig.provider, without_key):
                _require_valid_members(provider, self)
            await without_key.aclose()

    @tests(Requirement.OPENS_NOTHING)
    async def test_opens_no_connection_before_it_is_asked(self) -> None:
        """A build creates every provider, also one whose images are all stored."""
        async with open_rig(self) as rig:
            rig.key_of(rig.provider)
            rig.provider.estimate_usd(self.picture)
            await anyio.sleep(0.05)
            require(not rig.service.count_connections(), "the service saw a connection")

    @tests(Requirement.SAME_KEY)
    async def test_same_picture_has_the_same_key(self) -> None:
        """The key of an image depends on no address, no API key, no clock and no process."""
        async with open_rig(self) as rig, open_rig(self) as other_rig:
            keys = {
                rig.key_of(rig.provider),
                other_rig.key_of(other_rig.provider),
                other_rig.key_of(self.declaration.make(other_rig.context("another-key-5f3a9c07"))),
                await ask_new_process(self, rig.base_url),
            }
            require(len(keys) == 1, "name, model or options differ from one time to the next")

    # What it does ----------------------------------------------------------------------------------------------------

    @tests(Requirement.DELIVERS)
    async def test_brings_the_image(self) -> None:
        """`submit` returns a submission that can be stored, and `fetch` a whole image."""
        async with open_rig(self) as rig:
            submission = await rig.must_submit()
            _require_storable(submission, rig)
            image = await rig.fetch(submission)
            if isinstance(image, Exception):
                raise Unmet(f"fetch ended in {image!r}, although the service did not fail") from image
            require(is_whole_picture(image.data), "the result of fetch is no whole JPEG, PNG, WebP or AVIF")

    @tests(Requirement.SUBMITS_ONCE)
    async def test_never_submits_twice(self) -> None:
        """One call of `submit` is one create request, whatever the response; `fetch` sends none."""
        for fault in (None, *Fault):
            async with open_rig(self, speed=1.0 if fault is Fault.HELD else SPEED) as rig:
                rig.service.on_create = fault
                submission = await rig.submit()
                rig.service.release()
                _require_one_create(rig, f"submit, with {fault.name} as the answer" if fault else "submit")
                if isinstance(submission, Submission):
                    rig.service.on_fetch = [Fault.FAILED, Fault.CUT, Fault.GARBLED]
                    for _ in range(2):
                        await rig.fetch(submission)
                    _require_one_create(rig, "submit and two calls of fetch")
        async with open_rig(self, speed=1.0) as rig:
            rig.service.on_create = Fault.HELD
            await _cancel(rig.submit, when=lambda: rig.service.creates > 0, then=rig.service.release)
            _require_one_create(rig, "submit, cancelled")

    @tests(Requirement.TRIES_AGAIN)
    async def test_tries_a_failed_fetch_again(self) -> None:
        """A poll or download that fails costs nothing, and the paid image can still be fetched."""
        async with open_rig(self) as rig:
            submission = await rig.must_submit()
            rig.service.on_fetch = [Fault.FAILED, Fault.CUT]
            image = await rig.fetch(submission)
            require(not isinstance(image, Exception), f"after two failures fetch gave up with {image!r}", image)

    @tests(Requirement.FETCHES_LATER)
    async def test_fetches_in_a_later_process(self) -> None:
        """The next build collects the job of a build that died, or learns that its image is gone."""
        async with open_rig(self) as rig:
            submission = await rig.must_submit()
            creates = rig.service.creates
            result = await ask_new_process(self, rig.base_url, submission)
            require(rig.service.creates == creates, "it submitted again")
            is_gone = result == JobUnknown.__name__ and submission.image is not None
            require(result == "picture" or is_gone, f"it ended in {result}")

    @tests(Requirement.ASKS_FIRST)
    async def test_asks_for_capacity_before_every_request(self) -> None:
        """Builds that run at once share one limit, so `rate_limiter` counts every request."""
        async with open_rig(self) as rig:
            rig.is_open = False
            submissions: list[Submission] = []

            async def submit() -> None:
                submissions.append(await rig.must_submit())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(submit)
                await anyio.sleep(0.3)
                early = len(rig.service.api_requests)
                rig.is_open = True
            require(not early, "a request went out while `rate_limiter` asked to wait")
            await rig.fetch(submissions[0])
            sent = len(rig.service.api_requests)
            require(rig.granted >= sent, f"{sent} requests went out, `rate_limiter` had let {rig.granted} go")

    # What it says ----------------------------------------------------------------------------------------------------

    async def _failures(self) -> list[tuple[str, Exception, Rig]]:
        """List each failure of `_EXPECTED` by name, with the error that it ends in and the rig."""
        outcomes: list[tuple[str, object, Rig]] = []
        for fault in (Fault.REFUSED_KEY, Fault.TOO_MANY, Fault.FAILED, Fault.GARBLED, Fault.CUT):
            async with open_rig(self) as rig:
                rig.service.on_create = fault
                outcomes.append((fault.name, await rig.submit(), rig))
        async with open_rig(self, is_reachable=False) as rig:
            outcomes.append(("UNREACHABLE", await rig.submit(), rig))
        async with open_rig(self, speed=1.0) as rig:
            submission = await rig.must_submit()
            rig.service.always_on_fetch = Fault.FAILED
            outcomes.append(("FETCH", await rig.fetch(submission, 0.5), rig))
        return [(name, error, rig) for name, error, rig in outcomes if isinstance(error, Exception)]

    @tests(Requirement.STATES_CHARGED)
    async def test_says_with_every_error_whether_money_may_be_gone(self) -> None:
        """`charged` decides whether a build may submit again: never NO if the request may have been carried out."""
        for name, error, _ in await self._failures():
            if isinstance(error, ProviderError):
                allowed = _EXPECTED[name][1]
                detail = f"{name}: charged is {error.charged!r}, not {' or '.join(sorted(allowed))}"
                require(error.charged in allowed, detail)

    @tests(Requirement.RAISES_OURS)
    async def test_raises_nothing_but_provider_errors(self) -> None:
        """The kind of error tells a build what it can do."""
        failures = await self._failures()
        succeeded = set(_EXPECTED) - {"FETCH"} - {name for name, _, _ in failures}
        require(not succeeded, f"submit returned a job in spite of {', '.join(sorted(succeeded))}")
        for name, error, rig in failures:
            kind = _EXPECTED[name][0]
            require(isinstance(error, kind), f"{name} ended in {error!r}, not in a {kind.__name__}", error)
            owner = getattr(error, "provider", None)
            require(owner == rig.provider.name, f"{name}: the error's provider is {owner!r}", error)

    @tests(Requirement.KEEPS_KEYS)
    async def test_shows_the_key_to_the_service_only(self) -> None:
        """The key is in no error, repr, log or address, and in no request to the image's host; services quote it."""
        with _capture_logs() as logged:
            failures = await self._failures()
            async with open_rig(self) as rig:
                submission = await rig.must_submit()
                await rig.fetch(submission)
        texts = [("repr", repr(rig.provider)), ("repr", repr(submission)), ("a log", logged.getvalue())]
        texts += [(f"the error of {name}", text) for name, error, _ in failures for text in _texts_of(error)]
        for item in (rig, *(failed_rig for _, _, failed_rig in failures)):
            for request in tuple(item.service.requests):
                texts.append(("an address", request.target))
                if request.path == PICTURE_PATH:
                    texts.extend(("a request to the image's host", value) for value in request.headers.values())
        for location, text in texts:
            require(self.key not in text, f"it is in {location}")

    # When it ends ----------------------------------------------------------------------------------------------------

    @tests(Requirement.ENDS_WHEN_CANCELLED)
    async def test_ends_when_it_is_cancelled(self) -> None:
        """An interrupted build ends; it may wait only for a response that is the paid image itself."""
        for fault in (None, Fault.HELD):
            async with open_rig(self, speed=1.0) as rig:
                submission = await rig.must_submit()
                rig.service.is_finished = False
                rig.service.always_on_fetch = fault

                async def fetch(rig: Rig = rig, submission: Submission = submission) -> None:
                    await rig.fetch(submission, _CANCEL_S * 3)

                is_over = await _cancel(fetch, when=_has_new_request(rig.service))
                require(is_over, f"fetch still went on {_CANCEL_S:g} s later")
        async with open_rig(self, speed=1.0) as rig:
            rig.service.on_create = Fault.HELD
            is_over = await _cancel(rig.submit, when=lambda: rig.service.creates > 0, then=rig.service.release)
            require(is_over, f"submit still went on {_CANCEL_S:g} s after the service's response")

    @tests(Requirement.KEEPS_TIME)
    async def test_fetch_ends_at_its_deadline(self) -> None:
        """A job that never finishes, or a service that never responds, holds a page for its time and no longer."""
        for fault in (None, Fault.HELD):
            async with open_rig(self, speed=1.0) as rig:
                submission = await rig.must_submit()
                rig.service.is_finished = False
                rig.service.always_on_fetch = fault
                began_at = time.monotonic()
                image = await rig.fetch(submission, 0.5)
                late_s = time.monotonic() - began_at - 0.5
                require(late_s <= self.late_s, f"fetch ended {late_s:.1f} s after `give_up_at`")
                is_right = submission.image is not None or isinstance(image, JobUnfinished)
                require(is_right, f"at `give_up_at` fetch ended in {image!r}")

    @tests(Requirement.KEEPS_TIME)
    async def test_submit_does_not_wait_for_ever(self) -> None:
        """A service that takes the request and never responds is given up."""
        async with open_rig(self, speed=1.0) as rig:
            rig.service.on_create = Fault.HELD
            began_at = time.monotonic()
            result = await rig.submit()
            is_in_time = time.monotonic() - began_at <= self.submit_limit_s and isinstance(result, Exception)
            require(is_in_time, f"submit waited longer than {self.submit_limit_s:g} s")


def _require_valid_members(provider: Provider, subject: ProviderUnderTest) -> None:
    require(isinstance(provider, Provider), "its class does not inherit Provider")
    is_named = isinstance(provider.name, str) and re.fullmatch(r"[a-z][a-z0-9_-]*", provider.name)
    require(is_named, f"name is {provider.name!r}; it must be the entry point's, in small letters")
    for derived, method in (("keeps_jobs", "find"), ("reports_account", "account")):
        is_own = getattr(type(provider), derived) is not getattr(Provider, derived)
        require(not is_own, f"{derived} is overridden; {method} says it")
    require(isinstance(provider.model, str) and provider.model, f"model is {provider.model!r}")
    require(_is_number(provider.timeout_s) and provider.timeout_s > 0, f"timeout_s is {provider.timeout_s!r}")
    try:
        json.dumps(dict(provider.options), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Unmet(f"options cannot be written as JSON ({error})") from error
    usd = provider.estimate_usd(subject.picture)
    is_price = _is_number(usd) and (usd > 0 or (usd == 0 and subject.is_free))
    require(is_price, f"estimate_usd is {usd!r}; a cap can hold nothing back that costs nothing")
    require(usd == provider.estimate_usd(subject.picture), "estimate_usd changes from one question to the next")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _require_storable(submission: Submission, rig: Rig) -> None:
    require(submission.provider == rig.provider.name, f"the submission is {submission.provider!r}'s")
    has_job = isinstance(submission.job_id, str) and (submission.job_id or submission.image is not None)
    require(has_job, f"job_id is {submission.job_id!r}")
    is_now = abs(submission.accepted_at - rig.clock.now()) <= FETCH_TIMEOUT_S
    require(is_now, "accepted_at is not the time by `context.clock`")
    usd = submission.cost_usd
    require(usd is None or (_is_number(usd) and usd >= 0), f"cost_usd is {usd!r}")


def _require_one_create(rig: Rig, subject: str) -> None:
    require(rig.service.creates <= 1, f"{rig.service.creates} create requests came from {subject}")


async def _cancel(
    act: Callable[[], Awaitable[object]], *, when: Callable[[], bool], then: Callable[[], None] = lambda: None
) -> bool:
    """Cancel `act` once `when` is true, then call `then`; return whether `act` ended in time."""
    scope = anyio.CancelScope()

    async def run() -> None:
        with scope:
            await act()

    # A task of asyncio's, since the wait for it can end before a task that ignores its cancellation.
    task = asyncio.ensure_future(run())
    give_up_at = time.monotonic() + _CANCEL_S
    while not task.done() and not when() and time.monotonic() < give_up_at:  # noqa: ASYNC110 - of another thread
        await anyio.sleep(0.01)
    scope.cancel()
    await anyio.sleep(0.1)
    then()
    done, _ = await asyncio.wait({task}, timeout=_CANCEL_S)
    await asyncio.wait({task}, timeout=_CANCEL_S * 5)  # the service is closed after the call
    return bool(done)


def _has_new_request(service: LoopbackService) -> Callable[[], bool]:
    """Make the function that says whether a request has come since now."""
    count = len(service.requests)
    return lambda: len(service.requests) > count


@contextmanager
def _capture_logs() -> Iterator[io.StringIO]:
    """Capture the text that all loggers log, down to DEBUG."""
    text = io.StringIO()
    root = logging.getLogger()
    handler = logging.StreamHandler(text)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def _texts_of(error: BaseException) -> Iterator[str]:
    """Yield every text that a report may show of an error and its causes."""
    yield "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        yield from (str(link), repr(link), repr(link.args), repr(getattr(link, "__dict__", "")))
        link = link.__cause__ or link.__context__
