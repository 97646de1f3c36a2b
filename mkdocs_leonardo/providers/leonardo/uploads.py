"""Reference images in Leonardo's account."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from mkdocs_leonardo.providers.interface import (
    Charged,
    Clock,
    JsonValue,
    Memory,
    ProviderError,
    Reference,
    ServiceFailed,
)
from mkdocs_leonardo.providers.leonardo.models import NAME
from mkdocs_leonardo.providers.leonardo.responses import leonardo_error
from mkdocs_leonardo.providers.toolkit import (
    EXTENSION,
    MIME_TYPE,
    DownloadRefused,
    TransportError,
    copy_for_service,
    member,
    text_at,
)

if TYPE_CHECKING:
    import anyio

    from mkdocs_leonardo.providers.toolkit import Api, Part

#: A form is good for two minutes (vendor's guide); it is used at once, and a new one is asked for after each failure.
_ATTEMPTS = 3
_UPLOAD_TIMEOUT_S = 60.0
_FORM_TIMEOUT_S = 10.0
_AGAIN_S = 1.0
#: The time for all attempts (seconds), within `UPLOAD_TURN_S`.
_ATTEMPTS_S = 120.0
#: The time that one process has for an upload before another one may start it (seconds).
UPLOAD_TURN_S = 140.0
#: The time for which the id of an unused file is remembered (seconds): a year.
_LIFE_S = 31_536_000.0
#: The longest wait for another process that uploads the same file.
_OTHERS_S = 150.0
_OTHERS_POLL_S = 0.25
#: The prefixes of the memory's keys: for an id, and for a process's turn to upload.
_ID, _TURN = f"upload:{NAME}:", f"uploading:{NAME}:"


class LeonardoUploads:
    """The reference images in the account: uploaded once, looked up by later processes, and replaced if lost.

    Uploads and look-ups cost nothing. `path` turns a path below v1 of the API into the whole path; `account` reads the
    account's id.
    """

    def __init__(
        self,
        memory: Memory,
        clock: Clock,
        api: Callable[[], Api],
        path: Callable[[str], str],
        account: Callable[[], Awaitable[str]],
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._api = api
        self._path = path
        self._account = account
        self._locks: dict[str, anyio.Lock] = {}
        self._verified_ids: dict[str, str] = {}
        self._lost: set[str] = set()

    async def id_of(self, reference: Reference) -> str:
        """Return the id of the reference in the account, after an upload if the account lacks the file.

        Raises ServiceFailed, not charged, if the upload fails.
        """
        from anyio import Lock

        from mkdocs_leonardo.providers.toolkit import to_thread

        # One at a time for each file: the pages that share it wait for the first upload.
        async with self._locks.setdefault(reference.digest, Lock()):
            if reference.digest not in self._verified_ids:
                name = f"{await self._account()}:{reference.digest}"
                upload_id = await to_thread(self._remembered_id, name)
                self._verified_ids[reference.digest] = (
                    upload_id if await self._has(upload_id) else await self._upload_once(name, reference, upload_id)
                )
            return self._verified_ids[reference.digest]

    def forget(self, reference: Reference, upload_id: str) -> None:
        """Forget an id that the service does not know, so that the next create call uploads the file again."""
        self._lost.add(upload_id)
        if self._verified_ids.get(reference.digest) == upload_id:
            del self._verified_ids[reference.digest]

    async def _has(self, upload_id: str) -> bool:
        """Return whether the service still has the file of an earlier upload."""
        if not upload_id or upload_id in self._lost:
            return False
        path = self._path(f"/init-image/{quote(upload_id, safe='')}")
        try:
            answer = await self._api().request("GET", path, timeout_s=_FORM_TIMEOUT_S)
        except TransportError:
            return False
        return text_at(answer.body, "init_images_by_pk", "id") == upload_id

    async def _upload_once(self, name: str, reference: Reference, lost_id: str) -> str:
        """Upload the file in place of the upload `lost_id`, or wait for another process that uploads it."""
        from mkdocs_leonardo.providers.toolkit import to_thread

        give_up_at = self._clock.now() + _OTHERS_S
        # A build that is cancelled meanwhile ends the turn that it has claimed.
        while not await to_thread(self._claim_turn, name, is_shielded=True):
            if self._clock.now() >= give_up_at:
                raise _no_upload(reference, "another build is still uploading it")
            await self._clock.sleep(_OTHERS_POLL_S)
            if upload_id := await to_thread(self._remembered_id, name, lost_id):
                return upload_id
        try:
            # The other process may have ended just before this one claimed its turn.
            upload_id = await to_thread(self._remembered_id, name, lost_id)
            if not upload_id:
                upload_id = await self._upload(reference)
            await to_thread(self._remember, name, upload_id, is_shielded=True)
        finally:
            await to_thread(self._end_turn, name, is_shielded=True)
        return upload_id

    def _remembered_id(self, name: str, lost_id: str = "") -> str:
        """Return the id of an earlier upload of any process, other than `lost_id`; "" without such an upload."""
        value = self._memory.get(_ID + name)
        return value if isinstance(value, str) and value != lost_id else ""

    def _remember(self, name: str, upload_id: str) -> None:
        self._memory.update(_ID + name, lambda _: (None, upload_id), expire_s=_LIFE_S)

    def _claim_turn(self, name: str) -> bool:
        """Claim the turn to upload the file, for `UPLOAD_TURN_S`. Returns False while another process has the turn."""
        now = self._clock.now()

        def change(value: JsonValue | None) -> tuple[bool, JsonValue]:
            is_free = not isinstance(value, int | float) or not now < value <= now + UPLOAD_TURN_S
            return is_free, now + UPLOAD_TURN_S if is_free else value

        return self._memory.update(_TURN + name, change, expire_s=UPLOAD_TURN_S)

    def _end_turn(self, name: str) -> None:
        """Let other processes upload the file."""
        self._memory.update(_TURN + name, lambda _: (None, 0), expire_s=UPLOAD_TURN_S)

    async def _upload(self, reference: Reference) -> str:
        """Upload the file and return its id; ServiceFailed, not charged, after several attempts.

        A form whose address breaks a rule of downloads ends the attempts.
        """
        data = await copy_for_service(reference, NAME)
        reason = ""
        give_up_at = self._clock.now() + _ATTEMPTS_S
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self._clock.sleep(_AGAIN_S)
            left_s = give_up_at - self._clock.now() - _FORM_TIMEOUT_S
            if left_s <= 0:
                break
            try:
                # A new form each time: the old one may have run out.
                answer = await self._api().request(
                    "POST", self._path("/init-image"), json={"extension": EXTENSION}, timeout_s=_FORM_TIMEOUT_S
                )
                form = member(answer.body, "uploadInitImage")
                url, upload_id = text_at(form, "url"), text_at(form, "id")
                if answer.status != 200 or not upload_id or not url:
                    reason = f"there is no form for it (answered {answer.status})"
                    continue
                # The storage does not look at what follows the file.
                parts: list[Part] = [*_fields(form), ("file", (f"reference.{EXTENSION}", data, MIME_TYPE))]
                status = await self._api().upload(url, parts, timeout_s=min(_UPLOAD_TIMEOUT_S, left_s))
            except DownloadRefused as error:
                reason = str(error)
                break
            except TransportError as error:
                reason = str(error)
                continue
            if 200 <= status < 300:
                return upload_id
            reason = f"the storage answered {status}"
        raise _no_upload(reference, reason)


def _no_upload(reference: Reference, reason: str) -> ProviderError:
    message = f"could not take the reference {reference.path.name}: {reason}; nothing was ordered without it"
    return leonardo_error(ServiceFailed, message, charged=Charged.NO)


def _fields(form: JsonValue | None) -> list[tuple[str, str]]:
    """Return the form's own fields in their order: a text that holds JSON, or the object itself."""
    value = member(form, "fields")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    return [(name, text) for name, text in value.items() if isinstance(text, str)] if isinstance(value, dict) else []
