from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from mkdocs_leonardo.imaging.contrast import encode_blur_up, find_dominant_colour, measure
from mkdocs_leonardo.painter.abstract import FAMILIES, family_of
from mkdocs_leonardo.painter.picture import asked_of, paint
from mkdocs_leonardo.painter.stage import set_stage
from mkdocs_leonardo.painter.words import land_of, read, table
from mkdocs_leonardo.picture_rules import STYLES
from mkdocs_leonardo.spec import PictureSpec

SMALL = (256, 144)
PROMPTS = (
    "a lighthouse in a storm, dawn",
    "pine forest in morning fog",
    "city skyline at night, neon rain",
    "desert dunes at golden hour",
    "snowy mountains under stars",
    "how we cut our build time in half",
)
#: Prompts as the pages of a technical documentation have them.
TECHNICAL = (
    "getting started",
    "configuration reference",
    "deploying with Docker",
    "PostgreSQL query planner explained",
    "GraphQL versus REST",
    "async Rust in production",
    "caching at the edge",
    "feature flags without pain",
    "testing strategies for plugins",
    "release notes for version 2.4",
    "release notes for version 2.5",
    "command line reference",
)
#: Lists of 60 prompts as blogs and documentation write them, in several languages.
SIXTIES = [
    text.splitlines() for text in Path(__file__).with_name("painter_prompts.txt").read_text("utf-8").split("\n\n")
]
#: Painting one picture of each in another process, to compare with this one.
ELSEWHERE = """
import hashlib
from mkdocs_leonardo.painter.picture import paint
from mkdocs_leonardo.spec import PictureSpec
for style in ("CINEMATIC", "CREATIVE", "DYNAMIC", "RAY_TRACED"):
    image = paint(PictureSpec("a harbour at dusk", style=style, width_px=256, height_px=144))
    print(hashlib.sha256(image.tobytes()).hexdigest())
"""


def small(prompt: str, style: str = "CINEMATIC", *, negative_prompt: str = "", seed: int | None = None) -> Image.Image:
    """A picture that is quick to paint."""
    return paint(PictureSpec(prompt, style, negative_prompt, seed, *SMALL))


def difference(first: Image.Image, second: Image.Image) -> float:
    """Mean difference of two pictures in levels (0 to 255)."""
    bands = ImageStat.Stat(ImageChops.difference(first, second)).mean
    return sum(bands) / len(bands)


def digest(image: Image.Image) -> str:
    """A name for exactly these pixels."""
    return hashlib.sha256(image.tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("width_px", "height_px"),
    [(1536, 864), (32, 32), (32, 480), (480, 32), (64, 40), (512, 512), (432, 768), (1024, 8)],
)
def test_paint_any_size_gives_rgb_of_exactly_that_size(width_px: int, height_px: int) -> None:
    """A picture has the requested size to the pixel and the mode RGB."""
    image = paint(PictureSpec("a lighthouse in a storm, dawn", width_px=width_px, height_px=height_px))
    assert ((width_px, height_px), "RGB") == (image.size, image.mode)


@pytest.mark.parametrize("style", STYLES)
def test_paint_every_style_at_the_smallest_size_works(style: str) -> None:
    """Every style paints at the smallest size."""
    assert paint(PictureSpec("a harbour at dusk", style=style, width_px=32, height_px=32)).size == (32, 32)


@pytest.mark.parametrize("hash_seed", ["1", "4711"])
def test_paint_in_another_process_gives_the_same_pixels(hash_seed: str) -> None:
    """A picture does not depend on the process or on Python's hash seed."""
    here = [digest(small("a harbour at dusk", style)) for style in ("CINEMATIC", "CREATIVE", "DYNAMIC", "RAY_TRACED")]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert here == done.stdout.split()


def test_paint_in_two_threads_gives_what_one_gives() -> None:
    """Painting in several threads gives the same pixels as in one."""
    alone = [digest(small(prompt)) for prompt in PROMPTS]
    together: dict[tuple[int, str], str] = {}

    def work(worker: int) -> None:
        for prompt in PROMPTS if worker else reversed(PROMPTS):
            together[worker, prompt] = digest(small(prompt))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in range(2):
        assert alone == [together[worker, prompt] for prompt in PROMPTS]


