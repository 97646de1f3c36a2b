"""The tint: a picture's dark colour."""

from __future__ import annotations

import pytest

from mkdocs_leonardo.tint import NEUTRAL, TINTS, find_tint


@pytest.mark.parametrize("place", range(len(TINTS)))
def test_tint_of_a_tint_is_itself(place: int) -> None:
    """Each tint of the table has its own hue."""
    assert find_tint("#{:02x}{:02x}{:02x}".format(*TINTS[place])) == place


@pytest.mark.parametrize(
    ("dominant", "place"),
    [("#ff0000", 1), ("#ffff00", 4), ("#00ff00", 5), ("#0000ff", 9), ("#ff00ff", 11), ("#808080", NEUTRAL)],
)
def test_tint_has_the_hue_of_the_dominant_colour(dominant: str, place: int) -> None:
    """A tint's hue is the dominant colour's in steps of 30 degrees of OKLCH, and a grey picture has none."""
    assert find_tint(dominant) == place
