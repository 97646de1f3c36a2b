"""Makes environments, builds sites with them, and takes pages apart.

place = Place(environment, python, tmp_path)
built = place.build(theme, pages={"index.md": "..."}, plugins=["search"])
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from .environments import Environment

ROOT = Path(__file__).resolve().parents[2]

#: The time limit of a build (seconds).
BUILD_TIMEOUT_S = 300.0
#: Nor may any installation.
INSTALL_TIMEOUT_S = 900.0

#: Small pictures: nothing here is about encoding.
SMALL: Mapping[str, Any] = {"formats": ["webp", "jpeg"], "widths": [480]}

_HEADER = re.compile(r'<header class="leonardo-hero .*?</header>\n?', re.DOTALL)
_CARD = re.compile(r'<a class="leonardo-card".*?</a>\n?', re.DOTALL)
_HEADING = re.compile(r"<h1.*?</h1>", re.DOTALL)
#: What a head says because of a hero, the stylesheet first.
_HEAD_LINES = re.compile(
    r'<link rel="stylesheet" href="[^"]*assets/leonardo/hero\.\w+\.css">\n'
    r'(?:<meta (?:property="og:|name="twitter:)[^>]*>\n|<script type="application/ld\+json">.*</script>\n)*'
)

#: A theme that reads `page.meta.image` names our picture itself.
_THEMES_IMAGE = re.compile(r'<meta (?:property|name)="(?:og|twitter):image" content="[^"]*/assets/leonardo/[^"]*" ?/?>')


def run(command: Sequence[str], *, timeout_s: float, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401 - of subprocess
    """Run the command; its `stdout` is all that it prints."""
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
        **options,
    )


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout, or the one that CI has built already."""
    given = os.environ.get("MKDOCS_LEONARDO_DIST")
    if not given:
        made = run(
            [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)],
            timeout_s=INSTALL_TIMEOUT_S,
        )
        assert made.returncode == 0, made.stdout
    (wheel,) = Path(given or folder).glob("*.whl")
    return wheel


def make(environment: Environment, folder: Path, wheel: Path) -> Path:
    """Make a new environment in `folder`, and return the path of its Python."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    _uv("venv", "--python", sys.executable, str(folder))
    pip = ("pip", "install", "--python", str(python))
    _uv(*pip, str(wheel), *environment.packages)
    if environment.removed:
        _uv("pip", "uninstall", "--python", str(python), *environment.removed)
    if environment.restored:
        _uv(*pip, "--reinstall-package", *environment.restored, *environment.restored)
    return python


def _uv(*arguments: str) -> None:
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert uv is not None, "uv is missing: pip install -e '.[test]'"
    done = run([uv, "--quiet", *arguments], timeout_s=INSTALL_TIMEOUT_S)
    assert done.returncode == 0, done.stdout


@dataclass(frozen=True, slots=True)
class Built:
    """The result of a build."""

    exit_code: int
    log: str
    site: Path

    def html(self, place: str) -> str:
        """The text of one file of the site."""
        return (self.site / place).read_text(encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Every file of the site except the plugin's."""
        return dict(self._files())

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for path in sorted(self.site.rglob("*")):
            name = path.relative_to(self.site).as_posix()
            if path.is_file() and not name.startswith("assets/leonardo/"):
                yield name, path.read_bytes()


@dataclass
class Place:
    """A folder in which sites are built with one environment."""

    environment: Environment
    python: Path
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def write(self, pages: Mapping[str, str | bytes]) -> None:
        """Write files below the folder."""
        for name, text in pages.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def commit(self) -> None:
        """Make the folder a repository, for themes and plugins that read its history."""
        who = ("-c", "user.name=A keeper", "-c", "user.email=keeper@example.org")
        for command in (("init", "--quiet"), ("add", "--all"), (*who, "commit", "--quiet", "--message", "All")):
            done = run(["git", *command], timeout_s=BUILD_TIMEOUT_S, cwd=self.folder)
            assert done.returncode == 0, done.stdout

    def configure(self, name: str, **config: Any) -> Path:  # noqa: ANN401 - the host's options
        """Write the configuration file of the site called `name`."""
        path = self.folder / f"{name}.yml"
        whole = {
            "site_name": "A site",
            "site_url": "https://example.org/",
            "site_dir": name,
            **config,
        }
        path.write_text(yaml.safe_dump(whole, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path

    def build(self, name: str = "site", *arguments: str, **config: Any) -> Built:  # noqa: ANN401 - the host's options
        """Build the folder's documents into the site `name`."""
        path = self.configure(name, **config)
        done = self.run("-m", self.environment.host, "build", "--config-file", str(path), *arguments)
        return Built(done.returncode, done.stdout, self.folder / name)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python in the folder, without keys and with a fixed date."""
        kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        return run(
            [str(self.python), *arguments],
            timeout_s=BUILD_TIMEOUT_S,
            cwd=self.folder,
            env={
                **kept,
                "NO_MKDOCS_2_WARNING": "1",
                "DISABLE_MKDOCS_2_WARNING": "true",
                "PYTHONUTF8": "1",
                "COLUMNS": "500",
                "PATH": os.pathsep.join([str(self.python.parent), os.environ.get("PATH", "")]),
                "SOURCE_DATE_EPOCH": "1790000000",
                **self.environment.environ,
                **self.environ,
            },
        )


def picture() -> bytes:
    """A small grey picture."""
    file = io.BytesIO()
    Image.new("RGB", (640, 360), (128, 128, 128)).save(file, "PNG")
    return file.getvalue()


def front(body: str, **meta: object) -> str:
    """The source of a page with front matter."""
    return f"---\n{yaml.safe_dump(meta, allow_unicode=True, sort_keys=False)}---\n{body}\n"


def heroes(html: str) -> list[str]:
    """The heroes on the page."""
    return _HEADER.findall(html)


def without_hero(html: str) -> list[str]:
    """The lines of the page without hero, heading, covers and the plugin's lines in the head."""
    return _inked(_HEAD_LINES.sub("", _CARD.sub("", _HEADER.sub("", html))))


def without_heading(html: str, hero: str) -> list[str]:
    """The lines of a page without a hero, except its heading."""
    moved = _HEADING.search(hero)
    heading = moved[0] if moved else ""
    if heading not in html:
        # The theme's own, over a page that has none: written as the theme escapes.
        heading = next((each for each in _HEADING.findall(html) if unescape(each) == unescape(heading)), heading)
    return _inked(html.replace(heading, "", 1))


def _inked(html: str) -> list[str]:
    return [line.strip() for line in html.split("\n") if line.strip() and not _THEMES_IMAGE.fullmatch(line.strip())]
