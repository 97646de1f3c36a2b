"""OpenAI's image models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mkdocs_leonardo.providers.declaration import Declaration
from mkdocs_leonardo.providers.openai.options import OpenAIOptions

if TYPE_CHECKING:
    from mkdocs_leonardo.providers.base import Provider, ProviderContext


def _made(context: ProviderContext) -> Provider:
    from mkdocs_leonardo.providers.openai.provider import create as make

    return make(context)


create = Declaration(make=_made, options=OpenAIOptions)
