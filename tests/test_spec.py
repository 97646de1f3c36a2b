"""The keys of paid pictures: equal requests share one, and nothing else changes it."""

import unicodedata
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from mkdocs_leonardo.picture_rules import STYLES
from mkdocs_leonardo.spec import SEED_LIMIT, PictureSpec, canonical_json, create_call_seed, generation_key, variant_key


def test_generation_key_is_frozen() -> None:
    """The keys are those of earlier versions, so that their pictures are found."""
    picture = PictureSpec(prompt="a lighthouse in a storm, dawn")

    key = generation_key("leonardo", "phoenix", picture, {"alchemy": True, "contrast": 3.5})

    assert key == "50d963aadec4b20025d9c06c1f60e995ccbb8823a2e54e74f6c0c1fed6fedc02"


def test_seeds_of_create_calls_are_frozen_and_all_different() -> None:
    """The seeds of create calls are those of earlier versions and differ from each other."""
    seeds = [create_call_seed(f"{key:064x}", number) for key in range(40) for number in range(1, 6)]

    assert create_call_seed("5" * 64, 1) == 1_455_220_238
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < SEED_LIMIT for seed in seeds)


@given(st.text(min_size=1), st.sampled_from(["NFC", "NFD"]))
def test_generation_key_ignores_normal_form_and_white_space(prompt: str, form: Literal["NFC", "NFD"]) -> None:
    """Unicode's normal forms and white space in a prompt do not change the key."""
    typed = unicodedata.normalize(form, f"  {prompt}\n")

    assert generation_key("p", "m", PictureSpec(prompt), {}) == generation_key("p", "m", PictureSpec(typed), {})


@given(st.sampled_from(STYLES), st.one_of(st.none(), st.integers(0, 9_999_999_998)))
def test_generation_key_moves_with_style_and_seed(style: str, seed: int | None) -> None:
    """Another style or seed gives another key."""
    plain = generation_key("p", "m", PictureSpec("x", style="CINEMATIC"), {})
    other = generation_key("p", "m", PictureSpec("x", style=style, seed=seed), {})

    assert (plain == other) == (style == "CINEMATIC" and seed is None)


def test_generation_key_moves_with_everything_that_changes_pixels() -> None:
    """Another provider, model, text, size or provider's option gives another key."""
    base = PictureSpec("x")
    keys = {
        generation_key("p", "m", base, {}),
        generation_key("q", "m", base, {}),
        generation_key("p", "n", base, {}),
        generation_key("p", "m", base, {"alchemy": False}),
        generation_key("p", "m", PictureSpec("y"), {}),
        generation_key("p", "m", PictureSpec("x", negative_prompt="people"), {}),
        generation_key("p", "m", PictureSpec("x", width_px=1024), {}),
        generation_key("p", "m", PictureSpec("x", height_px=512), {}),
    }

    assert len(keys) == 8


def test_twenty_three_styles_are_every_provider_s() -> None:
    """Every provider has 23 styles, those of the main job first."""
    assert len(set(STYLES)) == 23
    assert STYLES[:3] == ("CINEMATIC", "CREATIVE", "DYNAMIC")


def test_canonical_json_is_one_text_for_equal_values() -> None:
    """Equal values give the same canonical JSON in any order of names."""
    assert canonical_json({"b": 1, "a": "é"}) == canonical_json({"a": "e\u0301", "b": 1})


def test_variant_key_is_not_a_generation_key() -> None:
    """Another encoder setting gives another variant key, which is no generation key."""
    assert variant_key("d" * 64, {"widths": [480]}) != variant_key("d" * 64, {"widths": [480, 768]})
