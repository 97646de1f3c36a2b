from __future__ import annotations

import inspect
import json
import logging
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import anyio
import httpx
import pytest
from providers_rig import FastClock, RealClock, shows_no_secret
from services import (
    LEONARDO_KEY,
    TO_FILE,
    TO_FOREIGN_HOST,
    TO_FOREIGN_HOST_IN_CLEAR,
    TO_ITSELF,
    TO_METADATA_ADDRESS,
    TO_OTHER_PORT,
    TO_PRIVATE_ADDRESS,
    Answer,
    CutAfterHeaders,
    CutAfterRead,
    CutBeforeRead,
    CutMidAnswer,
    Drip,
    HalfPicture,
    HugeBody,
    NotAPicture,
    Picture,
    Redirect,
    Services,
    shows,
)

from mkdocs_leonardo.addresses import is_loopback, is_public
from mkdocs_leonardo.errors import AccountRefused, AnswerLost, DownloadRefused, NotSent, TransportError
from mkdocs_leonardo.providers.http import MIB, Api
from mkdocs_leonardo.spec import JsonValue

pytestmark = pytest.mark.anyio

SECRET = {"authorization": f"Bearer {LEONARDO_KEY}"}
HOSTS = ("cdn.leonardo.ai",)


def at_once(_now: float) -> float:
    """A rate limiter that delays no request."""
    return 0.0


def api_at(base_url: str, **changes: object) -> Api:
    """A client of the service at `base_url`."""
    settings: dict[str, object] = {
        "provider": "leonardo",
        "secret_headers": SECRET,
        "rate_limiter": at_once,
        "clock": FastClock(),
        **changes,
    }
    return Api(base_url=base_url, **settings)  # type: ignore[arg-type]  # chosen by tests


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve each connection to a loopback port with `talk`, in turn; gives the URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        # shutdown() wakes accept(), which close() alone does not on Linux.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def answer_bytes(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """The bytes of an HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def download(services: Services, **limits: object) -> bytes:
    """The downloaded picture of a finished job."""
    api = api_at(services.leonardo.base_url)
    settings: dict[str, object] = {"hosts": HOSTS, "timeout_s": 5.0, **limits}
    try:
        created = await api.request("POST", "/generations", json=CREATE, timeout_s=5)
        job_id = json.loads(created.text)["sdGenerationJob"]["generationId"]
        services.finish_jobs()
        job = await api.request("GET", f"/generations/{job_id}", timeout_s=5)
        url = json.loads(job.text)["generations_by_pk"]["generated_images"][0]["url"]
        return await api.download(url, **settings)  # type: ignore[arg-type]  # chosen by tests
    finally:
        await api.aclose()


CREATE: JsonValue = {
    "prompt": "a lighthouse in a storm",
    "modelId": "de7d3faf-762f-48e0-b3b7-9d0ac3a3fcf3",
    "num_images": 1,
    "contrast": 3.5,
    "width": 1536,
    "height": 864,
}

# Answers -----------------------------------------------------------------------------------------------------------


async def test_request_answered_comes_back_as_a_value(services: Services) -> None:
    """An answer has its status, headers in lower case and the parsed body."""
    api = api_at(services.leonardo.base_url)
    answer = await api.request("GET", "/me", timeout_s=5)
    await api.aclose()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert isinstance(answer.body, dict)
    assert "user_details" in answer.body


async def test_request_redirected_does_not_follow(services: Services) -> None:
    """A redirected API call is not followed."""
    services.leonardo.on_me(Redirect(TO_OTHER_PORT))
    api = api_at(services.leonardo.base_url)
    answer = await api.request("GET", "/me", timeout_s=5)
    await api.aclose()
    assert answer.status == 302
    assert services.ledger.trespasses == ()


