"""Compares the peak memory of a cold build with many heroes with the same build without the plugin (Linux).

    python tests/benchmarks/bench_memory.py [PAGES] [PAGES_WITH_DEFAULTS]

The loopback Leonardo, in another process, delivers a picture of about 203 KiB for every page of a Material site. PAGES
(1000) pages have one small file each, since encoding does not grow with the number of pages. PAGES_WITH_DEFAULTS (40)
pages have the nine default files. The build without the plugin has no entry for it in `plugins:`. The peak of the
resident memory of each build is printed, and the difference.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.photographs import delivering, photographs
from builds import Site, page
from services import AnyServices, ServicesProcess

TEXT = "\n\n".join(["Some words of a page that is neither short nor long. " * 8] * 6)
SMALL = {"formats": ["jpeg"], "widths": [480]}


#: The peak of a child that a parent reads is at least the parent's own, so the child prints it itself. httpx
#: loads rich, for a command of its own, wherever the tests' own tools have brought it along.
BUILD = """
import atexit, pathlib, runpy, sys
sys.modules["rich"] = None
place = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: place.write_text(pathlib.Path("/proc/self/status").read_text()))
runpy.run_module("mkdocs", run_name="__main__", alter_sys=True)
"""


def peak_mib(site: Site, services: AnyServices | None) -> tuple[float, float]:
    """The peak memory of one build in MiB, and its wall time in seconds."""
    site.configure(services)
    place = site.folder / "status.txt"
    python, _, _, *arguments = site.command("--quiet")
    started = time.perf_counter()
    command = [python, "-c", BUILD, str(place), *arguments]
    subprocess.run(command, cwd=site.folder, env=site.environ(services), check=True)
    lines = [line.split() for line in place.read_text().splitlines()]
    return next(int(line[1]) / 1024 for line in lines if line[0] == "VmHWM:"), time.perf_counter() - started


def compare(folder: Path, services: AnyServices, pages: int, options: dict[str, Any]) -> None:
    """Print the peaks with and without the plugin."""
    sources = {
        f"section-{n // 50:02}/page-{n:04}.md": page(f"Page {n}", TEXT, hero_prompt=f"view number {n}")
        for n in range(pages)
    }
    generous = {"max_new_images": pages, "leonardo": {"requests_per_minute": 100_000}}
    site = Site(
        folder,
        {"index.md": page("Home", TEXT), **sources},
        {**options, **generous},
        {"theme": "material"},
        has_small_files=False,
    )
    plain, plain_s = peak_mib(replace(site, config={**site.config, "plugins": list(site.plugins)}), services)
    ours, ours_s = peak_mib(site, services)
    made = len(list(site.cache.glob("pictures/**/*.jpg")))
    files = len(list(site.cache.glob("variants/*")))
    print(
        f"{pages:5} heroes ({made} made), {files // pages:2} files each:"
        f" peak {ours:.0f} MiB in {ours_s:.0f} s, without the plugin {plain:.0f} MiB in {plain_s:.0f} s,"
        f" difference {ours - plain:.0f} MiB"
    )


def main(pages: int = 1000, pages_with_defaults: int = 40) -> None:
    """Build and print."""
    with tempfile.TemporaryDirectory() as scratch, ServicesProcess() as services:
        services.leonardo.render_s = 0.2
        with delivering(services, photographs(4)):
            compare(Path(scratch, "small"), services, pages, SMALL)
            compare(Path(scratch, "defaults"), services, pages_with_defaults, {})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
