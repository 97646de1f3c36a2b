"""Compares a build whose heroes are all cached with the same site without the plugin, in one run.

    python tests/benchmarks/bench_warm_build.py [PAGES] [ROUNDS]

A Material site has PAGES (1000) pages in sections of 50. Each page has a hero with the nine default files, which are
copied into the cache from one encoded picture. A second comparison has the same pages without hero keys. The site
without the plugin has no entry for it in `plugins:`. Builds alternate, each in a process of its own, and each into the
folder of its previous site. Medians of wall time and processor time are printed, and their ratios.
"""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from builds import Site, page

import mkdocs_leonardo
from mkdocs_leonardo.config import LeonardoConfig
from mkdocs_leonardo.painter.picture import paint
from mkdocs_leonardo.runtime import Runtime
from mkdocs_leonardo.settings import settings_from
from mkdocs_leonardo.spec import HeroSpec, PictureRecord, PictureSpec, Variant, digest_of, social_name
from mkdocs_leonardo.storage.pictures import PictureFolder

TEXT = "\n\n".join(["Some words of a page that is neither short nor long. " * 8] * 6)
CONFIG = {"theme": {"name": "material", "font": False}}


def source(number: int) -> str:
    """The path of page `number` in the documentation."""
    return f"section-{number // 50:02}/page-{number:04}.md"


def prompt(number: int) -> str:
    """The prompt of page `number`."""
    return f"a harbour at dusk, number {number}"


def seed(site: Site, pages: int) -> None:
    """Put a picture and its files for every page into the cache, as if Leonardo had made them."""
    config = LeonardoConfig(str(site.folder / "mkdocs.yml"))
    config.load_dict({})
    config.validate()
    settings = settings_from(config, site.folder / "mkdocs.yml", docs_dir=site.folder / "docs")
    runtime = Runtime(settings, environ={}, notify=lambda _, message: print(message))
    scratch = site.folder / "picture.jpg"
    paint(PictureSpec(prompt(0))).save(scratch, quality=90)
    data = scratch.read_bytes()
    folder = PictureFolder(settings.cache_dir / "pictures")
    first = None
    for number in range(pages):
        picture = PictureSpec(prompt(number))
        hero = HeroSpec(source(number), picture)
        candidate = runtime.lookup.find(hero).candidates[0]
        record = PictureRecord(candidate.key, digest_of(data), "jpg", "leonardo", candidate.provider.model)
        folder.save(record, data)
        if first is None:
            first = runtime.renderer.render(data, record, hero)
            continue
        key = runtime.renderer._compute_variant_key(record, settings.encoding.for_hero(hero))
        copies = [copy_as(variant, record.key, key) for variant in first.variants]
        runtime.renderer.cache.save(key, replace(first, variants=tuple(copies)))
    runtime.close()


def copy_as(variant: Variant, key: str, variant_key: str) -> Variant:
    """Copy the file under another picture's name."""
    tail = variant.file.partition("-")[2]
    file = f"{variant_key[:16]}-{tail}"
    shutil.copyfile(variant.path, variant.folder / file)
    name = f"{key[:16]}-{tail}" if variant.role == "hero" else social_name(key, HeroSpec("").focus)
    return variant._replace(file=file, name=name)


def measure(site: Site, *, enabled: bool) -> tuple[float, float]:
    """Wall and processor seconds of one build."""
    site.config = CONFIG if enabled else {**CONFIG, "plugins": list(site.plugins), "site_dir": "plain"}
    site.configure(None)
    before, started = os.times(), time.perf_counter()
    subprocess.run(site.command("--quiet"), cwd=site.folder, env=site.environ(None), check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, used


def compare(name: str, site: Site, rounds: int) -> None:
    """Print what the plugin costs `site`: medians of alternating builds."""
    for enabled in (True, False):
        measure(site, enabled=enabled)
    pairs = [(measure(site, enabled=True), measure(site, enabled=False)) for _ in range(rounds)]
    for which, word in enumerate(("wall", "processor")):
        ours = statistics.median(pair[0][which] for pair in pairs)
        plain = statistics.median(pair[1][which] for pair in pairs)
        ratio = statistics.median(pair[0][which] / pair[1][which] for pair in pairs)
        print(f"{name:22} {word:9} with {ours:7.2f} s   without {plain:7.2f} s   ratio {ratio:.3f}")


def main(pages: int = 1000, rounds: int = 3) -> None:
    """Seed, build and print."""
    # Compile as an installer does; a checkout without compiled files would be read anew by every build.
    compileall.compile_dir(Path(mkdocs_leonardo.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory() as scratch:
        heroes = {source(n): page(f"Page {n}", TEXT, hero_prompt=prompt(n)) for n in range(pages)}
        plain = {source(n): page(f"Page {n}", TEXT) for n in range(pages)}
        home: dict[str, str | bytes] = {"index.md": page("Home", TEXT)}
        with_heroes = Site(Path(scratch) / "heroes", pages={**home, **heroes}, config=CONFIG, has_small_files=False)
        seed(with_heroes, pages)
        compare(f"{pages} heroes, warm", with_heroes, rounds)
        shutil.rmtree(Path(scratch) / "heroes")
        compare(
            f"{pages} pages, no hero", Site(Path(scratch) / "plain", pages={**home, **plain}, config=CONFIG), rounds
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
