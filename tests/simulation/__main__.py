"""``python -m tests.simulation [HISTORIES] [--seed FIRST] [--jobs N]``: plays that many histories.

``--replay SEED`` shows one history event by event; ``--mutations`` counts the histories until each removed guard is
found.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import mkdocs_leonardo

from .branches import Arc, Branches
from .histories import History, play
from .invariants import Violation, check
from .mutations import show_mutations

#: Histories that one worker plays in a row.
_CHUNK = 200
#: Tracing takes several times as long, so branches are counted in this many histories of a run.
_TRACED = 400
#: Seconds between two lines of progress.
_PROGRESS_S = 20.0
#: At most this many failing seeds of one chunk are printed.
_MOST_SHOWN = 20

_PACKAGE = Path(mkdocs_leonardo.__file__).parent
#: The modules of the purchase line, of which branches are counted.
_LINE = ("acquire/[!lp]*.py",)


@dataclass(slots=True)
class Outcome:
    """The results of some histories."""

    histories: int = 0
    builds: int = 0
    virtual_s: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[int, str]] = field(default_factory=list)
    arcs: set[Arc] = field(default_factory=set)

    def add(self, other: Outcome) -> None:
        """Add another outcome."""
        self.histories += other.histories
        self.builds += other.builds
        self.virtual_s += other.virtual_s
        self.kinds.update(other.kinds)
        self.violations += other.violations
        self.arcs |= other.arcs


def line_branches() -> Branches:
    """The branches of the purchase line."""
    return Branches.of([path for names in _LINE for path in sorted(_PACKAGE.glob(names))])


def play_some(seeds: range, *, is_traced: bool = False) -> Outcome:
    """Play the histories of `seeds`."""
    outcome = Outcome()
    # Histories are full of cycles. They are collected now and then, and what the interpreter has loaded is left out.
    gc.disable()
    gc.freeze()
    try:
        if is_traced:
            with line_branches().traced(outcome.arcs):
                _play_each(seeds, outcome)
        else:
            _play_each(seeds, outcome)
    finally:
        gc.unfreeze()
        gc.enable()
    return outcome


def _play_each(seeds: Iterable[int], outcome: Outcome) -> None:
    for seed in seeds:
        history: History | None
        try:
            history = play(seed)
        except Violation as violation:
            outcome.violations.append((seed, str(violation)))
            history = violation.history
        outcome.histories += 1
        if history is not None:
            outcome.builds += len(history.ledger.builds)
            outcome.virtual_s += history.world.now
            outcome.kinds.update(history.ledger.kinds)
        if outcome.histories % 2 == 0:
            gc.collect()


def _chunks(first: int, count: int) -> Iterator[range]:
    for start in range(first, first + count, _CHUNK):
        yield range(start, min(start + _CHUNK, first + count))


def run(first: int, count: int, jobs: int, *, stops: bool) -> Outcome:
    """Play `count` histories from the seed `first` on, in `jobs` processes; with `stops` until one fails."""
    whole = Outcome()
    began = told = time.monotonic()
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        traced = min(count, _TRACED) if not stops else 0
        waiting = [pool.submit(play_some, seeds, is_traced=True) for seeds in _chunks(first, traced)]
        chunks = _chunks(first + traced, count - traced)
        while True:
            while len(waiting) < 2 * jobs and (seeds := next(chunks, None)) is not None:
                waiting.append(pool.submit(play_some, seeds))
            if not waiting:
                break
            found = waiting.pop(0).result()
            for seed, message in found.violations[:_MOST_SHOWN]:
                print(f"seed {seed}: {message}", flush=True)
            whole.add(found)
            if stops and whole.violations:
                break
            if time.monotonic() - told > _PROGRESS_S:
                told = time.monotonic()
                print(
                    f"{whole.histories} histories, {len(whole.violations)} violations, {told - began:.0f} s", flush=True
                )
        pool.shutdown(cancel_futures=True)
    return whole


def _print(outcome: Outcome, seconds: float) -> None:
    print("events met:")
    for kind, number in sorted(outcome.kinds.items()):
        print(f"  {number:>12,}  {kind}")
    branches = line_branches()
    missed = sorted(branches.arcs - outcome.arcs)
    print(f"branches of the purchase line: {len(branches.arcs) - len(missed)} of {len(branches.arcs)}")
    for path, start, end in missed:
        print(f"  never taken: {Path(path).relative_to(_PACKAGE)}, line {start} to {end}")
    print(
        f"{outcome.histories:,} histories, {outcome.builds:,} builds, {outcome.virtual_s / 31_557_600:,.1f} years in "
        f"{seconds:.0f} s: {outcome.histories / seconds:,.0f} histories a second; {len(outcome.violations)} violations"
    )


def main(arguments: list[str]) -> int:
    """Do what the command line asks; return 1 if an invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("histories", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first history; the others count up")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--stop", action="store_true", help="at the first violation")
    parser.add_argument("--replay", type=int, metavar="SEED", help="show one history event by event")
    parser.add_argument("--mutations", action="store_true", help="show how soon each removed guard is found")
    chosen = parser.parse_args(arguments)
    if chosen.replay is not None:
        return replay(chosen.replay)
    if chosen.mutations:
        return show_mutations(chosen.jobs)
    began = time.monotonic()
    outcome = run(chosen.seed, chosen.histories, chosen.jobs, stops=chosen.stop)
    _print(outcome, time.monotonic() - began)
    return 1 if outcome.violations else 0


def replay(seed: int) -> int:
    """Show the history of `seed`; return 1 if it violates an invariant."""
    history, violation = History(seed), ""
    try:
        history.run()
        check(history)
    except Violation as error:
        violation = str(error)
    for now, event, detail in history.ledger.trace:
        print(f"{now:12.3f}  {event}  {detail}")
    print(f"trace {history.ledger.digest()}")
    if violation:
        print(f"seed {seed}: {violation}")
    return 1 if violation else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
