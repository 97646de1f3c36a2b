"""The provider of last resort: a painter that needs no service, no key and no network."""

from __future__ import annotations

from PIL import Image

from mkdocs_leonardo.providers import painter
from mkdocs_leonardo.spec import JsonValue, PictureSpec


class LocalPainter:
    """Paints at once, always the same picture for the same specification, and never fails."""

    name = "local"
    model = f"painter-{painter.PAINTER_VERSION}"

    def paint(self, picture: PictureSpec) -> Image.Image:
        """An RGB picture of exactly ``picture.width_px`` x ``picture.height_px``."""
        return paint(picture)

    def key_options(self) -> dict[str, JsonValue]:
        """What else names the picture in a key."""
        return painter_key_options()


def paint(picture: PictureSpec) -> Image.Image:
    """An RGB picture of exactly ``picture.width_px`` x ``picture.height_px``, the same every time."""
    return painter.paint(picture)


def painter_key_options() -> dict[str, JsonValue]:
    """What changes the painter's pixels besides the specification: its version."""
    return {"painter_version": painter.PAINTER_VERSION}
