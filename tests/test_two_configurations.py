"""Two configurations on one cache: neither deletes or shows the other's pictures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from builds import Site, page
from cli_rig import Ran, Shell
from services import Services

LANGUAGES = {"en": "a harbour in England", "de": "a harbour in Germany"}


class Languages:
    """`mkdocs.en.yml` and `mkdocs.de.yml` beside each other, with a page of the same name in each."""

    def __init__(self, folder: Path, services: Services, docs: str = "docs/{}") -> None:
        self.services = services
        self.site = Site(folder)
        self.shell = Shell(self.site, services)
        config = yaml.safe_load((folder / "mkdocs.yml").read_text("utf-8"))
        (folder / "mkdocs.yml").unlink()
        for language, prompt in LANGUAGES.items():
            docs_dir = docs.format(language)
            text = yaml.safe_dump({**config, "docs_dir": docs_dir, "site_dir": f"site/{language}"})
            (folder / f"mkdocs.{language}.yml").write_text(text, encoding="utf-8")
            self.write(language, prompt)

    def write(self, language: str, prompt: str) -> None:
        """Write the language's only page with this prompt."""
        path = self.site.folder / "docs" / language / "index.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page("Home", hero_prompt=prompt), encoding="utf-8")

    def build(self, language: str, *, has_key: bool = True) -> str:
        """Build, and return the source of the page's hero."""
        services = self.services if has_key else None
        command = [sys.executable, "-m", "mkdocs", "build", "-f", f"mkdocs.{language}.yml"]
        environ = self.site.environ(services)
        subprocess.run(command, cwd=self.site.folder, env=environ, check=True, capture_output=True)
        report = json.loads((self.site.cache / "report.json").read_text("utf-8"))
        return str(report["heroes"][0]["source"])

    def run(self, language: str, *words: str) -> Ran:
        """Run a command with the language's configuration."""
        return self.shell("-f", f"mkdocs.{language}.yml", *words)

    @property
    def pictures(self) -> set[str]:
        """The prompts whose pictures are in the cache."""
        records = (self.site.cache / "pictures").glob("*.json")
        return {json.loads(path.read_text("utf-8"))["request"]["prompt"] for path in records}


@pytest.fixture
def languages(tmp_path: Path, services: Services) -> Languages:
    """Both configurations without a build."""
    return Languages(tmp_path, services)


def test_prune_of_one_keeps_what_the_other_paid_for(languages: Languages) -> None:
    """`prune` with one configuration keeps pictures that the other built, made or pinned."""
    assert languages.build("en") == "generated"
    assert languages.run("de", "generate", "--yes").exit_code == 0
    languages.run("de", "pin")

    assert languages.run("en", "prune", "--gallery", "--yes").out == "nothing to delete\n"
    assert languages.run("en", "check").out == "1 hero, 0 findings\n"
    assert languages.build("de") == "pinned"
    assert languages.services.ledger.creates == 2

    languages.write("en", "another harbour")
    assert languages.build("en") == "generated"
    assert LANGUAGES["en"] in languages.run("en", "prune", "--yes").out
    assert languages.pictures == {"another harbour", LANGUAGES["de"]}

    (languages.site.folder / "mkdocs.de.yml").unlink()
    assert LANGUAGES["de"] in languages.run("en", "prune", "--yes").out
    assert languages.pictures == {"another harbour"}


def test_last_hero_of_one_is_not_shown_by_the_other(languages: Languages) -> None:
    """A page does not show the last hero of the other configuration's page of the same name."""
    assert languages.build("en") == "generated"

    assert languages.build("de", has_key=False) == "local"
    languages.write("en", "another harbour")
    assert languages.build("en", has_key=False) == "last"


def test_cache_of_an_earlier_version_loses_nothing(languages: Languages) -> None:
    """`prune` keeps the pictures of an earlier version, whose records name no configuration."""
    assert languages.build("en") == "generated"
    assert languages.build("de") == "generated"
    for path in (languages.site.cache / "pictures").glob("*.json"):
        record = json.loads(path.read_text("utf-8"))
        del record["site"]
        path.write_text(json.dumps(record), encoding="utf-8")
    shutil.rmtree(languages.site.cache / "journal")

    assert languages.run("en", "prune", "--yes").out == "nothing to delete\n"
    assert languages.pictures == set(LANGUAGES.values())
