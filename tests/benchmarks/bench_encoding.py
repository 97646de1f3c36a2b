"""Measures the files of a hero: time on one core, bytes, and likeness to the picture.

    python tests/benchmarks/bench_encoding.py [FOLDER]

The pictures are the photographs in FOLDER, or else made up. One run prints these:

- the seconds that all files of a picture take, with one thread and with two,
- the mean KiB and SSIM of each file,
- the speeds of AVIF and other settings as ratios,
- one quality for all pictures against a floor of SSIM.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from statistics import mean

from images import encode as as_file
from PIL import Image, ImageMath

from mkdocs_leonardo.imaging.contrast import encode_blur_up, find_dominant_colour, measure
from mkdocs_leonardo.imaging.normalise import fit, inspect, normalise
from mkdocs_leonardo.imaging.provenance import make_xmp_packet
from mkdocs_leonardo.imaging.render import EncoderOptions, choose_encoder_options, render
from mkdocs_leonardo.painter.picture import paint
from mkdocs_leonardo.spec import Encoding, Format, PictureRecord, PictureSpec, Rendering

SIZE = (1536, 864)
EVERYTHING = Encoding(("avif", "webp", "jpeg"), spares_fallback=False)
PROMPTS = {
    "a lighthouse in a storm, dawn": "CINEMATIC",
    "a city at night in the rain": "CINEMATIC",
    "snow on mountains, morning light": "CINEMATIC",
    "ideas that grow": "CREATIVE",
    "a train through the desert": "DYNAMIC",
    "deep forest": "DYNAMIC",
}


def pictures(folder: Path | None) -> list[Image.Image]:
    """Photographs from the folder, else the painter's pictures."""
    if folder is not None:
        photographs = [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]
        return [normalise(data, width_px=SIZE[0], height_px=SIZE[1]) for data in photographs]
    return [paint(PictureSpec(prompt=prompt, style=style)).convert("RGB") for prompt, style in PROMPTS.items()]


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity of the luminance, over blocks of 8 x 8 pixels that do not overlap; 1 is equal."""
    x, y = one.convert("L").convert("F"), other.convert("L").convert("F")
    evaluate = ImageMath.lambda_eval

    def product(p: Image.Image, q: Image.Image) -> Image.Image:
        result: Image.Image = evaluate(lambda v: v["p"] * v["q"], p=p, q=q)
        return result

    names = ("x", "y", "xx", "yy", "xy")
    means = dict(zip(names, (x, y, product(x, x), product(y, y), product(x, y)), strict=True))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity: Image.Image = evaluate(
        lambda v: (
            (2 * v["x"] * v["y"] + c1)
            * (2 * (v["xy"] - v["x"] * v["y"]) + c2)
            / ((v["x"] * v["x"] + v["y"] * v["y"] + c1) * (v["xx"] - v["x"] * v["x"] + v["yy"] - v["y"] * v["y"] + c2))
        ),
        **{name: image.reduce(8) for name, image in means.items()},
    )
    value = similarity.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(value, float)
    return value


def encode(image: Image.Image, picture_format: Format, options: EncoderOptions) -> tuple[float, float, float]:
    """Encode one file; return its KiB, its SSIM and its seconds."""
    buffer = BytesIO()
    started = time.perf_counter()
    image.save(buffer, format=picture_format, **options)
    seconds = time.perf_counter() - started
    return len(buffer.getvalue()) / 1024, ssim(image, Image.open(buffer).convert("RGB")), seconds


def render_all(images: Sequence[Image.Image], folder: Path, threads: int) -> tuple[list[Rendering], float]:
    """Render all pictures with that many threads, and return the wall time of one picture."""

    def one(index: int) -> Rendering:
        return render(
            images[index],
            PictureRecord(f"{index:016x}", "", "", "leonardo", "phoenix", created_at=1.0),
            variant_key=f"{index:016x}",
            encoding=EVERYTHING,
            folder=folder,
        )

    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        renderings = list(pool.map(one, range(len(images))))
    return renderings, (time.perf_counter() - started) / len(images)


def report_ladder(images: Sequence[Image.Image]) -> None:
    """Print time, bytes and likeness of every file."""
    with tempfile.TemporaryDirectory() as name:
        renderings, alone = render_all(images, Path(name), threads=1)
        _, together = render_all(images, Path(name), threads=2)
        print(
            f"a picture's ladder: {alone:.2f} s with one thread; two threads are {alone / together:.2f} times as fast"
        )
        print(f"\n{'file':>14} {'KiB':>7} {'SSIM':>7} {'worst':>7}")
        for position, variant in enumerate(renderings[0].variants):
            if variant.role == "social":
                continue
            files = [rendering.variants[position] for rendering in renderings]
            likeness = [
                ssim(fit(image, width_px=file.width_px, height_px=file.height_px), Image.open(file.path).convert("RGB"))
                for image, file in zip(images, files, strict=True)
            ]
            kib = mean(file.size_bytes for file in files) / 1024
            label = f"{variant.width_px} {variant.format}"
            print(f"{label:>14} {kib:7.1f} {mean(likeness):7.4f} {min(likeness):7.4f}")
        print("\nKiB a picture, all files:", round(sum(v.size_bytes for v in renderings[0].variants) / 1024))


def report_choices(images: Sequence[Image.Image]) -> None:
    """Print other settings next to the chosen ones, at two widths."""
    for width in (768, 1536):
        copies = [fit(image, width_px=width, height_px=width * SIZE[1] // SIZE[0]) for image in images]
        print(f"\n{'':>5} {'setting':>22} {'KiB':>7} {'SSIM':>7} {'ms':>6}")
        choices: list[tuple[Format, str, int]] = [
            *[("avif", "speed", speed) for speed in (6, 7, 8)],
            *[("avif", "quality", quality) for quality in (45, 50, 60)],
            *[("webp", "method", method) for method in (4, 6)],
            *[("webp", "quality", quality) for quality in (65, 70, 80)],
            *[("jpeg", "quality", quality) for quality in (65, 70, 75)],
        ]
        for picture_format, setting, value in choices:
            options = {**choose_encoder_options(picture_format, width), setting: value}
            kib, likeness, seconds = (
                mean(column) for column in zip(*(encode(copy, picture_format, options) for copy in copies), strict=True)
            )
            name = f"{picture_format} {setting} {value}"
            print(f"{width:>5} {name:>22} {kib:7.1f} {likeness:7.4f} {seconds * 1000:6.0f}")


def report_threads(images: Sequence[Image.Image]) -> None:
    """Print the speed-up of two threads over one for each way of writing."""

    def save(index: int, target: Path | BytesIO, picture_format: Format, options: EncoderOptions) -> None:
        images[index % len(images)].save(target, format=picture_format, **options)

    print()
    with tempfile.TemporaryDirectory() as name:
        avif, jpeg = choose_encoder_options("avif", SIZE[0]), choose_encoder_options("jpeg", SIZE[0])
        jobs: dict[str, Callable[[int], None]] = {
            "AVIF, max_threads=1": lambda i: save(i, BytesIO(), "avif", avif),
            "AVIF, max_threads=2": lambda i: save(i, BytesIO(), "avif", {**avif, "max_threads": 2}),
            "JPEG into a file": lambda i: save(i, Path(name, f"{i}.jpg"), "jpeg", jpeg),
            "JPEG into a BytesIO": lambda i: save(i, BytesIO(), "jpeg", jpeg),
        }
        for label, job in jobs.items():
            seconds = []
            for threads in (1, 2):
                started = time.perf_counter()
                with ThreadPoolExecutor(threads) as pool:
                    list(pool.map(job, range(8)))
                seconds.append((time.perf_counter() - started) / 8)
            ratio = seconds[0] / seconds[1]
            print(f"{label:>22}: {seconds[0] * 1000:5.0f} ms a file; two threads are {ratio:.2f} times as fast")


def report_floor(images: Sequence[Image.Image]) -> None:
    """Print one AVIF quality for all pictures beside the floor of SSIM that costs the same bytes."""
    copies = [fit(image, width_px=480, height_px=270) for image in images]
    qualities = list(range(30, 86, 5))
    options = choose_encoder_options("avif", 480)
    table = [[encode(copy, "avif", {**options, "quality": quality})[:2] for quality in qualities] for copy in copies]
    chosen = [row[qualities.index(55)] for row in table]

    def cost(floor: float) -> list[tuple[float, float]]:
        """KiB and SSIM of each picture at the lowest quality that reaches the floor, interpolated."""
        found = []
        for row in table:
            point = row[0] if row[0][1] >= floor else row[-1]
            for (kib, likeness), (next_kib, next_likeness) in pairwise(row):
                if likeness < floor <= next_likeness:
                    share = (floor - likeness) / (next_likeness - likeness)
                    point = (kib + share * (next_kib - kib), floor)
                    break
            found.append(point)
        return found

    low, high = 0.5, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        if sum(kib for kib, _ in cost(middle)) > sum(kib for kib, _ in chosen):
            high = middle
        else:
            low = middle
    print("\nAVIF at 480, equal bytes in all:")
    for name, points in (("quality 55", chosen), (f"floor {low:.4f}", cost(low))):
        print(f"{name:>14}: SSIM {mean(p[1] for p in points):.4f}, worst {min(p[1] for p in points):.4f}")


def report_steps(images: Sequence[Image.Image]) -> None:
    """Print the time of every step besides the encoding."""
    print()
    data = as_file(images[0], quality=92)
    steps: dict[str, Callable[[], object]] = {
        "inspect": lambda: inspect(data),
        "normalise": lambda: normalise(data, width_px=SIZE[0], height_px=SIZE[1]),
        "normalise 2048 x 1152": lambda: normalise(data, width_px=2048, height_px=1152),
        "scrim": lambda: measure(images[0], encode_blur_up(images[0]), dominant=find_dominant_colour(images[0])),
        "placeholder": lambda: encode_blur_up(images[0]),
        "dominant colour": lambda: find_dominant_colour(images[0]),
        "XMP packet": lambda: make_xmp_packet(PictureRecord("", "", "", "leonardo", "phoenix", created_at=1.0)),
    }
    for name, step in steps.items():
        started = time.perf_counter()
        for _ in range(10):
            step()
        print(f"{name:>22}: {(time.perf_counter() - started) * 100:5.1f} ms")
    print(f"{'placeholder':>22}: {max(len(encode_blur_up(image)) for image in images)} bytes at most")


def main(arguments: Sequence[str]) -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description="What the files of a hero cost.")
    parser.add_argument("folder", type=Path, nargs="?", help="photographs to measure instead of made-up pictures")
    images = pictures(parser.parse_args(arguments).folder)
    print(f"{len(images)} pictures of {SIZE[0]} x {SIZE[1]}\n")
    report_ladder(images)
    report_choices(images)
    report_threads(images)
    report_floor(images)
    report_steps(images)


if __name__ == "__main__":
    main(sys.argv[1:])
