"""Leonardo AI."""

from __future__ import annotations

from mkdocs_leonardo.providers.interface import Declaration, Limits, lazy_import
from mkdocs_leonardo.providers.leonardo.create_requests import notes, problems, rules_for
from mkdocs_leonardo.providers.leonardo.models import ALL_STYLES
from mkdocs_leonardo.providers.leonardo.options import LeonardoOptions, comparison

leonardo = Declaration(
    make=lazy_import("mkdocs_leonardo.providers.leonardo.provider:LeonardoProvider"),
    options=LeonardoOptions,
    creator="Leonardo AI",
    limits=lambda options: Limits(options.requests_per_minute, options.credit_alert),
    problems=problems,
    rules=rules_for,
    styles=ALL_STYLES,
    notes=notes,
    comparison=comparison,
)
