"""Each row of the failure table, each class of error, and the promise that no doubt is paid for twice."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.acquire.failover import (
    DEFAULT_COOLDOWN_S,
    MAX_CALLS,
    MAX_COOLDOWN_S,
    RETRY_WAIT_S,
    Decision,
    Step,
    decide,
)
from mkdocs_leonardo.errors import (
    AccountRefused,
    Charged,
    JobEmpty,
    JobFailed,
    JobUnfinished,
    JobUnknown,
    ListUnclear,
    NoAnswer,
    NotAsked,
    NotSetUp,
    PictureElsewhere,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServerError,
    ServiceFailed,
)

#: What follows from each class after one create call that was not charged, at a provider that lists its jobs.
AFTER_ONE_FREE_CREATE: dict[type[ProviderError], Decision] = {
    ProviderError: Decision(Step.NEXT_PROVIDER),
    RateLimited: Decision(Step.NEXT_PROVIDER, cooldown_s=DEFAULT_COOLDOWN_S),
    ServerError: Decision(Step.CREATE_AGAIN, wait_s=RETRY_WAIT_S),
    ServiceFailed: Decision(Step.CREATE_AGAIN, wait_s=RETRY_WAIT_S),
    NoAnswer: Decision(Step.CREATE_AGAIN, wait_s=RETRY_WAIT_S),
    ListUnclear: Decision(Step.CREATE_AGAIN, wait_s=RETRY_WAIT_S),
    NotSetUp: Decision(Step.NEXT_PROVIDER, switch_off=True),
    AccountRefused: Decision(Step.NEXT_PROVIDER, switch_off=True),
    PromptRefused: Decision(Step.STOP, log_prompt=True),
    RequestRefused: Decision(Step.NEXT_PROVIDER),
    JobFailed: Decision(Step.NEXT_PROVIDER, log_prompt=True),
    JobEmpty: Decision(Step.NEXT_PROVIDER, log_prompt=True),
    JobUnfinished: Decision(Step.NEXT_PROVIDER, forget=False),
    NotAsked: Decision(Step.NEXT_PROVIDER, forget=False),
    PictureElsewhere: Decision(Step.NEXT_PROVIDER, switch_off=True, warn=True, forget=False),
    JobUnknown: Decision(Step.NEXT_PROVIDER, forget=False),
}
#: The only answers that end a job which may be paid for.
FINAL = (PromptRefused, JobFailed, JobEmpty, JobUnknown)


def family(kind: type[ProviderError]) -> Iterator[type[ProviderError]]:
    """`kind` and everything of the package that descends from it."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__.startswith("mkdocs_leonardo"):
            yield from family(child)


def after(
    kind: type[ProviderError],
    *,
    calls: int = 1,
    can_look: bool = True,
    charged: Charged = Charged.NO,
    retry_after_s: float | None = None,
) -> Decision:
    """What follows from an error of `kind`."""
    error = kind("it went wrong", provider="leonardo", charged=charged, retry_after_s=retry_after_s)
    return decide(error, calls=calls, can_look=can_look)


kinds = st.sampled_from(sorted(family(ProviderError), key=lambda kind: kind.__name__))
anything = {
    "kind": kinds,
    "calls": st.integers(0, 9),
    "can_look": st.booleans(),
    "charged": st.sampled_from(Charged),
    "retry_after_s": st.none() | st.floats(),
}


def test_table_names_every_provider_error() -> None:
    """A new class of error cannot be forgotten here: it needs a row."""
    assert set(family(ProviderError)) == set(AFTER_ONE_FREE_CREATE)


@pytest.mark.parametrize("kind", AFTER_ONE_FREE_CREATE, ids=lambda kind: kind.__name__)
def test_decide_after_one_free_create_is_the_table_row(kind: type[ProviderError]) -> None:
    """Each class of error has exactly its own consequence."""
    assert after(kind) == AFTER_ONE_FREE_CREATE[kind]


@pytest.mark.parametrize(
    ("retry_after_s", "cooldown_s"),
    [
        (None, 60.0),
        (7.5, 7.5),
        (0.0, 0.0),
        (MAX_COOLDOWN_S + 1, MAX_COOLDOWN_S),
        (math.inf, MAX_COOLDOWN_S),
        (-5.0, 60.0),
        (math.nan, 60.0),
    ],
)
def test_decide_on_a_rate_limit_rests_as_long_as_was_asked(retry_after_s: float | None, cooldown_s: float) -> None:
    """`Retry-After` is honoured up to an hour; without a usable one it is a minute. No retry, no wait."""
    assert after(RateLimited, retry_after_s=retry_after_s) == Decision(Step.NEXT_PROVIDER, cooldown_s=cooldown_s)


@pytest.mark.parametrize("charged", [Charged.UNKNOWN, Charged.NO])
def test_decide_on_a_second_failed_create_never_creates_a_third_time(charged: Charged) -> None:
    """Once more means once more."""
    assert after(ServiceFailed, calls=MAX_CALLS, charged=charged).step is Step.NEXT_PROVIDER


def test_decide_on_a_create_of_unknown_outcome_looks_before_it_creates_again() -> None:
    """The account's list is read after two seconds; the intent stays until it has been."""
    decision = after(ServiceFailed, charged=Charged.UNKNOWN)

    assert decision == Decision(Step.CREATE_AGAIN, wait_s=2.0, look_first=True, forget=False)


