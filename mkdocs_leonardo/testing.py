"""The contract that every provider keeps, as tests: subclass `ProviderContract`, and pytest or unittest runs them.

    class Service(LoopbackService):
        def answer(self, request: Request) -> Reply:
            if self.is_create(request):
                return Reply(body={"id": "job-1"})
            return Reply(body={"status": "done" if self.is_finished else "pending", "url": self.picture_url})

    class TestMine(ProviderContract):
        service = Service

        def create(self, context: ProviderContext) -> Provider:
            return my_package.create(context)

        def options(self, base_url: str) -> object:
            return {"base_url": base_url, "timeout": 2}

Each failure is a `BrokenPromise` whose message begins with the promise. Needs neither pytest nor a network; with
unittest, name `unittest.TestCase` as a second base.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import io
import json
import logging
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
import traceback
import unittest
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, cast

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
from mkdocs_leonardo.providers.answers import is_whole_picture
from mkdocs_leonardo.providers.base import Provider, ProviderContext, RenderTimes
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission, generation_key

__all__ = [
    "BrokenPromise",
    "Fault",
    "LoopbackService",
    "Promise",
    "ProviderContract",
    "Reply",
    "Request",
    "broken_promises",
]

#: Clocks of checks run so much faster than the world's, so that nobody waits for the waits between two questions.
_SPEED = 10.0
#: How long a picture of a service that behaves may take (seconds of such a clock).
_PATIENCE_S = 60.0
#: No check goes on longer (seconds); a provider that never ends is a failure and not a stopped run.
_CHECK_S = 60.0
#: How soon after a cancellation a call must be over (seconds).
_CANCEL_S = 2.0
_PICTURE_PATH = "/__picture__.jpg"


class Promise(StrEnum):
    """What a build relies on."""

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
    ASKS_FIRST = "asks `window` before every request to the API"


class BrokenPromise(AssertionError):
    """A provider does not do what a build relies on; the message begins with the promise."""

    def __init__(self, promise: Promise, detail: str) -> None:
        super().__init__(f"A provider {promise}: {detail}")
        self.promise = promise


# The service ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; header names in lower case. `target` is the path with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def json(self) -> JsonValue:
        """The body; ValueError if it is no JSON."""
        return cast("JsonValue", json.loads(self.body))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `body` goes out as it is if it is bytes, else as JSON."""

    status: int = 200
    body: bytes | JsonValue = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Fault(Enum):
    """What can go wrong with a request."""

    REFUSED_KEY = auto()  # 401, and the key is quoted
    TOO_MANY = auto()  # 429
    FAILED = auto()  # 500, nothing was carried out
    GARBLED = auto()  # carried out, then 200 with a web page
    CUT = auto()  # carried out, then the connection ends without an answer
    HELD = auto()  # carried out, and answered only after `release`


class LoopbackService:
    """An image service on 127.0.0.1 for one test; say in `answer` how it answers when it is well.

    `requests` are those that came, oldest first. While `is_finished` is false, a job that `answer` tells of must still
    be at work. `picture_url` is an address of this service where `picture` lies.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.is_finished = True
        self.key = ""
        self.on_create: Fault | None = None
        self.on_fetch: list[Fault] = []
        self.always_on_fetch: Fault | None = None
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.service = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def answer(self, request: Request) -> Reply:
        """The answer of the service when all is well; calls come one at a time."""
        raise NotImplementedError

    def is_create(self, request: Request) -> bool:
        """Whether the request asks for something that costs money."""
        return request.method == "POST"

    def error(self, status: int, text: str) -> Reply:
        """A failure in the service's own words."""
        return Reply(status, {"error": {"message": text}})

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def picture_url(self) -> str:
        """Where the picture lies."""
        return f"{self.url}{_PICTURE_PATH}"

    @property
    def picture(self) -> bytes:
        """A JPEG of 1536x864 pixels."""
        return _picture()

    @property
    def creates(self) -> int:
        """How many requests came that cost money."""
        return sum(self.is_create(request) for request in tuple(self.requests))

    @property
    def api_requests(self) -> tuple[Request, ...]:
        """The requests that came, without downloads of the picture."""
        return tuple(request for request in tuple(self.requests) if request.path != _PICTURE_PATH)

    def release(self) -> None:
        """Let go of every answer that is held, now and from now on."""
        self._released.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def respond(self, request: Request) -> Reply | None:
        """What goes out; None if the connection is cut instead."""
        with self._lock:
            self.requests.append(request)
            fault = self._fault(request)
            refusal = {
                Fault.REFUSED_KEY: (401, f"Incorrect API key provided: {self.key}"),
                Fault.TOO_MANY: (429, f"Too many requests for the key {self.key}"),
                Fault.FAILED: (500, f"internal error (key={self.key})"),
            }.get(fault) if fault is not None else None  # fmt: skip
            if refusal is not None:
                return self.error(*refusal)
            reply = self._normal(request)
        if fault is Fault.HELD:
            self._released.wait(_CHECK_S)
        if fault is Fault.GARBLED:
            return Reply(200, f"<html>Bad gateway for {self.key}</html>".encode(), {"Content-Type": "text/html"})
        return None if fault is Fault.CUT else reply

    def _fault(self, request: Request) -> Fault | None:
        if self.is_create(request):
            return self.on_create
        return self.on_fetch.pop(0) if self.on_fetch else self.always_on_fetch

    def _normal(self, request: Request) -> Reply:
        if request.path == _PICTURE_PATH:
            return Reply(200, self.picture, {"Content-Type": "image/jpeg"})
        return self.answer(request)


