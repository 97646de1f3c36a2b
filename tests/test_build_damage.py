"""Damaged stored pictures in whole builds: a warning with the fix, and no second purchase."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from PIL import Image
from services import Services

#: OpenAI keeps no pictures, so that nothing can be fetched again.
QUICK: dict[str, object] = {"formats": ["jpeg"], "social": False, "providers": ["openai"]}


def be_a_pointer(picture: Path, _record: Path) -> None:
    """Replace the picture by its Git LFS pointer."""
    picture.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 5\n", encoding="utf-8")


def recompress(picture: Path, _record: Path) -> None:
    """Recompress the picture, as a bot does."""
    image = Image.open(io.BytesIO(picture.read_bytes())).convert("RGB")
    image.save(picture, "JPEG", quality=40)


def conflict(_picture: Path, record: Path) -> None:
    """Put conflict markers of two branches into the record."""
    text = record.read_text(encoding="utf-8")
    record.write_text(f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n", encoding="utf-8")


def lose_the_record(_picture: Path, record: Path) -> None:
    """Delete the record of the pair."""
    record.unlink()


def lead_out(picture: Path, _record: Path) -> None:
    """Replace the picture by a link to a file outside the repository."""
    outside = picture.parents[2] / "outside.jpg"
    outside.write_bytes(picture.read_bytes())
    picture.unlink()
    picture.symlink_to(outside)


@pytest.fixture
def site(tmp_path: Path, services: Services) -> Site:
    """A site in a repository of its own, with its picture in the gallery, without a cache."""
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    site = Site(folder, {"a.md": page("A", hero_prompt="<a>")}, QUICK)
    site.build(services)
    assert Shell(site, services)("pin").exit_code == 0
    for path in (site.cache / "pictures").iterdir():
        path.unlink()
    return site


def pair(site: Site) -> tuple[Path, Path]:
    """The gallery's picture and its record."""
    (record,) = (site.folder / "heroes").glob("*.json")
    (picture,) = (path for path in (site.folder / "heroes").iterdir() if path != record)
    return picture, record


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (be_a_pointer, "is a Git LFS pointer; run git lfs pull"),
        (recompress, "is not the image that was stored"),
        (conflict, "has the marks of a merge conflict"),
        (lose_the_record, ".json beside it; it is not paid for again"),
        (lead_out, "is a symbolic link that leads out of the repository"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damaged_picture_is_a_warning_and_is_not_bought_again(
    site: Site, services: Services, damage: Callable[[Path, Path], None], words: str
) -> None:
    """A damaged picture is a warning with page, file and fix; no build or command buys it again."""
    picture, record = pair(site)
    damage(picture, record)

    built = site.build(services)

    (warning,) = built.warnings
    assert warning.startswith("a.md: shows a placeholder painted on this machine: ")
    assert picture.stem in warning
    assert words in warning
    assert services.ledger.creates == 1
    ran = Shell(site, services)("generate", "--yes")
    assert words in ran.err
    assert services.ledger.creates == 1
    told = Shell(site, services).pages()["a.md"]
    assert (told["state"], told["estimate_usd"]) == ("damaged", 0)
    assert words in told["problem"]
    picture.unlink(missing_ok=True)
    record.unlink(missing_ok=True)
    assert site.build(services).sources == {"a.md": "generated"}


def test_commands_agree_that_half_a_picture_in_the_cache_is_damaged(tmp_path: Path, services: Services) -> None:
    """Every command names the file and the fix of a damaged picture, and none prices or buys it."""
    site = Site(tmp_path, {"a.md": page("A", hero_prompt="<a>")}, QUICK)
    site.build(services)
    (record,) = (site.cache / "pictures").glob("*.json")
    record.unlink()
    shell, words = Shell(site, services), f"has no {record.name} beside it; it is not paid for again while that file is"

    ran = shell("status")

    assert ran.out.splitlines()[-1] == "1 hero: 1 damaged"
    assert "$" not in ran.out
    assert words in ran.err
    checked = shell("check")
    assert "a.md: damaged: " in checked.out
    assert words in checked.out
    assert words in shell("pin").err
    dry = shell("generate", "--dry-run", "--json")
    assert (dry.json["buy"], dry.json["cannot_be_made"]) == ([], 1)
    assert words in dry.err
    assert shell("prune", "--yes").exit_code == 0
    assert any((site.cache / "pictures").glob(f"{record.stem}.*"))
    assert services.ledger.creates == 1


@pytest.mark.parametrize("kind", ["link", "link in a copy without .git", "byte order mark"])
def test_picture_that_is_only_unusual_is_shown(site: Site, services: Services, kind: str) -> None:
    """The page shows a picture behind a link inside the repository, or with a byte order mark in its record."""
    picture, record = pair(site)
    if kind.startswith("link"):
        if kind != "link":
            (site.folder / ".git").rmdir()
        moved = site.folder / "shared.jpg"
        picture.rename(moved)
        picture.symlink_to(Path("..") / "shared.jpg")
    else:
        record.write_bytes(b"\xef\xbb\xbf" + record.read_bytes())

    built = site.build(services, "--strict")

    assert (built.exit_code, built.sources) == (0, {"a.md": "pinned"})
    assert services.ledger.creates == 1


def test_damaged_picture_is_a_warning_though_the_cache_has_it(tmp_path: Path, services: Services) -> None:
    """A damaged gallery picture is a warning on the page's line, even if the cache has the picture."""
    site = Site(tmp_path, {"a.md": page("A", tags="x", hero_prompt="<a>")}, QUICK)
    site.build(services)
    assert Shell(site, services)("pin").exit_code == 0
    be_a_pointer(*pair(site))

    built = site.build(services, environ={"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path)})

    assert built.sources == {"a.md": "cached"}
    (warning,) = built.warnings
    assert warning.startswith("a.md: ")
    assert "run git lfs pull" in warning
    assert "::warning file=docs/a.md,line=3,title=leonardo::" in built.log
