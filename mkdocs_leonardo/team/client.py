"""The client of object stores: opened for an address, and its errors in plain words."""

from __future__ import annotations

import errno
import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mkdocs_leonardo.team.address import StoreAddress

if TYPE_CHECKING:
    from obstore.store import HTTPStore
    from obstore.store import ObjectStore as Client

#: The default timeout of one call with its retries (seconds).
CALL_S = 10.0
#: The timeout of the transfer of a picture (seconds).
LONG_CALL_S = 60.0
#: The timeout of a connection attempt (seconds).
CONNECT_S = 2.0


def connect(address: StoreAddress, *, authorization: str, allows_http: bool) -> tuple[Client | None, Client]:
    """Return two clients: the one for create calls, or None if all calls share one, and the one for all other calls."""
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
    buckets = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}
    if address.scheme in buckets:
        config = {"endpoint": address.endpoint, "region": address.region}
        options["config"] = {name: text for name, text in config.items() if text}
        return None, buckets[address.scheme](address.bucket, **options)

    def make_http_store(**headers: str) -> HTTPStore:
        if authorization:
            headers["Authorization"] = authorization
        return store.HTTPStore(
            str(address), client_options={**client, "default_headers": headers}, retry_config=retries
        )

    # obstore has no conditional put for plain web servers, so a second client sends the header with every request.
    return make_http_store(**{"If-None-Match": "*"}), make_http_store()


# Its errors -----------------------------------------------------------------------------------------------------------

_STATUS = re.compile(r"status code: (\d{3})")
#: S3, Azure and Google name the fault in their answers, and S3 the right region.
_CODE = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9-]{1,32})</Region>")
WEB_PAGE = re.compile(rb"\s*<(!doctype\s+html|html)\b", re.IGNORECASE)
_OS_ERROR = re.compile(r"(?:os error |code: )(\d+)")

#: What S3, Azure and Google say of a bucket that does not exist.
NO_PLACE = re.compile(r"NoSuchBucket|ContainerNotFound|specified bucket does not exist")
#: The client's call for a folder on a web server: the folder is missing, or another writer made it at the same moment.
_FOLDER = re.compile(r"MKCOL")
#: The addresses at which the client asks for credentials that the environment does not have.
_NO_CREDENTIALS = re.compile(
    r"169\.254\.169\.254|169\.254\.170\.2|/computeMetadata/|service-accounts/|CredentialsNotLoaded"
)
#: Services that answer errors with a code of their own; web servers with WebDAV answer with pages.
WITH_CODES = frozenset({"s3", "gs", "az"})
#: The client's message on a bucket of another region.
_REDIRECT = re.compile(r"redirect without LOCATION")
_OTHER_REGION = "the bucket is in another region; write its region into the address"
#: The meanings of the client's messages; the first pattern that is found counts.
_REASONS = (
    (NO_PLACE, "there is no such bucket"),
    (re.compile(r"Account must be specified"), "AZURE_STORAGE_ACCOUNT_NAME is not set"),
    (_REDIRECT, _OTHER_REGION),
    (_FOLDER, "the folder in its address does not exist"),
    (re.compile(r"TimedOut|kind: Timeout"), "no answer in time"),
    (re.compile(r"kind: Connect"), "it cannot be reached"),
    (re.compile(r"error sending request|HTTP error"), "the connection broke"),
)
_EXPIRED = "the session of these credentials has expired; get new ones"
_CLOCK = "this machine's clock is wrong; set it"
_KEY = "it does not know this access key; look at AWS_ACCESS_KEY_ID, and at AWS_SESSION_TOKEN if there is one"
#: The meanings of the codes in answers.
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
    401: "401: it does not know these credentials",
    403: "403: not allowed; S3 answers the same for a missing object to credentials that may not list the bucket",
    404: "404: it does not exist",
    405: "405: the server is not set up for that",
    429: "429: too many requests",
    507: "507: it is full",
}
#: Statuses after which a retry may help: 408, 409 (two writers at once), 425, 429, and most of 5xx.
_PASSING = frozenset({408, 409, 425, 429}) | frozenset(range(500, 600)) - {501, 505, 507}
#: The codes of S3's answers with status 400 after which a retry may help.
_PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError"})
#: The errors of a network folder that has lost its server for a moment.
_PASSING_ERRORS = frozenset(
    getattr(errno, name)
    for name in ("EIO", "ESTALE", "ETIMEDOUT", "EAGAIN", "EINTR", "EBUSY", "EHOSTDOWN", "EHOSTUNREACH", "ENOTCONN")
    if hasattr(errno, name)
)


class NoObjectStore(OSError):
    """A server that is no object store has answered."""

    def __init__(self) -> None:
        super().__init__("the server there is no object store; check the address, and whether a login page answers")


def is_about_folder(text: str) -> bool:
    """Return whether an object's folder is missing, or another writer makes the folder at the same moment."""
    return _FOLDER.search(text) is not None


def find_status(text: str) -> int | None:
    """Return the HTTP status in the client's message; None if the message has none."""
    status = _STATUS.search(text)
    return int(status[1]) if status else None


def is_foreign(text: str) -> bool:
    """Return whether the body of a response, as the client quotes it, is not an object store's."""
    body = text.partition("status code: ")[2].partition("\n\nDebug source")[0].partition(": ")[2]
    return bool(body.strip()) and not _CODE.search(text)


def is_permanent(text: str, *, is_folder: bool) -> bool:
    """Return whether the service, or the folder, fails for good; otherwise a retry may help."""
    status, code, os_error = find_status(text), _CODE.search(text), _OS_ERROR.search(text)
    if status is not None:
        return status not in _PASSING and (code is None or code[1] not in _PASSING_CODES)
    if is_folder and os_error:
        return int(os_error[1]) not in _PASSING_ERRORS
    return _REDIRECT.search(text) is not None


def explain_error(text: str) -> str:
    """Return the reason in plain words, since the client's own message holds addresses and responses."""
    if _NO_CREDENTIALS.search(text):
        return "no credentials for it are in the environment"
    status, code = find_status(text), _CODE.search(text)
    if code and code[1] in _CODES:
        region = _REGION.search(text) if _CODES[code[1]] is _OTHER_REGION else None
        fix = f"the bucket is in {region[1]}; write ?region={region[1]} behind the address" if region else ""
        return f"{code[1]}: {fix or _CODES[code[1]]}"
    if status and not NO_PLACE.search(text) and not is_about_folder(text):
        return _MEANINGS.get(status, f"it answers {status}{f', {code[1]}' if code else ''}")
    os_error = _OS_ERROR.search(text)
    for pattern, meaning in _REASONS:
        if pattern.search(text):
            return meaning
    if os_error and int(os_error[1]) in errno.errorcode:
        return os.strerror(int(os_error[1]))
    return "the client gives no reason that can be shown"
