"""When a service is left alone, and when it is asked again."""

from __future__ import annotations

from dataclasses import dataclass

from mkdocs_leonardo.team.breaker import OPEN_S, CircuitBreaker


@dataclass
class Watch:
    """Time that passes when a test says so (seconds)."""

    now_s: float = 0.0

    def __call__(self) -> float:
        """What time it is."""
        return self.now_s


def fail(breaker: CircuitBreaker, times: int) -> None:
    """So many failures, one after the other."""
    for _ in range(times):
        breaker.record_failure(breaker.begin())


def test_breaker_calls_that_fail_together_count_once() -> None:
    """A line that breaks under thirty calls has broken once."""
    breaker = CircuitBreaker(3, monotonic=Watch())
    breaker.record_success()
    for begun in [breaker.begin() for _ in range(30)]:
        breaker.record_failure(begun)

    assert breaker.may_call()
    fail(breaker, 2)
    assert not breaker.may_call()


def test_breaker_lets_one_call_find_out_whether_the_service_is_back() -> None:
    """After a rest, one of those that ask; all of them when it has answered."""
    watch = Watch()
    breaker = CircuitBreaker(3, monotonic=watch)
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
    """An address with a slip in it costs a build one wait; any answer shows that the service is there."""
    watch = Watch()
    breaker = CircuitBreaker(3, monotonic=watch)
    assert breaker.may_call()
    fail(breaker, 1)
    watch.now_s += OPEN_S
    assert not breaker.may_call()

    breaker.has_answered = True
    assert breaker.may_call()
