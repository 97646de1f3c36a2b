"""An image service on 127.0.0.1: what a provider under test talks to."""

from __future__ import annotations

import functools
import io
import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast

from mkdocs_leonardo.spec import JsonValue

#: Path of the image on the service.
PICTURE_PATH = "/__picture__.jpg"
#: An answer is held no longer than this (seconds).
_MOST_DELAY_S = 60.0
#: The server accepts a connection within this time (seconds).
_ACCEPT_S = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request as received; header names in lower case. `target` is the path with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def json(self) -> JsonValue:
        """Return the body; ValueError for a body that is no JSON."""
        return cast("JsonValue", json.loads(self.body))


@dataclass(frozen=True, slots=True)
class Reply:
    """One response. Bytes in `body` are sent as they are, other values as JSON."""

    status: int = 200
    body: bytes | JsonValue = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Fault(Enum):
    """The ways in which a request fails. The value of a refusal is its status and its text, which quotes the key."""

    REFUSED_KEY = (401, "Incorrect API key provided: {key}")
    TOO_MANY = (429, "Too many requests for the key {key}")
    FAILED = (500, "internal error (key={key})")
    GARBLED = "carried out, then 200 with a web page"
    CUT = "carried out, then the connection ends without a response"
    HELD = "carried out, and the response is sent only after `release`"


class LoopbackService:
    """An image service for one test; subclasses say in `answer` how it responds when nothing fails.

    `requests` are those received, oldest first. While `is_finished` is false, `answer` must describe every job as
    pending. `picture_url` is the address of `picture` on this service.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.is_finished = True
        self.key = ""
        self.on_create: Fault | None = None
        self.on_fetch: list[Fault] = []
        self.always_on_fetch: Fault | None = None
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def answer(self, request: Request) -> Reply:
        """Return the response when nothing fails; calls come one at a time."""
        raise NotImplementedError

    def is_create(self, request: Request) -> bool:
        """Return whether the request asks for something that costs money."""
        return request.method == "POST"

    def error(self, status: int, text: str) -> Reply:
        """Return a failure in the service's own form."""
        return Reply(status, {"error": {"message": text}})

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def picture_url(self) -> str:
        """The address of the image."""
        return f"{self.url}{PICTURE_PATH}"

    @property
    def picture(self) -> bytes:
        """A JPEG of 1536x864 pixels."""
        return _picture()

    @property
    def creates(self) -> int:
        """The number of requests that cost money."""
        return sum(self.is_create(request) for request in tuple(self.requests))

    @property
    def api_requests(self) -> tuple[Request, ...]:
        """The requests without downloads of the image."""
        return tuple(request for request in tuple(self.requests) if request.path != PICTURE_PATH)

    def count_connections(self) -> int:
        """Return the number of connections so far, including connections that the server has yet to accept.

        Raises TimeoutError if the server accepts none.
        """
        with socket.create_connection(("127.0.0.1", self._server.server_port), timeout=_ACCEPT_S) as last:
            last.shutdown(socket.SHUT_WR)
            # The server accepts connections in their order, and closes this one at once, as no request comes.
            last.recv(1)
            return self._server.clients.index(last.getsockname())

    def release(self) -> None:
        """Send every response that is held, and hold none from now on."""
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
        """Return the response to send; None if the connection is cut instead."""
        with self._lock:
            self.requests.append(request)
            fault = self._fault(request)
            if fault is not None and isinstance(fault.value, tuple):
                status, text = fault.value
                return self.error(status, text.format(key=self.key))
            is_picture = request.path == PICTURE_PATH
            reply = Reply(200, self.picture, {"Content-Type": "image/jpeg"}) if is_picture else self.answer(request)
        if fault is Fault.HELD:
            self._released.wait(_MOST_DELAY_S)
        if fault is Fault.GARBLED:
            return Reply(200, f"<html>Bad gateway for {self.key}</html>".encode(), {"Content-Type": "text/html"})
        return None if fault is Fault.CUT else reply

    def _fault(self, request: Request) -> Fault | None:
        if self.is_create(request):
            return self.on_create
        return self.on_fetch.pop(0) if self.on_fetch else self.always_on_fetch


@functools.cache
def _picture() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((1536, 864)).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


class _Server(ThreadingHTTPServer):
    """A server that notes the addresses of its clients, in the order of their connections."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.clients: list[object] = []

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002 - the base class's
        """Note the client, in the thread that accepts; accept it."""
        self.clients.append(client_address)
        return True


class _Handler(BaseHTTPRequestHandler):
    """One connection to `service`."""

    protocol_version = "HTTP/1.1"
    service: LoopbackService

    def handle(self) -> None:
        with suppress(ConnectionError, ValueError):  # the client closed the connection first
            super().handle()

    def _respond(self) -> None:
        length = self.headers.get("content-length", "")
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.service.respond(Request(self.command, self.path, headers, body))
        if reply is None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = reply.body
        headers = {**reply.headers}
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            headers.setdefault("Content-Type", "application/json")
        self.send_response(reply.status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815 - the names are the base class's

    def log_message(self, *_: object) -> None:
        """Log nothing."""
