"""The base of all services: ledger entries, rules and waits."""

from __future__ import annotations

import email.utils
import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .behaviours import (
    Afterwards,
    Answer,
    Answer429,
    Answer500,
    Behaviour,
    CutAfterHeaders,
    CutAfterRead,
    CutBeforeRead,
    CutMidAnswer,
    Drip,
    Held,
    HugeBody,
    Instead,
    LostAnswer,
    Normally,
    Redirect,
    Slow,
    SlowBody,
    Unparsable,
)
from .fronts import Service
from .ledger import Ledger, RequestEntry
from .script import Chosen, LocalScript
from .wire import RESET, Reply, Request, Stopped, json_reply, zeros

_SLOW_BODY_PARTS = 20


@dataclass(frozen=True)
class Call:
    """A request and its meaning."""

    request: Request
    endpoint: str
    prompt: str = ""
    job_id: str = ""
    key_ok: bool | None = None
    leak: bool = False


@dataclass(frozen=True)
class SharedState:
    """The state that all services share."""

    script: LocalScript
    ledger: Ledger
    urls: Mapping[str, str]
    stopping: threading.Event


class Refused(Exception):
    """The exception for a request that is answered with an error."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status, body)
        self.reply = json_reply(status, body)


def text_of(value: object) -> str:
    """The value if it is text, else `""`."""
    return value if isinstance(value, str) else ""


def without_authorization(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, with a word in place of every key."""
    keys = {"authorization", "x-goog-api-key"}
    return {name: "(hidden)" if name in keys else value for name, value in headers.items()}


class Backend:
    """One service behind one port."""

    def __init__(self, world: SharedState, service: Service) -> None:
        self._world = world
        self._service = service
        self._cuts = 0
        self._lock = threading.Lock()

    def route(self, request: Request) -> Call:
        """The meaning of the request."""
        raise NotImplementedError

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:
        """Carry the request out, and return its answer; raises `Refused`."""
        raise NotImplementedError

    def error(self, status: int, text: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """The service's error body."""
        return Reply(status, text.encode(), {"Content-Type": "text/plain", **(headers or {})})

    def scripted(self, call: Call, answer: Instead) -> Reply:
        """The answer of a rule that only this service has; the request is not carried out."""
        raise TypeError(f"{type(answer).__name__} is nothing that {self._service.name} does at {call.endpoint!r}")

    def handle(self, request: Request) -> Reply:
        """The answer to one request, noted in the ledger before the client gets it."""
        ledger = self._world.ledger
        call = self.route(request)
        # Before the ledger shows this request: a test that sees it there may release it.
        gate = self._world.script.gate()
        number = ledger.open(
            RequestEntry(
                service=self._service.name,
                endpoint=call.endpoint,
                method=request.method,
                path=request.target,
                started_s=ledger.now(),
                prompt=call.prompt,
                job_id=call.job_id,
                key_ok=call.key_ok,
                leak=call.leak,
                headers=without_authorization(request.headers),
            )
        )
        chosen = self._world.script.take(self._service.name, call.endpoint, call.prompt)
        answer = chosen.answer or self._random_cut()
        reply = self._answer(call, answer, chosen)
        if reply.held:
            gate.wait()
        delay_s = reply.delay_s + self._service.latency_s
        if delay_s > 0 and self._world.stopping.wait(delay_s):
            raise Stopped
        if self._world.stopping.is_set():
            raise Stopped
        behaviours = (answer, chosen.fate, chosen.picture)
        names = (type(each).__name__ for each in behaviours if each is not None and not isinstance(each, Normally))
        ledger.close(number, status=reply.status if reply.cut != "reset" else 0, behaviour=" ".join(names))
        return reply

    def _random_cut(self) -> Behaviour | None:
        probability = self._service.cut_probability
        if not probability:
            return None
        with self._lock:
            self._cuts += 1
            draw = random.Random(f"{self._service.cut_seed}:{self._cuts}")
        if draw.random() >= probability:
            return None
        return draw.choice((CutBeforeRead(), CutAfterRead(), CutMidAnswer(draw.random())))

    def _answer(self, call: Call, answer: Behaviour | None, chosen: Chosen) -> Reply:
        if isinstance(answer, Instead):
            return self._instead(call, answer)
        limit = self._service.request_limit
        if limit is not None and self._world.ledger.recent(self._service.name, None) > limit:
            return self.too_many(None)
        try:
            reply = self.carry_out(call, chosen)
        except Refused as refused:
            reply = refused.reply
        return self._spoil(reply, answer) if isinstance(answer, Afterwards) else reply

    def _instead(self, call: Call, answer: Instead) -> Reply:  # noqa: PLR0911 - one return for each behaviour
        match answer:
            case CutBeforeRead():
                return RESET
            case Answer():
                return self._literal(answer)
            case Answer429():
                return self.too_many(answer.retry_after_s, as_date=answer.as_date)
            case Answer500():
                return self.error(answer.status, answer.message)
            case Redirect():
                here = f"{self._world.urls[self._service.name]}{call.request.target}"
                return Reply(answer.status, b"", {"Location": self.address(answer.to, here=here)})
            case HugeBody():
                length = answer.size_bytes if answer.declared else None
                headers = {"Content-Type": "image/jpeg"}
                return Reply(200, headers=headers, stream=lambda: zeros(answer.size_bytes), length=length)
        return self.scripted(call, answer)

    def _spoil(self, reply: Reply, answer: Afterwards) -> Reply:  # noqa: PLR0911 - one return for each behaviour
        match answer:
            case LostAnswer():
                return self.error(answer.status, answer.message)
            case CutAfterRead():
                return RESET
            case CutAfterHeaders():
                return replace(reply, cut="headers")
            case CutMidAnswer():
                return replace(reply, cut=float(answer.fraction))
            case Slow():
                return replace(reply, delay_s=reply.delay_s + answer.seconds)
            case SlowBody():
                size = max(1, -(-len(reply.body) // _SLOW_BODY_PARTS))
                return replace(reply, pace=(size, answer.seconds / _SLOW_BODY_PARTS))
            case Drip():
                return replace(reply, pace=(answer.chunk_bytes, answer.every_s))
            case Held():
                return replace(reply, held=True)
            case Unparsable():
                return replace(reply, status=200, body=answer.body.encode())
        raise TypeError(f"{type(answer).__name__} is not known here")

    def _literal(self, answer: Answer) -> Reply:
        if isinstance(answer.body, str):
            return Reply(answer.status, answer.body.encode(), {"Content-Type": "text/html", **answer.headers})
        return json_reply(answer.status, answer.body, answer.headers)

    def too_many(self, retry_after_s: float | None, *, as_date: bool = False) -> Reply:
        """A 429 with the service's text."""
        headers: dict[str, str] = {}
        if retry_after_s is not None:
            at_s = self._world.ledger.now() + retry_after_s
            headers["Retry-After"] = email.utils.formatdate(at_s, usegmt=True) if as_date else f"{retry_after_s:g}"
        return self.error(429, "Too many requests", headers=headers)

    def address(self, to: str, *, here: str) -> str:
        """A ``TO_...`` address with the ports filled in."""
        return to.replace("{here}", here).replace("{elsewhere}", self._world.urls["elsewhere"])


def bearer(request: Request) -> str | None:
    """The token of the Authorization header, None without a header, `""` if the header has no bearer token."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    found = re.fullmatch(r"Bearer (\S+)", header)
    return found[1] if found else ""
