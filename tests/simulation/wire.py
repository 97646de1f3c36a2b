"""The simulated connection of a process to a service, in the place of `providers.http.Api`.

A request that has left arrives even if its process dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio

from mkdocs_leonardo.errors import AnswerLost, NotSent
from mkdocs_leonardo.imaging.formats import is_whole_picture
from mkdocs_leonardo.providers.answers import Answer, member
from mkdocs_leonardo.spec import JsonValue

from .ledger import Heard, Order, Upload

T = TypeVar("T")

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.http import Part

    from .process import Process


class Service(Protocol):
    """The protocol of a simulated service."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    def answer(self, method: str, path: str, json: JsonValue, order: Order | None) -> Answer | None:
        """The answer; None if it gets lost."""
        ...


class Wire:
    """The connection of one process to one service."""

    def __init__(self, process: Process, service: Service) -> None:
        self._process = process
        self._world = process.world
        self._service = service

    async def aclose(self) -> None:
        """Do nothing, since the wire holds no resource."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: JsonValue | None = None,
        parts: Sequence[Part] | None = None,
        timeout_s: float,
        max_bytes: int = 0,  # noqa: ARG002 - answers are small
        give_up_at: float | None = None,  # noqa: ARG002 - no limiter is waited for
        keep_once_sent: bool = False,
    ) -> Answer:
        """Send the request exactly once and return the answer; NotSent or AnswerLost if there is none."""
        is_create = method == "POST" and not path.endswith("/init-image")
        # Without an answer on whether a reference is there, it is uploaded again.
        self._process.record.vain_questions += (is_question := "/init-image/" in path)
        try:
            trouble = await self._leave()
        except NotSent:
            if "offset=" in path:
                self._process.record.looks.append((self._world.now, False))
            raise
        if parts is not None:
            json = {name: value for name, value in parts if isinstance(value, str)}
        order = self._process.order(self._service.name, json) if is_create else None

        def ask() -> Answer | None:
            if order is not None:
                order.arrived_at = self._world.now
            answer = self._service.answer(method, path, json, order)
            self._world.note(f"{self._service.name} answers", (path, self._process.number, answer and answer.status))
            return answer

        self._world.note(f"{self._service.name} is asked", (method, path, self._process.number))
        answer = await self._exchange(ask, trouble, timeout_s, keep_once_sent=keep_once_sent)
        if is_question and answer is not None and answer.status == 200 and answer.body is not None:
            self._process.record.vain_questions -= 1
        return self._heard(order, path, answer)

    async def _leave(self) -> str:
        """Draw the fault on the request's way; NotSent if the request never leaves."""
        self._process.touch()
        # The limiter and the connection: what cancels the caller reaches it before anything is sent.
        await asyncio.sleep(0)
        trouble = self._world.struck("wire")
        if trouble == "not sent":
            await self._process.pause(self._world.between(0.0, 10.0))
            raise NotSent("could not be reached")
        self._process.record.requests += 1
        return trouble

    async def _exchange(
        self, ask: Callable[[], T | None], trouble: str, timeout_s: float, *, keep_once_sent: bool = False
    ) -> T | None:
        """The service's answer; None if it does not come back in time."""
        world = self._world
        up_s, down_s = self._travel_s(trouble)
        future: asyncio.Future[T | None] = self._process.loop.create_future()

        def arrive() -> None:
            answer = ask()
            if answer is not None:
                world.scheduler.at(world.now + down_s, lambda: self._deliver(future, answer))

        world.scheduler.at(world.now + up_s, arrive)
        if world.chance(0.5):
            # The connection breaks; else the caller waits until its patience ends.
            timeout_s = min(timeout_s, up_s + down_s + world.between(0.5, 5.0))
        self._process.touch()
        patience = self._process.loop.call_later(timeout_s, lambda: self._deliver(future, None))
        with anyio.CancelScope(shield=keep_once_sent):
            answer = await future
        patience.cancel()
        self._process.touch()
        return answer

    def _travel_s(self, trouble: str) -> tuple[float, float]:
        world = self._world
        up_s, down_s = world.between(0.01, 0.2), world.between(0.02, 0.3)
        if self._service.name == "openai":
            down_s = world.between(2.0, 20.0)
        if trouble == "slow":
            return up_s + world.between(0.0, 5.0), down_s + world.between(0.0, 8.0)
        if trouble == "very slow":
            return up_s + world.between(0.0, 30.0), down_s + world.between(0.0, 60.0)
        return up_s, down_s

    def _deliver(self, future: asyncio.Future[T | None], answer: T | None) -> None:
        self._process.loop.call_soon(_settle, future, answer)

    def _heard(self, order: Order | None, path: str, answer: Answer | None) -> Answer:
        """The answer in the process's form."""
        if order is not None:
            order.heard_at = self._world.now
            order.heard = "lost" if answer is None else _meaning(order, answer)
        elif "/job-" in path:
            self._world.jobs.job(path).ask(self._process.record, self._world.now)
        elif "offset=" in path:
            is_list = answer is not None and isinstance(member(answer.body, "generations"), list)
            self._process.record.looks.append((self._world.now, is_list))
        if answer is None:
            raise AnswerLost("did not answer properly")
        return answer

    async def upload(self, url: str, parts: Sequence[Part], *, timeout_s: float) -> int:  # noqa: ARG002 - `Api`'s
        """The status of the storage's answer to a reference."""
        upload_id = url.rpartition("/")[2]
        trouble = await self._leave()
        upload = Upload(upload_id, self._process.record, self._world.now)
        self._world.ledger.uploads.append(upload)
        self._world.note("upload", (url, self._process.number))
        status = await self._exchange(lambda: self._world.jobs.receive(upload_id), trouble, timeout_s)
        upload.ended_at, upload.status = self._world.now, status or 0
        if status is None:
            raise AnswerLost("the storage did not answer properly")
        return status

    async def download(self, url: str, *, hosts: Collection[str], timeout_s: float) -> bytes:  # noqa: ARG002 - `Api`'s
        """The picture; AnswerLost if there is none, or only a part of one."""
        self._process.touch()
        self._process.record.requests += 1
        self._world.note("download", (url, self._process.number))
        await self._process.pause(self._world.between(0.1, 1.0))
        data = self._world.jobs.download(url.rpartition("/")[2])
        if data is None or not is_whole_picture(data):
            raise AnswerLost("answered 404 for the image")
        return data


def _settle(future: asyncio.Future[T | None], answer: T | None) -> None:
    if not future.done():
        future.set_result(answer)


def _meaning(order: Order, answer: Answer) -> Heard:
    """The meaning of an answer to a create call: accepted, refused by a known text, or unknown."""
    if answer.status == 200:
        is_array = isinstance(answer.body, list)
        is_named = order.service == "openai" or "generationId" in str(answer.body)
        return "refused" if is_array else "accepted" if is_named else "failed"
    return "refused" if answer.status < 500 or "hook" in str(answer.body) else "failed"
