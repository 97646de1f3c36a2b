"""How long the local painter takes, and what memory: `python tests/benchmarks/bench_painter.py [REPEATS]`.

Prints milliseconds of processor time at 1536x864 for every style over scenes and abstract pictures, for every
composition of abstract pictures, the median and the worst of all; then the memory of one picture, and the lines.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from pathlib import Path

from mkdocs_leonardo import painter
from mkdocs_leonardo.painter.abstract import FAMILIES, family_of
from mkdocs_leonardo.painter.words import read
from mkdocs_leonardo.providers.local import paint
from mkdocs_leonardo.spec import STYLES, PictureSpec, canonical_json, digest_of

SCENES = (
    "a lighthouse in a storm, dawn",
    "pine forest in morning fog",
    "city skyline at night, neon rain",
    "desert dunes at golden hour",
    "snowy mountains under stars",
    "autumn river valley",
)


def paint_ms(picture: PictureSpec) -> float:
    """Time on the processor for one picture, which another program's load hardly moves."""
    start = time.thread_time()
    paint(picture)
    return (time.thread_time() - start) * 1000


def one_of_each_family() -> dict[str, str]:
    """A prompt that names no landscape for every composition."""
    found: dict[str, str] = {}
    number = 0
    while len(found) < len(FAMILIES):
        prompt = f"thought {number}"
        fields: dict[str, str | int | None] = {"painter": 2, "prompt": prompt, "negative_prompt": "", "seed": None}
        found.setdefault(family_of(read(prompt), bytes.fromhex(digest_of(canonical_json({**fields})))), prompt)
        number += 1
    return found


def main(repeats: int) -> None:
    """Print the tables."""
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    paint(PictureSpec("a lighthouse in a storm, dawn", "DYNAMIC"))
    peak_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    families = one_of_each_family()
    times: list[float] = []

    def row(name: str, pictures: list[PictureSpec]) -> None:
        best = [min(paint_ms(picture) for _ in range(repeats)) for picture in pictures]
        times.extend(best)
        print(f"{name:24} {statistics.median(best):6.0f} ms  (max {max(best):4.0f})")

    for style in STYLES:
        row(style, [PictureSpec(prompt, style) for prompt in (*SCENES, *list(families.values())[::2])])
    for family, prompt in sorted(families.items()):
        row(family, [PictureSpec(prompt)])
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in Path(painter.__path__[0]).glob("*.py"))
    print(
        f"median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms, one picture's memory {peak_mib:.0f} MiB"
    )
    print(f"{lines} lines of code")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
