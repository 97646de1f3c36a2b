"""Documentation sites of other projects, with heroes on every third page.

``python -m tests.matrix.sites [PROJECT…]`` builds each site from its project's sdist on each host twice, with the
plugin and without. The table names what is left out, because it needs the network or a repository.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .environments import Environment
from .rig import INSTALL_TIMEOUT_S, SMALL, Built, Place, build_wheel, heroes, make, run, without_heading, without_hero


@dataclass(frozen=True, slots=True)
class RealSite:
    """One project. `written` is a configuration to use in place of the project's, which is for another generator."""

    project: str
    packages: tuple[str, ...] = ("mkdocs-material>=9.7",)
    dropped: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    written: str = ""


MKDOCSTRINGS = ("mkdocs-material>=9.7", "mkdocstrings[python]")
#: Their inventories are on the network.
OFFLINE: Mapping[str, Any] = {"handlers": {"python": {"options": {}}}}

SITES = (
    RealSite("starlette", (*MKDOCSTRINGS, "starlette"), options={"mkdocstrings": OFFLINE}),
    RealSite(
        "dirty-equals",
        (*MKDOCSTRINGS, "dirty-equals"),
        dropped=("mkdocs-simple-hooks", "mike"),
        options={"mkdocstrings": OFFLINE},
    ),
    RealSite(
        "hatch",
        (
            *MKDOCSTRINGS,
            "hatch",
            "mkdocs-click",
            "mkdocs-glightbox",
            "mkdocs-redirects",
        ),
        dropped=("git-committers", "git-revision-date-localized", "minify", "mike", "social"),
        config={"watch": []},  # of folders that the sdist leaves out
    ),
    RealSite(
        "inline-snapshot",
        (
            *MKDOCSTRINGS,
            "inline-snapshot[black]",
            "markdown-exec[ansi]",
            "mkdocs-redirects",
            "pytest",
        ),
        dropped=("llmstxt", "replace-url", "social"),
        options={"mkdocstrings": OFFLINE},
    ),
    RealSite(
        "Markdown",
        written="site_name: Python-Markdown\nsite_url: https://python-markdown.github.io/\ntheme: readthedocs\n"
        "markdown_extensions: [abbr, admonition, attr_list, def_list, footnotes, md_in_html, smarty]\n",
    ),
    RealSite(
        "pymdown-extensions",
        written="site_name: PyMdown Extensions\nsite_url: https://facelessuser.github.io/pymdown-extensions/\n"
        "docs_dir: docs/src/markdown\ntheme: mkdocs\n"
        "markdown_extensions: [admonition, attr_list, def_list, pymdownx.superfences]\n",
    ),
)

HOSTS = (
    Environment("mkdocs", ("mkdocs==1.6.1",), ()),
    Environment(
        "properdocs",
        ("properdocs", "properdocs-theme-mkdocs", "properdocs-theme-readthedocs"),
        (),
        host="properdocs",
        removed=("mkdocs",),
    ),
    Environment("mkdocs-ng", (), (), removed=("mkdocs",), restored=("mkdocs-ng",)),
)


def fetch(site: RealSite, folder: Path) -> Path:
    """The unpacked source of the project, downloaded unless `folder` has it."""
    name = re.sub(r"[-_.]+", "[-_.]", site.project)
    found = _sdist(folder, name)
    if found is None:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        done = run([*pip, "--dest", str(folder), site.project], timeout_s=INSTALL_TIMEOUT_S)
        found = _sdist(folder, name)
        assert found is not None, done.stdout
    place = folder / found.name.removesuffix(".tar.gz")
    if not place.is_dir():
        with tarfile.open(found) as opened:
            opened.extractall(folder, filter="data")
    return place


def _sdist(folder: Path, name: str) -> Path | None:
    pattern = re.compile(rf"{name}-\d[^-]*\.tar\.gz", re.IGNORECASE)
    return next((path for path in folder.iterdir() if pattern.fullmatch(path.name)), None)


