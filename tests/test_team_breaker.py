"""The circuit breaker of the object store."""

from __future__ import annotations

from dataclasses import dataclass

from mkdocs_leonardo.team.object_store import OPEN_S, CircuitBreaker


@dataclass
class Watch:
    """A stopwatch that a test moves, in seconds."""

    now_s: float = 0.0

    def __call__(self) -> float:
        """The time of the stopwatch."""
        return self.now_s


def fail(breaker: CircuitBreaker, times: int) -> None:
    """Failed calls, one after the other."""
    for _ in range(times):
        breaker.record_failure(breaker.begin())


def test_breaker_calls_that_fail_together_count_once() -> None:
    """Simultaneous failed calls count as one failure."""
    breaker = CircuitBreaker(Watch())
    breaker.record_success()
    for begun in [breaker.begin() for _ in range(30)]:
        breaker.record_failure(begun)

    assert breaker.may_call()
    fail(breaker, 2)
    assert not breaker.may_call()


def test_breaker_lets_one_call_find_out_whether_the_service_is_back() -> None:
    """After its rest, the breaker lets one call through, and all calls once that one is answered."""
    watch = Watch()
    breaker = CircuitBreaker(watch)
    breaker.record_success()
    fail(breaker, 3)

    watch.now_s += OPEN_S
    assert [breaker.may_call() for _ in range(3)] == [True, False, False]
    breaker.record_failure(breaker.begin())
    assert not breaker.may_call()
    watch.now_s += OPEN_S
    assert breaker.may_call()
    breaker.record_success()
    assert [breaker.may_call() for _ in range(3)] == [True] * 3


def test_breaker_asks_a_service_that_never_answered_no_second_time() -> None:
    """A service that never answered is asked once; any answer counts."""
    watch = Watch()
    breaker = CircuitBreaker(watch)
    assert breaker.may_call()
    fail(breaker, 1)
    watch.now_s += OPEN_S
    assert not breaker.may_call()

    breaker.has_answered = True
    assert breaker.may_call()
