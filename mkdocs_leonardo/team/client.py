"""The client of object stores, opened for an address."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from mkdocs_leonardo.team.address import StoreAddress

if TYPE_CHECKING:
    from obstore.store import HTTPStore
    from obstore.store import ObjectStore as Client

T = TypeVar("T")

#: The default timeout of one call with its retries (seconds).
CALL_S = 10.0
#: The timeout of the transfer of a picture (seconds).
LONG_CALL_S = 60.0
#: The timeout of a connection attempt (seconds).
CONNECT_S = 2.0


def connect(address: StoreAddress, *, authorization: str, allows_http: bool) -> tuple[Client | None, Client]:
    """Return the client for creating, None if it needs none of its own, and the client for all other calls."""
    from obstore import store

    if address.scheme == "file":
        # The folder is never created, since it would hide a network folder that is not mounted now.
        return None, store.LocalStore(address.prefix)
    retries: store.RetryConfig = {
        # A small server refuses some connections at first when many machines connect at once.
        "max_retries": 4,
        "retry_timeout": timedelta(seconds=CALL_S),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
    }
    client: store.ClientConfig = {
        "connect_timeout": timedelta(seconds=CONNECT_S),
        "read_timeout": timedelta(seconds=CALL_S),
        "timeout": timedelta(seconds=LONG_CALL_S),
        "allow_http": allows_http,
    }
    options: dict[str, Any] = {"prefix": address.prefix or None, "client_options": client, "retry_config": retries}
    if address.scheme == "s3":
        stated = {"endpoint": address.endpoint, "region": address.region}
        options["config"] = {name: text for name, text in stated.items() if text}
        return None, store.S3Store(address.place, **options)
    if address.scheme == "gs":
        return None, store.GCSStore(address.place, **options)
    if address.scheme == "az":
        return None, store.AzureStore(address.place, **options)

    def web(**headers: str) -> HTTPStore:
        if authorization:
            headers["Authorization"] = authorization
        return store.HTTPStore(
            str(address), client_options={**client, "default_headers": headers}, retry_config=retries
        )

    # obstore has no conditional put for plain web servers, so a second client sends the header with every request.
    return web(**{"If-None-Match": "*"}), web()


async def in_the_background(function: Callable[[], T]) -> T:
    """Run `function` in a thread that neither the event loop nor the end of the process waits for.

    A network folder that hangs blocks the thread that reads it, for minutes or without end.
    """
    import asyncio

    future: Future[T] = Future()
    # Without this, a cancelled future would refuse the result.
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is waited for
            future.set_exception(error)

    threading.Thread(target=work, name="shared_store", daemon=True).start()
    return await asyncio.wrap_future(future)
