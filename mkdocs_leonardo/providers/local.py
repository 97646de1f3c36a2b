"""The provider of last resort: a painter that needs no service, no key and no network."""

from __future__ import annotations

import io
from collections.abc import Mapping

from PIL import Image

from mkdocs_leonardo.errors import JobUnknown
from mkdocs_leonardo.painter import picture as painter
from mkdocs_leonardo.providers.base import Clock, ProviderContext
from mkdocs_leonardo.spec import GeneratedImage, JsonValue, PictureSpec, Submission

NAME = "local"
MODEL = "painter"


def create(context: ProviderContext) -> LocalPainter:
    """The provider as the entry point makes it."""
    return LocalPainter(context.clock)


def paint(picture: PictureSpec) -> Image.Image:
    """An RGB picture of exactly ``picture.width_px`` x ``picture.height_px``, the same every time."""
    return painter.paint(picture)


def painter_key_options() -> dict[str, JsonValue]:
    """What changes the painter's pixels besides the specification: its version."""
    return {"painter_version": painter.PAINTER_VERSION}


class LocalPainter:
    """The painter as a provider: paints at once, costs nothing, never fails.

    Builds close their chain with `paint` itself, since a placeholder is never stored as a page's picture. This class
    is for code that works with any provider.
    """

    name = NAME
    model = MODEL
    timeout_s = 60.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def options(self) -> Mapping[str, JsonValue]:
        """What changes pixels: the painter's version."""
        return painter_key_options()

    def estimate_usd(self, picture: PictureSpec) -> float:  # noqa: ARG002 - the interface of a provider
        """Nothing."""
        return 0.0

    async def submit(self, picture: PictureSpec) -> Submission:
        """The finished picture, as a PNG; painted in a thread of its own."""
        from anyio import to_thread

        data = await to_thread.run_sync(_png, picture)
        return Submission(NAME, MODEL, "", self._clock.now(), 0.0, GeneratedImage(data, 0.0))

    async def fetch(self, submission: Submission, *, give_up_at: float) -> GeneratedImage:  # noqa: ARG002 - same
        """The picture of a submission of this process; nothing is kept anywhere else."""
        if submission.image is None:
            raise JobUnknown("paints at once and keeps nothing", provider=NAME)
        return submission.image

    async def aclose(self) -> None:
        """Nothing is open."""


def _png(picture: PictureSpec) -> bytes:
    buffer = io.BytesIO()
    paint(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
