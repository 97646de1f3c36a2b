"""The marks of origin in the files of a built site."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from builds import Site, page
from images import encode, plain
from PIL import Image
from services import Picture, Services

from mkdocs_leonardo.imaging.provenance import make_xmp_packet
from mkdocs_leonardo.spec import PictureRecord

AI_MARK = b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def test_generated_files_carry_the_ai_mark_and_the_report_names_what_was_delivered(
    tmp_path: Path, services: Services
) -> None:
    """Every file of a generated hero has the AI mark; cache and report keep the service's own marks."""
    services.leonardo.on_download(Picture(with_marks=True)).when_prompt("harbour")
    site = Site(
        tmp_path,
        pages={"index.md": page("Home", hero_prompt="a harbour"), "b.md": page("B", hero_prompt="a desert")},
        options={"formats": ["avif", "webp", "jpeg"]},
    )

    built = site.build(services, "--strict")
    warm = site.build(services, "--strict")

    assert built.exit_code == warm.exit_code == 0, built.log
    for build in (built, warm):
        assert build.hero("index.md")["marks"] == ["xmp", "c2pa"]
        assert build.hero("b.md")["marks"] == []
    files = [name for name in built.pictures() if not name.endswith(".css")]
    assert {name.rpartition(".")[2] for name in files} == {"avif", "webp", "jpg"}
    for name in files:
        assert AI_MARK in built.asset(name), name
        assert b"Leonardo" in built.asset(name) or b"leonardo" in built.asset(name), name
    (linked,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', built.html("index.html"))
    said = json.loads(linked)
    assert (said["@type"], said["creditText"]) == ("ImageObject", "Leonardo AI")
    assert said["digitalSourceType"] == AI_MARK.decode()
    place = said["contentUrl"].removeprefix("https://example.org/")
    assert AI_MARK in (built.site / place).read_bytes()
    kept = (site.cache / "pictures" / f"{built.hero('index.md')['key']}.jpg").read_bytes()
    assert b"theirs" in kept
    assert b"jumdc2pa" in kept


def test_painted_and_own_pictures_do_not_claim_to_be_made_by_ai(tmp_path: Path) -> None:
    """Files of placeholders and own pictures have no AI mark."""
    site = Site(
        tmp_path,
        pages={
            "hero.jpg": plain("teal", (640, 360)),
            "index.md": page("Home", hero_prompt="a harbour"),
            "own.md": page("Own", hero_image="hero.jpg"),
        },
    )

    built = site.build(None, "--strict")

    assert sorted(built.sources.values()) == ["local", "own"]
    for name in built.pictures():
        assert AI_MARK not in built.asset(name), name
    assert "digitalSourceType" not in built.html("index.html") + built.html("own/index.html")


@pytest.mark.parametrize("term", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_own_picture_that_says_where_it_came_from_goes_on_saying_so(tmp_path: Path, term: str) -> None:
    """Files and page of an own picture repeat its AI mark, also in a warm build, and claim no maker."""
    mark = AI_MARK.decode().replace("trainedAlgorithmicMedia", term)
    packet = make_xmp_packet(PictureRecord("", "", "", "own", ""), mark)
    picture = encode(Image.new("RGB", (640, 360), "teal"), xmp=packet)
    home = page("Home", hero_image="hero.jpg", hero_alt="A teal wall")
    site = Site(tmp_path, pages={"hero.jpg": picture, "index.md": home}, options={"credit": True})

    for _ in ("cold", "warm"):
        built = site.build(None, "--strict")
        assert all(mark.encode() in built.asset(name) for name in built.pictures() if not name.endswith(".css"))
        (linked,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', built.html("index.html"))
        said = json.loads(linked)
        assert said["digitalSourceType"] == mark
        assert said["caption"] == "A teal wall"
        assert not {"creditText", "creator"} & said.keys()
        assert "leonardo-hero__credit" not in built.html("index.html")
