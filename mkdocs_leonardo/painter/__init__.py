"""Pictures made on this machine: from a prompt's words and its hash, without network, fonts or chance."""

from __future__ import annotations

from mkdocs_leonardo.painter.picture import PAINTER_VERSION, paint

__all__ = ["PAINTER_VERSION", "paint"]
