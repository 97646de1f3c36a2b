"""A gateway on loopback with a dialect of OpenAI's or Gemini's API, which holds pictures at addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from images import encode
from local_http import Quiet, serve_http
from PIL import Image


def png() -> bytes:
    """A picture as a service delivers it."""
    return encode(Image.effect_noise((768, 432), 40).convert("RGB"), "PNG")


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

    class Handler(Quiet, BaseHTTPRequestHandler):
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

    with serve_http(Handler) as state.url:
        yield state
