"""The failure table: the decision that follows from a provider's error.

| event                                   | what happens                                                               |
|-----------------------------------------|----------------------------------------------------------------------------|
| 429                                     | the provider cools down for all pages, the next one at once                |
| 5xx, and the service lists its jobs     | wait, look once for a job that was accepted after all, else create again   |
| no answer, and the service lists them   | look for the job for a while, create again only if there is surely none    |
| `ServerError`: OpenAI's 500 and 503     | create once more; caps and report count both calls                         |
| surely not begun: Gemini's busy 503     | create once more; caps and report count the second call alone              |
| any other 5xx or no answer, no list     | caps and report count the call, the next provider                          |
| key, balance or model refused           | the provider is off for this build, the next one                           |
| the shape of the request refused        | the next provider                                                          |
| prompt refused by a content check       | stop: another service would refuse it as well                              |
| job failed                              | the prompt is logged, the next provider                                    |
| job ended without a picture             | the prompt is logged and not sent again here, the next provider            |
| job not collected in time               | the job is kept, the next provider                                         |
| the picture lies on a host not allowed  | the job is kept, the owner is warned, off for this build, the next one     |
| job unknown to the service              | the job is kept, given up when it is unknown for hours; the next provider  |
| job unknown to a service without a list | forgotten; made anew if it was an earlier build's                          |
| anything else while a job may be made   | the job is kept, never a second create of the same call                    |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobEmpty,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    NoAnswer,
    PictureElsewhere,
    PromptRefused,
    ProviderError,
    RateLimited,
    ServerError,
    ServiceFailed,
)
from mkdocs_leonardo.storage.limits import LONGEST_COOLDOWN_S

#: The cooldown after a 429 that states none (seconds).
DEFAULT_COOLDOWN_S = 60.0
#: The wait before looking for a lost job or creating once more (seconds).
RETRY_WAIT_S = 2.0
#: The length of the search for a job after a create call without an answer (seconds).
SEARCH_S = 10.0
#: The most create calls for one picture at one provider in one build.
MAX_CALLS = 2


class Step(Enum):
    """The next step of the chain."""

    CREATE_AGAIN = auto()
    NEXT_PROVIDER = auto()
    STOP = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """The next step, and the actions before it. Times are in seconds.

    `step`: the next step, `wait_s` seconds after the failure.
    `look_first`: search the account's recent jobs before the step; a job that is found is collected instead.
    `look_for_s`: the time of that search; create again only if the list shows that the call made no job.
    `cooldown_s`: the time for which no page asks the provider.
    `switch_off`: no page asks the provider in this build.
    `warn`: log the switched off provider as a warning, since only the site's owner can mend it.
    `forget`: delete the call or job from the journal, since there is no job to collect or to look for.
    `log_prompt`: write the prompt into the cache's `rejected.jsonl`.
    """

    step: Step
    wait_s: float = 0.0
    look_first: bool = False
    look_for_s: float = 0.0
    cooldown_s: float = 0.0
    switch_off: bool = False
    warn: bool = False
    forget: bool = True
    log_prompt: bool = False


def decide(error: ProviderError, *, calls: int, can_look: bool) -> Decision:  # noqa: C901, PLR0911 - one return per row of the table
    """Decide on `error` after `calls` create calls at this provider (0: a job of an earlier build).

    `can_look`: the account has a list of jobs. A create call without an answer is repeated only if its list has no job
    of the call. After a 5xx, a call is repeated once unless the list shows its job. Without a list, a `ServerError`
    alone has its call repeated. Both calls count as spent. A job that may be paid for is forgotten only when the
    service calls the job failed or unknown.
    """
    may_have_job = calls == 0 or error.charged is not Charged.NO
    match error:
        case RateLimited():
            return Decision(
                Step.NEXT_PROVIDER, cooldown_s=choose_cooldown_s(error.retry_after_s), forget=not may_have_job
            )
        case ServiceFailed(charged=Charged.NO) if calls > 0:
            return _repeat(calls)
        case NoAnswer(charged=Charged.UNKNOWN) if calls > 0 and can_look:
            return Decision(
                _choose_repeat(calls), wait_s=RETRY_WAIT_S, look_first=True, look_for_s=SEARCH_S, forget=False
            )
        case ServiceFailed(charged=Charged.UNKNOWN) if calls > 0 and can_look:
            return Decision(_choose_repeat(calls), wait_s=RETRY_WAIT_S, look_first=True, forget=False)
        case ServerError(charged=Charged.UNKNOWN) if calls > 0:
            # Caps and report count the call. Without a list, there is nothing to collect.
            return _repeat(calls)
        case AccountRefused():
            return Decision(Step.NEXT_PROVIDER, switch_off=True, forget=not may_have_job)
        case PromptRefused():
            return Decision(Step.STOP, log_prompt=True)
        case JobFailed() | JobEmpty():
            return Decision(Step.NEXT_PROVIDER, log_prompt=True)
        case JobUnknown():
            # A service that keeps its jobs may know this one again in a moment.
            step = Step.CREATE_AGAIN if calls == 0 and not can_look else Step.NEXT_PROVIDER
            return Decision(step, forget=not can_look)
        case PictureElsewhere():
            # This provider's pictures would be paid for and not fetched, and paid for again at the next provider.
            return Decision(Step.NEXT_PROVIDER, switch_off=True, warn=True, forget=False)
        case ServiceFailed() | JobUnfinished():
            return Decision(Step.NEXT_PROVIDER, forget=False)
        case _:
            # RequestRefused, and the errors of other packages' providers.
            return Decision(Step.NEXT_PROVIDER, forget=not may_have_job)


def _repeat(calls: int) -> Decision:
    """Decide to create once more after a wait, or to ask the next provider."""
    step = _choose_repeat(calls)
    return Decision(step, wait_s=RETRY_WAIT_S if step is Step.CREATE_AGAIN else 0.0)


def _choose_repeat(calls: int) -> Step:
    return Step.CREATE_AGAIN if calls < MAX_CALLS else Step.NEXT_PROVIDER


def choose_cooldown_s(retry_after_s: float | None) -> float:
    """Return the cooldown of a provider that refuses requests, or seems to be down (seconds)."""
    # `nan >= 0` is false, and leads to the default.
    return (
        min(retry_after_s, LONGEST_COOLDOWN_S)
        if retry_after_s is not None and retry_after_s >= 0
        else DEFAULT_COOLDOWN_S
    )
