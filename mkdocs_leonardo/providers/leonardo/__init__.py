"""Leonardo AI."""

from __future__ import annotations

from mkdocs_leonardo.providers.declaration import Declaration, Limits, imported
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions
from mkdocs_leonardo.providers.leonardo.orders import notes, problems, rules_for

leonardo = Declaration(
    make=imported("mkdocs_leonardo.providers.leonardo.provider:LeonardoProvider"),
    options=LeonardoOptions,
    creator="Leonardo AI",
    limits=lambda options: Limits(options.requests_per_minute, options.credit_alert),
    problems=problems,
    rules=rules_for,
    notes=notes,
)