async def test_request_answer_too_long_is_lost(services: Services) -> None:
    """An answer beyond the byte cap is lost."""
    services.leonardo.on_me(HugeBody(size_bytes=3 * MIB, declared=False))
    api = api_at(services.leonardo.base_url)
    with pytest.raises(AnswerLost, match="1 MiB"):
        await api.request("GET", "/me", timeout_s=5)
    await api.aclose()


async def test_request_dripping_answer_ends_with_the_timeout(services: Services) -> None:
    """The timeout ends an answer that arrives byte by byte."""
    api = api_at(services.leonardo.base_url)
    # The short timeout has no connection to wait for.
    await api.request("GET", "/me", timeout_s=30)
    services.leonardo.on_me(Drip(every_s=0.02))
    with anyio.fail_after(30), pytest.raises(AnswerLost, match="too long"):
        await api.request("GET", "/me", timeout_s=0.3)
    await api.aclose()


async def test_request_deeply_nested_json_is_no_body() -> None:
    """An answer with JSON that cannot be parsed has no body."""
    text = "[" * 200_000
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    answer = await api_at("https://api.example", transport=transport).request("GET", "/", timeout_s=5)
    assert answer.body is None


async def test_request_answer_quoting_the_key_is_scrubbed() -> None:
    """A key that an answer quotes is removed."""
    transport = httpx.MockTransport(lambda _: httpx.Response(401, json={"error": f"no such key {LEONARDO_KEY}"}))
    answer = await api_at("https://api.example", transport=transport).request("GET", "/", timeout_s=5)
    assert answer.body == {"error": "no such key (hidden)"}
    assert LEONARDO_KEY not in answer.text


# What was sent and what was not --------------------------------------------------------------------------------------


async def test_request_refused_connection_is_not_sent(services: Services) -> None:
    """A refused connection means that the request was not sent."""
    api = api_at(services.refusing_url)
    with pytest.raises(NotSent) as caught:
        await api.request("POST", "/generations", json={}, timeout_s=5)
    assert shows_no_secret(caught.value)


async def test_request_unknown_host_is_not_sent() -> None:
    """An unknown host means that the request was not sent."""
    api = api_at("https://nowhere.invalid", proxy_for=lambda _: None)
    with pytest.raises(NotSent):
        await api.request("POST", "/", json={}, timeout_s=5)


@pytest.mark.parametrize("cut", [CutBeforeRead(), CutAfterRead(), CutAfterHeaders(), CutMidAnswer(0.5)])
async def test_request_connection_cut_is_an_answer_lost(services: Services, cut: CutAfterRead) -> None:
    """A connection that is cut means a lost answer, and the request is sent once."""
    services.leonardo.on_create(cut)
    api = api_at(services.leonardo.base_url)
    with pytest.raises(AnswerLost) as caught:
        await api.request("POST", "/generations", json=CREATE, timeout_s=5)
    await api.aclose()
    assert shows_no_secret(caught.value)
    assert len(services.ledger.requests_to("leonardo", "create")) == 1


async def test_request_never_answered_is_an_answer_lost_after_the_timeout() -> None:
    """A request without an answer until the timeout is a lost answer."""

    def answer_once(connection: socket.socket) -> None:
        _read_request(connection)
        connection.sendall(answer_bytes(b"{}"))
        _read_all(connection)

    with raw_server(answer_once) as url, anyio.fail_after(30):
        api = api_at(url)
        # The short timeout has no connection to wait for.
        await api.request("POST", "/", json={}, timeout_s=5)
        with pytest.raises(AnswerLost):
            await api.request("POST", "/", json={}, timeout_s=0.2)
        await api.aclose()


def _read_request(connection: socket.socket) -> bytes:
    """A request whose body is ``{}``."""
    data = b""
    while not data.endswith(b"\r\n\r\n{}"):
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return data


def _read_all(connection: socket.socket) -> None:
    connection.settimeout(60)
    while connection.recv(65536):
        pass


