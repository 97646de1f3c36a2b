"""A fork server, which starts Python programs with the modules of a build imported.

Some two thousand builds and commands run in the tests, each in a process of its own. Most of their time went into
importing the same modules. `start` takes the arguments of a Python interpreter, and returns a process with the part of
`subprocess.Popen`'s interface that tests use. The process is a fork of a server that has imported the modules and built
a site without heroes once. It has its own environment, working directory and standard files, and ends as any program
does.

A new interpreter starts instead if the system cannot fork, or if `PYTHON...` variables change the interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

#: What a build with heroes and a command import beside this package. What a host lacks is left out.
MODULES = (
    "anyio._backends._asyncio",
    "anyio.from_thread",
    "anyio.to_thread",
    "certifi",
    "diskcache",
    "encodings.ascii",
    "httpcore",
    "httpx",
    "markdown.extensions.admonition",
    "markdown.extensions.attr_list",
    "markdown.extensions.fenced_code",
    "markdown.extensions.md_in_html",
    "markdown.extensions.meta",
    "markdown.extensions.tables",
    "markdown.extensions.toc",
    "material.extensions.emoji",
    "material.plugins.blog.plugin",
    "material.plugins.search.plugin",
    "material.templates",
    "mkdocs.__main__",
    "mkdocs.commands.build",
    "mkdocs.commands.serve",
    "mkdocs.contrib.search",
    "mkdocs.themes.mkdocs",
    "obstore.store",
    "PIL.AvifImagePlugin",
    "PIL.BmpImagePlugin",
    "PIL.GifImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.PpmImagePlugin",
    "PIL.TiffImagePlugin",
    "PIL.WebPImagePlugin",
    "pymdownx.highlight",
    "pymdownx.superfences",
    "yaml",
)
#: Of the server's own interpreter; a program that wants it otherwise gets an interpreter of its own.
PYTHON_VARIABLES = {"PYTHONUTF8": "1"}

_HEADER = struct.Struct("!I")
_STANDARD_FILES = 3


class Forked:
    """A program that the server started: the part of `subprocess.Popen` that tests use."""

    def __init__(
        self, arguments: Sequence[str], connection: socket.socket, stdout: IO[str] | None, stderr: IO[str] | None
    ) -> None:
        self.args = [sys.executable, *arguments]
        self.stdin: IO[str] | None = None
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | Any = None  # as typeshed has it
        self._connection = connection
        self.pid: int = _HEADER.unpack(_exactly(connection, _HEADER.size))[0]

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the program runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once there is one; TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._connection, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(_HEADER.unpack(_exactly(self._connection, _HEADER.size))[0])
            self._connection.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that the program writes until it ends; TimeoutExpired after `timeout` seconds."""
        give_up_at = None if timeout is None else time.monotonic() + timeout
        texts = ["", ""]

        def read(place: int, stream: IO[str]) -> None:
            with stream:
                texts[place] = stream.read()

        readers = [
            threading.Thread(target=read, args=(place, stream), daemon=True)
            for place, stream in enumerate((self.stdout, self.stderr))
            if stream is not None
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if give_up_at is None else max(0.0, give_up_at - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if give_up_at is None else max(0.0, give_up_at - time.monotonic()))
        return texts[0], texts[1]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the program is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


#: What tests may hold in their hands.
Process = Forked | subprocess.Popen[str]


def start(
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[str] | IO[bytes],
    stderr: int | IO[str] | IO[bytes],
    start_new_session: bool = False,
    is_new_interpreter: bool = False,
) -> Process:
    """Start a Python program; `arguments` are ``-m module …`` or ``script …``. Text is UTF-8.

    `stdout` and `stderr` are files, numbers of files, ``PIPE`` or (`stderr`) ``STDOUT``.
    """
    theirs = {name: value for name, value in env.items() if name.startswith("PYTHON")}
    if is_new_interpreter or sys.platform != "linux" or theirs != PYTHON_VARIABLES:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=start_new_session,
            text=True,
            encoding="utf-8",
        )
    with contextlib.ExitStack() as ours_only:
        pipes: list[IO[str] | None] = []
        numbers = [
            ours_only.enter_context(Path(os.devnull).open(encoding="utf-8")).fileno()
            if stdin == subprocess.DEVNULL
            else stdin
        ]
        for wanted in (stdout, stderr):
            reader = None
            if wanted == subprocess.PIPE:
                read_end, write_end = os.pipe()
                ours_only.callback(os.close, write_end)
                reader = os.fdopen(read_end, encoding="utf-8")
                numbers.append(write_end)
            elif wanted == subprocess.STDOUT:
                numbers.append(numbers[1])
            else:
                numbers.append(wanted if isinstance(wanted, int) else wanted.fileno())
            pipes.append(reader)
        connection = _order(_address(), arguments, cwd=cwd, env=env, numbers=numbers, session=start_new_session)
        return Forked(arguments, connection, pipes[0], pipes[1])


