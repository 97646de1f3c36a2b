"""Compares the nine default files of a hero with the files of all three formats: builds, memory, site and readers.

    python tests/benchmarks/bench_files.py [PAGES] [ROUNDS]

A Material site has PAGES (24) pages. The loopback Leonardo delivers their pictures of 203 KiB each. Warm builds and
visits alternate for ROUNDS (5) rounds, and the medians are printed. One run on Linux prints these for both kinds:

- processor seconds and peak memory of the first build, and processor seconds of a warm one,
- the size of the heroes' files in the site,
- the bytes that a phone and a desktop load for a hero; both show AVIF,
- the phone's largest contentful paint.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_lcp import DESKTOP, FLAGS, PHONE, TEXT, hero_kib, paint_ms, serve
from benchmarks.bench_memory import peak_mib
from benchmarks.photographs import delivering, photographs
from browser.conftest import find_browser
from builds import Site, page
from services import ServicesProcess

KINDS: dict[str, dict[str, Any]] = {
    "all formats": {"formats": ["avif", "webp", "jpeg"], "widths": [480, 768, 960, 1200, 1536]},
    "default": {},
}


def processor_s(work: Callable[[], object]) -> float:
    """The processor seconds of the processes that `work` starts."""
    before = os.times()
    work()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def row(name: str, figures: list[str]) -> None:
    """Print one figure of both kinds."""
    print(f"{name:42}" + "".join(f"{figure:>16}" for figure in figures), flush=True)


def main(pages: int = 24, rounds: int = 5) -> None:
    """Build, visit and print."""
    row("", list(KINDS))
    with tempfile.TemporaryDirectory() as scratch, ServicesProcess() as services, sync_playwright() as playwright:
        services.leonardo.render_s = 0.1
        sources = {f"p{n}.md": page(f"Page {n}", TEXT, hero_prompt=f"view {n}") for n in range(pages)}
        generous = {"max_new_images": pages, "leonardo": {"requests_per_minute": 100_000}}
        sites = [
            Site(
                Path(scratch, name),
                {"index.md": page("Home", TEXT), **sources},
                {**options, **generous},
                {"theme": {"name": "material", "font": False}},
                has_small_files=False,
            )
            for name, options in KINDS.items()
        ]
        with delivering(services, photographs(4)):
            peaks: list[float] = []
            first = [processor_s(lambda site=site: peaks.append(peak_mib(site, services)[0])) for site in sites]  # type: ignore[misc]  # mypy does not infer its default
        row("first build, processor seconds a hero", [f"{seconds / pages:.2f}" for seconds in first])
        row("first build, peak MiB", [f"{peak:.0f}" for peak in peaks])
        warm = [[processor_s(partial(peak_mib, site, None)) for site in sites] for _ in range(rounds)]
        row("warm build, processor seconds", [f"{statistics.median(kind):.2f}" for kind in zip(*warm, strict=True)])
        files = [
            [file for file in (site.folder / "site/assets/leonardo").iterdir() if file.suffix != ".css"]
            for site in sites
        ]
        row("files a hero", [f"{len(kind) / pages:g}" for kind in files])
        row("their KiB", [f"{sum(file.stat().st_size for file in kind) / 1024 / pages:.0f}" for kind in files])
        with ExitStack() as stack:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
            addresses = [stack.enter_context(serve(site.folder / "site")) for site in sites]
            for device, settings in {"phone": PHONE, "desktop": DESKTOP}.items():
                kib = [[hero_kib(browser, f"{at}/p{n}/", settings) for n in range(4)] for at in addresses]
                row(f"{device}, KiB for a hero", [f"{statistics.mean(kind):.1f}" for kind in kib])
            paints = [[paint_ms(browser, f"{at}/p0/") for at in addresses] for _ in range(rounds)]
            row(
                "phone, ms to the largest paint",
                [f"{statistics.median(kind):.0f}" for kind in zip(*paints, strict=True)],
            )
            browser.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
