"""Missing heroes in `mkdocs serve`: the log names the command that makes them, or the preview makes them.

A `Preview` lives as long as the server, over all its rebuilds, and no rebuild waits for it. With `on_serve: generate`
it generates a hero in the background, once the page has asked for the same one for `SETTLED_S`.
"""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.report import describe_shown
from mkdocs_leonardo.resolution import Resolution
from mkdocs_leonardo.spec import PictureSpec

if TYPE_CHECKING:
    from mkdocs_leonardo.host.background import BackgroundGenerator
    from mkdocs_leonardo.settings import Settings

#: A hero is paid for after a page has asked for it, unchanged, for this time (seconds): longer than the pause of an
#: editor that saves by itself, and of an author between two words.
SETTLED_S = 5.0
#: More pages than this are counted instead of named.
PAGES_NAMED = 5


class Preview:
    """The preview's list of heroes missing from the last rebuild, which it logs or generates in the background.

    `command` is the beginning of the site's command line.
    """

    def __init__(
        self, *, environ: Mapping[str, str], notify: Notify, command: Sequence[str], settled_s: float = SETTLED_S
    ) -> None:
        self._environ = environ
        self._notify = notify
        self._command = tuple(command)
        self._settled_s = settled_s
        self._began_at = time.time()
        self._pictures: dict[str, PictureSpec | None] = {}
        self._logged: set[str] = set()
        self._background: BackgroundGenerator | None = None

    def pause(self) -> None:
        """Pause new generations until the rebuild ends, because pages may change their prompts."""
        self._began_at = time.time()
        if self._background is not None:
            self._background.pause()

    def take(self, settings: Settings, missing: Sequence[Resolution], *, docs_dir: Path, reason: str) -> None:
        """Take over the heroes that a rebuild lacked, and return at once.

        `reason` says why no provider was asked, or is "". HeroError if the stores or the providers
        cannot be opened as `settings` say.
        """
        if missing and not settings.generate:
            reason = "generate: false: a page without a stored image shows its previous hero or a placeholder"
        heroes = [] if reason or settings.on_serve == "cached" else [resolution.hero for resolution in missing]
        if missing and reason:
            if reason not in self._logged:
                self._logged.add(reason)
                self._notify(logging.INFO, reason)
            self._log_shown(missing)
        elif settings.on_serve == "cached":
            self._log_shown(missing, self._command_for())
        background = self._background
        if heroes and background is None:
            from mkdocs_leonardo.host.background import BackgroundGenerator

            background = BackgroundGenerator(
                environ=self._environ, notify=self._notify, command_for=self._command_for, settled_s=self._settled_s
            )
        if background is not None:
            background.take(settings, heroes, docs_dir=docs_dir, began_at=self._began_at)
            self._background = background

    def close(self) -> None:
        """End running work. The journal has the jobs that are paid for and not collected."""
        if self._background is not None:
            background, self._background = self._background, None
            background.close()

    def _log_shown(self, missing: Sequence[Resolution], command: str = "") -> None:
        """Say what each page shows instead, once for each prompt, and which command makes the new hero."""
        pages = {resolution.hero.page: resolution for resolution in missing}
        pictures = {page: resolution.hero.picture for page, resolution in pages.items()}
        new = [
            page for page, picture in pictures.items() if page not in self._pictures or self._pictures[page] != picture
        ]
        self._pictures = pictures
        if len(new) > PAGES_NAMED:
            if command:
                self._notify(
                    logging.INFO,
                    f"{len(new)} pages show a previous hero or a placeholder; `{command}` generates their images",
                )
            return
        for page in new:
            makes = f"; `{self._command_for(page)}` makes the new one" if command else ""
            self._notify(logging.INFO, f"{page}: shows {describe_shown(pages[page])}{makes}")

    def _command_for(self, page: str = "") -> str:
        """Return the command that makes the hero of `page`, or of every page, quoted for a shell."""
        return shlex.join([*self._command, "generate", *([page] if page else [])])
