"""The commands `pin`, `check` and `prune`."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Ran, Shell
from jinja2 import DictLoader, Environment
from PIL import Image
from services import Services

from mkdocs_leonardo.commands import check
from mkdocs_leonardo.commands.hero_status import HeroStatus
from mkdocs_leonardo.commands.site import find_shade_alpha
from mkdocs_leonardo.host.dry_build import find_templates_without_excerpts
from mkdocs_leonardo.imaging.contrast import measure
from mkdocs_leonardo.imaging.render import render
from mkdocs_leonardo.spec import Encoding, HeroSpec, PictureRecord, Rendering, Scrim
from mkdocs_leonardo.storage.renderings import RenderingCache
from mkdocs_leonardo.storage.text_store import TextStore

HARBOUR, MEADOW = "a harbour at dusk", "a meadow in spring"


PAGES = {"index.md": page("Home", hero_prompt=HARBOUR), "notes/b.md": page("B", hero_prompt=MEADOW, hero_alt="m")}


def _generate(folder: Path, services: Services) -> Shell:
    shell = Shell(Site(folder, PAGES), services)
    assert shell("generate", "--yes").exit_code == 0
    return shell


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site with two heroes, both made."""
    with Services() as services:
        return _generate(tmp_path_factory.mktemp("made"), services).site.folder


