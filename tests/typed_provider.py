"""The types of the providers' door as another package sees them. mypy checks this file; no test runs it.

It imports the two public modules alone. An `assert_type` that no longer holds is a change of the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_type

from mkdocs_leonardo.providers.interface import (
    ALERT,
    INTERNAL,
    Account,
    Alert,
    Charged,
    Clock,
    Declaration,
    GeneratedImage,
    JobUnfinished,
    JsonValue,
    Limits,
    Memory,
    PageFacts,
    PictureRules,
    PictureSpec,
    Provider,
    ProviderContext,
    ProviderError,
    ServiceFailed,
    Submission,
    Suggestion,
    TextProvider,
    lazy_import,
    option,
)
from mkdocs_leonardo.providers.toolkit import WORDING, Answer, Api, TransportError, look_words, text_at, worded


@dataclass(frozen=True)
class Options:
    """The settings below `easel:`."""

    model: str = "oil-2"
    requests_per_minute: int = 60
    alert: Alert = field(default=Alert(100.0), metadata=option(ALERT, name="credit_alert"))
    extra: Mapping[str, str] = field(default_factory=dict, metadata=INTERNAL)


class Easel(Provider):
    """A provider with every method that the contract asks for."""

    name = "easel"

    def __init__(self, context: ProviderContext[Options]) -> None:
        assert_type(context.options, Options)
        assert_type(context.key, str | None)
        assert_type(context.clock, Clock)
        assert_type(context.memory, Memory)
        self.model = context.options.model
        self.options: Mapping[str, JsonValue] = {"wording": WORDING}
        self._clock = context.clock
        self._api = context.connection("easel", base_url="https://api.easel.example", secret_headers=lambda _: {})

    def estimate_usd(self, picture: PictureSpec) -> float:
        """Return a price."""
        assert_type(picture.width_px, int)
        return 0.02

    async def submit(self, picture: PictureSpec) -> Submission:
        """Send the create call."""
        api = self._api()
        assert_type(api, Api)
        try:
            answer = await api.request("POST", "/pictures", json={"prompt": worded(picture)}, timeout_s=60.0)
        except TransportError as error:
            raise ServiceFailed(str(error), provider=self.name, charged=Charged.UNKNOWN) from error
        assert_type(answer, Answer)
        assert_type(look_words(picture.reference) if picture.reference else "", str)
        return Submission(self.name, self.model, text_at(answer.body, "id"), self._clock.now())

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:
        """Raise the error of a job that is still at work."""
        raise JobUnfinished(f"until {give_up_at}", provider=submission.provider, charged=Charged.YES)

    async def check_access(self) -> str:
        """Return the model."""
        return self.model

    async def aclose(self) -> None:
        """Close the connection."""
        await self._api.aclose()


def check(options: Options, written: frozenset[str], site: PictureSpec) -> list[tuple[str, str]]:
    """Find no problem."""
    assert_type(site.style, str)
    return [("easel.model", "write oil-2")] if "model" in written and not options.model else []


easel = Declaration(
    make=Easel,
    options=Options,
    limits=lambda options: Limits(options.requests_per_minute, credit_alert=options.alert),
    problems=check,
    rules=lambda options, _: PictureRules(options.model),
)
assert_type(easel, Declaration[Options])
assert_type(easel.rules(Options(), PictureSpec("a fjord")), PictureRules)
Declaration(make=lazy_import("easel.provider:Easel"), options=Options)


async def use(provider: Provider, texts: TextProvider, facts: PageFacts, error: ProviderError) -> None:
    """What a provider gives is typed, too."""
    submission = await provider.submit(PictureSpec("a fjord"))
    assert_type(submission, Submission)
    assert_type(await provider.fetch(submission, give_up_at=0.0), GeneratedImage)
    assert_type(await provider.find(PictureSpec("a fjord"), since=0.0, known=frozenset()), Submission | None)
    assert_type(await provider.account(), Account)
    assert_type(await texts.suggest(facts), Suggestion)
    assert_type(error.charged, Charged)
