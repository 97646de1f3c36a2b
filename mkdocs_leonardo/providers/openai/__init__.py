"""OpenAI's image models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.base import ProviderContext
    from mkdocs_leonardo.providers.openai.provider import OpenAIProvider


def create(context: ProviderContext) -> OpenAIProvider:
    """The provider as the entry point makes it."""
    from mkdocs_leonardo.providers.openai.provider import create as made  # noqa: PLC0415 - slow to import

    return made(context)
