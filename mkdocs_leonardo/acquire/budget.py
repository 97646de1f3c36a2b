"""The caps of one build: reserved before a create call and settled after the call, so that no build exceeds a cap."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: The tolerance for rounding errors in sums of floats: a millionth of a cent.
_SLACK_USD = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """The right to submit one paid job at `estimate_usd`. Equal only to itself."""

    estimate_usd: float


class Budget:
    """The create calls and dollars of one build, counted against its caps. One thread at a time may call it.

    Each retry and each fallback has a reservation of its own.

    | after            | the call counts                        | at                                |
    |------------------|----------------------------------------|-----------------------------------|
    | `reserve`        | yes                                    | its estimate                      |
    | `mark_uncertain` | yes, and as uncertain                  | its estimate                      |
    | `settle`         | yes                                    | the cost that the service states  |
    | `zero_cost`      | yes                                    | $0                                |
    | `count_only_at`  | against later calls to one provider    | its estimate                      |
    | `void`           | no                                     | nothing                           |

    `zero_cost`, `count_only_at` and `void` change nothing the second time.
    """

    def __init__(self, *, max_new_images: int, max_cost_usd: float | None) -> None:
        self._max_new_images = max_new_images
        self._max_cost_usd = max_cost_usd
        self._standing_usd: dict[Reservation, float] = {}
        self._uncertain: set[Reservation] = set()
        self._ruled_out: dict[str, list[float]] = {}

    def replace_caps(self, *, max_new_images: int, max_cost_usd: float | None) -> None:
        """Replace the caps. Earlier reservations stay, and count against the new caps."""
        self._max_new_images = max_new_images
        self._max_cost_usd = max_cost_usd

    @property
    def new_images(self) -> int:
        """The number of create calls that count, sent or reserved."""
        return len(self._standing_usd)

    @property
    def cost_usd(self) -> float:
        """The total cost of the create calls that count, each at its stated cost or its estimate. At least 0."""
        return math.fsum(self._standing_usd.values())

    @property
    def uncertain(self) -> int:
        """The number of create calls that may have been charged without a picture."""
        return len(self._uncertain)

    def sum_costs(self, reservations: Iterable[Reservation]) -> float:
        """Return the total cost of the `reservations` that count. At least 0."""
        return math.fsum(self._standing_usd.get(reservation, 0.0) for reservation in reservations)

    def would_fit(self, estimate_usd: float, provider: str = "") -> bool:
        """Return whether `reserve` would grant one more create call at `estimate_usd`."""
        hidden = self._ruled_out.get(provider, [])
        if self.new_images + len(hidden) + 1 > self._max_new_images:
            return False
        spent_usd = self.cost_usd + math.fsum(hidden)
        return self._max_cost_usd is None or (
            _is_money(estimate_usd) and spent_usd + estimate_usd <= self._max_cost_usd + _SLACK_USD
        )

    def reserve(self, estimate_usd: float, provider: str = "") -> Reservation | None:
        """Reserve one more create call at `estimate_usd` to `provider`; None if a cap would be exceeded.

        Under a cap on the cost, an estimate that is not a sum of money (negative, infinite, not a number) never fits.
        """
        if not self.would_fit(estimate_usd, provider):
            return None
        reservation = Reservation(estimate_usd if _is_money(estimate_usd) else 0.0)
        self._standing_usd[reservation] = reservation.estimate_usd
        return reservation

    def settle(self, reservation: Reservation, cost_usd: float | None) -> float:
        """Count the create call at the cost that the service stated; returns the cost that counts now.

        None, or a cost that is not a sum of money, changes nothing, so that no response can lift a cap.
        A void reservation counts again if its job was paid for.
        """
        if cost_usd is None or not _is_money(cost_usd):
            cost_usd = self._standing_usd.get(reservation, reservation.estimate_usd)
        self._standing_usd[reservation] = cost_usd
        self._uncertain.discard(reservation)
        return cost_usd

    def mark_uncertain(self, reservation: Reservation) -> None:
        """Count the create call as uncertain: the service may have charged for the call without a picture."""
        if reservation in self._standing_usd:
            self._uncertain.add(reservation)

    def zero_cost(self, reservation: Reservation) -> None:
        """Count the create call at $0, since the service charged nothing."""
        if reservation in self._standing_usd:
            self._standing_usd[reservation] = 0.0

    def void(self, reservation: Reservation) -> None:
        """Stop counting the create call, which was never sent, or certainly made no job."""
        self._standing_usd.pop(reservation, None)
        self._uncertain.discard(reservation)

    def count_only_at(self, reservation: Reservation, provider: str) -> None:
        """Stop counting a create call that made no job, except against later calls to `provider`.

        One build then never calls `provider` more often than a cap allows.
        """
        if reservation in self._standing_usd:
            self._ruled_out.setdefault(provider, []).append(self._standing_usd[reservation])
        self.void(reservation)


def _is_money(amount_usd: float) -> bool:
    return math.isfinite(amount_usd) and amount_usd >= 0
