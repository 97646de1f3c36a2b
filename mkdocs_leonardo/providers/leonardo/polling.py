"""The times at which to poll a job: pure arithmetic on the render times of earlier jobs.

The constants come from ``tests/benchmarks/bench_polling.py``, which plays 100 jobs in 10 slots with 19 ms a request.
Requests per picture (one create call included) and lateness (collected minus done) as a part of the render time:

| render times, seconds | nothing known before | known from earlier builds |
|-----------------------|----------------------|---------------------------|
| uniform 15 to 25      | 3.97, 8.3 %          | 3.70, 8.2 %               |
| uniform 1.5 to 2.5    | 3.37, 11.0 %         | 3.56, 8.9 %               |
| always 20             | 3.11, 6.8 %          | 2.96, 9.4 %               |
| always 2              | 2.92, 10.0 %         | 2.57, 9.3 %               |

All 100 take 1.08 to 1.11 times as long as on the ideal schedule. A few quick ones among slow ones are
collected late (up to 40 %): asking early enough for them would cost every other job a poll.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import anyio

#: The first poll without earlier render times, as a part of the estimate.
ESTIMATE_PART = 0.8
#: The quantile of earlier render times that counts as quick; the least time is often an outlier.
QUICK_QUANTILE = 0.18
#: The first poll comes this much after the quick time once `ENOUGH` times are known; before, at the quick time.
FIRST_MARGIN = 1.10
ENOUGH = 6
#: The next poll comes when the waiting time has grown by this part, or by `LEAST_STEP_S`.
GROWTH = 0.14
#: The same while few times are known, since the first jobs together would poll too often.
UNSURE_GROWTH = 0.2
LEAST_STEP_S = 0.1
#: The polls of a scout of an unknown kind: from 0.5 s, every 0.3 s at first, then by a fifth.
SCOUT_FIRST_S = 0.5
SCOUT_STEP_S = 0.3
SCOUT_STEPS_UNTIL_S = 2.4
SCOUT_GROWTH = 0.2
#: The polls of a scout of a known kind, as parts of the first poll's time: the service may have become quicker.
SCOUT_PARTS = (0.35, 0.65)
#: A job that was done at its first poll may have been done earlier, so its time is noted as this much shorter.
#: Otherwise the first poll would come later and later, since every noted time includes the wait for its poll.
UNSEEN_MARGIN = FIRST_MARGIN * 1.1
#: A change of the times by this factor makes the times before it invalid.
CHANGE = 2.5
#: How many of the last times count.
WINDOW = 24
#: A scout of a known kind is sent out when at least this many jobs wait, since only they gain by it.
WORTH_SCOUTING = 4


def next_poll_s(elapsed_s: float, last_s: float, seen: Sequence[float], estimate_s: float, *, scout: bool) -> float:
    """Seconds from now until the next poll of a job accepted `elapsed_s` ago and last asked for at `last_s` (0: never).

    `seen` are the render times of its kind, oldest first.
    """
    at_s = _first_poll_s(seen, estimate_s)
    if scout and not seen:
        step_s = SCOUT_STEP_S if last_s < SCOUT_STEPS_UNTIL_S else last_s * SCOUT_GROWTH
        at_s = last_s + step_s if last_s else SCOUT_FIRST_S
    elif last_s >= at_s:
        growth = GROWTH if len(seen) >= ENOUGH else UNSURE_GROWTH
        at_s = last_s * (1 + growth)
    elif scout:
        at_s = min(part for part in (*(at_s * part for part in SCOUT_PARTS), at_s) if part > last_s)
    if last_s:
        at_s = max(at_s, last_s + LEAST_STEP_S)
    return max(0.0, at_s - elapsed_s)


def render_time_s(last_s: float, done_s: float) -> float:
    """The likely render time of a job seen unfinished at `last_s` (0: never) and done at `done_s`."""
    return (last_s + done_s) / 2 if last_s else done_s / UNSEEN_MARGIN


def recent(seen: Sequence[float]) -> tuple[float, ...]:
    """The last times that belong together, oldest first."""
    kept: list[float] = []
    for seconds in reversed(seen[-WINDOW:]):
        if kept and not kept[0] / CHANGE < seconds < kept[0] * CHANGE:
            break
        kept.append(seconds)
    return tuple(reversed(kept))


def _first_poll_s(seen: Sequence[float], estimate_s: float) -> float:
    if not seen:
        return estimate_s * ESTIMATE_PART
    times = sorted(recent(seen))
    place = QUICK_QUANTILE * (len(times) - 1)
    low = int(place)
    high = min(low + 1, len(times) - 1)
    quick_s = times[low] + (times[high] - times[low]) * (place - low)
    return quick_s * (FIRST_MARGIN if len(times) >= ENOUGH else 1.0)


class RenderClock:
    """The render times of one process, by kind; what earlier ones saw comes from `load`, and `observe` keeps.

    Belongs to one event loop. `load` and `observe` run in worker threads.
    """

    def __init__(self, load: Callable[[str], tuple[float, ...]], observe: Callable[[str, float], None]) -> None:
        self._load = load
        self._observe = observe
        self._kinds: dict[str, _Kind] = {}

    async def kind(self, name: str) -> _Kind:
        """The render times of the kind."""
        import anyio.to_thread

        if name not in self._kinds:
            seen = await anyio.to_thread.run_sync(self._load, name)
            # Another job may have been quicker with the same.
            self._kinds.setdefault(name, _Kind(tuple(seen)))
        return self._kinds[name]

    async def add(self, name: str, last_s: float, done_s: float) -> None:
        """A job of the kind was unfinished at `last_s` (0: not asked) and done at `done_s`."""
        import anyio.to_thread

        seconds = render_time_s(last_s, done_s)
        (await self.kind(name)).add(seconds)
        await anyio.to_thread.run_sync(self._observe, name, seconds)


class _Kind:
    """Jobs that should take about the same time."""

    def __init__(self, seen: tuple[float, ...]) -> None:
        self.seen = seen
        self._waiting: list[object] = []
        self._scout: object | None = None
        self._scouted = False
        self._changed: anyio.Event | None = None

    @contextmanager
    def waiting(self) -> Iterator[object]:
        """Count one job among those that wait; gives its token. A scout that gives up leaves its place to another."""
        token = object()
        self._waiting.append(token)
        try:
            yield token
        finally:
            self._waiting.remove(token)
            if self._scout is token:
                self._scout = None
                self._wake()

    def is_scout(self, token: object) -> bool:
        """Whether this job is polled ahead of all other jobs. The first caller's job is, if a scout is worth while."""
        worth_while = not self.seen or (not self._scouted and len(self._waiting) >= WORTH_SCOUTING)
        if self._scout is None and worth_while:
            self._scout = token
            self._scouted = True
        return self._scout is token

    def add(self, seconds: float) -> None:
        """Add a render time; waiting jobs plan anew if it changes much."""
        before = _first_poll_s(self.seen, seconds) if self.seen else None
        self.seen = (*self.seen, seconds)[-2 * WINDOW :]
        after = _first_poll_s(self.seen, seconds)
        if before is None or len(self.seen) <= ENOUGH or not 1 / CHANGE < after / before < CHANGE:
            self._wake()

    def changed(self) -> anyio.Event:
        """The event that is set when waiting jobs should plan anew."""
        import anyio

        if self._changed is None:
            self._changed = anyio.Event()
        return self._changed

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
