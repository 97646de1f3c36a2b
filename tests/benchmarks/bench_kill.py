"""Builds killed at random moments until 200 were, on sites of four pages; then everything is built until done.

Run as ``python tests/benchmarks/bench_kill.py [KILLS] [SEED]``. Prints the totals: pages, jobs paid, pictures
collected, paid twice, lost, entries left open. Takes about 2 s a kill, and 10 s more if it is unknown whether a
call was made.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from builds import Site
from kill_harness import LEONARDO_ONLY, books, build_until_done, kill_at_random, pages, states
from services import ServicesProcess

PAGES = 4
#: Killed so often before the site is built until it is done.
KILLS_A_SITE = 3


def main(kills: int, seed: int) -> int:
    """Print the totals; 0 if the books balance."""
    dice = random.Random(seed)
    total: Counter[str] = Counter()
    killed = 0
    at: Counter[str] = Counter()
    began_at = time.monotonic()
    with ServicesProcess() as services:
        services.leonardo.render_s = 0.2
        # Answers take their time, so that many kills meet one on its way.
        services.leonardo.latency_s = services.cdn.latency_s = 0.05
        while killed < kills:
            services.clear_ledger()
            with tempfile.TemporaryDirectory() as folder:
                site = Site(Path(folder), pages=pages(PAGES), options={**LEONARDO_ONLY, "concurrency": 2})
                site.configure(services)
                for _ in range(KILLS_A_SITE):
                    if kill_at_random(site, services, dice):
                        killed += 1
                        at[" ".join(states(site.cache)) or "nothing open"] += 1
                total["builds to end"] += len(build_until_done(site, services))
                found = books(site.cache, services.ledger, number_of_pages=PAGES)
            total["sites"] += 1
            for name in ("pages", "paid", "collected", "paid_twice", "lost", "open_entries"):
                total[name] += getattr(found, name)
            total["unbalanced sites"] += not found.balance
            if not found.balance:
                print(f"site {total['sites']}: {found}")
    print(f"{killed} builds killed in {time.monotonic() - began_at:.0f} s, seed {seed}")
    print("journal at the moment of death:")
    for name, count in at.most_common():
        print(f"  {count:4} {name}")
    for name, count in total.items():
        print(f"{name:16} {count}")
    return int(total["unbalanced sites"] > 0)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(numbers + [200, 1][len(numbers) :])))
