"""Measures the use of ten slots of the service by a real build, and its requests.

    python tests/benchmarks/bench_schedule.py

The services run in a process of their own. These sites are built:

- 100 pages whose pictures take 1.5 to 2.5 s, a tenth of the times that Leonardo needs. One build knows no render times,
  and one
  knows those of a first small build.
- 40 pages whose pictures take 2 s, with no known render times.

These are printed: requests for each picture, peak in flight, the worst sliding minute, and the wait of finished
pictures. The time from the first create call to the last download is a multiple of the ideal schedule's.
"""

from __future__ import annotations

import heapq
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from builds import Site, merge
from kill_harness import LEONARDO_ONLY, pages
from services import Behaviour, LedgerView, RendersBetween, RendersIn, ServicesProcess

SLOTS = 10
#: More than are ever needed, so that the limit on requests is not what is measured.
OPTIONS = {"concurrency": SLOTS, "max_new_images": 1000, "leonardo": {"requests_per_minute": 2000}}


@dataclass(frozen=True)
class Figures:
    """The figures of one build; `over_ideal` is the time from the first create call to the last download."""

    requests: float
    peak: int
    worst_minute: int
    over_ideal: float
    late: float
    build_s: float


def measure(ledger: LedgerView, build_s: float) -> Figures:
    """The figures of the ledger's build; the ideal schedule keeps every slot busy from the first call on."""
    jobs = ledger.jobs_of("leonardo")
    renders = [(job.ends_s or 0.0) - job.starts_s for job in jobs]
    free = [0.0] * SLOTS
    for render_s in renders:
        heapq.heappush(free, heapq.heappop(free) + render_s)
    first = min(entry.started_s for entry in ledger.requests_to("leonardo", "create"))
    last = max(entry.ended_s or 0.0 for entry in ledger.requests_to("cdn"))
    late = [
        ((job.collected_s or 0.0) - (job.ends_s or 0.0)) / render for job, render in zip(jobs, renders, strict=True)
    ]
    return Figures(
        requests=len(ledger.requests_to("leonardo")) / len(jobs),
        peak=ledger.peak_in_flight,
        worst_minute=ledger.worst_sliding_minute,
        over_ideal=(last - first) / max(free),
        late=mean(late),
        build_s=build_s,
    )


def run(name: str, number: int, fate: Behaviour, *, known: bool, options: dict[str, Any]) -> None:
    """Build a new site; with `known`, after a small one on the same cache."""
    with ServicesProcess() as services, tempfile.TemporaryDirectory() as folder:
        services.leonardo.on_create(fate)
        site = Site(Path(folder), options=merge({**LEONARDO_ONLY, **OPTIONS}, options))
        if known:
            site.write(pages(10))
            built = site.build(services)
            assert built.exit_code == 0, built.log
            services.clear_ledger()
            # Other prompts on the same pages.
            texts = {page: text.replace("view number", "prospect") for page, text in pages(number).items()}
        else:
            texts = pages(number)
        site.write(texts)
        built = site.build(services)
        assert built.totals["generated"] == number, built.log
        figures = measure(services.ledger, max(hero["seconds"] for hero in built.report["heroes"]))
        print(
            f"{name:34} {'known' if known else 'cold':6} {figures.requests:8.2f} {figures.peak:5} "
            f"{figures.worst_minute:7} {figures.over_ideal:10.3f} {figures.late:6.1%} {figures.build_s:7.1f}",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    print(f"{'pages and render times':34} {'times':6} requests  peak  minute over ideal   late build s")
    small = {"formats": ["jpeg"], "widths": [480]}
    full: dict[str, Any] = {"formats": ["avif", "webp", "jpeg"], "widths": [480, 768, 960, 1200, 1536]}
    drawn = RendersBetween(low_s=1.5, high_s=2.5, seed=1)
    for known in (True, False):
        run("100, 1.5 to 2.5 s, small files", 100, drawn, known=known, options=small)
    run("40, 2 s, small files", 40, RendersIn(2.0), known=False, options=small)
    run("40, 2 s, every file", 40, RendersIn(2.0), known=False, options=full)


if __name__ == "__main__":
    main()
