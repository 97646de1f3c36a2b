"""A provider connected to a service, with a clock, as the tests of the contract use it, here and in a new process."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import runpy
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any, ClassVar, cast

import anyio

from mkdocs_leonardo.imaging.formats import is_whole_picture
from mkdocs_leonardo.providers.base import Provider, ProviderContext
from mkdocs_leonardo.providers.declaration import Declaration
from mkdocs_leonardo.spec import GeneratedImage, PictureSpec, Submission, generation_key
from mkdocs_leonardo.testing.requirements import TEST_LIMIT_S, ContractViolation, Requirement
from mkdocs_leonardo.testing.service import LoopbackService

#: Seconds of a test's clock in one second, so that waits between two polls are short.
SPEED = 10.0
#: How long a service that does not fail may take for an image (seconds of the test's clock).
FETCH_TIMEOUT_S = 60.0
#: An address at which no service listens: port 9 (discard, RFC 863).
UNREACHABLE_URL = "http://127.0.0.1:9"

_NEW_PROCESS = "from mkdocs_leonardo.testing.rig import main; main()"


class ProviderUnderTest:
    """The values that the author of a provider fills in.

    `declaration` is what the entry point names, `service` the service that the provider talks to here. `key` is the
    made-up API key, `picture` what is asked for. `is_free`: an image costs nothing. `submit_limit_s` is more than the
    time that `submit` gives a service that does not respond; `late_s` how long after `give_up_at` a fetch may end
    (seconds).
    """

    declaration: ClassVar[Declaration[Any]]
    service: ClassVar[type[LoopbackService]]
    key: ClassVar[str] = "contract-5f3a9c07e1b24d68"
    picture: ClassVar[PictureSpec] = PictureSpec("a lighthouse in a storm")
    is_free: ClassVar[bool] = False
    submit_limit_s: ClassVar[float] = 10.0
    late_s: ClassVar[float] = 10.0

    def options(self, base_url: str) -> object:
        """Return the provider's options, with the service at `base_url` and short time limits."""
        return {"base_url": base_url}


class ScaledClock:
    """A clock on which `speed` seconds pass in one."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = time.time()

    def now(self) -> float:
        """Return Unix seconds, ahead of the system's."""
        return self._start + (time.time() - self._start) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock."""
        await anyio.sleep(max(0.0, seconds) / self._speed)


class Rig:
    """A provider and its service; `rate_limiter` counts the requests that it lets go."""

    def __init__(self, subject: ProviderUnderTest, service: LoopbackService, base_url: str, speed: float) -> None:
        self.subject = subject
        self.service = service
        self.base_url = base_url
        self.clock = ScaledClock(speed)
        self.granted = 0
        self.is_open = True
        service.key = subject.key
        self.provider = subject.declaration.make(self.context(subject.key))

    def context(self, key: str | None) -> ProviderContext[Any]:
        """Return the context that a build gives to a provider."""
        return ProviderContext(
            key=key,
            options=self.subject.options(self.base_url),
            clock=self.clock,
            rate_limiter=self._rate_limiter,
        )

    def _rate_limiter(self, now: float) -> float:  # noqa: ARG002 - as builds call it
        if not self.is_open:
            return 1.0
        self.granted += 1
        return 0.0

    def key_of(self, provider: Provider) -> str:
        """Return the generation key of the picture."""
        return generation_key(provider.name, provider.model, self.subject.picture, provider.options)

    async def submit(self) -> Submission | Exception:
        """Call `submit`, and return its result or error."""
        try:
            with anyio.fail_after(self.subject.submit_limit_s * 2):
                return await self.provider.submit(self.subject.picture)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    async def must_submit(self) -> Submission:
        """Call `submit` of a service that does not fail, and return the job."""
        submission = await self.submit()
        if isinstance(submission, Exception):
            detail = f"submit ended in {submission!r}, although the service did not fail"
            raise ContractViolation(Requirement.DELIVERS, detail) from submission
        return submission

    async def fetch(self, submission: Submission, timeout_s: float = FETCH_TIMEOUT_S) -> GeneratedImage | Exception:
        """Call `fetch`, and return its result or error."""
        try:
            with anyio.fail_after(TEST_LIMIT_S / 2):
                return await self.provider.fetch(submission, give_up_at=self.clock.now() + timeout_s)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error


@asynccontextmanager
async def open_rig(case: ProviderUnderTest, *, speed: float = SPEED, is_reachable: bool = True) -> AsyncIterator[Rig]:
    """Yield a new provider and service, both closed afterwards."""
    with case.service() as service:
        rig = Rig(case, service, service.url if is_reachable else UNREACHABLE_URL, speed)
        try:
            yield rig
        finally:
            with anyio.CancelScope(shield=True):
                await rig.provider.aclose()


# In a new process ----------------------------------------------------------------------------------------------------


async def ask_new_process(subject: ProviderUnderTest, base_url: str, submission: Submission | None = None) -> str:
    """Start a new process, and return its answer.

    Without a submission, the answer is the generation key of a picture. With one, it is the result of `fetch`:
    ``picture``, ``no image`` or the name of an error. The process gets what the journal stores of the submission.
    """
    kind = type(subject)
    if "<" in kind.__qualname__:
        raise TypeError(f"{kind.__qualname__} must stand at the top of a module: a new process imports it")
    file = getattr(sys.modules[kind.__module__], "__file__", None)
    stored = asdict(replace(submission, image=None)) if submission is not None else None
    task = json.dumps([kind.__module__, file, kind.__qualname__, base_url, stored])
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    run = await anyio.run_process(
        [sys.executable, "-c", _NEW_PROCESS, task],
        # The seed of hashes differs from this process's, so that sets have another order.
        env={**environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = run.stdout.decode("utf-8", "replace").strip()
    if run.returncode:
        raise RuntimeError(f"the new process failed:\n{text}")
    return text.splitlines()[-1]


def main() -> None:
    """Do the task in the first argument, in the new process, and print the result."""
    module, file, qualname, base_url, submission = json.loads(sys.argv[1])
    first, *rest = qualname.split(".")
    if file is not None and (module == "__main__" or importlib.util.find_spec(module) is None):
        # The module has no name that can be imported.
        members = runpy.run_path(file, run_name="contract")
    else:
        members = vars(importlib.import_module(module))
    subject = cast("type[ProviderUnderTest]", functools.reduce(getattr, rest, members[first]))()
    print(anyio.run(_result, subject, base_url, submission))  # noqa: T201 - read by the process that asked


async def _result(subject: ProviderUnderTest, base_url: str, submission: dict[str, Any] | None) -> str:
    rig = Rig(subject, LoopbackService(), base_url, SPEED)
    try:
        if submission is None:
            return rig.key_of(rig.provider)
        image = await rig.fetch(Submission(**submission))
    finally:
        await rig.provider.aclose()
    if isinstance(image, Exception):
        return type(image).__name__
    return "picture" if is_whole_picture(image.data) else "no image"
