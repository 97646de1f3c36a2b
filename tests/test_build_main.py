"""The main job in whole builds: submissions, speed, imports, reports and secrets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builds import Built, Site, page
from PIL import Image
from services import (
    LEONARDO_KEY,
    OPENAI_KEY,
    PHOENIX_1_0,
    SIGNATURE,
    STYLE_IDS,
    UNKNOWN_LEONARDO_KEY,
    Answer,
    Answer500,
    Services,
    draw,
    shows,
)
from services import Picture as Form

PROMPT = "a lighthouse in a storm, dawn"
#: Small and quick, and no limit that a test would have to wait for.
QUICK: dict[str, object] = {
    "formats": ["jpeg"],
    "social": False,
    "max_new_images": 100,
    "leonardo": {"render_estimate": 0.3, "requests_per_minute": 100_000},
}


def heroes(number: int) -> dict[str, str]:
    """Pages with a hero each, as many as asked for."""
    return {f"p{place}.md": page(f"P{place}", hero_prompt=f"<{place}>") for place in range(number)}


def test_many_pages_are_made_side_by_side_and_never_again(tmp_path: Path, services: Services) -> None:
    """As many pages as `concurrency` allows are made at once; later builds send no request until a prompt changes."""
    site = Site(tmp_path / "a", heroes(8), {**QUICK, "concurrency": 4})

    first = site.build_held(services, 4, "--strict")

    assert first.exit_code == 0, first.log
    assert first.totals["generated"] == services.ledger.creates == 8
    assert services.ledger.peak_in_flight == 4
    requests = len(services.ledger.requests)

    warm = site.build(services, "--strict")
    assert warm.totals["cached"] == 8
    assert len(services.ledger.requests) == requests

    site.write({"p3.md": page("P3", hero_prompt="<another>")})
    assert site.build(services).totals["generated"] == 1
    assert services.ledger.creates == 9

    services.leonardo.down = services.cdn.down = services.openai.down = True
    offline = site.build(services, "--strict")
    assert offline.exit_code == 0, offline.log
    assert offline.totals["cached"] == 8
    assert offline.totals["requests"] == 0


def test_what_changes_no_pixel_buys_nothing(tmp_path: Path, services: Services) -> None:
    """A changed name, theme, folder, order of providers, format, width or cap sends no request."""
    site = Site(tmp_path / "a", heroes(2), QUICK)
    site.build(services)
    requests = len(services.ledger.requests)
    shutil.copytree(tmp_path / "a", tmp_path / "b/c")
    moved = Site(
        tmp_path / "b/c",
        heroes(2),
        {
            **QUICK,
            "providers": ["openai", "leonardo"],
            "formats": ["webp", "jpeg"],
            "widths": [320, 960],
            "concurrency": 2,
            "layout": "full",
            "social": True,
        },
        {"site_name": "Another name", "theme": {"name": "readthedocs"}, "use_directory_urls": False},
    )

    built = moved.build(services, "--strict", environ={"LEONARDO_API_KEY": UNKNOWN_LEONARDO_KEY})

    assert built.exit_code == 0, built.log
    assert built.totals["cached"] == 2
    assert len(services.ledger.requests) == requests


@pytest.mark.parametrize(
    ("meta", "options"),
    [
        ({"hero_style": "DYNAMIC"}, {}),
        ({"hero_seed": 7}, {}),
        ({"hero_negative_prompt": "boats"}, {}),
        ({}, {"height": 768}),
        ({}, {"leonardo": {"model": "6b645e3a-d64f-4341-a6d8-7a3690fbf042"}}),
        ({}, {"leonardo": {"contrast": 4.5}}),
    ],
    ids=["style", "seed", "negative prompt", "size", "model", "contrast"],
)
def test_what_changes_pixels_is_one_new_picture(
    tmp_path: Path, services: Services, meta: dict[str, object], options: dict[str, object]
) -> None:
    """A changed style, seed, size or model submits one picture; the old value finds the old picture."""
    site = Site(tmp_path, {"index.md": page("Home", "Text.", hero_prompt=PROMPT)}, QUICK)
    site.build(services)
    site.write({"index.md": page("Home", "Text.", hero_prompt=PROMPT, **meta)})

    changed = site.build(services, options=options)

    assert changed.sources == {"index.md": "generated"}, changed.log
    assert services.ledger.paid_jobs == 2
    site.write({"index.md": page("Home", "Text.", hero_prompt=PROMPT)})
    assert site.build(services).sources == {"index.md": "cached"}


def test_two_pages_with_one_prompt_are_one_picture(tmp_path: Path, services: Services) -> None:
    """Two pages with one prompt cause one submission and one download."""
    pages = {name: page(name, hero_prompt=PROMPT) for name in ("a.md", "b.md", "c.md")}

    built = Site(tmp_path, pages, QUICK).build(services)

    assert services.ledger.creates == services.ledger.downloads == 1
    assert sorted(built.sources.values()) == ["cached", "cached", "generated"]
    assert len({hero["key"] for hero in built.report["heroes"]}) == 1
    assert built.totals["cost_usd"] == services.ledger.paid_usd


def test_create_call_is_what_the_service_documents_for_every_style(tmp_path: Path, services: Services) -> None:
    """The create call of each of the 23 styles is the documented one: a seed, one private picture, no more."""
    services.leonardo.slots = 30
    pages = {f"{style}.md": page(style, hero_prompt=f"<{style}>", hero_style=style) for style in STYLE_IDS.values()}

    built = Site(tmp_path, pages, {**QUICK, "concurrency": 30}).build(services)

    assert len(STYLE_IDS) == 23
    assert built.totals["generated"] == 23, built.log
    sent = {str(job.request["prompt"]): dict(job.request) for job in services.ledger.jobs}
    seeds = set()
    for style_id, style in STYLE_IDS.items():
        body = sent[f"<{style}>"]
        assert isinstance(body.pop("presetStyle"), str)
        seeds.add(body.pop("seed"))
        assert body == {
            "modelId": PHOENIX_1_0,
            "prompt": f"<{style}>",
            "width": 1536,
            "height": 864,
            "alchemy": True,
            "contrast": 3.5,
            "styleUUID": style_id,
            "num_images": 1,
            "enhancePrompt": False,
            "public": False,
        }
    assert len(seeds) == len(STYLE_IDS)
    presets = {str(job.style): job.request["presetStyle"] for job in services.ledger.jobs}
    assert [presets[style] for style in ("CINEMATIC", "CREATIVE", "DYNAMIC")] == ["CINEMATIC", "CREATIVE", "DYNAMIC"]


def test_openai_is_asked_for_the_very_size_and_its_cost_is_read_from_usage(tmp_path: Path, services: Services) -> None:
    """OpenAI is asked once for a JPEG of 1536x864, and the report has the billed cost."""
    site = Site(tmp_path, {"index.md": page("Home", hero_prompt=PROMPT)}, {**QUICK, "providers": ["openai"]})

    built = site.build(services, "--strict")

    (job,) = services.ledger.jobs
    body = dict(job.request)
    assert str(body.pop("prompt")).startswith(PROMPT)
    assert body == {
        "model": "gpt-image-2",
        "n": 1,
        "size": "1536x864",
        "quality": "medium",
        "output_format": "jpeg",
        "output_compression": 95,
    }
    assert built.hero("index.md")["cost_usd"] == pytest.approx(job.charged_usd, abs=1e-6)


@pytest.mark.parametrize(("focus", "first_row_px"), [("top", 0), ("center", 80), ("bottom", 160)])
def test_picture_of_another_shape_is_cropped_around_the_focal_point(
    tmp_path: Path, services: Services, focus: str, first_row_px: int
) -> None:
    """A picture of 1536x1024 is cropped to 864 rows around the focal point of `hero_focus`."""
    site = Site(
        tmp_path,
        {"index.md": page("Home", hero_prompt=PROMPT, hero_focus=focus)},
        {**QUICK, "providers": ["openai"], "openai": {"model": "gpt-image-1.5"}, "widths": [1536]},
    )

    built = site.build(services)

    (job,) = services.ledger.jobs
    assert job.request["size"] == "1536x1024"
    (name,) = [name for name in built.pictures() if name.endswith("-1536.jpg")]
    with Image.open(built.site / "assets/leonardo" / name) as shown:
        assert shown.size == (1536, 864)
        found = shown.convert("RGB")
    (tmp_path / "drawn.jpg").write_bytes(draw(job.prompt, "medium", 1536, 1024, Form()))
    with Image.open(tmp_path / "drawn.jpg") as drawn:
        expected = drawn.convert("RGB").crop((0, first_row_px, 1536, first_row_px + 864))
    for x in (100, 500, 1000, 1400):
        for y in (20, 300, 380, 470, 560, 840):
            pair = zip(_pixel(found, x, y), _pixel(expected, x, y), strict=True)
            assert max(abs(a - b) for a, b in pair) < 16, (x, y)


def _pixel(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    value = image.getpixel((x, y))
    assert isinstance(value, tuple)
    return tuple(int(part) for part in value)


def test_provider_without_key_is_skipped_and_that_is_said_once(tmp_path: Path, services: Services) -> None:
    """Without Leonardo's key, OpenAI makes the pictures, one INFO line says why, and `--strict` passes."""
    built = Site(tmp_path, heroes(2), QUICK).build(services, "--strict", environ={"LEONARDO_API_KEY": " "})

    assert built.exit_code == 0, built.log
    assert {hero["provider"] for hero in built.report["heroes"]} == {"openai"}
    assert services.ledger.requests_to("leonardo") == ()
    (line,) = [line for line in built.log.splitlines() if "LEONARDO_API_KEY" in line]
    assert line.startswith("INFO ")


