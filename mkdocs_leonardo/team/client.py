"""The client of object stores, opened for an address."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from mkdocs_leonardo.team.address import StoreAddress

if TYPE_CHECKING:
    from obstore.store import HTTPStore
    from obstore.store import ObjectStore as Client

T = TypeVar("T")

#: The timeout of one call with its retries, unless the caller says otherwise (seconds).
CALL_S = 10.0
#: The timeout of the transfer of a picture (seconds).
LONG_CALL_S = 60.0
#: A connection is established sooner, if the host is up (seconds).
CONNECT_S = 2.0


def connect(address: StoreAddress, *, authorization: str, allows_http: bool) -> tuple[Client | None, Client]:
    """The client for creating, where that needs one of its own, and the client for everything else."""
    from obstore import store

    if address.scheme == "file":
        # The folder is never created: where a network folder is not mounted, nothing may stand in its place.
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
    prefix = address.prefix or None
    if address.scheme == "s3":
        config: store.S3Config = {}
        if address.endpoint:
            config["endpoint"] = address.endpoint
        if address.region:
            config["region"] = address.region
        return None, store.S3Store(
            address.place, prefix=prefix, config=config, client_options=client, retry_config=retries
        )
    if address.scheme == "gs":
        return None, store.GCSStore(address.place, prefix=prefix, client_options=client, retry_config=retries)
    if address.scheme == "az":
        return None, store.AzureStore(address.place, prefix=prefix, client_options=client, retry_config=retries)
    headers = {"Authorization": authorization} if authorization else {}

    def web(more: Mapping[str, str]) -> HTTPStore:
        options: store.ClientConfig = {**client, "default_headers": {**headers, **more}}
        return store.HTTPStore(str(address), client_options=options, retry_config=retries)

    # obstore has no conditional put for plain web servers, so a second client sends the header with every request.
    return web({"If-None-Match": "*"}), web({})


async def in_the_background(function: Callable[[], T]) -> T:
    """The result of `function`, in a thread that neither the loop nor the end of the process waits for.

    A network folder that hangs blocks the thread that reads it, for minutes or without end.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(act: Callable[[], None]) -> None:
        if not future.done():
            act()

    def work() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is waited for
            act = partial(future.set_exception, error)
        else:
            act = partial(future.set_result, result)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, act)

    threading.Thread(target=work, name="shared_store", daemon=True).start()
    return await future
