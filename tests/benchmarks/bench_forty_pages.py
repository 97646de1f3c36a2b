"""Forty pages, jobs of 2 s, ten at a time: how near the plugin comes to the ideal 8 s, and what a second build asks.

Run: ``python tests/benchmarks/bench_forty_pages.py``. The services run in a process of their own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from builds import Site, page
from services import ServicesProcess

PAGES, RENDER_S, CONCURRENCY = 40, 2.0, 10
IDEAL_S = PAGES / CONCURRENCY * RENDER_S


def main() -> None:
    """Print what was measured."""
    with tempfile.TemporaryDirectory() as folder, ServicesProcess() as services:
        services.leonardo.render_s = RENDER_S
        site = Site(
            Path(folder),
            {f"p{place}.md": page(f"Page {place}", hero_prompt=f"a harbour, view {place}") for place in range(PAGES)},
            {
                "max_new_images": PAGES,
                "concurrency": CONCURRENCY,
                "formats": ["avif", "webp", "jpeg"],
                "widths": [480, 768, 960, 1200, 1536],
                "leonardo": {"requests_per_minute": 100_000},
            },
        )
        started = time.monotonic()
        first = site.build(services)
        first_s = time.monotonic() - started
        ledger = services.ledger
        jobs = ledger.jobs
        generation_s = max(job.collected_s or 0.0 for job in jobs) - min(job.created_s for job in jobs)
        started = time.monotonic()
        second = site.build(services)
        second_s = time.monotonic() - started
        asked = len(services.ledger.requests) - len(ledger.requests)
        print(f"exit codes            {first.exit_code}, {second.exit_code}")
        print(f"submissions           {ledger.creates} (paid twice: {len(ledger.paid_twice())})")
        print(f"peak in flight        {ledger.peak_in_flight}")
        print(f"requests a picture    {(ledger.creates + ledger.polls) / PAGES:.2f} (create and polls)")
        print(f"first create to last  {generation_s:.2f} s = {generation_s / IDEAL_S:.2f} x the ideal {IDEAL_S:.0f} s")
        print(f"first build           {first_s:.1f} s, all formats and widths")
        print(f"second build          {second_s:.1f} s, {asked} requests")


if __name__ == "__main__":
    main()