@functools.cache
def _picture() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((1536, 864)).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


class _Server(ThreadingHTTPServer):
    """One port; a thread for each connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    service: LoopbackService


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.service.connections += 1

    def handle(self) -> None:
        with suppress(ConnectionError, ValueError):  # the other side was faster
            super().handle()

    def _any(self) -> None:
        length = self.headers.get("content-length", "")
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.service.respond(Request(self.command, self.path, headers, body))
        if reply is None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        is_bytes = isinstance(reply.body, bytes)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {**({} if is_bytes else {"Content-Type": "application/json"}), **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - the names are the base class's

    def log_message(self, *_: object) -> None:
        """Say nothing."""


# One check -----------------------------------------------------------------------------------------------------------


class _Clock:
    """A clock on which `speed` seconds pass in one."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = time.time()

    def now(self) -> float:
        """Unix seconds, ahead of the world's."""
        return self._start + (time.time() - self._start) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock."""
        await anyio.sleep(max(0.0, seconds) / self._speed)


class _Stage:
    """A provider wired to a service of its own, both new for each act of a check."""

    def __init__(self, contract: ProviderContract, service: LoopbackService | None, *, speed: float) -> None:
        self.contract = contract
        self.clock = _Clock(speed)
        self.turns = 0
        self.is_open = True
        self._service = service
        if service is not None:
            service.key = contract.key
        self.provider = contract.create(self.context(contract.key))

    @property
    def service(self) -> LoopbackService:
        """The service; there is one in every check that needs it."""
        assert self._service is not None  # noqa: S101 - `_needs_service` has seen to it
        return self._service

    @property
    def base_url(self) -> str:
        """Where the service listens; without one, where nobody does."""
        return self._service.url if self._service is not None else "http://127.0.0.1:9"

    def context(self, key: str | None) -> ProviderContext:
        """What a build would give."""
        return _context(self.contract, self.base_url, key, self.clock, self._window)

    def _window(self, now: float) -> float:  # noqa: ARG002 - as builds call it
        if not self.is_open:
            return 1.0
        self.turns += 1
        return 0.0

    async def submit(self) -> Submission | Exception:
        """What the one call that may cost money ends in."""
        try:
            with anyio.fail_after(self.contract.submit_limit_s * 2):
                return await self.provider.submit(self.contract.picture)
        except Exception as error:  # noqa: BLE001 - whatever it is, a check looks at it
            return error

    async def submitted(self) -> Submission:
        """A job of a service that behaves."""
        submission = await self.submit()
        if not isinstance(submission, Submission):
            raise BrokenPromise(Promise.DELIVERS, f"submit ended in {submission!r}, though all was well") from (
                submission if isinstance(submission, Exception) else None
            )
        return submission

    async def fetch(self, submission: Submission, patience_s: float = _PATIENCE_S) -> GeneratedImage | Exception:
        """What the wait for an accepted job ends in."""
        try:
            with anyio.fail_after(_CHECK_S / 2):
                return await self.provider.fetch(submission, give_up_at=self.clock.now() + patience_s)
        except Exception as error:  # noqa: BLE001 - same
            return error


def _context(
    contract: ProviderContract, base_url: str, key: str | None, clock: _Clock, window: Callable[[float], float]
) -> ProviderContext:
    seen: dict[str, list[float]] = {}
    return ProviderContext(
        key=key,
        options=contract.options(base_url),
        clock=clock,
        window=window,
        render_times=RenderTimes(
            lambda kind: tuple(seen.get(kind, ())), lambda kind, seconds: seen.setdefault(kind, []).append(seconds)
        ),
    )


def _check(test: Callable[[ProviderContract], Awaitable[None]]) -> Callable[[ProviderContract], None]:
    """The coroutine as a plain test method, in an event loop of its own that cannot hold a run for ever."""

    @functools.wraps(test)
    def run(self: ProviderContract) -> None:
        outcome: list[BaseException | None] = []

        def work() -> None:
            try:
                anyio.run(test, self)
            except BaseException as error:  # noqa: BLE001 - raised again where the test runs
                outcome.append(error)
            else:
                outcome.append(None)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(_CHECK_S)
        if not outcome:
            raise BrokenPromise(Promise.KEEPS_TIME, f"it still went on after {_CHECK_S:.0f} s")
        if outcome[0] is not None:
            raise outcome[0]

    return run


class ProviderContract:
    """Subclass it, name the service and the provider, and every test below is one promise.

    `key` is the made-up API key, `picture` what is asked for. `is_free`: a picture costs nothing. `submit_limit_s` is
    more than the time that `submit` gives a service that does not answer; `late_s` how far behind `give_up_at` a fetch
    may end (seconds). Without `service`, for a provider that uses no network, what needs one is skipped.
    """

    service: ClassVar[type[LoopbackService] | None] = None
    key: ClassVar[str] = "contract-5f3a9c07e1b24d68"
    picture: ClassVar[PictureSpec] = PictureSpec("a lighthouse in a storm")
    is_free: ClassVar[bool] = False
    submit_limit_s: ClassVar[float] = 10.0
    late_s: ClassVar[float] = 10.0

    def create(self, context: ProviderContext) -> Provider:
        """The provider, as the entry point makes it."""
        raise NotImplementedError

    def options(self, base_url: str) -> object:
        """Its settings, with the service at `base_url` and short time limits."""
        return {"base_url": base_url}

    @asynccontextmanager
    async def _stage(self, *, speed: float = _SPEED, needs_service: bool = True) -> AsyncIterator[_Stage]:
        """A provider and its service, both closed afterwards."""
        with self._running(needs_service=needs_service) as service:
            stage = _Stage(self, service, speed=speed)
            try:
                yield stage
            finally:
                with anyio.CancelScope(shield=True):
                    await stage.provider.aclose()

    @contextmanager
    def _running(self, *, needs_service: bool = True) -> Iterator[LoopbackService | None]:
        if self.service is None:
            if needs_service:
                raise unittest.SkipTest("it uses no network")
            yield None
        else:
            with self.service() as service:
                yield service

    # What it is ------------------------------------------------------------------------------------------------------

    @_check
    async def test_is_complete_with_and_without_a_key(self) -> None:
        """Name, model, options, time limit, estimate: all there before anything is asked."""
        async with self._stage(needs_service=False) as stage:
            without = self.create(stage.context(None))
            for provider in (stage.provider, without):
                _look_at(provider, self)
            await without.aclose()

    @_check
    async def test_opens_nothing_before_it_is_asked(self) -> None:
        """A build whose pictures are all at hand makes every provider, and connects to none."""
        async with self._stage() as stage:
            provider = stage.provider
            generation_key(provider.name, provider.model, self.picture, provider.options)
            provider.estimate_usd(self.picture)
            await anyio.sleep(0.05)
            if stage.service.connections:
                raise BrokenPromise(Promise.OPENS_NOTHING, "the service saw a connection")

    @_check
    async def test_same_picture_has_the_same_key(self) -> None:
        """The key of a picture depends on no address, no API key, no clock and no process."""
        async with self._stage(needs_service=False) as stage, self._stage(needs_service=False) as other:
            keys = {
                _key_of(stage.provider, self.picture),
                _key_of(other.provider, self.picture),
                _key_of(self.create(other.context("another-key-5f3a9c07")), self.picture),
                cast("str", await _elsewhere(self, stage.base_url, "key")),
            }
            if len(keys) > 1:
                raise BrokenPromise(Promise.SAME_KEY, "name, model or options differ from one time to the next")

    # What it does ----------------------------------------------------------------------------------------------------

    @_check
    async def test_brings_the_picture(self) -> None:
        """From the specification to whole bytes, with a submission that can be stored."""
        async with self._stage(needs_service=False) as stage:
            submission = await stage.submitted()
            _look_at_submission(submission, stage)
            image = await stage.fetch(submission)
            if isinstance(image, Exception):
                raise BrokenPromise(Promise.DELIVERS, f"fetch ended in {image!r}, though all was well") from image
            if not is_whole_picture(image.data):
                raise BrokenPromise(Promise.DELIVERS, "what fetch returned is no whole JPEG, PNG, WebP or AVIF")

    @_check
    async def test_never_submits_twice(self) -> None:
        """Whatever becomes of the answer, one call of `submit` is one create request; `fetch` sends none."""
        for fault in (None, *Fault):
            async with self._stage(speed=1.0 if fault is Fault.HELD else _SPEED) as stage:
                stage.service.on_create = fault
                submission = await stage.submit()
                stage.service.release()
                self._count(stage, f"submit, with {fault.name} as the answer" if fault else "submit")
                if isinstance(submission, Submission):
                    stage.service.on_fetch = [Fault.FAILED, Fault.CUT, Fault.GARBLED]
                    for _ in range(2):
                        await stage.fetch(submission)
                    self._count(stage, "submit and two calls of fetch")
        await self._cancelled_submit_is_one()

    async def _cancelled_submit_is_one(self) -> None:
        async with self._stage(speed=1.0) as stage:
            stage.service.on_create = Fault.HELD
            async with _cancelled_once(lambda: stage.service.creates > 0, stage.submit):
                stage.service.release()
            self._count(stage, "submit, cancelled")

    @staticmethod
    def _count(stage: _Stage, what: str) -> None:
        if stage.service.creates > 1:
            raise BrokenPromise(Promise.SUBMITS_ONCE, f"{stage.service.creates} create requests came from {what}")

    @_check
    async def test_tries_a_failed_fetch_again(self) -> None:
        """A question or a download that fails costs nothing, and what was paid for is not given up for it."""
        async with self._stage() as stage:
            submission = await stage.submitted()
            stage.service.on_fetch = [Fault.FAILED, Fault.CUT]
            image = await stage.fetch(submission)
            if isinstance(image, Exception):
                raise BrokenPromise(Promise.TRIES_AGAIN, f"after two failures fetch gave up with {image!r}") from image

    @_check
    async def test_fetches_in_a_later_process(self) -> None:
        """A build that died left a submission in the journal; the next one collects it, or hears that it is gone."""
        async with self._stage() as stage:
            submission = await stage.submitted()
            before = stage.service.creates
            result = await _elsewhere(self, stage.base_url, "fetch", replace(submission, image=None))
            if stage.service.creates > before:
                raise BrokenPromise(Promise.FETCHES_LATER, "it submitted again")
            if result == JobUnknown.__name__ and submission.image is not None:
                return
            if result != "picture":
                raise BrokenPromise(Promise.FETCHES_LATER, f"it ended in {result}")

    @_check
    async def test_asks_for_its_turn_before_every_request(self) -> None:
        """Builds that run at once share one limit: no request goes out that `window` did not let go."""
        async with self._stage() as stage:
            stage.is_open = False
            async with anyio.create_task_group() as tasks:
                results: list[Submission] = []

                async def submit() -> None:
                    results.append(await stage.submitted())

                tasks.start_soon(submit)
                await anyio.sleep(0.3)
                early = len(stage.service.api_requests)
                stage.is_open = True
            if early:
                raise BrokenPromise(Promise.ASKS_FIRST, "a request went out while `window` asked to wait")
            await stage.fetch(results[0])
            sent = len(stage.service.api_requests)
            if stage.turns < sent:
                raise BrokenPromise(Promise.ASKS_FIRST, f"{sent} requests went out, `window` had let {stage.turns} go")

    # What it says ----------------------------------------------------------------------------------------------------

    async def _errors(self) -> Sequence[tuple[str, Exception, _Stage]]:
        """What each thing that can go wrong ends in."""
        found: list[tuple[str, Exception, _Stage]] = []
        for fault in (Fault.REFUSED_KEY, Fault.TOO_MANY, Fault.FAILED, Fault.GARBLED, Fault.CUT):
            async with self._stage() as stage:
                stage.service.on_create = fault
                result = await stage.submit()
                if isinstance(result, Exception):
                    found.append((fault.name, result, stage))
                elif fault is not Fault.GARBLED:
                    raise BrokenPromise(Promise.RAISES_OURS, f"submit brought {result!r} in spite of {fault.name}")
                else:
                    raise BrokenPromise(Promise.RAISES_OURS, "submit took a web page for an accepted job")
        async with self._nobody_there() as stage:
            result = await stage.submit()
            if isinstance(result, Exception):
                found.append(("NOBODY", result, stage))
        async with self._stage(speed=1.0) as stage:
            submission = await stage.submitted()
            stage.service.always_on_fetch = Fault.FAILED
            image = await stage.fetch(submission, 0.5)
            if isinstance(image, Exception):
                found.append(("FETCH", image, stage))
        return found

    @asynccontextmanager
    async def _nobody_there(self) -> AsyncIterator[_Stage]:
        """A provider whose service refuses every connection."""
        # Bound and never listening, so that nobody else is given the port.
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            async with self._stage() as stage:
                await stage.provider.aclose()
                url = f"http://127.0.0.1:{closed.getsockname()[1]}"
                stage.provider = self.create(replace(stage.context(self.key), options=self.options(url)))
                yield stage

    @_check
    async def test_says_with_every_error_whether_money_may_be_gone(self) -> None:
        """`charged` decides whether a build may ask again: never NO when the request may have been carried out."""
        free = {"REFUSED_KEY", "TOO_MANY", "NOBODY"}
        open_ = {"GARBLED", "CUT", "FETCH"}
        for what, error, _ in await self._errors():
            if not isinstance(error, ProviderError):
                continue
            if not isinstance(error.charged, Charged):
                raise BrokenPromise(Promise.STATES_CHARGED, f"{what}: charged is {error.charged!r}")
            if what in free and error.charged is not Charged.NO:
                raise BrokenPromise(Promise.STATES_CHARGED, f"{what}: nothing was made, and charged is {error.charged}")
            if what in open_ and error.charged is Charged.NO:
                raise BrokenPromise(Promise.STATES_CHARGED, f"{what}: it may have been charged, and charged is no")

    @_check
    async def test_raises_nothing_but_provider_errors(self) -> None:
        """The kind of error tells a build what it can do; it knows no other kinds."""
        kinds: Mapping[str, type[ProviderError]] = {
            "REFUSED_KEY": AccountRefused,
            "TOO_MANY": RateLimited,
            "GARBLED": ServiceFailed,
            "CUT": ServiceFailed,
            "NOBODY": ServiceFailed,
            "FETCH": JobUnfinished,
        }
        for what, error, stage in await self._errors():
            if not isinstance(error, ProviderError):
                raise BrokenPromise(Promise.RAISES_OURS, f"{what} ended in {error!r}") from error
            if not isinstance(error, kinds.get(what, ProviderError)):
                wanted = kinds[what].__name__
                raise BrokenPromise(Promise.RAISES_OURS, f"{what} is a {wanted}, not {error!r}") from error
            if error.provider != stage.provider.name:
                raise BrokenPromise(Promise.RAISES_OURS, f"{what}: the error is {error.provider!r}'s") from error

    @_check
    async def test_shows_the_key_to_nobody_but_the_service(self) -> None:
        """Not in errors, reprs, logs and addresses, and not to the host of the picture; services quote keys."""
        with _logged() as lines:
            errors = await self._errors()
            async with self._stage() as stage:
                submission = await stage.submitted()
                await stage.fetch(submission)
        shown = [("repr", repr(stage.provider)), ("repr", repr(submission))]
        shown += [("a log", line) for line in lines]
        shown += [(f"the error of {what}", text) for what, error, _ in errors for text in _texts(error)]
        for one in (stage, *(each for _, _, each in errors)):
            for request in tuple(one.service.requests):
                shown.append(("an address", request.target))
                if request.path == _PICTURE_PATH:
                    shown.extend(("a request to the image's host", value) for value in request.headers.values())
        for where, text in shown:
            if self.key in text:
                raise BrokenPromise(Promise.KEEPS_KEYS, f"it is in {where}")

    # When it ends ----------------------------------------------------------------------------------------------------

    @_check
    async def test_ends_when_it_is_cancelled(self) -> None:
        """An interrupted build ends; only the answer that is the paid picture itself may be waited for."""
        for held in (False, True):
            async with self._stage(speed=1.0) as stage:
                submission = await stage.submitted()
                stage.service.is_finished = False
                stage.service.always_on_fetch = Fault.HELD if held else None
                fetch = functools.partial(stage.fetch, submission, _CANCEL_S * 3)
                async with _cancelled_once(_one_more(stage.service), fetch) as ended:
                    await ended("fetch")
        async with self._stage(speed=1.0) as stage:
            stage.service.on_create = Fault.HELD
            async with _cancelled_once(lambda: stage.service.creates > 0, stage.submit) as ended:
                await anyio.sleep(0.1)
                stage.service.release()
                await ended("submit, once the service has answered,")

    @_check
    async def test_fetch_ends_at_its_deadline(self) -> None:
        """A job that never finishes, and a service that never answers, hold a page for its time and no longer."""
        for held in (False, True):
            async with self._stage(speed=1.0) as stage:
                submission = await stage.submitted()
                stage.service.is_finished = False
                stage.service.always_on_fetch = Fault.HELD if held else None
                started = time.monotonic()
                image = await stage.fetch(submission, 0.5)
                took_s = time.monotonic() - started
                if took_s > 0.5 + self.late_s:
                    raise BrokenPromise(Promise.KEEPS_TIME, f"fetch ended {took_s - 0.5:.1f} s after `give_up_at`")
                if submission.image is None and not isinstance(image, JobUnfinished):
                    raise BrokenPromise(Promise.KEEPS_TIME, f"at `give_up_at` fetch ended in {image!r}")

    @_check
    async def test_submit_does_not_wait_for_ever(self) -> None:
        """A service that takes the request and is silent is given up, and the page goes on."""
        async with self._stage(speed=1.0) as stage:
            stage.service.on_create = Fault.HELD
            started = time.monotonic()
            result = await stage.submit()
            if time.monotonic() - started > self.submit_limit_s or not isinstance(result, Exception):
                raise BrokenPromise(Promise.KEEPS_TIME, f"submit waited longer than {self.submit_limit_s:g} s")


def broken_promises(contract: ProviderContract) -> Mapping[str, BrokenPromise]:
    """Every test of the contract that fails, by its name; for scripts without a test runner."""
    broken = {}
    for name in sorted(vars(ProviderContract)):
        if not name.startswith("test_"):
            continue
        try:
            getattr(contract, name)()
        except BrokenPromise as error:
            broken[name] = error
        except unittest.SkipTest:
            continue
    return broken


# Parts of checks -----------------------------------------------------------------------------------------------------


def _look_at(provider: Provider, contract: ProviderContract) -> None:
    def broken(detail: str) -> BrokenPromise:
        return BrokenPromise(Promise.IS_COMPLETE, detail)

    if not isinstance(provider.name, str) or not re.fullmatch(r"[a-z][a-z0-9_-]*", provider.name):
        raise broken(f"name is {provider.name!r}; it must be the entry point's, in small letters")
    if not isinstance(provider.model, str) or not provider.model:
        raise broken(f"model is {provider.model!r}")
    if not isinstance(provider.timeout_s, int | float) or not 0 < provider.timeout_s < math.inf:
        raise broken(f"timeout_s is {provider.timeout_s!r}")
    try:
        json.dumps(dict(provider.options), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise broken(f"options cannot be written as JSON ({error})") from error
    usd = provider.estimate_usd(contract.picture)
    if not isinstance(usd, int | float) or not 0 <= usd < math.inf or (usd == 0 and not contract.is_free):
        raise broken(f"estimate_usd is {usd!r}; a cap can hold nothing back that costs nothing")
    if usd != provider.estimate_usd(contract.picture):
        raise broken("estimate_usd changes from one question to the next")


def _look_at_submission(submission: Submission, stage: _Stage) -> None:
    if submission.provider != stage.provider.name:
        raise BrokenPromise(Promise.DELIVERS, f"the submission is {submission.provider!r}'s")
    if not isinstance(submission.job_id, str) or (submission.image is None and not submission.job_id):
        raise BrokenPromise(Promise.DELIVERS, f"job_id is {submission.job_id!r}")
    if abs(submission.accepted_at - stage.clock.now()) > _PATIENCE_S:
        raise BrokenPromise(Promise.DELIVERS, "accepted_at is not the time by `context.clock`")
    usd = submission.cost_usd
    if usd is not None and not 0 <= usd < math.inf:
        raise BrokenPromise(Promise.DELIVERS, f"cost_usd is {usd!r}")


def _key_of(provider: Provider, picture: PictureSpec) -> str:
    return generation_key(provider.name, provider.model, picture, provider.options)


@asynccontextmanager
async def _cancelled_once(
    is_time: Callable[[], bool], act: Callable[[], Awaitable[object]]
) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Cancel `act` as soon as it is time; inside, the function waits for its end, or breaks the promise."""
    scope = anyio.CancelScope()

    async def run() -> None:
        with scope:
            await act()

    # One of asyncio's own tasks: its end can be waited for with a limit, even if it does not heed the cancellation.
    task = asyncio.ensure_future(run())
    give_up_at = time.monotonic() + _CANCEL_S
    while not task.done() and not is_time() and time.monotonic() < give_up_at:  # noqa: ASYNC110 - of another thread
        await anyio.sleep(0.01)
    scope.cancel()

    async def ended(what: str) -> None:
        done, _ = await asyncio.wait({task}, timeout=_CANCEL_S)
        if not done:
            raise BrokenPromise(Promise.ENDS_WHEN_CANCELLED, f"{what} still went on {_CANCEL_S:g} s later")

    try:
        yield ended
    finally:
        await asyncio.wait({task}, timeout=_CHECK_S / 4)


