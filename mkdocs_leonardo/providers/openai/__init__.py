"""OpenAI's image models."""

from __future__ import annotations

from mkdocs_leonardo.providers.declaration import Declaration, imported
from mkdocs_leonardo.providers.openai.options import OpenAIOptions

openai = Declaration(make=imported("mkdocs_leonardo.providers.openai.provider:OpenAIProvider"), options=OpenAIOptions)