@pytest.mark.parametrize("style", ["CINEMATIC", "CREATIVE", "DYNAMIC"])
def test_paint_different_prompts_look_different(style: str) -> None:
    """Two prompts give clearly different pictures."""
    images = [small(prompt, style) for prompt in PROMPTS]
    assert min(difference(one, other) for one, other in combinations(images, 2)) > 12


def test_paint_prompts_without_known_words_look_different() -> None:
    """Two prompts without a known word give different pictures."""
    images = [small(f"qqzx {number}") for number in range(6)]
    assert min(difference(one, other) for one, other in combinations(images, 2)) > 8


@pytest.mark.parametrize("prompt", ["a harbour at dusk", "snowy mountains at sunset"])
def test_paint_every_style_has_a_look_of_its_own(prompt: str) -> None:
    """Two styles give different pictures of one prompt."""
    images = {style: small(prompt, style) for style in STYLES}
    close = {
        (one, other): round(difference(images[one], images[other]), 1)
        for one, other in combinations(STYLES, 2)
        if difference(images[one], images[other]) < 4
    }
    assert close == {}


@pytest.mark.parametrize("style", ["CINEMATIC", "CREATIVE", "DYNAMIC"])
def test_paint_pages_of_one_site_never_look_the_same(style: str) -> None:
    """Twelve technical prompts without a landscape give twelve different pictures."""
    images = [small(prompt, style) for prompt in TECHNICAL]
    assert min(difference(one, other) for one, other in combinations(images, 2)) > 8


@pytest.mark.parametrize("prompts", SIXTIES, ids=lambda prompts: prompts[0])
def test_families_of_sixty_prompts_repeat_at_most_six_times(prompts: list[str]) -> None:
    """A composition, abstract or a scene, occurs at most six times among 60 prompts of one blog."""
    asked = [asked_of(PictureSpec(prompt)) for prompt in prompts]
    shown = Counter(land_of(said) or family_of(said, seed) for said, seed in asked)
    assert len(prompts) == 60
    assert max(shown.values()) <= 6


def test_families_of_one_subject_are_akin() -> None:
    """Prompts about one subject share compositions, and two subjects have different ones."""

    def shown(word: str) -> set[str]:
        return {family_of(*asked_of(PictureSpec(f"{word} {number}"))) for number in range(200)}

    food, network = shown("recipe"), shown("kubernetes")
    assert len(food) < len(FAMILIES) / 2
    assert food.isdisjoint(network) or len(food & network) <= 2


def test_families_of_kin_are_all_painted() -> None:
    """Every composition of a subject or material exists, and every subject has its own."""
    kin, lexicon = table("families")["kin"], table("lexicon")
    assert {name for names in kin.values() for name in names.split()} <= set(FAMILIES)
    assert kin.keys() == lexicon["material"].keys() | lexicon["subject"].keys()


def test_families_are_at_least_ten_and_differ_from_each_other() -> None:
    """Every composition gives another picture with the same seed and colours."""
    stage = set_stage(read(""), (256, 144), bytes(32), 0.0)
    images = [family(stage) for family in FAMILIES.values()]
    assert len(images) >= 10
    assert min(difference(one, other) for one, other in combinations(images, 2)) > 8


@pytest.mark.parametrize("style", ["PRO_BW_PHOTOGRAPHY", "SKETCH_BW"])
def test_paint_black_and_white_styles_have_no_colour(style: str) -> None:
    """All three bands of a monochrome style are equal."""
    red, green, blue = small("autumn river valley", style).split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()


def test_paint_unknown_style_is_cinematic() -> None:
    """An unknown style is painted as CINEMATIC."""
    assert digest(small("a harbour at dusk")) == digest(small("a harbour at dusk", "STYLE_OF_NEXT_YEAR"))


def test_paint_another_seed_is_another_picture() -> None:
    """Another seed gives another picture."""
    assert difference(small("a harbour at dusk"), small("a harbour at dusk", seed=7)) > 5


def test_paint_seed_zero_differs_from_no_seed() -> None:
    """The seed 0 gives another picture than no seed."""
    assert digest(small("a harbour at dusk")) != digest(small("a harbour at dusk", seed=0))