@pytest.fixture
def shell(tmp_path: Path, services: Services, made: Path) -> Shell:
    """A copy of that site with services that know no job of it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Shell(Site(tmp_path, PAGES), services)


def _kinds(shell: Shell, *arguments: str) -> list[tuple[str, str]]:
    ran = shell("check", "--json", *arguments)
    findings = [(finding["where"], finding["kind"]) for finding in ran.json["findings"]]
    assert ran.exit_code == (1 if findings else 0)
    return findings


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def test_pin_keeps_heroes_for_a_site_without_cache_and_key(shell: Shell) -> None:
    """A build and `check` find pinned heroes with neither cache nor key."""
    ran = shell("pin")
    assert ran.exit_code == 0
    assert "2 heroes copied to heroes, 0 there already, 0 missing" in ran.out
    assert "0 heroes copied to heroes, 2 there already" in shell("pin").out
    assert len(list((shell.site.folder / "heroes").iterdir())) == 4

    fresh = Shell(Site(shell.site.folder / "clone", shell.site.pages))
    (shell.site.folder / "heroes").rename(fresh.site.folder / "heroes")
    assert _kinds(fresh) == []
    built = fresh.site.build(None, "--strict")
    assert built.exit_code == 0, built.log
    assert built.totals["pinned"] == 2


def test_check_names_what_is_missing_stale_orphaned_and_without_alt(shell: Shell) -> None:
    """`check` prints a line with the fix for each finding, and exits with 1 until there is none."""
    assert _kinds(shell) == []
    assert _kinds(shell, "--require-alt") == [("index.md", "no alt text")]

    shell("pin", "index.md")
    shell.site.write(
        {
            "index.md": page("Home", hero_prompt="another harbour"),
            "new.md": page("New", hero_prompt="a pier"),
            "bad.md": page("Bad", hero_prompt="a pier", hero_seed="x"),
        }
    )
    (orphan,) = (shell.site.folder / "heroes").glob("*.jpg")
    ran = shell("check")
    assert ran.exit_code == 1
    lines = ran.out.splitlines()
    assert "bad.md: hero_seed is 'x'; it must be a whole number from 0 to 9999999998" in lines
    fix = "run mkdocs-leonardo generate {0}, then mkdocs-leonardo pin {0}"
    assert (
        "index.md: stale: the image that is there was made for another prompt, style, size or seed; "
        + fix.format("index.md")
        in lines
    )
    assert "new.md: missing: no image is pinned or cached; " + fix.format("new.md") in lines
    assert any(line.startswith(f"heroes/{orphan.name}: orphaned: ") for line in lines)
    assert lines[-1] == "3 heroes, 4 findings"


def test_check_finds_damaged_pictures(tmp_path: Path, services: Services) -> None:
    """`check` reports a picture whose bytes are not the stored ones."""
    shell = _generate(tmp_path, services)
    assert shell.site.build(services).exit_code == 0
    assert _kinds(shell) == []
    pictures = {name: Path(entry["file"]) for name, entry in shell.pages().items()}
    pictures["index.md"].write_bytes(b"not what was stored")
    assert _kinds(shell) == [("index.md", "damaged")]
    creates = services.ledger.creates
    assert "collected from leonardo, paid for earlier" in shell("generate").out
    assert services.ledger.creates == creates
    assert _kinds(shell) == []


def test_check_asks_for_alt_text_where_the_theme_does(shell: Shell) -> None:
    """`check` wants alternative texts if the theme or the site requires them; an unknown rule is exit 2."""
    installed = shell.site.folder / "installed"
    for name, text in {
        "house/__init__.py": "",
        "house/mkdocs_theme.yml": "extends: mkdocs\nhero_alt: required\n",
        "house-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: house\nVersion: 1\n",
        "house-1.dist-info/entry_points.txt": "[mkdocs.themes]\nhouse = house\n",
    }.items():
        (installed / name).parent.mkdir(parents=True, exist_ok=True)
        (installed / name).write_text(text, encoding="utf-8")

    def says(name: str = "house", **rule: object) -> Ran:
        shell.site.config = {"theme": {"name": name, **rule}}
        shell.site.configure(shell.services)
        return shell("check", environ={"PYTHONPATH": str(installed)})

    assert says().out.splitlines()[0] == "index.md: no alt text: say what the image shows in hero_alt"
    assert says(hero_alt="optional").exit_code == 0
    wrong = says(hero_alt="require")
    assert (wrong.exit_code, wrong.out) == (2, "")
    assert "theme: hero_alt is 'require'; required and optional are allowed" in wrong.err
    assert says("mkdocs", hero_alt="required").exit_code == 1


def test_check_sees_damage_in_the_gallery_behind_a_sound_cache(shell: Shell) -> None:
    """`check` reports a damaged gallery picture that the cache hides, and `pin` mends it."""
    shell("pin")
    records = {
        json.loads(path.read_text("utf-8"))["page"]: path for path in (shell.site.folder / "heroes").glob("*.json")
    }
    broken, picture = records["index.md"], records["notes/b.md"].with_suffix(".jpg")
    broken.write_text("{", encoding="utf-8")
    records["notes/b.md"].unlink()
    stray = broken.with_name("0123456789abcdef.jpg")
    stray.write_bytes(picture.read_bytes())

    here = shell("check").out.splitlines()
    pin = "mkdocs-leonardo pin"
    half = f"heroes/{picture.name} has no {picture.stem}.json beside it; commit both"
    idle = "its image or its .json is missing, and no page asks for it; run mkdocs-leonardo prune --gallery"
    assert here == [
        f"index.md: damaged: heroes/{broken.name}: is not complete JSON; run {pin} index.md, and commit heroes",
        f"notes/b.md: damaged: {half} ({pin} notes/b.md makes them again where the image is in the cache)",
        f"heroes/0123456789abcdef.jpg: orphaned: {idle}",
        "2 heroes, 3 findings",
    ]
    clone = Shell(Site(shell.site.folder / "clone", shell.site.pages), shell.services)
    shutil.copytree(broken.parent, clone.site.folder / "heroes")
    there = clone("check").out.splitlines()
    assert there[0].endswith(
        "is not complete JSON; restore it from the repository, or delete both halves and run mkdocs-leonardo generate "
        "index.md, then mkdocs-leonardo pin index.md"
    )
    assert there[1:] == here[1:]
    assert f"{picture.name} has no {picture.stem}.json beside it" in clone("generate", "--dry-run").err

    assert "2 heroes copied" in shell("pin").out
    assert "gallery: incomplete pair, 0123456789abcdef.jpg" in shell("prune", "--gallery", "--yes").out
    assert not stray.exists()
    assert len(list(broken.parent.iterdir())) == 4
    assert _kinds(shell) == []


def _rendered(image: Image.Image, folder: Path) -> Rendering:
    """The picture with one small file."""
    return render(
        image,
        PictureRecord("a" * 64, "", "png", "local", "painter"),
        variant_key="b" * 64,
        encoding=Encoding(formats=("jpeg",), widths=(320,), width_px=image.width, height_px=image.height),
        folder=folder,
    )


def test_check_measures_the_shade_behind_the_text_anew(tmp_path: Path) -> None:
    """`check` measures the displayed file, and reports a stored shade that is too weak for it."""
    rendering = _rendered(Image.new("RGB", (320, 180), "white"), tmp_path)
    status = HeroStatus(HeroSpec("index.md"), "cached")
    assert check._is_legible(status, rendering)
    too_weak = Scrim(**{field.name: 45 for field in fields(Scrim)})
    assert not check._is_legible(status, replace(rendering, scrim=too_weak))


def test_check_measures_the_ground_that_pages_show(tmp_path: Path) -> None:
    """`check` passes an image that is blurred behind its text and whose displayed file needs less shade when sharp."""
    image = Image.new("RGB", (640, 360), (130, 130, 130))
    for place in itertools.product(range(0, 640, 4), range(0, 360, 4)):
        image.putpixel(place, (190, 190, 190))
    rendering = _rendered(image, tmp_path)
    with Image.open(rendering.variants[0].path) as shown:
        alone = measure(shown.convert("RGB"), rendering.blur_up, dominant=rendering.dominant)
    assert (rendering.scrim.blur, alone.blur) == (1, 0), "the example is on one side of the limit"

    assert alone.wide > rendering.scrim.wide + 5
    assert check._is_legible(HeroStatus(HeroSpec("index.md"), "cached"), rendering)


def test_check_finds_a_blog_whose_covers_no_reader_would_see(tmp_path: Path) -> None:
    """`check` and builds report a blog template that leaves excerpts, and so the covers, out."""
    Image.new("RGB", (320, 180), "teal").save(_folder(tmp_path / "docs") / "own.jpg")
    site = Site(
        tmp_path,
        {
            "blog/index.md": page("Blog"),
            "blog/posts/a.md": page("A post", "Text.", date=date(2026, 1, 2), hero_image="../../own.jpg"),
        },
        config={"theme": {"name": "material", "font": False, "custom_dir": "own"}},
        plugins=("blog",),
    )
    shell, partials = Shell(site), _folder(tmp_path / "own/partials")
    assert _kinds(shell) == []
    (partials / "post.html").write_text("{{ post.title }}: {{ post.content | striptags }}", encoding="utf-8")
    assert _kinds(shell) == [("own/partials/post.html", "card")]
    assert "leonardo-card" not in site.build(None, "--strict").html("blog/index.html")
    site.configure(None, {"cards": False})
    assert _kinds(shell) == []


@pytest.mark.parametrize(
    ("templates", "is_shown"),
    [
        ({"view": "{% extends 'base' %}", "base": "{{ page.content }}"}, False),
        ({"view": "{% for one in posts %}{{ one.content }}{% endfor %}"}, True),
        ({"view": "{% for one in posts %}{% include 'part' %}{% endfor %}", "part": "{{ one.content }}"}, True),
        ({"view": "{% from 'parts' import card %}", "parts": "{% macro card(p) %}{{ p.content }}{% endmacro %}"}, True),
        ({"view": "{{ posts[0].content | striptags | truncate }}"}, False),
        ({"view": "{% set text = posts[0].content %}{{ text }}"}, True),
        ({"view": "{% for post in posts %}{% include post.meta.part %}{% endfor %}"}, True),
        ({"view": "{% include page.meta.icon %}"}, False),
        ({"view": "{% include 'view' %}"}, False),
        ({"view": "{% include 'nowhere' %}"}, True),
        ({"view": "{% broken"}, True),
    ],
)
def test_template_shows_excerpts_if_any_part_of_it_does(templates: dict[str, str], *, is_shown: bool) -> None:
    """A template counts as showing excerpts if it, an included or an extended one does, or cannot be read."""
    env = Environment(loader=DictLoader(templates))  # noqa: S701 - nothing is rendered
    assert find_templates_without_excerpts(env, "view") == (() if is_shown else tuple(templates))


def test_check_finds_text_that_cannot_be_read(shell: Shell) -> None:
    """`check` reports a shade that is too weak, for generated and own pictures, and for a site's own shade."""
    site = shell.site
    Image.new("RGB", (320, 180), "white").save(site.folder / "docs/own.jpg")
    Image.new("RGB", (320, 180), "black").save(site.folder / "docs/dark.jpg")
    site.write({"own.md": page("Own", hero_image="own.jpg"), "dark.md": page("Dark", hero_image="dark.jpg")})
    assert site.build(shell.services).exit_code == 0
    shell("pin")
    assert _kinds(shell) == []
    bright = [("index.md", "contrast"), ("own.md", "contrast"), ("notes/b.md", "contrast")]

    store = TextStore.open(site.cache / "index", durable=False)
    cache = RenderingCache(site.cache / "variants", store)
    for key in cache.keys():  # noqa: SIM118 - a cache is no mapping
        rendering = cache.load(key)
        assert rendering is not None
        # An older version might have measured it so.
        cache.save(key, replace(rendering, scrim=Scrim(**{field.name: 0 for field in fields(Scrim)})))
    store.close()
    assert _kinds(shell) == bright

    shutil.rmtree(site.cache)
    assert _kinds(shell) == []
    (site.folder / "docs/own.css").write_text(":root { --leonardo-hero-scrim: 0.02 }", encoding="utf-8")
    site.config = {"extra_css": ["own.css"]}
    site.configure(shell.services)
    assert _kinds(shell) == bright
    assert "sets --leonardo-hero-scrim to 0.02 where this image needs 0." in shell("check").out

    site.write({"own.md": page("Own", hero_image="own.jpg", hero_layout="auto")})
    assert site.build(shell.services).exit_code == 0
    assert _kinds(shell) == [bright[0], bright[2]], "auto puts the title above an image that needs a heavy shade"
    shutil.rmtree(site.cache)
    assert _kinds(shell) == [bright[0], bright[2]], "as before the first build"
    Image.new("RGB", (320, 180), (170, 170, 170)).save(site.folder / "docs/own.jpg")
    assert _kinds(shell) == bright, "and on an image that needs a lighter one"


