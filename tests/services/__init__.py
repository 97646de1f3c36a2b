"""Image services on loopback that behave like the real ones, misbehave on command, and keep the books.

In a test, take the fixture::

    from services import Answer429, Fails, Picture, Services, shows

    def test_...(services: Services) -> None:
        services.leonardo.on_create(Answer429(retry_after_s=2)).times(1)
        build(options=services.plugin_options, environ=services.environ)
        assert services.ledger.paid_jobs == 1
        assert services.ledger.paid_twice() == ()
        assert shows(Path("site/assets/leonardo/....jpg").read_bytes(), "a lighthouse in a storm")

Sites, each on a port of its own: `services.leonardo` (API), `services.cdn` (its picture host), `services.openai`,
`services.gemini`, `services.leonardo.storage` (for uploads), and `services.elsewhere`, where only a redirect or a
foreign address leads. `base_url` of the APIs is what the plugin's option of that name takes. `services.refusing_url`
refuses every connection. Keys: `LEONARDO_KEY`,
`OPENAI_KEY`, `GEMINI_KEY` (`services.environ` has them all), `UNKNOWN_LEONARDO_KEY` for a 401, any text that is no UUID
for the 500.

Rules: what happens to which call
---------------------------------
``services.leonardo.on_create|on_poll|on_list|on_me|on_delete|on_download``, ``services.openai.on_create``,
``services.gemini.on_create`` and, for any endpoint by name, ``services.<site>.on("price", ...)`` put behaviours in
force at once::

    leonardo.on_create(Answer500())                                   every call
    leonardo.on_create(Answer500()).once()                            the first call      (also .times(3))
    leonardo.on_create(Answer500(), Normally(), CutAfterRead())       one call each, in turn, then well again
    leonardo.on_create(Fails()).when_prompt("storm")                  calls about that prompt (polls, downloads too)
    leonardo.on_poll(CutMidAnswer()).nth(3)                           the third matching call only
    leonardo.on_poll(Answer500()).at_random(0.2, seed=7)              a fifth of the calls
    rule = ...; rule.drop()      services.forget_rules()              well again

The first rule made wins. Answers, fates and pictures are chosen apart, so ``on_create(LostAnswer())`` and
``on_create(RendersIn(5))`` hold together.

Answers, nothing carried out: `Answer` (any status, body, headers), `Answer429`, `Answer500`, `CutBeforeRead`,
`Redirect` (to ``TO_ITSELF``, ``TO_OTHER_PORT``, ``TO_PRIVATE_ADDRESS``, ``TO_METADATA_ADDRESS``, ``TO_FOREIGN_HOST``,
``TO_FOREIGN_HOST_IN_CLEAR``, ``TO_FILE``, any address), `HugeBody`; Leonardo: `NotEnoughTokens`, `PromptModerated`,
`ModelWithdrawn`, `PendingQueueFull`; OpenAI: `QuotaUsedUp`, `ModerationBlocked`, `BillingLimitReached`,
`OrganisationNotVerified`, `ModelNotFound`; Gemini: `NoImageQuota`, `DailyQuotaUsedUp`, `KeyBlocked`, `ModelShutDown`,
`PromptBlocked` and, charged, `FinishesWithoutPicture`, `ThinksAloud`.
Answers after it was carried out (and charged): `LostAnswer` (5xx), `CutAfterRead`, `CutAfterHeaders`, `CutMidAnswer`
(on a download: half a JPEG under its full length), `Slow`, `SlowBody`, `Drip`, `Held` (until ``services.release()``),
`Unparsable`; OpenAI: `NoPicture`; OpenAI and Gemini: `BadBase64`.
Fates, for Leonardo's `on_create`: `RendersIn`, `RendersBetween`, `Fails`, `NeverFinishes` (until
``services.finish_jobs()``), `Vanishes`, `CompletesWithoutImages`, `CompletesWithUrl` (null or any address),
`MarkedNsfw`.
Pictures, for `on_download` and `on_create` of OpenAI and Gemini: `Picture` (format, mode, scale, size, EXIF
orientation, swapped ICC profile, content type), `HalfPicture` (length matches), `NotAPicture` (HTML), `PixelBomb`.

Settings: attributes of the sites
---------------------------------
`leonardo`: `render_s` (0.05; None: for ever), `slots`, `pending_limit`, `create_limit`, `price_usd`,
`fast_price_usd`, `cost_unit`, `balance_usd`, `paid_tokens`, `answer_shape`, `contrast_required`, `newest_first`,
`sign_urls` (then look for `SIGNATURE` in logs), `keys`. `openai`, `gemini`: `render_s`, `states_usage`, `keys`.
Every site: `down`, `latency_s`, `request_limit` (a minute), and ``random_cuts(0.1, seed=1)``: that share of its
connections is cut, before reading, after carrying out or in mid-answer; ``services.random_cuts`` does so for all.

The ledger
----------
`services.ledger` is the state of the moment, so read it after the act: `paid_jobs`, `paid_usd`, `creates`,
`polls`, `downloads`, `peak_in_flight`, `worst_sliding_minute`, `authorization_leaks`, `trespasses`, `uncollected`,
`paid_twice()`, `paid_at_two_providers()`, `jobs`, `jobs_of("openai")`, `jobs_for("storm")`, `job(id)`, `requests`,
`requests_to("leonardo", "poll")`, `peak_jobs`, `peak_requests`, `worst_window`; `totals()` for a message. A job has
`request` (the body as sent), `status`, `polls`, `downloads`, `charged_usd`, `refunded`, times, see `Job`.
``services.wait_until(lambda ledger: ledger.creates == 3)`` waits for it without a sleep of your own.

A process of its own
--------------------
For builds that are killed, or many builds against one account: ``with ServicesProcess() as services:`` has the same
attributes; so has the fixture `services_process`. By hand: ``python -m services --ready-file F`` in ``tests/`` writes
its URLs as JSON; ``GET <control>/__control__/ledger`` and ``POST .../script|setting|release|finish_jobs|...`` reach it,
or ``RemoteServices(json.load(open(F)))``.

Pictures are eight coloured fields made from the prompt; ``shows(bytes, prompt)`` recognises them in any format and
size of about 16:9, ``draw`` makes one. They are JPEGs of the size asked for.

There is no TLS here: a step down from https is played by ``TO_FOREIGN_HOST_IN_CLEAR``.
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
from .fronts import GEMINI_KEY, LEONARDO_KEY, OPENAI_KEY, SIGNATURE, UNKNOWN_LEONARDO_KEY
from .ledger import Job, LedgerView, RequestEntry
from .leonardo_orders import CREDIT_USD, CUSTOM, KNOWN, PHOENIX_1_0, STYLE_IDS
from .pictures import draw, pixel_bomb, shows
from .server import AnyServices, RemoteServices, Services, ServicesProcess

__all__ = [
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
