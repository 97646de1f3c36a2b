"""The cache of a site that Zensical builds: out of reach of `zensical build --clean`."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from kill_harness import entries, records, states
from services import Services
from zensical_rig import EXTENSIONS, PUBLISH, build

from mkdocs_leonardo.spec import PictureRecord, Submission, digest_of
from mkdocs_leonardo.storage.cache_move import move_cache
from mkdocs_leonardo.storage.entries import Entry
from mkdocs_leonardo.storage.fallbacks import PrivateFolder, find_rescue_folder
from mkdocs_leonardo.storage.journal import Journal
from mkdocs_leonardo.storage.pictures import PictureFolder
from mkdocs_leonardo.storage.process_leases import Owner
from mkdocs_leonardo.storage.text_store import TextStore

FORMER, CACHE = ".cache/plugin/leonardo", ".leonardo/cache"
SMALL = {"formats": ["jpeg"], "widths": [320], "width": 320, "height": 176}
PAGES = {"index.md": page("Home", hero_prompt="a lighthouse"), "two.md": page("Two", hero_prompt="a desert")}
PROJECT = """
[project]
site_name = "A site"
[project.plugins.leonardo]
formats = ["jpeg"]
widths = [320]
width = 320
height = 176
"""


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of MkDocs with two heroes that a build has bought."""
    folder = tmp_path_factory.mktemp("bought")
    with Services() as services:
        services.leonardo.render_s = 0.05
        site = Site(folder, PAGES, options=SMALL, config={"theme": EXTENSIONS["theme"]})
        assert len(pictures(site.build(services).folder / FORMER)) == 2
    return folder


@pytest.fixture
def shell(bought: Path, tmp_path: Path, services: Services) -> Shell:
    """A copy of that site; the ledger has its further purchases."""
    services.leonardo.render_s = 0.05
    shutil.copytree(bought, tmp_path, dirs_exist_ok=True)
    return Shell(Site(tmp_path, {}, options=SMALL, config={"theme": EXTENSIONS["theme"]}), services)


def note(cache: Path, key: str, *, job_id: str = "", lease: bool = False) -> None:
    """Note an open job of `key` in the journal of a cache: accepted under `job_id`, or only intended."""
    store = TextStore.open(cache / "journal", durable=True)
    journal = Journal(store, Owner.of_this_process(), time.time)
    if lease:
        journal.acquire_lease(key)
    journal.record_call(Entry(key, "leonardo", "m", "gone.md", calls=()), estimate_usd=0.1)
    if job_id:
        journal.accept(key, Submission("leonardo", "m", job_id, time.time()))
    store.close()


def list_extension(shell: Shell) -> None:
    """Let Zensical build the site from now on."""
    shell.site.config = EXTENSIONS
    shell.site.configure(shell.services)


def pictures(folder: Path) -> list[str]:
    """The keys of the pictures in a cache, each read and checked."""
    return [record.key for record in records(folder)]


def test_clean_build_of_zensical_leaves_every_paid_picture(shell: Shell, services: Services) -> None:
    """`zensical build --clean` leaves the pictures that MkDocs and the publishing command bought."""
    before = pictures(shell.site.folder / FORMER)
    assert shell(*PUBLISH).exit_code == 0
    list_extension(shell)
    (shell.site.folder / "docs/two.md").write_text(page("Two", hero_prompt="an oasis"), encoding="utf-8")
    assert shell(*PUBLISH).exit_code == 0

    built = build(shell.site, "--clean")

    assert built.exit_code == 0
    assert not (shell.site.folder / FORMER).exists()
    assert set(before) < set(pictures(shell.site.folder / CACHE))
    assert shell.site.build(services, "--strict").totals["cached"] == 2
    assert services.ledger.creates == 1


@pytest.mark.parametrize("how", ["extension", "zensical.toml", "moved before"])
def test_site_of_zensical_adopts_what_mkdocs_has_bought(how: str, shell: Shell) -> None:
    """Pictures and open jobs move to the new cache, which MkDocs alone finds, too, and Git ignores."""
    folder = shell.site.folder
    note(folder / FORMER, "f" * 64)
    before = pictures(folder / FORMER)
    if how == "zensical.toml":
        (folder / "zensical.toml").write_text(PROJECT, encoding="utf-8")
    elif how == "extension":
        list_extension(shell)
    else:
        (folder / CACHE).mkdir(parents=True)

    status = shell("status", "--json").json

    assert status["totals"]["cached"] == 2
    assert pictures(folder / CACHE) == before
    assert states(folder / CACHE) == ["intended"]
    assert (folder / ".leonardo/.gitignore").read_text() == "*\n"


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"CI": ""}], ids=str)
def test_move_in_ci_is_a_warning_for_the_recipe(environ: dict[str, str], shell: Shell) -> None:
    """A move in CI is a warning, since a recipe with the old folder would buy pictures again in each run."""
    list_extension(shell)
    ran = shell("status", environ=environ)
    assert ("let your CI carry the new folder" in ran.err) == bool(environ["CI"])


@pytest.mark.parametrize("obstacle", ["file", "lease"])
def test_cache_that_cannot_be_moved_is_used_where_it_is(obstacle: str, shell: Shell) -> None:
    """A cache that cannot be moved, or in which a build is buying, is used in its old place."""
    list_extension(shell)
    if obstacle == "file":
        (shell.site.folder / ".leonardo").write_text("in the way")
    else:
        note(shell.site.folder / FORMER, "e" * 64, lease=True)
    ran = shell("-v", "status", "--json")
    assert ran.json["totals"]["cached"] == 2
    assert "the cache stays where it is in this run" in ran.err
    assert len(pictures(shell.site.folder / FORMER)) == 2


