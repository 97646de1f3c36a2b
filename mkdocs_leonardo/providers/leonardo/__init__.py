"""Leonardo AI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mkdocs_leonardo.providers.declaration import Declaration, Limits
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.leonardo.orders import notes, problems, rules_for

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.base import Provider, ProviderContext


def _made(context: ProviderContext) -> Provider:
    from mkdocs_leonardo.providers.leonardo.provider import create as make

    return make(context)


def _limits(options: LeonardoOptions) -> Limits:
    return Limits(options.requests_per_minute, options.credit_alert)


create = Declaration(
    make=_made, options=LeonardoOptions, limits=_limits, problems=problems, rules=rules_for, notes=notes
)
