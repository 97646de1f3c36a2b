"""Real `zensical build` runs of the sites in `builds`, each in a process of its own."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import yaml
from builds import TRACEBACK, Site

COMMAND = str(Path(sys.executable).with_name("zensical"))
#: The time limit of a build (seconds).
TIMEOUT_S = 60.0
#: Where pictures are published, and the command that does it.
FOLDER = "docs/assets/leonardo"
PUBLISH = ("generate", "--yes", "--into", FOLDER)
#: What a site adds to its configuration.
EXTENSIONS: dict[str, Any] = {
    "theme": {"name": "material", "font": False},
    "markdown_extensions": [{"toc": {"permalink": True}}, "attr_list", "mkdocs_leonardo.markdown"],
}
BLOG: tuple[Any, ...] = ("search", {"blog": {"archive": True, "categories": True}})

_HEADER = re.compile(r'<header[^>]* class="leonardo-hero .*?</header>', re.DOTALL)
_ADDRESS = re.compile(r'\s(src|href|srcset)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Zensical:
    """The result of one build; `log` is everything that the build printed."""

    exit_code: int
    log: str
    folder: Path
    site_url: str = "https://example.org/"

    def html(self, place: str) -> str:
        """The text of one built page."""
        return (self.folder / place).read_text(encoding="utf-8")

    def headers(self, place: str) -> list[str]:
        """Every hero on one built page."""
        return _HEADER.findall(self.html(place))

    @property
    def pages(self) -> list[str]:
        """The paths of all built pages."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.html"))

    @property
    def search(self) -> list[dict[str, Any]]:
        """The entries of the search index."""
        items: list[dict[str, Any]] = json.loads((self.folder / "search.json").read_text("utf-8"))["items"]
        return items

    def addresses(self, place: str) -> list[str]:
        """The absolute address of every file of the heroes on one page."""
        return [self.resolved(place, each) for header in self.headers(place) for each in urls_of(header)]

    def resolved(self, place: str, address: str) -> str:
        """An address on the page at `place`, as a browser resolves it."""
        return urljoin(urljoin(self.site_url, place.removesuffix("index.html")), address)

    def has(self, address: str) -> bool:
        """Whether the site contains the file at this address."""
        path = unquote(urlsplit(address).path)
        root = urlsplit(self.site_url).path
        return path.startswith(root) and (self.folder / path.removeprefix(root)).is_file()


def urls_of(header: str) -> Iterator[str]:
    """Every address that a browser may fetch for one hero."""
    for name, value in _ADDRESS.findall(header):
        for candidate in html.unescape(value).split(", ") if name == "srcset" else [html.unescape(value)]:
            address = candidate.split(" ")[0]
            if name != "href" and not address.startswith("data:"):
                yield address


def build(site: Site, *arguments: str, environ: Mapping[str, str] | None = None) -> Zensical:
    """Build the configured site, and wait for the end."""
    ran = subprocess.run(
        [COMMAND, "build", *arguments],
        cwd=site.folder,
        env=site.environ(None, environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert not TRACEBACK.search(ran.stdout), ran.stdout
    config = yaml.safe_load((site.folder / "mkdocs.yml").read_text(encoding="utf-8"))
    # Without an address of its own, a site may be served anywhere.
    site_url = config["site_url"] or "http://127.0.0.1/anywhere/"
    return Zensical(ran.returncode, ran.stdout, site.folder / "site", site_url)
