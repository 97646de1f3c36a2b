"""Missing heroes in `mkdocs serve`: the log names the command that makes them, or the preview makes them.

A `Preview` lives as long as the server, over all its rebuilds, and no rebuild waits for it. With `on_serve: generate`
it makes a hero once the page has asked for the same one for `QUIET_S`, in an event loop of its own, and writes the
stamp when the picture is in the cache. Of the plugin's files, the server watches the stamp alone.

Hooks call `hold`, `take` and `close` from the host's thread. Methods named `_in_loop…` run in the event loop, which
alone changes the state that both threads read.
"""

from __future__ import annotations

import logging
import math
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs_leonardo.acquire.budget import Budget
from mkdocs_leonardo.errors import HeroError
from mkdocs_leonardo.files import write_plain_file
from mkdocs_leonardo.progress import Notify
from mkdocs_leonardo.report import complaints, left_behind, shown_instead
from mkdocs_leonardo.resolution import Resolution, given_up_message, waiting_message
from mkdocs_leonardo.spec import HeroSpec, PictureSpec

if TYPE_CHECKING:
    import anyio
    from anyio.abc import TaskGroup
    from mkdocs.livereload import LiveReloadServer

    from mkdocs_leonardo.acquire.loop import EventLoop
    from mkdocs_leonardo.runtime import Runtime
    from mkdocs_leonardo.settings import Settings

#: A page must have asked for the same hero for so long before it is paid for (seconds): longer than the pause of an
#: editor that saves by itself, and of an author between two words.
QUIET_S = 5.0
#: The file below `cache_dir` that changes when a page has something new to show.
STAMP = "preview.stamp"
#: More pages than this are counted instead of named.
PAGES_NAMED = 5


@dataclass(frozen=True, slots=True)
class _MissingHero:
    """A hero that a page lacks. It is made at `due_s`, on the event loop's clock, unless its page changes before.

    `file` is the page's, None where another plugin made the page.
    """

    hero: HeroSpec
    file: Path | None
    due_s: float = math.inf


@dataclass(frozen=True, slots=True)
class _PreviewRequest:
    """The missing heroes of a rebuild that began at `began_at` (Unix seconds), and the runtime to make them with."""

    settings: Settings
    runtime: Runtime
    missing: tuple[_MissingHero, ...]
    began_at: float

    @property
    def may_buy(self) -> bool:
        """Whether the configuration allows anything to be paid for in a preview."""
        return self.settings.generate and self.settings.on_serve == "generate"


