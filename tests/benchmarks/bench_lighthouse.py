"""Prints Lighthouse's scores of the example site on its simulated slow phone.

    npm install --prefix FOLDER lighthouse
    python tests/benchmarks/bench_lighthouse.py FOLDER [PAGE ...]

The example site is built with painted heroes and served compressed. PAGE is an address such as ``guide/start/``;
without one, every page is measured. These are printed for each page: the four scores, the largest contentful paint, the
blocking time and the layout shift. Audits of accessibility, best practices and search engines that are not perfect
follow. The exit code is 1 if a page falls short of the scores in `LEAST`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_lcp import FLAGS, serve

ROOT = Path(__file__).parents[2]
FIGURES = ("largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift")
#: Performance is a weighted mean of figures; its audits are advice, and Material's more than ours.
RULES = ("accessibility", "best-practices", "seo")
LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}


def build_example_site(folder: Path) -> Path:
    """Build the example site beside its sources, and return its folder."""
    copy = shutil.copytree(ROOT / "example-site", folder / "site", ignore=shutil.ignore_patterns("site", ".cache"))
    keyless = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet"], cwd=copy, env=keyless, check=True)
    return copy / "site"


def run_lighthouse(lighthouse: Path, address: str, out: Path) -> dict[str, Any]:
    """Lighthouse's report on the address."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    flags = f"--chrome-flags=--headless {' '.join(FLAGS)}"
    command = [str(lighthouse), address, "--quiet", "--output=json", f"--output-path={out}", flags]
    subprocess.run(command, env={**os.environ, "CHROME_PATH": str(chromium)}, check=True)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def main(folder: str, *pages: str) -> int:
    """Build, measure and print; return 1 if a page falls short."""
    short = 0
    with tempfile.TemporaryDirectory() as scratch:
        site = build_example_site(Path(scratch))
        everything = sorted(path.parent.relative_to(site).as_posix() + "/" for path in site.rglob("index.html"))
        with serve(site) as address:
            for page in pages or [name.removeprefix("./") for name in everything]:
                lighthouse = Path(folder, "node_modules/.bin/lighthouse")
                found = run_lighthouse(lighthouse, f"{address}/{page}", Path(scratch, "out.json"))
                audits = found["audits"]
                scores = {name: round(100 * value["score"]) for name, value in found["categories"].items()}
                words = ", ".join(f"{score:3} {name}" for name, score in scores.items())
                figures = ", ".join(audits[name]["displayValue"] for name in FIGURES)
                print(f"{words}; {figures}  /{page}", flush=True)
                short += any(scores[name] < least for name, least in LEAST.items())
                for rule in RULES:
                    for reference in found["categories"][rule]["auditRefs"]:
                        audit = audits[reference["id"]]
                        if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                            print(f"    {rule}: {audit['title']}")
    print(f"{short} of these pages fall short of {LEAST}")
    return short


if __name__ == "__main__":
    sys.exit(min(main(*sys.argv[1:]), 1))