def test_no_key_stops_the_build_where_no_hero_may_be_missing(tmp_path: Path, services: Services) -> None:
    """With `on_missing: error` and no key, the build ends with an error that says what to do."""
    site = Site(tmp_path, heroes(2), {**QUICK, "on_missing": "error"})

    built = site.build(None)

    assert built.exit_code == 1
    assert not built.has_traceback
    error, _ = re.findall(r"^ERROR +-  leonardo: (.*)$", built.log, re.MULTILINE)
    assert error == (
        "p0.md, p1.md: shows a placeholder painted on this machine: there is no key in LEONARDO_API_KEY or "
        "OPENAI_API_KEY; "
        "set one, or commit the image with `mkdocs-leonardo pin`"
    )
    assert site.build(services, "--strict").exit_code == site.build(None, "--strict").exit_code == 0


def test_no_key_at_all_paints_and_passes_strict(tmp_path: Path, services: Services) -> None:
    """Without any key, pages show placeholders at INFO and send no request; a later build with a key replaces them."""
    forest = page("Woods", hero_prompt="a forest in the fog")
    site = Site(tmp_path, {**heroes(2), "woods.md": forest}, QUICK)
    site.configure(services)

    built = site.build(services, "--strict", environ={"LEONARDO_API_KEY": "", "OPENAI_API_KEY": ""})

    assert built.exit_code == 0, built.log
    assert built.totals["local"] == 3
    assert built.warnings == []
    assert services.ledger.requests == ()
    assert len([line for line in built.log.splitlines() if "API_KEY" in line]) == 1
    (abstract,) = [line for line in built.log.splitlines() if "abstract" in line]
    assert abstract.startswith("INFO ")
    assert abstract.endswith(
        "painted abstractly, since their prompts name no landscape: 2 pages; set a provider's key to get the real image"
    )
    again = site.build(services)
    assert again.totals["generated"] == 3
    assert "abstract" not in again.log