class Preview:
    """Generates, in the background, heroes missing from the last rebuild.

    `command` is what the command line of this site begins with.
    """

    def __init__(
        self, *, environ: Mapping[str, str], notify: Notify, command: Sequence[str], quiet_s: float = QUIET_S
    ) -> None:
        self._environ = environ
        self._notify = notify
        self._command = tuple(command)
        self._quiet_s = quiet_s
        self._began_at = time.time()
        self._told: dict[str, PictureSpec | None] = {}
        self._said: set[str] = set()
        self._loop: EventLoop | None = None
        self._budget = Budget(max_new_images=0, max_cost_usd=None)
        self._runtimes: list[tuple[Settings, Runtime]] = []
        # Of the event loop alone.
        self._request: _PreviewRequest | None = None
        self._is_held = False
        self._pending: dict[str, _MissingHero] = {}
        self._taken: set[PictureSpec] = set()
        self._flying: set[PictureSpec] = set()
        self._reasons: set[str] = set()
        self._changed: anyio.Event | None = None

    # Called by hooks -------------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """A rebuild begins: until it is over, nothing is started, since pages may ask for something else by then."""
        self._began_at = time.time()
        if self._loop is not None:
            self._loop.start(self._in_loop_hold)

    def take(self, settings: Settings, missing: Sequence[Resolution], *, docs_dir: Path, no_provider: str) -> None:
        """A rebuild is over, and `missing` show a placeholder. `no_provider` says why no provider was asked, if so.

        Returns at once. HeroError if the stores or the providers cannot be opened as `settings` say.
        """
        if missing and not settings.generate:
            no_provider = "generate: false: a page without a stored image shows its previous hero or a placeholder"
        wanted = () if no_provider else tuple(_MissingHero(one.hero, _file(docs_dir, one.hero.page)) for one in missing)
        if missing and no_provider:
            if no_provider not in self._said:
                self._said.add(no_provider)
                self._notify(logging.INFO, no_provider)
            self._name_shown(missing)
        elif settings.on_serve == "cached":
            self._name_shown(missing, _generate(self._command))
            wanted = ()
        if wanted:
            self._open(settings)
        if self._loop is not None:
            runtime = self._runtimes[-1][1]
            request = _PreviewRequest(settings, runtime, wanted, self._began_at)
            self._loop.start(self._in_loop_take, request)

    def close(self) -> None:
        """End what still runs. What was paid for and not collected is in the journal."""
        if self._loop is None:
            return
        loop, self._loop = self._loop, None
        making = len(self._flying)
        if making:
            self._notify(logging.INFO, left_behind(making))
        awaited = sorted({name for _, runtime in self._runtimes for name in runtime.pipeline.awaited})
        try:
            loop.close(
                self._in_loop_end, waiting=lambda: awaited and self._notify(logging.INFO, waiting_message(awaited))
            )
        except KeyboardInterrupt:
            if awaited:
                self._notify(logging.INFO, given_up_message(awaited))
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
        from mkdocs_leonardo.acquire.loop import EventLoop
        from mkdocs_leonardo.runtime import Runtime

        runtime = Runtime(settings, environ=self._environ, notify=self._notify, budget=self._budget)
        self._runtimes.append((settings, runtime))
        if self._loop is None:
            self._loop = EventLoop()
            self._loop.start(self._in_loop_live)
        self._loop.start(runtime.pipeline.heartbeat)

    # What is said ----------------------------------------------------------------------------------------------------

    def _name_shown(self, missing: Sequence[Resolution], command: str = "") -> None:
        """Say what each page shows instead, once for each prompt, and which command makes the new hero."""
        pages = {resolution.hero.page: resolution for resolution in missing}
        new = [page for page, one in pages.items() if page not in self._told or self._told[page] != one.hero.picture]
        self._told = {page: one.hero.picture for page, one in pages.items()}
        if len(new) > PAGES_NAMED:
            if command:
                self._notify(
                    logging.INFO,
                    f"{len(new)} pages show a previous hero or a placeholder; `{command}` generates their images",
                )
            return
        for page in new:
            makes = f"; `{_generate(self._command, page)}` makes the new one" if command else ""
            self._notify(logging.INFO, f"{page}: shows {shown_instead(pages[page])}{makes}")

    # In the event loop -----------------------------------------------------------------------------------------------

    async def _in_loop_hold(self) -> None:
        self._is_held = True
        self._wake()

    async def _in_loop_take(self, request: _PreviewRequest) -> None:
        """Begin to wait for the heroes that are newly missing, and go on waiting for those that were missing before."""
        from anyio import current_time

        if self._request is not None and request.settings != self._request.settings:
            # What failed may succeed now; what is under way still is.
            self._taken = set(self._flying)
            self._reasons.clear()
        self._request = request
        settings = request.settings
        # One budget for the whole preview: a cap that began anew with each rebuild would be none.
        self._budget.allow(
            max_new_images=settings.max_new_images if request.may_buy else 0, max_cost_usd=settings.max_cost_usd
        )
        self._is_held = False
        fresh = current_time() + self._quiet_s
        before, self._pending = self._pending, {}
        for missing in request.missing:
            known = before.get(missing.hero.page)
            is_same = known is not None and known.hero.picture == missing.hero.picture
            self._pending[missing.hero.page] = replace(missing, due_s=known.due_s if known and is_same else fresh)
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()

    async def _in_loop_live(self) -> None:
        """Start each missing hero when it is due, for as long as the preview lives."""
        from anyio import Event, create_task_group, move_on_after

        async with create_task_group() as group:
            while True:
                self._changed = Event()
                with move_on_after(self._next_s()):
                    await self._changed.wait()
                self._start_due(group)

    def _next_s(self) -> float:
        """Seconds until the next hero is due."""
        from anyio import current_time

        if self._is_held or not self._pending:
            return math.inf
        return max(0.0, min(pending.due_s for pending in self._pending.values()) - current_time())

    def _start_due(self, group: TaskGroup) -> None:
        from anyio import current_time

        request = self._request
        if request is None or self._is_held:
            return
        now = current_time()
        for page in [page for page, pending in self._pending.items() if pending.due_s <= now]:
            missing = self._pending.pop(page)
            hero = missing.hero
            # A page that was saved after the rebuild had begun may ask for something else; the next rebuild shows it.
            if hero.picture is None or hero.picture in self._taken or _was_saved(missing.file, request.began_at):
                continue
            self._taken.add(hero.picture)
            self._flying.add(hero.picture)
            group.start_soon(self._in_loop_make, hero, hero.picture, request)

    async def _in_loop_make(self, hero: HeroSpec, picture: PictureSpec, request: _PreviewRequest) -> None:
        """Make one picture as a build would, and log the result."""
        from anyio import to_thread

        try:
            resolution = await request.runtime.pipeline.resolve(hero)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs a page its picture, never the preview
            self._notify(logging.DEBUG, f"{hero.page}: {error!r}")
            self._notify(logging.WARNING, f"{hero.page}: an unexpected error came up ({type(error).__name__})")
            return
        finally:
            self._flying.discard(picture)
        if resolution.failure:
            self._complain(resolution, request)
        is_outdated = self._request is not None and self._request.settings != request.settings
        if is_outdated:
            # The picture was made with earlier settings; the next rebuild checks whether they still apply.
            self._taken.discard(picture)
        if resolution.failure and not is_outdated:
            return
        if not resolution.failure:
            cost = f", ${resolution.cost_usd:.3f}" if resolution.cost_usd else ""
            made_by = resolution.asset.provider if resolution.asset else ""
            self._notify(logging.INFO, f"{hero.page}: its new hero is ready ({made_by}{cost})")
        try:
            await to_thread.run_sync(write_stamp, request.settings.cache_dir)
        except OSError as error:
            self._notify(logging.INFO, f"{hero.page}: save it to see its new hero ({error.strerror or error})")

    def _complain(self, resolution: Resolution, request: _PreviewRequest) -> None:
        """Log once why a page has no new hero, at the level of a build that goes on."""
        if resolution.capped_usd is not None and self._request is not None and not self._request.may_buy:
            # The author has switched generation off meanwhile, and knows.
            return
        on_missing = "ignore" if request.settings.on_missing == "ignore" else "warn"
        page = resolution.hero.page
        for level, complaint in complaints([resolution], on_missing=on_missing):
            if resolution.capped_usd is not None:
                fix = "; a preview counts as one build"
            elif resolution.is_refused:
                fix = ""
            else:
                fix = f"; this preview does not try it again; `{_generate(self._command, page)}` does"
            # Of twenty pages with the same reason, only the first one is a warning.
            self._notify(logging.INFO if complaint.text in self._reasons else level, f"{complaint}{fix}")
            self._reasons.add(complaint.text)

    async def _in_loop_end(self) -> None:
        for _, runtime in self._runtimes:
            with suppress(HeroError):
                await runtime.pipeline.aclose()