async def test_request_on_a_connection_closed_meanwhile_is_sent_on_a_new_one() -> None:
    """A kept connection that the service has closed is replaced before the request is sent."""
    seen: list[bytes] = []

    def one_answer(connection: socket.socket) -> None:
        seen.append(_read_request(connection))
        connection.sendall(answer_bytes(b"{}"))

    with raw_server(one_answer) as url:
        api = api_at(url)
        for _ in range(3):
            assert (await api.request("POST", "/", json={}, timeout_s=5)).status == 200
            # The end of the connection reaches this side.
            await anyio.sleep(0.02)
        await api.aclose()
    assert len(seen) == 3


async def test_request_reset_on_a_kept_connection_is_not_repeated() -> None:
    """A create call on a kept connection that breaks is a lost answer and is not sent again."""
    seen: list[bytes] = []

    def answer_then_reset(connection: socket.socket) -> None:
        seen.append(_read_request(connection))
        connection.sendall(answer_bytes(b"{}"))
        seen.append(_read_request(connection))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with raw_server(answer_then_reset) as url:
        api = api_at(url)
        await api.request("POST", "/", json={}, timeout_s=5)
        with pytest.raises(AnswerLost):
            await api.request("POST", "/", json={}, timeout_s=5)
        await api.aclose()
    assert len(seen) == 2


def _httpx_errors() -> Sequence[type[Exception]]:
    """Every exception class that httpx has."""
    return [
        value
        for _, value in sorted(inspect.getmembers(httpx))
        if inspect.isclass(value) and issubclass(value, Exception)
    ]


@pytest.mark.parametrize("kind", _httpx_errors(), ids=lambda kind: kind.__name__)
async def test_request_every_exception_of_httpx_becomes_ours(kind: type[Exception]) -> None:
    """Every exception of httpx becomes NotSent if it precedes the sending, else AnswerLost."""

    def fail(request: httpx.Request) -> httpx.Response:
        parameters = inspect.signature(kind).parameters
        needed = {"request": request, "response": httpx.Response(500, request=request)}
        keywords = {
            name: needed[name]
            for name, each in parameters.items()
            if name in needed and each.kind is inspect.Parameter.KEYWORD_ONLY
        }
        raise kind(f"with {LEONARDO_KEY}", **keywords) if "message" in parameters else kind()

    api = api_at("https://api.example", transport=httpx.MockTransport(fail))
    with pytest.raises(TransportError) as caught:
        await api.request("POST", "/", json={}, timeout_s=5)
    before = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "InvalidURL"}
    assert isinstance(caught.value, NotSent if kind.__name__ in before else AnswerLost)
    assert shows_no_secret(caught.value)


async def test_request_tls_failure_is_not_sent() -> None:
    """A service without a valid certificate receives no request."""
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))

    with raw_server(talk) as url, pytest.raises(NotSent):
        await api_at(url.replace("http:", "https:")).request("POST", "/", json={}, timeout_s=5)
    assert not any(LEONARDO_KEY.encode() in data for data in heard)


# The limiter ---------------------------------------------------------------------------------------------------------


async def test_rate_limiter_holds_requests_back_until_there_is_room(services: Services) -> None:
    """A request waits until the limiter says zero, and the wait does not count against the timeout."""
    waits = iter([24.0, 24.0, 0.0])
    clock = FastClock()
    started = clock.now()
    api = api_at(services.leonardo.base_url, rate_limiter=lambda _: next(waits), clock=clock)
    answer = await api.request("GET", "/me", timeout_s=2)
    await api.aclose()
    assert answer.status == 200
    assert clock.now() - started >= 48.0
    assert next(waits, None) is None


async def test_rate_limiter_without_room_gives_up_at_the_deadline(services: Services) -> None:
    """A request that the limiter delays beyond the deadline was not sent."""
    clock = RealClock()
    api = api_at(services.leonardo.base_url, rate_limiter=lambda _: 30.0, clock=clock)
    with anyio.fail_after(30), pytest.raises(NotSent, match="limit of requests a minute"):
        await api.request("GET", "/me", timeout_s=5, give_up_at=clock.now() + 0.1)
    assert services.ledger.requests == ()


