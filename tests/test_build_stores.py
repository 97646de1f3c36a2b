"""Read-only, full, locked, broken and missing caches and galleries in whole builds: every page keeps its hero."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from builds import Built, Site, page
from services import Picture, Services, shows

PROMPT = "a lighthouse in a storm, dawn"
QUICK: dict[str, object] = {
    "formats": ["jpeg"],
    "social": False,
    "leonardo": {"render_estimate": 0.2, "requests_per_minute": 100_000},
}
#: Where paid pictures and their records lie in the cache.
PICTURES = "pictures"


def site_of(folder: Path, prompt: str = PROMPT, **options: object) -> Site:
    """A site with one hero, and a temporary folder of its own."""
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    return Site(folder, {"index.md": page("Home", hero_prompt=prompt)}, {**QUICK, **options})


def build(site: Site, services: Services, *arguments: str, keys: bool = True, **options: object) -> Built:
    """Build the site with its own temporary folder; `keys=False` leaves the API keys out."""
    environ = {"TMPDIR": str(site.folder / "tmp")}
    if not keys:
        environ |= {"LEONARDO_API_KEY": "", "OPENAI_API_KEY": ""}
    return site.build(services, *arguments, options=options, environ=environ)


def privately(site: Site, services: Services, mounts: str, *arguments: str) -> Built:
    """Build the site in a mount namespace; `mounts` is a shell script in which $CACHE is the cache folder."""
    site.cache.mkdir(parents=True, exist_ok=True)
    site.configure(services)
    try:
        found = subprocess.run(
            ["unshare", "-rm", "sh", "-ec", f'{mounts}; exec "$@"', "sh", *site.command(*arguments)],
            check=False,
            cwd=site.folder,
            env={**site.environ(services), "CACHE": str(site.cache), "TMPDIR": str(site.folder / "tmp")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if re.search(r"^(unshare|mount): ", found.stdout, re.MULTILINE):
        pytest.skip(f"no private mounts here: {found.stdout.splitlines()[0]}")
    return Built(found.returncode, found.stdout, site.folder)


READ_ONLY = 'mount --bind "$CACHE" "$CACHE"; mount -o remount,ro,bind "$CACHE"'


def provider_of(built: Built) -> str:
    """The provider of the page's hero; asserts that its file is in the site and the log has no traceback."""
    assert built.exit_code == 0, built.log
    assert not built.has_traceback, built.log
    html = built.html("index.html")
    (name,) = re.findall(r'src="[^"]*assets/leonardo/([^"]+\.jpg)"', html)
    (provider,) = re.findall(r'<header class="leonardo-hero[^>]*data-provider="([^"]*)"', html)
    data = built.asset(str(name))
    assert provider == "local" or shows(data, PROMPT)
    return str(provider)


def pair(site: Site) -> tuple[Path, Path]:
    """The one picture of the cache and its record."""
    (record,) = (site.cache / PICTURES).glob("*.json")
    (picture,) = (site.cache / PICTURES).glob("*.jpg")
    return picture, record


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


# Folders that cannot be written --------------------------------------------------------------------------------------


def test_file_in_place_of_the_cache_pays_nothing_and_paints(tmp_path: Path, services: Services) -> None:
    """With a file in the place of the cache folder, nothing is paid for, and one warning names the placeholder."""
    site = site_of(tmp_path)
    site.cache.parent.mkdir(parents=True)
    site.cache.write_text("in the way")

    built = build(site, services)

    assert provider_of(built) == "local"
    assert services.ledger.creates == 0
    (warning,) = built.warnings
    assert "index.md" in warning
    assert "cache_dir" in warning


def test_read_only_cache_shows_what_it_holds(tmp_path: Path, services: Services) -> None:
    """A read-only cache shows its pictures without a warning or a request, also under `--strict`."""
    site = site_of(tmp_path)
    build(site, services)
    requests = len(services.ledger.requests)

    built = privately(site, services, READ_ONLY, "--strict")

    assert provider_of(built) == "leonardo"
    assert built.warnings == []
    assert len(services.ledger.requests) == requests


def test_read_only_cache_pays_for_nothing_new(tmp_path: Path, services: Services) -> None:
    """With a read-only cache, a new prompt buys nothing, and the page shows what it may, with a warning."""
    site = site_of(tmp_path, "something else")
    build(site, services)
    site.write({"index.md": page("Home", hero_prompt=PROMPT)})

    built = privately(site, services, READ_ONLY)

    assert provider_of(built) == "local"
    assert services.ledger.creates == 1
    (warning,) = built.warnings
    assert "cache_dir" in warning