def write_command(path: Path, program: Path) -> None:
    """Write an executable file for shell scripts that starts a Python program with this process's server.

    The script's environment must hold no `PYTHON...` variable.
    """
    path.write_text(
        f"#!{sys.executable} -SE\n"
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import fork_server\n"
        f"sys.exit(fork_server.run({_address()!r}, [{str(program)!r}, *sys.argv[1:]]))\n",
        encoding="utf-8",
    )
    path.chmod(0o755)


def run(address: str, arguments: Sequence[str]) -> int:
    """Run a program with this process's environment, folder, standard files and Ctrl-C; return its exit code."""
    connection = _order(address, arguments, cwd=Path.cwd(), env=os.environ, numbers=range(_STANDARD_FILES))
    program = Forked(arguments, connection, None, None)
    signal.signal(signal.SIGINT, lambda number, _: program.send_signal(number))
    code = program.wait()
    return code if code >= 0 else 128 - code


def _order(
    address: str,
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    numbers: Sequence[int],
    session: bool = False,
) -> socket.socket:
    """The server's connection for a new program, whose standard files are the `numbers`."""
    order = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env), "session": session}
    message = json.dumps(order).encode()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    socket.send_fds(connection, [_HEADER.pack(len(message))], numbers)
    connection.sendall(message)
    return connection


@cache
def _address() -> str:
    """The address of this process's server, which ends with the process."""
    folder = tempfile.mkdtemp()
    address = f"{folder}/server"
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environ = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    server = subprocess.Popen(
        [sys.executable, __file__, address],
        env={**environ, **PYTHON_VARIABLES, "NO_MKDOCS_2_WARNING": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()

    atexit.register(end)
    with server.stdout as said:
        assert said.readline() == "ready\n"
    return address


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = connection.recv(size, socket.MSG_WAITALL)
    assert len(received) == size, "the fork server has ended"
    return received


# The server -----------------------------------------------------------------------------------------------------------


def _import_all() -> None:
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    ours = importlib.import_module("mkdocs_leonardo")
    for module in pkgutil.walk_packages(ours.__path__, "mkdocs_leonardo."):
        importlib.import_module(module.name)


def _keep_templates(folder: str) -> None:
    """Keep the themes' compiled templates in `folder` for all programs, since MkDocs compiles them in each build."""
    from jinja2 import Environment, FileSystemBytecodeCache
    from mkdocs.theme import Theme

    make, cache = Theme.get_env, FileSystemBytecodeCache(folder)

    def get_env(self: Theme) -> Environment:
        environment = make(self)
        environment.bytecode_cache = cache
        return environment

    Theme.get_env = get_env  # type: ignore[method-assign]  # in this process alone


def _build_once() -> None:
    """Build a site of one page, to fill caches of the process such as patterns and entry points."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "docs").mkdir()
        (Path(folder) / "docs/index.md").write_text("# A page", encoding="utf-8")
        config = Path(folder) / "mkdocs.yml"
        config.write_text("site_name: A site\nplugins: [search, leonardo]\n", encoding="utf-8")
        build(load_config(str(config)))


def _serve(address: str) -> list[str] | None:
    """Serve until the end and return None; in a fork, return the arguments of the program that the fork becomes."""
    running: dict[int, socket.socket] = {}
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.settimeout(0)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen()
        for source in (listener, woken, sys.stdin):
            selector.register(source, selectors.EVENT_READ)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if sys.stdin in ready:
                return None
            if woken in ready:
                with contextlib.suppress(BlockingIOError):
                    woken.recv(4096)
                _report_ended(running)
            if listener in ready:
                connection, _ = listener.accept()
                header, files, _, _ = socket.recv_fds(connection, _HEADER.size, _STANDARD_FILES)
                order = json.loads(_exactly(connection, _HEADER.unpack(header)[0]))
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    for inherited in (*running.values(), connection, woken, wake):
                        inherited.close()
                    return _become(order, files)
                for number in files:
                    os.close(number)
                running[pid] = connection
                with contextlib.suppress(OSError):
                    connection.sendall(_HEADER.pack(pid))


def _report_ended(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as connection, contextlib.suppress(OSError):
            connection.sendall(_HEADER.pack(status))


def _become(order: dict[str, object], files: list[int]) -> list[str]:
    """Take over the program's environment and files, and return its arguments."""
    arguments, environ = order["arguments"], order["env"]
    assert isinstance(arguments, list)
    assert isinstance(environ, dict)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["session"]:
        os.setsid()
    for place, number in enumerate(files):
        os.dup2(number, place)
        if number >= _STANDARD_FILES:
            os.close(number)
    # An interpreter in UTF-8 mode opens them so.
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.chdir(str(order["cwd"]))
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    tempfile.tempdir = None
    return [str(argument) for argument in arguments]


def _run(arguments: list[str]) -> None:
    """Run the program as an interpreter with `arguments` would."""
    if arguments[0] == "-m":
        sys.path[0] = str(Path.cwd())
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(arguments[0]).parent)
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    _import_all()
    _keep_templates(str(Path(sys.argv[1]).parent))
    _build_once()
    assert threading.active_count() == 1, "a fork would lose the other threads"
    gc.freeze()
    if (program := _serve(sys.argv[1])) is not None:
        _run(program)
