"""References that are uploaded to Leonardo, and the storage that takes their bytes."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from dataclasses import dataclass, replace

from .backend import Backend, Call, SharedState, text_of
from .fronts import SIGNATURE, Leonardo, Storage
from .leonardo_orders import refuse
from .script import Chosen
from .wire import Reply, Request, json_reply, multipart

_EXTENSIONS = {"png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF"}


@dataclass(frozen=True)
class Upload:
    """One form, and the bytes that were uploaded with it."""

    upload_id: str
    account: str
    extension: str
    fields: tuple[tuple[str, str], ...]
    created_s: float
    data: bytes = b""


class Uploads:
    """All uploads by their ids."""

    def __init__(self, world: SharedState, front: Leonardo) -> None:
        self._world = world
        self._front = front
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}

    def begin(self, account: str, body: dict[str, object]) -> Reply:
        """Make a form for a picture with that extension."""
        extension = text_of(body.get("extension"))
        if extension not in _EXTENSIONS or len(body) != 1:
            raise refuse(400, "invalid file extension")
        upload_id = str(uuid.uuid4())
        key = f"users/{account}/initImages/{upload_id}.{extension}"
        fields = (
            ("Content-Type", f"image/{'jpeg' if extension == 'jpg' else extension}"),
            ("bucket", "stand-in-image-uploads"),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("key", key),
            ("Policy", "eyJzdGFuZCI6ImluIn0="),
            ("X-Amz-Signature", SIGNATURE),
        )
        with self._lock:
            self._uploads[upload_id] = Upload(upload_id, account, extension, fields, self._world.ledger.now())
        # A string of JSON, as the real one has it.
        answer: dict[str, object] = {
            "id": upload_id,
            "fields": json.dumps(dict(fields)) if self._front.fields_as_text else dict(fields),
            "key": key,
            "url": f"{self._world.urls['storage']}/",
        }
        return json_reply(200, {"uploadInitImage": answer})

    def look(self, upload_id: str, account: str) -> Reply:
        """The upload with that id."""
        upload = self._found(upload_id, account)
        found = upload and {"id": upload_id, "url": f"{self._world.urls['cdn']}/{upload_id}", "createdAt": None}
        return json_reply(200, {"init_images_by_pk": found})

    def digest(self, upload_id: str, account: str) -> str:
        """The SHA-256 of the uploaded bytes, `""` if there are none."""
        upload = self._found(upload_id, account)
        return hashlib.sha256(upload.data).hexdigest() if upload else ""

    def receive(self, request: Request) -> Reply:
        """Take the bytes of a form."""
        if "authorization" in request.headers:
            return Reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        parts = multipart(request)
        names = [name for name, _ in parts]
        fields = [(name, value.decode("utf-8", "replace")) for name, value in parts if name != "file"]
        with self._lock:
            upload = next((one for one in self._uploads.values() if fields == [*one.fields]), None)
        if upload is None or names[-1:] != ["file"] or names.count("file") != 1:
            return Reply(400, b"<Error><Code>InvalidArgument</Code></Error>")
        if self._world.ledger.now() - upload.created_s > self._front.form_life_s:
            return Reply(403, b"<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>")
        data = parts[-1][1]
        if not data.startswith(_EXTENSIONS[upload.extension]):
            return Reply(400, b"<Error><Code>InvalidArgument</Code></Error>")
        with self._lock:
            self._uploads[upload.upload_id] = replace(upload, data=data)
        return Reply(204)

    def _found(self, upload_id: str, account: str) -> Upload | None:
        with self._lock:
            upload = self._uploads.get(upload_id)
        if upload is None or not upload.data or upload.account != account or upload_id in self._front.lost_uploads:
            return None
        return upload


class StorageBackend(Backend):
    """The storage that forms are sent to: another host, which takes no key."""

    def __init__(self, world: SharedState, front: Storage, uploads: Uploads) -> None:
        super().__init__(world, front)
        self._uploads = uploads

    def route(self, request: Request) -> Call:
        """The meaning of every request: an upload."""
        return Call(request, "upload", leak="authorization" in request.headers)

    def carry_out(self, call: Call, chosen: Chosen) -> Reply:  # noqa: ARG002 - the site's interface
        """Take the bytes."""
        return self._uploads.receive(call.request)
