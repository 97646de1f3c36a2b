"""Sites of the same pages in several themes, built by MkDocs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mkdocs.commands.build import build
from mkdocs.config import load_config

from browser.hosting import HeroPlugin
from mkdocs_leonardo.spec import HeroAsset

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
LONG_TITLE = "Everything that the keepers of the northern lighthouses wrote about storms between 1810 and 1912"
TEXT = "\n\n".join(
    f"## Part {number}\n\n" + "The keeper climbs the stairs and trims the wick. " * 12 for number in range(5)
)
MATERIAL: dict[str, Any] = {"name": "material", "font": False, "features": ["navigation.tabs"]}


@dataclass(frozen=True)
class Sites:
    """Builds sites below one folder, whose address is `address`."""

    folder: Path
    address: str
    assets: Mapping[str, HeroAsset]

    def build(self, name: str, theme: dict[str, Any], pages: Mapping[str, str], **options: Any) -> str:  # noqa: ANN401 - MkDocs's own options
        """Build a site of pages in Markdown, and return its address; pages with a `picture` show it as their hero."""
        docs = self.folder.parent / "docs" / name
        for path, text in pages.items():
            (docs / path).parent.mkdir(parents=True, exist_ok=True)
            (docs / path).write_text(text, encoding="utf-8")
        config = load_config(
            config_file=str(_write(docs.parent / f"{name}.yml", "")),
            site_name="The lighthouse",
            site_url=f"{self.address}/{name}/",
            theme=theme,
            docs_dir=str(docs),
            site_dir=str(self.folder / name),
            **({"plugins": [], "markdown_extensions": [{"toc": {"permalink": True}}, "attr_list"]} | options),
        )
        config.plugins["hero"] = HeroPlugin(self.assets)
        build(config)
        return f"{self.address}/{name}"


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def hero_page(heading: str | None = "A lighthouse in a storm", picture: str = "landscape", **meta: object) -> str:
    """The Markdown of a page with a hero."""
    lines = "".join(f"{name}: {value}\n" for name, value in meta.items())
    start = "" if heading is None else f"# {heading}\n\n"
    return f"---\npicture: {picture}\n{lines}---\n{start}The keeper climbs the stairs.\n\n{TEXT}\n"
