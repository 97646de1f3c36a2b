"""Certificates, proxies, the name service and keys, with a message for each failure."""

from __future__ import annotations

import os
import re
import socket
import ssl
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from mkdocs_leonardo.errors import NotSetUp
from mkdocs_leonardo.spec import replace_unprintable

#: Variables that name certificates to trust; the first that is set counts. OpenSSL's two come before the variables of
#: requests and curl, which networks with inspecting firewalls usually set.
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PROXY_STATUS = re.compile(r"\b[45][0-9]{2}\b")
_SHORTEST_SECRET = 8
_QUOTES = "\"'`"
_ASSIGNED = re.compile(r"(?:(?:export|set|setx)\s+|\$env:)?\w*(?:KEY|TOKEN|SECRET)\w*\s*[=:]\s*\S", re.IGNORECASE)


class Untrusted(Exception):
    """The certificates that the environment names cannot be read; the message names variable, path and fix."""


def certificates(default: Callable[[], ssl.SSLContext], environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return the certificates to trust: those that the environment names, else `default`'s."""
    name = next((name for name in CERTIFICATE_VARIABLES if environ.get(name)), None)
    if name is None:
        return default()
    path = Path(environ[name])
    try:
        if path.is_dir():
            return ssl.create_default_context(capath=str(path))
        return ssl.create_default_context(cafile=str(path))
    except OSError as error:
        if isinstance(error, ssl.SSLError):
            reason = "holds no certificates in PEM form"
        else:
            reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise Untrusted(
            f"the certificates that {name} names cannot be used: {path} {reason}; correct the variable, or unset it"
        ) from error


def environment_proxy(url: str) -> str | None:
    """Return the proxy that the environment (or the system) names for `url`, None if there is none."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def explain_unreached(error: BaseException | None, host: str, *, port: int | None, via_proxy: bool) -> str:
    """Return why no connection to `host` could be made, and the fix. `error` is None if the time ran out."""
    address = f"{host} port {port}" if port else host
    for cause in _causes(error):
        words = _explain_via_proxy(cause) if via_proxy else _explain_direct(cause, address, host)
        if words:
            return words
    words = "took too long" if error is None else type(error).__name__
    return f"{words}; check the network, the firewall, and whether a proxy is needed"


def _explain_direct(cause: BaseException, address: str, host: str) -> str:
    match cause:
        case ssl.SSLError():
            return _explain_untrusted(cause, host)
        case socket.gaierror():
            return f"DNS has no address for {host}; check the network, base_url, and whether a proxy is needed"
        case ConnectionRefusedError():
            return f"{address} refuses connections; check base_url and the firewall"
    return ""


def _explain_via_proxy(cause: BaseException) -> str:
    match cause:
        case ssl.SSLError():
            return _explain_untrusted(cause, "the service or the proxy")
        case socket.gaierror():
            return "DNS has no address for the proxy that the environment names; check HTTPS_PROXY"
        case ConnectionRefusedError():
            return "the proxy that the environment names refuses connections; check HTTPS_PROXY"
    return ""


def explain_refusal(error: Exception) -> str:
    """Return why the proxy refuses, and the fix. The status stands in the text of the client's error alone."""
    status = _PROXY_STATUS.search(str(error))
    is_locked = status is not None and status[0] == "407"
    fix = "write its user name and password into HTTPS_PROXY" if is_locked else "ask its administrator"
    return f"the proxy refuses this machine ({status[0] if status else 'without a reason'}); {fix}"


def _explain_untrusted(cause: ssl.SSLError, subject: str) -> str:
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return f"{subject} speaks no TLS ({cause.reason or 'no reason given'}); check base_url and HTTPS_PROXY"
    return (
        f"the certificate of {subject} is not trusted here ({cause.verify_message or 'no reason given'}); where a "
        "firewall opens connections, name the file of its certificate in SSL_CERT_FILE"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, its causes and its contexts."""
    seen_ids: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen_ids:
            continue
        seen_ids.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
        waiting.append(cause.__cause__ or cause.__context__)


class Inflater:
    """A decoder of a body, part by part, to at most `max_bytes` + 1 bytes."""

    def __init__(self, encoding: str, max_bytes: int) -> None:
        """Raise ValueError for an encoding other than one layer of gzip or zlib."""
        names = [name for name in re.split(r"[,\s]+", encoding.lower()) if name not in {"", "identity"}]
        if names not in ([], ["gzip"], ["x-gzip"], ["deflate"]):
            raise ValueError("an encoding that was not asked for")
        self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB) if names else None
        self._bytes_left = max_bytes + 1

    def decode(self, part: bytes) -> bytes:
        """Return the next part decoded; zlib.error if it is damaged."""
        data = part if self._decoder is None else self._decoder.decompress(part, max(1, self._bytes_left))
        self._bytes_left -= len(data)
        return data


def no_tls() -> ssl.SSLContext:
    """Return a TLS context for plain http: trusts no certificate, so that none is loaded."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def without_ids(path: str) -> str:
    """Return the path without ids and query, which a log may not show."""
    return "/".join(part for part in path.partition("?")[0].split("/") if len(part) < 32)  # a UUID is longer


def printable_host(host: str) -> str:
    """Return the host's name as a message may show it."""
    return replace_unprintable(host)[:100] or "no host"


# Keys ----------------------------------------------------------------------------------------------------------------


def wrong_key(api_key: str, variable: str) -> str:
    """Return the clause on a wrongly copied API key, with the fix; empty if the key may be right.

    The clause repeats no part of the key.
    """
    fault = ""
    if api_key and (api_key[0] in _QUOTES or api_key[-1] in _QUOTES):
        fault = "is in quotes"
    elif api_key.lower().startswith(("bearer ", "authorization:", "x-goog-api-key:")):
        fault = "begins with Bearer or the name of a header"
    elif _ASSIGNED.match(api_key):
        fault = "begins with the name of a variable (NAME=)"
    elif api_key.startswith(("$", "%", "<", "{")):
        fault = "is the name of a key and not its value"
    elif not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        fault = "holds a space, a line break or a letter that no key has"
    return fault and f"the key in {variable} {fault}; put nothing but the key itself into {variable}"


def secret_words(headers: Mapping[str, str], provider: str, variable: str) -> tuple[str, ...]:
    """Return the words of secret headers that must never be shown, longest first.

    NotSetUp for a wrongly copied key, which h11 would quote in its error.
    """
    for name, value in headers.items():
        api_key = value.removeprefix("Bearer ") if name.lower() == "authorization" else value
        fault = wrong_key(api_key, variable)
        if fault:
            raise NotSetUp(fault, provider=provider)
    words = {word for value in headers.values() for word in (value, value.rpartition(" ")[2])}
    return tuple(sorted((word for word in words if len(word) >= _SHORTEST_SECRET), key=len, reverse=True))
