"""HTTP over real sockets that can break in every way: one thread accepts, and each connection has its own."""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO, Literal
from urllib.parse import parse_qs, urlsplit

_LINE_LIMIT = 65_536
_BLOCK_BYTES = 65_536


@dataclass(frozen=True)
class Request:
    """One request as read; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's last value for each name."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    def json(self) -> object:
        """The body as JSON; ValueError if the body is no JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """One answer and its way over the wire.

    `body` may be replaced by `stream` (with `length`, or without one if that is None). `pace` is (bytes, seconds
    between). `cut` is where the connection ends: ``reset`` before a byte, ``headers`` after the headers, or a fraction
    of the body.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Callable[[], Iterator[bytes]] | None = None
    length: int | None = None
    delay_s: float = 0.0
    held: bool = False
    pace: tuple[int, float] | None = None
    cut: Literal["", "reset", "headers"] | float = ""


RESET = Reply(0, cut="reset")


def json_reply(status: int, value: object, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer in JSON."""
    return Reply(
        status,
        json.dumps(value).encode(),
        {"Content-Type": "application/json; charset=utf-8", **(headers or {})},
    )


def multipart(request: Request) -> list[tuple[str, bytes]]:
    """The parts of a form by name, in their order; empty if the body is no form."""
    found = re.fullmatch(r'multipart/form-data; boundary="?([^"]+)"?', request.headers.get("content-type", ""))
    pieces = request.body.split(b"--" + found[1].encode())[1:-1] if found is not None else []
    parts = []
    for piece in pieces:
        head, _, value = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        parts.append((name[1].decode() if name else "", value.removesuffix(b"\r\n")))
    return parts


def zeros(size_bytes: int, start: bytes = b"\xff\xd8\xff\xe0") -> Iterator[bytes]:
    """`size_bytes` of zeros after `start`, in blocks."""
    yield start
    block = bytes(_BLOCK_BYTES)
    left = size_bytes - len(start)
    while left > 0:
        yield block[:left] if left < _BLOCK_BYTES else block
        left -= _BLOCK_BYTES


def read_request(stream: BinaryIO) -> Request | None:
    """The next request; None at the end of the connection, or if it sends no HTTP."""
    words = stream.readline(_LINE_LIMIT).decode("latin-1").split()
    if len(words) != 3:
        return None
    headers: dict[str, str] = {}
    while (line := stream.readline(_LINE_LIMIT).decode("latin-1")) not in ("\r\n", "\n"):
        if not line:
            return None
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    stated = headers.get("content-length", "")
    length = int(stated) if stated.isdecimal() else 0
    body = stream.read(length) if length else b""
    return Request(words[0], words[1], headers, body) if len(body) == length else None


class Stopped(Exception):
    """The exception for an answer that is being sent while the server stops."""


class Connection:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self._socket = sock
        self._stopping = stopping

    def _wait(self, seconds: float) -> None:
        if seconds > 0 and self._stopping.wait(seconds):
            raise Stopped

    def reset(self) -> None:
        """Let the connection end with a reset instead of an orderly close."""
        with contextlib.suppress(OSError):  # the peer was faster
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def send(self, reply: Reply, *, keep_alive: bool) -> bool:
        """Send the answer; return whether the connection may be used again."""
        if reply.cut == "reset":
            self.reset()
            return False
        streamed = reply.stream is not None
        length = reply.length if streamed else len(reply.body)
        keep = keep_alive and length is not None and reply.cut == ""
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = "Unknown"
        head = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in reply.headers.items())]
        if length is not None:
            head.append(f"Content-Length: {length}")
        head += [f"Connection: {'keep-alive' if keep else 'close'}", "", ""]
        start = "\r\n".join(head).encode("latin-1")
        if not streamed and reply.cut == "" and reply.pace is None:
            self._socket.sendall(start + reply.body)
            return keep
        self._socket.sendall(start)
        if reply.cut == "headers":
            return False
        for block in self._blocks(reply):
            self._socket.sendall(block)
        return keep

    def _blocks(self, reply: Reply) -> Iterator[bytes]:
        body = reply.body if not isinstance(reply.cut, float) else reply.body[: int(len(reply.body) * reply.cut)]
        if reply.stream is not None:
            for block in reply.stream():
                if self._stopping.is_set():
                    raise Stopped
                yield block
        elif reply.pace is not None:
            size, seconds = reply.pace
            for at in range(0, len(body), size):
                self._wait(seconds)
                yield body[at : at + size]
        else:
            yield body


Handler = Callable[[Request], Reply]


class Server:
    """Several services, each on a loopback port of its own, which is known before `start`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listeners: dict[str, socket.socket] = {}
        self._wake_end, self._wake = socket.socketpair()
        for name in names:
            self._listeners[name] = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._thread: threading.Thread | None = None

    def port(self, name: str) -> int:
        """The service's port."""
        number: int = self._listeners[name].getsockname()[1]
        return number

    def start(self, handlers: Mapping[str, Handler], is_down: Callable[[str], bool]) -> None:
        """Accept connections; reset those to a service that `is_down`."""
        self._thread = threading.Thread(
            target=self._accept, args=(handlers, is_down), name="services-accept", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close every port and connection at once, also under answers that are being sent."""
        self.stopping.set()
        self._wake.send(b"!")
        if self._thread is not None:
            self._thread.join()
        for listener in self._listeners.values():
            listener.close()
        with self._lock:
            for sock in self._connections:
                with contextlib.suppress(OSError):  # closed by the peer already
                    sock.shutdown(socket.SHUT_RDWR)
        self._wake.close()
        self._wake_end.close()

    def _accept(self, handlers: Mapping[str, Handler], is_down: Callable[[str], bool]) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_end, selectors.EVENT_READ)
            for name, listener in self._listeners.items():
                selector.register(listener, selectors.EVENT_READ, name)
            while not self.stopping.is_set():
                for key, _ in selector.select():
                    if key.data is not None:
                        self._greet(self._listeners[key.data], handlers[key.data], down=is_down(key.data))

    def _greet(self, listener: socket.socket, handler: Handler, *, down: bool) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:  # the peer gave up between the knock and the greeting
            return
        if down:
            Connection(sock, self.stopping).reset()
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._connections.add(sock)
        threading.Thread(target=self._serve, args=(sock, handler), name="services-connection", daemon=True).start()

    def _serve(self, sock: socket.socket, handler: Handler) -> None:
        connection = Connection(sock, self.stopping)
        stream = sock.makefile("rb")
        # A peer that goes away, in whatever manner, ends its own connection and nothing else.
        with contextlib.suppress(OSError, Stopped), stream:
            while not self.stopping.is_set() and (request := read_request(stream)) is not None:
                keep_alive = request.headers.get("connection", "").lower() != "close"
                if not connection.send(handler(request), keep_alive=keep_alive):
                    break
        with self._lock:
            self._connections.discard(sock)
        sock.close()
