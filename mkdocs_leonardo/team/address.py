"""The address of a team's store, parsed and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from mkdocs_leonardo.addresses import ENCRYPTION_FIX, ip_address, keeps_secrets

_SCHEMES = ("s3", "gs", "az", "https", "http", "file")
_PARAMETERS = {"s3": ("endpoint", "region")}
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """The parts of a store's address."""

    scheme: str
    #: Bucket or container; host and port for https; empty for a folder.
    bucket: str
    #: Path below the bucket, without slashes round it; the folder's own path for `file`.
    prefix: str
    endpoint: str = ""
    region: str = ""

    def __str__(self) -> str:
        """Return the address without its query, as messages show it."""
        if self.scheme == "file":
            return f"file:///{self.prefix.lstrip('/')}"
        return f"{self.scheme}://{self.bucket}/{self.prefix}".rstrip("/")

    @classmethod
    def parse(cls, text: str) -> StoreAddress:
        """Parse an address; the message of its ValueError does not repeat `text`, which may hold a key."""
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
        query = _parse_query(scheme, parts.query)
        path = unquote(parts.path)
        if ".." in path.split("/") or "//" in path or not path.isprintable():
            raise ValueError("its path must hold no .. and no empty part")
        if scheme == "file":
            if parts.netloc or not path.strip("/"):
                raise ValueError("it must name a folder from the root, with three slashes, such as file:///mnt/heroes")
            from urllib.request import url2pathname

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


def _parse_query(scheme: str, text: str) -> dict[str, str]:
    allowed = _PARAMETERS.get(scheme, ())
    values: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in allowed:
            rule = f"only {' and '.join(allowed)} may stand" if allowed else "nothing may stand"
            raise ValueError(f"{rule} behind the ?; credentials come from the environment")
        values[name] = value
    endpoint = values.get("endpoint", "")
    if "endpoint" in values and not is_endpoint(endpoint):
        raise ValueError("its endpoint must be an address without credentials, such as https://s3.example.com")
    if "region" in values and not re.fullmatch(r"[\w-]+", values["region"]):
        raise ValueError("its region cannot be read; it must look like eu-central-1")
    return values


def is_endpoint(text: str) -> bool:
    """Return whether a client can use the address, which must hold nothing secret."""
    try:
        return bool(re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./-]*)?", text) and urlsplit(text).port != 0)
    except ValueError:
        # The port is not a number up to 65535.
        return False


def _check_host(scheme: str, host: str, bucket_port: str) -> None:
    if scheme in {"http", "https"}:
        if not _BUCKET.fullmatch(host) and ip_address(host) is None:
            raise ValueError("it names no host")
        if not keeps_secrets(scheme, host):
            raise ValueError(ENCRYPTION_FIX)
        return
    if not _BUCKET.fullmatch(host):
        raise ValueError("it names no bucket")
    if bucket_port:
        raise ValueError("a bucket has no port; write the service's address as ?endpoint=https://host:port")
