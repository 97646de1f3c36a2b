"""Clients of the services in a test: addresses, settings and rules."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar, cast, overload

from .behaviours import (
    BadBase64,
    Behaviour,
    GeminiRefusal,
    JobFate,
    LeonardoRefusal,
    OpenAIRefusal,
    PictureBehaviour,
)
from .script import Rule, RuleHandle, Script

#: Keys that the services accept from the start.
LEONARDO_KEY = "3f1c9a52-6b7d-4e08-9c41-d2a5b8e07f16"
OPENAI_KEY = "sk-proj-stand-in-7Qm2vK9xR4tB"
GEMINI_KEY = "AIzaSyStand-in_4Qw8vTn2Lk6Rz0Pb9Xc3Hf7Jd"
#: The keys by their environment variables.
API_KEYS = {"LEONARDO_API_KEY": LEONARDO_KEY, "OPENAI_API_KEY": OPENAI_KEY, "GEMINI_API_KEY": GEMINI_KEY}
#: A well-formed Leonardo key that the service did not issue.
UNKNOWN_LEONARDO_KEY = "00000000-6b7d-4e08-9c41-d2a5b8e07f16"
#: What signed picture addresses carry while `leonardo.sign_urls` is on; it must never be seen in a log.
SIGNATURE = "c2lnbmVkLWJ5LXRoZS1zdGFuZC1pbg"

T = TypeVar("T")


class Setting(Generic[T]):
    """An attribute kept in the script, so that it reaches a server in another process as well."""

    def __init__(self, default: T) -> None:
        self._default = default
        self._name = ""

    def __set_name__(self, owner: type[Service], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, service: None, owner: type[Service]) -> Setting[T]: ...

    @overload
    def __get__(self, service: Service, owner: type[Service]) -> T: ...

    def __get__(self, service: Service | None, owner: type[Service]) -> Setting[T] | T:
        if service is None:
            return self
        return cast("T", service.script.get_setting(f"{service.name}.{self._name}", self._default))

    def __set__(self, service: Service, value: T) -> None:
        service.script.set_setting(f"{service.name}.{self._name}", value)


class Service:
    """The client of one service."""

    name = ""

    #: New connections are accepted and reset before a byte is read.
    down = Setting(default=False)
    #: Every answer waits for this time.
    latency_s = Setting(0.0)
    #: Share of requests whose connection is cut before reading, after carrying out, or in the middle of the answer.
    cut_probability = Setting(0.0)
    cut_seed = Setting(0)
    #: More requests than this in 60 s are answered with 429; None: no limit.
    request_limit = Setting[int | None](None)

    def __init__(self, script: Script, urls: Mapping[str, str]) -> None:
        self.script = script
        self.urls = urls

    @property
    def base_url(self) -> str:
        """The service's address, without a slash at the end."""
        return self.urls[self.name]

    def on(self, endpoint: str, *behaviours: Behaviour) -> RuleHandle:
        """Put behaviours in force for an endpoint.

        One behaviour holds for every call. Several hold for one call each, in this order; then the service behaves well
        again. If two rules match a call, the first one made wins.
        """
        for behaviour in behaviours:
            if not self._can(endpoint, behaviour):
                raise ValueError(f"{type(behaviour).__name__} is nothing that {self.name} does at {endpoint!r}")
        limit = len(behaviours) if len(behaviours) > 1 else None
        return RuleHandle(self.script, Rule(self.name, endpoint, behaviours, limit=limit))

    def _can(self, endpoint: str, behaviour: Behaviour) -> bool:  # noqa: PLR0911 - one return for each kind
        match behaviour:
            case LeonardoRefusal():
                return self.name == "leonardo"
            case BadBase64():
                return self.name in {"openai", "gemini"} and endpoint == "create"
            case GeminiRefusal():
                return self.name == "gemini" and endpoint == "create"
            case OpenAIRefusal():
                return self.name == "openai" and endpoint == "create"
            case JobFate():
                return self.name == "leonardo" and endpoint == "create"
            case PictureBehaviour():
                return endpoint == "download" or (self.name in {"openai", "gemini"} and endpoint == "create")
            case _:
                return True

    def random_cuts(self, probability: float, *, seed: int) -> None:
        """Cut that share of all connections: before reading, after carrying out, or in the middle of the answer."""
        self.cut_seed = seed
        self.cut_probability = probability


class PictureHost(Service):
    """Leonardo's picture host, on a port of its own."""

    name = "cdn"

    def on_download(self, *behaviours: Behaviour) -> RuleHandle:
        """For downloads: answers and pictures."""
        return self.on("download", *behaviours)


class Storage(Service):
    """The storage that takes uploaded references, on a port of its own."""

    name = "storage"


