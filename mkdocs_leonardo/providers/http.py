"""The HTTP client: a rate-limited client for each provider's API, and downloads from untrusted addresses.

The client returns an `Answer` or bytes, or raises a `TransportError`, whose class says whether the service may have
read the request.
"""

from __future__ import annotations

import functools
import json as json_format
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import anyio
import httpx

from mkdocs_leonardo import __version__
from mkdocs_leonardo.addresses import ENCRYPTION_FIX, is_loopback, is_public, keeps_secrets
from mkdocs_leonardo.clock import Clock
from mkdocs_leonardo.concurrency import to_thread
from mkdocs_leonardo.errors import AnswerLost, DownloadRefused, HostNotListed, NotSent, NotSetUp, TransportError
from mkdocs_leonardo.files import MAX_PICTURE_BYTES
from mkdocs_leonardo.imaging.formats import is_whole_picture
from mkdocs_leonardo.log import log
from mkdocs_leonardo.providers import named_key_variable
from mkdocs_leonardo.providers.answers import Answer
from mkdocs_leonardo.providers.network import (
    Inflater,
    Untrusted,
    certificates,
    environment_proxy,
    explain_refusal,
    explain_unreached,
    no_tls,
    printable_host,
    secret_words,
    without_ids,
)
from mkdocs_leonardo.spec import JsonValue

MIB = 2**20
_USER_AGENT = f"mkdocs-leonardo/{__version__}"


Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
Proxy: TypeAlias = Callable[[str], str | None]
#: One part of a form: its name, and a text or a file (name, bytes, type).
Part: TypeAlias = tuple[str, str | tuple[str, bytes, str]]

_MOST_REDIRECTS = 3
_CONNECT_TIMEOUT_S = 10.0
#: Short, because the next address of the same host is tried after it.
_DOWNLOAD_CONNECT_TIMEOUT_S = 4.0
_TEXT_KEPT = 2000
_DEFAULT_PORTS = {"http": 80, "https": 443}

#: What httpx raises before a byte of the request has left. Everything else may mean that the service has read it.
_NOTHING_SENT = (
    httpx.ConnectError,  # DNS and TLS as well
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,  # the proxy would not connect us
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
#: All that httpx raises, and OSError, which TLS libraries raise in the middle of an answer.
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, OSError, zlib.error)


