"""Google's Gemini image models."""

from __future__ import annotations

from dataclasses import dataclass, field

from mkdocs_leonardo.providers.interface import Declaration, lazy_import, option
from mkdocs_leonardo.providers.toolkit import seconds, service_address, visible_text


@dataclass(frozen=True, slots=True)
class GeminiOptions:
    """Settings of Google's Gemini."""

    model: str = field(default="gemini-nano-banana-2.1", metadata=option(visible_text))
    """The model's name. Another model is another image."""
    timeout_s: float = field(default=120.0, metadata=option(seconds, name="timeout"))
    """Seconds to wait for the answer, which contains the image."""
    base_url: str = field(default="https://generativelanguage.googleapis.com/v1beta", metadata=option(service_address))
    """Address of the API."""
    text_model: str = field(default="gemini-3.5-flash-lite", metadata=option(visible_text))
    """The text model of `mkdocs-leonardo suggest`."""


gemini = Declaration(
    make=lazy_import("mkdocs_leonardo.providers.gemini.provider:GeminiProvider"),
    options=GeminiOptions,
    creator="Google Gemini",
)
