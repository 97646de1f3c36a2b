"""A manipulated cache, such as one restored by CI: the plugin touches no file outside the cache."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from builds import Site, page
from cli_rig import Shell
from services import PromptModerated, Services

from mkdocs_leonardo.spec import CENTER, FocalPoint, focus_suffix, social_name

ESCAPE = "\x1b]0;owned\x07"


@pytest.fixture
def shell(tmp_path: Path, services: Services) -> Shell:
    """A site with one hero that is made."""
    site = Site(tmp_path / "site", {"index.md": page("Home", hero_prompt="a harbour")})
    assert site.build(services).sources == {"index.md": "generated"}
    return Shell(site, services)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Foreign files, some with names like the plugin's, all of them old."""
    folder = tmp_path / "home"
    (folder / "index").mkdir(parents=True)
    names = (
        "notes.txt",
        "old.jpg",
        "0123456789abcdef.jpg",
        "0123456789abcdef-480.jpg",
        ".draft.tmp",
        "index/index.html",
    )
    for name in (*names, ".0123456789abcdef.jpg.0123456789abcdef.tmp"):
        (folder / name).write_text(f"mine: {name}", encoding="utf-8")
        os.utime(folder / name, (0, 0))
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}


def plant(place: Path, target: Path) -> None:
    """Replace a file by a link."""
    if place.is_dir():
        place.rename(place.with_name(f"{place.name}.away"))
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(target)


def test_links_in_the_cache_lead_nowhere(shell: Shell, home: Path) -> None:
    """Builds and commands leave files alone to which links in the cache lead."""
    before, cache = contents(home), shell.site.cache
    for name in ("variants", "takes"):
        plant(cache / name, home)
    for name in ("preview.stamp", "rejected.jsonl", "report.json"):
        plant(cache / name, home / "notes.txt")
    assert shell.services is not None
    shell.services.leonardo.on_create(PromptModerated())
    shell.site.write({"new.md": page("New", hero_prompt="a refused harbour")})

    built = shell.site.build(shell.services)
    generated = shell("generate", "index.md", "--takes", "1", "--yes")
    pruned = shell("prune", "--yes")

    assert built.exit_code == 0, built.log
    assert built.sources == {"index.md": "cached", "new.md": "local"}
    assert generated.exit_code in {1, 2}
    assert pruned.exit_code == 0
    assert contents(home) == before


def test_pictures_behind_a_link_are_neither_used_nor_paid_again(shell: Shell, home: Path) -> None:
    """A link in the place of the pictures' folder is one warning with the fix; nothing is bought meanwhile."""
    before = contents(home)
    plant(shell.site.cache / "pictures", home)
    assert shell.services is not None

    built = shell.site.build(shell.services)
    ran = shell("generate", "--yes")
    pruned = shell("prune", "--yes")

    assert built.exit_code == 0, built.log
    assert built.sources == {"index.md": "local"}
    assert any("pictures: is a symbolic link; put a folder in its place" in line for line in built.warnings)
    assert ran.exit_code == 1
    assert pruned.exit_code in {0, 2}
    assert shell.services.ledger.creates == 1
    assert contents(home) == before


def test_pictures_that_were_moved_behind_a_link_are_not_used(shell: Shell, home: Path) -> None:
    """A picture that was verified before is not used, either, once a link stands in the place of its folder."""
    assert shell.services is not None
    assert shell.site.build(shell.services).sources == {"index.md": "cached"}
    pictures = shell.site.cache / "pictures"
    pictures.rename(home / "moved")
    pictures.symlink_to(home / "moved")

    built = shell.site.build(shell.services)

    assert built.exit_code == 0, built.log
    assert built.sources == {"index.md": "local"}
    assert shell.services.ledger.creates == 1


def test_prune_deletes_only_names_that_it_could_have_written(shell: Shell, home: Path) -> None:
    """`prune` leaves foreign files in the cache's folders, and deletes the rest of a killed build."""
    cache, focus = shell.site.cache, FocalPoint(0.25, 1.0)
    foreign = [
        cache / place / name
        for place in ("pictures", "variants", "takes/index")
        for name in ("notes.txt", "old.jpg", "old-480.jpg", ".draft.tmp", ".notes.txt.0123456789abcdef.tmp")
    ]
    ours = [
        cache / "pictures/.0123456789abcdef.jpg.0123456789abcdef.tmp",
        cache / "variants/0123456789abcdef-480.jpg",
        cache / f"variants/0123456789abcdef{focus_suffix(focus)}-480.jpg",
        cache / "variants" / social_name("0123456789abcdef" * 4, CENTER),
        cache / "variants" / social_name("0123456789abcdef" * 4, focus),
        cache / "variants/.0123456789abcdef-480.webp.01234567.tmp",
        cache / "takes/index/seed-1.jpg",
        cache / "takes/index/.seed-1.jpg.0123456789abcdef.tmp",
        cache / "takes/index/index.html",
    ]
    for path in (*foreign, *ours):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
        os.utime(path, (0, 0))
    (cache / "takes/elsewhere").symlink_to(home)

    assert shell("prune", "--yes").exit_code == 0

    assert [path for path in foreign if not path.exists()] == []
    assert [path for path in ours if path.exists()] == []
    assert (home / "index/index.html").exists()


