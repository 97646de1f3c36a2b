"""The services in this process or in a process of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self, cast

from .backend import SharedState
from .fronts import API_KEYS, Gemini, Leonardo, OpenAI, PictureHost
from .gemini import GeminiBackend
from .ledger import Ledger, LedgerView
from .leonardo import ElsewhereBackend, LeonardoBackend, PictureBackend
from .openai import OpenAIBackend
from .script import LocalScript, Rule, Script
from .uploads import StorageBackend
from .wire import Handler, Reply, Request, Server, json_reply

_SITES = ("leonardo", "cdn", "storage", "openai", "gemini", "elsewhere", "control")
_CONTROL = "/__control__/"
_POLL_S = 0.01


class _Elsewhere(PictureHost):
    """The client of the other loopback port."""

    name = "elsewhere"


class AnyServices:
    """The interface for tests to services in this process or in another."""

    def __init__(self, script: Script, urls: Mapping[str, str]) -> None:
        self.urls = urls
        self.leonardo = Leonardo(script, urls)
        self.cdn = self.leonardo.cdn
        self.openai = OpenAI(script, urls)
        self.gemini = Gemini(script, urls)
        self.elsewhere = _Elsewhere(script, urls)
        # Bound and never listening: a connection is refused, and no other program gets the port.
        self._refusing = socket.socket()
        self._refusing.bind(("127.0.0.1", 0))

    def _view(self) -> LedgerView:
        raise NotImplementedError

    def _carry_out(self, command: str) -> None:
        raise NotImplementedError

    @property
    def ledger(self) -> LedgerView:
        """A view of the ledger at this time; read the property again for a newer one."""
        return self._view()

    def release(self) -> None:
        """Release every answer that is `Held`."""
        self._carry_out("release")

    def finish_jobs(self) -> None:
        """End every pending Leonardo job, those that never finish as well."""
        self._carry_out("finish_jobs")

    def forget_rules(self) -> None:
        """Remove every rule; settings and ledger stay."""
        self._carry_out("forget_rules")

    def clear_ledger(self) -> None:
        """Empty the account and the ledger."""
        self._carry_out("clear_ledger")

    def stop(self) -> None:
        """Close every port and connection at once."""
        self._refusing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def refusing_url(self) -> str:
        """An address that refuses every connection."""
        return f"http://127.0.0.1:{self._refusing.getsockname()[1]}"

    @property
    def environ(self) -> dict[str, str]:
        """The keys as environment variables."""
        return {**API_KEYS}

    @property
    def plugin_options(self) -> dict[str, object]:
        """The plugin's options with the addresses of these services."""
        return {
            "leonardo": {"base_url": self.leonardo.base_url, "image_hosts": ["127.0.0.1"]},
            "openai": {"base_url": self.openai.base_url},
            "gemini": {"base_url": self.gemini.base_url},
        }

    def random_cuts(self, probability: float, *, seed: int) -> None:
        """Cut that share of the connections of every service and of the picture host."""
        for number, site in enumerate((self.leonardo, self.cdn, self.openai, self.gemini)):
            site.random_cuts(probability, seed=seed + number)

    def wait_until(self, is_true: Callable[[LedgerView], bool], *, timeout_s: float = 10.0) -> LedgerView:
        """The first ledger for which the condition is true; TimeoutError with the totals otherwise."""
        give_up_at = time.monotonic() + timeout_s
        while True:
            asked_at = time.monotonic()
            if is_true(view := self.ledger):
                return view
            if asked_at > give_up_at:
                raise TimeoutError(f"not true within {timeout_s} s: {view.totals()}")
            # At least as long as the reading took: a long ledger in another process must not eat a whole core.
            time.sleep(max(_POLL_S, time.monotonic() - asked_at))