@pytest.mark.parametrize("size_kib", [16, 120, 400])
def test_full_cache_costs_no_page_its_hero_and_nothing_twice(tmp_path: Path, services: Services, size_kib: int) -> None:
    """A disk that is full at any step leaves the page its hero, paid for at most once and kept."""
    services.leonardo.on_download(Picture(scale=3.0))
    site = site_of(tmp_path)

    built = privately(site, services, f'mount -t tmpfs -o size={size_kib}k tmpfs "$CACHE"')

    provider = provider_of(built)
    assert services.ledger.creates == services.ledger.paid_jobs <= 1
    assert provider == ("leonardo" if services.ledger.paid_jobs else "local")
    assert built.warnings
    after = build(site, services)
    assert provider_of(after) == "leonardo"
    assert services.ledger.creates == 1
    assert after.warnings == []


def test_cache_deleted_during_the_build_costs_nothing_twice(tmp_path: Path, services: Services) -> None:
    """A picture whose cache folder is deleted while it renders is shown, kept and paid for once."""
    services.leonardo.render_s = 4.0  # longer than a lease goes without a beat
    site = site_of(tmp_path)
    (tmp_path / "hook.py").write_text(
        "import json, shutil, time, urllib.request\n"
        "def on_page_content(html, **_):\n"
        "    while True:\n"
        f"        with urllib.request.urlopen('{services.urls['control']}/__control__/ledger') as answer:\n"
        "            if json.load(answer)['totals']['paid_jobs']:\n"
        "                break\n"
        "        time.sleep(0.02)\n"
        f"    shutil.rmtree({str(site.cache)!r})\n"
        "    print('DELETED')\n"
    )
    site.config = {"hooks": ["hook.py"]}

    built = build(site, services)

    assert "DELETED" in built.log
    assert provider_of(built) == "leonardo"
    site.config = {}
    assert build(site, services).totals["cached"] == 1
    assert services.ledger.creates == 1


# Databases -----------------------------------------------------------------------------------------------------------


def fill_with_text(path: Path) -> None:
    """Replace the file by text."""
    path.write_bytes(b"not a database " * 300)


def truncate(path: Path) -> None:
    """Cut the file in half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def fill_with_pickles(path: Path) -> None:
    """Make every value a pickle that leaves a file behind when it is read."""
    bomb = b"cos\nsystem\n(S'touch " + str(path.parent.parent / "OWNED").encode() + b"'\ntR."
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE Cache SET mode = 4, value = ?", (bomb,))


def delete(path: Path) -> None:
    """Delete the file."""
    path.unlink()


@pytest.mark.parametrize("damage", [fill_with_text, truncate, fill_with_pickles, delete])
def test_broken_databases_cost_no_picture(tmp_path: Path, services: Services, damage: Callable[[Path], None]) -> None:
    """With both databases broken, the hero is shown, no code runs, and no request is sent."""
    site = site_of(tmp_path)
    build(site, services)
    requests = len(services.ledger.requests)
    for name in ("journal", "index"):
        for companion in ("-wal", "-shm"):
            (site.cache / name / f"cache.db{companion}").unlink(missing_ok=True)
        damage(site.cache / name / "cache.db")

    built = build(site, services, "--strict")

    assert provider_of(built) == "leonardo"
    assert built.sources == {"index.md": "cached"}
    assert len(services.ledger.requests) == requests
    assert not (site.cache / "OWNED").exists()
    if damage in {fill_with_text, truncate}:
        assert "set aside" in built.log


def test_locked_databases_cost_no_picture_and_pay_for_none(tmp_path: Path, services: Services) -> None:
    """With both databases locked, cached pictures are shown, and missing ones wait for the next build."""
    site = site_of(tmp_path)
    build(site, services)
    site.write({"new.md": page("New", hero_prompt="something new")})
    with (
        closing(sqlite3.connect(site.cache / "journal/cache.db", isolation_level=None)) as journal,
        closing(sqlite3.connect(site.cache / "index/cache.db", isolation_level=None)) as index,
    ):
        journal.execute("BEGIN EXCLUSIVE")
        index.execute("BEGIN EXCLUSIVE")

        built = build(site, services)

    assert provider_of(built) == "leonardo"
    assert built.sources == {"index.md": "cached", "new.md": "local"}
    assert services.ledger.creates == 1
    (warning,) = built.warnings
    assert warning.startswith("new.md: ")


# Pictures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(flip, "is not the image that was stored"), (Path.unlink, "")],
    ids=["a changed byte", "gone"],
)
def test_picture_that_is_damaged_or_gone_is_fetched_again_free_of_charge(
    tmp_path: Path, services: Services, spoil: Callable[[Path], None], message: str
) -> None:
    """A damaged or deleted picture is fetched again by its job without a submission, and damage is reported."""
    site = site_of(tmp_path)
    build(site, services)
    spoil(pair(site)[0])

    built = build(site, services, "--strict")

    assert provider_of(built) == "leonardo"
    assert built.sources == {"index.md": "resumed"}
    assert services.ledger.creates == 1
    assert message in built.log
    assert build(site, services).sources == {"index.md": "cached"}


def test_record_with_a_changed_byte_is_reported_and_its_picture_not_bought_again(
    tmp_path: Path, services: Services
) -> None:
    """A damaged record is a warning; its picture is neither shown nor bought again."""
    site = site_of(tmp_path)
    build(site, services)
    record = pair(site)[1]
    record.write_text(record.read_text().replace('"digest": "', '"digest": "Z', 1))

    built = build(site, services)

    assert provider_of(built) == "local"
    (warning,) = built.warnings
    assert "digest is not what was stored; it is not paid for again while that file is there" in warning
    assert services.ledger.creates == 1


def test_pair_of_another_key_is_not_shown(tmp_path: Path, services: Services) -> None:
    """A pair that was renamed to another picture's key is not shown."""
    site = site_of(tmp_path, "an evil image")
    build(site, services)
    evil, evil_record = pair(site)
    site.write({"index.md": page("Home", hero_prompt=PROMPT)})
    good = json.loads((build(site, services).folder / ".cache/plugin/leonardo/report.json").read_text())["heroes"][0]
    shutil.copy(evil, evil.with_name(f"{good['key']}.jpg"))
    shutil.copy(evil_record, evil_record.with_name(f"{good['key']}.json"))

    built = build(site, services)

    assert provider_of(built) == "local"
    assert "belongs to another key" in built.log