def test_paint_white_space_in_the_prompt_changes_nothing() -> None:
    """White space in a prompt changes no pixel."""
    assert digest(small("a harbour at dusk")) == digest(small("  a harbour\n  at   dusk "))


def test_paint_negative_prompt_takes_the_moon_away() -> None:
    """An object in the negative prompt is not painted."""
    spot_with, spot_without = small("sea, night, moon"), small("sea, night, moon", negative_prompt="moon")
    assert difference(spot_with, spot_without) > 1


def test_paint_night_is_darker_than_day() -> None:
    """Night is painted darker than day."""
    night, day = (ImageStat.Stat(small(f"mountains, {hour}").convert("L")).mean[0] for hour in ("night", "noon"))
    assert night < day * 0.6


@pytest.mark.parametrize(("word", "band"), [("red", 0), ("green", 1), ("blue", 2)])
def test_paint_colour_word_leads_the_palette(word: str, band: int) -> None:
    """A colour in the prompt is the strongest band of the picture."""
    means = ImageStat.Stat(small(f"{word} mountains at dusk")).mean
    assert band == means.index(max(means))


@pytest.mark.parametrize(("word", "band"), [("red", 0), ("green", 1), ("blue", 2)])
def test_paint_colour_word_leads_an_abstract_picture(word: str, band: int) -> None:
    """A colour in a prompt without a scene leads the abstract picture."""
    means = ImageStat.Stat(small(f"{word} thoughts")).mean
    assert band == means.index(max(means))


def test_paint_abstract_night_is_darker_than_noon() -> None:
    """An abstract night is darker than an abstract noon."""
    night, noon = (ImageStat.Stat(small(f"reading at {hour}").convert("L")).mean[0] for hour in ("night", "noon"))
    assert night < noon


@pytest.mark.parametrize("style", ["CINEMATIC", "CREATIVE", "DYNAMIC"])
@pytest.mark.parametrize(
    "prompt",
    [
        *PROMPTS,
        "spring meadow, soft light",
        "coast of Portugal with cliffs at golden hour",
        *TECHNICAL[:4],
        *SIXTIES[0][::15],
    ],
)
def test_paint_carries_a_white_title(prompt: str, style: str) -> None:
    """A short white title reaches 4.5:1 (WCAG 2.2, 1.4.3) under a shade of at most 35 %, on phones and on desktops."""
    image = paint(PictureSpec(prompt, style, width_px=768, height_px=432))
    scrim = measure(image, encode_blur_up(image), dominant=find_dominant_colour(image))
    assert max(scrim.narrow, scrim.wide) <= 35


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "   ",
        "\x00\x01\x1b[31m",
        "🚀🌋🏔️",
        "منارة في عاصفة عند الفجر",
        "夜の海の灯台",
        "\ud800 lone surrogate",
        "e\u0301" * 5000,
        "lighthouse " * 10_000,
        "\ufb00 \xdf \u0130 \u0131 \u017f",
    ],
)
def test_paint_strange_prompts_give_a_picture(prompt: str) -> None:
    """Empty, long and strange texts give a picture."""
    assert paint(PictureSpec(prompt, negative_prompt=prompt, width_px=64, height_px=40)).size == (64, 40)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prompt=st.text(max_size=200),
    negative_prompt=st.text(max_size=40),
    style=st.sampled_from(STYLES),
    seed=st.none() | st.integers(),
    width_px=st.integers(4, 24),
    height_px=st.integers(4, 24),
)
def test_paint_never_raises(
    prompt: str, negative_prompt: str, style: str, seed: int | None, width_px: int, height_px: int
) -> None:
    """Any text, style, seed and size gives a picture of that size."""
    picture = PictureSpec(prompt, style, negative_prompt, seed, width_px * 8, height_px * 8)
    assert (width_px * 8, height_px * 8) == paint(picture).size


def test_paint_does_not_grow_the_random_state_of_the_program() -> None:
    """Painting neither reads nor changes the shared random generator."""
    import random

    before = random.getstate()
    small("a harbour at dusk")
    assert before == random.getstate()
