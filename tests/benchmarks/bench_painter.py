"""Measures the time and memory of the local painter: `python tests/benchmarks/bench_painter.py [EVERY]`.

Milliseconds of processor time at 1536x864 are printed for every style over 60 prompts, for every scene, and for every
composition of abstract pictures. The median and the worst follow, then the memory of one picture and the number of
lines. With EVERY, only each EVERY-th prompt is painted.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from mkdocs_leonardo import painter
from mkdocs_leonardo.painter.abstract import FAMILIES, family_of
from mkdocs_leonardo.painter.picture import asked_of, paint
from mkdocs_leonardo.picture_rules import STYLES
from mkdocs_leonardo.spec import PictureSpec

SCENES = (
    "a lighthouse in a storm, dawn",
    "pine forest in morning fog",
    "autumn forest",
    "city skyline at night, neon rain",
    "desert dunes at golden hour",
    "snowy mountains under stars",
    "open ocean, moonlight",
    "a harbour at dusk",
    "autumn river valley",
    "aurora over a frozen lake",
    "spring meadow, soft light",
    "a starry sky",
)


def paint_ms(picture: PictureSpec) -> float:
    """The processor time of one picture in milliseconds."""
    start = time.thread_time()
    paint(picture)
    return (time.thread_time() - start) * 1000


def memory_mib(prompt: str, style: str) -> float:
    """The memory that one picture adds to a process that has painted a tiny one."""
    code = """
import pathlib, sys
from mkdocs_leonardo.painter.picture import paint
from mkdocs_leonardo.spec import PictureSpec
def peak():
    return next(int(line.split()[1]) for line in pathlib.Path("/proc/self/status").open() if line.startswith("VmHWM"))
paint(PictureSpec(*sys.argv[1:], width_px=64, height_px=36))
before = peak()
paint(PictureSpec(*sys.argv[1:]))
print((peak() - before) / 1024)
"""
    return float(subprocess.run([sys.executable, "-c", code, prompt, style], capture_output=True, check=True).stdout)


def one_of_each_family() -> dict[str, str]:
    """For every composition, a prompt that names no landscape."""
    found: dict[str, str] = {}
    number = 0
    while len(found) < len(FAMILIES):
        prompt = f"thought {number}"
        found.setdefault(family_of(*asked_of(PictureSpec(prompt))), prompt)
        number += 1
    return found


def main(every: int) -> None:
    """Print the tables."""
    path = Path(__file__).resolve().parent.parent / "painter_prompts.txt"
    prompts, families = path.read_text("utf-8").splitlines()[:60:every], one_of_each_family()
    times: list[float] = []

    def row(name: str, pictures: list[PictureSpec]) -> None:
        spent = [paint_ms(picture) for picture in pictures]
        times.extend(spent)
        print(f"{name:24} {statistics.median(spent):6.0f} ms  (max {max(spent):4.0f})", flush=True)

    for style in STYLES:
        row(style, [PictureSpec(prompt, style) for prompt in prompts])
    print(
        f"{len(prompts)} prompts x {len(STYLES)}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms"
    )
    for prompt in SCENES:
        row(prompt[:24], [PictureSpec(prompt, style) for style in ("CINEMATIC", "CREATIVE", "DYNAMIC", "SKETCH_COLOR")])
    for family, prompt in sorted(families.items()):
        row(family, [PictureSpec(prompt, style) for style in ("CINEMATIC", "DYNAMIC")])
    print(f"with scenes and every composition: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")
    peaks = [memory_mib(prompt, style) for prompt in (*SCENES, *prompts[::12]) for style in ("CINEMATIC", "DYNAMIC")]
    print(f"one picture's memory: median {statistics.median(peaks):.0f} MiB, most {max(peaks):.0f} MiB")
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in Path(painter.__path__[0]).glob("*.py"))
    print(f"{lines} lines of code")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
