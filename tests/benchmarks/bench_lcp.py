"""Compares the largest contentful paint of the hero on a phone with that of the same page written by hand.

    python tests/benchmarks/bench_lcp.py [ROUNDS]

The page is built in Material, with 150 further ones in its navigation, and in a theme with an empty head. The local
painter makes its picture. A server compresses with gzip. Chromium acts as a phone of 390 x 844 CSS pixels and 2 device
pixels each. Its line has 1.6 Mbit/s and a latency of 150 ms, and its processor is slowed down four times.

These pages are compared:

- ours: the plugin's page.
- hand: the same text and files, written by hand with all good practice and without a placeholder.
- preload: ours and hand, with `<link rel="preload" as="image">` after the viewport in the head.
- background: hand, with the widest JPEG as `background-image` in a stylesheet.
- jpeg, png: hand, with one file for all browsers in the theme with an empty head.

They alternate for ROUNDS (9) rounds, each with an empty cache. The medians of the paint and of the ratio to hand in the
same round are printed. The bytes of the hero that a phone and a desktop load follow, over the painter's pictures of six
prompts.
"""

from __future__ import annotations

import gzip
import mimetypes
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from local_http import Quiet, serve_http
from PIL import Image
from playwright.sync_api import Browser, Response, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from builds import Site, page

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PROMPTS = (
    "a lighthouse in a storm, dawn",
    "pine forest in morning fog",
    "city skyline at night, neon rain",
    "desert dunes at golden hour",
    "how we cut our build time in half",
    "autumn river valley",
)
TITLE = "A lighthouse in a storm"
TEXT = "\n\n".join(f"## Part {n}\n\n" + "The keeper climbs the stairs and trims the wick. " * 3 for n in range(30))
BARE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ page.title }}</title>{% for path in config.extra_css %}<link rel="stylesheet" href="{{ path|url }}">
{% endfor %}</head><body style="margin:0"><main style="margin:0 16px">{{ page.content }}</main></body></html>
"""
STYLE = (
    ".hand{position:relative;aspect-ratio:5/4;overflow:hidden;border-radius:8px;background:#20242c center/cover}"
    ".hand img{position:absolute;inset:0;width:100%;height:100%;object-fit:cover}"
    ".hand h1{position:absolute;left:18px;bottom:18px;margin:0;color:#fff;font:700 30px/1.15 sans-serif}"
)
PAINTS = """
window.paint = null;
new PerformanceObserver(list => {
  for (const entry of list.getEntries())
    window.paint = [entry.startTime, entry.element?.matches(".leonardo-hero__image, .hand, .hand img") ?? false];
}).observe({type: "largest-contentful-paint", buffered: true});
"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-extensions"]


