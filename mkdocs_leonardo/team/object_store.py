"""An object store: S3 and compatible services, Google, Azure, WebDAV, or a shared folder.

Every call ends within a bounded time, and every failure is StoreUnavailable. Its message holds no credential and no
signed address. A call to a store that answered before is retried for a while.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from anyio import move_on_after, sleep

from mkdocs_leonardo.concurrency import to_daemon
from mkdocs_leonardo.errors import BrokenEntry, StoreRejected, StoreUnavailable
from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.team.address import StoreAddress, is_endpoint
from mkdocs_leonardo.team.client import (
    CALL_S,
    NO_PLACE,
    WEB_PAGE,
    WITH_CODES,
    NoObjectStore,
    connect,
    explain_error,
    find_status,
    is_about_folder,
    is_foreign,
    is_permanent,
)

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

T = TypeVar("T")
#: One state of an object: e_tag, when it was written (Unix seconds by the service's clock), and size in bytes.
ObjectVersion: TypeAlias = tuple[str | None, float, int]

#: After this many failures in a row, the store gets no calls for a while. After this many rejections in a row, it gets
#: no more calls of that kind.
MOST_FAILURES = 3
#: An open breaker lets one call through after this time (seconds). It is shorter than `leases.TEAM_HOLD_S`, so that a
#: machine keeps its leases through a short interruption.
OPEN_S = 6.0
#: How long a failing call to a store that has answered before is retried (seconds). So a short interruption costs time,
#: and no picture is paid for twice.
OUTAGE_S = 20.0
#: The interval between two such retries (seconds).
RETRY_S = 1.5
#: The time in which two interleaved writes, on a service without preconditions, have both arrived (seconds).
SETTLE_S = 1.0
#: The time that obstore's threads get to release Python's objects (seconds). A thread that still holds one when the
#: interpreter ends aborts the process (SIGABRT, PyO3/pyo3-async-runtimes#40).
THREADS_END_S = 0.1
#: The default limit of a read (bytes).
MAX_OBJECT_BYTES = 2**20
#: The consequence of a failing store for a build that may not pay.
NOTHING_PAID = "images that only the store has count as missing"
#: The value of the header `Authorization` for a store at https://, such as `Basic …` or `Bearer …`.
AUTHORIZATION_VARIABLE = "MKDOCS_LEONARDO_STORE_AUTHORIZATION"

_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class _Kind(Enum):
    """The kinds of call, each with the words for its failure."""

    READ = "be read"
    WRITE = "be written"
    DELETE = "be deleted"
    LIST = "be listed"


class CircuitBreaker:
    """A counter of failures in a row. A failure counts only if no other call has ended since that call began.

    The failure of a service that has never answered opens the breaker for good.

    `begin` before a call, `record_failure` or `record_success` after it, all in one thread.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        #: Whether the service has answered at all, also with a failure.
        self.has_answered = False
        self._failures = 0
        self._ended = 0
        self._asked_again_at = 0.0

    def may_call(self) -> bool:
        """Return whether a call may be made now. While the breaker is open, that is one call in `OPEN_S`."""
        if not self.has_answered:
            return not self._failures
        if self._failures < MOST_FAILURES:
            return True
        now = self._monotonic()
        if now < self._asked_again_at:
            return False
        self._asked_again_at = now + OPEN_S
        return True

    def begin(self) -> int:
        """Begin a call, and return a token for `record_failure`: the number of calls that have ended so far."""
        return self._ended

    def record_failure(self, begun: int) -> None:
        """Count the failure of the call with the token `begun`."""
        if begun == self._ended:
            self._ended += 1
            self._failures += 1
            self._asked_again_at = self._monotonic() + OPEN_S

    def record_success(self) -> None:
        """Close the breaker: a call succeeded."""
        self.has_answered = True
        self._ended += 1
        self._failures = 0