@pytest.mark.parametrize(
    ("text", "alpha"),
    [
        (":root { --leonardo-hero-scrim: .3 }", 0.3),
        ("p { color: red } .leonardo-hero,\n.x { margin: 0; --leonardo-hero-scrim: 30% !important; }", 0.3),
        (":root { --leonardo-hero-scrim: 0.1; } html { --leonardo-hero-scrim: 0.5; }", 0.5),
        ("@media (min-width: 9px) { body { --leonardo-hero-scrim: 0 } }", 0.0),
        (".leonardo-hero{--leonardo-hero-scrim:.2} @media (width){.leonardo-hero{--leonardo-hero-scrim:.9}}", 0.2),
        ("@media (width){.leonardo-hero{--leonardo-hero-scrim:.1}} .leonardo-hero{--leonardo-hero-scrim:.4}", 0.4),
        ("@media (width){.leonardo-hero{--leonardo-hero-scrim:.7}} :root{--leonardo-hero-scrim:.3}", 0.3),
        (".leonardo-hero{--leonardo-hero-scrim:.2} @media screen{.leonardo-hero{--leonardo-hero-scrim:.8}}", 0.8),
        (".leonardo-hero{--leonardo-hero-scrim:.2} @supports (a:b){.leonardo-hero{--leonardo-hero-scrim:.6}}", 0.2),
        ("@layer a{.leonardo-hero{--leonardo-hero-scrim:.8}} :root{--leonardo-hero-scrim:.2}", 0.8),
        ("@media (x){body{--leonardo-hero-scrim:.2} :root{--leonardo-hero-scrim:.8}}", 0.2),
        (".leonardo-hero { --leonardo-hero-scrim: .9 } :root { --leonardo-hero-scrim: .2 }", 0.9),
        (":root { --leonardo-hero-scrim: var(--mine) }", None),
        (":root { --leonardo-hero-scrim: 0.1; --leonardo-hero-color: #000 }", None),
        ("/* :root { --leonardo-hero-scrim: 0 } */ .leonardo-hero--full { --leonardo-hero-scrim: 0 }", None),
        ("@media print { :root { --leonardo-hero-scrim: 0 } }", None),
        ("", None),
    ],
)
def test_shade_of_a_sites_own_stylesheet_is_known_where_it_holds_for_every_hero(text: str, alpha: float | None) -> None:
    """A site's own shade is the number or percentage that its CSS sets for every hero, None if it sets none."""
    assert find_shade_alpha([text]) == alpha


