"""The caps of one build: every order of reservations, settlements and returns keeps them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from mkdocs_leonardo.acquire.budget import Budget, Reservation

#: What two sums of the same dollars may differ by.
CENT_DUST = 1e-7

estimates = st.floats(0, 0.5, allow_nan=False)


class CapsUnderAnyInterleaving(RuleBasedStateMachine):
    """Pages reserve, settle, zero the cost and void in any order, beside a ledger to compare with."""

    granted = Bundle("granted")

    def __init__(self) -> None:
        super().__init__()
        self.max_new_images = 6
        self.max_cost_usd = 1.0
        self.budget = Budget(max_new_images=self.max_new_images, max_cost_usd=self.max_cost_usd)
        self.ledger: dict[Reservation, float] = {}

    @rule(target=granted, estimate_usd=estimates)
    def reserve(self, estimate_usd: float) -> Reservation | None:
        """A granted reservation fits the caps, and a refused one would not."""
        fits_number = len(self.ledger) < self.max_new_images
        total_usd = sum(self.ledger.values()) + estimate_usd
        would_fit = self.budget.would_fit(estimate_usd)
        reservation = self.budget.reserve(estimate_usd)
        assert would_fit == (reservation is not None)
        if reservation is not None:
            assert fits_number
            assert total_usd <= self.max_cost_usd + CENT_DUST
            self.ledger[reservation] = estimate_usd
        else:
            assert not fits_number or total_usd > self.max_cost_usd - CENT_DUST
        return reservation

    @rule(reservation=consumes(granted))
    def settle_without_statement(self, reservation: Reservation | None) -> None:
        """A settlement without a stated cost changes no amount."""
        if reservation is not None:
            assert self.budget.settle(reservation, None) == self.ledger[reservation]

    @rule(reservation=granted, stated_usd=estimates)
    def settle_at_statement(self, reservation: Reservation | None, stated_usd: float) -> None:
        """A stated cost replaces the estimate or an earlier statement."""
        if reservation is not None:
            assert self.budget.settle(reservation, stated_usd) == stated_usd
            self.ledger[reservation] = stated_usd

    @rule(reservation=consumes(granted))
    def zero_cost(self, reservation: Reservation | None) -> None:
        """A job that was not charged returns its money, and the submission still counts."""
        if reservation is not None:
            self.budget.zero_cost(reservation)
            self.ledger[reservation] = 0.0

    @rule(reservation=consumes(granted), times=st.integers(1, 3))
    def void(self, reservation: Reservation | None, times: int) -> None:
        """A submission that was not sent returns money and number, once."""
        if reservation is not None:
            for _ in range(times):
                self.budget.void(reservation)
            del self.ledger[reservation]

    @invariant()
    def the_count_is_true_and_within_its_cap(self) -> None:
        """The budget counts each submission, and no more than its cap."""
        assert self.budget.new_images == len(self.ledger) <= self.max_new_images

    @invariant()
    def the_cost_is_true(self) -> None:
        """The budget's cost is the ledger's."""
        assert self.budget.cost_usd == pytest.approx(sum(self.ledger.values()), abs=CENT_DUST)


TestCapsUnderAnyInterleaving = CapsUnderAnyInterleaving.TestCase


def test_reserve_at_the_number_cap_is_refused() -> None:
    """The budget refuses a submission beyond `max_new_images`."""
    budget = Budget(max_new_images=2, max_cost_usd=None)

    granted = [budget.reserve(0.01) is not None for _ in range(3)]

    assert granted == [True, True, False]


def test_reserve_with_no_new_images_allowed_is_refused_even_for_nothing() -> None:
    """`max_new_images: 0` refuses every submission, free ones included."""
    assert Budget(max_new_images=0, max_cost_usd=None).reserve(0.0) is None


def test_reserve_with_no_money_allowed_grants_only_what_is_free() -> None:
    """`max_cost_usd: 0` refuses every submission that costs something."""
    budget = Budget(max_new_images=9, max_cost_usd=0.0)

    assert budget.reserve(0.001) is None
    assert budget.reserve(0.0) is not None


@given(estimate_usd=st.floats(1e-4, 10), pictures=st.integers(1, 60))
def test_reserve_of_what_exactly_fits_is_granted_to_the_last_one(estimate_usd: float, pictures: int) -> None:
    """A cap of n times the estimate buys n pictures and not one more, however floats round."""
    budget = Budget(max_new_images=1000, max_cost_usd=pictures * estimate_usd)

    granted = sum(budget.reserve(estimate_usd) is not None for _ in range(pictures + 1))

    assert granted == pictures


def test_reserve_after_ten_thousand_zero_costs_still_fits_exactly() -> None:
    """Returned costs leave no rounding error that refuses the last cent or shows as -$0.00."""
    budget = Budget(max_new_images=10_001, max_cost_usd=0.3)
    for count in range(10_000):
        reservation = budget.reserve(0.1)
        assert reservation is not None
        if count % 2:
            budget.zero_cost(reservation)
        else:
            budget.void(reservation)

    assert f"{budget.cost_usd:.2f}" == "0.00"
    assert [budget.reserve(0.1) is not None for _ in range(4)] == [True, True, True, False]


def test_reserve_with_what_is_stated_above_the_estimate_leaves_less_room() -> None:
    """A stated cost above the estimate leaves less room for the next submission."""
    budget = Budget(max_new_images=9, max_cost_usd=0.10)
    first = budget.reserve(0.03)
    assert first is not None

    budget.settle(first, 0.08)

    assert budget.reserve(0.03) is None
    assert budget.reserve(0.02) is not None


def test_reserve_with_an_outcome_unknown_counts_it_as_paid() -> None:
    """A reservation with an unknown outcome keeps its number and its money."""
    budget = Budget(max_new_images=9, max_cost_usd=0.05)
    budget.reserve(0.03)

    assert budget.reserve(0.03) is None
    assert budget.cost_usd == pytest.approx(0.03)


@pytest.mark.parametrize("estimate_usd", [math.nan, math.inf, -1.0])
def test_reserve_of_an_estimate_that_is_no_money_never_fits_under_a_cost_cap(estimate_usd: float) -> None:
    """An estimate that is no amount is refused under a cost cap, and does not change the sum."""
    budget = Budget(max_new_images=9, max_cost_usd=5.0)

    assert budget.reserve(estimate_usd) is None
    assert budget.cost_usd == 0


@pytest.mark.parametrize("stated_usd", [math.nan, math.inf, -100.0])
def test_settle_with_a_statement_that_is_no_money_keeps_the_estimate(stated_usd: float) -> None:
    """A stated cost of NaN or below zero leaves the estimate in force."""
    budget = Budget(max_new_images=9, max_cost_usd=0.05)
    reservation = budget.reserve(0.03)
    assert reservation is not None

    counted_usd = budget.settle(reservation, stated_usd)

    assert counted_usd == 0.03
    assert budget.reserve(0.03) is None


def test_settle_twice_counts_the_last_word_once() -> None:
    """A cost that is stated at acceptance and again on delivery counts once."""
    budget = Budget(max_new_images=9, max_cost_usd=None)
    reservation = budget.reserve(0.03)
    assert reservation is not None

    budget.settle(reservation, 0.05)
    budget.settle(reservation, 0.04)
    budget.settle(reservation, None)

    assert budget.cost_usd == pytest.approx(0.04)


def test_settle_after_void_counts_the_job_again() -> None:
    """A voided job that proves to be paid counts again in number and cost."""
    budget = Budget(max_new_images=1, max_cost_usd=None)
    reservation = budget.reserve(0.03)
    assert reservation is not None
    budget.void(reservation)

    budget.settle(reservation, None)

    assert (budget.new_images, budget.cost_usd) == (1, 0.03)
    assert budget.reserve(0.03) is None


def test_zero_cost_of_a_settled_job_gives_back_what_was_stated() -> None:
    """A settled job that was not charged returns its stated cost."""
    budget = Budget(max_new_images=9, max_cost_usd=None)
    reservation = budget.reserve(0.03)
    assert reservation is not None
    budget.settle(reservation, 0.08)

    budget.zero_cost(reservation)

    assert (budget.new_images, budget.cost_usd) == (1, 0.0)


def test_void_of_one_of_two_equal_reservations_leaves_the_other() -> None:
    """Voiding one of two equal reservations leaves the other in force."""
    budget = Budget(max_new_images=2, max_cost_usd=None)
    first, second = budget.reserve(0.03), budget.reserve(0.03)
    assert first is not None
    assert second is not None

    budget.void(first)
    budget.void(first)

    assert (budget.new_images, budget.cost_usd) == (1, 0.03)