#: What a record says, and whether the picture beside it is still believed.
RECORDS: Mapping[str, tuple[dict[str, Any], bool]] = {
    "time beyond the calendar": ({"created_at": 9e11}, True),
    "escape in the page": ({"page": ESCAPE}, True),
    "halves in the page": ({"page": "\ud800.md", "job_id": "\udfff", "marks": "\udc00"}, True),
    "halves in the request": ({"request": {"prompt": "\ud800"}}, True),
    "halves in the model": ({"model": "phoenix\ud800"}, False),
    "escape in the provider": ({"provider": f"leonardo{ESCAPE}"}, False),
    "control in the model": ({"model": "phoenix\x9b31m"}, False),
}


def test_records_that_cannot_be_written_again_stop_no_build_and_no_command(tmp_path: Path, services: Services) -> None:
    """A record with strange values stops no build, and its control characters reach no terminal."""
    prompts = {f"p{number}.md": f"harbour {number}" for number in range(len(RECORDS))}
    site = Site(tmp_path, {name: page(name, hero_prompt=text) for name, text in prompts.items()})
    assert site.build(services).totals["generated"] == len(RECORDS)
    for path in (site.cache / "pictures").glob("*.json"):
        record = json.loads(path.read_text("utf-8"))
        change, _ = RECORDS[[*RECORDS][int(record["page"][1:-3])]]
        path.write_text(json.dumps({**record, **change}), encoding="utf-8")
    site.write({name: page(name, hero_prompt=text, hero_focus="left") for name, text in prompts.items()})
    shell = Shell(site, services)

    # Damaged ones are not bought anew where nothing may be spent.
    builds = [site.build(services, options={"max_new_images": 0}) for _ in range(2)]
    ran = [shell(*words) for words in (("status",), ("check", "--json"), ("prune",), ("pin",))]

    for built in builds:
        assert built.exit_code == 0, built.log
        assert not built.has_traceback
        assert "Logging error" not in built.log
    for number, (case, (_, is_believed)) in enumerate(RECORDS.items()):
        assert (builds[-1].sources[f"p{number}.md"] == "cached") is is_believed, case
    for text in (*(built.log for built in builds), *(one.out + one.err for one in ran)):
        assert not {"\x1b", "\x07", "\x9b"} & set(text)
    assert services.ledger.creates == len(RECORDS)


def test_page_and_service_give_a_terminal_no_commands(tmp_path: Path) -> None:
    """An escape sequence in a page's name or a service's answer is printed as its number."""
    pages = {f"{ESCAPE}.md": page("A", hero_prompt="a harbour", hero_style="x"), "b.md": page("B", hero_prompt=7)}
    pages[f"c{ESCAPE}.md"] = page("C", hero_prompt="a hill")
    site = Site(tmp_path, pages)

    built = site.build()
    ran = [Shell(site)(*words) for words in (("status",), ("status", "--json"), ("generate", "--dry-run"), ("check",))]

    assert "\\x1b]0;owned\\x07.md: hero_style is 'x'" in "\n".join(built.warnings)
    for text in ("\n".join(built.warnings), *(one.out + one.err for one in ran)):
        assert not {"\x1b", "\x07"} & set(text)


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "of an earlier version"])
def test_folder_below_the_home_folder_is_meant_as_in_a_shell(tmp_path: Path, is_there: bool) -> None:  # noqa: FBT001 - a column
    """`~/c` is below the user's home folder, unless an earlier version made a folder called `~`."""
    site = Site(tmp_path / "site", {"index.md": page("Home", hero_prompt="a harbour")}, {"cache_dir": "~/c"})
    if is_there:
        (site.folder / "~" / "c").mkdir(parents=True)

    built = site.build(environ={"HOME": str(tmp_path / "home"), "USERPROFILE": str(tmp_path / "home")})

    assert built.exit_code == 0
    assert (site.folder / "~" / "c" / "report.json").exists() is is_there
    assert (tmp_path / "home" / "c" / "report.json").exists() is not is_there