# Addresses, keys, proxies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.example",
        "ftp://api.example",
        "https://",
        "https://me:pass@api.example",
        "nonsense",
        "http://10.0.0.1",
    ],
)
def test_base_url_that_would_show_the_key_is_refused(base_url: str) -> None:
    """A `base_url` with plain http beyond this machine is refused."""
    with pytest.raises(AccountRefused, match="base_url") as caught:
        api_at(base_url)
    assert shows_no_secret(caught.value, "pass@")


@pytest.mark.parametrize("key", ["line\nbreak", "tab\tbed", "naïve-key-of-letters"])
def test_key_that_no_header_takes_is_refused_without_being_shown(key: str) -> None:
    """A key that fits no header is refused without being quoted."""
    with pytest.raises(AccountRefused) as caught:
        api_at("https://api.example", secret_headers={"authorization": f"Bearer {key}"})
    assert shows_no_secret(caught.value, key)


async def test_proxy_from_the_environment_carries_requests() -> None:
    """A request to a public service uses the proxy; if the proxy refuses, nothing was sent."""
    heard: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(answer_bytes(b"", status="403 Forbidden"))

    with raw_server(refuse) as url, pytest.raises(NotSent):
        await api_at("https://api.example/v1", proxy_for=lambda _: url).request("POST", "/", json={}, timeout_s=5)
    assert heard[0].startswith(b"CONNECT api.example:443")
    assert LEONARDO_KEY.encode() not in heard[0]


async def test_proxy_that_hangs_up_while_connecting_means_nothing_was_sent() -> None:
    """A proxy that hangs up before the tunnel stands means that nothing was sent."""
    with raw_server(lambda connection: (connection.recv(65536), None)[1]) as url, pytest.raises(NotSent):
        await api_at("https://api.example/v1", proxy_for=lambda _: url).request("POST", "/", json={}, timeout_s=5)


async def test_proxy_is_not_asked_for_loopback(services: Services) -> None:
    """A request to this machine uses no proxy."""
    api = api_at(services.leonardo.base_url, proxy_for=lambda _: services.refusing_url)
    assert (await api.request("GET", "/me", timeout_s=5)).status == 200
    await api.aclose()


def test_proxy_unusable_is_reported_without_its_password() -> None:
    """The message about an unusable proxy names its kind and not its password."""
    password = "open-sesame"
    with pytest.raises(AccountRefused, match="proxy") as caught:
        api_at("https://api.example", proxy_for=lambda _: f"gopher://me:{password}@proxy.example")
    assert shows_no_secret(caught.value, password)


