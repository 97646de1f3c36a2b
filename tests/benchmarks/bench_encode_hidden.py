"""Measures how much encoding hides behind the generation of other images in a cold build, and compares sharp.

    python tests/benchmarks/bench_encode_hidden.py [PICTURES] [RENDER_S] [SHARP_FOLDER]

A Material site has PICTURES (50) pages. The loopback Leonardo makes their pictures, ten at a time, in RENDER_S (4)
seconds each. They differ, and each has about 203 KiB. All formats and widths are written. One run prints the wall
time and the processor time of each of these:

- generation: a build that writes one small file for each picture.
- build: a build that writes everything.
- encoding: the build's pictures, encoded by as many threads as there are cores.
- sharp: the same files and settings with npm's sharp, if node and `SHARP_FOLDER/node_modules/sharp` are there.

Two ratios follow: the build against the longer of generation and encoding, and our encoding against sharp's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.photographs import delivering, photographs
from builds import Site, page
from services import ServicesProcess

from mkdocs_leonardo.imaging.render import choose_encoder_options, render
from mkdocs_leonardo.spec import Encoding, PictureRecord

CORES = len(os.sched_getaffinity(0))
EVERYTHING = Encoding(("avif", "webp", "jpeg"), spares_fallback=False)
SHARP = """
const [list, out, widths, speeds] = process.argv.slice(1).map(text => JSON.parse(text));
const sharp = require("sharp");
const fs = require("fs");
sharp.concurrency(1);
sharp.cache(false);
const files = list.slice();
let written = 0;
async function worker() {
  for (let file; (file = files.pop()); ) {
    const picture = fs.readFileSync(file);
    for (const width of widths) {
      const at = format => `${out}/${file.split("/").pop()}-${width}.${format}`;
      const copy = () => sharp(picture).resize(width, Math.round(width * 864 / 1536), {kernel: "lanczos3"});
      const made = [
        await copy().avif({quality: 55, effort: 9 - speeds[width], chromaSubsampling: "4:2:0"}).toFile(at("avif")),
        await copy().webp({quality: 75, effort: 4}).toFile(at("webp")),
        await copy().jpeg({quality: 70, progressive: true, optimiseCoding: true, optimiseScans: false,
          chromaSubsampling: "4:2:0"}).toFile(at("jpg")),
      ];
      for (const each of made) written += each.size;
    }
    const social = sharp(picture).resize(1200, 630, {kernel: "lanczos3"});
    const place = `${out}/${file.split("/").pop()}-social.jpg`;
    written += (await social.jpeg({quality: 80, progressive: true}).toFile(place)).size;
  }
}
Promise.all(Array.from({length: Number(process.env.CORES)}, worker)).then(() => console.log(written));
"""


@dataclass(frozen=True)
class Cost:
    """The seconds of a piece of work: wall time, and processor time of all cores together."""

    wall_s: float
    processor_s: float

    def row(self, name: str) -> str:
        """The line of the table for the work called `name`."""
        return (
            f"{name:11} {self.wall_s:6.1f} s wall  {self.processor_s:6.1f} s of processor "
            f" {100 * self.processor_s / (CORES * self.wall_s):3.0f} % of {CORES} cores"
        )


def cost_of(work: Callable[[], object]) -> Cost:
    """Return the seconds that the work takes in this process and in the processes that it starts."""

    def processor_s() -> float:
        return sum(os.times()[:4])

    before, started = processor_s(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - started, processor_s() - before)


def build(site: Site, services: ServicesProcess, options: dict[str, Any]) -> None:
    """Build the site from an empty cache."""
    shutil.rmtree(site.cache, ignore_errors=True)
    site.configure(services, options)
    subprocess.run(site.command("--quiet"), cwd=site.folder, env=site.environ(services), check=True)


def encode(files: list[Path], folder: Path) -> int:
    """Encode the pictures as the build does, and return the bytes written."""
    memory_slots = BoundedSemaphore(max(1, CORES // 2))

    def one(file: Path) -> int:
        key = f"{file.stem:0>16}"
        rendering = render(
            file.read_bytes(),
            PictureRecord(key, "", "", "leonardo", "phoenix"),
            variant_key=key,
            encoding=EVERYTHING,
            folder=folder,
            memory_slots=memory_slots,
        )
        return sum(variant.size_bytes for variant in rendering.variants)

    with ThreadPoolExecutor(CORES) as pool:
        return sum(pool.map(one, files))


def sharp(files: list[Path], folder: Path, modules: Path) -> int:
    """Encode the pictures with sharp, and return the bytes written."""
    widths = EVERYTHING.widths
    arguments = [
        json.dumps([str(file) for file in files]),
        json.dumps(str(folder)),
        json.dumps(widths),
        json.dumps({width: choose_encoder_options("avif", width)["speed"] for width in widths}),
    ]
    environ = {**os.environ, "NODE_PATH": str(modules), "CORES": str(CORES), "UV_THREADPOOL_SIZE": str(CORES)}
    answer = subprocess.run(["node", "-e", SHARP, *arguments], env=environ, check=True, capture_output=True, text=True)
    return int(answer.stdout)


def main(number: int = 50, render_s: float = 4.0, sharp_folder: str = "") -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch, ServicesProcess() as services:
        services.leonardo.render_s = render_s
        pictures = photographs(number)
        files = [Path(scratch, f"{n}.jpg") for n in range(number)]
        for file, data in zip(files, pictures, strict=True):
            file.write_bytes(data)
        pages = {f"page{n}.md": page(f"Page {n}", hero_prompt=f"view number {n}") for n in range(number)}
        options = {"max_new_images": number, "leonardo": {"requests_per_minute": 2000, "timeout": 120}}
        site = Site(Path(scratch, "site"), {"index.md": page("Home"), **pages}, options, {"theme": "material"})
        everything = {"formats": list(EVERYTHING.formats), "widths": list(EVERYTHING.widths)}
        with delivering(services, pictures):
            generation = cost_of(lambda: build(site, services, {"formats": ["jpeg"], "widths": [480]}))
            print(generation.row("generation"), flush=True)
            whole = cost_of(lambda: build(site, services, everything))
            print(whole.row("build"), flush=True)
        written = []
        encoding = cost_of(lambda: written.append(encode(files, Path(scratch, "ours"))))
        print(encoding.row("encoding"), f" {written[0] / 1024 / number:.0f} KiB a picture", flush=True)
        best_s = max(generation.wall_s, encoding.wall_s)
        print(f"the build takes {whole.wall_s / best_s:.2f} of the longer of generation and encoding")
        modules = Path(sharp_folder or ".", "node_modules")
        if shutil.which("node") is None or not (modules / "sharp").is_dir():
            print("sharp: left out, because node or sharp is not installed (npm install sharp in SHARP_FOLDER)")
            return
        Path(scratch, "sharp").mkdir()
        theirs = cost_of(lambda: written.append(sharp(files, Path(scratch, "sharp"), modules)))
        print(theirs.row("sharp"), f" {written[1] / 1024 / number:.0f} KiB a picture")
        print(
            f"our encoding against sharp's: {encoding.wall_s / theirs.wall_s:.2f} by the clock,"
            f" {encoding.processor_s / theirs.processor_s:.2f} of processor"
        )


if __name__ == "__main__":
    main(*(kind(value) for kind, value in zip((int, float, str), sys.argv[1:], strict=False)))
