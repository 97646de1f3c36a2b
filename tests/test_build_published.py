"""The published files of the last build: the next one keeps right ones and removes the rest."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from builds import Built, Site, page

ASIDE = ".mkdocs-leonardo"
FOLDER = "assets/leonardo"
#: The painter is quicker with small pictures.
SMALL = {"width": 512, "height": 288}
#: What a build of the site does when it has come to the moment that the environment names.
HOOKS = """
import os, signal

def on_nav(nav, config, files):
    act("nav")

def on_post_page(output, page, config):
    act("page")

def act(moment):
    if os.environ.get("FAIL_AT") == moment:
        raise RuntimeError("the hook fails")
    if os.environ.get("DIE_AT") == moment:
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("INTERRUPT_AT") == moment:
        os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Two pages with placeholders."""
    pages = {"index.md": page("Home", hero_prompt="a lighthouse"), "other.md": page("Other", hero_prompt="a harbour")}
    (tmp_path / "hooks.py").write_text(HOOKS, encoding="utf-8")
    return Site(tmp_path, pages=pages, options=SMALL, config={"hooks": ["hooks.py"]})


def link_times(built: Built) -> dict[str, int]:
    """The time of each picture's last link change, in nanoseconds."""
    folder = built.site / FOLDER
    return {path.name: path.stat().st_ctime_ns for path in folder.iterdir() if path.suffix != ".css"}


def contents(built: Built) -> dict[str, bytes]:
    """Every file of the site by its path, without the time of the build."""
    files = (path for path in built.site.rglob("*") if path.is_file() and "sitemap" not in path.name)
    return {
        path.relative_to(built.site).as_posix(): re.sub(rb"Build Date UTC : .*", b"", path.read_bytes())
        for path in files
    }


def test_second_build_neither_removes_nor_links_a_picture_anew(site: Site) -> None:
    """A second build of an unchanged site touches no link, and every byte is the same."""
    first = site.build(None, "--strict")
    before, linked = contents(first), link_times(first)

    second = site.build(None, "--strict")

    assert second.exit_code == 0, second.log
    assert contents(second) == before
    assert link_times(second) == linked
    assert not (second.site / ASIDE).exists()


def test_disk_without_links_has_copies_in_the_site(site: Site) -> None:
    """On a disk without hard links, such as exFAT, each build copies the pictures."""
    refusal = "def refuse(*_):\n    raise OSError(95, 'Operation not supported')\n"
    hooks = (site.folder / "hooks.py").read_text(encoding="utf-8")
    (site.folder / "hooks.py").write_text(f"import os\n{refusal}os.link = refuse\n{hooks}", encoding="utf-8")

    for _ in range(2):
        built = site.build(None, "--strict")

        assert built.exit_code == 0, built.log
        variants = {path.stat().st_ino: path.read_bytes() for path in (site.cache / "variants").iterdir()}
        pictures = [path for path in (built.site / FOLDER).iterdir() if path.suffix != ".css"]
        assert sorted(path.read_bytes() for path in pictures) == sorted(variants.values())
        assert not {path.stat().st_ino for path in pictures} & {*variants}


def test_picture_that_no_page_shows_any_more_is_gone(site: Site) -> None:
    """A build removes pictures that no page shows any more, with strange files and folders among them."""
    first = site.build()
    folder = first.site / FOLDER
    (folder / "stranger.txt").write_text("left by somebody", encoding="utf-8")
    (folder / "sub").mkdir()
    (folder / "sub/file.txt").write_text("the same", encoding="utf-8")
    linked = link_times(first)
    site.write({"other.md": page("Other")})

    second = site.build(None, "--strict")

    assert second.exit_code == 0, second.log
    remaining = link_times(second)
    assert remaining
    assert len(remaining) < len(linked) - 1
    assert all(linked[name] == when for name, when in remaining.items())
    site.write({"index.md": page("Home")})
    assert not (site.build().site / FOLDER).exists()


def test_file_that_was_replaced_in_the_site_is_ours_again(site: Site) -> None:
    """A picture that another tool replaced in the site is restored by the next build, and the cache is unchanged."""
    first = site.build()
    before = contents(first)
    name = next(name for name in first.pictures() if name.endswith(".webp"))
    path = first.site / FOLDER / name
    path.unlink()
    path.write_bytes(b"smaller")

    second = site.build(None, "--strict")

    assert second.exit_code == 0, second.log
    assert contents(second) == before


def test_file_of_the_author_in_the_same_folder_stays(site: Site) -> None:
    """An author's file at the plugin's path in the documentation is published by every build."""
    site.write({f"{FOLDER}/mine.txt": "the author's"})
    site.build()

    second = site.build(None, "--strict")

    assert second.exit_code == 0, second.log
    assert second.asset("mine.txt") == b"the author's"
    assert len(second.pictures()) > 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["nav", "page"])
def test_killed_build_leaves_nothing_that_the_next_one_does_not_clear(site: Site, moment: str) -> None:
    """After a build that was killed anywhere, the next one makes the usual site."""
    first = site.build()
    before, linked = contents(first), link_times(first)
    killed = site.build(None, environ={"DIE_AT": moment})
    assert killed.exit_code == -signal.SIGKILL
    assert (first.site / ASIDE).exists() == (moment == "nav"), "nothing was aside, so this test tests nothing"

    second = site.build(None, "--strict")

    assert second.exit_code == 0, second.log
    assert contents(second) == before
    assert link_times(second) == linked
    assert not (second.site / ASIDE).exists()


@pytest.mark.parametrize("moment", ["nav", "page"])
@pytest.mark.parametrize("how", ["FAIL_AT", "INTERRUPT_AT"])
def test_build_that_fails_leaves_nothing_aside(site: Site, moment: str, how: str) -> None:
    """A build that ends with an exception or Ctrl-C leaves no hidden folder in the site."""
    first = site.build()
    before = contents(first)

    failed = site.build(None, environ={how: moment})

    assert failed.exit_code != 0, failed.log
    assert not (failed.site / ASIDE).exists()
    assert contents(site.build()) == before


def test_what_a_killed_build_left_aside_goes_when_the_plugin_is_switched_off(site: Site) -> None:
    """A build with `enabled: false` removes the hidden folder of a killed build."""
    first = site.build()
    (first.site / FOLDER).rename(first.site / ASIDE)

    off = site.build(None, options={"enabled": False})

    assert off.exit_code == 0, off.log
    assert not (off.site / ASIDE).exists()
    assert not (off.site / FOLDER).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links to folders need a privilege")
def test_folder_elsewhere_that_the_site_links_to_is_left_alone(site: Site, tmp_path: Path) -> None:
    """A build removes nothing behind a symbolic link."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.txt").write_text("not ours", encoding="utf-8")
    for place in (FOLDER, ASIDE):
        link = tmp_path / "site" / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(elsewhere, target_is_directory=True)

    built = site.build(None, "--strict")

    assert built.exit_code == 0, built.log
    assert [path.name for path in elsewhere.iterdir()] == ["precious.txt"]
    assert built.pictures()
    assert not (built.site / FOLDER).is_symlink()
    assert not os.path.lexists(built.site / ASIDE)
