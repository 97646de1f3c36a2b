"""Real `mkdocs build` runs of small sites, each in a process of its own, for tests of what a user gets.

site = Site(tmp_path, pages={"index.md": page("A harbour at dusk", hero_prompt="a harbour at dusk")})
built = site.build(services)
assert built.totals["generated"] == 1
assert 'data-provider="leonardo"' in built.html("index.html")
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from fork_server import Process, start
from services import AnyServices

#: The time limit of a build (seconds); a hang is a failure with its output, not a stopped run.
BUILD_TIMEOUT_S = 120.0

#: Lines of a log that no author should ever see.
TRACEBACK = re.compile(r"^Traceback \(most recent call last\)|^\s+File \".*\", line \d+", re.MULTILINE)


def page(title: str = "A page", body: str = "Some text.", **meta: object) -> str:
    """The source of a page with front matter and a heading."""
    front = f"---\n{yaml.safe_dump(meta, allow_unicode=True, sort_keys=False)}---\n" if meta else ""
    return f"{front}# {title}\n\n{body}\n"


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `change` laid over it; mappings are merged."""
    result = dict(base)
    for key, value in change.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge(result[key], value) if both else value
    return result


def cache_of(folder: Path) -> Path:
    """The cache folder of the site in `folder`: `.leonardo/cache` if it exists, else MkDocs's."""
    moved = folder / ".leonardo/cache"
    return moved if moved.is_dir() else folder / ".cache/plugin/leonardo"


def install_provider(folder: Path, package: str, entry_point: str, source: str | None = None) -> Path:
    """Install a package with the entry point of one provider, and with one module if `source` is its text.

    Returns the folder for the path of Python's imports.
    """
    metadata = folder / f"packages/{package}-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[mkdocs_leonardo.providers]\n{entry_point}\n", encoding="utf-8")
    if source is not None:
        (metadata.parent / f"{package}.py").write_text(source, encoding="utf-8")
    return metadata.parent


@dataclass(frozen=True, slots=True)
class Built:
    """The result of one build; `log` is everything that the build printed."""

    exit_code: int
    log: str
    folder: Path

    @property
    def site(self) -> Path:
        """The folder of the built site."""
        return self.folder / "site"

    @property
    def report(self) -> dict[str, Any]:
        """The build's ``report.json``."""
        report: dict[str, Any] = json.loads((cache_of(self.folder) / "report.json").read_text("utf-8"))
        return report

    @property
    def totals(self) -> dict[str, Any]:
        """The totals of the report."""
        totals: dict[str, Any] = self.report["totals"]
        return totals

    def hero(self, source: str) -> dict[str, Any]:
        """The report's entry of one page."""
        found: dict[str, Any] = next(hero for hero in self.report["heroes"] if hero["page"] == source)
        return found

    @property
    def sources(self) -> dict[str, str]:
        """The source of each page's picture."""
        return {hero["page"]: hero["source"] for hero in self.report["heroes"]}

    @property
    def warnings(self) -> list[str]:
        """The text of every warning of the plugin."""
        return re.findall(r"^WARNING -\s+leonardo: (.*)$", self.log, re.MULTILINE)

    @property
    def has_traceback(self) -> bool:
        """Whether the log contains a traceback."""
        return TRACEBACK.search(self.log) is not None

    def html(self, place: str) -> str:
        """The text of one built page."""
        return (self.site / place).read_text(encoding="utf-8")

    def asset(self, name: str) -> bytes:
        """The path of one file of the plugin in the site."""
        return (self.site / "assets/leonardo" / name).read_bytes()

    def pictures(self) -> list[str]:
        """The names of all files of the plugin in the site."""
        folder = self.site / "assets/leonardo"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@dataclass
class Site:
    """A site in `folder`. `options` are the plugin's, `config` is merged over the rest of the configuration.

    By default, `has_small_files` writes one width and no AVIF, because most tests are not about encoding.
    """

    folder: Path
    pages: Mapping[str, str | bytes] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    plugins: Sequence[Any] = ("search",)
    has_small_files: bool = True
    #: For tests of what a build imports: else it finds imported what builds import.
    is_new_interpreter: bool = False

    def __post_init__(self) -> None:
        self.write(self.pages)

    def write(self, pages: Mapping[str, str | bytes]) -> None:
        """Write files below ``docs``."""
        for name, text in pages.items():
            path = self.folder / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    @property
    def cache(self) -> Path:
        """The plugin's cache folder."""
        return cache_of(self.folder)

    def configure(self, services: AnyServices | None, options: Mapping[str, Any] | None = None) -> Path:
        """Write ``mkdocs.yml`` so that the plugin talks to `services`."""
        own: dict[str, Any] = {"formats": ["webp", "jpeg"], "widths": [480]} if self.has_small_files else {}
        if services is not None:
            own = merge(own, services.plugin_options)
        own = merge(merge(own, self.options), options or {})
        config = merge(
            {
                "site_name": "A site",
                "site_url": "https://example.org/",
                "theme": {"name": "mkdocs"},
                "plugins": [*self.plugins, {"leonardo": own}],
            },
            self.config,
        )
        path = self.folder / "mkdocs.yml"
        path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path

    def environ(self, services: AnyServices | None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a build: this process's, without keys and without variables of the interpreter.

        A variable such as PYTHONUNBUFFERED in the shell that runs the tests would cost each build a new interpreter.
        """
        kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        kept = {name: value for name, value in kept.items() if not name.startswith("PYTHON")}
        return {
            **kept,
            "NO_MKDOCS_2_WARNING": "1",
            "PYTHONUTF8": "1",
            "COLUMNS": "500",
            **(services.environ if services is not None else {}),
            **(environ or {}),
        }

    def command(self, *arguments: str) -> list[str]:
        """The arguments of the command that builds the site."""
        return [sys.executable, "-m", "mkdocs", "build", "--config-file", str(self.folder / "mkdocs.yml"), *arguments]

    def build(
        self,
        services: AnyServices | None = None,
        *arguments: str,
        options: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Built:
        """Build the site and wait for the end."""
        with self.building(services, *arguments, options=options, environ=environ) as process:
            log, _ = process.communicate(timeout=BUILD_TIMEOUT_S)
        return Built(process.returncode, log, self.folder)

    def build_held(self, services: AnyServices, jobs: int, *arguments: str) -> Built:
        """Build the site; hold every job of Leonardo until `jobs` of them are in flight.

        TimeoutError if there are fewer, or more at once.
        """
        services.leonardo.render_s = None
        with self.building(services, *arguments) as process:
            services.wait_until(lambda ledger: len(ledger.jobs_of("leonardo")) == jobs, timeout_s=BUILD_TIMEOUT_S)
            services.leonardo.render_s = 0.05
            services.finish_jobs()
            log, _ = process.communicate(timeout=BUILD_TIMEOUT_S)
        return Built(process.returncode, log, self.folder)

    @contextmanager
    def building(
        self,
        services: AnyServices | None = None,
        *arguments: str,
        options: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Iterator[Process]:
        """Start a build; kill it at the end of the block if it still runs."""
        self.configure(services, options)
        process = start(
            self.command(*arguments)[1:],
            cwd=self.folder,
            env=self.environ(services, environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            is_new_interpreter=self.is_new_interpreter,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