def test_nothing_is_bought_while_a_part_of_the_cache_cannot_be_moved(shell: Shell, services: Services) -> None:
    """The commands buy nothing while jobs in the old place cannot be read."""
    list_extension(shell)
    (shell.site.folder / CACHE / "pictures").mkdir(parents=True)
    former = shell.site.folder / FORMER
    (former / "journal").rename(former / "elsewhere")
    (former / "journal").symlink_to("elsewhere")
    shutil.rmtree(former / "pictures")
    built = shell.site.build(services)
    assert services.ledger.creates == 0
    assert "nothing is bought until its content can be moved" in built.log


def test_configured_cache_below_the_folder_that_zensical_removes_is_reported(tmp_path: Path) -> None:
    """`status`, `doctor` and publishing report a `cache_dir` below `.cache` with the fix, unless MkDocs builds."""
    options = {**SMALL, "cache_dir": ".cache/heroes"}
    shell = Shell(Site(tmp_path, {"index.md": page()}, options=options, config={"theme": EXTENSIONS["theme"]}))
    told = "is in the folder that `zensical build --clean` removes"
    assert told not in shell("status").err
    assert told in shell(*PUBLISH).err
    # The state that the wrapper leaves.
    (tmp_path / ".leonardo/zensical").mkdir(parents=True)
    assert told in shell("status").err
    shutil.rmtree(tmp_path / ".leonardo")
    list_extension(shell)
    assert told in str(shell("status", "--json").json["problems"])
    assert told in shell("doctor").out
    assert not (tmp_path / ".leonardo").exists()
    shell.site.options = {**SMALL, "cache_dir": "heroes-cache"}
    shell.site.configure(None)
    assert told not in shell("status").err


# Moving by itself ----------------------------------------------------------------------------------------------------


def keep(cache: Path, digit: str, data: bytes) -> PictureRecord:
    """Store a picture whose key consists of `digit`."""
    record = PictureRecord(key=digit * 64, digest=digest_of(data), extension="png", provider="leonardo", model="m")
    PictureFolder(cache / "pictures").save(record, data)
    return record


def two_caches(folder: Path) -> tuple[Path, Path]:
    """An old and a new cache with different pictures and jobs, one of each in both, and a damaged pair."""
    former, cache = folder / FORMER, folder / CACHE
    for digit in "0123":
        keep(former, digit, f"former {digit}".encode())
    keep(cache, "3", b"new 3")
    keep(cache, "4", b"new 4")
    (former / f"pictures/{'2' * 16}.png").write_bytes(b"damaged")
    note(former, "a" * 64, job_id="job-a")
    note(former, "b" * 64, job_id="job-b")
    note(cache, "b" * 64)
    note(cache, "c" * 64, job_id="job-c")
    (former / "takes").mkdir()
    return former, cache


def assert_everything_is_there(former: Path, cache: Path) -> None:
    """Assert that the new cache has each picture and job of `two_caches`, and the damaged pair unchanged."""
    folder = PictureFolder(cache / "pictures")
    found = {record.key[0]: record for record in folder.read_records()}
    assert set(found) == set("01234")
    for digit, data in {"0": b"former 0", "1": b"former 1", "3": b"new 3", "4": b"new 4"}.items():
        assert folder.read(found[digit]) == data
    assert (cache / f"pictures/{'2' * 16}.png").read_bytes() == b"damaged"
    assert {key[0]: [call.job_id for call in entry.accepted] for key, entry in entries(cache).items()} == {
        "a": ["job-a"],
        "b": ["job-b"],
        "c": ["job-c"],
    }
    assert (cache / "takes").is_dir()
    assert not list(former.glob("*"))


def test_adopt_merges_where_both_places_have_something(tmp_path: Path) -> None:
    """A move into a cache with pictures loses nothing of either and replaces nothing in the new one."""
    former, cache = two_caches(tmp_path)
    assert move_cache(former, cache)
    assert_everything_is_there(former, cache)
    assert not move_cache(former, cache)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process is killed by its own child's hook")
def test_adopt_killed_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    """A process that dies before any change of a file during the move loses nothing."""
    two_caches(tmp_path / "model")
    step = status = 1
    while status:
        folder = shutil.copytree(tmp_path / "model", tmp_path / str(step))
        former, cache = folder / FORMER, folder / CACHE
        child = os.fork()
        if child == 0:
            left = step

            def count(event: str, _: tuple[object, ...]) -> None:
                nonlocal left
                left -= event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}
                if left == 0:
                    os._exit(9)

            sys.addaudithook(count)
            move_cache(former, cache)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        move_cache(former, cache)
        assert_everything_is_there(former, cache)
        step += 1
    assert step > 10


def test_adopt_follows_a_link_without_moving_what_it_leads_to(tmp_path: Path) -> None:
    """The move of a linked cache leaves the files in their place, and the new cache links there."""
    keep(tmp_path / "volume", "0", b"picture")
    former, cache = tmp_path / FORMER, tmp_path / CACHE
    former.parent.mkdir(parents=True)
    former.symlink_to("../../volume")
    assert move_cache(former, cache)
    assert pictures(cache) == ["0" * 64]
    assert not os.path.lexists(former)
    assert (tmp_path / "volume/pictures").is_dir()


def test_adopt_brings_pictures_that_the_old_place_did_not_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The move brings along pictures that a full disk sent to the temporary folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    former, cache = tmp_path / FORMER, tmp_path / CACHE
    data = b"picture"
    record = PictureRecord(key="0" * 64, digest=digest_of(data), extension="png", provider="leonardo", model="m")
    PrivateFolder(find_rescue_folder(former)).save(record, data)
    assert move_cache(former, cache)
    assert pictures(cache) == [record.key]