def test_generation_starts_while_markdown_is_still_rendered(tmp_path: Path, services: Services) -> None:
    """The first page's create call arrives before the last page is rendered."""
    (tmp_path / "hook.py").write_text(
        "import json, time, urllib.request\n"
        "def on_page_content(html, page, **_):\n"
        "    if page.file.src_uri != 'z.md':\n"
        "        return\n"
        "    for _ in range(400):\n"
        f"        with urllib.request.urlopen('{services.urls['control']}/__control__/ledger') as answer:\n"
        "            if json.load(answer)['totals']['creates']:\n"
        "                print('SEEN')\n"
        "                return\n"
        "        time.sleep(0.02)\n"
    )
    pages = {"index.md": page("Home", hero_prompt=PROMPT), "z.md": page("Z")}

    built = Site(tmp_path, pages, QUICK, {"hooks": ["hook.py"]}).build(services)

    assert "SEEN" in built.log


def modules(site: Site, services: Services) -> set[str]:
    """The slow modules that a build imports."""
    (site.folder / "hook.py").write_text(
        "import sys\n"
        "def on_post_build(**_):\n"
        "    slow = {'httpx', 'PIL', 'diskcache', 'anyio', 'asyncio', 'ssl', 'mkdocs_leonardo.acquire'}\n"
        "    print('MODULES', *(slow & sys.modules.keys()))\n"
    )
    built = site.build(services)
    (line,) = [line for line in built.log.splitlines() if line.startswith("MODULES")]
    return set(line.split()[1:])


def test_build_without_heroes_imports_nothing_slow_and_a_warm_one_no_network_library(
    tmp_path: Path, services: Services
) -> None:
    """A build without heroes imports no slow module, and a warm build no network library."""
    hooks = {"hooks": ["hook.py"]}
    plain = Site(tmp_path / "plain", {"index.md": page("Home")}, QUICK, hooks, plugins=(), is_new_interpreter=True)
    warm = Site(tmp_path / "warm", heroes(1), QUICK, hooks, plugins=(), is_new_interpreter=True)

    assert modules(plain, services) & {"httpx", "PIL", "diskcache", "anyio"} == set()
    assert modules(warm, services) >= {"httpx", "PIL", "diskcache", "anyio", "mkdocs_leonardo.acquire"}
    assert modules(warm, services) & {"httpx", "anyio", "mkdocs_leonardo.acquire"} == set()


