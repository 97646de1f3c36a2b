"""A gateway on loopback that speaks OpenAI's or Gemini's API in its own way, and holds pictures at addresses."""

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
    """A picture that a service could have made."""
    buffer = BytesIO()
    Image.effect_noise((768, 432), 40).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Reply:
    """What one address answers."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Gateway:
    """The replies by path, and the paths that were asked for with their headers; `default` is every other path's."""

    url: str = ""
    default: Reply = Reply()
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def answer(self, value: object, status: int = 200, **headers: str) -> None:
        """Every create call is answered with this JSON."""
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.default = Reply(body, status, {"content-type": "application/json", **names})

    @property
    def creates(self) -> int:
        """How many calls asked for a picture."""
        return sum("images/generations" in path or "generateContent" in path for path, _ in self.asked)


@contextmanager
def gateway() -> Iterator[Gateway]:
    """The gateway, as long as the block runs."""
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
            """Quiet."""

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
