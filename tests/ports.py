"""Ports of loopback that no other program takes before a server listens there."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """Reserve a port that refuses connections until a server listens there.

    Any program's connection may get the number of a socket that is closed at once, before the server binds it.
    On Linux the bound socket keeps the number for a server with SO_REUSEADDR; other systems need it closed first.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        if sys.platform != "linux":
            holder.close()
        yield port
