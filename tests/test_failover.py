"""The failure table by class of error, and its promise that no doubtful call is paid for twice."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.acquire.failover import (
    DEFAULT_COOLDOWN_S,
    MAX_CALLS,
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
    NotSetUp,
    PictureElsewhere,
    PollFailed,
    PromptRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    ServerError,
    ServiceFailed,
)
from mkdocs_leonardo.storage.limits import LONGEST_COOLDOWN_S

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
    PollFailed: Decision(Step.NEXT_PROVIDER, forget=False),
    PictureElsewhere: Decision(Step.NEXT_PROVIDER, switch_off=True, warn=True, forget=False),
    JobUnknown: Decision(Step.NEXT_PROVIDER, forget=False),
}
#: The only answers that end a job which may be paid for.
FINAL = (PromptRefused, JobFailed, JobEmpty, JobUnknown)


def family(kind: type[ProviderError]) -> Iterator[type[ProviderError]]:
    """`kind` and every subclass of it in the package."""
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
    """The decision after an error of `kind`."""
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
    """The table has a row for every class of provider error."""
    assert set(family(ProviderError)) == set(AFTER_ONE_FREE_CREATE)


@pytest.mark.parametrize("kind", AFTER_ONE_FREE_CREATE, ids=lambda kind: kind.__name__)
def test_decide_after_one_free_create_is_the_table_row(kind: type[ProviderError]) -> None:
    """The decision after one free create call is the table's row for the error."""
    assert after(kind) == AFTER_ONE_FREE_CREATE[kind]


@pytest.mark.parametrize(
    ("retry_after_s", "cooldown_s"),
    [
        (None, 60.0),
        (7.5, 7.5),
        (0.0, 0.0),
        (LONGEST_COOLDOWN_S + 1, LONGEST_COOLDOWN_S),
        (math.inf, LONGEST_COOLDOWN_S),
        (-5.0, 60.0),
        (math.nan, 60.0),
    ],
)
def test_decide_on_a_rate_limit_rests_as_long_as_was_asked(retry_after_s: float | None, cooldown_s: float) -> None:
    """A rate limit rests the provider for `Retry-After`, up to an hour, else for a minute, without a retry."""
    assert after(RateLimited, retry_after_s=retry_after_s) == Decision(Step.NEXT_PROVIDER, cooldown_s=cooldown_s)


@pytest.mark.parametrize("kind", [ServiceFailed, ServerError, NoAnswer, ListUnclear])
def test_failure_that_states_no_charge_may_have_been_charged(kind: type[ServiceFailed]) -> None:
    """A service that fails may have made the job, unless its provider is certain that it did not."""
    error = kind("it went wrong", provider="acme")

    assert error.charged is Charged.UNKNOWN
    assert decide(ServiceFailed("it went wrong", provider="acme"), calls=1, can_look=False).step is Step.NEXT_PROVIDER


@pytest.mark.parametrize("charged", [Charged.UNKNOWN, Charged.NO])
def test_decide_on_a_second_failed_create_never_creates_a_third_time(charged: Charged) -> None:
    """A second failed create call moves on to the next provider."""
    assert after(ServiceFailed, calls=MAX_CALLS, charged=charged).step is Step.NEXT_PROVIDER


def test_decide_on_a_create_of_unknown_outcome_looks_before_it_creates_again() -> None:
    """A create call of unknown outcome keeps its intent, and the account's list is read after two seconds."""
    decision = after(ServiceFailed, charged=Charged.UNKNOWN)

    assert decision == Decision(Step.CREATE_AGAIN, wait_s=2.0, look_first=True, forget=False)


def test_decide_on_a_second_create_of_unknown_outcome_looks_before_it_moves_on() -> None:
    """A second create call of unknown outcome reads the list before it moves on."""
    decision = after(ServiceFailed, calls=2, charged=Charged.UNKNOWN)

    assert decision == Decision(Step.NEXT_PROVIDER, wait_s=2.0, look_first=True, forget=False)


@pytest.mark.parametrize(("calls", "step"), [(1, Step.CREATE_AGAIN), (2, Step.NEXT_PROVIDER)])
def test_decide_on_a_create_without_an_answer_looks_for_ten_seconds_before_anything_else(
    calls: int, step: Step
) -> None:
    """A create call without an answer is looked for in the list for ten seconds."""
    decision = after(NoAnswer, calls=calls, charged=Charged.UNKNOWN)

    assert decision == Decision(step, wait_s=2.0, look_first=True, look_for_s=10.0, forget=False)