def test_variant_with_a_changed_byte_is_made_again_from_the_picture(tmp_path: Path, services: Services) -> None:
    """A damaged encoded file is made again from the paid picture without a request."""
    site = site_of(tmp_path)
    build(site, services)
    requests = len(services.ledger.requests)
    before = {path: path.read_bytes() for path in (site.cache / "variants").glob("*.jpg")}
    for path, data in before.items():
        path.unlink()  # the site may hold a link to it
        path.write_bytes(data)
        flip(path)

    built = build(site, services, "--strict")

    assert provider_of(built) == "leonardo"
    assert {path: path.read_bytes() for path in before} == before
    assert {built.asset(name) for name in built.pictures() if name.endswith(".jpg")} == set(before.values())
    assert len(services.ledger.requests) == requests


# The gallery ---------------------------------------------------------------------------------------------------------


def pinned(tmp_path: Path, services: Services) -> Site:
    """A site whose hero is in the gallery and nowhere else."""
    site = site_of(tmp_path)
    build(site, services)
    gallery = tmp_path / "heroes"
    gallery.mkdir()
    for file in pair(site):
        shutil.copy(file, gallery)
    shutil.rmtree(site.cache)
    return site


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_gallery_needs_no_key_and_no_cache_and_builds_the_same_bytes_twice(tmp_path: Path, services: Services) -> None:
    """Pinned heroes need no request, pass `--strict`, and give the same bytes in two builds from nothing."""
    site = pinned(tmp_path, services)
    requests = len(services.ledger.requests)
    trees = []
    for _ in range(2):
        built = site.build(
            None,
            "--strict",
            options={"generate": False},
            environ={"SOURCE_DATE_EPOCH": "1760000000", "TMPDIR": str(tmp_path / "tmp")},
        )
        assert provider_of(built) == "leonardo"
        assert built.sources == {"index.md": "pinned"}
        trees.append(tree(built.site))
        shutil.rmtree(site.cache)

    assert trees[0] == trees[1]
    assert len(services.ledger.requests) == requests


def test_gallery_picture_with_a_changed_byte_is_reported_and_not_shown(tmp_path: Path, services: Services) -> None:
    """A damaged gallery picture is named in the log, and the page shows a placeholder."""
    site = pinned(tmp_path, services)
    flip(next((tmp_path / "heroes").glob("*.jpg")))

    built = build(site, services, keys=False, generate=False)

    assert provider_of(built) == "local"
    assert "heroes/" in built.log
    assert "is not the image that was stored" in built.log
    assert len(built.warnings) == 1
