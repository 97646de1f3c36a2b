"""A gateway on loopback with a dialect of OpenAI's or Gemini's API, which holds pictures at addresses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

from PIL import Image


def png() -> bytes:
    """A picture as a service delivers it."""
    buffer = BytesIO()
    Image.effect_noise((768, 432), 40).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Reply:
    """The answer of one address."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Gateway:
    """Replies by path, and the requests with path and headers; `default` answers every other path."""

    url: str = ""
    default: Reply = Reply()
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def answer(self, value: object, status: int = 200, **headers: str) -> None:
        """Answer every create call with this JSON."""
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.default = Reply(body, status, {"content-type": "application/json", **names})

    @property
    def creates(self) -> int:
        """The number of create calls."""
        return sum("images/generations" in path or "generateContent" in path for path, _ in self.asked)


@contextmanager
def gateway() -> Iterator[Gateway]:
    """A gateway that runs until the end of the block."""
    state = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply = state.replies.get(self.path, state.default)
            state.asked.append((self.path, {name.lower(): text for name, text in self.headers.items()}))
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(reply.status)
            for name, text in reply.headers.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_CONNECT = do_GET  # noqa: N815 - named by the server

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