class Handler(Quiet, BaseHTTPRequestHandler):
    """A web host that compresses text and keeps connections open."""

    protocol_version = "HTTP/1.1"
    root: Path
    bodies: dict[Path, bytes]

    def do_GET(self) -> None:
        """Send one file."""
        path = self.root / self.path.partition("?")[0].lstrip("/")
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        is_text = kind.startswith("text/") or kind.endswith(("json", "javascript", "svg+xml"))
        if path not in self.bodies:
            self.bodies[path] = gzip.compress(path.read_bytes()) if is_text else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if is_text:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(self.bodies[path])))
        self.end_headers()
        self.wfile.write(self.bodies[path])


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the folder, and return its address."""
    mimetypes.add_type("image/avif", ".avif")
    handler = type("FolderHandler", (Handler,), {"root": folder, "bodies": {}})
    with serve_http(handler) as url:
        yield url


def run_build(site: Site) -> Path:
    """Build the site, and return its folder."""
    site.configure(None)
    subprocess.run(site.command("--quiet"), cwd=site.folder, env=site.environ(None), check=True)
    return site.folder / "site"


def build(folder: Path, theme: dict[str, Any], prompts: Sequence[str], options: Mapping[str, Any]) -> Path:
    """Build a site with every kind of page, and a page for each prompt."""
    config = {"theme": theme, "extra_css": ["extra.css"]}
    pages: dict[str, str | bytes] = {
        "index.md": page("Home", TEXT),
        "extra.css": "p { hyphens: manual }",
        "ours.md": page(TITLE, TEXT, hero_prompt=PROMPTS[0]),
        **{f"other/{n}.md": page(f"Another page, number {n}") for n in range(150)},
        **{f"bytes/{n}.md": page(TITLE, TEXT, hero_prompt=prompt) for n, prompt in enumerate(prompts)},
    }
    site = Site(folder, pages, options, config, has_small_files=False)
    made = (run_build(site) / "ours/index.html").read_text(encoding="utf-8")
    picture = re.search(r"<picture.*?</picture>", made, re.DOTALL)
    assert picture is not None
    hand = re.sub(r' class="[^"]*"', "", picture[0]).replace("\n", "")
    jpeg = re.findall(r"[^\s\"]+-1536\.jpg", hand)[-1]
    heading = f"<h1>{TITLE}</h1>"
    background = f".hand.background{{background-image:url({jpeg.removeprefix('../')})}}"
    site.write(
        {
            "extra.css": f"p {{ hyphens: manual }} {background}",
            "hand.md": f'<header class="hand"><style>{STYLE}</style>{hand}{heading}</header>\n\n{TEXT}',
            "background.md": f'<header class="hand background"><style>{STYLE}</style>{heading}</header>\n\n{TEXT}',
            **{
                f"{kind}.md": f'<header class="hand"><style>{STYLE}</style><img src="{place}" width="1536" height="864"'
                f' alt="" fetchpriority="high">{heading}</header>\n\n{TEXT}'
                for kind, place in {"jpeg": jpeg, "png": "../picture.png"}.items()
            },
        }
    )
    folder = run_build(site)
    with Image.open(folder / jpeg.removeprefix("../")) as picture_of_hero:
        picture_of_hero.save(folder / "picture.png", optimize=True)
    avif = re.search(r'<source type="(image/[a-z]+)" srcset="([^"]*)" sizes="([^"]*)"', hand)
    assert avif is not None
    link = (
        f'<link rel="preload" as="image" type="{avif[1]}" imagesrcset="{avif[2]}" imagesizes="{avif[3]}"'
        ' fetchpriority="high">'
    )
    for name in ("ours", "hand"):
        copy = folder / f"{name}-preload"
        shutil.copytree(folder / name, copy)
        html = (copy / "index.html").read_text(encoding="utf-8")
        html = re.sub(r'<meta name="viewport"[^>]*>', rf"\g<0>{link}", html)
        (copy / "index.html").write_text(html, encoding="utf-8")
    return folder


def paint_ms(browser: Browser, address: str) -> float:
    """The largest contentful paint of one visit with an empty cache; the hero must be the largest content."""
    context = browser.new_context(**PHONE)
    context.add_init_script(PAINTS)
    tab = context.new_page()
    tools = context.new_cdp_session(tab)
    tools.send("Network.enable")
    tools.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8},
    )
    tools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    tab.goto(address, wait_until="load")
    tab.wait_for_function("window.paint && window.paint[1]", timeout=20_000)
    found: float = tab.evaluate("window.paint")[0]
    context.close()
    return found


def hero_kib(browser: Browser, address: str, device: dict[str, Any]) -> float:
    """The KiB of the plugin's pictures that one visit loads."""
    context = browser.new_context(**device)
    tab = context.new_page()
    answers: list[Response] = []
    tab.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - it must take attributes
    tab.goto(address, wait_until="networkidle")
    pictures = [answer for answer in answers if re.search(r"/leonardo/.*(avif|webp|jpg)", answer.url)]
    size_bytes = sum(len(answer.body()) for answer in pictures)
    context.close()
    return size_bytes / 1024


def main(rounds: int = 9) -> None:
    """Build, measure and print."""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        bare = Path(scratch, "theme")
        bare.mkdir()
        (bare / "main.html").write_text(BARE)
        themes: dict[str, dict[str, Any]] = {
            "material": {"name": "material", "font": False},
            "bare": {"name": None, "custom_dir": str(bare)},
        }
        for theme, config in themes.items():
            prompts = PROMPTS if theme == "material" else ()
            with serve(build(Path(scratch, theme), config, prompts, {})) as address:
                names: tuple[str, ...] = ("ours", "hand", "ours-preload", "hand-preload", "background")
                if theme == "bare":
                    names += ("jpeg", "png")
                times: dict[str, list[float]] = {name: [] for name in names}
                paint_ms(browser, f"{address}/ours/")
                for _ in range(rounds):
                    for name in names:
                        times[name].append(paint_ms(browser, f"{address}/{name}/"))
                for name in names:
                    ratio = statistics.median(a / b for a, b in zip(times[name], times["hand"], strict=True))
                    print(f"{theme:9} {name:13} {statistics.median(times[name]):6.0f} ms   {ratio:.2f} of hand")
                if prompts:
                    for device, settings in {"phone": PHONE, "desktop": DESKTOP}.items():
                        kib = [hero_kib(browser, f"{address}/bytes/{n}/", settings) for n in range(len(prompts))]
                        print(
                            f"{device} loads {statistics.median(kib):.1f} KiB for the hero"
                            f" ({min(kib):.1f} to {max(kib):.1f})"
                        )
        browser.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
