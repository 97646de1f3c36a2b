"""Google's Gemini image models."""

from __future__ import annotations

from mkdocs_leonardo.providers.declaration import Declaration, imported
from mkdocs_leonardo.providers.gemini.options import GeminiOptions

gemini = Declaration(make=imported("mkdocs_leonardo.providers.gemini.provider:GeminiProvider"), options=GeminiOptions)
