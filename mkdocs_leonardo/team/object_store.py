"""Named bytes in an object store: S3 and what speaks like it, Google, Azure, WebDAV, a shared folder.

Every call ends within a bounded time, and every failure is StoreUnavailable with a message that holds neither a
credential nor an address with a signature in it. A store that answered before, and fails for a moment, is waited for.
What an object may mean is decided elsewhere.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import re
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from mkdocs_leonardo.errors import BrokenEntry, StoreRefused, StoreUnavailable
from mkdocs_leonardo.team.breaker import CircuitBreaker

if TYPE_CHECKING:
    from obstore.store import HTTPStore, ObjectStore

T = TypeVar("T")

#: One call, its further tries included, takes no longer than this, unless the caller says otherwise.
CALL_S = 10.0
#: A picture over a slow line may take longer, as long as bytes go on coming.
LONG_CALL_S = 60.0
#: A machine that is there answers the door sooner.
CONNECT_S = 2.0
#: After so many failures in a row the store is left alone for a while; after so many refusals in a row of reading,
#: writing, deleting or listing, that is not asked for again.
MOST_FAILURES = 3
#: A store that has answered is waited for as long as this when it fails (seconds): so long an interrupted line costs a
#: build, and no picture twice.
OUTAGE_S = 20.0
#: Between two tries at a store that is waited for (seconds).
RETRY_S = 1.5
#: Two writers who cross on a service that checks nothing have done so within this time.
SETTLE_S = 1.0
#: The client's threads hold on to objects of Python's for a moment after they have answered. One that still does when
#: the interpreter ends takes the process with it (SIGABRT, PyO3/pyo3-async-runtimes#40): so long they get (seconds).
LET_GO_S = 0.1
#: A read takes at most this many bytes, unless the caller says otherwise.
MAX_OBJECT_BYTES = 2**20
#: The value of the header `Authorization` for a store at https://, such as `Basic …` or `Bearer …`.
AUTHORIZATION_VARIABLE = "MKDOCS_LEONARDO_STORE_AUTHORIZATION"

_SCHEMES = ("s3", "gs", "az", "https", "http", "file")
_PARAMETERS = {"s3": ("endpoint", "region")}
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_STATUS = re.compile(r"status code: (\d{3})")
#: S3, Azure and Google name the fault in their answers, and S3 the right region.
_CODE = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9-]{1,32})</Region>")
_WEB_PAGE = re.compile(rb"\s*<(!doctype\s+html|html)\b", re.IGNORECASE)
_OS_ERROR = re.compile(r"(?:os error |code: )(\d+)")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a team's store is, taken apart."""

    scheme: str
    #: Bucket or container; host and port for https; empty for a folder.
    place: str
    #: Path below the place, without slashes round it; the folder's own path for `file`.
    prefix: str
    endpoint: str = ""
    region: str = ""

    def __str__(self) -> str:
        """For people: without the query."""
        if self.scheme == "file":
            return f"file:///{self.prefix.lstrip('/')}"
        return f"{self.scheme}://{self.place}/{self.prefix}".rstrip("/")

    @classmethod
    def parse(cls, text: str) -> StoreAddress:
        """The address in `text`; ValueError that says what is wrong and does not repeat it, as it may hold a key."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("it cannot be read as an address, such as s3://bucket/heroes") from None
        scheme = parts.scheme
        if scheme not in _SCHEMES or not text.isprintable() or "\\" in text:
            raise ValueError("it must begin with s3://, gs://, az://, https:// or file:///")
        if "@" in parts.netloc:
            raise ValueError("it must hold no credentials; they come from the environment")
        if parts.fragment:
            raise ValueError("it must hold no #")
        query = _query(scheme, parts.query)
        path = unquote(parts.path)
        if ".." in path.split("/") or "//" in path or not path.isprintable():
            raise ValueError("its path must hold no .. and no empty part")
        if scheme == "file":
            if parts.netloc or not path.strip("/"):
                raise ValueError("it must name a folder from the root, with three slashes, such as file:///mnt/heroes")
            from urllib.request import url2pathname  # noqa: PLC0415 - slow to import, and few need it

            return cls(scheme, "", url2pathname(parts.path).rstrip("/"))
        is_web = scheme in {"http", "https"}
        _check_host(scheme, host, "" if is_web or port is None else str(port))
        return cls(
            scheme,
            parts.netloc if is_web else host,
            path.strip("/"),
            query.get("endpoint", ""),
            query.get("region", ""),
        )


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What one read found."""

    data: bytes
    e_tag: str | None
    #: When the object was last written, in Unix seconds by the service's own clock.
    modified_at: float


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One line of a listing."""

    #: The whole name, as the other calls take it.
    name: str
    size_bytes: int
    e_tag: str | None
    #: When the object was last written, in Unix seconds by the service's own clock.
    modified_at: float


class Objects:
    """Named bytes at one address. All calls belong to one event loop; several may run at once.

    A call that fails is tried again for `OUTAGE_S`, if the store has answered in this build and does not refuse. After
    `MOST_FAILURES` failures in a row calls fail at once, but for one now and then that finds out whether the store is
    back. A store that has never answered is not asked again.
    """

    def __init__(
        self,
        address: StoreAddress,
        environ: Mapping[str, str],
        *,
        tell: Callable[[int, str], None] = lambda _level, _text: None,
        consequence: str = "what is only there counts as missing",
        sleep: Callable[[float], Awaitable[None]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open nothing yet. Keys of the services are read from the process's environment by their client.

        `consequence` tells in `warn` what a failure means for the build.
        """
        self.address = address
        self._tell = tell
        self._consequence = consequence
        self._sleep = sleep or _sleep
        self._monotonic = monotonic
        self._authorization = environ.get(AUTHORIZATION_VARIABLE, "").strip()
        # The client takes these itself; that an address is not https must be said besides.
        variables = () if address.endpoint else _ENDPOINT_VARIABLES
        endpoints = [address.endpoint, *(environ.get(name, "").strip() for name in variables)]
        self._allows_http = address.scheme == "http" or any(text.startswith("http:") for text in endpoints)
        # The client takes what it finds there without a look, and falls over.
        wrong = (
            name for name in variables if environ.get(name, "").strip() and not _is_endpoint(environ[name].strip())
        )
        self._trouble = next(
            (f"{name} must be an address without credentials, such as https://s3.example.com" for name in wrong), ""
        )
        self._opened: ObjectStore | None = None
        self._creator: ObjectStore | None = None
        self._honours: bool | None = None
        self._breaker = CircuitBreaker(MOST_FAILURES, monotonic=monotonic)
        self._is_there = False
        self._is_silent = False
        self._answers = 0
        #: Since when what fails has failed, by the kind of call, by the object, and ("") for all calls.
        self._failing_since: dict[str, float] = {}
        #: What the store said, by the kind of call, as often as it said so in a row.
        self._refusals: dict[str, list[str]] = {}
        self._reason = ""
        self._has_warned = False
        #: Tries that failed so far.
        self.failures = 0

    @property
    def ignores_preconditions(self) -> bool | None:
        """Whether the service overwrites what a create should have left alone; None while no create has shown it."""
        return None if self._honours is None else not self._honours

    def warn(self, error: StoreUnavailable) -> None:
        """Tell of a failure: as a WARNING the first time, and at DEBUG afterwards."""
        level = logging.DEBUG if self._has_warned else logging.WARNING
        self._has_warned = True
        self._tell(level, f"shared_store {error}; the build goes on, and {self._consequence}")

    async def get(
        self, name: str, *, max_bytes: int = MAX_OBJECT_BYTES, timeout_s: float = CALL_S
    ) -> StoredObject | None:
        """The object, None if there is none; BrokenEntry if it is larger than `max_bytes`."""
        return await self._call("be read", name, lambda: self._get(name, max_bytes), timeout_s)

    async def create(self, name: str, data: bytes, *, timeout_s: float = CALL_S) -> bool:
        """Whether this call made the object; False, and nothing changed, if there is another one already.

        Bytes that are there already count as this call's: an answer may have been lost on the way. So callers who must
        know which of them it was put something of their own into `data`.
        """
        return await self._call("be written", name, lambda: self._create(name, data), timeout_s)

    async def replace(self, name: str, data: bytes, *, timeout_s: float = CALL_S) -> None:
        """The object is `data`, whatever it was."""
        await self._call("be written", name, lambda: self._replace(name, data), timeout_s)

    async def delete(self, name: str) -> None:
        """There is no such object."""
        await self._call("be deleted", name, lambda: self._delete(name))

    async def list(self, folder: str) -> tuple[ObjectEntry, ...]:
        """The objects directly in `folder`, sorted by name; not those in folders below it."""
        return await self._call("be listed", folder, lambda: self._list(folder))

    async def aclose(self) -> None:
        """The process may end. To be awaited after the last call of all, also of those that were cancelled."""
        if self._opened is not None:
            await _sleep(LET_GO_S)

    # ------------------------------------------------------------------------------------------------------------------

    async def _get(self, name: str, max_bytes: int) -> StoredObject | None:
        store = await self._open()
        found = await self._unless_missing(store.get_async(_checked(name)))
        if found is None:
            return None
        data = bytearray()
        if found.meta["size"] <= max_bytes:
            async for chunk in found.stream():
                data += chunk
                if len(data) > max_bytes:
                    break
            else:
                if _WEB_PAGE.match(data):
                    raise OSError(_IS_WEB_PAGE)
                return StoredObject(bytes(data), found.meta["e_tag"], found.meta["last_modified"].timestamp())
        raise BrokenEntry(f"{self.address}/{name}: is larger than {max_bytes} bytes")

    async def _create(self, name: str, data: bytes) -> bool:
        if self._honours is not True and await self._exists(name):
            # A service that ignores the precondition would overwrite it.
            return await self._holds(name, data)
        if not await self._put_new(name, data):
            return await self._holds(name, data)
        if self._honours is None:
            # The same bytes once more: nothing changes, and a service that takes them would take others too.
            self._honours = not await self._put_new(name, data)
        if self._honours and self._creator is None:
            return True
        # Writers may have crossed where nothing is checked, or where a web server looks first and writes later.
        # The last of them has the object; the others see that, if they look after it wrote.
        await _sleep(SETTLE_S)
        return await self._holds(name, data)

    async def _replace(self, name: str, data: bytes) -> None:
        await self._made_folder(lambda store: store.put_async(_checked(name), data, use_multipart=False))

    async def _delete(self, name: str) -> None:
        store = await self._open()
        # S3 says nothing of an object that is not there, the others do.
        await self._unless_missing(store.delete_async(_checked(name)))

    async def _list(self, folder: str) -> tuple[ObjectEntry, ...]:
        from obstore import list_with_delimiter_async  # noqa: PLC0415 - see `_connected`

        store = await self._open()
        # With a delimiter, because Apache answers no listing of unlimited depth.
        found = await list_with_delimiter_async(store, _checked(folder))
        entries = (
            ObjectEntry(
                # WebDAV's listings say the whole path on the host.
                f"{folder}/{entry['path'].rpartition('/')[2]}",
                entry["size"],
                entry["e_tag"],
                entry["last_modified"].timestamp(),
            )
            for entry in found["objects"]
        )
        return tuple(sorted(entries, key=lambda entry: entry.name))

    async def _exists(self, name: str) -> bool:
        store = await self._open()
        return await self._unless_missing(store.head_async(_checked(name))) is not None

    async def _holds(self, name: str, data: bytes) -> bool:
        """Whether the object is there and is `data`."""
        try:
            found = await self._get(name, len(data))
        except BrokenEntry:
            return False
        return found is not None and found.data == data

    async def _put_new(self, name: str, data: bytes) -> bool:
        """Whether the service took the object as a new one."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError  # noqa: PLC0415 - see `_connected`

        try:
            if self._creator is not None:
                creator = self._creator
                await self._made_folder(lambda _: creator.put_async(_checked(name), data, use_multipart=False))
            else:
                store = await self._open()
                await store.put_async(_checked(name), data, mode="create", use_multipart=False)
        except (AlreadyExistsError, PreconditionError) as error:
            if "MKCOL" in str(error):
                raise
            return False
        return True

    async def _made_folder(self, put: Callable[[ObjectStore], Awaitable[T]]) -> T:
        """The result of `put`, asked again if another writer made the object's folder at the same moment."""
        from obstore.exceptions import BaseError  # noqa: PLC0415 - see `_connected`

        store = await self._open()
        try:
            return await put(store)
        except BaseError as error:
            if "MKCOL" not in str(error):
                raise
        return await put(store)

    async def _open(self) -> ObjectStore:
        if self._opened is None:
            opened = await _in_the_background(self._connected)
            self._creator, self._opened = opened
        return self._opened

    def _connected(self) -> tuple[ObjectStore | None, ObjectStore]:
        """The client for creating, where that needs one of its own, and the client for everything else."""
        from obstore import store  # noqa: PLC0415 - only who has a store has the client

        address = self.address
        if address.scheme == "file":
            # Never made here: where the network folder is not mounted, its place must stay as it is.
            return None, store.LocalStore(address.prefix)
        retries: store.RetryConfig = {
            # A small server that many machines ask at once does not take every connection at the first knock.
            "max_retries": 4,
            "retry_timeout": timedelta(seconds=CALL_S),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
        }
        client: store.ClientConfig = {
            "connect_timeout": timedelta(seconds=CONNECT_S),
            "read_timeout": timedelta(seconds=CALL_S),
            "timeout": timedelta(seconds=LONG_CALL_S),
            "allow_http": self._allows_http,
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
        headers = {"Authorization": self._authorization} if self._authorization else {}

        def web(more: Mapping[str, str]) -> HTTPStore:
            options: store.ClientConfig = {**client, "default_headers": {**headers, **more}}
            return store.HTTPStore(str(address), client_options=options, retry_config=retries)

        # This client has no conditional put for plain web servers; the header is all there is to it.
        return web({"If-None-Match": "*"}), web({})

    async def _unless_missing(self, call: Awaitable[T]) -> T | None:
        """The call's result; None if there is no such object. A missing bucket is not a missing object."""
        try:
            return await call
        except FileNotFoundError as error:
            if _NO_PLACE.search(str(error)):
                raise
            if self.address.scheme in _WITH_CODES and _status_of(str(error)) and _is_foreign(str(error)):
                raise OSError(_IS_WEB_PAGE) from None
            return None

    async def _call(
        self, what: str, name: str, make: Callable[[], Coroutine[object, object, T]], timeout_s: float = CALL_S
    ) -> T:
        """The result of a call, tried again for a while where that may help; StoreUnavailable otherwise."""
        clocks = ("", what, name)
        while True:
            begun_at = self._monotonic()
            try:
                result = await self._try(what, make, timeout_s)
            except StoreRefused:
                raise
            except StoreUnavailable:
                since = min(self._failing_since.setdefault(clock, begun_at) for clock in clocks)
                if not self._is_there or self._monotonic() - since >= OUTAGE_S:
                    raise
            else:
                for clock in clocks:
                    self._failing_since.pop(clock, None)
                return result
            await self._sleep(RETRY_S)

    async def _try(self, what: str, make: Callable[[], Coroutine[object, object, T]], timeout_s: float) -> T:
        """The call's result within `timeout_s`, every failure turned into StoreUnavailable."""
        from anyio import move_on_after  # noqa: PLC0415 - see `_open`

        self._check(what)
        from obstore.exceptions import BaseError  # noqa: PLC0415 - see `_connected`

        text, reason, answers = "", f"no answer within {timeout_s:g} s", self._answers
        begun = self._breaker.begin()
        with move_on_after(timeout_s):
            try:
                result = await make()
            except BrokenEntry:
                self._answered(what)
                raise
            except (BaseError, OSError, ValueError, NotImplementedError) as error:
                text = str(error)
                reason = _reason(text)
            except Exception:  # noqa: BLE001 - the client's own faults are of a kind that only it knows
                reason = "the client for it fell over"
            else:
                self._answered(what)
                return result
        self.failures += 1
        message = f"{self.address}: cannot {what} ({reason})"
        # Raised out here, so that no exception of the client, with addresses and headers in it, hangs on to this one.
        if _is_refusal(text, is_folder=self.address.scheme == "file"):
            refusals = self._refusals.get(what, [])
            self._answered(what)
            self._refusals[what] = [*refusals, message]
            raise StoreRefused(message)
        self._reason = reason
        self._is_there = self._is_there or _status_of(text) is not None
        if self._answers == answers:
            # A store that answers others meanwhile is not gone, it has too much to do.
            self._breaker.failed(begun)
            self._is_silent = not self._is_there
        raise StoreUnavailable(message)

    def _check(self, what: str) -> None:
        """StoreUnavailable for a call that need not be made to know that it fails."""
        if find_spec("obstore") is None:
            raise StoreRefused(
                f"{self.address}: the client for it is not installed; pip install 'mkdocs-leonardo[team]'"
            )
        if self._trouble and self.address.scheme == "s3":
            raise StoreRefused(f"{self.address}: cannot {what} ({self._trouble})")
        if len(self._refusals.get(what, ())) >= MOST_FAILURES:
            raise StoreRefused(self._refusals[what][-1])
        if self._is_silent or not self._breaker.allows():
            raise StoreUnavailable(f"{self.address}: cannot {what} (it is left alone after it failed: {self._reason})")

    def _answered(self, what: str) -> None:
        self._breaker.succeeded()
        self._refusals.pop(what, None)
        self._is_there, self._is_silent = True, False
        self._answers += 1


async def _sleep(seconds: float) -> None:
    from anyio import sleep  # noqa: PLC0415 - only who has a store needs an event loop

    await sleep(seconds)


async def _in_the_background(function: Callable[[], T]) -> T:
    """The result of `function`, in a thread that neither the loop nor the end of the process waits for.

    A folder on a network that hangs holds up whoever looks at it, for minutes or for ever.
    """
    import asyncio  # noqa: PLC0415 - only who has a store needs an event loop

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


#: What S3, Azure and Google say of a bucket that does not exist.
_NO_PLACE = re.compile(r"NoSuchBucket|ContainerNotFound|specified bucket does not exist")
#: Where the client asks for credentials when the environment has none.
_NO_CREDENTIALS = re.compile(
    r"169\.254\.169\.254|169\.254\.170\.2|/computeMetadata/|service-accounts/|CredentialsNotLoaded"
)
#: Services that say in a code of theirs what went wrong; web servers with WebDAV answer with pages.
_WITH_CODES = frozenset({"s3", "gs", "az"})
_IS_WEB_PAGE = "no object store answers"
#: What the client's words mean; the first that is found counts.
_REASONS = (
    (_NO_PLACE, "there is no such bucket"),
    (
        re.compile(_IS_WEB_PAGE),
        "what answers there is no object store; look at the address, and for a login page",
    ),
    (re.compile(r"Account must be specified"), "AZURE_STORAGE_ACCOUNT_NAME is not set"),
    (re.compile(r"redirect without LOCATION"), "the bucket is in another region; write its region into the address"),
    (re.compile(r"MKCOL"), "the folder in its address does not exist"),
    (re.compile(r"TimedOut|kind: Timeout"), "no answer in time"),
    (re.compile(r"kind: Connect"), "it cannot be reached"),
    (re.compile(r"error sending request|HTTP error"), "the connection broke"),
)
_EXPIRED = "the session of these credentials has expired; get new ones"
_OTHER_REGION = "the bucket is in another region; write its region into the address"
_CLOCK = "this machine's clock is wrong; set it"
_KEY = "it does not know this access key; look at AWS_ACCESS_KEY_ID, and at AWS_SESSION_TOKEN if there is one"
#: What the code in an answer means.
_CODES = {
    "ExpiredToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "PermanentRedirect": _OTHER_REGION,
    "TemporaryRedirect": _OTHER_REGION,
    "InvalidAccessKeyId": _KEY,
    "InvalidToken": _KEY,
    "SignatureDoesNotMatch": "the secret key does not belong to the access key; look at AWS_SECRET_ACCESS_KEY",
}
_MEANINGS = {
    401: "401: it knows no such credentials",
    403: "403: these credentials may not; S3 also says so of what is not there, unless they may list the bucket",
    404: "404: it does not exist",
    405: "405: the server is not set up for that",
    429: "429: too many requests",
    507: "507: it is full",
}
#: Answers that another try may change: 408, 409 (two writers at once), 425 and 429, and what the server could not do.
_PASSING = frozenset({408, 409, 425, 429}) | frozenset(range(500, 600)) - {501, 505, 507}
#: S3 says so with 400.
_PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError"})
#: A network folder that has lost its server for a moment.
_PASSING_ERRORS = frozenset(
    getattr(errno, name)
    for name in ("EIO", "ESTALE", "ETIMEDOUT", "EAGAIN", "EINTR", "EBUSY", "EHOSTDOWN", "EHOSTUNREACH", "ENOTCONN")
    if hasattr(errno, name)
)


def _status_of(text: str) -> int | None:
    status = _STATUS.search(text)
    return int(status[1]) if status else None


def _is_foreign(text: str) -> bool:
    """Whether the body of an answer, as the client tells it, is nothing that an object store says."""
    body = text.partition("status code: ")[2].partition("\n\nDebug source")[0].partition(": ")[2]
    return bool(body.strip()) and not _CODE.search(text)


def _is_refusal(text: str, *, is_folder: bool) -> bool:
    """Whether the service, or the folder, said no for good; otherwise another try may help."""
    status, code, os_error = _status_of(text), _CODE.search(text), _OS_ERROR.search(text)
    if status is not None:
        return status not in _PASSING and (code is None or code[1] not in _PASSING_CODES)
    if is_folder and os_error:
        return int(os_error[1]) not in _PASSING_ERRORS
    return "redirect without LOCATION" in text or _IS_WEB_PAGE in text


def _reason(text: str) -> str:
    """What went wrong, in words of ours: the client's own hold addresses and answers."""
    if _NO_CREDENTIALS.search(text):
        return "no credentials for it are in the environment"
    status, code = _status_of(text), _CODE.search(text)
    if code and code[1] in _CODES:
        region = _REGION.search(text) if _CODES[code[1]] is _OTHER_REGION else None
        cure = f"the bucket is in {region[1]}; write ?region={region[1]} behind the address" if region else ""
        return f"{code[1]}: {cure or _CODES[code[1]]}"
    if status and not _NO_PLACE.search(text) and "MKCOL" not in text:
        return _MEANINGS.get(status, f"it answers {status}{f', {code[1]}' if code else ''}")
    os_error = _OS_ERROR.search(text)
    for pattern, meaning in _REASONS:
        if pattern.search(text):
            return meaning
    if os_error and int(os_error[1]) in errno.errorcode:
        return os.strerror(int(os_error[1]))
    return "the client gives no reason that can be shown"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise AssertionError(f"{name!r} is no name for an object")
    return name


def _query(scheme: str, text: str) -> dict[str, str]:
    allowed = _PARAMETERS.get(scheme, ())
    values: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in allowed:
            known = f"only {' and '.join(allowed)} may stand" if allowed else "nothing may stand"
            raise ValueError(f"{known} behind the ?; credentials come from the environment")
        values[name] = value
    endpoint = values.get("endpoint", "")
    if "endpoint" in values and not _is_endpoint(endpoint):
        raise ValueError("its endpoint must be an address without credentials, such as https://s3.example.com")
    if "region" in values and not re.fullmatch(r"[\w-]+", values["region"]):
        raise ValueError("its region cannot be read; it must look like eu-central-1")
    return values


def _is_endpoint(text: str) -> bool:
    """Whether a client can use the address, and it holds nothing secret."""
    try:
        return bool(re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./-]*)?", text) and urlsplit(text).port != 0)
    except ValueError:
        # A port beyond 65535, or none of a number.
        return False


def _check_host(scheme: str, host: str, bucket_port: str) -> None:
    if scheme in {"http", "https"}:
        if not _BUCKET.fullmatch(host) and not _is_address(host):
            raise ValueError("it names no host")
        if scheme == "http" and not _is_loopback(host):
            raise ValueError("it must begin with https:// (with http:// only for this machine itself)")
        return
    if not _BUCKET.fullmatch(host):
        raise ValueError("it names no bucket")
    if bucket_port:
        raise ValueError("a bucket has no port; write the service's address as ?endpoint=https://host:port")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
