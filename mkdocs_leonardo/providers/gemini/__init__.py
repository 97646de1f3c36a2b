"""Google's Gemini image models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.base import ProviderContext
    from mkdocs_leonardo.providers.gemini.provider import GeminiProvider


def create(context: ProviderContext) -> GeminiProvider:
    """The provider as the entry point makes it."""
    from mkdocs_leonardo.providers.gemini.provider import create as made  # noqa: PLC0415 - slow to import

    return made(context)
