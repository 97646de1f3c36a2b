"""The times at which to poll a job: pure arithmetic on the generation times of earlier jobs.

The constants come from ``tests/benchmarks/bench_polling.py``, which plays 100 jobs in 10 slots with 19 ms a request.
Requests per picture (one create call included) and lateness (collected minus done) as a part of the generation time:

| generation times, seconds | nothing known before | known from earlier builds |
|---------------------------|----------------------|---------------------------|
| uniform 15 to 25          | 3.97, 8.3 %          | 3.70, 8.2 %               |
| uniform 1.5 to 2.5        | 3.37, 11.0 %         | 3.56, 8.9 %               |
| always 20                 | 3.11, 6.8 %          | 2.96, 9.4 %               |
| always 2                  | 2.92, 10.0 %         | 2.57, 9.3 %               |

All 100 jobs take 1.08 to 1.11 times as long as on the ideal schedule. A few quick jobs among slow ones are
collected late (up to 40 %). Polls that are early enough for them would cost every other job a poll.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from mkdocs_leonardo.providers.interface import JsonValue, Memory

if TYPE_CHECKING:
    import anyio

#: The first poll without earlier generation times, as a part of the estimate.
ESTIMATE_PART = 0.8
#: The quantile of earlier generation times that counts as quick. The least time is often an outlier.
QUICK_QUANTILE = 0.18
#: The first poll comes this much after the quick time once `ENOUGH` times are known; before, at the quick time.
FIRST_MARGIN = 1.10
ENOUGH = 6
#: The next poll comes when the elapsed time has grown by this fraction, and at least by `LEAST_STEP_S`.
GROWTH = 0.14
#: `GROWTH` while few times are known, since the first jobs together would poll too often.
UNSURE_GROWTH = 0.2
LEAST_STEP_S = 0.1
#: One job of a group is polled early, so that the schedule of the group learns from it. The early polls of a group
#: without generation times: from 0.5 s, every 0.3 s at first, then by a fifth.
EARLY_FIRST_S = 0.5
EARLY_STEP_S = 0.3
EARLY_STEPS_UNTIL_S = 2.4
EARLY_GROWTH = 0.2
#: The early polls of a group with generation times, as parts of the first poll's time. They show that the service has
#: become quicker.
EARLY_PARTS = (0.35, 0.65)
#: A job that was done at its first poll may have been done earlier, so its time is noted as this much shorter.
#: Without this margin, each first poll would come later than the last one, since a noted time includes the wait for
#: its poll.
UNSEEN_MARGIN = FIRST_MARGIN * 1.1
#: A change of the times by this factor makes the times before it invalid.
CHANGE = 2.5
#: The number of the latest times that count.
WINDOW = 24
#: A job of a group with generation times is polled early if at least this many jobs wait, since only they gain by it.
EARLY_MIN_JOBS = 4
#: The prefix of the memory's keys, and the time for which a kind without new jobs is remembered (seconds): 90 days.
_TIMES, _TIMES_LIFE_S = "times:", 90 * 86_400.0
#: The number of stored times, and the longest plausible one (seconds).
_MOST_TIMES, _LONGEST_S = 32, 3600.0


def next_poll_s(elapsed_s: float, last_s: float, times: Sequence[float], estimate_s: float, *, early: bool) -> float:
    """Return seconds from now until the next poll of a job that was accepted `elapsed_s` ago.

    `last_s` is the job's age at its last poll, 0 without one. `times` holds the generation times of the job's group,
    oldest first. `early`: the job is the one that is polled early.
    """
    at_s = _first_poll_s(times, estimate_s)
    if early and not times:
        step_s = EARLY_STEP_S if last_s < EARLY_STEPS_UNTIL_S else last_s * EARLY_GROWTH
        at_s = last_s + step_s if last_s else EARLY_FIRST_S
    elif last_s >= at_s:
        growth = GROWTH if len(times) >= ENOUGH else UNSURE_GROWTH
        at_s = last_s * (1 + growth)
    elif early:
        at_s = min(part for part in (*(at_s * part for part in EARLY_PARTS), at_s) if part > last_s)
    if last_s:
        at_s = max(at_s, last_s + LEAST_STEP_S)
    return max(0.0, at_s - elapsed_s)


def generation_time_s(last_s: float, done_s: float) -> float:
    """Return the likely generation time of a job unfinished at `last_s` (0: not polled) and done at `done_s`."""
    return (last_s + done_s) / 2 if last_s else done_s / UNSEEN_MARGIN


def recent(times: Sequence[float]) -> tuple[float, ...]:
    """Return the times since the last change by `CHANGE`, oldest first."""
    recent_times: list[float] = []
    for seconds in reversed(times[-WINDOW:]):
        if recent_times and not recent_times[0] / CHANGE < seconds < recent_times[0] * CHANGE:
            break
        recent_times.append(seconds)
    return tuple(reversed(recent_times))


def _first_poll_s(generation_times: Sequence[float], estimate_s: float) -> float:
    if not generation_times:
        return estimate_s * ESTIMATE_PART
    times = sorted(recent(generation_times))
    position = QUICK_QUANTILE * (len(times) - 1)
    low = int(position)
    high = min(low + 1, len(times) - 1)
    quick_s = times[low] + (times[high] - times[low]) * (position - low)
    return quick_s * (FIRST_MARGIN if len(times) >= ENOUGH else 1.0)


class GenerationTimeTable:
    """The generation times of this process's jobs, by kind: a job's model, size and quality.

    `memory` has the times of earlier processes; worker threads read and write it. A table belongs to one event loop.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._groups: dict[str, JobGroup] = {}

    async def group(self, kind: str) -> JobGroup:
        """Return the group of the jobs of `kind`."""
        from mkdocs_leonardo.providers.toolkit import to_thread

        if kind not in self._groups:
            stored = await to_thread(self._memory.get, _TIMES + kind)
            # Another job may have created the group meanwhile.
            self._groups.setdefault(kind, JobGroup(_times_in(stored)))
        return self._groups[kind]

    async def add(self, kind: str, last_s: float, done_s: float) -> None:
        """Note the generation time of a job that was unfinished at `last_s` (0: not polled) and done at `done_s`."""
        from mkdocs_leonardo.providers.toolkit import to_thread

        seconds = generation_time_s(last_s, done_s)
        (await self.group(kind)).add(seconds)

        def change(value: JsonValue | None) -> tuple[None, JsonValue]:
            return None, [*_times_in([*_times_in(value), seconds])]

        await to_thread(partial(self._memory.update, _TIMES + kind, change, expire_s=_TIMES_LIFE_S))


