"""Compares a Zensical build whose heroes are all cached with Zensical alone, in one run.

    python tests/benchmarks/bench_zensical.py [PAGES] [ROUNDS]

A Material site has PAGES (200) pages, each with a hero whose default files are in the cache. A second comparison has
the same pages without hero keys. `mkdocs-leonardo zensical build` and `zensical build` alternate, cold (`--clean`) and
warm. Medians of wall time and processor time are printed, and the median ratio of the pairs.
"""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_warm_build import CONFIG, TEXT, prompt, seed, source
from builds import Site, page

import mkdocs_leonardo

BIN = Path(sys.executable).parent
OURS = (str(BIN / "mkdocs-leonardo"), "zensical", "build")
ALONE = (str(BIN / "zensical"), "build")


def measure(site: Site, command: Sequence[str], *arguments: str) -> tuple[float, float]:
    """Wall and processor seconds of one build."""
    before, started = os.times(), time.perf_counter()
    subprocess.run(
        [*command, *arguments], cwd=site.folder, env=site.environ(None), check=True, stdout=subprocess.DEVNULL
    )
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, used


def compare(name: str, site: Site, plain: Site, arguments: Sequence[str], rounds: int) -> None:
    """Print what heroes cost: medians of alternating builds."""
    measure(site, OURS, *arguments)
    measure(plain, ALONE, *arguments)
    pairs = [(measure(site, OURS, *arguments), measure(plain, ALONE, *arguments)) for _ in range(rounds)]
    for which, word in enumerate(("wall", "processor")):
        ours = statistics.median(pair[0][which] for pair in pairs)
        alone = statistics.median(pair[1][which] for pair in pairs)
        ratio = statistics.median(pair[0][which] / pair[1][which] for pair in pairs)
        print(f"{name:6} {word:9} with {ours:7.3f} s   alone {alone:7.3f} s   ratio {ratio:.3f}")


def main(pages: int = 200, rounds: int = 7) -> None:
    """Seed, build and print."""
    # Compile as an installer does; a checkout without compiled files would be read anew by every build.
    compileall.compile_dir(Path(mkdocs_leonardo.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory() as scratch:
        home: dict[str, str | bytes] = {"index.md": page("Home", TEXT)}
        heroes = {source(n): page(f"Page {n}", TEXT, hero_prompt=prompt(n)) for n in range(pages)}
        plain = {source(n): page(f"Page {n}", TEXT) for n in range(pages)}
        with_heroes = Site(Path(scratch) / "heroes", pages={**home, **heroes}, config=CONFIG, has_small_files=False)
        without = Site(Path(scratch) / "plain", pages={**home, **plain}, config={**CONFIG, "plugins": ["search"]})
        with_heroes.configure(None)
        without.configure(None)
        seed(with_heroes, pages)
        for name, arguments in (("cold", ("--clean",)), ("warm", ())):
            compare(name, with_heroes, without, arguments, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