def test_environment_proxy_honours_the_usual_variables() -> None:
    """HTTPS_PROXY names the proxy, and NO_PROXY the hosts without one."""
    code = (
        "from mkdocs_leonardo.providers.http import environment_proxy as proxy;"
        "print(proxy('https://api.example/v1'), proxy('https://inside.example/v1'))"
    )
    environ = {"HTTPS_PROXY": "proxy.example:3128", "NO_PROXY": "inside.example", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["http://proxy.example:3128", "None"]


# Downloads -----------------------------------------------------------------------------------------------------------


async def test_download_finished_picture_comes_whole_and_without_the_key(services: Services) -> None:
    """A download has the whole picture, and sends the host no key."""
    data = await download(services)
    assert shows(data, "a lighthouse in a storm")
    assert services.ledger.authorization_leaks == ()
    assert "authorization" not in services.ledger.requests_to("cdn")[0].headers


@pytest.mark.parametrize("form", [Picture("PNG"), Picture("WEBP"), Picture(content_type="text/html")])
async def test_download_is_known_by_its_bytes(services: Services, form: Picture) -> None:
    """The format of a download is recognised by its bytes and not by the declared type."""
    services.leonardo.on_download(form)
    assert shows(await download(services), "a lighthouse in a storm")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (CutBeforeRead(), "broke off"),
        (CutMidAnswer(0.5), "broke off"),
        (HalfPicture(), "no whole image"),
        (NotAPicture(), "no whole image"),
        (Answer(403, "<html>Forbidden</html>"), "answered 403"),
        (Answer(500, "oops"), "answered 500"),
        (Answer(200, ""), "no whole image"),
        (Drip(every_s=0.02), "too long"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
async def test_download_spoilt_may_be_tried_again(services: Services, trouble: Answer, words: str) -> None:
    """A spoilt download is a lost answer, whose message has no signed address."""
    services.leonardo.sign_urls = True
    services.leonardo.on_download(trouble)
    with anyio.fail_after(30), pytest.raises(AnswerLost, match=words) as caught:
        await download(services, timeout_s=0.5 if isinstance(trouble, Drip) else 5.0)
    assert shows_no_secret(caught.value)


@pytest.mark.parametrize("declared", [True, False])
async def test_download_too_large_is_refused_while_it_streams(services: Services, *, declared: bool) -> None:
    """A download beyond the byte cap ends while it streams."""
    services.leonardo.on_download(HugeBody(declared=declared))
    with anyio.fail_after(30), pytest.raises(DownloadRefused, match="1 MiB"):
        await download(services, max_bytes=MIB)


@pytest.mark.parametrize(
    "to",
    [TO_OTHER_PORT, TO_PRIVATE_ADDRESS, TO_METADATA_ADDRESS, TO_FOREIGN_HOST, TO_FOREIGN_HOST_IN_CLEAR, TO_FILE, ""],
)
async def test_download_redirected_astray_is_refused(services: Services, to: str) -> None:
    """A redirect to an address that the rules forbid is refused."""
    services.leonardo.sign_urls = True
    services.leonardo.on_download(Redirect(to) if to else Redirect(TO_ITSELF))
    with pytest.raises(DownloadRefused) as caught:
        await download(services)
    assert services.ledger.trespasses == ()
    assert shows_no_secret(caught.value)


async def test_download_redirected_once_to_itself_arrives(services: Services) -> None:
    """A redirect to an allowed address is followed."""
    services.leonardo.on_download(Redirect(TO_ITSELF)).once()
    assert shows(await download(services), "a lighthouse in a storm")


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.leonardo.ai/a.jpg",
        "https://cdn.leonardo.ai.evil.example/a.jpg",
        "https://evil.example/cdn.leonardo.ai/a.jpg",
        "https://cdn.leonardo.ai@evil.example/a.jpg",
        "https://key@cdn.leonardo.ai/a.jpg",
        "https://cdn.leonardo.ai:8443/a.jpg",
        "http://127.0.0.1/a.jpg",
        "http://localhost/a.jpg",
        "http://[::1]/a.jpg",
        "https://127.0.0.1/a.jpg",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "//cdn.leonardo.ai/a.jpg",
        "",
        "https://",
        "https://[::1",
        "https://cdn.leonardo.ai\\@evil.example/",
    ],
)
async def test_download_from_an_address_off_the_list_is_refused(url: str) -> None:
    """A download needs https and a listed host, or loopback for an API on loopback."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        raise AssertionError((host, port))

    api = api_at("https://api.example", proxy_for=lambda _: None, resolve=resolve)
    with pytest.raises(DownloadRefused):
        await api.download(url, hosts=HOSTS, timeout_s=1)


@pytest.mark.parametrize("host", ["localhost", "localhost.", "127.0.0.1", "127.0.0.1.", "[::1]", "10.0.0.1."])
async def test_address_of_this_machine_is_refused_where_the_service_is_elsewhere(host: str) -> None:
    """Without a list of hosts, an answer cannot lead to this machine, with or without a dot at the end."""

    async def resolve(host: str, _port: int) -> Sequence[str]:
        return ["::1" if ":" in host else "10.0.0.1" if host.startswith("10") else "127.0.0.1"]

    api = api_at("https://api.example", proxy_for=lambda _: None, resolve=resolve)
    with pytest.raises(DownloadRefused, match="not public"):
        await api.download(f"https://{host}/a.jpg", hosts=None, timeout_s=1)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.1.2.3"], ["169.254.169.254"], ["::1"], ["fd00::1"], ["8.8.8.8", "192.168.0.1"], ["not one"]],
)
async def test_download_from_a_name_that_leads_inside_is_refused(addresses: list[str]) -> None:
    """A host name with a private address is refused."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    api = api_at("https://api.example", proxy_for=lambda _: None, resolve=resolve)
    with pytest.raises(DownloadRefused, match="not public"):
        await api.download("https://cdn.leonardo.ai/a.jpg?Signature=x", hosts=HOSTS, timeout_s=1)