def _times_in(value: JsonValue | None) -> tuple[float, ...]:
    """Return the latest stored times that are plausible, oldest first."""
    times = value if isinstance(value, list) else []
    numbers = (time for time in times if isinstance(time, int | float) and not isinstance(time, bool))
    return tuple(float(seconds) for seconds in numbers if 0 < seconds < _LONGEST_S)[-_MOST_TIMES:]


class JobGroup:
    """The jobs of one kind, which take about the same time. One job is polled early, so that the rest can be timed."""

    def __init__(self, times: tuple[float, ...]) -> None:
        self.times = times
        self._waiting: list[object] = []
        self._early_job: object | None = None
        self._had_early_job = False
        self._changed: anyio.Event | None = None

    @contextmanager
    def waiting(self) -> Iterator[object]:
        """Count one job among those that wait during the block, and yield a token for the job.

        If the job that is polled early gives up, another one takes its place.
        """
        token = object()
        self._waiting.append(token)
        try:
            yield token
        finally:
            self._waiting.remove(token)
            if self._early_job is token:
                self._early_job = None
                self._wake()

    def claim_early_poll(self, token: object) -> bool:
        """Claim the early poll if it is free and the other jobs gain by it; return whether this job has it."""
        rest_gains = not self.times or (not self._had_early_job and len(self._waiting) >= EARLY_MIN_JOBS)
        if self._early_job is None and rest_gains:
            self._early_job = token
            self._had_early_job = True
        return self._early_job is token

    def add(self, seconds: float) -> None:
        """Add a generation time; wake the waiting jobs if this time changes the jobs' schedule much."""
        previous_s = _first_poll_s(self.times, seconds) if self.times else None
        self.times = (*self.times, seconds)[-2 * WINDOW :]
        current_s = _first_poll_s(self.times, seconds)
        if previous_s is None or len(self.times) <= ENOUGH or not 1 / CHANGE < current_s / previous_s < CHANGE:
            self._wake()

    def changed(self) -> anyio.Event:
        """Return the event that is set when the schedule of the waiting jobs has changed."""
        import anyio

        if self._changed is None:
            self._changed = anyio.Event()
        return self._changed

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
