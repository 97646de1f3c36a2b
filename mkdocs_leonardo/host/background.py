"""The generation of a preview's missing heroes in the background. Imported when a hero is missing."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from anyio import Event, create_task_group, current_time, move_on_after
from anyio.abc import TaskGroup

from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.concurrency import EventLoop, to_thread
from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.host.stamp import write_stamp
from mkdocs_leonardo.log import Notify
from mkdocs_leonardo.report import left_behind_message, list_complaints
from mkdocs_leonardo.resolution import Resolution, given_up_message, interrupted_message
from mkdocs_leonardo.runtime import Runtime
from mkdocs_leonardo.settings import Settings
from mkdocs_leonardo.spec import HeroSpec, OnMissing, PictureSpec, dollars


@dataclass(frozen=True, slots=True)
class _MissingHero:
    """A hero that a page lacks, made at `due_s` (the event loop's clock) unless the page changes earlier.

    `file` is the page's file, None for a page that another plugin made.
    """

    hero: HeroSpec
    file: Path | None
    due_s: float = math.inf


@dataclass(frozen=True, slots=True)
class _Rebuild:
    """The heroes missing after a rebuild that began at `began_at` (Unix seconds), and the runtime that makes them."""

    settings: Settings
    runtime: Runtime
    missing: tuple[_MissingHero, ...]
    began_at: float

    @property
    def may_buy(self) -> bool:
        """Whether the configuration allows anything to be paid for in a preview."""
        return self.settings.generate and self.settings.on_serve == "generate"


class BackgroundGenerator:
    """The generator of missing heroes in the event loop of its first runtime; writes the stamp for each ready hero.

    The host's thread calls `pause`, `take` and `close`. All else runs in the event loop.
    """

    def __init__(
        self, *, environ: Mapping[str, str], notify: Notify, command_for: Callable[[str], str], settled_s: float
    ) -> None:
        """`command_for` returns the command that makes a page's hero.

        A hero is made once the page has asked for the same one for `settled_s`.
        """
        self._environ = environ
        self._notify = notify
        self._command_for = command_for
        self._settled_s = settled_s
        self._loop: EventLoop | None = None
        self._budget = Budget(max_new_images=0, max_cost_usd=None)
        self._runtimes: list[tuple[Settings, Runtime]] = []
        # The attributes below are used only in the event loop.
        self._rebuild: _Rebuild | None = None
        self._is_paused = False
        self._pending: dict[str, _MissingHero] = {}
        self._taken: set[PictureSpec] = set()
        self.in_flight: set[PictureSpec] = set()
        self._reasons: set[str] = set()
        self._awaited: list[str] = []
        self._changed: Event | None = None

    # In the host's thread --------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Start no generation until the next `take`."""
        if self._loop is not None:
            self._loop.start_background(self._notify, self._pause)

    def take(self, settings: Settings, heroes: Sequence[HeroSpec], *, docs_dir: Path, began_at: float) -> None:
        """Replace the heroes to make by those missing after a rebuild that began at `began_at` (Unix seconds).

        Returns at once. HeroError if the stores or the providers cannot be opened as `settings` say.
        """
        missing = tuple(_MissingHero(hero, _find_file(docs_dir, hero.page)) for hero in heroes)
        if missing:
            self._open(settings)
        if self._loop is not None:
            self._loop.start_background(
                self._notify, self._take, _Rebuild(settings, self._runtimes[-1][1], missing, began_at)
            )

    def close(self) -> None:
        """End running work. The journal has the jobs that are paid for and not collected."""
        if self._loop is None:
            return
        loop, self._loop = self._loop, None
        try:
            making = loop.call(lambda: len(self.in_flight))
            if making:
                self._notify(logging.INFO, left_behind_message(making))
            loop.close(self._end, waiting=self._log_awaited_images)
        except KeyboardInterrupt:
            if self._awaited:
                self._notify(logging.INFO, given_up_message(self._awaited))
            raise
        finally:
            for _, runtime in self._runtimes:
                runtime.close()
                runtime.discard()
            self._runtimes.clear()

    def _open(self, settings: Settings) -> None:
        """Open a runtime for `settings`; a runtime with earlier settings stays open for the jobs that it has begun."""
        if self._runtimes and self._runtimes[-1][0] == settings:
            return
        runtime = Runtime(settings, environ=self._environ, notify=self._notify, budget=self._budget)
        self._runtimes.append((settings, runtime))
        is_first = self._loop is None
        self._loop = runtime.start_loop(self._loop)
        if is_first:
            self._loop.start_background(self._notify, self._run)

    # In the event loop -----------------------------------------------------------------------------------------------

    async def _pause(self) -> None:
        self._is_paused = True
        self._wake()

    async def _take(self, rebuild: _Rebuild) -> None:
        """Begin to wait for the heroes that are newly missing, and go on waiting for earlier missing heroes."""
        if self._rebuild is not None and rebuild.settings != self._rebuild.settings:
            # Failed pictures may succeed with the new settings; pictures under way stay taken.
            self._taken = set(self.in_flight)
            self._reasons.clear()
        self._rebuild = rebuild
        settings = rebuild.settings
        # One budget for the whole preview, or a cap would begin anew with each rebuild.
        self._budget.replace_caps(
            max_new_images=settings.max_new_images if rebuild.may_buy else 0, max_cost_usd=settings.max_cost_usd
        )
        self._is_paused = False
        fresh = current_time() + self._settled_s
        earlier_pending, self._pending = self._pending, {}
        for missing in rebuild.missing:
            earlier = earlier_pending.get(missing.hero.page)
            is_same = earlier is not None and earlier.hero.picture == missing.hero.picture
            self._pending[missing.hero.page] = replace(missing, due_s=earlier.due_s if earlier and is_same else fresh)
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()

    async def _run(self) -> None:
        """Start each missing hero when it is due, for as long as the preview lives."""
        async with create_task_group() as group:
            while True:
                self._changed = Event()
                with move_on_after(self._compute_wait_s()):
                    await self._changed.wait()
                self._start_due(group)

    def _compute_wait_s(self) -> float:
        """Return the seconds until the next hero is due."""
        if self._is_paused or not self._pending:
            return math.inf
        return max(0.0, min(pending.due_s for pending in self._pending.values()) - current_time())

    def _start_due(self, group: TaskGroup) -> None:
        rebuild = self._rebuild
        if rebuild is None or self._is_paused:
            return
        now = current_time()
        for page in [page for page, pending in self._pending.items() if pending.due_s <= now]:
            missing = self._pending.pop(page)
            hero = missing.hero
            # A page that was saved after the rebuild had begun may ask for something else; the next rebuild shows it.
            if hero.picture is None or hero.picture in self._taken or _was_saved(missing.file, rebuild.began_at):
                continue
            self._taken.add(hero.picture)
            self.in_flight.add(hero.picture)
            group.start_soon(self._make, hero, hero.picture, rebuild)

    async def _make(self, hero: HeroSpec, picture: PictureSpec, rebuild: _Rebuild) -> None:
        """Make one picture as a build would, and log the result."""
        try:
            resolution = await rebuild.runtime.pipeline.resolve(hero)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs a page its picture, never the preview
            self._notify(logging.DEBUG, f"{hero.page}: {error!r}")
            self._notify(logging.WARNING, f"{hero.page}: an unexpected error came up ({type(error).__name__})")
            return
        finally:
            self.in_flight.discard(picture)
        if resolution.failure:
            self._log_failure(resolution, rebuild)
        is_outdated = self._rebuild is not None and self._rebuild.settings != rebuild.settings
        if is_outdated:
            # The picture was made with earlier settings; the next rebuild checks whether they still apply.
            self._taken.discard(picture)
        if resolution.failure and not is_outdated:
            return
        if not resolution.failure:
            cost = f", {dollars(resolution.cost_usd)}" if resolution.cost_usd else ""
            made_by = resolution.asset.provider if resolution.asset else ""
            self._notify(logging.INFO, f"{hero.page}: its new hero is ready ({made_by}{cost})")
        try:
            await to_thread(write_stamp, rebuild.settings.cache_dir)
        except OSError as error:
            self._notify(logging.INFO, f"{hero.page}: save it to see its new hero ({error.strerror or error})")

    def _log_failure(self, resolution: Resolution, rebuild: _Rebuild) -> None:
        """Log once why a page has no new hero, at the level of a build that goes on."""
        if resolution.capped_usd is not None and self._rebuild is not None and not self._rebuild.may_buy:
            # The author has just switched generation off.
            return
        on_missing: OnMissing = "ignore" if rebuild.settings.on_missing == "ignore" else "warn"
        page = resolution.hero.page
        for level, complaint in list_complaints([resolution], on_missing=on_missing):
            if resolution.capped_usd is not None:
                fix = "; a preview counts as one build"
            elif resolution.is_refused:
                fix = ""
            else:
                fix = f"; this preview does not try it again; `{self._command_for(page)}` does"
            # The first page with a reason gets the warning.
            self._notify(logging.INFO if complaint.text in self._reasons else level, f"{complaint}{fix}")
            self._reasons.add(complaint.text)

    def _log_awaited_images(self) -> None:
        """Log the paid answers that the end of the preview waits for."""
        self._awaited = sorted({name for _, runtime in self._runtimes for name in runtime.pipeline.awaited})
        if self._awaited:
            self._notify(logging.INFO, interrupted_message(self._awaited))

    async def _end(self) -> None:
        for _, runtime in self._runtimes:
            with suppress(HeroError):
                await runtime.pipeline.aclose()


def _find_file(docs_dir: Path, page: str) -> Path | None:
    path = docs_dir / page
    return path if path.is_file() else None


def _was_saved(file: Path | None, began_at: float) -> bool:
    """Return whether the page was written or deleted since the last rebuild began; a future time does not count."""
    try:
        return file is not None and began_at < file.stat().st_mtime <= time.time()
    except OSError:
        return True