def everything(site: Site, built: Built) -> bytes:
    """All bytes that a build leaves behind: log, report, cache, site."""
    files = [path for path in site.folder.rglob("*") if path.is_file() and path.name != "mkdocs.yml"]
    return b"\0".join([built.log.encode(), *(path.read_bytes() for path in files)])


def test_no_key_and_no_signed_address_is_ever_seen(tmp_path: Path, services: Services) -> None:
    """Neither debug log nor report, cache or site contains a key or a signed address, on good and bad days."""
    services.leonardo.sign_urls = True
    services.leonardo.on_download(Answer(403)).when_prompt("<1>")
    services.leonardo.on_download(
        Answer(302, headers={"Location": f"http://10.0.0.1/?Signature={SIGNATURE}"})
    ).when_prompt("<2>")
    services.leonardo.on_create(Answer500(f"key {LEONARDO_KEY} in Bearer {LEONARDO_KEY}")).when_prompt("<3>")
    services.leonardo.on_create(Answer(400, {"error": f"see https://x.test/?Signature={SIGNATURE}"})).when_prompt("<4>")
    services.openai.on_create(Answer(400, {"error": {"message": f"wrong {OPENAI_KEY}"}})).when_prompt("<3>")
    site = Site(tmp_path, heroes(5), QUICK)
    options = {"leonardo": {"timeout": 2}}

    built = site.build(services, "--verbose", options=options)
    refused = site.build(
        services,
        "--verbose",
        options=options,
        environ={"LEONARDO_API_KEY": UNKNOWN_LEONARDO_KEY, "OPENAI_API_KEY": "sk-1"},
    )

    assert built.exit_code == refused.exit_code == 0
    assert services.ledger.authorization_leaks == ()
    left = everything(site, built) + everything(site, refused)
    for secret in (LEONARDO_KEY, OPENAI_KEY, UNKNOWN_LEONARDO_KEY, SIGNATURE, "Bearer"):
        assert secret.encode() not in left, secret


def test_report_and_summary_say_what_the_build_did(tmp_path: Path, services: Services) -> None:
    """The summary is one INFO line, and the report's numbers are the ledger's."""
    built = Site(tmp_path, heroes(2), QUICK).build(services)

    (summary,) = re.findall(r"^INFO +- +leonardo: (2 heroes: .*)$", built.log, re.MULTILINE)
    assert summary == "2 heroes: 2 generated; 2 new images, $0.04"
    api = [entry for entry in services.ledger.requests if entry.service in {"leonardo", "openai"}]
    assert built.totals == {
        "cached": 0,
        "generated": 2,
        "resumed": 0,
        "pinned": 0,
        "local": 0,
        "failed": 0,
        "new_images": 2,
        "uncertain": 0,
        "cost_usd": services.ledger.paid_usd,
        "requests": len(api),
    }
    hero = built.hero("p0.md")
    assert set(hero) >= {"page", "key", "provider", "source", "attempts", "cost_usd", "seconds"}
    assert hero["key"] in built.html("p0/index.html")
    assert shows(built.asset(f"{hero['key']}-480.jpg"), "<0>")
    record = json.loads((tmp_path / f".cache/plugin/leonardo/pictures/{hero['key']}.json").read_text())
    assert record["job_id"] == services.ledger.jobs_for("<0>")[0].job_id


COUNTED = """
import gc, sys
from mkdocs.commands.build import build
from mkdocs.config import load_config

config = load_config(sys.argv[1])
try:
    build(config)
except ZeroDivisionError:
    print("failed")
print(gc.get_freeze_count())
"""
COUNTING = "import gc\n\ndef on_page_context(context, **_):\n    print(1 // {}, gc.get_freeze_count() > 0)\n"


@pytest.mark.parametrize("divisor", [1, 0], ids=["built", "failed"])
def test_collector_is_spared_only_until_the_build_ends(tmp_path: Path, divisor: int) -> None:
    """The garbage collector skips older objects while pages are written, and checks them again after the build."""
    site = Site(tmp_path, heroes(1), QUICK, {"hooks": ["hook.py"]})
    (tmp_path / "hook.py").write_text(COUNTING.format(divisor), encoding="utf-8")
    command = [sys.executable, "-c", COUNTED, str(site.configure(None))]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=site.environ(None), cwd=tmp_path)
    assert found.stdout.split() == (["1", "True", "0"] if divisor else ["failed", "0"])
