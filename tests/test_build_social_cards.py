"""Material's social plugin: its cards show the page's hero."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from builds import Site, page
from images import plain
from PIL import Image

try:
    import cairosvg  # noqa: F401 - Material's plugin needs it
except (ImportError, OSError):
    pytest.skip("the library cairo is not on this machine", allow_module_level=True)


def some_font() -> Path:
    """A font of this machine, since the social plugin would download one."""
    matcher = shutil.which("fc-match")
    if matcher is None:
        pytest.skip("no fontconfig to find a font with")
    found = subprocess.run([matcher, "--format=%{file}", "sans"], capture_output=True, text=True, check=True).stdout
    if not found.endswith((".ttf", ".otf")):
        pytest.skip("no font on this machine")
    return Path(found)


def test_social_card_has_the_hero_as_background(tmp_path: Path) -> None:
    """A page's social card has the hero as background and is its only shared picture; other cards are unchanged."""
    site = Site(
        tmp_path,
        pages={
            "hero.jpg": plain((230, 20, 20), (1200, 630)),
            "index.md": page("Home", hero_image="hero.jpg"),
            "plain.md": page("Plain"),
        },
        plugins=("search",),
        config={"theme": {"name": "material", "font": False}},
    )
    fonts = tmp_path / ".cache/plugin/social/fonts/Roboto"
    fonts.mkdir(parents=True)
    for style in ("Regular", "Bold"):
        shutil.copy(some_font(), fonts / f"{style}.ttf")
    for order in (("social", "leonardo"), ("leonardo", "social")):
        options = {"formats": ["jpeg"], "widths": [480]}
        plugins = [{"leonardo": options} if name == "leonardo" else name for name in order]
        config = {**site.config, "plugins": ["search", *plugins]}
        again = Site(tmp_path, pages=site.pages, config=config)
        first = again.build(None, "--strict")
        is_new = order[0] == "social"  # the second order finds the first one's cache
        assert ("new heroes become the background of Material's social cards" in first.log) == is_new, first.log
        assert (_middle(first.site / "assets/images/social/index.png") == (64, 81, 181)) == is_new

        built = again.build(None, "--strict")

        assert built.exit_code == 0, built.log
        red, green, _ = _middle(built.site / "assets/images/social/index.png")
        assert red > 60, order
        assert green < 40, order
        assert _middle(built.site / "assets/images/social/plain.png") == (64, 81, 181)
        html = built.html("index.html")
        assert html.count('property="og:image"') == 1, order
        assert "assets/images/social/index.png" in html


def _middle(path: Path) -> tuple[int, int, int]:
    with Image.open(path) as card:
        pixel = card.convert("RGB").getpixel((600, 500))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]