def _one_more(service: LoopbackService) -> Callable[[], bool]:
    """Whether a request has come since now."""
    before = len(service.requests)
    return lambda: len(service.requests) > before


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Every line that anybody logs."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Keep(logging.DEBUG)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def _texts(error: BaseException) -> Iterator[str]:
    """Whatever a reporter may show of an error and of what led to it."""
    yield "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        yield from (str(link), repr(link), repr(link.args), repr(getattr(link, "__dict__", "")))
        link = link.__cause__ or link.__context__


# In a process of its own ---------------------------------------------------------------------------------------------


async def _elsewhere(
    contract: ProviderContract, base_url: str, task: str, submission: Submission | None = None
) -> JsonValue:
    """What a new process, which knows the contract's module and nothing else, makes of the task."""
    kind = type(contract)
    if "<" in kind.__qualname__:
        raise TypeError(f"{kind.__qualname__} must stand at the top of a module: a new process imports it")
    order = {
        "path": sys.path,
        "module": kind.__module__,
        "file": getattr(sys.modules[kind.__module__], "__file__", None),
        "contract": kind.__qualname__,
        "base_url": base_url,
        "task": task,
        "submission": None if submission is None else {name: getattr(submission, name) for name in _STORED},
    }
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    run = await anyio.run_process(
        [sys.executable, "-c", "from mkdocs_leonardo.testing import _task; _task()"],
        input=json.dumps(order).encode(),
        # Another seed than this process has, most likely: sets and hashes come out in another order.
        env={**environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = run.stdout.decode("utf-8", "replace").strip()
    if run.returncode:
        raise RuntimeError(f"the new process failed:\n{text}")
    return cast("JsonValue", json.loads(text.splitlines()[-1]))


_STORED = ("provider", "model", "job_id", "accepted_at", "cost_usd")


def _task() -> None:
    """Do what standard input says, and write what came of it."""
    order = json.load(sys.stdin)
    sys.path[:] = order["path"]
    value: object = _module(order["module"], order["file"])
    for name in order["contract"].split("."):
        value = getattr(value, name)
    contract = cast("type[ProviderContract]", value)()
    clock = _Clock(_SPEED)
    provider = contract.create(_context(contract, order["base_url"], contract.key, clock, lambda _: 0.0))
    if order["task"] == "key":
        print(json.dumps(_key_of(provider, contract.picture)))  # noqa: T201 - read by the process that asked
        return
    submission = Submission(**order["submission"])

    async def fetch() -> str:
        try:
            image = await provider.fetch(submission, give_up_at=clock.now() + _PATIENCE_S)
        except Exception as error:  # noqa: BLE001 - named to the process that asked
            return type(error).__name__
        finally:
            await provider.aclose()
        return "picture" if is_whole_picture(image.data) else "no image"

    print(json.dumps(anyio.run(fetch)))  # noqa: T201 - same


def _module(name: str, file: str | None) -> object:
    """The module that holds the contract; by its file where it has no name that can be imported."""
    if name != "__main__":
        with suppress(ImportError):
            return importlib.import_module(name)
    if file is None:
        raise ImportError(f"{name} cannot be imported by a new process")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
