"""A site's pages and the state of its heroes, as `zensical build` reads them, without a build of Zensical."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builds import Site, page
from mkdocs.utils.meta import get_data
from test_malformed import SPOILT

from mkdocs_leonardo.commands.terminal import Console
from mkdocs_leonardo.commands.zensical.heroes import prepare_build
from mkdocs_leonardo.commands.zensical.project import ProjectReader, read_pages, read_project
from mkdocs_leonardo.commands.zensical.serve import _is_watched
from mkdocs_leonardo.front_matter import HeroDefaults
from mkdocs_leonardo.host.front_matter_text import find_malformed

SMALL = {"formats": ["jpeg"], "widths": [320], "width": 320, "height": 176}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def read_site(pages: Mapping[str, str], folder: Path) -> ProjectReader:
    """Read the pages of a site with Material's plugin for the metadata of folders."""
    Site(folder, pages, plugins=("meta",)).configure(None)
    return read_pages(read_project(folder / "mkdocs.yml"), HeroDefaults())


def test_each_form_of_yaml_that_asks_for_a_hero_is_read(tmp_path: Path) -> None:
    """A quoted key, an indented key and a mapping in braces ask for a hero, as with MkDocs."""
    forms = ('"hero_prompt": a lake', " hero_prompt: a lake", "{hero_prompt: a lake}")
    read = read_site({f"{n}.md": f"---\n{form}\n---\n# A\n" for n, form in enumerate(forms)}, tmp_path)
    assert [hero.page for hero in read.heroes] == ["0.md", "1.md", "2.md"]
    assert read.problems == []


@pytest.mark.parametrize("key", ["heroPrompt", "Hero_prompt", "hero-prompt"])
def test_misspelt_key_gets_its_spelling(key: str, tmp_path: Path) -> None:
    """A misspelt key is one warning with the right spelling, also in a folder's metadata."""
    line = f"{key}: a lake\n"
    read = read_site({"a.md": f"---\n{line}---\n# A\n", "b/.meta.yml": line, "b/b.md": "# B\n"}, tmp_path)
    fix = f"{key} is not a known key; did you mean hero_prompt?"
    assert [str(each) for each in read.problems] == [f"a.md: {fix}", f"b/b.md: {fix}"]


def test_value_with_a_wrong_tag_is_one_warning(tmp_path: Path) -> None:
    """A value that YAML's tag cannot convert costs its page the hero, and not the command."""
    read = read_site({"a.md": '---\nhero_prompt: a lake\nx: !!int ""\n---\n# A\n'}, tmp_path)
    assert read.heroes == []
    assert len(read.problems) == 1


def test_server_watches_folders_metadata_and_no_files_of_editors() -> None:
    """The server watches pages, images and the metadata of folders, and neither hidden folders nor editors' files."""
    watched = ("a.md", "blog/.meta.yml", "images/Own.JPG", "b.webp")
    others = (".obsidian/workspace.yml", ".a.md.swp", "#a.md#", ".#a.md", "font.woff2")
    assert [name for name in (*watched, *others) if _is_watched(f"{os.sep}{name}")] == [*watched]


def test_malformed_front_matter_is_reported_as_with_mkdocs(tmp_path: Path) -> None:
    """Malformed front matter is a page without a hero, and the one warning that a build of MkDocs gives."""
    # Zensical reads front matter that ends with the file.
    texts = {f"{case}.md": text for case, (text, _) in sorted(SPOILT.items()) if case != "end of the file"}
    read = read_site(texts, tmp_path)
    assert read.heroes == []
    by_mkdocs = {name: str(find_malformed(get_data(text)[0], name)) for name, text in texts.items()}
    assert sorted(map(str, read.problems)) == sorted(by_mkdocs.values())
    assert sorted(read.pages) == sorted(texts)


def test_page_that_asks_for_no_hero_has_no_problem(tmp_path: Path) -> None:
    """A page without keys of the plugin is no problem, though its front matter is wrong or its text speaks of them."""
    texts = {
        "example.md": "---\ntitle: A\n---\n\n```yaml\n---\nhero_prompt: a lake\n---\n```\n",
        "wrong.md": "---\ntitle: My hero: a story\n---\n# A\n",
    }
    read = read_site(texts, tmp_path)
    assert (read.heroes, read.problems, read.pages) == ([], [], list(texts))


@pytest.mark.parametrize(("text", "place"), [("a: 1\nb: {\n\n", " at line 4"), ("- a\n", "")])
def test_wrong_metadata_of_a_folder_is_reported(text: str, place: str, tmp_path: Path) -> None:
    """Metadata of a folder that is no YAML mapping is one warning with the line of the mistake."""
    read = read_site({".meta.yml": text, "a.md": "# A\n", "b.md": "# B\n"}, tmp_path)
    (problem,) = map(str, read.problems)
    assert problem.startswith(f".meta.yml: the metadata is no YAML mapping{place} and is not read; ")


def count_read(site: Site, now: datetime, capsys: pytest.CaptureFixture[str]) -> int:
    """The number of heroes for which a build at this time reads the pages; 0 if the state of the last build serves."""
    capsys.readouterr()
    with prepare_build(read_project(site.folder / "mkdocs.yml"), Console(verbose=False), yes=False, now=now):
        found = re.search(r"(\d+) hero", capsys.readouterr().err)
    return int(found[1]) if found else 0


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site without a key, whose heroes are settled from the first build on."""
    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    pages = {
        "index.md": page("Home", hero_prompt="a lake"),
        "blog/posts/time.md": page("Time", date=NOON + timedelta(hours=2), hero_prompt="a pier"),
        "blog/posts/day.md": page("Day", date=(NOON + timedelta(days=1)).date(), hero_prompt="a sea"),
    }
    site = Site(tmp_path, pages, options=SMALL, plugins=({"blog": {"draft_if_future_date": True}},))
    site.configure(None)
    return site


def test_state_ends_when_the_next_post_is_published(settled: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A build reads the pages again from the time or the day that a post waited for."""
    read = {hour: count_read(settled, NOON + timedelta(hours=hour), capsys) for hour in (0, 1, 2, 3, 11, 12, 13)}
    assert read == {0: 1, 1: 0, 2: 2, 3: 0, 11: 0, 12: 3, 13: 0}


def test_state_ends_with_an_installed_package(
    settled: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a package was installed or upgraded, as Pillow or a provider's, a build reads the pages again."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    assert [count_read(settled, NOON, capsys) for _ in range(2)] == [1, 0]
    (packages / "pillow-99.dist-info").mkdir()
    assert [count_read(settled, NOON, capsys) for _ in range(2)] == [1, 0]
