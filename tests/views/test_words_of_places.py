"""A view at a place, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.types import Box
from originid.views.words import FULL, NEARLY_ALL, WHOLE, described, is_place, part_in_words

TABLE: dict[Box, str] = {
    WHOLE: "",
    (0.05, 0.05, 1, 1): "",
    (0.0, 0.0, NEARLY_ALL, NEARLY_ALL): "",
    (0, 0, 0.5, 1): "left",
    (0.5, 0, 1, 1): "right",
    (0, 0, 1, 0.5): "upper",
    (0, 0.5, 1, 1): "lower",
    (0, 0, 0.5, 0.5): "upper left",
    (0.5, 0, 1, 0.5): "upper right",
    (0, 0.5, 0.5, 1): "lower left",
    (0.5, 0.5, 1, 1): "lower right",
    (0.25, 0.25, 0.75, 0.75): "middle",
    (0.2, 0, 0.8, 1): "middle",
    (0, 0.2, 1, 0.8): "middle",
    (0.2, 0, 0.8, 0.5): "upper",
    (0, 0.2, 0.5, 0.8): "left",
    (0.0, 0.0, 0.85, 1.0): "middle",  # its middle is at 0.425
    (0.0, 0.0, 0.82, 1.0): "left",
    (0.18, 0.0, 1.0, 1.0): "right",
    (0.3, 0.3, 0.3, 0.3): "upper left",  # nothing at all is somewhere too
}


@pytest.mark.parametrize(("box", "name"), TABLE.items())
def test_a_table_of_parts(box: Box, name: str) -> None:
    expected = f"as the {name} part of the reference" if name else ""
    assert part_in_words(box) == expected
    assert described(FULL, box) == (expected or FULL)
    assert described("mirrored", box) == (f"mirrored, {expected}" if expected else "mirrored")


SIDES = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(across=SIDES, down=SIDES)
def test_every_part_is_known_again(across: list[float], down: list[float]) -> None:
    box = (across[0], down[0], across[1], down[1])
    words = part_in_words(box)
    assert is_place(words) == (words != "")
    *views, last = described("block 1 of the picture, mirrored", box).split(", ")
    assert is_place(last) == is_place(words)
    assert not any(map(is_place, views[:2]))


@given(across=SIDES, down=SIDES)
def test_turned_around_the_words_are_turned_around(across: list[float], down: list[float]) -> None:
    swapped = {"left": "right", "right": "left", "upper": "lower", "lower": "upper"}
    box = (across[0], down[0], across[1], down[1])
    turned = (1 - across[1], 1 - down[1], 1 - across[0], 1 - down[0])
    # What is on a bound may fall to either side when it is turned.
    spans = [(low + high) / 2 for low, high in (across, down)]
    near = [abs(at - bound) < 1e-9 for at in spans for bound in (0.42, 0.58)]
    near += [abs(high - low - NEARLY_ALL) < 1e-9 for low, high in (across, down)]
    if not any(near):
        words = [swapped.get(word, word) for word in part_in_words(box).split()]
        assert part_in_words(turned).split() == words


@pytest.mark.parametrize("words", ["", FULL, "mirrored", "turned by a half", "as the", "reference"])
def test_a_view_is_no_place(words: str) -> None:
    assert not is_place(words)
