"""Widths of the files on a page: up to the delivered picture's, and never beyond."""

from __future__ import annotations

import io
import re
from pathlib import Path

from builds import Site, page
from cli_rig import Shell
from PIL import Image
from services import Picture, Services
from services.pictures import draw

OPTIONS = {"formats": ["jpeg"], "widths": [320, 512, 768, 1000], "width": 512, "height": 288}


def test_build_writes_the_widths_that_a_picture_has_and_no_larger_one(tmp_path: Path, services: Services) -> None:
    """A hero has every configured width up to that of the delivered picture, and a small picture no larger one."""
    services.leonardo.on_download(Picture(scale=1.5)).when_prompt("harbour")
    services.leonardo.on_download(Picture(scale=0.5)).when_prompt("pier")
    pages: dict[str, str | bytes] = {
        "large.md": page("Large", hero_prompt="a harbour"),
        "little.md": page("Little", hero_prompt="a pier"),
        "own.md": page("Own", hero_image="images/small.jpg"),
        "photo.md": page("Photo", hero_image="images/large.jpg"),
        "images/small.jpg": draw("small", "", 300, 200, Picture()),
        "images/large.jpg": draw("large", "", 1200, 675, Picture()),
    }
    site = Site(tmp_path, pages, OPTIONS)

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    widths = {}
    for name in ("large", "little", "own", "photo"):
        html = built.html(f"{name}/index.html")
        sizes = [int(width) for width in re.findall(r"\.jpg (\d+)w", html)]
        widths[name] = sorted(set(sizes)) or [int(re.findall(r'__image"[^>]* width="(\d+)"', html)[0])]
        for file in set(re.findall(r"assets/leonardo/(\S+?\.jpg) \d+w", html)):
            assert Image.open(io.BytesIO(built.asset(file))).width == int(file.rpartition("-")[2].removesuffix(".jpg"))
    assert widths == {
        # 768 pixels were delivered.
        "large": [320, 512, 768],
        # 256 pixels were delivered: the one step to the size that every page can rely on.
        "little": [320, 512],
        "own": [300],
        "photo": [320, 512, 768, 1000],
    }

    checked = Shell(site, services)("check")

    assert checked.exit_code == 0, checked.out
    assert "own.md" in checked.err
    assert "small.jpg has 300 x 200 pixels and is used as it is" in checked.err
    assert "large.jpg" not in checked.err
    told = Shell(site, services)("check", "--json").json
    assert ([one["where"] for one in told["warnings"]], told["findings"]) == (["own.md"], [])


def test_build_of_a_larger_size_asks_for_it_and_writes_it(tmp_path: Path, services: Services) -> None:
    """A configured size beyond the default is asked for and written, up to the model's maximum."""
    options = {**OPTIONS, "width": 1920, "height": 1080, "widths": [480, 1536, 1920, 2400]}
    site = Site(tmp_path, {"a.md": page("A", hero_prompt="a harbour")}, options)

    built = site.build(services, "--strict")

    assert built.exit_code == 0, built.log
    (job,) = services.ledger.jobs
    assert (job.width_px, job.height_px) == (1920, 1080)
    assert sorted(set(re.findall(r"\.jpg (\d+)w", built.html("a/index.html"))), key=int) == ["480", "1536", "1920"]