def test_prune_lists_then_deletes_only_what_no_page_uses(shell: Shell) -> None:
    """`prune` lists unused pictures, deletes them with --yes, and leaves those of drafts, open jobs and the gallery."""
    site = shell.site
    assert site.build(shell.services).exit_code == 0
    assert shell("prune").out == "nothing to delete\n"
    shell("pin", "notes/b.md")
    site.write({"notes/b.md": page("B", hero_prompt="a bog")})
    stray = site.cache / "pictures" / ".0123456789abcdef.jpg.0123.tmp"
    stray.write_bytes(b"left by a killed build")
    two_hours_ago = time.time() - 7200
    os.utime(stray, (two_hours_ago, two_hours_ago))
    half = site.cache / "pictures" / "0123456789abcdef.jpg"
    half.write_bytes(b"perhaps being written just now")

    wrong = page("Wrong", hero_prompt="x", hero_seed="y")
    site.write({"wrong.md": wrong})
    refused = shell("prune", "--yes")
    assert refused.exit_code == 2
    assert "fix it first" in refused.err
    (site.folder / "docs/wrong.md").unlink()

    # The page shows its last hero as long as its new one is missing.
    listed = shell("prune")
    assert listed.exit_code == 0
    assert "stray file .0123456789abcdef.jpg.0123.tmp" in listed.out
    assert "image " not in listed.out.replace("pictures", "")
    assert stray.exists()

    shell("generate", "--yes")
    ran = shell("prune", "--yes")
    assert ran.exit_code == 0
    assert f"of notes/b.md '{MEADOW}'" in ran.out
    assert not stray.exists()
    assert half.exists()
    assert len(list((site.cache / "pictures").glob("*.json"))) == 2
    assert len(list((site.folder / "heroes").glob("*.json"))) == 1

    creates = shell.services.ledger.creates if shell.services else 0
    built = site.build(shell.services)
    assert built.totals["cached"] == 2
    assert "encoded anew" not in built.log
    assert shell.services is not None
    assert shell.services.ledger.creates == creates

    assert "gallery: image" in shell("prune", "--gallery", "--yes").out
    assert list((site.folder / "heroes").iterdir()) == []
    assert _kinds(shell) == []