async def test_download_name_unknown_may_be_tried_again() -> None:
    """A failed name service is a lost answer, which may be tried again."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror

    api = api_at("https://api.example", proxy_for=lambda _: None, resolve=resolve)
    with pytest.raises(NotSent, match=r"cdn\.leonardo\.ai"):
        await api.download("https://cdn.leonardo.ai/a.jpg", hosts=HOSTS, timeout_s=1)


@pytest.mark.parametrize("host", ["cdn.leonardo.ai", "CDN.leonardo.ai."])
async def test_download_connects_to_the_checked_address_with_the_name_of_the_host(host: str) -> None:
    """A download connects to the checked address; TLS and Host have the name, without a dot at its end."""
    asked: list[httpx.Request] = []

    class Recorder(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            if len(asked) == 1:
                raise httpx.ConnectError("no route")
            return httpx.Response(200, content=PNG)

    class Recorded(Api):
        def _transport(self, url: str, *, via_proxy: bool, reuse: bool = True) -> httpx.AsyncHTTPTransport:  # noqa: ARG002 - what is replaced
            return Recorder(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["2606:4700::1", "93.184.216.34"]

    api = Recorded(
        provider="leonardo",
        base_url="https://api.example",
        secret_headers=SECRET,
        rate_limiter=at_once,
        clock=FastClock(),
        proxy_for=lambda _: None,
        resolve=resolve,
    )
    await api.download(f"https://{host}/a.png?Signature=x", hosts=HOSTS, timeout_s=2)
    assert [request.url.host for request in asked] == ["2606:4700::1", "93.184.216.34"]
    assert asked[1].headers["host"] == "cdn.leonardo.ai"
    assert asked[1].extensions["sni_hostname"] == "cdn.leonardo.ai"
    assert asked[1].url.raw_path == b"/a.png?Signature=x"
    assert "authorization" not in asked[1].headers


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16 + b"IEND\xaeB`\x82"


async def test_download_is_not_logged_with_its_address(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    """A log of any level contains neither signed addresses nor keys."""
    caplog.set_level(logging.DEBUG)
    services.leonardo.sign_urls = True
    await download(services)
    assert caplog.records
    assert "Signature" not in caplog.text
    assert LEONARDO_KEY not in caplog.text


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1", True),
        ("64:ff9b::5db8:d822", True),
        ("64:ff9b::a00:1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:a00:1::", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("100.64.0.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("fe80::1%eth0", False),
        ("::", False),
        ("", False),
    ],
)
def test_is_public_tells_the_open_internet_from_the_rest(address: str, *, public: bool) -> None:
    """`is_public` recognises public and private addresses in every notation."""
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("localhost.example", False)],
)
def test_is_loopback_knows_this_machine(host: str, *, loopback: bool) -> None:
    """`is_loopback` recognises the names and addresses of this machine, and of no other one."""
    assert is_loopback(host) is loopback


def test_providers_import_does_not_load_the_network_library() -> None:
    """The import of the providers does not import httpx."""
    code = (
        "import sys, mkdocs_leonardo.providers.leonardo.provider, mkdocs_leonardo.providers.openai.provider;"
        "import mkdocs_leonardo.providers.declaration;"
        "print([name for name in ('httpx', 'httpcore', 'anyio', 'ssl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
