"""How long the local painter takes: `python tests/benchmarks/bench_painter.py [REPEATS]`.

Prints milliseconds per style at 1536x864 and the ratio to encoding the same picture as one JPEG.
"""

from __future__ import annotations

import io
import statistics
import sys
import time

from PIL import Image

from mkdocs_leonardo.providers.local import paint
from mkdocs_leonardo.spec import STYLES, PictureSpec

PROMPTS = ("a lighthouse in a storm, dawn", "a harbour at dusk", "how we cut our build time in half")


def paint_ms(picture: PictureSpec) -> float:
    """Time on the processor for one picture, which another program's load hardly moves."""
    start = time.thread_time()
    paint(picture)
    return (time.thread_time() - start) * 1000


def encode_ms(image: Image.Image) -> float:
    """Time on the processor to write the picture as a JPEG into memory."""
    start = time.thread_time()
    image.save(io.BytesIO(), "JPEG", quality=82)
    return (time.thread_time() - start) * 1000


def main(repeats: int) -> None:
    """Print the table."""
    paint(PictureSpec("warm up", width_px=64, height_px=40))
    totals = []
    for style in STYLES:
        times, ratios = [], []
        for prompt in PROMPTS:
            picture = PictureSpec(prompt, style=style)
            best = min(paint_ms(picture) for _ in range(repeats))
            image = paint(picture)
            jpeg = min(encode_ms(image) for _ in range(3))
            times.append(best)
            ratios.append(best / jpeg)
        totals.append(statistics.mean(times))
        mean = statistics.mean(times)
        print(f"{style:24} {mean:6.0f} ms  (max {max(times):4.0f})  {statistics.mean(ratios):5.1f} x one JPEG")
    print(f"{'all styles':24} {statistics.mean(totals):6.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
