"""Simulates polls and lateness of 100 jobs in 10 slots.

    python tests/benchmarks/bench_polling.py

Several distributions of render times are simulated, with and without times known from earlier builds. These are
printed:

- requests for each picture with the create call,
- lateness as a part of the render time, average and worst,
- the total time as a multiple of the ideal schedule's.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from mkdocs_leonardo.providers.leonardo.schedule import ENOUGH, generation_time_s, next_poll_s

JOBS = 100
SLOTS = 10
REQUEST_S = 0.019
ESTIMATE_S = 15.0
ROUNDS = 10

Draw = Callable[[random.Random], float]

KINDS: dict[str, Draw] = {
    "uniform 15 to 25": lambda dice: dice.uniform(15, 25),
    "uniform 1.5 to 2.5": lambda dice: dice.uniform(1.5, 2.5),
    "uniform 5 to 8": lambda dice: dice.uniform(5, 8),
    "always 20": lambda _: 20.0,
    "always 2": lambda _: 2.0,
    "10 or 20": lambda dice: dice.choice([10, 20]) * dice.uniform(0.95, 1.05),
}


@dataclass
class _Job:
    started: float
    render_s: float
    early: bool
    last_s: float = 0.0
    polls: int = 0
    next_at: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """The figures of one round."""

    requests: float
    late: float
    latest: float
    over_ideal: float


def play(draw: Draw, *, seed: int, known: bool) -> Outcome:
    """Simulate one round: a free slot takes the next job, and every job is polled when the schedule says so."""
    dice = random.Random(seed)
    seen = [draw(dice) * 0.97 for _ in range(30)] if known else []
    renders = [draw(dice) for _ in range(JOBS)]
    waiting: list[_Job] = []
    ended: list[tuple[_Job, float]] = []
    left = iter(renders)

    def plan(job: _Job, now: float) -> None:
        elapsed_s = now - job.started
        job.next_at = now + next_poll_s(elapsed_s, job.last_s, seen, ESTIMATE_S, early=job.early)

    def start(now: float) -> None:
        render_s = next(left, None)
        if render_s is not None:
            job = _Job(now, render_s, early=not ended and not waiting and not known)
            waiting.append(job)
            plan(job, now)

    for _ in range(SLOTS):
        start(0.0)
    now = 0.0
    while waiting:
        job = min(waiting, key=lambda each: each.next_at)
        now = job.next_at + REQUEST_S
        elapsed_s = job.next_at - job.started
        job.polls += 1
        if elapsed_s < job.render_s:
            job.last_s = elapsed_s
            plan(job, now)
            continue
        waiting.remove(job)
        ended.append((job, now))
        seen.append(generation_time_s(job.last_s, elapsed_s))
        if len(seen) <= ENOUGH:
            for each in waiting:
                plan(each, now)
        start(now)
    late = [(at - job.started - job.render_s) / job.render_s for job, at in ended]
    free = [0.0] * SLOTS
    for render_s in renders:
        heapq.heappush(free, heapq.heappop(free) + render_s)
    return Outcome(1 + mean(job.polls for job, _ in ended), mean(late), max(late), now / max(free))


def average(draw: Draw, *, known: bool) -> Outcome:
    """The mean of several rounds; for the worst lateness, the largest."""
    rounds = [play(draw, seed=seed, known=known) for seed in range(ROUNDS)]
    return Outcome(
        mean(each.requests for each in rounds),
        mean(each.late for each in rounds),
        max(each.latest for each in rounds),
        mean(each.over_ideal for each in rounds),
    )


def main() -> None:
    """Print the table."""
    print(f"{JOBS} jobs, {SLOTS} slots, {REQUEST_S * 1000:.0f} ms a request, {ROUNDS} rounds")
    print(f"{'render time, s':20} {'before':9} requests   late  worst  over ideal")
    for name, draw in KINDS.items():
        for known in (False, True):
            outcome = average(draw, known=known)
            print(
                f"{name:20} {'known' if known else 'unknown':9} {outcome.requests:8.2f} {outcome.late:6.1%} "
                f"{outcome.latest:6.1%} {outcome.over_ideal:11.3f}"
            )


if __name__ == "__main__":
    main()
