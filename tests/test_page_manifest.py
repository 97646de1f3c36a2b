"""The manifest beside published pictures: written, read back, and refused if it is strange."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.errors import BrokenEntry
from mkdocs_leonardo.front_matter import LAYOUTS, HeroDefaults
from mkdocs_leonardo.page.manifest import (
    Manifest,
    ShownHero,
    digest_request,
    read_manifest,
    write_manifest,
)
from mkdocs_leonardo.picture_rules import PictureRules
from mkdocs_leonardo.spec import (
    FocalPoint,
    HeroAsset,
    HeroSpec,
    MarkupOptions,
    PictureSpec,
    Reference,
    Rendering,
    Scrim,
    Source,
    Variant,
)

VARIANT = Variant("hero", "jpeg", 480, 270, "0123456789abcdef-480.jpg", Path(), "0123456789abcdef-480.jpg", "", 0)
RENDERING = Rendering(
    (VARIANT, VARIANT._replace(role="social", name="s.jpg", file="s.jpg")),
    "data:",
    "#123456",
    Scrim(30, 40, 50, 30, 40, 50),
    1536,
    864,
)
SHOWN = ShownHero("a" * 16, FocalPoint(0.25, 1.0), HeroAsset("0" * 16, "openai", "", Source.PINNED, RENDERING))
PICTURE = PictureSpec("a lighthouse")


@given(page=st.text(), template=st.text(), layout=st.sampled_from(LAYOUTS), switch=st.booleans())
def test_manifest_comes_back_as_it_was_written(page: str, template: str, layout: str, switch: bool) -> None:  # noqa: FBT001 - drawn by name
    """A manifest with any page name and any option reads back the same."""
    defaults = HeroDefaults(prompt_template=template, layout=layout)  # type: ignore[arg-type]  # one of them
    options = MarkupOptions(cards=switch, social=not switch, credit=switch)
    manifest = Manifest(defaults, options, {page: SHOWN})
    assert read_manifest(write_manifest(manifest)) == manifest


@pytest.mark.parametrize("option", [each.name for each in fields(MarkupOptions)])
def test_manifest_stores_each_option_of_the_html_and_may_lack_it(option: str) -> None:
    """A manifest keeps each option that changes the HTML; without it, as an older version writes, the default holds."""
    default = getattr(MarkupOptions(), option)
    manifest = Manifest(markup=replace(MarkupOptions(), **{option: not default}))
    value = json.loads(write_manifest(manifest))
    assert value.pop(option) is not default
    assert read_manifest(write_manifest(manifest)) == manifest
    assert read_manifest(json.dumps(value).encode()).markup == MarkupOptions()


def test_manifest_with_a_look_and_a_models_rules_says_both() -> None:
    """A manifest keeps the site's look and the model's rules, so that the extension reads front matter alike."""
    rules = PictureRules("lucid-realism", ("FILM", "NONE"), prompt_max=9999, negative_prompt_max=0, seed_max=5)
    defaults = HeroDefaults(PictureSpec("", reference=Reference("0" * 64, "low")), strength="low", rules=rules)

    kept = read_manifest(write_manifest(Manifest(defaults))).defaults
    assert (kept, kept.rules.model) == (defaults, "lucid-realism")
    plain, with_reference = HeroSpec("a.md", PICTURE), HeroSpec("a.md", replace(PICTURE, reference=Reference("0" * 64)))
    assert digest_request(plain) != digest_request(with_reference)


def test_manifest_of_the_same_heroes_has_the_same_bytes_and_a_line_for_each() -> None:
    """The manifest has a line for each hero and the same bytes for any order of pages."""
    one = write_manifest(Manifest(heroes={"a.md": SHOWN, "b.md": SHOWN}))
    assert one == write_manifest(Manifest(heroes={"b.md": SHOWN, "a.md": SHOWN}))
    assert sum(line.startswith((b'"a.md"', b'"b.md"')) for line in one.splitlines()) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"files": []},
        {"files": [["hero", "jpeg", 480, 270, "../../secret.jpg"]]},
        {"files": [["hero", "exe", 480, 270, "a.jpg"]]},
        {"files": [["hero", "jpeg", "wide", 270, "a.jpg"]]},
        {"focus": [1]},
        {"source": "elsewhere"},
        {"scrim": None},
        {"scrim": [30, 40, 50]},
    ],
    ids=str,
)
def test_manifest_with_anything_strange_is_refused(change: dict[str, object]) -> None:
    """A manifest with a name outside the folder or a value of a wrong type is refused."""
    value = json.loads(write_manifest(Manifest(heroes={"a.md": SHOWN})))
    value["heroes"]["a.md"] |= change
    with pytest.raises(BrokenEntry):
        read_manifest(json.dumps(value).encode())


@pytest.mark.parametrize(
    "other",
    [
        HeroSpec("a.md", replace(PICTURE, prompt="a storm")),
        HeroSpec("a.md", replace(PICTURE, seed=1)),
        HeroSpec("a.md", replace(PICTURE, style="BOKEH")),
        HeroSpec("a.md", replace(PICTURE, negative_prompt="people")),
        HeroSpec("a.md", PICTURE, focus=FocalPoint(0, 0.5)),
        HeroSpec("a.md", own_image=Path("a.jpg")),
    ],
)
def test_request_for_another_picture_has_another_digest(other: HeroSpec) -> None:
    """Another digest results from everything that changes the files, and from nothing else."""
    hero = HeroSpec("a.md", PICTURE)
    assert digest_request(other) != digest_request(hero)
    assert digest_request(replace(hero, page="b.md", alt="x", tagline="y", layout="full")) == digest_request(hero)


def test_another_file_of_ones_own_has_another_digest() -> None:
    """Another content of an own picture gives another digest."""
    hero = HeroSpec("a.md", own_image=Path("a.jpg"))
    assert digest_request(hero, "1") != digest_request(hero, "2")


def test_manifest_of_deep_brackets_is_damaged() -> None:
    """A manifest that Python's parser cannot nest is damaged, as any other wrong content is."""
    with pytest.raises(BrokenEntry):
        read_manifest(b"[" * 200_000)
