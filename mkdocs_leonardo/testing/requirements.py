"""The requirements of the provider contract, the error that names a violated one, and the decorator of their tests."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import wait
from enum import StrEnum
from functools import partial
from typing import TypeVar

import anyio

from mkdocs_leonardo.concurrency import start_daemon

#: Time limit of one test (seconds): a provider that never ends is a failure instead of a run that hangs.
TEST_LIMIT_S = 60.0

Contract = TypeVar("Contract")


class Requirement(StrEnum):
    """The requirements of a build."""

    IS_COMPLETE = "has a name, a model, options, a time limit and an estimate, with and without a key"
    OPENS_NOTHING = "opens no connection before it is asked for an image"
    SAME_KEY = "gives the same image the same key, on every machine and in every process"
    DELIVERS = "brings the image"
    SUBMITS_ONCE = "never submits twice"
    TRIES_AGAIN = "tries a failed fetch again"
    FETCHES_LATER = "fetches in a later process, with nothing but the stored submission"
    STATES_CHARGED = "says with every error whether money may be gone"
    RAISES_OURS = "raises ProviderError and nothing else, of the kind that tells what can be done"
    KEEPS_KEYS = "shows the key to the service only"
    ENDS_WHEN_CANCELLED = "ends when it is cancelled"
    KEEPS_TIME = "ends within its time limits"
    ASKS_FIRST = "asks `rate_limiter` before every request to the API"


class ContractViolation(AssertionError):
    """A provider violates a requirement of the contract; the message begins with the requirement."""

    def __init__(self, requirement: Requirement, detail: str) -> None:
        super().__init__(f"A provider {requirement}: {detail}")
        self.requirement = requirement


class Unmet(Exception):
    """A condition of the running test is not met; the message says what was seen."""


def require(condition: object, detail: str, cause: object = None) -> None:
    """Raise Unmet unless the condition is true. `cause`, if it is an exception, becomes the exception's cause."""
    if not condition:
        raise Unmet(detail) from (cause if isinstance(cause, BaseException) else None)


def tests(
    requirement: Requirement,
) -> Callable[[Callable[[Contract], Awaitable[None]]], Callable[[Contract], None]]:
    """Make the coroutine a test method of the requirement, with an event loop and a time limit of its own."""

    def decorate(check: Callable[[Contract], Awaitable[None]]) -> Callable[[Contract], None]:
        @functools.wraps(check)
        def test(self: Contract) -> None:
            # A provider that ignores its cancellation must not stop the end of the process.
            outcome = start_daemon(partial(anyio.run, check, self))
            if not wait([outcome], TEST_LIMIT_S).done:
                raise ContractViolation(Requirement.KEEPS_TIME, f"it still went on after {TEST_LIMIT_S:.0f} s")
            try:
                outcome.result()
            except Unmet as unmet:
                raise ContractViolation(requirement, str(unmet)) from unmet.__cause__

        return test

    return decorate
