"""One build, for the hooks: takes heroes while the host reads pages, and afterwards gives resolutions."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.log import Notify, Progress, watch
from mkdocs_leonardo.lookup import Miss
from mkdocs_leonardo.report import (
    append_job_summary,
    left_behind_message,
    make_report,
    pluralise,
    summarise,
    write_json,
)
from mkdocs_leonardo.resolution import Failure, Resolution, get_resolution, given_up_message, interrupted_message
from mkdocs_leonardo.runtime import Runtime
from mkdocs_leonardo.spec import HeroAsset, HeroSpec, Source

if TYPE_CHECKING:
    from mkdocs_leonardo.acquire.budget import Budget
    from mkdocs_leonardo.settings import Settings

#: The longest time for encoding one picture's files (seconds); far more than it needs.
RENDER_S = 60.0

_BUILD_TIMED_OUT = Failure("it took too long; what was paid for is collected by the next build")
_PAINTED = "new heroes are placeholders painted on this machine"


class Build:
    """The heroes of one build, and the work on them. Used from the host's thread."""

    def __init__(
        self, settings: Settings, *, environ: Mapping[str, str], notify: Notify, budget: Budget | None = None
    ) -> None:
        """`budget` is as for `Runtime`."""
        self._settings = settings
        self._progress = Progress(notify)
        self._notify = self._progress.pass_on
        self._job_summary = environ.get("GITHUB_STEP_SUMMARY", "")
        self.runtime = Runtime(settings, environ=environ, notify=self._notify, budget=budget)
        self._awaited: tuple[str, ...] = ()
        self._heroes: dict[str, tuple[HeroSpec, Resolution | Future[Resolution]]] = {}
        chain = self.runtime.chain
        keyed = self.runtime.providers_with_api_key
        if self._no_key and settings.generate:
            if not keyed:
                self._notify(logging.INFO, f"{self._no_key}: {_PAINTED}")
            elif chain[0].name not in keyed:
                # A fallback provider without a key needs no message, since the site is complete without it.
                self._notify(logging.INFO, f"{self._no_key}: those services are skipped")

    @property
    def _no_key(self) -> str:
        missing = self.runtime.unset_key_variables
        return f"no key in {' or '.join(missing)}" if missing else ""

    @property
    def no_provider_reason(self) -> str:
        """The reason why no provider can be asked, whatever the options allow; "" if a provider can be asked."""
        return "" if self.runtime.providers_with_api_key else ": ".join(filter(None, [self._no_key, _PAINTED]))

    @property
    def no_provider_fix(self) -> str:
        """The reason why the site can ask no provider, with the fix; "" if a provider can be asked."""
        if self.runtime.providers_with_api_key:
            return ""
        lacks = f"there is {self._no_key}; set one" if self._no_key else "`providers` names no service"
        return f"{lacks}, or commit the image with `mkdocs-leonardo pin`"

    @property
    def file_identities(self) -> Mapping[str, tuple[int, int]]:
        """Device and inode of verified cache files, by path."""
        return self.runtime.renderer.cache.file_identities

    def take_stored(self, hero: HeroSpec) -> bool:
        """Take the page's hero if all its files are stored; returns whether they are. Opens no connection."""
        lookup = self.runtime.lookup
        ready = None
        with suppress(HeroError, OSError):
            ready = lookup.resolve_stored(hero, lookup.find(hero))
        # The page keeps its place among the pages until `request_hero` takes it.
        self._heroes[hero.page] = (hero, ready or Resolution(hero))
        return ready is not None

    def request_hero(self, hero: HeroSpec) -> tuple[str, HeroAsset | None]:
        """Take the page's hero, and start to make it in the background unless it is stored.

        Returns the picture's probable key, and the picture if it is stored.
        """
        lookup = self.runtime.lookup
        result = None
        expected_key = ""
        # The pipeline meets the same error again, and reports it.
        with suppress(HeroError, OSError):
            result = lookup.find(hero)
            ready = lookup.resolve_stored(hero, result)
            if ready is not None:
                self._heroes[hero.page] = (hero, ready)
                return ready.asset.key if ready.asset else "", ready.asset
            expected_key = lookup.predict_key(hero, result)
        loop = self.runtime.loop
        resolve = self.runtime.pipeline.resolve
        # A missing picture waits in the queue for a service. The files of a stored one are encoded meanwhile.
        start = loop.start_queued if isinstance(result, Miss) else loop.start
        work = start(resolve, hero, result)
        self._heroes[hero.page] = (hero, work)
        work.add_done_callback(partial(self._keep_result, hero))
        return expected_key, None

    def join(self, *, title: str, uncounted: Collection[str] = ()) -> tuple[tuple[Resolution, ...], str]:
        """Wait for every page, write the report, and end running work; returns the resolutions and a line for the log.

        The resolutions are in the order in which the pages were read. `title` is the site's, for CI jobs that build
        several sites. `uncounted` are pages that show another page's hero. All files stay until `close`.
        """
        try:
            resolutions = self._wait_for_pages()
            return resolutions, self._write_report(
                [resolution for resolution in resolutions if resolution.hero.page not in uncounted], title
            )
        finally:
            self._stop()

    def _wait_for_pages(self) -> tuple[Resolution, ...]:
        waiting = [work for _, work in self._heroes.values() if isinstance(work, Future) and not work.done()]
        try:
            timeout_s = self.runtime.compute_timeout_s(len(waiting)) + len(waiting) * RENDER_S
            self._progress.wait(waiting, timeout_s=timeout_s)
        except KeyboardInterrupt:
            self._log_open_jobs()
            raise
        resolutions: dict[str, Resolution] = {}
        failed: list[Resolution] = []
        for page, (hero, work) in self._heroes.items():
            if not isinstance(work, Future):
                resolutions[page] = work
                continue
            resolutions[page] = get_resolution(work, hero, _BUILD_TIMED_OUT, self._notify)
            if resolutions[page].asset is None and hero.picture is not None:
                failed.append(resolutions[page])
        return tuple({**resolutions, **self._substitute(failed)}.values())

    def _substitute(self, failed: Sequence[Resolution]) -> dict[str, Resolution]:
        """Resolve pages whose work has not ended, or has failed, to their last heroes or to placeholders."""
        if not failed:
            # A warm build imports no pipeline.
            return {}
        resolve = self.runtime.pipeline.resolve_substitute
        works = [self.runtime.loop.start(resolve, page, page.hero, page.failure) for page in failed]
        ended = (work for done, _ in watch(works, timeout_s=len(works) * RENDER_S) for work in done)
        substitutes = [work.result() for work in ended if work.exception() is None]
        return {resolution.hero.page: resolution for resolution in substitutes}

    def _write_report(self, resolutions: Sequence[Resolution], title: str) -> str:
        """Write the report, and return the summary for the log."""
        spending = self.runtime.spending
        try:
            write_json(
                self._settings.cache_dir / "report.json", make_report(resolutions, spending, self.runtime.store_stats)
            )
        except OSError as error:
            self._notify(logging.INFO, f"report.json cannot be written ({error.strerror or error})")
        totals = summarise(resolutions, spending, self.runtime.store_stats)
        self._log_abstract_placeholders(resolutions)
        if self._job_summary:
            try:
                append_job_summary(Path(self._job_summary), resolutions, title=title, totals=totals)
            except OSError as error:
                self._notify(logging.INFO, f"the job's summary cannot be written ({error.strerror or error})")
        return totals

    def _log_abstract_placeholders(self, resolutions: Sequence[Resolution]) -> None:
        """Log how many pages show an abstract placeholder because their prompts name no landscape."""
        painted = [page.hero.picture for page in resolutions if page.asset and page.asset.source is Source.PAINTED]
        if not painted:
            return
        from mkdocs_leonardo.painter.words import names_landscape

        count = sum(not names_landscape(spec.prompt, spec.negative_prompt) for spec in painted if spec)
        if count:
            fix = "; set a provider's key to get the real image" if self.no_provider_reason else ""
            pages = pluralise(count, "page", "pages")
            self._notify(logging.INFO, f"painted abstractly, since their prompts name no landscape: {pages}{fix}")

    def _stop(self) -> None:
        """End running work. The journal holds paid jobs that are not collected."""
        try:
            self.runtime.end_loop(self._log_awaited_images)
        except KeyboardInterrupt:
            if self._awaited:
                self._notify(logging.INFO, given_up_message(self._awaited))
            raise
        self.runtime.close()

    def _log_awaited_images(self) -> None:
        """Log, in the event loop, the paid answers that the end of the build waits for."""
        self._awaited = self.runtime.pipeline.awaited
        if self._awaited:
            self._notify(logging.INFO, interrupted_message(self._awaited))

    def close(self) -> None:
        """End running work, and remove this build's scratch files."""
        self._stop()
        self.runtime.discard()

    def _log_open_jobs(self) -> None:
        """Log the jobs that an interrupted build leaves to the next one."""
        with suppress(HeroError):
            pages = {entry.page for entry in self.runtime.journal.get_entries().values()} & self._heroes.keys()
            if pages:
                self._notify(logging.INFO, left_behind_message(len(pages)))

    def _keep_result(self, hero: HeroSpec, work: Future[Resolution]) -> None:
        """Replace finished futures by their results, since a thousand futures take a megabyte."""
        if not work.cancelled() and work.exception() is None and self._heroes[hero.page][1] is work:
            self._heroes[hero.page] = (hero, work.result())