def test_decide_on_a_create_without_an_answer_and_without_a_list_moves_on_and_keeps_the_intent() -> None:
    """A create call without an answer and a list keeps its intent and moves on to the next provider."""
    decision = after(ServiceFailed, can_look=False, charged=Charged.UNKNOWN)

    assert decision == Decision(Step.NEXT_PROVIDER, forget=False)


@pytest.mark.parametrize(("calls", "step"), [(1, Step.CREATE_AGAIN), (2, Step.NEXT_PROVIDER)])
def test_decide_on_a_server_error_without_a_list_repeats_the_call_once(calls: int, step: Step) -> None:
    """A server error without a list repeats the call once, and both calls count as spent."""
    decision = after(ServerError, calls=calls, can_look=False, charged=Charged.UNKNOWN)

    assert decision == Decision(step, wait_s=RETRY_WAIT_S if calls == 1 else 0.0)


def test_decide_on_a_failure_after_payment_keeps_the_job_and_moves_on() -> None:
    """A failure after acceptance keeps the job and moves on without a second create call."""
    assert after(ServiceFailed, charged=Charged.YES) == Decision(Step.NEXT_PROVIDER, forget=False)


def test_decide_on_an_uncharged_failure_needs_no_list() -> None:
    """A failure without a charge creates again without reading the list."""
    assert after(ServiceFailed, can_look=False) == Decision(Step.CREATE_AGAIN, wait_s=2.0)


def test_decide_on_a_refused_key_while_collecting_keeps_the_job() -> None:
    """A refused key while collecting keeps the paid job."""
    assert after(AccountRefused, calls=0) == Decision(Step.NEXT_PROVIDER, switch_off=True, forget=False)


def test_decide_on_a_job_unknown_to_the_service_keeps_it_where_jobs_are_kept() -> None:
    """An unknown job is kept if the service keeps jobs, else it is made anew."""
    assert after(JobUnknown, calls=0) == Decision(Step.NEXT_PROVIDER, forget=False)
    assert after(JobUnknown, calls=0, can_look=False) == Decision(Step.CREATE_AGAIN)


@given(**anything)
def test_decide_never_creates_again_where_a_job_may_be_paid(
    *, kind: type[ProviderError], calls: int, can_look: bool, charged: Charged, retry_after_s: float | None
) -> None:
    """A second create call needs a failure without a charge and a read list, or a 5xx of a service without one."""
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
    """A job that may be charged stays in the journal until the service says that it is over."""
    decision = after(kind, calls=calls, can_look=can_look, charged=charged, retry_after_s=retry_after_s)

    without_list = kind is ServerError and calls > 0 and charged is Charged.UNKNOWN and not can_look
    if kind not in FINAL and not without_list and (calls == 0 or charged is not Charged.NO):
        assert not decision.forget


@given(**anything)
def test_decide_asks_for_waits_that_a_build_can_bear(
    *, kind: type[ProviderError], calls: int, can_look: bool, charged: Charged, retry_after_s: float | None
) -> None:
    """Waits are finite and not negative, and only a rate limit rests a provider."""
    decision = after(kind, calls=calls, can_look=can_look, charged=charged, retry_after_s=retry_after_s)

    assert decision.wait_s in {0.0, RETRY_WAIT_S}
    assert 0 <= decision.cooldown_s <= LONGEST_COOLDOWN_S
    assert decision.cooldown_s == 0 or kind is RateLimited
    assert decision.switch_off == (kind in {AccountRefused, NotSetUp, PictureElsewhere})
    assert decision.warn == (kind is PictureElsewhere)


@given(errors=st.lists(st.tuples(kinds, st.sampled_from(Charged), st.booleans()), min_size=3, max_size=9))
def test_decide_leads_every_sequence_of_errors_out_of_one_provider(
    errors: list[tuple[type[ProviderError], Charged, bool]],
) -> None:
    """Every sequence of errors leaves a provider after at most two create calls."""
    calls = 0
    for kind, charged, can_look in errors:
        calls += 1
        if after(kind, calls=calls, charged=charged, can_look=can_look).step is not Step.CREATE_AGAIN:
            break

    assert calls <= MAX_CALLS