@dataclass(slots=True)
class _RequestState:
    """The state of one request. Its timeout starts when the limiter lets the request go."""

    timeout_s: float
    scope: anyio.CancelScope
    target: httpx.URL
    via_proxy: bool
    is_kept: bool = False
    stage: Literal["waiting", "sending", "connecting", "sent"] = "waiting"

    def start_timeout(self) -> None:
        self.stage = "sending"
        self.scope.deadline = anyio.current_time() + self.timeout_s

    async def note_event(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow httpcore's trace events; a CONNECT to a proxy does not count as sent."""
        if event == "connection.connect_tcp.started" and self.stage == "sending":
            self.stage = "connecting"
        elif event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            self.stage = "sent"
            self.scope.shield = self.is_kept

    def error_for(self, error: Exception | None) -> TransportError:
        """Return the error for the caller. `error` is None if the time ran out."""
        if self.stage == "waiting" and error is None:
            return NotSent("was not asked in time, as the limit of requests a minute was used up")
        if self.stage in {"waiting", "connecting"} or isinstance(error, _NOTHING_SENT):
            port = self.target.port or _DEFAULT_PORTS.get(self.target.scheme)
            words = _explain(error, self.target.host, port=port, via_proxy=self.via_proxy)
            return NotSent(f"could not be reached ({words})")
        words = "took too long" if error is None else type(error).__name__
        return AnswerLost(f"did not answer properly ({words})")


def _explain(error: Exception | None, host: str, *, port: int | None, via_proxy: bool) -> str:
    if isinstance(error, httpx.ProxyError):
        return explain_refusal(error)
    return explain_unreached(error, host, port=port, via_proxy=via_proxy)


class Api:
    """One provider's API under `base_url`, and downloads of what its answers point to.

    `rate_limiter(now)` counts the request and returns 0.0, or returns the seconds to wait; it runs in a worker thread.
    `secret_headers` go to the API and nowhere else; messages name `key_variable`, which holds the key. `transport`
    replaces the connection in tests.
    """

    def __init__(
        self,
        *,
        provider: str,
        base_url: str,
        secret_headers: Mapping[str, str],
        rate_limiter: Callable[[float], float],
        clock: Clock,
        key_variable: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
        proxy_for: Proxy | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """NotSetUp if the address or a secret cannot be used at all."""
        self._provider = provider
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._secrets = secret_words(secret_headers, provider, key_variable or named_key_variable(provider))
        self._base_url = _parse_base_url(base_url, provider)
        self._proxy_for = proxy_for or environment_proxy
        self._resolve = resolve or _resolve_host
        self.on_loopback = is_loopback(self._base_url.host)
        self._via_proxy = not self.on_loopback and self._proxy_for(str(self._base_url)) is not None
        if transport is None:
            transport = self._transport(str(self._base_url), via_proxy=not self.on_loopback)
        self._client = httpx.AsyncClient(
            headers={**secret_headers, "accept": "application/json", "user-agent": _USER_AGENT},
            transport=transport,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    # The API -----------------------------------------------------------------------------------------------------

    async def request(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        json: JsonValue | None = None,
        parts: Sequence[Part] | None = None,
        timeout_s: float,
        max_bytes: int = MIB,
        give_up_at: float | None = None,
        keep_once_sent: bool = False,
    ) -> Answer:
        """Send a request exactly once, and return its answer. NotSent or AnswerLost if no answer came.

        The body is `json`, or a form of `parts`. `give_up_at` (Unix seconds) bounds the wait for the limiter, and
        `timeout_s` the time after that wait. With `keep_once_sent`, a cancelled build waits for the answer to a request
        that has left, since the answer is the paid picture.
        """
        failure: TransportError
        with anyio.CancelScope() as scope:
            if give_up_at is not None:
                scope.deadline = anyio.current_time() + max(0.0, give_up_at - self._clock.now())
            state = _RequestState(timeout_s, scope, self._base_url, self._via_proxy, is_kept=keep_once_sent)
            try:
                while (wait_s := await to_thread(self._rate_limiter, self._clock.now())) > 0:
                    await self._clock.sleep(wait_s)
                state.start_timeout()
                async with self._client.stream(
                    method,
                    str(self._base_url) + path,
                    json=json,
                    files=None if parts is None else _encode_form(parts),
                    headers={"accept-encoding": "identity"},
                    timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_TIMEOUT_S, timeout_s)),
                    extensions={"trace": state.note_event},
                ) as response:
                    body = await _read_body(response, max_bytes)
                log.logger.debug("%s: %s %s: %d", self._provider, method, without_ids(path), response.status_code)
                return self._make_answer(response, body)
            except TransportError as error:
                failure = error
            except _FAILURES as error:
                failure = state.error_for(error)
        if scope.cancelled_caught:
            failure = state.error_for(None)
        # Raised here and not in the handler: httpx's exceptions hold the request with its headers, and would be this
        # one's context. Their type is all that a reader needs.
        raise failure

    def _make_answer(self, response: httpx.Response, body: bytes) -> Answer:
        # `detect_encoding` skips the byte order mark with which some gateways begin their JSON.
        text = body.decode(json_format.detect_encoding(body), errors="replace")
        for secret in self._secrets:
            # Services quote the key that they refuse.
            text = text.replace(secret, "(hidden)")
        value: JsonValue | None
        try:
            value = json_format.loads(text)
        except (ValueError, RecursionError):
            value = None
        headers = {name.lower(): content for name, content in response.headers.items()}
        return Answer(response.status_code, headers, value, text[:_TEXT_KEPT])

    # Uploads -----------------------------------------------------------------------------------------------------

    async def upload(self, url: str, parts: Sequence[Part], *, timeout_s: float) -> int:
        """Send a form to the storage at `url`, without any key, and return the status of the answer.

        Allowed are https hosts of the open internet, and loopback if the API is there. DownloadRefused if a rule is
        broken, AnswerLost or NotSent if another try may help. Messages name the host alone.
        """
        failure: TransportError
        host = "the storage"
        with anyio.move_on_after(timeout_s) as scope:
            try:
                target = self._check_address(url, None, None, subject="the storage's address")
                host = target.host
                async with self._open_untrusted(target, is_listed=False, parts=parts) as response:
                    return response.status_code
            except TransportError as error:
                failure = error
            except _FAILURES as error:
                failure = AnswerLost(f"{host} broke off ({type(error).__name__})")
        if scope.cancelled_caught:
            failure = AnswerLost(f"{host} took too long")
        # Raised here for the reason given in `request`.
        raise failure

    # Downloads ---------------------------------------------------------------------------------------------------

    async def download(
        self, url: str, *, hosts: Collection[str] | None, timeout_s: float, max_bytes: int = MAX_PICTURE_BYTES
    ) -> bytes:
        """Download the whole picture at `url`, without any key, within `timeout_s`.

        The rules hold for `url` and for each of at most 3 redirects: https, a public address, and one of `hosts`.
        Without `hosts`, any host of the open internet is allowed, and the API's own host, to which a relative `url`
        leads. If the API is on loopback, loopback http is allowed as well. DownloadRefused if a rule is broken;
        AnswerLost or NotSent if another try may help. Messages name the host alone, since addresses may be signed.
        """
        failure: TransportError
        host = "the image's host"
        previous: httpx.URL | None = None
        with anyio.move_on_after(timeout_s) as scope:
            try:
                for _ in range(_MOST_REDIRECTS + 1):
                    target = self._check_address(url, hosts, previous)
                    previous = target
                    host = target.host
                    result = await self._picture_or_redirect(target, max_bytes, is_listed=hosts is not None)
                    if isinstance(result, bytes):
                        return result
                    url = result
                raise DownloadRefused(f"{host} redirects more than {_MOST_REDIRECTS} times")
            except TransportError as error:
                failure = error
            except _NOTHING_SENT as error:
                via_proxy = previous is not None and self._proxy_for(str(previous)) is not None
                words = _explain(error, host, port=None, via_proxy=via_proxy)
                failure = NotSent(f"{host} could not be reached ({words})")
            except _FAILURES as error:
                failure = AnswerLost(f"{host} broke off ({type(error).__name__})")
        if scope.cancelled_caught:
            failure = AnswerLost(f"{host} took too long")
        # Raised here, as in `request`: an exception that holds an address must not be the context of this one.
        raise failure

    def _check_address(
        self,
        url: str,
        hosts: Collection[str] | None,
        previous: httpx.URL | None,
        subject: str = "the image's address",
    ) -> httpx.URL:
        """Return the address of `url`, after a redirect from `previous`; DownloadRefused if a rule forbids it.

        `subject` names the address in the messages.
        """
        refusal = ""
        try:
            base = previous or (self._base_url if hosts is None else None)
            target = base.join(url) if base is not None else httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            refusal = f"{subject} cannot be read"
        if refusal:
            raise DownloadRefused(refusal)
        host = target.host.lower().rstrip(".")
        if target.userinfo:
            raise DownloadRefused(f"{subject} holds a user name")
        if self.on_loopback and target.scheme == "http" and is_loopback(host):
            if previous is not None and (previous.scheme, previous.netloc) != (target.scheme, target.netloc):
                # On one machine, another port is another host.
                raise DownloadRefused(f"{host} redirects to another port")
            return target
        if hosts is None and self._is_own(target):
            return target
        if target.scheme != "https":
            raise DownloadRefused(f"{subject} is not https ({target.scheme or 'no scheme'})")
        if hosts is not None and host not in {name.lower() for name in hosts}:
            raise HostNotListed(printable_host(host))
        if not host or target.port not in {None, 443}:
            raise DownloadRefused(f"{subject} on {host} names a port" if host else f"{subject} names no host")
        return target.copy_with(host=host)

    def _is_own(self, target: httpx.URL) -> bool:
        """Return whether `target` is on the API's own host and port, which the site's owner has chosen."""
        return (target.scheme, target.netloc) == (self._base_url.scheme, self._base_url.netloc)

    async def _picture_or_redirect(self, target: httpx.URL, max_bytes: int, *, is_listed: bool) -> bytes | str:
        """Fetch the picture, or the address that a redirect leads to, over a connection that is used once."""
        async with self._open_untrusted(target, is_listed=is_listed) as response:
            if response.is_redirect:
                return str(response.headers.get("location", ""))
            if not response.is_success:
                raise AnswerLost(f"{target.host} answered {response.status_code} for the image")
            # A body shorter than its Content-Length is an error of h11's.
            data = await _read_body(response, max_bytes, host=target.host)
        if not is_whole_picture(data):
            raise AnswerLost(f"{target.host} sent something that is no whole image")
        return data

    @asynccontextmanager
    async def _open_untrusted(
        self, target: httpx.URL, *, is_listed: bool, parts: Sequence[Part] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Send one request to a checked address, without any key, and give its response.

        The request goes straight through the transport, since httpx's client logs whole addresses at INFO.
        """
        method, form = ("GET", None) if parts is None else ("POST", _encode_form(parts))
        loopback = self.on_loopback and is_loopback(target.host)
        proxy = None if loopback else self._proxy_for(str(target))
        headers = {"host": target.netloc.decode("ascii"), "user-agent": _USER_AGENT, "accept-encoding": "identity"}
        timeouts = {"connect": _DOWNLOAD_CONNECT_TIMEOUT_S, "read": 30.0, "write": 30.0, "pool": 30.0}
        extensions: dict[str, Any] = {"timeout": timeouts}
        async with self._transport(str(target), via_proxy=not loopback, reuse=False) as transport:
            is_own = not is_listed and self._is_own(target)
            if proxy is not None and not is_listed and not is_own:
                # Without a list of hosts, a name that only the proxy knows might be a machine of its network.
                await self._public_addresses(target)
            if proxy is not None or loopback or is_own:
                # A proxy looks names up itself, often in a network of its own: the list of hosts protects.
                urls = [target]
            else:
                # The connection goes to the very address that was checked (a second look-up could answer otherwise);
                # the certificate is still that of the name.
                urls = [target.copy_with(host=address) for address in await self._public_addresses(target)]
                extensions["sni_hostname"] = target.host
            requests = [httpx.Request(method, url, headers=headers, files=form, extensions=extensions) for url in urls]
            response = await _send_to_first(transport, requests)
            try:
                yield response
            finally:
                await response.aclose()

    async def _public_addresses(self, target: httpx.URL) -> Sequence[str]:
        try:
            addresses = await self._resolve(target.host, 443)
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise NotSent(f"DNS has no address for {target.host}")
        if not all(is_public(address) for address in addresses):
            raise DownloadRefused(f"{target.host} leads to an address that is not public")
        return addresses

    # Connections -------------------------------------------------------------------------------------------------

    def _transport(self, url: str, *, via_proxy: bool, reuse: bool = True) -> httpx.AsyncHTTPTransport:
        """Return a connection pool. `retries` stays 0: a create call is sent once or not at all."""
        proxy = self._proxy_for(url) if via_proxy else None
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20 if reuse else 0, keepalive_expiry=5.0)
        try:
            return httpx.AsyncHTTPTransport(
                verify=self._tls if url.startswith("https:") or proxy else no_tls(),
                proxy=proxy,
                limits=limits,
                retries=0,
            )
        except Untrusted as error:
            refusal = str(error)
        except (ValueError, ImportError, httpx.InvalidURL):
            refusal = "the proxy in the environment cannot be used (http:// and https:// proxies can)"
        # Outside the handler, since a proxy's address may hold a password.
        raise NotSetUp(refusal, provider=self._provider)

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        """The TLS context of all connections, since loading certificates is slow; Untrusted if that fails."""
        return certificates(httpx.create_ssl_context)


def _encode_form(parts: Sequence[Part]) -> list[tuple[str, tuple[str | None, str] | tuple[str, bytes, str]]]:
    """Return the parts in their order, as httpx takes them."""
    return [(name, value if isinstance(value, tuple) else (None, value)) for name, value in parts]


async def _resolve_host(host: str, port: int) -> Sequence[str]:
    entries = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


async def _send_to_first(transport: httpx.AsyncHTTPTransport, requests: Sequence[httpx.Request]) -> httpx.Response:
    """Return the answer from the first address that takes a connection."""
    for request in requests[:-1]:
        try:
            return await transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue
    return await transport.handle_async_request(requests[-1])


async def _read_body(response: httpx.Response, max_bytes: int, *, host: str | None = None) -> bytes:
    """Read and decode the body, up to `max_bytes`; DownloadRefused with a `host`, else AnswerLost, for a longer one."""
    data = bytearray()
    declared = response.headers.get("content-length", "")
    reason = f"more than {max_bytes // MIB} MiB" if declared.isdigit() and int(declared) > max_bytes else ""
    stream = response.stream
    if not reason and isinstance(stream, httpx.AsyncByteStream):
        try:
            inflater = Inflater(response.headers.get("content-encoding", ""), max_bytes)
            # httpx's own decoder would unfold a few kilobytes to gigabytes before it gives the first of them.
            async for part in stream:
                data += inflater.decode(part)
                if len(data) > max_bytes:
                    reason = f"more than {max_bytes // MIB} MiB"
                    break
        except ValueError as error:
            reason = str(error)
    if reason and host is not None:
        raise DownloadRefused(f"{host} sends {reason}")
    if reason:
        raise AnswerLost(f"answered with {reason}")
    return bytes(data)


def _parse_base_url(text: str, provider: str) -> httpx.URL:
    refusal = ""
    try:
        url = httpx.URL(text.rstrip("/"))
    except (httpx.InvalidURL, TypeError):
        refusal = "base_url is not an address"
    else:
        if not url.host or url.userinfo or url.query or url.fragment:
            refusal = "base_url must be a plain address without user name, query and fragment"
        elif not keeps_secrets(url.scheme, url.host):
            refusal = f"base_url: {ENCRYPTION_FIX}"
    if refusal:
        raise NotSetUp(refusal, provider=provider)
    return url
