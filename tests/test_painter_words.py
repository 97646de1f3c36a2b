from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.painter.landscape import land_of
from mkdocs_leonardo.painter.stage import set_stage
from mkdocs_leonardo.painter.words import read


def land(prompt: str) -> str:
    """The land painted for a prompt, with a fixed seed."""
    return land_of(set_stage(prompt, "", (64, 40), b"seed"))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a lighthouse in a storm, dawn", "coast"),
        ("pine forest in morning fog", "forest"),
        ("city skyline at night, neon rain", "city"),
        ("desert dunes at golden hour", "desert"),
        ("snowy mountains under stars", "mountains"),
        ("a harbour at dusk", "harbour"),
        ("open ocean, moonlight", "ocean"),
        ("autumn river valley", "river"),
        ("volcano at night", "volcano"),
        ("aurora over a frozen lake", "lake"),
        ("spring meadow, soft light", "meadow"),
        ("ein Leuchtturm im Sturm", "coast"),
        ("Kiefernwald im Nebel", "forest"),
        ("une forêt brumeuse", "forest"),
        ("el océano al atardecer", "ocean"),
        ("a mountain lake", "lake"),
        ("our deployment pipeline", "river"),
        ("moving to Kubernetes", "space"),
    ],
)
def test_land_of_words_name_the_land(prompt: str, expected: str) -> None:
    """The land follows the words, in four languages."""
    assert expected == land(prompt)


def test_read_order_of_the_prompt_is_kept() -> None:
    """The first word of a facet leads."""
    assert read("dusk, then night").time == ("dusk", "night")


@pytest.mark.parametrize("prompt", ["sea without a ship", "sea, no ship", "Meer ohne Schiff", "mer sans bateau"])
def test_read_negated_word_is_left_out(prompt: str) -> None:
    """What the prompt excludes is not read as a wish."""
    assert "ship" not in read(prompt).thing


def test_read_negation_ends_with_the_word_it_excludes() -> None:
    """Only the next known word is excluded."""
    assert read("no ship but a moon").sky == ("moon",)


def test_read_negative_prompt_removes() -> None:
    """A word of the negative prompt is left out of the prompt."""
    assert read("forest, fog", "mist").weather == ()


def test_read_golden_hour_is_an_hour() -> None:
    """Pairs of words are read as one."""
    assert read("a field at golden hour").time == ("golden",)


@pytest.mark.parametrize(("prompt", "season"), [("snowy alps", "winter"), ("herbstwald", "autumn")])
def test_read_season_is_found(prompt: str, season: str) -> None:
    """Seasons are read from adjectives and compounds too."""
    assert season in read(prompt).season


@given(st.text())
def test_read_never_raises(text: str) -> None:
    """Any text can be read."""
    read(text, text)
