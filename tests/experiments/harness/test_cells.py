"""From what a judgement gives to cells of a table."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.experiments.harness.cells import (
    accuracy_gain,
    interval,
    learned_map,
    overall,
    round1,
    seen_unseen,
)
from originid.experiments.harness.context import short_name
from originid.types import Json

JUDGED: Json = {
    "mAP": 61.234,
    "acc": 58.05,
    "ci95": {"acc": [50.0, 66.66]},
    "projected": {"acc": None},
    "by": {"training": {"seen": {"mAP": 70.04, "acc": 66.66}}},
    "fit_seconds": 1.25,
}


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, None), (0.0, 0.0), (-0.04, 0.0), (99.96, 100.0), (12.34, 12.3), (-3.16, -3.2)],
)
def test_one_decimal(value: float | None, cell: float | None) -> None:
    assert round1(value) == cell
    assert str(round1(value)) != "-0.0"


def test_what_is_not_known_is_no_cell() -> None:
    assert interval([None, None]) is None
    assert interval([1.0, None]) is None
    assert interval([1.04, 22.26]) == "[1.0, 22.3]"
    assert overall(JUDGED) == (61.2, 58.0, "[50.0, 66.7]", None)
    assert seen_unseen(JUDGED) == (70.0, 66.7, None, None)
    assert learned_map(JUDGED) == (70.0, 66.7, None, None, None, 1.2)


def gain_of(ours: dict[str, float], other: dict[str, float]) -> tuple[float, float, float]:
    text = accuracy_gain({"acc_of_group": ours}, {"acc_of_group": other}, 0)
    found = re.fullmatch(r"([+-][\d.]+) \[([+-][\d.]+), ([+-][\d.]+)\]", str(text))
    assert found, text
    gain, low, high = map(float, found.groups())
    return gain, low, high


def test_nothing_is_gained_over_oneself() -> None:
    same = {"a": 1.0, "b": 0.0, "c": 0.5}
    assert gain_of(same, same) == (0.0, 0.0, 0.0)


def test_only_shared_groups_count() -> None:
    assert gain_of({"a": 1.0, "x": 0.0}, {"a": 0.5, "y": 1.0}) == (50.0, 50.0, 50.0)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdefghijklm"), st.tuples(st.floats(0, 1), st.floats(0, 1)),
                    min_size=1, max_size=9)
)  # fmt: skip
def test_a_gain_turned_around_is_a_loss(groups: dict[str, tuple[float, float]]) -> None:
    ours = {name: one for name, (one, _) in groups.items()}
    other = {name: two for name, (_, two) in groups.items()}
    gain, low, high = gain_of(ours, other)
    loss, lowest, highest = gain_of(other, ours)
    mean = 100 * np.mean([one - two for one, two in groups.values()])
    assert gain == pytest.approx(mean, abs=0.051)
    assert loss == pytest.approx(-gain, abs=0.11)
    assert low <= gain + 0.11
    assert gain <= high + 0.11
    assert lowest == pytest.approx(-high, abs=0.11)
    assert highest == pytest.approx(-low, abs=0.11)


@pytest.mark.parametrize(
    ("source", "name"),
    [("/a/b/taesd", "taesd"), ("/a/b/taesd/", "taesd"), ("owner/name", "name"), ("x", "x")],
)
def test_the_label_of_a_source(source: str, name: str) -> None:
    assert short_name(source) == name