class Services(AnyServices):
    """The services, running in this process from construction to `stop`."""

    def __init__(self) -> None:
        self._script = LocalScript()
        self._ledger = Ledger()
        self._server = Server(_SITES)
        urls = {name: f"http://127.0.0.1:{self._server.port(name)}" for name in _SITES}
        super().__init__(self._script, urls)
        self._commands: dict[str, Callable[[], object]] = {
            "release": self._script.release,
            "finish_jobs": self._ledger.finish,
            "forget_rules": self._script.clear,
            "clear_ledger": self._ledger.clear,
        }
        world = SharedState(self._script, self._ledger, urls, self._server.stopping)
        leonardo = LeonardoBackend(world, self.leonardo)
        handlers: dict[str, Handler] = {
            "leonardo": leonardo.handle,
            "cdn": PictureBackend(world, self.cdn, self.leonardo).handle,
            "storage": StorageBackend(world, self.leonardo.storage, leonardo.uploads).handle,
            "openai": OpenAIBackend(world, self.openai).handle,
            "gemini": GeminiBackend(world, self.gemini).handle,
            "elsewhere": ElsewhereBackend(world, self.elsewhere).handle,
            "control": self._control,
        }
        self._server.start(handlers, lambda name: bool(self._script.get_setting(f"{name}.down", default=False)))

    def _view(self) -> LedgerView:
        return self._ledger.view()

    def _carry_out(self, command: str) -> None:
        self._commands[command]()

    def stop(self) -> None:
        """Close every port and connection at once, also under answers that are being sent."""
        self._server.stop()
        self._script.release()
        super().stop()

    def _control(self, request: Request) -> Reply:
        command = request.path.removeprefix(_CONTROL)
        if request.method == "GET" and command == "ledger":
            return json_reply(200, self.ledger.to_json())
        value = cast("dict[str, object]", request.json() if request.body else {})
        if request.method == "GET" and command == "setting":
            name, default = request.query["name"], json.loads(request.query["default"])
            return json_reply(200, self._script.get_setting(name, default))
        commands: dict[str, Callable[[], object]] = {
            "script": lambda: self._script.put(Rule.from_json(value)),
            "drop": lambda: self._script.drop(str(value["rule_id"])),
            "setting": lambda: self._script.set_setting(str(value["name"]), value["value"]),
            **self._commands,
        }
        if request.method != "POST" or command not in commands:
            return json_reply(404, {"commands": sorted(commands)})
        commands[command]()
        return json_reply(200, None)


class RemoteScript:
    """Rules and settings of services in another process."""

    def __init__(self, url: str) -> None:
        self._url = url

    def call(self, command: str, value: Mapping[str, object] | None = None) -> object:
        """POST `value` to a control command, or GET without one; return the answer."""
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self._url}{_CONTROL}{command}", data=body)  # noqa: S310 - loopback http
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback http
            return cast("object", json.load(answer))

    def put(self, rule: Rule) -> None:
        """Add the rule, or replace the one with its id."""
        self.call("script", rule.to_json())

    def drop(self, rule_id: str) -> None:
        """Remove the rule."""
        self.call("drop", {"rule_id": rule_id})

    def get_setting(self, name: str, default: object) -> object:
        """The setting's value, `default` if the setting has none."""
        query = urllib.parse.urlencode({"name": name, "default": json.dumps(default)})
        return self.call(f"setting?{query}")

    def set_setting(self, name: str, value: object) -> None:
        """Change a setting."""
        self.call("setting", {"name": name, "value": value})


class RemoteServices(AnyServices):
    """Services in another process; `urls` is the content of their ready file."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._remote = RemoteScript(urls["control"])
        super().__init__(self._remote, urls)

    def _view(self) -> LedgerView:
        return LedgerView.from_json(cast("dict[str, object]", self._remote.call("ledger")))

    def _carry_out(self, command: str) -> None:
        self._remote.call(command, {})


class ServicesProcess(RemoteServices):
    """Services in a process of their own, from construction to `stop`; the process ends with this one, too."""

    def __init__(self, *, start_timeout_s: float = 20.0) -> None:
        with tempfile.TemporaryDirectory() as folder:
            ready_file = Path(folder) / "ready.json"
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services", "--ready-file", str(ready_file), "--until-stdin-closes"],
                cwd=Path(__file__).parent.parent,
                env={name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            give_up_at = time.monotonic() + start_timeout_s
            while not ready_file.exists():
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    self._end()
                    raise RuntimeError(f"the services did not start (exit {self._process.returncode})")
                time.sleep(_POLL_S)
            super().__init__(json.loads(ready_file.read_text()))

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait(timeout=10)

    def stop(self) -> None:
        """End the process."""
        self._end()
        super().stop()


def run(ready_file: Path | None, *, until_stdin_closes: bool) -> None:
    """Serve until SIGTERM, SIGINT or, if asked for, the end of standard input."""
    # A queue in place of an event: a signal may be handled while this thread holds the lock of an event.
    ended = SimpleQueue[None]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.put(None))
    with Services() as services:
        text = json.dumps(dict(services.urls))
        if ready_file is not None:
            unfinished = ready_file.with_name(ready_file.name + ".part")
            unfinished.write_text(text)
            unfinished.replace(ready_file)
        print(text, flush=True)
        if until_stdin_closes:

            def watch() -> None:
                sys.stdin.buffer.read()
                ended.put(None)

            threading.Thread(target=watch, daemon=True).start()
        ended.get()