class ObjectStore:
    """The objects at one address. All calls belong to one event loop; several may run at once.

    A call that fails is retried for `OUTAGE_S` if the store has answered in this build and does not reject it. Calls
    that delete are not retried. After `MOST_FAILURES` failures in a row, calls fail at once; one call now and then
    tests whether the store is back. A store that has never answered gets no further calls.
    """

    def __init__(
        self,
        address: StoreAddress,
        environ: Mapping[str, str],
        *,
        notify: Notify = lambda _level, _text: None,
        consequence: str = NOTHING_PAID,
        sleep: Callable[[float], Awaitable[None]] = sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open no connection. The client reads the services' keys from the process's environment.

        `consequence` says in `warn` what a failure means for the build.
        """
        self.address = address
        self.notify = notify
        self._consequence = consequence
        self._sleep = sleep
        self._monotonic = monotonic
        self._authorization = environ.get(AUTHORIZATION_VARIABLE, "").strip()
        # obstore reads these variables itself, but must be told that it may use http.
        variables = () if address.endpoint else _ENDPOINT_VARIABLES
        endpoints = [address.endpoint, *(environ.get(name, "").strip() for name in variables)]
        self._allows_http = address.scheme == "http" or any(text.startswith("http:") for text in endpoints)
        # obstore does not check these addresses, and fails without a usable message.
        faulty = (
            name for name in variables if environ.get(name, "").strip() and not is_endpoint(environ[name].strip())
        )
        self._wrong_setting = next(
            (f"{name} must be an address without credentials, such as https://s3.example.com" for name in faulty), ""
        )
        self._opened: Client | None = None
        self._creator: Client | None = None
        #: Whether a create call leaves an existing object as it is; None before a create call has shown it.
        self.honours_preconditions: bool | None = None
        self._breaker = CircuitBreaker(monotonic)
        #: The time of the first failure in a row, by kind of call, by object, and ("") for all calls.
        self._failing_since: dict[_Kind | str, float] = {}
        #: The messages of rejections in a row, by kind of call.
        self._rejections: dict[_Kind, list[str]] = {}
        self._reason = ""
        self._has_warned = False
        #: The number of failed calls so far, with their retries.
        self.failures = 0

    @property
    def may_overwrite(self) -> bool:
        """Whether one of two create calls at the same moment may overwrite the other's object, as far as is known."""
        # A web server may check before it writes.
        return self.honours_preconditions is not True or self.address.scheme in {"http", "https"}

    def warn(self, error: StoreUnavailable) -> None:
        """Log a failure of the store: as a WARNING the first time, and at DEBUG afterwards."""
        level = logging.DEBUG if self._has_warned else logging.WARNING
        self._has_warned = True
        self.notify(level, f"shared_store {error}; the build goes on, and {self._consequence}")

    async def get(self, name: str, *, max_bytes: int = MAX_OBJECT_BYTES, timeout_s: float = CALL_S) -> bytes | None:
        """Read an object; returns None without an object. BrokenEntry if the object is larger than `max_bytes`."""
        return await self._call(_Kind.READ, name, lambda: self._get(name, max_bytes), timeout_s)

    async def create(self, name: str, data: bytes, *, timeout_s: float = CALL_S) -> bool:
        """Create the object unless it exists; returns whether this call created it.

        Returns True as well if the object holds these bytes already, since the answer to an earlier try may be lost.
        Callers that need to know whose object it is put a unique value into `data`.
        """
        return await self._call(_Kind.WRITE, name, lambda: self._create(name, data), timeout_s)

    async def replace(self, name: str, data: bytes, *, timeout_s: float = CALL_S) -> None:
        """Write the object, whether it exists or not."""
        await self._call(_Kind.WRITE, name, lambda: self._replace(name, data), timeout_s)

    async def delete(self, name: str) -> None:
        """Delete the object, if there is one; a call that fails is not made again.

        A second call, after the lost answer of the first one, could delete what another machine has put there since.
        """
        await self._try(_Kind.DELETE, lambda: self._delete(name), CALL_S)

    async def list(self, folder: str) -> dict[str, ObjectVersion]:
        """List the objects directly in `folder`: their names, sorted, with their versions."""
        return await self._call(_Kind.LIST, folder, lambda: self._list(folder))

    async def aclose(self) -> None:
        """Let the client end its calls. Await this after the last call has returned or was cancelled."""
        if self._opened is not None:
            await self._sleep(THREADS_END_S)

    # ------------------------------------------------------------------------------------------------------------------

    async def _get(self, name: str, max_bytes: int) -> bytes | None:
        store = await self._open()
        result = await self._get_or_none(store.get_async(_check_name(name)))
        if result is None:
            return None
        data = bytearray()
        if result.meta["size"] <= max_bytes:
            async for chunk in result.stream():
                data += chunk
                if len(data) > max_bytes:
                    break
            else:
                if WEB_PAGE.match(data):
                    raise NoObjectStore
                return bytes(data)
        raise BrokenEntry(f"{self.address}/{name}: is larger than {max_bytes} bytes")

    async def _create(self, name: str, data: bytes) -> bool:
        if self.honours_preconditions is not True:
            metadata = await self._get_or_none((await self._open()).head_async(_check_name(name)))
            if metadata is not None:
                # A service that ignores the precondition would overwrite it.
                return await self._holds(name, data)
        if not await self._put_new(name, data):
            return await self._holds(name, data)
        if self.honours_preconditions is None:
            # The second put changes nothing, and shows whether the service would take other bytes as well.
            self.honours_preconditions = not await self._put_new(name, data)
        if not self.may_overwrite:
            return True
        # Writers may interleave on a service without preconditions, and on a web server that checks before it writes.
        # The object is that of the last writer. An earlier writer sees that if it reads after the last write.
        await self._sleep(SETTLE_S)
        return await self._holds(name, data)

    async def _replace(self, name: str, data: bytes) -> None:
        await self._put(await self._open(), name, data)

    async def _delete(self, name: str) -> None:
        store = await self._open()
        # S3 reports no missing object, the other services do.
        await self._get_or_none(store.delete_async(_check_name(name)))

    async def _list(self, folder: str) -> dict[str, ObjectVersion]:
        from obstore import list_with_delimiter_async

        store = await self._open()
        # The delimiter limits the depth, since Apache answers no listing of unlimited depth.
        listing = await list_with_delimiter_async(store, _check_name(folder))
        return {
            # WebDAV's listings have the whole path on the host.
            f"{folder}/{entry['path'].rpartition('/')[2]}": (
                entry["e_tag"],
                entry["last_modified"].timestamp(),
                entry["size"],
            )
            for entry in sorted(listing["objects"], key=lambda entry: entry["path"])
        }

    async def _holds(self, name: str, data: bytes) -> bool:
        """Return whether the object is there and is `data`."""
        try:
            return await self._get(name, len(data)) == data
        except BrokenEntry:
            return False

    async def _put_new(self, name: str, data: bytes) -> bool:
        """Put a new object; returns False if the service has an object of that name."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        store = await self._open()
        try:
            if self._creator is not None:
                await self._put(self._creator, name, data)
            else:
                await store.put_async(_check_name(name), data, mode="create", use_multipart=False)
        except (AlreadyExistsError, PreconditionError) as error:
            if is_about_folder(str(error)):
                raise
            return False
        return True

    async def _put(self, client: Client, name: str, data: bytes) -> None:
        """Write the object, once more if another writer made its folder at the same moment."""
        from obstore.exceptions import BaseError

        try:
            await client.put_async(_check_name(name), data, use_multipart=False)
        except BaseError as error:
            if not is_about_folder(str(error)):
                raise
            await client.put_async(_check_name(name), data, use_multipart=False)

    async def _open(self) -> Client:
        if self._opened is None:
            opened = await to_daemon(
                partial(connect, self.address, authorization=self._authorization, allows_http=self._allows_http)
            )
            self._creator, self._opened = opened
        return self._opened

    async def _get_or_none(self, call: Awaitable[T]) -> T | None:
        """Await a call; returns its result, or None for a missing object. A missing bucket is an error."""
        try:
            return await call
        except FileNotFoundError as error:
            if NO_PLACE.search(str(error)):
                raise
            if self.address.scheme in WITH_CODES and find_status(str(error)) and is_foreign(str(error)):
                raise NoObjectStore from None
            return None

    async def _call(
        self, kind: _Kind, name: str, make: Callable[[], Coroutine[object, object, T]], timeout_s: float = CALL_S
    ) -> T:
        """Make a call; repeat a failed call for a while if that may help. StoreUnavailable if the last call fails."""
        clocks = ("", kind, name)
        while True:
            begun_at = self._monotonic()
            try:
                result = await self._try(kind, make, timeout_s)
            except StoreRejected:
                raise
            except StoreUnavailable:
                failing_since = min(self._failing_since.setdefault(clock, begun_at) for clock in clocks)
                if not self._breaker.has_answered or self._monotonic() - failing_since >= OUTAGE_S:
                    raise
            else:
                for clock in clocks:
                    self._failing_since.pop(clock, None)
                return result
            await self._sleep(RETRY_S)

    async def _try(self, kind: _Kind, make: Callable[[], Coroutine[object, object, T]], timeout_s: float) -> T:
        """Make a call once within `timeout_s`; StoreUnavailable if the call fails."""
        self._raise_known_failure(kind)
        from obstore.exceptions import BaseError

        text, reason, is_final = "", f"no answer within {timeout_s:g} s", False
        begun = self._breaker.begin()
        with move_on_after(timeout_s):
            try:
                result = await make()
            except BrokenEntry:
                self._record_answer(kind)
                raise
            except NoObjectStore as error:
                reason, is_final = str(error), True
            except (BaseError, OSError, ValueError, NotImplementedError) as error:
                text = str(error)
                reason, is_final = explain_error(text), is_permanent(text, is_folder=self.address.scheme == "file")
            except Exception:  # noqa: BLE001 - the client's own faults are of a kind that only it knows
                reason = "its client failed; update obstore, or build without shared_store"
            else:
                self._record_answer(kind)
                return result
        self.failures += 1
        message = f"{self.address}: cannot {kind.value} ({reason})"
        # Raised outside of `except`: the client's exception, with addresses and headers, is not the context.
        if is_final:
            rejections = self._rejections.get(kind, [])
            self._record_answer(kind)
            self._rejections[kind] = [*rejections, message]
            raise StoreRejected(message)
        self._reason = reason
        self._breaker.has_answered |= find_status(text) is not None
        # A failure does not count if the store has answered another call meanwhile: it is overloaded, and not gone.
        self._breaker.record_failure(begun)
        raise StoreUnavailable(message)

    def _raise_known_failure(self, kind: _Kind) -> None:
        """Raise StoreUnavailable for a call that is known to fail."""
        if self._wrong_setting and self.address.scheme == "s3":
            raise StoreRejected(f"{self.address}: cannot {kind.value} ({self._wrong_setting})")
        if len(self._rejections.get(kind, ())) >= MOST_FAILURES:
            raise StoreRejected(self._rejections[kind][-1])
        if not self._breaker.may_call():
            raise StoreUnavailable(
                f"{self.address}: cannot {kind.value} (not asked again after it failed: {self._reason})"
            )

    def _record_answer(self, kind: _Kind) -> None:
        self._breaker.record_success()
        self._rejections.pop(kind, None)


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise AssertionError(f"{name!r} is no name for an object")
    return name
