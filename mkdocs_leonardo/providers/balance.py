"""An account's balance, in the service's unit, and the alert for a low balance."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass

from mkdocs_leonardo.converters import Converter
from mkdocs_leonardo.providers.base import Account
from mkdocs_leonardo.spec import dollars

ALERT_FIX = "it must be credits, 0 or more, or US dollars, such as '$5'"
_DOLLARS = re.compile(r"\$\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)")


@dataclass(frozen=True, slots=True)
class Alert:
    """The amount below which an account is low, in credits or in US dollars."""

    amount: float
    is_usd: bool = False

    @classmethod
    def of(cls, value: object) -> Alert:
        """The alert that a configuration or a command line gives; ValueError with the fix for anything else."""
        in_usd = _DOLLARS.fullmatch(value.strip()) if isinstance(value, str) else None
        amount = math.nan
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            with suppress(ValueError, OverflowError):
                amount = float(in_usd[1] if in_usd else value)
        if not 0 <= amount < math.inf:
            raise ValueError(ALERT_FIX)
        return cls(amount, is_usd=in_usd is not None)

    def __str__(self) -> str:
        return f"${self.amount:.2f}" if self.is_usd else f"{self.amount:g} credits"

    def is_below(self, account: Account) -> bool:
        """Whether the balance is known, and lower than this alert."""
        if not self.is_usd and account.usd is None:
            return account.credits is not None and account.credits < self.amount
        left_usd, rate = worth_usd(account), account.credit_usd
        alert_usd = self.amount if self.is_usd else None if rate is None else self.amount * rate
        return left_usd is not None and alert_usd is not None and left_usd < alert_usd


#: An amount in either unit, as an option.
ALERT: Converter[Alert] = Converter(
    Alert.of, {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\$ *[0-9]+(\.[0-9]+)?$"}]}
)


def worth_usd(account: Account) -> float | None:
    """The balance in US dollars; None if it is not stated, or if a credit's price is not known."""
    if account.credits is None:
        return account.usd
    return None if account.credit_usd is None else account.credits * account.credit_usd + (account.usd or 0.0)


def balance_words(account: Account) -> str:
    """``45,677 credits left (about $68.29)`` or ``$12.46 left``; "" if the service states nothing."""
    parts = [] if account.usd is None else [dollars(account.usd)]
    if account.credits is not None:
        parts.append(f"{account.credits:,.0f} credits")
    if not parts:
        return ""
    about = worth_usd(account) if account.usd is None else None
    return f"{' and '.join(parts)} left{'' if about is None else f' (about {dollars(about)})'}"
