from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.painter.words import land_of, names_landscape, read


def land(prompt: str) -> str:
    """The scene painted for a prompt; `""` for an abstract picture."""
    return land_of(read(prompt))


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
        ("aurora over a frozen lake", "lake"),
        ("spring meadow, soft light", "meadow"),
        ("a mountain lake", "lake"),
        ("hiking in the mountains of Norway", "mountains"),
        ("a sea of fog", "sky"),
        ("a starry sky", "sky"),
        ("a city by the river at night", "city"),
        # Scenes in other languages.
        ("ein Leuchtturm im Sturm", "coast"),
        ("Kiefernwald im Nebel", "forest"),
        ("der See bei Nacht", "lake"),
        ("une forêt brumeuse", "forest"),
        ("une foret en automne", "forest"),
        ("la mer au coucher du soleil", "ocean"),
        ("el océano al atardecer", "ocean"),
        ("o mar à noite", "ocean"),
        ("il mare di notte", "ocean"),
        ("een bos in de mist", "forest"),
        ("vuurtoren in de storm", "coast"),
        ("latarnia morska nocą w burzy", "coast"),
        ("las o świcie", "forest"),
        ("夜の海の灯台", "coast"),
        ("森の朝", "forest"),
        ("雪山和星空", "mountains"),
        ("les montagnes de Savoie en hiver", "mountains"),
        ("una montaña de noche", "mountains"),
        ("il mare d'inverno", "ocean"),
        ("Berge an der Grenze", "mountains"),
        ("Nebel über dem Meer", "ocean"),
    ],
)
def test_land_of_prompt_that_names_a_scene_is_that_scene(prompt: str, expected: str) -> None:
    """A prompt that names a scene, in ten languages, is painted as that scene."""
    assert expected == land(prompt)
    assert names_landscape(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "how we cut our build time in half",
        "a cat on a sofa",
        "server room",
        "moving to Kubernetes",
        "our deployment pipeline",
        "Bahnhof in München",
        "volcano at night",
        # A word inside another.
        "bowl of ramen on a wooden table",
        "a deserted office",
        "oceanography for beginners",
        # Figures of speech.
        "cloud storage",
        "a data lake",
        "lakehouse architecture",
        "a sea of data",
        "stream processing",
        "a mountain of tickets",
        "reading a forest plot",
        "random forest classifier",
        "git branch",
        "a river of news",
        "Lighthouse scores",
        "Amazon Aurora",
        "five stars",
        "choosing a mountain bike",
        "a sea of red flags",
        "a mountain of paper",
        "the sky is the limit",
        "beach volleyball rules",
        "a lighthouse customer",
        "ein Berg von Arbeit",
        "ein Meer aus Daten",
        "den Wald vor lauter Bäumen sehen",
        "une montagne de linge",
        "un mar de dudas",
        "una montagna di lavoro",
        "een zee van tijd",
        "góra pracy",
        "空のリスト",
        "森さんのインタビュー",
        # Forests of other trees than those that are painted.
        "a bamboo forest",
        "a tropical forest in the rain",
        "floresta tropical",
        # False friends: another word in the language of the prompt.
        "let us see the results",
        "la vida de las abejas",
        "the tag on the pole",
        # Chinese and Japanese words inside longer ones.
        "上海の朝",
        "火山",
        "智慧城市",
    ],
)
def test_land_of_prompt_without_a_scene_is_abstract(prompt: str) -> None:
    """A prompt without a scene, or that only seems to name one, is painted abstractly."""
    assert land(prompt) == ""
    assert not names_landscape(prompt)


def test_names_landscape_negative_prompt_takes_it_away() -> None:
    """A scene in the negative prompt is not painted."""
    assert not names_landscape("a forest", "forest")


def test_read_order_of_the_prompt_is_kept() -> None:
    """The first word of a facet comes first."""
    assert read("dusk, then night").time == ("dusk", "night")


@pytest.mark.parametrize("prompt", ["sea without a boat", "sea, no boat", "Meer ohne Boot", "la mer sans bateau"])
def test_read_negated_word_is_left_out(prompt: str) -> None:
    """A negated word is left out."""
    assert "boat" not in read(prompt).thing
    assert read(prompt).land == ("ocean",)


def test_read_negation_ends_with_the_word_it_excludes() -> None:
    """A negation excludes the next known word and no later one."""
    assert read("no boat but a moon").sky == ("moon",)


def test_read_negative_prompt_removes() -> None:
    """A word of the negative prompt is left out of the prompt."""
    assert read("forest, fog", "mist").weather == ()


def test_read_golden_hour_is_an_hour() -> None:
    """A phrase such as "golden hour" is read as one word."""
    assert read("a meadow at golden hour").time == ("golden",)


def test_read_word_inside_a_phrase_keeps_its_hour() -> None:
    """A starry sky is read as night."""
    assert read("a starry sky").time == ("night",)


@pytest.mark.parametrize(("prompt", "season"), [("snowy alps", "winter"), ("herbstwald", "autumn"), ("été", "summer")])
def test_read_season_is_found(prompt: str, season: str) -> None:
    """Seasons are read from adjectives and compounds, too."""
    assert season in read(f"le la les {prompt}" if prompt == "été" else prompt).season


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("Postgres query planner", "data"),
        ("our team meetup", "people"),
        ("sourdough bread recipe", "food"),
        ("OAuth tokens", "security"),
        ("release notes", "release"),
    ],
)
def test_read_subject_is_found(prompt: str, subject: str) -> None:
    """The subject of a page is read from its words."""
    assert subject in read(prompt).subject


@given(st.text(), st.text())
def test_read_never_raises(prompt: str, negative_prompt: str) -> None:
    """Any text can be read."""
    read(prompt, negative_prompt)
