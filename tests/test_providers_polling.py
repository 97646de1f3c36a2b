from __future__ import annotations

import math
import random
from itertools import pairwise

import anyio
import pytest
from benchmarks.bench_polling import KINDS, average

from mkdocs_leonardo.providers.base import ProcessMemory
from mkdocs_leonardo.providers.leonardo.schedule import (
    CHANGE,
    GenerationTimeTable,
    generation_time_s,
    next_poll_s,
    recent,
)

pytestmark = pytest.mark.anyio


def poll_times(render_s: float, seen: tuple[float, ...], estimate_s: float, *, early: bool) -> list[float]:
    """The times of the polls of a job that takes `render_s`, in seconds since its acceptance."""
    times = [0.0]
    while times[-1] < render_s:
        times.append(times[-1] + next_poll_s(times[-1], times[-1], seen, estimate_s, early=early))
    return times[1:]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("kind", ["uniform 15 to 25", "uniform 1.5 to 2.5", "always 20", "always 2"])
def test_schedule_takes_four_requests_and_a_tenth_of_the_time(kind: str, *, known: bool) -> None:
    """A picture takes on average 4 requests, a lateness of a tenth of its time, and 12 % more than the ideal."""
    outcome = average(KINDS[kind], known=known)
    assert outcome.requests <= 4.0
    assert outcome.late <= 0.115
    assert outcome.over_ideal <= 1.12


def test_next_poll_nothing_seen_waits_for_most_of_the_estimate() -> None:
    """Without known render times, most jobs are first polled after most of the estimate."""
    assert next_poll_s(0.0, 0.0, (), 15.0, early=False) == pytest.approx(12.0)


def test_next_poll_that_is_early_finds_a_quick_service_out() -> None:
    """One early poll finds a job of 2 s at 2.3 s, although 15 s were expected."""
    assert poll_times(2.0, (), 15.0, early=True)[-1] == pytest.approx(2.0, abs=0.31)
    assert len(poll_times(20.0, (), 15.0, early=True)) < 22


def test_next_poll_that_is_early_comes_before_the_times_seen() -> None:
    """One early poll comes before the known render times, in case the service is quicker now."""
    times = poll_times(15.0, (15.0,) * 8, 15.0, early=True)
    assert times[0] < 6 < times[1] < 11 < times[2]


def test_next_poll_times_seen_come_before_the_estimate() -> None:
    """Known render times replace the configured estimate."""
    assert next_poll_s(0.0, 0.0, (2.0,) * 8, 15.0, early=False) == pytest.approx(2.2)


def test_next_poll_in_the_past_is_now() -> None:
    """A job that should be done is polled at once."""
    assert next_poll_s(99.0, 0.0, (2.0,) * 8, 15.0, early=False) == 0.0


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("seen", [(), (0.01,), (20.0,) * 9])
def test_schedule_always_moves_on(seen: tuple[float, ...], *, early: bool) -> None:
    """Two polls of one job are at least a tenth of a second apart."""
    times = poll_times(60.0, seen, 15.0, early=early)
    assert all(later - earlier >= 0.099 for earlier, later in pairwise(times))


def test_render_time_lies_between_the_polls() -> None:
    """The render time is between the last pending poll and the first done one."""
    assert generation_time_s(10.0, 12.0) == pytest.approx(11.0)
    assert 8.0 < generation_time_s(0.0, 12.0) < 11.0


def test_recent_forgets_what_was_before_a_change() -> None:
    """Render times of another magnitude than the last ones are forgotten."""
    assert recent((20.0, 21.0, 2.0, 2.1)) == (2.0, 2.1)
    assert recent((15.0, 25.0)) == (15.0, 25.0)
    assert CHANGE > 25 / 15


async def test_render_times_first_time_seen_wakes_those_who_wait() -> None:
    """The first render time of a kind wakes all waiting jobs and is stored."""
    memory = ProcessMemory()
    times = GenerationTimeTable(memory)
    group = await times.group("phoenix")
    changed = group.changed()
    await times.add("phoenix", 2.0, 2.2)
    with anyio.fail_after(1):
        await changed.wait()
    assert memory.get("times:phoenix") == pytest.approx([2.1])
    assert (await times.group("phoenix")).times == pytest.approx((2.1,))


async def test_render_times_are_the_last_of_their_kind() -> None:
    """The last 32 render times of each kind are stored, oldest first."""
    memory = ProcessMemory()
    times = GenerationTimeTable(memory)
    for seconds in (*map(float, range(1, 41)), 1e6, math.inf):
        await times.add("phoenix", seconds, seconds)

    assert (await GenerationTimeTable(memory).group("phoenix")).times == tuple(map(float, range(9, 41)))
    assert (await GenerationTimeTable(memory).group("other")).times == ()


async def test_times_that_are_not_ours_are_left_out() -> None:
    """Of a crafted row, only valid render times are used."""
    memory = ProcessMemory()
    memory.update("times:k", lambda _: (None, [1, "x", None, -5, 0, 1e9, 10**400, [2], True, 2.5]), expire_s=60)

    assert (await GenerationTimeTable(memory).group("k")).times == (1.0, 2.5)


async def test_render_times_has_one_early_job_of_an_unknown_kind_and_replaces_it() -> None:
    """One job of an unknown kind is polled early; if it ends without a picture, another one takes its place."""
    times = GenerationTimeTable(ProcessMemory())
    group = await times.group("phoenix")
    with group.waiting() as second:
        with group.waiting() as first:
            assert group.claim_early_poll(first)
            assert not group.claim_early_poll(second)
            changed = group.changed()
        assert changed.is_set()
        assert group.claim_early_poll(second)


async def test_render_times_has_one_early_job_of_a_known_kind_once_and_for_many() -> None:
    """A known kind has one early job, and only while several jobs wait."""
    dice = random.Random(1)
    memory = ProcessMemory()
    memory.update("times:phoenix", lambda _: (None, [dice.uniform(15, 25) for _ in range(8)]), expire_s=60)
    times = GenerationTimeTable(memory)
    group = await times.group("phoenix")
    with group.waiting() as one, group.waiting(), group.waiting():
        assert not group.claim_early_poll(one)
        with group.waiting() as fourth:
            assert group.claim_early_poll(fourth)
        assert not group.claim_early_poll(one)