class Leonardo(Service):
    """Leonardo's API."""

    name = "leonardo"

    #: The seconds of a job at work once a slot is free, unless its fate has others; None: without end.
    render_s = Setting[float | None](0.05)
    #: Jobs at work at one time, and jobs that may wait behind them.
    slots = Setting(10)
    pending_limit = Setting(200)
    #: More create calls than this in 60 s are answered with 429; None: no limit (the real one's is 100).
    create_limit = Setting[int | None](None)
    #: What one picture costs, with alchemy (or quality) and without.
    price_usd = Setting(0.0224)
    fast_price_usd = Setting(0.015)
    #: ``DOLLARS``, ``CREDITS``, or None for an answer that names no cost.
    cost_unit = Setting[str | None]("DOLLARS")
    #: Prepaid dollars; when they are used up, create calls are refused. None: without end.
    balance_usd = Setting[float | None](None)
    #: What `/me` says (the balance counts off it if one is set).
    paid_tokens = Setting[float | None](45677)
    #: The object that wraps a create answer. Empty: none; ``[]``: a list of one; None: as the real ones do (v1
    #: and v2 differ).
    answer_shape = Setting[str | None](None)
    #: The form of v2's refusals: 200 and a list whose `details` are ``text``, ``errors`` or ``absent``, or in v1's
    #: ``envelope``.
    refusal_details = Setting("errors")
    #: Whether Phoenix refuses a create call without `contrast`.
    contrast_required = Setting(default=True)
    #: Whether the list of jobs begins with the newest.
    newest_first = Setting(default=True)
    #: The seconds in which a form for an upload is valid, and whether its fields come as text.
    form_life_s = Setting(120.0)
    fields_as_text = Setting(default=True)
    #: Ids of uploads that the service has lost.
    lost_uploads = Setting[Sequence[str]](())
    #: The seconds in which the list lacks a new job.
    list_lag_s = Setting(0.0)
    #: What the list and a poll show as a job's preset; whether they show its seed.
    shown_preset = Setting[str | None](None)
    shows_seed = Setting(default=True)
    #: Whether picture addresses carry a signature, and nothing is delivered without it.
    sign_urls = Setting(default=False)
    #: Keys that are accepted; each is an account of its own.
    keys = Setting[Sequence[str]]((LEONARDO_KEY,))

    def __init__(self, script: Script, urls: Mapping[str, str]) -> None:
        super().__init__(script, urls)
        self.cdn = PictureHost(script, urls)
        self.storage = Storage(script, urls)

    @property
    def base_url(self) -> str:
        """The v1 base: the value of the plugin's `leonardo: base_url`."""
        return f"{self.urls[self.name]}/api/rest/v1"

    @property
    def base_url_v2(self) -> str:
        """The v2 base."""
        return f"{self.urls[self.name]}/api/rest/v2"

    @staticmethod
    def user_id(key: str = LEONARDO_KEY) -> str:
        """The id of the account with that key."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, key))

    def on_create(self, *behaviours: Behaviour) -> RuleHandle:
        """For create calls: answers, or fates of the jobs they make."""
        return self.on("create", *behaviours)

    def on_poll(self, *behaviours: Behaviour) -> RuleHandle:
        """For polls of one job: answers."""
        return self.on("poll", *behaviours)

    def on_list(self, *behaviours: Behaviour) -> RuleHandle:
        """For the account's list of jobs: answers."""
        return self.on("list", *behaviours)

    def on_me(self, *behaviours: Behaviour) -> RuleHandle:
        """For `/me`: answers."""
        return self.on("me", *behaviours)

    def on_delete(self, *behaviours: Behaviour) -> RuleHandle:
        """For deletions: answers."""
        return self.on("delete", *behaviours)

    def on_form(self, *behaviours: Behaviour) -> RuleHandle:
        """For the call that asks for a form to upload a reference with: answers."""
        return self.on("form", *behaviours)

    def on_upload(self, *behaviours: Behaviour) -> RuleHandle:
        """For the bytes of a reference on their way to the storage: answers."""
        return self.storage.on("upload", *behaviours)

    def on_download(self, *behaviours: Behaviour) -> RuleHandle:
        """For downloads from the picture host: answers and pictures."""
        return self.cdn.on_download(*behaviours)


class PictureService(Service):
    """An image API whose answer to a create call is the picture."""

    #: The path of the API below its port.
    version: ClassVar[str]
    #: The seconds of a picture.
    render_s = Setting(0.02)
    #: Whether the answer states what was used; what is charged does not depend on it.
    states_usage = Setting(default=True)

    @property
    def base_url(self) -> str:
        """The value of the provider's option `base_url`."""
        return f"{self.urls[self.name]}/{self.version}"

    def on_create(self, *behaviours: Behaviour) -> RuleHandle:
        """For create calls: answers and pictures."""
        return self.on("create", *behaviours)


class OpenAI(PictureService):
    """OpenAI's image API."""

    name, version = "openai", "v1"
    #: Keys that are accepted.
    keys = Setting[Sequence[str]]((OPENAI_KEY,))


class Gemini(PictureService):
    """Google's Gemini image API."""

    name, version = "gemini", "v1beta"
    #: Keys that are accepted.
    keys = Setting[Sequence[str]]((GEMINI_KEY,))
