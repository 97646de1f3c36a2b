"""A renderer for tests whose subject is not the encoding."""

from __future__ import annotations

from mkdocs_leonardo.renderer import Renderer
from mkdocs_leonardo.spec import HeroSpec, PictureRecord, PictureSpec, Rendering, Scrim, digest_of

RENDERING = Rendering((), "", "#000000", Scrim(0, 0, 0, 0, 0, 0), 1536, 864)


class NoFiles(Renderer):
    """A renderer that claims to have every picture's files."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def load(self, record: PictureRecord, hero: HeroSpec) -> Rendering | None:
        """The files of any picture, always the same."""
        del record, hero
        return RENDERING

    def make_placeholder_record(self, picture: PictureSpec) -> PictureRecord:
        """The record of a placeholder, another one for each prompt."""
        return PictureRecord(digest_of(picture.prompt.encode()), "0" * 64, "png", "local", "painter")