def test_decide_on_a_second_create_of_unknown_outcome_looks_before_it_moves_on() -> None:
    """The second one may have been accepted as well."""
    decision = after(ServiceFailed, calls=2, charged=Charged.UNKNOWN)

    assert decision == Decision(Step.NEXT_PROVIDER, wait_s=2.0, look_first=True, forget=False)


@pytest.mark.parametrize(("calls", "step"), [(1, Step.CREATE_AGAIN), (2, Step.NEXT_PROVIDER)])
def test_decide_on_a_create_without_an_answer_looks_for_ten_seconds_before_anything_else(
    calls: int, step: Step
) -> None:
    """The call may be carried out late, and the list may lag behind it."""
    decision = after(NoAnswer, calls=calls, charged=Charged.UNKNOWN)

    assert decision == Decision(step, wait_s=2.0, look_first=True, look_for_s=10.0, forget=False)


def test_decide_on_a_create_without_an_answer_and_without_a_list_moves_on_and_keeps_the_intent() -> None:
    """A picture that may be made, and that no list will show, is not bought again."""
    decision = after(ServiceFailed, can_look=False, charged=Charged.UNKNOWN)

    assert decision == Decision(Step.NEXT_PROVIDER, forget=False)


@pytest.mark.parametrize(("calls", "step"), [(1, Step.CREATE_AGAIN), (2, Step.NEXT_PROVIDER)])
def test_decide_on_a_server_error_without_a_list_repeats_the_call_once(calls: int, step: Step) -> None:
    """Both calls stand in caps and report; the journal has nothing to collect."""
    decision = after(ServerError, calls=calls, can_look=False, charged=Charged.UNKNOWN)

    assert decision == Decision(step, wait_s=RETRY_WAIT_S if calls == 1 else 0.0)


def test_decide_on_a_failure_after_payment_keeps_the_job_and_moves_on() -> None:
    """A service that fails after it accepted is not sent a second create."""
    assert after(ServiceFailed, charged=Charged.YES) == Decision(Step.NEXT_PROVIDER, forget=False)


def test_decide_on_an_uncharged_failure_needs_no_list() -> None:
    """Nothing was sent, so nothing has to be looked for."""
    assert after(ServiceFailed, can_look=False) == Decision(Step.CREATE_AGAIN, wait_s=2.0)


def test_decide_on_a_refused_key_while_collecting_keeps_the_job() -> None:
    """The key may be mended by the next build, and the picture is paid for."""
    assert after(AccountRefused, calls=0) == Decision(Step.NEXT_PROVIDER, switch_off=True, forget=False)


def test_decide_on_a_job_unknown_to_the_service_keeps_it_where_jobs_are_kept() -> None:
    """Its answers may lag behind itself; a service that keeps no jobs has lost the picture, which is made anew."""
    assert after(JobUnknown, calls=0) == Decision(Step.NEXT_PROVIDER, forget=False)
    assert after(JobUnknown, calls=0, can_look=False) == Decision(Step.CREATE_AGAIN)


@given(**anything)
def test_decide_never_creates_again_where_a_job_may_be_paid(
    *, kind: type[ProviderError], calls: int, can_look: bool, charged: Charged, retry_after_s: float | None
) -> None:
    """A second create needs proof (nothing charged, a look first, no such job), or a 5xx where there is no list."""
    decision = after(kind, calls=calls, can_look=can_look, charged=charged, retry_after_s=retry_after_s)

    if decision.step is Step.CREATE_AGAIN:
        assert calls < MAX_CALLS
        uncharged = calls > 0 and charged is Charged.NO
        answered = kind is ServerError and calls > 0 and not can_look
        assert uncharged or (decision.look_first and can_look) or kind is JobUnknown or answered


@given(**anything)
def test_decide_never_forgets_a_job_that_may_be_paid(
    *, kind: type[ProviderError], calls: int, can_look: bool, charged: Charged, retry_after_s: float | None
) -> None:
    """An earlier build's job, and whatever may be charged, stays in the journal until the service says it is over."""
    decision = after(kind, calls=calls, can_look=can_look, charged=charged, retry_after_s=retry_after_s)

    without_list = kind is ServerError and calls > 0 and charged is Charged.UNKNOWN and not can_look
    if kind not in FINAL and not without_list and (calls == 0 or charged is not Charged.NO):
        assert not decision.forget


@given(**anything)
def test_decide_asks_for_waits_that_a_build_can_bear(
    *, kind: type[ProviderError], calls: int, can_look: bool, charged: Charged, retry_after_s: float | None
) -> None:
    """Times are finite and not negative, whatever a service asks for; only a rate limit makes a provider rest."""
    decision = after(kind, calls=calls, can_look=can_look, charged=charged, retry_after_s=retry_after_s)

    assert decision.wait_s in {0.0, RETRY_WAIT_S}
    assert 0 <= decision.cooldown_s <= MAX_COOLDOWN_S
    assert decision.cooldown_s == 0 or kind is RateLimited
    assert decision.switch_off == (kind in {AccountRefused, NotSetUp, PictureElsewhere})
    assert decision.warn == (kind is PictureElsewhere)


@given(errors=st.lists(st.tuples(kinds, st.sampled_from(Charged), st.booleans()), min_size=3, max_size=9))
def test_decide_leads_every_sequence_of_errors_out_of_one_provider(
    errors: list[tuple[type[ProviderError], Charged, bool]],
) -> None:
    """Whatever a provider answers, it is left after two create calls at most."""
    calls = 0
    for kind, charged, can_look in errors:
        calls += 1
        if after(kind, calls=calls, charged=charged, can_look=can_look).step is not Step.CREATE_AGAIN:
            break

    assert calls <= MAX_CALLS
