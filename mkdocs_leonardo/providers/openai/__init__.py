"""OpenAI's image models."""

from __future__ import annotations

from dataclasses import dataclass, field

from mkdocs_leonardo.providers.interface import Declaration, lazy_import, option
from mkdocs_leonardo.providers.toolkit import one_of, seconds, service_address, visible_text

QUALITIES = ("low", "medium", "high", "auto", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class OpenAIOptions:
    """Settings of OpenAI."""

    model: str = field(default="gpt-image-2", metadata=option(visible_text))
    """The model's name. Another model is another image."""
    quality: str = field(default="medium", metadata=option(one_of(QUALITIES)))
    """`low`, `medium`, `high` or `auto`; `xhigh` and `max` if the model knows them."""
    timeout_s: float = field(default=120.0, metadata=option(seconds, name="timeout"))
    """Seconds to wait for the answer, which contains the image."""
    base_url: str = field(default="https://api.openai.com/v1", metadata=option(service_address))
    """Address of the API."""
    text_model: str = field(default="gpt-5.6-luna", metadata=option(visible_text))
    """The text model of `mkdocs-leonardo suggest`."""


openai = Declaration(
    make=lazy_import("mkdocs_leonardo.providers.openai.provider:OpenAIProvider"),
    options=OpenAIOptions,
    creator="OpenAI",
)