@pytest.mark.parametrize(("typed", "is_deleted"), [("n\n", False), ("\n", False), ("y\n", True)])
def test_prune_deletes_what_its_user_agrees_to(shell: Shell, typed: str, *, is_deleted: bool) -> None:
    """`prune` deletes nothing without the answer yes."""
    stray = shell.site.cache / "pictures" / ".0123456789abcdef.jpg.0123.tmp"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"left by a killed build")
    os.utime(stray, (0, 0))

    ran = shell.on_terminal("prune", typed=typed)

    assert ran.exit_code == 0
    assert stray.exists() is not is_deleted


def test_prune_without_a_journal_deletes_nothing(shell: Shell) -> None:
    """`prune` refuses to guess what pages use if the journal cannot be opened."""
    site = shell.site
    assert site.build(shell.services).exit_code == 0
    site.write({"notes/b.md": page("B", hero_prompt="a bog")})
    journal = site.cache / "journal"
    shutil.rmtree(journal)
    journal.write_text("no folder", encoding="utf-8")

    ran = shell("prune", "--yes")

    assert ran.exit_code == 2
    assert "what pages use cannot be known without the journal" in ran.err
    assert "make cache_dir writable" in ran.err
    assert "Traceback" not in ran.err
    assert len(list((site.cache / "pictures").glob("*.json"))) == 2


def test_pin_and_prune_tell_programs_what_they_did(shell: Shell) -> None:
    """With `--json`, `pin` and `prune` print nothing but JSON and ask nothing."""
    assert shell.site.build(shell.services).exit_code == 0
    pinned = shell("pin", "--json").json
    assert sorted(pinned["copied"]) == ["index.md", "notes/b.md"]
    assert all((shell.site.folder / file).is_file() for file in pinned["copied"].values())
    assert shell("pin", "--json").json == {"copied": {}, "there": ["index.md", "notes/b.md"], "missing": []}

    (shell.site.folder / "docs/notes/b.md").unlink()
    listed = shell.on_terminal("prune", "--json", typed="y\n")
    assert '"is_deleted": false' in listed.out
    kept = shell("prune", "--json").json
    assert kept["is_deleted"] is False
    files = [Path(file) for one in kept["unused"] for file in one["files"]]
    assert files
    assert all(file.is_file() for file in files)
    assert shell("prune", "--json", "--yes").json == {**kept, "is_deleted": True}
    assert not any(file.exists() for file in files)