class StampWatcher:
    """Has the server watch the stamp, also after the cache has moved or the stamp was deleted."""

    def __init__(self, server: LiveReloadServer) -> None:
        self._server = server
        self._path: Path | None = None

    def follow(self, cache_dir: Path) -> None:
        """Watch the stamp of `cache_dir`, and no other; a watch whose file was deleted is dead and made anew."""
        path = cache_dir / STAMP
        if path == self._path and path.exists():
            return
        if self._path is not None:
            self._server.unwatch(str(self._path))
        self._path = stamp(cache_dir)
        if self._path is not None:
            self._server.watch(str(self._path))


def stamp(cache_dir: Path) -> Path | None:
    """The file to watch, made if it is not there; None where it cannot be made."""
    path = cache_dir / STAMP
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        write_plain_file(path, b"", is_added=True)
    except OSError:
        return None
    return path


def write_stamp(cache_dir: Path) -> None:
    """Have a running preview rebuild, since the cache has a new picture. OSError if the stamp cannot be written."""
    write_plain_file(cache_dir / STAMP, f"{time.time_ns()}\n".encode())


def _file(docs_dir: Path, page: str) -> Path | None:
    path = docs_dir / page
    return path if path.is_file() else None


def _was_saved(file: Path | None, began_at: float) -> bool:
    """Whether the page was written or deleted after the last rebuild had begun; a time in the future does not count."""
    try:
        return file is not None and began_at < file.stat().st_mtime <= time.time()
    except OSError:
        return True


def announce(cache_dir: Path) -> None:
    """Have previews on this cache show what is in it now; a cache that no preview has used is left as it is."""
    with suppress(OSError):
        if (cache_dir / STAMP).exists():
            write_stamp(cache_dir)


def _generate(command: Sequence[str], page: str = "") -> str:
    """The command that makes the hero of `page`, or of every page, quoted for a shell."""
    return shlex.join([*command, "generate", *([page] if page else [])])