def add_heroes(docs: Path) -> list[str]:
    """Give every third page a hero, and return the names of these pages."""
    asked = []
    pages = sorted(path for path in docs.rglob("*.md") if not any(part.startswith(".") for part in path.parts[-4:]))
    for number, path in enumerate(pages[::3]):
        keys = f"hero_prompt: a lighthouse seen from window {number}\n"
        keys += "hero_layout: full\n" if number % 2 else "hero_tagline: Storms & calms\n"
        text = path.read_text(encoding="utf-8")
        start = text.removeprefix("---\n")
        text = f"---\n{keys}{start}" if start != text else f"---\n{keys}---\n\n{text}"
        path.write_text(text, encoding="utf-8")
        asked.append(path.relative_to(docs).as_posix())
    return asked


def build(place: Place, site: RealSite, name: str, added: list[Any]) -> Built:
    """Build the site, with the plugin or without."""
    changes = {
        "site_dir": str(place.folder / name),
        "dropped": site.dropped,
        "added": added,
        "options": site.options,
        "config": site.config,
    }
    driver = str(Path(__file__).with_name("driver.py"))
    done = place.run(driver, place.environment.host, str(place.folder / "mkdocs.yml"), json.dumps(changes))
    return Built(done.returncode, done.stdout, place.folder / name)


def differences(without: Built, made: Built, report: Mapping[str, Any]) -> Iterator[str]:
    """The differences of two sites besides the heroes."""
    before, after = without.files(), made.files()
    for name in sorted(before.keys() ^ after.keys()):
        yield f"{name}: only {'without' if name in before else 'with'} the plugin"
    with_hero = {name for name in after if name.endswith(".html") and heroes(made.html(name))}
    with_cards = {name for name in after if name.endswith(".html") and b'class="leonardo-card"' in after[name]}
    for name in sorted((before.keys() & after.keys()) - with_hero - with_cards):
        if before[name] != after[name]:
            yield f"{name}: changed"
    for name in sorted(with_hero | with_cards):
        found = heroes(made.html(name)) or [""]
        if len(found) != 1 or without_heading(without.html(name), found[0]) != without_hero(made.html(name)):
            yield f"{name}: changed by more than its hero"
    if len(with_hero) != len(report["heroes"]):
        yield f"{len(report['heroes'])} heroes, and {len(with_hero)} pages with one"


def main() -> int:
    """Build everything and print a line for each site and host."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix.sites", description=__doc__)
    parser.add_argument("--into", type=Path, help="keep downloads and built sites in this folder")
    parser.add_argument("projects", nargs="*", help="some of the projects only")
    arguments = parser.parse_args()
    folder = arguments.into or Path(tempfile.mkdtemp(prefix="sites-"))
    folder.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(folder)
    failures = 0
    for site in SITES:
        if arguments.projects and site.project not in arguments.projects:
            continue
        source = fetch(site, folder)
        for host in HOSTS:
            failures += not _try(site, host, source, folder, wheel)
    return 1 if failures else 0


def _try(site: RealSite, host: Environment, source: Path, folder: Path, wheel: Path) -> bool:
    name = f"{site.project} on {host.name}"
    work = folder / "work" / f"{site.project}-{host.name}"
    if not work.exists():
        shutil.copytree(source, work)
    if site.written:
        (work / "mkdocs.yml").write_text(site.written, encoding="utf-8")
    packages = (*host.packages, *site.packages)
    row = Environment(name, packages, (), host=host.host, removed=host.removed, restored=host.restored)
    python = folder / "environments" / f"{site.project}-{host.name}" / "bin/python"
    if not python.exists():
        python = make(row, python.parent.parent, wheel)
    place = Place(row, python, work)
    asked = json.loads((work / "asked.json").read_text("utf-8")) if (work / "asked.json").exists() else None
    if asked is None:
        asked = add_heroes(work / "docs")
        (work / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    without = build(place, site, "without", [])
    if without.exit_code:
        print(f"{name}: does not build without the plugin either\n{without.log[-2000:]}")
        return False
    made = build(place, site, "with", [{"leonardo": dict(SMALL)}])
    if made.exit_code:
        print(f"{name}: does not build\n{made.log[-4000:]}")
        return False
    report = json.loads((work / ".cache/plugin/leonardo/report.json").read_text("utf-8"))
    found = [*differences(without, made, report)]
    pages = sum(path.endswith(".html") for path in made.files())
    print(f"{name}: {pages} pages, {len(report['heroes'])} of {len(asked)} heroes; {len(found)} other differences")
    for line in found[:20]:
        print(f"  {line}")
    sys.stdout.flush()
    return not found


if __name__ == "__main__":
    sys.exit(main())
