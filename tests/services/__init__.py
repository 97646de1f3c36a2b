"""Image services on loopback that behave like the real ones, misbehave on command, and keep a ledger.

A test takes the fixture `services`::

    from services import Answer429, Services, shows

    def test_...(services: Services) -> None:
        services.leonardo.on_create(Answer429(retry_after_s=2)).times(1)
        build(options=services.plugin_options, environ=services.environ)
        assert services.ledger.paid_jobs == 1
        assert services.ledger.paid_twice() == ()
        assert shows(Path("site/assets/leonardo/....jpg").read_bytes(), "a lighthouse in a storm")

Each service has a port of its own: `services.leonardo` (API), `services.cdn` (its picture host), `services.openai`,
`services.gemini` and `services.leonardo.storage` (for uploads). A redirect or a foreign address leads to
`services.elsewhere`. `services.refusing_url` refuses every connection. `services.environ` has the keys
`LEONARDO_KEY`, `OPENAI_KEY` and `GEMINI_KEY`. Leonardo answers `UNKNOWN_LEONARDO_KEY` with 401, and a key that is no
UUID with 500. There is no TLS; the address ``TO_FOREIGN_HOST_IN_CLEAR`` stands for a step down from https.

Rules give calls their behaviours. ``on_create``, ``on_poll``, ``on_list``, ``on_me``, ``on_delete`` and
``on_download`` put behaviours in force at once, as does ``on("price", ...)`` for any endpoint by its name::

    leonardo.on_create(Answer500())                                   every call
    leonardo.on_create(Answer500()).once()                            the first call (also .times(3))
    leonardo.on_create(Answer500(), Normally(), CutAfterRead())       one call each, in turn
    leonardo.on_create(Fails()).when_prompt("storm")                  calls about that prompt (polls, downloads too)
    leonardo.on_poll(CutMidAnswer()).nth(3)                           the third matching call
    leonardo.on_poll(Answer500()).at_random(0.2, seed=7)              a fifth of the calls
    rule = ...; rule.drop()      services.forget_rules()              no call any more

If two rules match a call, the first one made wins. `behaviours` has all answers, fates and pictures. A call can meet
one of each kind, so ``on_create(LostAnswer())`` and ``on_create(RendersIn(5))`` hold together.

Settings are attributes of the services (`fronts`), such as `render_s`, `slots`, `price_usd`, `down` and `latency_s`.
``random_cuts(0.1, seed=1)`` cuts that share of a service's connections, or of all with ``services.random_cuts``.

`services.ledger` is a view of the ledger (`LedgerView`) at the time of the call, so read it after the act.
``services.wait_until(lambda ledger: ledger.creates == 3)`` waits for a state without a sleep.

``with ServicesProcess() as services:`` runs the services in a process of their own, for builds that are killed, and
for many builds with one account. The fixture `services_process` does the same. ``python -m services --ready-file F``
in ``tests/`` writes the addresses as JSON for `RemoteServices`.

Pictures are JPEGs of the requested size with eight coloured fields made from the prompt. ``shows(bytes, prompt)``
recognises them in any format and size of about 16:9; ``draw`` makes one.
"""

from .behaviours import (
    TO_FILE,
    TO_FOREIGN_HOST,
    TO_FOREIGN_HOST_IN_CLEAR,
    TO_ITSELF,
    TO_METADATA_ADDRESS,
    TO_OTHER_PORT,
    TO_PRIVATE_ADDRESS,
    Answer,
    Answer429,
    Answer500,
    BadBase64,
    Behaviour,
    BillingLimitReached,
    CompletesWithoutImages,
    CompletesWithUrl,
    CutAfterHeaders,
    CutAfterRead,
    CutBeforeRead,
    CutMidAnswer,
    DailyQuotaUsedUp,
    Drip,
    Fails,
    FinishesWithoutPicture,
    HalfPicture,
    Held,
    HugeBody,
    KeyBlocked,
    LostAnswer,
    MarkedNsfw,
    ModelNotFound,
    ModelShutDown,
    ModelWithdrawn,
    ModerationBlocked,
    NeverFinishes,
    NoImageQuota,
    NoPicture,
    Normally,
    NotAPicture,
    NotEnoughTokens,
    OrganisationNotVerified,
    PendingQueueFull,
    Picture,
    PixelBomb,
    PromptBlocked,
    PromptModerated,
    QuotaUsedUp,
    Redirect,
    RendersBetween,
    RendersIn,
    Slow,
    SlowBody,
    ThinksAloud,
    Unparsable,
    Vanishes,
)
from .fronts import API_KEYS, GEMINI_KEY, LEONARDO_KEY, OPENAI_KEY, SIGNATURE, UNKNOWN_LEONARDO_KEY
from .ledger import Job, LedgerView, RequestEntry
from .leonardo_orders import CREDIT_USD, CUSTOM, KNOWN, PHOENIX_1_0, STYLE_IDS
from .pictures import draw, pixel_bomb, shows
from .server import AnyServices, RemoteServices, Services, ServicesProcess

__all__ = [
    "API_KEYS",
    "CREDIT_USD",
    "CUSTOM",
    "GEMINI_KEY",
    "KNOWN",
    "LEONARDO_KEY",
    "OPENAI_KEY",
    "PHOENIX_1_0",
    "SIGNATURE",
    "STYLE_IDS",
    "TO_FILE",
    "TO_FOREIGN_HOST",
    "TO_FOREIGN_HOST_IN_CLEAR",
    "TO_ITSELF",
    "TO_METADATA_ADDRESS",
    "TO_OTHER_PORT",
    "TO_PRIVATE_ADDRESS",
    "UNKNOWN_LEONARDO_KEY",
    "Answer",
    "Answer429",
    "Answer500",
    "AnyServices",
    "BadBase64",
    "Behaviour",
    "BillingLimitReached",
    "CompletesWithUrl",
    "CompletesWithoutImages",
    "CutAfterHeaders",
    "CutAfterRead",
    "CutBeforeRead",
    "CutMidAnswer",
    "DailyQuotaUsedUp",
    "Drip",
    "Fails",
    "FinishesWithoutPicture",
    "HalfPicture",
    "Held",
    "HugeBody",
    "Job",
    "KeyBlocked",
    "LedgerView",
    "LostAnswer",
    "MarkedNsfw",
    "ModelNotFound",
    "ModelShutDown",
    "ModelWithdrawn",
    "ModerationBlocked",
    "NeverFinishes",
    "NoImageQuota",
    "NoPicture",
    "Normally",
    "NotAPicture",
    "NotEnoughTokens",
    "OrganisationNotVerified",
    "PendingQueueFull",
    "Picture",
    "PixelBomb",
    "PromptBlocked",
    "PromptModerated",
    "QuotaUsedUp",
    "Redirect",
    "RemoteServices",
    "RendersBetween",
    "RendersIn",
    "RequestEntry",
    "Services",
    "ServicesProcess",
    "Slow",
    "SlowBody",
    "ThinksAloud",
    "Unparsable",
    "Vanishes",
    "draw",
    "pixel_bomb",
    "shows",
]
